package api

import (
	"fmt"
	"math/big"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/usance/usance"
)

var (
	filterForm  = regexp.MustCompile(`(?s)^filterGroupBy\[.+\]$`)
	instantForm = regexp.MustCompile(`^(\d{4})-(\d\d)-(\d\d)T(\d\d):(\d\d):(\d\d)(?:\.(\d+))?(?:Z|([+-])(\d\d):(\d\d))$`)
)

// asked are the routes that a query is tried on: each that reads and has parameters,
// with values for the variables of its path.
func asked(all []route) (routes []route, vars [][]string) {
	for _, rt := range all {
		var values []string
		for _, s := range rt.segments {
			switch s {
			case "{meter}":
				values = append(values, "tokens")
			case "{tenant}":
				values = append(values, string(acme))
			case "{id}":
				values = append(values, "r-a")
			default:
				if strings.HasPrefix(s, "{") {
					values = append(values, "x")
				}
			}
		}
		if rt.method == http.MethodGet && rt.id != "exportTenant" && rt.id != "backup" {
			routes, vars = append(routes, rt), append(vars, values)
		}
	}
	return routes, vars
}

// FuzzAQueryIsReadAsItSays asks every reading route anything. What a query says is
// worked out here another way; a query that is taken must say just that, and one that
// is refused must be wrong. Then the whole API answers it: as its OpenAPI document
// says, and never with a fault of its own.
func FuzzAQueryIsReadAsItSays(f *testing.F) {
	h := newHouse(f)
	for i := range 3 {
		h.do(call{method: "POST", path: "/api/v1/events", body: fmt.Sprintf(`{"specversion":"1.0","id":"e%d","source":"s","type":"llm","subject":"u%d","node":"/a/x","data":{"n":%d,"model":"m%d"}}`, i, i, i+1, i),
			media: "application/cloudevents+json"}).want(204)
	}
	routes, vars := asked(h.api.routes)
	common := []string{"limit=1&cursor=MQ", "min_sequence=1&tenant=acme", "at_sequence=2&node=/a", "known_at=2026-03-10T12:00:00Z&recursive=true"}
	for i := range routes { // few: what a target begins with is tried again before anything new is
		f.Add(uint8(i+i%2*128), common[i%len(common)])
	}
	is := func(id string) uint8 {
		return uint8(slices.IndexFunc(routes, func(rt route) bool { return rt.id == id }))
	}
	for _, raw := range []string{"from=2026-03-10T00:00:00Z&to=2026-03-11T00:00:00%2B05:45&windowSize=DAY&windowTimeZone=Asia/Kathmandu&groupBy=model,subject", "subject=u1&subject=u0&filterGroupBy[model]=m1,m2",
		"filterGroupBy%5Bmodel%5D=m1&filterGroupBy=x", "from=2026-03-10T00:00:00,5Z", "from=2026-03-10T24:00:00Z", "windowSize=WEEK", "windowTimeZone=../../etc/passwd", "groupBy=model&groupBy=model", "node=/b/../a",
		"a;b=c", "limit=%zz", "limit=+1", "limit=1_0", "limit=18446744073709551616", "at_sequence=0", "at_sequence=1&known_at=2026-03-10T12:00:00Z", "known_at=2999-01-01T00:00:00Z", "=x", "node", "node=", "%00=1", "limit=%31"} {
		f.Add(is("queryMeter"), raw)
	}
	f.Add(is("listEvents"), "meter=tokens&filterGroupBy[model]=m1&known_at=2026-03-10T12:00:00Z&limit=2")
	f.Add(is("listResources"), "business_type=LIVE_2D,VOICE&expires_from=2026-01-01T00:00:00Z&expires_to=2026-01-01T00:00:00Z")
	f.Add(is("listAudit"), "from=3&to=2026-03-10T12:00:00Z&limit=1000&cursor=Mw")
	f.Add(is("listHolds"), "state=all&limit=1001")
	f.Add(is("listEvents"), "cursor=MR")
	f.Add(is("listEvents"), "cursor=M%0AQ")
	f.Fuzz(func(t *testing.T, which uint8, raw string) {
		i, token := int(which)%128%len(routes), "acme-admin-"
		if which >= 128 {
			token = "acme-viewer-a"
		}
		if len(raw) > 1<<12 {
			return // the bound is a test of its own
		}
		h.t = t
		w := httptest.NewRecorder()
		r := reading(t, &routes[i], vars[i], raw, secretOf(token))
		q := &request{api: h.api, w: w, r: r, route: &routes[i], vars: vars[i], tenant: acme}
		if err := q.authenticate(); err != nil {
			t.Fatal(err)
		}
		err := q.parseQuery()
		if want := wellFormed(&routes[i], raw); (err == nil) != want {
			t.Fatalf("%s?%s: %v; it is well formed: %v", routes[i].path, raw, err, want)
		}
		if err != nil {
			if kind := usance.KindOf(err); kind != usance.KindInvalid {
				t.Fatalf("%s?%s: %v", routes[i].path, raw, err)
			}
			return
		}
		readsAsItSays(t, q)
		h.h.ServeHTTP(w, r)
		if w.Code >= 500 && (w.Code != http.StatusServiceUnavailable || !q.query.has("min_sequence")) {
			t.Fatalf("%s?%s: %d %s", routes[i].path, raw, w.Code, w.Body)
		}
		h.check(call{method: r.Method, path: r.URL.Path}, r, w)
	})
}

func reading(t *testing.T, rt *route, vars []string, raw, secret string) *http.Request {
	path := prefix
	for _, s := range rt.segments {
		if strings.HasPrefix(s, "{") {
			s, vars = vars[0], vars[1:]
		}
		path += "/" + s
	}
	r := httptest.NewRequestWithContext(t.Context(), rt.method, "http://usance.test"+path, http.NoBody)
	r.URL.RawQuery = raw
	r.Header.Set("Authorization", "Bearer "+secret)
	return r
}

// wellFormed says whether a query has only parameters of the route, each once unless
// it may be repeated, with values that are texts.
func wellFormed(rt *route, raw string) bool {
	seen := map[string]bool{}
	for pair := range strings.SplitSeq(raw, "&") {
		if pair == "" {
			continue
		}
		name, value, _ := strings.Cut(pair, "=")
		name, err1 := url.QueryUnescape(name)
		value, err2 := url.QueryUnescape(value)
		if err1 != nil || err2 != nil || strings.Contains(pair, ";") {
			return false
		}
		known := slices.IndexFunc(rt.params, func(p param) bool {
			return p.name == name || p.name == "filterGroupBy" && filterForm.MatchString(name)
		})
		if known < 0 || seen[name] && !rt.params[known].repeats || value == "" && !rt.params[known].empty || len(value) > maxParam || !utf8.ValidString(value) {
			return false
		}
		seen[name] = true
	}
	return true
}

// readsAsItSays reads each parameter of a well formed query by its form.
func readsAsItSays(t *testing.T, q *request) {
	t.Helper()
	for _, p := range q.route.params {
		text := q.query.text(p.name)
		switch p.format {
		case "int":
			got, err := q.query.uint(p.name)
			want, ok := wholeNumber(text)
			if q.query.has(p.name) && (err == nil) != ok || got != want {
				t.Fatalf("%s=%q is %d, %v", p.name, text, got, err)
			}
		case "bool":
			got, err := q.query.flag(p.name)
			if (err == nil) != (text == "true" || text == "false" || text == "") || got != (text == "true") {
				t.Fatalf("%s=%q is %v, %v", p.name, text, got, err)
			}
		case "time":
			got, err := q.query.time(p.name)
			want, ok := instantOf(text)
			if q.query.has(p.name) && (err == nil) != ok || err == nil && !got.Equal(want) {
				t.Fatalf("%s=%q is %v, %v; it says %v, %v", p.name, text, got, err, want, ok)
			}
		case "node":
			got, err := q.node(usance.RightRead)
			if err == nil && (got.Check() != nil || !got.Within(q.subtree())) || err == nil && text != "" && string(got) != text {
				t.Fatalf("%s=%q is %q, which %q may not read", p.name, text, got, q.subtree())
			}
		}
		if p.repeats {
			sameSet(t, p.name, q.query.list(p.name), q.query[p.name])
		}
	}
	if _, paged := q.route.param("limit"); paged {
		cursor, limit, err := q.page()
		n, ok := wholeNumber(q.query.text("limit"))
		if err == nil && (limit < 1 || limit > usance.MaxPageSize || q.query.has("limit") && (!ok || uint64(limit) != n) || cursorOf(cursor) != q.query.text("cursor")) {
			t.Fatalf("%v is a page of %d from %q", q.query, limit, cursor)
		}
	}
	if q.route.past {
		readsItsMoment(t, q)
	}
	if q.route.id == "queryMeter" {
		readsItsUsage(t, q)
	}
}

func wholeNumber(text string) (uint64, bool) {
	n, ok := new(big.Int).SetString(text, 10)
	if !ok || !n.IsUint64() || strings.ContainsAny(text, "+-_") {
		return 0, false
	}
	return n.Uint64(), true
}

// instantOf reads a time by the grammar of RFC 3339 and the calendar. Seconds of a
// leap are no time here.
func instantOf(text string) (time.Time, bool) {
	m := instantForm.FindStringSubmatch(text)
	if m == nil {
		return time.Time{}, false
	}
	n := func(i int) int { v, _ := strconv.Atoi(m[i]); return v }
	nanos, _ := strconv.Atoi((m[7] + "000000000")[:9])
	days := time.Date(n(1), time.Month(n(2)+1), 0, 0, 0, 0, 0, time.UTC).Day()
	if n(2) < 1 || n(2) > 12 || n(3) < 1 || n(3) > days || n(4) > 23 || n(5) > 59 || n(6) > 59 || n(9) > 23 || n(10) > 59 {
		return time.Time{}, false
	}
	ahead := time.Duration(n(9))*time.Hour + time.Duration(n(10))*time.Minute
	if m[8] == "-" {
		ahead = -ahead
	}
	at := time.Date(n(1), time.Month(n(2)), n(3), n(4), n(5), n(6), nanos, time.UTC).Add(-ahead)
	return at, !at.Before(usance.Earliest) && !at.After(usance.Latest)
}

// sameSet holds that a list has each of the values, split at commas, once.
func sameSet(t *testing.T, name string, list, values []string) {
	t.Helper()
	said := map[string]bool{}
	for _, v := range values {
		for _, part := range strings.Split(v, ",") {
			said[part] = true
		}
	}
	for _, part := range list {
		if !said[part] {
			t.Fatalf("%s: %q is not said in %q, or twice in the list", name, part, values)
		}
		delete(said, part)
	}
	if len(said) > 0 {
		t.Fatalf("%s: %v of %q is not in %q", name, said, values, list)
	}
}

// readsItsMoment holds that a moment is the one asked for, is over and is in the ledger.
func readsItsMoment(t *testing.T, q *request) {
	t.Helper()
	then, err := q.moment()
	if err != nil {
		if kind := usance.KindOf(err); kind != usance.KindInvalid {
			t.Fatalf("%v: %v", q.query, err)
		}
		return
	}
	sequence, at := q.query.text("at_sequence"), q.query.text("known_at")
	head, err := q.api.led.Sequence(q.r.Context(), q.tenant)
	if err != nil {
		t.Fatal(err)
	}
	asked, _ := instantOf(at)
	switch {
	case sequence != "" && at != "", then.Sequence > head, then.IsZero() != (sequence == "" && at == ""),
		sequence != "" && strconv.FormatUint(then.Sequence, 10) != strings.TrimLeft(sequence, "0"), at != "" && (!then.Time.Equal(asked) || asked.After(q.api.now())):
		t.Fatalf("%v is %+v, of %d", q.query, then, head)
	}
	if at != "" && then.Sequence < head {
		if next, err := q.api.led.MomentOf(q.r.Context(), q.tenant, then.Sequence+1, time.Time{}); err != nil || !next.Time.After(asked) {
			t.Fatalf("%v is %+v, but %+v, %v is not after it", q.query, then, next, err)
		}
	}
}

// readsItsUsage holds that a question about usage asks for what the query says and
// for nothing that the meter has not.
func readsItsUsage(t *testing.T, q *request) {
	t.Helper()
	ask, err := q.usageQuery()
	if err != nil {
		kind := usance.KindOf(err)
		before := kind == usance.KindNotFound && (q.query.has("at_sequence") || q.query.has("known_at")) // the meter was not there yet
		if kind != usance.KindInvalid && kind != usance.KindForbidden && !before {
			t.Fatalf("%v: %v", q.query, err)
		}
		return
	}
	window := map[string]usance.Window{"": "", "MINUTE": usance.Minute, "HOUR": usance.Hour, "DAY": usance.DayWindow, "MONTH": usance.MonthWindow}[q.query.text("windowSize")]
	if !ask.From.IsZero() && !ask.To.IsZero() && !ask.From.Before(ask.To) || ask.Window != window || !ask.Node.Within(q.subtree()) || ask.Zone == nil || ask.Zone == time.Local {
		t.Fatalf("%v asks %+v", q.query, ask)
	}
	if zone := q.query.text("windowTimeZone"); zone != "" && ask.Zone.String() != zone {
		t.Fatalf("%v is in %s", q.query, ask.Zone)
	}
	for _, key := range ask.GroupBy {
		if key != "model" && key != "subject" {
			t.Fatalf("%v is grouped by %q", q.query, key)
		}
	}
	for key := range ask.Filter {
		if key != "model" {
			t.Fatalf("%v is filtered by %q", q.query, key)
		}
		sameSet(t, key, ask.Filter[key], q.query["filterGroupBy[model]"])
	}
}
