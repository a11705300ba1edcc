package iam_test

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/alexedwards/argon2id"
	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/usance/usance"
	"github.com/usance/usance/facade/iam"
	"github.com/usance/usance/internal/sdksign"
	"github.com/usance/usance/registry"
	"github.com/usance/usance/store/pebblestore"
)

// clock is a time that tests move.
type clock struct {
	mu sync.Mutex
	at time.Time
}

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.at
}

func (c *clock) move(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.at = c.at.Add(d)
}

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
	testing.TB
	clock  *clock
	st     *pebblestore.Store
	reg    *registry.Registry
	facade *iam.Facade
}

func newWorld(t testing.TB, o iam.Options) *world {
	t.Helper()
	st, err := pebblestore.Open("db", pebblestore.Options{FS: vfs.NewMem(), CacheBytes: 1 << 20, MemTableBytes: 4 << 20})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := st.Close(); err != nil {
			t.Error(err)
		}
	})
	w := &world{TB: t, clock: &clock{at: signedAt}, st: st}
	w.reg, err = registry.New(st, registry.Options{Now: w.clock.now, MasterKey: [32]byte{1},
		PasswordCost: &argon2id.Params{Memory: 64, Iterations: 1, Parallelism: 1, SaltLength: 16, KeyLength: 16}})
	if err != nil {
		t.Fatal(err)
	}
	o.Now = w.clock.now
	w.facade = iam.New(w.reg, nil, o)
	key := func(id, secret, user string) registry.KeySpec {
		return registry.KeySpec{Key: usance.Key{Kind: usance.KeyAKSK, ID: id, User: user}, Secret: secret}
	}
	w.edit(acme, registry.Edit{
		Tenant: &usance.Tenant{Name: "Acme Ltd", Timezone: "Asia/Shanghai", Aliases: map[string]string{
			iam.AliasDomain: "acme", iam.AliasProject: rootProject, iam.AliasProjectName: "cn-north-4"}},
		Nodes: []usance.Node{
			{Path: "/rtc"},
			{Path: "/rtc/web", Name: "Web", Aliases: map[string]string{iam.AliasProject: nodeProject, iam.AliasProjectName: "cn-east-3"}},
		},
		Users: []registry.UserSpec{user("ops", usance.RoleAdmin, ""), user("web", usance.RoleViewer, "/rtc"), user("feed", usance.RoleIngester, "")},
		Keys: []registry.KeySpec{key("AKEXAMPLE", "SKEXAMPLE", "ops"), key("AKWEB", "SKWEB", "web"),
			{Key: usance.Key{Kind: usance.KeyApp, ID: "app-0001", User: "ops"}, Secret: "appsecret"}},
	})
	w.edit("plain", registry.Edit{Tenant: &usance.Tenant{Timezone: "UTC"},
		Users: []registry.UserSpec{user("ops", usance.RoleMember, "")}, Keys: []registry.KeySpec{key("AKPLAIN", "SKPLAIN", "ops")}})
	w.edit("other", registry.Edit{
		Tenant: &usance.Tenant{Timezone: "UTC", Aliases: map[string]string{iam.AliasProject: "othersproject", iam.AliasProjectName: "cn-north-4"}},
		Users:  []registry.UserSpec{user("ops", usance.RoleAdmin, "")}, Keys: []registry.KeySpec{key("AKOTHER", "SKOTHER", "ops")}})
	return w
}

func user(name string, role usance.Role, subtree usance.Path) registry.UserSpec {
	secret := password
	return registry.UserSpec{User: usance.User{Name: name, Role: role, Subtree: subtree}, Password: &secret}
}

func (w *world) edit(tenant usance.TenantID, e registry.Edit) {
	w.Helper()
	if _, err := w.reg.Edit(w.Context(), usance.Actor{Name: "test"}, tenant, e); err != nil {
		w.Fatal(err)
	}
}

func request(method, path, body string, header ...string) *http.Request {
	var in io.Reader
	if body != "" {
		in = strings.NewReader(body)
	}
	r := httptest.NewRequestWithContext(context.Background(), method, "http://iam.myhuaweicloud.com"+path, in)
	for i := 0; i < len(header); i += 2 {
		r.Header.Add(header[i], header[i+1])
	}
	return r
}

func (w *world) serve(r *http.Request) *httptest.ResponseRecorder {
	out := httptest.NewRecorder()
	w.facade.ServeHTTP(out, r)
	return out
}

func (w *world) call(method, path, body string, header ...string) *httptest.ResponseRecorder {
	return w.serve(request(method, path, body, header...))
}

// signed signs a request as an SDK does.
func (w *world) signed(scheme sdksign.Scheme, id, secret, method, path, body string, header ...string) *http.Request {
	w.Helper()
	r := request(method, path, body, header...)
	auth := sdksign.Authorization{Scheme: scheme, KeyID: id}
	if scheme == sdksign.Derived {
		auth.Region, auth.Service = "cn-north-4", "cloudrtc"
	}
	if err := sdksign.SignHTTP(r, []byte(body), auth, secret, w.clock.now()); err != nil {
		w.Fatal(err)
	}
	return r
}

// object reads an answer of the status.
func (w *world) object(out *httptest.ResponseRecorder, status int) map[string]any {
	w.Helper()
	if out.Code != status {
		w.Fatalf("status %d, want %d: %s", out.Code, status, out.Body)
	}
	var v map[string]any
	if err := json.Unmarshal(out.Body.Bytes(), &v); err != nil {
		w.Fatalf("%s: %v", out.Body, err)
	}
	return v
}

// refused checks a refusal in Keystone's form and returns its message.
func (w *world) refused(out *httptest.ResponseRecorder, status int) string {
	w.Helper()
	v := w.object(out, status)
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

// refusedByGateway checks a refusal in the gateway's form and returns its message.
func (w *world) refusedByGateway(out *httptest.ResponseRecorder, status int, code string) string {
	w.Helper()
	v := w.object(out, status)
	if len(v) != 3 || v["error_code"] != code || v["request_id"] != out.Header().Get("X-Request-Id") {
		w.Fatalf("not the gateway's %s: %s", code, out.Body)
	}
	return v["error_msg"].(string)
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
	out := w.call(http.MethodPost, tokens, login(account, name, password, scope))
	w.object(out, http.StatusCreated)
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
