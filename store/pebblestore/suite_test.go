package pebblestore

import (
	"math/rand/v2"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/usance/usance/store"
	"github.com/usance/usance/store/storetest"
)

// machine is a Harness on a file system in memory that forgets what was not
// synced.
type machine struct {
	fs  *vfs.MemFS
	rnd *rand.Rand

	sieveRows     int
	rowCacheBytes int
}

func (m *machine) Open(t testing.TB) store.Store {
	t.Helper()
	s, err := Open("/usance/data", Options{FS: m.fs, MemTableBytes: 1 << 20, CacheBytes: 8 << 20, sieveRows: m.sieveRows, RowCacheBytes: m.rowCacheBytes})
	if err != nil {
		t.Fatalf("Open: %v", err)
	}
	return s
}

// Crash keeps a random share of what was not synced, as a real disk may.
func (m *machine) Crash(testing.TB) {
	m.fs = m.fs.CrashClone(vfs.CrashCloneCfg{UnsyncedDataPercent: []int{0, 0, 50, 100}[m.rnd.IntN(4)], RNG: m.rnd})
}

func runSuite(t *testing.T, sieveRows, rowCacheBytes int) {
	storetest.Run(t, func(t testing.TB) storetest.Harness {
		seed := rand.Uint64()
		t.Logf("crash seed %d", seed)
		return &machine{fs: vfs.NewCrashableMem(), rnd: rand.New(rand.NewPCG(seed, 0)), sieveRows: sieveRows, rowCacheBytes: rowCacheBytes}
	})
}

func TestPebbleHoldsEveryLawOfTheStore(t *testing.T) { runSuite(t, 0, 0) }

// The same with a sieve so small that it is filled anew again and again, in the
// midst of everything else, and a cache that has room for a few rows.
func TestPebbleHoldsEveryLawWhileItForgets(t *testing.T) { runSuite(t, 5, cacheShards*600) }

func TestPebbleHoldsEveryLawWithoutACache(t *testing.T) { runSuite(t, 0, 1) }
