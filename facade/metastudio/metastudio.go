// Package metastudio answers as Huawei Cloud MetaStudio does about what a tenant
// has bought: how many resources expire within a stretch of time
// (CountTenantResources), and which they are (ListTenantResources). It translates
// only; every number is the ledger's. Where the vendor's documents are silent or
// contradict each other, DIVERGENCES.md says what is done here and why.
package metastudio

import (
	"log/slog"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"

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

	Authenticate gateway.Authenticate // required

	// Limits bound requests; a name of Throttles that it lacks is as documented.
	Limits  gateway.Limits
	MaxBody int64 // bytes of a request body; default 64 KiB
}

// Throttles are the limits kept unless Options say otherwise, each by the process:
// of one tenant, and of all together.
func Throttles() gateway.Limits {
	return gateway.Limits{"metastudio.tenant": {Requests: 10, Per: time.Second}, "metastudio.system": {Requests: 20, Per: time.Second}}
}

// Facade serves MetaStudio's API. It is safe for concurrent use.
type Facade struct {
	reg       *registry.Registry
	led       *ledger.Ledger
	answers   *ledger.Answers // of counts, by query
	now       func() time.Time
	figures   *figures.Set
	projects  gateway.Projects
	refusals  *gateway.Refusals[*gateway.ServiceFault]
	throttles []*gateway.Throttle
	routes    map[string]call // by the path behind the project
	handler   http.Handler
}

// call is one of the API's calls, all of which are GETs.
type call = func(r *http.Request, c gateway.Caller) (any, error)

// New returns the façade over the core.
func New(reg *registry.Registry, led *ledger.Ledger, o Options) *Facade {
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	limits := o.Limits.Over(Throttles())
	f := &Facade{reg: reg, led: led, now: o.Now, answers: led.NewAnswers(), figures: figures.NewSet(Name, Mapping()), refusals: refusals(o.Logger)}
	f.projects = gateway.Projects{Bodies: gateway.ServiceBodies(o.MaxBody), Authenticate: o.Authenticate,
		Resolve: reg.Resolver(AliasProject), Foreign: faultTenant}
	f.throttles = []*gateway.Throttle{
		gateway.NewThrottle(gateway.ThrottleConfig{Now: o.Now, Limit: limits["metastudio.tenant"]}),
		gateway.NewThrottle(gateway.ThrottleConfig{Now: o.Now, Limit: limits["metastudio.system"],
			Policy: "api", Header: gateway.HeaderRatelimitAllEnv, Shared: true}),
	}
	f.routes = map[string]call{
		"tenants/resources-count": f.countResources,
		"tenants/resources":       f.listResources,
	}
	f.handler = gateway.Front(gateway.FrontConfig{Now: o.Now, Log: o.Logger}, f.refusals.JSON(f.serve))
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

// Routes returns every call served, as "METHOD path"; variables of the path are
// in braces.
func (f *Facade) Routes() []string {
	var out []string
	for _, path := range slices.Sorted(maps.Keys(f.routes)) {
		out = append(out, http.MethodGet+" /v1/{project_id}/"+path)
	}
	return out
}

// Calls returns the reads that may be asked for from inside.
func Calls() []inside.Call {
	return []inside.Call{
		{Name: "CountTenantResources", Path: "/v1/{project_id}/tenants/resources-count"},
		{Name: "ListTenantResources", Path: "/v1/{project_id}/tenants/resources"},
	}
}

// ServeHTTP serves the paths that Owns names.
func (f *Facade) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	f.handler.ServeHTTP(w, r)
}

func (f *Facade) serve(w http.ResponseWriter, r *http.Request) (any, error) {
	project, rest, _ := split(r.URL.Path)
	answer := f.routes[rest]
	if answer == nil {
		return nil, faultNoAPI
	}
	httpx.SetRoute(r.Context(), "GET /v1/{project_id}/"+rest)
	if r.Method != http.MethodGet {
		return nil, faultMethod
	}
	c, err := f.projects.Admit(w, r, project, f.throttles...)
	if err != nil {
		return nil, err
	}
	return answer(r, c)
}
