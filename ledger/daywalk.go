package ledger

import (
	"encoding/binary"
	"math"

	"github.com/usance/usance"
)

// ticks is whole slots, [from, to).
type ticks struct{ from, to tick }

// dayWalk folds a day's slots where they stand in its row, without taking them
// apart: a question about whole days asks for nothing but their sums. It walks
// forward only.
type dayWalk struct {
	b    []byte
	slot int // that was walked over last
	agg  usance.Aggregation
}

func walkDay(b []byte, agg usance.Aggregation) dayWalk { return dayWalk{b, -1, agg} }

// to folds the slots from where the walk is until before a slot of the day.
func (w *dayWalk) to(end int) (state usance.State, err error) {
	switch w.agg {
	case usance.AggSum, usance.AggLevel:
		err = w.sums(end, &state.Sum)
	case usance.AggCount:
		err = w.counts(end, &state.Count)
	default:
		err = w.states(end, &state)
	}
	return state, err
}

func (w *dayWalk) states(end int, into *usance.State) error {
	for {
		more, err := w.next(end)
		if !more || err != nil {
			return err
		}
		var s usance.State
		if s, w.b, err = usance.DecodeState(w.b, w.agg); err != nil {
			return err
		}
		*into = into.Merge(s)
	}
}

// next steps to the state of the next slot, if that comes before end.
func (w *dayWalk) next(end int) (more bool, err error) {
	if len(w.b) == 0 {
		return false, nil
	}
	slot := w.slot + int(w.b[0])
	if w.b[0] == 0 || slot >= usance.Slots {
		return false, usance.ErrCorrupt
	}
	if slot >= end {
		return false, nil
	}
	w.slot, w.b = slot, w.b[1:]
	return true, nil
}

// counts is states for those that are a count and nothing else.
func (w *dayWalk) counts(end int, into *uint64) error {
	for {
		more, err := w.next(end)
		if !more || err != nil {
			return err
		}
		var u uint64
		n := 1
		if len(w.b) > 0 && w.b[0] < 0x80 {
			u = uint64(w.b[0])
		} else if u, n = binary.Uvarint(w.b); n <= 0 {
			return usance.ErrCorrupt
		}
		*into += u
		w.b = w.b[n:]
	}
}

// sums is states for those that are a sum and nothing else. Most sums of a quarter
// of an hour take one or two bytes, and most days' fit a word.
func (w *dayWalk) sums(end int, into *usance.Sum) error {
	b, slot, part := w.b, w.slot, int64(0)
	for len(b) > 1 {
		next := slot + int(b[0])
		if b[0] == 0 || next >= usance.Slots {
			return usance.ErrCorrupt
		}
		if next >= end {
			break
		}
		u, n := uint64(b[1]), 2
		if u >= 0x80 {
			if len(b) > 2 && b[2] < 0x80 {
				u, n = u&0x7f|uint64(b[2])<<7, 3
			} else if u, n = binary.Uvarint(b[1:]); n <= 0 {
				return usance.ErrCorrupt
			} else {
				n++
			}
		}
		v := int64(u>>1) ^ -int64(u&1)
		if v == math.MinInt64 { // a wide one
			s, rest, err := usance.DecodeState(b[1:], w.agg)
			if err != nil {
				return err
			}
			*into, b, slot = into.Plus(s.Sum), rest, next
			continue
		}
		sum := part + v
		if (sum^part)&(sum^v) < 0 { // past a word
			*into, sum = into.Plus(usance.SumOf(part)), v
		}
		part, b, slot = sum, b[n:], next
	}
	if len(b) == 1 {
		return usance.ErrCorrupt // a slot without a state
	}
	*into = into.Plus(usance.SumOf(part))
	w.b, w.slot = b, slot
	return nil
}

// daysFold folds the days' rows of one series, in order, into stretches of slots that
// are in order and do not overlap.
type daysFold struct {
	spans  []ticks
	states []usance.State // what each span has
	agg    usance.Aggregation
	at     int
}

func (f *daysFold) day(d usance.Day, b []byte) error {
	start, end := tickOf(d, 0), tickOf(d+1, 0)
	w := walkDay(b, f.agg)
	for ; f.at < len(f.spans); f.at++ {
		s := f.spans[f.at]
		if s.from >= end {
			return nil
		}
		if s.from > start {
			if _, err := w.to(int(s.from - start)); err != nil {
				return err
			}
		}
		state, err := w.to(int(min(s.to, end) - start))
		if err != nil {
			return err
		}
		f.states[f.at] = f.states[f.at].Merge(state)
		if s.to >= end {
			return nil // it may go on in the next day
		}
	}
	return nil
}
