package sim

import (
	"fmt"
	"maps"
	"net/url"
	"slices"
	"time"
)

// reserve makes a hold up.
func (c *clients) reserve(i int, m *tenant) op {
	items := c.items(12, 1)
	seconds := pick(c.r, 5, 60, 600, 86400)
	in := map[string]any{"id": c.id("h"), "node": pick(c.r, m.places...), "subject": pick(c.r, subjects...), "items": itemsJSON(items), "ttl": seconds}
	return op{name: "reserve", tenant: i, ask: ask{method: "POST", path: "/api/v1/holds", as: "member", body: string(mustJSON(in))},
		run: func(m *tenant) want { return m.reserve(in, items, time.Duration(seconds)*time.Second) }}
}

func (m *tenant) reserve(in map[string]any, items []item, ttl time.Duration) want {
	id := text(in, "id")
	if h, ok := m.holds[id]; ok {
		return want{status: 200, check: h.shown}
	}
	if hard, _ := m.blocking(text(in, "node"), items, nil, m.now); hard > 0 {
		return want{status: 409, check: refusedBy(hard)}
	}
	h := hold{node: text(in, "node"), subject: text(in, "subject"), state: "open", items: items, open: items, expires: m.now.Add(ttl).Truncate(time.Microsecond)}
	m.holds[id] = h
	return want{status: 200, check: h.shown}
}

// shown compares a hold as answered.
func (h hold) shown(a answer) string { return h.differs(a.object()) }

func (h hold) differs(v map[string]any) string {
	at, err := time.Parse(time.RFC3339Nano, text(v, "expires"))
	steps := int64(0)
	if v["steps"] != nil {
		steps = whole(v["steps"])
	}
	switch {
	case v["state"] != h.state, v["node"] != h.node, text(v, "subject") != h.subject, steps != int64(h.steps):
	case !sameItems(v["items"], h.items), !sameItems(v["open"], h.open), !sameItems(v["settled"], h.settled):
	case err != nil, !at.Equal(h.expires):
	default:
		return ""
	}
	return fmt.Sprintf("the hold should be %+v", h)
}

// moveHold settles, extends or releases a hold that may be there.
func (c *clients) moveHold(i int, m *tenant) op {
	id := c.id("nobody")
	var h hold
	if ids := slices.Sorted(maps.Keys(m.holds)); len(ids) > 0 && c.r.IntN(15) > 0 {
		id = ids[c.r.IntN(len(ids))]
		for range 3 { // rather one that is open
			if m.holds[id].state != "open" {
				id = ids[c.r.IntN(len(ids))]
			}
		}
		h = m.holds[id]
	}
	path := "/api/v1/holds/" + url.PathEscape(id)
	switch c.r.IntN(5) {
	case 0:
		seconds := pick(c.r, 5, 300, 3600)
		return op{name: "extend", tenant: i, ask: ask{method: "POST", path: path + "/extend", as: "member", body: fmt.Sprintf(`{"ttl":%d}`, seconds)},
			run: func(m *tenant) want { return m.extend(id, time.Duration(seconds)*time.Second) }}
	case 1:
		return op{name: "release", tenant: i, ask: ask{method: "DELETE", path: path, as: "member"}, run: func(m *tenant) want { return m.release(id) }}
	}
	return c.settle(i, id, path, h)
}

func (c *clients) settle(i int, id, path string, h hold) op {
	in := map[string]any{}
	var items []item
	if c.r.IntN(3) > 0 && len(h.items) > 0 {
		for _, it := range h.items[:1+c.r.IntN(len(h.items))] {
			items = append(items, item{it.meter, c.r.Int64N(it.amount + 3)})
		}
		in["items"] = itemsJSON(items)
	}
	partial, step := c.r.IntN(2) == 0, 0
	if partial {
		in["partial"] = true
		step = max(h.steps+c.r.IntN(3), 1) // taken, the next, one too far
		in["step"] = step
	}
	return op{name: "settle", tenant: i, ask: ask{method: "POST", path: path + "/settle", as: "member", body: string(mustJSON(in))},
		run: func(m *tenant) want { return m.settle(id, items, partial, step) }}
}

func (m *tenant) extend(id string, ttl time.Duration) want {
	h, ok := m.holds[id]
	if !ok {
		return want{status: 404}
	}
	if h.state != "open" {
		return want{status: 409}
	}
	h.expires = m.now.Add(ttl).Truncate(time.Microsecond)
	m.holds[id] = h
	return want{status: 200, check: h.shown}
}

func (m *tenant) release(id string) want {
	h, ok := m.holds[id]
	switch {
	case !ok:
		return want{status: 404}
	case h.state == "settled":
		return want{status: 409}
	case h.state == "open":
		h.state, h.open = "released", nil
		m.holds[id] = h
	}
	return want{status: 200, check: h.shown}
}

func (m *tenant) settle(id string, items []item, partial bool, step int) want {
	h, ok := m.holds[id]
	switch {
	case !ok:
		return want{status: 404}
	case step > 0 && step <= h.steps, step == 0 && h.state == "settled" && !partial:
		return want{status: 200, check: h.shown}
	case h.state != "open", step > h.steps+1:
		return want{status: 409}
	}
	if items == nil {
		items = h.open
	}
	h.settled, h.open = slices.Clone(h.settled), slices.Clone(h.open)
	for _, it := range items {
		add(&h.settled, it)
		for i := range h.open {
			if h.open[i].meter == it.meter {
				h.open[i].amount = max(h.open[i].amount-it.amount, 0)
			}
		}
	}
	h.steps++
	if !partial {
		h.open, h.state = nil, "settled"
	}
	before := m.holds[id]
	m.holds[id] = h
	aside := map[string]int64{}
	for _, it := range before.open {
		aside[it.meter] += it.amount
	}
	for _, it := range h.open {
		aside[it.meter] -= it.amount
	}
	if hard, _ := m.blocking(h.node, items, aside, m.now); hard > 0 {
		m.holds[id] = before
		return want{status: 409, check: refusedBy(hard)}
	}
	m.record(holdSource, fmt.Sprintf("%s#%d", id, h.steps), h.node, h.subject, m.now, items)
	return want{status: 200, check: h.shown}
}

func add(list *[]item, it item) {
	for i := range *list {
		if (*list)[i].meter == it.meter {
			(*list)[i].amount += it.amount
			return
		}
	}
	*list = append(*list, it)
}
