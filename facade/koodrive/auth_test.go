package koodrive_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/usance/usance"
	"github.com/usance/usance/facade/koodrive"
	"github.com/usance/usance/internal/sdksign"
	"github.com/usance/usance/registry"
)

// The signature of testdata/app.http: app-0001 for user-0001 at signedAt.
const vector = "HMAC-SHA256 AppId=app-0001,SignedHeaders=host;x-date;x-user-id,Signature=bfb18631f15be51a1f620105a2e2c0721fa4044cfa54054c3ed16a8006acf932"

func (w *world) app(authorization, user, date string) *httptest.ResponseRecorder {
	w.Helper()
	header := []string{"Authorization", authorization}
	if user != "" {
		header = append(header, "X-User-Id", user)
	}
	if date != "" {
		header = append(header, "X-Date", date)
	}
	return w.Call(http.MethodGet, quotaUsed, "", header...)
}

// signed signs a quotaUsed request now as a client does.
func (w *world) signed(app, secret, user string) *httptest.ResponseRecorder {
	w.Helper()
	r := w.Request(http.MethodGet, quotaUsed, "", "X-User-Id", user)
	a := sdksign.Authorization{Scheme: sdksign.AppHMAC, KeyID: app, SignedHeaders: []string{"x-date", "x-user-id"}}
	if err := sdksign.SignHTTP(r, nil, a, secret, w.Clock.Now()); err != nil {
		w.Fatal(err)
	}
	return w.Serve(r)
}

func TestAnAccessTokenIsTakenInAllThreeSpellings(t *testing.T) {
	w := newWorld(t, koodrive.Options{})
	for _, token := range []string{w.signIn("user-0001")["accessToken"].(string), "us_reader_token"} {
		for _, prefix := range []string{"", "Bearer ", "Bearer+", "bearer ", "BEARER+", " Bearer  "} {
			if out := w.Call("GET", quotaUsed, "", "Authorization", prefix+token); out.Code != 200 {
				t.Errorf("%q: %d %s", prefix, out.Code, out.Body)
			}
		}
	}
}

func TestTokenModeNeedsNeitherUserNorDate(t *testing.T) {
	w := newWorld(t, koodrive.Options{})
	token := w.signIn("user-0001")["accessToken"].(string)
	out := w.Call("GET", quotaUsed, "", "Authorization", token, "X-User-Id", "somebody-else", "X-Date", "yesterday")
	if out.Code != 200 {
		t.Fatalf("%d %s", out.Code, out.Body)
	}
}

func TestNothingButGoodCredentialsGetsIn(t *testing.T) {
	w := newWorld(t, koodrive.Options{})
	if err := w.Registry.PutOperatorToken(w.Context(), "root", "us_operator_token"); err != nil {
		t.Fatal(err)
	}
	for _, authorization := range []string{"", "Bearer ", "Bearer+", "Bearer", "nonsense", "Bearer+us_reader", "Basic b3BzOm9wcw==",
		"us_operator_token", strings.Repeat("a", 10_000), "Bearer \xff"} {
		w.refusedWith(w.Call("GET", quotaUsed, "", "Authorization", authorization), 401, 13009401)
	}
	w.refusedWith(w.Call("GET", quotaUsed, ""), 401, 13009401)
	w.refusedWith(w.Call("GET", quotaUsed, "", "Authorization", "us_reader_token", "Authorization", "us_reader_token"), 400, 13009401)
	w.refusedWith(w.Call("GET", quotaUsed, "", "Authorization", "us_feeder_token"), 400, 13000410)
	w.refusedWith(w.Call("GET", quotaUsed, "", "Authorization", "us_elsewhere_token"), 400, 13000410)
}

func TestAnySignedInUserMayRead(t *testing.T) {
	w := newWorld(t, koodrive.Options{})
	for _, user := range []string{"user-0001", "ops", "feed"} {
		token := w.signIn(user)["accessToken"].(string)
		if out := w.Call("GET", quotaUsed, "", "Authorization", token); out.Code != 200 {
			t.Errorf("%s: %d", user, out.Code)
		}
		if out := w.signed("app-0001", "appsecret-example", user); out.Code != 200 {
			t.Errorf("%s by app: %d %s", user, out.Code, out.Body)
		}
	}
}

func TestAnAccessTokenLivesTwentyMinutesFromItsLastUse(t *testing.T) {
	w := newWorld(t, koodrive.Options{})
	token := w.signIn("user-0001")["accessToken"].(string)
	for range 5 {
		w.Clock.Move(19*time.Minute + 59*time.Second)
		if out := w.Call("GET", quotaUsed, "", "Authorization", token); out.Code != 200 {
			t.Fatalf("in use: %d %s", out.Code, out.Body)
		}
	}
	w.Clock.Move(21*time.Minute + time.Second)
	w.refusedWith(w.Call("GET", quotaUsed, "", "Authorization", token), 401, 13009401)
}

func TestANativeTokenDoesNotAge(t *testing.T) {
	w := newWorld(t, koodrive.Options{})
	w.Clock.Move(1000 * time.Hour)
	w.read()
}

func TestADisabledUsersTokenEnds(t *testing.T) {
	w := newWorld(t, koodrive.Options{})
	token := w.signIn("user-0001")["accessToken"].(string)
	w.Edit(acme, registry.Edit{Users: []registry.UserSpec{{User: usance.User{Name: "user-0001", Role: usance.RoleViewer, Disabled: true}}}})
	w.refusedWith(w.Call("GET", quotaUsed, "", "Authorization", token), 401, 13009401)
	w.refusedWith(w.signed("app-0001", "appsecret-example", "user-0001"), 401, 13009401)
	if _, err := w.Facade.MintCode(w.Context(), acme, "user-0001"); usance.KindOf(err) != usance.KindUnauthorized {
		t.Errorf("a code is minted for a disabled user: %v", err)
	}
}

func TestAppAuthRefusesEachFault(t *testing.T) {
	w := newWorld(t, koodrive.Options{})
	const date = "20260305T010203Z"
	if out := w.app(vector, "user-0001", date); out.Code != 200 {
		t.Fatalf("the vector: %d %s", out.Code, out.Body)
	}
	swap := func(old, new string) string { return strings.Replace(vector, old, new, 1) }
	for _, c := range []struct {
		name, authorization, user, date string
		status                          int
	}{
		{"no user", vector, "", date, 401},
		{"no date", vector, "user-0001", "", 401},
		{"another user than signed", vector, "ops", date, 401},
		{"another date than signed", vector, "user-0001", "20260305T010204Z", 401},
		{"an unknown app", swap("app-0001", "app-0002"), "user-0001", date, 401},
		{"a wrong signature", swap("bfb1", "bfb2"), "user-0001", date, 401},
		{"a cut signature", vector[:len(vector)-2], "user-0001", date, 401},
		{"a signature that is not hex", swap("bfb1", "zzzz"), "user-0001", date, 400},
		{"the date not signed", swap("x-date;", ""), "user-0001", date, 401},
		{"the user not signed", swap(";x-user-id", ""), "user-0001", date, 400},
		{"no signature", "HMAC-SHA256 AppId=app-0001,SignedHeaders=x-date;x-user-id", "user-0001", date, 400},
		{"nothing behind the scheme", "HMAC-SHA256 ", "user-0001", date, 400},
		{"a malformed date", vector, "user-0001", "2026-03-05", 400},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := &world{w.For(t)}
			w.refusedWith(w.app(c.authorization, c.user, c.date), c.status, 13009401)
		})
	}
	w.refusedWith(w.signed("app-0001", "appsecret-example", "nobody"), 401, 13009401)
	w.refusedWith(w.signed("app-0001", "appsecret-example", "stranger"), 401, 13009401) // of another tenant
	w.refusedWith(w.signed("app-0001", "another secret", "user-0001"), 401, 13009401)
}

func TestASignatureHoldsFifteenMinutesBackAndOneAhead(t *testing.T) {
	for offset, status := range map[time.Duration]int{
		15 * time.Minute: 200, 15*time.Minute + time.Second: 401,
		-60 * time.Second: 200, -61 * time.Second: 401,
	} {
		w := newWorld(t, koodrive.Options{})
		w.Clock.Move(offset)
		if out := w.app(vector, "user-0001", "20260305T010203Z"); out.Code != status {
			t.Errorf("the clock %v past the signature: %d, want %d", offset, out.Code, status)
		}
	}
}

func TestAKeyOfAnotherKindSignsNothing(t *testing.T) {
	w := newWorld(t, koodrive.Options{})
	w.Edit(acme, registry.Edit{Keys: []registry.KeySpec{{Key: usance.Key{Kind: usance.KeyAKSK, ID: "AK1", User: "ops"}, Secret: "s"}}})
	w.refusedWith(w.signed("AK1", "s", "ops"), 401, 13009401)
}

func TestALoginCodeOpensOneSession(t *testing.T) {
	w := newWorld(t, koodrive.Options{})
	code, err := w.Facade.MintCode(w.Context(), acme, "user-0001")
	if err != nil {
		t.Fatal(err)
	}
	const clients = 8
	var opened sync.Map
	var wg sync.WaitGroup
	for i := range clients {
		wg.Go(func() {
			if out := w.Call("POST", "/koodrive/ose/v1/session", `{"code":"`+code+`"}`); out.Code == 200 {
				opened.Store(i, true)
			}
		})
	}
	wg.Wait()
	n := 0
	opened.Range(func(any, any) bool { n++; return true })
	if n != 1 {
		t.Fatalf("%d of %d clients opened a session", n, clients)
	}
	w.refusedWith(w.Call("POST", "/koodrive/ose/v1/session/", `{"code":"`+code+`"}`), 401, 13009401)
}

func TestALoginCodeLivesFiveMinutes(t *testing.T) {
	w := newWorld(t, koodrive.Options{})
	code, err := w.Facade.MintCode(w.Context(), acme, "user-0001")
	if err != nil {
		t.Fatal(err)
	}
	w.Clock.Move(5 * time.Minute)
	w.refusedWith(w.Call("POST", "/koodrive/ose/v1/session/", `{"code":"`+code+`"}`), 401, 13009401)
}

func TestACodeMintedThroughTheRegistryIsAsGood(t *testing.T) {
	w := newWorld(t, koodrive.Options{})
	code := registry.NewSecret("")
	now := w.Clock.Now()
	who, err := w.Registry.PrincipalOf(w.Context(), acme, "ops", "koodrive.code")
	if err != nil {
		t.Fatal(err)
	}
	err = w.Registry.OpenSession(w.Context(), code, who, registry.Session{
		Kind: "koodrive.code", Created: now, Expires: now.Add(5 * time.Minute),
	}, 16, true)
	if err != nil {
		t.Fatal(err)
	}
	out := w.Call("POST", "/koodrive/ose/v1/session", `{"code":"`+code+`","domain":"x"}`)
	if v := w.Object(out); out.Code != 200 || v["userId"] != "ops" {
		t.Fatalf("%d %s", out.Code, out.Body)
	}
}

func TestTheSessionAnswerHasBothFormsOfThePage(t *testing.T) {
	w := newWorld(t, koodrive.Options{})
	v := w.signIn("ops")
	token := v["accessToken"].(string)
	data := v["data"].(map[string]any)
	info := data["userInfo"].(map[string]any)
	if v["code"] != 0.0 || v["msg"] != "success" || v["userId"] != "ops" || v["userName"] != "ops" || len(token) != 48 ||
		data["accessToken"] != token || data["userId"] != "ops" || info["role"] != "0" || info["tenantId"] != "acme" || info["orgName"] != "Acme Ltd" {
		t.Fatalf("%v", v)
	}
	if w.signIn("ops")["accessToken"] == token {
		t.Fatal("two sessions have one token")
	}
}

func TestASessionIsCheckedRefreshedAndEnded(t *testing.T) {
	w := newWorld(t, koodrive.Options{})
	v := w.signIn("user-0001")
	token, id := "Bearer+"+v["accessToken"].(string), v["data"].(map[string]any)["sessionId"].(string)

	out := w.Call("GET", "/koodrive/ose/v1/session/auth", "", "Authorization", token)
	if data, _ := w.Object(out)["data"].(map[string]any); out.Code != 200 || data["userId"] != "user-0001" || data["role"] != "1" {
		t.Fatalf("check: %d %s", out.Code, out.Body)
	}
	w.Clock.Move(15 * time.Minute)
	for _, header := range [][]string{{"Authorization", token}, {"Authorization", token, "x-session-id", id}} {
		out = w.Call("POST", "/koodrive/ose/v1/session/refresh", "", header...)
		if out.Code != 200 || w.Object(out)["accessToken"] != v["accessToken"] {
			t.Fatalf("refresh: %d %s", out.Code, out.Body)
		}
	}
	w.refusedWith(w.Call("POST", "/koodrive/ose/v1/session/refresh", "", "Authorization", token, "x-session-id", "b49"), 400, 13000102)
	w.Clock.Move(15 * time.Minute)
	if out := w.Call("GET", quotaUsed, "", "Authorization", token); out.Code != 200 {
		t.Fatalf("the refreshed token has ended: %d", out.Code)
	}
	for range 2 { // signing out again is no fault
		if out := w.Call("GET", "/koodrive/ose/v1/session/logoff", "", "Authorization", token); out.Code != 200 || out.Body.String() != `{"code":0,"msg":"success"}` {
			t.Fatalf("logoff: %d %s", out.Code, out.Body)
		}
	}
	w.refusedWith(w.Call("GET", quotaUsed, "", "Authorization", token), 401, 13009401)
	w.refusedWith(w.Call("GET", "/koodrive/ose/v1/session/auth", "", "Authorization", token), 401, 13009401)
	w.refusedWith(w.Call("POST", "/koodrive/ose/v1/session/refresh", "", "Authorization", token), 401, 13009401)
}

func TestSessionCallsTakeNeitherSignaturesNorNativeTokens(t *testing.T) {
	w := newWorld(t, koodrive.Options{})
	for _, authorization := range []string{"", vector, "us_reader_token"} {
		header := []string{"Authorization", authorization, "X-User-Id", "user-0001", "X-Date", "20260305T010203Z"}
		w.refusedWith(w.Call("GET", "/koodrive/ose/v1/session/auth", "", header...), 401, 13009401)
		w.refusedWith(w.Call("POST", "/koodrive/ose/v1/session/refresh", "", header...), 401, 13009401)
	}
}

func TestBodiesThatAreNotTheJSONExpectedAreRefused(t *testing.T) {
	w := newWorld(t, koodrive.Options{})
	for _, body := range []string{"", "{", "[]", `"x"`, `{"code":1}`, `{"code":""}`, `{}`, `{"code":"a","code":"b"}`, `{"code":"a"}{}`,
		"{\"code\":\"\xff\"}", `{"code":"` + strings.Repeat("a", 100_000) + `"}`, `{"x":` + strings.Repeat("[", 100) + strings.Repeat("]", 100) + `}`} {
		w.refusedWith(w.Call("POST", "/koodrive/ose/v1/session", body), 400, 13000102)
	}
	w.refusedWith(w.Call("POST", "/koodrive/ose/v1/session", `{"code":"unknown"}`), 401, 13009401)
}
