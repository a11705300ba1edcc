package ledger

import (
	"context"
	"math"
	"slices"
	"time"

	"github.com/usance/usance"
	"github.com/usance/usance/internal/journal"
	"github.com/usance/usance/registry"
	"github.com/usance/usance/store"
)

// stretch is a piece of time, [from, to); the zero time leaves a side open.
type stretch struct{ from, to time.Time }

// plan answers one meter over stretches of time, which are in order and do not
// overlap, for one or several outputs (groups). It names the rows it needs, so
// that many plans can share one load, and then works the numbers out.
type plan struct {
	defs      *registry.Definitions
	meter     *usance.Meter
	node      usance.Path
	stretches []stretch
	series    []planned
	outputs   int

	// members says that a unique meter is counted from its sets rather than from
	// first sightings.
	members bool

	spent *budget // bounds the events read one by one; nil for no bound

	endings []ending // of the stretches; nil when all are endBefore

	// reach, if there is one, is the last day that something of the tenant is known to
	// lie on. The plans of one read share it.
	reach *usance.Day

	room [1]planned // for series, of which most plans have one
}

// planned is a series that an output is made of.
type planned struct {
	series
	id     string
	output int
	days   dayRows // those of its rollups that are named one by one
	range_ int     // of its rollups, or members, among the load's ranges; -1 for none
}

// cell is the answer for one output and stretch.
type cell struct {
	value   usance.Sum
	present bool // something happened in the stretch
}

func newPlan(defs *registry.Definitions, m *usance.Meter, node usance.Path, stretches []stretch) *plan {
	return &plan{defs: defs, meter: m, node: node, stretches: stretches}
}

// add makes a series part of an output.
func (p *plan) add(group string, output int) {
	s := series{p.meter.Name, p.node, group}
	p.addSeries(s, s.id(), output)
}

func (p *plan) addSeries(s series, id string, output int) {
	if p.series == nil {
		p.series = p.room[:0]
	}
	p.series = append(p.series, planned{series: s, id: id, output: output, range_: -1})
	p.outputs = max(p.outputs, output+1)
}

// name adds what the plan reads to keys.
func (p *plan) name(keys *store.Keys) {
	if p.meter.Aggregation == usance.AggUnique {
		p.members = p.members || !p.sightingsSuffice()
	}
	first, last, few := p.fewDays()
	if few {
		keys.Rows = slices.Grow(keys.Rows, len(p.series)*(int(last-first)+2)+2) // those of the head and of holds, too
	}
	for i := range p.series {
		s := &p.series[i]
		s.range_, s.days = -1, dayRows{}
		from, to, needed := "", "", !few
		if !few {
			from, to, needed = p.dayRange(s.id)
		}
		if p.fromTotals() || !few && !needed {
			keys.Rows = append(keys.Rows, store.Key{Table: store.Totals, ID: s.id})
		}
		switch {
		case few:
			s.days = nameDays(keys, s.id, first, last)
		case needed:
			s.range_ = len(keys.Ranges)
			table := store.Rollups
			if p.members {
				table = store.Members
			}
			keys.Ranges = append(keys.Ranges, store.Range{Table: table, From: from, To: to})
		}
	}
}

// fromTotals reports that the totals are read whatever time is asked about.
func (p *plan) fromTotals() bool {
	return p.meter.Aggregation.Stands() || p.meter.Aggregation == usance.AggUnique && !p.members
}

// dayRange returns the ids of the days whose rollups or members are needed.
func (p *plan) dayRange(id string) (from, to string, needed bool) {
	first, last := p.stretches[0], p.stretches[len(p.stretches)-1]
	from, to = id, after(id)
	if p.meter.Aggregation.Stands() {
		if first.to.IsZero() {
			return "", "", false // as it stands after everything: the total
		}
		return id + dayText(usance.DayOf(first.to)), to, true
	}
	if p.whole() && !p.members {
		return "", "", false
	}
	if !first.from.IsZero() {
		from = id + dayText(usance.DayOf(first.from))
	}
	if !last.to.IsZero() {
		to = id + dayText(usance.DayOf(last.to)+1)
	}
	return from, to, true
}

// whole reports that the plan asks for all time in one stretch.
func (p *plan) whole() bool {
	return len(p.stretches) == 1 && p.stretches[0].from.IsZero() && p.stretches[0].to.IsZero()
}

// sightingsSuffice reports that every stretch begins with a calendar day of the
// tenant's zone and ends within it, and no output joins several series: then a
// unique meter's number is a sum of first sightings.
func (p *plan) sightingsSuffice() bool {
	if len(p.series) != p.outputs {
		return false
	}
	for _, s := range p.stretches {
		if s.from.IsZero() || s.to.IsZero() {
			return false
		}
		from, to := usance.DayWindow.Bounds(s.from, p.defs.Zone)
		if !from.Equal(s.from) || s.to.After(to) || !aligned(s.to) {
			return false
		}
	}
	return true
}

func aligned(t time.Time) bool {
	return t.Nanosecond() == 0 && t.Unix()%int64(usance.Slot/time.Second) == 0
}

// eval works the plan out from the rows of a load that named it. The result is
// by output, then stretch.
func (p *plan) eval(ctx context.Context, l *Ledger, tenant usance.TenantID, rows *store.Rows, head journal.Head) ([][]cell, error) {
	out := grid[cell](p.outputs, len(p.stretches))
	if err := p.settleEndings(ctx, l, tenant, head); err != nil {
		return nil, err
	}
	switch {
	case p.members:
		sets := grid[valueSet](p.outputs, len(p.stretches))
		if err := p.evalMembers(rows, head.Newest, sets); err != nil {
			return nil, err
		}
		if err := p.addMemberPieces(ctx, l, tenant, head, sets); err != nil {
			return nil, err
		}
		fill(out, sets, func(v valueSet) cell { return cell{usance.SumOf(int64(len(v))), len(v) > 0} })
		return out, nil
	case p.meter.Aggregation.Stands():
		if err := p.reaches(head); err != nil {
			return nil, err
		}
		if err := p.evalStanding(rows, head.Newest, out); err != nil {
			return nil, err
		}
		return out, p.addStandingPieces(ctx, l, tenant, head, out)
	}
	states := grid[usance.State](p.outputs, len(p.stretches))
	agg := kept(p.meter.Aggregation)
	spans := p.spans(head.Newest)
	for i := range p.series {
		s := &p.series[i]
		if p.fromTotals() || !s.byDay() {
			sum, err := p.total(rows, s)
			if err != nil {
				return nil, err
			}
			if p.meter.Aggregation == usance.AggUnique && sum.zone != "" && sum.zone != p.defs.Tenant.Timezone {
				return p.again(ctx, l, tenant)
			}
			if !s.byDay() {
				states[s.output][0] = states[s.output][0].Merge(sum.state)
				continue
			}
		}
		f := daysFold{spans: spans, states: states[s.output], agg: agg}
		if err := s.eachDay(rows, f.day); err != nil {
			return nil, err
		}
	}
	if err := p.addPieces(ctx, l, tenant, head, states); err != nil {
		return nil, err
	}
	fill(out, states, func(s usance.State) cell { return cell{s.Value(agg), !s.Empty(agg)} })
	return out, nil
}

func grid[T any](outputs, stretches int) [][]T {
	g, all := make([][]T, outputs), make([]T, outputs*stretches)
	for i := range g {
		g[i] = all[i*stretches:][:stretches:stretches]
	}
	return g
}

func fill[A, B any](out [][]A, in [][]B, as func(B) A) {
	for o := range in {
		for i := range in[o] {
			out[o][i] = as(in[o][i])
		}
	}
}

// again counts a unique meter from its sets, in a load of its own: its first
// sightings are kept in another zone than the tenant's present one.
func (p *plan) again(ctx context.Context, l *Ledger, tenant usance.TenantID) ([][]cell, error) {
	p.members = true
	keys := store.Keys{Rows: []store.Key{journal.HeadKey}}
	p.name(&keys)
	rows, err := l.st.Load(ctx, tenant, keys)
	if err != nil {
		return nil, err
	}
	head, err := journal.ReadHead(rows)
	if err != nil {
		return nil, err
	}
	return p.eval(ctx, l, tenant, rows, head)
}

func (p *plan) total(rows *store.Rows, s *planned) (total, error) {
	b, ok := rows.Get(store.Totals, s.id)
	if !ok {
		return total{}, nil
	}
	return decodeTotal(b, kept(p.meter.Aggregation))
}

// piece is a part of a slot, whose events are looked at one by one: they are added
// to what the whole slots say, or taken from it.
type piece struct {
	stretch
	less bool
}

// cut resolves a stretch to whole slots, [from, to), and to the pieces of slots
// beside them or taken from them. There are none unless a bound lies inside a slot
// and some event is newer than the bound: past the newest event, a slot that has
// begun is as good as whole.
func (s stretch) cut(newest time.Time, end ending) (from, to tick, pieces []piece) {
	from, to = math.MinInt64, math.MaxInt64
	if !s.from.IsZero() {
		from = tickAt(s.from)
		if !aligned(s.from) {
			from++
			if !s.from.After(newest) {
				first := stretch{s.from, from.start()}
				if !s.to.IsZero() && s.to.Before(first.to) {
					first.to = s.to
				}
				pieces = append(pieces, piece{stretch: first})
			}
		}
	}
	if !s.to.IsZero() {
		to = tickAt(s.to)
		switch {
		case aligned(s.to):
		case s.to.After(newest), end == endWhole:
			to++
		case to < from: // both bounds lie in one slot, and there is a piece already
		case end == endLess:
			to++
			pieces = append(pieces, piece{stretch{s.to, to.start()}, true})
		default:
			pieces = append(pieces, piece{stretch: stretch{to.start(), s.to}})
		}
	}
	return from, to, pieces
}

// spans are the whole slots of the stretches.
func (p *plan) spans(newest time.Time) []ticks {
	out := make([]ticks, len(p.stretches))
	for i, s := range p.stretches {
		out[i].from, out[i].to, _ = s.cut(newest, p.ending(i))
	}
	return out
}

// evalStanding reads levels and gauges at the ends of the stretches: the total
// less every change at or after the end.
func (p *plan) evalStanding(rows *store.Rows, newest time.Time, out [][]cell) error {
	n := len(p.stretches)
	changes := make([]ticks, n) // from the end of one to the end of the next
	for i, s := range p.stretches {
		_, changes[i].from, _ = stretch{to: s.to}.cut(newest, p.ending(i))
		changes[i].to = math.MaxInt64
		if i > 0 {
			changes[i-1].to = changes[i].from
		}
	}
	states := make([]usance.State, n)
	for i := range p.series {
		s := &p.series[i]
		sum, err := p.total(rows, s)
		if err != nil {
			return err
		}
		clear(states)
		f := daysFold{spans: changes, states: states, agg: usance.AggLevel}
		if err := s.eachDay(rows, f.day); err != nil {
			return err
		}
		standing := sum.state.Sum
		for i := n - 1; i >= 0; i-- {
			standing = standing.Minus(states[i].Sum)
			c := &out[s.output][i]
			*c = cell{c.value.Plus(standing), true}
		}
	}
	return nil
}

// evalMembers counts a unique meter from its sets.
func (p *plan) evalMembers(rows *store.Rows, newest time.Time, sets [][]valueSet) error {
	bounds := p.spans(newest)
	for i := range p.series {
		s := &p.series[i]
		if list := sets[s.output]; len(list) == 1 && list[0] == nil {
			list[0] = make(valueSet, len(rows.Range(s.range_))) // nearly all of them are counted
		}
		for _, row := range rows.Range(s.range_) {
			day, value, ok := cutDay(row.ID[len(s.id):])
			if !ok || len(value) != 16 {
				return usance.ErrCorrupt
			}
			slots, err := decodeSeen(row.Value)
			if err != nil {
				return err
			}
			start := tickOf(day, 0)
			// The stretches are in order: skip those that end before the day.
			i, _ := slices.BinarySearchFunc(bounds, start, func(b ticks, at tick) int {
				if b.to <= at {
					return -1
				}
				return 1
			})
			for ; i < len(bounds) && bounds[i].from < start+tick(usance.Slots); i++ {
				lo, hi := max(bounds[i].from, start)-start, min(bounds[i].to, start+tick(usance.Slots))-start
				if slots.first(int(lo), int(hi)) >= 0 {
					sets[s.output][i].add([16]byte([]byte(value)))
				}
			}
		}
	}
	return nil
}

type valueSet map[[16]byte]struct{}

func (v *valueSet) add(value [16]byte) {
	if *v == nil {
		*v = valueSet{}
	}
	(*v)[value] = struct{}{}
}
