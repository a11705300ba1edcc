package ledger

import (
	"context"
	"errors"
	"time"

	"github.com/usance/usance"
	"github.com/usance/usance/internal/journal"
	"github.com/usance/usance/registry"
	"github.com/usance/usance/store"
)

// What was known at a moment is a fold of the entries up to it, under the
// definitions and by the clock of then. No view is kept of the past, so such an
// answer costs the history it stands on: a day's or month's events for what
// happened in a window, all of them for what stands. What holds had set aside and
// which resources there were is found from the present, less what was done since,
// or from the beginning, whichever is nearer.

// Moment is a point of a tenant's past: the newest entry that was known, and what
// the clock said. The zero Moment is the present.
type Moment struct {
	Sequence uint64
	Time     time.Time
}

// IsZero reports that the moment is the present.
func (m Moment) IsZero() bool { return m.Sequence == 0 }

// MomentOf returns the moment that a sequence or an instant names: when the entry
// of that sequence was recorded, or what was the newest entry at the instant. Both
// zero is the present. KindInvalid when both are given or when the moment has not
// come yet, KindNotFound when the tenant had no entry by then.
func (l *Ledger) MomentOf(ctx context.Context, tenant usance.TenantID, sequence uint64, at time.Time) (Moment, error) {
	switch {
	case sequence != 0 && !at.IsZero():
		return Moment{}, usance.Errorf(usance.KindInvalid, "a moment is given by its sequence or its time, not both")
	case sequence != 0:
		head, err := l.head(ctx, tenant)
		if err != nil {
			return Moment{}, err
		}
		if sequence > head.Sequence {
			return Moment{}, notReached(sequence, head.Sequence)
		}
		e, err := journal.At(ctx, l.st, tenant, sequence)
		return Moment{Sequence: sequence, Time: e.At}, err
	case at.IsZero():
		return Moment{}, nil
	case at.After(l.now()):
		return Moment{}, usance.Errorf(usance.KindInvalid, "%s is still to come", at.Format(time.RFC3339))
	}
	sequence, err := l.KnownAt(ctx, tenant, at)
	return Moment{Sequence: sequence, Time: at}, err
}

func notReached(sequence, newest uint64) error {
	return usance.Errorf(usance.KindInvalid, "sequence %d is not reached yet; the newest is %d", sequence, newest)
}

// DefinitionsAt returns a tenant's definitions as they were at a moment.
func (l *Ledger) DefinitionsAt(ctx context.Context, tenant usance.TenantID, m Moment) (*registry.Definitions, error) {
	defs, err := l.reg.Definitions(ctx, tenant)
	if err != nil || m.IsZero() {
		return defs, err
	}
	return l.past(tenant, defs).at(ctx, m.Sequence)
}

// budget bounds the entries looked through for one answer about the past.
type budget int

func newBudget() *budget {
	b := budget(usance.MaxPastEntries)
	return &b
}

func (b *budget) spend() error {
	if b == nil {
		return nil
	}
	if *b--; *b < 0 {
		return usance.Errorf(usance.KindTooLarge, "the answer stands on more than %d entries, the most that are folded again; ask for less time, or what is known now", usance.MaxPastEntries)
	}
	return nil
}

// QuotasAt answers quotas as they stood at a moment: limits, usage, holds and the
// windows of then. Unknown meters are KindNotFound, and a reading that stands on
// more than usance.MaxPastEntries entries is KindTooLarge.
func (l *Ledger) QuotasAt(ctx context.Context, tenant usance.TenantID, refs []registry.QuotaRef, m Moment) (Report, error) {
	out := Report{Sequence: m.Sequence}
	defs, err := l.DefinitionsAt(ctx, tenant, m)
	if err != nil {
		return out, err
	}
	all, err := newSheet(defs, refs)
	if err != nil {
		return out, err
	}
	quotas := all.at(defs, m.Time, nil, new(store.Keys))
	fold := newPastFold(quotas.plans)
	spent := newBudget()
	if err := fold.run(ctx, l, tenant, defs, m, spent); err != nil {
		return out, err
	}
	held, err := l.heldAt(ctx, tenant, m, quotas.plans, spent)
	if err != nil {
		return out, err
	}
	grants, err := l.grantsAt(ctx, tenant, m, all.grants, spent)
	if err != nil {
		return out, err
	}
	out.Quotas, err = quotas.read(func(i int) (taken, error) {
		p := quotas.plans[i]
		return taken{fold.value(p), held[p.series[0].series]}, nil
	}, func(id string) ([]grant, error) { return grants[id], nil })
	return out, err
}

// pastFold folds events for many quotas at once.
type pastFold struct {
	span  stretch // holds every event that any of them counts
	parts map[series]*pastPart
	size  int
}

type pastPart struct {
	*plan
	state  usance.State
	set    valueSet
	newest map[gaugeKey]timedSample
}

func newPastFold(plans []*plan) *pastFold {
	f := &pastFold{parts: map[series]*pastPart{}}
	first := true
	for _, p := range plans {
		f.parts[p.series[0].series] = &pastPart{plan: p, newest: map[gaugeKey]timedSample{}}
		s := p.stretches[0]
		if p.meter.Aggregation.Stands() {
			s.from = time.Time{}
		}
		if first || s.from.Before(f.span.from) {
			f.span.from = s.from
		}
		if first || s.to.IsZero() || !f.span.to.IsZero() && s.to.After(f.span.to) {
			f.span.to = s.to
		}
		first = false
	}
	return f
}

func (f *pastFold) run(ctx context.Context, l *Ledger, tenant usance.TenantID, defs *registry.Definitions, m Moment, spent *budget) error {
	if len(f.parts) == 0 {
		return nil
	}
	then := l.past(tenant, defs)
	return l.eachEvent(ctx, tenant, f.span, m.Sequence, func(e *counted) error {
		if err := spent.spend(); err != nil {
			return err
		}
		list, err := then.shares(ctx, e)
		if err != nil {
			return err
		}
		for i := range list {
			for _, node := range e.Event.Node.Lineage() {
				if p, ok := f.parts[series{list[i].meter.Name, node, ""}]; ok {
					f.add(p, e, &list[i])
				}
			}
		}
		if f.size > 50*usance.MaxQueryRows {
			return tooManyRows()
		}
		return nil
	})
}

func (f *pastFold) add(p *pastPart, e *counted, sh *share) {
	s, at := p.stretches[0], e.Event.Time
	if !s.to.IsZero() && !at.Before(s.to) || !p.meter.Aggregation.Stands() && !s.from.IsZero() && at.Before(s.from) {
		return
	}
	switch {
	case sh.sample():
		key := gaugeKey{nil, e.Event.Node, e.Event.Subject, groupText(sh.Group)}
		old, ok := p.newest[key]
		if !ok {
			f.size++
		}
		if !ok || at.After(old.at) || at.Equal(old.at) && sh.Amount > old.value {
			p.newest[key] = timedSample{at, sh.Amount}
		}
	case sh.meter.Aggregation == usance.AggUnique:
		n := len(p.set)
		p.set.add(valueHash(sh.Value))
		f.size += len(p.set) - n
	default:
		p.state = p.state.Merge(sh.state())
	}
}

// value is what a quota's window had.
func (f *pastFold) value(p *plan) usance.Sum {
	part := f.parts[p.series[0].series]
	if p.meter.Aggregation == usance.AggUnique {
		return usance.SumOf(int64(len(part.set)))
	}
	sum := part.state.Value(kept(p.meter.Aggregation))
	for _, s := range part.newest {
		sum = sum.Plus(usance.SumOf(s.value))
	}
	return sum
}

// heldAt returns what open holds at and below each quota's node set aside at a
// moment.
func (l *Ledger) heldAt(ctx context.Context, tenant usance.TenantID, m Moment, plans []*plan, spent *budget) (map[series]usance.Sum, error) {
	h := heldFold{at: m.Time, sums: map[series]usance.Sum{}}
	var head journal.Head
	some := true
	err := l.read(ctx, tenant, func(*registry.Definitions) (store.Keys, error) {
		keys := store.Keys{Ranges: []store.Range{{Table: store.Holds, Limit: 1}}}
		for _, p := range plans {
			keys.Rows = append(keys.Rows, store.Key{Table: store.Balances, ID: p.series[0].id})
		}
		return keys, nil
	}, func(_ *registry.Definitions, rows *store.Rows, now journal.Head) (err error) {
		head, some = now, len(rows.Range(0)) > 0
		for _, p := range plans {
			if h.sums[p.series[0].series], err = readBalance(rows, p.series[0].id); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil || !some {
		return h.sums, err
	}
	if m.Sequence < head.Sequence-m.Sequence {
		for s := range h.sums {
			h.sums[s] = usance.Sum{}
		}
		return h.sums, h.forward(ctx, l, tenant, m.Sequence, spent)
	}
	return h.sums, h.backward(ctx, l, tenant, m.Sequence, head.Sequence, spent)
}

type heldFold struct {
	at   time.Time // holds that expire by then are over
	sums map[series]usance.Sum
}

func (h *heldFold) add(hold *usance.Hold, sign int64) {
	for _, it := range hold.Open {
		for _, node := range hold.Node.Lineage() {
			s := series{it.Meter, node, ""}
			if sum, ok := h.sums[s]; ok {
				h.sums[s] = sum.Plus(usance.SumOf(sign * it.Amount))
			}
		}
	}
}

func (h *heldFold) open(hold *usance.Hold) bool {
	return hold != nil && hold.State == usance.HoldOpen && hold.Expires.After(h.at)
}

// forward adds the holds that the entries up to a sequence left open.
func (h *heldFold) forward(ctx context.Context, l *Ledger, tenant usance.TenantID, to uint64, spent *budget) error {
	open := map[string]*usance.Hold{}
	err := l.eachChange(ctx, tenant, journal.Hold, 1, to, spent, func(c journal.Change) error {
		_, next, err := holdsOf(c)
		if err != nil {
			return err
		}
		if delete(open, c.Name); h.open(next) {
			open[c.Name] = next
		}
		return nil
	})
	for _, hold := range open {
		h.add(hold, 1)
	}
	return err
}

// backward takes what the entries after a sequence did to the holds out of the
// sums, which are those of another.
func (h *heldFold) backward(ctx context.Context, l *Ledger, tenant usance.TenantID, from, to uint64, spent *budget) error {
	last := map[string]*usance.Hold{}
	err := l.eachChange(ctx, tenant, journal.Hold, from+1, to, spent, func(c journal.Change) error {
		old, next, err := holdsOf(c)
		if err != nil {
			return err
		}
		if _, seen := last[c.Name]; !seen && h.open(old) {
			h.add(old, 1)
		}
		last[c.Name] = next
		return nil
	})
	for _, hold := range last {
		h.add(hold, -1)
	}
	return err
}

// eachChange calls fn on the changes of a kind in the entries from one sequence
// to another, both included, oldest first.
func (l *Ledger) eachChange(ctx context.Context, tenant usance.TenantID, kind journal.Kind, from, to uint64, spent *budget, fn func(journal.Change) error) error {
	if from > to {
		return nil
	}
	err := journal.Read(ctx, l.st, tenant, from, func(e *journal.Entry) error {
		if e.Sequence > to {
			return errEnough
		}
		if err := spent.spend(); err != nil {
			return err
		}
		if e.Kind != kind {
			return nil
		}
		return fn(e.Change)
	})
	if errors.Is(err, errEnough) {
		return nil
	}
	return err
}
