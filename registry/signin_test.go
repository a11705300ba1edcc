package registry_test

import (
	"bytes"
	"crypto/sha512"
	"encoding/hex"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/usance/usance"
	"github.com/usance/usance/registry"
	"github.com/usance/usance/store"
)

func user(name string, password string) registry.UserSpec {
	return registry.UserSpec{User: usance.User{Name: name, Role: usance.RoleAdmin}, Password: &password}
}

func TestUnknownUserAndWrongPasswordAreOneAnswer(t *testing.T) {
	w := newWorld(t)
	w.Edit("acme", registry.Edit{Tenant: &usance.Tenant{}, Users: []registry.UserSpec{
		user("ops", "right-password"), {User: usance.User{Name: "nopass", Role: usance.RoleAdmin}},
		{User: usance.User{Name: "off", Role: usance.RoleAdmin, Disabled: true}, Password: pw("right-password")}}})
	w.Edit("other", registry.Edit{Tenant: &usance.Tenant{}, Users: []registry.UserSpec{user("twin", "right-password")}})
	w.Edit("third", registry.Edit{Tenant: &usance.Tenant{}, Users: []registry.UserSpec{user("twin", "right-password")}})
	want := ""
	for _, login := range []string{"ops", "nobody", "nobody@acme", "ops@nowhere", "ops@", "@", "", "nopass@acme", "off@acme", "ops@~system", strings.Repeat("x", 9999)} {
		for _, password := range []string{"wrong", ""} {
			p, err := w.Registry.SignIn(w.ctx, login, password)
			if usance.KindOf(err) != usance.KindUnauthorized || p != (usance.Principal{}) {
				t.Fatalf("%.20q signed in as %+v, %v", login, p, err)
			}
			if want == "" {
				want = err.Error()
			}
			if err.Error() != want {
				t.Errorf("%.20q is told apart: %q, others %q", login, err, want)
			}
		}
	}
	for _, login := range []string{"twin", "off", "off@acme"} {
		if _, err := w.Registry.SignIn(w.ctx, login, "right-password"); usance.KindOf(err) != usance.KindUnauthorized {
			t.Errorf("%s signed in: %v", login, err)
		}
	}
	for _, login := range []string{"ops", "ops@acme", "twin@third"} {
		if _, err := w.Registry.SignIn(w.ctx, login, "right-password"); err != nil {
			t.Errorf("%s: %v", login, err)
		}
	}
}

func TestAnUnknownUserCostsAPasswordCheck(t *testing.T) {
	w := newWorld(t)
	w.Edit("acme", registry.Edit{Tenant: &usance.Tenant{}, Users: []registry.UserSpec{user("ops", "right-password")}})
	// Both ways must do the same hashing work; allocation counts it without a clock.
	measure := func(login string) float64 {
		return testing.AllocsPerRun(20, func() { _, _ = w.Registry.SignIn(w.ctx, login, "wrong") })
	}
	known, unknown := measure("ops@acme"), measure("nobody@acme")
	if diff := known - unknown; diff > 12 || diff < -12 {
		t.Fatalf("%v allocations for a known user, %v for an unknown one", known, unknown)
	}
}

func TestABareNameFindsTheOneTenantThatStillHasIt(t *testing.T) {
	w := newWorld(t)
	for _, id := range []usance.TenantID{"a", "b"} {
		w.Edit(id, registry.Edit{Tenant: &usance.Tenant{}, Users: []registry.UserSpec{user("ops", "right-password")}})
	}
	if _, err := w.Registry.SignIn(w.ctx, "ops", "right-password"); err == nil {
		t.Fatal("an ambiguous name signed in")
	}
	w.Edit("a", registry.Edit{DeleteUsers: []string{"ops"}})
	if p, err := w.Registry.SignIn(w.ctx, "ops", "right-password"); err != nil || p.Tenant != "b" {
		t.Fatalf("signed in as %+v, %v", p, err)
	}
}

func TestTheWireFormOfAPasswordSignsIn(t *testing.T) {
	w := newWorld(t)
	w.Edit("acme", registry.Edit{Tenant: &usance.Tenant{}, Users: []registry.UserSpec{user("ops", "Quota-2026!")}})
	sum := sha512.Sum512([]byte("Quota-2026!"))
	if _, err := w.Registry.SignInWire(w.ctx, "ops", hex.EncodeToString(sum[:])); err != nil {
		t.Fatal(err)
	}
	if _, err := w.Registry.SignInWire(w.ctx, "ops", "Quota-2026!"); err == nil {
		t.Fatal("clear text passed for its digest")
	}
}

func TestKeysAndTokensSpeakForTheirOwner(t *testing.T) {
	w := newWorld(t)
	e := everything()
	e.Users[0].Subtree = "/cloud"
	e.Tokens[0].Expires = w.Clock.Now().Add(time.Hour)
	w.Edit("acme", e)
	k, err := w.Registry.Key(w.ctx, usance.KeyAKSK, "AK")
	if err != nil || k.Secret != "SK" || k.Principal.Tenant != "acme" || k.Principal.User != "ops" || k.Principal.Subtree != "/cloud" {
		t.Fatalf("key: %+v, %v", k, err)
	}
	if _, err := w.Registry.Key(w.ctx, usance.KeyApp, "AK"); usance.KindOf(err) != usance.KindNotFound {
		t.Errorf("a key of another kind answered: %v", err)
	}
	if p, err := w.Registry.Bearer(w.ctx, "us_collector"); err != nil || p.Role != usance.RoleIngester || p.Subtree != usance.Root {
		t.Fatalf("token: %+v, %v", p, err)
	}
	w.Clock.Move(time.Hour)
	if _, err := w.Registry.Bearer(w.ctx, "us_collector"); usance.KindOf(err) != usance.KindUnauthorized {
		t.Errorf("an expired token speaks: %v", err)
	}
	e.Users[0].Disabled = true
	w.Edit("acme", registry.Edit{Users: e.Users})
	if _, err := w.Registry.Key(w.ctx, usance.KeyAKSK, "AK"); usance.KindOf(err) != usance.KindNotFound {
		t.Errorf("a disabled user's key answers: %v", err)
	}
	for _, bad := range []string{"", "us_", strings.Repeat("x", 5000)} {
		if _, err := w.Registry.Bearer(w.ctx, bad); usance.KindOf(err) != usance.KindUnauthorized {
			t.Errorf("token %.8q: %v", bad, err)
		}
	}
}

func TestOperatorTokensAreApartFromTenants(t *testing.T) {
	w := newWorld(t)
	w.Edit("acme", everything())
	for range 2 {
		if err := w.Registry.PutOperatorToken(w.ctx, "operator", "us_operator"); err != nil {
			t.Fatal(err)
		}
	}
	p, err := w.Registry.Bearer(w.ctx, "us_operator")
	if err != nil || p.Role != usance.RoleOperator || p.Tenant != "" {
		t.Fatalf("operator: %+v, %v", p, err)
	}
	if err := w.Registry.PutOperatorToken(w.ctx, "operator", "us_collector"); usance.KindOf(err) != usance.KindConflict {
		t.Errorf("a tenant's token became an operator's: %v", err)
	}
	w.refused(usance.KindConflict, "acme", registry.Edit{Tokens: []registry.TokenSpec{{Token: usance.Token{Name: "x", Role: usance.RoleAdmin}, Secret: "us_operator"}}})
}

func TestANewOperatorTokenEndsTheOldOne(t *testing.T) {
	w := newWorld(t)
	for _, secret := range []string{"us_operator1", "us_operator2", "us_operator2"} {
		if err := w.Registry.PutOperatorToken(w.ctx, "operator", secret); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := w.Registry.Bearer(w.ctx, "us_operator1"); usance.KindOf(err) != usance.KindUnauthorized {
		t.Errorf("the old token speaks: %v", err)
	}
	if _, err := w.Registry.Bearer(w.ctx, "us_operator2"); err != nil {
		t.Error(err)
	}
}

func TestANewSecretEndsTheOldToken(t *testing.T) {
	w := newWorld(t)
	w.Edit("acme", everything())
	tok := everything().Tokens[0]
	tok.Secret = "us_changed"
	w.Edit("acme", registry.Edit{Tokens: []registry.TokenSpec{tok}})
	if _, err := w.Registry.Bearer(w.ctx, "us_collector"); usance.KindOf(err) != usance.KindUnauthorized {
		t.Errorf("the old secret speaks: %v", err)
	}
	if _, err := w.Registry.Bearer(w.ctx, "us_changed"); err != nil {
		t.Error(err)
	}
}

func TestNoSecretIsStoredInClear(t *testing.T) {
	w := newWorld(t)
	e := everything()
	const canary = "CANARY-9f3c"
	e.Users[0].Password = pw(canary + "-password")
	e.Keys[0].Secret = canary + "-key"
	e.Tokens[0].Secret = canary + "-token"
	w.Edit("acme", e)
	s := registry.Session{Kind: "k", Tenant: "acme", User: "ops", Expires: w.Clock.Now().Add(time.Hour)}
	if err := w.openSession(w.Registry, canary+"-session", s, 0, false); err != nil {
		t.Fatal(err)
	}
	rows := 0
	for _, tenant := range []usance.TenantID{"acme", usance.System} {
		for table := store.Head; table <= store.Balances; table++ {
			if table.PointOnly() {
				continue
			}
			err := w.Store.Scan(w.ctx, tenant, store.Range{Table: table}, func(r store.Row) error {
				rows++
				if strings.Contains(r.ID, canary) || bytes.Contains(r.Value, []byte(canary)) {
					return fmt.Errorf("table %d row %q holds a secret", table, r.ID)
				}
				return nil
			})
			if err != nil {
				t.Error(err)
			}
		}
	}
	if rows < 12 {
		t.Fatalf("only %d rows were looked at", rows)
	}
	if k, err := w.Registry.Key(w.ctx, usance.KeyAKSK, "AK"); err != nil || k.Secret != canary+"-key" {
		t.Fatalf("the sealed secret does not open: %v", err)
	}
}

func TestEnsureUserMakesAUserOnce(t *testing.T) {
	w := newWorld(t)
	w.Edit("acme", registry.Edit{Tenant: &usance.Tenant{}})
	for range 2 {
		u, err := w.Registry.EnsureUser(w.ctx, tester, "acme", "walk-in", usance.RoleMember)
		if err != nil || u.Name != "walk-in" || u.Role != usance.RoleMember {
			t.Fatalf("%+v, %v", u, err)
		}
	}
	if _, err := w.Registry.SignIn(w.ctx, "walk-in", ""); usance.KindOf(err) != usance.KindUnauthorized {
		t.Fatalf("a user without a password signed in: %v", err)
	}
}
