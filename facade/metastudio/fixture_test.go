package metastudio_test

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
	"github.com/usance/usance/facade/metastudio"
	"github.com/usance/usance/internal/sdksign"
	"github.com/usance/usance/ledger"
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
var signedAt = time.Date(2026, 3, 5, 1, 2, 3, 0, time.UTC)

const (
	acme        = usance.TenantID("acme")
	rootProject = "0123456789abcdef0123456789abcdef"
	nodeProject = "fedcba9876543210fedcba9876543210"
)

// world is the façade on the real core and the real IAM. The tenant acme has a
// project at the root and one at /studio.
type world struct {
	testing.TB
	clock  *clock
	reg    *registry.Registry
	led    *ledger.Ledger
	facade *metastudio.Facade
}

func newWorld(t testing.TB, o metastudio.Options) *world {
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
	w := &world{TB: t, clock: &clock{at: signedAt}}
	w.reg, err = registry.New(st, registry.Options{Now: w.clock.now, MasterKey: [32]byte{1},
		PasswordCost: &argon2id.Params{Memory: 64, Iterations: 1, Parallelism: 1, SaltLength: 16, KeyLength: 16}})
	if err != nil {
		t.Fatal(err)
	}
	w.led = ledger.New(st, w.reg, ledger.Options{Now: w.clock.now})
	o.Now = w.clock.now
	o.Authenticate = iam.New(w.reg, w.led, iam.Options{Now: w.clock.now}).Authenticate
	w.facade = metastudio.New(w.reg, w.led, o)
	user := func(name string, role usance.Role, subtree usance.Path) registry.UserSpec {
		return registry.UserSpec{User: usance.User{Name: name, Role: role, Subtree: subtree}}
	}
	key := func(id, secret, user string) registry.KeySpec {
		return registry.KeySpec{Key: usance.Key{Kind: usance.KeyAKSK, ID: id, User: user}, Secret: secret}
	}
	w.edit(acme, registry.Edit{
		Tenant: &usance.Tenant{Timezone: "Asia/Shanghai", Aliases: map[string]string{metastudio.AliasProject: rootProject}},
		Nodes:  []usance.Node{{Path: "/studio", Aliases: map[string]string{metastudio.AliasProject: nodeProject}}},
		Users: []registry.UserSpec{user("ops", usance.RoleAdmin, ""), user("look", usance.RoleViewer, ""), user("web", usance.RoleViewer, "/studio"),
			user("feed", usance.RoleIngester, "")},
		Keys: []registry.KeySpec{key("AKEXAMPLE", "SKEXAMPLE", "ops"), key("AKLOOK", "SKLOOK", "look"), key("AKWEB", "SKWEB", "web"), key("AKFEED", "SKFEED", "feed")},
	})
	w.edit("other", registry.Edit{
		Tenant: &usance.Tenant{Timezone: "UTC", Aliases: map[string]string{metastudio.AliasProject: "othersproject"}},
		Users:  []registry.UserSpec{user("ops", usance.RoleAdmin, "")}, Keys: []registry.KeySpec{key("AKOTHER", "SKOTHER", "ops")}})
	return w
}

func (w *world) edit(tenant usance.TenantID, e registry.Edit) {
	w.Helper()
	if _, err := w.reg.Edit(w.Context(), usance.Actor{Name: "test"}, tenant, e); err != nil {
		w.Fatal(err)
	}
}

// resource is one of /studio unless it says otherwise.
func resource(id, business, mode, source, expires string) usance.Resource {
	r := usance.Resource{ID: id, Node: "/studio", BusinessType: business, ChargingMode: mode, Source: source}
	if expires != "" {
		at, err := time.Parse(time.RFC3339, expires)
		if err != nil {
			panic(err)
		}
		r.Expires = at
	}
	return r
}

func (w *world) put(list ...usance.Resource) {
	w.Helper()
	for _, r := range list {
		if _, err := w.led.PutResource(w.Context(), usance.Actor{Name: "test"}, acme, r, true); err != nil {
			w.Fatal(err)
		}
	}
}

func (w *world) serve(r *http.Request) *httptest.ResponseRecorder {
	out := httptest.NewRecorder()
	w.facade.ServeHTTP(out, r)
	return out
}

func request(method, path, body string, header ...string) *http.Request {
	var in io.Reader
	if body != "" {
		in = strings.NewReader(body)
	}
	r := httptest.NewRequestWithContext(context.Background(), method, "http://metastudio.cn-north-4.myhuaweicloud.com"+path, in)
	for i := 0; i < len(header); i += 2 {
		r.Header.Add(header[i], header[i+1])
	}
	return r
}

// as serves a request signed with an access key as the vendor's SDK signs it; the
// key AKLOOK has the secret SKLOOK, and so on.
func (w *world) as(key, method, path string, header ...string) *httptest.ResponseRecorder {
	w.Helper()
	r := request(method, path, "", header...)
	auth := sdksign.Authorization{Scheme: sdksign.HMACSHA256, KeyID: key}
	if err := sdksign.SignHTTP(r, nil, auth, "SK"+strings.TrimPrefix(key, "AK"), w.clock.now()); err != nil {
		w.Fatal(err)
	}
	return w.serve(r)
}

func (w *world) object(out *httptest.ResponseRecorder, status int) map[string]any {
	w.Helper()
	if out.Code != status {
		w.Fatalf("status %d, want %d: %s", out.Code, status, out.Body)
	}
	var v map[string]any
	if err := json.Unmarshal(out.Body.Bytes(), &v); err != nil {
		w.Fatalf("%s: %v", out.Body, err)
	}
	if len(out.Header().Get("X-Request-Id")) != 32 {
		w.Fatalf("request id %q", out.Header().Get("X-Request-Id"))
	}
	return v
}

// told returns a header by its name as written, which may not be Go's own form.
func told(out *httptest.ResponseRecorder, name string) string {
	return strings.Join(out.Header()[name], " and ")
}

// refused checks a refusal and returns its message. The service's refusals have
// two members, the gateway's a request id too.
func (w *world) refused(out *httptest.ResponseRecorder, status int, code string) string {
	w.Helper()
	v := w.object(out, status)
	message, _ := v["error_msg"].(string)
	members := 2
	if strings.HasPrefix(code, "APIGW.") {
		members = 3
	}
	if v["error_code"] != code || message == "" || len(v) != members {
		w.Fatalf("want %s: %s", code, out.Body)
	}
	return message
}

const (
	count = "/v1/" + rootProject + "/tenants/resources-count"
	list  = "/v1/" + rootProject + "/tenants/resources"
)
