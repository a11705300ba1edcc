package citustest

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// between is the rest after each trouble: enough for the tests to get on.
const between = 6 * time.Second

// Troubles is what has been done to the cluster by this process.
type Troubles struct {
	Stops   int // a worker on this host was stopped at once and started again
	Cuts    int // all connections to a worker elsewhere were ended, several times over
	Moves   int // a shard went from one worker to another
	GivenUp int // moves that Citus gave up
}

func (d Troubles) String() string {
	return fmt.Sprintf("Citus so far: a worker on this host stopped at once and started again %d times, all connections of one elsewhere, which a test cannot stop, ended %d times; %d shards moved, %d moves given up",
		d.Stops, d.Cuts, d.Moves, d.GivenUp)
}

// Troubles returns what has been done so far.
func (c *Cluster) Troubles() Troubles {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.done
}

// Trouble has workers stop and shards move, one after the other with a rest after
// each, until the test ends; several tests share it. The test's log tells what
// was done since the process began.
func (c *Cluster) Trouble(t testing.TB) {
	t.Helper()
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.users++; c.users == 1 {
		ctx, cancel := context.WithCancel(context.Background())
		c.cancel, c.ended = cancel, make(chan struct{})
		if c.pause == nil {
			c.pause = time.NewTimer(0)
		}
		go c.trouble(ctx, c.ended)
	}
	t.Cleanup(func() { c.leave(t) })
}

func (c *Cluster) leave(t testing.TB) {
	c.mu.Lock()
	c.users--
	var wait chan struct{}
	if c.users == 0 {
		c.cancel()
		wait = c.ended
	}
	c.mu.Unlock()
	if wait != nil {
		<-wait
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	t.Log(c.done)
	if c.broken != nil {
		t.Errorf("citus: %v", c.broken)
	}
}

func (c *Cluster) trouble(ctx context.Context, ended chan<- struct{}) {
	defer close(ended)
	for {
		select {
		case <-ctx.Done():
			return
		case <-c.pause.C:
		}
		err := c.act(context.WithoutCancel(ctx)) // to its end: no worker is left stopped
		c.mu.Lock()
		if err != nil {
			c.broken = err
		}
		c.mu.Unlock()
		c.pause.Reset(between)
	}
}

// act makes one trouble, unless somebody needs calm for long.
func (c *Cluster) act(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, 2*patience)
	defer cancel()
	return c.connected(ctx, func(conn *pgx.Conn) error {
		if got, err := alone(ctx, conn); err != nil || !got {
			return err
		}
		c.acts++
		if c.acts%3 == 1 {
			return c.stopOne(ctx, conn)
		}
		return c.move(ctx, conn)
	})
}

// alone takes the lock that calm shares, if it is free soon.
func alone(ctx context.Context, conn *pgx.Conn) (bool, error) {
	if _, err := conn.Exec(ctx, `set lock_timeout = '2s'`); err != nil {
		return false, err
	}
	_, err := conn.Exec(ctx, `select pg_advisory_lock($1)`, int64(calmLock))
	if e, ok := errors.AsType[*pgconn.PgError](err); ok && e.Code == "55P03" { // whoever has it needs it longer than that
		return false, nil
	}
	if err == nil {
		_, err = conn.Exec(ctx, `set lock_timeout = 0`)
	}
	return err == nil, err
}

// Crash has a worker stop now, and returns when the cluster is whole again.
func (c *Cluster) Crash(t testing.TB) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), 3*patience)
	defer cancel()
	err := c.connected(ctx, func(conn *pgx.Conn) error {
		if _, err := conn.Exec(ctx, `select pg_advisory_lock($1)`, int64(calmLock)); err != nil {
			return err
		}
		return c.stopOne(ctx, conn)
	})
	if err != nil {
		t.Fatalf("citus: %v", err)
	}
}

func (c *Cluster) stopOne(ctx context.Context, conn *pgx.Conn) error {
	list, err := workers(ctx, conn)
	if err != nil {
		return err
	}
	if len(list) == 0 {
		return errors.New("the cluster has no worker")
	}
	w := list[rand.IntN(len(list))]
	if w.here != nil {
		err = w.here.restart(ctx)
	} else {
		err = w.cut(ctx, conn)
	}
	if err == nil {
		err = whole(ctx, conn)
	}
	if err != nil {
		return fmt.Errorf("stopping the worker %s:%d: %w", w.name, w.port, err)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if w.here != nil {
		c.done.Stops++
	} else {
		c.done.Cuts++
	}
	return nil
}

// move takes a shard of some test to another worker: one time in two, where the
// nodes' logs allow it, while it is written to.
func (c *Cluster) move(ctx context.Context, conn *pgx.Conn) error {
	var logical bool
	err := conn.QueryRow(ctx, `select current_setting('wal_level') = 'logical' and coalesce(bool_and(result = 'logical'), false) from run_command_on_workers('show wal_level')`).Scan(&logical)
	if err != nil {
		return err
	}
	mode := "block_writes"
	if logical && rand.IntN(2) == 0 {
		mode = "force_logical"
	}
	if _, err := conn.Exec(ctx, `set statement_timeout = '30s'`); err != nil {
		return err
	}
	moved, err := conn.Exec(ctx, `with one as (
			select shardid, p.nodename, p.nodeport, n.nodename as toname, n.nodeport as toport
			from pg_dist_shard_placement p join pg_dist_shard s using (shardid) join pg_class t on t.oid = s.logicalrelid join pg_namespace h on h.oid = t.relnamespace
			join pg_dist_node n on n.noderole = 'primary' and n.shouldhaveshards and (n.nodename, n.nodeport) <> (p.nodename, p.nodeport)
			where starts_with(h.nspname, $1) and t.relname = 'kv' order by random() limit 1)
		select citus_move_shard_placement(shardid, nodename, nodeport, toname, toport, $2::text::citus.shard_transfer_mode) from one`, schemaPrefix, mode)
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case err != nil: // Citus gives up a move while what an earlier one left is still locked
		c.done.GivenUp++
	case moved.RowsAffected() > 0:
		c.done.Moves++
	}
	return nil
}
