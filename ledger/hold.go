package ledger

import (
	"context"
	"encoding/binary"
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/go-json-experiment/json"

	"github.com/usance/usance"
	"github.com/usance/usance/internal/journal"
	"github.com/usance/usance/registry"
	"github.com/usance/usance/store"
)

// A hold sets room aside on every node from its own to the root: the balances
// table has, for each meter and node, what open holds at and below it reserve. A
// settlement records usage as a charge does and gives the room back in the same
// commit. A hold whose time is up gives its room back before anything else is
// decided or read (see expireFirst), so it counts to the second whether or not
// anyone swept.

// The holds table: "h" and the id is the hold; "x", its expiry and the id finds
// the open ones in the order they expire.
func holdID(id string) string { return "h" + id }

func holdExpiryID(at time.Time, id string) string { return "x" + ordered(at.UnixNano()) + id }

func decodeInstant(b []byte) (time.Time, error) {
	n, size := binary.Varint(b)
	if size != len(b) || size <= 0 {
		return time.Time{}, usance.ErrCorrupt
	}
	return time.Unix(0, n).UTC(), nil
}

// Reserve makes a hold if every hard quota from its node to the root has room.
// A refusal is KindExceeded and lists every quota that refuses. A repeat of the
// same id with the same node, subject and items answers the hold as it is now;
// with others it is KindConflict.
func (l *Ledger) Reserve(ctx context.Context, actor usance.Actor, tenant usance.TenantID, h usance.Hold, ttl time.Duration) (usance.Hold, uint64, error) {
	if err := checkHold(&h, ttl); err != nil {
		return usance.Hold{}, 0, err
	}
	return l.editHold(ctx, actor, tenant, h.ID, func(e *holdEdit) error {
		if e.old != nil {
			if e.old.Node != h.Node && e.old.MadeAt != h.Node || e.old.Subject != h.Subject || !slices.Equal(e.old.Items, h.Items) {
				return usance.Errorf(usance.KindConflict, "hold %s exists with other content", h.ID)
			}
			return nil
		}
		next := h
		next.Created, next.Expires = e.t.at, e.t.at.Add(ttl).Truncate(time.Microsecond)
		next.State, next.Open, next.Settled, next.Steps = usance.HoldOpen, slices.Clone(h.Items), nil, 0
		e.next = &next
		return nil
	}, h.Node, h.Items)
}

func checkHold(h *usance.Hold, ttl time.Duration) error {
	if err := usance.CheckText("hold id", h.ID, usance.MaxIDBytes); err != nil {
		return err
	}
	if h.Node == "" {
		h.Node = usance.Root
	}
	if err := h.Node.Check(); err != nil {
		return err
	}
	if len(h.Subject) > usance.MaxSubjectBytes {
		return usance.Errorf(usance.KindInvalid, "subject has more than %d bytes", usance.MaxSubjectBytes)
	}
	if err := checkTTL(ttl); err != nil {
		return err
	}
	return usance.CheckItems(h.Items, 1, math.MaxInt64)
}

func checkTTL(ttl time.Duration) error {
	if ttl <= 0 || ttl > usance.MaxHold {
		return usance.Errorf(usance.KindInvalid, "a hold's time to live is more than 0 and at most %d days", usance.MaxHold/(24*time.Hour))
	}
	return nil
}

// Settle records what was really used of a hold, nil for all that is still set
// aside, and, unless partial, gives back the rest and ends it. More than was held
// is taken if the quotas have room for the difference. step makes a repeat safe:
// the first settlement has step 1, the next 2; a step that was taken already
// changes nothing, one that skips ahead is KindConflict. 0 means the next one. A
// hold that is not open any more is KindConflict, unless the step was taken.
func (l *Ledger) Settle(ctx context.Context, actor usance.Actor, tenant usance.TenantID, id string, used []usance.Item, partial bool, step int) (usance.Hold, uint64, error) {
	if used != nil {
		if err := usance.CheckItems(used, 0, math.MaxInt64); err != nil {
			return usance.Hold{}, 0, err
		}
	}
	return l.editHold(ctx, actor, tenant, id, func(e *holdEdit) error {
		if e.old == nil {
			return noHold(id)
		}
		if step > 0 && step <= e.old.Steps {
			return nil
		}
		if step == 0 && e.old.State == usance.HoldSettled && !partial {
			return nil // the same call again
		}
		if err := e.mustBeOpen(); err != nil {
			return err
		}
		if step > e.old.Steps+1 {
			return usance.Errorf(usance.KindConflict, "hold %s has %d settlements; the next is step %d", id, e.old.Steps, e.old.Steps+1)
		}
		next := *e.old
		items := used
		if items == nil {
			items = next.Open
		}
		for _, it := range items {
			if !slices.ContainsFunc(next.Items, func(h usance.Item) bool { return h.Meter == it.Meter }) {
				return usance.Errorf(usance.KindInvalid, "hold %s has nothing of meter %s", id, it.Meter)
			}
		}
		next.Steps++
		next.Settled = addItems(next.Settled, items, 1)
		next.Open = addItems(next.Open, items, -1)
		if !partial {
			next.Open, next.State = nil, usance.HoldSettled
		}
		e.next, e.charge = &next, items
		return nil
	}, "", nil)
}

// Extend moves an open hold's expiry to ttl from now.
func (l *Ledger) Extend(ctx context.Context, actor usance.Actor, tenant usance.TenantID, id string, ttl time.Duration) (usance.Hold, uint64, error) {
	if err := checkTTL(ttl); err != nil {
		return usance.Hold{}, 0, err
	}
	return l.editHold(ctx, actor, tenant, id, func(e *holdEdit) error {
		if e.old == nil {
			return noHold(id)
		}
		if err := e.mustBeOpen(); err != nil {
			return err
		}
		next := *e.old
		next.Expires = e.t.at.Add(ttl).Truncate(time.Microsecond)
		e.next = &next
		return nil
	}, "", nil)
}

// Release gives a hold's room back. Releasing one that is released or expired
// changes nothing; one that was settled is KindConflict.
func (l *Ledger) Release(ctx context.Context, actor usance.Actor, tenant usance.TenantID, id string) (usance.Hold, uint64, error) {
	return l.editHold(ctx, actor, tenant, id, func(e *holdEdit) error {
		switch {
		case e.old == nil:
			return noHold(id)
		case e.old.State == usance.HoldSettled:
			return e.mustBeOpen()
		case e.old.State != usance.HoldOpen:
			return nil
		}
		next := *e.old
		next.Open, next.State = nil, usance.HoldReleased
		e.next = &next
		return nil
	}, "", nil)
}

// Hold returns a hold as it is now, or KindNotFound.
func (l *Ledger) Hold(ctx context.Context, tenant usance.TenantID, id string) (usance.Hold, uint64, error) {
	return l.editHold(ctx, usance.Actor{}, tenant, id, func(e *holdEdit) error {
		if e.old == nil {
			return noHold(id)
		}
		return nil
	}, "", nil)
}

func noHold(id string) error { return usance.Errorf(usance.KindNotFound, "there is no hold %q", id) }

// addItems adds items to a list, never below zero.
func addItems(list, items []usance.Item, sign int64) []usance.Item {
	list = slices.Clone(list)
	for _, it := range items {
		i := slices.IndexFunc(list, func(have usance.Item) bool { return have.Meter == it.Meter })
		if i < 0 {
			if sign < 0 {
				continue
			}
			list = append(list, usance.Item{Meter: it.Meter})
			i = len(list) - 1
		}
		list[i].Amount = max(usance.SumOf(list[i].Amount).Plus(usance.SumOf(sign*it.Amount)).Clamp(), 0)
	}
	return list
}

// holdEdit is one change of a hold on its way through a step.
type holdEdit struct {
	t      *tx
	old    *usance.Hold
	next   *usance.Hold  // nil: no change
	charge []usance.Item // usage to record with the change
}

func (e *holdEdit) mustBeOpen() error {
	if e.old.State != usance.HoldOpen {
		return usance.Errorf(usance.KindConflict, "hold %s is %s", e.old.ID, e.old.State)
	}
	return nil
}

// editHold runs change on a hold in a step. node and items are those of a hold
// that may be new; those of one that exists are read first, for the rows to name.
func (l *Ledger) editHold(ctx context.Context, actor usance.Actor, tenant usance.TenantID, id string, change func(*holdEdit) error,
	node usance.Path, items []usance.Item) (usance.Hold, uint64, error) {
	var out usance.Hold
	var sequence uint64
	err := l.write(ctx, tenant, func(defs *registry.Definitions, more []store.Key) (*op, error) {
		row := store.Key{Table: store.Holds, ID: holdID(id)}
		before, err := l.st.Load(ctx, tenant, store.Keys{Rows: []store.Key{row}})
		if err != nil {
			return nil, err
		}
		was, err := readHold(before, id)
		if err != nil {
			return nil, err
		}
		w := &holdWork{l: l, defs: defs, actor: actor, id: id, change: change, node: node, items: items}
		if was != nil {
			w.node, w.items = was.Node, was.Items
		}
		for _, it := range w.items {
			if _, err := chargeable(defs, it.Meter); err != nil && was == nil {
				return nil, err
			}
		}
		keys := store.Keys{Rows: append([]store.Key{row, dueKey}, more...)}
		w.name(&keys)
		return &op{keys: keys, run: func(t *tx) error {
			sequence = 0
			err := w.run(t)
			out = w.out
			return err
		}, written: func(h journal.Head) { sequence = h.Sequence }}, nil
	})
	return out, sequence, err
}

func readHold(rows *store.Rows, id string) (*usance.Hold, error) {
	b, ok := rows.Get(store.Holds, holdID(id))
	if !ok {
		return nil, nil
	}
	h := new(usance.Hold)
	return h, json.Unmarshal(b, h)
}

type holdWork struct {
	l      *Ledger
	defs   *registry.Definitions
	actor  usance.Actor
	id     string
	node   usance.Path
	items  []usance.Item
	change func(*holdEdit) error
	out    usance.Hold
}

// name names the balances on the hold's path and the quotas that bound them.
func (w *holdWork) name(keys *store.Keys) {
	for _, it := range w.items {
		for _, n := range w.node.Lineage() {
			keys.Rows = append(keys.Rows, store.Key{Table: store.Balances, ID: series{it.Meter, n, ""}.id()})
			if q, ok := w.defs.Quota(registry.QuotaRef{Node: n, Meter: it.Meter}); ok {
				nameStanding(keys, w.defs, q, w.l.now())
			}
		}
	}
}

func (w *holdWork) run(t *tx) error {
	if err := t.expireFirst(); err != nil {
		return err
	}
	old, err := readHold(t.rows, w.id)
	if err != nil {
		return err
	}
	if old != nil && old.Node != w.node {
		return errStale // moved since the rows were named
	}
	e := &holdEdit{t: t, old: old}
	if err := w.change(e); err != nil {
		return err
	}
	if e.next == nil {
		w.out = *old
		return nil
	}
	w.out = *e.next
	return w.save(e)
}

// save moves the reservation, records what was used, and checks both against
// the quotas.
func (w *holdWork) save(e *holdEdit) error {
	if err := moveReserved(e.t.rows, e.old, e.next); err != nil {
		return err
	}
	if len(e.charge) > 0 {
		if err := w.record(e); err != nil {
			return err
		}
	}
	if e.old == nil {
		if err := w.guard(e); err != nil {
			return err
		}
	}
	return putHold(e.t, w.actor, e.old, e.next)
}

// guard checks a new hold's reservation, which is in the rows already.
func (w *holdWork) guard(e *holdEdit) error {
	refused := &usance.Error{Kind: usance.KindExceeded, Detail: "a quota has no room for this"}
	for _, it := range e.next.Items {
		for _, n := range e.next.Node.Lineage() {
			q, ok := w.defs.Quota(registry.QuotaRef{Node: n, Meter: it.Meter})
			if !ok || q.Enforce != usance.Hard {
				continue
			}
			b, over, err := e.t.block(w.defs, q, e.t.at, func(q usance.Quota) (made change) {
				if e.next.Node.Within(q.Node) {
					made.reserved = usance.SumOf(it.Amount)
				}
				return made
			})
			if err != nil {
				return err
			}
			if over {
				refused.Blocks = append(refused.Blocks, b)
			}
		}
	}
	if len(refused.Blocks) > 0 {
		return refused
	}
	return nil
}

// record writes the settlement's usage as the event of a charge and checks what
// it takes beyond the hold.
func (w *holdWork) record(e *holdEdit) error {
	data, err := json.Marshal(chargeData{Items: e.charge, Hold: w.id})
	if err != nil {
		return err
	}
	in := Incoming{Stated: true, Event: usance.Event{Source: holdSource, ID: fmt.Sprintf("%s#%d", w.id, e.next.Steps), Type: chargeEvent,
		Subject: e.next.Subject, Node: e.next.Node, Time: e.t.at, Data: data}}
	b, err := w.l.prepare(w.defs, w.actor, []Incoming{in}, true)
	if err != nil {
		return plain(err)
	}
	if err := e.t.must(func(keys *store.Keys) { *keys = b.keys }); err != nil {
		return err
	}
	b.all.freed = freed(e.old, e.next)
	return b.run(e.t)
}

// freed is what a settlement gives back of a hold, by meter: only what it takes
// beyond that needs room.
func freed(old, next *usance.Hold) map[string]usance.Sum {
	out := make(map[string]usance.Sum, len(old.Open))
	for _, it := range old.Open {
		out[it.Meter] = usance.SumOf(it.Amount)
	}
	for _, it := range next.Open {
		out[it.Meter] = out[it.Meter].Minus(usance.SumOf(it.Amount))
	}
	return out
}

// moveReserved changes the balances on the hold's path from what it had open to
// what it has; on both its paths when its node has moved.
func moveReserved(rows *store.Rows, old, next *usance.Hold) error {
	if old != nil && old.Node != next.Node {
		gone := *old
		gone.Open = nil
		if err := moveReserved(rows, old, &gone); err != nil {
			return err
		}
		old = nil
	}
	change := map[string]usance.Sum{}
	for _, it := range next.Open {
		change[it.Meter] = change[it.Meter].Plus(usance.SumOf(it.Amount))
	}
	if old != nil {
		for _, it := range old.Open {
			change[it.Meter] = change[it.Meter].Minus(usance.SumOf(it.Amount))
		}
	}
	for meter, by := range change {
		if by.IsZero() {
			continue
		}
		for _, n := range next.Node.Lineage() {
			id := series{meter, n, ""}.id()
			was, err := readBalance(rows, id)
			if err != nil {
				return err
			}
			if sum := was.Plus(by); sum.IsZero() {
				rows.Delete(store.Balances, id)
			} else {
				rows.Put(store.Balances, id, usance.State{Sum: sum}.Append(nil, usance.AggLevel))
			}
		}
	}
	return nil
}

// putHold saves the hold, its entry, and when the tenant's next hold expires.
func putHold(t *tx, actor usance.Actor, old, next *usance.Hold) error {
	after, err := json.Marshal(next, json.Deterministic(true))
	if err != nil {
		return err
	}
	var before []byte
	if old != nil {
		if before, err = json.Marshal(old, json.Deterministic(true)); err != nil {
			return err
		}
		t.rows.Delete(store.Holds, holdExpiryID(old.Expires, old.ID))
	}
	t.append(journal.Entry{Kind: journal.Hold, Actor: actor, Change: journal.Change{Type: "hold", Name: next.ID, Before: before, After: after}})
	t.rows.Put(store.Holds, holdID(next.ID), after)
	if next.State == usance.HoldOpen {
		t.rows.Put(store.Holds, holdExpiryID(next.Expires, next.ID), nil)
		return t.dueAt(next.Expires)
	}
	return nil
}
