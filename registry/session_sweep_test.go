package registry_test

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/usance/usance"
	"github.com/usance/usance/internal/facadetest"
	"github.com/usance/usance/registry"
	"github.com/usance/usance/store"
)

// sessionRows returns the ids of what the table of sessions holds.
func (w *world) sessionRows() (sessions, lists []string) {
	w.Helper()
	err := w.Store.Scan(w.ctx, usance.System, store.Range{Table: store.Sessions}, func(r store.Row) error {
		if strings.HasPrefix(r.ID, "u\x00") {
			lists = append(lists, r.ID)
		} else {
			sessions = append(sessions, r.ID)
		}
		return nil
	})
	if err != nil {
		w.Fatal(err)
	}
	return sessions, lists
}

func (w *world) sweep(reg *registry.Registry) int {
	w.Helper()
	n, err := reg.SweepSessions(w.ctx)
	if err != nil {
		w.Fatal(err)
	}
	return n
}

func (w *world) opened(token, user string, life time.Duration) {
	w.Helper()
	s := w.session(0, life)
	s.User = user
	if err := w.openSession(w.Registry, token, s, 0, false); err != nil {
		w.Fatal(err)
	}
}

func TestExpiredSessionsOfUsersWhoNeverReturnAreRemoved(t *testing.T) {
	w := newWorld(t)
	e := everything()
	e.Users = append(e.Users, facadetest.User("gone", "", usance.RoleViewer, ""))
	w.Edit("acme", e)
	w.opened("long", "ops", 24*time.Hour)
	w.opened("short", "ops", time.Hour)
	w.opened("a", "gone", time.Hour)
	w.opened("b", "gone", time.Hour)
	if n := w.sweep(w.Registry); n != 0 {
		t.Fatalf("%d live sessions were removed", n)
	}
	w.Clock.Move(2 * time.Hour)
	if n := w.sweep(w.open()); n != 3 {
		t.Fatalf("%d sessions were removed, want 3", n)
	}
	sessions, lists := w.sessionRows()
	if len(sessions) != 1 || len(lists) != 1 {
		t.Fatalf("left are %q and the lists %q", sessions, lists)
	}
	if !w.live("long") {
		t.Error("a live session was removed")
	}
	// What is left of the list is right: the limit counts the live one alone.
	s := w.session(0, time.Hour)
	if err := w.openSession(w.Registry, "next", s, 2, false); err != nil {
		t.Error(err)
	}
	if err := w.openSession(w.Registry, "over", s, 2, false); usance.KindOf(err) != usance.KindConflict {
		t.Errorf("a third of two: %v", err)
	}
}

func TestASessionThatSlidesIsNotSwept(t *testing.T) {
	w := newWorld(t)
	w.Edit("acme", everything())
	const life = time.Hour
	if err := w.openSession(w.Registry, "s", w.session(life, life), 0, false); err != nil {
		t.Fatal(err)
	}
	for range 5 {
		w.Clock.Move(life - time.Second)
		if _, _, err := w.Registry.Session(w.ctx, "meeting", "s"); err != nil {
			t.Fatal(err)
		}
		if n := w.sweep(w.Registry); n != 0 || !w.live("s") {
			t.Fatalf("a session in use was swept (%d)", n)
		}
	}
}

// A sweep looks at a bounded number of rows, and those after it at the rest.
func TestSweepsGoOnWhereTheOneBeforeStopped(t *testing.T) {
	w := newWorld(t)
	w.Edit("acme", everything())
	const expired, live = 2300, 30
	now := w.Clock.Now()
	step := func(fn func(rows *store.Rows)) {
		if err := w.Store.Step(w.ctx, usance.System, store.Keys{}, func(rows *store.Rows) error { fn(rows); return nil }); err != nil {
			t.Fatal(err)
		}
	}
	// As 24 bulk sign-ins would leave them, at the cost of one step.
	step(func(rows *store.Rows) {
		for i := range expired {
			rows.Put(store.Sessions, fmt.Sprintf("s\x00other\x00%05d", i), fmt.Appendf(nil, `{"kind":"other","tenant":"acme","user":"u%d","created":%q,"expires":%q}`,
				i%24, now.Format(time.RFC3339Nano), now.Add(time.Minute).Format(time.RFC3339Nano)))
		}
		for u := range 24 {
			var ids []string
			for i := u; i < expired; i += 24 {
				ids = append(ids, fmt.Sprintf(`"s\u0000other\u0000%05d"`, i))
			}
			rows.Put(store.Sessions, fmt.Sprintf("u\x00other\x00acme\x00u%d", u), []byte("["+strings.Join(ids, ",")+"]"))
		}
		rows.Put(store.Sessions, "u\x00other\x00acme\x00signed-out", []byte("[]")) // as releases before left it
	})
	for i := range live {
		w.opened(fmt.Sprint("live", i), "ops", 24*time.Hour)
	}
	w.Clock.Move(time.Hour)
	total, sweeps := 0, 0
	for ; sweeps < 10 && total < expired; sweeps++ {
		n := w.sweep(w.Registry)
		if n > 500 {
			t.Fatalf("one sweep removed %d", n)
		}
		total += n
	}
	if total != expired || sweeps < 5 {
		t.Fatalf("%d of %d were removed in %d sweeps", total, expired, sweeps)
	}
	w.sweep(w.Registry) // to the end of the table
	sessions, lists := w.sessionRows()
	if len(sessions) != live || len(lists) != 1 {
		t.Fatalf("%d sessions and %d lists are left", len(sessions), len(lists))
	}
	w.Clock.Move(24 * time.Hour)
	if n := w.sweep(w.Registry); n != live {
		t.Errorf("the next round removed %d, want %d", n, live)
	}
	if sessions, lists := w.sessionRows(); len(sessions)+len(lists) != 0 {
		t.Errorf("%d sessions and %d lists are left", len(sessions), len(lists))
	}
}

// Several processes sweep one store while users sign in: each expired session is
// removed once, and no live one.
func TestSweepsOfSeveralProcessesRemoveEachSessionOnce(t *testing.T) {
	w := newWorld(t)
	w.Edit("acme", everything())
	const each = 20
	for i := range each {
		w.opened(fmt.Sprint("old", i), "ops", time.Hour)
	}
	w.Clock.Move(2 * time.Hour)
	var wg sync.WaitGroup
	var mu sync.Mutex
	removed, returned := 0, 0
	for p := range 4 {
		reg := w.open()
		wg.Go(func() {
			n, err := reg.SweepSessions(w.ctx)
			if err != nil {
				t.Error(err)
			}
			mu.Lock()
			defer mu.Unlock()
			removed += n
		})
		wg.Go(func() {
			err := w.openSession(reg, fmt.Sprint("new", p), w.session(0, time.Hour), 0, false)
			mu.Lock()
			defer mu.Unlock()
			if err == nil {
				returned++
			} else if usance.KindOf(err) != usance.KindUnavailable {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	// A sign-in of the same user removes what has expired, too.
	if removed > each {
		t.Errorf("%d removals of %d sessions", removed, each)
	}
	if sessions, _ := w.sessionRows(); len(sessions) != returned {
		t.Errorf("%d sessions are left, want %d", len(sessions), returned)
	}
	for p := range 4 {
		if !w.live(fmt.Sprint("new", p)) && returned == 4 {
			t.Errorf("session %d was removed", p)
		}
	}
}
