package registry

import (
	"bytes"
	"context"
	"sync"

	"github.com/usance/usance"
	"github.com/usance/usance/store"
)

// What is read for nearly every request, definitions, sessions and entries of the
// directory, is kept in memory in the form it is used in. Nothing kept is believed
// by itself: where the engine tells versions, a kept thing counts while the version
// of the table it follows from is the one it was read under; otherwise its row is
// loaded again, and what was decoded of the same bytes is taken as it is. So what one
// process revokes the next request of any finds revoked.

// maxHeld bounds the sessions, and the entries of the directory, that are kept.
const maxHeld = 20_000

// held is a bounded map of what was decoded. Values are immutable.
type held[K comparable, V any] struct {
	mu  sync.RWMutex
	all map[K]V
}

func (h *held[K, V]) get(key K) (V, bool) {
	h.mu.RLock()
	defer h.mu.RUnlock()
	v, ok := h.all[key]
	return v, ok
}

func (h *held[K, V]) put(key K, v V, most int) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.all == nil {
		h.all = map[K]V{}
	}
	if _, known := h.all[key]; !known {
		for victim := range h.all { // map order is as good as any other here
			if len(h.all) < most {
				break
			}
			delete(h.all, victim)
		}
	}
	h.all[key] = v
}

func (h *held[K, V]) drop(key K) {
	h.mu.Lock()
	defer h.mu.Unlock()
	delete(h.all, key)
}

// asOf is a version of a table under which something was read.
type asOf struct {
	version uint64
	sure    bool // the engine tells versions, and this is one
}

func (r *Registry) asOf(tenant usance.TenantID, table store.Table) (now asOf) {
	now.version, now.sure = store.TableVersionOf(r.st, tenant, table)
	return now
}

// still reports that nothing of the table has changed since.
func (then asOf) still(now asOf) bool { return then.sure && then == now }

// heldRow is a row of the system tenant with what was decoded of it.
type heldRow[V any] struct {
	asOf
	raw []byte
	v   V
}

// row returns what a row of the system tenant says, false when there is none. Only
// rows that exist are kept, so that nobody fills the memory by guessing.
func row[K comparable, V any](ctx context.Context, r *Registry, in *held[K, *heldRow[V]], key K, table store.Table, at func() string, decode func([]byte) (V, error)) (V, bool, error) {
	now := r.asOf(usance.System, table)
	was, known := in.get(key)
	if known && was.still(now) {
		return was.v, true, nil
	}
	var none V
	k := store.Key{Table: table, ID: at()}
	rows, err := r.st.Load(ctx, usance.System, store.Keys{Rows: []store.Key{k}})
	if err != nil {
		return none, false, err
	}
	raw, ok := rows.Get(k.Table, k.ID)
	if !ok {
		if known {
			in.drop(key)
		}
		return none, false, nil
	}
	next := &heldRow[V]{asOf: now, raw: raw}
	if known && bytes.Equal(was.raw, raw) {
		next.raw, next.v = was.raw, was.v
	} else if next.v, err = decode(raw); err != nil {
		return none, false, err
	}
	in.put(key, next, maxHeld)
	return next.v, true, nil
}
