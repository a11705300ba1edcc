package transfer_test

import (
	"context"
	"errors"
	"math/rand/v2"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/usance/usance"
	"github.com/usance/usance/internal/facadetest"
	"github.com/usance/usance/internal/transfer"
	"github.com/usance/usance/registry"
	"github.com/usance/usance/store"
	"github.com/usance/usance/store/pgstore"
	"github.com/usance/usance/store/pgstore/pgtest"
)

// failing is a store whose steps fail once some have been done.
type failing struct {
	store.Store
	left int
}

var errStopped = errors.New("stopped")

func (f *failing) Step(ctx context.Context, tenant usance.TenantID, keys store.Keys, fn func(*store.Rows) error) error {
	if f.left == 0 {
		return errStopped
	}
	f.left--
	return f.Store.Step(ctx, tenant, keys, fn)
}

func (p *place) moveTo(ctx context.Context, to store.Store) (transfer.Moved, error) {
	m := transfer.StoreMove{From: p.Store, To: to, Tenants: func(ctx context.Context) ([]usance.TenantID, error) { return p.Registry.Tenants(ctx, "", 1000) }}
	return m.Run(ctx)
}

func dueOf(t *testing.T, st store.Store) map[usance.TenantID]time.Time {
	t.Helper()
	out := map[usance.TenantID]time.Time{}
	err := st.Due(t.Context(), usance.Latest, func(tenant usance.TenantID, at time.Time) error {
		out[tenant] = at
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// moved wants a store to hold what a place holds, and to live on.
func moved(t *testing.T, from *place, st store.Store) {
	t.Helper()
	to := placeOn(t, st, from.clock, 1)
	sameRows(t, from.rows(t), to.rows(t))
	to.verified(t)
	if was, is := dueOf(t, from.Store), dueOf(t, st); len(was) != len(is) || !was[acme].Equal(is[acme]) {
		t.Errorf("due there %v, here %v", was, is)
	}
	if _, err := to.Registry.Bearer(t.Context(), "us_collector_token"); err != nil {
		t.Errorf("the token: %v", err)
	}
	if key, err := to.Registry.Key(t.Context(), "aksk", "AK1"); err != nil || key.Secret != "the secret of AK1" {
		t.Errorf("the key: %v", err)
	}
	to.live(t, rand.New(rand.NewPCG(1, 1)), 500)
	to.verified(t)
}

// busy is a place with acme, to which much has happened, and a quiet tenant.
func busy(t *testing.T, r *rand.Rand, rounds int) *place {
	t.Helper()
	from := newPlace(t, noon(), 1)
	from.settle(t, r, rounds)
	if _, err := from.Registry.Edit(t.Context(), tester, "quiet", registry.Edit{Tenant: &usance.Tenant{Timezone: "UTC"}}); err != nil {
		t.Fatal(err)
	}
	return from
}

func TestAStoreMovesRowForRowHoweverOftenItIsStopped(t *testing.T) {
	r := rand.New(rand.NewPCG(facadetest.Seed(t), 10))
	from, to := busy(t, r, 15), facadetest.OpenStore(t)
	stops := 0
	for steps := 0; ; steps++ {
		got, err := from.moveTo(t.Context(), &failing{to, steps})
		if errors.Is(err, errStopped) {
			stops++
			continue
		}
		if err != nil || got.Tenants != 2 || got.Rows == 0 || got.Entries == 0 {
			t.Fatalf("%+v, %v", got, err)
		}
		break
	}
	if stops < 3 {
		t.Errorf("stopped %d times", stops)
	}
	if got, err := from.moveTo(t.Context(), &failing{to, 1 << 30}); err != nil || got.Tenants != 2 {
		t.Errorf("again: %+v, %v", got, err)
	}
	moved(t, from, to)
	if _, err := from.moveTo(t.Context(), to); usance.KindOf(err) != usance.KindConflict {
		t.Errorf("to a store that has lived on: %v", err)
	}
}

func TestAStoreOfOthersIsNotWrittenOver(t *testing.T) {
	from := busy(t, rand.New(rand.NewPCG(facadetest.Seed(t), 11)), 2)
	to := newPlace(t, noon(), 1)
	if _, err := to.Registry.Edit(t.Context(), tester, "other", registry.Edit{Tenant: &usance.Tenant{Timezone: "UTC"}}); err != nil {
		t.Fatal(err)
	}
	if _, err := from.moveTo(t.Context(), to.Store); usance.KindOf(err) != usance.KindConflict {
		t.Errorf("%v", err)
	}
	if rows := to.rows(t); len(rows) != 0 {
		t.Errorf("%d rows were copied", len(rows))
	}
}

func TestAStoreMovesToPostgreSQLAndBack(t *testing.T) {
	pgtest.Need(t)
	pg, err := pgtest.Start()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := pg.Close(); err != nil {
			t.Error(err)
		}
	})
	there, err := pgstore.Open(t.Context(), pg.URL("postgres"), pgstore.Options{MaxConns: 4})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = there.Close() })
	from, back := busy(t, rand.New(rand.NewPCG(facadetest.Seed(t), 12)), 12), facadetest.OpenStore(t)
	if _, err := from.moveTo(t.Context(), there); err != nil {
		t.Fatal(err)
	}
	middle := placeOn(t, there, from.clock, 1)
	sameRows(t, from.rows(t), middle.rows(t))
	if _, err := middle.moveTo(t.Context(), back); err != nil {
		t.Fatal(err)
	}
	at := from.clock.Now()
	moved(t, from, back)
	from.clock.Set(at)
	moved(t, from, there)
	// An archive fits either engine.
	file := from.export(t, transfer.Export{})
	again, err := pgstore.Open(t.Context(), pg.URL("postgres"), pgstore.Options{Schema: "another", MaxConns: 4})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = again.Close() })
	to := placeOn(t, again, from.clock, 1)
	if _, err := to.bring(t, file, transfer.Import{}); err != nil {
		t.Fatal(err)
	}
	sameRows(t, from.rows(t), to.rows(t))
}

// docs/operations.md says that pg_dump makes a copy that is whole.
func TestADumpOfPostgreSQLIsAWholeCopy(t *testing.T) {
	pgtest.Need(t)
	pg, err := pgtest.Start()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := pg.Close(); err != nil {
			t.Error(err)
		}
	})
	open := func(database string) store.Store {
		st, err := pgstore.Open(t.Context(), pg.URL(database), pgstore.Options{MaxConns: 4})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = st.Close() })
		return st
	}
	from := placeOn(t, open("postgres"), noon(), 1)
	from.settle(t, rand.New(rand.NewPCG(facadetest.Seed(t), 13)), 8)
	dump := filepath.Join(t.TempDir(), "usance.dump")
	tools, err := filepath.Glob("/usr/lib/postgresql/*/bin")
	if err != nil || len(tools) == 0 {
		t.Fatal(tools, err)
	}
	run := func(tool string, args ...string) {
		t.Helper()
		if out, err := exec.CommandContext(t.Context(), filepath.Join(tools[len(tools)-1], tool), args...).CombinedOutput(); err != nil {
			t.Fatalf("%s: %v\n%s", tool, err, out)
		}
	}
	run("pg_dump", "--format=custom", "--schema=usance", "--file="+dump, pg.URL("postgres"))
	from.live(t, rand.New(rand.NewPCG(1, 1)), 99) // what comes later is not in it
	run("psql", "--command=create database other", pg.URL("postgres"))
	run("pg_restore", "--exit-on-error", "--dbname="+pg.URL("other"), dump)
	to := placeOn(t, open("other"), from.clock, 1)
	to.verified(t)
	for key, value := range to.rows(t) {
		if key.Table == store.Blocks && from.rows(t)[key] != value {
			t.Errorf("block %q is not the source's", key.ID)
		}
	}
	to.live(t, rand.New(rand.NewPCG(1, 1)), 500)
	to.verified(t)
}
