package pgstore

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgconn/ctxwatch"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/usance/usance"
)

// oldestMajor is the oldest PostgreSQL that this package is made for.
const oldestMajor = 15

const readOnlyDetail = "the server takes no writes: it is a read-only replica, or set to be read-only; name the primary"

// warningKey is where a connection keeps the server's last warning; see save.
const warningKey = "usance.warning"

// serverError says why a server that answers cannot be used. passes says that
// this may change by itself.
type serverError struct {
	detail string
	passes bool
}

func (e *serverError) Error() string { return e.detail }

// configure reads the address and adds what every connection needs.
func configure(url string, opts Options) (*pgxpool.Config, error) {
	cfg, err := pgxpool.ParseConfig(url)
	if err != nil {
		return nil, fmt.Errorf("pgstore: the address of the database cannot be read: %w", err)
	}
	switch {
	case opts.MaxConns > 0:
		cfg.MaxConns = int32(min(opts.MaxConns, 10_000))
	case !strings.Contains(url, "pool_max_conns"):
		cfg.MaxConns = DefaultMaxConns
	}
	c := cfg.ConnConfig
	if c.ConnectTimeout == 0 {
		c.ConnectTimeout = min(5*time.Second, opts.Timeout)
	}
	if c.RuntimeParams["application_name"] == "" {
		c.RuntimeParams["application_name"] = "usance"
	}
	if c.ValidateConnect == nil { // target_session_attrs did not say otherwise
		c.ValidateConnect = usable
	}
	c.OnNotice = func(pc *pgconn.PgConn, n *pgconn.Notice) {
		if n.SeverityUnlocalized == "WARNING" {
			pc.CustomData()[warningKey] = n.Message
		}
	}
	c.BuildContextWatcherHandler = func(pc *pgconn.PgConn) ctxwatch.Handler {
		return &pgconn.CancelRequestContextWatcherHandler{Conn: pc, DeadlineDelay: time.Second}
	}
	if opts.wrap != nil {
		dial := c.DialFunc
		c.DialFunc = func(ctx context.Context, network, addr string) (net.Conn, error) {
			conn, err := dial(ctx, network, addr)
			if err != nil {
				return nil, err
			}
			return opts.wrap(conn), nil
		}
	}
	session := sessionSettings(opts.Timeout)
	cfg.AfterConnect = func(ctx context.Context, conn *pgx.Conn) error {
		_, err := conn.PgConn().Exec(ctx, session).ReadAll()
		return err
	}
	return cfg, nil
}

// sessionSettings make every session durable, bounded, and free of the plans
// that read more than they are asked for: each statement finds its rows by the
// primary key, even while the planner knows nothing of a table that is new.
func sessionSettings(timeout time.Duration) string {
	ms := strconv.FormatInt(max(timeout.Milliseconds(), 1), 10)
	return `set statement_timeout = ` + ms + `; set lock_timeout = 0; set client_min_messages = warning; set idle_in_transaction_session_timeout = ` + ms + `;
		set jit = off; set enable_seqscan = off; set enable_bitmapscan = off; set enable_hashjoin = off; set enable_mergejoin = off;
		select set_config('synchronous_commit', 'on', false) where current_setting('synchronous_commit') = 'off'`
}

// usable refuses a server that is too old or takes no writes, so that of several
// hosts the one that takes them is used.
func usable(ctx context.Context, c *pgconn.PgConn) error {
	version := c.ParameterStatus("server_version")
	if n := major(version); n > 0 && n < oldestMajor {
		return &serverError{detail: fmt.Sprintf("the server is PostgreSQL %s; Usance needs version %d or newer", version, oldestMajor)}
	}
	results, err := c.Exec(ctx, "show transaction_read_only").ReadAll()
	if err != nil {
		return err
	}
	if len(results) == 1 && len(results[0].Rows) == 1 && string(results[0].Rows[0][0]) == "on" {
		return &serverError{detail: readOnlyDetail, passes: true}
	}
	return nil
}

func major(version string) int {
	digits := strings.IndexFunc(version, func(r rune) bool { return r < '0' || r > '9' })
	if digits < 0 {
		digits = len(version)
	}
	n, err := strconv.Atoi(version[:digits])
	if err != nil {
		return 0
	}
	return n
}

// isNetwork reports an error of the connection itself.
func isNetwork(err error) bool {
	var op *net.OpError
	return errors.As(err, &op) || errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, net.ErrClosed) ||
		errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE)
}

// place names the database without the password.
func place(cfg *pgxpool.Config) string {
	c := cfg.ConnConfig
	return net.JoinHostPort(c.Host, strconv.Itoa(int(c.Port))) + "/" + c.Database
}

// serverInfo is what Open learns of the server.
type serverInfo struct {
	version  string
	extended string // the version of Citus, or ""
	warnings []string
}

func (i serverInfo) citus() bool { return i.extended != "" }

func (i serverInfo) name() string {
	if i.citus() {
		return "PostgreSQL " + i.version + " with Citus " + i.extended
	}
	return "PostgreSQL " + i.version
}

// inquire asks a connected server about itself.
func inquire(ctx context.Context, conn *pgx.Conn) (serverInfo, error) {
	info := serverInfo{}
	info.version, _, _ = strings.Cut(conn.PgConn().ParameterStatus("server_version"), " ")
	var fsync, pages string
	err := conn.QueryRow(ctx, `select current_setting('fsync'), current_setting('full_page_writes'),
		coalesce((select extversion from pg_extension where extname = 'citus'), '')`).Scan(&fsync, &pages, &info.extended)
	if fsync == "off" || pages == "off" {
		info.warnings = append(info.warnings, "fsync or full_page_writes is off: a power cut may lose or break what was acknowledged")
	}
	return info, err
}

// connect opens one connection outside the pool, waiting for a server that is
// starting.
func connect(ctx context.Context, cfg *pgxpool.Config) (conn *pgx.Conn, err error) {
	err = retry(ctx, func() error {
		conn, err = pgx.ConnectConfig(ctx, cfg.ConnConfig)
		return err
	}, false)
	return conn, err
}

// prepare checks the server and its format, brings the format up to date, and
// returns what the server is.
func prepare(ctx context.Context, cfg *pgxpool.Config, opts Options) (serverInfo, error) {
	conn, err := connect(ctx, cfg)
	if err != nil {
		return serverInfo{}, err
	}
	defer conn.Close(context.WithoutCancel(ctx))
	info, err := inquire(ctx, conn)
	if err != nil {
		return info, err
	}
	found, err := formatOf(ctx, conn, opts.Schema)
	if err != nil {
		return info, err
	}
	newest, err := newestFormat()
	switch {
	case err != nil:
		return info, err
	case found > newest:
		return info, tooNew(found, newest)
	case found == newest:
		return info, nil
	case opts.NoMigrate:
		return info, usance.Errorf(usance.KindUnavailable, "the database has format %d and this release needs %d: run usance migrate", found, newest)
	}
	_, err = migrate(ctx, cfg, opts, info)
	return info, err
}

func tooNew(found, newest int64) error {
	return usance.Errorf(usance.KindUnavailable, "the database has format %d and this release knows only up to %d: a newer release wrote it", found, newest)
}
