package api

import (
	"fmt"
	"maps"
	"strings"
	"testing"

	"github.com/usance/usance"
	"github.com/usance/usance/api/wire"
)

// rule states, for one route, what the tests expect independently of the route
// table: who may make the call, and what the call is where the token's subtree
// (/a) covers it and where it does not.
type rule struct {
	right  usance.Right
	status int    // when it is allowed
	in     call   // what the call is about lies in /a; for calls of the whole tenant, the call
	out    call   // it lies outside
	hidden bool   // outside is as if it did not exist (404) rather than forbidden (403)
	whole  bool   // about the whole tenant: no token of a subtree may
	free   bool   // not about any one node: out is the same as in
	scope  string // "tenant": about one tenant; "": about tenants
}

func rules() map[string]rule {
	const (
		read    = usance.RightRead
		record  = usance.RightRecord
		manage  = usance.RightManage
		operate = usance.RightOperate
	)
	get := func(path string) call { return call{method: "GET", path: path} }
	send := func(method, path, body string) call { return call{method: method, path: path, body: body} }
	event := func(node string) call {
		return send("POST", "/events", `{"specversion":"1.0","id":"at `+node+`","source":"s","type":"meeting.conference.started","node":"`+node+`","time":"2026-03-01T00:00:00Z"}`)
	}
	resource := func(id, node string) string {
		return fmt.Sprintf(`{"id":%q,"node":%q,"business_type":"LIVE_2D","charging_mode":"ONE_TIME","source":"PURCHASED"}`, id, node)
	}
	whole := func(right usance.Right, status int, c call) rule {
		return rule{right: right, status: status, in: c, whole: true, scope: "tenant"}
	}
	at := func(right usance.Right, status int, in, out call) rule {
		return rule{right: right, status: status, in: in, out: out, scope: "tenant"}
	}
	unseen := func(right usance.Right, status int, in, out call) rule {
		return rule{right: right, status: status, in: in, out: out, hidden: true, scope: "tenant"}
	}
	free := func(right usance.Right, c call) rule {
		return rule{right: right, status: 200, in: c, free: true, scope: "tenant"}
	}
	charge := func(node string) call {
		return send("POST", "/charges", `{"id":"of `+node+`","node":"`+node+`","items":[{"meter":"drive.space","amount":1}]}`)
	}
	hold := func(node string) call {
		return send("POST", "/holds", `{"id":"on `+node+`","node":"`+node+`","items":[{"meter":"drive.space","amount":1}],"ttl":"1h"}`)
	}
	meter := `{"name":"m2","unit":"1","aggregation":"gauge"}`
	return map[string]rule{
		"sendEvents":      at(record, 204, event("/a/x"), event("/b")),
		"listEvents":      at(read, 200, get("/events?node=/a"), get("/events?node=/b")),
		"queryMeter":      at(read, 200, get("/meters/tokens/query?node=/a"), get("/meters/tokens/query?node=/")),
		"listQuotas":      at(read, 200, get("/quotas?node=/a&recursive=true"), get("/quotas?node=/")),
		"forecastQuotas":  at(read, 200, get("/quotas/forecast?at=2030-01-01T00:00:00Z&node=/a&recursive=true"), get("/quotas/forecast?at=2030-01-01T00:00:00Z&node=/")),
		"putQuota":        at(manage, 200, send("PUT", "/quotas", `{"node":"/a/x","meter":"drive.space","limit":7}`), send("PUT", "/quotas", `{"node":"/a","meter":"drive.space","limit":7}`)),
		"deleteQuota":     at(manage, 204, send("DELETE", "/quotas?node=/a/x&meter=drive.space", ""), send("DELETE", "/quotas?node=/a&meter=drive.space", "")),
		"voidEvent":       unseen(manage, 200, send("POST", "/events/s%2Fs/void-a/void", ""), send("POST", "/events/s%2Fs/void-b/void", `{"reason":"wrong"}`)),
		"amendEvent":      unseen(manage, 200, send("POST", "/events/s%2Fs/amend-a/amend", `{"subject":"bob"}`), send("POST", "/events/s%2Fs/amend-b/amend", `{"subject":"bob"}`)),
		"charge":          at(record, 200, charge("/a/x"), charge("/b")),
		"listHolds":       at(read, 200, get("/holds?node=/a&state=all"), get("/holds?node=/b")),
		"reserve":         at(record, 200, hold("/a/x"), hold("/b")),
		"getHold":         unseen(read, 200, get("/holds/h-a"), get("/holds/h-b")),
		"settleHold":      unseen(record, 200, send("POST", "/holds/settle-a/settle", ""), send("POST", "/holds/settle-b/settle", "{}")),
		"extendHold":      unseen(record, 200, send("POST", "/holds/h-a/extend", `{"ttl":60}`), send("POST", "/holds/h-b/extend", `{"ttl":60}`)),
		"releaseHold":     unseen(record, 200, send("DELETE", "/holds/release-a", ""), send("DELETE", "/holds/release-b", "")),
		"listResources":   at(read, 200, get("/resources?node=/a&recursive=true"), get("/resources?node=/b")),
		"createResource":  at(manage, 201, send("POST", "/resources", resource("new", "/a/x")), send("POST", "/resources", resource("new", "/b"))),
		"countResources":  at(read, 200, get("/resources/count?group_by=source&node=/a"), get("/resources/count?node=/&recursive=true")),
		"getResource":     unseen(read, 200, get("/resources/r-a"), get("/resources/r-b")),
		"putResource":     at(manage, 200, send("PUT", "/resources/r-a", resource("r-a", "/a/x")), send("PUT", "/resources/r-b", resource("r-b", "/a"))),
		"deleteResource":  unseen(manage, 204, send("DELETE", "/resources/r-a", ""), send("DELETE", "/resources/r-b", "")),
		"renewResource":   unseen(manage, 200, send("POST", "/resources/r-a/renew", `{"expires":"2027-01-01T00:00:00Z"}`), send("POST", "/resources/r-b/renew", `{"expires":"2027-01-01T00:00:00Z"}`)),
		"verify":          whole(manage, 200, send("POST", "/verify", "")),
		"explain":         at(read, 200, get("/explain?facade=meeting&field=confCount&node=/a"), get("/explain?facade=meeting&node=/b")),
		"callFacade":      free(read, send("POST", "/facades/meeting/call", `{"operation":"ShowOrgRes"}`)), // the façade judges the subtree
		"listAudit":       whole(manage, 200, get("/audit")),
		"listTenants":     {right: read, status: 200, in: get("/tenants"), whole: true},
		"createTenant":    {right: operate, status: 201, in: send("POST", "/tenants", `{"id":"gamma"}`), whole: true},
		"getTenant":       whole(read, 200, get("/tenants/acme")),
		"putTenant":       whole(manage, 200, send("PUT", "/tenants/acme", `{"name":"Acme","timezone":"UTC"}`)),
		"exportTenant":    whole(operate, 200, get("/tenants/acme/export")),
		"importTenant":    whole(operate, 409, call{method: "POST", path: "/tenants/acme/import", media: wire.TypeArchive, body: emptyArchive("acme")}),
		"backup":          {right: operate, status: 200, in: send("POST", "/backup", `{"have":[]}`), whole: true},
		"getImport":       whole(operate, 404, get("/tenants/acme/import")),
		"discardImport":   whole(operate, 404, send("DELETE", "/tenants/acme/import", "")),
		"listMeters":      free(read, get("/meters")),
		"createMeter":     whole(manage, 201, send("POST", "/meters", meter)),
		"getMeter":        free(read, get("/meters/tokens")),
		"putMeter":        whole(manage, 200, send("PUT", "/meters/m2", meter)),
		"deleteMeter":     whole(manage, 204, send("DELETE", "/meters/m3", "")),
		"listNodes":       at(read, 200, get("/nodes?node=/a"), get("/nodes?node=/b")),
		"createNode":      at(manage, 201, send("POST", "/nodes", `{"path":"/a/new"}`), send("POST", "/nodes", `{"path":"/new"}`)),
		"putNode":         at(manage, 200, send("PUT", "/nodes", `{"path":"/a/x","name":"X"}`), send("PUT", "/nodes", `{"path":"/b","name":"B"}`)),
		"moveNode":        at(manage, 200, send("POST", "/nodes/move", `{"from":"/a/move","to":"/a/moved"}`), send("POST", "/nodes/move", `{"from":"/a/move","to":"/moved"}`)),
		"deleteNode":      at(manage, 204, send("DELETE", "/nodes?node=/a/gone", ""), send("DELETE", "/nodes?node=/gone", "")),
		"applyManifest":   whole(manage, 200, send("POST", "/apply?dry_run=false", `{"tenants":[{"id":"acme","name":"Applied"}]}`)),
		"listUsers":       whole(manage, 200, get("/users")),
		"createUser":      whole(manage, 201, send("POST", "/users", `{"name":"bob","role":"viewer"}`)),
		"getUser":         whole(manage, 200, get("/users/ann")),
		"putUser":         whole(manage, 200, send("PUT", "/users/ann", `{"role":"viewer"}`)),
		"deleteUser":      whole(manage, 204, send("DELETE", "/users/tim", "")),
		"listKeys":        whole(manage, 200, get("/keys")),
		"createKey":       whole(manage, 201, send("POST", "/keys", `{"kind":"app","id":"k2","user":"ann"}`)),
		"getKey":          whole(manage, 200, get("/keys/app/app-acme")),
		"putKey":          whole(manage, 200, send("PUT", "/keys/app/app-acme", `{"user":"ann","disabled":true}`)),
		"deleteKey":       whole(manage, 204, send("DELETE", "/keys/app/app-acme", "")),
		"listTokens":      whole(manage, 200, get("/tokens")),
		"createToken":     whole(manage, 201, send("POST", "/tokens", `{"name":"t2","role":"viewer"}`)),
		"getToken":        whole(manage, 200, get("/tokens/acme-viewer-")),
		"putToken":        whole(manage, 200, send("PUT", "/tokens/spare", `{"role":"viewer"}`)),
		"deleteToken":     whole(manage, 204, send("DELETE", "/tokens/spare", "")),
		"createLoginCode": whole(manage, 201, send("POST", "/login-codes", `{"user":"ann"}`)),
	}
}

// allows states the table of roles by itself.
func allows(role usance.Role, right usance.Right) bool {
	return strings.Contains(map[usance.Right]string{
		usance.RightRead:    "operator admin member viewer",
		usance.RightRecord:  "operator admin member ingester",
		usance.RightManage:  "operator admin",
		usance.RightOperate: "operator",
	}[right], string(role))
}

// prepare brings acme back to where every call begins, and returns how far its
// ledger is.
func prepare(h *house, e *extra) uint64 {
	h.t.Helper()
	h.define(acme)
	e.put(h)
	seq, err := h.led.Sequence(h.t.Context(), acme)
	h.must(err)
	return seq
}

func asTenant(c call, tenant usance.TenantID) call {
	c.path = prefix + c.path
	if tenant != "" && !strings.Contains(c.path, "/tenants") {
		sep := "?"
		if strings.Contains(c.path, "?") {
			sep = "&"
		}
		c.path += sep + "tenant=" + string(tenant)
	}
	return c
}

func TestEveryRouteHoldsItsRuleForEveryToken(t *testing.T) {
	h := newHouse(t)
	e := &extra{}
	rules := rules()
	maps.Copy(rules, rangeRules())
	maps.Copy(rules, overviewRules())
	maps.Copy(rules, deletionRules())
	for _, rt := range h.api.routes {
		r, ok := rules[rt.id]
		if !ok {
			t.Errorf("route %s (%s %s) has no rule", rt.id, rt.method, rt.path)
			continue
		}
		delete(rules, rt.id)
		if r.free {
			r.out = r.in
		}
		t.Run(rt.id, func(t *testing.T) {
			h.t = t
			defer func() { h.t = t }()
			try := func(who string, c call, want int) {
				t.Helper()
				c.path = e.correct(h, c.path)
				before := prepare(h, e)
				c.token = who
				got := h.do(c)
				if got.Code != want {
					t.Errorf("%s: %s %s answers %d instead of %d: %s", who, c.method, c.path, got.Code, want, got.Body)
				}
				if got.Code < 400 {
					e.undo(h)
					return
				}
				got.problem()
				after, err := h.led.Sequence(t.Context(), acme)
				h.must(err)
				if after != before {
					t.Errorf("%s: refused with %d, yet the ledger went from %d to %d", who, got.Code, before, after)
				}
			}
			try("none", asTenant(r.in, ""), 401)
			try("nobody", asTenant(r.in, ""), 401)
			if r.scope == "tenant" && !strings.Contains(r.in.path, "/tenants") && rt.id != "applyManifest" {
				try("operator", asTenant(r.in, ""), 400) // for no tenant
			}
			try("operator", asTenant(r.in, scoped(r, acme)), r.status)
			for _, role := range []usance.Role{usance.RoleAdmin, usance.RoleMember, usance.RoleIngester, usance.RoleViewer} {
				refusal := 403
				wantRoot, wantIn, wantOut := r.status, r.status, 403
				switch {
				case !allows(role, r.right):
					wantRoot, wantIn, wantOut = refusal, refusal, refusal
				case r.whole:
					wantIn = 403
				case r.free:
					wantOut = r.status
				case r.hidden:
					wantOut = 404
				}
				own := tokenName(acme, role, "/")
				try(own, asTenant(r.in, ""), wantRoot)
				try(own, asTenant(r.in, scoped(r, acme)), wantRoot) // it may name itself
				below := tokenName(acme, role, "/a")
				try(below, asTenant(r.in, ""), wantIn)
				if r.out.path != "" {
					try(own, asTenant(r.out, ""), wantRoot)
					try(below, asTenant(r.out, ""), wantOut)
				}
				if r.scope == "tenant" {
					foreign := 404
					if !allows(role, r.right) {
						foreign = 403
					}
					try(tokenName(beta, role, "/"), asTenant(r.in, acme), foreign)
				}
			}
		})
	}
	for id := range rules {
		t.Errorf("the rule for %s has no route", id)
	}
}

func scoped(r rule, tenant usance.TenantID) usance.TenantID {
	if r.scope == "" {
		return ""
	}
	return tenant
}
