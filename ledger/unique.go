package ledger

import (
	"math"
	"math/bits"
	"time"

	"github.com/usance/usance"
	"github.com/usance/usance/store"
)

// Unique meters keep two views. Members has a row for each value and UTC day
// with the slots it was seen in: any window's exact number is the size of a
// union over it. Rollups has, for each slot, how many values were first seen
// there within their calendar day in one zone (the one the series' total names):
// so the number since midnight, today's above all, is a sum over slots. A late
// event that sees a value earlier moves its first sighting.

func memberID(series string, d usance.Day, value [16]byte) string {
	return series + dayText(d) + string(value[:])
}

// seen is the set of slots of a UTC day.
type seen [2]uint64

func (s *seen) add(slot int)      { s[slot/64] |= 1 << (slot % 64) }
func (s *seen) remove(slot int)   { s[slot/64] &^= 1 << (slot % 64) }
func (s *seen) has(slot int) bool { return s[slot/64]&(1<<(slot%64)) != 0 }

// first returns the least slot in [from, to), or -1.
func (s *seen) first(from, to int) int {
	for w := range s {
		word := s[w]
		if lo := from - 64*w; lo > 0 {
			if lo >= 64 {
				continue
			}
			word &^= 1<<lo - 1
		}
		if word == 0 {
			continue
		}
		if slot := 64*w + bits.TrailingZeros64(word); slot < to {
			return slot
		}
		return -1
	}
	return -1
}

func (s *seen) encode() []byte {
	b := make([]byte, 0, 12)
	for slot := 0; slot < usance.Slots; slot += 8 {
		b = append(b, byte(s[slot/64]>>(slot%64)))
	}
	for len(b) > 0 && b[len(b)-1] == 0 {
		b = b[:len(b)-1]
	}
	return b
}

func decodeSeen(b []byte) (seen, error) {
	var s seen
	if len(b) > usance.Slots/8 {
		return s, usance.ErrCorrupt
	}
	for i, c := range b {
		s[i/8] |= uint64(c) << (8 * (i % 8))
	}
	return s, nil
}

// sight enters the line's hits into members and turns them into changes of first
// sightings.
func (ln *line) sight(rows *store.Rows, missing *missingKeys) error {
	if len(ln.hits) == 0 {
		return nil
	}
	ln.slots, ln.sum = nil, usance.State{} // of an earlier run
	zone, err := ln.zone(rows)
	if err != nil {
		return err
	}
	day := localDay{zone: zone}
	for _, h := range ln.hits {
		if zone != nil {
			h.from, h.to = day.of(time.Unix(int64(h.at)*int64(usance.Slot/time.Second), 0))
		}
		if err := ln.mark(rows, missing, h, true); err != nil {
			return err
		}
	}
	return nil
}

// zone returns the zone that the series counts first sightings in, when it is
// not the tenant's, and nil otherwise.
func (ln *line) zone(rows *store.Rows) (*time.Location, error) {
	b, ok := rows.Get(store.Totals, ln.id)
	if !ok {
		return nil, nil
	}
	t, err := decodeTotal(b, usance.AggCount)
	if err != nil {
		return nil, err
	}
	return usance.LoadZone(t.zone)
}

// mark enters into the sets whether a value was seen in a slot, and turns that into
// changes of the first sighting of its calendar day and of the total.
func (ln *line) mark(rows *store.Rows, missing *missingKeys, h hit, sighted bool) error {
	const never = tick(math.MaxInt64)
	before, after := never, never // the first sighting
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
			if slots.has(h.at.slot()) == sighted {
				return nil
			}
			slots.put(rows, id, h.at.slot(), sighted)
		}
		if slot := slots.first(lo, hi); slot >= 0 {
			after = min(after, tickOf(d, slot))
		}
	}
	if before == after {
		return nil
	}
	one, minusOne := usance.State{Count: 1}, usance.State{Count: math.MaxUint64} // counts add modulo 2^64
	if after != never {
		ln.slots = mergeSlot(ln.slots, after, one)
	} else {
		ln.sum = ln.sum.Merge(minusOne)
	}
	if before != never {
		ln.slots = mergeSlot(ln.slots, before, minusOne)
	} else {
		ln.sum = ln.sum.Merge(one)
	}
	return nil
}

// put enters a slot and writes the row, which is none when there are no slots.
func (s *seen) put(rows *store.Rows, id string, slot int, sighted bool) {
	if sighted {
		s.add(slot)
	} else {
		s.remove(slot)
	}
	if b := s.encode(); len(b) > 0 {
		rows.Put(store.Members, id, b)
	} else {
		rows.Delete(store.Members, id)
	}
}
