package server

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"time"
)

// The bounds of connections. A body's own time is bounded where it is read,
// which knows what it may be; these are the outer bounds.
const (
	headerTimeout = 10 * time.Second
	readTimeout   = 3 * time.Minute
	writeTimeout  = 5 * time.Minute
	idleTimeout   = 2 * time.Minute
	// maxHeaderBytes lies over what the vendors' gateways document as their own
	// bound (128 KiB), so that the surface that knows it can say so.
	maxHeaderBytes = 136 << 10
)

// Listen opens the address to serve on, such as 127.0.0.1:8080; port 0 takes a
// spare one.
func Listen(ctx context.Context, address string) (net.Listener, error) {
	var config net.ListenConfig
	return config.Listen(ctx, "tcp", address)
}

// Run serves on the listener until ctx ends, and then stops in order: it says at
// /readyz that it is going, accepts nothing more, waits for the requests under
// way, at most Drain long, and cuts off what is left. It returns nil when it was
// told to stop, even if something had to be cut off, and otherwise why it could
// not serve. The operator token is entered before the first request.
func (s *Server) Run(ctx context.Context, on net.Listener) error {
	if s.config.OperatorToken != "" {
		if err := s.registry.PutOperatorToken(ctx, "operator", s.config.OperatorToken); err != nil {
			if ctx.Err() != nil { // told to stop before it began
				err = nil
			}
			return errors.Join(err, on.Close())
		}
	}
	requests, cut := context.WithCancel(context.WithoutCancel(ctx))
	defer cut()
	h := s.httpServer(requests)
	failed := make(chan error, 1)
	go func() { failed <- h.Serve(on) }()
	sweeping, stopSweeping := context.WithCancel(ctx)
	var sweeper sync.WaitGroup
	sweeper.Go(func() { s.sweep(sweeping) })
	defer sweeper.Wait() // the store is closed once Run has returned
	defer stopSweeping()
	s.log.Info("serving", "address", on.Addr().String())
	select {
	case err := <-failed:
		return err
	case <-ctx.Done():
	}
	s.draining.Store(true)
	s.log.Info("stopping", "drain", s.config.Drain)
	within, done := context.WithTimeout(requests, s.config.Drain)
	defer done()
	if err := h.Shutdown(within); err != nil {
		s.log.Warn("requests under way were cut off", "error", err)
		cut()
		_ = h.Close() // closes what Shutdown was waiting for
	}
	if err := <-failed; !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	s.log.Info("stopped")
	return nil
}

// httpServer returns the server with the bounds of connections; its requests end
// with the context.
func (s *Server) httpServer(requests context.Context) *http.Server {
	return &http.Server{
		Handler:           s.handler,
		ReadHeaderTimeout: headerTimeout,
		ReadTimeout:       readTimeout,
		WriteTimeout:      writeTimeout,
		IdleTimeout:       idleTimeout,
		MaxHeaderBytes:    maxHeaderBytes,
		BaseContext:       func(net.Listener) context.Context { return requests },
		ErrorLog:          slog.NewLogLogger(s.log.Handler(), slog.LevelDebug),
	}
}
