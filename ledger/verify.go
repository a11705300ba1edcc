package ledger

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/go-json-experiment/json"

	"github.com/usance/usance"
	"github.com/usance/usance/internal/journal"
	"github.com/usance/usance/registry"
	"github.com/usance/usance/store"
)

// Verification is what Verify found.
type Verification struct {
	Tenant   usance.TenantID `json:"tenant"`
	Sequence uint64          `json:"sequence"` // up to which the ledger was folded
	Events   uint64          `json:"events"`
	Rows     uint64          `json:"rows"`            // of the views, compared
	Fault    string          `json:"fault,omitempty"` // the first difference; empty when there is none
}

// views are the tables that follow from the ledger and are compared row by row.
// Dedup is compared event by event instead: it is never read by range.
var views = []struct {
	table store.Table
	name  string
}{
	{store.Definitions, "definitions"}, {store.History, "history"}, {store.Corrections, "corrections"}, {store.Days, "days"}, {store.Totals, "totals"}, {store.Rollups, "rollups"}, {store.Samples, "samples"}, {store.Members, "members"},
	{store.Resources, "resources"}, {store.Grants, "grants"}, {store.Expiries, "expiries"}, {store.Expiring, "expiring"}, {store.Holds, "holds"}, {store.Balances, "balances"}, {store.Moves, "moves"},
	{store.Ranges, "ranges"}, {store.Restated, "restated"},
}

// Verify folds the tenant's ledger again, from its first entry, into scratch (an
// empty store of the caller's), checks the hash chain, and compares every view
// with what is stored. It names the first difference in Fault; an error means
// that it could not finish. It reads a tenant that is being written as of a
// moment between writes, and gives up with KindUnavailable when there is none.
// progress, if not nil, is told how many entries are folded, of how many.
func (l *Ledger) Verify(ctx context.Context, tenant usance.TenantID, scratch store.Store, progress func(done, of uint64)) (Verification, error) {
	out := Verification{Tenant: tenant}
	r := &replay{l: l, tenant: tenant, scratch: scratch, definitions: map[string][]byte{}}
	for range 20 {
		head, err := l.head(ctx, tenant)
		if err != nil {
			return out, err
		}
		if head.Definitions == 0 {
			return out, noTenant(tenant)
		}
		r.marks, err = l.marksSince(ctx, tenant)
		if err == nil {
			err = r.run(ctx, head, progress)
		}
		if err == nil {
			err = r.compare(ctx, &out)
		}
		now, headErr := l.head(ctx, tenant)
		if headErr != nil {
			return out, headErr
		}
		found, differs := errors.AsType[*difference](err)
		if (err == nil || differs) && now != head {
			continue // written meanwhile: what differs may be the writing
		}
		out.Sequence, out.Events = head.Sequence, head.Events
		switch {
		case differs:
			out.Fault = found.what
			return out, nil
		case errors.Is(err, usance.ErrCorrupt):
			out.Fault = err.Error()
			return out, nil
		}
		return out, err
	}
	return out, usance.Errorf(usance.KindUnavailable, "tenant %s is written without a pause; try again when it is quieter", tenant)
}

// difference is a finding rather than a failure.
type difference struct{ what string }

func (d *difference) Error() string { return d.what }

func differ(format string, args ...any) error {
	return &difference{fmt.Sprintf(format, args...)}
}

// replay folds a ledger into a scratch store, block by block.
type replay struct {
	l           *Ledger
	tenant      usance.TenantID
	scratch     store.Store
	head        journal.Head
	definitions map[string][]byte
	defs        *registry.Definitions
	marks       uint64 // the first entry whose correction is marked; see marksKey
}

var errEnough = errors.New("ledger: enough")

// run folds the blocks that are new since the last run, up to the head.
func (r *replay) run(ctx context.Context, head journal.Head, progress func(done, of uint64)) error {
	err := journal.Blocks(ctx, r.l.st, r.tenant, func(b journal.Block) error {
		if b.First > head.Sequence {
			return errEnough
		}
		if b.First <= r.head.Sequence {
			return nil
		}
		if err := r.block(ctx, b); err != nil {
			return err
		}
		r.head = r.head.Past(b)
		if progress != nil {
			progress(r.head.Sequence, head.Sequence)
		}
		return nil
	})
	if err != nil && !errors.Is(err, errEnough) {
		return err
	}
	if r.head != head {
		return differ("the head row does not follow from the ledger: it says sequence %d, %d events, newest %s, chain %x; the entries give %d, %d, %s, %x",
			head.Sequence, head.Events, head.Newest, head.Chain[:8], r.head.Sequence, r.head.Events, r.head.Newest, r.head.Chain[:8])
	}
	return nil
}

func (r *replay) block(ctx context.Context, b journal.Block) error {
	changed := false
	for i := range b.Entries {
		e := &b.Entries[i]
		if e.Kind != journal.Definition {
			continue
		}
		changed = true
		id := e.Change.Type + "\x00" + e.Change.Name
		if e.Change.After == nil {
			delete(r.definitions, id)
		} else {
			r.definitions[id] = e.Change.After
		}
	}
	if changed {
		var rows []store.Row
		for _, id := range slices.Sorted(maps.Keys(r.definitions)) {
			rows = append(rows, store.Row{ID: id, Value: r.definitions[id]})
		}
		var err error
		if r.defs, err = registry.Restore(b.First, rows); err != nil {
			return err
		}
	}
	if err := r.checkDedup(ctx, b); err != nil {
		return err
	}
	return r.step(ctx, b)
}

// step folds one block into scratch as its commit did into the views. What comes
// before a correction or a move is folded before it: it looks at what there was.
func (r *replay) step(ctx context.Context, b journal.Block) error {
	if r.defs == nil {
		return differ("the ledger does not begin with the tenant's definition")
	}
	for start := 0; start < len(b.Entries); {
		end := start
		for end < len(b.Entries) && b.Entries[end].Kind != journal.Correction && b.Entries[end].Kind != journal.Move && b.Entries[end].Kind != journal.Range {
			end++
		}
		if end > start {
			if err := r.fold(ctx, b.First, b.Entries[start:end]); err != nil {
				return err
			}
		}
		if end < len(b.Entries) {
			redo := r.correct
			switch b.Entries[end].Kind {
			case journal.Move:
				redo = r.move
			case journal.Range:
				redo = r.correctRange
			}
			if err := redo(ctx, &b.Entries[end]); err != nil {
				return err
			}
			end++
		}
		start = end
	}
	return nil
}

func (r *replay) fold(ctx context.Context, first uint64, entries []journal.Entry) error {
	fold := newFolding(r.defs)
	keys := store.Keys{Rows: []store.Key{dueKey}}
	for i := range entries {
		e := &entries[i]
		switch e.Kind {
		case journal.Event:
			list, err := shares(r.defs, &e.Event)
			if err != nil {
				return differ("entry %d: event %q of source %q could not have been stored: %v", e.Sequence, e.Event.ID, e.Event.Source, err)
			}
			fold.add(&prepared{in: &Incoming{Event: e.Event}, shares: list})
			keys.Rows = append(keys.Rows, store.Key{Table: store.Days, ID: dayText(usance.DayOf(e.Event.Time)) + journal.BlockID(first)})
		case journal.Resource:
			if err := nameResource(&keys, e.Change); err != nil {
				return err
			}
		case journal.Hold:
			if err := nameHold(&keys, e.Change); err != nil {
				return err
			}
		}
	}
	fold.name(&keys)
	return r.stepWith(ctx, keys, func(t *tx) error {
		for i := range entries {
			e := &entries[i]
			if err := replayChange(t, e); err != nil {
				return err
			}
			if e.Kind == journal.Event {
				if err := widenDay(t.rows, journal.BlockID(first), e.Event.Time); err != nil {
					return err
				}
			}
		}
		return fold.apply(t, fold)
	})
}

// stepWith runs a step on scratch, and again with the rows it turns out to need.
func (r *replay) stepWith(ctx context.Context, keys store.Keys, fn func(*tx) error) error {
	for {
		err := r.scratch.Step(ctx, r.tenant, keys, func(rows *store.Rows) error { return fn(&tx{rows: rows}) })
		missing, ok := errors.AsType[*missingKeys](err)
		if !ok {
			return err
		}
		keys.Rows = append(keys.Rows, missing.keys...)
	}
}

func (r *replay) correct(ctx context.Context, e *journal.Entry) error {
	var said correction
	if err := json.Unmarshal(e.Change.After, &said); err != nil {
		return err
	}
	said.By = e.Sequence
	was, err := r.l.countedAt(ctx, r.tenant, said.Of, e.Sequence-1)
	if err != nil {
		return err
	}
	block, err := journal.BlockOf(ctx, r.l.st, r.tenant, said.Of)
	if err != nil {
		return err
	}
	from := &pastEvents{l: r.l, tenant: r.tenant, asOf: e.Sequence - 1, past: r.l.past(r.tenant, r.defs)}
	back, err := takeBack(ctx, from, r.scratch, []*counted{was})
	if err != nil {
		return err
	}
	fresh := newFolding(r.defs)
	keys := store.Keys{Rows: []store.Key{marksKey, {Table: store.Corrections, ID: journal.BlockID(said.Of)}}}
	if said.Event != nil {
		next := was.Event
		said.Event.give(&next)
		list, err := shares(r.defs, &next)
		if err != nil {
			return err
		}
		fresh.add(&prepared{in: &Incoming{Event: next}, shares: list})
		keys.Rows = append(keys.Rows, store.Key{Table: store.Days, ID: dayText(usance.DayOf(next.Time)) + block})
	}
	back.name(&keys)
	fresh.name(&keys)
	return r.stepWith(ctx, keys, func(t *tx) error {
		t.at, t.unmarked = e.At, e.Sequence < r.marks
		if err := back.apply(t); err != nil {
			return err
		}
		back.restateAt(t, tickAt(was.Event.Time))
		if err := fresh.apply(t, fresh); err != nil {
			return err
		}
		fresh.restate(t)
		t.startMarks(e.Sequence)
		return putCorrection(t.rows, block, said)
	})
}

// move folds a move as its commit did.
func (r *replay) move(ctx context.Context, e *journal.Entry) error {
	a, err := moveOf(e)
	if err != nil {
		return err
	}
	from := &pastEvents{l: r.l, tenant: r.tenant, asOf: e.Sequence - 1, past: r.l.past(r.tenant, r.defs)}
	load := func(keys store.Keys) (*store.Rows, error) { return r.scratch.Load(ctx, r.tenant, keys) }
	v, err := newMover(load, from, a.from, a.to).views(ctx)
	if err != nil {
		return err
	}
	var keys store.Keys
	v.name(&keys)
	return r.stepWith(ctx, keys, func(t *tx) error {
		putMove(t.rows, a)
		return v.apply(t)
	})
}

func replayChange(t *tx, e *journal.Entry) error {
	switch e.Kind {
	case journal.Definition:
		putDefinition(t.rows, e.Change)
		row := journal.HistoryRow(e)
		t.rows.Put(store.History, row.ID, row.Value)
	case journal.Resource:
		old, next, err := resourcesOf(e.Change)
		if err != nil {
			return err
		}
		return moveResource(t.rows, old, next, e.Change.After, e.At)
	case journal.Hold:
		old, next, err := holdsOf(e.Change)
		if err != nil {
			return err
		}
		if err := moveReserved(t.rows, old, next); err != nil {
			return err
		}
		return putHold(t, e.Actor, old, next)
	}
	return nil
}

func resourcesOf(c journal.Change) (old, next *usance.Resource, err error) {
	if old, err = decodeResource(c.Before); err != nil {
		return nil, nil, err
	}
	next, err = decodeResource(c.After)
	return old, next, err
}

func nameResource(keys *store.Keys, c journal.Change) error {
	old, next, err := resourcesOf(c)
	if err != nil {
		return err
	}
	nameGrants(keys, old, next)
	for _, res := range []*usance.Resource{old, next} {
		if res != nil {
			s := expirySecond(res)
			keys.Rows = append(keys.Rows, store.Key{Table: store.Expiring, ID: secondID(s)}, store.Key{Table: store.Expiring, ID: dayID(s)})
		}
	}
	return nil
}

func holdsOf(c journal.Change) (old, next *usance.Hold, err error) {
	if c.Before != nil {
		old = new(usance.Hold)
		if err := json.Unmarshal(c.Before, old); err != nil {
			return nil, nil, err
		}
	}
	next = new(usance.Hold)
	return old, next, json.Unmarshal(c.After, next)
}

func nameHold(keys *store.Keys, c journal.Change) error {
	old, next, err := holdsOf(c)
	if err != nil {
		return err
	}
	nodes := next.Node.Lineage()
	if old != nil && old.Node != next.Node {
		nodes = append(nodes, old.Node.Lineage()...)
	}
	for _, it := range next.Items {
		for _, n := range nodes {
			keys.Rows = append(keys.Rows, store.Key{Table: store.Balances, ID: series{it.Meter, n, ""}.id()})
		}
	}
	return nil
}

// checkDedup compares the dedup row of each event of a block with the event.
func (r *replay) checkDedup(ctx context.Context, b journal.Block) error {
	var keys store.Keys
	for i := range b.Entries {
		if e := &b.Entries[i]; e.Kind == journal.Event {
			key := e.Event.Key()
			keys.Rows = append(keys.Rows, store.Key{Table: store.Dedup, ID: string(key[:])})
		}
	}
	if len(keys.Rows) == 0 {
		return nil
	}
	rows, err := r.l.st.Load(ctx, r.tenant, keys)
	if err != nil {
		return err
	}
	for i := range b.Entries {
		e := &b.Entries[i]
		if e.Kind != journal.Event {
			continue
		}
		key := e.Event.Key()
		got, ok := rows.Get(store.Dedup, string(key[:]))
		if want := appendDedup(nil, askedDigest(e), e.Sequence); !ok || string(got) != string(want) {
			return differ("dedup of event %q of source %q (entry %d): stored %x, the ledger gives %x", e.Event.ID, e.Event.Source, e.Sequence, got, want)
		}
	}
	return nil
}

// askedDigest is the digest by which a repeat of the entry's event is known: for
// a charge that was cut to what fitted, that of what was asked for.
func askedDigest(e *journal.Entry) usance.ContentDigest {
	event := e.Event
	if event.Type == chargeEvent {
		var d chargeData
		if json.Unmarshal(event.Data, &d) == nil && d.Asked != nil {
			if asked, err := json.Marshal(chargeData{Items: d.Asked, Mode: d.Mode}); err == nil {
				event.Data = asked
			}
		}
	}
	return event.Digest(e.Stated)
}

// compare walks each view in both stores at once.
func (r *replay) compare(ctx context.Context, out *Verification) error {
	out.Rows = 0
	for _, v := range views {
		from := ""
		for {
			page := store.Keys{Ranges: []store.Range{{Table: v.table, From: from, Limit: 1000}}}
			stored, err := r.l.st.Load(ctx, r.tenant, page)
			if err != nil {
				return err
			}
			folded, err := r.scratch.Load(ctx, r.tenant, page)
			if err != nil {
				return err
			}
			a, b := stored.Range(0), folded.Range(0)
			if err := comparePage(v.name, withoutHint(v.table, a), withoutHint(v.table, b)); err != nil {
				return err
			}
			out.Rows += uint64(len(a))
			if len(a) < 1000 {
				break
			}
			from = a[len(a)-1].ID + "\x00"
		}
	}
	return nil
}

// withoutHint leaves out the row that says when to look at holds next: it may be
// earlier than need be, so it does not follow from the ledger alone.
func withoutHint(t store.Table, rows []store.Row) []store.Row {
	if t == store.Balances && len(rows) > 0 && rows[0].ID == "" {
		return rows[1:]
	}
	return rows
}

func comparePage(table string, stored, folded []store.Row) error {
	for i := range max(len(stored), len(folded)) {
		switch {
		case i >= len(folded) || i < len(stored) && stored[i].ID < folded[i].ID:
			return differ("%s %q is stored and does not follow from the ledger", table, stored[i].ID)
		case i >= len(stored) || folded[i].ID < stored[i].ID:
			return differ("%s %q follows from the ledger and is not stored", table, folded[i].ID)
		case string(stored[i].Value) != string(folded[i].Value):
			return differ("%s %q: stored %x, the ledger gives %x", table, stored[i].ID, stored[i].Value, folded[i].Value)
		}
	}
	return nil
}
