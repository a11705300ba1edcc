package pgstore

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/usance/usance"
	"github.com/usance/usance/store"
	"github.com/usance/usance/store/pgstore/citustest"
	"github.com/usance/usance/store/storetest"
)

// onCluster returns a place on the cluster whose coordinator USANCE_TEST_CITUS
// names.
func onCluster(t testing.TB) (*home, *citustest.Cluster) {
	t.Helper()
	c := citustest.Need(t)
	return &home{url: c.URL, schema: c.Schema(t)}, c
}

// disturbed is a Harness on the cluster, where workers stop and shards move all
// the time. A crash there is one of a worker.
type disturbed struct {
	*home
	cluster *citustest.Cluster
}

func (d disturbed) Open(t testing.TB) store.Store {
	t.Helper()
	return d.cluster.Open(t, func() (store.Store, error) { return Open(context.Background(), d.url, d.options()) })
}

func (d disturbed) Crash(t testing.TB) {
	t.Helper()
	d.cluster.Crash(t)
}

func (d *home) distributed(t testing.TB) (tables int) {
	t.Helper()
	d.admin(t, func(ctx context.Context, conn *pgx.Conn) error {
		return conn.QueryRow(ctx, `select count(*) from pg_dist_partition where logicalrelid::text like $1 || '.%'`, d.schema).Scan(&tables)
	})
	return tables
}

func TestCitusHoldsEveryLawOfTheStore(t *testing.T) {
	citustest.Need(t)
	storetest.Run(t, func(t testing.TB) storetest.Harness {
		d, cluster := onCluster(t)
		t.Cleanup(func() {
			if n := d.distributed(t); n != 3 {
				t.Errorf("Citus keeps %d of the store's tables, want 3", n)
			}
		})
		return disturbed{d, cluster}
	})
}

// An existing store on one server becomes a distributed one under the eyes of
// its users.
func TestDistributeKeepsEveryRow(t *testing.T) {
	d, cluster := onCluster(t)
	cluster.Calm(t, func(context.Context, *pgx.Conn) error {
		distributeUnderLoad(t, d)
		return nil
	})
}

func distributeUnderLoad(t *testing.T, d *home) {
	t.Helper()
	s := d.opened(t)
	d.exec(t, fmt.Sprintf(`select undistribute_table('%[1]s.kv'); select undistribute_table('%[1]s.turn'); select undistribute_table('%[1]s.format')`, d.schema))
	if n := d.distributed(t); n != 0 {
		t.Fatalf("%d tables are still distributed", n)
	}
	events := scaled(t, 200)
	l := &load{writers: 6, tenants: 3}
	l.start(t, []*Store{s}, events)
	l.reach(int64(l.writers * events / 4))
	done, err := Distribute(t.Context(), d.url, d.options())
	if err != nil || !done.Distributed || d.distributed(t) != 3 {
		t.Errorf("Distribute did %+v, %v", done, err)
	}
	<-l.ended
	l.verify(t, s, events)
	if done, err := Distribute(t.Context(), d.url, d.options()); err != nil || !done.Distributed {
		t.Errorf("distributing again did %+v, %v", done, err)
	}
}

// A step holds its tenant's turn until its end, also against a move of the tenant's
// shard: after one, the turn would be free at the new place, and what the step read
// at the old one out of date.
func TestAShardDoesNotMoveUnderAStep(t *testing.T) {
	d, cluster := onCluster(t)
	cluster.Calm(t, func(ctx context.Context, mover *pgx.Conn) error {
		s := d.opened(t)
		if _, err := mover.Exec(ctx, `set lock_timeout = '2s'`); err != nil {
			return err
		}
		add := func(during func()) {
			t.Helper()
			err := s.Step(ctx, "t", store.Keys{Rows: []store.Key{{Table: store.Head, ID: "n"}}}, func(r *store.Rows) error {
				during()
				n, _ := r.Get(store.Head, "n")
				r.Put(store.Head, "n", append(n, '1'))
				return nil
			})
			if err != nil {
				t.Fatal(err)
			}
		}
		add(func() {})
		add(func() {
			if err := moveShard(ctx, mover, d.schema+".kv", "t"); code(err) != "55P03" {
				t.Errorf("a move in the middle of a step: %v", err)
			}
		})
		if err := moveShard(ctx, mover, d.schema+".kv", "t"); err != nil {
			t.Errorf("a move after the step: %v", err)
		}
		add(func() {})
		rows, err := s.Load(ctx, "t", store.Keys{Rows: []store.Key{{Table: store.Head, ID: "n"}}, Ranges: []store.Range{{Table: store.Head}}})
		if err != nil {
			return err
		}
		if n, _ := rows.Get(store.Head, "n"); string(n) != "111" || len(rows.Range(0)) != 1 {
			t.Errorf("three steps wrote %q, and %d rows", n, len(rows.Range(0)))
		}
		return nil
	})
}

// A transaction that reads a tenant before and after its shard moved reads of two
// workers, and can tell.
func TestATransactionTellsThatAShardMovedUnderIt(t *testing.T) {
	d, cluster := onCluster(t)
	cluster.Calm(t, func(ctx context.Context, mover *pgx.Conn) error {
		s := d.opened(t)
		if err := s.Step(ctx, "t", store.Keys{}, func(r *store.Rows) error { r.Put(store.Head, "n", []byte("1")); return nil }); err != nil {
			return err
		}
		reader, err := pgx.Connect(ctx, d.url)
		if err != nil {
			return err
		}
		defer reader.Close(ctx)
		if _, err := reader.Exec(ctx, beginLoad); err != nil {
			return err
		}
		seat := func() (text string) {
			t.Helper()
			if err := reader.QueryRow(ctx, s.sql.seat, "t").Scan(&text); err != nil {
				t.Fatal(err)
			}
			return text
		}
		first := seat()
		if again := seat(); again != first {
			t.Errorf("without a move %q became %q", first, again)
		}
		if err := moveShard(ctx, mover, d.schema+".kv", "t"); err != nil {
			return err
		}
		if after := seat(); after == first {
			t.Errorf("after a move it is still %q", after)
		}
		return nil
	})
}

// Shards move from worker to worker, the connections between the nodes are killed
// and workers stop at once, while events are counted by clients that do no more
// than send again what was not acknowledged.
func TestWorkersThatStopAndShardsThatMoveUnderLoadLoseAndDoubleNothing(t *testing.T) {
	rnd := seeded(t)
	d, cluster := onCluster(t)
	d.opts.Timeout = 5 * time.Second // a commit in two phases that was cut off keeps its tenant waiting until it is recovered
	var s *Store
	cluster.Calm(t, func(context.Context, *pgx.Conn) error {
		s = d.opened(t)
		return nil
	})
	events := scaled(t, 600)
	l := &load{writers: 6, tenants: 6}
	l.start(t, []*Store{s}, events)
	moves := 0
	for round := int64(1); round <= 4; round++ {
		l.reach(int64(l.writers*events) * round / 6)
		cluster.Calm(t, func(ctx context.Context, conn *pgx.Conn) error {
			if err := moveShard(ctx, conn, d.schema+".kv", l.tenant(rnd.IntN(l.writers))); err != nil {
				t.Logf("a move that Citus gave up: %v", err) // while what an earlier one left is still locked
			} else {
				moves++
			}
			_, err := conn.Exec(ctx, `select * from run_command_on_workers($$select count(pg_terminate_backend(pid)) from pg_stat_activity
				where application_name like 'citus_internal%' and pid <> pg_backend_pid() and state <> 'idle'$$)`)
			return err
		})
		l.reach(int64(l.writers*events) * (2*round + 1) / 12)
		cluster.Crash(t)
	}
	<-l.ended
	if moves == 0 {
		t.Error("no shard moved")
	}
	l.verify(t, s, events)
	listed := 0
	err := s.Step(t.Context(), "load0", store.Keys{}, func(r *store.Rows) error { r.SetDue(usance.Earliest); return nil })
	if err == nil {
		err = s.Due(t.Context(), usance.Latest, func(usance.TenantID, time.Time) error { listed++; return nil })
	}
	if err != nil || listed != 1 {
		t.Errorf("%d tenants due, %v", listed, err)
	}
}

// moveShard takes the shard of a tenant from the worker that has it to another.
func moveShard(ctx context.Context, conn *pgx.Conn, table string, tenant usance.TenantID) error {
	moved, err := conn.Exec(ctx, `select citus_move_shard_placement(p.shardid, p.nodename, p.nodeport, n.nodename, n.nodeport, 'block_writes')
		from pg_dist_shard_placement p cross join lateral (select nodename, nodeport from pg_dist_node n
			where n.shouldhaveshards and n.noderole = 'primary' and (n.nodename, n.nodeport) <> (p.nodename, p.nodeport) limit 1) n
		where p.shardid = get_shard_id_for_distribution_column($1::text::regclass, $2::text)`, table, string(tenant))
	if err == nil && moved.RowsAffected() == 0 {
		err = errors.New("the cluster has fewer than two workers")
	}
	return err
}
