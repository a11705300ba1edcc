package reporting

import (
	"context"
	"errors"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/usance/usance"
	"github.com/usance/usance/internal/journal"
	"github.com/usance/usance/registry"
)

// errDiverged says that the tables hold what the ledger does not: a store was
// restored from a backup, or is another one.
var errDiverged = errors.New("reporting: the ledger is not the one that was published")

// refresh is one transaction of one tenant.
type refresh struct {
	*Publisher
	tx     pgx.Tx
	tenant usance.TenantID
	head   journal.Head // as it was when the transaction began
	defs   *registry.Definitions
	now    time.Time
	at     stand // how far the tables are, and at the end will be

	all       bool // every daily number is to be read again
	resources bool // resources have changed
	touched   touched
	noted     int             // days in touched
	corrected map[uint64]bool // events to be read as they count now; true: amended
	pending   [][]any         // events to be inserted
}

// refresh brings the tables of a tenant up to its head, or as far as one
// transaction goes. Where another process is at it, nothing is done and the head
// is answered.
func (p *Publisher) refresh(ctx context.Context, tenant usance.TenantID, head journal.Head, now time.Time, anew bool) (stand, error) {
	defs, err := p.Registry.Definitions(ctx, tenant)
	if err != nil {
		return stand{}, err
	}
	if _, err := p.pool.Exec(ctx, `insert into progress (tenant, sequence, chain) values ($1, 0, '') on conflict do nothing`, string(tenant)); err != nil {
		return stand{}, err
	}
	r := &refresh{Publisher: p, tenant: tenant, head: head, defs: defs, now: now, touched: touched{}, corrected: map[uint64]bool{}}
	err = pgx.BeginFunc(ctx, p.pool, func(tx pgx.Tx) error {
		r.tx = tx
		var name string
		at, err := scanStand(tx.QueryRow(ctx, `select tenant, sequence, chain, as_of, due from progress where tenant = $1 for update skip locked`, string(tenant)), &name)
		if errors.Is(err, pgx.ErrNoRows) {
			r.at.sequence = head.Sequence
			return nil
		}
		if err != nil {
			return err
		}
		if anew {
			at = stand{}
		}
		r.at = at
		return r.run(ctx)
	})
	return r.at, err
}

func (r *refresh) run(ctx context.Context) error {
	if r.at.sequence > r.head.Sequence || r.at.sequence == r.head.Sequence && !r.at.asOf.IsZero() && r.at.chain != r.head.Chain {
		return r.diverged()
	}
	if r.at.asOf.IsZero() {
		r.all, r.resources = true, true
		if err := empty(ctx, r.tx, r.tenant); err != nil {
			return err
		}
	}
	if err := r.follow(ctx); err != nil {
		return err
	}
	if err := r.days(ctx); err != nil {
		return err
	}
	until, err := r.quotas(ctx)
	if err != nil {
		return err
	}
	if r.resources {
		if err := r.putResources(ctx); err != nil {
			return err
		}
	}
	return r.end(ctx, until)
}

// diverged is errDiverged, or, where the tables were empty, that the ledger itself
// is broken.
func (r *refresh) diverged() error {
	if r.at.sequence == 0 {
		return &usance.Error{Kind: usance.KindInternal, Err: usance.ErrCorrupt, Detail: "the ledger's blocks do not give the hash chain that its head says"}
	}
	return errDiverged
}

// end saves how far the tables are.
func (r *refresh) end(ctx context.Context, until time.Time) error {
	newest, err := r.Publisher.head(ctx, r.tenant)
	if err != nil {
		return err
	}
	_, midnight := usance.DayWindow.Bounds(r.now, r.defs.Zone)
	if until.Before(midnight) {
		midnight = until
	}
	r.at.asOf, r.at.due = r.now, midnight
	t := r.defs.Tenant
	_, err = r.tx.Exec(ctx, `insert into tenants (tenant, name, timezone, sequence, newest, as_of) values ($1, $2, $3, $4, $5, $6)
		on conflict (tenant) do update set name = excluded.name, timezone = excluded.timezone, sequence = excluded.sequence, newest = excluded.newest, as_of = excluded.as_of`,
		string(r.tenant), clean(t.Name), r.defs.Zone.String(), int64(r.at.sequence), int64(max(newest.Sequence, r.at.sequence)), r.now)
	if err != nil {
		return err
	}
	_, err = r.tx.Exec(ctx, `update progress set sequence = $2, chain = $3, as_of = $4, due = $5 where tenant = $1`,
		string(r.tenant), int64(r.at.sequence), r.at.chain[:], r.at.asOf, r.at.due)
	return err
}

// empty removes all that is published of a tenant but the row that says so.
func empty(ctx context.Context, tx pgx.Tx, tenant usance.TenantID) error {
	for _, table := range []string{"events", "usage_daily", "quotas", "resources"} {
		if _, err := tx.Exec(ctx, `delete from `+table+` where tenant = $1`, string(tenant)); err != nil {
			return err
		}
	}
	return nil
}
