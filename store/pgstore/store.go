// Package pgstore keeps a store.Store in a PostgreSQL database, version 15 or
// newer, alone or distributed by Citus. Any number of processes may have the
// same database open; none of them keeps anything that the others need.
//
// Rows live in one table, keyed by tenant, table and id. Each tenant has one row
// in a second table; a step locks it to take the tenant's turn. A step is two
// trips to the server whatever its size: begin, lock and read; then write and
// commit. Every statement of a step names its tenant, so that under Citus it
// stays on one shard. docs/adr/0003-postgresql.md says why.
package pgstore

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/usance/usance"
	"github.com/usance/usance/store"
)

// The defaults of Options.
const (
	DefaultSchema   = "usance"
	DefaultMaxConns = 16
	DefaultTimeout  = 30 * time.Second
)

// Options adjust a store. The zero value is the production setting.
type Options struct {
	// Schema is the database schema that holds the tables; "" for DefaultSchema.
	// Several stores may share a database, each in a schema of its own.
	Schema string

	// MaxConns is the most connections this process opens. 0 takes the address's
	// pool_max_conns, or else DefaultMaxConns. Steps of one tenant use one.
	MaxConns int

	// Timeout bounds each wait: for a free connection, for the tenant's turn, for
	// one statement, and, a quarter longer, for a server that does not answer. A
	// call that is run again begins anew. 0 for DefaultTimeout.
	Timeout time.Duration

	// NoMigrate makes Open refuse a database that Migrate has not brought to this
	// release's format.
	NoMigrate bool

	Logger *slog.Logger // nil for none

	wrap func(net.Conn) net.Conn // tests: counts and cuts what goes over the wire
}

func (o Options) filled() Options {
	o.Schema = cmp.Or(o.Schema, DefaultSchema)
	o.Timeout = cmp.Or(o.Timeout, DefaultTimeout)
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	return o
}

// Store is a store.Store on PostgreSQL. Its methods are safe for concurrent use.
type Store struct {
	pool    *pgxpool.Pool
	sql     statements
	opts    Options
	server  serverInfo
	turns   *turns
	counts  counts
	ill     atomic.Pointer[usance.Error] // why the last write failed, when writes fail for good
	mu      sync.Mutex
	running int
	closing bool
	idle    sync.Cond
}

var (
	_ store.Store  = (*Store)(nil)
	_ store.Peeker = (*Store)(nil)
)

// Open opens the store in the database that url names
// (postgres://user:password@host:port/database?setting=value, or several hosts
// separated by commas, of which the one that takes writes is used). It creates
// the tables in an empty database and brings older ones to this release's
// format, one process at a time; see Options.NoMigrate. It waits a few seconds
// for a server that is just starting. It fails with a sentence that says what to
// do when the server is older than PostgreSQL 15, is a read-only replica or
// refuses the user, when the user lacks rights, and when a newer release wrote
// the database.
func Open(ctx context.Context, url string, opts Options) (*Store, error) {
	opts = opts.filled()
	cfg, err := configure(url, opts)
	if err != nil {
		return nil, err
	}
	server, err := prepare(ctx, cfg, opts)
	if err != nil {
		return nil, fmt.Errorf("pgstore: open %s: %w", place(cfg), forPerson(err))
	}
	s := &Store{sql: newStatements(opts.Schema), opts: opts, server: server, turns: newTurns()}
	s.idle.L = &s.mu
	if s.pool, err = pgxpool.NewWithConfig(context.WithoutCancel(ctx), cfg); err != nil {
		return nil, fmt.Errorf("pgstore: open %s: %w", place(cfg), forPerson(err))
	}
	for _, warning := range server.warnings {
		opts.Logger.Warn("postgresql: " + warning)
	}
	return s, nil
}

// Name says which engine this is, for people: "PostgreSQL 15.4", with Citus'
// version where it is installed.
func (s *Store) Name() string { return s.server.name() }

// enter counts a call in, unless the store is closed; leave counts it out.
func (s *Store) enter(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closing {
		return usance.Errorf(usance.KindUnavailable, "the store is closed")
	}
	s.running++
	return nil
}

func (s *Store) leave() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.running--; s.running == 0 {
		s.idle.Broadcast()
	}
}

// Check answers nil when the server answers and takes writes. After a write that
// failed because the server takes none (its disk is full, it became a replica),
// it tries one write itself and reports why not until one succeeds. Errors are
// of usance.KindUnavailable.
func (s *Store) Check(ctx context.Context) error {
	if err := s.enter(ctx); err != nil {
		return err
	}
	defer s.leave()
	sql := s.sql.ping
	if s.ill.Load() != nil {
		sql = s.sql.probe
	}
	err := s.retry(ctx, func() error {
		c, err := s.acquire(ctx)
		if err != nil {
			return err
		}
		defer c.Release()
		ctx, cancel := s.trip(ctx)
		defer cancel()
		_, err = c.Exec(ctx, sql)
		return err
	})
	if err != nil {
		return s.explain(ctx, err)
	}
	s.ill.Store(nil)
	return nil
}

// Close waits for running calls and closes the connections. Calls that begin
// after it fail with usance.KindUnavailable; closing again does nothing.
func (s *Store) Close() error {
	s.mu.Lock()
	if s.closing {
		s.mu.Unlock()
		return nil
	}
	s.closing = true
	for s.running > 0 {
		s.idle.Wait()
	}
	s.mu.Unlock()
	s.pool.Close()
	return nil
}
