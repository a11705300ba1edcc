// Package cloudrtc answers as Huawei Cloud RTC does: how many seconds of audio
// and video each application's users received on each UTC day
// (ListRtcHistoryUsage), and which applications there are (ListApps, ShowApp). It
// translates only; every number is the ledger's. Where the vendor's documents are
// silent or contradict each other, DIVERGENCES.md says what is done here and why.
package cloudrtc

import (
	"log/slog"
	"net/http"
	"strings"
	"time"

	"github.com/usance/usance"
	"github.com/usance/usance/internal/gateway"
	"github.com/usance/usance/internal/httpx"
	"github.com/usance/usance/ledger"
	"github.com/usance/usance/registry"
)

// Options are what a Facade is built with. Zero values mean the defaults.
type Options struct {
	Now    func() time.Time // required
	Logger *slog.Logger

	// Authenticate checks a request's credentials, given its body as it was sent. It
	// returns who the request speaks for and the id of the one project the
	// credentials are for, "" when they name none. Required.
	Authenticate func(r *http.Request, body []byte) (usance.Principal, string, *gateway.Fault)

	MaxDays int // the longest span of days in one request; default 31
	// StatisticsPerMinute and AppsPerMinute bound the requests of one tenant for
	// usage and for applications; defaults 30 and 60, negative for no bound. Both are
	// per process.
	StatisticsPerMinute int
	AppsPerMinute       int
	MaxBody             int64 // bytes of a request body; default 64 KiB
}

// Facade serves Cloud RTC's API. It is safe for concurrent use.
type Facade struct {
	reg        *registry.Registry
	led        *ledger.Ledger
	o          Options
	bodies     *httpx.Bodies
	statistics *gateway.Throttle
	apps       *gateway.Throttle
	handler    http.Handler
}

// New returns the façade over the core.
func New(reg *registry.Registry, led *ledger.Ledger, o Options) *Facade {
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.MaxDays <= 0 {
		o.MaxDays = 31
	}
	if o.StatisticsPerMinute == 0 {
		o.StatisticsPerMinute = 30
	}
	if o.AppsPerMinute == 0 {
		o.AppsPerMinute = 60
	}
	if o.MaxBody <= 0 {
		o.MaxBody = 64 << 10
	}
	throttle := func(perMinute int) *gateway.Throttle {
		return gateway.NewThrottle(gateway.ThrottleConfig{Now: o.Now, Limit: gateway.Limit{Requests: perMinute, Per: time.Minute}})
	}
	f := &Facade{reg: reg, led: led, o: o,
		bodies:     httpx.NewBodies(httpx.BodyConfig{Max: o.MaxBody, Timeout: 30 * time.Second}),
		statistics: throttle(o.StatisticsPerMinute), apps: throttle(o.AppsPerMinute)}
	mux := gateway.NewMux()
	mux.HandleFunc("GET /v1/{project_id}/rtc/history/usage", f.answer(f.historyUsage))
	mux.HandleFunc("GET /v2/apps", f.answer(f.listApps))
	mux.HandleFunc("GET /v2/apps/{app_id}", f.answer(f.showApp))
	f.handler = gateway.Front(gateway.FrontConfig{Now: o.Now, Log: o.Logger}, mux)
	return f
}

// Owns reports whether a request path belongs to Cloud RTC's surface:
// /v1/{project_id}/rtc/ and /v2/apps.
func (f *Facade) Owns(path string) bool {
	if rest, ok := strings.CutPrefix(path, "/v2/apps"); ok {
		return rest == "" || rest[0] == '/'
	}
	rest, ok := strings.CutPrefix(path, "/v1/")
	if !ok {
		return false
	}
	_, rest, ok = strings.Cut(rest, "/")
	return ok && strings.HasPrefix(rest, "rtc/")
}

// ServeHTTP serves the paths that Owns names.
func (f *Facade) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Cache-Control", "no-store")
	f.handler.ServeHTTP(w, r)
}

// answer makes a handler of a call that returns a body.
func (f *Facade) answer(call func(http.ResponseWriter, *http.Request) (any, error)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		body, err := call(w, r)
		if err == nil {
			err = httpx.WriteJSON(w, http.StatusOK, body)
		}
		if err != nil {
			f.refuse(w, r, err)
		}
	}
}

// caller is who a request speaks for and where.
type caller struct {
	usance.Principal
	node usance.Path // of the project; of all the principal may see when no project is named
}

// authenticate checks credentials, project and throttle. The project is the one in
// the path; calls without one give "", and the credentials decide.
func (f *Facade) authenticate(w http.ResponseWriter, r *http.Request, throttle *gateway.Throttle, project string) (caller, error) {
	body, err := f.bodies.Raw(w, r)
	if err != nil {
		return caller{}, err
	}
	p, bound, refused := f.o.Authenticate(r, body)
	if refused != nil {
		return caller{}, refused
	}
	for _, named := range [...]string{bound, r.Header.Get("X-Project-Id")} {
		if project == "" {
			project = named
		} else if named != "" && named != project {
			return caller{}, gateway.AccessDenied()
		}
	}
	c := caller{p, p.Subtree}
	if project != "" {
		at, err := f.reg.ResolveAlias(r.Context(), AliasProject, project)
		if usance.KindOf(err) == usance.KindNotFound || err == nil && at.Tenant != p.Tenant {
			return caller{}, gateway.AccessDenied()
		}
		if err != nil {
			return caller{}, err
		}
		c.node = at.Node
	}
	if p.May(usance.RightRead, c.node) != nil {
		return caller{}, gateway.NotPermitted()
	}
	if refused := throttle.Admit(w, string(p.Tenant)); refused != nil {
		return caller{}, refused
	}
	gateway.Upstream(r.Context())
	return c, nil
}
