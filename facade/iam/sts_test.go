package iam_test

import (
	"bytes"
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/usance/usance"
	"github.com/usance/usance/facade/iam"
	"github.com/usance/usance/internal/sdksign"
	"github.com/usance/usance/registry"
	"github.com/usance/usance/store"
)

const securityTokens = "/v3.0/OS-CREDENTIAL/securitytokens"

type temporary struct{ access, secret, token, expires string }

func forToken(token string, seconds int) string {
	return fmt.Sprintf(`{"auth":{"identity":{"methods":["token"],"token":{"id":"%s","duration_seconds":%d}}}}`, token, seconds)
}

func (w *world) temporary(body string, header ...string) temporary {
	w.Helper()
	v := w.Answered(w.Call(http.MethodPost, securityTokens, body, header...), 201)
	text := func(name string) string { s, _ := at(v, "credential", name).(string); return s }
	k := temporary{text("access"), text("secret"), text("securitytoken"), text("expires_at")}
	if k.access == "" || len(k.secret) != 40 || k.token == "" || len(v["credential"].(map[string]any)) != 4 {
		w.Fatalf("%v", v)
	}
	return k
}

func (w *world) sign(k temporary) *http.Request {
	return w.Signed(sdksign.HMACSHA256, k.access, k.secret, http.MethodGet, usagePath, "", "X-Security-Token", k.token, "X-Project-Id", rootProject)
}

func TestATokenBuysATemporaryKey(t *testing.T) {
	w := newWorld(t, iam.Options{})
	k := w.temporary(forToken(w.signIn("acme", "ops", ""), 21600))
	if at, err := time.Parse("2006-01-02T15:04:05Z", k.expires); err != nil || !at.Equal(time.Date(2026, 3, 5, 7, 2, 3, 0, time.UTC)) {
		t.Error(k.expires, err)
	}
	p, project, refused := w.authenticate(w.sign(k), "")
	if refused != nil || p.Tenant != acme || p.User != "ops" || p.Role != usance.RoleAdmin || project != rootProject {
		t.Fatal(p, project, refused)
	}
	for name, change := range map[string]func(*temporary){
		"secret": func(k *temporary) { k.secret = k.secret[1:] + "x" },
		"access": func(k *temporary) { k.access += "x" },
		"token":  func(k *temporary) { k.token = w.temporary(forToken(w.signIn("acme", "ops", ""), 900)).token },
		"none":   func(k *temporary) { k.token = "" },
	} {
		other := k
		change(&other)
		r := w.sign(other)
		if other.token == "" {
			r = w.Signed(sdksign.HMACSHA256, other.access, other.secret, http.MethodGet, usagePath, "")
		}
		_, _, refused := w.authenticate(r, "")
		t.Log(name, reason(t, refused))
	}
	// The security token alone signs nothing, whatever is made of it.
	for _, secret := range []string{k.token, k.token[:40], k.access} {
		other := k
		other.secret = secret
		_, _, refused := w.authenticate(w.sign(other), "")
		reason(t, refused)
		if _, _, refused := w.authenticate(w.sign(k), ""); refused != nil {
			t.Fatal(refused)
		}
	}
	w.Clock.Move(6*time.Hour - 4*time.Millisecond)
	_, _, refused = w.authenticate(w.sign(k), "")
	if text := reason(t, refused); text != "token expires, expires_at: 2026-03-05T07:02:03.000000Z" {
		t.Error(text)
	}
}

func TestATemporaryKeysSecretIsNotStored(t *testing.T) {
	w := newWorld(t, iam.Options{})
	token := w.signIn("acme", "ops", "")
	k := w.temporary(forToken(token, 900))
	rows := 0
	for table := store.Head; table <= store.Balances; table++ {
		if table.PointOnly() {
			continue
		}
		err := w.Store.Scan(t.Context(), usance.System, store.Range{Table: table}, func(row store.Row) error {
			rows++
			for _, secret := range []string{token, k.secret, k.token} {
				if bytes.Contains(row.Value, []byte(secret)) || bytes.Contains([]byte(row.ID), []byte(secret)) {
					t.Errorf("table %d has a secret in clear", table)
				}
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if rows < 5 {
		t.Fatalf("only %d rows looked at", rows)
	}
}

func TestTheWaysToATemporaryKey(t *testing.T) {
	w := newWorld(t, iam.Options{})
	token := w.signIn("acme", "ops", inProject)
	bare := `{"auth":{"identity":{"methods":["token"]}}}`
	if k := w.temporary(bare, "X-Auth-Token", token); k.expires != "2026-03-05T01:17:03.000000Z" {
		t.Error("the default life is not 15 minutes:", k.expires)
	}
	k := w.temporary(forToken(token, 86400))
	if k.expires != "2026-03-06T01:02:03.000000Z" {
		t.Error(k.expires)
	}
	w.Answered(w.Serve(w.Signed(sdksign.HMACSHA256, "AKEXAMPLE", "SKEXAMPLE", http.MethodPost, securityTokens, bare)), 201)
	again := w.Signed(sdksign.HMACSHA256, k.access, k.secret, http.MethodPost, securityTokens, bare, "X-Security-Token", k.token)
	w.refused(w.Serve(again), 403)
	w.refused(w.Call(http.MethodPost, securityTokens, bare), 401)
	w.refused(w.Call(http.MethodPost, securityTokens, forToken("nonsense", 900)), 401)
	w.Refused(w.Serve(w.Signed(sdksign.HMACSHA256, "AKEXAMPLE", "wrong", http.MethodPost, securityTokens, bare)), 401, "APIGW.0301")
	for _, body := range []string{"", "{", "{}", `{"auth":{}}`, `{"auth":{"identity":{"methods":["assume_role"]}}}`,
		forToken(token, 899), forToken(token, 86401), forToken(token, -1),
		`{"auth":{"identity":{"methods":["token"],"token":{"id":"` + token + `"},"policy":{"Version":"1.1"}}}}`,
		`{"auth":{"identity":{"methods":["token"],"token":{"duration_seconds":"900"}}}}`} {
		w.refused(w.Call(http.MethodPost, securityTokens, body, "X-Auth-Token", token), 400)
	}
}

func TestATemporaryKeyEndsWhenItsUserChanges(t *testing.T) {
	w := newWorld(t, iam.Options{})
	k := w.temporary(forToken(w.signIn("acme", "ops", ""), 21600))
	changed := user("ops", usance.RoleAdmin, "")
	other := "Other-2026!"
	changed.Password = &other
	w.Edit(acme, registry.Edit{Users: []registry.UserSpec{changed}})
	_, _, refused := w.authenticate(w.sign(k), "")
	if text := reason(t, refused); text != "decrypt token fail" {
		t.Error(text)
	}
}

func TestFiveWrongSignaturesLockATemporaryKey(t *testing.T) {
	w := newWorld(t, iam.Options{})
	k := w.temporary(forToken(w.signIn("acme", "ops", ""), 21600))
	wrong := k
	wrong.secret = "wrong"
	for range 5 {
		_, _, refused := w.authenticate(w.sign(wrong), "")
		reason(t, refused)
	}
	_, _, refused := w.authenticate(w.sign(k), "")
	if text := reason(t, refused); text != "AK access failed to reach the limit,forbidden." {
		t.Error(text)
	}
}
