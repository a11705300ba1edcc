package server

import (
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/usance/usance"
	"github.com/usance/usance/registry"
	"github.com/usance/usance/store"
)

// It ticks by hand: a tick is taken only once the sweep of the one before is over.
func TestSessionsOfUsersWhoDoNotReturnAreRemovedWithoutAnyoneAsking(t *testing.T) {
	var mu sync.Mutex
	now, tick := noon(), make(chan time.Time)
	clock := func() time.Time {
		mu.Lock()
		defer mu.Unlock()
		return now
	}
	s, _ := newServer(t, func(c *Config) { c.Now, c.Sweep = clock, tick })
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
	sweep := func() {
		tick <- time.Time{}
		tick <- time.Time{}
	}
	if sweep(); rows() != 2 {
		t.Fatalf("a code that is good has %d rows, want itself and the user's list", rows())
	}
	mu.Lock()
	now = now.Add(time.Hour)
	mu.Unlock()
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
