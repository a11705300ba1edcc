package main

import (
	"context"
	"errors"
	"net"
	"net/http"
	"net/http/pprof"
	"runtime/debug"
	"time"

	"github.com/usance/usance/server"
)

// A server makes much that lives for one request and keeps little, so it collects
// garbage less often than the runtime would by itself: when the heap has grown by
// so many per cent of what is alive, or nears the memory it is to stay within.
const heapGrowth = 300

// tuneMemory leaves alone what GOGC and GOMEMLIMIT say.
func (a *app) tuneMemory(bound int64) {
	if a.env["GOGC"] == "" {
		debug.SetGCPercent(heapGrowth)
	}
	if a.env["GOMEMLIMIT"] == "" {
		debug.SetMemoryLimit(bound / 8 * 7) // the rest is for the program itself and the kernel's side of it
	}
}

// serveProfiles serves the runtime's profiles, for `go tool pprof`, on an address
// of this machine until the returned function is called. There is no
// authentication, so other addresses are refused.
func serveProfiles(ctx context.Context, address string) (url string, stop func() error, err error) {
	host, _, err := net.SplitHostPort(address)
	if ip := net.ParseIP(host); err != nil || ip == nil || !ip.IsLoopback() {
		return "", nil, usagef("--pprof: %q is not an address of this machine such as 127.0.0.1:6060", address)
	}
	on, err := server.Listen(ctx, address)
	if err != nil {
		return "", nil, err
	}
	mux := http.NewServeMux()
	mux.HandleFunc("/debug/pprof/", pprof.Index)
	mux.HandleFunc("/debug/pprof/cmdline", pprof.Cmdline)
	mux.HandleFunc("/debug/pprof/profile", pprof.Profile)
	mux.HandleFunc("/debug/pprof/symbol", pprof.Symbol)
	mux.HandleFunc("/debug/pprof/trace", pprof.Trace)
	s := &http.Server{Handler: mux, ReadHeaderTimeout: 10 * time.Second}
	ended := make(chan error, 1)
	go func() { ended <- s.Serve(on) }()
	return urlOf("http", on.Addr()) + "/debug/pprof/", func() error {
		err := s.Close()
		if served := <-ended; !errors.Is(served, http.ErrServerClosed) {
			err = errors.Join(err, served)
		}
		return err
	}, nil
}
