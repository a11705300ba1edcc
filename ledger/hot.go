package ledger

import (
	"sync"
	"time"

	"github.com/usance/usance"
	"github.com/usance/usance/internal/journal"
)

// hot keeps, of tenants that are charged again and again, what the charges of the
// last step worked on, so that the next need neither load nor decode it. All
// that it holds follows from the tenant's entries. So it counts for a step that
// finds the head that the last one left: the hash chain covers every entry.
type hot struct {
	mu   sync.Mutex
	of   map[usance.TenantID]*hotLive // nil: none is kept, because other processes may write as well
	rows int
}

type hotLive struct {
	head journal.Head
	live live
}

// Bounds of what is kept, in rows: of one tenant, and of all.
const (
	maxHotRows = 256
	maxAllHot  = 16_384
)

// holds reports that what the ops share is kept.
func (h *hot) holds(tenant usance.TenantID, ops []*op) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	e := h.of[tenant]
	return e != nil && e.live.has(ops)
}

// has reports that all ops are charges of paths that are there.
func (l *live) has(ops []*op) bool {
	for _, o := range ops {
		if !o.charges {
			return false
		}
		for _, r := range o.shared {
			if l.paths[r] == nil {
				return false
			}
		}
	}
	return true
}

// take returns what is kept of a tenant, which is the caller's from then on, if it
// is of that head and counts at that time.
func (h *hot) take(tenant usance.TenantID, head journal.Head, at time.Time) live {
	h.mu.Lock()
	defer h.mu.Unlock()
	e := h.of[tenant]
	if e == nil {
		return live{}
	}
	h.drop(tenant, e)
	if e.head.Sequence != head.Sequence || e.head.Chain != head.Chain || at.Before(e.live.from) || !at.Before(e.live.until) {
		return live{}
	}
	return e.live
}

func (h *hot) drop(tenant usance.TenantID, e *hotLive) {
	h.rows -= e.live.rows
	delete(h.of, tenant)
}

// put keeps what a step leaves. A step that fails after it leaves a head that
// never is.
func (h *hot) put(tenant usance.TenantID, head journal.Head, l live) {
	if h.of == nil || l.rows == 0 || l.rows > maxHotRows {
		return
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if e := h.of[tenant]; e != nil {
		h.drop(tenant, e)
	}
	for id, victim := range h.of { // map order is as good as any other here
		if h.rows+l.rows <= maxAllHot {
			break
		}
		h.drop(id, victim)
	}
	h.of[tenant] = &hotLive{head, l}
	h.rows += l.rows
}
