package console

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/alexedwards/argon2id"
	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/usance/usance"
	"github.com/usance/usance/registry"
	"github.com/usance/usance/store/pebblestore"
)

// fixture is a Console over a registry with the tenant acme, its admin ops and
// its token of role viewer.
type fixture struct {
	*Console
	reg *registry.Registry
	now time.Time
}

const (
	password = "Correct-horse-9"
	bearer   = "us_viewer_token_of_acme"
	operator = "us_operator_for_tests"
)

func newFixture(t *testing.T, change func(*Options)) *fixture {
	t.Helper()
	f := &fixture{now: time.Date(2026, 3, 5, 12, 0, 0, 0, time.UTC)}
	st, err := pebblestore.Open("db", pebblestore.Options{FS: vfs.NewMem(), CacheBytes: 1 << 20, MemTableBytes: 4 << 20})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := st.Close(); err != nil {
			t.Error(err)
		}
	})
	clock := func() time.Time { return f.now }
	f.reg, err = registry.New(st, registry.Options{Now: clock, MasterKey: [32]byte{1},
		PasswordCost: &argon2id.Params{Memory: 64, Iterations: 1, Parallelism: 1, SaltLength: 16, KeyLength: 16}})
	if err != nil {
		t.Fatal(err)
	}
	f.edit(t, registry.Edit{Create: true, Tenant: &usance.Tenant{ID: "acme", Name: "Acme Ltd", Timezone: "Asia/Shanghai"},
		Users:  []registry.UserSpec{{User: usance.User{Name: "ops", Role: usance.RoleAdmin}, Password: new(password)}},
		Tokens: []registry.TokenSpec{{Token: usance.Token{Name: "look", Role: usance.RoleViewer}, Secret: bearer}}})
	if err := f.reg.PutOperatorToken(t.Context(), "operator", operator); err != nil {
		t.Fatal(err)
	}
	o := Options{Now: clock, Key: [32]byte{2}, Version: "1.2.3"}
	if change != nil {
		change(&o)
	}
	if f.Console, err = New(f.reg, o); err != nil {
		t.Fatal(err)
	}
	return f
}

func (f *fixture) edit(t *testing.T, e registry.Edit) {
	t.Helper()
	if _, err := f.reg.Edit(context.WithoutCancel(t.Context()), usance.Actor{Name: "test"}, "acme", e); err != nil {
		t.Fatal(err)
	}
}

// answer is one that has been read.
type answer struct {
	Status     string
	StatusCode int
	Header     http.Header
	body       string
	cookies    []*http.Cookie
}

func (a answer) Cookies() []*http.Cookie { return a.cookies }

// served has a handler answer.
func served(h http.Handler, r *http.Request) answer {
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	got := w.Result()
	defer got.Body.Close()
	return answer{Status: got.Status, StatusCode: got.StatusCode, Header: got.Header, body: w.Body.String(), cookies: got.Cookies()}
}

// ask calls the session resource as the console's page does.
func (f *fixture) ask(method, body, cookie string, change func(*http.Request)) answer {
	r := httptest.NewRequestWithContext(context.Background(), method, "/console/session", strings.NewReader(body))
	r.Header.Set(HeaderConsole, "1")
	r.Header.Set("Content-Type", "application/json")
	if cookie != "" {
		r.AddCookie(&http.Cookie{Name: cookieName, Value: cookie})
	}
	if change != nil {
		change(r)
	}
	return served(f, r)
}

func (f *fixture) signsIn(t *testing.T, body string) string {
	t.Helper()
	answer := f.ask(http.MethodPost, body, "", nil)
	if answer.StatusCode != http.StatusOK || len(answer.Cookies()) != 1 {
		t.Fatalf("%s: %d %s", body, answer.StatusCode, answer.body)
	}
	c := answer.Cookies()[0]
	if !c.HttpOnly || c.SameSite != http.SameSiteStrictMode || c.Path != "/" || c.MaxAge != 0 || !c.Expires.IsZero() {
		t.Errorf("the cookie is %v", c)
	}
	return c.Value
}

// who asks as whom the console takes a request that carries the cookie.
func (f *fixture) who(cookie string, change func(*http.Request)) (usance.Principal, bool, error) {
	r := httptest.NewRequestWithContext(context.Background(), http.MethodGet, "/api/v1/meters", nil)
	r.AddCookie(&http.Cookie{Name: cookieName, Value: cookie})
	r.Header.Set(HeaderConsole, "1")
	if change != nil {
		change(r)
	}
	return f.Authenticate(r)
}

const ops = `{"login":"ops","password":"` + password + `"}`

func TestACookieSpeaksForWhoSignedIn(t *testing.T) {
	f := newFixture(t, nil)
	for body, want := range map[string]usance.Principal{
		ops:                            {Tenant: "acme", User: "ops", Role: usance.RoleAdmin, Subtree: "/", Via: "password"},
		`{"token":"` + bearer + `"}`:   {Tenant: "acme", User: "look", Role: usance.RoleViewer, Subtree: "/", Via: "token"},
		`{"token":"` + operator + `"}`: {User: "operator", Role: usance.RoleOperator, Subtree: "/", Via: "token"},
	} {
		cookie := f.signsIn(t, body)
		if strings.Contains(cookie, "us_") {
			t.Errorf("the cookie shows the token: %s", cookie)
		}
		got, used, err := f.who(cookie, nil)
		if proved := got.Proof != (usance.Proof{}); proved != (got.Role != usance.RoleOperator) {
			t.Errorf("%s: proved by %+v", body, got.Proof)
		}
		got.Proof = usance.Proof{}
		if err != nil || !used || got != want {
			t.Errorf("%s: %+v, %v, %v; want %+v", body, got, used, err, want)
		}
	}
}

func TestThePageLearnsWhoItSpeaksFor(t *testing.T) {
	f := newFixture(t, nil)
	if got := f.ask(http.MethodGet, "", "", nil).body; got != `{"signed_in":false,"version":"1.2.3"}` {
		t.Error(got)
	}
	want := `{"signed_in":true,"user":"ops","role":"admin","via":"password","subtree":"/","tenant":{"id":"acme","name":"Acme Ltd","timezone":"Asia/Shanghai"},"version":"1.2.3"}`
	if got := f.ask(http.MethodGet, "", f.signsIn(t, ops), nil).body; got != want {
		t.Error(got)
	}
}

func TestBadCredentialsOpenNothing(t *testing.T) {
	f := newFixture(t, nil)
	for body, status := range map[string]int{
		`{"login":"ops","password":"wrong"}`:            401,
		`{"login":"nobody","password":"wrong"}`:         401,
		`{"token":"us_unknown_token_here"}`:             401,
		`{}`:                                            400,
		`{"login":"ops"}`:                               400,
		`{"token":"x","login":"ops","password":"y"}`:    400,
		`{"token":"x","token":"y"}`:                     400,
		`not json`:                                      400,
		`{"token":"` + strings.Repeat("x", 9000) + `"}`: 413,
	} {
		answer := f.ask(http.MethodPost, body, "", nil)
		if answer.StatusCode != status || len(answer.Cookies()) != 0 || answer.Header.Get("Content-Type") != "application/problem+json" {
			t.Errorf("%.60s: %d %s", body, answer.StatusCode, answer.body)
		}
	}
	if answer := f.ask(http.MethodPut, "", "", nil); answer.StatusCode != 405 || answer.Header.Get("Allow") == "" {
		t.Error(answer.Status)
	}
}

func TestARequestOfAnotherSiteIsNobodys(t *testing.T) {
	f := newFixture(t, nil)
	cookie := f.signsIn(t, ops)
	for name, change := range map[string]func(*http.Request){
		"without the header": func(r *http.Request) { r.Header.Del(HeaderConsole) },
		"cross-site":         func(r *http.Request) { r.Header.Set("Sec-Fetch-Site", "cross-site") },
		"same-site":          func(r *http.Request) { r.Header.Set("Sec-Fetch-Site", "same-site") },
		"two cookies":        func(r *http.Request) { r.AddCookie(&http.Cookie{Name: cookieName, Value: "u.other"}) },
	} {
		if _, used, err := f.who(cookie, change); used || err != nil {
			t.Errorf("%s: used %v, %v", name, used, err)
		}
		if name == "two cookies" {
			continue
		}
		for _, method := range []string{http.MethodPost, http.MethodDelete} {
			if answer := f.ask(method, ops, cookie, change); answer.StatusCode != 403 {
				t.Errorf("%s %s: %d", method, name, answer.StatusCode)
			}
		}
	}
	if _, used, err := f.who(cookie, func(r *http.Request) { r.Header.Set("Sec-Fetch-Site", "same-origin") }); !used || err != nil {
		t.Errorf("our own page: %v, %v", used, err)
	}
}

func TestSessionsEndTwelveHoursAfterTheirLastUse(t *testing.T) {
	for _, body := range []string{ops, `{"token":"` + bearer + `"}`} {
		f := newFixture(t, nil)
		cookie := f.signsIn(t, body)
		for range 3 {
			f.now = f.now.Add(11 * time.Hour)
			answer := f.ask(http.MethodGet, "", cookie, nil)
			if !strings.Contains(answer.body, `"signed_in":true`) {
				t.Fatalf("%s: ended while in use", body)
			}
			for _, c := range answer.Cookies() {
				cookie = c.Value
			}
		}
		f.now = f.now.Add(13 * time.Hour)
		if _, used, err := f.who(cookie, nil); !used || usance.KindOf(err) != usance.KindUnauthorized {
			t.Errorf("%s: %v, %v after 13 hours", body, used, err)
		}
		answer := f.ask(http.MethodGet, "", cookie, nil)
		if got := answer.body; !strings.Contains(got, `"signed_in":false`) || len(answer.Cookies()) != 1 || answer.Cookies()[0].MaxAge != -1 {
			t.Errorf("%s: %s %v", body, got, answer.Cookies())
		}
	}
}

func TestSigningOutEndsTheSessionForEveryCopyOfItsCookie(t *testing.T) {
	f := newFixture(t, nil)
	cookie, other := f.signsIn(t, ops), f.signsIn(t, ops)
	for range 2 {
		if answer := f.ask(http.MethodDelete, "", cookie, nil); answer.StatusCode != http.StatusNoContent {
			t.Fatal(answer.Status)
		}
	}
	if _, _, err := f.who(cookie, nil); usance.KindOf(err) != usance.KindUnauthorized {
		t.Errorf("still good: %v", err)
	}
	if _, _, err := f.who(other, nil); err != nil {
		t.Errorf("another browser was signed out: %v", err)
	}
}

func TestRightsThatChangeEndWhatWasSignedIn(t *testing.T) {
	f := newFixture(t, nil)
	byPassword, byBearer := f.signsIn(t, ops), f.signsIn(t, `{"token":"`+bearer+`"}`)
	f.edit(t, registry.Edit{Users: []registry.UserSpec{{User: usance.User{Name: "ops", Role: usance.RoleViewer}}}, DeleteTokens: []string{"look"}})
	for _, cookie := range []string{byPassword, byBearer} {
		if _, used, err := f.who(cookie, nil); !used || usance.KindOf(err) != usance.KindUnauthorized {
			t.Errorf("%.2s: %v, %v", cookie, used, err)
		}
	}
}

func TestACookieThatWasTamperedWithIsRefused(t *testing.T) {
	f := newFixture(t, nil)
	cookie := f.signsIn(t, `{"token":"`+operator+`"}`)
	foreign, err := newSealer([32]byte{9})
	if err != nil {
		t.Fatal(err)
	}
	for i := 2; i < len(cookie); i += 5 {
		flipped := []byte(cookie)
		flipped[i] ^= 1
		if _, _, err := f.who(string(flipped), nil); usance.KindOf(err) != usance.KindUnauthorized {
			t.Fatalf("byte %d changed: %v", i, err)
		}
	}
	for _, bad := range []string{"t.", "t.AAAA", "u.", "x", "t." + foreign.seal(operator, f.now.Add(time.Hour)), byToken + operator} {
		if _, _, err := f.who(bad, nil); usance.KindOf(err) != usance.KindUnauthorized {
			t.Errorf("%q: %v", bad, err)
		}
	}
}

// strikes locks a key at its third failure.
type strikes map[string]int

func (s strikes) Locked(key string) (time.Time, bool) {
	return time.Date(2026, 3, 5, 12, 5, 0, 0, time.UTC), s[key] >= 3
}
func (s strikes) Fail(key string) (time.Time, bool) { s[key]++; return s.Locked(key) }
func (s strikes) Succeed(key string)                { delete(s, key) }

func TestGuessingIsLockedOutAndSaysForHowLong(t *testing.T) {
	f := newFixture(t, func(o *Options) { o.Lockout = strikes{} })
	for i, want := range []int{401, 401, 429, 429} {
		answer := f.ask(http.MethodPost, `{"login":"ops","password":"guess"}`, "", nil)
		if answer.StatusCode != want || want == 429 && answer.Header.Get("Retry-After") != "300" {
			t.Errorf("guess %d: %d, Retry-After %q", i, answer.StatusCode, answer.Header.Get("Retry-After"))
		}
	}
	if answer := f.ask(http.MethodPost, ops, "", nil); answer.StatusCode != 429 {
		t.Errorf("the right password while locked: %d", answer.StatusCode)
	}
}

func TestTheCookieStaysOffPlainHTTPBehindTLS(t *testing.T) {
	f := newFixture(t, nil)
	answer := f.ask(http.MethodPost, ops, "", func(r *http.Request) { r.Header.Set("X-Forwarded-Proto", "https") })
	if c := answer.Cookies(); len(c) != 1 || !c[0].Secure {
		t.Errorf("%v", c)
	}
}

func get(t *testing.T, h http.Handler, path string, headers ...string) answer {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, path, nil)
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	return served(h, r)
}

func TestTheBuiltPageIsServedStrictlyAndCachedByContent(t *testing.T) {
	script := strings.Repeat("export const x = 1;\n", 200)
	p, err := loadPages(fstest.MapFS{
		"site/unbuilt.html":         {Data: []byte("<h1>unbuilt</h1>")},
		"site/dist/index.html":      {Data: []byte("<h1>console</h1>")},
		"site/dist/icon.svg":        {Data: []byte("<svg/>")},
		"site/dist/assets/a-123.js": {Data: []byte(script)},
	})
	if err != nil || !p.built {
		t.Fatal(p, err)
	}
	for _, path := range []string{"/", "/console", "/console/", "/console/t/acme/usage", "/console/index.html"} {
		answer := get(t, p, path)
		h := answer.Header
		if answer.StatusCode != 200 || answer.body != "<h1>console</h1>" || h.Get("Cache-Control") != "no-cache" || h.Get("X-Content-Type-Options") != "nosniff" ||
			h.Get("Referrer-Policy") != "no-referrer" {
			t.Errorf("%s: %d %v", path, answer.StatusCode, h)
		}
		csp := h.Get("Content-Security-Policy")
		if strings.Contains(csp, "unsafe") || !strings.Contains(csp, "script-src 'self';") || !strings.Contains(csp, "style-src 'self';") || !strings.Contains(csp, "frame-ancestors 'none'") {
			t.Errorf("%s: policy %q", path, csp)
		}
	}
	asset := get(t, p, "/console/assets/a-123.js")
	if h := asset.Header; asset.body != script || h.Get("Cache-Control") != "public, max-age=31536000, immutable" || h.Get("Content-Type") != "text/javascript; charset=utf-8" {
		t.Errorf("%v", h)
	}
	packed := get(t, p, "/console/assets/a-123.js", "Accept-Encoding", "br, gzip;q=0.5")
	if body := packed.body; packed.Header.Get("Content-Encoding") != "gzip" || len(body) >= len(script)/4 {
		t.Errorf("%v, %d bytes", packed.Header, len(body))
	}
	for _, refused := range []string{"", "br", "gzip;q=0", "identity"} {
		if plain := get(t, p, "/console/assets/a-123.js", "Accept-Encoding", refused); plain.Header.Get("Content-Encoding") != "" {
			t.Errorf("%q: %v", refused, plain.Header)
		}
	}
	if again := get(t, p, "/console/icon.svg", "If-None-Match", get(t, p, "/console/icon.svg").Header.Get("ETag")); again.StatusCode != http.StatusNotModified {
		t.Error(again.Status)
	}
	if gone := get(t, p, "/console/assets/old-1.js"); gone.StatusCode != 404 || gone.Header.Get("Cache-Control") != "no-store" {
		t.Errorf("%d %v", gone.StatusCode, gone.Header)
	}
}

func TestAServerBuiltWithoutTheConsoleSaysHowToGetIt(t *testing.T) {
	body, err := site.ReadFile("site/unbuilt.html")
	if err != nil {
		t.Fatal(err)
	}
	p, err := loadPages(fstest.MapFS{"site/unbuilt.html": {Data: body}})
	if err != nil || p.built {
		t.Fatal(p, err)
	}
	answer := get(t, p, "/")
	if got := answer.body; answer.StatusCode != 200 || !strings.Contains(got, "make build") {
		t.Errorf("%d %s", answer.StatusCode, got)
	}
}

func TestTheConsoleOwnsItsPathsAlone(t *testing.T) {
	f := newFixture(t, nil)
	for path, want := range map[string]bool{"/": true, "/console": true, "/console/": true, "/console/t/acme": true, "/consoles": false, "/api/v1/meters": false, "/v1/x": false, "/openapi.json": false} {
		if f.Owns(path) != want {
			t.Errorf("%s: %v", path, !want)
		}
	}
}
