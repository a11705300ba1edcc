package pgstore

import (
	"context"
	"sync"
	"time"

	"github.com/usance/usance"
)

// turns lets one step of a tenant at a time to the server. The server's lock
// would order them too, but each waiter would hold a connection, and one busy
// tenant all of them.
type turns struct {
	mu sync.Mutex
	m  map[usance.TenantID]*turn
}

type turn struct {
	taken chan struct{} // holds one element while somebody has the turn
	users int           // those who have it or wait for it
}

func newTurns() *turns { return &turns{m: map[usance.TenantID]*turn{}} }

// take waits for the tenant's turn, first come first served, at most so long.
// The caller gives it back.
func (t *turns) take(ctx context.Context, id usance.TenantID, most time.Duration) (give func(), err error) {
	t.mu.Lock()
	one := t.m[id]
	if one == nil {
		one = &turn{taken: make(chan struct{}, 1)}
		t.m[id] = one
	}
	one.users++
	t.mu.Unlock()
	leave := func() {
		t.mu.Lock()
		defer t.mu.Unlock()
		if one.users--; one.users == 0 {
			delete(t.m, id)
		}
	}
	give = func() {
		<-one.taken
		leave()
	}
	select {
	case one.taken <- struct{}{}:
		return give, nil
	default:
	}
	timer := time.NewTimer(most)
	defer timer.Stop()
	select {
	case one.taken <- struct{}{}:
		return give, nil
	case <-ctx.Done():
		leave()
		return nil, ctx.Err()
	case <-timer.C:
		leave()
		return nil, usance.Errorf(usance.KindUnavailable, "tenant %s is busy; try again", id)
	}
}
