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

// read loads what ask names with the tenant's definitions and calls answer on
// the rows; when the definitions turn out to have changed it begins anew.
func (l *Ledger) read(ctx context.Context, tenant usance.TenantID, ask func(*registry.Definitions) (store.Keys, error),
	answer func(*registry.Definitions, *store.Rows, journal.Head) error) error {
	defs, err := l.reg.Known(ctx, tenant)
	for range 8 {
		if err != nil {
			return err
		}
		keys, askErr := ask(defs)
		keys.Rows = append(keys.Rows, journal.HeadKey, dueKey)
		if askErr != nil {
			keys = store.Keys{Rows: []store.Key{journal.HeadKey, dueKey}}
		}
		rows, err := l.st.Load(ctx, tenant, keys)
		if err != nil {
			return err
		}
		head, err := journal.ReadHead(rows)
		if err != nil {
			return err
		}
		if head.Definitions == defs.Version {
			if askErr != nil {
				return askErr
			}
			late := (&tx{rows: rows, at: l.now()}).expireFirst()
			if late == nil {
				if err := answer(defs, rows, head); !errors.Is(err, errStale) {
					return err
				}
				continue
			}
			if errors.Is(late, errDue) {
				late = l.expire(ctx, tenant)
			}
			if late != nil {
				return late
			}
			continue
		}
		if defs, err = l.reg.At(ctx, tenant, head.Definitions); err != nil {
			return err
		}
	}
	return usance.Errorf(usance.KindUnavailable, "the definitions of tenant %s keep changing; try again", tenant)
}

// Report answers an Ask as of one moment. Unknown meters are KindInvalid.
func (l *Ledger) Report(ctx context.Context, tenant usance.TenantID, ask Ask) (Report, error) {
	var out Report
	var measures []*plan
	var quotas []*quotaPlan
	now := l.now()
	err := l.read(ctx, tenant, func(defs *registry.Definitions) (store.Keys, error) {
		var keys store.Keys
		measures, quotas = nil, nil
		for _, m := range ask.Measures {
			p, err := measurePlan(defs, m)
			if err != nil {
				return keys, err
			}
			p.name(&keys)
			measures = append(measures, p)
		}
		shared := map[registry.QuotaRef]*plan{}
		for _, ref := range ask.Quotas {
			q, err := newQuotaPlan(defs, ref, now, shared, &keys)
			if err != nil {
				return keys, err
			}
			quotas = append(quotas, q)
		}
		return keys, nil
	}, func(defs *registry.Definitions, rows *store.Rows, head journal.Head) error {
		out = Report{Sequence: head.Sequence, Newest: head.Newest}
		var err error
		if out.Until, err = nextDue(rows); err != nil {
			return err
		}
		for _, p := range measures {
			cells, err := p.eval(ctx, l, tenant, rows, head)
			if err != nil {
				return err
			}
			out.Measures = append(out.Measures, cells[0][0].value)
		}
		known := map[*plan]taken{}
		use := func(p *plan) (taken, error) {
			if t, ok := known[p]; ok {
				return t, nil
			}
			cells, err := p.eval(ctx, l, tenant, rows, head)
			if err != nil {
				return taken{}, err
			}
			reserved, err := readBalance(rows, p.series[0].id)
			known[p] = taken{cells[0][0].value, reserved}
			return known[p], err
		}
		for _, q := range quotas {
			r, err := q.read(use, func(q usance.Quota) ([]grant, error) { return readGrants(rows, q.Meter, q.Node) })
			if err != nil {
				return err
			}
			out.Quotas = append(out.Quotas, r)
			out.Until = earlier(out.Until, q.until)
		}
		return nil
	})
	return out, err
}

func findMeter(defs *registry.Definitions, name string) (*usance.Meter, error) {
	m, ok := defs.Meter(name)
	if !ok {
		return nil, usance.Errorf(usance.KindNotFound, "there is no meter %q", name)
	}
	return m, nil
}

func measurePlan(defs *registry.Definitions, m Measure) (*plan, error) {
	meter, err := findMeter(defs, m.Meter)
	if err != nil {
		return nil, err
	}
	node := m.Node
	if node == "" {
		node = usance.Root
	}
	p := newPlan(defs, meter, node, []stretch{{m.From, m.To}})
	if len(m.Group) == 0 {
		p.add("", 0)
		return p, nil
	}
	values := make([]string, 0, len(m.Group))
	for _, k := range meter.GroupKeys() {
		v, ok := m.Group[k]
		if !ok {
			return nil, usance.Errorf(usance.KindInvalid, "meter %s: a measure of one group states all of %v", meter.Name, meter.GroupKeys())
		}
		values = append(values, v)
	}
	if len(values) != len(m.Group) {
		return nil, usance.Errorf(usance.KindInvalid, "meter %s groups by %v", meter.Name, meter.GroupKeys())
	}
	p.add(groupText(values), 0)
	return p, nil
}

// quotaPlan reads a quota: the use of its own node, and of every hard quota above
// it, which bound what is available.
type quotaPlan struct {
	now       time.Time
	quota     usance.Quota
	defined   bool
	allocated usance.Amount
	resets    time.Time
	own       *plan
	above     []bounding
	until     time.Time // the first end of a window that counts here; once read, of a grant too
}

type bounding struct {
	quota usance.Quota
	use   *plan
	below []guaranteed
}

// guaranteed is a quota nearest below a bounding one, for which that keeps room.
type guaranteed struct {
	amount usance.Amount
	use    *plan
	own    bool // it is asked through
}

func newQuotaPlan(defs *registry.Definitions, ref registry.QuotaRef, now time.Time, shared map[registry.QuotaRef]*plan, keys *store.Keys) (*quotaPlan, error) {
	meter, err := findMeter(defs, ref.Meter)
	if err != nil {
		return nil, err
	}
	out := &quotaPlan{now: now, allocated: defs.Allocated(ref), until: Always()}
	use := func(q usance.Quota) *plan {
		var s stretch
		s.from, s.to = q.Window.Bounds(now, defs.Zone)
		if !s.to.IsZero() {
			out.until = earlier(out.until, s.to)
		}
		at := registry.QuotaRef{Node: q.Node, Meter: q.Meter}
		if p, ok := shared[at]; ok {
			return p
		}
		p := newPlan(defs, meter, q.Node, []stretch{s})
		p.add("", 0)
		p.name(keys)
		keys.Rows = append(keys.Rows, store.Key{Table: store.Balances, ID: p.series[0].id})
		shared[at] = p
		return p
	}
	if out.quota, out.defined = defs.Quota(ref); !out.defined {
		out.quota = usance.Quota{Node: ref.Node, Meter: ref.Meter, Limit: usance.Unlimited, Window: usance.Lifetime, Enforce: usance.Shadow}
	}
	_, out.resets = out.quota.Window.Bounds(now, defs.Zone)
	out.own = use(out.quota)
	keys.Rows = append(keys.Rows, grantsKey(ref.Meter, ref.Node))
	for _, node := range ref.Node.Lineage() {
		at := registry.QuotaRef{Node: node, Meter: ref.Meter}
		q, ok := defs.Quota(at)
		if !ok || q.Enforce != usance.Hard {
			continue
		}
		b := bounding{quota: q, use: use(q)}
		keys.Rows = append(keys.Rows, grantsKey(ref.Meter, node))
		for _, child := range defs.Guaranteed(at) {
			b.below = append(b.below, guaranteed{child.Guarantee, use(child), ref.Node.Within(child.Node)})
		}
		out.above = append(out.above, b)
	}
	return out, nil
}

// taken is what a quota's window has, and what open holds set aside.
type taken struct{ used, reserved usance.Sum }

func (t taken) sum() usance.Sum { return usance.Taken(t.used, t.reserved) }

func (q *quotaPlan) read(use func(*plan) (taken, error), grants func(usance.Quota) ([]grant, error)) (QuotaReading, error) {
	own, err := use(q.own)
	if err != nil {
		return QuotaReading{}, err
	}
	available := usance.Unlimited
	for _, b := range q.above {
		list, err := grants(b.quota)
		if err != nil {
			return QuotaReading{}, err
		}
		q.until = earlier(q.until, nextEdge(list, q.now))
		room, err := b.room(granted(list, q.now), use)
		if err != nil {
			return QuotaReading{}, err
		}
		available = min(available, room)
	}
	list, err := grants(q.quota)
	if err != nil {
		return QuotaReading{}, err
	}
	q.until = earlier(q.until, nextEdge(list, q.now))
	out := newQuotaReading(q.quota, q.defined, q.allocated, q.resets, list, q.now)
	out.stands(own, available)
	return out, nil
}

// newQuotaReading is what of a reading does not follow from the quota's use.
func newQuotaReading(q usance.Quota, defined bool, allocated usance.Amount, resets time.Time, list []grant, at time.Time) QuotaReading {
	out := QuotaReading{Defined: defined, Reading: usance.Reading{Quota: q, Base: q.Limit, Allocated: allocated, ResetsAt: resets}}
	out.Grants, out.GrantCount = listGrants(list, at)
	sum := granted(list, at)
	out.Granted = sum.Clamp()
	out.Limit, _ = usance.EffectiveLimit(out.Base, sum)
	return out
}

// stands enters what does.
func (r *QuotaReading) stands(own taken, available usance.Amount) {
	r.Used, r.Reserved, r.Available = own.used.Clamp(), own.reserved.Clamp(), available
	r.Over = usance.Over(r.Limit, own.sum())
}

// room is what the quota leaves, with what it is granted, to what is asked for at
// the plan's node.
func (b *bounding) room(granted usance.Sum, use func(*plan) (taken, error)) (usance.Amount, error) {
	limit, _ := usance.EffectiveLimit(b.quota.Limit, granted)
	if limit == usance.Unlimited {
		return limit, nil
	}
	all, err := use(b.use)
	if err != nil {
		return 0, err
	}
	var kept, own usance.Sum
	for _, child := range b.below {
		t, err := use(child.use)
		if err != nil {
			return 0, err
		}
		unused := usance.Unused(child.amount, t.sum())
		kept = kept.Plus(unused)
		if child.own {
			own = unused
		}
	}
	return usance.RoomKept(limit, all.sum(), kept, own), nil
}

// WaitFor returns once the tenant's sequence has reached at least seq, or
// KindUnavailable when ctx ends before. Another process may be the one that
// writes, so it looks at the store.
func (l *Ledger) WaitFor(ctx context.Context, tenant usance.TenantID, seq uint64) error {
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		head, err := l.head(ctx, tenant)
		if err == nil && head.Sequence >= seq {
			return nil
		}
		if err != nil && ctx.Err() == nil {
			return err
		}
		select {
		case <-ctx.Done():
			return usance.Errorf(usance.KindUnavailable, "sequence %d is not reached yet", seq)
		case <-tick.C:
		}
	}
}
