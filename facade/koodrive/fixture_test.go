package koodrive_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/usance/usance"
	"github.com/usance/usance/facade/koodrive"
	"github.com/usance/usance/internal/facadetest"
	"github.com/usance/usance/ledger"
	"github.com/usance/usance/registry"
)

// The time of the signature vector in testdata.
var signedAt = time.Date(2026, 3, 5, 1, 2, 3, 0, time.UTC)

const acme = usance.TenantID("acme")

// world is a façade on the real core, with the tenant acme, its user user-0001,
// its app app-0001 and native tokens of several roles.
type world struct {
	*facadetest.World[*koodrive.Facade]
}

func newWorld(t testing.TB, o koodrive.Options) *world {
	t.Helper()
	w := &world{facadetest.NewWorld(t, signedAt, "http://cn.myhuaweicloud-koodrive.com", func(c *facadetest.Core) *koodrive.Facade {
		o.Now = c.Clock.Now
		return koodrive.New(c.Registry, c.Ledger, o)
	})}
	token := func(name, secret string, role usance.Role, subtree usance.Path) registry.TokenSpec {
		return registry.TokenSpec{Token: usance.Token{Name: name, Role: role, Subtree: subtree}, Secret: secret}
	}
	w.Edit(acme, registry.Edit{
		Tenant: &usance.Tenant{Name: "Acme Ltd", Timezone: "Asia/Shanghai"},
		Users: []registry.UserSpec{facadetest.User("user-0001", "", usance.RoleViewer, ""), facadetest.User("ops", "", usance.RoleAdmin, ""),
			facadetest.User("feed", "", usance.RoleIngester, "")},
		Keys: []registry.KeySpec{facadetest.Key(usance.KeyApp, "app-0001", "appsecret-example", "ops")},
		Tokens: []registry.TokenSpec{
			token("reader", "us_reader_token", usance.RoleViewer, ""),
			token("feeder", "us_feeder_token", usance.RoleIngester, ""),
			token("elsewhere", "us_elsewhere_token", usance.RoleAdmin, "/rtc"),
		},
	})
	w.Edit("other", registry.Edit{
		Tenant: &usance.Tenant{Name: "Other", Timezone: "UTC"},
		Users:  []registry.UserSpec{facadetest.User("stranger", "", usance.RoleAdmin, "")},
	})
	return w
}

func quota(node usance.Path, limit usance.Amount) usance.Quota {
	return usance.Quota{Node: node, Meter: registry.DriveSpace, Limit: limit}
}

// event is one of now that does not state its time.
func (w *world) event(eventType, subject string, node usance.Path, data string) ledger.Incoming {
	e := w.Event(w.Clock.Now(), eventType, subject, node, data)
	e.Stated = false
	return e
}

// filled reports that a space holds so many bytes.
func (w *world) filled(node usance.Path, bytes int64) ledger.Incoming {
	return w.event("drive.space.measured", string(node), node, fmt.Sprintf(`{"bytes":%d}`, bytes))
}

func (w *world) ingest(events ...ledger.Incoming) {
	w.Helper()
	if len(events) > 0 {
		w.Ingest(acme, events...)
	}
}

const quotaUsed = "/koodrive/ose/v1/service/quotaUsed"

// read is quotaUsed by the native token.
func (w *world) read() map[string]any {
	w.Helper()
	out := w.Call(http.MethodGet, quotaUsed, "", "Authorization", "Bearer us_reader_token")
	if out.Code != http.StatusOK {
		w.Fatalf("quotaUsed: %d %s", out.Code, out.Body)
	}
	return w.Object(out)["data"].(map[string]any)
}

// refusedWith checks a refusal: status, integer code, message, and nothing else.
func (w *world) refusedWith(out *httptest.ResponseRecorder, status, code int) {
	w.Helper()
	v := w.Object(out)
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
	code, err := w.Facade.MintCode(w.Context(), acme, user)
	if err != nil {
		w.Fatal(err)
	}
	out := w.Call(http.MethodPost, "/koodrive/ose/v1/session/", `{"code":"`+code+`"}`)
	if out.Code != http.StatusOK {
		w.Fatalf("session: %d %s", out.Code, out.Body)
	}
	return w.Object(out)
}
