package ledger

import (
	"bytes"
	"cmp"
	"context"
	"maps"
	"slices"

	"github.com/usance/usance"
	"github.com/usance/usance/store"
)

// Taking events back reverses exactly what they did to each view. Counts, sums,
// averages and levels have an inverse. Minima, maxima, gauges and sets have none:
// what is left of the events' slots is folded again from the slots' other events,
// which are read before the step, once for all that go; the step then makes sure
// that none was added since.

// pastEvents reads a tenant's events as they counted at a sequence.
type pastEvents struct {
	l      *Ledger
	tenant usance.TenantID
	asOf   uint64
	past   *past
}

// taking is events on their way out of the views.
type taking struct {
	store  store.Store
	tenant usance.TenantID
	lines  map[string]*takenLine
	order  []*takenLine
	gauges map[string]*takenGauge
	byID   []*takenGauge
}

// takenLine is what is taken from one series.
type takenLine struct {
	line
	base    []slotState // what adds up, by slot: the inverse of what the events added
	baseSum usance.State
	seen    map[sighting]hit
	left    map[tick]usance.State // min, max: the slots without the events
	total   usance.State          // min, max: all time without the events
	removed uint64                // min, max: events that go
	days    map[usance.Day][]byte // min, max: the rows that left and total were worked out from
	touched map[usance.Day]struct{}
}

type sighting struct {
	at    tick
	value [16]byte
}

type takenGauge struct {
	gauge
	left map[tick]*sample // the newest sample that is left in each slot; nil for none
}

// takeBack works out how to take events back, with the views in st.
func takeBack(ctx context.Context, from *pastEvents, st store.Store, events []*counted) (*taking, error) {
	b := &taking{store: st, tenant: from.tenant, lines: map[string]*takenLine{}, gauges: map[string]*takenGauge{}}
	gone := make(map[uint64]struct{}, len(events))
	rest := map[tick]struct{}{}
	for _, e := range events {
		gone[e.Sequence] = struct{}{}
		defs, err := from.past.at(ctx, e.since)
		if err != nil {
			return nil, err
		}
		list, err := shares(defs, &e.Event)
		if err != nil {
			return nil, err
		}
		day := localDay{zone: defs.Zone}
		for i := range list {
			b.take(e, &list[i], &day)
		}
		if needsRest(list) {
			rest[tickAt(e.Event.Time)] = struct{}{}
		}
	}
	if err := b.keep(ctx, from, gone, rest); err != nil {
		return nil, err
	}
	for _, tl := range b.order {
		if tl.left != nil {
			if err := tl.refold(ctx, b); err != nil {
				return nil, err
			}
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

// inverse takes back a state that merges by adding.
func inverse(s usance.State) usance.State {
	return usance.State{Count: -s.Count, Sum: s.Sum.Neg()}
}

// groupID is how a share's group values stand in ids; "" when its meter has none.
func (sh *share) groupID() string {
	if len(sh.meter.GroupBy) == 0 {
		return ""
	}
	return groupText(sh.Group)
}

// eachSeries calls fn on every series that a share adds to.
func eachSeries(sh *share, at usance.Path, group string, fn func(series)) {
	for _, node := range at.Lineage() {
		fn(series{sh.meter.Name, node, ""})
		if group != "" {
			fn(series{sh.meter.Name, node, group})
		}
	}
}

// take enters what an event added.
func (b *taking) take(e *counted, sh *share, day *localDay) {
	at, group := tickAt(e.Event.Time), sh.groupID()
	var lines []*line
	eachSeries(sh, e.Event.Node, group, func(s series) {
		tl := b.line(s, sh.meter)
		tl.touched[at.day()] = struct{}{}
		lines = append(lines, &tl.line)
		switch {
		case sh.meter.Aggregation == usance.AggUnique:
			h := hit{at: at, value: valueHash(sh.Value)}
			h.from, h.to = day.of(e.Event.Time)
			if tl.seen == nil {
				tl.seen = map[sighting]hit{}
			}
			tl.seen[sighting{at, h.value}] = h
		case sh.meter.Aggregation == usance.AggMin, sh.meter.Aggregation == usance.AggMax:
			if tl.left == nil {
				tl.left = map[tick]usance.State{}
			}
			tl.left[at] = usance.State{}
			tl.removed++
		case !sh.sample():
			back := inverse(sh.state())
			tl.base, tl.baseSum = mergeSlot(tl.base, at, back), tl.baseSum.Merge(back)
		}
	})
	if sh.sample() {
		id := gaugeID(sh.meter.Name, e.Event.Node, e.Event.Subject, group)
		g, ok := b.gauges[id]
		if !ok {
			g = &takenGauge{gauge: gauge{gaugeKey: gaugeKey{sh.meter, e.Event.Node, e.Event.Subject, group}, id: id, lines: lines}, left: map[tick]*sample{}}
			b.gauges[id] = g
			b.byID = append(b.byID, g)
		}
		g.left[at] = nil
		if !slices.Contains(g.days, at.day()) {
			g.days = append(g.days, at.day())
		}
	}
}

func (b *taking) line(s series, m *usance.Meter) *takenLine {
	id := s.id()
	tl, ok := b.lines[id]
	if !ok {
		tl = &takenLine{touched: map[usance.Day]struct{}{}}
		tl.line = line{series: s, meter: m, id: id}
		b.lines[id] = tl
		b.order = append(b.order, tl)
	}
	return tl
}

// keep looks through what is left of the slots.
func (b *taking) keep(ctx context.Context, from *pastEvents, gone map[uint64]struct{}, slots map[tick]struct{}) error {
	if len(slots) == 0 {
		return nil
	}
	ticks := slices.Sorted(maps.Keys(slots))
	return from.l.eachEvent(ctx, from.tenant, stretch{ticks[0].start(), (ticks[len(ticks)-1] + 1).start()}, from.asOf, func(e *counted) error {
		at := tickAt(e.Event.Time)
		if _, ok := slots[at]; !ok {
			return nil
		}
		if _, ok := gone[e.Sequence]; ok {
			return nil
		}
		list, err := from.past.shares(ctx, e)
		if err != nil {
			return err
		}
		for i := range list {
			b.stays(e, at, &list[i])
		}
		return nil
	})
}

// stays enters what an event that is left adds to the slots.
func (b *taking) stays(e *counted, at tick, sh *share) {
	group := sh.groupID()
	switch sh.meter.Aggregation {
	case usance.AggUnique:
		seen := sighting{at, valueHash(sh.Value)}
		eachSeries(sh, e.Event.Node, group, func(s series) {
			if tl, ok := b.lines[s.id()]; ok {
				delete(tl.seen, seen)
			}
		})
	case usance.AggMin, usance.AggMax:
		eachSeries(sh, e.Event.Node, group, func(s series) {
			if tl, ok := b.lines[s.id()]; ok {
				if left, ok := tl.left[at]; ok {
					tl.left[at] = left.Merge(sh.state())
				}
			}
		})
	case usance.AggGauge:
		if !sh.sample() {
			return
		}
		g, ok := b.gauges[gaugeID(sh.meter.Name, e.Event.Node, e.Event.Subject, group)]
		if !ok {
			return
		}
		left, ok := g.left[at]
		if s := sampleAt(e.Event.Time, sh.Amount); ok && (left == nil || s.newer(*left)) {
			g.left[at] = &s
		}
	}
}

// refold works out the least and greatest of all time without the events.
func (tl *takenLine) refold(ctx context.Context, b *taking) error {
	tl.total, tl.days = usance.State{}, map[usance.Day][]byte{}
	for _, left := range tl.left {
		tl.total = tl.total.Merge(left)
	}
	return b.store.Scan(ctx, b.tenant, store.Range{Table: store.Rollups, From: tl.id, To: after(tl.id)}, func(row store.Row) error {
		day, _, ok := cutDay(row.ID[len(tl.id):])
		if !ok {
			return usance.ErrCorrupt
		}
		slots, err := decodeSlots(nil, day, row.Value, tl.meter.Aggregation)
		if err != nil {
			return err
		}
		if _, ok := tl.touched[day]; ok {
			tl.days[day] = bytes.Clone(row.Value)
		}
		for _, s := range slots {
			if _, ok := tl.left[s.at]; !ok {
				tl.total = tl.total.Merge(s.state)
			}
		}
		return nil
	})
}

func (b *taking) name(keys *store.Keys) {
	row := func(t store.Table, id string) { keys.Rows = append(keys.Rows, store.Key{Table: t, ID: id}) }
	for _, tl := range b.order {
		row(store.Totals, tl.id)
		for d := range tl.touched {
			row(store.Rollups, tl.id+dayText(d))
		}
		for _, h := range tl.seen {
			for d := h.from.day(); d <= (h.to - 1).day(); d++ {
				row(store.Members, memberID(tl.id, d, h.value))
				row(store.Rollups, tl.id+dayText(d))
			}
		}
	}
	for _, g := range b.byID {
		g.name(keys, row)
	}
}

func (b *taking) apply(t *tx) error {
	missing := new(missingKeys)
	for _, tl := range b.order {
		tl.slots, tl.sum = slices.Clone(tl.base), tl.baseSum // anew in every run
	}
	for _, g := range b.byID {
		if err := g.take(t); err != nil {
			return err
		}
	}
	for _, tl := range b.order {
		if err := tl.apply(t.rows, missing); err != nil {
			return err
		}
		tl.restate(t)
	}
	if len(missing.keys) > 0 {
		return missing
	}
	return nil
}

func (tl *takenLine) apply(rows *store.Rows, missing *missingKeys) error {
	if tl.left != nil {
		return tl.replace(rows)
	}
	for _, s := range slices.SortedFunc(maps.Keys(tl.seen), func(a, b sighting) int {
		return cmp.Or(cmp.Compare(a.at, b.at), bytes.Compare(a.value[:], b.value[:]))
	}) {
		if err := tl.unsee(rows, missing, tl.seen[s]); err != nil {
			return err
		}
	}
	agg := kept(tl.meter.Aggregation)
	b, ok := rows.Get(store.Totals, tl.id)
	if !ok {
		return usance.ErrCorrupt // the events made one
	}
	sum, err := decodeTotal(b, agg)
	if err != nil {
		return err
	}
	sum.state = sum.state.Merge(tl.sum)
	rows.Put(store.Totals, tl.id, sum.encode(agg))
	return tl.flushDays(rows, missing, agg)
}

// replace sets the slots and the total to what was folded without the events.
func (tl *takenLine) replace(rows *store.Rows) error {
	agg := tl.meter.Aggregation
	for day := range tl.touched {
		id := tl.id + dayText(day)
		row, _ := rows.Get(store.Rollups, id)
		if !bytes.Equal(row, tl.days[day]) {
			return errStale
		}
		slots, err := decodeSlots(nil, day, row, agg)
		if err != nil {
			return err
		}
		for i := range slots {
			if left, ok := tl.left[slots[i].at]; ok {
				slots[i].state = left
			}
		}
		if b := appendSlots(nil, slots, agg); len(b) > 0 {
			rows.Put(store.Rollups, id, b)
		} else {
			rows.Delete(store.Rollups, id)
		}
	}
	old, ok := rows.Get(store.Totals, tl.id)
	if !ok {
		return usance.ErrCorrupt
	}
	sum, err := decodeTotal(old, agg)
	if err != nil {
		return err
	}
	if sum.state.Count != tl.total.Count+tl.removed {
		return errStale // another slot has changed since
	}
	sum.state = tl.total
	rows.Put(store.Totals, tl.id, sum.encode(agg))
	return nil
}

// take removes the subject's samples from their slots, or puts the newest that is
// left in each there, and changes the sum accordingly.
func (g *takenGauge) take(t *tx) error {
	history, err := g.load(t)
	if err != nil {
		return err
	}
	for _, at := range slices.Sorted(maps.Keys(g.left)) {
		i, found := slices.BinarySearchFunc(history, at, func(h sample, at tick) int { return cmp.Compare(h.at, at) })
		if !found {
			return usance.ErrCorrupt // the events left one
		}
		was, is := history[i].value, usance.Amount(0)
		if left := g.left[at]; left != nil {
			is, history[i] = left.value, *left
		} else {
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
	}
	for _, d := range g.days {
		t.putSamples(g.id, d, encodeSamples(history, d))
	}
	return nil
}

// unsee takes a value out of a slot, and moves or removes its first sighting.
func (tl *takenLine) unsee(rows *store.Rows, missing *missingKeys, h hit) error {
	zone, err := tl.zone(rows)
	if err != nil {
		return err
	}
	if zone != nil {
		day := localDay{zone: zone}
		h.from, h.to = day.of(h.at.start())
	}
	return tl.mark(rows, missing, h, false)
}
