package transfer

import (
	"cmp"
	"context"
	"errors"

	"github.com/usance/usance"
	"github.com/usance/usance/internal/journal"
	"github.com/usance/usance/registry"
	"github.com/usance/usance/store"
)

// The bounds of one call of SweepDeletions: deletions it looks at, and, unless the
// Mover says otherwise, steps for all of them together.
const deletionsAtOnce, deletionSteps = 20, 40

// The stages of a deletion; see registry.DeletionAt.
const (
	stageNames = iota
	stageSessions
	stageTables // and the number of the table
)

// SweepDeletions removes rows of tenants that were deleted, a bounded part of them a
// call, and goes on where the last one stopped, in whatever process that was. Any
// number of processes may do it at once. Nobody sees these rows any more, and others may
// have the tenant's names before they are removed.
func (m *Mover) SweepDeletions(ctx context.Context) error {
	list, err := m.Registry.Deletions(ctx, deletionsAtOnce)
	if err != nil {
		return err
	}
	left := cmp.Or(m.DeletionSteps, deletionSteps)
	var first error
	for _, d := range list {
		if left <= 0 {
			break
		}
		first = cmp.Or(first, m.sweepDeletion(ctx, d, &left))
	}
	return first
}

func (m *Mover) sweepDeletion(ctx context.Context, d registry.Deletion, left *int) error {
	if err := m.Registry.EndTenant(ctx, d.Tenant); err != nil {
		return err
	}
	tables := store.Tables()
	last := stageTables + int(tables[len(tables)-1])
	from := string(d.After)
	for stage := d.Stage; stage <= last; stage++ {
		next, done, err := m.deleteStage(ctx, d.Tenant, stage, from, left)
		if err != nil {
			return err
		}
		if !done {
			return m.Registry.MarkDeletion(ctx, d.Tenant, registry.DeletionAt{Stage: stage, After: []byte(next)})
		}
		from = ""
	}
	clean, err := m.nothingLeft(ctx, d.Tenant)
	switch {
	case err != nil:
		return err
	case !clean:
		return m.Registry.MarkDeletion(ctx, d.Tenant, registry.DeletionAt{Stage: stageTables})
	}
	return m.Registry.BuryTenant(ctx, d.Tenant)
}

// deleteStage goes on with one stage, from an id on. Where it is not done when the
// call has no steps left, next is the id to go on with.
func (m *Mover) deleteStage(ctx context.Context, tenant usance.TenantID, stage int, from string, left *int) (next string, done bool, err error) {
	pieces := m.Registry.ReleaseNames
	switch {
	case stage >= stageTables:
		return m.deleteTable(ctx, tenant, store.Table(stage-stageTables), from, left)
	case stage == stageSessions:
		pieces = m.Registry.EndSessions
	}
	for next = from; *left > 0; {
		*left--
		if next, done, err = pieces(ctx, tenant, next); done || err != nil {
			return next, done, err
		}
	}
	return next, false, nil
}

func (m *Mover) deleteTable(ctx context.Context, tenant usance.TenantID, table store.Table, from string, left *int) (next string, done bool, err error) {
	if *left <= 0 {
		return from, false, nil
	}
	if table.PointOnly() { // its rows go with the blocks that they follow from
		return "", true, nil
	}
	next = from
	err = batches(ctx, m.Store, tenant, table, from, func(keys []store.Key, last string) error {
		if err := m.deleteRows(ctx, tenant, keys); err != nil {
			return err
		}
		next = last + "\x00"
		if *left--; *left <= 0 {
			return errEnough
		}
		return nil
	})
	if errors.Is(err, errEnough) {
		return next, false, nil
	}
	return next, err == nil, err
}

// deleteRows removes rows of a tenant that is no more; its head stays.
func (m *Mover) deleteRows(ctx context.Context, tenant usance.TenantID, keys []store.Key) error {
	return m.Store.Step(ctx, tenant, store.Keys{Rows: []store.Key{journal.HeadKey}}, func(rows *store.Rows) error {
		if head, err := journal.ReadHead(rows); err != nil || head.Definitions > 0 {
			return cmp.Or(err, error(usance.Errorf(usance.KindInternal, "tenant %s was deleted and exists", tenant)))
		}
		for _, k := range keys {
			if k != journal.HeadKey {
				rows.Delete(k.Table, k.ID)
			}
		}
		return nil
	})
}

// nothingLeft reports that a tenant has no row but its head.
func (m *Mover) nothingLeft(ctx context.Context, tenant usance.TenantID) (bool, error) {
	var keys store.Keys
	for _, table := range store.Tables() {
		if !table.PointOnly() {
			keys.Ranges = append(keys.Ranges, store.Range{Table: table, Limit: 2})
		}
	}
	rows, err := m.Store.Load(ctx, tenant, keys)
	if err != nil {
		return false, err
	}
	for i, r := range keys.Ranges {
		for _, row := range rows.Range(i) {
			if (store.Key{Table: r.Table, ID: row.ID}) != journal.HeadKey {
				return false, nil
			}
		}
	}
	return true, nil
}
