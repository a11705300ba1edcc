package sim

import (
	"maps"
	"slices"
	"strings"
	"time"
)

// The model says what every answer must be. It keeps what happened and folds all
// of it for every question, in plain integers, and knows nothing of how the
// ledger goes about it.

// share is what an event adds to a meter.
type share struct {
	meter   string
	amount  int64
	value   string            // unique meters: what was seen
	group   map[string]string // by the meter's keys
	charged bool              // adds up even where the meter takes samples
}

type event struct {
	source, id, kind, subject, node string
	at                              time.Time
	shares                          []share
	voided, amended                 bool
	ranged                          string // the correction that voided it
}

// measure is a meter as the model knows it.
type measure struct {
	aggregation string
	keys        []string
	builtIn     bool
	feeds       map[string]string // event type → "1", "-1", a member of data, or one with "-" before it; "" for unique: the subject
}

type quotaName struct{ node, meter string }

type quota struct {
	limit     int64 // its own, without grants; -1: unlimited
	window    string
	enforce   string
	guarantee int64 // of the nearest quota above, kept for this one
}

type item struct {
	meter  string
	amount int64
}

type hold struct {
	node, subject, state string
	items, open, settled []item
	expires              time.Time
	steps                int
}

type resource struct {
	business, mode, source, node string
	starts, expires              time.Time // zero: always was, never ends
	grants                       []grant
}

// tenant is the model of one tenant.
type tenant struct {
	id        string
	zone      *time.Location
	now       time.Time
	meters    map[string]measure
	quotas    map[quotaName]quota
	events    []*event          // in no order; an event is never changed in place
	known     map[string]string // source and id → content as first sent
	granted   map[string][]item // of charges, by source and id
	holds     map[string]hold
	resources map[string]resource
	nodes     map[string]string // path → name
	tokens    map[string]string // name → secret
	users     map[string]string // name → role
	keys      map[string]string // id → secret
	enforced  map[string]bool   // event types that hard quotas refuse
	places    []string          // nodes where things happen
	ranges    []correction      // in the order of their proposals
}

// clone returns a copy that can be changed without the original.
func (m *tenant) clone() *tenant {
	c := *m
	c.meters, c.quotas, c.known, c.granted = maps.Clone(m.meters), maps.Clone(m.quotas), maps.Clone(m.known), maps.Clone(m.granted)
	c.holds, c.resources, c.nodes = maps.Clone(m.holds), maps.Clone(m.resources), maps.Clone(m.nodes)
	c.tokens, c.users, c.keys = maps.Clone(m.tokens), maps.Clone(m.users), maps.Clone(m.keys)
	c.events, c.places, c.ranges = slices.Clone(m.events), slices.Clone(m.places), slices.Clone(m.ranges)
	c.enforced = maps.Clone(m.enforced)
	return &c
}

// within reports whether a path is another or lies below it.
func within(path, top string) bool {
	return top == "/" || path == top || strings.HasPrefix(path, top+"/")
}

// upward lists a path and every path above it.
func upward(path string) []string {
	list := []string{path}
	for path != "/" {
		path = path[:strings.LastIndex(path, "/")]
		if path == "" {
			path = "/"
		}
		list = append(list, path)
	}
	return list
}

// sharesOf works out what an event adds, by the meters as they are defined now.
func (m *tenant) sharesOf(kind, subject string, data map[string]any) []share {
	number := func(name string) int64 { n, _ := data[name].(int64); return n }
	text := func(name string) string { s, _ := data[name].(string); return s }
	if kind == "usance.level" || kind == "usance.gauge" {
		name := text("meter")
		s := share{meter: name, group: map[string]string{}}
		for _, k := range m.meters[name].keys {
			s.group[k] = text(k)
		}
		s.amount = number("delta")
		if kind == "usance.gauge" {
			s.amount = number("value")
		}
		return []share{s}
	}
	var out []share
	for _, name := range slices.Sorted(maps.Keys(m.meters)) {
		meter := m.meters[name]
		from, feeds := meter.feeds[kind]
		if !feeds {
			continue
		}
		s := share{meter: name, group: map[string]string{}}
		for _, k := range meter.keys {
			s.group[k] = text(k)
		}
		switch {
		case meter.aggregation == "unique":
			s.value, s.amount = subject, 1
		case from == "1":
			s.amount = 1
		case from == "-1":
			s.amount = -1
		case strings.HasPrefix(from, "-"):
			s.amount = -number(from[1:])
		default:
			s.amount = number(from)
		}
		out = append(out, s)
	}
	return out
}

// span is a stretch of time, from inclusive, to exclusive; zero sides are open.
type span struct{ from, to time.Time }

func (s span) holds(at time.Time) bool {
	return (s.from.IsZero() || !at.Before(s.from)) && (s.to.IsZero() || at.Before(s.to))
}

// value folds a meter at and below a node. want restricts the group, when given.
func (m *tenant) value(meter, node string, s span, want map[string]string) int64 {
	agg := m.meters[meter].aggregation
	if agg == "level" || agg == "gauge" {
		s.from = time.Time{} // what stands, stands whenever it came
	}
	type sampled struct{ node, subject, group string }
	type sample struct {
		at     time.Time
		amount int64
	}
	newest := map[sampled]sample{}
	seen := map[string]bool{}
	var amounts []int64
	var count, sum int64
	for _, e := range m.events {
		if e.voided || !within(e.node, node) || !s.holds(e.at) {
			continue
		}
		for _, sh := range e.shares {
			if sh.meter != meter || !matches(sh.group, want) {
				continue
			}
			switch {
			case agg == "gauge" && !sh.charged:
				k := sampled{e.node, e.subject, groupText(sh.group)}
				old, ok := newest[k]
				if !ok || e.at.After(old.at) || e.at.Equal(old.at) && sh.amount > old.amount {
					newest[k] = sample{e.at, sh.amount}
				}
			case agg == "unique":
				seen[sh.value] = true
			default:
				n := int64(1)
				if sh.charged {
					n = sh.amount
				}
				count, sum, amounts = count+n, sum+sh.amount, append(amounts, sh.amount)
			}
		}
	}
	for _, n := range newest {
		sum += n.amount
	}
	switch agg {
	case "unique":
		return int64(len(seen))
	case "count":
		return count
	case "min", "max", "average":
		return extreme(agg, amounts)
	}
	return sum
}

func extreme(agg string, amounts []int64) int64 {
	if len(amounts) == 0 {
		return 0
	}
	switch agg {
	case "min":
		return slices.Min(amounts)
	case "max":
		return slices.Max(amounts)
	}
	var sum int64
	for _, a := range amounts {
		sum += a
	}
	n := int64(len(amounts)) // the model's averages are of amounts that are not negative
	return (2*sum + n) / (2 * n)
}

func matches(group, want map[string]string) bool {
	for k, v := range want {
		if group[k] != v {
			return false
		}
	}
	return true
}

func groupText(group map[string]string) string {
	var b strings.Builder
	for _, k := range slices.Sorted(maps.Keys(group)) {
		b.WriteString(k + "\x00" + group[k] + "\x00")
	}
	return b.String()
}

// day returns the calendar day that an instant lies in, in a zone whose clocks
// change at no midnight.
func day(at time.Time, zone *time.Location) span {
	y, mo, d := at.In(zone).Date()
	return span{time.Date(y, mo, d, 0, 0, 0, 0, zone), time.Date(y, mo, d+1, 0, 0, 0, 0, zone)}
}

// expire ends the holds whose time is up.
func (m *tenant) expire() {
	for id, h := range m.holds {
		if h.state == "open" && !h.expires.After(m.now) {
			h.state, h.open = "expired", nil
			m.holds[id] = h
		}
	}
}

func (m *tenant) find(source, id string) (int, *event) {
	for i, e := range m.events {
		if e.source == source && e.id == id {
			return i, e
		}
	}
	return -1, nil
}
