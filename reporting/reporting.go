// Package reporting keeps tables in a PostgreSQL database that people and business
// tools read with SQL: events, daily usage, quotas and resources, typed, one row a
// thing. They are a projection of the ledger: a follower reads the entries behind
// where it stopped, asks the ledger for the numbers that those change, and saves
// them, one transaction a tenant. Nothing of Usance reads the tables, and what is
// lost of them is made anew. docs/sql.md describes them.
package reporting

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/usance/usance"
	"github.com/usance/usance/internal/journal"
	"github.com/usance/usance/ledger"
	"github.com/usance/usance/registry"
	"github.com/usance/usance/store"
)

// DefaultSchema is where the tables are kept unless Options say otherwise.
const DefaultSchema = "usance_sql"

// Options are what a Publisher is opened with.
type Options struct {
	Store    store.Store
	Registry *registry.Registry
	Ledger   *ledger.Ledger
	Now      func() time.Time
	Logger   *slog.Logger

	Schema string // of the tables; "" is DefaultSchema
	// Batch is after how many entries of a tenant a transaction ends, while the
	// tables are far behind; 0 is 100,000.
	Batch int
}

// Publisher keeps the tables of one database. Several, of several processes, may
// keep the same tables: of each tenant one works at a time.
type Publisher struct {
	Options
	pool  *pgxpool.Pool
	place string
	ready bool // the tables are there
	rounds
}

// Open returns a publisher to the database at a postgres:// address. It does not
// connect yet: a database that is away is an error of Refresh.
func Open(url string, o Options) (*Publisher, error) {
	cfg, err := pgxpool.ParseConfig(url)
	if err != nil {
		return nil, usance.Errorf(usance.KindInvalid, "the address of the database of the tables cannot be read")
	}
	o.Schema, o.Batch = cmp.Or(o.Schema, DefaultSchema), cmp.Or(o.Batch, 100_000)
	cfg.MaxConns = 3 // one works; to migrate takes more
	cfg.ConnConfig.RuntimeParams["application_name"] = "usance sql"
	session := `set search_path to ` + pgx.Identifier{o.Schema}.Sanitize() + `; set timezone to 'UTC'; set client_min_messages to warning`
	cfg.AfterConnect = func(ctx context.Context, conn *pgx.Conn) error {
		_, err := conn.PgConn().Exec(ctx, session).ReadAll()
		return err
	}
	pool, err := pgxpool.NewWithConfig(context.Background(), cfg)
	if err != nil {
		return nil, err
	}
	c := cfg.ConnConfig
	return &Publisher{Options: o, pool: pool, rounds: rounds{fresh: o.Now()}, place: fmt.Sprintf("%s:%d/%s", c.Host, c.Port, c.Database)}, nil
}

// Close ends the connections. No Refresh may be running.
func (p *Publisher) Close() { p.pool.Close() }

// Run refreshes at once and then each time the tick comes, until ctx ends. What
// fails is logged and tried again with the next tick.
func (p *Publisher) Run(ctx context.Context, tick <-chan time.Time) {
	for {
		if err := p.Refresh(ctx); err != nil && ctx.Err() == nil {
			p.Logger.Warn("publishing the tables for SQL", "database", p.place, "error", err)
		}
		select {
		case <-ctx.Done():
			return
		case <-tick:
		}
	}
}

// Refresh brings every tenant's tables up to what its ledger answers now, making
// the tables first where they are missing. A tenant that another process is
// working at is left to it. What fails for one tenant does not keep the others
// waiting; the first error is returned. It is not safe for concurrent use.
func (p *Publisher) Refresh(ctx context.Context) error {
	began := p.Now()
	err := p.refreshAll(ctx)
	p.ended(began, p.Now(), err)
	return err
}

func (p *Publisher) refreshAll(ctx context.Context) error {
	if !p.ready {
		if err := p.migrate(ctx); err != nil {
			return err
		}
		p.ready = true
	}
	var first error
	for after, more := usance.TenantID(""), true; more; {
		tenants, err := p.Registry.Tenants(ctx, after, usance.MaxPageSize)
		if err != nil {
			return err
		}
		more = len(tenants) == usance.MaxPageSize
		var to usance.TenantID // of the page; "" for the end
		if more {
			to = tenants[len(tenants)-1]
		}
		if err := p.page(ctx, tenants, after, to, &first); err != nil {
			return err
		}
		after = to
	}
	return first
}

// page refreshes the tenants of a stretch of ids, and forgets those in it that
// are no more.
func (p *Publisher) page(ctx context.Context, tenants []usance.TenantID, after, to usance.TenantID, first *error) error {
	stands, err := p.stands(ctx, after, to)
	if err != nil {
		return p.failed(ctx, err)
	}
	heads, err := store.Peek(ctx, p.Store, tenants, journal.HeadKey)
	if err != nil {
		return err
	}
	for _, tenant := range tenants {
		at := stands[tenant]
		delete(stands, tenant)
		head, err := journal.DecodeHead(heads[tenant]) // Tenants lists none without one
		if err == nil {
			err = p.tenant(ctx, tenant, at, head)
		}
		if err == nil {
			continue
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err = p.failed(ctx, err); !p.ready {
			return err
		}
		*first = cmp.Or(*first, fmt.Errorf("tenant %s: %w", tenant, err))
	}
	for tenant := range stands {
		if err := p.forget(ctx, tenant); err != nil {
			return err
		}
	}
	return nil
}

// stand is how far a tenant is.
type stand struct {
	sequence uint64
	chain    [32]byte
	asOf     time.Time // zero: never published
	due      time.Time // zero: never
}

// stands returns how far the tenants after one, up to another, are.
func (p *Publisher) stands(ctx context.Context, after, to usance.TenantID) (map[usance.TenantID]stand, error) {
	rows, err := p.pool.Query(ctx, `select tenant, sequence, chain, as_of, due from progress where tenant > $1 and ($2 = '' or tenant <= $2)`, string(after), string(to))
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	out := map[usance.TenantID]stand{}
	for rows.Next() {
		var tenant string
		s, err := scanStand(rows, &tenant)
		if err != nil {
			return nil, err
		}
		out[usance.TenantID(tenant)] = s
	}
	return out, rows.Err()
}

func scanStand(row pgx.Row, tenant *string) (s stand, err error) {
	var sequence int64
	var chain []byte
	var asOf, due *time.Time
	if err := row.Scan(tenant, &sequence, &chain, &asOf, &due); err != nil {
		return s, err
	}
	s.sequence = uint64(sequence)
	copy(s.chain[:], chain)
	if asOf != nil {
		s.asOf = *asOf
	}
	if due != nil {
		s.due = *due
	}
	return s, nil
}

// tenant brings one tenant up to date, unless it is by its head.
func (p *Publisher) tenant(ctx context.Context, tenant usance.TenantID, at stand, head journal.Head) error {
	for {
		now := p.Now()
		if !at.asOf.IsZero() && at.sequence == head.Sequence && at.chain == head.Chain && (at.due.IsZero() || now.Before(at.due)) {
			return nil
		}
		next, err := p.refresh(ctx, tenant, head, now, false)
		if errors.Is(err, errDiverged) {
			p.Logger.Warn("the tables for SQL do not follow from the tenant's ledger and are made anew", "tenant", tenant)
			next, err = p.refresh(ctx, tenant, head, now, true)
		}
		if err != nil || next.sequence >= head.Sequence { // or another process is at it
			return err
		}
		at = next
		if head, err = p.head(ctx, tenant); err != nil {
			return err
		}
	}
}

func (p *Publisher) head(ctx context.Context, tenant usance.TenantID) (journal.Head, error) {
	rows, err := p.Store.Load(ctx, tenant, store.Keys{Rows: []store.Key{journal.HeadKey}})
	if err != nil {
		return journal.Head{}, err
	}
	return journal.ReadHead(rows)
}

// forget removes a tenant that the store does not have.
func (p *Publisher) forget(ctx context.Context, tenant usance.TenantID) error {
	return pgx.BeginFunc(ctx, p.pool, func(tx pgx.Tx) error {
		if err := empty(ctx, tx, tenant); err != nil {
			return err
		}
		for _, table := range []string{"tenants", "progress"} {
			if _, err := tx.Exec(ctx, `delete from `+table+` where tenant = $1`, string(tenant)); err != nil {
				return err
			}
		}
		return nil
	})
}

// failed looks whether an error says that the tables are not as they were made.
// Then they are removed, for the next Refresh to make anew.
func (p *Publisher) failed(ctx context.Context, err error) error {
	var pg *pgconn.PgError
	if !errors.As(err, &pg) {
		return err
	}
	switch pg.Code {
	case "42P01", "42703", "3F000": // no such table, column, schema
		p.ready = false
		return errors.Join(fmt.Errorf("the tables are not as they were made, and are made anew: %w", err), p.drop(ctx, pg.Code == "42703"))
	}
	return err
}
