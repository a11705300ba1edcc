package pebblestore

import (
	"hash/maphash"
	"sync"

	"github.com/usance/usance"
	"github.com/usance/usance/store"
)

// rowCache keeps small rows that were lately read or written, and knows of some
// that they are not there: a look-up in the engine costs ten times as much. What
// it has of a tenant is as the last applied step left it. One process owns the
// folder, so nobody else can change what is behind it.
//
// A step holds its tenant's turn, so for its length nothing moves. A load has no
// turn, and must show one moment: either all it asks for is here, or it joins what
// is here with a view of the database for which no step was applied between the
// two (see Store.readForLoad).
type rowCache struct {
	seed   maphash.Seed
	limit  int // bytes of a shard
	shards [cacheShards]cacheShard
}

const (
	cacheShards = 16
	// maxCached is the longest value kept; what is longer is rare and costs little
	// to find beside what it costs to use.
	maxCached = 4 << 10
	// rowOverhead is about what a row costs beside its bytes.
	rowOverhead = 96
	// tenantOverhead is about what a tenant costs beside its rows. Anybody may
	// ask for tenants that do not exist.
	tenantOverhead = 512
)

type cacheShard struct {
	mu      sync.Mutex
	tenants map[usance.TenantID]*cachedTenant
	bytes   int
	clock   uint64 // counts what may change a view: applied steps and new tenants
}

type cachedTenant struct {
	rows    map[store.Key][]byte // nil for a row that is not there
	bytes   int
	moment  uint64 // the clock when it last changed
	writing bool   // a step is being applied: what is here may be behind the database
	used    bool   // since the last sweep
}

// cached reports whether rows of the table are kept: those that are read again and
// again, one by one.
func cached(t store.Table) bool {
	switch t {
	case store.Head, store.Rollups, store.Totals, store.Samples, store.Balances, store.Holds, store.Directory, store.Sessions, store.Definitions, store.Grants:
		return true
	}
	return false
}

func newRowCache(bytes int) *rowCache {
	c := &rowCache{seed: maphash.MakeSeed(), limit: bytes / cacheShards}
	for i := range c.shards {
		c.shards[i].tenants = map[usance.TenantID]*cachedTenant{}
	}
	return c
}

func (c *rowCache) shard(id usance.TenantID) *cacheShard {
	return &c.shards[maphash.String(c.seed, string(id))%cacheShards]
}

// tenant returns what is kept of the tenant, which is nothing at first. The caller
// holds the shard's mutex.
func (c *rowCache) tenant(s *cacheShard, id usance.TenantID) *cachedTenant {
	t := s.tenants[id]
	if t == nil {
		s.clock++
		t = &cachedTenant{rows: map[store.Key][]byte{}, moment: s.clock}
		s.tenants[id] = t
		s.grow(t, tenantOverhead)
		c.trim(s, t)
	}
	t.used = true
	return t
}

// moment names a state of a tenant. The zero moment names none.
type moment uint64

// find enters the rows it knows into rows and returns the others, and the moment
// at which all of it holds. While a step is being applied that moment is over:
// what was found is of use only if nothing is missing.
func (c *rowCache) find(id usance.TenantID, keys []store.Key, rows *store.Rows) (missing []store.Key, at moment) {
	s := c.shard(id)
	s.mu.Lock()
	defer s.mu.Unlock()
	t := c.tenant(s, id)
	for i, k := range keys {
		v, known := []byte(nil), false
		if cached(k.Table) {
			v, known = t.rows[k]
		}
		switch {
		case !known:
			if missing == nil {
				missing = make([]store.Key, 0, len(keys)-i)
			}
			missing = append(missing, k)
		case v != nil:
			rows.Found(k, v)
		}
	}
	if !t.writing {
		at = moment(t.moment)
	}
	return missing, at
}

// is reports whether the tenant is still as it was at the moment.
func (c *rowCache) is(id usance.TenantID, at moment) bool {
	s := c.shard(id)
	s.mu.Lock()
	defer s.mu.Unlock()
	t := s.tenants[id]
	return t != nil && !t.writing && moment(t.moment) == at
}

// learn takes in what the database said at the moment, unless it is over.
func (c *rowCache) learn(id usance.TenantID, at moment, looked []found) {
	s := c.shard(id)
	s.mu.Lock()
	defer s.mu.Unlock()
	t := s.tenants[id]
	if t == nil || t.writing || moment(t.moment) != at {
		return
	}
	for _, f := range looked {
		s.set(t, f.Key, f.value)
	}
	c.trim(s, t)
}

// found is a row that was looked for; a nil value says that it is not there.
type found struct {
	store.Key
	value []byte
}

func (s *cacheShard) set(t *cachedTenant, k store.Key, value []byte) {
	old, known := t.rows[k]
	if known {
		s.grow(t, -len(k.ID)-len(old)-rowOverhead)
	}
	if len(value) > maxCached {
		delete(t.rows, k)
		return
	}
	t.rows[k] = value
	s.grow(t, len(k.ID)+len(value)+rowOverhead)
}

func (s *cacheShard) grow(t *cachedTenant, by int) {
	t.bytes += by
	s.bytes += by
}

// begin is called before a step of the tenant is applied, by who holds its turn;
// applied afterwards, with what it changed.
func (c *rowCache) begin(id usance.TenantID) {
	s := c.shard(id)
	s.mu.Lock()
	defer s.mu.Unlock()
	c.tenant(s, id).writing = true
}

func (c *rowCache) applied(id usance.TenantID, changes []store.Change) {
	s := c.shard(id)
	s.mu.Lock()
	defer s.mu.Unlock()
	t := c.tenant(s, id)
	for i := range changes {
		ch := &changes[i]
		switch {
		case !cached(ch.Table):
		case ch.Deleted:
			s.set(t, ch.Key, nil)
		case ch.Value == nil:
			s.set(t, ch.Key, []byte{})
		default:
			s.set(t, ch.Key, ch.Value)
		}
	}
	s.clock++
	t.moment, t.writing = s.clock, false
	c.trim(s, t)
}

// trim makes room in a shard that is over its limit: tenants that nobody asked
// for lately go first, then rows of the one at hand, if it has more than half. A tenant that is being
// written stays, because it has to say so.
func (c *rowCache) trim(s *cacheShard, hand *cachedTenant) {
	if s.bytes <= c.limit {
		return
	}
	for id, t := range s.tenants {
		switch {
		case t == hand || t.writing:
		case t.used:
			t.used = false
		default:
			s.bytes -= t.bytes
			delete(s.tenants, id)
		}
		if s.bytes <= c.limit {
			return
		}
	}
	for k, v := range hand.rows {
		if s.bytes <= c.limit || hand.bytes <= c.limit/2 {
			return
		}
		delete(hand.rows, k)
		s.grow(hand, -len(k.ID)-len(v)-rowOverhead)
	}
}
