package registry_test

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/usance/usance"
	"github.com/usance/usance/registry"
)

func (w *world) session(sliding time.Duration, life time.Duration) registry.Session {
	now := w.Clock.Now()
	return registry.Session{Kind: "meeting", Tenant: "acme", User: "ops", Created: now, Expires: now.Add(life), Sliding: sliding}
}

// openSession opens a session for its user, who has just been let in.
func (w *world) openSession(reg *registry.Registry, token string, s registry.Session, limit int, evict bool) error {
	w.Helper()
	who, err := reg.PrincipalOf(w.ctx, s.Tenant, s.User, "password")
	if err != nil {
		return err
	}
	return reg.OpenSession(w.ctx, token, who, s, limit, evict)
}

func (w *world) live(token string) bool {
	w.Helper()
	_, p, err := w.Registry.PeekSession(w.ctx, "meeting", token)
	if err != nil && usance.KindOf(err) != usance.KindUnauthorized {
		w.Fatalf("PeekSession: %v", err)
	}
	return err == nil && p.User == "ops" && p.Tenant == "acme"
}

func TestASessionLivesUntilItExpiresOrIsClosed(t *testing.T) {
	w := newWorld(t)
	w.Edit("acme", everything())
	for _, token := range []string{"one", "two"} {
		if err := w.openSession(w.Registry, token, w.session(0, time.Hour), 0, false); err != nil {
			t.Fatal(err)
		}
	}
	if !w.live("one") || !w.live("two") || w.live("three") || w.live("") {
		t.Fatal("a session is not as it was opened")
	}
	if _, _, err := w.Registry.Session(w.ctx, "other", "one"); usance.KindOf(err) != usance.KindUnauthorized {
		t.Fatalf("a session of another kind answered: %v", err)
	}
	if was, err := w.Registry.CloseSession(w.ctx, "meeting", "one"); !was || err != nil {
		t.Fatalf("CloseSession: %v, %v", was, err)
	}
	if was, err := w.Registry.CloseSession(w.ctx, "meeting", "one"); was || err != nil {
		t.Fatalf("CloseSession again: %v, %v", was, err)
	}
	if w.live("one") || !w.live("two") {
		t.Fatal("closing one session closed the wrong one")
	}
	w.Clock.Move(time.Hour)
	if w.live("two") {
		t.Fatal("a session outlived its expiry")
	}
}

func TestASlidingSessionLivesAsLongAsItIsUsed(t *testing.T) {
	w := newWorld(t)
	w.Edit("acme", everything())
	const life = 20 * time.Minute
	if err := w.openSession(w.Registry, "s", w.session(life, life), 0, false); err != nil {
		t.Fatal(err)
	}
	for range 10 {
		w.Clock.Move(life - time.Second)
		if _, _, err := w.Registry.Session(w.ctx, "meeting", "s"); err != nil {
			t.Fatalf("a session in use ended: %v", err)
		}
	}
	w.Clock.Move(life - time.Second)
	if !w.live("s") {
		t.Fatal("a session ended before its life after the last use")
	}
	// Looking without use does not prolong it; the grain may add a twentieth.
	w.Clock.Move(life/20 + time.Second)
	if w.live("s") {
		t.Fatal("a session outlived its life after the last use")
	}
}

func TestOneSessionTooManyEndsTheOldestOrIsRefused(t *testing.T) {
	w := newWorld(t)
	w.Edit("acme", everything())
	open := func(token string, evict bool) error {
		return w.openSession(w.Registry, token, w.session(0, time.Hour), 3, evict)
	}
	for i := range 4 {
		if err := open(fmt.Sprint("e", i), true); err != nil {
			t.Fatal(err)
		}
	}
	if w.live("e0") || !w.live("e1") || !w.live("e2") || !w.live("e3") {
		t.Fatal("the oldest of four, and it alone, should have ended")
	}
	if err := open("refused", false); usance.KindOf(err) != usance.KindConflict || w.live("refused") {
		t.Fatalf("a session over the limit: %v", err)
	}
	if _, err := w.Registry.CloseSession(w.ctx, "meeting", "e2"); err != nil {
		t.Fatal(err)
	}
	if err := open("room", false); err != nil {
		t.Fatalf("after one closed there is room: %v", err)
	}
	w.Clock.Move(time.Hour) // expired sessions take no room
	if err := open("later", false); err != nil {
		t.Fatal(err)
	}
}

func TestRacingSignInsKeepTheLimit(t *testing.T) {
	w := newWorld(t)
	w.Edit("acme", everything())
	var wg sync.WaitGroup
	var mu sync.Mutex
	opened := []string{}
	for i := range 12 {
		wg.Go(func() {
			token := fmt.Sprint("r", i)
			err := w.openSession(w.Registry, token, w.session(0, time.Hour), 5, false)
			mu.Lock()
			defer mu.Unlock()
			switch usance.KindOf(err) {
			case usance.KindConflict, usance.KindUnavailable:
			default:
				if err != nil {
					t.Error(err)
				}
				opened = append(opened, token)
			}
		})
	}
	wg.Wait()
	if len(opened) == 0 || len(opened) > 5 {
		t.Fatalf("%d sessions were opened, at most 5 may be", len(opened))
	}
	for _, token := range opened {
		if !w.live(token) {
			t.Errorf("session %s was promised and is not there", token)
		}
	}
}

func TestAChangeOfPasswordOrRightsEndsSessions(t *testing.T) {
	for name, change := range map[string]func(*registry.UserSpec){
		"password": func(u *registry.UserSpec) { u.Password = pw("another-one") },
		"role":     func(u *registry.UserSpec) { u.Role = usance.RoleViewer },
		"subtree":  func(u *registry.UserSpec) { u.Subtree = "/x" },
		"disabled": func(u *registry.UserSpec) { u.Disabled = true },
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.Edit("acme", everything())
			if err := w.openSession(w.Registry, "s", w.session(0, time.Hour), 0, false); err != nil {
				t.Fatal(err)
			}
			w.Edit("acme", registry.Edit{Users: everything().Users}) // the same again
			if !w.live("s") {
				t.Fatal("putting the user as it is ended its session")
			}
			u := everything().Users[0]
			change(&u)
			w.Edit("acme", registry.Edit{Users: []registry.UserSpec{u}})
			if w.live("s") {
				t.Fatal("the session outlived the change")
			}
		})
	}
}

func TestASessionNeedsAUserThatMaySignIn(t *testing.T) {
	w := newWorld(t)
	w.Edit("acme", everything())
	for _, who := range []usance.Principal{
		{Tenant: "acme", User: "nobody", Role: usance.RoleAdmin, Subtree: usance.Root},
		{Tenant: "acme", User: "ops", Role: usance.RoleAdmin, Subtree: usance.Root}, // proved by nothing
		{Tenant: "nowhere", User: "ops", Role: usance.RoleAdmin, Subtree: usance.Root},
		{User: "operator", Role: usance.RoleOperator, Subtree: usance.Root},
	} {
		if err := w.Registry.OpenSession(w.ctx, "s", who, w.session(0, time.Hour), 0, false); usance.KindOf(err) != usance.KindUnauthorized {
			t.Errorf("a session of %+v: %v", who, err)
		}
	}
}
