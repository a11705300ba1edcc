package api

import (
	"testing"

	"github.com/usance/usance"
	"github.com/usance/usance/api/wire"
	"github.com/usance/usance/registry"
)

// deletionRules has the deletion of a tenant that is made for it; see extra.correct.
// That nobody deletes their own is tested below.
func deletionRules() map[string]rule {
	return map[string]rule{
		"deleteTenant":       {right: usance.RightOperate, status: 200, in: call{method: "DELETE", path: "/tenants/~doomed~"}, whole: true, scope: "tenant"},
		"listDeletedTenants": {right: usance.RightOperate, status: 200, in: call{method: "GET", path: "/deleted-tenants"}, whole: true},
	}
}

func TestATenantIsDeletedByTheOperatorWhoNamesItTwice(t *testing.T) {
	h := newHouse(t)
	h.llm("e1", "/a", "40")
	path := prefix + "/tenants/acme"
	remove := func(token, path string) *reply { return h.do(call{method: "DELETE", path: path, token: token}) }
	for _, role := range []usance.Role{usance.RoleAdmin, usance.RoleMember, usance.RoleIngester, usance.RoleViewer} {
		remove(tokenName(acme, role, "/"), path+"?confirm=acme").want(403)
	}
	for _, query := range []string{"", "?confirm=beta", "?confirm=", "?confirm=acme&confirm=acme", "?confirm=ACME", "?sure=acme"} {
		remove("operator", path+query).want(400)
	}
	remove("operator", prefix+"/tenants/nobody?confirm=nobody").want(404)
	remove("operator", prefix+"/tenants/NO%20ID?confirm=NO%20ID").want(404)
	get := func(path string) *reply { return h.do(call{method: "GET", path: prefix + path, token: "operator"}) }
	get("/tenants/acme").want(200)
	seq, err := h.led.Sequence(t.Context(), acme)
	h.must(err)

	var first, again wire.DeletedTenant
	remove("operator", path+"?confirm=acme").want(200).json(&first)
	if first.ID != acme || !first.DeletedAt.Equal(h.now()) || first.By.Name != "token:root" || first.Sequence != seq || first.State != wire.DeletedGoing {
		t.Errorf("%+v", first)
	}
	remove("operator", path+"?confirm=acme").want(200).json(&again)
	if again != first {
		t.Errorf("again: %+v", again)
	}
	for _, at := range []string{"/tenants/acme", "/meters?tenant=acme", "/events?tenant=acme", "/audit?tenant=acme", "/events/refused?tenant=acme", "/tenants/acme/export", "/tenants/acme/import"} {
		get(at).want(404)
	}
	var tenants wire.List[usance.Tenant]
	get("/tenants").want(200).json(&tenants)
	for _, n := range tenants.Items {
		if n.ID == acme {
			t.Error("it is listed")
		}
	}
	h.do(call{method: "GET", path: prefix + "/meters", token: tokenName(acme, usance.RoleAdmin, "/")}).want(401)
	for _, c := range []call{
		{method: "PUT", path: path, body: `{"name":"Acme"}`},
		{method: "POST", path: prefix + "/tenants", body: `{"id":"acme"}`},
		{method: "POST", path: prefix + "/apply", body: `{"tenants":[{"id":"acme","name":"Applied"}]}`},
		{method: "POST", path: prefix + "/apply?dry_run=true", body: `{"tenants":[{"id":"acme","name":"Applied"}]}`},
		{method: "POST", path: path + "/import", media: wire.TypeArchive, body: emptyArchive("acme")},
	} {
		c.token = "operator"
		h.do(c).want(409)
	}

	var list wire.List[wire.DeletedTenant]
	get("/deleted-tenants").want(200).json(&list)
	if len(list.Items) != 1 || list.Items[0] != first {
		t.Errorf("%+v", list)
	}
	for _, id := range []usance.TenantID{"aaa", "zzz"} {
		_, err := h.reg.Edit(t.Context(), tester, id, registry.Edit{Tenant: &usance.Tenant{}})
		h.must(err)
		remove("operator", prefix+"/tenants/"+string(id)+"?confirm="+string(id)).want(200)
	}
	seen := ""
	for cursor := ""; ; cursor = "&cursor=" + list.Next {
		list = wire.List[wire.DeletedTenant]{}
		get("/deleted-tenants?limit=1" + cursor).want(200).json(&list)
		for _, d := range list.Items {
			seen += string(d.ID) + " "
		}
		if list.Next == "" {
			break
		}
	}
	if seen != "aaa acme zzz " {
		t.Errorf("page by page %q", seen)
	}
}
