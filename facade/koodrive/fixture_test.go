package koodrive_test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"encoding/json"

	"github.com/alexedwards/argon2id"
	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/usance/usance"
	"github.com/usance/usance/facade/koodrive"
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

// The time of the signature vector in testdata.
var signedAt = time.Date(2026, 3, 5, 1, 2, 3, 0, time.UTC)

const acme = usance.TenantID("acme")

// world is a façade on the real core, with the tenant acme, its user user-0001,
// its app app-0001 and native tokens of several roles.
type world struct {
	testing.TB
	clock  *clock
	reg    *registry.Registry
	led    *ledger.Ledger
	facade *koodrive.Facade
	events int
}

func newWorld(t testing.TB, o koodrive.Options) *world {
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
	w.facade = koodrive.New(w.reg, w.led, o)
	user := func(name string, role usance.Role) registry.UserSpec {
		return registry.UserSpec{User: usance.User{Name: name, Role: role}}
	}
	token := func(name, secret string, role usance.Role, subtree usance.Path) registry.TokenSpec {
		return registry.TokenSpec{Token: usance.Token{Name: name, Role: role, Subtree: subtree}, Secret: secret}
	}
	w.edit(acme, registry.Edit{
		Tenant: &usance.Tenant{Name: "Acme Ltd", Timezone: "Asia/Shanghai"},
		Users:  []registry.UserSpec{user("user-0001", usance.RoleViewer), user("ops", usance.RoleAdmin), user("feed", usance.RoleIngester)},
		Keys:   []registry.KeySpec{{Key: usance.Key{Kind: usance.KeyApp, ID: "app-0001", User: "ops"}, Secret: "appsecret-example"}},
		Tokens: []registry.TokenSpec{
			token("reader", "us_reader_token", usance.RoleViewer, ""),
			token("feeder", "us_feeder_token", usance.RoleIngester, ""),
			token("elsewhere", "us_elsewhere_token", usance.RoleAdmin, "/rtc"),
		},
	})
	w.edit("other", registry.Edit{
		Tenant: &usance.Tenant{Name: "Other", Timezone: "UTC"},
		Users:  []registry.UserSpec{user("stranger", usance.RoleAdmin)},
	})
	return w
}

func (w *world) edit(tenant usance.TenantID, e registry.Edit) {
	w.Helper()
	if _, err := w.reg.Edit(w.Context(), usance.Actor{Name: "test"}, tenant, e); err != nil {
		w.Fatal(err)
	}
}

func quota(node usance.Path, limit usance.Amount) usance.Quota {
	return usance.Quota{Node: node, Meter: registry.DriveSpace, Limit: limit}
}

func (w *world) event(eventType, subject string, node usance.Path, data string) ledger.Incoming {
	w.events++
	return ledger.Incoming{Event: usance.Event{Source: "test", ID: fmt.Sprint(w.events), Type: eventType,
		Subject: subject, Node: node, Time: w.clock.now(), Data: []byte(data)}}
}

// filled reports that a space holds so many bytes.
func (w *world) filled(node usance.Path, bytes int64) ledger.Incoming {
	return w.event("drive.space.measured", string(node), node, fmt.Sprintf(`{"bytes":%d}`, bytes))
}

func (w *world) ingest(events ...ledger.Incoming) {
	w.Helper()
	if len(events) == 0 {
		return
	}
	if _, err := w.led.Ingest(w.Context(), usance.Actor{Name: "test"}, acme, events); err != nil {
		w.Fatal(err)
	}
}

// call serves one request.
func (w *world) call(method, path, body string, header ...string) *httptest.ResponseRecorder {
	w.Helper()
	var in io.Reader
	if body != "" {
		in = strings.NewReader(body)
	}
	r := httptest.NewRequest(method, "http://cn.myhuaweicloud-koodrive.com"+path, in)
	for i := 0; i < len(header); i += 2 {
		r.Header.Add(header[i], header[i+1])
	}
	out := httptest.NewRecorder()
	w.facade.ServeHTTP(out, r)
	return out
}

const quotaUsed = "/koodrive/ose/v1/service/quotaUsed"

// read is quotaUsed by the native token.
func (w *world) read() map[string]any {
	w.Helper()
	out := w.call(http.MethodGet, quotaUsed, "", "Authorization", "Bearer us_reader_token")
	if out.Code != http.StatusOK {
		w.Fatalf("quotaUsed: %d %s", out.Code, out.Body)
	}
	return w.object(out)["data"].(map[string]any)
}

func (w *world) object(out *httptest.ResponseRecorder) map[string]any {
	w.Helper()
	var v map[string]any
	if err := json.Unmarshal(out.Body.Bytes(), &v); err != nil {
		w.Fatalf("%s: %v", out.Body, err)
	}
	return v
}

// refusedWith checks a refusal: status, integer code, message, and nothing else.
func (w *world) refusedWith(out *httptest.ResponseRecorder, status, code int) {
	w.Helper()
	v := w.object(out)
	msg, isText := v["msg"].(string)
	if out.Code != status || v["code"] != float64(code) || !isText || msg == "" || len(v) != 2 {
		w.Fatalf("got %d %s, want %d with code %d and msg alone", out.Code, out.Body, status, code)
	}
	if out.Header().Get("X-Request-Id") == "" {
		w.Fatal("the refusal has no X-Request-Id")
	}
}

// signIn opens a session by a login code and returns its answer.
func (w *world) signIn(user string) map[string]any {
	w.Helper()
	code, err := w.facade.MintCode(w.Context(), acme, user)
	if err != nil {
		w.Fatal(err)
	}
	out := w.call(http.MethodPost, "/koodrive/ose/v1/session/", `{"code":"`+code+`"}`)
	if out.Code != http.StatusOK {
		w.Fatalf("session: %d %s", out.Code, out.Body)
	}
	return w.object(out)
}
