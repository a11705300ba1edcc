package pebblestore

import (
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/usance/usance/store"
)

func TestKeysAreOrderedAsTheyCompare(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	rnd := rand.New(rand.NewPCG(seed, 0))
	for range 200 {
		keys := make([]store.Key, rnd.IntN(50))
		for i := range keys {
			id := make([]byte, rnd.IntN(12))
			for j := range id {
				id[j] = []byte{0, 1, 'a', 0xFF}[rnd.IntN(4)]
			}
			keys[i] = store.Key{Table: store.Table(1 + rnd.IntN(3)), ID: string(id)}
		}
		var got []store.Key
		for _, i := range ordered(len(keys), func(i int) store.Key { return keys[i] }) {
			got = append(got, keys[i])
		}
		want := slices.SortedFunc(slices.Values(keys), store.Key.Compare)
		if !slices.Equal(got, want) {
			t.Fatalf("got %q, want %q", got, want)
		}
	}
}
