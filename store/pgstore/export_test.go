package pgstore

import (
	"testing"

	"github.com/usance/usance/store"
)

// OpenForTest opens a store in a schema of its own, on the server of this
// package's tests or on the cluster, where workers stop and shards move all the
// time. crash crashes the server, or a worker.
func OpenForTest(t testing.TB, citus bool) (s store.Store, crash func()) {
	t.Helper()
	if citus {
		d, cluster := onCluster(t)
		on := disturbed{d, cluster}
		s = on.Open(t)
		t.Cleanup(func() {
			if err := s.Close(); err != nil {
				t.Errorf("Close: %v", err)
			}
		})
		return s, func() { on.Crash(t) }
	}
	d := newHome(t)
	return d.opened(t), func() { d.Crash(t) }
}

// SeedForTest is STORETEST_SEED or a new seed, and logs it.
var SeedForTest = seeded
