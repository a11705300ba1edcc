package iam_test

import (
	"math/rand/v2"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/usance/usance"
	"github.com/usance/usance/facade/iam"
	"github.com/usance/usance/internal/gateway"
	"github.com/usance/usance/internal/sdksign"
	"github.com/usance/usance/registry"
)

const usagePath = "/v1/" + rootProject + "/rtc/history/usage"

// reason checks a refusal by Authenticate and returns what follows the gateway's
// sentence.
func reason(t testing.TB, refused *gateway.Fault) string {
	t.Helper()
	if refused == nil {
		t.Fatal("not refused")
	}
	text, ok := strings.CutPrefix(refused.Message, "Incorrect IAM authentication information: ")
	if refused.Status != 401 || refused.Code != "APIGW.0301" || !ok {
		t.Fatalf("%d %v", refused.Status, refused)
	}
	return text
}

func (w *world) authenticate(r *http.Request, body string) (usance.Principal, string, *gateway.Fault) {
	return w.Facade.Authenticate(r, []byte(body))
}

func TestEveryWayOfSigningIsAccepted(t *testing.T) {
	w := newWorld(t, iam.Options{})
	for _, scheme := range []sdksign.Scheme{sdksign.HMACSHA256, sdksign.HMACSM3, sdksign.ECDSAP256, sdksign.SM2SM3, sdksign.Derived} {
		r := w.Signed(scheme, "AKEXAMPLE", "SKEXAMPLE", http.MethodGet, usagePath+"?app=x&end_date&metric=M&start_date", "", "X-Project-Id", rootProject)
		p, project, refused := w.authenticate(r, "")
		if refused != nil || p.Tenant != acme || p.User != "ops" || p.Role != usance.RoleAdmin || project != rootProject {
			t.Errorf("%v: %v %q %v", scheme, p, project, refused)
		}
	}
	r := w.Signed(sdksign.HMACSHA256, "AKEXAMPLE", "SKEXAMPLE", http.MethodPost, usagePath, `{"a":1}`)
	if _, project, refused := w.authenticate(r, `{"a":1}`); refused != nil || project != "" {
		t.Error(project, refused)
	}
}

func TestASignatureCoversTheWholeRequest(t *testing.T) {
	w := newWorld(t, iam.Options{})
	for name, tamper := range map[string]func(r *http.Request) (body string){
		"method":          func(r *http.Request) string { r.Method = http.MethodPut; return "b" },
		"path":            func(r *http.Request) string { r.URL.Path += "x"; return "b" },
		"query value":     func(r *http.Request) string { r.URL.RawQuery = "app=2"; return "b" },
		"query added":     func(r *http.Request) string { r.URL.RawQuery += "&more=1"; return "b" },
		"query taken off": func(r *http.Request) string { r.URL.RawQuery = ""; return "b" },
		"body":            func(*http.Request) string { return "c" },
		"body taken off":  func(*http.Request) string { return "" },
		"header":          func(r *http.Request) string { r.Header.Set("X-Project-Id", "another"); return "b" },
		"header gone":     func(r *http.Request) string { r.Header.Del("X-Project-Id"); return "b" },
		"date":            func(r *http.Request) string { r.Header.Set("X-Sdk-Date", "20260305T010204Z"); return "b" },
		"signature": func(r *http.Request) string {
			r.Header.Set("Authorization", strings.Replace(r.Header.Get("Authorization"), "Signature=", "Signature=00", 1))
			return "b"
		},
	} {
		r := w.Signed(sdksign.HMACSHA256, "AKEXAMPLE", "SKEXAMPLE", http.MethodPost, "/v2/apps?app=1", "b", "X-Project-Id", rootProject)
		if _, _, refused := w.authenticate(r, "b"); refused != nil {
			t.Fatal(refused)
		}
		body := tamper(r)
		_, _, refused := w.authenticate(r, body)
		if text := reason(t, refused); !strings.HasPrefix(text, "verify aksk signature fail, canonicalRequest:"+r.Method+"|/v2/apps") {
			t.Errorf("%s: %s", name, text)
		}
	}
}

func TestTheCanonicalRequestIsEchoed(t *testing.T) {
	w := newWorld(t, iam.Options{})
	r := w.Signed(sdksign.HMACSHA256, "AKEXAMPLE", "wrong", http.MethodGet, "/v2/apps?b&a=1", "")
	_, _, refused := w.authenticate(r, "")
	want := "verify aksk signature fail, canonicalRequest:GET|/v2/apps/|a=1&b=|x-sdk-date:20260305T010203Z||x-sdk-date|" +
		"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
	if text := reason(t, refused); text != want {
		t.Errorf("%s\nwant\n%s", text, want)
	}
}

func TestASignatureIsGoodForFifteenMinutesEitherWay(t *testing.T) {
	for _, c := range []struct {
		moved time.Duration
		good  bool
	}{
		{0, true}, {15*time.Minute - 4*time.Millisecond, true}, {15 * time.Minute, false}, {time.Hour, false},
		{-15 * time.Minute, true}, {-15*time.Minute - 5*time.Millisecond, false}, {-24 * time.Hour, false},
	} {
		w := newWorld(t, iam.Options{})
		r := w.Signed(sdksign.HMACSHA256, "AKEXAMPLE", "SKEXAMPLE", http.MethodGet, usagePath, "")
		w.Clock.Move(c.moved) // the signature's own time has no milliseconds, the clock has 4
		_, _, refused := w.authenticate(r, "")
		if c.good && refused != nil {
			t.Errorf("%v: %v", c.moved, refused)
		}
		if !c.good {
			if text := reason(t, refused); text != "calc ak sk signature fail:signature expired" {
				t.Errorf("%v: %s", c.moved, text)
			}
		}
	}
}

func TestRefusalsNameTheGatewaysReasons(t *testing.T) {
	w := newWorld(t, iam.Options{})
	good := func() *http.Request {
		return w.Signed(sdksign.HMACSHA256, "AKEXAMPLE", "SKEXAMPLE", http.MethodGet, usagePath, "")
	}
	with := func(header ...string) *http.Request { return w.Request(http.MethodGet, usagePath, "", header...) }
	appSigned := with("Authorization", "HMAC-SHA256 AppId=app-0001,SignedHeaders=x-date;x-user-id,Signature=00", "X-Date", "20260305T010203Z", "X-User-Id", "ops")
	twice := good()
	twice.Header.Add("Authorization", twice.Header.Get("Authorization"))
	for name, c := range map[string]struct {
		r    *http.Request
		want string
	}{
		"nothing":          {with(), "x-auth-token not found"},
		"empty token":      {with("X-Auth-Token", ""), "x-auth-token not found"},
		"bearer":           {with("Authorization", "Bearer us_token"), "x-auth-token not found"},
		"another product":  {appSigned, "x-auth-token not found"},
		"unknown token":    {with("X-Auth-Token", "nonsense"), "decrypt token fail"},
		"endless token":    {with("X-Auth-Token", strings.Repeat("x", 10<<10)), "decrypt token fail"},
		"unknown key":      {w.Signed(sdksign.HMACSHA256, "AKNONE", "x", http.MethodGet, usagePath, ""), "ak AKNONE not exist"},
		"app key":          {w.Signed(sdksign.HMACSHA256, "app-0001", "appsecret", http.MethodGet, usagePath, ""), "ak app-0001 not exist"},
		"no security":      {w.Signed(sdksign.HMACSHA256, "AKEXAMPLE", "SKEXAMPLE", http.MethodGet, usagePath, "", "X-Security-Token", "nonsense"), "decrypt token fail"},
		"malformed":        {with("Authorization", "SDK-HMAC-SHA256 Access=AKEXAMPLE"), "verify aksk signature fail, the Authorization header lacks the key, SignedHeaders or Signature"},
		"more than one":    {twice, "verify aksk signature fail, there is more than one Authorization header"},
		"no date":          {with("Authorization", "SDK-HMAC-SHA256 Access=AKEXAMPLE, SignedHeaders=host, Signature=00"), "verify aksk signature fail, there is no X-Sdk-Date header"},
		"date not signed":  {with("Authorization", "SDK-HMAC-SHA256 Access=AKEXAMPLE, SignedHeaders=host, Signature=00", "X-Sdk-Date", "20260305T010203Z"), "verify aksk signature fail, X-Sdk-Date is not among the signed headers"},
		"token over a key": {func() *http.Request { r := good(); r.Header.Set("X-Auth-Token", "nonsense"); return r }(), "decrypt token fail"},
	} {
		_, _, refused := w.authenticate(c.r, "")
		if text := reason(t, refused); text != c.want {
			t.Errorf("%s: %q, want %q", name, text, c.want)
		}
	}
}

func TestDisabledAndDeletedKeysAreUnknown(t *testing.T) {
	w := newWorld(t, iam.Options{})
	sign := func() *http.Request {
		return w.Signed(sdksign.HMACSHA256, "AKWEB", "SKWEB", http.MethodGet, usagePath, "")
	}
	web := usance.User{Name: "web", Role: usance.RoleViewer, Subtree: "/rtc", Disabled: true}
	w.Edit(acme, registry.Edit{Users: []registry.UserSpec{{User: web}}})
	if _, _, refused := w.authenticate(sign(), ""); reason(t, refused) != "ak AKWEB not exist" {
		t.Error(refused)
	}
	web.Disabled = false
	w.Edit(acme, registry.Edit{Users: []registry.UserSpec{{User: web}}})
	if p, _, refused := w.authenticate(sign(), ""); refused != nil || p.Subtree != "/rtc" {
		t.Error(p, refused)
	}
	w.Edit(acme, registry.Edit{DeleteKeys: []registry.KeyRef{{Kind: usance.KeyAKSK, ID: "AKWEB"}}})
	if _, _, refused := w.authenticate(sign(), ""); reason(t, refused) != "ak AKWEB not exist" {
		t.Error(refused)
	}
}

func TestFiveWrongSignaturesLockAKeyForFiveMinutes(t *testing.T) {
	w := newWorld(t, iam.Options{})
	try := func(id, secret string) *gateway.Fault {
		_, _, refused := w.authenticate(w.Signed(sdksign.HMACSHA256, id, secret, http.MethodGet, usagePath, ""), "")
		return refused
	}
	locked := "AK access failed to reach the limit,forbidden."
	for range 4 {
		if strings.HasPrefix(reason(t, try("AKEXAMPLE", "wrong")), "AK access") {
			t.Fatal("locked too early")
		}
	}
	if refused := try("AKEXAMPLE", "SKEXAMPLE"); refused != nil { // ends the row
		t.Fatal(refused)
	}
	for range 5 {
		if !strings.HasPrefix(reason(t, try("AKEXAMPLE", "wrong")), "verify aksk signature fail") {
			t.Fatal("locked too early")
		}
	}
	if text := reason(t, try("AKEXAMPLE", "SKEXAMPLE")); text != locked {
		t.Fatal(text)
	}
	if refused := try("AKOTHER", "SKOTHER"); refused != nil {
		t.Fatal(refused)
	}
	w.Clock.Move(5*time.Minute - time.Nanosecond)
	if text := reason(t, try("AKEXAMPLE", "SKEXAMPLE")); text != locked {
		t.Fatal(text)
	}
	w.Clock.Move(time.Nanosecond)
	if refused := try("AKEXAMPLE", "SKEXAMPLE"); refused != nil {
		t.Fatal(refused)
	}
	// Requests that are merely late are no guesses at a secret.
	late := w.Signed(sdksign.HMACSHA256, "AKEXAMPLE", "SKEXAMPLE", http.MethodGet, usagePath, "")
	w.Clock.Move(time.Hour)
	for range 6 {
		_, _, refused := w.authenticate(late, "")
		if text := reason(t, refused); text != "calc ak sk signature fail:signature expired" {
			t.Fatal(text)
		}
	}
}

func TestATokenIsForItsProjectAlone(t *testing.T) {
	w := newWorld(t, iam.Options{})
	with := func(token string) *http.Request {
		return w.Request(http.MethodGet, usagePath, "", "X-Auth-Token", token)
	}
	p, project, refused := w.authenticate(with(w.signIn("acme", "ops", inProject)), "")
	if refused != nil || p.User != "ops" || p.Tenant != acme || project != rootProject {
		t.Error(p, project, refused)
	}
	_, _, refused = w.authenticate(with(w.signIn("acme", "ops", inAccount)), "")
	if refused == nil || refused.Status != 403 || refused.Code != "APIGW.0302" {
		t.Error(refused)
	}
	r := with(w.signIn("acme", "web", `{"project":{"name":"cn-east-3"}}`))
	r.Header.Set("Authorization", "SDK-HMAC-SHA256 Access=AKOTHER, SignedHeaders=x-sdk-date, Signature=00")
	if p, project, refused = w.authenticate(r, ""); refused != nil || p.User != "web" || project != nodeProject {
		t.Error("the token does not come first:", p, project, refused)
	}
}

func TestAnExpiredTokenSaysWhenItExpired(t *testing.T) {
	w := newWorld(t, iam.Options{})
	token := w.signIn("acme", "ops", inProject)
	r := w.Request(http.MethodGet, usagePath, "", "X-Auth-Token", token)
	w.Clock.Move(24*time.Hour - time.Microsecond)
	if _, _, refused := w.authenticate(r, ""); refused != nil {
		t.Fatal(refused)
	}
	w.Clock.Move(time.Microsecond)
	_, _, refused := w.authenticate(r, "")
	if text := reason(t, refused); text != "token expires, expires_at: 2026-03-06T01:02:03.004000Z" {
		t.Error(text)
	}
	// One byte off, and it is no token any more, expired or not.
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	i := rand.New(rand.NewPCG(seed, 0)).IntN(len(token) - 1)
	other := byte('A')
	if token[i] == other {
		other = 'B'
	}
	mangled := token[:i] + string(other) + token[i+1:]
	_, _, refused = w.authenticate(w.Request(http.MethodGet, usagePath, "", "X-Auth-Token", mangled), "")
	if text := reason(t, refused); text != "decrypt token fail" {
		t.Error(i, text)
	}
}

func TestASignedRequestMayNotNameAnotherAccount(t *testing.T) {
	w := newWorld(t, iam.Options{})
	sign := func(header ...string) *http.Request {
		return w.Signed(sdksign.HMACSHA256, "AKEXAMPLE", "SKEXAMPLE", http.MethodGet, usagePath, "", header...)
	}
	if _, _, refused := w.authenticate(sign("X-Domain-Id", iam.DomainID(acme)), ""); refused != nil {
		t.Error(refused)
	}
	if _, _, refused := w.authenticate(sign("X-Domain-Id", iam.DomainID("other")), ""); refused == nil || refused.Status != 403 {
		t.Error(refused)
	}
	if _, _, refused := w.authenticate(sign("X-Project-Id", "a", "X-Project-Id", "b"), ""); refused == nil || refused.Status != 400 {
		t.Error(refused)
	}
}
