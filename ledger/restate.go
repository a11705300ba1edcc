package ledger

import (
	"context"
	"encoding/binary"
	"math"
	"time"

	"github.com/usance/usance"
	"github.com/usance/usance/store"
)

// A number that was reported and has changed since is marked. Each correction, of
// one event or of a range, notes for every series, and every slot of it that it
// changed, when that was; the newest such time is kept. A window of an answer is
// restated when one of its slots was corrected after the window was over; a window
// of a level or gauge, which stands on all that came before, when any slot up to
// its end was. Late events are no corrections: they count where they belong and
// mark nothing.

// marksKey names the row that says since which entry marks are kept: a store that
// an earlier release wrote has none of the corrections before. It is written with
// the first marks.
var marksKey = store.Key{Table: store.Restated, ID: ""}

// startMarks says that marks are kept from a correction's entry on, unless they are
// kept already.
func (t *tx) startMarks(sequence uint64) {
	if _, ok := t.rows.Get(store.Restated, ""); !ok && !t.unmarked {
		t.rows.Put(store.Restated, "", binary.AppendUvarint(nil, sequence))
	}
}

// marksSince returns since which entry a tenant's store keeps marks; the greatest
// number when it keeps none yet.
func (l *Ledger) marksSince(ctx context.Context, tenant usance.TenantID) (uint64, error) {
	rows, err := l.st.Load(ctx, tenant, store.Keys{Rows: []store.Key{marksKey}})
	if err != nil {
		return 0, err
	}
	b, ok := rows.Get(store.Restated, "")
	if !ok {
		return math.MaxUint64, nil
	}
	n, size := binary.Uvarint(b)
	if size <= 0 || size != len(b) {
		return 0, usance.ErrCorrupt
	}
	return n, nil
}

// restate notes that a series was corrected in a slot.
func (t *tx) restate(series string, at tick) {
	if t.unmarked {
		return
	}
	t.rows.Put(store.Restated, series+dayText(at.day())+string([]byte{byte(at.slot())}), binary.AppendVarint(nil, t.at.Unix()))
}

// restate notes every slot that the line, already applied, changed.
func (ln *line) restate(t *tx) {
	for _, s := range ln.slots {
		t.restate(ln.id, s.at)
	}
	for _, h := range ln.hits {
		t.restate(ln.id, h.at)
	}
}

func (f *folding) restate(t *tx) {
	for _, ln := range f.lines {
		ln.restate(t)
	}
}

func (tl *takenLine) restate(t *tx) {
	tl.line.restate(t)
	for at := range tl.left {
		t.restate(tl.id, at)
	}
	for s := range tl.seen {
		t.restate(tl.id, s.at)
	}
}

// restateAt notes a slot in every series of the events, whether its number there
// has changed or not: somebody who corrects one event wants to see where.
func (b *taking) restateAt(t *tx, at tick) {
	for _, tl := range b.order {
		t.restate(tl.id, at)
	}
}

// restatedSlot is when a slot of a series was last corrected.
type restatedSlot struct{ slot, at time.Time }

// restatedRange is where the marks of a plan's series lie: those of one series, or
// of all groups of the meter at the node.
func (p *plan) restatedRange() store.Range {
	prefix := groupsPrefix(p.meter.Name, p.node)
	if len(p.series) == 1 {
		prefix = p.series[0].id
	}
	return store.Range{Table: store.Restated, From: prefix, To: after(prefix)}
}

// restated works out, by output and stretch, when the newest correction of a
// stretch was that came after its end; zero for none.
func (p *plan) restated(rows []store.Row) ([][]time.Time, error) {
	marks := map[string][]restatedSlot{}
	for _, row := range rows {
		at, n := binary.Varint(row.Value)
		cut := len(row.ID) - 5
		if cut < 0 || n != len(row.Value) || n <= 0 {
			return nil, usance.ErrCorrupt
		}
		day, slot, _ := cutDay(row.ID[cut:])
		marks[row.ID[:cut]] = append(marks[row.ID[:cut]], restatedSlot{tickOf(day, int(slot[0])).start(), time.Unix(at, 0).UTC()})
	}
	out := grid[time.Time](p.outputs, len(p.stretches))
	for _, s := range p.series {
		for _, m := range marks[s.id] {
			for i, w := range p.stretches {
				if m.in(w, p.meter.Aggregation.Stands()) && m.at.After(out[s.output][i]) {
					out[s.output][i] = m.at
				}
			}
		}
	}
	return out, nil
}

// in reports whether the mark is of a window's number, and came after its end.
func (m restatedSlot) in(w stretch, stands bool) bool {
	return !w.to.IsZero() && !m.at.Before(w.to) && m.slot.Before(w.to) && (stands || w.from.IsZero() || m.slot.Add(usance.Slot).After(w.from))
}
