package registry_test

import (
	"fmt"
	"slices"
	"testing"

	"github.com/usance/usance"
	"github.com/usance/usance/registry"
)

func TestWhatDefinitionsDependOnIsNotDeleted(t *testing.T) {
	w := newWorld(t)
	e := everything()
	e.Tenant.Settings = map[string]string{registry.EnforceSetting: "other, llm"}
	e.Nodes = append(e.Nodes, usance.Node{Path: "/cloud", Carved: true})
	e.Quotas = append(e.Quotas, usance.Quota{Node: "/cloud", Meter: "vm.cpuNum", Limit: 6})
	e.Users = append(e.Users, registry.UserSpec{User: usance.User{Name: "rd", Role: usance.RoleViewer, Subtree: "/cloud/rd"}})
	e.Tokens = append(e.Tokens, registry.TokenSpec{Token: usance.Token{Name: "t", Role: usance.RoleViewer, Subtree: "/cloud"}, Secret: "us_t-secret"})
	w.Edit("acme", e)
	cloud, rd := registry.QuotaRef{Node: "/cloud", Meter: "vm.cpuNum"}, registry.QuotaRef{Node: "/cloud/rd", Meter: "vm.cpuNum"}
	for what, c := range map[string]struct {
		edit registry.Edit
		want []string
	}{
		"a node": {registry.Edit{DeleteNodes: []usance.Path{"/cloud"}},
			[]string{"node /cloud/rd", "quota /cloud vm.cpuNum", "quota /cloud/rd vm.cpuNum", "token t", "user rd"}},
		"a leaf": {registry.Edit{DeleteNodes: []usance.Path{"/cloud/rd"}}, []string{"quota /cloud/rd vm.cpuNum", "user rd"}},
		"a leaf with its quota": {registry.Edit{DeleteNodes: []usance.Path{"/cloud/rd"}, DeleteQuotas: []registry.QuotaRef{rd}},
			[]string{"user rd"}},
		"a meter":      {registry.Edit{DeleteMeters: []string{"tokens"}}, []string{"quota / tokens", "setting enforce.events"}},
		"a user":       {registry.Edit{DeleteUsers: []string{"ops"}}, []string{"key aksk AK"}},
		"carved quota": {registry.Edit{DeleteQuotas: []registry.QuotaRef{cloud}}, []string{"quota /cloud/rd vm.cpuNum"}},
	} {
		var got []string
		for _, f := range w.refusal(usance.KindConflict, "acme", c.edit).Fields {
			got = append(got, f.Field+" "+f.Stored)
		}
		if slices.Sort(got); !slices.Equal(got, c.want) {
			t.Errorf("%s: refused by %q, want %q", what, got, c.want)
		}
	}
	w.Edit("acme", registry.Edit{DeleteNodes: []usance.Path{"/cloud", "/cloud/rd"}, DeleteQuotas: []registry.QuotaRef{cloud, rd}, DeleteUsers: []string{"rd"},
		DeleteTokens: []string{"t"}})
}

func TestARefusalListsTheFirstOfVeryManyDependents(t *testing.T) {
	w := newWorld(t)
	e := registry.Edit{Tenant: &usance.Tenant{}, Nodes: []usance.Node{{Path: "/a"}}}
	for i := range 250 {
		e.Nodes = append(e.Nodes, usance.Node{Path: usance.Path(fmt.Sprintf("/a/%03d", i))})
	}
	w.Edit("acme", e)
	r := w.refusal(usance.KindConflict, "acme", registry.Edit{DeleteNodes: []usance.Path{"/a"}})
	if len(r.Fields) != registry.MaxDependents || r.Detail != "node /a is depended on (node 250); the first 100 of 250 are listed" {
		t.Errorf("%d listed: %s", len(r.Fields), r.Detail)
	}
}
