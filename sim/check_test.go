package sim

import (
	"fmt"
	"net/url"
	"slices"
	"time"
)

// check asks the server everything that the model can answer and lists the
// differences.
func (w *world) check(i int, m *tenant) []string {
	m.now = w.now
	m.expire()
	return (&probe{world: w, i: i, m: m}).everything()
}

func (p *probe) everything() []string {
	p.definitions()
	p.quotas()
	p.holds()
	p.resources()
	p.events()
	p.corrections()
	for _, name := range p.metersToAsk(p.m) {
		p.meter(name)
	}
	p.facades()
	return p.wrong
}

// probe gathers what is wrong.
type probe struct {
	*world
	i     int
	m     *tenant
	wrong []string

	past     string // asks for what was known at a moment
	underWay string // the correction that was cut off
}

func (p *probe) differ(format string, args ...any) {
	p.wrong = append(p.wrong, fmt.Sprintf(format, args...))
}

// get asks and wants 200.
func (p *probe) get(path, as string) map[string]any {
	if p.past != "" {
		path += "&" + p.past
	}
	a := p.call(p.m, ask{method: "GET", path: path, as: as})
	if a.status != 200 {
		p.differ("GET %s: %d %s", path, a.status, a.body)
		return map[string]any{}
	}
	return a.object()
}

// list reads every page of a listing.
func (p *probe) list(path string) []map[string]any {
	var out []map[string]any
	for cursor := ""; ; {
		at := path
		if cursor != "" {
			at += "&cursor=" + url.QueryEscape(cursor)
		}
		page := p.get(at, "admin")
		items, _ := page["items"].([]any)
		for _, it := range items {
			if it, ok := it.(map[string]any); ok {
				out = append(out, it)
			}
		}
		if cursor = text(page, "next"); cursor == "" {
			return out
		}
	}
}

// same compares a listing with the names that must be in it; what says more of one
// that is there.
func (p *probe) same(what, path, member string, want []string, ignore func(map[string]any) bool, more func(name string, v map[string]any)) {
	seen := map[string]bool{}
	for _, v := range p.list(path) {
		name := text(v, member)
		if ignore != nil && ignore(v) {
			continue
		}
		if seen[name] {
			p.differ("%s %s is listed twice", what, name)
		}
		seen[name] = true
		if !slices.Contains(want, name) {
			p.differ("%s %s should not be there", what, name)
		} else if more != nil {
			more(name, v)
		}
	}
	for _, name := range want {
		if !seen[name] {
			p.differ("%s %s is missing", what, name)
		}
	}
}

func keysOf[V any](m map[string]V) []string {
	var out []string
	for k := range m {
		out = append(out, k)
	}
	slices.Sort(out)
	return out
}

func (p *probe) definitions() {
	fixed := func(names ...string) func(map[string]any) bool {
		return func(v map[string]any) bool { return slices.Contains(names, text(v, "name")) }
	}
	p.same("token", "/api/v1/tokens?limit=1000", "name", keysOf(p.m.tokens), fixed("admin", "member", "ingester", "strict"), nil)
	p.same("user", "/api/v1/users?limit=1000", "name", keysOf(p.m.users), fixed("ops-"+p.m.id), func(name string, v map[string]any) {
		if v["role"] != p.m.users[name] {
			p.differ("user %s is %v", name, v["role"])
		}
	})
	p.same("key", "/api/v1/keys?limit=1000", "id", keysOf(p.m.keys), nil, nil)
	p.same("node", "/api/v1/nodes?limit=1000", "path", keysOf(p.m.nodes), func(v map[string]any) bool { return slices.Contains([]string{"/", "/cloud", "/rtc"}, text(v, "path")) }, func(name string, v map[string]any) {
		if v["name"] != p.m.nodes[name] {
			p.differ("node %s is named %v", name, v["name"])
		}
	})
	var own []string // the built-in ones are always there
	for name, meter := range p.m.meters {
		if !meter.builtIn {
			own = append(own, name)
		}
	}
	p.same("meter", "/api/v1/meters?limit=1000", "name", own, func(v map[string]any) bool { return v["built_in"] == true }, nil)
	for _, name := range keysOf(p.m.tokens) { // a token that is there opens the door
		a := p.send(ask{method: "GET", path: "/api/v1/holds", header: map[string]string{"Authorization": "Bearer " + p.m.tokens[name]}})
		if a.status != 200 {
			p.differ("token %s: %d", name, a.status)
		}
	}
}

func (m *tenant) quotaDiffers(name quotaName, v map[string]any) string {
	q := m.quotas[name]
	amount := func(n int64) any {
		if n < 0 {
			return nil
		}
		return n
	}
	got := func(member string) any {
		if v[member] == nil {
			return nil
		}
		return whole(v[member])
	}
	granted, grants := m.grantedTo(name, m.now)
	whole0 := func(n int64) any { // left out where it is 0
		if n == 0 {
			return nil
		}
		return n
	}
	over := int64(0)
	if q.limit >= 0 {
		over = max(0, m.taken(name, m.now)-q.limit-granted)
	}
	for member, want := range map[string]any{
		"limit": amount(m.limit(name)), "base": amount(q.limit), "guarantee": whole0(q.guarantee), "grant_count": whole0(int64(grants)), "over": whole0(over), "used": m.used(name, m.now), "reserved": m.reserved(name.meter, name.node),
		"allocated": amount(m.allocated(name)), "available": amount(m.available(name)),
	} {
		if got(member) != want {
			return fmt.Sprintf("quota %s %s: %s is %v, want %v", name.node, name.meter, member, got(member), want)
		}
	}
	if v["window"] != q.window || v["enforce"] != q.enforce {
		return fmt.Sprintf("quota %s %s: %v %v, want %s %s", name.node, name.meter, v["window"], v["enforce"], q.window, q.enforce)
	}
	return ""
}

func (p *probe) quotas() {
	seen := 0
	for _, v := range p.list("/api/v1/quotas?node=/&recursive=true&limit=1000") {
		name := quotaName{text(v, "node"), text(v, "meter")}
		if _, ok := p.m.quotas[name]; !ok {
			p.differ("quota %v should not be there", name)
			continue
		}
		seen++
		if d := p.m.quotaDiffers(name, v); d != "" {
			p.differ("%s", d)
		}
	}
	if seen != len(p.m.quotas) {
		p.differ("%d quotas, want %d", seen, len(p.m.quotas))
	}
}

func (p *probe) holds() {
	p.same("hold", "/api/v1/holds?state=all&limit=1000", "id", keysOf(p.m.holds), nil, func(id string, v map[string]any) {
		if d := p.m.holds[id].differs(v); d != "" {
			p.differ("hold %s is %v: %s", id, v, d)
		}
	})
	open := []string{}
	for id, h := range p.m.holds {
		if h.state == "open" {
			open = append(open, id)
		}
	}
	p.same("open hold", "/api/v1/holds?limit=1000", "id", open, nil, nil)
}

func (p *probe) resources() {
	p.same("resource", "/api/v1/resources?limit=1000", "id", keysOf(p.m.resources), nil, func(id string, v map[string]any) {
		r := p.m.resources[id]
		at, _ := time.Parse(time.RFC3339, text(v, "expires"))
		if grants, _ := v["grants"].([]any); v["node"] != r.node || len(grants) != len(r.grants) || v["business_type"] != r.business || v["charging_mode"] != r.mode || v["source"] != r.source || !at.Equal(r.expires) {
			p.differ("resource %s is %v, want %+v", id, v, r)
		}
	})
	from, to := p.now.Add(-36*time.Hour), p.now.Add(36*time.Hour)
	count := int64(0)
	for _, r := range p.m.resources {
		if !r.expires.IsZero() && r.expires.Unix() >= from.Unix() && !r.expires.After(to) {
			count++
		}
	}
	from = from.Truncate(time.Second)
	v := p.get("/api/v1/resources/count?expires_from="+from.UTC().Format(time.RFC3339)+"&expires_to="+url.QueryEscape(to.UTC().Format(time.RFC3339Nano)), "admin")
	if whole(v["count"]) != count {
		p.differ("%v resources expire within three days, want %d", v["count"], count)
	}
}

// events wants every event there once.
func (p *probe) events() {
	type key struct{ source, id string }
	left := map[key]*event{}
	for _, e := range p.m.events {
		left[key{e.source, e.id}] = e
	}
	for _, v := range p.list("/api/v1/events?limit=1000") {
		got, _ := v["event"].(map[string]any)
		k := key{text(got, "source"), text(got, "id")}
		e := left[k]
		if e == nil {
			p.differ("event %v is there twice, or was never acknowledged", k)
			continue
		}
		delete(left, k)
		at, _ := time.Parse(time.RFC3339Nano, text(got, "time"))
		voided, amended := v["voided"] == true, v["amended"] == true
		if got["type"] != e.kind || text(got, "subject") != e.subject || got["node"] != e.node || !at.Equal(e.at) || voided != e.voided || !e.voided && amended != e.amended {
			p.differ("event %v is %v, want %+v", k, v, *e)
		}
	}
	for k := range left {
		p.differ("event %v was acknowledged and is missing", k)
	}
}

// meter asks for all time, and one more question that chance chooses.
func (p *probe) meter(name string) {
	agg := p.m.meters[name].aggregation
	node := pick(p.asking, p.m.places...)
	if p.thorough {
		node = "/"
	}
	at := "/api/v1/meters/" + name + "/query?node=" + url.QueryEscape(node)
	p.rows(at, p.m.value(name, node, span{}, nil))
	switch p.asking.IntN(4) {
	case 0:
		p.groups(name, node, at)
	case 1:
		s := span{p.now.Add(-time.Duration(p.asking.Int64N(int64(90 * time.Hour)))).UTC(), p.now.Add(time.Duration(1 + p.asking.Int64N(int64(10*time.Hour)))).UTC()}
		at += "&from=" + s.from.Format(time.RFC3339Nano) + "&to=" + s.to.Format(time.RFC3339Nano)
		p.rows(at, p.m.value(name, node, s, nil))
	default:
		p.days(name, node, at, agg == "level" || agg == "gauge")
	}
}

// rows wants one row with the value, or none for 0.
func (p *probe) rows(at string, want int64) {
	data, _ := p.get(at, "admin")["data"].([]any)
	if len(data) == 0 && want == 0 {
		return
	}
	if len(data) != 1 {
		p.differ("%s: %d rows, want one of %d", at, len(data), want)
		return
	}
	if row, _ := data[0].(map[string]any); whole(row["value"]) != want {
		p.differ("%s: %v, want %d", at, row["value"], want)
	}
}

func (p *probe) groups(name, node, at string) {
	keys := p.m.meters[name].keys
	if len(keys) == 0 {
		return
	}
	key := keys[p.asking.IntN(len(keys))]
	data, _ := p.get(at+"&groupBy="+key, "admin")["data"].([]any)
	got := map[string]int64{}
	for _, row := range data {
		row, _ := row.(map[string]any)
		group, _ := row["groupBy"].(map[string]any)
		if _, twice := got[text(group, key)]; twice {
			p.differ("%s: group %q stands twice", at, text(group, key))
		}
		got[text(group, key)] = whole(row["value"])
	}
	for _, e := range p.m.events {
		for _, s := range e.shares {
			if _, ok := got[s.group[key]]; s.meter == name && !ok {
				got[s.group[key]] = 0
			}
		}
	}
	for value, n := range got {
		if want := p.m.value(name, node, span{}, map[string]string{key: value}); n != want {
			p.differ("%s by %s: %q is %d, want %d", at, key, value, n, want)
		}
	}
}

// days asks for the calendar days of the tenant's zone around now.
func (p *probe) days(name, node, at string, stands bool) {
	y, mo, d := p.now.In(p.m.zone).Date()
	date := func(i int) time.Time { return time.Date(y, mo, d+i, 0, 0, 0, 0, p.m.zone) }
	at += "&windowSize=DAY&windowTimeZone=" + p.m.zone.String() + "&from=" + date(-5).UTC().Format(time.RFC3339) + "&to=" + date(2).UTC().Format(time.RFC3339)
	got := map[int64]int64{}
	data, _ := p.get(at, "admin")["data"].([]any)
	for _, row := range data {
		row, _ := row.(map[string]any)
		from, _ := time.Parse(time.RFC3339, text(row, "windowStart"))
		if _, twice := got[from.Unix()]; twice {
			p.differ("%s: %s stands twice", at, from)
		}
		got[from.Unix()] = whole(row["value"])
	}
	for i := -5; i < 2; i++ {
		want := p.m.value(name, node, span{date(i), date(i + 1)}, nil)
		if n, ok := got[date(i).Unix()]; n != want || !ok && stands && want != 0 {
			p.differ("%s: %s is %d, want %d", at, date(i), n, want)
		}
		delete(got, date(i).Unix())
	}
	if len(got) > 0 {
		p.differ("%s: rows for no day: %v", at, got)
	}
}

// verify has the server fold its ledger again.
func (p *probe) verify() {
	v := p.call(p.m, ask{method: "POST", path: "/api/v1/verify", as: "admin"})
	if v.status != 200 || v.object()["fault"] != "" {
		p.differ("verify: %d %s", v.status, v.body)
	}
}
