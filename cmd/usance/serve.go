package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/spf13/cobra"

	"github.com/usance/usance"
	"github.com/usance/usance/server"
	"github.com/usance/usance/store/pebblestore"
)

func serveSettings() []setting {
	return []setting{
		{"listen", "127.0.0.1:8080", "address to serve on; port 0 takes a spare one"},
		{"data", "./usance-data", "folder of the embedded store and the server's secrets"},
		{"store", "", "another store than the embedded one, such as postgres://…"},
		{"config", "", "YAML file with these settings by name, _ for -"},
		{"log-level", "info", "debug, info, warn or error"},
		{"log-format", "text", "text or json"},
		{"throttle", "documented", "limits of vendor requests by the minute and second: documented (by each vendor) or off"},
		{"drain", "8s", "how long to wait for requests under way when stopping"},
	}
}

func (a *app) serveCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use: "serve", Short: "Run the server", Args: cobra.NoArgs,
		Long: "Run the server in the foreground until it is interrupted. The first start makes the operator's token, prints it\n" +
			"once and keeps it in the data folder, beside the master key that seals the secrets in the store; USANCE_MASTER_KEY\n" +
			"(64 hexadecimal digits) takes the place of that file. A flag wins over its variable, a variable over the file.",
	}
	addSettings(cmd, serveEnv, serveSettings())
	cmd.RunE = runs(func(cmd *cobra.Command, _ []string) error {
		s, err := a.settle(cmd, serveEnv, serveSettings())
		if err != nil {
			return err
		}
		return a.serve(cmd.Context(), s, "", nil)
	})
	return cmd
}

// running is a server that answers: what serve and demo tell about it.
type running struct {
	url           string
	operatorToken string
}

// sweepEvery is how often holds whose time is up are looked for.
const sweepEvery = time.Second

// serve runs a server with the settings until ctx ends. home is the tenant that
// the operator's calls are about when they name none. started, when there is
// one, is called beside the server once it answers; its error stops the server.
func (a *app) serve(ctx context.Context, s settings, home usance.TenantID, started func(ctx context.Context, r running) error) (err error) {
	if s["store"] != "" {
		if strings.HasPrefix(s["store"], "postgres://") || strings.HasPrefix(s["store"], "postgresql://") {
			return usagef("this build has no PostgreSQL engine yet; leave --store out for the embedded one")
		}
		return usagef("--store: this build knows the embedded store alone; leave --store out")
	}
	drain, err := time.ParseDuration(s["drain"])
	if err != nil || drain <= 0 {
		return usagef("--drain: %q is not a length of time such as 8s", s["drain"])
	}
	throttle := s["throttle"]
	if throttle != "documented" && throttle != "off" {
		return usagef("--throttle: %q is neither documented nor off", throttle)
	}
	log, err := newLogger(a.stderr, s["log-level"], s["log-format"])
	if err != nil {
		return err
	}
	dir := s["data"]
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	key, err := a.masterKey(dir)
	if err != nil {
		return err
	}
	st, err := pebblestore.Open(filepath.Join(dir, storeFolder), pebblestore.Options{Logger: log})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, st.Close()) }()
	token, path, fresh, err := operatorToken(dir)
	if err != nil {
		return err
	}
	sweep := time.NewTicker(sweepEvery)
	defer sweep.Stop()
	srv, err := server.New(server.Config{Store: st, MasterKey: key, OperatorToken: token, Home: home, Unthrottled: throttle == "off", Version: version(), Now: a.now, Logger: log, Drain: drain,
		Sweep: sweep.C, Scratch: newScratch, Collectors: []prometheus.Collector{storeCollector{st}}})
	if err != nil {
		return err
	}
	on, err := server.Listen(ctx, s["listen"])
	if err != nil {
		return err
	}
	if host, _, err := net.SplitHostPort(on.Addr().String()); err == nil && !net.ParseIP(host).IsLoopback() {
		log.Warn("serving plain HTTP beyond this machine; put something that speaks TLS in front", "address", on.Addr().String())
	}
	if started == nil {
		if fresh {
			fmt.Fprintf(a.stdout, "Operator token: %s\nIt is shown this once and kept in %s\n", token, path)
		}
		fmt.Fprintf(a.stdout, "Serving on %s\n", urlOf(on.Addr()))
		return srv.Run(ctx, on)
	}
	return runBeside(ctx, srv, on, func(ctx context.Context) error {
		return started(ctx, running{url: urlOf(on.Addr()), operatorToken: token})
	})
}

// runBeside runs the server, and work beside it. An error of either ends both.
func runBeside(ctx context.Context, srv *server.Server, on net.Listener, work func(context.Context) error) error {
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	served := make(chan error, 1)
	go func() {
		served <- srv.Run(ctx, on)
		stop(nil)
	}()
	worked := work(ctx)
	if worked != nil {
		stop(worked)
	}
	err := <-served
	if worked != nil && !errors.Is(worked, context.Canceled) {
		return errors.Join(worked, err)
	}
	return err
}

func urlOf(addr net.Addr) string {
	host, port, err := net.SplitHostPort(addr.String())
	if err != nil {
		return "http://" + addr.String()
	}
	if ip := net.ParseIP(host); ip != nil && ip.IsUnspecified() {
		host = "127.0.0.1"
	}
	return "http://" + net.JoinHostPort(host, port)
}

func newLogger(w io.Writer, level, format string) (*slog.Logger, error) {
	var o slog.HandlerOptions
	var l slog.Level
	if err := l.UnmarshalText([]byte(level)); err != nil {
		return nil, usagef("--log-level: %q is none of debug, info, warn, error", level)
	}
	o.Level = l
	switch format {
	case "text":
		return slog.New(slog.NewTextHandler(w, &o)), nil
	case "json":
		return slog.New(slog.NewJSONHandler(w, &o)), nil
	}
	return nil, usagef("--log-format: %q is neither text nor json", format)
}

// storeCollector shows the embedded store's state at /metrics.
type storeCollector struct{ st *pebblestore.Store }

func (c storeCollector) Describe(to chan<- *prometheus.Desc) { prometheus.DescribeByCollect(c, to) }

func (c storeCollector) Collect(to chan<- prometheus.Metric) {
	m := c.st.Metrics()
	for _, v := range []struct {
		name, help string
		kind       prometheus.ValueType
		value      float64
	}{
		{"usance_store_disk_bytes", "Bytes of the store on disk.", prometheus.GaugeValue, float64(m.DiskBytes)},
		{"usance_store_log_bytes", "Bytes of the store's write-ahead log.", prometheus.GaugeValue, float64(m.LogBytes)},
		{"usance_store_memtable_bytes", "Memory for rows not yet in sorted files.", prometheus.GaugeValue, float64(m.MemTableBytes)},
		{"usance_store_cache_bytes", "Memory for blocks read from disk.", prometheus.GaugeValue, float64(m.CacheBytes)},
		{"usance_store_cache_hits_total", "Blocks found in memory.", prometheus.CounterValue, float64(m.CacheHits)},
		{"usance_store_cache_misses_total", "Blocks read from disk.", prometheus.CounterValue, float64(m.CacheMisses)},
		{"usance_store_files", "Sorted files.", prometheus.GaugeValue, float64(m.Files)},
		{"usance_store_read_depth", "Sorted runs that a look-up may have to visit.", prometheus.GaugeValue, float64(m.ReadDepth)},
		{"usance_store_flushes_total", "Tables written from memory to disk.", prometheus.CounterValue, float64(m.Flushes)},
		{"usance_store_compactions_total", "Compactions done.", prometheus.CounterValue, float64(m.Compactions)},
		{"usance_store_compaction_debt_bytes", "Bytes still to be compacted.", prometheus.GaugeValue, float64(m.CompactionDebt)},
	} {
		to <- prometheus.MustNewConstMetric(prometheus.NewDesc(v.name, v.help, nil, nil), v.kind, v.value)
	}
}
