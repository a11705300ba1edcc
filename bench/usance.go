package main

import (
	"errors"
	"log/slog"
	"net/http"
	"os"
	"runtime/debug"
	"sync/atomic"
	"time"

	"github.com/usance/usance"
	"github.com/usance/usance/registry"
	"github.com/usance/usance/server"
	"github.com/usance/usance/store"
	"github.com/usance/usance/store/pebblestore"
	"github.com/usance/usance/store/pgstore"
)

const operatorToken = "us_operator_of_the_bench"

var masterKey = [32]byte{0: 1, 31: 1}

// usanceSpec says what a server of ours serves: the embedded store in a folder, or
// the PostgreSQL store at an address.
type usanceSpec struct{ Dir, Store string }

// runUsance is the server that is measured: what `usance serve --log-level warn`
// serves, but for the vendors' throttles, which would refuse a load on purpose.
func runUsance() (err error) {
	spec, err := told[usanceSpec]()
	if err != nil {
		return err
	}
	debug.SetGCPercent(300) // as serve does
	debug.SetMemoryLimit(server.DefaultMemory / 8 * 7)
	log := slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelWarn}))
	if spec.Store != "" {
		return runOnPostgres(spec.Store, log)
	}
	st, err := pebblestore.Open(spec.Dir, pebblestore.Options{Logger: log})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, st.Close()) }()
	key, err := registry.DataKey(background(), st, masterKey)
	if err != nil {
		return err
	}
	kept := &forgetful{Store: st}
	srv, err := server.New(server.Config{Store: kept, MasterKey: key, Now: time.Now, Logger: log, Unthrottled: true})
	if err != nil {
		return err
	}
	if err := srv.Registry().PutOperatorToken(background(), "operator", operatorToken); err != nil {
		return err
	}
	answer := srv.Handler()
	return serve(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/bench/store":
			writeJSON(w, st.Metrics())
		case "/bench/anew":
			kept.forgets.Store(r.URL.RawQuery == "on")
		default:
			answer.ServeHTTP(w, r)
		}
	}))
}

// runOnPostgres is the same server on the other engine.
func runOnPostgres(address string, log *slog.Logger) (err error) {
	st, err := pgstore.Open(background(), address, pgstore.Options{Logger: log})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, st.Close()) }()
	srv, err := server.New(server.Config{Store: st, MasterKey: masterKey, Now: time.Now, Logger: log, Unthrottled: true})
	if err == nil {
		err = srv.Registry().PutOperatorToken(background(), "operator", operatorToken)
	}
	if err != nil {
		return err
	}
	return serve(srv.Handler())
}

// forgetful is a store that can be made to tell no versions, so that nothing kept
// of it is believed.
type forgetful struct {
	*pebblestore.Store
	forgets atomic.Bool
}

// Version implements store.Versioner.
func (f *forgetful) Version(tenant usance.TenantID) (uint64, bool) {
	if f.forgets.Load() {
		return 0, false
	}
	return f.Store.Version(tenant)
}

// TableVersion implements store.Versioner.
func (f *forgetful) TableVersion(tenant usance.TenantID, table store.Table) (uint64, bool) {
	if f.forgets.Load() {
		return 0, false
	}
	return f.Store.TableVersion(tenant, table)
}

// anew has a measurement made with every answer worked out for itself.
func (c *child) anew(run measured) measured {
	return func(pass int, rate float64) (float64, *latency, error) {
		if _, _, err := fetch(newRequest(http.MethodGet, "http://"+c.addr+"/bench/anew?on", "")); err != nil {
			return 0, nil, err
		}
		v, l, err := run(pass, rate)
		_, _, back := fetch(newRequest(http.MethodGet, "http://"+c.addr+"/bench/anew?off", ""))
		return v, l, errors.Join(err, back)
	}
}
