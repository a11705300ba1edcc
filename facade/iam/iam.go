// Package iam answers as Huawei Cloud's Identity and Access Management does, as
// far as clients of Cloud RTC and MetaStudio need it: tokens for passwords,
// temporary access keys for tokens, and the look-ups of projects and accounts by
// which the vendor's SDKs find their own ids. It also checks the credentials of
// requests to those services (Authenticate), the way the vendor's gateway does
// before a service is reached.
//
// It translates only: users, keys and sessions are the registry's. Where the
// vendor's documents are silent or contradict each other, DIVERGENCES.md says
// what is done here and why.
package iam

import (
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/usance/usance/internal/gateway"
	"github.com/usance/usance/internal/httpx"
	"github.com/usance/usance/internal/sdksign"
	"github.com/usance/usance/ledger"
	"github.com/usance/usance/registry"
)

// Options are what a Facade is built with. Zero values mean the defaults.
type Options struct {
	Now    func() time.Time // required
	Logger *slog.Logger

	TokenLife time.Duration // of a token; default 24 hours
	// Window says how far X-Sdk-Date may lie from the clock; default 15 minutes
	// either way.
	Window sdksign.Window

	Failures int           // in a row that lock an access key or a user name; default 5, negative for never
	LockFor  time.Duration // how long; default 5 minutes
	// Limits bound requests; a name of Throttles that it lacks is as documented.
	Limits  gateway.Limits
	MaxBody int64 // bytes of a request body; default 64 KiB
}

// Throttles are the limits kept unless Options say otherwise, each by the process,
// as the locks are: of sign-ins from one network address under one name.
func Throttles() gateway.Limits {
	return gateway.Limits{"iam.signin": {Requests: 100, Per: time.Minute}}
}

// Facade serves IAM's API. It is safe for concurrent use.
type Facade struct {
	reg      *registry.Registry
	o        Options
	bodies   *httpx.Bodies
	refusals *gateway.Refusals[*fault]
	keys     *gateway.Lockout // by access key
	users    *gateway.Lockout // by account and user name
	throttle *gateway.Throttle
	routes   []string
	handler  http.Handler
}

// New returns the façade over the core. It reads no usage, so the ledger may be
// nil; it is there to give every façade one shape.
func New(reg *registry.Registry, _ *ledger.Ledger, o Options) *Facade {
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.TokenLife <= 0 {
		o.TokenLife = 24 * time.Hour
	}
	if o.Window == (sdksign.Window{}) {
		o.Window = sdksign.HMACSHA256.Window()
	}
	locks := gateway.LockoutConfig{Now: o.Now, Failures: o.Failures, For: o.LockFor}
	f := &Facade{reg: reg, o: o, refusals: refusals(o.Logger),
		bodies:   gateway.ServiceBodies(o.MaxBody),
		keys:     gateway.NewLockout(locks),
		users:    gateway.NewLockout(locks),
		throttle: gateway.NewThrottle(gateway.ThrottleConfig{Now: o.Now, Limit: o.Limits.Over(Throttles())["iam.signin"]}),
	}
	mux := gateway.NewMux()
	mux.HandleFunc("POST /v3/auth/tokens", f.answer(f.createToken))
	mux.HandleFunc("GET /v3/auth/tokens", f.answer(f.validateToken))
	mux.HandleFunc("GET /v3/auth/projects", f.answer(f.authProjects))
	mux.HandleFunc("GET /v3/auth/domains", f.answer(f.authDomains))
	mux.HandleFunc("GET /v3/projects", f.answer(f.listProjects))
	mux.HandleFunc("GET /v3/projects/{project_id}", f.answer(f.showProject))
	mux.HandleFunc("POST /v3.0/OS-CREDENTIAL/securitytokens", f.answer(f.createSecurityToken))
	mux.HandleFunc("GET /v5/caller-identity", f.answer(f.callerIdentity))
	f.routes = mux.Patterns()
	f.handler = gateway.Front(gateway.FrontConfig{Now: o.Now, Log: o.Logger}, mux)
	return f
}

// Owns reports whether a request path belongs to IAM's surface.
func (f *Facade) Owns(path string) bool {
	return strings.HasPrefix(path, "/v3/") || strings.HasPrefix(path, "/v3.0/") || strings.HasPrefix(path, "/v5/")
}

// headerTraceID carries the id that the vendor's SDKs put into their messages when
// a look-up of theirs fails.
const headerTraceID = "X-Iam-Trace-Id"

// Routes returns every call served, as "METHOD path"; variables of the path are
// in braces.
func (f *Facade) Routes() []string { return slices.Clone(f.routes) }

// ServeHTTP serves the paths that Owns names.
func (f *Facade) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	f.handler.ServeHTTP(w, r)
}

// answer makes a handler of a call that returns a status and a body.
func (f *Facade) answer(call func(http.ResponseWriter, *http.Request) (int, any, error)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set(headerTraceID, httpx.RequestIDFrom(r.Context()))
		status, body, err := call(w, r)
		if err == nil {
			err = httpx.WriteJSON(w, status, body)
		}
		if err != nil {
			f.refusals.Answer(w, r, err)
		}
	}
}

// read reads a JSON body. Members that are not known are let pass: Keystone has
// many that mean nothing here.
func (f *Facade) read(w http.ResponseWriter, r *http.Request, into any) (raw []byte, err error) {
	if raw, err = f.bodies.Raw(w, r); err != nil {
		return nil, err
	}
	return raw, httpx.DecodeJSON(raw, into, httpx.JSONRules{AllowUnknown: true})
}
