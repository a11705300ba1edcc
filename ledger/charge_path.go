package ledger

import (
	"sync"
	"sync/atomic"
	"time"

	"github.com/usance/usance"
	"github.com/usance/usance/registry"
	"github.com/usance/usance/store"
)

// chargePath is what charges of a meter at a node touch, from the node to the root.
// It is worked out once for a version of the definitions: the ids of rows, and what
// is defined there. It is immutable, but for the rows it was last asked for.
type chargePath struct {
	defs   *registry.Definitions
	meter  *usance.Meter
	agg    usance.Aggregation // as kept
	levels []chargeLevel

	windows []usance.Window // of the quotas; a lifetime is none
	// plain paths can be charged in short: what their quotas keep and leave follows
	// from their own rows.
	plain bool
	rows  atomic.Pointer[chargeRows]
}

// chargeLevel is one node of the path.
type chargeLevel struct {
	node      usance.Path
	id        string // of the series of all groups together
	group     string // id of the series of the group that charges go to; "" when the meter has no groups
	quota     usance.Quota
	defined   bool // the quota is
	allocated usance.Amount
}

func newChargePath(defs *registry.Definitions, name string, node usance.Path) (*chargePath, error) {
	m, err := chargeable(defs, name)
	if err != nil {
		return nil, err
	}
	p := &chargePath{defs: defs, meter: m, agg: kept(m.Aggregation), plain: true}
	group := ""
	if len(m.GroupBy) > 0 {
		group = groupText(make([]string, len(m.GroupBy)))
	}
	for _, n := range node.Lineage() {
		at := chargeLevel{node: n, id: series{name, n, ""}.id()}
		if group != "" {
			at.group = series{name, n, group}.id()
		}
		if len(group) > maxGroup || len(at.id)+len(group)+len(dayText(0)) > store.MaxID {
			p.plain = false // such a row is refused, which the long way does for the charge alone
		}
		ref := registry.QuotaRef{Node: n, Meter: name}
		if at.quota, at.defined = defs.Quota(ref); at.defined {
			at.allocated = defs.Allocated(ref)
			if len(defs.Guaranteed(ref)) > 0 {
				p.plain = false
			}
			if at.quota.Window != usance.Lifetime {
				p.windows = append(p.windows, at.quota.Window)
			}
		}
		p.levels = append(p.levels, at)
	}
	return p, nil
}

// chargeRows are the rows that charges of a path at some time read. Charges that
// share a step share them.
type chargeRows struct {
	path *chargePath
	day  usance.Day
	// The charge's time and the step's are in [from, to), in which no window ends;
	// where there are none, the charge's time alone, and it is the day.
	from, to time.Time
	keys     []store.Key
}

// at returns the rows of a charge that happened at a time, if it is now in the
// same windows.
func (p *chargePath) at(when, now time.Time) (*chargeRows, bool) {
	r := p.rows.Load()
	if r == nil || !r.covers(when) {
		r = p.name(when)
		p.rows.Store(r)
	}
	return r, len(p.windows) == 0 || r.covers(now)
}

func (r *chargeRows) covers(t time.Time) bool { return !t.Before(r.from) && t.Before(r.to) }

func (p *chargePath) name(when time.Time) *chargeRows {
	r := &chargeRows{path: p, day: usance.DayOf(when)}
	r.from, r.to = r.day.Start(), (r.day + 1).Start()
	for _, w := range p.windows {
		from, to := w.Bounds(when, p.defs.Zone)
		if from.After(r.from) {
			r.from = from
		}
		r.to = earlier(r.to, to)
	}
	keys := store.Keys{Rows: []store.Key{dueKey}}
	for i := range p.levels {
		at := &p.levels[i]
		for _, id := range []string{at.id, at.group} {
			if id != "" {
				keys.Rows = append(keys.Rows, store.Key{Table: store.Totals, ID: id}, store.Key{Table: store.Rollups, ID: id + dayText(r.day)})
			}
		}
		if at.defined {
			nameStanding(&keys, p.defs, at.quota, when)
		}
	}
	seen := make(map[store.Key]struct{}, len(keys.Rows))
	for _, k := range keys.Rows {
		if _, again := seen[k]; !again {
			seen[k] = struct{}{}
			r.keys = append(r.keys, k)
		}
	}
	return r
}

// maxPaths bounds the paths that are kept.
const maxPaths = 20_000

// chargePaths keeps paths as long as their definitions are the newest.
type chargePaths struct {
	mu  sync.RWMutex
	all map[chargedAt]*chargePath
}

type chargedAt struct {
	tenant usance.TenantID
	node   usance.Path
	meter  string
}

func (c *chargePaths) of(defs *registry.Definitions, at chargedAt) (*chargePath, error) {
	c.mu.RLock()
	p := c.all[at]
	c.mu.RUnlock()
	if p != nil && p.defs.Version == defs.Version {
		return p, nil
	}
	p, err := newChargePath(defs, at.meter, at.node)
	if err != nil {
		return nil, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	for victim := range c.all { // map order is as good as any other here
		if len(c.all) < maxPaths {
			break
		}
		delete(c.all, victim)
	}
	c.all[at] = p
	return p, nil
}
