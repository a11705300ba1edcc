package server

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/usance/usance"
	"github.com/usance/usance/registry"
)

// TestARevokedTokenIsRefusedAtOnceHoweverMuchIsCharged takes a tenant's tokens away
// and gives them back while charges of another one never cease: what is kept of
// definitions outlives charges, and no change of the definitions.
func TestARevokedTokenIsRefusedAtOnceHoweverMuchIsCharged(t *testing.T) {
	c := newCharged(t)
	var turn atomic.Int64
	charge := func(token string) int {
		body := fmt.Sprintf(`{"id":"r%d","node":"/a/b/c","items":[{"meter":"vm.cpuNum","amount":1}]}`, turn.Add(1))
		r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/api/v1/charges", strings.NewReader(body))
		r.Header.Set("Authorization", "Bearer "+token)
		w := httptest.NewRecorder()
		c.server.Handler().ServeHTTP(w, r)
		return w.Code
	}
	edit := func(e registry.Edit) {
		t.Helper()
		if _, err := c.server.Registry().Edit(t.Context(), usance.Actor{}, "acme", e); err != nil {
			t.Fatal(err)
		}
	}
	var stop atomic.Bool
	var busy sync.WaitGroup
	for range 4 {
		busy.Go(func() {
			for !stop.Load() {
				if status := charge("us_charger_of_the_tests"); status != http.StatusOK {
					t.Errorf("a charge under way beside was answered with %d", status)
					return
				}
			}
		})
	}
	const token = "us_taken_away_and_given_back"
	for range 25 {
		edit(registry.Edit{Tokens: []registry.TokenSpec{{Token: usance.Token{Name: "other", Role: usance.RoleIngester}, Secret: token}}})
		if status := charge(token); status != http.StatusOK {
			t.Fatalf("a token that was just given: %d", status)
		}
		edit(registry.Edit{DeleteTokens: []string{"other"}})
		if status := charge(token); status != http.StatusUnauthorized {
			t.Fatalf("a token that was just taken away: %d", status)
		}
	}
	stop.Store(true)
	busy.Wait()
}
