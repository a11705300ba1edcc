package iam_test

import (
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/usance/usance"
	"github.com/usance/usance/facade/iam"
	"github.com/usance/usance/internal/gateway"
	"github.com/usance/usance/internal/sdksign"
	"github.com/usance/usance/registry"
)

var hex32 = regexp.MustCompile(`^[0-9a-f]{32}$`)

func TestAPasswordBuysAProjectToken(t *testing.T) {
	w := newWorld(t, iam.Options{})
	out := w.Call(http.MethodPost, tokens, login("acme", "ops", password, inProject), "Content-Type", "application/json;charset=utf8")
	v := w.Answered(out, http.StatusCreated)
	token := out.Header().Get("X-Subject-Token")
	if len(token) < 50 || strings.Contains(out.Body.String(), token) {
		t.Fatalf("token %q in %s", token, out.Body)
	}
	for path, want := range map[string]any{
		"token.issued_at": "2026-03-05T01:02:03.004000Z", "token.expires_at": "2026-03-06T01:02:03.004000Z",
		"token.user.name": "ops", "token.user.password_expires_at": "", "token.user.domain.name": "acme",
		"token.project.id": rootProject, "token.project.name": "cn-north-4", "token.project.domain.name": "acme",
		"token.user.id": iam.UserID(acme, "ops"), "token.user.domain.id": iam.DomainID(acme), "token.project.domain.id": iam.DomainID(acme),
	} {
		if got := at(v, strings.Split(path, ".")...); got != want {
			t.Errorf("%s is %v, want %v", path, got, want)
		}
	}
	if at(v, "token", "domain") != nil || fmt.Sprint(at(v, "token", "methods")) != "[password]" ||
		fmt.Sprint(at(v, "token", "roles")) != "[map[id:0 name:te_admin]]" || fmt.Sprint(at(v, "token", "catalog")) != "[]" {
		t.Errorf("%s", out.Body)
	}
	for _, id := range []string{iam.UserID(acme, "ops"), iam.DomainID(acme)} {
		if !hex32.MatchString(id) {
			t.Errorf("id %q", id)
		}
	}
	w.Clock.Move(time.Second)
	if again := w.signIn("acme", "ops", inProject); again == token {
		t.Error("two tokens are the same")
	}
	w.Answered(w.Call(http.MethodGet, "/v3/projects", "", "X-Auth-Token", token), http.StatusOK)
}

func TestNocatalogLeavesTheCatalogOut(t *testing.T) {
	w := newWorld(t, iam.Options{})
	v := w.Answered(w.Call(http.MethodPost, tokens+"?nocatalog=true", login("acme", "ops", password, inProject)), http.StatusCreated)
	if _, there := at(v, "token").(map[string]any)["catalog"]; there {
		t.Error("there is a catalog")
	}
}

func TestTheScopeSaysWhatATokenIsFor(t *testing.T) {
	w := newWorld(t, iam.Options{})
	w.Edit(acme, registry.Edit{Nodes: []usance.Node{
		{Path: "/twin", Name: "twin", Aliases: map[string]string{iam.AliasProject: "twin-a"}},
		{Path: "/twin/b", Name: "twin", Aliases: map[string]string{iam.AliasProject: "twin-b"}},
	}})
	for _, c := range []struct {
		user, scope   string
		status        int
		project, kind string
	}{
		{"ops", inProject, 201, rootProject, "project"},
		{"ops", `{"project":{"id":"` + rootProject + `"}}`, 201, rootProject, "project"},
		{"ops", `{"project":{"id":"` + nodeProject + `","name":"cn-east-3"}}`, 201, nodeProject, "project"},
		{"ops", `{"project":{"name":"cn-east-3","domain":{"name":"acme"}}}`, 201, nodeProject, "project"},
		{"ops", `{"project":{"id":"twin-b","name":"twin"}}`, 201, "twin-b", "project"},
		{"web", `{"project":{"name":"cn-east-3"}}`, 201, nodeProject, "project"},
		{"ops", "", 201, iam.DomainID(acme), "domain"},
		{"ops", `{}`, 201, iam.DomainID(acme), "domain"},
		{"ops", inAccount, 201, iam.DomainID(acme), "domain"},
		{"ops", `{"domain":{"id":"` + iam.DomainID(acme) + `"}}`, 201, iam.DomainID(acme), "domain"},
		{"ops", `{"project":{"name":"twin"}}`, 400, "", ""},
		{"ops", `{"project":{}}`, 400, "", ""},
		{"ops", `{"project":{"name":"cn-north-4"},"domain":{"name":"acme"}}`, 400, "", ""},
		{"ops", `{"project":{"name":"nowhere"}}`, 404, "", ""},
		{"ops", `{"project":{"id":"` + rootProject + `","name":"cn-east-3"}}`, 404, "", ""},
		{"ops", `{"project":{"id":"othersproject"}}`, 404, "", ""},
		{"ops", `{"project":{"name":"cn-north-4","domain":{"name":"other"}}}`, 404, "", ""},
		{"ops", `{"domain":{"name":"other"}}`, 404, "", ""},
		{"ops", `{"domain":{}}`, 404, "", ""},
		{"ops", `"unscoped"`, 400, "", ""},
		{"web", inProject, 403, "", ""},
		{"feed", inProject, 403, "", ""},
	} {
		out := w.Call(http.MethodPost, tokens, login("acme", c.user, password, c.scope))
		if c.status != 201 {
			w.refused(out, c.status)
			if out.Header().Get("X-Subject-Token") != "" {
				t.Errorf("%s: a refusal with a token", c.scope)
			}
			continue
		}
		v := w.Answered(out, 201)
		if got := at(v, "token", c.kind, "id"); got != c.project {
			t.Errorf("%s: %s is %v, want %s", c.scope, c.kind, got, c.project)
		}
		if at(v, "token", "project") != nil && at(v, "token", "domain") != nil {
			t.Errorf("%s: both a project and a domain", c.scope)
		}
	}
}

func TestAUserIsFoundByAnyOfItsNames(t *testing.T) {
	w := newWorld(t, iam.Options{})
	for _, user := range []string{
		`"name":"ops","domain":{"name":"acme"}`,
		`"name":"ops","domain":{"name":"acme-0001"}`,
		`"name":"ops","domain":{"id":"` + iam.DomainID(acme) + `"}`,
		`"id":"` + iam.UserID(acme, "ops") + `"`,
		`"id":"` + iam.UserID(acme, "ops") + `","domain":{"name":"acme"}`,
	} {
		body := `{"auth":{"identity":{"methods":["password"],"password":{"user":{` + user + `,"password":"` + password + `"}}}}}`
		v := w.Answered(w.Call(http.MethodPost, tokens, body), 201)
		if at(v, "token", "user", "id") != iam.UserID(acme, "ops") {
			t.Errorf("%s: %v", user, at(v, "token", "user"))
		}
	}
	v := w.Answered(w.Call(http.MethodPost, tokens, login("plain", "ops", password, "")), 201)
	if at(v, "token", "user", "domain", "name") != "plain" || at(v, "token", "user", "id") == iam.UserID(acme, "ops") {
		t.Errorf("%v", at(v, "token"))
	}
}

func TestWrongPasswordsAndUnknownUsersLookTheSame(t *testing.T) {
	w := newWorld(t, iam.Options{})
	bodies := []string{
		login("acme", "ops", "wrong", ""), login("acme", "nobody", password, ""), login("nowhere", "ops", password, ""),
		login("Not A Tenant", "ops", password, ""), login("acme", strings.Repeat("x", 300), password, ""),
		`{"auth":{"identity":{"methods":["password"],"password":{"user":{"id":"` + iam.UserID("nowhere", "ops") + `","password":"x"}}}}}`,
		`{"auth":{"identity":{"methods":["password"],"password":{"user":{"id":"` + iam.UserID(acme, "nobody") + `","password":"x"}}}}}`,
		`{"auth":{"identity":{"methods":["password"],"password":{"user":{"id":"short","password":"x"}}}}}`,
		`{"auth":{"identity":{"methods":["password"],"password":{"user":{"name":"ops","domain":{"id":"none"},"password":"x"}}}}}`,
	}
	for _, body := range bodies {
		if message := w.refused(w.Call(http.MethodPost, tokens, body), 401); message != "The username or password is wrong." {
			t.Errorf("%s: %s", body, message)
		}
	}
	disabled := user("web", usance.RoleViewer, "/rtc")
	disabled.Disabled = true
	w.Edit(acme, registry.Edit{Users: []registry.UserSpec{disabled}})
	w.refused(w.Call(http.MethodPost, tokens, login("acme", "web", password, "")), 401)
}

func TestRequestsForTokensThatCannotBeRead(t *testing.T) {
	w := newWorld(t, iam.Options{})
	for _, body := range []string{
		"", "{", "[]", `{"auth":1}`, `{}`, `{"auth":{}}`, `{"auth":{"identity":{}}}`,
		`{"auth":{"identity":{"methods":[]}}}`,
		`{"auth":{"identity":{"methods":["password","totp"]}}}`,
		`{"auth":{"identity":{"methods":["assume_role"]}}}`,
		`{"auth":{"identity":{"methods":["password"]}}}`,
		`{"auth":{"identity":{"methods":["password"],"password":{}}}}`,
		`{"auth":{"identity":{"methods":["password"],"password":{"user":{"name":"ops","password":"x"}}}}}`,
		`{"auth":{"identity":{"methods":["password"],"password":{"user":{"name":"ops","domain":{"name":"acme"}}}}}}`,
		`{"auth":{"identity":{"methods":["token"]}}}`,
		`{"auth":{"identity":{"methods":["password"],"methods":["token"]}}}`,
		login("acme", "ops", password, "") + "x",
		strings.Repeat(`{"a":`, 40) + "1" + strings.Repeat("}", 40),
		"{\"auth\":\"\xff\"}",
	} {
		w.refused(w.Call(http.MethodPost, tokens, body), 400)
	}
	big := `{"pad":"` + strings.Repeat("x", 65<<10) + `"}`
	w.Refused(w.Call(http.MethodPost, tokens, big), 413, "APIGW.0201")
	for _, c := range [][2]string{{"PUT", tokens}, {"DELETE", tokens}, {"GET", "/v3/nothing"}, {"POST", "/v3/projects"}, {"GET", "/v3/auth/tokens/"}, {"GET", "/v3//projects"}} {
		if message := w.Refused(w.Call(c[0], c[1], ""), 404, "APIGW.0101"); message != "The API does not exist." {
			t.Error(message)
		}
	}
}

func TestFiveWrongPasswordsLockAUserForFiveMinutes(t *testing.T) {
	w := newWorld(t, iam.Options{})
	wrong := login("acme", "ops", "wrong", "")
	byID := `{"auth":{"identity":{"methods":["password"],"password":{"user":{"id":"` + iam.UserID(acme, "ops") + `","password":"wrong"}}}}}`
	for i := range 5 {
		body := wrong
		if i%2 == 1 {
			body = byID // another name of the same user
		}
		if message := w.refused(w.Call(http.MethodPost, tokens, body), 401); strings.Contains(message, "locked") {
			t.Fatal("locked too early")
		}
	}
	right := login("acme", "ops", password, "")
	if message := w.refused(w.Call(http.MethodPost, tokens, right), 401); !strings.Contains(message, "locked") {
		t.Fatal(message)
	}
	w.signIn("acme", "web", "") // others are not locked
	w.signIn("plain", "ops", "")
	w.Clock.Move(5*time.Minute - time.Nanosecond)
	w.refused(w.Call(http.MethodPost, tokens, right), 401)
	w.Clock.Move(time.Nanosecond)
	w.signIn("acme", "ops", "")
	for range 4 {
		w.refused(w.Call(http.MethodPost, tokens, wrong), 401)
	}
	w.signIn("acme", "ops", "")
	w.refused(w.Call(http.MethodPost, tokens, wrong), 401) // a success began a new row
	w.signIn("acme", "ops", "")
}

func TestSignInsFromOneAddressAreThrottled(t *testing.T) {
	w := newWorld(t, iam.Options{Limits: gateway.Limits{"iam.signin": {Requests: 2, Per: time.Minute}}})
	w.signIn("acme", "ops", "")
	w.signIn("acme", "ops", "")
	out := w.Call(http.MethodPost, tokens, login("acme", "ops", password, ""))
	w.Refused(out, 429, "APIGW.0308")
	if out.Header().Get("Retry-After") == "" {
		t.Error("there is no Retry-After")
	}
	w.Clock.Move(time.Minute)
	w.signIn("acme", "ops", "")
}

func TestATokenGotForATokenEndsWithIt(t *testing.T) {
	w := newWorld(t, iam.Options{})
	old := w.signIn("acme", "ops", "")
	w.Clock.Move(23 * time.Hour)
	body := `{"auth":{"identity":{"methods":["token"],"token":{"id":"` + old + `"}},"scope":` + inProject + `}}`
	out := w.Call(http.MethodPost, tokens, body)
	v := w.Answered(out, 201)
	if at(v, "token", "expires_at") != "2026-03-06T01:02:03.004000Z" || at(v, "token", "project", "id") != rootProject {
		t.Errorf("%s", out.Body)
	}
	byHeader := `{"auth":{"identity":{"methods":["token"]}}}`
	w.Answered(w.Call(http.MethodPost, tokens, byHeader, "X-Auth-Token", old), 201)
	fresh := out.Header().Get("X-Subject-Token")
	w.Clock.Move(time.Hour)
	w.refused(w.Call(http.MethodGet, "/v3/projects", "", "X-Auth-Token", fresh), 401)
	w.refused(w.Call(http.MethodPost, tokens, body), 401)
}

func TestTheHolderAndAdministratorsMayLookAtAToken(t *testing.T) {
	w := newWorld(t, iam.Options{})
	ops, web := w.signIn("acme", "ops", inProject), w.signIn("acme", "web", "")
	look := func(as, token string, header ...string) *http.Request {
		return w.Request(http.MethodGet, tokens, "", append(header, "X-Auth-Token", as, "X-Subject-Token", token)...)
	}
	out := w.Serve(look(ops, ops))
	if v := w.Answered(out, 200); at(v, "token", "project", "name") != "cn-north-4" || out.Header().Get("X-Subject-Token") != ops {
		t.Errorf("%s %v", out.Body, out.Header())
	}
	if v := w.Answered(w.Serve(look(ops, web)), 200); at(v, "token", "user", "name") != "web" || at(v, "token", "roles") == nil {
		t.Error(v)
	}
	w.Answered(w.Serve(look(web, web)), 200)
	w.refused(w.Serve(look(web, ops)), 403)
	w.refused(w.Serve(look(w.signIn("other", "ops", ""), ops)), 404)
	w.refused(w.Serve(look(ops, "nonsense")), 404)
	w.refused(w.Call(http.MethodGet, tokens, "", "X-Auth-Token", ops), 400)
	w.refused(w.Call(http.MethodGet, tokens, "", "X-Subject-Token", ops), 401)
	signed := w.Signed(sdksign.HMACSHA256, "AKEXAMPLE", "SKEXAMPLE", http.MethodGet, tokens+"?nocatalog=1", "", "X-Subject-Token", web)
	if v := w.Answered(w.Serve(signed), 200); at(v, "token", "catalog") != nil {
		t.Error(v)
	}
	w.Clock.Move(24 * time.Hour)
	w.refused(w.Serve(look(w.signIn("acme", "ops", ""), ops)), 404)
}

func TestATokenEndsWhenItsUserChanges(t *testing.T) {
	other := "Other-2026!"
	for name, change := range map[string]registry.UserSpec{
		"password": {User: usance.User{Name: "web", Role: usance.RoleViewer, Subtree: "/rtc"}, Password: &other},
		"role":     {User: usance.User{Name: "web", Role: usance.RoleMember, Subtree: "/rtc"}},
		"subtree":  {User: usance.User{Name: "web", Role: usance.RoleViewer, Subtree: "/rtc/web"}},
		"disabled": {User: usance.User{Name: "web", Role: usance.RoleViewer, Subtree: "/rtc", Disabled: true}},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, iam.Options{})
			token := w.signIn("acme", "web", "")
			w.Answered(w.Call(http.MethodGet, "/v3/projects", "", "X-Auth-Token", token), 200)
			w.Edit(acme, registry.Edit{Users: []registry.UserSpec{change}})
			w.refused(w.Call(http.MethodGet, "/v3/projects", "", "X-Auth-Token", token), 401)
		})
	}
}
