package ledger

import (
	"encoding/binary"
	"slices"
	"time"

	"github.com/usance/usance"
)

// tick numbers slots from 1970-01-01T00:00Z.
type tick int64

func tickOf(d usance.Day, slot int) tick { return tick(d)*tick(usance.Slots) + tick(slot) }

func (t tick) day() usance.Day {
	d := t / tick(usance.Slots)
	if t%tick(usance.Slots) < 0 {
		d--
	}
	return usance.Day(d)
}

func (t tick) slot() int { return int(t - tick(t.day())*tick(usance.Slots)) }

// start returns the slot's first instant.
func (t tick) start() time.Time {
	return t.day().Start().Add(time.Duration(t.slot()) * usance.Slot)
}

// slotState is what a meter's events folded to in one slot.
type slotState struct {
	at    tick
	state usance.State
}

// appendSlots packs one day's slots, which are sorted: the distance from the slot
// before (the first from -1) and the state. Empty states are left out.
func appendSlots(b []byte, slots []slotState, agg usance.Aggregation) []byte {
	last := -1
	for _, s := range slots {
		if s.state.Empty(agg) {
			continue
		}
		b = append(b, byte(s.at.slot()-last))
		last = s.at.slot()
		b = s.state.Append(b, agg)
	}
	return b
}

// decodeSlots appends a day's slots to list.
func decodeSlots(list []slotState, day usance.Day, b []byte, agg usance.Aggregation) ([]slotState, error) {
	err := eachSlot(day, b, agg, func(at tick, s usance.State) { list = append(list, slotState{at, s}) })
	return list, err
}

// eachSlot calls fn on a day's slots in order.
func eachSlot(day usance.Day, b []byte, agg usance.Aggregation, fn func(tick, usance.State)) error {
	slot, start := -1, tickOf(day, 0)
	for len(b) > 0 {
		slot += int(b[0])
		if b[0] == 0 || slot >= usance.Slots {
			return usance.ErrCorrupt
		}
		var state usance.State
		var err error
		if state, b, err = usance.DecodeState(b[1:], agg); err != nil {
			return err
		}
		fn(start+tick(slot), state)
	}
	return nil
}

// mergeSlot folds a state into the slot of a sorted list.
func mergeSlot(list []slotState, at tick, s usance.State) []slotState {
	if n := len(list); n > 0 && list[n-1].at == at { // events of a batch come in runs
		list[n-1].state = list[n-1].state.Merge(s)
		return list
	}
	i, found := slices.BinarySearchFunc(list, at, func(s slotState, at tick) int { return int(s.at - at) })
	if found {
		list[i].state = list[i].state.Merge(s)
		return list
	}
	return slices.Insert(list, i, slotState{at, s})
}

// total is a row of the totals table: the state over all time, the number of
// groups beside it when the series is the ungrouped one, and for unique meters
// the zone whose calendar days its rollups count first sightings in.
type total struct {
	state  usance.State
	groups uint64
	zone   string
}

func (t total) encode(agg usance.Aggregation) []byte { return t.append(make([]byte, 0, 24), agg) }

func (t total) append(b []byte, agg usance.Aggregation) []byte {
	b = t.state.Append(b, agg)
	b = binary.AppendUvarint(b, t.groups)
	return append(b, t.zone...)
}

func decodeTotal(b []byte, agg usance.Aggregation) (total, error) {
	var t total
	var err error
	if t.state, b, err = usance.DecodeState(b, agg); err != nil {
		return t, err
	}
	n, size := binary.Uvarint(b)
	if size <= 0 {
		return t, usance.ErrCorrupt
	}
	t.groups, t.zone = n, string(b[size:])
	return t, nil
}

// kept is how an aggregation's slots and totals are stored. Gauges are kept as
// the changes of their sum, which fold as a level does; uniques as numbers of
// first sightings, which fold as a count.
func kept(agg usance.Aggregation) usance.Aggregation {
	switch agg {
	case usance.AggGauge:
		return usance.AggLevel
	case usance.AggUnique:
		return usance.AggCount
	}
	return agg
}
