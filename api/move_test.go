package api

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/usance/usance"
	"github.com/usance/usance/api/wire"
)

func TestAMovedNodeIsReadAndChargedAtItsNewPlace(t *testing.T) {
	h := newHouse(t)
	post := func(path, body string) *reply { return h.do(call{method: "POST", path: prefix + path, body: body}) }
	post("/charges", `{"id":"c","node":"/a/x","items":[{"meter":"drive.space","amount":60}]}`).want(200)
	post("/holds", `{"id":"h","node":"/a/x","items":[{"meter":"drive.space","amount":30}],"ttl":"1h"}`).want(200)
	event := `{"specversion":"1.0","id":"e","source":"s","type":"llm","node":"/a/x/y","time":"2026-03-10T10:00:00Z","data":{"n":5,"model":"m"}}`
	post("/events", event).want(204)

	var m wire.MovedNode
	post("/nodes/move", `{"from":"/a/x","to":"/b/x"}`).want(200).json(&m)
	if m.From != "/a/x" || m.To != "/b/x" || m.Nodes != 1 || m.Quotas != 1 || m.Holds != 1 || m.Sequence == 0 {
		t.Errorf("%+v", m)
	}
	var quotas wire.List[wire.Quota]
	h.do(call{method: "GET", path: prefix + "/quotas?node=/&recursive=true&meter=drive.space"}).want(200).json(&quotas)
	for _, q := range quotas.Items {
		want := map[usance.Path][2]int64{"/": {60, 30}, "/a": {0, 0}, "/b/x": {60, 30}}[q.Node]
		if q.Used != want[0] || q.Reserved != want[1] {
			t.Errorf("%+v, want %v", q, want)
		}
	}
	var usage wire.Usage
	h.do(call{method: "GET", path: prefix + "/meters/tokens/query?node=/b&groupBy=subject"}).want(200).json(&usage)
	if len(usage.Data) != 1 || usage.Data[0].Value.String() != "5" {
		t.Errorf("%+v", usage)
	}
	if d := post("/events", event).want(204).Header().Get(wire.HeaderDuplicates); d != "1" {
		t.Errorf("a repeat with the old node: %q duplicates", d)
	}
	var events wire.List[wire.StoredEvent]
	h.do(call{method: "GET", path: prefix + "/events?node=/b/x"}).want(200).json(&events)
	if !slices.ContainsFunc(events.Items, func(e wire.StoredEvent) bool { return e.Event.ID == "e" && e.Event.Node == "/b/x/y" }) {
		t.Errorf("%+v", events)
	}
	h.do(call{method: "GET", path: prefix + "/audit?type=node"}).want(200)
	h.do(call{method: "GET", path: prefix + "/audit?type=hold"}).want(200)
	h.do(call{method: "GET", path: prefix + "/holds/h"}).want(200)
	post("/events/s/e/void", "").want(200)
	h.do(call{method: "GET", path: prefix + "/meters/tokens/query?node=/b"}).want(200).json(&usage)
	if usage.Data[0].Value.String() != "0" {
		t.Errorf("after the event was taken back: %+v", usage)
	}
	post("/verify", "").want(200)
	if p := post("/nodes/move", `{"from":"/a/x","to":"/b/z"}`).want(404).problem(); !strings.Contains(p.Detail, "/b/x") {
		t.Errorf("%+v", p)
	}
}

func TestAMoveIsRefusedWithWhatRefusesIt(t *testing.T) {
	h := newHouse(t)
	post := func(path, body, token string) *reply {
		return h.do(call{method: "POST", path: prefix + path, body: body, token: token})
	}
	post("/charges", `{"id":"c","node":"/b/x","items":[{"meter":"drive.space","amount":501}]}`, "").want(200)
	p := post("/nodes/move", `{"from":"/b/x","to":"/a/y"}`, "").want(409).problem()
	if p.Type != wire.ProblemPrefix+"quota-exceeded" || len(p.Blocks) != 1 || p.Blocks[0].Node != "/a" || p.Blocks[0].ShortBy != 1 {
		t.Errorf("%+v", p)
	}
	post("/nodes/move", `{"from":"/b/x","to":"/a/x"}`, "").want(409)
	for body, field := range map[string]string{`{"from":"b","to":"/c"}`: "from", `{"from":"/b","to":"c"}`: "to", `{"to":"/c"}`: "from"} {
		p := post("/nodes/move", body, "").want(400).problem()
		if len(p.Errors) != 1 || p.Errors[0].Field != field {
			t.Errorf("%s: %+v", body, p)
		}
	}
	post("/nodes/move", `{"from":"/","to":"/c"}`, "").want(400)
	post("/nodes/move", `{"from":"/a","to":"/a/y"}`, "").want(400)
	// A token of a subtree cannot move its own top, nor anything out of it.
	below := tokenName(acme, usance.RoleAdmin, "/a")
	post("/nodes/move", `{"from":"/a","to":"/c"}`, below).want(403)
	post("/nodes/move", `{"from":"/a/x","to":"/a/y"}`, below).want(200)
}

// TestADryRunOfAMoveTellsWhatTheMoveThenDoes compares the two, where a quota
// refuses it and where none does, and sees that nothing is written.
func TestADryRunOfAMoveTellsWhatTheMoveThenDoes(t *testing.T) {
	h := newHouse(t)
	post := func(path, body string) *reply { return h.do(call{method: "POST", path: prefix + path, body: body}) }
	post("/charges", `{"id":"c","node":"/b/x","items":[{"meter":"drive.space","amount":501}]}`).want(200)
	seq, err := h.led.Sequence(t.Context(), acme)
	h.must(err)
	var refused, free, made wire.MovedNode
	post("/nodes/move", `{"from":"/b","to":"/a/y","dry_run":true}`).want(200).json(&refused)
	if !refused.DryRun || refused.Resources != 1 || refused.Sequence != seq || len(refused.Blocks) != 1 || refused.Blocks[0].Node != "/a" || refused.Blocks[0].ShortBy != 1 {
		t.Errorf("%+v", refused)
	}
	if p := post("/nodes/move", `{"from":"/b","to":"/a/y"}`).want(409).problem(); len(p.Blocks) != 1 || p.Blocks[0].Node != "/a" {
		t.Errorf("%+v", p)
	}
	if got := post("/nodes/move", `{"from":"/b","to":"/c/y","dry_run":true}`).want(200); got.Header().Get(wire.HeaderSequence) != fmt.Sprint(seq) {
		t.Errorf("a dry run took the ledger to %s", got.Header().Get(wire.HeaderSequence))
	} else {
		got.json(&free)
	}
	for body, status := range map[string]int{`{"from":"/b","to":"/a","dry_run":true}`: 409, `{"from":"/none","to":"/c","dry_run":true}`: 404, `{"from":"/b","to":"/b/c","dry_run":true}`: 400} {
		post("/nodes/move", body).want(status)
	}
	if now, err := h.led.Sequence(t.Context(), acme); err != nil || now != seq {
		t.Errorf("the ledger is at %d, %v; it was at %d", now, err, seq)
	}
	h.do(call{method: "POST", path: prefix + "/nodes/move", body: `{"from":"/b","to":"/c/y","dry_run":true}`, token: tokenName(acme, usance.RoleViewer, "/")}).want(403)
	post("/nodes/move", `{"from":"/b","to":"/c/y"}`).want(200).json(&made)
	if free.Sequence, free.DryRun = made.Sequence, false; len(free.Blocks) > 0 || free.Resources == 0 {
		t.Errorf("%+v", free)
	}
	if free.Blocks = nil; !reflect.DeepEqual(free, made) {
		t.Errorf("before: %+v; then: %+v", free, made)
	}
}

func TestADeletionIsRefusedWithWhatDependsOnIt(t *testing.T) {
	h := newHouse(t)
	remove := func(path string) *reply { return h.do(call{method: "DELETE", path: prefix + path}) }
	h.do(call{method: "POST", path: prefix + "/charges", body: `{"id":"c","node":"/b","items":[{"meter":"tokens","amount":3}]}`}).want(200)
	p := remove("/nodes?node=/b").want(409).problem()
	var kinds []string
	for _, e := range p.Errors {
		kinds = append(kinds, e.Field+" "+e.Stored)
	}
	if slices.Sort(kinds); !slices.Equal(kinds, []string{"quota /b tokens", "resource r-b", "usage tokens"}) || !strings.Contains(p.Detail, "quota 1, resource 1, usage 1") {
		t.Errorf("%+v", p)
	}
	remove("/quotas?node=/b&meter=tokens").want(204)
	remove("/resources/r-b").want(204)
	remove("/nodes?node=/b&keep_usage=false").want(409)
	remove("/nodes?node=/b&keep_usage=true").want(204)
	if p := remove("/meters/tokens").want(409).problem(); len(p.Errors) != 1 || p.Errors[0].Field != "usage" {
		t.Errorf("%+v", p)
	}
	if p := remove("/users/ann").want(409).problem(); len(p.Errors) != 1 || p.Errors[0].Stored != "app app-acme" {
		t.Errorf("%+v", p)
	}
}
