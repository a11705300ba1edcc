package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/spf13/cobra"

	"github.com/usance/usance/registry"
	"github.com/usance/usance/store"
	"github.com/usance/usance/store/pebblestore"
	"github.com/usance/usance/store/pgstore"
)

func isPostgres(address string) bool {
	return strings.HasPrefix(address, "postgres://") || strings.HasPrefix(address, "postgresql://")
}

// home is what a server has at its place: the store, open, and what guards it.
type home struct {
	store     store.Store
	collector prometheus.Collector
	key       [32]byte // what the store's secrets are sealed under

	token, tokenFile string
	freshToken       bool
}

// openHome opens the store and finds the data folder's secrets, making them for
// a store that is new.
func (a *app) openHome(ctx context.Context, s settings, memory int64, log *slog.Logger) (h *home, err error) {
	dir := s["data"]
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	_, err = os.Stat(filepath.Join(dir, storeFolder))
	served := s["store"] == "" && err == nil
	h = &home{}
	if s["store"] == "" && served { // without its key the store is not even opened
		if _, err := a.masterKey(dir, served); err != nil {
			return nil, err
		}
	}
	if h.store, h.collector, err = openStore(ctx, s["store"], dir, memory, s["migrate"] == "off", log); err != nil {
		return nil, err
	}
	if err := a.unlock(ctx, h, s, served); err != nil {
		return nil, errors.Join(err, h.store.Close())
	}
	return h, nil
}

func (a *app) unlock(ctx context.Context, h *home, s settings, served bool) error {
	shared := s["store"] != ""
	if shared {
		var err error
		if served, err = registry.HasDataKey(ctx, h.store); err != nil {
			return err
		}
	}
	master, err := a.masterKey(s["data"], served)
	if err != nil {
		return err
	}
	if h.key, err = a.dataKey(ctx, h.store, s["data"], master); err != nil {
		return err
	}
	h.token, h.tokenFile, h.freshToken, err = a.operatorToken(s["data"], shared && served)
	return err
}

// openStore opens the PostgreSQL database that an address names, or the embedded
// store in the data folder when there is none, which takes up to half of the
// memory for its tables and caches. It refuses what a newer release wrote.
func openStore(ctx context.Context, address, dir string, memory int64, noMigrate bool, log *slog.Logger) (store.Store, prometheus.Collector, error) {
	st, collector, err := openEngine(ctx, address, dir, memory, noMigrate, log)
	if err != nil {
		return nil, nil, err
	}
	if err := store.CheckFormat(ctx, st); err != nil {
		return nil, nil, errors.Join(err, st.Close())
	}
	return st, collector, nil
}

func openEngine(ctx context.Context, address, dir string, memory int64, noMigrate bool, log *slog.Logger) (store.Store, prometheus.Collector, error) {
	if address == "" {
		st, err := pebblestore.Open(filepath.Join(dir, storeFolder), pebblestore.Options{Logger: log, MaxOpenFiles: divideFiles(openFiles()).store,
			CacheBytes: memory / 16 * 3, FilterBytes: int(memory / 8), RowCacheBytes: int(memory / 16), MemTableBytes: uint64(memory / 16)})
		return st, engineCollector{func() []reading { return embeddedReadings(st.Metrics()) }}, err
	}
	st, err := pgstore.Open(ctx, address, pgstore.Options{Logger: log, NoMigrate: noMigrate})
	return st, engineCollector{func() []reading { return postgresReadings(st.Metrics()) }}, err
}

// migrateCommand brings a database to this release's format.
func (a *app) migrateCommand() *cobra.Command {
	var address string
	var distribute bool
	cmd := &cobra.Command{
		Use: "migrate", Short: "Bring a PostgreSQL database to this release's format", Args: strict(cobra.NoArgs),
		Long: "Bring a PostgreSQL database to this release's format, creating the tables in an empty one. serve does the same when it\n" +
			"starts; this command is for those who let another user do it. Repeating it changes nothing.",
	}
	cmd.Flags().StringVar(&address, "store", "", "the database, postgres://… (USANCE_STORE)")
	cmd.Flags().BoolVar(&distribute, "distribute", false, "distribute the tables by Citus, whose extension must be there")
	cmd.RunE = runs(func(cmd *cobra.Command, _ []string) error {
		if address == "" {
			address = a.env["USANCE_STORE"]
		}
		if !isPostgres(address) {
			return usagef("--store: the address of a PostgreSQL database, postgres://…, is needed")
		}
		run := pgstore.Migrate
		if distribute {
			run = pgstore.Distribute
		}
		done, err := run(cmd.Context(), address, pgstore.Options{})
		if err != nil {
			return err
		}
		if distribute && done.Distributed {
			fmt.Fprintln(a.stdout, "The tables are distributed.")
		}
		if done.From == done.To {
			fmt.Fprintf(a.stdout, "Nothing to do: the database has format %d\n", done.To)
			return nil
		}
		fmt.Fprintf(a.stdout, "The database has format %d; it had %d\n", done.To, done.From)
		return nil
	})
	return cmd
}

// reading is one figure of an engine, as /metrics shows it.
type reading struct {
	name, help string
	kind       prometheus.ValueType
	value      float64
}

// engineCollector shows an engine's state at /metrics: what read tells of it now.
type engineCollector struct{ read func() []reading }

// Describe implements prometheus.Collector.
func (c engineCollector) Describe(to chan<- *prometheus.Desc) { prometheus.DescribeByCollect(c, to) }

// Collect implements prometheus.Collector.
func (c engineCollector) Collect(to chan<- prometheus.Metric) {
	for _, v := range c.read() {
		to <- prometheus.MustNewConstMetric(prometheus.NewDesc(v.name, v.help, nil, nil), v.kind, v.value)
	}
}

func embeddedReadings(m pebblestore.Metrics) []reading {
	return []reading{
		{"usance_store_disk_bytes", "Bytes of the store on disk.", prometheus.GaugeValue, float64(m.DiskBytes)},
		{"usance_store_log_bytes", "Bytes of the store's write-ahead log.", prometheus.GaugeValue, float64(m.LogBytes)},
		{"usance_store_memtable_bytes", "Memory for rows not yet in sorted files.", prometheus.GaugeValue, float64(m.MemTableBytes)},
		{"usance_store_cache_bytes", "Memory for blocks read from disk.", prometheus.GaugeValue, float64(m.CacheBytes)},
		{"usance_store_cache_hits_total", "Blocks found in memory.", prometheus.CounterValue, float64(m.CacheHits)},
		{"usance_store_cache_misses_total", "Blocks read from disk.", prometheus.CounterValue, float64(m.CacheMisses)},
		{"usance_store_filter_bytes", "Memory for telling new ids of events from known ones; 0 while it is made, and when it cannot be.", prometheus.GaugeValue, float64(m.FilterBytes)},
		{"usance_store_filter_pending", "1 while the filter of known ids is made after a start, then 0.", prometheus.GaugeValue, oneIf(m.FilterPending)},
		{"usance_store_files", "Sorted files.", prometheus.GaugeValue, float64(m.Files)},
		{"usance_store_read_depth", "Sorted runs that a look-up may have to visit.", prometheus.GaugeValue, float64(m.ReadDepth)},
		{"usance_store_flushes_total", "Tables written from memory to disk.", prometheus.CounterValue, float64(m.Flushes)},
		{"usance_store_compactions_total", "Compactions done.", prometheus.CounterValue, float64(m.Compactions)},
		{"usance_store_compaction_debt_bytes", "Bytes still to be compacted.", prometheus.GaugeValue, float64(m.CompactionDebt)},
	}
}

func oneIf(is bool) float64 {
	if is {
		return 1
	}
	return 0
}

func postgresReadings(m pgstore.Metrics) []reading {
	return []reading{
		{"usance_store_connections", "Connections to the database, open now.", prometheus.GaugeValue, float64(m.Conns)},
		{"usance_store_connections_used", "Connections in use.", prometheus.GaugeValue, float64(m.ConnsInUse)},
		{"usance_store_connection_waits_total", "Calls that had to wait for a connection.", prometheus.CounterValue, float64(m.Waits)},
		{"usance_store_steps_total", "Steps that ended.", prometheus.CounterValue, float64(m.Steps)},
		{"usance_store_retries_total", "Calls that were run again: conflicts, lost connections, restarts.", prometheus.CounterValue, float64(m.Retries)},
		{"usance_store_unknown_steps_total", "Steps whose outcome was lost with the connection.", prometheus.CounterValue, float64(m.UnknownSteps)},
	}
}
