package ledger

import (
	"bytes"
	"cmp"
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
	back   *takingAll        // nil when they come back
	fresh  []*folding        // one for each version of the definitions
}

func newRangeChange(ctx context.Context, from *pastEvents, st store.Store, events []*counted, bringBack bool) (*rangeChange, error) {
	c := &rangeChange{events: events, ticks: map[tick]struct{}{}}
	for _, e := range events {
		c.ticks[tickAt(e.Event.Time)] = struct{}{}
	}
	var err error
	if !bringBack {
		c.back, err = takeBackAll(ctx, from, st, events)
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
				own, entry := *e, *e.Entry
				own.Entry = &entry
				out = append(out, &own)
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

// takingAll is many events on their way out of the views: what taking is for one.
// What minima, maxima, gauges and sets become is folded from what is left of the
// events' slots, which is read once for all of them.
type takingAll struct {
	store  store.Store
	tenant usance.TenantID
	lines  map[string]*lineBack
	order  []*lineBack
	gauges map[string]*gaugeBack
	byID   []*gaugeBack
}

// lineBack is what is taken from one series.
type lineBack struct {
	takenLine
	base    []slotState // what adds up, by slot: the inverse of what the events added
	baseSum usance.State
	hits    map[sighting]hit
	left    map[tick]usance.State // min, max: the slots without the events
	removed uint64                // min, max: events that go
	days    map[usance.Day][]byte // min, max: the rows that left and total were worked out from
	touched map[usance.Day]struct{}
}

type sighting struct {
	at    tick
	value [16]byte
}

type gaugeBack struct {
	gauge
	left map[tick]*sample // the newest sample that is left in each slot; nil for none
}

func takeBackAll(ctx context.Context, from *pastEvents, st store.Store, events []*counted) (*takingAll, error) {
	b := &takingAll{store: st, tenant: from.tenant, lines: map[string]*lineBack{}, gauges: map[string]*gaugeBack{}}
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
	for _, lb := range b.order {
		if lb.left != nil {
			if err := lb.refold(ctx, b); err != nil {
				return nil, err
			}
		}
	}
	return b, nil
}

// group is how a share's group values stand in ids; "" when its meter has none.
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
func (b *takingAll) take(e *counted, sh *share, day *localDay) {
	at, group := tickAt(e.Event.Time), sh.groupID()
	var lines []*line
	eachSeries(sh, e.Event.Node, group, func(s series) {
		lb := b.line(s, sh.meter)
		lb.touched[at.day()] = struct{}{}
		lines = append(lines, &lb.line)
		switch {
		case sh.meter.Aggregation == usance.AggUnique:
			h := hit{at: at, value: valueHash(sh.Value)}
			h.from, h.to = day.of(e.Event.Time)
			if lb.hits == nil {
				lb.hits = map[sighting]hit{}
			}
			lb.hits[sighting{at, h.value}] = h
		case sh.meter.Aggregation == usance.AggMin, sh.meter.Aggregation == usance.AggMax:
			if lb.left == nil {
				lb.left = map[tick]usance.State{}
			}
			lb.left[at] = usance.State{}
			lb.removed++
		case !sh.sample():
			back := inverse(sh.state())
			lb.base, lb.baseSum = mergeSlot(lb.base, at, back), lb.baseSum.Merge(back)
		}
	})
	if sh.sample() {
		id := gaugeID(sh.meter.Name, e.Event.Node, e.Event.Subject, group)
		g, ok := b.gauges[id]
		if !ok {
			g = &gaugeBack{gauge: gauge{gaugeKey: gaugeKey{sh.meter, e.Event.Node, e.Event.Subject, group}, id: id, lines: lines}, left: map[tick]*sample{}}
			b.gauges[id] = g
			b.byID = append(b.byID, g)
		}
		g.left[at] = nil
		if !slices.Contains(g.days, at.day()) {
			g.days = append(g.days, at.day())
		}
	}
}

func (b *takingAll) line(s series, m *usance.Meter) *lineBack {
	id := s.id()
	lb, ok := b.lines[id]
	if !ok {
		lb = &lineBack{touched: map[usance.Day]struct{}{}}
		lb.line = line{series: s, meter: m, id: id}
		b.lines[id] = lb
		b.order = append(b.order, lb)
	}
	return lb
}

// keep looks through what is left of the slots.
func (b *takingAll) keep(ctx context.Context, from *pastEvents, gone map[uint64]struct{}, slots map[tick]struct{}) error {
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
func (b *takingAll) stays(e *counted, at tick, sh *share) {
	group := sh.groupID()
	switch sh.meter.Aggregation {
	case usance.AggUnique:
		seen := sighting{at, valueHash(sh.Value)}
		eachSeries(sh, e.Event.Node, group, func(s series) {
			if lb, ok := b.lines[s.id()]; ok {
				delete(lb.hits, seen)
			}
		})
	case usance.AggMin, usance.AggMax:
		eachSeries(sh, e.Event.Node, group, func(s series) {
			if lb, ok := b.lines[s.id()]; ok {
				if left, ok := lb.left[at]; ok {
					lb.left[at] = left.Merge(sh.state())
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
func (lb *lineBack) refold(ctx context.Context, b *takingAll) error {
	lb.total, lb.days = usance.State{}, map[usance.Day][]byte{}
	for _, left := range lb.left {
		lb.total = lb.total.Merge(left)
	}
	return b.store.Scan(ctx, b.tenant, store.Range{Table: store.Rollups, From: lb.id, To: after(lb.id)}, func(row store.Row) error {
		day, _, ok := cutDay(row.ID[len(lb.id):])
		if !ok {
			return usance.ErrCorrupt
		}
		slots, err := decodeSlots(nil, day, row.Value, lb.meter.Aggregation)
		if err != nil {
			return err
		}
		if _, ok := lb.touched[day]; ok {
			lb.days[day] = bytes.Clone(row.Value)
		}
		for _, s := range slots {
			if _, ok := lb.left[s.at]; !ok {
				lb.total = lb.total.Merge(s.state)
			}
		}
		return nil
	})
}

func (b *takingAll) name(keys *store.Keys) {
	row := func(t store.Table, id string) { keys.Rows = append(keys.Rows, store.Key{Table: t, ID: id}) }
	for _, lb := range b.order {
		row(store.Totals, lb.id)
		for d := range lb.touched {
			row(store.Rollups, lb.id+dayText(d))
		}
		for _, h := range lb.hits {
			for d := h.from.day(); d <= (h.to - 1).day(); d++ {
				row(store.Members, memberID(lb.id, d, h.value))
				row(store.Rollups, lb.id+dayText(d))
			}
		}
	}
	for _, g := range b.byID {
		g.name(keys, row)
	}
}

func (b *takingAll) apply(t *tx) error {
	missing := new(missingKeys)
	for _, lb := range b.order {
		lb.slots, lb.sum = slices.Clone(lb.base), lb.baseSum // anew in every run
	}
	for _, g := range b.byID {
		if err := g.take(t); err != nil {
			return err
		}
	}
	for _, lb := range b.order {
		if err := lb.apply(t.rows, missing); err != nil {
			return err
		}
		lb.restate(t)
	}
	if len(missing.keys) > 0 {
		return missing
	}
	return nil
}

func (lb *lineBack) apply(rows *store.Rows, missing *missingKeys) error {
	if lb.left != nil {
		return lb.replace(rows)
	}
	for _, seen := range slices.SortedFunc(maps.Keys(lb.hits), func(a, b sighting) int {
		return cmp.Or(cmp.Compare(a.at, b.at), bytes.Compare(a.value[:], b.value[:]))
	}) {
		lb.hit = lb.hits[seen]
		if err := lb.unsee(rows, missing); err != nil {
			return err
		}
	}
	agg := kept(lb.meter.Aggregation)
	b, ok := rows.Get(store.Totals, lb.id)
	if !ok {
		return usance.ErrCorrupt // the events made one
	}
	sum, err := decodeTotal(b, agg)
	if err != nil {
		return err
	}
	sum.state = sum.state.Merge(lb.sum)
	rows.Put(store.Totals, lb.id, sum.encode(agg))
	return lb.flushDays(rows, missing, agg)
}

// replace sets the slots and the total to what was folded without the events.
func (lb *lineBack) replace(rows *store.Rows) error {
	agg := lb.meter.Aggregation
	for day := range lb.touched {
		id := lb.id + dayText(day)
		row, _ := rows.Get(store.Rollups, id)
		if !bytes.Equal(row, lb.days[day]) {
			return errStale
		}
		slots, err := decodeSlots(nil, day, row, agg)
		if err != nil {
			return err
		}
		for i := range slots {
			if left, ok := lb.left[slots[i].at]; ok {
				slots[i].state = left
			}
		}
		if b := appendSlots(nil, slots, agg); len(b) > 0 {
			rows.Put(store.Rollups, id, b)
		} else {
			rows.Delete(store.Rollups, id)
		}
	}
	old, ok := rows.Get(store.Totals, lb.id)
	if !ok {
		return usance.ErrCorrupt
	}
	sum, err := decodeTotal(old, agg)
	if err != nil {
		return err
	}
	if sum.state.Count != lb.total.Count+lb.removed {
		return errStale // another slot has changed since
	}
	sum.state = lb.total
	rows.Put(store.Totals, lb.id, sum.encode(agg))
	return nil
}

// take removes the subject's samples from their slots, or puts the newest that is
// left in each there, and changes the sum accordingly.
func (g *gaugeBack) take(t *tx) error {
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
