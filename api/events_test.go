package api

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/cloudevents/sdk-go/v2/binding"
	ce "github.com/cloudevents/sdk-go/v2/event"
	cehttp "github.com/cloudevents/sdk-go/v2/protocol/http"
	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"

	"github.com/usance/usance"
	"github.com/usance/usance/api/wire"
)

// tokensEvent is an event that counts n tokens.
func tokensEvent(id string, n int) string {
	return fmt.Sprintf(`{"specversion":"1.0","id":%q,"source":"test","type":"llm","time":"2026-03-01T10:00:00Z","node":"/a","subject":"u1","data":{"n":%d,"model":"m1"}}`, id, n)
}

func (h *house) send(body, media string) *reply {
	h.t.Helper()
	return h.do(call{method: "POST", path: prefix + "/events", body: body, media: media})
}

func (r *reply) receipt() string {
	h := r.Header()
	return h.Get(wire.HeaderAccepted) + "/" + h.Get(wire.HeaderDuplicates)
}

// total is how many tokens are counted.
func (h *house) total() string {
	h.t.Helper()
	var u struct{ Data []struct{ Value json.Number } }
	h.do(call{method: "GET", path: prefix + "/meters/tokens/query"}).want(200).json(&u)
	if len(u.Data) != 1 {
		h.t.Fatalf("%d rows", len(u.Data))
	}
	return u.Data[0].Value.String()
}

func TestEventsAreTakenInEveryForm(t *testing.T) {
	h := newHouse(t)
	binary := map[string]string{"Ce-Specversion": "1.0", "Ce-Id": "b1", "Ce-Source": "test", "Ce-Type": "llm", "Ce-Node": "/a", "Ce-Time": "2026-03-01T10:00:00Z"}
	for _, c := range []struct {
		name, media, body string
		headers           map[string]string
		accepted          int
	}{
		{"structured", wire.TypeEvent, tokensEvent("s1", 1), nil, 1},
		{"batch", wire.TypeBatch, "[" + tokensEvent("c1", 1) + "," + tokensEvent("c2", 1) + "]", nil, 2},
		{"empty batch", wire.TypeBatch, "[]", nil, 0},
		{"object", wire.TypeJSON, tokensEvent("o1", 1), nil, 1},
		{"array", "application/json; charset=utf-8", "[" + tokensEvent("a1", 1) + "]", nil, 1},
		{"lines", wire.TypeNDJSON, "\n" + tokensEvent("n1", 1) + "\r\n\n" + tokensEvent("n2", 1), nil, 2},
		{"binary", wire.TypeJSON, `{ "n": 1 }`, binary, 1},
	} {
		r := h.do(call{method: "POST", path: prefix + "/events", body: c.body, media: c.media, headers: c.headers})
		if r.Code != 204 || r.receipt() != fmt.Sprintf("%d/0", c.accepted) || r.Body.Len() > 0 || r.Header().Get(wire.HeaderSequence) == "" {
			t.Errorf("%s: %d %s %s", c.name, r.Code, r.receipt(), r.Body)
		}
	}
	if got := h.total(); got != "8" {
		t.Errorf("%s tokens", got)
	}
}

func TestARepeatedRequestCountsOnce(t *testing.T) {
	h := newHouse(t)
	batch := "[" + tokensEvent("1", 5) + "," + tokensEvent("2", 7) + "," + tokensEvent("2", 7) + "]"
	first := h.send(batch, "").want(204)
	again := h.send(batch, "").want(204)
	if first.receipt() != "2/1" || again.receipt() != "0/3" || h.total() != "12" {
		t.Errorf("%s, then %s, and %s tokens", first.receipt(), again.receipt(), h.total())
	}
	if first.Header().Get(wire.HeaderSequence) != again.Header().Get(wire.HeaderSequence) {
		t.Error("a repeat moved the ledger")
	}
	// Without a time of its own, a repeat is a repeat whenever it comes.
	plain := `{"specversion":"1.0","id":"p","source":"test","type":"llm","data":{"n":1}}`
	h.send(plain, "").want(204)
	h.time = noon.Add(time.Hour)
	if r := h.send(plain, "").want(204); r.receipt() != "0/1" {
		t.Errorf("a repeat an hour later: %s", r.receipt())
	}
}

func compressed(t testing.TB, encoding, body string) string {
	var buf bytes.Buffer
	var w io.WriteCloser = gzip.NewWriter(&buf)
	if encoding == "zstd" {
		z, err := zstd.NewWriter(&buf)
		if err != nil {
			t.Fatal(err)
		}
		w = z
	}
	if _, err := io.WriteString(w, body); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return buf.String()
}

func TestCompressedBodiesAreTakenWithinTheBounds(t *testing.T) {
	h := newHouse(t)
	for i, encoding := range []string{"gzip", "zstd"} {
		send := func(body string) *reply {
			return h.do(call{method: "POST", path: prefix + "/events", body: body, headers: map[string]string{"Content-Encoding": encoding}})
		}
		send(compressed(t, encoding, tokensEvent(fmt.Sprint(i), 1))).want(204)
		if p := send(compressed(t, encoding, strings.Repeat(" ", usance.MaxBodyBytes+1))).want(413).problem(); p.Type != "urn:usance:problem:too-large" {
			t.Errorf("a bomb: %+v", p)
		}
		send("neither").want(400).problem()
	}
	h.do(call{method: "POST", path: prefix + "/events", body: "x", headers: map[string]string{"Content-Encoding": "br"}}).want(415).problem()
	if h.total() != "2" {
		t.Errorf("%s tokens", h.total())
	}
}

// One bad event refuses the request, and the answer names every bad one, whether
// its form is at fault or what the meters need of it.
func TestEveryBadEventIsNamedAndNothingIsStored(t *testing.T) {
	h := newHouse(t)
	events := []string{
		0: tokensEvent("ok", 1),
		1: `{"specversion":"1.0","id":"x","source":"test"}`,
		2: `{"specversion":"1.0","id":"x2","source":"test","type":"llm","data":{"n":-4}}`,
		3: `{"specversion":"1.0","id":"x3","source":"test","type":"llm","data":{"n":1,"n":2}}`,
		4: `{"specversion":"1.0","id":"x4","source":"test","type":"llm","data":{"n":99999999999999999999}}`,
		5: `{"specversion":"1.0","id":"x5","source":"test","type":"llm","time":"9999-01-01T00:00:00Z","data":{"n":1}}`,
		6: `7`,
		7: tokensEvent("ok2", 1),
		8: `{"specversion":"1.0","id":"x8","source":"test","type":"usance.gauge","data":{"meter":"no.such","value":1}}`,
		9: "{\"specversion\":\"1.0\",\"id\":\"\xff\",\"source\":\"test\",\"type\":\"llm\",\"data\":{\"n\":1}}",
	}
	bad := map[int]bool{1: true, 2: true, 3: true, 4: true, 5: true, 6: true, 8: true, 9: true}
	for _, form := range []struct{ media, body string }{
		{wire.TypeJSON, "[" + strings.Join(events, ",") + "]"},
		{wire.TypeNDJSON, strings.Join(events, "\n\n")},
	} {
		p := h.send(form.body, form.media).want(400).problem()
		named := map[int]bool{}
		for _, e := range p.Errors {
			named[e.Index] = true
			if e.Detail == "" || form.media == wire.TypeNDJSON && e.Line != 2*e.Index+1 || form.media == wire.TypeJSON && e.Line != 0 {
				t.Errorf("%+v", e)
			}
		}
		if fmt.Sprint(named) != fmt.Sprint(bad) {
			t.Errorf("%s: named %v instead of %v: %+v", form.media, named, bad, p.Errors)
		}
	}
	if h.total() != "0" {
		t.Errorf("%s tokens stored", h.total())
	}
}

func TestBrokenJSONNamesTheEventItBreaksIn(t *testing.T) {
	h := newHouse(t)
	for body, want := range map[string]int{
		"[" + tokensEvent("1", 1) + "," + tokensEvent("2", 1)[:40]:  1,
		"[" + tokensEvent("1", 1) + "," + tokensEvent("2", 1):       2,
		"[" + tokensEvent("1", 1) + "]x":                            1,
		"[" + tokensEvent("1", 1) + " " + tokensEvent("2", 1) + "]": 1,
		"[" + tokensEvent("1", 1) + ",]":                            1,
	} {
		p := h.send(body, "").want(400).problem()
		if len(p.Errors) == 0 || p.Errors[len(p.Errors)-1].Index != want {
			t.Errorf("%s: %+v", body, p.Errors)
		}
	}
	for _, body := range []string{"", " ", "null", `"x"`, "7", "{", "nonsense", strings.Repeat("[", 100_000)} {
		h.send(body, wire.TypeJSON).want(400).problem()
	}
	h.send(tokensEvent("1", 1), wire.TypeBatch).want(400).problem()
	h.send("["+tokensEvent("1", 1)+"]", wire.TypeEvent).want(400).problem()
	h.send(tokensEvent("1", 1), "text/plain").want(415).problem()
	h.send(tokensEvent("1", 1), "application/json; charset=latin1").want(415).problem()
	if h.total() != "0" {
		t.Errorf("%s tokens stored", h.total())
	}
}

func TestTooManyEventsAreRefusedWhole(t *testing.T) {
	h := newHouse(t)
	many := make([]string, usance.MaxBatchEvents+1)
	for i := range many {
		many[i] = tokensEvent(fmt.Sprint(i), 1)
	}
	h.send("["+strings.Join(many, ",")+"]", "").want(413).problem()
	h.send(strings.Join(many, "\n"), wire.TypeNDJSON).want(413).problem()
	h.send("["+strings.Join(many[1:], ",")+"]", "").want(204)
	if h.total() != "10000" {
		t.Errorf("%s tokens stored", h.total())
	}
	// The list of faults has a bound too, and says how much it leaves out.
	for i := range many[1:] {
		many[i] = "{}"
	}
	p := h.send("["+strings.Join(many[:1500], ",")+"]", "").want(400).problem()
	if len(p.Errors) != wire.MaxListedErrors || p.ErrorsOmitted != 4*1500-wire.MaxListedErrors {
		t.Errorf("%d errors and %d more", len(p.Errors), p.ErrorsOmitted)
	}
}

func TestOtherContentUnderAKnownIDIsAConflict(t *testing.T) {
	h := newHouse(t)
	h.send("["+tokensEvent("1", 1)+","+tokensEvent("2", 1)+"]", "").want(204)
	p := h.send("["+tokensEvent("3", 1)+","+tokensEvent("1", 9)+","+tokensEvent("2", 9)+"]", "").want(409).problem()
	if p.Type != "urn:usance:problem:conflict" || len(p.Errors) != 2 || p.Errors[0].Index != 1 || p.Errors[1].Index != 2 {
		t.Fatalf("%+v", p)
	}
	for _, e := range p.Errors {
		if !strings.Contains(e.Stored, `n\":1`) || !strings.Contains(e.Sent, `n\":9`) {
			t.Errorf("both sides are shown: %+v", e)
		}
	}
	if h.total() != "2" {
		t.Errorf("%s tokens stored", h.total())
	}
}

func TestOneRequestHoldsEventsOfOneTenant(t *testing.T) {
	h := newHouse(t)
	of := func(id, tenant string) string {
		e := tokensEvent(id, 1)
		if tenant == "" {
			return e
		}
		return e[:len(e)-1] + `,"tenant":"` + tenant + `"}`
	}
	for _, c := range []struct {
		token, query, body string
		status             int
	}{
		{"operator", "", "[" + of("1", "acme") + "," + of("2", "acme") + "]", 204},
		{"operator", "", "[" + of("3", "acme") + "," + of("4", "beta") + "]", 400},
		{"operator", "", "[" + of("3", "acme") + "," + of("4", "") + "]", 400},
		{"operator", "", of("3", ""), 400},
		{"operator", "", of("3", "nobody"), 404},
		{"operator", "?tenant=acme", "[" + of("3", "") + "," + of("4", "acme") + "]", 204},
		{"operator", "?tenant=acme", of("5", "beta"), 400},
		{"operator", "?tenant=nobody", of("5", ""), 404},
		{"acme-ingester-", "", of("5", "acme"), 204},
		{"acme-ingester-", "", of("6", "beta"), 400},
		{"acme-ingester-", "?tenant=beta", of("6", ""), 404},
	} {
		r := h.do(call{method: "POST", path: prefix + "/events" + c.query, token: c.token, body: c.body})
		if r.Code != c.status {
			t.Errorf("%s%s %s answers %d: %s", c.token, c.query, c.body, r.Code, r.Body)
		}
	}
	if h.total() != "5" {
		t.Errorf("%s tokens stored", h.total())
	}
}

func TestATokenOfASubtreeRecordsThereAlone(t *testing.T) {
	h := newHouse(t)
	outside := strings.Replace(tokensEvent("2", 1), `"/a"`, `"/b"`, 1)
	c := call{method: "POST", path: prefix + "/events", token: "acme-ingester-a", body: "[" + tokensEvent("1", 1) + "," + outside + "]"}
	if p := h.do(c).want(403).problem(); len(p.Errors) != 1 || p.Errors[0].Index != 1 {
		t.Errorf("%+v", p)
	}
	if h.total() != "0" {
		t.Errorf("%s tokens stored", h.total())
	}
}

// sdkEvent is an event as a user of the SDK makes it.
func sdkEvent(t *testing.T, id string) ce.Event {
	e := ce.New()
	e.SetID(id)
	e.SetSource("https://example.com/meters?of=acme")
	e.SetType("llm")
	e.SetSubject("user 7")
	e.SetTime(time.Date(2026, 3, 1, 10, 0, 0, 123_000_000, time.FixedZone("", 20700)))
	e.SetExtension("node", "/a/x")
	e.SetExtension("traceparent", "00-1-2-01")
	if err := e.SetData("application/json", map[string]any{"n": 3, "model": "m1"}); err != nil {
		t.Fatal(err)
	}
	if err := e.Validate(); err != nil {
		t.Fatal(err)
	}
	return e
}

// sdkPost sends what the SDK wrote.
func (h *house) sdkPost(r *http.Request) *reply {
	h.t.Helper()
	r.Header.Set("Authorization", "Bearer "+secretOf("acme-ingester-"))
	w := httptest.NewRecorder()
	h.h.ServeHTTP(w, r)
	return &reply{w, h.t}
}

func TestWhatTheCloudEventsSDKSendsIsTaken(t *testing.T) {
	h := newHouse(t)
	const url = "http://usance.test/api/v1/events"
	modes := map[string]func(ce.Event) (*http.Request, error){
		"structured": func(e ce.Event) (*http.Request, error) {
			r := httptest.NewRequestWithContext(t.Context(), "POST", url, nil)
			return r, cehttp.WriteRequest(binding.WithForceStructured(t.Context()), binding.ToMessage(&e), r)
		},
		"binary": func(e ce.Event) (*http.Request, error) {
			r := httptest.NewRequestWithContext(t.Context(), "POST", url, nil)
			return r, cehttp.WriteRequest(binding.WithForceBinary(t.Context()), binding.ToMessage(&e), r)
		},
		"batch": func(e ce.Event) (*http.Request, error) {
			return cehttp.NewHTTPRequestFromEvents(t.Context(), url, []ce.Event{e})
		},
	}
	sent := 0
	for first, write := range modes {
		id := "of " + first
		r, err := write(sdkEvent(t, id))
		h.must(err)
		if got := h.sdkPost(r).want(204).receipt(); got != "1/0" {
			t.Errorf("%s: %s", first, got)
		}
		sent++
		// The same event in every other mode is the same event.
		for second, write := range modes {
			r, err := write(sdkEvent(t, id))
			h.must(err)
			if got := h.sdkPost(r).want(204).receipt(); got != "0/1" {
				t.Errorf("%s after %s: %s", second, first, got)
			}
		}
		var page wire.List[wire.StoredEvent]
		h.do(call{method: "GET", path: prefix + "/events?limit=1&id=of%20" + first}).want(200).json(&page)
		got, want := page.Items[0].Event, sdkEvent(t, id)
		if got.ID != want.ID() || got.Source != want.Source() || got.Type != want.Type() || got.Subject != want.Subject() || !got.Time.Equal(want.Time()) ||
			got.Node != "/a/x" || string(got.Data) != string(want.Data()) {
			t.Errorf("%s: stored %+v", first, got)
		}
	}
	if want := fmt.Sprint(3 * sent); h.total() != want {
		t.Errorf("%s tokens instead of %s", h.total(), want)
	}
}

func TestWhatTheCloudEventsSDKCallsInvalidIsRefused(t *testing.T) {
	h := newHouse(t)
	for name, spoil := range map[string]func(map[string]any){
		"no id":           func(e map[string]any) { delete(e, "id") },
		"blank id":        func(e map[string]any) { e["id"] = "  " },
		"no source":       func(e map[string]any) { delete(e, "source") },
		"no type":         func(e map[string]any) { e["type"] = "" },
		"blank subject":   func(e map[string]any) { e["subject"] = " " },
		"relative schema": func(e map[string]any) { e["dataschema"] = "here" },
		"media type":      func(e map[string]any) { e["datacontenttype"] = "a/b/c" },
		"version":         func(e map[string]any) { e["specversion"] = "2.0" },
		"extension name":  func(e map[string]any) { e["my_name"] = "x" },
	} {
		b, err := sdkEvent(t, "1").MarshalJSON()
		h.must(err)
		var members map[string]any
		h.must(json.Unmarshal(b, &members))
		spoil(members)
		b, err = json.Marshal(members)
		h.must(err)
		var back ce.Event
		if err := back.UnmarshalJSON(b); err == nil && back.Validate() == nil {
			t.Errorf("%s: the SDK takes %s", name, b)
		}
		h.send(string(b), wire.TypeEvent).want(400).problem()
	}
}

func TestBinaryModeUndoesTheEncodingOfHeaders(t *testing.T) {
	h := newHouse(t)
	headers := map[string]string{"Ce-Specversion": "1.0", "Ce-Type": "llm", "Ce-Time": "2026-03-01T10:00:00Z",
		"Ce-Id": "Euro%20%E2%82%AC%20%F0%9F%98%80", "Ce-Source": `"a \"b\" %25"`, "Ce-Subject": "100% of %zz%4"}
	h.do(call{method: "POST", path: prefix + "/events", body: `{"n":1}`, headers: headers}).want(204)
	var page wire.List[wire.StoredEvent]
	h.do(call{method: "GET", path: prefix + "/events"}).want(200).json(&page)
	e := page.Items[0].Event
	if e.ID != "Euro € 😀" || e.Source != `a "b" %` || e.Subject != "100% of %zz%4" {
		t.Errorf("%+v", e)
	}
	for name, v := range map[string]string{"Ce-Id": "%ff", "Ce-Time": "today", "Ce-My_name": "x", "Ce-Specversion": "0.3", "Ce-Data": "{}"} {
		bad := map[string]string{"Ce-Specversion": "1.0", "Ce-Type": "llm", "Ce-Id": "x", "Ce-Source": "s"}
		bad[name] = v
		h.do(call{method: "POST", path: prefix + "/events", body: `{"n":1}`, headers: bad}).want(400).problem()
	}
	good := map[string]string{"Ce-Specversion": "1.0", "Ce-Type": "meeting.conference.started", "Ce-Id": "y", "Ce-Source": "s"}
	h.do(call{method: "POST", path: prefix + "/events", headers: good}).want(204) // no data
	h.do(call{method: "POST", path: prefix + "/events", body: "hello", media: "text/plain", headers: good}).want(400).problem()
	h.do(call{method: "POST", path: prefix + "/events", body: `{"a":1,"a":2}`, headers: good}).want(400).problem()
}

func TestBrowsingWalksEveryEventOnce(t *testing.T) {
	h := newHouse(t)
	var all []string
	for i := range 25 {
		all = append(all, fmt.Sprintf(`{"specversion":"1.0","id":"%02d","source":"s%d","type":"llm","time":"2026-03-01T10:%02d:00Z","node":"/%c","data":{"n":1}}`, i, i%2, i, 'a'+rune(i%2)))
	}
	h.send("["+strings.Join(all, ",")+"]", "").want(204)
	seen, cursor := "", ""
	for {
		var page wire.List[wire.StoredEvent]
		h.do(call{method: "GET", path: prefix + "/events?limit=7&cursor=" + cursor, token: "acme-viewer-"}.withoutEmpty()).want(200).json(&page)
		for _, e := range page.Items {
			seen = e.Event.ID + seen
		}
		if cursor = page.Next; cursor == "" {
			break
		}
	}
	want := ""
	for i := range 25 {
		want += fmt.Sprintf("%02d", i)
	}
	if seen != want {
		t.Errorf("walked %s", seen)
	}
	var page wire.List[wire.StoredEvent]
	h.do(call{method: "GET", path: prefix + "/events?source=s1&from=2026-03-01T10:05:00Z&to=2026-03-01T10:09:00Z"}).want(200).json(&page)
	if len(page.Items) != 2 || page.Items[0].Actor.Name != "token:acme-admin-" || page.Items[0].Event.SpecVersion != "1.0" {
		t.Errorf("%+v", page.Items)
	}
	// A token of a subtree sees what lies there without asking for it.
	h.do(call{method: "GET", path: prefix + "/events", token: "acme-viewer-a"}).want(200).json(&page)
	for _, e := range page.Items {
		if e.Event.Node != "/a" {
			t.Errorf("%+v", e.Event)
		}
	}
	if len(page.Items) != 13 {
		t.Errorf("%d events in /a", len(page.Items))
	}
}

// withoutEmpty drops an empty last parameter.
func (c call) withoutEmpty() call {
	if strings.HasSuffix(c.path, "=") {
		c.path = c.path[:strings.LastIndexAny(c.path, "&?")]
	}
	return c
}

func BenchmarkDecode(b *testing.B) {
	events := make([]string, 1000)
	for i := range events {
		events[i] = tokensEvent(fmt.Sprintf("0190f5a2-%08d", i), i)
	}
	body := []byte("[" + strings.Join(events, ",") + "]")
	b.SetBytes(int64(len(body)))
	b.ReportAllocs()
	for b.Loop() {
		if got, err := newDecoder(noon).decodeJSON(body, false, true); err != nil || len(got) != 1000 {
			b.Fatal(len(got), err)
		}
	}
	b.ReportMetric(float64(b.N)*1000/b.Elapsed().Seconds(), "events/s")
}
