// Package cloudrtc answers as Huawei Cloud RTC does: how many seconds of audio
// and video each application's users received on each UTC day
// (ListRtcHistoryUsage), and which applications there are (ListApps, ShowApp). It
// translates only; every number is the ledger's. Where the vendor's documents are
// silent or contradict each other, DIVERGENCES.md says what is done here and why.
package cloudrtc

import (
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/usance/usance/internal/figures"
	"github.com/usance/usance/internal/gateway"
	"github.com/usance/usance/internal/inside"
	"github.com/usance/usance/ledger"
	"github.com/usance/usance/registry"
)

// Options are what a Facade is built with. Zero values mean the defaults.
type Options struct {
	Now    func() time.Time // required
	Logger *slog.Logger

	Authenticate gateway.Authenticate // required

	MaxDays int // the longest span of days in one request; default 31
	// Limits bound requests; a name of Throttles that it lacks is as documented.
	Limits  gateway.Limits
	MaxBody int64 // bytes of a request body; default 64 KiB
}

// Throttles are the limits kept unless Options say otherwise, each by the process:
// of one tenant, for usage and for applications.
func Throttles() gateway.Limits {
	return gateway.Limits{"rtc.statistics": {Requests: 30, Per: time.Minute}, "rtc.apps": {Requests: 60, Per: time.Minute}}
}

// Facade serves Cloud RTC's API. It is safe for concurrent use.
type Facade struct {
	reg        *registry.Registry
	led        *ledger.Ledger
	answers    *ledger.Answers // of usage, by query
	o          Options
	figures    *figures.Set
	projects   gateway.Projects
	refusals   *gateway.Refusals[*gateway.ServiceFault]
	statistics *gateway.Throttle
	apps       *gateway.Throttle
	routes     []string
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
	limits := o.Limits.Over(Throttles())
	throttle := func(name string) *gateway.Throttle {
		return gateway.NewThrottle(gateway.ThrottleConfig{Now: o.Now, Limit: limits[name]})
	}
	f := &Facade{reg: reg, led: led, answers: led.NewAnswers(), o: o, figures: figures.NewSet(Name, Mapping()), refusals: refusals(o.Logger),
		statistics: throttle("rtc.statistics"), apps: throttle("rtc.apps")}
	f.projects = gateway.Projects{Bodies: gateway.ServiceBodies(o.MaxBody), Authenticate: o.Authenticate,
		Resolve: reg.Resolver(AliasProject), Foreign: gateway.AccessDenied(), Optional: true}
	mux := gateway.NewMux()
	mux.HandleFunc(callUsage, f.refusals.JSON(f.historyUsage))
	mux.HandleFunc("GET /v2/apps", f.refusals.JSON(f.listApps))
	mux.HandleFunc("GET /v2/apps/{app_id}", f.refusals.JSON(f.showApp))
	f.routes = mux.Patterns()
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

// Routes returns every call served, as "METHOD path"; variables of the path are
// in braces.
func (f *Facade) Routes() []string { return slices.Clone(f.routes) }

// Calls returns the reads that may be asked for from inside.
func Calls() []inside.Call {
	return []inside.Call{{Name: "ListRtcHistoryUsage", Path: strings.TrimPrefix(callUsage, "GET ")}}
}

// ServeHTTP serves the paths that Owns names.
func (f *Facade) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	f.handler.ServeHTTP(w, r)
}
