package ledger

import (
	"crypto/sha256"
	"time"

	"github.com/usance/usance"
	"github.com/usance/usance/registry"
	"github.com/usance/usance/store"
)

// folding is what a batch of events adds to the views, gathered in memory before
// any row is read: one line a series, so that a row is read and written once a
// batch however many events touch it.
type folding struct {
	defs    *registry.Definitions
	lines   []*line
	bySpot  map[spot]*gathered
	full    []*gathered // those with something to be spread
	byID    map[string]*line
	gauges  []*gauge
	byGauge map[gaugeKey]*gauge
	day     localDay
	whole   map[registry.QuotaRef]*line // the lines of all groups together, once guard needs them

	// freed is, by meter, what of a hold on the same path the step gives back.
	freed map[string]usance.Sum
}

// spot is where one share lands, before the path above it is walked.
type spot struct {
	meter *usance.Meter
	node  usance.Path
	group string
}

// gathered is what the shares of one spot add, before it is spread over the lines
// of the spot.
type gathered struct {
	lines    []*line
	slots    []slotState
	enforced bool
}

// line is what a batch adds to one series.
type line struct {
	series
	meter *usance.Meter
	id    string
	slots []slotState
	sum   usance.State
	hits  []hit // unique meters: what was seen, to be looked up when applied
	// enforced lines are compared with their quotas once applied.
	enforced bool
}

// hit is a sighting of a value by a unique meter.
type hit struct {
	at       tick
	value    [16]byte
	from, to tick // the calendar day it lies in, in the tenant's zone
}

func newFolding(defs *registry.Definitions) *folding {
	return &folding{defs: defs, bySpot: map[spot]*gathered{}, byID: map[string]*line{}, byGauge: map[gaugeKey]*gauge{},
		day: localDay{zone: defs.Zone}}
}

// at returns where a share is gathered, with the lines it adds to: at its node and
// every node above, for all groups together and for its own.
func (f *folding) at(s spot) *gathered {
	g, ok := f.bySpot[s]
	if ok {
		return g
	}
	g = new(gathered)
	for _, node := range s.node.Lineage() {
		g.lines = append(g.lines, f.line(s.meter, series{s.meter.Name, node, ""}))
		if s.group != "" {
			g.lines = append(g.lines, f.line(s.meter, series{s.meter.Name, node, s.group}))
		}
	}
	f.bySpot[s] = g
	return g
}

func (f *folding) line(m *usance.Meter, s series) *line {
	id := s.id()
	ln, ok := f.byID[id]
	if !ok {
		ln = &line{series: s, meter: m, id: id}
		f.byID[id] = ln
		f.lines = append(f.lines, ln)
	}
	return ln
}

// add folds an event in.
func (f *folding) add(p *prepared) {
	f.gather(p)
	f.spread()
}

// gather begins to fold an event in; spread has to follow, once for many.
func (f *folding) gather(p *prepared) {
	day, slot := usance.SlotOf(p.in.Time)
	at := tickOf(day, slot)
	for i := range p.shares {
		sh := &p.shares[i]
		g := f.at(spot{sh.meter, p.in.Node, sh.group})
		if p.enforced && !g.enforced {
			g.enforced = true
			for _, ln := range g.lines {
				ln.enforced = true
			}
		}
		switch {
		case sh.sample():
			f.addSample(p, sh, g.lines)
		case sh.meter.Aggregation == usance.AggUnique:
			h := hit{at: at, value: valueHash(sh.Value)}
			h.from, h.to = f.day.of(p.in.Time)
			for _, ln := range g.lines {
				ln.hits = append(ln.hits, h)
			}
		default:
			if len(g.slots) == 0 {
				f.full = append(f.full, g)
			}
			g.slots = mergeSlot(g.slots, at, sh.state())
		}
	}
}

// spread adds what was gathered to the lines.
func (f *folding) spread() {
	for _, g := range f.full {
		for _, ln := range g.lines {
			for _, s := range g.slots {
				ln.slots = mergeSlot(ln.slots, s.at, s.state)
				ln.sum = ln.sum.Merge(s.state)
			}
		}
		g.slots = g.slots[:0]
	}
	f.full = f.full[:0]
}

func valueHash(v string) [16]byte {
	sum := sha256.Sum256([]byte(v))
	return [16]byte(sum[:16])
}

// localDay finds the slots of the calendar day an instant lies in, remembering
// the last answer: events of a batch crowd on few days.
type localDay struct {
	zone     *time.Location
	from, to time.Time
}

func (d *localDay) of(t time.Time) (from, to tick) {
	if d.from.IsZero() || t.Before(d.from) || !t.Before(d.to) {
		d.from, d.to = usance.DayWindow.Bounds(t, d.zone)
	}
	return tickAt(d.from), tickAt(d.to)
}

// tickAt returns the slot that t lies in.
func tickAt(t time.Time) tick {
	day, slot := usance.SlotOf(t)
	return tickOf(day, slot)
}

// name adds every row that apply will read to keys.
func (f *folding) name(keys *store.Keys) {
	row := func(t store.Table, id string) { keys.Rows = append(keys.Rows, store.Key{Table: t, ID: id}) }
	for _, ln := range f.lines {
		row(store.Totals, ln.id)
		last := usance.Day(-1 << 31)
		for _, s := range ln.slots {
			if d := s.at.day(); d != last {
				row(store.Rollups, ln.id+dayText(d))
				last = d
			}
		}
		named := map[usance.Day]bool{}
		for _, h := range ln.hits {
			for d := h.from.day(); d <= (h.to - 1).day(); d++ {
				row(store.Members, memberID(ln.id, d, h.value))
				if !named[d] {
					named[d] = true
					row(store.Rollups, ln.id+dayText(d))
				}
			}
		}
	}
	for _, g := range f.gauges {
		g.name(keys, row)
	}
}

// missingKeys says that a step turned out to need rows that were not named.
type missingKeys struct{ keys []store.Key }

func (m *missingKeys) Error() string { return "ledger: more rows are needed" }

func (m *missingKeys) need(rows *store.Rows, t store.Table, id string) bool {
	if rows.Named(t, id) {
		return false
	}
	m.keys = append(m.keys, store.Key{Table: t, ID: id})
	return true
}

// apply folds everything into the rows. named is the folding whose keys were
// loaded: f itself, or one over a superset of f's events.
func (f *folding) apply(t *tx, named *folding) error {
	missing := new(missingKeys)
	for _, g := range f.gauges { // lines may hold what an earlier run made of them
		for _, ln := range g.lines {
			ln.slots, ln.sum = nil, usance.State{}
		}
	}
	for _, g := range f.gauges {
		if err := g.apply(t, named.byGauge[g.gaugeKey]); err != nil {
			return err
		}
	}
	groups := map[spot]uint64{} // new groups by meter and node
	for _, ln := range f.lines {
		if err := ln.sight(t.rows, missing); err != nil {
			return err
		}
		if ln.group == "" {
			continue
		}
		isNew, err := ln.flush(t.rows, missing, f.defs, 0)
		if err != nil {
			return err
		}
		if isNew {
			groups[spot{meter: ln.meter, node: ln.node}]++
		}
	}
	for _, ln := range f.lines {
		if ln.group != "" {
			continue
		}
		if _, err := ln.flush(t.rows, missing, f.defs, groups[spot{meter: ln.meter, node: ln.node}]); err != nil {
			return err
		}
	}
	if len(missing.keys) > 0 {
		return missing
	}
	return nil
}

// flush merges the line into its total and its days. It reports whether the
// series is new.
func (ln *line) flush(rows *store.Rows, missing *missingKeys, defs *registry.Definitions, newGroups uint64) (isNew bool, err error) {
	agg := kept(ln.meter.Aggregation)
	old, ok := rows.Get(store.Totals, ln.id)
	var sum total
	if ok {
		if sum, err = decodeTotal(old, agg); err != nil {
			return false, err
		}
	} else if ln.meter.Aggregation == usance.AggUnique {
		sum.zone = defs.Tenant.Timezone
	}
	sum.state = sum.state.Merge(ln.sum)
	sum.groups += newGroups
	if sum.groups > usance.MaxGroups {
		return false, tooManyGroups(ln.meter, ln.node)
	}
	rows.Put(store.Totals, ln.id, sum.encode(agg))
	return !ok, ln.flushDays(rows, missing, agg)
}

func tooManyGroups(m *usance.Meter, at usance.Path) error {
	return usance.Errorf(usance.KindTooLarge, "meter %s has %d groups at %s already, the most there may be", m.Name, usance.MaxGroups, at)
}

// flushDays merges the line's slots, which are in order, into its days.
func (ln *line) flushDays(rows *store.Rows, missing *missingKeys, agg usance.Aggregation) error {
	for i := 0; i < len(ln.slots); {
		day, j := ln.slots[i].at.day(), i
		for j < len(ln.slots) && ln.slots[j].at.day() == day {
			j++
		}
		if err := flushDay(rows, missing, ln.id, day, ln.slots[i:j], agg); err != nil {
			return err
		}
		i = j
	}
	return nil
}

func flushDay(rows *store.Rows, missing *missingKeys, id string, day usance.Day, slots []slotState, agg usance.Aggregation) error {
	rowID := id + dayText(day)
	if missing.need(rows, store.Rollups, rowID) {
		return nil
	}
	merged := slots
	if old, ok := rows.Get(store.Rollups, rowID); ok {
		list, err := decodeSlots(make([]slotState, 0, usance.Slots), day, old, agg)
		if err != nil {
			return err
		}
		for _, s := range slots {
			list = mergeSlot(list, s.at, s.state)
		}
		merged = list
	}
	putSlots(rows, rowID, make([]byte, 0, 8+4*len(merged)), merged, agg)
	return nil
}
