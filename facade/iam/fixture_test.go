package iam_test

import (
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/usance/usance"
	"github.com/usance/usance/facade/iam"
	"github.com/usance/usance/internal/facadetest"
	"github.com/usance/usance/registry"
)

// signedAt is the time of the signatures in testdata.
var signedAt = time.Date(2026, 3, 5, 1, 2, 3, 4_000_000, time.UTC)

const (
	acme        = usance.TenantID("acme-0001")
	rootProject = "0123456789abcdef0123456789abcdef"
	nodeProject = "fedcba9876543210fedcba9876543210"
	password    = "S3cret-2026!"
)

// world is a façade on the real core. The tenant acme-0001 is the account "acme";
// its projects are cn-north-4 at the root and cn-east-3 at /rtc/web. The tenant
// plain has no alias at all; the tenant other has a project cn-north-4 too.
type world struct {
	*facadetest.World[*iam.Facade]
}

func newWorld(t testing.TB, o iam.Options) *world {
	t.Helper()
	w := &world{facadetest.NewWorld(t, signedAt, "http://iam.myhuaweicloud.com", func(c *facadetest.Core) *iam.Facade {
		o.Now = c.Clock.Now
		return iam.New(c.Registry, nil, o)
	})}
	w.Edit(acme, registry.Edit{
		Tenant: &usance.Tenant{Name: "Acme Ltd", Timezone: "Asia/Shanghai", Aliases: map[string]string{
			iam.AliasDomain: "acme", iam.AliasProject: rootProject, iam.AliasProjectName: "cn-north-4"}},
		Nodes: []usance.Node{
			{Path: "/rtc"},
			{Path: "/rtc/web", Name: "Web", Aliases: map[string]string{iam.AliasProject: nodeProject, iam.AliasProjectName: "cn-east-3"}},
		},
		Users: []registry.UserSpec{user("ops", usance.RoleAdmin, ""), user("web", usance.RoleViewer, "/rtc"), user("feed", usance.RoleIngester, "")},
		Keys: []registry.KeySpec{facadetest.AccessKey("AKEXAMPLE", "ops"), facadetest.AccessKey("AKWEB", "web"),
			facadetest.Key(usance.KeyApp, "app-0001", "appsecret", "ops")},
	})
	w.Edit("plain", registry.Edit{Tenant: &usance.Tenant{Timezone: "UTC"},
		Users: []registry.UserSpec{user("ops", usance.RoleMember, "")}, Keys: []registry.KeySpec{facadetest.AccessKey("AKPLAIN", "ops")}})
	w.Edit("other", registry.Edit{
		Tenant: &usance.Tenant{Timezone: "UTC", Aliases: map[string]string{iam.AliasProject: "othersproject", iam.AliasProjectName: "cn-north-4"}},
		Users:  []registry.UserSpec{user("ops", usance.RoleAdmin, "")}, Keys: []registry.KeySpec{facadetest.AccessKey("AKOTHER", "ops")}})
	return w
}

func user(name string, role usance.Role, subtree usance.Path) registry.UserSpec {
	return facadetest.User(name, password, role, subtree)
}

// refused checks a refusal in Keystone's form and returns its message.
func (w *world) refused(out *httptest.ResponseRecorder, status int) string {
	w.Helper()
	v := w.Answered(out, status)
	e, _ := v["error"].(map[string]any)
	message, isText := e["message"].(string)
	if len(v) != 1 || len(e) != 3 || e["code"] != float64(status) || e["title"] != http.StatusText(status) || !isText || message == "" {
		w.Fatalf("not a Keystone error of %d: %s", status, out.Body)
	}
	if len(out.Header().Get("X-Request-Id")) != 32 || out.Header().Get("X-IAM-Trace-Id") != out.Header().Get("X-Request-Id") {
		w.Fatalf("request id %q, trace id %q", out.Header().Get("X-Request-Id"), out.Header().Get("X-IAM-Trace-Id"))
	}
	return message
}

const tokens = "/v3/auth/tokens"

// login is the body of a request for a token; scope is JSON or "".
func login(account, name, secret, scope string) string {
	if scope != "" {
		scope = `,"scope":` + scope
	}
	return `{"auth":{"identity":{"methods":["password"],"password":{"user":{"name":"` + name + `","password":"` + secret +
		`","domain":{"name":"` + account + `"}}}}` + scope + `}}`
}

const (
	inProject = `{"project":{"name":"cn-north-4"}}`
	inAccount = `{"domain":{"name":"acme"}}`
)

// signIn gets a token.
func (w *world) signIn(account, name, scope string) string {
	w.Helper()
	out := w.Call(http.MethodPost, tokens, login(account, name, password, scope))
	w.Answered(out, http.StatusCreated)
	token := out.Header().Get("X-Subject-Token")
	if token == "" {
		w.Fatal("there is no token")
	}
	return token
}

// at follows a path of names into decoded JSON.
func at(v any, names ...string) any {
	for _, name := range names {
		m, ok := v.(map[string]any)
		if !ok {
			return nil
		}
		v = m[name]
	}
	return v
}
