package pgstore

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgproto3"

	"github.com/usance/usance"
	"github.com/usance/usance/store"
	"github.com/usance/usance/store/pgstore/pgtest"
)

// inject makes the server refuse the next writes to a table with an SQLSTATE, at
// once or when they are committed. The count outlives a rollback.
func (d *home) inject(t *testing.T, table, state string, times int, atCommit bool) {
	t.Helper()
	kind := `create trigger fault after insert or update on ` + d.schema + `.` + table
	if atCommit {
		kind = `create constraint trigger fault after insert or update on ` + d.schema + `.` + table + ` deferrable initially deferred`
	}
	d.exec(t, fmt.Sprintf(`
		drop trigger if exists fault on %[1]s.%[2]s;
		drop sequence if exists %[1]s.%[2]s_faults;
		create sequence %[1]s.%[2]s_faults;
		create or replace function %[1]s.%[2]s_fault() returns trigger language plpgsql as $$ begin
			if nextval('%[1]s.%[2]s_faults') <= %[3]d then raise exception 'injected' using errcode = '%[4]s'; end if;
			return null;
		end $$;
		%[5]s for each row execute function %[1]s.%[2]s_fault()`, d.schema, table, times, state, kind))
}

func TestAPassingFailureOfTheServerIsTriedAgain(t *testing.T) {
	d := newHome(t)
	s := d.opened(t)
	for i, state := range []string{"40001", "40P01", "08006", "57P01", "53300", "25006"} {
		for _, atCommit := range []bool{false, true} {
			d.inject(t, "kv", state, 2, atCommit)
			tenant := usance.TenantID(fmt.Sprint("t", i, atCommit))
			runs, err := count(t.Context(), s, tenant, "e")
			// One step writes three rows, and each refusal ends the step.
			if err != nil || runs != 3 {
				t.Errorf("%s, at the commit %v: %d runs, %v", state, atCommit, runs, err)
			}
			if r, err := s.Load(t.Context(), tenant, store.Keys{Ranges: []store.Range{{Table: store.Totals}}}); err != nil || len(r.Range(0)) != 1 || string(r.Range(0)[0].Value) != "1" {
				t.Errorf("%s, at the commit %v: counted otherwise than once: %v", state, atCommit, err)
			}
		}
	}
}

func TestALastingFailureIsReportedAndNotTriedForEver(t *testing.T) {
	for _, c := range []struct {
		state string
		kind  usance.Kind
		says  string
	}{
		{"53100", usance.KindUnavailable, "disk is full"},
		{"42501", usance.KindInternal, "lacks a right"},
		{"XX001", usance.KindInternal, "corrupt"},
		{"XX000", usance.KindInternal, "failed"}, // without Citus an internal error is one
		{"57014", usance.KindUnavailable, "too long"},
	} {
		d := newHome(t)
		s := d.opened(t)
		d.inject(t, "kv", c.state, 1, false)
		runs, err := count(t.Context(), s, "t", "e")
		ue, ok := errors.AsType[*usance.Error](err)
		if !ok || ue.Kind != c.kind || !strings.Contains(ue.Detail, c.says) || strings.Contains(ue.Detail, "injected") || runs != 1 {
			t.Errorf("%s: %d runs, %v", c.state, runs, err)
		}
		if _, err := count(t.Context(), s, "t", "e"); err != nil {
			t.Errorf("after %s: %v", c.state, err)
		}
	}
}

// Citus answers COMMIT with a warning when a worker was lost while it committed
// there, and PostgreSQL when it stopped waiting for its replica.
func TestACommitThatComesWithAWarningIsUnknown(t *testing.T) {
	d := newHome(t)
	s := d.opened(t)
	d.exec(t, fmt.Sprintf(`
		create function %[1]s.warn() returns trigger language plpgsql as $$ begin raise warning 'something was lost'; return null; end $$;
		create constraint trigger warn after insert on %[1]s.kv deferrable initially deferred for each row execute function %[1]s.warn()`, d.schema))
	runs, err := count(t.Context(), s, "t", "e")
	if !errors.Is(err, store.ErrUnknown) || usance.KindOf(err) != usance.KindUnavailable || runs != 1 || s.Metrics().UnknownSteps != 1 {
		t.Errorf("%d runs, %v", runs, err)
	}
	if runs, err := count(t.Context(), s, "t", "e"); err != nil || runs != 1 { // the repeat writes nothing, so nothing warns
		t.Errorf("the repeat: %d runs, %v", runs, err)
	}
}

func TestAConflictWithoutEndIsGivenUp(t *testing.T) {
	d := newHome(t)
	s := d.opened(t)
	d.inject(t, "kv", "40001", 1000, false)
	runs, err := count(t.Context(), s, "t", "e")
	if usance.KindOf(err) != usance.KindUnavailable || errors.Is(err, store.ErrUnknown) || runs != maxTries {
		t.Errorf("%d runs, %v", runs, err)
	}
}

func TestAFullDiskIsReportedUntilItHasRoomAgain(t *testing.T) {
	d := newHome(t)
	s := d.opened(t)
	if _, err := count(t.Context(), s, "t", "0"); err != nil {
		t.Fatal(err)
	}
	d.inject(t, "kv", "53100", 1, false)
	d.inject(t, "turn", "53100", 2, false)
	if _, err := count(t.Context(), s, "t", "1"); err == nil || !strings.Contains(err.Error(), "disk is full") {
		t.Errorf("a step on a full disk: %v", err)
	}
	for range 2 {
		if err := s.Check(t.Context()); usance.KindOf(err) != usance.KindUnavailable || err == nil || !strings.Contains(err.Error(), "disk is full") {
			t.Errorf("Check with a full disk: %v", err)
		}
	}
	if err := s.Check(t.Context()); err != nil {
		t.Errorf("Check with room again: %v", err)
	}
	if err := s.Due(t.Context(), usance.Latest, func(id usance.TenantID, _ time.Time) error {
		return fmt.Errorf("%s is due", id)
	}); err != nil {
		t.Errorf("the row that Check wrote shows: %v", err)
	}
}

func TestAcknowledgedIsDurableWhateverTheServersDefault(t *testing.T) {
	d := newHome(t)
	d.url += "?synchronous_commit=off&default_transaction_isolation=serializable"
	s := d.opened(t)
	var level string
	if err := s.pool.QueryRow(t.Context(), "show synchronous_commit").Scan(&level); err != nil || level != "on" {
		t.Errorf("synchronous_commit is %q, %v", level, err)
	}
	d.url = server(t).URL("postgres") + "?synchronous_commit=remote_apply"
	stricter := d.opened(t)
	if err := stricter.pool.QueryRow(t.Context(), "show synchronous_commit").Scan(&level); err != nil || level != "remote_apply" {
		t.Errorf("a stricter synchronous_commit became %q, %v", level, err)
	}
}

// A step whose process hangs, or whose machine is gone, must not keep its tenant
// from the other processes.
func TestAnAbandonedTurnIsTakenBack(t *testing.T) {
	d := newHome(t)
	d.opts.Timeout = 300 * time.Millisecond
	hung, other := d.opened(t), d.opened(t)
	err := hung.Step(t.Context(), "t", store.Keys{}, func(r *store.Rows) error {
		for _, err := count(t.Context(), other, "t", "e"); err != nil; _, err = count(t.Context(), other, "t", "e") {
			if usance.KindOf(err) != usance.KindUnavailable || errors.Is(err, store.ErrUnknown) {
				t.Fatal(err)
			}
		}
		r.Put(store.Totals, "n", []byte("77")) // built on what is stale by now
		return errors.New("enough")
	})
	if err == nil {
		t.Error("a step that lost its turn succeeded")
	}
	r, err := other.Load(t.Context(), "t", store.Keys{Rows: []store.Key{{Table: store.Totals, ID: "n"}}})
	if err != nil {
		t.Fatal(err)
	}
	if n, _ := r.Get(store.Totals, "n"); string(n) != "1" {
		t.Errorf("counted %s", n)
	}
}

// oldServer answers a connection as a PostgreSQL of another version would.
func oldServer(t *testing.T, version string) (addr string) {
	t.Helper()
	l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() }) // it only listens
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer func() { _ = conn.Close() }() // its client has gone
				b := pgproto3.NewBackend(conn, conn)
				for {
					m, err := b.ReceiveStartupMessage()
					if err != nil {
						return
					}
					if _, ok := m.(*pgproto3.StartupMessage); ok {
						break
					}
					if _, err := conn.Write([]byte("N")); err != nil { // no TLS
						return
					}
				}
				b.Send(&pgproto3.AuthenticationOk{})
				b.Send(&pgproto3.ParameterStatus{Name: "server_version", Value: version})
				b.Send(&pgproto3.ReadyForQuery{TxStatus: 'I'})
				if b.Flush() == nil {
					_, _ = b.Receive()
				}
			}()
		}
	}()
	return l.Addr().String()
}

func wantOpenError(t *testing.T, url string, opts Options, says ...string) {
	t.Helper()
	s, err := Open(t.Context(), url, opts)
	if err == nil {
		err = s.Close()
		t.Errorf("Open succeeded, want an error that says %q; Close: %v", says, err)
		return
	}
	for _, text := range says {
		if !strings.Contains(err.Error(), text) {
			t.Errorf("Open says %q, want %q in it", err, text)
		}
	}
}

func TestOpenSaysWhatIsWrong(t *testing.T) {
	d := newHome(t)
	at := strings.TrimSuffix(server(t).URL(""), "/")
	role := d.schema + "_reader"
	d.exec(t, `create role `+role+` login`)
	t.Cleanup(func() { d.exec(t, `drop owned by `+role+`; drop role `+role) })
	asRole := strings.Replace(d.url, "usance@", role+"@", 1)

	wantOpenError(t, "nonsense://", Options{}, "address of the database cannot be read")
	wantOpenError(t, "postgres://u:hunter2@[::1/x", Options{}, "cannot be read")
	wantOpenError(t, "postgres://u@"+oldServer(t, "14.9 (Debian 14.9-1)")+"/d", d.options(), "PostgreSQL 14.9", "version 15 or newer")
	wantOpenError(t, at+"/nowhere", d.options(), "nowhere", "create the database first")
	wantOpenError(t, d.url+"?default_transaction_read_only=on", d.options(), "takes no writes", "replica")
	wantOpenError(t, strings.Replace(d.url, "usance@", "nobody@", 1), d.options(), "user", "nobody")
	wantOpenError(t, asRole, d.options(), "right", "create a schema", "permission denied")

	none := d.options()
	none.NoMigrate = true
	wantOpenError(t, d.url, none, "run usance migrate")

	d.opened(t)
	wantOpenError(t, asRole, d.options(), "rights", "permission denied")
	d.exec(t, `insert into `+d.schema+`.format values (99)`)
	wantOpenError(t, d.url, d.options(), "format 99", "newer release")
	if _, err := Migrate(t.Context(), d.url, d.options()); err == nil || !strings.Contains(err.Error(), "newer release") {
		t.Errorf("Migrate of a newer database: %v", err)
	}
	if _, err := Distribute(t.Context(), d.url, d.options()); err == nil || !strings.Contains(err.Error(), "Citus extension") {
		t.Errorf("Distribute without Citus: %v", err)
	}
}

func TestPasswordsStayOutOfErrors(t *testing.T) {
	l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := l.Addr().String()
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 8*time.Second)
	defer cancel()
	for _, url := range []string{"postgres://u:hunter2@" + addr + "/d", "postgres://u:hunter2@[::1/x", "postgres://u:hunter2@h:port/x"} {
		if _, err := Open(ctx, url, Options{}); err == nil || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("Open says %v", err)
		}
	}
}

// A primary with a synchronous standby dies for good; the standby is promoted.
func TestAFailoverToAStandbyLosesAndDoublesNothing(t *testing.T) {
	pgtest.Need(t)
	start := func(s *pgtest.Server, err error) *pgtest.Server {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			if err := s.Close(); err != nil {
				t.Error(err)
			}
		})
		return s
	}
	primary := start(pgtest.Start())
	standby := start(primary.Standby())
	d := inSchema(t, fmt.Sprintf("postgres://usance@127.0.0.1:%d,127.0.0.1:%d/postgres", primary.Port, standby.Port), nil)
	wantOpenError(t, standby.URL("postgres"), d.options(), "read-only replica")
	d.admin(t, func(ctx context.Context, conn *pgx.Conn) error {
		for _, sql := range []string{`alter system set synchronous_standby_names = '*'`, `select pg_reload_conf()`} {
			if _, err := conn.Exec(ctx, sql); err != nil {
				return err
			}
		}
		for state := ""; state != "sync"; {
			if err := conn.QueryRow(ctx, `select coalesce(max(sync_state), '') from pg_stat_replication`).Scan(&state); err != nil {
				return err
			}
		}
		return nil
	})
	s := d.opened(t)
	events := scaled(t, 200)
	l := &load{writers: 6, tenants: 3}
	l.start(t, []*Store{s}, events)
	l.reach(int64(l.writers * events / 3))
	if err := primary.Crash(); err != nil {
		t.Fatal(err)
	}
	if err := standby.Promote(); err != nil {
		t.Fatal(err)
	}
	<-l.ended
	l.verify(t, s, events)
	d.url = standby.URL("postgres") // to clean up there
}
