package api

import (
	"fmt"
	"testing"

	"github.com/usance/usance"
	"github.com/usance/usance/api/wire"
)

// rangeRules are the rules of the calls about corrections of ranges.
func rangeRules() map[string]rule {
	about := func(method, state, after string, status int) rule {
		path := func(node string) call {
			return call{method: method, path: "/corrections/~" + state + "/" + node + "~" + after}
		}
		return rule{right: usance.RightManage, status: status, in: path("a"), out: path("b"), hidden: true, scope: "tenant"}
	}
	propose := func(node string) call {
		return call{method: "POST", path: "/corrections", body: `{"filter":{"node":"` + node + `","type":"t"}}`}
	}
	return map[string]rule{
		"listCorrections":   {right: usance.RightManage, status: 200, in: call{method: "GET", path: "/corrections"}, free: true, scope: "tenant"},
		"proposeCorrection": {right: usance.RightManage, status: 201, in: propose("/a/x"), out: propose("/b"), scope: "tenant"},
		"getCorrection":     about("GET", "proposed", "", 200),
		"discardCorrection": about("DELETE", "proposed", "", 204),
		"approveCorrection": about("POST", "proposed", "/approve", 200),
		"revertCorrection":  about("POST", "applied", "/revert", 200),
	}
}

func TestARangeOfEventsIsVoidedAsPreviewedAndBroughtBack(t *testing.T) {
	h := newHouse(t)
	for i := range 5 {
		h.llm(fmt.Sprint("e", i), []string{"/a", "/b"}[i%2], "10")
	}
	h.post(uriPath+"/e0/void", ``).want(200)
	h.post(uriPath+"/e2/amend", `{"subject":"bob"}`).want(200)
	propose := func(body string) wire.Correction {
		t.Helper()
		var c wire.Correction
		r := h.post("/corrections", body).want(201)
		if r.json(&c); r.Header().Get("Location") != prefix+"/corrections/"+c.ID || r.Header().Get(wire.HeaderSequence) == "" {
			t.Errorf("%v", r.Header())
		}
		return c
	}
	c := propose(`{"filter":{"source":"` + uri + `","type":"llm","from":"2026-03-01T00:00:00Z","to":"2026-03-02T00:00:00+00:00"},"reason":"twice sent"}`)
	if c.State != "proposed" || c.Events != 3 || c.LeftOut != (wire.LeftOut{Voided: 1, Amended: 1}) || c.Filter.Node != "/" || c.Proposed.By.Name == "" || c.Approved != nil {
		t.Errorf("%+v", c)
	}
	if len(c.Changes) != 3 || fmt.Sprint(c.Changes) != "[{tokens / 3 40 10} {tokens /a 1 20 10} {tokens /b 2 20 0}]" {
		t.Errorf("%+v", c.Changes)
	}
	if got := h.tokensAt("/"); got != "40" {
		t.Errorf("a preview left %s tokens", got)
	}

	// Another event that matches makes the preview out of date.
	h.llm("e9", "/a", "5")
	h.post("/corrections/"+c.ID+"/approve", ``).want(409).problem()
	h.post("/corrections/"+c.ID+"/revert", ``).want(409).problem()
	h.do(call{method: "DELETE", path: prefix + "/corrections/" + c.ID}).want(204)
	h.do(call{method: "GET", path: prefix + "/corrections/" + c.ID}).want(404).problem()

	c = propose(`{"filter":{"source":"` + uri + `"}}`)
	for range 2 {
		h.post("/corrections/"+c.ID+"/approve", ``).want(200).json(&c)
		if c.State != "applied" || c.Done != 4 || c.Events != 4 || c.Approved == nil {
			t.Errorf("%+v", c)
		}
	}
	if got := h.tokensAt("/"); got != "10" {
		t.Errorf("%s tokens are left", got)
	}
	var u wire.Usage
	h.do(call{method: "GET", path: prefix + "/meters/tokens/query?windowSize=DAY"}).want(200).json(&u)
	if len(u.Data) != 1 || u.Data[0].RestatedAt == nil || !u.Data[0].RestatedAt.Equal(noon) {
		t.Errorf("%+v", u.Data)
	}
	var page wire.List[wire.StoredEvent]
	h.do(call{method: "GET", path: prefix + "/events?id=e1"}).want(200).json(&page)
	if e := page.Items[0]; !e.Voided || e.Correction != c.ID {
		t.Errorf("%+v", e)
	}
	h.do(call{method: "DELETE", path: prefix + "/corrections/" + c.ID}).want(409).problem()
	h.post("/corrections/"+c.ID+"/revert", ``).want(200).json(&c)
	if c.State != "reverted" || c.Done != 4 || c.Reverted == nil {
		t.Errorf("%+v", c)
	}
	if got := h.tokensAt("/"); got != "45" {
		t.Errorf("%s tokens are back", got)
	}

	var list wire.List[wire.Correction]
	h.do(call{method: "GET", path: prefix + "/corrections?limit=1"}).want(200).json(&list)
	if len(list.Items) != 1 || list.Items[0].ID != c.ID || list.Next != "" {
		t.Errorf("%+v", list)
	}
	second := propose(`{"filter":{"type":"none"}}`)
	h.do(call{method: "GET", path: prefix + "/corrections?limit=1"}).want(200).json(&list)
	if len(list.Items) != 1 || list.Items[0].ID != second.ID || list.Next == "" {
		t.Errorf("%+v", list)
	}
	h.do(call{method: "GET", path: prefix + "/corrections?cursor=" + list.Next}).want(200).json(&list)
	if len(list.Items) != 1 || list.Items[0].ID != c.ID {
		t.Errorf("%+v", list)
	}
	var audit wire.List[wire.AuditEntry]
	h.do(call{method: "GET", path: prefix + "/audit?type=correction"}).want(200).json(&audit)
	if len(audit.Items) != 8 || audit.Items[1].Op != "restore" || audit.Items[2].Op != "revert" || audit.Items[2].Actor.Name == "" {
		t.Errorf("%+v", audit.Items)
	}
}

func TestARangeThatNamesTooLittleIsRefused(t *testing.T) {
	h := newHouse(t)
	for _, body := range []string{``, `{}`, `{"filter":{}}`, `{"filter":{"node":"/a"}}`, `{"filter":{"from":"2026-03-01T00:00:00Z"}}`,
		`{"filter":{"source":"s","node":"a"}}`, `{"filter":{"source":"s","what":1}}`, `{"filter":{"from":"2026-03-02T00:00:00Z","to":"2026-03-01T00:00:00Z"}}`} {
		h.post("/corrections", body).want(400).problem()
	}
	h.post("/corrections/c1/approve", ``).want(404).problem()
	h.post("/corrections/x/revert", ``).want(404).problem()
	h.do(call{method: "GET", path: prefix + "/corrections?cursor=xx"}).want(400).problem()
}

// TestATokenOfASubtreeVoidsWithinIt proposes without a node, which is then the
// subtree's top.
func TestATokenOfASubtreeVoidsWithinIt(t *testing.T) {
	h := newHouse(t)
	h.llm("in", "/a", "10")
	h.llm("out", "/b", "1")
	token := tokenName(acme, "admin", "/a")
	var c wire.Correction
	h.do(call{method: "POST", path: prefix + "/corrections", body: `{"filter":{"type":"llm"}}`, token: token}).want(201).json(&c)
	if c.Filter.Node != "/a" || c.Events != 1 {
		t.Errorf("%+v", c)
	}
	h.do(call{method: "POST", path: prefix + "/corrections/" + c.ID + "/approve", token: token}).want(200)
	if got := h.tokensAt("/"); got != "1" {
		t.Errorf("%s tokens are left", got)
	}
}
