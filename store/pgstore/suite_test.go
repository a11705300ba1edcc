package pgstore

import (
	"context"
	"fmt"
	"os"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/usance/usance/store"
	"github.com/usance/usance/store/pgstore/pgtest"
	"github.com/usance/usance/store/storetest"
)

// shared is the server that most tests use, each in a schema of its own.
var shared = sync.OnceValues(func() (*pgtest.Server, error) {
	started.Store(true)
	return pgtest.Start()
})

var (
	started atomic.Bool
	places  atomic.Int64
)

func TestMain(m *testing.M) {
	code := m.Run()
	if started.Load() {
		if s, err := shared(); err == nil {
			if err := s.Close(); err != nil {
				fmt.Fprintln(os.Stderr, "closing the test's PostgreSQL:", err)
				code = max(code, 1)
			}
		}
	}
	os.Exit(code)
}

func server(t testing.TB) *pgtest.Server {
	t.Helper()
	pgtest.Need(t)
	s, err := shared()
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// home is a Harness: one schema of a server.
type home struct {
	url    string
	schema string
	crash  func() error // nil where the test may not crash the server
	opts   Options
}

func newHome(t testing.TB) *home {
	t.Helper()
	s := server(t)
	return inSchema(t, s.URL("postgres"), func() error {
		if err := s.Crash(); err != nil {
			return err
		}
		return s.Restart()
	})
}

func inSchema(t testing.TB, url string, crash func() error) *home {
	t.Helper()
	d := &home{url: url, schema: fmt.Sprintf("test_%d_%d", os.Getpid(), places.Add(1)), crash: crash}
	t.Cleanup(func() { d.exec(t, `drop schema if exists `+d.schema+` cascade`) })
	return d
}

func (d *home) options() Options {
	o := d.opts
	o.Schema = d.schema
	return o
}

func (d *home) Open(t testing.TB) store.Store {
	t.Helper()
	return d.open(t)
}

func (d *home) open(t testing.TB) *Store {
	t.Helper()
	s, err := Open(context.Background(), d.url, d.options())
	if err != nil {
		t.Fatalf("Open: %v", err)
	}
	return s
}

// opened is open with the closing left to the test's end.
func (d *home) opened(t testing.TB) *Store {
	t.Helper()
	s := d.open(t)
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
	})
	return s
}

// Crash takes the server's processes away at once. What the kernel holds survives
// that, so it proves the order of the log and not the disk.
func (d *home) Crash(t testing.TB) {
	t.Helper()
	if d.crash == nil {
		return
	}
	if err := d.crash(); err != nil {
		t.Fatalf("crash: %v", err)
	}
}

// admin runs fn on a connection outside any store.
func (d *home) admin(t testing.TB, fn func(context.Context, *pgx.Conn) error) {
	t.Helper()
	ctx := context.Background()
	conn, err := pgx.Connect(ctx, d.url)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(ctx)
	if err := fn(ctx, conn); err != nil {
		t.Fatal(err)
	}
}

func (d *home) exec(t testing.TB, sql string) {
	t.Helper()
	d.admin(t, func(ctx context.Context, conn *pgx.Conn) error {
		_, err := conn.PgConn().Exec(ctx, sql).ReadAll()
		return err
	})
}

func TestPostgreSQLHoldsEveryLawOfTheStore(t *testing.T) {
	storetest.Run(t, func(t testing.TB) storetest.Harness { return newHome(t) })
}
