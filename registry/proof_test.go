package registry_test

import (
	"slices"
	"testing"
	"time"

	"github.com/usance/usance"
	"github.com/usance/usance/internal/facadetest"
	"github.com/usance/usance/registry"
)

// people is an edit with a user who signs in by password and by key, a key of
// another tenant's that lets users in here, and a token.
func people() registry.Edit {
	e := everything()
	e.Tokens = append(e.Tokens, registry.TokenSpec{Token: usance.Token{Name: "boss", Role: usance.RoleAdmin}, Secret: "us_the_boss"})
	return e
}

// letIn is every way to be let in, by credentials of the tenant acme.
func (w *world) letIn() map[string]func() (usance.Principal, error) {
	const password = "S3cret-2026!"
	byKey := func() (usance.Principal, error) {
		k, err := w.Registry.Key(w.ctx, usance.KeyAKSK, "AK")
		return k.Principal, err
	}
	return map[string]func() (usance.Principal, error){
		"password":           func() (usance.Principal, error) { return w.Registry.SignIn(w.ctx, "ops@acme", password) },
		"password, bare":     func() (usance.Principal, error) { return w.Registry.SignIn(w.ctx, "ops", password) },
		"password of tenant": func() (usance.Principal, error) { return w.Registry.SignInTenant(w.ctx, "acme", "ops", password) },
		"key":                byKey,
		"session": func() (usance.Principal, error) {
			who, err := byKey()
			if err == nil {
				err = w.Registry.OpenSession(w.ctx, "first", who, w.session(0, time.Hour), 0, false)
			}
			if err == nil {
				_, who, err = w.Registry.PeekSession(w.ctx, "meeting", "first")
			}
			return who, err
		},
		"app of another tenant": func() (usance.Principal, error) {
			k, err := w.Registry.Key(w.ctx, usance.KeyApp, "app")
			if err != nil {
				return usance.Principal{}, err
			}
			who, err := w.Registry.PrincipalOf(w.ctx, "acme", "ops", "meeting")
			who.Proof = who.Proof.SignedBy(k.Principal.Proof)
			return who, err
		},
	}
}

// changes is what ends the sessions of those who were let in. Only some ways are
// concerned by changes of a key.
func changes() map[string]struct {
	edits []registry.Edit
	at    usance.TenantID
	ways  []string
} {
	user := func(change func(*registry.UserSpec)) registry.Edit {
		u := everything().Users[0]
		change(&u)
		return registry.Edit{Users: []registry.UserSpec{u}}
	}
	key := func(change func(*registry.KeySpec)) registry.Edit {
		k := everything().Keys[0]
		change(&k)
		return registry.Edit{Keys: []registry.KeySpec{k}}
	}
	disabled := user(func(u *registry.UserSpec) { u.Disabled = true })
	as := user(func(*registry.UserSpec) {})
	gone := registry.Edit{DeleteKeys: []registry.KeyRef{{Kind: usance.KeyAKSK, ID: "AK"}}, DeleteUsers: []string{"ops"}}
	all, signed, other := []string{"password", "password, bare", "password of tenant", "key", "session", "app of another tenant"}, []string{"key", "session"}, []string{"app of another tenant"}
	type change = struct {
		edits []registry.Edit
		at    usance.TenantID
		ways  []string
	}
	app := facadetest.Key(usance.KeyApp, "app", "", "provider")
	off := app
	off.Disabled = true
	return map[string]change{
		"password":             {[]registry.Edit{user(func(u *registry.UserSpec) { u.Password = pw("another-one") })}, "acme", all},
		"password and back":    {[]registry.Edit{user(func(u *registry.UserSpec) { u.Password = pw("another-one") }), as}, "acme", all},
		"role":                 {[]registry.Edit{user(func(u *registry.UserSpec) { u.Role = usance.RoleViewer })}, "acme", all},
		"role and back":        {[]registry.Edit{user(func(u *registry.UserSpec) { u.Role = usance.RoleViewer }), as}, "acme", all},
		"subtree":              {[]registry.Edit{user(func(u *registry.UserSpec) { u.Subtree = "/x" })}, "acme", all},
		"disabled":             {[]registry.Edit{disabled}, "acme", all},
		"disabled and enabled": {[]registry.Edit{disabled, as}, "acme", all},
		"gone":                 {[]registry.Edit{gone}, "acme", all},
		"another of the name":  {[]registry.Edit{gone, as}, "acme", all},
		"key's secret":         {[]registry.Edit{key(func(k *registry.KeySpec) { k.Secret = "another" })}, "acme", signed},
		"key's secret, back":   {[]registry.Edit{key(func(k *registry.KeySpec) { k.Secret = "another" }), key(func(*registry.KeySpec) {})}, "acme", signed},
		"key disabled":         {[]registry.Edit{key(func(k *registry.KeySpec) { k.Disabled = true })}, "acme", signed},
		"key off and on":       {[]registry.Edit{key(func(k *registry.KeySpec) { k.Disabled = true }), key(func(*registry.KeySpec) {})}, "acme", signed},
		"key gone":             {[]registry.Edit{{DeleteKeys: gone.DeleteKeys}}, "acme", signed},
		"app's key disabled":   {[]registry.Edit{{Keys: []registry.KeySpec{off}}}, "vendor", other},
		"app's key gone":       {[]registry.Edit{{DeleteKeys: []registry.KeyRef{{Kind: usance.KeyApp, ID: "app"}}}}, "vendor", other},
		"app's user disabled":  {[]registry.Edit{{Users: []registry.UserSpec{{User: usance.User{Name: "provider", Role: usance.RoleAdmin, Disabled: true}}}}}, "vendor", other},
	}
}

// guarded is a world where every way of letIn works.
func guarded(t *testing.T) *world {
	w := newWorld(t)
	w.Edit("acme", people())
	w.Edit("vendor", registry.Edit{Tenant: &usance.Tenant{}, Users: []registry.UserSpec{facadetest.User("provider", "", usance.RoleAdmin, "")},
		Keys: []registry.KeySpec{facadetest.Key(usance.KeyApp, "app", "the app's secret", "provider")}})
	return w
}

func (w *world) admitted(way string) usance.Principal {
	w.Helper()
	who, err := w.letIn()[way]()
	if err != nil {
		w.Fatalf("%s: %v", way, err)
	}
	return who
}

func (w *world) happen(at usance.TenantID, edits []registry.Edit) {
	w.Helper()
	for _, e := range edits {
		w.Clock.Move(time.Second)
		w.Edit(at, e)
	}
}

func TestCredentialsThatChangedOpenNoSessionAndEndTheirs(t *testing.T) {
	for name, change := range changes() {
		if facadetest.Distant() {
			change.ways = change.ways[len(change.ways)-1:]
		}
		for _, way := range change.ways {
			t.Run(name+", "+way, func(t *testing.T) {
				w := guarded(t)
				who := w.admitted(way)
				if err := w.Registry.OpenSession(w.ctx, "open", who, w.session(0, time.Hour), 0, false); err != nil || !w.live("open") {
					t.Fatalf("who was let in has no session: %v", err)
				}
				w.happen(change.at, change.edits)
				if w.live("open") {
					t.Error("the session outlived the change")
				}
				err := w.Registry.OpenSession(w.ctx, "late", who, w.session(0, time.Hour), 0, false)
				if usance.KindOf(err) != usance.KindUnauthorized || w.live("late") {
					t.Errorf("a session was opened by what was changed: %v", err)
				}
			})
		}
	}
}

func TestAKeysSessionOutlivesWhatIsNotItsOwn(t *testing.T) {
	w := guarded(t)
	for way := range w.letIn() {
		if way != "session" { // which opens another
			if err := w.Registry.OpenSession(w.ctx, way, w.admitted(way), w.session(0, time.Hour), 0, false); err != nil {
				t.Fatal(err)
			}
		}
	}
	w.Edit("acme", registry.Edit{Keys: []registry.KeySpec{facadetest.Key(usance.KeyApp, "app-2", "its secret", "ops")}, DeleteTokens: []string{"collector"}})
	w.Edit("vendor", registry.Edit{Users: []registry.UserSpec{facadetest.User("another", "a-password", usance.RoleViewer, "")}})
	w.Edit("acme", registry.Edit{Users: everything().Users, Keys: everything().Keys}) // the same again
	for way := range w.letIn() {
		if way != "session" && !w.live(way) {
			t.Errorf("the session by %s ended", way)
		}
	}
	w.Edit("acme", registry.Edit{DeleteKeys: []registry.KeyRef{{Kind: usance.KeyAKSK, ID: "AK"}}})
	if w.live("key") || !w.live("password") {
		t.Error("a key ends the sessions it opened, and no other")
	}
}

// The change comes between any two steps of the sign-in, of which there are few,
// made by another process.
func TestASessionOpenedWhileItsCredentialsChangeIsNotGood(t *testing.T) {
	for _, name := range []string{"password", "disabled", "gone", "key's secret", "app's key gone"} {
		change := changes()[name]
		way := change.ways[len(change.ways)-1]
		t.Run(name, func(t *testing.T) {
			opened, refused := 0, 0
			for at := 1; ; at++ {
				w := guarded(t)
				reg, s := w.tapped()
				who := w.admitted(way)
				s.before = func(n int) error {
					if n == at {
						w.happen(change.at, change.edits)
					}
					return nil
				}
				err := reg.OpenSession(w.ctx, "s", who, w.session(0, time.Hour), 0, false)
				if s.calls < at {
					if err != nil || !w.live("s") {
						t.Fatalf("nothing changed, and the session is not good: %v", err)
					}
					break
				}
				switch {
				case err == nil:
					opened++
				case usance.KindOf(err) == usance.KindUnauthorized:
					refused++
				default:
					t.Fatal(err)
				}
				if w.live("s") {
					t.Fatalf("the session is good although its credentials changed before call %d", at)
				}
			}
			if opened == 0 || refused == 0 {
				t.Errorf("%d sessions were opened in vain, %d refused: both were to be seen", opened, refused)
			}
		})
	}
}

// Whoever loses its rights makes no last change by them, wherever in the change it
// loses them.
func TestNoEditIsMadeByCredentialsThatWereRevokedBefore(t *testing.T) {
	for name, c := range map[string]struct {
		who    func(w *world) (usance.Principal, error)
		revoke registry.Edit
	}{
		"token deleted": {func(w *world) (usance.Principal, error) { return w.Registry.Bearer(w.ctx, "us_the_boss") },
			registry.Edit{DeleteTokens: []string{"boss"}}},
		"token's secret": {func(w *world) (usance.Principal, error) { return w.Registry.Bearer(w.ctx, "us_the_boss") },
			registry.Edit{Tokens: []registry.TokenSpec{{Token: usance.Token{Name: "boss", Role: usance.RoleAdmin}, Secret: "us_another"}}}},
		"token's role": {func(w *world) (usance.Principal, error) { return w.Registry.Bearer(w.ctx, "us_the_boss") },
			registry.Edit{Tokens: []registry.TokenSpec{{Token: usance.Token{Name: "boss", Role: usance.RoleViewer}}}}},
		"user": {func(w *world) (usance.Principal, error) { return w.admitted("session"), nil },
			registry.Edit{Users: []registry.UserSpec{{User: usance.User{Name: "ops", Role: usance.RoleViewer}}}}},
		"key": {func(w *world) (usance.Principal, error) { return w.admitted("key"), nil },
			registry.Edit{DeleteKeys: []registry.KeyRef{{Kind: usance.KeyAKSK, ID: "AK"}}}},
	} {
		t.Run(name, func(t *testing.T) {
			made := 0
			for at := 1; ; at++ {
				w := guarded(t)
				reg, s := w.tapped()
				who, err := c.who(w)
				if err != nil {
					t.Fatal(err)
				}
				revoked, before := false, uint64(0)
				s.before = func(n int) error {
					if n == at {
						revoked, before = true, w.Edit("acme", c.revoke).Sequence
					}
					return nil
				}
				backdoor := registry.Edit{Tokens: []registry.TokenSpec{{Token: usance.Token{Name: "backdoor", Role: usance.RoleAdmin}, Secret: "us_backdoor"}}}
				done, err := reg.EditFrom(w.ctx, tester, "acme", func(now *registry.Definitions) (registry.Edit, error) {
					return backdoor, now.Confirm(who)
				})
				there := slices.ContainsFunc(w.definitions("acme").Tokens(), func(t usance.Token) bool { return t.Name == "backdoor" })
				if there != (err == nil) {
					t.Fatalf("the edit said %v, and the token is there: %v", err, there)
				}
				if err == nil && revoked && done.Sequence > before {
					t.Fatalf("revoked before call %d, and the edit was made after", at)
				}
				if err != nil && usance.KindOf(err) != usance.KindUnauthorized {
					t.Fatal(err)
				}
				if !revoked {
					if err != nil {
						t.Fatalf("nothing was revoked: %v", err)
					}
					break
				}
				made++
			}
			if made < 3 {
				t.Errorf("only %d places were tried", made)
			}
		})
	}
}

func TestConfirmKnowsWhoseCredentialsTheyAre(t *testing.T) {
	w := guarded(t)
	acme, vendor := w.definitions("acme"), w.definitions("vendor")
	token, err := w.Registry.Bearer(w.ctx, "us_the_boss")
	if err != nil {
		t.Fatal(err)
	}
	for _, who := range []usance.Principal{token, w.admitted("password"), w.admitted("key"), w.admitted("session"), w.admitted("app of another tenant")} {
		if err := acme.Confirm(who); err != nil {
			t.Errorf("%+v: %v", who, err)
		}
		if err := vendor.Confirm(who); usance.KindOf(err) != usance.KindUnauthorized {
			t.Errorf("%+v in another tenant: %v", who, err)
		}
		who.Proof = usance.Proof{}
		if err := acme.Confirm(who); usance.KindOf(err) != usance.KindUnauthorized {
			t.Errorf("%+v proved by nothing: %v", who, err)
		}
	}
	if err := acme.Confirm(usance.Principal{User: "operator", Role: usance.RoleOperator}); err != nil {
		t.Error(err)
	}
}

// A session is signed out between any two steps of a use that prolongs it.
func TestASessionThatIsSignedOutStaysOut(t *testing.T) {
	uses := map[string]func(w *world, reg *registry.Registry) error{
		"slide": func(w *world, reg *registry.Registry) error {
			_, _, err := reg.Session(w.ctx, "meeting", "s")
			return err
		},
		"renew": func(w *world, reg *registry.Registry) error {
			_, err := reg.RenewSession(w.ctx, "meeting", "s", w.Clock.Now().Add(time.Hour))
			return err
		},
	}
	for name, use := range uses {
		t.Run(name, func(t *testing.T) {
			for at, done := 1, false; !done; at++ {
				w := guarded(t)
				if err := w.Registry.OpenSession(w.ctx, "s", w.admitted("password"), w.session(20*time.Minute, 20*time.Minute), 0, false); err != nil {
					t.Fatal(err)
				}
				w.Clock.Move(10 * time.Minute)
				reg, s := w.tapped()
				s.before = func(n int) error {
					if n == at {
						if was, err := w.Registry.CloseSession(w.ctx, "meeting", "s"); !was || err != nil {
							t.Errorf("signing out: %v, %v", was, err)
						}
					}
					return nil
				}
				err := use(w, reg)
				if done = s.calls < at; done {
					if err != nil || !w.live("s") {
						t.Errorf("nobody signed out: %v", err)
					}
				} else if w.live("s") {
					t.Errorf("signed out before call %d, the session lives", at)
				}
			}
		})
	}
}

// Two uses at once: the longer life counts.
func TestAUseDoesNotShortenARenewedSession(t *testing.T) {
	w := guarded(t)
	if err := w.Registry.OpenSession(w.ctx, "s", w.admitted("password"), w.session(20*time.Minute, 20*time.Minute), 0, false); err != nil {
		t.Fatal(err)
	}
	w.Clock.Move(10 * time.Minute)
	reg, s := w.tapped()
	s.before = func(n int) error {
		if n == 2 { // the session has been read
			_, err := w.Registry.RenewSession(w.ctx, "meeting", "s", w.Clock.Now().Add(24*time.Hour))
			return err
		}
		return nil
	}
	if _, _, err := reg.Session(w.ctx, "meeting", "s"); err != nil || s.calls < 2 {
		t.Fatal(err, s.calls)
	}
	w.Clock.Move(23 * time.Hour)
	if !w.live("s") {
		t.Error("the renewed session ended with the use's shorter life")
	}
}
