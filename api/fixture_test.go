package api

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/alexedwards/argon2id"
	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/getkin/kin-openapi/routers"
	"github.com/getkin/kin-openapi/routers/legacy"

	"github.com/usance/usance"
	"github.com/usance/usance/api/wire"
	"github.com/usance/usance/facade/meeting"
	"github.com/usance/usance/internal/backup"
	"github.com/usance/usance/internal/facadetest"
	"github.com/usance/usance/internal/figures"
	"github.com/usance/usance/internal/inside"
	"github.com/usance/usance/internal/transfer"
	"github.com/usance/usance/ledger"
	"github.com/usance/usance/registry"
	"github.com/usance/usance/store"
	"github.com/usance/usance/store/pebblestore"
)

func TestMain(m *testing.M) {
	for _, media := range []string{wire.TypeEvent, wire.TypeBatch} {
		openapi3filter.RegisterBodyDecoder(media, openapi3filter.JSONBodyDecoder)
	}
	text := func(body io.Reader, _ http.Header, _ *openapi3.SchemaRef, _ openapi3filter.EncodingFn) (any, error) {
		b, err := io.ReadAll(body)
		return string(b), err
	}
	for _, media := range []string{wire.TypeNDJSON, wire.TypeCSV, wire.TypeYAML, wire.TypeArchive, wire.TypeTar} {
		openapi3filter.RegisterBodyDecoder(media, text)
	}
	os.Exit(m.Run())
}

var cheap = argon2id.Params{Memory: 8, Iterations: 1, Parallelism: 1, SaltLength: 8, KeyLength: 16}

const (
	acme = usance.TenantID("acme")
	beta = usance.TenantID("beta")
)

var tester = usance.Actor{Name: "test"}

// house is a whole API over the real engine in memory, with the tenants acme and
// beta and a token for every role.
type house struct {
	t   testing.TB
	reg *registry.Registry
	led *ledger.Ledger
	api *API
	h   http.Handler
	st  store.Store

	mu   sync.Mutex
	time time.Time
}

var noon = time.Date(2026, 3, 10, 12, 0, 0, 0, time.UTC)

// secretOf is the bearer token of that name.
func secretOf(name string) string { return "us_secret-of-" + name }

func newHouse(t testing.TB) *house {
	t.Helper()
	h := newHouseOf(t)
	h.define(acme)
	h.define(beta)
	return h
}

// newHouseOf is a house without tenants.
func newHouseOf(t testing.TB) *house {
	t.Helper()
	st := facadetest.OpenStore(t)
	h := &house{t: t, time: noon}
	var err error
	if h.reg, err = registry.New(st, registry.Options{Now: h.now, PasswordCost: &cheap}); err != nil {
		t.Fatal(err)
	}
	h.led = ledger.New(st, h.reg, ledger.Options{Now: h.now})
	h.st = st
	meetings := meeting.New(h.reg, h.led, meeting.Options{Now: h.now})
	h.api = New(h.reg, h.led, Options{Now: h.now, SequenceWait: 20 * time.Millisecond, Verify: h.verify, Explain: map[string]figures.Explainer{meeting.Name: meetings.Explain},
		Facades: map[string]inside.Surface{meeting.Name: {Handler: meetings, Calls: meeting.Calls()}},
		Mover:   &transfer.Mover{Store: st, Registry: h.reg, Ledger: h.led, Now: h.now, Scratch: scratchStore},
		Snapshot: func(context.Context) (*backup.Snapshot, error) {
			dir := t.TempDir()
			return &backup.Snapshot{Dir: dir, Close: func() error { return os.RemoveAll(dir) }}, os.WriteFile(filepath.Join(dir, "1.sst"), []byte("rows"), 0o600)
		}})
	h.h = h.api.Handler()
	h.must(h.reg.PutOperatorToken(t.Context(), "root", secretOf("operator")))
	return h
}

func scratchStore() (store.Store, error) {
	return pebblestore.Open("", pebblestore.Options{FS: vfs.NewMem()})
}

// verify folds a ledger again in a fresh store in memory.
func (h *house) verify(ctx context.Context, tenant usance.TenantID, progress func(done, of uint64)) (ledger.Verification, error) {
	scratch, err := pebblestore.Open("", pebblestore.Options{FS: vfs.NewMem()})
	if err != nil {
		return ledger.Verification{}, err
	}
	v, err := h.led.Verify(ctx, tenant, scratch, progress)
	return v, errors.Join(err, scratch.Close())
}

func (h *house) now() time.Time {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.time
}

func (h *house) must(err error) {
	h.t.Helper()
	if err != nil {
		h.t.Fatal(err)
	}
}

// define brings a tenant to the state the tests begin with; on one that is so
// already it does nothing.
func (h *house) define(tenant usance.TenantID) {
	h.t.Helper()
	e := registry.Edit{
		Tenant: &usance.Tenant{Name: strings.ToUpper(string(tenant)), Timezone: "Asia/Kathmandu"},
		Nodes:  []usance.Node{{Path: "/a", Name: "A"}, {Path: "/a/x"}, {Path: "/b"}},
		Meters: []usance.Meter{{Name: "tokens", Unit: "1", Aggregation: usance.AggSum, GroupBy: map[string]string{"model": "data.model"},
			Events: []usance.Source{{Type: "llm", Amount: "data.n"}}}},
		Quotas: []usance.Quota{{Node: "/", Meter: "drive.space", Limit: 1000}, {Node: "/a", Meter: "drive.space", Limit: 500}, {Node: "/a/x", Meter: "drive.space", Limit: 100},
			{Node: "/b", Meter: "tokens", Limit: 9, Window: usance.DayWindow}},
		Users: []registry.UserSpec{{User: usance.User{Name: "ann", Role: usance.RoleAdmin}}},
		Keys:  []registry.KeySpec{{Key: usance.Key{Kind: usance.KeyApp, ID: "app-" + string(tenant), User: "ann"}, Secret: "s3cret"}},
	}
	for _, role := range []usance.Role{usance.RoleAdmin, usance.RoleMember, usance.RoleIngester, usance.RoleViewer} {
		for _, below := range []usance.Path{"/", "/a"} {
			name := tokenName(tenant, role, below)
			e.Tokens = append(e.Tokens, registry.TokenSpec{Token: usance.Token{Name: name, Role: role, Subtree: below}, Secret: secretOf(name)})
		}
	}
	_, err := h.reg.Edit(h.t.Context(), tester, tenant, e)
	h.must(err)
	for id, node := range map[string]usance.Path{"r-a": "/a", "r-b": "/b"} {
		r := usance.Resource{ID: id, Node: node, BusinessType: "LIVE_2D", ChargingMode: usance.OneTime, Source: usance.Purchased, Expires: noon.AddDate(0, 1, 0)}
		_, err := h.led.PutResource(h.t.Context(), tester, tenant, r, false)
		h.must(err)
	}
}

func tokenName(tenant usance.TenantID, role usance.Role, below usance.Path) string {
	return string(tenant) + "-" + string(role) + strings.ReplaceAll(string(below), "/", "-")
}

// call is one request of a test.
type call struct {
	method, path string
	token        string // a name for secretOf, or "" for acme's admin, or "none"
	body         string
	media        string // "" for JSON
	headers      map[string]string
}

type reply struct {
	*httptest.ResponseRecorder
	t testing.TB
}

// do makes the call, and holds the answer, and a request that was taken, against
// the OpenAPI document.
func (h *house) do(c call) *reply {
	h.t.Helper()
	r := httptest.NewRequestWithContext(h.t.Context(), c.method, "http://usance.test"+c.path, strings.NewReader(c.body))
	if c.body == "" {
		r.Body, r.ContentLength = http.NoBody, 0
	}
	switch c.token {
	case "none":
	case "":
		r.Header.Set("Authorization", "Bearer "+secretOf("acme-admin-"))
	default:
		r.Header.Set("Authorization", "Bearer "+secretOf(c.token))
	}
	if c.body != "" {
		r.Header.Set("Content-Type", either(c.media, wire.TypeJSON))
	}
	for k, v := range c.headers {
		r.Header.Set(k, v)
	}
	w := httptest.NewRecorder()
	h.h.ServeHTTP(w, r)
	if c.method != http.MethodHead { // it is GET's answer without its body
		h.check(c, r, w)
	}
	return &reply{w, h.t}
}

func either(s, fallback string) string {
	if s == "" {
		return fallback
	}
	return s
}

func (r *reply) want(status int) *reply {
	r.t.Helper()
	if r.Code != status {
		r.t.Fatalf("status %d instead of %d: %s", r.Code, status, r.Body)
	}
	return r
}

func (r *reply) json(v any) {
	r.t.Helper()
	reflect.ValueOf(v).Elem().SetZero() // what an answer leaves out is not what the one before said
	if err := json.Unmarshal(r.Body.Bytes(), v); err != nil {
		r.t.Fatalf("%v in %s", err, r.Body)
	}
}

func (r *reply) problem() wire.Problem {
	r.t.Helper()
	if got := r.Header().Get("Content-Type"); got != wire.TypeProblem {
		r.t.Fatalf("Content-Type %q of status %d: %s", got, r.Code, r.Body)
	}
	var p wire.Problem
	r.json(&p)
	if p.Status != r.Code || p.RequestID == "" || p.Title == "" {
		r.t.Fatalf("incomplete problem %s", r.Body)
	}
	return p
}

// The document as a judge of requests and answers, loaded once from what is
// served.
var judge = sync.OnceValues(func() (routers.Router, error) {
	doc, err := openapi3.NewLoader().LoadFromData(document(routes()))
	if err != nil {
		return nil, err
	}
	if err := doc.Validate(context.Background()); err != nil {
		return nil, err
	}
	doc.Servers = nil // the tests have no server; the paths are whole
	return legacy.NewRouter(doc)
})

func (h *house) check(c call, r *http.Request, w *httptest.ResponseRecorder) {
	h.t.Helper()
	router, err := judge()
	h.must(err)
	// The router compares decoded paths, where an escaped slash divides.
	plain := r.Clone(r.Context())
	plain.URL.Path, plain.URL.RawPath = strings.ReplaceAll(r.URL.EscapedPath(), "%", "_"), ""
	route, vars, err := router.FindRoute(plain)
	if err != nil {
		if w.Code != http.StatusNotFound && w.Code != http.StatusMethodNotAllowed && !strings.HasPrefix(c.path, "/docs") && c.path != "/openapi.json" {
			h.t.Errorf("%s %s answers %d and is not in the document: %v", c.method, c.path, w.Code, err)
		}
		return
	}
	in := &openapi3filter.RequestValidationInput{Request: r, PathParams: vars, Route: route,
		Options: &openapi3filter.Options{AuthenticationFunc: openapi3filter.NoopAuthenticationFunc, IncludeResponseStatus: true}}
	if w.Code < 300 && r.Header.Get("Content-Encoding") == "" && r.Header.Get("Ce-Specversion") == "" {
		r.Body = io.NopCloser(strings.NewReader(c.body))
		if err := openapi3filter.ValidateRequest(r.Context(), in); err != nil {
			h.t.Errorf("%s %s was taken and is not as the document says: %v", c.method, c.path, err)
		}
	}
	out := &openapi3filter.ResponseValidationInput{RequestValidationInput: in, Status: w.Code, Header: w.Header(), Options: in.Options}
	out.SetBodyBytes(bytes.Clone(w.Body.Bytes()))
	if err := openapi3filter.ValidateResponse(r.Context(), out); err != nil {
		h.t.Errorf("%s %s answers %d, not as the document says: %v\n%s", c.method, c.path, w.Code, err, w.Body)
	}
}
