package ledger

import (
	"context"
	"maps"
	"slices"

	"github.com/usance/usance"
	"github.com/usance/usance/internal/journal"
	"github.com/usance/usance/store"
)

// rangeChange is many events on their way out of the views, or back in.
type rangeChange struct {
	events []*counted
	ticks  map[tick]struct{} // of the events
	back   *taking           // nil when they come back
	fresh  []*folding        // one for each version of the definitions
}

func newRangeChange(ctx context.Context, from *pastEvents, st store.Store, events []*counted, bringBack bool) (*rangeChange, error) {
	c := &rangeChange{events: events, ticks: map[tick]struct{}{}}
	for _, e := range events {
		c.ticks[tickAt(e.Event.Time)] = struct{}{}
	}
	var err error
	if !bringBack {
		c.back, err = takeBack(ctx, from, st, events)
		return c, err
	}
	byVersion := map[uint64]*folding{}
	for _, e := range events {
		defs, err := from.past.at(ctx, e.since)
		if err != nil {
			return nil, err
		}
		f, ok := byVersion[defs.Version]
		if !ok {
			f = newFolding(defs)
			byVersion[defs.Version] = f
			c.fresh = append(c.fresh, f)
		}
		list, err := shares(defs, &e.Event)
		if err != nil {
			return nil, err
		}
		f.add(&prepared{in: &Incoming{Event: e.Event}, shares: list})
	}
	return c, nil
}

// days are the days of the events, in order.
func (c *rangeChange) days() []usance.Day {
	days := map[usance.Day]struct{}{}
	for at := range c.ticks {
		days[at.day()] = struct{}{}
	}
	return slices.Sorted(maps.Keys(days))
}

// touches reports whether an event lies in one of the slots of a stretch, both
// ends included.
func (c *rangeChange) touches(from, to tick) bool {
	for at := from; at <= to; at++ {
		if _, ok := c.ticks[at]; ok {
			return true
		}
	}
	return false
}

func (c *rangeChange) name(keys *store.Keys) {
	keys.Rows = append(keys.Rows, marksKey)
	if c.back != nil {
		c.back.name(keys)
	}
	for _, f := range c.fresh {
		f.name(keys)
	}
	for _, e := range c.events {
		keys.Rows = append(keys.Rows, store.Key{Table: store.Corrections, ID: journal.BlockID(e.Sequence)})
	}
}

func (c *rangeChange) apply(t *tx) error {
	if c.back != nil {
		if err := c.back.apply(t); err != nil {
			return err
		}
	}
	for _, f := range c.fresh {
		if err := f.apply(t, f); err != nil {
			return err
		}
		f.restate(t)
	}
	return nil
}

// runs lists the events' sequences, which are in order, as runs of first and
// length.
func (c *rangeChange) runs() [][2]uint64 {
	var out [][2]uint64
	for _, e := range c.events {
		if n := len(out); n > 0 && out[n-1][0]+out[n-1][1] == e.Sequence {
			out[n-1][1]++
			continue
		}
		out = append(out, [2]uint64{e.Sequence, 1})
	}
	return out
}

// record says of each event that it was voided, or that it counts again.
func (c *rangeChange) record(t *tx, by uint64, id string) error {
	if len(c.events) > 0 {
		t.startMarks(by)
	}
	for _, e := range c.events {
		if err := putCorrection(t.rows, "", correction{Of: e.Sequence, By: by, Void: c.back != nil, Range: id}); err != nil {
			return err
		}
	}
	return nil
}

// countedAll returns the events of the entries with these sequences, which are in
// order, as they counted at a sequence.
func (l *Ledger) countedAll(ctx context.Context, tenant usance.TenantID, sequences []uint64, asOf uint64) ([]*counted, error) {
	out := make([]*counted, 0, len(sequences))
	for len(out) < len(sequences) {
		next := sequences[len(out)]
		block, err := journal.BlockOf(ctx, l.st, tenant, next)
		if err != nil {
			return nil, err
		}
		err = l.eachOfBlock(ctx, tenant, block, asOf, func(e *counted) error {
			if len(out) < len(sequences) && e.Sequence == sequences[len(out)] {
				out = append(out, e.own())
			}
			return nil
		})
		if err != nil {
			return nil, err
		}
		if len(out) == 0 || out[len(out)-1].Sequence < next {
			return nil, usance.ErrCorrupt
		}
	}
	return out, nil
}
