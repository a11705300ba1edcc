package ledger

import (
	"context"
	"strings"
	"time"

	"github.com/usance/usance"
	"github.com/usance/usance/internal/journal"
	"github.com/usance/usance/store"
)

// maxAhead bounds the bytes of events that a walk keeps for days to come.
const maxAhead = 8 << 20

// eventWalk reads a tenant's events by day, and those of a day by block. A block
// often holds events of many days: it is decoded when the first of them comes, and
// its other events are kept until their days do, within maxAhead.
type eventWalk struct {
	l      *Ledger
	tenant usance.TenantID
	span   stretch // whose ends may be zero, for none
	asOf   uint64
	ahead  map[string]daysAhead // by block
	bytes  int                  // in ahead
}

type daysAhead map[usance.Day][]*counted

func (l *Ledger) walkEvents(tenant usance.TenantID, span stretch, asOf uint64) *eventWalk {
	return &eventWalk{l: l, tenant: tenant, span: span, asOf: asOf, ahead: map[string]daysAhead{}}
}

// each calls fn on every event in the walk's time as of its sequence, voided ones
// too, from a row of the days table on; row is the event's own row there. What fn
// gets may be kept.
func (w *eventWalk) each(ctx context.Context, from string, fn func(row string, e *counted) error) error {
	r := store.Range{Table: store.Days, From: from}
	if !w.span.from.IsZero() {
		r.From = max(from, dayText(usance.DayOf(w.span.from)))
	}
	if !w.span.to.IsZero() {
		if r.To = dayText(usance.DayOf(w.span.to) + 1); r.To <= r.From {
			return nil
		}
	}
	return w.l.st.Scan(ctx, w.tenant, r, func(row store.Row) error {
		d, err := decodeDayBlock(row)
		if err != nil {
			return err
		}
		if !w.span.meets(d.from, d.to) || d.block >= journal.BlockID(w.asOf+1) {
			return nil
		}
		list, err := w.ofDay(ctx, d)
		if err != nil {
			return err
		}
		id := strings.Clone(row.ID)
		for _, e := range list {
			if err := fn(id, e); err != nil {
				return err
			}
		}
		return nil
	})
}

// meets reports whether something from an instant to another, both included, lies
// partly in s, an end of which may be zero.
func (s stretch) meets(from, to time.Time) bool {
	return (s.from.IsZero() || !to.Before(s.from)) && (s.to.IsZero() || from.Before(s.to))
}

// ofDay returns the events of a block on a day.
func (w *eventWalk) ofDay(ctx context.Context, d dayBlock) ([]*counted, error) {
	if days, ok := w.ahead[d.block]; ok {
		list := days[d.day]
		w.forget(d.block, d.day)
		return list, nil
	}
	var list []*counted
	block := strings.Clone(d.block)
	full := false
	err := w.l.eachOfBlock(ctx, w.tenant, d.block, w.asOf, func(e *counted) error {
		t := e.Event.Time
		day := usance.DayOf(t)
		if day < d.day || full && day > d.day || !w.span.meets(t, t) {
			return nil
		}
		if day == d.day {
			list = append(list, e.own())
		} else {
			full = !w.keep(block, day, e.own())
		}
		return nil
	})
	return list, err
}

// keep keeps an event for its day. When there is no room, it forgets what it keeps
// of the block, which is to be decoded again, and reports false.
func (w *eventWalk) keep(block string, day usance.Day, e *counted) bool {
	days, ok := w.ahead[block]
	if !ok {
		days = daysAhead{}
		w.ahead[block] = days
	}
	days[day] = append(days[day], e)
	if w.bytes += weightAhead(e); w.bytes <= maxAhead {
		return true
	}
	for day := range days {
		w.forget(block, day)
	}
	return false
}

// forget drops what is kept of a block for a day.
func (w *eventWalk) forget(block string, day usance.Day) {
	days := w.ahead[block]
	for _, e := range days[day] {
		w.bytes -= weightAhead(e)
	}
	if delete(days, day); len(days) == 0 {
		delete(w.ahead, block)
	}
}

// weightAhead is about what an event takes in memory.
func weightAhead(e *counted) int {
	v := &e.Event
	return 400 + len(v.ID) + len(v.Source) + len(v.Type) + len(v.Subject) + len(v.Node) + len(v.Data)
}
