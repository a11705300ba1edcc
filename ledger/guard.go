package ledger

import (
	"errors"
	"time"

	"github.com/usance/usance"
	"github.com/usance/usance/registry"
	"github.com/usance/usance/store"
)

// Quotas are checked after a step's changes are in its rows and before they are
// saved: every series that grew is compared with the quota at its node, in every
// window that it grew in. A refusal takes the changes back. So the check sees
// what the commit will make true, and two charges cannot both take the last unit.

// dueKey names the row that says when the tenant's next hold expires.
var dueKey = store.Key{Table: store.Balances, ID: ""}

// errDue says that holds must expire before the step may decide anything.
var errDue = errors.New("ledger: holds are due")

// expireFirst returns errDue when a hold has expired whose room has not been
// given back yet.
func (t *tx) expireFirst() error {
	next, err := nextDue(t.rows)
	if err == nil && !next.After(t.at) {
		err = errDue
	}
	return err
}

// nextDue returns when the tenant's next hold expires, Always when none does.
func nextDue(rows *store.Rows) (time.Time, error) {
	b, ok := rows.Get(store.Balances, "")
	if !ok {
		return Always(), nil
	}
	return decodeInstant(b)
}

// nameUse names the rows that a quota's use at an instant is read from.
func nameUse(keys *store.Keys, defs *registry.Definitions, q usance.Quota, at time.Time) {
	id := series{q.Meter, q.Node, ""}.id()
	keys.Rows = append(keys.Rows, store.Key{Table: store.Totals, ID: id}, store.Key{Table: store.Balances, ID: id})
	if q.Window == usance.Lifetime {
		return
	}
	from, to := q.Window.Bounds(at, defs.Zone)
	for d := usance.DayOf(from); d <= usance.DayOf(to.Add(-1)); d++ {
		keys.Rows = append(keys.Rows, store.Key{Table: store.Rollups, ID: id + dayText(d)})
	}
}

// use reads what a quota's window at an instant has, what open holds set aside,
// and when the window ends; all as the step would leave them.
func (t *tx) use(defs *registry.Definitions, q usance.Quota, at time.Time) (used, reserved usance.Sum, resets time.Time, err error) {
	if err := t.must(func(keys *store.Keys) { nameUse(keys, defs, q, at) }); err != nil {
		return used, reserved, resets, err
	}
	m, _ := defs.Meter(q.Meter)
	id, agg := series{q.Meter, q.Node, ""}.id(), kept(m.Aggregation)
	if reserved, err = readBalance(t.rows, id); err != nil {
		return used, reserved, resets, err
	}
	if q.Window == usance.Lifetime {
		b, ok := t.rows.Get(store.Totals, id)
		if !ok {
			return used, reserved, resets, nil
		}
		sum, err := decodeTotal(b, agg)
		return sum.state.Value(agg), reserved, resets, err
	}
	from, to := q.Window.Bounds(at, defs.Zone)
	var state usance.State
	for d := usance.DayOf(from); d <= usance.DayOf(to.Add(-1)); d++ {
		b, _ := t.rows.Get(store.Rollups, id+dayText(d))
		slots, err := decodeSlots(nil, d, b, agg)
		if err != nil {
			return used, reserved, resets, err
		}
		for _, s := range slots {
			if s.at >= tickAt(from) && s.at < tickAt(to) {
				state = state.Merge(s.state)
			}
		}
	}
	return state.Value(agg), reserved, to, nil
}

// guarded lists what must be checked of an enforced line: the quota at its node, and an
// instant in each window that the line grew in.
func (f *folding) guarded(ln *line) (q usance.Quota, windows []time.Time, ok bool) {
	if !ln.enforced || ln.group != "" {
		return q, nil, false
	}
	q, ok = f.defs.Quota(registry.QuotaRef{Node: ln.node, Meter: ln.meter.Name})
	if !ok || q.Limit == usance.Unlimited && q.Guarantee == 0 {
		return q, nil, false
	}
	if q.Window == usance.Lifetime {
		return q, []time.Time{{}}, true
	}
	ticks := make([]tick, 0, len(ln.slots)+len(ln.hits))
	for _, s := range ln.slots {
		ticks = append(ticks, s.at)
	}
	for _, h := range ln.hits {
		ticks = append(ticks, h.at)
	}
	seen := map[time.Time]bool{}
	for _, at := range ticks {
		from, _ := q.Window.Bounds(at.start(), f.defs.Zone)
		if !seen[from] {
			seen[from] = true
			windows = append(windows, from)
		}
	}
	return q, windows, true
}

// nameGuards names what guard reads.
func (f *folding) nameGuards(keys *store.Keys) {
	for _, ln := range f.lines {
		q, windows, ok := f.guarded(ln)
		if !ok {
			continue
		}
		for _, at := range windows {
			nameStanding(keys, f.defs, q, at)
		}
	}
}

const noRoom = "a quota has no room for this"

// guard checks every quota that the folding, already applied, added to. It
// returns KindExceeded listing every hard quota that has no room, and otherwise
// the soft and shadow quotas that were passed.
func (f *folding) guard(t *tx) (flagged []usance.Block, err error) {
	refused := &usance.Error{Kind: usance.KindExceeded, Detail: noRoom}
	for _, ln := range f.lines {
		q, windows, ok := f.guarded(ln)
		if !ok {
			continue
		}
		for _, at := range windows {
			block, over, err := t.block(f.defs, q, at, func(q usance.Quota) change { return f.made(q, at) })
			if err != nil {
				return nil, err
			}
			switch {
			case !over:
			case q.Enforce == usance.Hard:
				refused.Blocks = append(refused.Blocks, block)
			default:
				flagged = append(flagged, block)
			}
		}
	}
	if len(refused.Blocks) > 0 {
		return nil, refused
	}
	return flagged, nil
}

// made is what the folding changes of a quota in the window of an instant.
func (f *folding) made(q usance.Quota, at time.Time) change {
	if f.whole == nil {
		f.whole = make(map[registry.QuotaRef]*line, len(f.lines))
		for _, ln := range f.lines {
			if ln.group == "" {
				f.whole[registry.QuotaRef{Node: ln.node, Meter: ln.series.meter}] = ln
			}
		}
	}
	ln, ok := f.whole[registry.QuotaRef{Node: q.Node, Meter: q.Meter}]
	if !ok {
		return change{}
	}
	return change{used: f.growth(ln, q, at), reserved: f.freed[q.Meter].Neg()}
}

// growth is by how much a line raises its quota's window.
func (f *folding) growth(ln *line, q usance.Quota, at time.Time) usance.Sum {
	from, to := tick(-1<<62), tick(1<<62)
	if q.Window != usance.Lifetime {
		a, b := q.Window.Bounds(at, f.defs.Zone)
		from, to = tickAt(a), tickAt(b)
	}
	var state usance.State
	for _, s := range ln.slots {
		if s.at >= from && s.at < to {
			state = state.Merge(s.state)
		}
	}
	return state.Value(kept(ln.meter.Aggregation))
}

func readBalance(rows *store.Rows, id string) (usance.Sum, error) {
	b, ok := rows.Get(store.Balances, id)
	if !ok {
		return usance.Sum{}, nil
	}
	s, rest, err := usance.DecodeState(b, usance.AggLevel)
	if err == nil && len(rest) > 0 {
		err = usance.ErrCorrupt
	}
	return s.Sum, err
}
