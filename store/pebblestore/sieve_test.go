package pebblestore

import (
	"fmt"
	"math/rand/v2"
	"runtime"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/usance/usance"
	"github.com/usance/usance/store"
)

func TestAFilterDeniesNoRowItHoldsAndFewOthersPass(t *testing.T) {
	const rows = 20_000
	s := newSieve(rows, 1<<30)
	f := newFilter(s.first)
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	rnd := rand.New(rand.NewPCG(seed, 0))
	held := make([]uint64, rows)
	for i := range held {
		held[i] = s.hash([]byte(fmt.Sprint("held", i, rnd.Uint64())))
		f.add(held[i])
	}
	for i, h := range held {
		if !f.mayHold(h) {
			t.Fatalf("row %d was remembered and is denied", i)
		}
	}
	passed := 0
	for i := range rows {
		if f.mayHold(s.hash([]byte(fmt.Sprint("other", i, rnd.Uint64())))) {
			passed++
		}
	}
	if passed > rows/50 {
		t.Errorf("%d of %d rows that were never written pass a full filter", passed, rows)
	}
}

func TestNoRowIsDeniedUntilAllAreKnown(t *testing.T) {
	s := newSieve(100, 1<<20) // nobody runs it
	keys := []store.Key{{Table: store.Dedup, ID: "a row of before"}, {Table: store.Head, ID: ""}}
	if got := s.pass(nil, keys); len(got) != 2 {
		t.Errorf("%v is left of %v", got, keys)
	}
	s.live.Store(newFilter(s.first))
	if got := s.pass(nil, keys); len(got) != 1 || got[0].Table != store.Head {
		t.Errorf("%v is left", got)
	}
}

// settled waits until the sieve has a filter that is not too small.
func (s *sieve) settled() *filter {
	for {
		s.mu.Lock()
		f := s.live.Load()
		ok := f != nil && s.next == nil && !s.tooSmall(f)
		s.mu.Unlock()
		if ok {
			return f
		}
		runtime.Gosched()
	}
}

// Rows come, go and come again while the sieve grows; a step always sees what the
// last one left.
func TestASieveThatGrowsDeniesNoRow(t *testing.T) {
	s, err := Open("/data", Options{FS: vfs.NewMem(), sieveRows: 32, MemTableBytes: 256 << 10})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}()
	rnd := rand.New(rand.NewPCG(1, 1))
	there := map[string]bool{}
	for range 1500 {
		var keys store.Keys
		for range 20 {
			keys.Rows = append(keys.Rows, store.Key{Table: store.Dedup, ID: fmt.Sprint(rnd.IntN(5000))})
		}
		err := s.Step(t.Context(), "t", keys, func(r *store.Rows) error {
			for _, k := range keys.Rows {
				if _, ok := r.Get(k.Table, k.ID); ok != there[k.ID] {
					return fmt.Errorf("row %s: found %v, want %v", k.ID, ok, there[k.ID])
				}
			}
			for _, k := range keys.Rows[:10] {
				there[k.ID] = true
				r.Put(k.Table, k.ID, nil)
			}
			k := keys.Rows[19]
			there[k.ID] = false
			r.Delete(k.Table, k.ID)
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if f := s.sieve.settled(); len(f.bits)*64 <= s.sieve.first {
		t.Errorf("the filter still has %d bits", len(f.bits)*64)
	}
}

// Whatever tenants there are, and whatever else they have, all their rows are known
// again when the store is opened, and of rows that were never written few pass.
func TestRowsOfBeforeAreKnownAgain(t *testing.T) {
	fs := vfs.NewMem()
	s, err := Open("/data", Options{FS: fs})
	if err != nil {
		t.Fatal(err)
	}
	tenants := []usance.TenantID{"a", "ab", "a\x00b", "a\x00\x01b", "z"}
	const rows = 3000
	id := func(i int) string { return fmt.Sprintf("\x00\x01%d", i) }
	for n, tenant := range tenants {
		err := s.Step(t.Context(), tenant, store.Keys{}, func(r *store.Rows) error {
			for i := range rows {
				switch {
				case n == 1: // it has none
				case n == 2 && i > 0:
				default:
					r.Put(store.Dedup, id(i), []byte("v"))
				}
			}
			if n < 4 {
				r.Put(store.Head, "", []byte("h"))
				r.Put(store.Blocks, "b", []byte("b"))
				r.Put(store.Rollups, "r", []byte("r"))
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if s, err = Open("/data", Options{FS: fs}); err != nil {
		t.Fatal(err)
	}
	f := s.sieve.settled()
	if want := 3*rows + 1; f.rows != want {
		t.Errorf("%d rows are known again, want %d", f.rows, want)
	}
	for n, tenant := range tenants {
		var keys store.Keys
		for i := range 2 * rows {
			keys.Rows = append(keys.Rows, store.Key{Table: store.Dedup, ID: id(i)})
		}
		there := rows
		switch n {
		case 1:
			there = 0
		case 2:
			there = 1
		}
		if left := len(s.sieve.pass(rowsOf(tenant), append([]store.Key(nil), keys.Rows...))); left < there || left > there+rows/20 {
			t.Errorf("tenant %q: %d rows pass, of %d", tenant, left, there)
		}
		err := s.Step(t.Context(), tenant, keys, func(r *store.Rows) error {
			for i, k := range keys.Rows {
				if _, ok := r.Get(k.Table, k.ID); ok != (i < there) {
					return fmt.Errorf("row %d: found %v", i, ok)
				}
			}
			return nil
		})
		if err != nil {
			t.Errorf("tenant %q: %v", tenant, err)
		}
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}

// The filling of a sieve reads one table of each tenant.
func TestDedupIsTheOnePointOnlyTable(t *testing.T) {
	for n := range 256 {
		if table := store.Table(n); table.PointOnly() != (table == store.Dedup) {
			t.Errorf("table %d is point-only, and sieve.some does not read it", n)
		}
	}
}
