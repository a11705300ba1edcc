// Package meeting answers as Huawei Cloud Meeting does: what an enterprise uses
// of its meeting resources (orgRes), and the sign-in, refresh, check and sign-out
// of the access tokens that its API takes. It translates only; every number is
// the ledger's. Where the vendor's documents are silent or contradict each other,
// DIVERGENCES.md says what is done here and why.
package meeting

import (
	"log/slog"
	"net"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/usance/usance"
	"github.com/usance/usance/internal/figures"
	"github.com/usance/usance/internal/gateway"
	"github.com/usance/usance/internal/httpx"
	"github.com/usance/usance/internal/inside"
	"github.com/usance/usance/ledger"
	"github.com/usance/usance/registry"
)

// Options are what a Facade is built with. Zero values mean the defaults.
type Options struct {
	Now    func() time.Time // required
	Logger *slog.Logger

	// TokenLife is that of an access token: default 16 hours. The vendor's clients
	// keep a token for 12 hours without asking, so less is taken as 12 hours.
	TokenLife   time.Duration
	RefreshLife time.Duration // of a refresh token; default 30 days

	Failures int           // sign-in failures in a row that lock an account or App ID; default 5, negative for never
	LockFor  time.Duration // how long; default 5 minutes
	// HideDisabled answers the sign-in of a disabled account as a wrong password.
	// By default it is told apart (412), as the vendor does, whatever the password.
	HideDisabled bool

	// Limits bound requests; a name of Throttles that it lacks is as documented.
	Limits  gateway.Limits
	MaxBody int64 // bytes of a request body; default 64 KiB
}

// Throttles are the limits kept unless Options say otherwise, each by the process:
// of one user, and of one tenant, to one API.
func Throttles() gateway.Limits {
	return gateway.Limits{"meeting.user": {Requests: 100, Per: time.Minute}, "meeting.tenant": {Requests: 200, Per: time.Second}}
}

// Facade serves Huawei Cloud Meeting's API. It is safe for concurrent use.
type Facade struct {
	reg      *registry.Registry
	led      *ledger.Ledger
	answers  *ledger.Answers // of orgRes
	o        Options
	bodies   *httpx.Bodies
	refusals *gateway.Refusals[*fault]
	lockout  *gateway.Lockout
	user     *gateway.Throttle // by API, tenant and user
	all      *gateway.Throttle // by API and tenant
	figures  *figures.Set
	routes   []string
	handler  http.Handler
}

const minTokenLife = 12 * time.Hour

// New returns the façade over the core.
func New(reg *registry.Registry, led *ledger.Ledger, o Options) *Facade {
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.TokenLife <= 0 {
		o.TokenLife = 16 * time.Hour
	}
	o.TokenLife = max(o.TokenLife, minTokenLife).Truncate(time.Second)
	if o.RefreshLife <= 0 {
		o.RefreshLife = 30 * 24 * time.Hour
	}
	o.RefreshLife = max(o.RefreshLife, o.TokenLife).Truncate(time.Second)
	limits := o.Limits.Over(Throttles())
	f := &Facade{reg: reg, led: led, answers: led.NewAnswers(), o: o, figures: figures.NewSet(Name, Mapping()), refusals: refusals(o.Logger),
		bodies:  gateway.ServiceBodies(o.MaxBody),
		lockout: gateway.NewLockout(gateway.LockoutConfig{Now: o.Now, Failures: o.Failures, For: o.LockFor}),
		user:    gateway.NewThrottle(gateway.ThrottleConfig{Now: o.Now, Limit: limits["meeting.user"]}),
		all: gateway.NewThrottle(gateway.ThrottleConfig{Now: o.Now, Policy: "api", Header: gateway.HeaderRatelimitAllEnv,
			Limit: limits["meeting.tenant"]}),
	}
	mux := gateway.NewMux()
	mux.Handle("POST /v1/usg/acs/auth/account", f.issuing(f.accountLogin))
	mux.Handle("POST /v1/usg/acs/auth/appauth", f.issuing(f.appLogin))
	mux.Handle("POST /v2/usg/acs/auth/appauth", f.issuing(f.appLogin))
	mux.Handle("PUT /v1/usg/acs/token", f.issuing(f.refresh))
	mux.Handle("POST /v1/usg/acs/token/validate", f.issuing(f.validate))
	mux.HandleFunc("DELETE /v1/usg/acs/token", f.logout)
	mux.HandleFunc("GET /v1/mmc/management/orgRes", f.orgRes)
	f.routes = mux.Patterns()
	f.handler = gateway.Front(gateway.FrontConfig{Now: o.Now, Log: o.Logger, CallerID: true}, mux)
	return f
}

// Owns reports whether a request path belongs to Meeting's surface.
func (f *Facade) Owns(path string) bool {
	for _, prefix := range [...]string{"/v1/mmc/", "/v1/usg/", "/v2/usg/", "/v1/metrics/"} {
		if strings.HasPrefix(path, prefix) {
			return true
		}
	}
	return false
}

// Routes returns every call served, as "METHOD path"; variables of the path are
// in braces.
func (f *Facade) Routes() []string { return slices.Clone(f.routes) }

// Calls returns the reads that may be asked for from inside.
func Calls() []inside.Call {
	return []inside.Call{{Name: "ShowOrgRes", Path: "/v1/mmc/management/orgRes"}}
}

// ServeHTTP serves the paths that Owns names.
func (f *Facade) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	f.handler.ServeHTTP(w, r)
}

// issuing makes a handler of a call that answers with a token.
func (f *Facade) issuing(call func(http.ResponseWriter, *http.Request) (*tokenAnswer, error)) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		answer, err := call(w, r)
		if err == nil {
			err = httpx.WriteJSON(w, http.StatusOK, answer)
		}
		if err != nil {
			f.refusals.Answer(w, r, err)
		}
	})
}

// admit counts a request against both throttles and writes their headers.
func (f *Facade) admit(w http.ResponseWriter, r *http.Request, tenant, user string) error {
	api := httpx.RouteFrom(r.Context())
	if api == "" {
		api = r.Pattern
	}
	if fault := f.user.Admit(w, api+"\x00"+tenant+"\x00"+user); fault != nil {
		return fault
	}
	if fault := f.all.Admit(w, api+"\x00"+tenant); fault != nil {
		return fault
	}
	return nil
}

// admitCaller is admit for a call that comes before anybody is signed in: it
// counts by the network address and the name that asks to be let in.
func (f *Facade) admitCaller(w http.ResponseWriter, r *http.Request, name string) error {
	return f.admit(w, r, "address "+remoteIP(r), name)
}

// remoteIP returns the caller's network address without its port.
func remoteIP(r *http.Request) string {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		return r.RemoteAddr
	}
	return host
}

// read reads a JSON body. Members that are not known are let pass: the documents
// of different years know different ones.
func (f *Facade) read(w http.ResponseWriter, r *http.Request, into any) error {
	body, err := f.bodies.Read(w, r)
	if err != nil {
		return err
	}
	return httpx.DecodeJSON(body, into, httpx.JSONRules{AllowUnknown: true})
}

// caller is the holder of an access token.
type caller struct {
	usance.Principal
	token   string
	session registry.Session
}

// authenticate returns the holder of the access token in X-Access-Token, which is
// what lets anybody from outside in here and nothing else.
func (f *Facade) authenticate(w http.ResponseWriter, r *http.Request) (caller, error) {
	if who, ok := inside.Who(r.Context()); ok {
		return caller{Principal: who}, nil
	}
	c, err := f.holder(r, r.Header.Get("X-Access-Token"))
	if err != nil {
		return c, err
	}
	return c, f.admit(w, r, string(c.Tenant), c.User)
}

func (f *Facade) holder(r *http.Request, token string) (caller, error) {
	if token == "" {
		return caller{}, faultToken
	}
	for _, client := range clientTypes() {
		s, p, err := f.reg.Session(r.Context(), accessKind(client), token)
		if usance.KindOf(err) != usance.KindUnauthorized {
			return caller{p, token, s}, err
		}
	}
	return caller{}, faultToken
}
