package api

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/usance/usance/api/wire"
)

const pack = `{"id":"pack","node":"/a","business_type":"SEATS","charging_mode":"PERIODIC","source":"PURCHASED","expires":"2026-03-10T15:00:00Z",` +
	`"grants":[{"meter":"seats","amount":5},{"meter":"seats","amount":2,"node":"/a/x"}]}`

// TestALimitSaysWhatItIsMadeOf follows one quota from before a grant to after its
// end, and puts back what was read.
func TestALimitSaysWhatItIsMadeOf(t *testing.T) {
	h := limited(t)
	h.do(call{method: "PUT", path: prefix + "/resources/pack", body: pack}).want(200)
	q := h.quota("/a", "seats")
	if q.Limit != 15 || q.Base != 10 || q.GrantCount != 1 || len(q.Grants) != 1 || q.Grants[0].Resource != "pack" || q.Grants[0].Amount != 5 || q.Grants[0].Starts != nil || q.Grants[0].Expires == nil {
		t.Errorf("%+v", q)
	}
	body, err := json.Marshal(q)
	h.must(err)
	h.do(call{method: "PUT", path: prefix + "/quotas", body: string(body)}).want(200)
	if q := h.quota("/a", "seats"); q.Limit != 15 || q.Base != 10 {
		t.Errorf("a reading put back changed it: %+v", q)
	}
	h.charge("", `{"id":"c1","node":"/a","items":[{"meter":"seats","amount":12}]}`).want(200)

	var then wire.List[wire.QuotaForecast]
	h.get("/quotas/forecast?at=2026-03-10T14:59:59Z", &then)
	if len(then.Items) != 0 {
		t.Errorf("nothing lapses by then: %+v", then.Items)
	}
	h.get("/quotas/forecast?at=2026-03-10T15:00:00Z&node=/&recursive=true", &then)
	if len(then.Items) != 1 {
		t.Fatalf("%+v", then.Items)
	}
	if f := then.Items[0]; f.Node != "/a" || f.Limit != 15 || f.LimitThen != 10 || f.Used != 12 || f.ShortBy != 2 || f.LapseCount != 1 || f.Lapses[0].Resource != "pack" {
		t.Errorf("%+v", f)
	}
	h.do(call{method: "GET", path: prefix + "/quotas/forecast"}).want(400).problem()
	h.do(call{method: "GET", path: prefix + "/quotas/forecast?at=2001-01-01T00:00:00Z"}).want(400).problem()

	h.mu.Lock()
	h.time = time.Date(2026, 3, 10, 15, 0, 0, 0, time.UTC)
	h.mu.Unlock()
	if q := h.quota("/a", "seats"); q.Limit != 10 || q.Over != 2 || q.GrantCount != 0 || q.Available != 0 {
		t.Errorf("after its end: %+v", q)
	}
	h.charge("", `{"id":"c2","node":"/a","items":[{"meter":"seats","amount":1}]}`).want(409)
	h.charge("", `{"id":"c3","node":"/a","mode":"adjust","items":[{"meter":"seats","amount":-3}]}`).want(200)
	h.charge("", `{"id":"c4","node":"/a","items":[{"meter":"seats","amount":1}]}`).want(200)
}

// TestAGuaranteeIsNamedInRefusals asks for what is kept for another node.
func TestAGuaranteeIsNamedInRefusals(t *testing.T) {
	h := limited(t)
	h.do(call{method: "PUT", path: prefix + "/quotas", body: `{"node":"/a","meter":"seats","limit":10,"guarantee":8}`}).want(200)
	p := h.charge("", `{"id":"c1","node":"/b","items":[{"meter":"seats","amount":5}]}`).want(409).problem()
	if len(p.Blocks) != 1 || p.Blocks[0].Node != "/" || p.Blocks[0].Guaranteed != 8 || p.Blocks[0].ShortBy != 1 {
		t.Errorf("%+v", p.Blocks)
	}
	if q := h.quota("/", "seats"); q.Available != 4 {
		t.Errorf("%+v", q)
	}
	if q := h.quota("/a", "seats"); q.Available != 10 || q.Guarantee != 8 {
		t.Errorf("%+v", q)
	}
	h.charge("", `{"id":"c2","node":"/b","items":[{"meter":"seats","amount":4}]}`).want(200)
	h.charge("", `{"id":"c3","node":"/a","items":[{"meter":"seats","amount":8}]}`).want(200)
	for _, bad := range []string{`"guarantee":-1`, `"guarantee":11`, `"guarantee":"unlimited"`, `"guarantee":1.5`, `"window":"day","guarantee":1`} {
		h.do(call{method: "PUT", path: prefix + "/quotas", body: `{"node":"/a","meter":"seats","limit":10,` + bad + `}`}).refused(t, bad)
	}
	h.do(call{method: "PUT", path: prefix + "/quotas", body: `{"node":"/","meter":"seats","limit":12,"guarantee":1}`}).want(409).problem()
	h.do(call{method: "PUT", path: prefix + "/quotas", body: `{"node":"/","meter":"seats","limit":7}`}).want(409).problem()
	h.do(call{method: "DELETE", path: prefix + "/quotas?node=/&meter=seats"}).want(409).problem()
}

func (r *reply) refused(t *testing.T, what string) {
	t.Helper()
	if r.Code != 400 && r.Code != 409 {
		t.Errorf("%s: %d", what, r.Code)
	}
}

// TestAnEnforcedTokenSendsAllOrNothing sends the same events with a token that is
// enforced and with one that is not.
func TestAnEnforcedTokenSendsAllOrNothing(t *testing.T) {
	h := limited(t)
	h.do(call{method: "PUT", path: prefix + "/meters/tokens2", body: `{"unit":"1","aggregation":"level","events":[{"type":"taken","amount":"data.n"}]}`}).want(200)
	h.do(call{method: "PUT", path: prefix + "/quotas", body: `{"node":"/a","meter":"tokens2","limit":3}`}).want(200)
	var strict wire.Token
	h.do(call{method: "POST", path: prefix + "/tokens", body: `{"name":"strict","role":"ingester","enforce":true,"secret":"` + secretOf("strict") + `"}`}).want(201).json(&strict)
	if !strict.Enforce {
		t.Errorf("%+v", strict)
	}
	event := func(id, n string) string {
		return `{"specversion":"1.0","id":"` + id + `","source":"s","type":"taken","node":"/a","time":"2026-03-10T09:00:00Z","data":{"n":` + n + `}}`
	}
	send := func(body string) *reply {
		return h.do(call{method: "POST", path: prefix + "/events", body: body, token: "strict"})
	}
	send("[" + event("1", "2") + "]").want(204)
	p := send("[" + event("2", "1") + "," + event("3", "1") + "]").want(409).problem()
	if p.Type != exceeded || len(p.Blocks) != 1 || p.Blocks[0].ShortBy != 1 {
		t.Errorf("%+v", p)
	}
	if q := h.quota("/a", "tokens2"); q.Used != 2 {
		t.Errorf("%+v", q)
	}
	send("[" + event("2", "1") + "," + event("1", "2") + "]").want(204)
	h.send("["+event("3", "1")+"]", "").want(204)
	if q := h.quota("/a", "tokens2"); q.Used != 4 || q.Over != 1 {
		t.Errorf("%+v", q)
	}
	got := h.do(call{method: "GET", path: prefix + "/tokens"}).want(200).Body.String()
	if strings.Count(got, `"enforce":true`) != 1 {
		t.Error(got)
	}
}
