package pgstore_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/usance/usance"
	"github.com/usance/usance/ledger"
	"github.com/usance/usance/store/pgstore"
	"github.com/usance/usance/store/pgstore/pgtest"
)

// What docs/operations.md says of recovery to a moment: a base copy taken while
// the service works, and the archived log, give the store as it was then, whole.
func TestARecoveryToAMomentHasWhatWasAcknowledgedUntilThen(t *testing.T) {
	pgtest.Need(t)
	archive := t.TempDir()
	// The server may run under another user.
	if err := errors.Join(os.Chmod(filepath.Dir(archive), 0o755), os.Chmod(archive, 0o777)); err != nil {
		t.Fatal(err)
	}
	server, err := pgtest.Start("archive_mode=on", "archive_command=test ! -f "+archive+"/%f && cp %p "+archive+"/%f")
	if err != nil {
		t.Fatal(err)
	}
	defer closeServer(t, server)
	now := time.Date(2026, 3, 10, 9, 17, 23, 0, time.UTC)
	clock := func() time.Time { return now }
	first := openedOn(t, server)
	e := newEngine(t, first, clock)
	if _, err := e.reg.Edit(t.Context(), tester, acme, houseDefinitions()); err != nil {
		t.Fatal(err)
	}
	send := func(e *engine, from, to int) {
		t.Helper()
		var batch []ledger.Incoming
		for i := from; i < to; i++ {
			batch = append(batch, ledger.Incoming{Stated: true, Event: usance.Event{Source: "test", ID: fmt.Sprint(i), Type: "call", Node: "/a", Time: now}})
		}
		if r, err := e.Ingest(t.Context(), tester, acme, batch); err != nil || r.Accepted != to-from {
			t.Fatalf("%+v, %v", r, err)
		}
	}
	send(e, 0, 300)
	copied, err := server.Backup()
	if err != nil {
		t.Fatal(err)
	}
	defer closeServer(t, copied)
	send(e, 300, 700)
	conn, err := pgx.Connect(t.Context(), server.URL("postgres"))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(t.Context())
	var moment, segment string
	if err := conn.QueryRow(t.Context(), `select clock_timestamp()::text`).Scan(&moment); err != nil {
		t.Fatal(err)
	}
	send(e, 700, 1000)
	if err := conn.QueryRow(t.Context(), `select pg_walfile_name(pg_switch_wal())`).Scan(&segment); err != nil {
		t.Fatal(err)
	}
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for archived := false; !archived; <-tick.C {
		var failed int
		err := conn.QueryRow(t.Context(), `select coalesce(last_archived_wal >= $1, false), failed_count from pg_stat_archiver`, segment).Scan(&archived, &failed)
		if err != nil || failed > 0 {
			t.Fatalf("the log is not archived: %d failures, %v", failed, err)
		}
	}
	if err := server.Crash(); err != nil {
		t.Fatal(err)
	}
	if err := copied.Recover(archive, moment); err != nil {
		t.Fatal(err)
	}
	back := newEngine(t, openedOn(t, copied), clock)
	v, err := back.Verify(t.Context(), acme, inMemory(t), nil)
	if err != nil || v.Fault != "" || v.Events != 700 {
		t.Errorf("after the recovery: %+v, %v; 700 events had been acknowledged at that moment", v, err)
	}
	send(back, 700, 1000) // clients send again what is not there, and it counts
}

func openedOn(t *testing.T, s *pgtest.Server) *pgstore.Store {
	t.Helper()
	st, err := pgstore.Open(t.Context(), s.URL("postgres"), pgstore.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := st.Close(); err != nil {
			t.Error(err)
		}
	})
	return st
}

func closeServer(t *testing.T, s *pgtest.Server) {
	t.Helper()
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}
