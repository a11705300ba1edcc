package pebblestore

import (
	"cmp"
	"encoding/binary"
	"slices"

	"github.com/usance/usance/store"
)

// ordered returns the places of n keys in the order of the keys. Most keys differ
// in their first bytes, which are compared as a number.
func ordered(n int, key func(i int) store.Key) []int32 {
	type place struct {
		first uint64
		at    int32
	}
	places := make([]place, n)
	for i := range places {
		k := key(i)
		var first [8]byte
		first[0] = byte(k.Table)
		copy(first[1:], k.ID)
		places[i] = place{binary.BigEndian.Uint64(first[:]), int32(i)}
	}
	slices.SortFunc(places, func(a, b place) int {
		if a.first != b.first {
			return cmp.Compare(a.first, b.first)
		}
		return key(int(a.at)).Compare(key(int(b.at)))
	})
	out := make([]int32, n)
	for i, p := range places {
		out[i] = p.at
	}
	return out
}
