package api

import (
	"strings"
	"testing"

	"github.com/usance/usance"
	"github.com/usance/usance/api/wire"
)

// uri is a source as senders like them, with slashes and more.
const uri = "https://gpu.example/cluster 1?x=%2F"

const uriPath = "/events/https:%2F%2Fgpu.example%2Fcluster%201%3Fx=%252F"

func (h *house) tokensAt(node string) string {
	h.t.Helper()
	var u wire.Usage
	h.do(call{method: "GET", path: prefix + "/meters/tokens/query?node=" + node}).want(200).json(&u)
	if len(u.Data) == 0 {
		return "0"
	}
	return u.Data[0].Value.String()
}

func (h *house) llm(id, node, n string) {
	h.t.Helper()
	body := `{"specversion":"1.0","id":"` + id + `","source":"` + uri + `","type":"llm","subject":"ann","node":"` + node + `","time":"2026-03-01T00:00:00Z","data":{"n":` + n + `,"model":"m"}}`
	h.do(call{method: "POST", path: prefix + "/events", body: body}).want(204)
}

func TestAVoidedEventCountsNoMoreAndStaysToBeSeen(t *testing.T) {
	h := newHouse(t)
	h.llm("e/1", "/a", "40")
	h.llm("e2", "/a", "2")
	var e wire.StoredEvent
	r := h.post(uriPath+"/e%2F1/void", `{"reason":"sent by mistake"}`).want(200)
	r.json(&e)
	if !e.Voided || e.Amended || e.Reason != "sent by mistake" || e.Event.ID != "e/1" || e.Event.Source != uri || r.Header().Get(wire.HeaderSequence) == "" {
		t.Errorf("%+v", e)
	}
	if got := h.tokensAt("/a"); got != "2" {
		t.Errorf("%s tokens", got)
	}
	before, err := h.led.Sequence(t.Context(), acme)
	h.must(err)
	h.post(uriPath+"/e%2F1/void", ``).want(200).json(&e)
	if after, err := h.led.Sequence(t.Context(), acme); err != nil || after != before || !e.Voided {
		t.Errorf("voiding again wrote: %d after %d, %v, %+v", after, before, err, e)
	}
	var page wire.List[wire.StoredEvent]
	h.do(call{method: "GET", path: prefix + "/events?id=e/1"}).want(200).json(&page)
	if len(page.Items) != 1 || !page.Items[0].Voided || page.Items[0].Reason != "sent by mistake" {
		t.Errorf("%+v", page)
	}
	h.llm("e/1", "/a", "40") // its id stays taken
	if got := h.tokensAt("/a"); got != "2" {
		t.Errorf("%s tokens", got)
	}
	h.post(uriPath+"/e%2F1/amend", `{"subject":"bob"}`).want(409).problem()
}

func TestAnAmendedEventCountsAsAmended(t *testing.T) {
	h := newHouse(t)
	h.llm("e1", "/a/x", "40")
	var e wire.StoredEvent
	h.post(uriPath+"/e1/amend", `{"reason":"wrong node","node":"/b","data":{"n" : 41, "model":"m"},"type":null}`).want(200).json(&e)
	if !e.Amended || e.Voided || e.Event.Node != "/b" || string(e.Event.Data) != `{"n":41,"model":"m"}` || e.Event.Type != "llm" || e.Event.Subject != "ann" {
		t.Errorf("%+v %s", e, e.Event.Data)
	}
	if a, b := h.tokensAt("/a"), h.tokensAt("/b"); a != "0" || b != "41" {
		t.Errorf("%s at /a, %s at /b", a, b)
	}
	h.post(uriPath+"/e1/amend", `{"subject":"","time":"2026-03-02T00:00:00+01:00"}`).want(200).json(&e)
	if e.Event.Subject != "" || e.Event.Time.Format("2006-01-02T15:04Z07:00") != "2026-03-01T23:00Z" {
		t.Errorf("%+v", e)
	}
	for body, want := range map[string]string{
		`{"data":[1]}`:                    "object",
		`{"data":{"n":"many"}}`:           "",
		`{"data":{"n":1,"n":2}}`:          "",
		`{"node":"b"}`:                    "node",
		`{"type":""}`:                     "type",
		`{"type":"usance.charge"}`:        "kept",
		`{"time":"1970-01-01T00:00:00Z"}`: "time",
		`{"id":"other"}`:                  "id",
		`{"reason":"` + strings.Repeat("x", usance.MaxSettingBytes+1) + `"}`: "reason",
		`{"data":{"x":"` + strings.Repeat("x", usance.MaxEventBytes) + `"}}`: "larger",
		``: "",
	} {
		if r := h.post(uriPath+"/e1/amend", body).want(400); !strings.Contains(r.Body.String(), want) {
			t.Errorf("%.60s: %s", body, r.Body)
		}
	}
	for _, path := range []string{uriPath + "/e2", "/events/other/e1", "/events/" + strings.Repeat("x", 3000) + "/e1"} {
		h.post(path+"/void", ``).want(404).problem()
	}
	if b := h.tokensAt("/b"); b != "41" {
		t.Errorf("%s after what was refused", b)
	}
}

// A correction is the business of whoever manages both ends of it.
func TestATokenOfASubtreeCorrectsWithinItAlone(t *testing.T) {
	h := newHouse(t)
	h.llm("in", "/a", "1")
	h.llm("out", "/b", "1")
	try := func(path, body string, want int) {
		t.Helper()
		h.do(call{method: "POST", path: prefix + uriPath + path, token: "acme-admin-a", body: body}).want(want)
	}
	try("/out/void", ``, 404)
	try("/out/amend", `{"node":"/a"}`, 404) // pulling one in
	try("/in/amend", `{"node":"/b"}`, 403)  // pushing one out
	try("/in/amend", `{"node":"/a/x"}`, 200)
	try("/in/void", ``, 200)
}

func TestAVoidedChargeGivesItsRoomBack(t *testing.T) {
	h := limited(t)
	h.charge("", `{"id":"c1","node":"/a","items":[{"meter":"seats","amount":10}]}`).want(200)
	h.charge("", `{"id":"c2","node":"/a","items":[{"meter":"seats","amount":1}]}`).want(409)
	h.post("/events/usance.charges/c1/amend", `{"subject":"x"}`).want(409).problem()
	h.post("/events/usance.charges/c1/void", `{}`).want(200)
	h.charge("", `{"id":"c2","node":"/a","items":[{"meter":"seats","amount":1}]}`).want(200)
	if used := h.quota("/a", "seats").Used; used != 1 {
		t.Errorf("%d seats used", used)
	}
}
