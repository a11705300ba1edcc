package server

import (
	"maps"
	"net/http"
	"slices"
	"strconv"
	"sync"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/usance/usance"
	"github.com/usance/usance/api/wire"
	"github.com/usance/usance/internal/httpx"
)

// metrics holds what /metrics shows. Labels have few values: surfaces, routes as
// patterns, statuses; never a tenant, a path or anything a caller sends.
type metrics struct {
	handler    http.Handler
	requests   *prometheus.CounterVec
	seconds    *prometheus.HistogramVec
	inFlight   prometheus.Gauge
	accepted   prometheus.Counter
	duplicates prometheus.Counter
	drift      prometheus.Gauge
	swept      prometheus.Counter

	mu      sync.Mutex
	drifted map[usance.TenantID]bool

	known   sync.RWMutex
	answers map[answerLabels]answerMeters
}

// answerLabels are those of an answer, and answerMeters what counts under them:
// looking each up by its labels costs more than the counting. Labels have few
// values, so there are few.
type answerLabels struct {
	surface, route string
	status         int // 0 for one that was cut off
}

type answerMeters struct {
	requests prometheus.Counter
	seconds  prometheus.Observer
}

func (m *metrics) of(l answerLabels) answerMeters {
	m.known.RLock()
	out, ok := m.answers[l]
	m.known.RUnlock()
	if ok {
		return out
	}
	status := strconv.Itoa(l.status)
	if l.status == 0 {
		status = "aborted"
	}
	out = answerMeters{m.requests.WithLabelValues(l.surface, l.route, status), m.seconds.WithLabelValues(l.surface, l.route)}
	m.known.Lock()
	defer m.known.Unlock()
	m.answers[l] = out
	return out
}

func newMetrics(more []prometheus.Collector) *metrics {
	m := &metrics{
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "usance_http_requests_total",
			Help: "Requests answered, by surface, route and status."}, []string{"surface", "route", "status"}),
		seconds: prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: "usance_http_request_duration_seconds",
			Help:    "Time from a request's headers to the end of its answer, by surface and route.",
			Buckets: []float64{.0002, .0005, .001, .002, .005, .01, .02, .05, .1, .2, .5, 1, 2, 5, 10, 30}}, []string{"surface", "route"}),
		inFlight: prometheus.NewGauge(prometheus.GaugeOpts{Name: "usance_http_requests_in_flight",
			Help: "Requests being answered now."}),
		accepted: prometheus.NewCounter(prometheus.CounterOpts{Name: "usance_events_accepted_total",
			Help: "Events stored."}),
		duplicates: prometheus.NewCounter(prometheus.CounterOpts{Name: "usance_events_duplicate_total",
			Help: "Events that were known already and not counted again."}),
		drift: prometheus.NewGauge(prometheus.GaugeOpts{Name: "usance_verify_drift",
			Help: "Tenants whose last verification on this server found a view that does not follow from the ledger. It must stay 0."}),
		swept: prometheus.NewCounter(prometheus.CounterOpts{Name: "usance_sessions_swept_total",
			Help: "Sessions of users who did not return, removed once they had expired."}),
		drifted: map[usance.TenantID]bool{},
		answers: map[answerLabels]answerMeters{},
	}
	reg := prometheus.NewRegistry()
	reg.MustRegister(m.requests, m.seconds, m.inFlight, m.accepted, m.duplicates, m.drift, m.swept,
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	reg.MustRegister(more...)
	m.handler = promhttp.HandlerFor(reg, promhttp.HandlerOpts{})
	return m
}

// measure counts what passes. It reads what became of events off the answer's
// headers, so that no surface needs to know of metrics.
func (s *Server) measure(next http.Handler) http.Handler {
	m := s.metrics
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		begun := httpx.Begun(r.Context())
		rec := httpx.Record(w)
		m.inFlight.Inc()
		finished := false
		defer func() {
			m.inFlight.Dec()
			l := answerLabels{s.surfaceOf(r.URL.Path).name, httpx.RouteFrom(r.Context()), max(rec.Status(), http.StatusOK)}
			if l.route == "" {
				l.route = "unmatched"
			}
			if !finished {
				l.status = 0
			}
			of := m.of(l)
			of.requests.Inc()
			of.seconds.Observe(s.config.Now().Sub(begun).Seconds())
			if accepted := rec.Header().Get(wire.HeaderAccepted); accepted != "" {
				m.accepted.Add(number(accepted))
				m.duplicates.Add(number(rec.Header().Get(wire.HeaderDuplicates)))
			}
		}()
		next.ServeHTTP(rec, r)
		finished = true
	})
}

// verified notes the outcome of a tenant's verification.
func (m *metrics) verified(tenant usance.TenantID, fault bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if fault {
		m.drifted[tenant] = true
	} else {
		delete(m.drifted, tenant)
	}
	m.drift.Set(float64(len(m.drifted)))
}

// drifting returns the tenants whose last verification found a fault.
func (m *metrics) drifting() []usance.TenantID {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.Collect(maps.Keys(m.drifted))
}

func number(text string) float64 {
	n, err := strconv.ParseUint(text, 10, 64)
	if err != nil {
		return 0
	}
	return float64(n)
}
