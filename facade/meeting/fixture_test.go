package meeting_test

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
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
	"github.com/usance/usance/facade/meeting"
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

// began is the time at which every world begins: 09:02:03.123 in Shanghai.
var began = time.Date(2026, 3, 5, 1, 2, 3, 123e6, time.UTC)

const (
	acme     = usance.TenantID("acme")
	appID    = "app-0001"
	appKey   = "appkey-example"
	nonce    = "0123456789abcdef0123456789abcdef"
	validFor = 1790000000 // the expireTime of the vectors, half a year on
)

// world is a façade on the real core, with the tenant acme: its administrator ops,
// its member alice, and the App ID app-0001 of ops.
type world struct {
	testing.TB
	clock  *clock
	reg    *registry.Registry
	led    *ledger.Ledger
	facade *meeting.Facade
	events int
}

func newWorld(t testing.TB, o meeting.Options) *world {
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
	w := &world{TB: t, clock: &clock{at: began}}
	w.reg, err = registry.New(st, registry.Options{Now: w.clock.now, MasterKey: [32]byte{1},
		PasswordCost: &argon2id.Params{Memory: 64, Iterations: 1, Parallelism: 1, SaltLength: 16, KeyLength: 16}})
	if err != nil {
		t.Fatal(err)
	}
	w.led = ledger.New(st, w.reg, ledger.Options{Now: w.clock.now})
	o.Now = w.clock.now
	w.facade = meeting.New(w.reg, w.led, o)
	w.edit(acme, registry.Edit{
		Tenant: &usance.Tenant{Name: "Acme Ltd", Timezone: "Asia/Shanghai"},
		Users:  []registry.UserSpec{user("ops", "S3cret-2026!", usance.RoleAdmin), user("alice", "alice-pass", usance.RoleMember)},
		Keys:   []registry.KeySpec{{Key: usance.Key{Kind: usance.KeyApp, ID: appID, User: "ops"}, Secret: appKey}},
	})
	return w
}

func user(name, password string, role usance.Role) registry.UserSpec {
	spec := registry.UserSpec{User: usance.User{Name: name, Role: role}}
	if password != "" {
		spec.Password = &password
	}
	return spec
}

func (w *world) edit(tenant usance.TenantID, e registry.Edit) {
	w.Helper()
	if _, err := w.reg.Edit(w.Context(), usance.Actor{Name: "test"}, tenant, e); err != nil {
		w.Fatal(err)
	}
}

// settings gives acme settings and an alias beside what it has.
func (w *world) settings(kv ...string) {
	w.Helper()
	t := &usance.Tenant{Name: "Acme Ltd", Timezone: "Asia/Shanghai", Settings: map[string]string{}}
	for i := 0; i < len(kv); i += 2 {
		t.Settings[kv[i]] = kv[i+1]
	}
	w.edit(acme, registry.Edit{Tenant: t})
}

func (w *world) disable(name string, role usance.Role) {
	w.Helper()
	w.edit(acme, registry.Edit{Users: []registry.UserSpec{{User: usance.User{Name: name, Role: role, Disabled: true}}}})
}

func (w *world) event(at time.Time, eventType, subject string, node usance.Path, data string) ledger.Incoming {
	w.events++
	return ledger.Incoming{Stated: true, Event: usance.Event{Source: "test", ID: fmt.Sprint(w.events), Type: eventType,
		Subject: subject, Node: node, Time: at, Data: []byte(data)}}
}

func (w *world) ingest(events ...ledger.Incoming) {
	w.Helper()
	if _, err := w.led.Ingest(w.Context(), usance.Actor{Name: "test"}, acme, events); err != nil {
		w.Fatal(err)
	}
}

const (
	loginPath  = "/v1/usg/acs/auth/account"
	appPath    = "/v2/usg/acs/auth/appauth"
	tokenPath  = "/v1/usg/acs/token"
	checkPath  = "/v1/usg/acs/token/validate"
	orgResPath = "/v1/mmc/management/orgRes"
)

// call serves one request.
func (w *world) call(method, path, body string, header ...string) *httptest.ResponseRecorder {
	w.Helper()
	var in io.Reader
	if body != "" {
		in = strings.NewReader(body)
	}
	r := httptest.NewRequest(method, "http://api.meeting.huaweicloud.com"+path, in)
	for i := 0; i < len(header); i += 2 {
		r.Header.Add(header[i], header[i+1])
	}
	out := httptest.NewRecorder()
	w.facade.ServeHTTP(out, r)
	return out
}

func basic(account, password string) string {
	return "Basic " + base64.StdEncoding.EncodeToString([]byte(account+":"+password))
}

// login signs an account in as the vendor's Go client does.
func (w *world) login(account, password string, client int) *httptest.ResponseRecorder {
	w.Helper()
	name, err := json.Marshal(account)
	if err != nil {
		w.Fatal(err)
	}
	return w.call("POST", loginPath, fmt.Sprintf(`{"account":%s,"clientType":%d}`, name, client), "Authorization", basic(account, password))
}

func sign(data string) string {
	mac := hmac.New(sha256.New, []byte(appKey))
	mac.Write([]byte(data))
	return hex.EncodeToString(mac.Sum(nil))
}

// appLogin signs a user in by App ID; data is what is signed, without expireTime
// and nonce.
func (w *world) appLogin(corp, user, data string) *httptest.ResponseRecorder {
	w.Helper()
	body := fmt.Sprintf(`{"appId":"app-0001","clientType":72,"expireTime":%d,"nonce":"%s","corpId":"%s","userId":"%s"}`, validFor, nonce, corp, user)
	return w.call("POST", appPath, body, "Authorization", "HMAC-SHA256 signature="+sign(fmt.Sprintf("%s:%d:%s", data, validFor, nonce)))
}

func (w *world) object(out *httptest.ResponseRecorder) map[string]any {
	w.Helper()
	var v map[string]any
	if err := json.Unmarshal(out.Body.Bytes(), &v); err != nil {
		w.Fatalf("%s: %v", out.Body, err)
	}
	return v
}

// granted returns the tokens of a successful answer.
func (w *world) granted(out *httptest.ResponseRecorder) (access, refresh string) {
	w.Helper()
	if out.Code != http.StatusOK {
		w.Fatalf("%d %s", out.Code, out.Body)
	}
	v := w.object(out)
	return v["accessToken"].(string), v["refreshToken"].(string)
}

func (w *world) userOf(out *httptest.ResponseRecorder) map[string]any {
	w.Helper()
	if out.Code != http.StatusOK {
		w.Fatalf("%d %s", out.Code, out.Body)
	}
	return w.object(out)["user"].(map[string]any)
}

// admin returns an access token of ops.
func (w *world) admin() string {
	w.Helper()
	access, _ := w.granted(w.login("ops@acme", "S3cret-2026!", 72))
	return access
}

func (w *world) orgRes(token string) *httptest.ResponseRecorder {
	w.Helper()
	return w.call("GET", orgResPath, "", "X-Access-Token", token, "Content-Type", "application/json")
}

// alive reports whether an access token is still good.
func (w *world) alive(token string) bool {
	w.Helper()
	out := w.call("POST", checkPath, `{"token":"`+token+`","needGenNewToken":false}`)
	if out.Code != 200 && out.Code != 401 {
		w.Fatalf("validate: %d %s", out.Code, out.Body)
	}
	return out.Code == 200
}

// refusedWith checks a refusal: its status and all three members of its body.
func (w *world) refusedWith(out *httptest.ResponseRecorder, status int, code string) {
	w.Helper()
	v := w.object(out)
	msg, _ := v["error_msg"].(string)
	if out.Code != status || v["error_code"] != code || msg == "" || v["request_id"] != out.Header().Get("X-Request-Id") || v["request_id"] == "" {
		w.Fatalf("got %d %s, want %d %s with error_msg and request_id", out.Code, out.Body, status, code)
	}
	if out.Header().Get("Cache-Control") != "no-store" {
		w.Fatal("the refusal may be stored")
	}
}
