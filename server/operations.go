package server

import (
	"context"
	"net/http"
	"time"

	"github.com/usance/usance/internal/httpx"
)

// The pages of operators. They need no credentials and tell nothing of any
// tenant.
const (
	pathHealth  = "/healthz" // 200 while the process runs
	pathReady   = "/readyz"  // 200 while it can serve, 503 while it cannot or is stopping
	pathMetrics = "/metrics" // Prometheus text
)

// readyWithin bounds the check of the store.
const readyWithin = 2 * time.Second

func (s *Server) ownsOperations(path string) bool {
	return path == pathHealth || path == pathReady || path == pathMetrics
}

func (s *Server) operations(w http.ResponseWriter, r *http.Request) {
	httpx.SetRoute(r.Context(), "GET "+r.URL.Path)
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		w.Header().Set("Allow", "GET, HEAD")
		http.Error(w, "method not allowed", http.StatusMethodNotAllowed)
		return
	}
	w.Header().Set("Cache-Control", "no-store")
	switch r.URL.Path {
	case pathHealth:
		writeText(w, http.StatusOK, "ok\n")
	case pathReady:
		s.ready(w, r)
	default:
		s.metrics.handler.ServeHTTP(w, r)
	}
}

func (s *Server) ready(w http.ResponseWriter, r *http.Request) {
	if s.draining.Load() {
		writeText(w, http.StatusServiceUnavailable, "stopping\n")
		return
	}
	ctx, cancel := context.WithTimeout(r.Context(), readyWithin)
	defer cancel()
	if err := s.config.Store.Check(ctx); err != nil {
		s.log.Warn("not ready", "error", err)
		writeText(w, http.StatusServiceUnavailable, "the store cannot serve\n")
		return
	}
	writeText(w, http.StatusOK, "ready\n")
}

func writeText(w http.ResponseWriter, status int, text string) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.WriteHeader(status)
	_, _ = w.Write([]byte(text)) // the caller may have gone
}
