// Package server puts the surfaces of Usance on one address: the vendors'
// façades, the native API, and the pages that operators watch. It decides
// nothing about usage; it routes, measures, logs, and starts and stops in order.
package server

import (
	"context"
	"log/slog"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/alexedwards/argon2id"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/usance/usance"
	"github.com/usance/usance/internal/backup"
	"github.com/usance/usance/internal/gateway"
	"github.com/usance/usance/internal/httpx"
	"github.com/usance/usance/internal/transfer"
	"github.com/usance/usance/ledger"
	"github.com/usance/usance/registry"
	"github.com/usance/usance/store"
)

// DefaultMemory is what a process stays within when it is not told.
const DefaultMemory = 1 << 30

// Config is what a Server is built with. The store stays its owner's to close,
// after Run has returned.
type Config struct {
	Store         store.Store
	MasterKey     [32]byte // seals recoverable secrets; the same at every start on one store
	OperatorToken string   // speaks for every tenant; empty adds none
	// Home is the tenant that the operator's calls are about when they name none;
	// empty has them always name one.
	Home   usance.TenantID
	Now    func() time.Time
	Logger *slog.Logger // nil for none

	// Version is what the console says it is part of.
	Version string

	// Limits are those of vendor requests by the minute and second, as ParseThrottles
	// reads them; what it lacks is as the vendor documents it.
	Limits gateway.Limits
	// Unthrottled drops all of them.
	Unthrottled bool

	// Memory is what the process is to stay within, of which events under way may
	// reserve an eighth, a sixteenth for one tenant; 0 means 1 GiB. What does not fit
	// is refused with 503 or 429, and sent again by its clients.
	Memory int64
	// MaxRequests bounds the requests being answered; those past it are refused
	// with 503. 0 means 4,096.
	MaxRequests int64

	// Sweep has expired holds ended in every tenant each time something comes, so
	// that the audit trail is prompt, a part of the sessions that have expired
	// removed, and a part of what deleted tenants had; nil for never. No number and no answer depends on it.
	Sweep <-chan time.Time
	// Scratch opens an empty store to fold a ledger again in; closing it throws it
	// away. nil has verifications refused.
	Scratch func() (store.Store, error)

	// Snapshot freezes the embedded store in a folder, to be backed up; nil where the
	// store is another one.
	Snapshot func(context.Context) (*backup.Snapshot, error)

	// Collectors are shown at /metrics beside the server's own, such as an
	// engine's.
	Collectors []prometheus.Collector
	// PasswordCost overrides the cost of password hashes; see registry.Options.
	PasswordCost *argon2id.Params
	// Drain is how long Run waits for requests under way once it is told to stop;
	// 0 means 8 s.
	Drain time.Duration
}

// Server answers every surface. It is safe for concurrent use.
type Server struct {
	config   Config
	log      *slog.Logger
	registry *registry.Registry
	ledger   *ledger.Ledger
	mover    *transfer.Mover
	surfaces []surface
	metrics  *metrics
	draining atomic.Bool
	running  atomic.Int64 // requests being answered
	handler  http.Handler
}

// surface is one part of the address space.
type surface struct {
	name    string // label of metrics
	owns    func(path string) bool
	handler http.Handler
}

// New builds a Server. It fails when the operator token cannot be one, or is a
// tenant's.
func New(c Config) (*Server, error) {
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	if c.Memory == 0 {
		c.Memory = DefaultMemory
	}
	if c.MaxRequests == 0 {
		c.MaxRequests = 4096
	}
	if c.Drain == 0 {
		c.Drain = 8 * time.Second
	}
	reg, err := registry.New(c.Store, registry.Options{Now: c.Now, MasterKey: c.MasterKey, Logger: c.Logger, PasswordCost: c.PasswordCost, Mappings: mappings()})
	if err != nil {
		return nil, err
	}
	s := &Server{config: c, log: c.Logger, registry: reg,
		ledger:  ledger.New(c.Store, reg, ledger.Options{Now: c.Now, Logger: c.Logger}),
		metrics: newMetrics(c.Collectors)}
	s.mover = &transfer.Mover{Store: c.Store, Registry: s.registry, Ledger: s.ledger, Now: c.Now, Version: c.Version, Scratch: c.Scratch}
	if s.surfaces, err = s.mount(); err != nil {
		return nil, err
	}
	s.handler = httpx.Chain(http.HandlerFunc(s.route),
		httpx.AccessLog(c.Logger, c.Now),
		httpx.RequestID(httpx.RequestIDConfig{}),
		s.measure,
		httpx.Recover(c.Logger, func(w http.ResponseWriter, _ *http.Request) {
			http.Error(w, "internal error", http.StatusInternalServerError)
		}))
	return s, nil
}

// Handler returns the one handler of every surface.
func (s *Server) Handler() http.Handler { return s.handler }

// Registry returns the registry behind the surfaces.
func (s *Server) Registry() *registry.Registry { return s.registry }

// Ledger returns the ledger behind the surfaces.
func (s *Server) Ledger() *ledger.Ledger { return s.ledger }

// route hands a request to the first surface that owns its path. Paths are taken
// as sent: nothing is cleaned or redirected.
func (s *Server) route(w http.ResponseWriter, r *http.Request) {
	at := s.surfaceOf(r.URL.Path)
	defer s.running.Add(-1)
	if s.running.Add(1) > s.config.MaxRequests && at.name != "operations" {
		w.Header().Set("Retry-After", "1")
		http.Error(w, "the server has as many requests under way as it takes; try again", http.StatusServiceUnavailable)
		return
	}
	at.handler.ServeHTTP(w, r)
}

func (s *Server) surfaceOf(path string) *surface {
	last := len(s.surfaces) - 1
	for i := range s.surfaces[:last] {
		if s.surfaces[i].owns(path) {
			return &s.surfaces[i]
		}
	}
	return &s.surfaces[last]
}
