package pgstore

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/usance/usance"
	"github.com/usance/usance/store"
)

func seeded(t testing.TB) *rand.Rand {
	t.Helper()
	seed := rand.Uint64()
	if s := os.Getenv("STORETEST_SEED"); s != "" {
		var err error
		if seed, err = strconv.ParseUint(s, 10, 64); err != nil {
			t.Fatalf("STORETEST_SEED: %v", err)
		}
	}
	t.Logf("STORETEST_SEED=%d", seed)
	return rand.New(rand.NewPCG(seed, 3))
}

// count counts an event once however often it is sent: the least that a caller
// of the store does. It reports how often the function ran.
func count(ctx context.Context, s *Store, tenant usance.TenantID, id string) (runs int, err error) {
	keys := store.Keys{Rows: []store.Key{{Table: store.Dedup, ID: id}, {Table: store.Totals, ID: "n"}}}
	err = s.Step(ctx, tenant, keys, func(r *store.Rows) error {
		runs++
		if _, known := r.Get(store.Dedup, id); known {
			return nil
		}
		n := 0
		if v, ok := r.Get(store.Totals, "n"); ok {
			var err error
			if n, err = strconv.Atoi(string(v)); err != nil {
				return err
			}
		}
		r.Put(store.Totals, "n", strconv.AppendInt(nil, int64(n+1), 10))
		r.Put(store.Dedup, id, nil)
		r.Put(store.Resources, id, []byte(id))
		return nil
	})
	return runs, err
}

// load sends events from several writers, each again until it is acknowledged,
// as a client does.
type load struct {
	writers, tenants int
	acknowledged     atomic.Int64
	unknown          atomic.Int64
	refused          atomic.Int64
	ended            chan struct{}
}

func (l *load) tenant(writer int) usance.TenantID {
	return usance.TenantID(fmt.Sprint("load", writer%l.tenants))
}

// start runs the writers until each has been acknowledged events events.
func (l *load) start(t *testing.T, stores []*Store, events int) {
	l.ended = make(chan struct{})
	var wg sync.WaitGroup
	for w := range l.writers {
		wg.Go(func() {
			for i := range events {
				for {
					_, err := count(t.Context(), stores[w%len(stores)], l.tenant(w), fmt.Sprintf("%d-%d", w, i))
					if err == nil {
						l.acknowledged.Add(1)
						break
					}
					switch {
					case usance.KindOf(err) != usance.KindUnavailable:
						t.Errorf("writer %d, event %d: %v", w, i, err)
						return
					case errors.Is(err, store.ErrUnknown):
						l.unknown.Add(1)
					default:
						l.refused.Add(1)
					}
				}
			}
		})
	}
	go func() {
		wg.Wait()
		close(l.ended)
	}()
}

// reach waits until so many events have been acknowledged, or all.
func (l *load) reach(n int64) {
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for l.acknowledged.Load() < n {
		select {
		case <-l.ended:
			return
		case <-tick.C:
		}
	}
}

// verify checks that every event was counted, and none twice.
func (l *load) verify(t *testing.T, s *Store, events int) {
	t.Helper()
	t.Logf("%d acknowledged, %d sent again after an unknown outcome, %d after a refusal; %d tries repeated within the store",
		l.acknowledged.Load(), l.unknown.Load(), l.refused.Load(), s.Metrics().Retries)
	for i := range l.tenants {
		keys := store.Keys{Rows: []store.Key{{Table: store.Totals, ID: "n"}}, Ranges: []store.Range{{Table: store.Resources}}}
		for w := i; w < l.writers; w += l.tenants {
			for e := range events {
				keys.Rows = append(keys.Rows, store.Key{Table: store.Dedup, ID: fmt.Sprintf("%d-%d", w, e)})
			}
		}
		r, err := s.Load(t.Context(), l.tenant(i), keys)
		if err != nil {
			t.Fatal(err)
		}
		want := len(keys.Rows) - 1
		if n, _ := r.Get(store.Totals, "n"); string(n) != strconv.Itoa(want) || len(r.Range(0)) != want {
			t.Errorf("%s: counted %s with %d rows, %d events were acknowledged", l.tenant(i), n, len(r.Range(0)), want)
		}
		for _, k := range keys.Rows[1:] {
			if _, ok := r.Get(k.Table, k.ID); !ok {
				t.Errorf("%s: the acknowledged event %s is lost", l.tenant(i), k.ID)
			}
		}
	}
}

func scaled(t testing.TB, n int) int {
	if testing.Short() {
		return n / 4
	}
	t.Helper()
	return n
}

func TestAServerThatCrashesUnderLoadLosesAndDoublesNothing(t *testing.T) {
	d := newHome(t)
	s := d.opened(t)
	events := scaled(t, 200)
	l := &load{writers: 6, tenants: 3}
	l.start(t, []*Store{s}, events)
	for round := range int64(3) {
		l.reach(int64(l.writers*events) * (round + 1) / 5)
		d.Crash(t)
	}
	<-l.ended
	if s.Metrics().Retries == 0 {
		t.Error("no step met the crashes")
	}
	l.verify(t, s, events)
}

func TestConnectionsKilledAtRandomLoseAndDoubleNothing(t *testing.T) {
	rnd := seeded(t)
	d := newHome(t)
	d.url += "?application_name=" + d.schema
	s := d.opened(t)
	events := scaled(t, 300)
	l := &load{writers: 6, tenants: 3}
	l.start(t, []*Store{s}, events)
	kills := 0
	d.admin(t, func(ctx context.Context, conn *pgx.Conn) error {
		for round := int64(1); round <= 40; round++ {
			l.reach(int64(l.writers*events) * round / 41)
			rows, err := conn.Query(ctx, `select pid from pg_stat_activity where application_name = $1 and pid <> pg_backend_pid()`, d.schema)
			if err != nil {
				return err
			}
			pids, err := pgx.CollectRows(rows, pgx.RowTo[int32])
			if err != nil {
				return err
			}
			for _, i := range rnd.Perm(len(pids))[:min(3, len(pids))] {
				if _, err := conn.Exec(ctx, `select pg_terminate_backend($1)`, pids[i]); err != nil {
					return err
				}
				kills++
			}
		}
		return nil
	})
	<-l.ended
	if kills < 40 || s.Metrics().Retries == 0 {
		t.Errorf("%d connections killed, %d tries repeated", kills, s.Metrics().Retries)
	}
	l.verify(t, s, events)
}

func TestAFrozenServerIsGivenUpAndUsedAgain(t *testing.T) {
	d := newHome(t)
	d.opts.Timeout = 2 * time.Second // in which a busy machine makes a connection, too
	s := d.opened(t)
	events := scaled(t, 200)
	l := &load{writers: 6, tenants: 3}
	l.start(t, []*Store{s}, events)
	l.reach(int64(l.writers * events / 3))
	if err := server(t).Freeze(); err != nil {
		t.Fatal(err)
	}
	_, loadErr := s.Load(t.Context(), "load0", store.Keys{Rows: []store.Key{{Table: store.Totals, ID: "n"}}})
	_, stepErr := count(t.Context(), s, "other", "e")
	checkErr := s.Check(t.Context())
	if err := server(t).Thaw(); err != nil {
		t.Fatal(err)
	}
	for call, err := range map[string]error{"Load": loadErr, "Step": stepErr, "Check": checkErr} {
		if err == nil || usance.KindOf(err) != usance.KindUnavailable {
			t.Errorf("%s on a frozen server: %v", call, err)
		}
	}
	<-l.ended
	if l.unknown.Load()+l.refused.Load() == 0 {
		t.Error("no writer met the frozen server")
	}
	if err := s.Check(t.Context()); err != nil {
		t.Errorf("Check of a server that goes on: %v", err)
	}
	l.verify(t, s, events)
}

func TestAPoolOfTwoServesAnyNumberOfTenants(t *testing.T) {
	d := newHome(t)
	d.opts.MaxConns = 2
	s := d.opened(t)
	l := &load{writers: 50, tenants: 50}
	l.start(t, []*Store{s}, 5)
	<-l.ended
	if m := s.Metrics(); m.Conns > 2 || m.Waits == 0 {
		t.Errorf("%d connections, %d waits", m.Conns, m.Waits)
	}
	l.verify(t, s, 5)
}

func TestAPoolRunDrySaysSoAndRecovers(t *testing.T) {
	d := newHome(t)
	d.opts.MaxConns, d.opts.Timeout = 1, time.Second
	s := d.opened(t)
	if _, err := count(t.Context(), s, "a", "0"); err != nil {
		t.Fatal(err)
	}
	err := s.Step(t.Context(), "a", store.Keys{}, func(*store.Rows) error {
		_, err := count(t.Context(), s, "b", "1")
		if usance.KindOf(err) != usance.KindUnavailable || !errors.Is(err, errNoConnection) || errors.Is(err, store.ErrUnknown) {
			t.Errorf("a step without a connection: %v", err)
		}
		return nil
	})
	if err != nil && usance.KindOf(err) != usance.KindUnavailable { // it kept the server waiting for its full time
		t.Errorf("the step that had the connection: %v", err)
	}
	if _, err := count(t.Context(), s, "b", "1"); err != nil {
		t.Errorf("afterwards: %v", err)
	}
}

// Steps that wait for a busy tenant must not take the connections of the others.
func TestABusyTenantHoldsOneConnection(t *testing.T) {
	d := newHome(t)
	d.opts.MaxConns = 2
	s := d.opened(t)
	inside, release := make(chan struct{}), make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() {
		err := s.Step(t.Context(), "busy", store.Keys{}, func(*store.Rows) error {
			close(inside)
			<-release
			return nil
		})
		if err != nil {
			t.Error(err)
		}
	})
	<-inside
	for i := range 20 {
		wg.Go(func() {
			if _, err := count(t.Context(), s, "busy", fmt.Sprint(i)); err != nil {
				t.Error(err)
			}
		})
	}
	for i := range 20 {
		if _, err := count(t.Context(), s, "idle", fmt.Sprint(i)); err != nil {
			t.Error(err)
		}
	}
	close(release)
	wg.Wait()
	if r, err := s.Load(t.Context(), "busy", store.Keys{Ranges: []store.Range{{Table: store.Resources}}}); err != nil || len(r.Range(0)) != 20 {
		t.Errorf("the busy tenant's steps: %v", err)
	}
}

// Two processes, four writers each with the same events in an order of its own.
func TestWritersWithoutOrderDoNotDeadlock(t *testing.T) {
	rnd := seeded(t)
	d := newHome(t)
	stores := []*Store{d.opened(t), d.opened(t)}
	deadlocks := func() (n int64) {
		d.admin(t, func(ctx context.Context, conn *pgx.Conn) error {
			return conn.QueryRow(ctx, `select deadlocks from pg_stat_database where datname = current_database()`).Scan(&n)
		})
		return n
	}
	before := deadlocks()
	const ids, batch = 400, 50
	var wg sync.WaitGroup
	for w := range 8 {
		order := rnd.Perm(ids)
		wg.Go(func() {
			for at := 0; at < ids; at += batch {
				var keys store.Keys
				for _, i := range order[at : at+batch] {
					keys.Rows = append(keys.Rows, store.Key{Table: store.Dedup, ID: fmt.Sprint(i)})
				}
				err := stores[w%2].Step(t.Context(), "t", keys, func(r *store.Rows) error {
					for _, k := range keys.Rows {
						if _, ok := r.Get(k.Table, k.ID); !ok {
							r.Put(k.Table, k.ID, []byte("1"))
						} else {
							r.Put(k.Table, k.ID, []byte("2"))
						}
					}
					return nil
				})
				if err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	if n := deadlocks() - before; n != 0 {
		t.Errorf("%d deadlocks", n)
	}
	for i, s := range stores {
		if n := s.Metrics().Retries; n != 0 {
			t.Errorf("store %d ran %d steps again", i, n)
		}
	}
}

// Two processes share one tenant's limit.
func TestTwoProcessesNeverPassALimitTogether(t *testing.T) {
	d := newHome(t)
	stores := []*Store{d.opened(t), d.opened(t)}
	const limit = 100
	keys := store.Keys{Rows: []store.Key{{Table: store.Balances, ID: "used"}}}
	full := errors.New("no room")
	var granted, refused atomic.Int64
	var wg sync.WaitGroup
	for c := range 64 {
		wg.Go(func() {
			for range 4 {
				err := stores[c%2].Step(t.Context(), "t", keys, func(r *store.Rows) error {
					v, _ := r.Get(store.Balances, "used")
					if len(v) == limit {
						return full
					}
					r.Put(store.Balances, "used", append(v[:len(v):len(v)], 'x'))
					return nil
				})
				switch {
				case err == nil:
					granted.Add(1)
				case errors.Is(err, full):
					refused.Add(1)
				default:
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	if granted.Load() != limit || refused.Load() != 64*4-limit {
		t.Errorf("%d granted and %d refused with a limit of %d", granted.Load(), refused.Load(), limit)
	}
}
