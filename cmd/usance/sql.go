package main

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/usance/usance/ledger"
	"github.com/usance/usance/registry"
	"github.com/usance/usance/reporting"
)

// sqlSettings are where the tables for SQL are kept and how often they are brought
// up to date; address is "" when they are not kept.
func sqlSettings(s settings) (address string, every time.Duration, err error) {
	switch address = s["sql"]; {
	case address == "":
		return "", 0, nil
	case address == "store":
		if address = s["store"]; address == "" {
			return "", 0, usagef("--sql store: the embedded store is no database; give the address of one, postgres://…")
		}
	case !isPostgres(address):
		return "", 0, usagef("--sql: store, or the address of a PostgreSQL database, postgres://…")
	}
	if every, err = time.ParseDuration(s["sql-every"]); err != nil || every < time.Second || every > 24*time.Hour {
		return "", 0, usagef("--sql-every: %q is not a length of time from 1s to 24h", s["sql-every"])
	}
	return address, every, nil
}

// publishSQL keeps the tables of --sql beside the server, until stop is called. The
// collectors tell how far they are behind.
func (a *app) publishSQL(ctx context.Context, s settings, h *home, log *slog.Logger) (stop func(), show []prometheus.Collector, err error) {
	address, every, err := sqlSettings(s)
	if err != nil || address == "" {
		return func() {}, nil, err
	}
	reg, err := registry.New(h.store, registry.Options{Now: a.now}) // nothing sealed is opened
	if err != nil {
		return nil, nil, err
	}
	led := ledger.New(h.store, reg, ledger.Options{Now: a.now, Logger: log})
	p, err := reporting.Open(address, reporting.Options{Store: h.store, Registry: reg, Ledger: led, Now: a.now, Logger: log})
	if err != nil {
		return nil, nil, err
	}
	ctx, cancel := context.WithCancel(ctx)
	tick := time.NewTicker(every)
	var running sync.WaitGroup
	running.Go(func() { p.Run(ctx, tick.C) })
	return func() {
		cancel()
		running.Wait()
		tick.Stop()
		p.Close()
	}, []prometheus.Collector{engineCollector{func() []reading { return sqlReadings(p.Metrics()) }}}, nil
}

func sqlReadings(m reporting.Metrics) []reading {
	return []reading{
		{"usance_sql_behind_seconds", "How old the tables for SQL may be: seconds since the last whole round without an error began.", prometheus.GaugeValue, m.Behind.Seconds()},
		{"usance_sql_round_seconds", "How long the last round over all tenants took.", prometheus.GaugeValue, m.Round.Seconds()},
		{"usance_sql_rounds_total", "Rounds that ended.", prometheus.CounterValue, float64(m.Rounds)},
		{"usance_sql_failed_rounds_total", "Rounds that met an error.", prometheus.CounterValue, float64(m.Failed)},
	}
}
