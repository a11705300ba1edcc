package ledger

import (
	"context"

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
		before, behind, err := l.blocksAbout(ctx, tenant, head, s)
		if err != nil {
			return err
		}
		e := endBefore
		switch {
		case behind == 0:
			e = endWhole
		case behind < before && p.takesBack():
			e = endLess
		}
		if e != endBefore && p.endings == nil {
			p.endings = make([]ending, len(p.stretches))
		}
		if e != endBefore {
			p.endings[i] = e
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

// blocksAbout counts the blocks that may hold events of the slot that the end of a
// stretch lies inside of: before the end, and at or behind it.
func (l *Ledger) blocksAbout(ctx context.Context, tenant usance.TenantID, head journal.Head, s stretch) (before, behind int, err error) {
	slot := tickAt(s.to)
	from, to := slot.start(), (slot + 1).start()
	day := usance.DayOf(s.to)
	last := journal.BlockID(head.Sequence + 1)
	err = l.st.Scan(ctx, tenant, store.Range{Table: store.Days, From: dayText(day), To: dayText(day + 1)}, func(row store.Row) error {
		d, err := decodeDayBlock(row)
		if err != nil || d.block >= last {
			return err
		}
		if d.from.Before(s.to) && !d.to.Before(from) {
			before++
		}
		if d.from.Before(to) && !d.to.Before(s.to) {
			behind++
		}
		return nil
	})
	return before, behind, err
}
