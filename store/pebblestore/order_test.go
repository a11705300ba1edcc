package pebblestore

import (
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"
)

// TestACrashAtAnyWriteLeavesAStoreThatOpens crashes before each write of a store's
// making and first flush, on a disk that keeps any part of what was not synced, folder
// entries in any order among it.
func TestACrashAtAnyWriteLeavesAStoreThatOpens(t *testing.T) {
	for at, more := 1, true; more; at++ {
		var mu sync.Mutex
		var crashed []*vfs.MemFS
		acknowledged, writes, atCrash := 0, 0, 0
		mem := vfs.NewCrashableMem()
		fs := errorfs.Wrap(mem, errorfs.InjectorFunc(func(op errorfs.Op) error {
			mu.Lock()
			defer mu.Unlock()
			if op.Kind.ReadOrWrite() != errorfs.OpIsWrite {
				return nil
			}
			if writes++; writes == at {
				atCrash = acknowledged
				for seed := range uint64(6) {
					crashed = append(crashed, mem.CrashClone(vfs.CrashCloneCfg{UnsyncedDataPercent: 50, RNG: rand.New(rand.NewPCG(uint64(at), seed))}))
				}
			}
			return nil
		}))
		for range 2 { // opening the second time moves the marker
			s, err := Open("/data", Options{FS: fs, MemTableBytes: 1 << 20})
			if err != nil {
				t.Fatal(err)
			}
			for range 2 {
				if err := put(s, "t", "a", fmt.Sprint(acknowledged+1)); err != nil {
					t.Fatal(err)
				}
				mu.Lock()
				acknowledged++
				mu.Unlock()
			}
			if err := s.db.Flush(); err != nil {
				t.Fatal(err)
			}
			if err := s.Close(); err != nil {
				t.Fatal(err)
			}
		}
		more = crashed != nil
		for _, left := range crashed {
			s, err := Open("/data", Options{FS: left, MemTableBytes: 1 << 20})
			if err != nil {
				t.Fatalf("after a crash at write %d: %v", at, err)
			}
			if head, total := get(t, s, "t", "a"); head != total || head != fmt.Sprint(atCrash) && head != fmt.Sprint(atCrash+1) && atCrash > 0 {
				t.Errorf("after a crash at write %d: %q %q of %d acknowledged", at, head, total, atCrash)
			}
			if err := s.Close(); err != nil {
				t.Fatal(err)
			}
		}
	}
}
