package registry_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/usance/usance"
	"github.com/usance/usance/internal/facadetest"
	"github.com/usance/usance/registry"
	"github.com/usance/usance/store"
)

// plain is a store that tells no versions, as one that several processes share.
type plain struct{ store.Store }

// TestTheNextRequestOfAnyProcessFindsRevokedWhatOneRevoked asks two processes
// until both have everything at hand, has one of them revoke, and asks both.
func TestTheNextRequestOfAnyProcessFindsRevokedWhatOneRevoked(t *testing.T) {
	for name, revoke := range map[string]func(*world) error{
		"session": func(w *world) error {
			_, err := w.Registry.CloseSession(w.ctx, "meeting", "token")
			return err
		},
		"password": func(w *world) error {
			return w.edit(registry.Edit{Users: []registry.UserSpec{{User: usance.User{Name: "ops", Role: usance.RoleAdmin}, Password: pw("another-password")}}})
		},
		"role": func(w *world) error {
			return w.edit(registry.Edit{Users: []registry.UserSpec{{User: usance.User{Name: "ops", Role: usance.RoleViewer}}}})
		},
		"key": func(w *world) error {
			return w.edit(registry.Edit{DeleteKeys: []registry.KeyRef{{Kind: usance.KeyAKSK, ID: "AK"}}})
		},
		"token": func(w *world) error { return w.edit(registry.Edit{DeleteTokens: []string{"collector"}}) },
		"alias": func(w *world) error {
			return w.edit(registry.Edit{Tenant: &usance.Tenant{Name: "Acme", Timezone: "Asia/Shanghai"}})
		},
		"other": func(w *world) error { return w.edit(registry.Edit{Nodes: []usance.Node{{Path: "/new"}}}) },
	} {
		for _, versions := range []bool{true, false} {
			t.Run(fmt.Sprintf("%s, versions %v", name, versions), func(t *testing.T) {
				w := newWorld(t)
				processes := []*registry.Registry{w.Registry, w.open()}
				if !versions {
					for i := range processes {
						processes[i] = facadetest.OpenRegistry(t, plain{w.Store}, w.Clock.Now)
					}
					w.Registry = processes[0]
				}
				w.Edit("acme", everything())
				if err := w.openSession(w.Registry, "token", w.session(0, time.Hour), 0, false); err != nil {
					t.Fatal(err)
				}
				asked := func(r *registry.Registry) (out [4]bool) {
					_, _, session := r.PeekSession(w.ctx, "meeting", "token")
					_, key := r.Key(w.ctx, usance.KeyAKSK, "AK")
					_, token := r.Bearer(w.ctx, "us_collector")
					_, alias := r.ResolveAlias(w.ctx, "huawei.project", "p1")
					return [4]bool{session == nil, key == nil, token == nil, alias == nil}
				}
				for _, r := range processes {
					for range 2 {
						if got := asked(r); got != [4]bool{true, true, true, true} {
							t.Fatalf("before: %v", got)
						}
					}
				}
				if err := revoke(w); err != nil {
					t.Fatal(err)
				}
				want := [4]bool{name != "session" && name != "password" && name != "role", name != "key", name != "token", name != "alias"}
				for i, r := range processes {
					for range 2 {
						if got := asked(r); got != want {
							t.Errorf("process %d: session, key, token, alias answer %v, want %v", i, got, want)
						}
					}
				}
			})
		}
	}
}

func (w *world) edit(e registry.Edit) error {
	_, err := w.Registry.Edit(w.ctx, facadetest.Tester(), "acme", e)
	return err
}
