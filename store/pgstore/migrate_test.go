package pgstore

import (
	"context"
	"strings"
	"sync"
	"testing"

	"github.com/jackc/pgx/v5"
)

func TestProcessesThatStartTogetherMigrateOnce(t *testing.T) {
	d := newHome(t)
	const processes = 8
	stores := make([]*Store, processes)
	var wg sync.WaitGroup
	for i := range processes {
		wg.Go(func() {
			s, err := Open(t.Context(), d.url, d.options())
			if err != nil {
				t.Error(err)
				return
			}
			stores[i] = s
		})
	}
	wg.Wait()
	for _, s := range stores {
		if s == nil {
			continue
		}
		if _, err := count(t.Context(), s, "t", "e"); err != nil {
			t.Error(err)
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}
	newest, err := newestFormat()
	if err != nil || newest < 1 {
		t.Fatalf("newest format %d, %v", newest, err)
	}
	done, err := Migrate(t.Context(), d.url, d.options())
	if err != nil || done.From != newest || done.To != newest || done.Distributed {
		t.Errorf("migrating again did %+v, %v", done, err)
	}
}

func TestMigrateWaitsForTheLockRow(t *testing.T) {
	d := newHome(t)
	d.admin(t, func(ctx context.Context, conn *pgx.Conn) error {
		if err := ensureLock(ctx, conn, d.schema, d.schema+".migration_lock"); err != nil {
			return err
		}
		tx, err := conn.Begin(ctx)
		if err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, `select from `+d.schema+`.migration_lock for update`); err != nil {
			return err
		}
		done := make(chan error, 1)
		go func() {
			_, err := Migrate(ctx, d.url, d.options())
			done <- err
		}()
		look, err := pgx.Connect(ctx, d.url) // a transaction keeps seeing the sessions that it saw first
		if err != nil {
			return err
		}
		defer look.Close(ctx)
		for waiting := false; !waiting; { // until it waits for this transaction
			if len(done) > 0 {
				t.Fatalf("Migrate did not wait for the lock: %v", <-done)
			}
			if err := look.QueryRow(ctx, `select exists (select from pg_stat_activity where query like '%'||$1||'%for update' and wait_event_type = 'Lock')`, d.schema).Scan(&waiting); err != nil {
				return err
			}
		}
		if found, err := formatOf(ctx, conn, d.schema); err != nil || found != 0 {
			t.Errorf("format %d before the lock was free, %v", found, err)
		}
		if err := tx.Rollback(ctx); err != nil {
			return err
		}
		return <-done
	})
	none := d.options()
	none.NoMigrate = true
	s, err := Open(t.Context(), d.url, none)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}

func TestAMigrationThatFailsLeavesNothingHalf(t *testing.T) {
	d := newHome(t)
	d.exec(t, `create schema `+d.schema+`; create table `+d.schema+`.turn (foreigner integer)`)
	if _, err := Migrate(t.Context(), d.url, d.options()); err == nil || !strings.Contains(err.Error(), "already exists") {
		t.Fatalf("Migrate over a table of somebody else: %v", err)
	}
	d.admin(t, func(ctx context.Context, conn *pgx.Conn) error {
		var kv bool
		if err := conn.QueryRow(ctx, `select to_regclass($1) is not null`, d.schema+".kv").Scan(&kv); err != nil {
			return err
		}
		if format, err := formatOf(ctx, conn, d.schema); err != nil || format != 0 || kv {
			t.Errorf("a failed migration left format %d and kv %v, %v", format, kv, err)
		}
		return nil
	})
	d.exec(t, `drop table `+d.schema+`.turn`)
	if done, err := Migrate(t.Context(), d.url, d.options()); err != nil || done.From != 0 || done.To < 1 {
		t.Errorf("after the table was gone: %+v, %v", done, err)
	}
}

// A user that owns the schema needs no right on the database.
func TestOwningTheSchemaIsRightEnough(t *testing.T) {
	d := newHome(t)
	role := d.schema + "_owner"
	d.exec(t, `create role `+role+` login; create schema `+d.schema+` authorization `+role)
	t.Cleanup(func() { d.exec(t, `drop owned by `+role+`; drop role `+role) })
	owner := *d
	owner.url = strings.Replace(d.url, "usance@", role+"@", 1)
	s := owner.opened(t)
	if _, err := count(t.Context(), s, "t", "e"); err != nil {
		t.Error(err)
	}
	if err := s.Check(t.Context()); err != nil {
		t.Error(err)
	}
}
