// Package koodrive answers as KooDrive does: how much of a tenant's drive space
// and seats is granted, handed out and used (GetQuotaUsed), and the session calls
// by which a browser's login becomes an access token. It translates only; every
// number is the ledger's. Where the vendor's documents are silent or contradict
// each other, DIVERGENCES.md says what is done here and why.
package koodrive

import (
	"log/slog"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/usance/usance"
	"github.com/usance/usance/internal/figures"
	"github.com/usance/usance/internal/gateway"
	"github.com/usance/usance/internal/httpx"
	"github.com/usance/usance/internal/inside"
	"github.com/usance/usance/internal/sdksign"
	"github.com/usance/usance/ledger"
	"github.com/usance/usance/registry"
)

// Options are what a Facade is built with. Zero values mean the defaults.
type Options struct {
	Now    func() time.Time // required
	Logger *slog.Logger

	TokenLife time.Duration // of an access token after its last use; default 20 minutes
	CodeLife  time.Duration // of a login code; default 5 minutes
	// Window says how far X-Date may lie from the clock; the zero Window is 15
	// minutes back and 60 seconds ahead.
	Window sdksign.Window
	// Limits bound requests; a name of Throttles that it lacks is as documented.
	Limits  gateway.Limits
	MaxBody int64 // bytes of a request body; default 64 KiB
}

// Throttles are the limits kept unless Options say otherwise, each by the process:
// of one user or token. The vendor documents none.
func Throttles() gateway.Limits {
	return gateway.Limits{"koodrive.user": {Requests: 1200, Per: time.Minute}}
}

// Facade serves KooDrive's API. It is safe for concurrent use.
type Facade struct {
	reg      *registry.Registry
	led      *ledger.Ledger
	answers  *ledger.Answers // of quotaUsed
	o        Options
	bodies   *httpx.Bodies
	throttle *gateway.Throttle
	figures  *figures.Set
	places   [readFields]int
	shown    []func(numbers) int64 // of each field of the mapping; nil for settings
	routes   map[string]call
	handler  http.Handler
}

// call answers one route with a body.
type call = func(http.ResponseWriter, *http.Request) ([]byte, error)

// New returns the façade over the core.
func New(reg *registry.Registry, led *ledger.Ledger, o Options) *Facade {
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.TokenLife <= 0 {
		o.TokenLife = 20 * time.Minute
	}
	if o.CodeLife <= 0 {
		o.CodeLife = 5 * time.Minute
	}
	if o.Window == (sdksign.Window{}) {
		o.Window = sdksign.AppHMAC.Window()
	}
	f := &Facade{reg: reg, led: led, answers: led.NewAnswers(), o: o, figures: figures.NewSet(Name, Mapping()), places: places(Mapping()),
		bodies:   gateway.ServiceBodies(o.MaxBody),
		throttle: gateway.NewThrottle(gateway.ThrottleConfig{Limit: o.Limits.Over(Throttles())["koodrive.user"], Now: o.Now}),
	}
	f.routes = map[string]call{routeQuotaUsed: f.quotaUsed, routeCreate: f.createSession, routeRefresh: f.refreshSession,
		routeCheck: f.checkSession, routeLogoff: f.logoff}
	of := shown()
	for _, field := range Mapping() {
		f.shown = append(f.shown, of[field.Name])
	}
	f.handler = httpx.Chain(http.HandlerFunc(f.serve),
		httpx.RequestID(httpx.RequestIDConfig{FromCaller: true}),
		httpx.Recover(o.Logger, func(w http.ResponseWriter, r *http.Request) { writeFault(w, r, faultInternal) }))
	return f
}

const prefix = "/koodrive/"

// Owns reports whether a request path belongs to KooDrive's surface.
func (f *Facade) Owns(path string) bool { return strings.HasPrefix(path, prefix) }

// Routes returns every call served, as "METHOD path".
func (f *Facade) Routes() []string { return slices.Sorted(maps.Keys(f.routes)) }

// Calls returns the reads that may be asked for from inside.
func Calls() []inside.Call {
	return []inside.Call{{Name: "GetQuotaUsed", Path: strings.TrimPrefix(routeQuotaUsed, "GET ")}}
}

// ServeHTTP serves the paths that Owns names.
func (f *Facade) ServeHTTP(w http.ResponseWriter, r *http.Request) { f.handler.ServeHTTP(w, r) }

// The calls. The vendor writes the path that makes a session with a slash at its
// end in one place and without it in another, so one is ignored on every path.
const (
	routeQuotaUsed = "GET /koodrive/ose/v1/service/quotaUsed"
	routeCreate    = "POST /koodrive/ose/v1/session"
	routeRefresh   = "POST /koodrive/ose/v1/session/refresh"
	routeCheck     = "GET /koodrive/ose/v1/session/auth"
	routeLogoff    = "GET /koodrive/ose/v1/session/logoff"
)

func (f *Facade) serve(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Cache-Control", "no-store")
	if err := checkTraceID(w, r); err != nil {
		f.refuse(w, r, err)
		return
	}
	route := r.Method + " " + strings.TrimSuffix(r.URL.Path, "/")
	answer := f.routes[route]
	if answer == nil {
		f.refuse(w, r, faultNoCall)
		return
	}
	httpx.SetRoute(r.Context(), route)
	body, err := answer(w, r)
	if err != nil {
		f.refuse(w, r, err)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	httpx.WriteBytes(w, http.StatusOK, body)
}

// admit counts a request of the principal against the throttle.
func (f *Facade) admit(p usance.Principal) error {
	if d := f.throttle.Take(string(p.Tenant) + "\x00" + p.Via + "\x00" + p.User); !d.Allowed {
		return faultThrottled.after(d.Reset)
	}
	return nil
}

// caller returns who a request speaks for, and counts it. Who asks from inside is
// known and not counted, and needs what a bearer token does.
func (f *Facade) caller(w http.ResponseWriter, r *http.Request) (usance.Principal, error) {
	if who, ok := inside.Who(r.Context()); ok {
		return who, who.May(usance.RightRead, driveNode)
	}
	p, err := f.authenticate(w, r)
	if err == nil {
		err = f.admit(p)
	}
	return p, err
}

func (f *Facade) quotaUsed(w http.ResponseWriter, r *http.Request) ([]byte, error) {
	p, err := f.caller(w, r)
	if err != nil {
		return nil, err
	}
	ctx := r.Context()
	now := f.o.Now()
	return f.answers.Of(ctx, ledger.Question{Tenant: p.Tenant}, now, func(d *registry.Definitions) ([]byte, time.Time, error) {
		plan := f.figures.For(d)
		got, err := plan.Read(ctx, f.led, d, usance.Root, now)
		if err != nil {
			return nil, time.Time{}, err
		}
		body := append(make([]byte, 0, 640), `{"code":0,"msg":"success","data":`...)
		body = f.appendData(body, plan, got)
		return append(body, '}'), got.Until, nil
	})
}

// appendData appends the answer's data object.
func (f *Facade) appendData(dst []byte, p *figures.Plan, got *figures.Readings) []byte {
	n := numbersOf(p.Figures, got.Natives, f.places)
	for i := range p.Figures {
		if i == 0 {
			dst = append(dst, '{')
		} else {
			dst = append(dst, ',')
		}
		dst = append(dst, '"')
		dst = append(dst, p.Figures[i].Name...)
		dst = append(dst, '"', ':')
		dst = f.appendField(dst, i, p, got, n)
	}
	return append(dst, '}')
}

func (f *Facade) appendField(dst []byte, i int, p *figures.Plan, got *figures.Readings, n numbers) []byte {
	if f.shown[i] == nil {
		return p.Figures[i].Append(dst, got.Natives[i])
	}
	return strconv.AppendInt(dst, f.shown[i](n), 10)
}
