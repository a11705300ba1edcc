package main

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"time"

	"github.com/spf13/cobra"

	"github.com/usance/usance"
	"github.com/usance/usance/server"
)

func serveSettings() []setting {
	return []setting{
		{"listen", "127.0.0.1:8080", "address to serve on; port 0 takes a spare one"},
		{"data", "./usance-data", "folder of the embedded store and the server's secrets"},
		{"store", "", "another store than the embedded one, such as postgres://…"},
		{"config", "", "YAML file with these settings by name, _ for -"},
		{"migrate", "on", "bring a PostgreSQL database to this release's format at the start: on or off"},
		{"sql", "", "database to keep tables for SQL in: postgres://…, or store for the one of --store"},
		{"sql-every", "10s", "how often the tables of --sql are brought up to date"},
		{"tls-cert", "", "file with the certificate and its chain (PEM); with --tls-key, serve HTTPS"},
		{"tls-key", "", "file with the certificate's private key (PEM); both are read again when they change"},
		{"memory", "1GiB", "memory to stay within: caches take their share of it, and events past it are refused for the moment"},
		{"log-level", "info", "debug, info, warn or error"},
		{"log-format", "text", "text or json"},
		{"throttle", "documented", "limits of vendor requests: documented (by each vendor), off, or a list such as rtc=60/1m,metastudio.system=40/1s,meeting=off"},
		{"pprof", "", "address of this machine to serve the runtime's profiles on, such as 127.0.0.1:6060"},
		{"drain", "8s", "how long to wait for requests under way when stopping"},
	}
}

func (a *app) serveCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use: "serve", Short: "Run the server", Args: cobra.NoArgs,
		Long: "Run the server in the foreground until it is interrupted. The first start makes the operator's token, prints it\n" +
			"once and keeps it in the data folder, beside the master key that seals the secrets in the store; USANCE_MASTER_KEY\n" +
			"(64 hexadecimal digits) and USANCE_OPERATOR_TOKEN take the place of those files, and are what several processes on\n" +
			"one PostgreSQL store share. A flag wins over its variable, a variable over the configuration file.",
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
	key           [32]byte // what the store's secrets are sealed under
}

// The bounds of --memory. The least is what the tables in memory and a request of
// the largest size need.
const (
	minMemory = 256 << 20
	maxMemory = 16 << 40
)

// sweepEvery is how often holds whose time is up are looked for.
const sweepEvery = time.Second

// serve runs a server with the settings until ctx ends. home is the tenant that
// the operator's calls are about when they name none. started, when there is
// one, is called beside the server once it answers; its error stops the server.
func (a *app) serve(ctx context.Context, s settings, home usance.TenantID, started func(ctx context.Context, r running) error) (err error) {
	if s["store"] != "" && !isPostgres(s["store"]) {
		return usagef("--store: a PostgreSQL address begins with postgres://; leave --store out for the embedded store")
	}
	drain, err := time.ParseDuration(s["drain"])
	if err != nil || drain <= 0 {
		return usagef("--drain: %q is not a length of time such as 8s", s["drain"])
	}
	if _, _, err := sqlSettings(s); err != nil {
		return err
	}
	limits, err := server.ParseThrottles(s["throttle"])
	if err != nil {
		return usagef("--throttle: %w", err)
	}
	log, err := newLogger(a.stderr, s["log-level"], s["log-format"])
	if err != nil {
		return err
	}
	memory, err := usance.ParseAmount(s["memory"])
	if err != nil || memory < minMemory || memory > maxMemory {
		return usagef("--memory: %q is not an amount from 256MiB to 16TiB", s["memory"])
	}
	certificates, err := a.certificates(s["tls-cert"], s["tls-key"], log)
	if err != nil {
		return err
	}
	a.tuneMemory(memory)
	if s["pprof"] != "" {
		at, stop, err := serveProfiles(ctx, s["pprof"])
		if err != nil {
			return err
		}
		defer func() { _ = stop() }() // they are of no use any more
		log.Info("serving profiles", "address", at)
	}
	h, err := a.openHome(ctx, s, memory, log)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, h.store.Close()) }()
	stopSQL, shown, err := a.publishSQL(ctx, s, h, log)
	if err != nil {
		return err
	}
	defer stopSQL() // before the store is closed
	sweep := time.NewTicker(sweepEvery)
	defer sweep.Stop()
	srv, err := server.New(server.Config{Store: h.store, MasterKey: h.key, OperatorToken: h.token, Home: home, Limits: limits, Version: version(), Now: a.now, Logger: log, Drain: drain, Memory: memory,
		Sweep: sweep.C, Scratch: newScratch, Snapshot: snapshots(s["data"], h.store), Collectors: append(shown, h.collector)})
	if err != nil {
		return err
	}
	on, url, err := listen(ctx, s["listen"], certificates, log)
	if err != nil {
		return err
	}
	if started == nil {
		a.tellToken(h)
		fmt.Fprintf(a.stdout, "Serving on %s\n", url)
		return srv.Run(ctx, on)
	}
	return runBeside(ctx, srv, on, func(ctx context.Context) error {
		return started(ctx, running{url: url, operatorToken: h.token, key: h.key})
	})
}

// listen begins to take connections, as many as there are files for, and returns the
// address to ask.
func listen(ctx context.Context, address string, certificates *tls.Config, log *slog.Logger) (on net.Listener, url string, err error) {
	on, err = server.Listen(ctx, address)
	if err != nil {
		return nil, "", err
	}
	on = server.Bound(on, divideFiles(openFiles()).connections, certificates == nil)
	if certificates != nil {
		return tls.NewListener(on, certificates), urlOf("https", on.Addr()), nil
	}
	if host, _, err := net.SplitHostPort(on.Addr().String()); err == nil && !net.ParseIP(host).IsLoopback() {
		log.Warn("serving plain HTTP beyond this machine; give --tls-cert and --tls-key, or put something that speaks TLS in front", "address", on.Addr().String())
	}
	return on, urlOf("http", on.Addr()), nil
}

// tellToken says where the operator's token is, when it is new or not here.
func (a *app) tellToken(h *home) {
	switch {
	case h.freshToken:
		fmt.Fprintf(a.stdout, "Operator token: %s\nIt is shown this once and kept in %s\n", h.token, h.tokenFile)
	case h.token == "":
		fmt.Fprintf(a.stdout, "The operator's token is the one of the first process that served this store; put it in %s, or set USANCE_OPERATOR_TOKEN, to have it here too\n", h.tokenFile)
	}
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

func urlOf(scheme string, addr net.Addr) string {
	host, port, err := net.SplitHostPort(addr.String())
	if err != nil {
		return scheme + "://" + addr.String()
	}
	if ip := net.ParseIP(host); ip != nil && ip.IsUnspecified() {
		host = "127.0.0.1"
	}
	return scheme + "://" + net.JoinHostPort(host, port)
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
