package api

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/usance/usance/api/wire"
)

func TestTheAuditTrailTellsWhoWhenFromWhereBeforeAndAfter(t *testing.T) {
	h := newHouse(t)
	begun, err := h.led.Sequence(t.Context(), acme)
	h.must(err)
	h.do(call{method: "PUT", path: prefix + "/quotas", body: `{"node":"/a/x","meter":"drive.space","limit":77}`}).want(200)
	h.do(call{method: "POST", path: prefix + "/users", body: `{"name":"bob","role":"viewer","password":"pw-in-the-clear"}`}).want(201)
	h.do(call{method: "POST", path: prefix + "/tokens", body: `{"name":"t","role":"viewer"}`}).want(201)
	h.post("/holds", `{"id":"h","node":"/a","items":[{"meter":"drive.users","amount":1}],"ttl":60}`).want(200)
	h.llm("e1", "/a", "1")
	h.mu.Lock()
	h.time = h.time.Add(72 * time.Hour)
	h.mu.Unlock()
	h.post(uriPath+"/e1/void", `{"reason":"mistaken"}`).want(200)
	list := func(query string) (all []wire.AuditEntry) {
		t.Helper()
		for cursor := ""; ; {
			var page wire.List[wire.AuditEntry]
			r := h.do(call{method: "GET", path: prefix + "/audit?limit=2" + query + cursor}).want(200)
			if r.json(&page); strings.Contains(r.Body.String(), "argon2") || strings.Contains(r.Body.String(), "clear") {
				t.Errorf("a secret in %s", r.Body)
			}
			all = append(all, page.Items...)
			if page.Next == "" {
				return all
			}
			cursor = "&cursor=" + page.Next
		}
	}
	brief := func(all []wire.AuditEntry) string {
		var out []string
		for _, e := range all {
			out = append(out, e.Op+" "+e.Type+" "+e.Name)
		}
		return strings.Join(out, ", ")
	}
	since := fmt.Sprintf("&from=%d", begun+1)
	all := list(since)
	if got, want := brief(all), "expire hold h, void event "+uri+" e1, reserve hold h, create token t, create user bob, update quota /a/x drive.space"; got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	quota := all[len(all)-1]
	if quota.Actor.Name != "token:acme-admin-" || quota.Actor.Origin != "192.0.2.1" || !quota.Time.Equal(noon) || quota.Sequence != begun+1 ||
		!strings.Contains(string(quota.Before), `"limit":100`) || !strings.Contains(string(quota.After), `"limit":77`) {
		t.Errorf("%+v %s %s", quota, quota.Before, quota.After)
	}
	for query, want := range map[string]string{
		"&type=user" + since:                    "create user bob",
		"&type=event":                           "void event " + uri + " e1",
		"&actor=system":                         "expire hold h",
		"&from=2026-03-11T00:00:00Z&type=event": "void event " + uri + " e1",
		"&to=2026-03-11T00:00:00Z&type=hold":    "reserve hold h",
		"&type=event&to=2026-03-11T00:00:00Z":   "",
		fmt.Sprintf("%s&to=%d", since, begun+2): "update quota /a/x drive.space",
		fmt.Sprintf("%s&to=%d", since, begun+1): "",
		"&actor=nobody":                         "",
	} {
		if got := brief(list(query)); got != want {
			t.Errorf("%s: %s", query, got)
		}
	}
	for _, query := range []string{"from=yesterday", "to=-1", "type=secret", "cursor=eA", "limit=0"} {
		h.do(call{method: "GET", path: prefix + "/audit?" + query}).want(400).problem()
	}
}
