package registry

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"time"

	"github.com/usance/usance"
	"github.com/usance/usance/internal/journal"
	"github.com/usance/usance/store"
)

// A claim whose edit never ended, since its process died or lost the store, keeps a
// name from every other tenant for nothing. Whoever meets one after claimGrace may
// have the name. That the edit is only slow, and still comes, is ruled out by a
// count in its own tenant, the fence:
//
//	an edit reads the fence, claims its names, and is saved only if the fence
//	still stands where it stood;
//	whoever contests a claim moves the fence of its tenant, in a step that sees
//	that the tenant does not have the name, and then removes the entry, if it
//	is still as it was met.
//
// So an edit that claimed before the fence was moved is not saved, and begins again
// by claiming, which the new holder refuses; and one that claims after has changed
// the entry, which then is not removed. The time is mere courtesy to the slow, and
// clocks that differ do no harm. Processes of older releases know no fence and leave
// claims without a time: such a claim is given the time at which it was first met.

// claimGrace is how long a claim counts without its tenant having the name: many
// times what an edit takes from the one to the other.
const claimGrace = 5 * time.Minute

// FenceKey names the row with the count of a tenant's fence.
var FenceKey = store.Key{Table: store.Head, ID: "claims"}

// readFence returns what a tenant's fence stands at.
func readFence(rows *store.Rows) (uint64, error) {
	b, ok := rows.Get(FenceKey.Table, FenceKey.ID)
	if !ok {
		return 0, nil
	}
	at, n := binary.Uvarint(b)
	if n != len(b) {
		return 0, fmt.Errorf("%w: the count of contested claims", usance.ErrCorrupt)
	}
	return at, nil
}

func (r *Registry) fenceOf(ctx context.Context, tenant usance.TenantID) (uint64, error) {
	rows, err := r.st.Load(ctx, tenant, store.Keys{Rows: []store.Key{FenceKey}})
	if err != nil {
		return 0, err
	}
	return readFence(rows)
}

// MoveFence has every edit and import of the tenant that is under way begin again.
// The step has named FenceKey.
func MoveFence(rows *store.Rows) error {
	at, err := readFence(rows)
	if err == nil {
		rows.Put(FenceKey.Table, FenceKey.ID, binary.AppendUvarint(nil, at+1))
	}
	return err
}

// has reports whether what a claim is of is defined.
func (d *Definitions) has(c claim) bool {
	ok := false
	switch c.kind {
	case "alias":
		_, ok = d.aliases[c.value]
	case "token":
		_, ok = d.bearers[c.value]
	case "user":
		_, ok = d.users[c.value]
	case "key":
		_, ok = d.keys[c.value]
	}
	return ok
}

// weigh tells the claims whose tenants have the names, or may be about to, from those
// of which nothing came, or whose tenants were deleted.
func (r *Registry) weigh(ctx context.Context, others []contested) (held, stale []contested, err error) {
	deleted := map[usance.TenantID]bool{}
	for _, c := range others {
		had, err := r.had(ctx, c)
		if err != nil {
			return nil, nil, err
		}
		if _, asked := deleted[c.Tenant]; !had && !asked {
			if _, deleted[c.Tenant], err = r.deleted(ctx, c.Tenant); err != nil {
				return nil, nil, err
			}
		}
		c.deleted = deleted[c.Tenant]
		if had || !c.deleted && (c.At.IsZero() || r.now().Before(c.At.Add(claimGrace))) {
			c.had = had
			held = append(held, c)
		} else {
			stale = append(stale, c)
		}
	}
	return held, stale, nil
}

// had reports whether a claim's tenant has the name.
func (r *Registry) had(ctx context.Context, c contested) (bool, error) {
	if c.Tenant == usance.System { // an operator's token, which is entered and named in one step
		return true, nil
	}
	d, arriving, err := r.present(ctx, c.Tenant)
	if err != nil {
		return false, err
	}
	return arriving || d.has(c.claim), nil
}

// present returns a tenant's definitions, empty ones with version 0 for a tenant that
// does not exist, and then whether it is being imported: an import has its names
// from its beginning on, however long it takes.
func (r *Registry) present(ctx context.Context, tenant usance.TenantID) (d *Definitions, arriving bool, err error) {
	d, err = r.Definitions(ctx, tenant)
	if usance.KindOf(err) != usance.KindNotFound {
		return d, false, err
	}
	rows, err := r.st.Load(ctx, tenant, store.Keys{Rows: []store.Key{ArrivalKey}})
	if err != nil {
		return nil, false, err
	}
	_, arriving = rows.Get(ArrivalKey.Table, ArrivalKey.ID)
	return newDefinitions(r.base), arriving, nil
}

// contest frees names that stand for other tenants if nothing came of any of those
// claims, and returns KindConflict naming those that are held otherwise. When it
// returns nil the claims are to be tried again.
func (r *Registry) contest(ctx context.Context, others []contested) error {
	held, stale, err := r.weigh(ctx, others)
	if err != nil {
		return err
	}
	if len(held) > 0 {
		if err := r.date(ctx, held); err != nil {
			return err
		}
		return conflict(held)
	}
	fenced := map[usance.TenantID]bool{}
	for _, c := range stale {
		if fenced[c.Tenant] {
			continue
		}
		if err := r.shutOut(ctx, c.Tenant, stale); errors.Is(err, errStale) {
			return nil
		} else if err != nil {
			return err
		}
		fenced[c.Tenant] = true
	}
	return r.replace(ctx, stale, func(rows *store.Rows, c contested) error {
		rows.Delete(store.Directory, c.id)
		return nil
	})
}

// shutOut moves a tenant's fence if it still has none of the names it claimed, and
// returns errStale otherwise.
func (r *Registry) shutOut(ctx context.Context, tenant usance.TenantID, stale []contested) error {
	d, _, err := r.present(ctx, tenant)
	if err != nil {
		return err
	}
	deleted := false
	for _, c := range stale {
		if c.Tenant == tenant && d.has(c.claim) {
			return errStale
		}
		deleted = deleted || c.Tenant == tenant && c.deleted
	}
	return r.st.Step(ctx, tenant, store.Keys{Rows: []store.Key{journal.HeadKey, ArrivalKey, FenceKey}}, func(rows *store.Rows) error {
		head, err := journal.ReadHead(rows)
		if err != nil {
			return err
		}
		if head.Gone() || deleted && head.Sequence == 0 {
			return nil // no edit of it is ever saved again, and it is to have no rows
		}
		_, arriving := rows.Get(ArrivalKey.Table, ArrivalKey.ID)
		if head.Definitions != d.Version || arriving && head.Definitions == 0 {
			return errStale
		}
		return MoveFence(rows)
	})
}

// date gives claims of older releases the time at which they were met.
func (r *Registry) date(ctx context.Context, held []contested) error {
	var undated []contested
	for _, c := range held {
		if c.At.IsZero() && !c.had {
			undated = append(undated, c)
		}
	}
	if len(undated) == 0 {
		return nil
	}
	now := r.now().UTC()
	return r.replace(ctx, undated, func(rows *store.Rows, c contested) error {
		c.At = now
		return putEntry(rows, c.id, c.entry)
	})
}

// replace changes entries that are still as they were met.
func (r *Registry) replace(ctx context.Context, met []contested, change func(rows *store.Rows, c contested) error) error {
	var keys store.Keys
	for _, c := range met {
		keys.Rows = append(keys.Rows, store.Key{Table: store.Directory, ID: c.id})
	}
	return r.st.Step(ctx, usance.System, keys, func(rows *store.Rows) error {
		for _, c := range met {
			if raw, ok := rows.Get(store.Directory, c.id); !ok || string(raw) != string(c.raw) {
				continue
			}
			if err := change(rows, c); err != nil {
				return err
			}
		}
		return nil
	})
}
