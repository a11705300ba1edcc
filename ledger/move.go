package ledger

import (
	"bytes"
	"cmp"
	"context"
	"slices"
	"time"

	"github.com/go-json-experiment/json"

	"github.com/usance/usance"
	"github.com/usance/usance/internal/journal"
	"github.com/usance/usance/registry"
	"github.com/usance/usance/store"
)

// Moved says what a move took along.
type Moved struct {
	Sequence uint64 // of the move's entry
	From, To usance.Path
	// How many of each were moved. Holds are the open ones: one that is over stays
	// where it ended.
	Nodes, Quotas, Users, Tokens, Resources, Holds int
	Flagged                                        []usance.Block // soft and shadow quotas that it passes
	Blocks                                         []usance.Block // of a rehearsal: the hard quotas that refuse it
}

// MoveNode moves a node, defined or only used, to another place, and all that is
// at and below it with it: definitions, quotas, the users and tokens bound to it,
// resources, open holds, and every number of its usage, of all time. The nodes no
// longer above it lose what it had and those now above it gain that, in one
// commit; nothing happens in between. What was recorded before is counted at the
// new place from then on, and corrected there; readings as of an earlier sequence
// still have it at the old one. Usage sent to the old path later is new usage of
// that path.
//
// KindNotFound when there is nothing at from, so for a repeat of a move;
// KindConflict when something is at to, or when a carved node would have more
// handed out below it than its own limit; KindExceeded, listing every one, when
// hard quotas that are above it only now have no room for it in a window that has
// not ended; KindTooLarge past usance.MaxMoveRows or usance.MaxMoveScan.
func (l *Ledger) MoveNode(ctx context.Context, actor usance.Actor, tenant usance.TenantID, from, to usance.Path) (Moved, error) {
	w := &moving{l: l, tenant: tenant, actor: actor, from: from, to: to}
	if err := l.move(ctx, w); err != nil {
		return Moved{}, err
	}
	return w.done, nil
}

// move makes one move, or rehearses it.
func (l *Ledger) move(ctx context.Context, made *moving) error {
	if err := checkMove(made.from, made.to); err != nil {
		return err
	}
	plain := *made
	return l.write(ctx, made.tenant, func(defs *registry.Definitions, more []store.Key) (*op, error) {
		o := &op{}
		o.late = func() error {
			*made = plain
			made.defs = defs
			if err := made.prepare(ctx); err != nil {
				return made.conflicted(ctx, err)
			}
			o.keys, o.run = made.keys, made.run
			o.keys.Rows = append(o.keys.Rows, more...)
			return nil
		}
		return o, nil
	})
}

func checkMove(from, to usance.Path) error {
	for _, p := range []usance.Path{from, to} {
		if err := p.Check(); err != nil {
			return err
		}
	}
	switch {
	case from == usance.Root:
		return usance.Errorf(usance.KindInvalid, "the root is the tenant itself and cannot be moved")
	case to == from:
		return usance.Errorf(usance.KindInvalid, "node %s is where it shall go", from)
	case to.Within(from):
		return usance.Errorf(usance.KindInvalid, "node %s cannot go below itself", from)
	case from.Within(to):
		return usance.Errorf(usance.KindConflict, "%s exists already: it is above %s", to, from)
	}
	return nil
}

// moving is a move on its way through a step. It is worked out from what the
// tenant has just before; the step makes sure that nothing was written since.
type moving struct {
	l        *Ledger
	tenant   usance.TenantID
	actor    usance.Actor
	defs     *registry.Definitions
	from, to usance.Path
	// rehearsal has run take itself back.
	rehearsal bool

	head        journal.Head
	views       *viewMove
	definitions registry.Relocation
	resources   []movedResource
	holds       []*usance.Hold // as they were
	reserved    map[string]usance.Sum
	keys        store.Keys
	done        Moved
}

type movedResource struct {
	old, next *usance.Resource
	change    journal.Change
}

func (w *moving) prepare(ctx context.Context) error {
	var err error
	if w.head, err = w.l.head(ctx, w.tenant); err != nil {
		return err
	}
	if w.head.Definitions != w.defs.Version {
		return errStale
	}
	if w.definitions, err = w.l.reg.Relocate(w.tenant, w.defs, w.from, w.to); err != nil {
		return err
	}
	source := &pastEvents{l: w.l, tenant: w.tenant, asOf: w.head.Sequence, past: w.l.past(w.tenant, w.defs)}
	m := newMover(func(keys store.Keys) (*store.Rows, error) { return w.load(ctx, keys) }, source, w.from, w.to)
	m.rows, m.scan = allow(w.l.moveRows, "rows"), allow(w.l.moveScan, "events, resources and holds that must be looked at")
	if err := m.rows.take(len(w.definitions.Changes)); err != nil {
		return err
	}
	if err := w.findResources(ctx, m); err != nil {
		return err
	}
	if err := w.findHolds(ctx, m); err != nil {
		return err
	}
	if w.views, err = m.views(ctx); err != nil {
		return err
	}
	if !w.views.used && len(w.definitions.Changes)+len(w.resources)+len(w.holds) == 0 {
		return w.nothing(ctx)
	}
	w.name()
	return m.rows.take(len(w.keys.Rows))
}

// load reads rows if nothing was written since the move began to be worked out.
func (w *moving) load(ctx context.Context, keys store.Keys) (*store.Rows, error) {
	keys.Rows = append(slices.Clone(keys.Rows), journal.HeadKey)
	rows, err := w.l.st.Load(ctx, w.tenant, keys)
	if err != nil {
		return nil, err
	}
	head, err := journal.ReadHead(rows)
	if err == nil && head.Sequence != w.head.Sequence {
		err = errStale
	}
	return rows, err
}

// nothing says why there is nothing to move.
func (w *moving) nothing(ctx context.Context) error {
	rows, err := w.load(ctx, store.Keys{Ranges: []store.Range{{Table: store.Moves}}})
	if err != nil {
		return err
	}
	all, err := decodeMoves(rows.Range(0))
	if err != nil {
		return err
	}
	for _, m := range slices.Backward(all) {
		if m.from == w.from {
			return usance.Errorf(usance.KindNotFound, "there is no node %s any more: entry %d moved it to %s", w.from, m.sequence, m.to)
		}
	}
	return usance.Errorf(usance.KindNotFound, "there is no node %s", w.from)
}

// findResources finds the resources of the subtree among all.
func (w *moving) findResources(ctx context.Context, m *mover) error {
	return w.l.st.Scan(ctx, w.tenant, store.Range{Table: store.Resources}, func(row store.Row) error {
		if err := m.scan.take(1); err != nil {
			return err
		}
		var at usance.Resource // as far as it says where
		if err := json.Unmarshal(row.Value, &struct {
			Node   *usance.Path    `json:"node"`
			Grants *[]usance.Grant `json:"grants"`
		}{&at.Node, &at.Grants}); err != nil {
			return err
		}
		at.ID = row.ID
		if stays, err := w.staysAt(&at); err != nil || stays {
			return err
		}
		before := bytes.Clone(row.Value)
		old, err := decodeResource(before)
		if err != nil {
			return err
		}
		next := w.follow(old)
		if err := next.Check(); err != nil {
			return usance.Errorf(usance.KindConflict, "resource %s cannot follow: %s", old.ID, detailOf(err))
		}
		after, err := json.Marshal(next, json.Deterministic(true))
		if err != nil {
			return err
		}
		w.resources = append(w.resources, movedResource{old, next, journal.Change{Type: "resource", Name: old.ID, Before: before, After: after}})
		return m.rows.take(1)
	})
}

// findHolds finds the open holds of the subtree among all open ones.
func (w *moving) findHolds(ctx context.Context, m *mover) error {
	span := store.Range{Table: store.Holds, From: "x", To: "y", Limit: usance.MaxPageSize}
	for {
		rows, err := w.load(ctx, store.Keys{Ranges: []store.Range{span}})
		if err != nil {
			return err
		}
		found := rows.Range(0)
		if err := m.scan.take(len(found)); err != nil {
			return err
		}
		open, err := w.l.holdRows(ctx, w.tenant, found)
		if err != nil {
			return err
		}
		for i, h := range open {
			span.From = found[i].ID + "\x00"
			switch {
			case h == nil:
			case !h.Expires.After(w.l.now()):
				return errDue // it holds nothing any more, and ends where it is
			case h.Node.Within(w.to):
				return usance.Errorf(usance.KindConflict, "hold %s is at %s already", h.ID, h.Node)
			case h.Node.Within(w.from):
				if err := cmp.Or(h.Node.Rebase(w.from, w.to).Check(), m.rows.take(1)); err != nil {
					return err
				}
				w.holds = append(w.holds, h)
			}
		}
		if len(found) < span.Limit {
			return nil
		}
	}
}

// name names what run reads.
func (w *moving) name() {
	w.keys = store.Keys{Rows: []store.Key{dueKey}}
	w.views.name(&w.keys)
	row := func(t store.Table, id string) { w.keys.Rows = append(w.keys.Rows, store.Key{Table: t, ID: id}) }
	for _, r := range w.resources {
		nameGrants(&w.keys, r.old, r.next)
		for _, s := range []int64{expirySecond(r.old), expirySecond(r.next)} {
			row(store.Expiring, secondID(s))
			row(store.Expiring, dayID(s))
		}
	}
	w.reserved = map[string]usance.Sum{}
	for _, h := range w.holds {
		for _, it := range h.Open {
			for _, n := range slices.Concat(h.Node.Lineage(), h.Node.Rebase(w.from, w.to).Lineage()) {
				row(store.Balances, series{it.Meter, n, ""}.id())
			}
			w.reserved[it.Meter] = w.reserved[it.Meter].Plus(usance.SumOf(it.Amount))
		}
	}
	for _, g := range w.guarded() {
		for _, at := range g.windows {
			nameStanding(&w.keys, w.defs, g.quota, at)
		}
	}
	slices.SortFunc(w.keys.Rows, compareKeys)
	w.keys.Rows = slices.Compact(w.keys.Rows)
}

func compareKeys(a, b store.Key) int {
	return cmp.Or(cmp.Compare(a.Table, b.Table), cmp.Compare(a.ID, b.ID))
}

func (w *moving) run(t *tx) error {
	if t.head.Sequence != w.head.Sequence || len(t.entries) > 0 {
		return errStale
	}
	if err := t.expireFirst(); err != nil {
		return err
	}
	if err := w.views.apply(t); err != nil {
		return err
	}
	change, err := moveChange(w.from, w.to)
	if err != nil {
		return err
	}
	d := &w.definitions
	w.done = Moved{From: w.from, To: w.to, Nodes: d.Nodes, Quotas: d.Quotas, Users: d.Users, Tokens: d.Tokens, Resources: len(w.resources), Holds: len(w.holds)}
	w.done.Sequence = t.append(journal.Entry{Kind: journal.Move, Actor: w.actor, Change: change})
	putMove(t.rows, move{w.done.Sequence, w.from, w.to})
	for _, c := range d.Changes {
		t.append(journal.Entry{Kind: journal.Definition, Actor: w.actor, Change: c})
		putDefinition(t.rows, c)
	}
	for _, r := range w.resources {
		t.append(journal.Entry{Kind: journal.Resource, Actor: w.actor, Change: r.change})
		if err := moveResource(t.rows, r.old, r.next, r.change.After, t.at); err != nil {
			return err
		}
	}
	for _, h := range w.holds {
		next := *h
		next.Node = h.Node.Rebase(w.from, w.to)
		next.MadeAt = cmp.Or(h.MadeAt, h.Node)
		if err := moveReserved(t.rows, h, &next); err != nil {
			return err
		}
		if err := putHold(t, w.actor, h, &next); err != nil {
			return err
		}
	}
	if err := w.guard(t); err != nil || !w.rehearsal {
		return err
	}
	return w.rehearsed(t)
}

// putDefinition saves a definition as its entry has it.
func putDefinition(rows *store.Rows, c journal.Change) {
	if id := c.Type + "\x00" + c.Name; c.After == nil {
		rows.Delete(store.Definitions, id)
	} else {
		rows.Put(store.Definitions, id, bytes.Clone(c.After))
	}
}

// guardedMove is a quota above the node only after the move, and an instant in
// each of its windows that the move adds to and that has not ended.
type guardedMove struct {
	quota   usance.Quota
	line    *line // nil: there is no usage, only holds or guarantees
	windows []time.Time
}

func (w *moving) guarded() []guardedMove {
	var out []guardedMove
	now := w.l.now()
	for _, at := range w.to.Parent().Lineage() {
		if w.from.Within(at) {
			break
		}
		for _, q := range w.defs.Quotas(at, false) {
			if q.Limit == usance.Unlimited {
				continue
			}
			g := guardedMove{quota: q, line: w.views.fold.byID[series{q.Meter, at, ""}.id()]}
			if reserved := w.reserved[q.Meter]; g.line == nil && reserved.IsZero() && !w.brings(q) {
				continue
			}
			g.windows = g.open(now, w.defs.Zone)
			out = append(out, g)
		}
	}
	return out
}

// open lists an instant in each window from now's on that the line grows in; in
// now's for what holds reserve and guarantees keep.
func (g *guardedMove) open(now time.Time, zone *time.Location) []time.Time {
	if g.quota.Window == usance.Lifetime {
		return []time.Time{{}}
	}
	from, to := g.quota.Window.Bounds(now, zone)
	out := []time.Time{from}
	add := func(at tick) {
		if at >= tickAt(to) {
			from, to = g.quota.Window.Bounds(at.start(), zone)
			out = append(out, from)
		}
	}
	if g.line == nil {
		return out
	}
	ticks := make([]tick, 0, len(g.line.slots)+len(g.line.hits))
	for _, s := range g.line.slots {
		ticks = append(ticks, s.at)
	}
	for _, h := range g.line.hits {
		ticks = append(ticks, h.at)
	}
	slices.Sort(ticks)
	for _, at := range ticks {
		add(at)
	}
	return out
}

// guard checks the quotas that are above the node only now, with the move already
// in the rows.
func (w *moving) guard(t *tx) error {
	refused := &usance.Error{Kind: usance.KindExceeded, Detail: "a quota at the destination has no room for this node"}
	for _, g := range w.guarded() {
		for i, at := range g.windows {
			block, over, err := t.block(w.definitions.After, g.quota, at, func(q usance.Quota) change { return w.made(q, at, i == 0) })
			if err != nil {
				return err
			}
			switch {
			case !over:
			case g.quota.Enforce == usance.Hard:
				refused.Blocks = append(refused.Blocks, block)
			default:
				w.done.Flagged = append(w.done.Flagged, block)
			}
		}
	}
	if len(refused.Blocks) > 0 {
		return refused
	}
	return nil
}
