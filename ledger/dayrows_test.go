package ledger

import (
	"context"
	"errors"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/usance/usance"
	"github.com/usance/usance/internal/journal"
	"github.com/usance/usance/registry"
	"github.com/usance/usance/store"
)

// anyState is a state as an aggregation keeps it, now and then a wide one.
func anyState(r *rand.Rand, agg usance.Aggregation) usance.State {
	var s usance.State
	for range 1 + r.IntN(3) {
		a := []int64{int64(r.IntN(100)), int64(r.IntN(2_000_000)) - 1_000_000, r.Int64(), -r.Int64(), math.MinInt64, math.MaxInt64}[r.IntN(6)]
		s = s.Observe(a)
	}
	b := s.Append(nil, agg)
	kept, _, err := usance.DecodeState(b, agg)
	if err != nil {
		panic(err)
	}
	return kept
}

// anyDays makes rows of a few days, and the slots that are in them.
func anyDays(r *rand.Rand, first usance.Day, days int, agg usance.Aggregation) (rows map[usance.Day][]byte, slots []slotState) {
	rows = map[usance.Day][]byte{}
	for d := first; d < first+usance.Day(days); d++ {
		var of []slotState
		dense := r.IntN(3)
		for slot := range usance.Slots {
			if dense > 0 && r.IntN(dense*10) == 0 {
				of = append(of, slotState{tickOf(d, slot), anyState(r, agg)})
			}
		}
		of = slices.DeleteFunc(of, func(s slotState) bool { return s.state.Empty(agg) })
		if len(of) > 0 {
			rows[d] = appendSlots(nil, of, agg)
			slots = append(slots, of...)
		}
	}
	return rows, slots
}

// anyStretches are in order and do not overlap; most begin where the one before
// ends.
func anyStretches(r *rand.Rand, first usance.Day, days int) []stretch {
	var out []stretch
	at := first.Start().Add(time.Duration(r.IntN(3*usance.Slots)-usance.Slots) * usance.Slot)
	for range 1 + r.IntN(5) {
		width := []int{1, 4, usance.Slots, usance.Slots - 20, 3 * usance.Slots}[r.IntN(5)]
		end := at.Add(time.Duration(1+r.IntN(width)) * usance.Slot)
		if end.After((first + usance.Day(days) + 3).Start()) {
			break
		}
		out = append(out, stretch{at, end})
		if at = end; r.IntN(4) == 0 {
			at = at.Add(time.Duration(r.IntN(usance.Slots)) * usance.Slot)
		}
	}
	if len(out) == 0 {
		return []stretch{{first.Start(), (first + 1).Start()}}
	}
	return out
}

// plainly folds slots one by one into the stretch that holds each.
func plainly(slots []slotState, agg usance.Aggregation, from, to tick) usance.State {
	var sum usance.State
	for _, s := range slots {
		if s.at >= from && s.at < to {
			sum = sum.Merge(s.state)
		}
	}
	return sum
}

// TestDaysFoldedAsTheyStandAreTheirSlotsOneByOne asks for random stretches of
// random days by name and as a range, and folds their slots one by one.
func TestDaysFoldedAsTheyStandAreTheirSlotsOneByOne(t *testing.T) {
	aggs := []usance.Aggregation{usance.AggCount, usance.AggSum, usance.AggMin, usance.AggMax, usance.AggAverage, usance.AggLevel, usance.AggGauge}
	rapid.Check(t, func(t *rapid.T) {
		r := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 3))
		for range 20 {
			m := &usance.Meter{Name: "m", Aggregation: aggs[r.IntN(len(aggs))]}
			agg := kept(m.Aggregation)
			first, days := usance.Day(19_000+r.IntN(50)), 1+r.IntN(6)
			stored, slots := anyDays(r, first, days, agg)
			stretches := anyStretches(r, first, days)
			all := plainly(slots, agg, math.MinInt64, math.MaxInt64)
			head := journal.Head{Newest: (first + usance.Day(days)).Start()}
			var reach usance.Day
			for _, known := range []*usance.Day{nil, &reach} {
				got, err := evalOf(stored, m, all, stretches, head, known)
				if err != nil {
					t.Fatal(err)
				}
				for i, s := range stretches {
					want := plainly(slots, agg, tickAt(s.from), tickAt(s.to)).Value(agg)
					if m.Aggregation.Stands() {
						want = all.Sum.Minus(plainly(slots, agg, tickAt(s.to), math.MaxInt64).Sum)
					}
					if got[0][i].value != want {
						t.Fatalf("%s of %v, by name %v: %v, want %v", agg, s, known != nil, got[0][i].value, want)
					}
				}
			}
		}
	})
}

// evalOf answers stretches of one series from a load that has just what the plan
// named, and begins anew where a read would.
func evalOf(days map[usance.Day][]byte, m *usance.Meter, all usance.State, stretches []stretch, head journal.Head, reach *usance.Day) ([][]cell, error) {
	for {
		p := newPlan(&registry.Definitions{}, m, usance.Root, stretches)
		p.add("", 0)
		p.reach = reach
		var keys store.Keys
		p.name(&keys)
		rows, id := store.NewRows(keys), p.series[0].id
		for _, k := range keys.Rows {
			if k.Table == store.Totals {
				rows.Found(k, total{state: all}.encode(kept(m.Aggregation)))
			} else if d, _, _ := cutDay(k.ID[len(id):]); days[d] != nil {
				rows.Found(k, days[d])
			}
		}
		for i, want := range keys.Ranges {
			var list []store.Row
			for d, b := range days {
				if row := id + dayText(d); row >= want.From && (want.To == "" || row < want.To) {
					list = append(list, store.Row{ID: row, Value: b})
				}
			}
			slices.SortFunc(list, func(a, b store.Row) int { return strings.Compare(a.ID, b.ID) })
			rows.FoundRange(i, list)
		}
		cells, err := p.eval(context.Background(), nil, "", rows, head)
		if !errors.Is(err, errStale) {
			return cells, errors.Join(err, rows.Fault())
		}
	}
}

func TestADayThatNoEncoderWroteIsRefused(t *testing.T) {
	for _, agg := range []usance.Aggregation{usance.AggSum, usance.AggCount, usance.AggAverage} {
		for _, b := range [][]byte{{0, 2}, {97, 2}, {1}, {1, 0x80}, {1, 2, 0, 2}, {96, 2, 1, 2}, {1, 2, 97, 2}} {
			w := walkDay(b, agg)
			if _, err := w.to(usance.Slots); !errors.Is(err, usance.ErrCorrupt) {
				t.Errorf("%s, % x: %v", agg, b, err)
			}
		}
	}
}
