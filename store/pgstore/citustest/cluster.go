// Package citustest is what tests need to run on the Citus cluster that
// USANCE_TEST_CITUS names: schemas of their own there, a store that outlives the
// loss of a worker, and the trouble itself. While stores are open that asked for
// it, workers are stopped at once and started again, and shards move from worker
// to worker.
//
// The cluster must be there for tests alone, and its user a superuser of it.
// Several test processes may use it at once. What cannot be disturbed, such as
// the making and dropping of tables, asks for calm.
package citustest

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net/url"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

// Variable is the environment variable that holds the coordinator's address.
const Variable = "USANCE_TEST_CITUS"

// shards is how many a table of the tests is cut into: enough for both workers to
// have several.
const shards = 4

// schemaPrefix begins the names of all schemas that tests make, and of no others.
const schemaPrefix = "usance_test_"

// calmLock is the advisory lock of the coordinator that trouble holds for itself
// and calm shares. It orders tests alone: the store stands on no such lock.
const calmLock = 0x7573616e6365

// patience is how long a test waits for the cluster to be whole again.
const patience = 90 * time.Second

// Cluster is the cluster, and the trouble that this process makes on it.
type Cluster struct {
	// URL is the coordinator's address; tables that are made through it have few shards.
	URL string

	mu     sync.Mutex
	users  int // stores that asked for trouble
	cancel context.CancelFunc
	ended  chan struct{}
	pause  *time.Timer
	acts   int
	done   Troubles
	broken error // a worker that did not come back
}

// Need ends the test unless the environment names a cluster.
func Need(t testing.TB) *Cluster {
	t.Helper()
	address := os.Getenv(Variable)
	if address == "" {
		t.Skip("CITUS WAS NOT RUN: set " + Variable + "=postgres://coordinator… to run this on a cluster. " +
			"Without it, distribution by tenant and behaviour while shards move and workers stop are unproven")
	}
	c, err := one(address)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// one is the cluster of this process, of which all tests share the trouble.
var one = func() func(string) (*Cluster, error) {
	var mu sync.Mutex
	known := map[string]*Cluster{}
	return func(address string) (*Cluster, error) {
		mu.Lock()
		defer mu.Unlock()
		if known[address] == nil {
			c, err := at(address)
			if err != nil {
				return nil, err
			}
			known[address] = c
		}
		return known[address], nil
	}
}()

func at(address string) (*Cluster, error) {
	c := &Cluster{URL: fmt.Sprintf("%s citus.shard_count=%d", address, shards)}
	if strings.Contains(address, "://") {
		u, err := url.Parse(address)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", Variable, err)
		}
		q := u.Query()
		q.Set("citus.shard_count", fmt.Sprint(shards))
		u.RawQuery = q.Encode()
		c.URL = u.String()
	}
	return c, nil
}

// Schema returns a name that no other test has, and drops the schema of that name
// when the test ends.
func (c *Cluster) Schema(t testing.TB) string {
	t.Helper()
	name := schemaPrefix + strings.ToLower(rand.Text()[:16])
	t.Cleanup(func() {
		c.Calm(t, func(ctx context.Context, conn *pgx.Conn) error {
			_, err := conn.Exec(ctx, "drop schema if exists "+name+" cascade")
			return err
		})
	})
	return name
}

// Calm calls do while nobody makes trouble and every node answers.
func (c *Cluster) Calm(t testing.TB, do func(context.Context, *pgx.Conn) error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), 2*patience)
	defer cancel()
	err := c.connected(ctx, func(conn *pgx.Conn) error {
		if _, err := conn.Exec(ctx, `select pg_advisory_lock_shared($1)`, int64(calmLock)); err != nil {
			return err
		}
		if err := whole(ctx, conn); err != nil { // whoever made trouble may have died over it
			return err
		}
		return do(ctx, conn)
	})
	if err != nil {
		t.Fatalf("citus: %v", err)
	}
}

func (c *Cluster) connected(ctx context.Context, do func(*pgx.Conn) error) error {
	conn, err := pgx.Connect(ctx, c.URL)
	if err != nil {
		return err
	}
	return errors.Join(do(conn), conn.Close(context.WithoutCancel(ctx)))
}

// whole waits until every worker answers, and has the commits finished that were
// cut off between their two phases, which Citus by itself does once a minute.
func whole(ctx context.Context, conn *pgx.Conn) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		var up bool
		err := conn.QueryRow(ctx, `select coalesce(bool_and(success), true) from run_command_on_workers('select 1')`).Scan(&up)
		if err != nil {
			return fmt.Errorf("do the workers answer? %w", err)
		}
		if up {
			break
		}
		select {
		case <-ctx.Done():
			return errors.New("a worker does not answer")
		case <-tick.C:
		}
	}
	_, err := conn.Exec(ctx, `select recover_prepared_transactions()`)
	return err
}
