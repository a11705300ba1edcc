package sim

import (
	"slices"
	"time"
)

// What the model knows of limits: windows, holds, grants that come and go, and
// guarantees.

// grant is what a resource adds to a quota while it lives.
type grant struct {
	meter, node string // "": at the resource's own node
	amount      int64
	// ended is set once it was over when something else was granted to the same
	// quota or taken from it: then a clock that is set back does not revive it.
	ended bool
}

// to returns the quota that a grant of the resource adds to.
func (r *resource) to(g grant) quotaName {
	if g.node == "" {
		return quotaName{r.node, g.meter}
	}
	return quotaName{g.node, g.meter}
}

// over reports that the resource has come to its end, to the second.
func (r *resource) over(at time.Time) bool {
	return !r.expires.IsZero() && r.expires.Unix() <= at.Unix()
}

// grantedTo is what resources add to a quota at an instant, and how many do.
func (m *tenant) grantedTo(q quotaName, at time.Time) (sum int64, count int) {
	for _, r := range m.resources {
		if r.over(at) || !r.starts.IsZero() && r.starts.Unix() > at.Unix() {
			continue
		}
		for _, g := range r.grants {
			if !g.ended && r.to(g) == q {
				sum, count = sum+g.amount, count+1
			}
		}
	}
	return sum, count
}

// put changes a resource, nil to remove it, and ends what was over by then of the
// grants that it meets.
func (m *tenant) put(id string, next *resource) {
	met := map[quotaName]bool{}
	for _, r := range []*resource{m.had(id), next} {
		if r == nil {
			continue
		}
		for _, g := range r.grants {
			met[r.to(g)] = true
		}
	}
	for other, r := range m.resources {
		if other == id || !r.over(m.now) {
			continue
		}
		r.grants = slices.Clone(r.grants)
		for i, g := range r.grants {
			r.grants[i].ended = g.ended || met[r.to(g)]
		}
		m.resources[other] = r
	}
	if next == nil {
		delete(m.resources, id)
		return
	}
	now := *next
	now.grants = slices.Clone(next.grants)
	for i := range now.grants {
		now.grants[i].ended = now.over(m.now)
	}
	m.resources[id] = now
}

func (m *tenant) had(id string) *resource {
	if r, ok := m.resources[id]; ok {
		return &r
	}
	return nil
}

// limit is what a quota allows now; -1 for no bound.
func (m *tenant) limit(name quotaName) int64 {
	q := m.quotas[name]
	if q.limit < 0 {
		return -1
	}
	sum, _ := m.grantedTo(name, m.now)
	return q.limit + sum
}

func (m *tenant) windowOf(window string, at time.Time) span {
	switch window {
	case "day":
		return day(at, m.zone)
	case "month":
		y, mo, _ := at.In(m.zone).Date()
		return span{time.Date(y, mo, 1, 0, 0, 0, 0, m.zone), time.Date(y, mo+1, 1, 0, 0, 0, 0, m.zone)}
	}
	return span{}
}

// reserved is what open holds at and below a node set aside.
func (m *tenant) reserved(meter, node string) int64 {
	var sum int64
	for _, h := range m.holds {
		if !within(h.node, node) {
			continue
		}
		for _, it := range h.open {
			if it.meter == meter {
				sum += it.amount
			}
		}
	}
	return sum
}

// used is a quota's use in its window at an instant.
func (m *tenant) used(q quotaName, at time.Time) int64 {
	return m.value(q.meter, q.node, m.windowOf(m.quotas[q].window, at), nil)
}

// taken is what is gone of a quota: a level below where it began gives nothing more.
func (m *tenant) taken(q quotaName, at time.Time) int64 {
	return max(m.used(q, at), 0) + m.reserved(q.meter, q.node)
}

// unused is what is left of a quota's guarantee when so much is taken.
func unused(guarantee, taken int64) int64 { return max(guarantee-max(taken, 0), 0) }

// nearest lists the quotas below one that have no other between them and it.
func (m *tenant) nearest(name quotaName) (out []quotaName) {
	for below := range m.quotas {
		if below.meter != name.meter || below.node == name.node || !within(below.node, name.node) {
			continue
		}
		if above, _ := m.above(below); above == name {
			out = append(out, below)
		}
	}
	return out
}

// above is the nearest quota of the meter over a quota's own.
func (m *tenant) above(name quotaName) (quotaName, bool) {
	for _, n := range upward(name.node)[1:] {
		if _, ok := m.quotas[quotaName{n, name.meter}]; ok {
			return quotaName{n, name.meter}, true
		}
	}
	return quotaName{}, false
}

// lawful reports that every guarantee is of a quota above, by the same window, and
// that each quota's own limit has room for all that it guarantees.
func (m *tenant) lawful() bool {
	for name, q := range m.quotas {
		above, ok := m.above(name)
		if q.guarantee > 0 && (!ok || m.quotas[above].window != q.window) {
			return false
		}
		var promised int64
		for _, below := range m.nearest(name) {
			promised += m.quotas[below].guarantee
		}
		if q.limit >= 0 && promised > q.limit {
			return false
		}
	}
	return true
}

// growth says by how much a request raises what is taken of a quota.
type growth func(quotaName) int64

// grows is the growth by items at a node, of which some was set aside for them.
func grows(node string, items []item, aside map[string]int64) growth {
	return func(q quotaName) int64 {
		if !within(node, q.node) {
			return 0
		}
		for _, it := range items {
			if it.meter == q.meter {
				return it.amount - aside[it.meter]
			}
		}
		return 0
	}
}

// refuses reports that a quota has no room in the window of an instant: the growth
// passes its limit, or takes of what it keeps for others.
func (m *tenant) refuses(name quotaName, at time.Time, by growth) bool {
	limit, asked := m.limit(name), by(name)
	if limit < 0 {
		return false
	}
	after := m.taken(name, at) + asked
	var keptBefore, keptAfter int64
	for _, c := range m.nearest(name) {
		taken := m.taken(c, at)
		keptBefore += unused(m.quotas[c].guarantee, taken)
		keptAfter += unused(m.quotas[c].guarantee, taken+by(c))
	}
	if asked+keptAfter > keptBefore {
		return after+keptAfter > limit
	}
	return asked > 0 && after > limit
}

// blocking counts the hard quotas that refuse a growth at an instant, and the soft
// and shadow ones it passes. What was set aside for it until now needs no room.
func (m *tenant) blocking(node string, items []item, aside map[string]int64, at time.Time) (hard, soft int) {
	by := grows(node, items, aside)
	for _, it := range items {
		for _, n := range upward(node) {
			name := quotaName{n, it.meter}
			if q, ok := m.quotas[name]; !ok || !m.refuses(name, at, by) {
				continue
			} else if q.enforce == "hard" {
				hard++
			} else {
				soft++
			}
		}
	}
	return hard, soft
}

// allocated is what the nearest quotas below hand out; -1 when one has no bound.
func (m *tenant) allocated(name quotaName) int64 {
	var sum int64
	for _, below := range m.nearest(name) {
		limit := m.quotas[below].limit
		if limit < 0 {
			return -1
		}
		sum += limit
	}
	return sum
}

// room is how much may still be taken of a quota by somebody at a node; -1 for no
// bound. What is kept for others is not for it, what is kept for it is.
func (m *tenant) room(name quotaName, node string, at time.Time) int64 {
	limit := m.limit(name)
	if limit < 0 {
		return -1
	}
	taken := m.taken(name, at)
	var kept, own int64
	for _, c := range m.nearest(name) {
		left := unused(m.quotas[c].guarantee, m.taken(c, at))
		kept += left
		if within(node, c.node) {
			own = left
		}
	}
	return min(max(0, limit-taken), own+max(0, limit-taken-kept))
}

// available is the least room of the hard quotas from a node up; -1 for no bound.
func (m *tenant) available(name quotaName) int64 {
	least := int64(-1)
	for _, n := range upward(name.node) {
		above := quotaName{n, name.meter}
		if q, ok := m.quotas[above]; !ok || q.enforce != "hard" {
			continue
		}
		if r := m.room(above, name.node, m.now); r >= 0 && (least < 0 || r < least) {
			least = r
		}
	}
	return least
}

// enforcing counts the quotas that refuse events which count from here on: hard
// ones, in every window that what is new of a meter falls in, where some of it is
// enforced. before is the model without the events.
func (m *tenant) enforcing(before *tenant, fresh []*event, all bool) (hard int) {
	for name, q := range m.quotas {
		if q.enforce != "hard" || q.limit < 0 {
			continue
		}
		enforced := false
		windows := map[span]bool{}
		for _, e := range fresh {
			if !within(e.node, name.node) || !slices.ContainsFunc(e.shares, func(s share) bool { return s.meter == name.meter }) {
				continue
			}
			enforced = enforced || all || m.enforced[e.kind]
			windows[m.windowOf(q.window, e.at)] = true
		}
		if !enforced {
			continue
		}
		for w := range windows {
			by := func(n quotaName) int64 {
				return m.value(n.meter, n.node, w, nil) - before.value(n.meter, n.node, w, nil)
			}
			if before.refuses(name, w.from, by) {
				hard++
			}
		}
	}
	return hard
}
