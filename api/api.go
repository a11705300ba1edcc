// Package api is the native HTTP interface: /api/v1, its OpenAPI document and a
// page to read it. Handlers decode, make one call of the registry or the ledger,
// and encode; what may be done by whom is written once, in the route table.
package api

import (
	"context"
	"log/slog"
	"net/http"
	"net/url"
	"runtime"
	"strings"
	"time"

	"github.com/usance/usance"
	"github.com/usance/usance/api/wire"
	"github.com/usance/usance/internal/backup"
	"github.com/usance/usance/internal/figures"
	"github.com/usance/usance/internal/gate"
	"github.com/usance/usance/internal/httpx"
	"github.com/usance/usance/internal/inside"
	"github.com/usance/usance/internal/refused"
	"github.com/usance/usance/internal/transfer"
	"github.com/usance/usance/ledger"
	"github.com/usance/usance/registry"
)

// Options are what an API is built with.
type Options struct {
	Now    func() time.Time
	Logger *slog.Logger // nil for none
	// BodyTimeout is how long a request body may take to arrive; 0 means 30 s.
	BodyTimeout time.Duration
	// SequenceWait is how long a read with min_sequence waits before it answers
	// 503; 0 means 5 s.
	SequenceWait time.Duration
	// Session, if set, tells who a request without a bearer token speaks for by
	// other means, such as the console's cookie; false when by none.
	Session func(*http.Request) (usance.Principal, bool, error)
	// Home is the tenant that an operator's call is about when it names none;
	// empty has operators always name one.
	Home usance.TenantID
	// Explain says where each façade's numbers come from, by the façade's name.
	Explain map[string]figures.Explainer
	// Facades are asked by callers of this API, by their names.
	Facades map[string]inside.Surface
	// Gate bounds the events that are being recorded; nil takes a gate of 128 MiB,
	// half of it for one tenant.
	Gate *gate.Gate
	// Verify folds a tenant's ledger again somewhere; nil has the call answer 503.
	Verify Verifier
	// Mover moves tenants out and in; nil has those calls answer 503.
	Mover *transfer.Mover
	// Snapshot freezes the embedded store in a folder, to be copied; nil where the
	// store is another one.
	Snapshot func(context.Context) (*backup.Snapshot, error)
	// Version is of the release, told in backups.
	Version string
}

// API answers the native interface. It is safe for concurrent use.
type API struct {
	reg       *registry.Registry
	led       *ledger.Ledger
	now       func() time.Time
	log       *slog.Logger
	wait      time.Duration
	home      usance.TenantID
	session   func(*http.Request) (usance.Principal, bool, error)
	explain   map[string]figures.Explainer
	facades   map[string]inside.Surface
	verify    Verifier
	mover     *transfer.Mover
	snapshot  func(context.Context) (*backup.Snapshot, error)
	backingUp chan struct{} // holds one while a backup is under way
	version   string
	verifying chan struct{} // holds one while a verification is under way
	summing   chan struct{} // holds one for each tenant that is being summed up
	answers   *ledger.Answers
	refused   *refused.Log
	gate      *gate.Gate
	bodies    *httpx.Bodies
	manifests *httpx.Bodies
	routes    []route
	plain     map[string]map[string]*route // by method and path, of routes whose path has no variable
	document  []byte
	docs      http.Handler
}

// New returns an API over a registry and a ledger.
func New(reg *registry.Registry, led *ledger.Ledger, o Options) *API {
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.BodyTimeout == 0 {
		o.BodyTimeout = 30 * time.Second
	}
	if o.SequenceWait == 0 {
		o.SequenceWait = 5 * time.Second
	}
	if o.Gate == nil {
		o.Gate = gate.New(gate.Config{Bytes: 128 << 20, Share: 64 << 20, Turns: runtime.GOMAXPROCS(0)})
	}
	a := &API{gate: o.Gate, reg: reg, led: led, now: o.Now, log: o.Logger, wait: o.SequenceWait, home: o.Home, session: o.Session, explain: o.Explain, facades: o.Facades, verify: o.Verify, mover: o.Mover, snapshot: o.Snapshot, backingUp: make(chan struct{}, 1), version: o.Version,
		verifying: make(chan struct{}, 1), summing: make(chan struct{}, runtime.GOMAXPROCS(0)), answers: led.NewAnswers(), refused: refused.New(o.Now), routes: routes()}
	a.plain = plainRoutes(a.routes)
	a.bodies = httpx.NewBodies(httpx.BodyConfig{Timeout: o.BodyTimeout})
	a.manifests = httpx.NewBodies(httpx.BodyConfig{Timeout: 4 * o.BodyTimeout, Max: usance.MaxManifestBytes, Decoders: 1})
	a.document, a.docs = document(a.routes), newDocs()
	return a
}

// Handler returns the handler of /api/v1/, /openapi.json, /docs and
// /docs/. It matches
// paths as they were sent: mount it so that nothing cleans or redirects them.
func (a *API) Handler() http.Handler {
	return httpx.Chain(http.HandlerFunc(a.serve),
		httpx.RequestID(httpx.RequestIDConfig{}),
		httpx.Recover(a.log, func(w http.ResponseWriter, r *http.Request) {
			writeProblem(w, r, problemOf(&usance.Error{Kind: usance.KindInternal}, usance.Root))
		}))
}

const prefix = "/api/v1"

func (a *API) serve(w http.ResponseWriter, r *http.Request) {
	httpx.SetHeader(w, "X-Content-Type-Options", "nosniff")
	path := r.URL.EscapedPath()
	below, ok := strings.CutPrefix(path, prefix+"/")
	if !ok {
		a.servePage(w, r, path)
		return
	}
	// Answers differ by token, and some hold secrets.
	httpx.SetHeader(w, "Cache-Control", "no-store")
	rt, vars := a.plain[r.Method][below], []string(nil)
	if rt == nil { // no variables win over any
		var allow []string
		if rt, vars, allow = match(a.routes, r.Method, below); rt == nil {
			writeUnrouted(w, r, allow)
			return
		}
	}
	httpx.SetRoute(r.Context(), rt.name)
	q := &request{api: a, w: w, r: r, route: rt, vars: vars}
	if err := q.run(); err != nil {
		a.fail(w, r, err, q.subtree())
	}
}

// servePage serves the document and its page.
func (a *API) servePage(w http.ResponseWriter, r *http.Request, path string) {
	var serve http.HandlerFunc
	switch {
	case path == "/openapi.json":
		serve = a.serveDocument
	case path == "/docs" || strings.HasPrefix(path, "/docs/"):
		path, serve = "/docs", a.docs.ServeHTTP
	default:
		writeUnrouted(w, r, nil)
		return
	}
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		writeUnrouted(w, r, []string{http.MethodGet, http.MethodHead})
		return
	}
	httpx.SetRoute(r.Context(), "GET "+path)
	serve(w, r)
}

// run authenticates, authorizes, reads the parameters and hands over.
func (q *request) run() error {
	if err := q.authenticate(); err != nil {
		return err
	}
	if !q.who.Role.Allows(q.route.right) {
		return usance.Errorf(usance.KindForbidden, "a %s may not do this", q.who.Role)
	}
	if err := q.parseQuery(); err != nil {
		return err
	}
	if err := q.nameTenant(); err != nil {
		return err
	}
	if q.route.where == atRoot {
		if err := q.may(q.route.right, usance.Root); err != nil {
			return err
		}
	}
	if err := q.waitFor(); err != nil {
		return err
	}
	return q.route.handle(q)
}

// waitFor holds a read back until the sequence it asks for is there.
func (q *request) waitFor() error {
	seq, err := q.query.uint("min_sequence")
	if err != nil || seq == 0 || q.tenant == "" {
		return err
	}
	ctx, cancel := context.WithTimeout(q.r.Context(), q.api.wait)
	defer cancel()
	return q.api.led.WaitFor(ctx, q.tenant, seq)
}

func writeUnrouted(w http.ResponseWriter, r *http.Request, allow []string) {
	if allow == nil {
		writeProblem(w, r, problemOf(usance.Errorf(usance.KindNotFound, "there is nothing at this path"), usance.Root))
		return
	}
	w.Header().Set("Allow", strings.Join(allow, ", "))
	writeProblem(w, r, wire.Problem{Type: wire.ProblemPrefix + wire.ProblemMethod, Title: "Method not allowed",
		Status: http.StatusMethodNotAllowed, Detail: "this path answers " + strings.Join(allow, ", ")})
}

// plainRoutes returns the routes whose path has no variable.
func plainRoutes(routes []route) map[string]map[string]*route {
	out := map[string]map[string]*route{}
	for i := range routes {
		if rt := &routes[i]; !strings.Contains(rt.path, "{") {
			if out[rt.method] == nil {
				out[rt.method] = map[string]*route{}
			}
			out[rt.method][strings.TrimPrefix(rt.path, "/")] = rt
		}
	}
	return out
}

// match finds the route of a request. Where none is found, allow lists the
// methods the path does answer, and is nil when it answers none.
func match(routes []route, method, below string) (best *route, vars []string, allow []string) {
	if method == http.MethodHead {
		method = http.MethodGet
	}
	segments := strings.Split(below, "/")
	for i := range routes {
		rt := &routes[i]
		found, ok := rt.matches(segments)
		if !ok {
			continue
		}
		allow = append(allow, rt.method)
		if rt.method == http.MethodGet {
			allow = append(allow, http.MethodHead)
		}
		if rt.method == method && (best == nil || len(found) < len(vars)) {
			best, vars = rt, found
		}
	}
	return best, vars, allow
}

// matches compares the path segment by segment, as sent, and returns the decoded
// values of its variables. An empty segment is no value.
func (rt *route) matches(segments []string) (vars []string, ok bool) {
	if len(segments) != len(rt.segments) {
		return nil, false
	}
	for i, want := range rt.segments {
		if want[0] != '{' {
			if segments[i] != want {
				return nil, false
			}
			continue
		}
		v, err := url.PathUnescape(segments[i])
		if err != nil || v == "" {
			return nil, false
		}
		vars = append(vars, v)
	}
	return vars, true
}
