package registry

import (
	"context"
	"time"

	"github.com/go-json-experiment/json"

	"github.com/usance/usance"
	"github.com/usance/usance/internal/journal"
	"github.com/usance/usance/store"
)

// A tenant is deleted in three acts, each of which leaves what has the next one come,
// after a crash too:
//
//  1. One step of the system writes what stays of it: that it was deleted, when and by
//     whom. Its id then belongs to nobody, for ever, so that nothing that is kept by
//     the versions of a tenant is ever taken for another's. Every step that enters
//     something for a tenant under the system (names, sessions, marks) reads that row
//     first, so nothing is entered any more.
//  2. One step of the tenant takes its definitions' version out of its head. From then
//     on it does not exist to anybody: every step that writes to a tenant reads the
//     head, and either came before or is refused. The head alone stays.
//  3. Batches remove all the rest; see DeletionAt. A sweep runs them, so they go on
//     whatever process dies.
//
// An older release, which knows nothing of this, finds the id taken by the system's
// entry in the directory.

// Deleted is what stays of a tenant that was deleted.
type Deleted struct {
	ID       usance.TenantID `json:"id"`
	At       time.Time       `json:"at"`
	By       usance.Actor    `json:"by"`
	Sequence uint64          `json:"sequence,omitempty"` // of its last entry; 0 until it is known
	Gone     bool            `json:"gone,omitempty"`     // nothing else is left of it
}

// DeletionAt is how far the removal of a tenant's rows is: 0 is the directory, 1 the
// sessions, and 2 and more the tenant's tables by their numbers.
type DeletionAt struct {
	Stage int    `json:"stage"`
	After []byte `json:"after,omitempty"` // the stage goes on with the row of this id
}

// Deletion is one that is under way.
type Deletion struct {
	Tenant usance.TenantID
	DeletionAt
}

// The ids of the rows in the directory, with the tenant behind: what stays of one,
// and the mark of a removal under way.
const deletedPrefix, deletingPrefix = "deleted\x00", "deleting\x00"

// DeletedKey names the row of the system that is there once a tenant was deleted.
// Steps of the system that enter something for a tenant look for it.
func DeletedKey(tenant usance.TenantID) store.Key {
	return store.Key{Table: store.Directory, ID: deletedPrefix + string(tenant)}
}

func deletingKey(tenant usance.TenantID) store.Key {
	return store.Key{Table: store.Directory, ID: deletingPrefix + string(tenant)}
}

func readDeleted(rows *store.Rows, tenant usance.TenantID) (d Deleted, is bool, err error) {
	k := DeletedKey(tenant)
	b, is := rows.Get(k.Table, k.ID)
	if is {
		err = json.Unmarshal(b, &d)
	}
	return d, is, err
}

// refuseDeleted returns KindConflict if the tenant was deleted. The rows have
// DeletedKey.
func refuseDeleted(rows *store.Rows, tenant usance.TenantID) error {
	d, is, err := readDeleted(rows, tenant)
	if err == nil && is {
		err = d.refusal()
	}
	return err
}

func (d Deleted) refusal() error {
	return usance.Errorf(usance.KindConflict, "tenant %s was deleted on %s, and no tenant has its id again", d.ID, d.At.Format(time.RFC3339))
}

func (r *Registry) deleted(ctx context.Context, tenant usance.TenantID) (d Deleted, is bool, err error) {
	rows, err := r.st.Load(ctx, usance.System, store.Keys{Rows: []store.Key{DeletedKey(tenant)}})
	if err != nil {
		return d, false, err
	}
	return readDeleted(rows, tenant)
}

// CheckID returns KindConflict if a tenant of that id was deleted, which no other
// tenant may have.
func (r *Registry) CheckID(ctx context.Context, tenant usance.TenantID) error {
	d, is, err := r.deleted(ctx, tenant)
	if err == nil && is {
		err = d.refusal()
	}
	return err
}

// DeleteTenant ends a tenant for good. When it returns nil the tenant does not exist
// any more, its credentials are none, and nothing is ever written to it again; its
// rows and names go in batches behind that (Deletions). Deleting it again changes
// nothing and returns what the first time left. KindNotFound for a tenant that never
// was.
func (r *Registry) DeleteTenant(ctx context.Context, actor usance.Actor, tenant usance.TenantID) (Deleted, error) {
	if err := tenant.Check(); err != nil {
		return Deleted{}, noTenant(tenant)
	}
	_, is, err := r.deleted(ctx, tenant)
	if err != nil {
		return Deleted{}, err
	}
	if !is {
		if _, err := r.Definitions(ctx, tenant); err != nil {
			return Deleted{}, err
		}
		if err := r.condemn(ctx, actor, tenant); err != nil {
			return Deleted{}, err
		}
	}
	if err := r.EndTenant(ctx, tenant); err != nil {
		return Deleted{}, err
	}
	d, _, err := r.deleted(ctx, tenant)
	return d, err
}

// condemn is the first act.
func (r *Registry) condemn(ctx context.Context, actor usance.Actor, tenant usance.TenantID) error {
	now := r.now().UTC()
	return r.st.Step(ctx, usance.System, store.Keys{Rows: []store.Key{DeletedKey(tenant)}}, func(rows *store.Rows) error {
		if _, is, err := readDeleted(rows, tenant); err != nil || is {
			return err
		}
		if err := putRow(rows, DeletedKey(tenant), Deleted{ID: tenant, At: now, By: actor}); err != nil {
			return err
		}
		if err := putRow(rows, deletingKey(tenant), DeletionAt{}); err != nil {
			return err
		}
		rows.Delete(store.Ranges, string(tenant)) // the mark of corrections under way
		taken := claim{kind: "tenant", value: string(tenant)}
		return putEntry(rows, taken.id(tenant), entry{Tenant: usance.System, Name: "deleted", By: []string{"deleted"}, At: now})
	})
}

func putRow(rows *store.Rows, k store.Key, v any) error {
	b, err := json.Marshal(v)
	if err == nil {
		rows.Put(k.Table, k.ID, b)
	}
	return err
}

// EndTenant is the second act, of a tenant whose deletion is under way. Repeating it
// changes nothing.
func (r *Registry) EndTenant(ctx context.Context, tenant usance.TenantID) error {
	rows, err := r.st.Load(ctx, tenant, store.Keys{Rows: []store.Key{journal.HeadKey}})
	if err != nil {
		return err
	}
	head, err := journal.ReadHead(rows)
	if err != nil {
		return err
	}
	if head.Definitions > 0 {
		if head, err = r.end(ctx, tenant); err != nil {
			return err
		}
	}
	r.forget(tenant)
	return r.changeDeleted(ctx, tenant, func(_ *store.Rows, d *Deleted) { d.Sequence = max(d.Sequence, head.Sequence) })
}

func (r *Registry) end(ctx context.Context, tenant usance.TenantID) (head journal.Head, err error) {
	err = r.st.Step(ctx, tenant, store.Keys{Rows: []store.Key{journal.HeadKey}}, func(rows *store.Rows) error {
		if head, err = journal.ReadHead(rows); err != nil || head.Definitions == 0 {
			return err
		}
		journal.PutHead(rows, journal.Head{Sequence: head.Sequence, Chain: head.Chain})
		// What is kept of definitions counts while no row of the history has changed.
		rows.Delete(store.History, journal.BlockID(head.Definitions))
		rows.Delete(ArrivalKey.Table, ArrivalKey.ID)
		rows.SetDue(time.Time{})
		return nil
	})
	return head, err
}

// changeDeleted changes what stays of a tenant, if that changes anything.
func (r *Registry) changeDeleted(ctx context.Context, tenant usance.TenantID, change func(*store.Rows, *Deleted)) error {
	return r.st.Step(ctx, usance.System, store.Keys{Rows: []store.Key{DeletedKey(tenant)}}, func(rows *store.Rows) error {
		d, is, err := readDeleted(rows, tenant)
		if err != nil || !is {
			return err
		}
		was := d
		if change(rows, &d); d == was {
			return nil
		}
		return putRow(rows, DeletedKey(tenant), d)
	})
}

// Deleted returns up to limit of the tenants that were deleted, after an id, in
// order. Fewer than limit means that there are no more.
func (r *Registry) Deleted(ctx context.Context, after usance.TenantID, limit int) ([]Deleted, error) {
	from := deletedPrefix
	if after != "" {
		from += string(after) + "\x00"
	}
	page, err := r.directoryRows(ctx, from, deletedPrefix, limit)
	if err != nil {
		return nil, err
	}
	out := make([]Deleted, len(page))
	for i, row := range page {
		if err := json.Unmarshal(row.Value, &out[i]); err != nil {
			return nil, err
		}
	}
	return out, nil
}

func (r *Registry) directoryRows(ctx context.Context, from, prefix string, limit int) ([]store.Row, error) {
	end := prefix[:len(prefix)-1] + "\x01"
	rows, err := r.st.Load(ctx, usance.System, store.Keys{Ranges: []store.Range{{Table: store.Directory, From: from, To: end, Limit: limit}}})
	if err != nil {
		return nil, err
	}
	return rows.Range(0), nil
}
