package sim

import (
	"fmt"
	"maps"
	"slices"
	"time"
)

// correction is the voiding of a range, by its reason, which is the simulator's name
// for it; its id is the server's, and unknown while nobody heard the answer.
type correction struct {
	reason, id, state string
	filter            filter
	selected          map[[2]string]bool // what the preview saw, by source and id
}

type filter struct {
	source, kind, node string
	subject            *string
	when               span
}

func (f filter) selects(e *event) bool {
	return (f.source == "" || e.source == f.source) && (f.kind == "" || e.kind == f.kind) && (f.subject == nil || e.subject == *f.subject) &&
		within(e.node, f.node) && f.when.holds(e.at)
}

func (f filter) json() map[string]any {
	out := map[string]any{"node": f.node}
	for name, v := range map[string]string{"source": f.source, "type": f.kind} {
		if v != "" {
			out[name] = v
		}
	}
	if f.subject != nil {
		out["subject"] = *f.subject
	}
	for name, at := range map[string]time.Time{"from": f.when.from, "to": f.when.to} {
		if !at.IsZero() {
			out[name] = at.UTC().Format(time.RFC3339Nano)
		}
	}
	return out
}

// rangeOp proposes a correction, or goes on with one.
func (c *clients) rangeOp(i int, m *tenant) op {
	var known []correction
	for _, r := range m.ranges {
		if r.id != "" && (r.state == "proposed" || r.state == "applied") {
			known = append(known, r)
		}
	}
	if len(known) == 0 || c.r.IntN(3) == 0 {
		return c.propose(i, m)
	}
	r := known[max(len(known)-1-c.r.IntN(3), 0)]
	path, do := "/api/v1/corrections/"+r.id, pick(c.r, "approve", "approve", "approve", "revert", "discard")
	if do == "discard" {
		return op{name: "discard correction", tenant: i, ask: ask{method: "DELETE", path: path, as: "admin"}, run: func(m *tenant) want { return m.discard(r.id) }}
	}
	return op{name: do + " correction", tenant: i, correction: r.id, ask: ask{method: "POST", path: path + "/" + do, as: "admin"}, run: func(m *tenant) want {
		if do == "approve" {
			return m.approve(r.id)
		}
		return m.revert(r.id)
	}}
}

func (c *clients) propose(i int, m *tenant) op {
	f := filter{source: pick(c.r, "sim", "sim", "sim/b", chargeSource, holdSource), node: pick(c.r, m.places...)}
	if c.r.IntN(2) == 0 {
		f.kind = pick(c.r, "t.a", "t.b", "usance.level", "meeting.attendee.joined", "drive.space.measured", "usance.charge")
		if c.r.IntN(3) == 0 {
			f.source = ""
		}
	}
	if c.r.IntN(2) == 0 {
		subject := pick(c.r, subjects...)
		f.subject = &subject
	}
	if c.r.IntN(2) == 0 {
		f.when.from = c.instant(m)
		f.when.to = f.when.from.Add(time.Duration(1 + c.r.Int64N(int64(12*time.Hour))))
	}
	reason := c.id("range")
	body := mustJSON(map[string]any{"filter": f.json(), "reason": reason})
	return op{name: "propose correction", tenant: i, ask: ask{method: "POST", path: "/api/v1/corrections", as: "admin", body: string(body)},
		run: func(m *tenant) want { return m.propose(reason, f) }}
}

// matching is what a filter selects now of what counts as it was sent, and how much
// more it meets.
func (m *tenant) matching(f filter) (selected map[[2]string]bool, voided, amended int64) {
	selected = map[[2]string]bool{}
	for _, e := range m.events {
		switch {
		case !f.selects(e):
		case e.voided:
			voided++
		case e.amended:
			amended++
		default:
			selected[[2]string{e.source, e.id}] = true
		}
	}
	return selected, voided, amended
}

func (m *tenant) propose(reason string, f filter) want {
	selected, voided, amended := m.matching(f)
	at := len(m.ranges)
	m.ranges = append(m.ranges, correction{reason: reason, state: "proposed", filter: f, selected: selected})
	without := m.clone()
	without.mark(selected, true, reason)
	return want{status: 201, check: func(a answer) string {
		v := a.object()
		m.ranges[at].id = text(v, "id")
		left, _ := v["left_out"].(map[string]any)
		if whole(v["events"]) != int64(len(selected)) || whole(left["voided"]) != voided || whole(left["amended"]) != amended {
			return fmt.Sprintf("%d events should go, %d voided and %d amended ones be left", len(selected), voided, amended)
		}
		changes, _ := v["changes"].([]any)
		for _, change := range changes {
			if wrong := m.foresees(without, f.when, change); wrong != "" {
				return wrong
			}
		}
		return ""
	}}
}

// foresees compares a row of a preview with what the model is without the events.
func (m *tenant) foresees(without *tenant, when span, change any) string {
	row, _ := change.(map[string]any)
	meter, node := text(row, "meter"), text(row, "node")
	if agg := m.meters[meter].aggregation; agg == "level" || agg == "gauge" {
		return ""
	}
	for side, t := range map[string]*tenant{"before": m, "after": without} {
		if n := t.value(meter, node, when, nil); whole(row[side]) != n {
			return fmt.Sprintf("%s at %s is %v %s, want %d", meter, node, row[side], side, n)
		}
	}
	return ""
}

// mark voids events, or brings them back.
func (m *tenant) mark(events map[[2]string]bool, voided bool, reason string) {
	for i, e := range m.events {
		if events[[2]string{e.source, e.id}] && e.voided != voided && (voided || e.ranged == reason) {
			now := *e
			now.voided, now.ranged = voided, reason
			m.events[i] = &now
		}
	}
}

func (m *tenant) correctionAt(id string) int {
	return slices.IndexFunc(m.ranges, func(r correction) bool { return r.id == id })
}

func (m *tenant) approve(id string) want {
	return m.turn(id, "applied", "reverted", func(r *correction) bool {
		selected, _, _ := m.matching(r.filter)
		return maps.Equal(selected, r.selected)
	})
}

func (m *tenant) revert(id string) want {
	return m.turn(id, "reverted", "proposed", func(*correction) bool { return true })
}

// turn brings a correction to a state, which it may have already, unless it is in
// the one that never comes to it or may says no.
func (m *tenant) turn(id, state, never string, may func(*correction) bool) want {
	at := m.correctionAt(id)
	if at < 0 {
		return want{status: 404}
	}
	r := &m.ranges[at]
	switch {
	case r.state == state:
		return want{status: 200}
	case r.state == never || !may(r):
		return want{status: 409}
	}
	r.state = state
	m.mark(r.selected, state == "applied", r.reason)
	return want{status: 200, check: r.shown}
}

func (r *correction) shown(a answer) string {
	if v := a.object(); v["state"] != r.state || whole(v["done"]) != int64(len(r.selected)) || whole(v["passed"]) != 0 {
		return fmt.Sprintf("it should be %s, with %d events", r.state, len(r.selected))
	}
	return ""
}

func (m *tenant) discard(id string) want {
	at := m.correctionAt(id)
	switch {
	case at < 0:
		return want{status: 404}
	case m.ranges[at].state != "proposed":
		return want{status: 409}
	}
	m.ranges = slices.Delete(m.ranges, at, at+1)
	return want{status: 204}
}

// corrections wants each that was proposed there once, and as far as it should be.
// One whose approval or revert was cut off may be under way: it goes on when its
// client asks again.
func (p *probe) corrections() {
	want := map[string]int{}
	for _, r := range p.m.ranges {
		state := r.state
		if r.id != "" && r.id == p.underWay {
			state = "any"
		}
		want[r.reason+" "+state]++
	}
	for _, v := range p.list("/api/v1/corrections?limit=1000") {
		state := text(v, "state")
		if text(v, "id") == p.underWay && (state == "applying" || state == "reverting" || want[text(v, "reason")+" any"] > 0) {
			state = "any"
		}
		name := text(v, "reason") + " " + state
		if want[name]--; want[name] < 0 {
			p.differ("correction %s %s should not be there, or not be so", text(v, "id"), name)
		}
	}
	for name, n := range want {
		if n > 0 {
			p.differ("correction %s is missing", name)
		}
	}
}
