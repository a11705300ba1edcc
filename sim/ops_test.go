package sim

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/url"
	"slices"
	"strings"
	"time"
)

// op is one request of a virtual client, and what the model says to it.
type op struct {
	name   string
	tenant int
	ask    ask
	// correction is the id of the one that is approved or reverted, which happens in
	// more than one step.
	correction string
	// run makes the change in the model and says what must be answered. It is given
	// a model of the tenant before the request, at the time of the request.
	run func(m *tenant) want
}

// ask is a request in the making. as is whose token it carries.
type ask struct {
	method, path, as, body, media string
	header                        map[string]string
}

// want is what must be answered. check, when there is one, says what is wrong
// with an answer of the right status.
type want struct {
	status int
	check  func(a answer) string
}

// clients make requests up. They share one source of chance, so that a seed says
// all they do.
type clients struct {
	r    *rand.Rand
	next int
	sent [][]sentEvent // by tenant: what may be sent again
}

type sentEvent struct {
	raw map[string]any
}

func (c *clients) id(prefix string) string {
	c.next++
	return fmt.Sprintf("%s-%d", prefix, c.next)
}

func pick[T any](r *rand.Rand, list ...T) T { return list[r.IntN(len(list))] }

var (
	nodes    = []string{"/", "/a", "/a/b", "/a/b/c", "/d", "/a b", "/ä"}
	subjects = []string{"u1", "u2", "u3", "U1", "u1 ", "ü"}
	regions  = []string{"eu", "us", "", "e\u0301u"}
	charged  = []string{"seats", "m.sum", "m.level", "m.count", "m.gauge", "tokens"}
	sources  = []string{"sim", "sim/b"}
)

// instant is mostly lately, sometimes days ago or ahead, often on the edge of a day.
func (c *clients) instant(m *tenant) time.Time {
	today := day(m.now, m.zone)
	switch c.r.IntN(8) {
	case 0:
		return today.from
	case 1:
		return today.from.Add(-time.Nanosecond)
	case 2:
		return today.to.Add(time.Duration(c.r.IntN(3600)) * time.Second)
	case 3:
		return m.now.Add(-time.Duration(c.r.Int64N(int64(4 * 24 * time.Hour))))
	case 4:
		return m.now.UTC().Truncate(24 * time.Hour)
	}
	return m.now.Add(-time.Duration(c.r.Int64N(int64(3 * time.Hour))))
}

// event makes a new event up.
func (c *clients) event(m *tenant) map[string]any {
	e := map[string]any{"specversion": "1.0", "id": c.id("e"), "source": pick(c.r, sources...), "subject": pick(c.r, subjects...)}
	if c.r.IntN(4) > 0 {
		e["time"] = c.instant(m).UTC().Format(time.RFC3339Nano)
	}
	node, data := pick(c.r, m.places...), map[string]any{}
	switch c.r.IntN(12) {
	case 0:
		e["type"] = "meeting.conference.started"
	case 1:
		e["type"], data["duration_seconds"] = "meeting.conference.ended", c.r.Int64N(5000)
	case 2:
		e["type"] = pick(c.r, "meeting.attendee.joined", "meeting.attendee.joined", "meeting.attendee.left", "meeting.live.started", "meeting.live.stopped")
	case 3:
		e["type"], data["bytes"] = pick(c.r, "meeting.recording.stored", "meeting.recording.stored", "meeting.recording.deleted"), c.r.Int64N(1<<33)
	case 4:
		e["type"], data["bytes"] = "drive.space.measured", c.r.Int64N(1<<31)
		node = pick(c.r, "/drive/dept", "/drive/dept/rd", "/drive/personal", "/drive/group")
	case 5:
		e["type"], node = pick(c.r, "drive.user.created", "drive.user.created", "drive.user.deleted"), "/drive"
	case 6:
		e["type"], node = "usance.gauge", pick(c.r, "/cloud", "/cloud/web")
		data["meter"], data["value"] = "vm.cpuNum", c.r.Int64N(64)
	case 7:
		e["type"], node = "rtc.stream.received", "/rtc"
		data["seconds"], data["app"], data["media"] = c.r.Int64N(3600), "app-"+m.id, pick(c.r, "video_sd", "video_hd", "video_hdp", "audio")
	case 8:
		e["type"], data["meter"], data["delta"] = "usance.level", "seats", c.r.Int64N(40)-10
	default:
		e["type"], data["n"], data["region"] = pick(c.r, "t.a", "t.a", "t.b"), c.r.Int64N(50), pick(c.r, regions...)
	}
	if node != "/" || c.r.IntN(2) == 0 {
		e["node"] = node
	}
	if len(data) > 0 {
		e["data"] = data
	}
	return e
}

// content is what tells a repeat from a conflict.
func content(e map[string]any) string {
	node, _ := e["node"].(string)
	if node == "" {
		node = "/"
	}
	b, err := json.Marshal([]any{e["type"], e["subject"], node, e["time"], e["data"]})
	if err != nil {
		panic(err) // it holds texts and numbers
	}
	return string(b)
}

func text(e map[string]any, name string) string { s, _ := e[name].(string); return s }

// take adds a new event to the model.
func (m *tenant) take(e map[string]any) {
	at := m.now
	if s := text(e, "time"); s != "" {
		var err error
		if at, err = time.Parse(time.RFC3339Nano, s); err != nil {
			panic(err) // the clients write no other form
		}
	}
	node := text(e, "node")
	if node == "" {
		node = "/"
	}
	data, _ := e["data"].(map[string]any)
	m.events = append(m.events, &event{source: text(e, "source"), id: text(e, "id"), kind: text(e, "type"), subject: text(e, "subject"), node: node, at: at,
		shares: m.sharesOf(text(e, "type"), text(e, "subject"), data)})
	m.known[text(e, "source")+"\x00"+text(e, "id")] = content(e)
}

// send makes a request of events up: new ones, repeats, and now and then one that
// contradicts an earlier one.
func (c *clients) send(i int, m *tenant) op {
	var list []map[string]any
	for range pick(c.r, 1, 1, 1, 2, 5, 20) {
		list = append(list, c.event(m))
	}
	fresh := len(list)
	for n := c.r.IntN(3); n > 0 && len(c.sent[i]) > 0; n-- {
		list = append(list, c.sent[i][c.r.IntN(len(c.sent[i]))].raw)
	}
	if c.r.IntN(6) == 0 {
		list = append(list, list[c.r.IntN(len(list))]) // twice in one request
	}
	if c.r.IntN(25) == 0 && len(c.sent[i]) > 0 {
		other := cloneEvent(c.sent[i][c.r.IntN(len(c.sent[i]))].raw)
		other["subject"] = "somebody else"
		list = append(list, other)
	}
	if c.r.IntN(30) == 0 {
		bad := c.event(m)
		bad["type"], bad["data"] = "t.a", map[string]any{"n": "many"}
		list = append(list, bad)
	}
	for _, e := range list[:fresh] {
		c.sent[i] = append(c.sent[i], sentEvent{e})
	}
	c.r.Shuffle(len(list), func(a, b int) { list[a], list[b] = list[b], list[a] })
	a := c.sendAsk(list)
	if c.r.IntN(4) == 0 {
		a.as = "strict"
	}
	return op{name: fmt.Sprintf("send %d events", len(list)), tenant: i, ask: a, run: func(m *tenant) want { return m.ingest(list, a.as == "strict") }}
}

func cloneEvent(e map[string]any) map[string]any {
	out := map[string]any{}
	for k, v := range e {
		out[k] = v
	}
	return out
}

// sendAsk writes events in one of the forms that are taken.
func (c *clients) sendAsk(list []map[string]any) ask {
	a := ask{method: "POST", path: "/api/v1/events", as: pick(c.r, "member", "ingester", "admin")}
	var v any = list
	form := c.r.IntN(3)
	switch {
	case form == 0:
		var lines strings.Builder
		for _, e := range list {
			lines.Write(mustJSON(e))
			lines.WriteByte('\n')
		}
		a.body, a.media = lines.String(), "application/x-ndjson"
		return a
	case len(list) == 1 && form == 1:
		v, a.media = list[0], "application/cloudevents+json"
	case form == 1:
		a.media = "application/cloudevents-batch+json"
	default:
		a.media = "application/json"
	}
	a.body = string(mustJSON(v))
	return a
}

func mustJSON(v any) []byte {
	b, err := json.Marshal(v)
	if err != nil {
		panic(err) // the clients make nothing that has no JSON
	}
	return b
}

// ingest is what sending events does and answers. strict has quotas refuse events
// of every type.
func (m *tenant) ingest(list []map[string]any, strict bool) want {
	accepted, duplicates, conflicts := 0, 0, 0
	inside := map[string]string{}
	var fresh []map[string]any
	for _, e := range list {
		if data, _ := e["data"].(map[string]any); data["n"] == "many" {
			return want{status: 400}
		}
		key := text(e, "source") + "\x00" + text(e, "id")
		before, known := inside[key]
		if !known {
			before, known = m.known[key]
		}
		switch {
		case !known:
			accepted++
			inside[key] = content(e)
			fresh = append(fresh, e)
		case before == content(e):
			duplicates++
		default:
			conflicts++
		}
	}
	if conflicts > 0 {
		return want{status: 409}
	}
	before, known := m.clone(), len(m.events)
	for _, e := range fresh {
		m.take(e)
	}
	if hard := m.enforcing(before, m.events[known:], strict); hard > 0 {
		*m = *before
		return want{status: 409, check: refusedBy(hard)}
	}
	return want{status: 204, check: func(a answer) string {
		if got := a.header.Get("Usance-Accepted") + " " + a.header.Get("Usance-Duplicates"); got != fmt.Sprint(accepted, duplicates) {
			return fmt.Sprintf("accepted and duplicates are %s, not %d %d", got, accepted, duplicates)
		}
		return ""
	}}
}

func itemsJSON(items []item) []map[string]any {
	var out []map[string]any
	for _, it := range items {
		out = append(out, map[string]any{"meter": it.meter, "amount": it.amount})
	}
	return out
}

// items makes up to three items up, each of its own meter.
func (c *clients) items(most int64, sign int64) []item {
	var out []item
	for _, i := range c.r.Perm(len(charged))[:1+c.r.IntN(3)] {
		out = append(out, item{charged[i], sign * (1 + c.r.Int64N(most))})
	}
	return out
}

// charge makes a charge up, sometimes one that was made before.
func (c *clients) charge(i int, m *tenant) op {
	mode := pick(c.r, "", "enforce", "enforce", "check", "best_effort", "best_effort", "adjust")
	sign := int64(1)
	if mode == "adjust" {
		sign = -1
	}
	in := map[string]any{"id": c.id("c"), "node": pick(c.r, m.places...), "subject": pick(c.r, subjects...), "items": itemsJSON(nil)}
	items := c.items(30, sign)
	in["items"] = itemsJSON(items)
	if mode != "" {
		in["mode"] = mode
	}
	if c.r.IntN(3) == 0 {
		in["time"] = c.instant(m).UTC().Format(time.RFC3339Nano)
	}
	return chargeOp(i, in, items)
}

func chargeOp(i int, in map[string]any, items []item) op {
	return op{name: "charge " + text(in, "mode"), tenant: i, run: func(m *tenant) want { return m.charge(in, items) },
		ask: ask{method: "POST", path: "/api/v1/charges", as: "member", body: string(mustJSON(in))}}
}

const chargeSource, holdSource = "usance.charges", "usance.holds"

// charge is what a charge does and answers.
func (m *tenant) charge(in map[string]any, items []item) want {
	mode, id, node := text(in, "mode"), text(in, "id"), text(in, "node")
	if mode == "" {
		mode = "enforce"
	}
	at := m.now
	if s := text(in, "time"); s != "" {
		at, _ = time.Parse(time.RFC3339Nano, s)
	}
	body := string(mustJSON([]any{mode, node, in["subject"], in["time"], in["items"]}))
	key := chargeSource + "\x00" + id
	granted := slices.Clone(items)
	if before, known := m.known[key]; known {
		if before != body {
			return want{status: 409}
		}
		return want{status: 200, check: chargedAs(true, m.granted[key], -1)}
	}
	hard, soft := 0, 0
	switch mode {
	case "adjust":
	case "best_effort":
		for i, it := range items {
			for _, n := range upward(node) {
				name := quotaName{n, it.meter}
				if q, ok := m.quotas[name]; ok && q.enforce == "hard" && q.limit >= 0 {
					granted[i].amount = min(granted[i].amount, m.room(name, node, at))
				}
			}
		}
		_, soft = m.blocking(node, granted, nil, at)
	default:
		hard, soft = m.blocking(node, items, nil, at)
	}
	if hard > 0 {
		return want{status: 409, check: refusedBy(hard)}
	}
	if mode != "check" {
		m.record(chargeSource, id, node, text(in, "subject"), at, granted)
		m.known[key], m.granted[key] = body, granted
	}
	return want{status: 200, check: chargedAs(false, granted, soft)}
}

// record adds usage that was charged by name.
func (m *tenant) record(source, id, node, subject string, at time.Time, items []item) {
	e := &event{source: source, id: id, kind: "usance.charge", node: node, subject: subject, at: at}
	for _, it := range items {
		group := map[string]string{}
		for _, k := range m.meters[it.meter].keys {
			group[k] = ""
		}
		e.shares = append(e.shares, share{meter: it.meter, amount: it.amount, group: group, charged: true})
	}
	m.events = append(m.events, e)
}

func refusedBy(blocks int) func(answer) string {
	return func(a answer) string {
		v := a.object()
		if got, _ := v["blocks"].([]any); len(got) != blocks || v["type"] != "urn:usance:problem:quota-exceeded" {
			return fmt.Sprintf("%d quotas should refuse", blocks)
		}
		return ""
	}
}

func chargedAs(duplicate bool, granted []item, flagged int) func(answer) string {
	return func(a answer) string {
		v := a.object()
		if v["duplicate"] != duplicate || !sameItems(v["granted"], granted) {
			return fmt.Sprintf("duplicate should be %v and granted %v", duplicate, granted)
		}
		if got, _ := v["flagged"].([]any); flagged >= 0 && len(got) != flagged {
			return fmt.Sprintf("%d quotas should be flagged", flagged)
		}
		return ""
	}
}

// sameItems compares items as answered, in any order.
func sameItems(got any, want []item) bool {
	list, _ := got.([]any)
	if len(list) != len(want) {
		return false
	}
	for _, g := range list {
		g, _ := g.(map[string]any)
		if !slices.Contains(want, item{text(g, "meter"), whole(g["amount"])}) {
			return false
		}
	}
	return true
}

// whole reads a number of an answer.
func whole(v any) int64 {
	n, ok := v.(json.Number)
	if !ok {
		return -1 << 62
	}
	i, err := n.Int64()
	if err != nil {
		return -1 << 62
	}
	return i
}

// resend is an earlier charge again, wholly as it was.
func (c *clients) resend(before op) op {
	again := before
	again.name += " again"
	return again
}

// correct voids or amends an event that may be there.
func (c *clients) correct(i int, m *tenant) op {
	source, id := pick(c.r, sources...), c.id("nobody")
	if len(m.events) > 0 && c.r.IntN(12) > 0 {
		e := m.events[c.r.IntN(len(m.events))]
		source, id = e.source, e.id
	}
	path := "/api/v1/events/" + url.PathEscape(source) + "/" + url.PathEscape(id)
	if c.r.IntN(2) == 0 {
		return op{name: "void", tenant: i, ask: ask{method: "POST", path: path + "/void", as: "admin", body: `{"reason":"sim"}`},
			run: func(m *tenant) want { return m.void(source, id) }}
	}
	next := c.event(m)
	for _, k := range []string{"id", "source", "specversion"} {
		delete(next, k)
	}
	if text(next, "node") == "" {
		next["node"] = "/"
	}
	if next["data"] == nil {
		next["data"] = map[string]any{"n": int64(1), "bytes": int64(1)}
	}
	return op{name: "amend", tenant: i, ask: ask{method: "POST", path: path + "/amend", as: "admin", body: string(mustJSON(next))},
		run: func(m *tenant) want { return m.amend(source, id, next) }}
}

func (m *tenant) void(source, id string) want {
	at, e := m.find(source, id)
	if e == nil {
		return want{status: 404}
	}
	gone := *e
	gone.voided = true
	m.events[at] = &gone
	return want{status: 200, check: func(a answer) string {
		if v := a.object(); v["voided"] != true {
			return "it should be voided"
		}
		return ""
	}}
}

func (m *tenant) amend(source, id string, next map[string]any) want {
	at, e := m.find(source, id)
	switch {
	case e == nil:
		return want{status: 404}
	case e.voided || e.kind == "usance.charge":
		return want{status: 409}
	}
	now := *e
	now.kind, now.subject, now.node = text(next, "type"), text(next, "subject"), text(next, "node")
	if s := text(next, "time"); s != "" {
		now.at, _ = time.Parse(time.RFC3339Nano, s)
	}
	data, _ := next["data"].(map[string]any)
	now.shares, now.amended = m.sharesOf(now.kind, now.subject, data), true
	m.events[at] = &now
	return want{status: 200}
}
