// Package metastudio answers as Huawei Cloud MetaStudio does about what a tenant
// has bought: how many resources expire within a stretch of time
// (CountTenantResources), and which they are (ListTenantResources). It translates
// only; every number is the ledger's. Where the vendor's documents are silent or
// contradict each other, DIVERGENCES.md says what is done here and why.
package metastudio

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

	// PerSecond bounds the requests of one tenant and SystemPerSecond those of all;
	// defaults 10 and 20, negative for no bound. Both are per process.
	PerSecond       int
	SystemPerSecond int
	MaxBody         int64 // bytes of a request body; default 64 KiB
}

// Facade serves MetaStudio's API. It is safe for concurrent use.
type Facade struct {
	reg     *registry.Registry
	led     *ledger.Ledger
	o       Options
	bodies  *httpx.Bodies
	tenant  *gateway.Throttle
	system  *gateway.Throttle
	routes  map[string]call // by the path behind the project
	handler http.Handler
}

// call is one of the API's calls, all of which are GETs.
type call = func(r *http.Request, c caller) (any, error)

// New returns the façade over the core.
func New(reg *registry.Registry, led *ledger.Ledger, o Options) *Facade {
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.PerSecond == 0 {
		o.PerSecond = 10
	}
	if o.SystemPerSecond == 0 {
		o.SystemPerSecond = 20
	}
	if o.MaxBody <= 0 {
		o.MaxBody = 64 << 10
	}
	f := &Facade{reg: reg, led: led, o: o,
		bodies: httpx.NewBodies(httpx.BodyConfig{Max: o.MaxBody, Timeout: 30 * time.Second}),
		tenant: gateway.NewThrottle(gateway.ThrottleConfig{Now: o.Now,
			Limit: gateway.Limit{Requests: o.PerSecond, Per: time.Second}}),
		system: gateway.NewThrottle(gateway.ThrottleConfig{Now: o.Now, Policy: "api", Header: gateway.HeaderRatelimitAllEnv,
			Limit: gateway.Limit{Requests: o.SystemPerSecond, Per: time.Second}}),
	}
	f.routes = map[string]call{
		"tenants/resources-count": f.countResources,
		"tenants/resources":       f.listResources,
	}
	f.handler = gateway.Front(gateway.FrontConfig{Now: o.Now, Log: o.Logger}, http.HandlerFunc(f.serve))
	return f
}

// split cuts a path into the project's id and what is behind it.
func split(path string) (project, rest string, ok bool) {
	path, ok = strings.CutPrefix(path, "/v1/")
	if !ok {
		return "", "", false
	}
	return strings.Cut(path, "/")
}

// Owns reports whether a request path belongs to MetaStudio's surface:
// /v1/{project_id}/tenants/.
func (f *Facade) Owns(path string) bool {
	_, rest, ok := split(path)
	return ok && strings.HasPrefix(rest, "tenants/")
}

// ServeHTTP serves the paths that Owns names.
func (f *Facade) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Cache-Control", "no-store")
	f.handler.ServeHTTP(w, r)
}

func (f *Facade) serve(w http.ResponseWriter, r *http.Request) {
	project, rest, _ := split(r.URL.Path)
	answer := f.routes[rest]
	if answer == nil {
		f.refuse(w, r, faultNoAPI)
		return
	}
	httpx.SetRoute(r.Context(), "GET /v1/{project_id}/"+rest)
	if r.Method != http.MethodGet {
		f.refuse(w, r, faultMethod)
		return
	}
	c, err := f.authenticate(w, r, project)
	var body any
	if err == nil {
		body, err = answer(r, c)
	}
	if err == nil {
		err = httpx.WriteJSON(w, http.StatusOK, body)
	}
	if err != nil {
		f.refuse(w, r, err)
	}
}

// caller is who a request speaks for and where.
type caller struct {
	usance.Principal
	node usance.Path // of the project
}

// authenticate checks credentials, project and throttles.
func (f *Facade) authenticate(w http.ResponseWriter, r *http.Request, project string) (caller, error) {
	body, err := f.bodies.Raw(w, r)
	if err != nil {
		return caller{}, err
	}
	p, bound, refused := f.o.Authenticate(r, body)
	if refused != nil {
		return caller{}, refused
	}
	if header := r.Header.Get("X-Project-Id"); bound != "" && bound != project || header != "" && header != project {
		return caller{}, faultTenant
	}
	at, err := f.reg.ResolveAlias(r.Context(), AliasProject, project)
	if usance.KindOf(err) == usance.KindNotFound || err == nil && at.Tenant != p.Tenant {
		return caller{}, faultTenant
	}
	if err != nil {
		return caller{}, err
	}
	if p.May(usance.RightRead, at.Node) != nil {
		return caller{}, gateway.NotPermitted()
	}
	if refused := f.tenant.Admit(w, string(p.Tenant)); refused != nil {
		return caller{}, refused
	}
	if refused := f.system.Admit(w, ""); refused != nil {
		return caller{}, refused
	}
	gateway.Upstream(r.Context())
	return caller{p, at.Node}, nil
}
