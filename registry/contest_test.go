package registry_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/usance/usance"
	"github.com/usance/usance/internal/facadetest"
	"github.com/usance/usance/registry"
	"github.com/usance/usance/store"
)

// names is an edit that claims a name of every kind that one tenant alone may have.
func names() registry.Edit {
	return registry.Edit{
		Tenant: &usance.Tenant{Aliases: map[string]string{"huawei.project": "p1"}},
		Nodes:  []usance.Node{{Path: "/cloud", Aliases: map[string]string{"zstack.organization": "o1"}}},
		Users:  []registry.UserSpec{facadetest.User("ops", "", usance.RoleAdmin, "")},
		Keys:   []registry.KeySpec{facadetest.Key(usance.KeyAKSK, "AK", "SK", "ops")},
		Tokens: []registry.TokenSpec{{Token: usance.Token{Name: "collector", Role: usance.RoleIngester}, Secret: "us_collector"}},
	}
}

// withoutNames takes them all from a tenant again.
func withoutNames() registry.Edit {
	return registry.Edit{Tenant: &usance.Tenant{}, DeleteNodes: []usance.Path{"/cloud"}, DeleteUsers: []string{"ops"},
		DeleteKeys: []registry.KeyRef{{Kind: usance.KeyAKSK, ID: "AK"}}, DeleteTokens: []string{"collector"}}
}

// defines reports whether the tenant has the names: all of them, or none.
func (w *world) defines(tenant usance.TenantID) bool {
	w.Helper()
	d, err := w.open().Definitions(w.ctx, tenant)
	if usance.KindOf(err) == usance.KindNotFound {
		return false
	}
	if err != nil {
		w.Fatal(err)
	}
	_, node := d.Node("/cloud")
	all := []bool{d.Tenant.Aliases["huawei.project"] == "p1", node, len(d.Keys()) == 1, len(d.Tokens()) == 1}
	if slices.Contains(all, !all[0]) {
		w.Fatalf("tenant %s has half of its names: %v", tenant, all)
	}
	return all[0]
}

// owner returns which of the tenants has the names, "" for none. That two have them
// is what must never be, and who has them is who they are found to be of.
func (w *world) owner(tenants ...usance.TenantID) (owner usance.TenantID) {
	w.Helper()
	for _, tenant := range tenants {
		if w.defines(tenant) {
			if owner != "" {
				w.Fatalf("%s and %s have the same names", owner, tenant)
			}
			owner = tenant
		}
	}
	reg := w.open()
	project, err1 := reg.ResolveAlias(w.ctx, "huawei.project", "p1")
	node, err2 := reg.ResolveAlias(w.ctx, "zstack.organization", "o1")
	key, err3 := reg.Key(w.ctx, usance.KeyAKSK, "AK")
	token, err4 := reg.Bearer(w.ctx, "us_collector")
	for i, found := range []usance.TenantID{project.Tenant, node.Tenant, key.Principal.Tenant, token.Tenant} {
		if found != owner {
			w.Fatalf("%q has the names, and name %d is found to be of %q (%v, %v, %v, %v)", owner, i, found, err1, err2, err3, err4)
		}
	}
	return owner
}

// tries has a tenant take the names, by a process of its own, and reports whether it
// could.
func (w *world) tries(tenant usance.TenantID) bool {
	w.Helper()
	_, err := w.open().Edit(w.ctx, tester, tenant, names())
	if err != nil && usance.KindOf(err) != usance.KindConflict {
		w.Fatalf("%s: %v", tenant, err)
	}
	return err == nil
}

const grace = 5 * time.Minute

// dies has a process make an edit and die at its n-th call, before or after the call
// was carried out. It reports whether the process came to that call.
func (w *world) dies(n int, after bool, tenant usance.TenantID, e registry.Edit) bool {
	w.Helper()
	reg, s := w.tapped()
	crash := func(call int) error {
		if call >= n {
			return errCrashed
		}
		return nil
	}
	s.before = crash
	if after {
		s.after = crash
		s.before = func(call int) error { return crash(call - 1) }
	}
	if _, err := reg.Edit(w.ctx, tester, tenant, e); err != nil && usance.KindOf(err) != usance.KindInternal {
		w.Fatal(err)
	}
	return s.calls >= n
}

// A process dies at any point of an edit that takes names or gives them up. Nobody
// else is kept from them for longer than the grace, unless their tenant has them.
func TestNamesThatACrashLeftBehindAreFreeAfterAWhile(t *testing.T) {
	for name, c := range map[string]struct{ before, edit registry.Edit }{
		"a new tenant":         {registry.Edit{}, names()},
		"a tenant there is":    {registry.Edit{Tenant: &usance.Tenant{Name: "Acme"}}, names()},
		"a tenant gives up":    {names(), withoutNames()},
		"a tenant does it all": {names(), func() registry.Edit { e := names(); e.Tenant.Name = "Acme"; return e }()},
	} {
		for _, after := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, after %v", name, after), func(t *testing.T) {
				kept, freed := 0, 0
				for n, there := 1, true; there; n++ {
					w := newWorld(t)
					w.Edit("free", registry.Edit{Tenant: &usance.Tenant{}})
					if c.before.Tenant != nil {
						w.Edit("acme", c.before)
					}
					there = w.dies(n, after, "acme", c.edit)
					had := w.owner("acme", "free") == "acme"
					at := w.tries("free")
					if had && at {
						t.Fatalf("crash at call %d: a name was taken from a tenant that has it", n)
					}
					w.Clock.Move(grace)
					late := w.tries("free")
					if late == had {
						t.Fatalf("crash at call %d: acme has the names: %v; free could take them: at once %v, later %v", n, had, at, late)
					}
					if late && !at {
						freed++
					}
					if had {
						kept++
					}
					if owner := w.owner("acme", "free"); had != (owner == "acme") || !had != (owner == "free") {
						t.Fatalf("crash at call %d: the names are of %q", n, owner)
					}
					if w.tries("acme") != had {
						t.Fatalf("crash at call %d: acme's next try", n)
					}
				}
				if c.before.Tenant == nil && (kept == 0 || freed == 0) {
					t.Errorf("%d crashes left the names with the tenant, %d freed them: both were to be seen", kept, freed)
				}
			})
		}
	}
}

// The edit is only slow: another tenant comes before or after any of its calls, past
// the grace, and takes what the edit has claimed. The edit is then not made.
func TestASlowEditWhoseNamesWereTakenIsNotMade(t *testing.T) {
	for name, before := range map[string]registry.Edit{"a new tenant": {}, "a tenant there is": {Tenant: &usance.Tenant{Name: "Acme"}}} {
		t.Run(name, func(t *testing.T) {
			won, lost := 0, 0
			for n := 1; ; n++ {
				w := newWorld(t)
				if before.Tenant != nil {
					w.Edit("acme", before)
				}
				reg, s := w.tapped()
				taken := false
				come := func(call int) error {
					if call == (n+1)/2 {
						w.Clock.Move(grace)
						taken = w.tries("free")
					}
					return nil
				}
				if s.before = come; n%2 == 0 {
					s.before, s.after = nil, come
				}
				_, err := reg.Edit(w.ctx, tester, "acme", names())
				if s.calls < (n+1)/2 {
					break
				}
				owner := w.owner("acme", "free")
				switch {
				case taken && usance.KindOf(err) == usance.KindConflict && owner == "free":
					lost++
				case !taken && err == nil && owner == "acme":
					won++
				default:
					t.Fatalf("before call %d: taken %v, the edit said %v, the names are of %q", n, taken, err, owner)
				}
			}
			if won == 0 || lost < 3 {
				t.Errorf("the edit was made %d times and not made %d times", won, lost)
			}
		})
	}
}

// What a crash left is contested, and before any call of that its tenant comes back
// with another edit, which stops before any call of its own until the other has ended.
func TestATenantThatComesBackWhileItsClaimIsContested(t *testing.T) {
	back, taken := 0, 0
	for n, there := 1, true; there; n++ {
		t.Run(fmt.Sprint("before call ", n), func(t *testing.T) { // whose stores are closed with it
			for m, came := 1, true; came; m++ {
				w := newWorld(t)
				w.Edit("free", registry.Edit{Tenant: &usance.Tenant{}})
				w.dies(4, false, "acme", names()) // its claim is made, and nothing else
				w.Clock.Move(grace)
				returning, second := w.tapped()
				stopped, resume, ended := make(chan bool, 1), make(chan bool), make(chan error, 1)
				second.before = func(call int) error {
					if call == m {
						stopped <- true
						<-resume
					}
					return nil
				}
				contesting, first := w.tapped()
				first.before = func(call int) error {
					if call == n {
						go func() {
							_, err := returning.Edit(w.ctx, tester, "acme", names())
							ended <- err
							stopped <- false
						}()
						came = <-stopped
					}
					return nil
				}
				_, err := contesting.Edit(w.ctx, tester, "free", names())
				if there = first.calls >= n; !there {
					break
				}
				close(resume)
				other := <-ended
				switch owner := w.owner("acme", "free"); {
				case owner == "free" && err == nil && usance.KindOf(other) == usance.KindConflict:
					taken++
				case owner == "acme" && other == nil && usance.KindOf(err) == usance.KindConflict:
					back++
				default:
					t.Fatalf("calls %d and %d: the names are of %q; %v, %v", n, m, owner, err, other)
				}
			}
		})
	}
	if back == 0 || taken == 0 {
		t.Errorf("the tenant came back %d times, and %d times its names were taken: both were to be seen", back, taken)
	}
}

// Two or three processes edit tenants that want the same names. Their calls come in
// an order of chance, time passes between them, and processes die. At no end do two
// tenants have a name, and after the grace a name that nobody has is free.
func TestNoOrderOfCallsAndCrashesGivesANameToTwo(t *testing.T) {
	seed := facadetest.Seed(t)
	rounds := 150
	if facadetest.Distant() {
		rounds = 12
	}
	tenants := []usance.TenantID{"acme", "beta", "corp"}
	won := map[usance.TenantID]int{}
	for round := range rounds {
		r := rand.New(rand.NewPCG(seed, uint64(round)))
		w := newWorld(t)
		w.Edit("corp", registry.Edit{Tenant: &usance.Tenant{}})
		if r.IntN(3) == 0 {
			w.dies(1+r.IntN(6), r.IntN(2) == 0, "beta", names()) // what there is to fall over
			w.Clock.Move(time.Duration(r.IntN(2)) * grace)
		}
		w.race(r, tenants)
		owner := w.owner(tenants...)
		won[owner]++
		w.Clock.Move(grace)
		if free := w.tries("late"); free != (owner == "") {
			t.Fatalf("round %d: the names are of %q, and another could take them: %v", round, owner, free)
		}
		w.owner(append(tenants, "late")...)
	}
	t.Logf("won: %v", won)
}

// race has a process of each tenant take the names, give them up or do something
// else.
func (w *world) race(r *rand.Rand, tenants []usance.TenantID) {
	w.Helper()
	type event struct {
		process int
		ended   bool
	}
	events := make(chan event)
	proceed := make([]chan error, len(tenants))
	for i, tenant := range tenants {
		proceed[i] = make(chan error)
		reg, s := w.tapped()
		s.before = func(int) error {
			events <- event{i, false}
			return <-proceed[i]
		}
		e := names()
		switch r.IntN(4) {
		case 0:
			e = registry.Edit{Users: []registry.UserSpec{facadetest.User("another", "", usance.RoleViewer, "")}}
		case 1, 2:
			if w.defines(tenant) {
				e = withoutNames()
			}
		}
		go func() {
			_, _ = reg.Edit(w.ctx, tester, tenant, e) // what came of it is looked up
			events <- event{i, true}
		}()
	}
	var waiting []int
	dead := make([]bool, len(tenants))
	for running := len(tenants); running > 0; {
		for len(waiting) < running { // until each stands before a call
			if e := <-events; e.ended {
				running--
			} else {
				waiting = append(waiting, e.process)
			}
		}
		if running == 0 {
			break
		}
		slices.Sort(waiting) // they come in no order
		at := r.IntN(len(waiting))
		i := waiting[at]
		waiting = slices.Delete(waiting, at, at+1)
		if r.IntN(12) == 0 {
			w.Clock.Move(grace)
		}
		if !dead[i] && r.IntN(25) == 0 {
			dead[i] = true
		}
		if dead[i] {
			proceed[i] <- errCrashed
		} else {
			proceed[i] <- nil
		}
	}
}

// Releases before left claims without a time. One that stands for nothing is free a
// while after it was first met.
func TestAClaimOfAnOlderReleaseIsFreeAWhileAfterItWasMet(t *testing.T) {
	w := newWorld(t)
	w.Edit("free", registry.Edit{Tenant: &usance.Tenant{}})
	w.Edit("has", registry.Edit{Tenant: &usance.Tenant{Aliases: map[string]string{"huawei.project": "p2"}}})
	undated := func(value, tenant string) {
		err := w.Store.Step(w.ctx, usance.System, store.Keys{}, func(rows *store.Rows) error {
			rows.Put(store.Directory, "alias\x00huawei.project\x00"+value, fmt.Appendf(nil, `{"tenant":%q,"by":["X"]}`, tenant))
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	undated("p1", "acme")
	undated("p2", "has")
	w.Clock.Move(24 * time.Hour) // it may be of any age
	want := func(value string, could bool) {
		t.Helper()
		_, err := w.open().Edit(w.ctx, tester, "free", registry.Edit{Tenant: &usance.Tenant{Aliases: map[string]string{"huawei.project": value}}})
		if could != (err == nil) || err != nil && usance.KindOf(err) != usance.KindConflict {
			t.Fatalf("%s: %v", value, err)
		}
	}
	want("p1", false)
	want("p2", false)
	w.Clock.Move(grace - time.Second)
	want("p1", false)
	w.Clock.Move(time.Second)
	want("p2", false)
	want("p1", true)
	if at, err := w.Registry.ResolveAlias(w.ctx, "huawei.project", "p2"); err != nil || at.Tenant != "has" {
		t.Errorf("%+v, %v", at, err)
	}
}

func TestADryRunTellsOfNamesThatWouldBeFreeAndFreesNone(t *testing.T) {
	w := newWorld(t)
	w.Edit("free", registry.Edit{Tenant: &usance.Tenant{}})
	left := func() string {
		t.Helper()
		var rows []string
		for _, tenant := range []usance.TenantID{usance.System, "acme", "free"} {
			for _, table := range []store.Table{store.Directory, store.Head} {
				err := w.Store.Scan(w.ctx, tenant, store.Range{Table: table}, func(r store.Row) error {
					rows = append(rows, fmt.Sprintf("%s %q=%q", tenant, r.ID, r.Value))
					return nil
				})
				if err != nil {
					t.Fatal(err)
				}
			}
		}
		return strings.Join(rows, "\n")
	}
	for n := 1; !strings.Contains(left(), "huawei.project"); n++ {
		w.dies(n, true, "acme", names())
	}
	before, dry := left(), names()
	dry.DryRun = true
	w.refused(usance.KindConflict, "free", dry)
	w.Clock.Move(grace)
	if _, err := w.Registry.Edit(w.ctx, tester, "free", dry); err != nil {
		t.Error(err)
	}
	if left() != before {
		t.Errorf("a dry run changed\n%s\nto\n%s", before, left())
	}
	if !w.tries("free") {
		t.Error("what a dry run said would be is not so")
	}
}

// A process dies at any point of replacing the operator's token: one token speaks for
// the operator then, and one alone.
func TestACrashLeavesOneOperatorToken(t *testing.T) {
	for _, after := range []bool{false, true} {
		for n := 1; ; n++ {
			w := newWorld(t)
			if err := w.Registry.PutOperatorToken(w.ctx, "operator", "us_the_first"); err != nil {
				t.Fatal(err)
			}
			reg, s := w.tapped()
			crash := func(call int) error {
				if call >= n {
					return errCrashed
				}
				return nil
			}
			if s.before = crash; after {
				s.before, s.after = nil, crash
			}
			_ = reg.PutOperatorToken(w.ctx, "operator", "us_the_second")
			speak := 0
			for _, token := range []string{"us_the_first", "us_the_second"} {
				if _, err := w.open().Bearer(w.ctx, token); err == nil {
					speak++
				}
			}
			if speak != 1 {
				t.Fatalf("crash at call %d, after %v: %d tokens speak for the operator", n, after, speak)
			}
			if s.calls < n {
				break
			}
		}
	}
}
