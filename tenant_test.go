package usance_test

import (
	"strings"
	"testing"

	"github.com/usance/usance"
)

func TestPathTricksAreRefused(t *testing.T) {
	for _, p := range []usance.Path{"", "a", "//", "/a/", "/a//b", "/.", "/..", "/a/../b", "/a/./b", "/a\x00b", "/a\nb", "/a\x7f", "/\\a", "/a\xff",
		usance.Path("/" + strings.Repeat("a", 200)), usance.Path(strings.Repeat("/a", 40)), usance.Path("/" + strings.Repeat("ab/", 300) + "c")} {
		if p.Check() == nil {
			t.Errorf("path %q is accepted", p)
		}
	}
	for _, p := range []usance.Path{"/", "/a", "/drive/dept/rd", "/研发", "/a b", "/...", "/A", "/%2e%2e"} {
		if err := p.Check(); err != nil {
			t.Errorf("path %q: %v", p, err)
		}
	}
}

func TestALineageRunsFromTheNodeToTheRoot(t *testing.T) {
	got := usance.Path("/a/b/c").Lineage()
	if len(got) != 4 || got[0] != "/a/b/c" || got[1] != "/a/b" || got[2] != "/a" || got[3] != "/" {
		t.Error(got)
	}
	if l := usance.Root.Lineage(); len(l) != 1 || l[0] != "/" {
		t.Error(l)
	}
}

func TestWithinIsByWholeSegments(t *testing.T) {
	for _, c := range []struct {
		p, q usance.Path
		want bool
	}{{"/a", "/", true}, {"/a/b", "/a", true}, {"/ab", "/a", false}, {"/a", "/a/b", false}, {"/", "/", true}, {"/a", "/A", false}, {"/", "/a", false}} {
		if c.p.Within(c.q) != c.want {
			t.Errorf("%s within %s is not %v", c.p, c.q, c.want)
		}
	}
	if child, ok := usance.Path("/a/b/c").ChildOf("/a"); !ok || child != "/a/b" {
		t.Error(child, ok)
	}
	if child, ok := usance.Path("/a/b").ChildOf("/"); !ok || child != "/a" {
		t.Error(child, ok)
	}
	if _, ok := usance.Path("/a").ChildOf("/a"); ok {
		t.Error("a node is its own child")
	}
}

func TestTenantIdsAreLowerCaseLettersDigitsAndDashes(t *testing.T) {
	for id, ok := range map[usance.TenantID]bool{"acme": true, "a-1": true, "": false, "Acme": false, "a_b": false, "~system": false, "a/b": false,
		usance.TenantID(strings.Repeat("a", 64)): false, usance.TenantID(strings.Repeat("a", 63)): true} {
		if (id.Check() == nil) != ok {
			t.Errorf("tenant id %q: %v", id, id.Check())
		}
	}
}

func TestRolesAllowWhatTheyName(t *testing.T) {
	rights := []usance.Right{usance.RightRead, usance.RightRecord, usance.RightManage, usance.RightOperate}
	for role, want := range map[usance.Role]string{
		usance.RoleOperator: "1111", usance.RoleAdmin: "1110", usance.RoleMember: "1100", usance.RoleIngester: "0100", usance.RoleViewer: "1000", "": "0000",
	} {
		got := ""
		for _, r := range rights {
			if role.Allows(r) {
				got += "1"
			} else {
				got += "0"
			}
		}
		if got != want {
			t.Errorf("%s allows %s, want %s", role, got, want)
		}
	}
	p := usance.Principal{Tenant: "acme", User: "u", Role: usance.RoleAdmin, Subtree: "/drive"}
	if p.May(usance.RightManage, "/drive/a") != nil || usance.KindOf(p.May(usance.RightRead, "/")) != usance.KindForbidden {
		t.Error("a subtree does not bound its principal")
	}
}
