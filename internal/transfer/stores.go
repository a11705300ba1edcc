package transfer

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/usance/usance"
	"github.com/usance/usance/internal/journal"
	"github.com/usance/usance/registry"
	"github.com/usance/usance/store"
)

// StoreMove copies everything from one store to another: each row as it is, which
// is exact because rows mean the same in every engine. Nobody may write to either
// meanwhile.
type StoreMove struct {
	From, To store.Store
	Tenants  func(ctx context.Context) ([]usance.TenantID, error) // of From

	// Progress, if not nil, is told what is being done ("copying", "comparing") and
	// how many entries are done, of how many.
	Progress func(stage string, done, of uint64)
}

// Moved is what a StoreMove found.
type Moved struct {
	Tenants int    `json:"tenants"`
	Entries uint64 `json:"entries"`
	Rows    uint64 `json:"rows"` // compared, and equal
}

// place is how far the copy of a tenant is.
type place struct {
	Table store.Table `json:"table"`
	After string      `json:"after"` // id of the last row, in hexadecimal digits
}

// Run copies what is not there yet, tenant by tenant, and then compares every row
// of both stores. A tenant appears in the target when all of it is there. Run
// again after an interruption, it goes on. KindConflict when the target holds
// anything that the source does not, or when the source was written meanwhile.
func (m *StoreMove) Run(ctx context.Context) (Moved, error) {
	tenants, err := m.Tenants(ctx)
	if err != nil {
		return Moved{}, err
	}
	heads := make([]journal.Head, len(tenants))
	out := Moved{Tenants: len(tenants)}
	for i, t := range tenants {
		if heads[i], err = headOf(ctx, m.From, t); err != nil {
			return out, err
		}
		out.Entries += heads[i].Sequence
	}
	if err := m.refuseOthers(ctx); err != nil {
		return out, err
	}
	due := map[usance.TenantID]time.Time{}
	err = m.From.Due(ctx, usance.Latest, func(t usance.TenantID, at time.Time) error {
		due[t] = at
		return nil
	})
	if err != nil {
		return out, err
	}
	if err := m.system(ctx); err != nil {
		return out, err
	}
	done := uint64(0)
	for i, t := range tenants {
		if err := m.tenant(ctx, t, heads[i], due[t], func(n uint64) { m.progress("copying", done+n, out.Entries) }); err != nil {
			return out, fmt.Errorf("tenant %s: %w", t, err)
		}
		done += heads[i].Sequence
	}
	done = 0
	for i, t := range append([]usance.TenantID{usance.System}, tenants...) {
		n, err := m.compare(ctx, t)
		if err != nil {
			return out, err
		}
		out.Rows += n
		if i > 0 {
			done += heads[i-1].Sequence
		}
		m.progress("comparing", done, out.Entries)
	}
	return out, nil
}

func (m *StoreMove) progress(stage string, done, of uint64) {
	if m.Progress != nil {
		m.Progress(stage, done, of)
	}
}

func headOf(ctx context.Context, st store.Store, tenant usance.TenantID) (journal.Head, error) {
	rows, err := st.Load(ctx, tenant, store.Keys{Rows: []store.Key{journal.HeadKey}})
	if err != nil {
		return journal.Head{}, err
	}
	return journal.ReadHead(rows)
}

// systemTables are what belongs to no tenant.
func systemTables() []store.Table { return []store.Table{store.Directory, store.Sessions} }

// tenantTables are what belongs to a tenant, but for its head and the dedup rows,
// which follow from the blocks. Blocks come first, so that progress tells something.
func tenantTables() []store.Table { return append([]store.Table{store.Blocks}, views()...) }

// refuseOthers wants the target to hold nothing but what this copy brought there.
func (m *StoreMove) refuseOthers(ctx context.Context) error {
	for _, table := range systemTables() {
		err := pages(ctx, m.To, usance.System, table, func(page []store.Row) error {
			var keys store.Keys
			for _, r := range page {
				keys.Rows = append(keys.Rows, store.Key{Table: table, ID: r.ID})
			}
			rows, err := m.From.Load(ctx, usance.System, keys)
			if err != nil {
				return err
			}
			for _, r := range page {
				if v, ok := rows.Get(table, r.ID); !ok || !bytes.Equal(v, r.Value) {
					return usance.Errorf(usance.KindConflict, "the target is not empty, and what it holds is not of this source: it has been served, or the source has been since. Take an empty one")
				}
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}

func (m *StoreMove) system(ctx context.Context) error {
	for _, table := range systemTables() {
		err := pages(ctx, m.From, usance.System, table, func(page []store.Row) error {
			return m.To.Step(ctx, usance.System, store.Keys{}, func(rows *store.Rows) error {
				for _, r := range page {
					rows.Put(table, r.ID, bytes.Clone(r.Value))
				}
				return nil
			})
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// tenant copies one tenant, from where an earlier run stopped.
func (m *StoreMove) tenant(ctx context.Context, tenant usance.TenantID, head journal.Head, due time.Time, progress func(entries uint64)) error {
	rows, err := m.To.Load(ctx, tenant, store.Keys{Rows: []store.Key{journal.HeadKey, registry.ArrivalKey}})
	if err != nil {
		return err
	}
	state, there, err := readArrival(rows)
	switch {
	case err != nil:
		return err
	case there == head:
		return nil
	case there.Sequence > 0:
		return usance.Errorf(usance.KindConflict, "the target has it up to entry %d, the source up to entry %d: take an empty target", there.Sequence, head.Sequence)
	case state == nil:
		state = &Arrival{Copy: &place{}}
	case state.Copy == nil:
		return usance.Errorf(usance.KindConflict, "it is being imported into the target")
	}
	tables := tenantTables()
	from := max(slices.Index(tables, state.Copy.Table), 0)
	for _, table := range tables[from:] {
		start := ""
		if table == state.Copy.Table {
			if start, err = unhex(state.Copy.After); err != nil {
				return err
			}
		}
		if err := m.table(ctx, tenant, table, start, progress); err != nil {
			return err
		}
	}
	return m.To.Step(ctx, tenant, store.Keys{Rows: []store.Key{journal.HeadKey}}, func(rows *store.Rows) error {
		journal.PutHead(rows, head)
		rows.Delete(registry.ArrivalKey.Table, registry.ArrivalKey.ID)
		if !due.IsZero() {
			rows.SetDue(due)
		}
		return nil
	})
}

// table copies a table's rows from an id on, and with blocks the dedup rows of
// their events.
func (m *StoreMove) table(ctx context.Context, tenant usance.TenantID, table store.Table, from string, progress func(entries uint64)) error {
	var put []store.Change
	size, last, entries := 0, "", uint64(0)
	flush := func() error {
		if len(put) == 0 {
			return nil
		}
		err := m.To.Step(ctx, tenant, store.Keys{}, func(rows *store.Rows) error {
			for _, c := range put {
				rows.Put(c.Table, c.ID, c.Value)
			}
			return putArrival(rows, &Arrival{Copy: &place{Table: table, After: fmt.Sprintf("%x", last)}})
		})
		put, size = nil, 0
		if table == store.Blocks {
			progress(entries)
		}
		return err
	}
	err := m.From.Scan(ctx, tenant, store.Range{Table: table, From: from}, func(r store.Row) error {
		last = strings.Clone(r.ID)
		put = append(put, store.Change{Key: store.Key{Table: table, ID: last}, Value: bytes.Clone(r.Value)})
		size += len(r.ID) + len(r.Value)
		if table == store.Blocks {
			err := journal.DecodeBlock(last, r.Value, func(e *journal.Entry) error {
				entries = e.Sequence
				if row, ok := dedupRow(e); ok {
					put = append(put, store.Change{Key: store.Key{Table: store.Dedup, ID: row.ID}, Value: row.Value})
				}
				return nil
			})
			if err != nil {
				return err
			}
		}
		if size >= stepBytes || len(put) >= stepEntries {
			return flush()
		}
		return nil
	})
	if err != nil {
		return err
	}
	return flush()
}

func unhex(text string) (string, error) {
	var b []byte
	_, err := fmt.Sscanf(text, "%x", &b)
	if text == "" {
		return "", nil
	}
	return string(b), err
}

// compare wants every row of a tenant to be the same in both stores.
func (m *StoreMove) compare(ctx context.Context, tenant usance.TenantID) (rows uint64, err error) {
	tables := systemTables()
	if tenant != usance.System {
		tables = tenantTables()
		there, err := headOf(ctx, m.From, tenant)
		if err != nil {
			return 0, err
		}
		here, err := headOf(ctx, m.To, tenant)
		if err != nil {
			return 0, err
		}
		if there != here {
			return 0, usance.Errorf(usance.KindConflict, "tenant %s was written while it was copied: stop every server of the source, and copy to an empty target", tenant)
		}
	}
	for _, table := range tables {
		n, err := m.compareTable(ctx, tenant, table)
		if err != nil {
			return rows, err
		}
		rows += n
	}
	return rows, nil
}

func (m *StoreMove) compareTable(ctx context.Context, tenant usance.TenantID, table store.Table) (rows uint64, err error) {
	differs := func(id string) error {
		return usance.Errorf(usance.KindConflict, "tenant %s, table %d, row %q is not the same in both stores: one was written while it was copied. Copy to an empty target", tenant, table, id)
	}
	from := ""
	err = pages(ctx, m.From, tenant, table, func(page []store.Row) error {
		last := page[len(page)-1].ID
		got, err := m.To.Load(ctx, tenant, store.Keys{Ranges: []store.Range{{Table: table, From: from, To: last + "\x00"}}})
		if err != nil {
			return err
		}
		here := got.Range(0)
		for i := range max(len(page), len(here)) {
			switch {
			case i >= len(page):
				return differs(here[i].ID)
			case i >= len(here) || here[i].ID != page[i].ID || !bytes.Equal(here[i].Value, page[i].Value):
				return differs(page[i].ID)
			}
		}
		from = last + "\x00"
		rows += uint64(len(page))
		if table != store.Blocks {
			return nil
		}
		n, err := m.compareDedup(ctx, tenant, page)
		rows += n
		return err
	})
	if err != nil {
		return rows, err
	}
	beyond, err := m.To.Load(ctx, tenant, store.Keys{Ranges: []store.Range{{Table: table, From: from, Limit: 1}}})
	if err == nil && len(beyond.Range(0)) > 0 {
		err = differs(beyond.Range(0)[0].ID)
	}
	return rows, err
}

func (m *StoreMove) compareDedup(ctx context.Context, tenant usance.TenantID, blocks []store.Row) (rows uint64, err error) {
	for _, b := range blocks {
		var want []store.Row
		err := journal.DecodeBlock(b.ID, b.Value, func(e *journal.Entry) error {
			if row, ok := dedupRow(e); ok {
				want = append(want, row)
			}
			return nil
		})
		if err != nil {
			return rows, err
		}
		var keys store.Keys
		for _, r := range want {
			keys.Rows = append(keys.Rows, store.Key{Table: store.Dedup, ID: r.ID})
		}
		for _, st := range []store.Store{m.From, m.To} {
			got, err := st.Load(ctx, tenant, keys)
			if err != nil {
				return rows, err
			}
			for _, r := range want {
				if v, ok := got.Get(store.Dedup, r.ID); !ok || !bytes.Equal(v, r.Value) {
					return rows, errors.Join(usance.ErrCorrupt, fmt.Errorf("tenant %s: the row by which a repeat of an event is known does not follow from its ledger", tenant))
				}
			}
		}
		rows += uint64(len(want))
	}
	return rows, nil
}
