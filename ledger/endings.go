package ledger

import (
	"context"
	"time"

	"github.com/usance/usance"
	"github.com/usance/usance/internal/journal"
	"github.com/usance/usance/store"
)

// ending is how the slot is read that a stretch's end lies inside of.
type ending uint8

const (
	endBefore ending = iota // the slots before it, and its events before the end
	endWhole                // with it: none of its events lies at or behind the end
	endLess                 // with it, less its events at and behind the end
)

// settleEndings chooses how the slots of the stretches' ends are read. An end is
// mostly about now, and what lies behind now is little: what came while the question
// was on its way, or from clocks that are ahead.
func (p *plan) settleEndings(ctx context.Context, l *Ledger, tenant usance.TenantID, head journal.Head) error {
	p.endings = nil
	for i, s := range p.stretches {
		if s.to.IsZero() || aligned(s.to) || s.to.After(head.Newest) {
			continue
		}
		before, behind, err := l.blocksAbout(ctx, tenant, head, s.to)
		if err != nil {
			return err
		}
		if p.endings == nil {
			p.endings = make([]ending, len(p.stretches))
		}
		switch {
		case behind == 0:
			p.endings[i] = endWhole
		case behind < before && p.takesBack():
			p.endings[i] = endLess
		}
	}
	return nil
}

// takesBack reports that what events add to the meter can be taken from it again.
func (p *plan) takesBack() bool {
	switch p.meter.Aggregation {
	case usance.AggSum, usance.AggCount, usance.AggAverage, usance.AggLevel:
		return true
	}
	return false
}

func (p *plan) ending(i int) ending {
	if p.endings == nil {
		return endBefore
	}
	return p.endings[i]
}

// blocksAbout counts the blocks that may hold events of the slot that an instant
// lies inside of: before it, and at or behind it.
func (l *Ledger) blocksAbout(ctx context.Context, tenant usance.TenantID, head journal.Head, at time.Time) (before, behind int, err error) {
	slot, day := tickAt(at), usance.DayOf(at)
	first, rest := stretch{slot.start(), at}, stretch{at, (slot + 1).start()}
	last := journal.BlockID(head.Sequence + 1)
	err = l.st.Scan(ctx, tenant, store.Range{Table: store.Days, From: dayText(day), To: dayText(day + 1)}, func(row store.Row) error {
		d, err := decodeDayBlock(row)
		if err != nil || d.block >= last {
			return err
		}
		if first.meets(d.from, d.to) {
			before++
		}
		if rest.meets(d.from, d.to) {
			behind++
		}
		return nil
	})
	return before, behind, err
}
