package sim

import (
	"fmt"
	"slices"
	"strings"
)

// lies says what is at and below a node: surely something, or surely nothing. Of a
// node all of whose events count no more, or for nothing, it says neither.
func (m *tenant) lies(node string) (something, nothing bool) {
	nothing = true
	for path := range m.nodes {
		something = something || within(path, node)
	}
	for q := range m.quotas {
		something = something || within(q.node, node)
	}
	for _, r := range m.resources {
		something = something || r.about(node)
	}
	for _, h := range m.holds {
		something = something || h.state == "open" && within(h.node, node)
	}
	for _, e := range m.events {
		if !within(e.node, node) {
			continue
		}
		nothing = false
		something = something || !e.voided && slices.ContainsFunc(e.shares, func(s share) bool { return s.amount != 0 })
	}
	return something, nothing && !something
}

// about reports that the resource, or something it grants, lies at or below a node.
func (r *resource) about(node string) bool {
	return within(r.node, node) || slices.ContainsFunc(r.grants, func(g grant) bool { return within(r.to(g).node, node) })
}

// move makes the move of a node up, to a place where nothing was before.
func (c *clients) move(i int, m *tenant) op {
	from := pick(c.r, m.places...)
	if made := keysOf(m.nodes); len(made) > 0 && c.r.IntN(4) == 0 {
		from = pick(c.r, made...)
	}
	something, nothing := m.lies(from)
	to := strings.TrimSuffix(pick(c.r, m.places...), "/") + "/" + c.id("m")
	if from == "/" || !something && !nothing || within(to, from) || strings.Count(to, "/") > 5 {
		return c.quota(i, m)
	}
	body := mustJSON(map[string]any{"from": from, "to": to})
	return op{name: "move", tenant: i, ask: ask{method: "POST", path: "/api/v1/nodes/move", as: "admin", body: string(body)}, run: func(m *tenant) want { return m.move(from, to) }}
}

// rebased is where a path at or below from is once that has moved; others stay.
func rebased(path, from, to string) string {
	if !within(path, from) {
		return path
	}
	return to + path[len(from):]
}

func (m *tenant) move(from, to string) want {
	if _, nothing := m.lies(from); nothing {
		return want{status: 404}
	}
	next := m.clone()
	counts := next.rebase(from, to)
	hard, soft := next.blockingMove(m, from, to)
	switch {
	case !next.lawful() || next.astray():
		return want{status: 409}
	case hard > 0:
		return want{status: 409, check: refusedBy(hard)}
	}
	*m = *next
	return want{status: 200, check: func(a answer) string {
		v := a.object()
		for what, n := range counts {
			if whole(v[what]) != n {
				return fmt.Sprintf("%d %s should move", n, what)
			}
		}
		if got, _ := v["flagged"].([]any); len(got) != soft {
			return fmt.Sprintf("%d quotas should be flagged", soft)
		}
		return ""
	}}
}

// rebase takes everything at and below a node to another place, and counts it.
func (m *tenant) rebase(from, to string) map[string]int64 {
	counts := map[string]int64{"nodes": 0, "quotas": 0, "resources": 0, "holds": 0}
	for _, path := range keysOf(m.nodes) {
		if within(path, from) {
			counts["nodes"]++
			m.nodes[rebased(path, from, to)] = m.nodes[path]
			delete(m.nodes, path)
		}
	}
	quotas := map[quotaName]quota{}
	for name, q := range m.quotas {
		if within(name.node, from) {
			counts["quotas"]++
		}
		quotas[quotaName{rebased(name.node, from, to), name.meter}] = q
	}
	m.quotas = quotas
	for _, id := range keysOf(m.resources) {
		r := m.resources[id]
		if !r.about(from) {
			continue
		}
		counts["resources"]++
		r.node, r.grants = rebased(r.node, from, to), slices.Clone(r.grants)
		for i := range r.grants {
			if r.grants[i].node != "" {
				r.grants[i].node = rebased(r.grants[i].node, from, to)
			}
		}
		m.put(id, &r)
	}
	for id, h := range m.holds {
		if h.state == "open" && within(h.node, from) {
			counts["holds"]++
			h.node = rebased(h.node, from, to)
			m.holds[id] = h
		}
	}
	for i, e := range m.events {
		if within(e.node, from) {
			moved := *e
			moved.node = rebased(e.node, from, to)
			m.events[i] = &moved
		}
	}
	for _, place := range m.places {
		if within(place, from) && len(m.places) < 16 {
			m.places = append(slices.Clone(m.places), rebased(place, from, to))
		}
	}
	return counts
}

// astray reports that a resource would grant something elsewhere than at or below
// its own node, as when only what it grants moves out from under it.
func (m *tenant) astray() bool {
	for _, r := range m.resources {
		if slices.ContainsFunc(r.grants, func(g grant) bool { return !within(r.to(g).node, r.node) }) {
			return true
		}
	}
	return false
}

// blockingMove counts the quotas over the destination alone that what has come
// passes, and those it only flags, in now's window and in those still to come.
func (m *tenant) blockingMove(before *tenant, from, to string) (hard, soft int) {
	for name, q := range m.quotas {
		if q.limit < 0 || within(name.node, to) || !within(to, name.node) || within(from, name.node) {
			continue
		}
		now := m.windowOf(q.window, m.now)
		windows := map[span]bool{now: true}
		for _, e := range m.events {
			if w := m.windowOf(q.window, e.at); within(e.node, to) && w.from.After(now.from) && !e.voided &&
				slices.ContainsFunc(e.shares, func(s share) bool { return s.meter == name.meter }) {
				windows[w] = true
			}
		}
		for w := range windows {
			if !m.movedInto(before, name, w, w == now) {
				continue
			}
			if q.enforce == "hard" {
				hard++
			} else {
				soft++
			}
		}
	}
	return hard, soft
}

// movedInto reports that a quota has no room in a window for what has come below
// it. What holds set aside is of the present. For the guarantees of quotas that
// came along nothing was kept here before.
func (m *tenant) movedInto(before *tenant, name quotaName, w span, present bool) bool {
	asked := func(n quotaName) int64 {
		by := m.value(n.meter, n.node, w, nil) - before.value(n.meter, n.node, w, nil)
		if present {
			by += m.reserved(n.meter, n.node) - before.reserved(n.meter, n.node)
		}
		return by
	}
	taken := func(t *tenant, n quotaName) int64 {
		return max(t.value(n.meter, n.node, w, nil), 0) + t.reserved(n.meter, n.node)
	}
	var keptBefore, keptAfter int64
	for _, c := range m.nearest(name) {
		guarantee := m.quotas[c].guarantee
		if _, stayed := before.quotas[c]; !stayed {
			keptAfter += unused(guarantee, taken(m, c))
			continue
		}
		keptBefore += unused(guarantee, taken(before, c))
		keptAfter += unused(guarantee, taken(before, c)+asked(c))
	}
	by, limit := asked(name), m.limit(name)
	after := taken(before, name) + by
	if by+keptAfter > keptBefore {
		return after+keptAfter > limit
	}
	return by > 0 && after > limit
}
