package transfer

import (
	"cmp"
	"context"
	"errors"
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
	remove := func(keys []store.Key, _ string) error {
		return m.Store.Step(ctx, tenant, store.Keys{Rows: []store.Key{journal.HeadKey, registry.ArrivalKey}}, func(rows *store.Rows) error {
			now, head, err := readArrival(rows)
			if err != nil {
				return err
			}
			if head.Sequence > 0 || now == nil {
				return endedMeanwhile(tenant)
			}
			now.Run = "" // whoever works on it stops
			for _, k := range keys {
				rows.Delete(k.Table, k.ID)
			}
			return putArrival(rows, now)
		})
	}
	for _, table := range append(views(), store.Blocks) {
		if err := batches(ctx, m.Store, tenant, table, "", remove); err != nil {
			return err
		}
	}
	if err := m.Registry.DismissAll(ctx, tenant, state.name()); err != nil {
		return err
	}
	return m.Store.Step(ctx, tenant, store.Keys{Rows: []store.Key{journal.HeadKey, registry.FenceKey}}, func(rows *store.Rows) error {
		if head, err := journal.ReadHead(rows); err != nil || head.Sequence > 0 {
			return cmp.Or(err, endedMeanwhile(tenant))
		}
		rows.Delete(registry.ArrivalKey.Table, registry.ArrivalKey.ID)
		return registry.MoveFence(rows) // an import that begins meanwhile has lost its names
	})
}

func endedMeanwhile(tenant usance.TenantID) error {
	return usance.Errorf(usance.KindConflict, "the import of tenant %s has ended meanwhile", tenant)
}

// batches calls fn with the keys of a table's rows from an id on, as many as a step
// removes, and with the id of the last of them. With a block come the rows by which
// repeats of its events are known, which no range has; those of a block that cannot be
// read are not known.
func batches(ctx context.Context, st store.Store, tenant usance.TenantID, table store.Table, from string, fn func(keys []store.Key, last string) error) error {
	var keys []store.Key
	last := ""
	flush := func() error {
		if len(keys) == 0 {
			return nil
		}
		full := keys
		keys = nil
		return fn(full, last)
	}
	err := st.Scan(ctx, tenant, store.Range{Table: table, From: from}, func(r store.Row) error {
		last = strings.Clone(r.ID)
		keys = append(keys, store.Key{Table: table, ID: last})
		if table == store.Blocks {
			err := journal.DecodeBlock(last, r.Value, func(e *journal.Entry) error {
				if row, ok := dedupRow(e); ok {
					keys = append(keys, store.Key{Table: store.Dedup, ID: row.ID})
				}
				return nil
			})
			if err != nil && !errors.Is(err, usance.ErrCorrupt) {
				return err
			}
		}
		if len(keys) < pageRows {
			return nil
		}
		return flush()
	})
	if err != nil {
		return err
	}
	return flush()
}
