package main

import (
	"log/slog"
	"net/http"
	"os"
	"runtime/debug"
	"time"

	"github.com/usance/usance/server"
	"github.com/usance/usance/store/pebblestore"
)

const operatorToken = "us_operator_of_the_bench"

var masterKey = [32]byte{0: 1, 31: 1}

// usanceSpec says what a server of ours serves.
type usanceSpec struct{ Dir string }

// runUsance is the server that is measured: what `usance serve --log-level warn`
// serves, but for the vendors' throttles, which would refuse a load on purpose.
func runUsance() error {
	spec, err := told[usanceSpec]()
	if err != nil {
		return err
	}
	debug.SetGCPercent(300) // as serve does
	debug.SetMemoryLimit(768 << 20)
	log := slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelWarn}))
	st, err := pebblestore.Open(spec.Dir, pebblestore.Options{Logger: log})
	if err != nil {
		return err
	}
	defer st.Close()
	srv, err := server.New(server.Config{Store: st, MasterKey: masterKey, Now: time.Now, Logger: log, Unthrottled: true})
	if err != nil {
		return err
	}
	if err := srv.Registry().PutOperatorToken(background(), "operator", operatorToken); err != nil {
		return err
	}
	usance := srv.Handler()
	return serve(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/bench/store" {
			writeJSON(w, st.Metrics())
			return
		}
		usance.ServeHTTP(w, r)
	}))
}
