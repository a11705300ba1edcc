// Package gateway is what stands before the Huawei Cloud services: the errors that
// the vendor's API gateway gives before a service is reached, its response
// headers, throttling by fixed windows, and the locking of keys after failures in
// a row. Lockout serves other vendors' sign-ins as well.
//
// A surface puts Front around a Mux; its handlers check credentials and throttles,
// and answer refusals with WriteFault:
//
//	mux := gateway.NewMux()
//	mux.Handle("GET /v1/{project_id}/rtc/history/usage", usageHandler)
//	handler := gateway.Front(gateway.FrontConfig{Now: now, Log: log}, mux)
package gateway

import (
	"context"
	"log/slog"
	"net/http"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/usance/usance/internal/httpx"
)

// The gateway's response headers, in its own spelling. X-APIG-… are not in Go's
// canonical form, so http.Header.Get does not find them on the server's side;
// index the header map with these constants. Clients see them either way.
const (
	HeaderLatency         = "X-APIG-Latency"                // ms from arrival to the first byte of the answer
	HeaderUpstreamLatency = "X-APIG-Upstream-Latency"       // ms of that in the service
	HeaderEnvoyTime       = "X-Envoy-Upstream-Service-Time" // the same, as the mesh behind the gateway tells it
	HeaderRatelimitAPI    = "X-APIG-Ratelimit-Api"          // remain:99,limit:100,time:1 minute
	HeaderRatelimitAllEnv = "X-APIG-Ratelimit-Api-Allenv"   // the same over all environments
	ServerName            = "api-gateway"                   // value of the Server header
	maxURI, maxHeader     = 32 << 10, 32 << 10              // documented with APIGW.0201
	maxHeaders            = 128 << 10                       // documented with APIGW.0201
)

// MaxBody is the gateway's own bound on a request body, documented with APIGW.0201.
const MaxBody = 12 << 20

// FrontConfig configures Front.
type FrontConfig struct {
	Now func() time.Time // for the latency headers
	Log *slog.Logger     // for panics

	// CallerID takes the request id from the caller's X-Request-Id when it is
	// acceptable (see httpx.RequestIDConfig), as Meeting documents. Otherwise the
	// gateway makes its own.
	CallerID bool
	NewID    func() string // makes request ids; nil means httpx.NewRequestID: 32 hexadecimal digits
}

// Front puts the gateway before a handler. Every answer carries X-Request-Id,
// Server and X-APIG-Latency, and may not be stored; answers of a handler under Upstream carry the two
// upstream times too. Requests whose URI or headers are over the gateway's bounds
// get APIGW.0201, and a panic gets APIGW.0601.
func Front(c FrontConfig, next http.Handler) http.Handler {
	internal := func(w http.ResponseWriter, r *http.Request) { WriteFault(w, r, Internal()) }
	// Values that every answer has are shared: whoever sets a header replaces them.
	server, noStore, zero := []string{ServerName}, []string{"no-store"}, []string{"0"}
	h := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		rec := httpx.Record(w)
		rec.Header()["Server"] = server
		arrived := httpx.Begun(r.Context())
		if arrived.IsZero() {
			arrived = c.Now()
		}
		t := &timing{now: c.Now, arrived: arrived, answer: rec, zero: zero}
		rec.BeforeHeader(t.setHeaders)
		if f := oversized(r); f != nil {
			WriteFault(rec, r, f)
			return
		}
		httpx.Attach(r.Context(), t)
		next.ServeHTTP(rec, r)
		rec.WriteHeader(http.StatusOK) // for a handler that wrote nothing at all
	})
	h = httpx.Chain(h,
		httpx.RequestID(httpx.RequestIDConfig{FromCaller: c.CallerID, New: c.NewID}),
		httpx.Recover(c.Log, internal)).ServeHTTP
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header()["Cache-Control"] = noStore
		h(w, r)
	})
}

// timing is when one request reached the gateway and the service.
type timing struct {
	now               func() time.Time
	arrived, upstream time.Time
	answer            *httpx.Recorder
	zero              []string
}

func (t *timing) setHeaders(int) {
	now, h := t.now(), t.answer.Header()
	h[HeaderLatency] = t.millis(now.Sub(t.arrived))
	if !t.upstream.IsZero() {
		served := t.millis(now.Sub(t.upstream))
		h[HeaderUpstreamLatency] = served
		h[HeaderEnvoyTime] = served
	}
}

func (t *timing) millis(d time.Duration) []string {
	if d < time.Millisecond {
		return t.zero
	}
	return []string{strconv.FormatInt(d.Milliseconds(), 10)}
}

// Upstream marks the moment a request passes from the gateway to the service:
// call it once credentials and throttles are done. It starts the clock of
// X-APIG-Upstream-Latency and X-Envoy-Upstream-Service-Time; outside Front it does
// nothing.
func Upstream(ctx context.Context) {
	if t, ok := httpx.Attached(ctx).(*timing); ok {
		t.upstream = t.now()
	}
}

// oversized returns the fault of a request over the documented bounds, or nil.
func oversized(r *http.Request) *Fault {
	if len(r.RequestURI) > maxURI {
		return uriTooLong()
	}
	total := 0
	for name, values := range r.Header {
		for _, v := range values {
			size := len(name) + len(v)
			if total += size; size > maxHeader || total > maxHeaders {
				return headersTooLarge()
			}
		}
	}
	return nil
}

// Mux routes by method and path as http.ServeMux does, but answers everything it
// does not know, a known path with another method too, as the gateway does: 404
// APIGW.0101. It redirects nothing. It names its routes for the access log.
type Mux struct {
	mux      *http.ServeMux
	notFound http.Handler
	plain    map[string]map[string]http.Handler // by path and method, of patterns that name both and nothing else
	patterns []string
}

// NewMux returns an empty Mux.
func NewMux() *Mux {
	m := &Mux{mux: http.NewServeMux(), plain: map[string]map[string]http.Handler{}, notFound: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		WriteFault(w, r, NotFound())
	})}
	m.mux.Handle("/", m.notFound)
	return m
}

// Patterns returns the patterns of the routes, in the order they were added.
func (m *Mux) Patterns() []string { return slices.Clone(m.patterns) }

// Handle adds a route; pattern is http.ServeMux's, with its method. It panics on a
// pattern that is malformed or in conflict with another, as http.ServeMux does.
func (m *Mux) Handle(pattern string, h http.Handler) {
	named := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		httpx.SetRoute(r.Context(), pattern)
		h.ServeHTTP(w, r)
	})
	m.mux.Handle(pattern, named)
	m.patterns = append(m.patterns, pattern)
	method, path, _ := strings.Cut(pattern, " ")
	if !strings.HasPrefix(path, "/") || strings.HasSuffix(path, "/") || strings.ContainsAny(path, "{}") {
		return
	}
	if m.plain[path] == nil {
		m.plain[path] = map[string]http.Handler{}
	}
	m.plain[path][method] = named
}

// HandleFunc is Handle for a function.
func (m *Mux) HandleFunc(pattern string, h func(http.ResponseWriter, *http.Request)) {
	m.Handle(pattern, http.HandlerFunc(h))
}

func (m *Mux) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	// A pattern without wildcards wins over all others. An escaped path may mean
	// another one, which http.ServeMux knows how to tell.
	if h := m.plain[r.URL.Path][r.Method]; h != nil && r.URL.RawPath == "" {
		h.ServeHTTP(w, r)
		return
	}
	if p := r.URL.Path; r.RequestURI == "*" || !strings.HasPrefix(p, "/") || p != cleanPath(p) || r.Method == http.MethodConnect {
		m.notFound.ServeHTTP(w, r)
		return
	}
	m.mux.ServeHTTP(w, r)
}

// cleanPath is the form http.ServeMux would redirect to.
func cleanPath(p string) string {
	clean := path.Clean(p)
	if strings.HasSuffix(p, "/") && clean != "/" {
		clean += "/"
	}
	return clean
}
