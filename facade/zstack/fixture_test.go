package zstack

import (
	"crypto/sha256"
	"crypto/sha512"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/usance/usance"
	"github.com/usance/usance/internal/facadetest"
	"github.com/usance/usance/registry"
)

// The world of the tests.
const (
	company    = "9636f37046a63657b26cb28ed8cbc38a" // /cloud of acme
	department = "4be1c0a7d2f94e5f8a6b1c3d5e7f9012" // /cloud/rd
	lab        = "1f0e4f6d0a4c4b7e9a3b5c7d9e1f2a3b" // /cloud/rd/lab
	foreign    = "77777777777777777777777777777777" // /cloud of globex
	project    = "abababababababababababababababab" // /cloud/rd/p1
	account    = "cdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcd" // its account
	password   = "Quota-2026!"
	keyID      = "ZKEXAMPLE0000000000a"
	keySecret  = "Qz7LmN2pXs4VtB8wYc1DfG5hJk9RrTu3AaEe6iOo"
)

var start = time.Date(2026, 3, 3, 8, 15, 30, 0, time.UTC)

type fixture struct {
	*Facade
	*facadetest.Core
}

// counted is a source of bytes that are the same in every run and never repeat.
type counted struct {
	n   uint64
	buf []byte
}

func (c *counted) Read(p []byte) (int, error) {
	for len(c.buf) < len(p) {
		c.n++
		sum := sha256.Sum256(binary.BigEndian.AppendUint64(nil, c.n))
		c.buf = append(c.buf, sum[:]...)
	}
	copy(p, c.buf)
	c.buf = c.buf[len(p):]
	return len(p), nil
}

func newFixture(t testing.TB, o Options) *fixture {
	t.Helper()
	f := &fixture{Core: facadetest.Open(t, start)}
	o.Now = f.Clock.Now
	f.Facade = New(f.Registry, f.Ledger, o)
	f.random = &counted{}
	f.define()
	return f
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func (f *fixture) define() {
	user := func(name string, role usance.Role, at usance.Path) registry.UserSpec {
		return facadetest.User(name, password, role, at)
	}
	node := func(path usance.Path, name string, aliases map[string]string) usance.Node {
		return usance.Node{Path: path, Name: name, Aliases: aliases}
	}
	f.Edit("acme", registry.Edit{
		Tenant: &usance.Tenant{Name: "Acme Ltd", Timezone: "Asia/Shanghai"},
		Nodes: []usance.Node{
			node("/cloud", "Acme Cloud", map[string]string{aliasOrganization: company}),
			node("/cloud/rd", "Research", map[string]string{aliasOrganization: department}),
			node("/cloud/rd/lab", "", map[string]string{aliasOrganization: lab}),
			node("/cloud/rd/p1", "Project One", map[string]string{aliasProject: project, aliasAccount: account}),
		},
		Meters: []usance.Meter{{Name: "testquota", Unit: "1", Aggregation: usance.AggGauge}},
		Quotas: []usance.Quota{
			{Node: "/cloud", Meter: "vm.cpuNum", Limit: 1024},
			{Node: "/cloud/rd", Meter: "volume.capacity", Limit: usance.Unlimited},
			{Node: "/cloud/rd", Meter: "vm.cpuNum", Limit: 512},
			{Node: "/cloud/rd", Meter: "testquota", Limit: 20},
			{Node: "/cloud/rd/p1", Meter: "vm.cpuNum", Limit: 200},
		},
		Users: []registry.UserSpec{user("ops", usance.RoleAdmin, ""), user("viewer", usance.RoleViewer, ""), user("member", usance.RoleMember, ""),
			user("collector", usance.RoleIngester, ""), user("labhead", usance.RoleAdmin, "/cloud/rd/lab"), user("dev", usance.RoleMember, "/cloud/rd/p1")},
		Keys: []registry.KeySpec{facadetest.Key(usance.KeyZStack, keyID, keySecret, "ops"),
			{Key: usance.Key{Kind: usance.KeyZStack, ID: "ZKDISABLED", User: "ops", Disabled: true}, Secret: keySecret},
			facadetest.Key(usance.KeyAKSK, "AKOTHERKIND", keySecret, "ops")},
	})
	f.Edit("globex", registry.Edit{
		Tenant: &usance.Tenant{Name: "Globex", Timezone: "UTC"},
		Nodes:  []usance.Node{node("/cloud", "Globex Cloud", map[string]string{aliasOrganization: foreign})},
		Quotas: []usance.Quota{{Node: "/cloud", Meter: "vm.cpuNum", Limit: 7}},
		Users:  []registry.UserSpec{user("ops", usance.RoleAdmin, ""), user("hank", usance.RoleAdmin, "")},
		Keys:   []registry.KeySpec{facadetest.Key(usance.KeyZStack, "ZKGLOBEX", keySecret, "hank")},
	})
	f.gauge("acme", "vm-1", "/cloud/rd/p1", "vm.cpuNum", 90)
	f.gauge("acme", "vm-2", "/cloud/rd", "vm.cpuNum", 6)
	f.gauge("acme", "vm-3", "/cloud/web", "vm.cpuNum", 4)
	f.gauge("acme", "vol-1", "/cloud/rd/p1", "volume.capacity", 5497558138880)
	f.gauge("acme", "x", "/cloud/rd", "testquota", 10)
}

func (f *fixture) gauge(tenant usance.TenantID, subject string, node usance.Path, meter string, value int64) {
	f.Helper()
	n := strconv.FormatInt(value, 10)
	e := f.Event(f.Clock.Now().Add(-time.Hour), registry.GaugeEvent, subject, node, `{"meter":"`+meter+`","value":`+n+`}`)
	e.ID = subject + meter + n
	f.Ingest(tenant, e)
}

// answer is what came back.
type answer struct {
	t      testing.TB
	status int
	header http.Header
	body   string
}

// do sends a request; headers are "Name: value".
func (f *fixture) do(method, target, body string, headers ...string) answer {
	f.Helper()
	r := httptest.NewRequestWithContext(f.Context(), method, target, strings.NewReader(body))
	for _, h := range headers {
		name, value, _ := strings.Cut(h, ": ")
		r.Header.Add(name, value)
	}
	w := httptest.NewRecorder()
	f.ServeHTTP(w, r)
	return answer{f.TB, w.Code, w.Header(), w.Body.String()}
}

// as sends a request in a session.
func (f *fixture) as(session, method, target, body string, headers ...string) answer {
	f.Helper()
	return f.do(method, target, body, append(headers, "Authorization: OAuth "+session)...)
}

func (a answer) json() map[string]any {
	a.t.Helper()
	var v map[string]any
	if err := json.Unmarshal([]byte(a.body), &v); err != nil {
		a.t.Fatalf("%d %q is not JSON: %v", a.status, a.body, err)
	}
	return v
}

// ok checks that a synchronous call succeeded and returns its body.
func (a answer) ok() map[string]any {
	a.t.Helper()
	v := a.json()
	if a.status != 200 || v["error"] != nil || v["location"] != nil {
		a.t.Fatalf("want success, got %d %s", a.status, a.body)
	}
	return v
}

// refused checks a business failure: 503, one top-level member, no Retry-After.
func (a answer) refused(code string) map[string]any {
	a.t.Helper()
	v := a.json()
	e, _ := v["error"].(map[string]any)
	if a.status != 503 || len(v) != 1 || e["code"] != code || e["description"] == "" || e["details"] == nil {
		a.t.Fatalf("want 503 %s, got %d %s", code, a.status, a.body)
	}
	if a.header.Get("Retry-After") != "" {
		a.t.Fatal("503 must not carry Retry-After")
	}
	return e
}

// text checks a failure at HTTP's level.
func (a answer) text(status int, part string) {
	a.t.Helper()
	if a.status != status || !strings.HasPrefix(a.header.Get("Content-Type"), "text/plain") || !strings.Contains(a.body, part) || strings.HasPrefix(a.body, "{") {
		a.t.Fatalf("want text %d with %q, got %d %s %q", status, part, a.status, a.header.Get("Content-Type"), a.body)
	}
}

func hashed(clear string) string {
	sum := sha512.Sum512([]byte(clear))
	return hex.EncodeToString(sum[:])
}

func loginBody(name, clear string) string {
	return `{"logInByAccount":{"accountName":"` + name + `","password":"` + hashed(clear) + `"}}`
}

// login returns a session of the user.
func (f *fixture) login(name string) string {
	f.Helper()
	v := f.do("PUT", "/zstack/v1/accounts/login", loginBody(name, password)).ok()
	return v["inventory"].(map[string]any)["uuid"].(string)
}

// async sends an asynchronous call and returns what polling for it answers.
func (f *fixture) async(session, method, target, body string, headers ...string) answer {
	f.Helper()
	a := f.as(session, method, target, body, headers...)
	if a.status != 202 {
		f.Fatalf("want 202, got %d %s", a.status, a.body)
	}
	location, _ := a.json()["location"].(string)
	if !strings.Contains(location, "/zstack/v1/api-jobs/") {
		f.Fatalf("location is %q", location)
	}
	return f.as(session, "GET", location, "")
}
