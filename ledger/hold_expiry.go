package ledger

import (
	"cmp"
	"context"
	"encoding/binary"
	"errors"
	"slices"
	"time"

	"github.com/usance/usance"
	"github.com/usance/usance/internal/journal"
	"github.com/usance/usance/store"
)

// dueAt makes sure that holds are looked at no later than at. The row may say an
// earlier time than any hold has, which costs one look; it never says a later.
func (t *tx) dueAt(at time.Time) error {
	if b, ok := t.rows.Get(store.Balances, ""); ok {
		next, err := decodeInstant(b)
		if err != nil || !at.Before(next) {
			return err
		}
	}
	t.rows.Put(store.Balances, "", binary.AppendVarint(nil, at.UnixNano()))
	t.rows.SetDue(at)
	return nil
}

// expire ends every hold of the tenant whose time is up. It does nothing when
// there is none.
func (l *Ledger) expire(ctx context.Context, tenant usance.TenantID) error {
	for {
		more, err := l.expireSome(ctx, tenant)
		if err != nil || !more {
			return err
		}
	}
}

const expireBatch = 500

func (l *Ledger) expireSome(ctx context.Context, tenant usance.TenantID) (more bool, err error) {
	now := l.now().UTC()
	due := store.Range{Table: store.Holds, From: "x", To: "x" + ordered(now.UnixNano()+1), Limit: expireBatch}
	seen, err := l.st.Load(ctx, tenant, store.Keys{Ranges: []store.Range{due}})
	if err != nil {
		return false, err
	}
	keys := store.Keys{Rows: []store.Key{dueKey}, Ranges: []store.Range{due, {Table: store.Holds, From: due.To, To: "y", Limit: 1}}}
	ids := make([]string, 0, len(seen.Range(0)))
	nodes := map[string]usance.Path{} // that the holds were at when their rows were named
	for _, row := range seen.Range(0) {
		id := row.ID[9:]
		ids = append(ids, id)
		keys.Rows = append(keys.Rows, store.Key{Table: store.Holds, ID: holdID(id)})
	}
	holds, err := l.st.Load(ctx, tenant, keys)
	if err != nil {
		return false, err
	}
	for _, id := range ids {
		h, err := readHold(holds, id)
		if err != nil {
			return false, err
		}
		if h == nil {
			continue
		}
		nodes[id] = h.Node
		for _, it := range h.Open {
			for _, n := range h.Node.Lineage() {
				keys.Rows = append(keys.Rows, store.Key{Table: store.Balances, ID: series{it.Meter, n, ""}.id()})
			}
		}
	}
	// Reads wait for it.
	o := &op{keys: keys, urgent: true, run: func(t *tx) error { return expireIn(t, ids, nodes, now) }}
	if err := l.submit(ctx, tenant, o); err != nil && !errors.Is(err, errStale) {
		return false, err
	}
	return errors.Is(o.err, errStale) || len(ids) == expireBatch, nil
}

// expireIn expires the holds that are still due, and sets when to look next.
func expireIn(t *tx, ids []string, nodes map[string]usance.Path, now time.Time) error {
	for _, row := range t.rangeRows(0) {
		if !slices.Contains(ids, row.ID[9:]) {
			return errStale // one more came due
		}
	}
	for _, id := range ids {
		h, err := readHold(t.rows, id)
		if err != nil {
			return err
		}
		if h == nil || h.State != usance.HoldOpen || h.Expires.After(now) {
			continue
		}
		if h.Node != nodes[id] {
			return errStale
		}
		next := *h
		next.Open, next.State = nil, usance.HoldExpired
		if err := moveReserved(t.rows, h, &next); err != nil {
			return err
		}
		if err := putHold(t, usance.Actor{Name: "system"}, h, &next); err != nil {
			return err
		}
	}
	if len(ids) == expireBatch {
		return nil // more are due; the row stays as it is
	}
	at, some, err := nextDueIn(t)
	if err != nil {
		return err
	}
	if some {
		t.rows.Put(store.Balances, "", binary.AppendVarint(nil, at.UnixNano()))
		t.rows.SetDue(at)
		return nil
	}
	t.rows.Delete(store.Balances, "")
	t.rows.SetDue(time.Time{})
	return nil
}

// nextDueIn returns when the next hold expires: the first of those that were
// stored, or one that an earlier op of the step has made or extended.
func nextDueIn(t *tx) (at time.Time, some bool, err error) {
	if later := t.rangeRows(1); len(later) > 0 {
		at, some = time.Unix(0, int64(binary.BigEndian.Uint64([]byte(later[0].ID[1:9]))^1<<63)).UTC(), true
	}
	for i := range t.entries {
		if t.entries[i].Kind != journal.Hold {
			continue
		}
		_, h, err := holdsOf(t.entries[i].Change)
		if err != nil {
			return at, false, err
		}
		if h.State == usance.HoldOpen && (!some || h.Expires.Before(at)) {
			at, some = h.Expires, true
		}
	}
	return at, some, nil
}

// Sweep expires what is due in every tenant, and goes on with the corrections of
// ranges that are under way. Of holds nothing depends on it being called: readings
// and decisions expire what they meet. It keeps the audit trail prompt.
func (l *Ledger) Sweep(ctx context.Context) error {
	var due []usance.TenantID
	err := l.st.Due(ctx, l.now(), func(tenant usance.TenantID, _ time.Time) error {
		due = append(due, tenant)
		return nil
	})
	for _, tenant := range due {
		err = cmp.Or(err, unlessGone(l.expire(ctx, tenant)))
	}
	return cmp.Or(err, l.sweepRanges(ctx))
}

// unlessGone leaves out that a tenant was deleted while a sweep came to it.
func unlessGone(err error) error {
	if usance.KindOf(err) == usance.KindNotFound {
		return nil
	}
	return err
}
