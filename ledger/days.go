package ledger

import (
	"cmp"
	"encoding/binary"
	"slices"
	"time"

	"github.com/usance/usance"
	"github.com/usance/usance/internal/journal"
	"github.com/usance/usance/store"
)

// The days table finds the blocks that hold events of a UTC day, whenever they
// arrived: day and block id, with the span of the block's events on that day. It
// is what browsing and the exact edges of unaligned windows read.

type span struct{ from, to int64 } // nanoseconds into the day, both inclusive

func (s span) encode() []byte {
	b := binary.AppendUvarint(nil, uint64(s.from))
	return binary.AppendUvarint(b, uint64(s.to-s.from))
}

func putDays(rows *store.Rows, first uint64, entries []journal.Entry) {
	type daySpan struct {
		day usance.Day
		span
	}
	var spans []daySpan
	last := 0 // events of a block crowd on few days, and mostly on that of the one before
	for i := range entries {
		if entries[i].Kind != journal.Event {
			continue
		}
		t := entries[i].Event.Time
		d := usance.DayOf(t)
		at := int64(t.Sub(d.Start()))
		if last == len(spans) || spans[last].day != d {
			var known bool
			if last, known = slices.BinarySearchFunc(spans, d, func(s daySpan, d usance.Day) int { return cmp.Compare(s.day, d) }); !known {
				spans = slices.Insert(spans, last, daySpan{d, span{at, at}})
			}
		}
		s := &spans[last]
		s.from, s.to = min(s.from, at), max(s.to, at)
	}
	for _, s := range spans {
		rows.Put(store.Days, dayText(s.day)+journal.BlockID(first), s.encode())
	}
}

// dayBlock is one row of the days table.
type dayBlock struct {
	day      usance.Day
	block    string
	from, to time.Time // of its events on the day, both inclusive
}

func decodeDayBlock(row store.Row) (dayBlock, error) {
	d, block, ok := cutDay(row.ID)
	from, n := binary.Uvarint(row.Value)
	if !ok || n <= 0 || len(block) != 8 {
		return dayBlock{}, usance.ErrCorrupt
	}
	length, m := binary.Uvarint(row.Value[n:])
	if m <= 0 {
		return dayBlock{}, usance.ErrCorrupt
	}
	start := d.Start().Add(time.Duration(from))
	return dayBlock{d, block, start, start.Add(time.Duration(length))}, nil
}
