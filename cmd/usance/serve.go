package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"time"

	"github.com/prometheus/client_golang/prometheus"
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
	if s["store"] != "" && !isPostgres(s["store"]) {
		return usagef("--store: a PostgreSQL address begins with postgres://; leave --store out for the embedded store")
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
	st, collector, err := openStore(ctx, s["store"], dir, log)
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
		Sweep: sweep.C, Scratch: newScratch, Collectors: []prometheus.Collector{collector}})
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
