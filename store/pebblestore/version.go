package pebblestore

import (
	"hash/maphash"
	"slices"
	"sync/atomic"

	"github.com/usance/usance"
	"github.com/usance/usance/store"
)

// versions counts the commits of every tenant as they begin and as they have
// become visible, and again those that change a table which is read for nearly
// every request and changes seldom. Tenants share counters by hash, so that memory
// is bounded: a neighbour's commit looks like one's own, which costs a cache its
// entry and nothing else.
type versions struct {
	seed   maphash.Seed
	all    [1 << 14]counter
	tables [1 << 14]counter // of tables counted by themselves
}

type counter struct{ begun, visible atomic.Uint64 }

// at is what is counted together; table is 0 for all of a tenant's tables.
type at struct {
	tenant usance.TenantID
	table  store.Table
}

// counted reports whether the table is counted by itself.
func counted(t store.Table) bool {
	return t == store.History || t == store.Directory || t == store.Sessions
}

var _ store.Versioner = (*Store)(nil)

func (v *versions) of(id usance.TenantID) *counter {
	return &v.all[maphash.String(v.seed, string(id))%uint64(len(v.all))]
}

func (v *versions) ofTable(id usance.TenantID, table store.Table) *counter {
	return &v.tables[maphash.Comparable(v.seed, at{id, table})%uint64(len(v.tables))]
}

// begin notes that changes are on their way, for good if they fail to arrive: then
// the store is broken. The caller calls what it returns once they are visible.
func (v *versions) begin(id usance.TenantID, changes []store.Change) (visible func()) {
	moved := append(make([]*counter, 0, 3), v.of(id))
	for i := range changes {
		if t := changes[i].Table; counted(t) {
			if c := v.ofTable(id, t); !slices.Contains(moved, c) {
				moved = append(moved, c)
			}
		}
	}
	for _, c := range moved {
		c.begun.Add(1)
	}
	return func() {
		for _, c := range moved {
			c.visible.Add(1)
		}
	}
}

// Version implements store.Versioner.
func (s *Store) Version(id usance.TenantID) (uint64, bool) {
	return s.version(s.versions.of(id))
}

// TableVersion implements store.Versioner.
func (s *Store) TableVersion(id usance.TenantID, table store.Table) (uint64, bool) {
	if !counted(table) {
		return s.Version(id)
	}
	return s.version(s.versions.ofTable(id, table))
}

func (s *Store) version(c *counter) (uint64, bool) {
	if s.closed.Load() || s.health.check() != nil {
		return 0, false
	}
	// In this order: when as many are visible as had begun a moment later, none
	// was on its way in between.
	visible := c.visible.Load()
	return visible, c.begun.Load() == visible
}
