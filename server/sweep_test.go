package server

import (
	"strings"
	"testing"
	"time"

	"github.com/usance/usance"
	"github.com/usance/usance/internal/facadetest"
	"github.com/usance/usance/registry"
	"github.com/usance/usance/store"
)

// sweptServer is a server with a clock of the test's, whose sweep ticks by hand:
// sweep returns once one is over, since a tick is taken only after that of the one
// before.
func sweptServer(t *testing.T) (s *Server, clock *facadetest.Clock, sweep func()) {
	t.Helper()
	clock, tick := facadetest.NewClock(noon()), make(chan time.Time)
	s, _ = newServer(t, func(c *Config) { c.Now, c.Sweep = clock.Now, tick })
	return s, clock, func() {
		tick <- time.Time{}
		tick <- time.Time{}
	}
}

func TestSessionsOfUsersWhoDoNotReturnAreRemovedWithoutAnyoneAsking(t *testing.T) {
	s, clock, sweep := sweptServer(t)
	makeTenant(t, s)
	e := registry.Edit{Users: []registry.UserSpec{{User: usance.User{Name: "ops", Role: usance.RoleViewer}}}}
	if _, err := s.Registry().Edit(t.Context(), usance.Actor{}, "acme", e); err != nil {
		t.Fatal(err)
	}
	r := run(t, s)
	if status, _, body := r.call(t, "POST", "/api/v1/login-codes?tenant=acme", operator, `{"user":"ops"}`); status != 201 {
		t.Fatal(status, body)
	}
	rows := func() (n int) {
		t.Helper()
		err := s.config.Store.Scan(t.Context(), usance.System, store.Range{Table: store.Sessions}, func(store.Row) error { n++; return nil })
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	if sweep(); rows() != 2 {
		t.Fatalf("a code that is good has %d rows, want itself and the user's list", rows())
	}
	clock.Move(time.Hour)
	if sweep(); rows() != 0 {
		t.Errorf("%d rows are left", rows())
	}
	if _, _, text := r.call(t, "GET", "/metrics", "", ""); !strings.Contains(text, "\nusance_sessions_swept_total 1\n") {
		t.Error("the metric does not tell")
	}
	r.stop()
	if err := <-r.done; err != nil {
		t.Error(err)
	}
}
