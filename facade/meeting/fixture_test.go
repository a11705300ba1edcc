package meeting_test

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/usance/usance"
	"github.com/usance/usance/facade/meeting"
	"github.com/usance/usance/internal/facadetest"
	"github.com/usance/usance/ledger"
	"github.com/usance/usance/registry"
)

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
	*facadetest.World[*meeting.Facade]
}

func newWorld(t testing.TB, o meeting.Options) *world {
	t.Helper()
	w := &world{facadetest.NewWorld(t, began, "http://api.meeting.huaweicloud.com", func(c *facadetest.Core) *meeting.Facade {
		o.Now = c.Clock.Now
		return meeting.New(c.Registry, c.Ledger, o)
	})}
	w.Edit(acme, registry.Edit{
		Tenant: &usance.Tenant{Name: "Acme Ltd", Timezone: "Asia/Shanghai"},
		Users:  []registry.UserSpec{user("ops", "S3cret-2026!", usance.RoleAdmin), user("alice", "alice-pass", usance.RoleMember)},
		Keys:   []registry.KeySpec{facadetest.Key(usance.KeyApp, appID, appKey, "ops")},
	})
	return w
}

func user(name, password string, role usance.Role) registry.UserSpec {
	return facadetest.User(name, password, role, "")
}

// settings gives acme settings and an alias beside what it has.
func (w *world) settings(kv ...string) {
	w.Helper()
	t := &usance.Tenant{Name: "Acme Ltd", Timezone: "Asia/Shanghai", Settings: map[string]string{}}
	for i := 0; i < len(kv); i += 2 {
		t.Settings[kv[i]] = kv[i+1]
	}
	w.Edit(acme, registry.Edit{Tenant: t})
}

func (w *world) disable(name string, role usance.Role) {
	w.Helper()
	w.Edit(acme, registry.Edit{Users: []registry.UserSpec{{User: usance.User{Name: name, Role: role, Disabled: true}}}})
}

func (w *world) ingest(events ...ledger.Incoming) {
	w.Helper()
	w.Ingest(acme, events...)
}

const (
	loginPath  = "/v1/usg/acs/auth/account"
	appPath    = "/v2/usg/acs/auth/appauth"
	tokenPath  = "/v1/usg/acs/token"
	checkPath  = "/v1/usg/acs/token/validate"
	orgResPath = "/v1/mmc/management/orgRes"
)

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
	return w.Call("POST", loginPath, fmt.Sprintf(`{"account":%s,"clientType":%d}`, name, client), "Authorization", basic(account, password))
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
	return w.Call("POST", appPath, body, "Authorization", "HMAC-SHA256 signature="+sign(fmt.Sprintf("%s:%d:%s", data, validFor, nonce)))
}

// granted returns the tokens of a successful answer.
func (w *world) granted(out *httptest.ResponseRecorder) (access, refresh string) {
	w.Helper()
	if out.Code != http.StatusOK {
		w.Fatalf("%d %s", out.Code, out.Body)
	}
	v := w.Object(out)
	return v["accessToken"].(string), v["refreshToken"].(string)
}

func (w *world) userOf(out *httptest.ResponseRecorder) map[string]any {
	w.Helper()
	if out.Code != http.StatusOK {
		w.Fatalf("%d %s", out.Code, out.Body)
	}
	return w.Object(out)["user"].(map[string]any)
}

// admin returns an access token of ops.
func (w *world) admin() string {
	w.Helper()
	access, _ := w.granted(w.login("ops@acme", "S3cret-2026!", 72))
	return access
}

func (w *world) orgRes(token string) *httptest.ResponseRecorder {
	w.Helper()
	return w.Call("GET", orgResPath, "", "X-Access-Token", token, "Content-Type", "application/json")
}

// alive reports whether an access token is still good.
func (w *world) alive(token string) bool {
	w.Helper()
	out := w.Call("POST", checkPath, `{"token":"`+token+`","needGenNewToken":false}`)
	if out.Code != 200 && out.Code != 401 {
		w.Fatalf("validate: %d %s", out.Code, out.Body)
	}
	return out.Code == 200
}

// refusedWith checks a refusal: its status and all three members of its body.
func (w *world) refusedWith(out *httptest.ResponseRecorder, status int, code string) {
	w.Helper()
	v := w.Object(out)
	msg, _ := v["error_msg"].(string)
	if out.Code != status || v["error_code"] != code || msg == "" || v["request_id"] != out.Header().Get("X-Request-Id") || v["request_id"] == "" {
		w.Fatalf("got %d %s, want %d %s with error_msg and request_id", out.Code, out.Body, status, code)
	}
	if out.Header().Get("Cache-Control") != "no-store" {
		w.Fatal("the refusal may be stored")
	}
}
