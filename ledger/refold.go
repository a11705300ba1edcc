package ledger

import (
	"context"
	"errors"

	"github.com/usance/usance"
	"github.com/usance/usance/internal/journal"
	"github.com/usance/usance/store"
)

// Views returns the tables that follow from a ledger and are read by range: what
// Refold makes. Dedup follows from it too; see DedupRow.
func Views() []store.Table {
	var out []store.Table
	for _, v := range views {
		out = append(out, v.table)
	}
	return out
}

// DedupRow returns the row by which a repeat of an event is known; ok is false
// for entries that are no event.
func DedupRow(e *journal.Entry) (row store.Row, ok bool) {
	if e.Kind != journal.Event {
		return row, false
	}
	key := e.Event.Key()
	return store.Row{ID: string(key[:]), Value: appendDedup(nil, askedDigest(e), e.Sequence)}, true
}

// Refold folds a tenant's blocks and dedup rows, which the ledger's store holds
// without any view, into scratch, an empty store of the caller's: every view as
// the commits of the entries made it. It fails with usance.ErrCorrupt when they
// do not make the head.
func (l *Ledger) Refold(ctx context.Context, tenant usance.TenantID, head journal.Head, scratch store.Store, progress func(done, of uint64)) error {
	over := &Ledger{st: &overlay{Store: scratch, base: l.st}, reg: l.reg, now: l.now, log: l.log, queues: l.queues}
	r := &replay{l: over, tenant: tenant, scratch: scratch, definitions: map[string][]byte{}}
	err := r.run(ctx, head, progress)
	if found, ok := errors.AsType[*difference](err); ok {
		return &usance.Error{Kind: usance.KindInvalid, Detail: found.what, Err: usance.ErrCorrupt}
	}
	return err
}

// overlay reads the ledger itself from a store that has no views yet, and the
// views from the one in which they are being folded.
type overlay struct {
	store.Store // the views
	base        store.Store
}

func isLedger(t store.Table) bool {
	return t == store.Head || t == store.Blocks || t.PointOnly()
}

// Load reads the rows of each store as of one moment; nobody writes meanwhile.
func (o *overlay) Load(ctx context.Context, tenant usance.TenantID, keys store.Keys) (*store.Rows, error) {
	var below, above store.Keys
	for _, k := range keys.Rows {
		if isLedger(k.Table) {
			below.Rows = append(below.Rows, k)
		} else {
			above.Rows = append(above.Rows, k)
		}
	}
	for _, r := range keys.Ranges {
		if isLedger(r.Table) {
			below.Ranges = append(below.Ranges, r)
		} else {
			above.Ranges = append(above.Ranges, r)
		}
	}
	fromBelow, err := o.base.Load(ctx, tenant, below)
	if err != nil {
		return nil, err
	}
	fromAbove, err := o.Store.Load(ctx, tenant, above)
	if err != nil {
		return nil, err
	}
	out := store.NewRows(keys)
	pick := func(from *store.Rows, list []store.Key) {
		for _, k := range list {
			if v, ok := from.Get(k.Table, k.ID); ok {
				out.Found(k, v)
			}
		}
	}
	pick(fromBelow, below.Rows)
	pick(fromAbove, above.Rows)
	low, high := 0, 0
	for i, r := range keys.Ranges {
		if isLedger(r.Table) {
			out.FoundRange(i, fromBelow.Range(low))
			low++
		} else {
			out.FoundRange(i, fromAbove.Range(high))
			high++
		}
	}
	return out, nil
}

func (o *overlay) Scan(ctx context.Context, tenant usance.TenantID, r store.Range, fn func(store.Row) error) error {
	if isLedger(r.Table) {
		return o.base.Scan(ctx, tenant, r, fn)
	}
	return o.Store.Scan(ctx, tenant, r, fn)
}
