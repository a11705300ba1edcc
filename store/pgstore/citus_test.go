package pgstore

import (
	"context"
	"errors"
	"fmt"
	"os"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/usance/usance"
	"github.com/usance/usance/store"
	"github.com/usance/usance/store/storetest"
)

// onCluster returns a place on the cluster whose coordinator USANCE_TEST_CITUS
// names. A test cannot crash that cluster: there a crash is only a store that is
// opened anew.
func onCluster(t testing.TB) *home {
	t.Helper()
	url := os.Getenv("USANCE_TEST_CITUS")
	if url == "" {
		t.Skip("CITUS WAS NOT RUN: set USANCE_TEST_CITUS=postgres://coordinator… to run this on a cluster. " +
			"Without it, distribution by tenant and behaviour while shards move are unproven")
	}
	return inSchema(t, url, nil)
}

func (d *home) distributed(t testing.TB) (tables int) {
	t.Helper()
	d.admin(t, func(ctx context.Context, conn *pgx.Conn) error {
		return conn.QueryRow(ctx, `select count(*) from pg_dist_partition where logicalrelid::text like $1 || '.%'`, d.schema).Scan(&tables)
	})
	return tables
}

func TestCitusHoldsEveryLawOfTheStore(t *testing.T) {
	onCluster(t)
	storetest.Run(t, func(t testing.TB) storetest.Harness {
		d := onCluster(t)
		t.Cleanup(func() {
			if n := d.distributed(t); n != 3 {
				t.Errorf("Citus keeps %d of the store's tables, want 3", n)
			}
		})
		return d
	})
}

// An existing store on one server becomes a distributed one under the eyes of
// its users.
func TestDistributeKeepsEveryRow(t *testing.T) {
	d := onCluster(t)
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

// Shards move from worker to worker, and the connections between the nodes are
// killed, while events are counted.
func TestShardsThatMoveUnderLoadLoseAndDoubleNothing(t *testing.T) {
	rnd := seeded(t)
	d := onCluster(t)
	d.opts.Timeout = 5 * time.Second // a commit in two phases that was cut off keeps its tenant waiting until Citus recovers it
	s := d.opened(t)
	events := scaled(t, 600)
	l := &load{writers: 6, tenants: 6}
	l.start(t, []*Store{s}, events)
	moves := 0
	d.admin(t, func(ctx context.Context, conn *pgx.Conn) error {
		type node struct {
			name string
			port int32
		}
		rows, err := conn.Query(ctx, `select nodename, nodeport from pg_dist_node where shouldhaveshards and noderole = 'primary'`)
		if err != nil {
			return err
		}
		nodes, err := pgx.CollectRows(rows, func(r pgx.CollectableRow) (n node, err error) { return n, r.Scan(&n.name, &n.port) })
		if err != nil {
			return err
		}
		if len(nodes) < 2 {
			return errors.New("the cluster has fewer than two workers")
		}
		for round := int64(1); round <= 4; round++ {
			l.reach(int64(l.writers*events) * round / 6)
			var shard int64
			var from node
			tenant := string(l.tenant(rnd.IntN(l.writers)))
			err := conn.QueryRow(ctx, `select shardid, nodename, nodeport from pg_dist_shard_placement where shardid = get_shard_id_for_distribution_column($1::text::regclass, $2::text)`,
				d.schema+".kv", tenant).Scan(&shard, &from.name, &from.port)
			if err != nil {
				return err
			}
			to := nodes[0]
			if to == from {
				to = nodes[1]
			}
			if _, err := conn.Exec(ctx, `select citus_move_shard_placement($1, $2, $3, $4, $5, 'block_writes')`, shard, from.name, from.port, to.name, to.port); err != nil {
				t.Logf("a move that Citus gave up: %v", err) // while what an earlier one left is still locked
			} else {
				moves++
			}
			if _, err := conn.Exec(ctx, `select * from run_command_on_workers($$select count(pg_terminate_backend(pid)) from pg_stat_activity
				where application_name like 'citus_internal%' and pid <> pg_backend_pid() and state <> 'idle'$$)`); err != nil {
				return err
			}
		}
		return nil
	})
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
