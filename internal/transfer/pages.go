package transfer

import (
	"context"
	"strings"

	"github.com/usance/usance"
	"github.com/usance/usance/internal/journal"
	"github.com/usance/usance/ledger"
	"github.com/usance/usance/registry"
	"github.com/usance/usance/store"
)

// The bounds of a page of rows, and so of a step that saves one.
const (
	pageRows  = 2_000
	pageBytes = 4 << 20
)

func views() []store.Table { return ledger.Views() }

func dedupRow(e *journal.Entry) (store.Row, bool) { return ledger.DedupRow(e) }

// pages calls fn on the rows of a table, page by page. The rows are fn's own.
func pages(ctx context.Context, st store.Store, tenant usance.TenantID, table store.Table, fn func([]store.Row) error) error {
	var page []store.Row
	size := 0
	err := st.Scan(ctx, tenant, store.Range{Table: table}, func(r store.Row) error {
		page = append(page, store.Row{ID: strings.Clone(r.ID), Value: append([]byte{}, r.Value...)})
		if size += len(r.ID) + len(r.Value); size < pageBytes && len(page) < pageRows {
			return nil
		}
		err := fn(page)
		page, size = nil, 0
		return err
	})
	if err != nil || len(page) == 0 {
		return err
	}
	return fn(page)
}

// Discard throws away what an unfinished import has stored, so that the tenant's
// id and names are free again. KindNotFound when there is none. It takes as long
// as what is stored is large; interrupted, it is repeated.
func (m *Mover) Discard(ctx context.Context, tenant usance.TenantID) error {
	state, head, err := m.arrival(ctx, tenant)
	if err != nil {
		return err
	}
	if state == nil || head.Sequence > 0 {
		return usance.Errorf(usance.KindNotFound, "there is no unfinished import of tenant %q", tenant)
	}
	remove := func(table store.Table, page []store.Row, also ...store.Key) error {
		return m.Store.Step(ctx, tenant, store.Keys{Rows: []store.Key{journal.HeadKey, registry.ArrivalKey}}, func(rows *store.Rows) error {
			now, head, err := readArrival(rows)
			if err != nil {
				return err
			}
			if head.Sequence > 0 || now == nil {
				return usance.Errorf(usance.KindConflict, "the import of tenant %s has ended meanwhile", tenant)
			}
			now.Run = "" // whoever works on it stops
			for _, r := range page {
				rows.Delete(table, r.ID)
			}
			for _, k := range also {
				rows.Delete(k.Table, k.ID)
			}
			return putArrival(rows, now)
		})
	}
	for _, table := range views() {
		if err := pages(ctx, m.Store, tenant, table, func(page []store.Row) error { return remove(table, page) }); err != nil {
			return err
		}
	}
	err = m.Store.Scan(ctx, tenant, store.Range{Table: store.Blocks}, func(r store.Row) error {
		var keys []store.Key
		err := journal.DecodeBlock(r.ID, r.Value, func(e *journal.Entry) error {
			if row, ok := dedupRow(e); ok {
				keys = append(keys, store.Key{Table: store.Dedup, ID: row.ID})
			}
			return nil
		})
		if err != nil {
			return err
		}
		return remove(store.Blocks, []store.Row{{ID: strings.Clone(r.ID)}}, keys...)
	})
	if err != nil {
		return err
	}
	if err := m.Registry.DismissAll(ctx, tenant, state.name()); err != nil {
		return err
	}
	return m.Store.Step(ctx, tenant, store.Keys{Rows: []store.Key{registry.FenceKey}}, func(rows *store.Rows) error {
		rows.Delete(registry.ArrivalKey.Table, registry.ArrivalKey.ID)
		return registry.MoveFence(rows) // an import that begins meanwhile has lost its names
	})
}
