package ledger

import (
	"context"
	"time"

	"github.com/usance/usance"
	"github.com/usance/usance/internal/journal"
	"github.com/usance/usance/registry"
	"github.com/usance/usance/store"
)

// sheet is how quotas are read: the use at their own nodes, and at those of every
// hard quota above them, which bound what is available. It is worked out once for a
// version of the definitions, and immutable.
type sheet struct {
	version uint64
	zone    *time.Location
	quotas  []sheetQuota
	uses    []quotaUse  // each once
	grants  []string    // ids of the rows of grants, each once
	keys    []store.Key // what is read whatever the time
	timed   bool        // some window ends
}

type sheetQuota struct {
	quota     usance.Quota
	defined   bool
	allocated usance.Amount
	own       int // of the uses
	grants    string
	above     []bounding
}

// bounding is a hard quota at or above the node.
type bounding struct {
	quota  usance.Quota
	use    int
	grants string
	below  []guaranteed
}

// guaranteed is a quota nearest below a bounding one, for which that keeps room.
type guaranteed struct {
	amount usance.Amount
	use    int
	own    bool // it is asked through
}

// quotaUse is what a quota's window has, and what open holds set aside.
type quotaUse struct {
	meter  *usance.Meter
	series series
	id     string // of the series
	window usance.Window
	// plan is that of a lifetime whose total is all that is read; nil where a plan
	// depends on the time or on the definitions.
	plan *plan
}

// newSheet returns the sheet of some quotas. Unknown meters are KindNotFound.
func newSheet(defs *registry.Definitions, refs []registry.QuotaRef) (*sheet, error) {
	m := sheetMaker{defs: defs, sheet: &sheet{version: defs.Version, zone: defs.Zone, quotas: make([]sheetQuota, 0, len(refs))},
		uses: make(map[registry.QuotaRef]int, len(refs)), grants: make(map[string]struct{}, len(refs))}
	for _, ref := range refs {
		if err := m.add(ref); err != nil {
			return nil, err
		}
	}
	return m.sheet, nil
}

type sheetMaker struct {
	*sheet
	defs   *registry.Definitions
	uses   map[registry.QuotaRef]int
	grants map[string]struct{}
}

func (m *sheetMaker) add(ref registry.QuotaRef) error {
	meter, err := findMeter(m.defs, ref.Meter)
	if err != nil {
		return err
	}
	out := sheetQuota{allocated: m.defs.Allocated(ref), grants: m.granted(ref)}
	if out.quota, out.defined = m.defs.Quota(ref); !out.defined {
		out.quota = usance.Quota{Node: ref.Node, Meter: ref.Meter, Limit: usance.Unlimited, Window: usance.Lifetime, Enforce: usance.Shadow}
	}
	out.own = m.use(meter, out.quota)
	for _, node := range ref.Node.Lineage() {
		at := registry.QuotaRef{Node: node, Meter: ref.Meter}
		q, ok := m.defs.Quota(at)
		if !ok || q.Enforce != usance.Hard {
			continue
		}
		b := bounding{quota: q, use: m.use(meter, q), grants: m.granted(at)}
		for _, child := range m.defs.Guaranteed(at) {
			b.below = append(b.below, guaranteed{child.Guarantee, m.use(meter, child), ref.Node.Within(child.Node)})
		}
		out.above = append(out.above, b)
	}
	m.quotas = append(m.quotas, out)
	return nil
}

func (m *sheetMaker) granted(ref registry.QuotaRef) string {
	k := grantsKey(ref.Meter, ref.Node)
	if _, known := m.grants[k.ID]; !known {
		m.grants[k.ID] = struct{}{}
		m.sheet.grants, m.keys = append(m.sheet.grants, k.ID), append(m.keys, k)
	}
	return k.ID
}

func (m *sheetMaker) use(meter *usance.Meter, q usance.Quota) int {
	ref := registry.QuotaRef{Node: q.Node, Meter: q.Meter}
	if i, ok := m.uses[ref]; ok {
		return i
	}
	u := quotaUse{meter: meter, series: series{q.Meter, q.Node, ""}, window: q.Window}
	u.id = u.series.id()
	m.keys = append(m.keys, store.Key{Table: store.Balances, ID: u.id})
	if q.Window == usance.Lifetime && meter.Aggregation != usance.AggUnique {
		u.plan = newPlan(nil, meter, q.Node, []stretch{{}})
		u.plan.add("", 0)
		m.keys = append(m.keys, store.Key{Table: store.Totals, ID: u.id})
	}
	m.timed = m.timed || q.Window != usance.Lifetime
	m.uses[ref] = len(m.sheet.uses)
	m.sheet.uses = append(m.sheet.uses, u)
	return m.uses[ref]
}

// sheetAt is a sheet at a time.
type sheetAt struct {
	*sheet
	now     time.Time
	windows map[usance.Window]stretch
	plans   []*plan   // of the uses
	until   time.Time // the first end of a window that counts here; once read, of a grant too

	use     func(i int) (taken, error)
	granted func(id string) ([]grant, error)
	taken   []taken // what use said
	asked   []bool  // that it was
}

// at works out which windows are asked about, and adds what is read to keys.
func (s *sheet) at(defs *registry.Definitions, now time.Time, reach *usance.Day, keys *store.Keys) *sheetAt {
	out := &sheetAt{sheet: s, now: now, plans: make([]*plan, len(s.uses)), until: Always()}
	keys.Rows = append(keys.Rows, s.keys...)
	if s.timed {
		out.windows = make(map[usance.Window]stretch, 2)
	}
	for i := range s.uses {
		u := &s.uses[i]
		if out.plans[i] = u.plan; u.plan != nil {
			continue
		}
		w, known := out.windows[u.window]
		if u.window != usance.Lifetime && !known {
			w.from, w.to = u.window.Bounds(now, s.zone)
			out.windows[u.window], out.until = w, earlier(out.until, w.to)
		}
		p := newPlan(defs, u.meter, u.series.node, []stretch{w})
		p.reach = reach
		p.addSeries(u.series, u.id, 0)
		p.name(keys)
		out.plans[i] = p
	}
	return out
}

// read reads the quotas: use tells what each use has, granted the grants in a row.
func (s *sheetAt) read(use func(i int) (taken, error), granted func(id string) ([]grant, error)) ([]QuotaReading, error) {
	s.use, s.granted = use, granted
	s.taken, s.asked = make([]taken, len(s.uses)), make([]bool, len(s.uses))
	out := make([]QuotaReading, len(s.quotas))
	for i := range s.quotas {
		if err := s.readOne(&s.quotas[i], &out[i]); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// readRows is read of the rows of a load or step that named what the sheet reads.
func (s *sheetAt) readRows(ctx context.Context, l *Ledger, tenant usance.TenantID, rows *store.Rows, head journal.Head) ([]QuotaReading, error) {
	return s.read(func(i int) (t taken, err error) {
		if t.reserved, err = readBalance(rows, s.uses[i].id); err != nil {
			return t, err
		}
		if p := s.uses[i].plan; p != nil {
			sum, err := p.total(rows, &p.series[0])
			t.used = sum.state.Value(kept(p.meter.Aggregation))
			return t, err
		}
		cells, err := s.plans[i].eval(ctx, l, tenant, rows, head)
		if err == nil {
			t.used = cells[0][0].value
		}
		return t, err
	}, func(id string) ([]grant, error) { return readGrants(rows, id) })
}

func (s *sheetAt) has(i int) (taken, error) {
	if s.asked[i] {
		return s.taken[i], nil
	}
	var err error
	s.taken[i], err = s.use(i)
	s.asked[i] = err == nil
	return s.taken[i], err
}

func (s *sheetAt) readOne(q *sheetQuota, out *QuotaReading) error {
	own, err := s.has(q.own)
	if err != nil {
		return err
	}
	available := usance.Unlimited
	for i := range q.above {
		b := &q.above[i]
		list, err := s.granted(b.grants)
		if err != nil {
			return err
		}
		s.until = earlier(s.until, nextEdge(list, s.now))
		room, err := s.room(b, granted(list, s.now))
		if err != nil {
			return err
		}
		available = min(available, room)
	}
	list, err := s.granted(q.grants)
	if err != nil {
		return err
	}
	s.until = earlier(s.until, nextEdge(list, s.now))
	*out = newQuotaReading(q.quota, q.defined, q.allocated, s.windows[q.quota.Window].to, list, s.now)
	out.stands(own, available)
	return nil
}

// room is what a quota leaves, with what it is granted, to what is asked for at
// the node.
func (s *sheetAt) room(b *bounding, granted usance.Sum) (usance.Amount, error) {
	limit, _ := usance.EffectiveLimit(b.quota.Limit, granted)
	if limit == usance.Unlimited {
		return limit, nil
	}
	all, err := s.has(b.use)
	if err != nil {
		return 0, err
	}
	var kept, own usance.Sum
	for _, child := range b.below {
		t, err := s.has(child.use)
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

// taken is what a quota's window has, and what open holds set aside.
type taken struct{ used, reserved usance.Sum }

func (t taken) sum() usance.Sum { return usance.Taken(t.used, t.reserved) }

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
