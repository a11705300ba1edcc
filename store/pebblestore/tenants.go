package pebblestore

import (
	"context"
	"hash/maphash"
	"sync"

	"github.com/usance/usance"
)

const shards = 64

// tenants holds one turn for every tenant that is busy, and forgets those that
// are not.
type tenants struct {
	seed   maphash.Seed
	shards [shards]shard
}

type shard struct {
	mu   sync.Mutex
	busy map[usance.TenantID]*tenant
}

// tenant is guarded by its shard's mutex but for turn.
type tenant struct {
	turn    chan struct{} // holds one token while a step works on the tenant
	refs    int
	pending *commit // the newest commit begun; it may have ended long ago
}

func newTenants() *tenants {
	t := &tenants{seed: maphash.MakeSeed()}
	for i := range t.shards {
		t.shards[i].busy = map[usance.TenantID]*tenant{}
	}
	return t
}

func (t *tenants) shard(id usance.TenantID) *shard {
	return &t.shards[maphash.String(t.seed, string(id))%shards]
}

// take waits for the tenant's turn, or for ctx to end.
func (t *tenants) take(ctx context.Context, id usance.TenantID) (*tenant, error) {
	s := t.shard(id)
	s.mu.Lock()
	e := s.busy[id]
	if e == nil {
		e = &tenant{turn: make(chan struct{}, 1)}
		s.busy[id] = e
	}
	e.refs++
	s.mu.Unlock()
	select {
	case e.turn <- struct{}{}:
		return e, nil
	case <-ctx.Done():
		t.drop(id, e)
		return nil, ctx.Err()
	}
}

// give ends the turn that take began.
func (t *tenants) give(id usance.TenantID, e *tenant) {
	<-e.turn
	t.drop(id, e)
}

func (t *tenants) drop(id usance.TenantID, e *tenant) {
	s := t.shard(id)
	s.mu.Lock()
	defer s.mu.Unlock()
	if e.refs--; e.refs == 0 {
		delete(s.busy, id)
	}
}

// begin registers c as the tenant's newest commit; every begin is followed by
// one drop, when c is durable or the store is broken. The caller holds the turn.
func (t *tenants) begin(id usance.TenantID, e *tenant, c *commit) {
	s := t.shard(id)
	s.mu.Lock()
	defer s.mu.Unlock()
	e.refs++
	e.pending = c
}

// pending returns the newest commit of the tenant that may not be durable yet,
// or nil. Asked after a view of the database was taken, it covers all that the
// view may show: a commit is registered before anyone can see its rows.
func (t *tenants) pending(id usance.TenantID) *commit {
	s := t.shard(id)
	s.mu.Lock()
	defer s.mu.Unlock()
	if e := s.busy[id]; e != nil {
		return e.pending
	}
	return nil
}
