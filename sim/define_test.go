package sim

import (
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"
	"time"
)

// define makes a change of the definitions up.
func (c *clients) define(i int, m *tenant) op {
	switch c.r.IntN(8) {
	case 0, 1, 2:
		return c.quota(i, m)
	case 7:
		return c.enforce(i, m)
	case 3:
		return c.token(i, m)
	case 4:
		return c.user(i, m)
	case 5:
		return c.key(i, m)
	}
	if c.r.IntN(2) == 0 {
		return c.meter(i)
	}
	return c.node(i, m)
}

// remove takes away what is there; asked again, there is no such thing.
func remove[K comparable, V any](from map[K]V, name K) want {
	if _, ok := from[name]; !ok {
		return want{status: 404}
	}
	delete(from, name)
	return want{status: 204}
}

// quota sets a limit, sometimes under what is used already, or takes one away. What
// guarantees do not fit is refused.
func (c *clients) quota(i int, m *tenant) op {
	name := quotaName{pick(c.r, m.places...), pick(c.r, charged...)}
	if _, ok := m.quotas[name]; ok && c.r.IntN(3) == 0 {
		path := "/api/v1/quotas?node=" + url.QueryEscape(name.node) + "&meter=" + name.meter
		return op{name: "delete quota", tenant: i, ask: ask{method: "DELETE", path: path, as: "admin"}, run: func(m *tenant) want {
			was, ok := m.quotas[name]
			if delete(m.quotas, name); ok && !m.lawful() {
				m.quotas[name] = was
				return want{status: 409}
			}
			if !ok {
				return want{status: 404}
			}
			return want{status: 204}
		}}
	}
	q := quota{limit: c.r.Int64N(300), window: "lifetime", enforce: pick(c.r, "hard", "hard", "hard", "soft", "shadow")}
	if name.meter == "m.sum" || name.meter == "m.count" || name.meter == "tokens" {
		q.window = pick(c.r, "lifetime", "day", "month")
	}
	var limit any = q.limit
	if c.r.IntN(10) == 0 {
		q.limit, limit = -1, "unlimited"
	}
	if _, ok := m.above(name); ok && c.r.IntN(3) == 0 {
		q.guarantee = c.r.Int64N(1 + max(q.limit, 40))
		if q.limit >= 0 {
			q.guarantee = min(q.guarantee, q.limit)
		}
	}
	body := mustJSON(map[string]any{"node": name.node, "meter": name.meter, "limit": limit, "window": q.window, "enforce": q.enforce, "guarantee": q.guarantee})
	return op{name: "put quota", tenant: i, ask: ask{method: "PUT", path: "/api/v1/quotas", as: "admin", body: string(body)}, run: func(m *tenant) want {
		was, ok := m.quotas[name]
		if m.quotas[name] = q; !m.lawful() {
			if m.quotas[name] = was; !ok {
				delete(m.quotas, name)
			}
			return want{status: 409}
		}
		return want{status: 200, check: func(a answer) string { return m.quotaDiffers(name, a.object()) }}
	}}
}

// meter defines a meter that counts what comes from then on.
func (c *clients) meter(i int) op {
	name := c.id("late")
	body := mustJSON(map[string]any{"name": name, "unit": "1", "aggregation": "sum", "events": []any{map[string]any{"type": "t.a", "amount": "data.n"}}})
	return op{name: "put meter", tenant: i, ask: ask{method: "PUT", path: "/api/v1/meters/" + name, as: "admin", body: string(body)}, run: func(m *tenant) want {
		m.meters[name] = measure{aggregation: "sum", feeds: map[string]string{"t.a": "n"}}
		return want{status: 200}
	}}
}

func (c *clients) node(i int, m *tenant) op {
	if paths := slices.Sorted(maps.Keys(m.nodes)); len(paths) > 0 && c.r.IntN(3) == 0 {
		path := paths[c.r.IntN(len(paths))]
		return op{name: "delete node", tenant: i, ask: ask{method: "DELETE", path: "/api/v1/nodes?node=" + url.QueryEscape(path), as: "admin"}, run: func(m *tenant) want { return remove(m.nodes, path) }}
	}
	path, name := "/made/"+c.id("n"), c.id("name")
	body := mustJSON(map[string]any{"path": path, "name": name, "aliases": map[string]any{"sim.node": m.id + path}})
	return op{name: "put node", tenant: i, ask: ask{method: "PUT", path: "/api/v1/nodes", as: "admin", body: string(body)}, run: func(m *tenant) want {
		m.nodes[path] = name
		return want{status: 200}
	}}
}

func (c *clients) token(i int, m *tenant) op {
	if names := slices.Sorted(maps.Keys(m.tokens)); len(names) > 0 && c.r.IntN(2) == 0 {
		name := names[c.r.IntN(len(names))]
		return op{name: "delete token", tenant: i, ask: ask{method: "DELETE", path: "/api/v1/tokens/" + name, as: "admin"}, run: func(m *tenant) want { return remove(m.tokens, name) }}
	}
	name := c.id("t")
	secret := "us_" + m.id + "_" + name + "_secret"
	body := mustJSON(map[string]any{"name": name, "role": "viewer", "secret": secret})
	return op{name: "put token", tenant: i, ask: ask{method: "PUT", path: "/api/v1/tokens/" + name, as: "admin", body: string(body)}, run: func(m *tenant) want {
		m.tokens[name] = secret
		return want{status: 200}
	}}
}

func (c *clients) user(i int, m *tenant) op {
	if names := slices.Sorted(maps.Keys(m.users)); len(names) > 0 && c.r.IntN(3) == 0 {
		name := names[c.r.IntN(len(names))]
		return op{name: "delete user", tenant: i, ask: ask{method: "DELETE", path: "/api/v1/users/" + name, as: "admin"}, run: func(m *tenant) want { return remove(m.users, name) }}
	}
	name, role := c.id("user"), pick(c.r, "viewer", "member", "admin")
	body := mustJSON(map[string]any{"name": name, "role": role, "password": "pw " + name})
	return op{name: "put user", tenant: i, ask: ask{method: "PUT", path: "/api/v1/users/" + name, as: "admin", body: string(body)}, run: func(m *tenant) want {
		m.users[name] = role
		return want{status: 200}
	}}
}

func (c *clients) key(i int, m *tenant) op {
	if ids := slices.Sorted(maps.Keys(m.keys)); len(ids) > 0 && c.r.IntN(3) == 0 {
		id := ids[c.r.IntN(len(ids))]
		return op{name: "delete key", tenant: i, ask: ask{method: "DELETE", path: "/api/v1/keys/aksk/" + id, as: "admin"}, run: func(m *tenant) want { return remove(m.keys, id) }}
	}
	id := c.id("AK" + m.id)
	body := mustJSON(map[string]any{"kind": "aksk", "id": id, "user": "ops-" + m.id, "secret": "SK" + id})
	return op{name: "put key", tenant: i, ask: ask{method: "PUT", path: "/api/v1/keys/aksk/" + id, as: "admin", body: string(body)}, run: func(m *tenant) want {
		m.keys[id] = "SK" + id
		return want{status: 200}
	}}
}

// enforce says of which types quotas refuse events.
func (c *clients) enforce(i int, m *tenant) op {
	types := []string{}
	for _, t := range []string{"t.a", "t.b", "usance.level"} {
		if c.r.IntN(3) == 0 {
			types = append(types, t)
		}
	}
	body := mustJSON(map[string]any{"id": m.id, "timezone": m.zone.String(),
		"aliases": map[string]string{"huawei.project": m.project(), "huawei.domain": m.id + "-domain"}, "settings": map[string]string{"enforce.events": strings.Join(types, ",")}})
	return op{name: "put tenant", tenant: i, ask: ask{method: "PUT", path: "/api/v1/tenants/" + m.id, as: "admin", body: string(body)}, run: func(m *tenant) want {
		m.enforced = map[string]bool{}
		for _, t := range types {
			m.enforced[t] = true
		}
		return want{status: 200}
	}}
}

// resource puts, renews or removes a purchased thing, and with it what it grants.
func (c *clients) resource(i int, m *tenant) op {
	instant := func() time.Time {
		return m.now.Add(time.Duration(c.r.Int64N(int64(96*time.Hour))) - 24*time.Hour).Truncate(time.Second)
	}
	if c.r.IntN(2) == 0 {
		instant = func() time.Time { return m.now.Add(time.Duration(c.r.IntN(600)) * time.Second).Truncate(time.Second) }
	}
	expires := instant()
	if ids := slices.Sorted(maps.Keys(m.resources)); len(ids) > 0 && c.r.IntN(2) == 0 {
		id := ids[c.r.IntN(len(ids))]
		if c.r.IntN(2) == 0 {
			return op{name: "delete resource", tenant: i, ask: ask{method: "DELETE", path: "/api/v1/resources/" + id, as: "admin"}, run: func(m *tenant) want {
				if m.had(id) == nil {
					return want{status: 404}
				}
				m.put(id, nil)
				return want{status: 204}
			}}
		}
		body := fmt.Sprintf(`{"expires":%q}`, expires.Format(time.RFC3339))
		return op{name: "renew resource", tenant: i, ask: ask{method: "POST", path: "/api/v1/resources/" + id + "/renew", as: "admin", body: body}, run: func(m *tenant) want {
			r := m.resources[id]
			r.expires = expires
			m.put(id, &r)
			return want{status: 200}
		}}
	}
	id := c.id("r")
	r := resource{business: pick(c.r, "LIVE_2D", "VOICE_CLONE", "odd"), mode: pick(c.r, "PERIODIC", "ONE_TIME", "ON_DEMAND"), source: pick(c.r, "PURCHASED", "SP_ALLOCATED"),
		node: pick(c.r, m.places...)}
	in := map[string]any{"id": id, "node": r.node, "business_type": r.business, "charging_mode": r.mode, "source": r.source}
	if c.r.IntN(5) > 0 {
		r.expires = expires
		in["expires"] = expires.Format(time.RFC3339)
	}
	if c.r.IntN(3) == 0 {
		r.starts = instant()
		in["starts"] = r.starts.Format(time.RFC3339)
	}
	in["grants"] = c.grants(m, &r)
	return op{name: "put resource", tenant: i, ask: ask{method: "PUT", path: "/api/v1/resources/" + id, as: "admin", body: string(mustJSON(in))}, run: func(m *tenant) want {
		m.put(id, &r)
		return want{status: 200}
	}}
}

// grants makes up what a resource adds to quotas that are there or may come.
func (c *clients) grants(m *tenant, r *resource) []any {
	out := []any{}
	for _, at := range c.r.Perm(len(charged))[:c.r.IntN(3)] {
		g := grant{meter: charged[at], amount: 1 + c.r.Int64N(60)}
		if below := pick(c.r, m.places...); within(below, r.node) {
			g.node = below
		}
		if r.node == "/" && c.r.IntN(4) == 0 {
			g.meter, g.node = "vm.cpuNum", "/cloud"
		}
		r.grants = append(r.grants, g)
		in := map[string]any{"meter": g.meter, "amount": g.amount}
		if g.node != "" {
			in["node"] = g.node
		}
		out = append(out, in)
		if g.meter == "vm.cpuNum" {
			break // one of a kind
		}
	}
	return out
}
