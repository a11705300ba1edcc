package pebblestore

import (
	"os"
	"testing"

	"github.com/usance/usance/store"
	"github.com/usance/usance/store/storetest"
)

// openBench opens a store on a real disk: in BENCH_DIR, or the test's own
// folder, which on some machines is memory.
func openBench(b *testing.B) *Store {
	b.Helper()
	dir, err := os.MkdirTemp(os.Getenv("BENCH_DIR"), "pebblestore")
	if err != nil {
		b.Fatal(err)
	}
	s, err := Open(dir, Options{})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		if err := s.Close(); err != nil {
			b.Error(err)
		}
		if err := os.RemoveAll(dir); err != nil {
			b.Error(err)
		}
	})
	return s
}

func BenchmarkStep(b *testing.B) {
	storetest.BenchSteps(b, func(b *testing.B) store.Store { return openBench(b) })
}
