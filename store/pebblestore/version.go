package pebblestore

import (
	"hash/maphash"
	"sync/atomic"

	"github.com/usance/usance"
	"github.com/usance/usance/store"
)

// versions counts the commits of every tenant as they begin and as they have
// become visible. Tenants share counters by hash, so that memory is bounded: a
// neighbour's commit looks like one's own, which costs a cache its entry and
// nothing else.
type versions struct {
	seed     maphash.Seed
	counters [1 << 14]counter
}

type counter struct{ begun, visible atomic.Uint64 }

var _ store.Versioner = (*Store)(nil)

func (v *versions) of(id usance.TenantID) *counter {
	return &v.counters[maphash.String(v.seed, string(id))%uint64(len(v.counters))]
}

// Version implements store.Versioner.
func (s *Store) Version(id usance.TenantID) (uint64, bool) {
	if s.closed.Load() || s.health.check() != nil {
		return 0, false
	}
	c := s.versions.of(id)
	// In this order: when as many are visible as had begun a moment later, none
	// was on its way in between.
	visible := c.visible.Load()
	return visible, c.begun.Load() == visible
}
