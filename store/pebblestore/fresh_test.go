package pebblestore

import (
	"fmt"
	"math/rand/v2"
	"runtime"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/usance/usance/store"
)

func TestAGenerationDeniesNoRowItHoldsAndFewOthersPass(t *testing.T) {
	const rows = 20_000
	f := newFresh(rows)
	g := f.generation()
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	rnd := rand.New(rand.NewPCG(seed, 0))
	held := make([]uint64, rows)
	for i := range held {
		held[i] = f.hash([]byte(fmt.Sprint("held", i, rnd.Uint64())))
		g.add(held[i])
	}
	for i, h := range held {
		if !g.mayHold(h) {
			t.Fatalf("row %d was remembered and is denied", i)
		}
	}
	passed := 0
	for i := range rows {
		if g.mayHold(f.hash([]byte(fmt.Sprint("other", i, rnd.Uint64())))) {
			passed++
		}
	}
	if passed > rows/50 {
		t.Errorf("%d of %d rows that were never written pass a full generation", passed, rows)
	}
}

func TestNobodyIsVouchedForUntilTheFirstFlush(t *testing.T) {
	f := newFresh(100)
	if !f.memory().mayHold(f.hash([]byte("a row of before"))) {
		t.Error("a row that the log may hold was denied")
	}
	f.forget((*f.live.Load())[0])
	if f.memory().mayHold(f.hash([]byte("a row of before"))) {
		t.Error("an empty generation passes a row")
	}
}

// Rows come, go and come again while generations are sealed and forgotten; a
// step always sees what the last one left, and in the end nothing is remembered
// of what sorted files hold.
func TestForgottenRowsAreFoundInFiles(t *testing.T) {
	s, err := Open("/data", Options{FS: vfs.NewMem(), freshRows: 50})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}()
	var keys store.Keys
	for i := range 20 {
		keys.Rows = append(keys.Rows, store.Key{Table: store.Dedup, ID: fmt.Sprint(i)})
	}
	there := map[string]bool{}
	rnd := rand.New(rand.NewPCG(1, 1))
	for range 500 {
		err := s.Step(t.Context(), "t", keys, func(r *store.Rows) error {
			for _, k := range keys.Rows {
				if _, ok := r.Get(k.Table, k.ID); ok != there[k.ID] {
					return fmt.Errorf("row %s: found %v, want %v", k.ID, ok, there[k.ID])
				}
			}
			k := keys.Rows[rnd.IntN(len(keys.Rows))]
			if there[k.ID] = !there[k.ID]; there[k.ID] {
				r.Put(k.Table, k.ID, nil)
			} else {
				r.Delete(k.Table, k.ID)
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	for len(s.fresh.memory()) > 1 {
		runtime.Gosched()
	}
	if s.Metrics().Flushes < 3 {
		t.Errorf("only %d flushes: nothing was forgotten", s.Metrics().Flushes)
	}
}

func TestGenerationsAreBounded(t *testing.T) {
	f := newFresh(10) // nobody runs it, so nothing is ever forgotten
	for i := range 1000 {
		f.remember([]uint64{uint64(i) * 0x9E3779B97F4A7C15})
	}
	if n := len(f.memory()); n != maxGenerations {
		t.Errorf("%d generations, want %d", n, maxGenerations)
	}
	for i := range 1000 {
		if !f.memory().mayHold(uint64(i) * 0x9E3779B97F4A7C15) {
			t.Fatalf("row %d is denied", i)
		}
	}
}
