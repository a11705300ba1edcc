package ledger

import (
	"context"

	"github.com/go-json-experiment/json"

	"github.com/usance/usance"
	"github.com/usance/usance/internal/journal"
	"github.com/usance/usance/store"
)

// correctRange folds an entry of a correction of a range as its commit did.
func (r *replay) correctRange(ctx context.Context, e *journal.Entry) error {
	row, err := rangeRow(e.Change.Name)
	if err != nil {
		return err
	}
	if e.Change.After == nil {
		return r.stepWith(ctx, store.Keys{}, func(t *tx) error {
			t.rows.Delete(store.Ranges, row)
			return nil
		})
	}
	var said rangeEntry
	if err := json.Unmarshal(e.Change.After, &said); err != nil {
		return err
	}
	stands, err := json.Marshal(said.RangeCorrection, json.Deterministic(true))
	if err != nil {
		return err
	}
	var sequences []uint64
	for _, run := range said.Runs {
		for i := range run[1] {
			sequences = append(sequences, run[0]+i)
		}
	}
	events, err := r.l.countedAll(ctx, r.tenant, sequences, e.Sequence-1)
	if err != nil {
		return err
	}
	from := &pastEvents{l: r.l, tenant: r.tenant, asOf: e.Sequence - 1, past: r.l.past(r.tenant, r.defs)}
	c, err := newRangeChange(ctx, from, r.scratch, events, said.restores())
	if err != nil {
		return err
	}
	var keys store.Keys
	c.name(&keys)
	return r.stepWith(ctx, keys, func(t *tx) error {
		t.at, t.unmarked = e.At, e.Sequence < r.marks
		t.rows.Put(store.Ranges, row, stands)
		if len(events) == 0 {
			return nil
		}
		if err := c.apply(t); err != nil {
			return err
		}
		return c.record(t, e.Sequence, said.ID)
	})
}

// restores reports that the entry's events were brought back rather than voided.
func (e *rangeEntry) restores() bool { return e.State == RangeReverting || e.State == RangeReverted }

// rangeOp names what an entry did to a correction of a range.
func rangeOp(c journal.Change) (string, error) {
	if c.After == nil {
		return "discard", nil
	}
	var said rangeEntry
	if err := json.Unmarshal(c.After, &said); err != nil {
		return "", usance.ErrCorrupt
	}
	switch {
	case said.State == RangeProposed:
		return "propose", nil
	case c.Before == nil && said.restores():
		return "restore", nil
	case c.Before == nil:
		return "void", nil
	case said.restores():
		return "revert", nil
	}
	return "approve", nil
}
