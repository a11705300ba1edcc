package ledger

import (
	"bytes"
	"cmp"
	"context"
	"math"
	"slices"
	"time"

	"github.com/usance/usance"
	"github.com/usance/usance/store"
)

// Taking an event back reverses exactly what it did to each view. Counts, sums,
// averages and levels have an inverse. Minima, maxima, gauges and sets have none:
// what is left of the event's slot is folded again from the slot's other events,
// which are read before the step; the step then makes sure that none was added
// since.

// pastEvents reads a tenant's events as they counted at a sequence.
type pastEvents struct {
	l      *Ledger
	tenant usance.TenantID
	asOf   uint64
	past   *past
}

// taking is an event on its way out of the views.
type taking struct {
	store  store.Store
	tenant usance.TenantID
	at     tick
	day    localDay
	lines  []*takenLine
	gauges []*takenGauge
	rest   []restShare
}

// takenLine is what is taken from one series.
type takenLine struct {
	line
	back     usance.State // to merge: the inverse of what the event added
	value    [16]byte     // unique: what was seen
	kept     bool         // unique: another event of the slot saw it too
	slot     usance.State // min, max: the slot without the event
	total    usance.State // min, max: all time without the event
	expected []byte       // min, max: the day's row that slot and total were worked out from
	hit      hit
}

type takenGauge struct {
	gauge
	left *sample // the newest sample that is left in the slot
}

// restShare is what another event of the slot adds.
type restShare struct {
	node    usance.Path
	subject string
	at      time.Time
	*share
}

// takeBack works out how to take an event back, with the views in st.
func takeBack(ctx context.Context, from *pastEvents, st store.Store, e *counted) (*taking, error) {
	defs, err := from.past.at(ctx, e.since)
	if err != nil {
		return nil, err
	}
	list, err := shares(defs, &e.Event)
	if err != nil {
		return nil, err
	}
	b := &taking{store: st, tenant: from.tenant, at: tickAt(e.Event.Time), day: localDay{zone: defs.Zone}}
	if needsRest(list) {
		if b.rest, err = from.othersOfSlot(ctx, b.at, e.Sequence); err != nil {
			return nil, err
		}
	}
	for i := range list {
		if err := b.add(ctx, e, &list[i]); err != nil {
			return nil, err
		}
	}
	return b, nil
}

func needsRest(list []share) bool {
	return slices.ContainsFunc(list, func(sh share) bool {
		switch sh.meter.Aggregation {
		case usance.AggMin, usance.AggMax, usance.AggUnique, usance.AggGauge:
			return true
		}
		return false
	})
}

func (p *pastEvents) othersOfSlot(ctx context.Context, at tick, sequence uint64) ([]restShare, error) {
	var out []restShare
	err := p.l.eachEvent(ctx, p.tenant, stretch{at.start(), (at + 1).start()}, p.asOf, func(e *counted) error {
		if e.Sequence == sequence {
			return nil
		}
		list, err := p.past.shares(ctx, e)
		if err != nil {
			return err
		}
		for i := range list {
			out = append(out, restShare{e.Event.Node, e.Event.Subject, e.Event.Time, &list[i]})
		}
		return nil
	})
	return out, err
}

func (b *taking) add(ctx context.Context, e *counted, sh *share) error {
	group := ""
	if len(sh.meter.GroupBy) > 0 {
		group = groupText(sh.Group)
	}
	var lines []*line
	for _, node := range e.Event.Node.Lineage() {
		for _, g := range []string{"", group} {
			s := series{sh.meter.Name, node, g}
			tl := &takenLine{line: line{series: s, meter: sh.meter, id: s.id()}}
			if err := b.work(ctx, tl, e, sh); err != nil {
				return err
			}
			b.lines = append(b.lines, tl)
			lines = append(lines, &tl.line)
			if group == "" {
				break
			}
		}
	}
	if sh.sample() {
		g := &takenGauge{gauge: gauge{gaugeKey: gaugeKey{sh.meter, e.Event.Node, e.Event.Subject, group},
			id: gaugeID(sh.meter.Name, e.Event.Node, e.Event.Subject, group), lines: lines, days: []usance.Day{b.at.day()}}}
		for _, r := range b.rest {
			if r.meter.Name != sh.meter.Name || !r.sample() || r.node != e.Event.Node || r.subject != e.Event.Subject || group != "" && groupText(r.Group) != group {
				continue
			}
			if s := sampleAt(r.at, r.Amount); g.left == nil || s.newer(*g.left) {
				g.left = &s
			}
		}
		b.gauges = append(b.gauges, g)
	}
	return nil
}

// work sorts a series by what its aggregation needs.
func (b *taking) work(ctx context.Context, tl *takenLine, e *counted, sh *share) error {
	switch sh.meter.Aggregation {
	case usance.AggUnique:
		tl.value = valueHash(sh.Value)
		tl.hit = hit{at: b.at, value: tl.value}
		tl.hit.from, tl.hit.to = b.day.of(e.Event.Time)
		for _, r := range b.others(tl) {
			tl.kept = tl.kept || r.Value == sh.Value
		}
	case usance.AggMin, usance.AggMax:
		for _, r := range b.others(tl) {
			tl.slot = tl.slot.Merge(r.state())
		}
		return tl.refold(ctx, b)
	case usance.AggGauge:
		if sh.charged {
			tl.back = inverse(sh.state())
		}
	default:
		tl.back = inverse(sh.state())
	}
	return nil
}

// inverse takes back a state that merges by adding.
func inverse(s usance.State) usance.State {
	return usance.State{Count: -s.Count, Sum: s.Sum.Neg()}
}

// others are the rest of the slot that fell into the series.
func (b *taking) others(tl *takenLine) []restShare {
	var out []restShare
	for _, r := range b.rest {
		if r.meter.Name == tl.meter.Name && r.node.Within(tl.node) && (tl.group == "" || groupText(r.Group) == tl.group) {
			out = append(out, r)
		}
	}
	return out
}

// refold works out the least and greatest of all time without the event, from
// every other slot of the series.
func (tl *takenLine) refold(ctx context.Context, b *taking) error {
	tl.total = tl.slot
	return b.store.Scan(ctx, b.tenant, store.Range{Table: store.Rollups, From: tl.id, To: after(tl.id)}, func(row store.Row) error {
		day, _, ok := cutDay(row.ID[len(tl.id):])
		if !ok {
			return usance.ErrCorrupt
		}
		slots, err := decodeSlots(nil, day, row.Value, tl.meter.Aggregation)
		if err != nil {
			return err
		}
		if day == b.at.day() {
			tl.expected = bytes.Clone(row.Value)
		}
		for _, s := range slots {
			if s.at != b.at {
				tl.total = tl.total.Merge(s.state)
			}
		}
		return nil
	})
}

func (b *taking) name(keys *store.Keys) {
	row := func(t store.Table, id string) { keys.Rows = append(keys.Rows, store.Key{Table: t, ID: id}) }
	for _, tl := range b.lines {
		row(store.Totals, tl.id)
		row(store.Rollups, tl.id+dayText(b.at.day()))
		if tl.meter.Aggregation == usance.AggUnique {
			for d := tl.hit.from.day(); d <= (tl.hit.to - 1).day(); d++ {
				row(store.Members, memberID(tl.id, d, tl.value))
				row(store.Rollups, tl.id+dayText(d))
			}
		}
	}
	for _, g := range b.gauges {
		g.name(keys, row)
	}
}

func (b *taking) apply(t *tx) error {
	missing := new(missingKeys)
	for _, tl := range b.lines {
		tl.slots, tl.sum = nil, usance.State{} // of an earlier run
	}
	for _, g := range b.gauges {
		if err := g.take(t, b.at); err != nil {
			return err
		}
	}
	for _, tl := range b.lines {
		if err := tl.apply(t.rows, missing, b.at); err != nil {
			return err
		}
		t.restate(tl.id, b.at)
		tl.restate(t)
	}
	if len(missing.keys) > 0 {
		return missing
	}
	return nil
}

func (tl *takenLine) apply(rows *store.Rows, missing *missingKeys, at tick) error {
	switch tl.meter.Aggregation {
	case usance.AggMin, usance.AggMax:
		return tl.replace(rows, at)
	case usance.AggUnique:
		if tl.kept {
			return nil
		}
		if err := tl.unsee(rows, missing); err != nil {
			return err
		}
	default:
		if tl.back != (usance.State{}) {
			tl.slots = mergeSlot(tl.slots, at, tl.back)
			tl.sum = tl.sum.Merge(tl.back)
		}
	}
	b, ok := rows.Get(store.Totals, tl.id)
	if !ok {
		return usance.ErrCorrupt // the event made one
	}
	sum, err := decodeTotal(b, kept(tl.meter.Aggregation))
	if err != nil {
		return err
	}
	sum.state = sum.state.Merge(tl.sum)
	rows.Put(store.Totals, tl.id, sum.encode(kept(tl.meter.Aggregation)))
	return tl.flushDays(rows, missing, kept(tl.meter.Aggregation))
}

// replace sets a slot and the total to what was folded without the event.
func (tl *takenLine) replace(rows *store.Rows, at tick) error {
	id := tl.id + dayText(at.day())
	row, _ := rows.Get(store.Rollups, id)
	if !bytes.Equal(row, tl.expected) {
		return errStale
	}
	slots, err := decodeSlots(nil, at.day(), row, tl.meter.Aggregation)
	if err != nil {
		return err
	}
	for i := range slots {
		if slots[i].at == at {
			slots[i].state = tl.slot
		}
	}
	if b := appendSlots(nil, slots, tl.meter.Aggregation); len(b) > 0 {
		rows.Put(store.Rollups, id, b)
	} else {
		rows.Delete(store.Rollups, id)
	}
	old, ok := rows.Get(store.Totals, tl.id)
	if !ok {
		return usance.ErrCorrupt
	}
	sum, err := decodeTotal(old, tl.meter.Aggregation)
	if err != nil {
		return err
	}
	if sum.state.Count != tl.total.Count+1 {
		return errStale // another slot has changed since
	}
	sum.state = tl.total
	rows.Put(store.Totals, tl.id, sum.encode(tl.meter.Aggregation))
	return nil
}

// unsee takes a value out of the event's slot, and moves or removes its first
// sighting.
func (tl *takenLine) unsee(rows *store.Rows, missing *missingKeys) error {
	h := tl.hit
	zone, err := tl.zone(rows)
	if err != nil {
		return err
	}
	if zone != nil {
		day := localDay{zone: zone}
		h.from, h.to = day.of(h.at.start())
	}
	return tl.unseeOne(rows, missing, h)
}

// unseeOne takes one sighting back.
func (ln *line) unseeOne(rows *store.Rows, missing *missingKeys, h hit) error {
	before, later := tick(math.MaxInt64), tick(math.MaxInt64)
	for d := h.from.day(); d <= (h.to - 1).day(); d++ {
		id := memberID(ln.id, d, h.value)
		if missing.need(rows, store.Members, id) || missing.need(rows, store.Rollups, ln.id+dayText(d)) {
			return nil
		}
		b, _ := rows.Get(store.Members, id)
		slots, err := decodeSeen(b)
		if err != nil {
			return err
		}
		lo, hi := max(int(h.from-tickOf(d, 0)), 0), min(int(h.to-tickOf(d, 0)), usance.Slots)
		if slot := slots.first(lo, hi); slot >= 0 {
			before = min(before, tickOf(d, slot))
		}
		if d == h.at.day() {
			slots.remove(h.at.slot())
			if b := slots.encode(); len(b) > 0 {
				rows.Put(store.Members, id, b)
			} else {
				rows.Delete(store.Members, id)
			}
		}
		if slot := slots.first(lo, hi); slot >= 0 {
			later = min(later, tickOf(d, slot))
		}
	}
	if before == later {
		return nil
	}
	ln.slots = mergeSlot(ln.slots, before, usance.State{Count: math.MaxUint64})
	if later == math.MaxInt64 {
		ln.sum = ln.sum.Merge(usance.State{Count: math.MaxUint64})
		return nil
	}
	ln.slots = mergeSlot(ln.slots, later, usance.State{Count: 1})
	return nil
}

// take removes the subject's sample from its slot, or puts the newest that is
// left there, and changes the sum accordingly.
func (g *takenGauge) take(t *tx, at tick) error {
	history, err := g.load(t)
	if err != nil {
		return err
	}
	i, found := slices.BinarySearchFunc(history, at, func(h sample, at tick) int { return cmp.Compare(h.at, at) })
	if !found {
		return usance.ErrCorrupt // the event left one
	}
	was, is := history[i].value, usance.Amount(0)
	switch {
	case g.left != nil:
		is, history[i] = g.left.value, *g.left
	default:
		if i > 0 {
			is = history[i-1].value
		}
		history = slices.Delete(history, i, i+1)
		i--
	}
	change := usance.SumOf(is).Minus(usance.SumOf(was))
	g.change(at, change)
	if i+1 < len(history) {
		g.change(history[i+1].at, change.Neg())
	}
	t.putSamples(g.id, at.day(), encodeSamples(history, at.day()))
	return nil
}

// widenDay makes the day of an instant find a block that holds an event of it.
func widenDay(rows *store.Rows, block string, at time.Time) error {
	day := usance.DayOf(at)
	id := dayText(day) + block
	s := span{int64(at.Sub(day.Start())), int64(at.Sub(day.Start()))}
	if b, ok := rows.Get(store.Days, id); ok {
		old, err := decodeDayBlock(store.Row{ID: id, Value: b})
		if err != nil {
			return err
		}
		s.from = min(s.from, int64(old.from.Sub(day.Start())))
		s.to = max(s.to, int64(old.to.Sub(day.Start())))
	}
	rows.Put(store.Days, id, s.encode())
	return nil
}
