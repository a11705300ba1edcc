package api

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/usance/usance"
	"github.com/usance/usance/api/wire"
	"github.com/usance/usance/internal/facadetest"
	"github.com/usance/usance/internal/refused"
	"github.com/usance/usance/registry"
)

func (h *house) refused(token string) wire.RefusedEvents {
	h.t.Helper()
	var got wire.RefusedEvents
	h.do(call{method: "GET", path: prefix + "/events/refused", token: token}).want(200).json(&got)
	return got
}

func (h *house) sendAs(token, body string, want int) *reply {
	h.t.Helper()
	return h.do(call{method: "POST", path: prefix + "/events", token: token, body: body}).want(want)
}

func cloudEvent(id, more string) string {
	return `{"specversion":"1.0","id":"` + id + `","source":"s","type":"llm","time":"2026-03-01T00:00:00Z"` + more + `}`
}

// TestEveryRefusedEventOfABatchIsRememberedOnceWithItsReason sends batches of good
// and bad events at random.
func TestEveryRefusedEventOfABatchIsRememberedOnceWithItsReason(t *testing.T) {
	r := rand.New(rand.NewPCG(facadetest.Seed(t), 7))
	faults := map[string]string{ // what is wrong, and what is said of it
		`,"data":{}`:                    "data.n is missing",
		`,"data":{"n":"x"}`:             "data.n is not a number",
		`,"data":{"n":1},"node":"nope"`: "node: ",
		`,"data":7`:                     "data: is not a JSON object",
		`,"data":{"n":1},"Bad":"x"`:     "Bad: a name of an attribute",
	}
	for round := range 10 {
		h := newHouse(t)
		var events []string
		want := map[string]string{}
		for i := range 1 + r.IntN(60) {
			id := fmt.Sprintf("%d-%d", round, i)
			more := `,"data":{"n":1}`
			if r.IntN(3) == 0 {
				for fault, said := range faults { // map order is chance enough
					more, want[id] = fault, said
					break
				}
			}
			events = append(events, cloudEvent(id, more))
		}
		status := 400
		if len(want) == 0 {
			status = 204
		}
		for range 2 { // the sender insists
			h.sendAs(tokenName(acme, usance.RoleIngester, "/"), "["+strings.Join(events, ",")+"]", status)
		}
		got := h.refused("")
		if len(got.Items) != len(want) || *got.Total != int64(2*len(want)) {
			t.Fatalf("%d of %d are remembered instead of %d: %+v", len(got.Items), *got.Total, len(want), got.Items)
		}
		for _, x := range got.Items {
			said, ok := want[x.ID]
			delete(want, x.ID)
			if !ok || !strings.Contains(x.Why, said) || x.Problem != "urn:usance:problem:invalid" || x.Times != 2 || x.Events != 1 ||
				x.By != "token:"+tokenName(acme, usance.RoleIngester, "/") || x.Source != "s" || x.Type != "llm" || x.Time == nil || !x.Last.Equal(noon) {
				t.Errorf("%+v, want %q", x, said)
			}
		}
		if other := h.refused(tokenName(beta, usance.RoleAdmin, "/")); len(other.Items) != 0 || *other.Total != 0 {
			t.Errorf("another tenant sees %+v", other)
		}
	}
}

// TestARefusalOfEverySortIsRemembered sends what the ledger, the quotas and the
// decoder refuse.
func TestARefusalOfEverySortIsRemembered(t *testing.T) {
	h := newHouse(t)
	_, err := h.reg.Edit(t.Context(), tester, acme, registry.Edit{
		Tokens: []registry.TokenSpec{{Token: usance.Token{Name: "strict", Role: usance.RoleIngester, Enforce: true}, Secret: secretOf("strict")}},
		Quotas: []usance.Quota{{Node: "/", Meter: "tokens", Limit: 5, Window: usance.DayWindow}}})
	h.must(err)
	newest := func(problem, id, why string, events int) wire.RefusedEvent {
		t.Helper()
		x := h.refused("").Items[0]
		if x.Problem != wire.ProblemPrefix+problem || x.ID != id || !strings.Contains(x.Why, why) || x.Events != events {
			t.Errorf("%+v, want %s of %q: %s", x, problem, id, why)
		}
		return x
	}
	h.sendAs("", cloudEvent("a", `,"data":{"n":1}`), 204)
	h.sendAs("", cloudEvent("a", `,"data":{"n":2}`), 409)
	newest("conflict", "a", `event "a" of source "s" is known with other content`, 1)
	h.sendAs("strict", "["+cloudEvent("b", `,"data":{"n":4}`)+","+cloudEvent("c", `,"data":{"n":4}`)+"]", 409)
	newest("quota-exceeded", "b", "a quota has no room for this: tokens at /", 2)
	h.sendAs("", `{"specversion":"1.0","id":"old","source":"s","type":"llm","time":"1905-01-01T00:00:00Z","data":{"n":1}}`, 400)
	newest("invalid", "old", "is outside 1990", 1)
	h.sendAs(tokenName(acme, usance.RoleIngester, "/a"), cloudEvent("d", `,"data":{"n":1},"node":"/b"`), 403)
	if x := newest("forbidden", "d", "node: is outside /a", 1); x.Node != "/a" {
		t.Errorf("it concerns %s", x.Node)
	}
	h.sendAs("", `[{"specversion":`, 400)
	newest("invalid", "", "broken", 1)
	h.sendAs("", strings.Repeat(" ", usance.MaxBodyBytes+1), 413)
	newest("too-large", "", "", 0)
	h.do(call{method: "POST", path: prefix + "/events", body: "x", media: "text/html"}).want(415)
	newest("unsupported-media-type", "", "Content-Type", 0)
	before := len(h.refused("").Items)
	h.sendAs("none", cloudEvent("e", ""), 401)
	h.sendAs(tokenName(acme, usance.RoleViewer, "/"), cloudEvent("e", ""), 403)
	h.sendAs(tokenName(beta, usance.RoleIngester, "/"), cloudEvent("e", ""), 400)
	if after := len(h.refused("").Items); after != before {
		t.Errorf("%d more are remembered", after-before)
	}
}

// TestARefusalIsSeenWhereItsEventLies and by whoever sees that.
func TestARefusalIsSeenWhereItsEventLies(t *testing.T) {
	h := newHouse(t)
	for _, node := range []string{"/a/x", "/b", "/"} {
		h.sendAs("", cloudEvent("at "+node, `,"node":"`+node+`"`), 400)
	}
	h.sendAs("", "["+cloudEvent("1", `,"data":{"n":1},"node":"/a"`)+","+cloudEvent("1", `,"data":{"n":1},"node":"/b"`)+"]", 409)
	ids := func(got wire.RefusedEvents) (out []string) {
		for _, x := range got.Items {
			out = append(out, x.ID)
		}
		return out
	}
	if got := h.refused(tokenName(acme, usance.RoleViewer, "/")); fmt.Sprint(ids(got)) != "[1 at / at /b at /a/x]" || got.Total == nil {
		t.Errorf("%v", ids(got))
	}
	if got := h.refused(tokenName(acme, usance.RoleViewer, "/a")); fmt.Sprint(ids(got)) != "[at /a/x]" || got.Total != nil {
		t.Errorf("%v", ids(got))
	}
}

// TestAnOperatorsMixedBatchTellsNoTenantOfAnother sends one request for two tenants.
func TestAnOperatorsMixedBatchTellsNoTenantOfAnother(t *testing.T) {
	h := newHouse(t)
	h.sendAs("operator", "["+cloudEvent("one", `,"data":{"n":1},"tenant":"acme"`)+","+cloudEvent("two", `,"data":{"n":1},"tenant":"beta"`)+"]", 400)
	h.do(call{method: "POST", path: prefix + "/events?tenant=acme", token: "operator", body: cloudEvent("three", `,"tenant":"beta"`)}).want(400)
	for _, tenant := range []usance.TenantID{acme, beta} {
		if got := h.refused(tokenName(tenant, usance.RoleAdmin, "/")); len(got.Items) != 0 {
			t.Errorf("%s sees %+v", tenant, got.Items)
		}
	}
	h.sendAs(tokenName(beta, usance.RoleIngester, "/"), cloudEvent("four", `,"data":{"n":1},"tenant":"acme"`), 400)
	if a, b := h.refused(""), h.refused(tokenName(beta, usance.RoleAdmin, "/")); len(a.Items) != 0 || len(b.Items) != 1 || b.Items[0].ID != "four" {
		t.Errorf("%+v, %+v", a, b)
	}
}

// TestAHostileSenderFillsNoMoreThanTheBounds sends large batches of nothing but
// faults; neither texts nor data are kept whole.
func TestAHostileSenderFillsNoMoreThanTheBounds(t *testing.T) {
	h := newHouse(t)
	r := rand.New(rand.NewPCG(3, 4))
	secret := "payload-" + strings.Repeat("z", 200)
	for round := range 4 {
		var events []string
		for i := range 3000 {
			events = append(events, cloudEvent(fmt.Sprint(round, "-", i, strings.Repeat("i", r.IntN(300))), `,"data":{"other":"`+secret+`"}`))
		}
		h.sendAs("", "["+strings.Join(events, ",")+"]", 400)
		h.time = h.time.Add(time.Second)
		reply := h.do(call{method: "GET", path: prefix + "/events/refused"}).want(200)
		var got wire.RefusedEvents
		if reply.json(&got); len(got.Items) != refused.MaxTenant || !strings.HasPrefix(got.Items[0].ID, fmt.Sprint(round, "-0")) || *got.Total < int64(1000*(round+1)) {
			t.Fatalf("%d are remembered of %d, the newest %s", len(got.Items), *got.Total, got.Items[0].ID)
		}
		if strings.Contains(reply.Body.String(), secret[:40]) || reply.Body.Len() > 200<<10 {
			t.Fatalf("%d bytes: %.600s", reply.Body.Len(), reply.Body)
		}
	}
}
