package server

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha1"
	"crypto/sha512"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/usance/usance"
	"github.com/usance/usance/console"
	"github.com/usance/usance/internal/facadetest"
	"github.com/usance/usance/internal/sdksign"
)

// Everything of acme that a stranger must not see has this in its name.
const private = "Zanzibar"

const (
	acmeProject = "0123456789abcdef0123456789abcdef"
	betaProject = "fedcba9876543210fedcba9876543210"
	ownPart     = "abababababababababababababababab" // of acme, outside the subtree of "below"
	acmeApp     = "5fa682b34a974f7ad24d223b"
)

// credentials are the columns of the matrix. The first six are good ones.
var credentials = []string{"admin", "member", "ingester", "viewer", "below", "foreign", // users of acme; of its /elsewhere; of beta
	"none", "operator", "expired", "revoked", "forged", "replayed"}

// means are the ways to show who one is at a façade.
const (
	bySession = "session" // what a sign-in gave
	byKey     = "key"     // a signature by an access key
)

type matrix struct {
	t     *testing.T
	s     *Server
	clock *facadetest.Clock
	// stale are sessions by credential and surface that were good once.
	stale   map[string]map[string]string
	asked   int
	subject string // a token of acme-admin's that IAM is asked about
	session string // a session of acme-admin's that ZStack is asked to renew
}

// personOf is the user whose credential it is, or was.
func personOf(credential string) string {
	switch credential {
	case "forged", "replayed":
		return "acme-admin"
	case "foreign":
		return "beta-admin"
	}
	return "acme-" + credential
}

func matrixManifest(start time.Time) string {
	var b strings.Builder
	for _, tenant := range []struct{ id, name, project string }{{"acme", private, acmeProject}, {"beta", "Beta", betaProject}} {
		fmt.Fprintf(&b, "- id: %s\n  name: %s Ltd\n  timezone: UTC\n  aliases: {huawei.project: %q, huawei.project_name: %s-north, huawei.domain: %s-account}\n", tenant.id, tenant.name, tenant.project, tenant.id, tenant.id)
		fmt.Fprintf(&b, "  nodes:\n  - {path: /elsewhere}\n  - {path: /drive}\n")
		if tenant.id == "acme" {
			fmt.Fprintf(&b, "  - {path: /cloud, name: %s Cloud, aliases: {zstack.organization: %q}}\n  - {path: /cloud/p, name: %s Project, aliases: {zstack.project: %q, zstack.account: %q}}\n  - {path: /rtc, name: %s, aliases: {rtc.app: %s}}\n",
				private, ownPart, private, strings.ReplaceAll(ownPart, "ab", "cd"), strings.ReplaceAll(ownPart, "ab", "ef"), private, acmeApp)
			fmt.Fprintf(&b, "  quotas: [{node: /cloud, meter: vm.cpuNum, limit: 512}, {node: /cloud/p, meter: vm.cpuNum, limit: 12}, {node: /drive, meter: drive.space, limit: 10GiB}]\n")
			fmt.Fprintf(&b, "  resources: [{id: %s-1, business_type: LIVE_2D, charging_mode: ONE_TIME, source: PURCHASED}]\n", private)
		}
		var users, keys, tokens []string
		for _, who := range []string{"admin", "member", "ingester", "viewer", "below", "expired", "revoked", "forging"} {
			name, role, subtree, expires := tenant.id+"-"+who, who, "/", ""
			switch who {
			case "below":
				role, subtree = "admin", "/elsewhere"
			case "expired", "revoked", "forging":
				role = "admin"
			}
			if who == "expired" {
				expires = ", expires: " + start.Add(time.Hour).Format(time.RFC3339)
			}
			users = append(users, fmt.Sprintf("{name: %s, password: pw-%s, role: %s, subtree: %s}", name, name, role, subtree))
			keys = append(keys, fmt.Sprintf("{kind: aksk, id: AK%[1]s, secret: SK%[1]s, user: %[1]s}", name), fmt.Sprintf("{kind: zstack, id: ZK%[1]s, secret: ZS%[1]s, user: %[1]s}", name),
				fmt.Sprintf("{kind: app, id: app-%[1]s, secret: appkey-%[1]s, user: %[1]s}", name))
			tokens = append(tokens, fmt.Sprintf("{name: %s, role: %s, subtree: %s, secret: us_token_of_%s%s}", name, role, subtree, name, expires))
		}
		fmt.Fprintf(&b, "  users: [%s]\n  keys: [%s]\n  tokens: [%s]\n", strings.Join(users, ", "), strings.Join(keys, ", "), strings.Join(tokens, ", "))
	}
	return "tenants:\n" + b.String()
}

func newMatrix(t *testing.T) *matrix {
	t.Helper()
	m := &matrix{t: t, clock: facadetest.NewClock(noon()), stale: map[string]map[string]string{"expired": {}, "revoked": {}}}
	m.s, _ = newServer(t, func(c *Config) { c.Now, c.Unthrottled = m.clock.Now, true })
	if err := m.s.Registry().PutOperatorToken(t.Context(), "operator", operator); err != nil {
		t.Fatal(err)
	}
	m.native("POST", "/api/v1/apply", matrixManifest(noon()), 200)
	for _, surface := range signedInAt {
		m.stale["expired"][surface] = m.signIn(surface, "acme-expired")
	}
	m.clock.Move(40 * 24 * time.Hour)
	for _, surface := range signedInAt {
		m.stale["revoked"][surface] = m.signIn(surface, "acme-revoked")
	}
	for _, path := range []string{"/keys/aksk/AKacme-revoked", "/keys/zstack/ZKacme-revoked", "/keys/app/app-acme-revoked", "/users/acme-revoked", "/tokens/acme-revoked"} {
		m.native("DELETE", "/api/v1"+path+"?tenant=acme", "", 204)
	}
	return m
}

func (m *matrix) serve(r *http.Request) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	m.s.Handler().ServeHTTP(w, r)
	return w
}

// native is a call by the operator that must succeed.
func (m *matrix) native(method, path, body string, want int) *httptest.ResponseRecorder {
	m.t.Helper()
	w := m.serve(facadetest.Request(method, "http://usance.test"+path, body, "Authorization", "Bearer "+operator))
	if w.Code != want {
		m.t.Fatalf("%s %s: %d %s", method, path, w.Code, w.Body)
	}
	return w
}

// signedInAt lists the surfaces that open sessions. Cloud RTC and MetaStudio take
// IAM's.
var signedInAt = []string{"meeting", "koodrive", "zstack", "iam", "console"}

// signIn opens a session of a user at a surface and returns what shows it.
func (m *matrix) signIn(surface, name string) string {
	m.t.Helper()
	password, tenant := "pw-"+name, name[:4]
	ask := func(want int, method, path, body string, header ...string) (*httptest.ResponseRecorder, map[string]any) {
		w := m.serve(facadetest.Request(method, "http://usance.test"+path, body, append(header, "Content-Type", "application/json")...))
		var v map[string]any
		if err := json.Unmarshal(w.Body.Bytes(), &v); w.Code != want || err != nil {
			m.t.Fatalf("%s signs in at %s: %d %s", name, surface, w.Code, w.Body)
		}
		return w, v
	}
	switch surface {
	case "meeting":
		_, v := ask(200, "POST", "/v1/usg/acs/auth/account", `{"account":"`+name+`","clientType":72}`, "Authorization", "Basic "+base64.StdEncoding.EncodeToString([]byte(name+":"+password)))
		return v["accessToken"].(string)
	case "koodrive":
		var code struct{ Code string }
		if err := json.Unmarshal(m.native("POST", "/api/v1/login-codes?tenant="+tenant, `{"user":"`+name+`"}`, 201).Body.Bytes(), &code); err != nil {
			m.t.Fatal(err)
		}
		_, v := ask(200, "POST", "/koodrive/ose/v1/session", `{"code":"`+code.Code+`"}`)
		return v["accessToken"].(string)
	case "zstack":
		_, v := ask(200, "PUT", "/zstack/v1/accounts/login", fmt.Sprintf(`{"logInByAccount":{"accountName":%q,"password":"%x"}}`, name, sha512.Sum512([]byte(password))))
		return v["inventory"].(map[string]any)["uuid"].(string)
	case "iam":
		scope := fmt.Sprintf(`,"scope":{"project":{"name":"%s-north"}}`, tenant)
		if strings.HasSuffix(name, "-ingester") || strings.HasSuffix(name, "-below") { // they may not enter it
			scope = ""
		}
		w, _ := ask(201, "POST", "/v3/auth/tokens", fmt.Sprintf(`{"auth":{"identity":{"methods":["password"],"password":{"user":{"name":%q,"password":%q,"domain":{"name":"%s-account"}}}}%s}}`, name, password, tenant, scope))
		return w.Header().Get("X-Subject-Token")
	case "console":
		w, _ := ask(200, "POST", "/console/session", fmt.Sprintf(`{"login":%q,"password":%q}`, name, password), console.HeaderConsole, "1")
		return strings.Split(w.Header().Get("Set-Cookie"), ";")[0]
	}
	m.t.Fatalf("nobody signs in at %s", surface)
	return ""
}

// sessionFor returns the session that shows a credential at a surface.
func (m *matrix) sessionFor(surface, credential string) string {
	m.t.Helper()
	switch credential {
	case "none":
		return ""
	case "operator":
		return operator
	case "expired", "revoked":
		return m.stale[credential][surface]
	case "forged":
		token := []byte(m.signIn(surface, personOf(credential)))
		at := len(token) / 2 // the end of a token may be padding
		token[at] = "ab"[bytes.Count(token[at:at+1], []byte("a"))]
		return string(token)
	case "replayed": // where it was not given
		if surface == "meeting" {
			return m.signIn("zstack", personOf(credential))
		}
		return m.signIn("meeting", personOf(credential))
	}
	return m.signIn(surface, personOf(credential))
}

// show puts a credential on a request to a façade.
func (m *matrix) show(r *http.Request, surface, credential, means string) {
	m.t.Helper()
	home := surface
	if surface == "cloudrtc" || surface == "metastudio" {
		home = "iam"
	}
	if means == byKey {
		m.sign(r, home, credential)
		return
	}
	token := m.sessionFor(home, credential)
	if token == "" {
		return
	}
	switch home {
	case "meeting":
		r.Header.Set("X-Access-Token", token)
	case "koodrive":
		r.Header.Set("Authorization", "Bearer "+token)
	case "zstack":
		r.Header.Set("Authorization", "OAuth "+token)
	case "iam":
		r.Header.Set("X-Auth-Token", token)
	}
}

func (m *matrix) sign(r *http.Request, surface, credential string) {
	m.t.Helper()
	name, at := personOf(credential), m.clock.Now()
	if credential == "forged" {
		name = "acme-forging" // wrong signatures lock a key
	}
	if credential == "expired" {
		at = at.Add(-time.Hour)
	}
	other := r.Clone(r.Context()) // a replayed signature is that of another request
	if credential == "replayed" {
		other.URL.Path, other.URL.RawPath = other.URL.Path+"/other", ""
	}
	if surface == "zstack" {
		date, secret := at.Format("Mon, 02 Jan 2006 15:04:05 MST"), "ZS"+name
		if credential == "forged" {
			secret += "?"
		}
		mac := hmac.New(sha1.New, []byte(secret))
		fmt.Fprintf(mac, "%s\n%s\n%s", r.Method, date, strings.TrimPrefix(other.URL.Path, "/zstack"))
		r.Header.Set("Date", date)
		r.Header.Set("Authorization", "ZStack ZK"+name+":"+base64.StdEncoding.EncodeToString(mac.Sum(nil)))
		return
	}
	scheme, id, secret := sdksign.HMACSHA256, "AK"+name, "SK"+name
	if surface == "koodrive" {
		scheme, id, secret = sdksign.AppHMAC, "app-"+name, "appkey-"+name
		other.Header.Set("X-User-Id", name)
	}
	if credential == "forged" {
		secret += "?"
	}
	var body []byte
	if r.GetBody != nil {
		m.t.Fatal("a signed body is not expected here")
	}
	if err := sdksign.SignHTTP(other, body, sdksign.Authorization{Scheme: scheme, KeyID: id}, secret, at); err != nil {
		m.t.Fatal(err)
	}
	for name, values := range other.Header {
		r.Header[name] = values
	}
}

// state is what a refused request must leave as it was.
func (m *matrix) state() string {
	m.t.Helper()
	out := ""
	for _, tenant := range []usance.TenantID{"acme", "beta"} {
		seq, err := m.s.Ledger().Sequence(m.t.Context(), tenant)
		if err != nil {
			m.t.Fatal(err)
		}
		d, err := m.s.Registry().Definitions(m.t.Context(), tenant)
		if err != nil {
			m.t.Fatal(err)
		}
		out += fmt.Sprint(tenant, " ", seq, " ", d.Version, "; ")
	}
	return out
}

func TestEveryNativeRouteRefusesCredentialsThatAreNotGood(t *testing.T) {
	m := newMatrix(t)
	var document struct {
		Paths map[string]map[string]json.RawMessage
	}
	if err := json.Unmarshal(m.serve(facadetest.Request("GET", "http://usance.test/openapi.json", "")).Body.Bytes(), &document); err != nil {
		t.Fatal(err)
	}
	cookie := m.signIn("console", "acme-admin")
	shows := map[string]func(r *http.Request){
		"none":    func(*http.Request) {},
		"expired": func(r *http.Request) { r.Header.Set("Authorization", "Bearer us_token_of_acme-expired") },
		"revoked": func(r *http.Request) { r.Header.Set("Authorization", "Bearer us_token_of_acme-revoked") },
		"forged":  func(r *http.Request) { r.Header.Set("Authorization", "Bearer us_token_of_acme-admim") },
		"unnamed": func(r *http.Request) { r.Header.Set("Authorization", "Bearer ") },
		"basic":   func(r *http.Request) { r.SetBasicAuth("acme-admin", "pw-acme-admin") },
		"ended": func(r *http.Request) {
			setCookie(r, m.stale["expired"]["console"])
			r.Header.Set(console.HeaderConsole, "1")
		},
		"removed": func(r *http.Request) {
			setCookie(r, m.stale["revoked"]["console"])
			r.Header.Set(console.HeaderConsole, "1")
		},
		"altered": func(r *http.Request) {
			setCookie(r, cookie[:len(cookie)-8]+"AAAAAAAA")
			r.Header.Set(console.HeaderConsole, "1")
		},
		"by a page of another site": func(r *http.Request) { setCookie(r, cookie) },
		"by a script of another site": func(r *http.Request) {
			setCookie(r, cookie)
			r.Header.Set(console.HeaderConsole, "1")
			r.Header.Set("Sec-Fetch-Site", "cross-site")
		},
	}
	for _, surface := range signedInAt[:4] {
		token := m.signIn(surface, "acme-admin")
		shows["replayed from "+surface] = func(r *http.Request) { r.Header.Set("Authorization", "Bearer "+token) }
	}
	cells := 0
	for path, methods := range document.Paths {
		for method := range methods {
			target := strings.NewReplacer("{tenant}", "acme", "{", "", "}", "").Replace(path)
			if !strings.HasPrefix(target, "/api/v1/") {
				target = "/api/v1" + target
			}
			before := m.state()
			for name, show := range shows {
				r := facadetest.Request(strings.ToUpper(method), "http://usance.test"+target, "{}", "Content-Type", "application/json")
				show(r)
				w := m.serve(r)
				if w.Code != 401 || !strings.Contains(w.Body.String(), "urn:usance:problem:unauthorized") || strings.Contains(w.Body.String(), private) {
					t.Errorf("%s %s, %s: %d %s", method, target, name, w.Code, w.Body)
				}
				cells++
			}
			if after := m.state(); after != before {
				t.Errorf("%s %s: refused, yet %s became %s", method, target, before, after)
			}
		}
	}
	if cells < 500 {
		t.Errorf("only %d cells", cells)
	}
	t.Logf("%d cells", cells)
}

func setCookie(r *http.Request, cookie string) { r.Header.Set("Cookie", cookie) }
