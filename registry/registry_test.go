package registry_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/usance/usance"
	"github.com/usance/usance/internal/facadetest"
	"github.com/usance/usance/registry"
)

type world struct {
	*facadetest.Core
	ctx context.Context
}

var tester = facadetest.Tester()

func newWorld(t *testing.T) *world {
	t.Helper()
	return &world{facadetest.Open(t, time.Date(2026, 3, 5, 1, 2, 3, 0, time.UTC)), t.Context()}
}

// open is another process on the same store.
func (w *world) open() *registry.Registry {
	w.Helper()
	return facadetest.OpenRegistry(w, w.Store, w.Clock.Now)
}

func (w *world) refused(kind usance.Kind, tenant usance.TenantID, e registry.Edit) {
	w.Helper()
	_ = w.refusal(kind, tenant, e)
}

// refusal is refused for a test that looks into the error.
func (w *world) refusal(kind usance.Kind, tenant usance.TenantID, e registry.Edit) *usance.Error {
	w.Helper()
	_, err := w.Registry.Edit(w.ctx, tester, tenant, e)
	refusal, ok := errors.AsType[*usance.Error](err)
	if !ok || refusal.Kind != kind {
		w.Fatalf("Edit: %v, want kind %s", err, kind)
	}
	return refusal
}

func (w *world) definitions(tenant usance.TenantID) *registry.Definitions {
	w.Helper()
	d, err := w.Registry.Definitions(w.ctx, tenant)
	if err != nil {
		w.Fatalf("Definitions: %v", err)
	}
	return d
}

func pw(s string) *string { return &s }

// everything is an edit with one of each thing.
func everything() registry.Edit {
	return registry.Edit{
		Tenant: &usance.Tenant{Name: "Acme", Timezone: "Asia/Shanghai", Aliases: map[string]string{"huawei.project": "p1"}, Settings: map[string]string{"a.b": "1"}},
		Nodes:  []usance.Node{{Path: "/cloud/rd", Name: "Research", Aliases: map[string]string{"zstack.organization": "o1"}}},
		Meters: []usance.Meter{{Name: "tokens", Unit: "1", Aggregation: usance.AggSum, Events: []usance.Source{{Type: "llm", Amount: "data.n"}}}},
		Quotas: []usance.Quota{{Node: "/cloud/rd", Meter: "vm.cpuNum", Limit: 5}, {Node: "/", Meter: "tokens", Limit: usance.Unlimited, Window: usance.MonthWindow}},
		Users:  []registry.UserSpec{{User: usance.User{Name: "ops", Role: usance.RoleAdmin}, Password: pw("S3cret-2026!")}},
		Keys:   []registry.KeySpec{{Key: usance.Key{Kind: usance.KeyAKSK, ID: "AK", User: "ops"}, Secret: "SK"}},
		Tokens: []registry.TokenSpec{{Token: usance.Token{Name: "collector", Role: usance.RoleIngester}, Secret: "us_collector"}},
	}
}

func TestARepeatedEditChangesNothing(t *testing.T) {
	w := newWorld(t)
	first := w.Edit("acme", everything())
	if len(first.Differences) != 8 {
		t.Fatalf("%d differences, want 8: %+v", len(first.Differences), first.Differences)
	}
	w.Clock.Move(time.Hour)
	again := w.Edit("acme", everything())
	if len(again.Differences) != 0 || again.Sequence != first.Sequence {
		t.Fatalf("a repeat changed %+v at %d (was %d)", again.Differences, again.Sequence, first.Sequence)
	}
	if fresh, err := w.open().Definitions(w.ctx, "acme"); err != nil || fresh.Version != first.Sequence {
		t.Fatalf("another process sees %v, %v", fresh, err)
	}
}

func TestADryRunChangesNothingAndTellsNoSecret(t *testing.T) {
	w := newWorld(t)
	e := everything()
	e.Keys[0].Secret, e.Tokens[0].Secret, e.DryRun = "", "", true
	out := w.Edit("acme", e)
	if len(out.Differences) != 8 {
		t.Fatalf("differences: %+v", out.Differences)
	}
	for _, d := range out.Differences {
		if d.Secret != "" {
			t.Errorf("a dry run told the secret of %s", d.Name)
		}
	}
	if _, err := w.Registry.Definitions(w.ctx, "acme"); usance.KindOf(err) != usance.KindNotFound {
		t.Fatalf("after a dry run the tenant exists: %v", err)
	}
	e.DryRun = false
	told := 0
	for _, d := range w.Edit("acme", e).Differences {
		if d.Secret != "" {
			told++
		}
	}
	if told != 2 {
		t.Fatalf("%d made secrets were told, want 2", told)
	}
}

func TestARefusalListsEveryFaultAndChangesNothing(t *testing.T) {
	w := newWorld(t)
	e := w.refusal(usance.KindInvalid, "acme", registry.Edit{
		Tenant: &usance.Tenant{Timezone: "Mars/Olympus"},
		Nodes:  []usance.Node{{Path: "/ok"}, {Path: "/a/../b"}, {Path: "/"}},
		Meters: []usance.Meter{{Name: "tokens", Unit: "1", Aggregation: usance.AggSum, Events: []usance.Source{{Type: "x", Amount: "1"}}}, {Name: "bad name"}},
		Quotas: []usance.Quota{{Node: "/", Meter: "tokens"}, {Node: "/", Meter: "nothing"}, {Node: "/", Meter: "vm.num", Limit: -1}},
		Users:  []registry.UserSpec{{User: usance.User{Name: "a@b", Role: usance.RoleAdmin}}, {User: usance.User{Name: "c", Role: "king"}}},
		Keys:   []registry.KeySpec{{Key: usance.Key{Kind: usance.KeyApp, ID: "k", User: "nobody"}}},
		Tokens: []registry.TokenSpec{{Token: usance.Token{Name: "t", Role: usance.RoleViewer}, Secret: "short"}},
	})
	var got []string
	for _, f := range e.Fields {
		got = append(got, f.Field)
	}
	want := []string{"timezone", "nodes[1].path", "nodes[2].path", "meters[1]", "quotas[1].meter", "quotas[2]", "users[0].name", "users[1].role", "keys[0].user", "tokens[0].secret"}
	if !slices.Equal(got, want) {
		t.Fatalf("faults at %q, want %q", got, want)
	}
	if _, err := w.Registry.Definitions(w.ctx, "acme"); usance.KindOf(err) != usance.KindNotFound {
		t.Fatalf("a refused edit made the tenant: %v", err)
	}
}

func TestDeletingWhatIsNotThereIsNotFound(t *testing.T) {
	w := newWorld(t)
	w.Edit("acme", everything())
	for name, e := range map[string]registry.Edit{
		"node":  {DeleteNodes: []usance.Path{"/nowhere"}},
		"meter": {DeleteMeters: []string{"nothing"}},
		"quota": {DeleteQuotas: []registry.QuotaRef{{Node: "/", Meter: "vm.num"}}},
		"user":  {DeleteUsers: []string{"nobody"}},
		"key":   {DeleteKeys: []registry.KeyRef{{Kind: usance.KeyApp, ID: "AK"}}},
		"token": {DeleteTokens: []string{"nothing"}},
	} {
		t.Run(name, func(t *testing.T) { w.refused(usance.KindNotFound, "acme", e) })
	}
	w.refused(usance.KindConflict, "acme", registry.Edit{DeleteMeters: []string{registry.DriveSpace}})
	w.refused(usance.KindConflict, "acme", registry.Edit{DeleteMeters: []string{"tokens"}}) // still has a quota
	w.refused(usance.KindConflict, "acme", registry.Edit{DeleteUsers: []string{"ops"}})     // still has a key
	w.refused(usance.KindNotFound, "nobody", registry.Edit{Users: []registry.UserSpec{{User: usance.User{Name: "x", Role: usance.RoleAdmin}}}})
}

func TestAThingPutTwiceInOneEditIsRefused(t *testing.T) {
	w := newWorld(t)
	e := everything()
	e.Users = append(e.Users, e.Users[0])
	if f := w.refusal(usance.KindInvalid, "acme", e).Fields; len(f) != 1 || f[0].Field != "users[1]" {
		t.Fatalf("faults: %+v", f)
	}
}

func TestAReplacementMayTakeThePlaceOfWhatItReplaces(t *testing.T) {
	w := newWorld(t)
	w.Edit("acme", everything())
	again := everything()
	w.Edit("acme", registry.Edit{
		DeleteQuotas: []registry.QuotaRef{{Node: "/cloud/rd", Meter: "vm.cpuNum"}},
		DeleteNodes:  []usance.Path{"/cloud/rd"}, Nodes: []usance.Node{{Path: "/cloud/lab", Aliases: map[string]string{"zstack.organization": "o1"}}},
		DeleteKeys: []registry.KeyRef{{Kind: usance.KeyAKSK, ID: "AK"}}, Keys: again.Keys,
		DeleteTokens: []string{"collector"}, Tokens: []registry.TokenSpec{{Token: usance.Token{Name: "other", Role: usance.RoleViewer}, Secret: "us_collector"}},
		DeleteUsers: []string{"ops"}, Users: again.Users,
	})
	if at, err := w.Registry.ResolveAlias(w.ctx, "zstack.organization", "o1"); err != nil || at.Node != "/cloud/lab" {
		t.Errorf("the alias leads to %+v, %v", at, err)
	}
	if p, err := w.Registry.Bearer(w.ctx, "us_collector"); err != nil || p.User != "other" || p.Role != usance.RoleViewer {
		t.Errorf("the token speaks for %+v, %v", p, err)
	}
	if k, err := w.Registry.Key(w.ctx, usance.KeyAKSK, "AK"); err != nil || k.Secret != "SK" {
		t.Errorf("the key is %+v, %v", k, err)
	}
	if p, err := w.Registry.SignIn(w.ctx, "ops", "S3cret-2026!"); err != nil || p.Tenant != "acme" {
		t.Errorf("the user is %+v, %v", p, err)
	}
}

func TestOldDefinitionsStayAsTheyWere(t *testing.T) {
	w := newWorld(t)
	w.Edit("acme", everything())
	old := w.definitions("acme")
	w.Edit("acme", registry.Edit{Tenant: &usance.Tenant{Timezone: "UTC", Aliases: map[string]string{"huawei.domain": "d"}}})
	if old.Alias("huawei.project", "") != "p1" || old.Alias("huawei.domain", "") != "" || old.Setting("a.b", "") != "1" {
		t.Fatalf("an edit changed definitions that were handed out: %+v", old.Tenant)
	}
	now := w.definitions("acme")
	if now.Alias("huawei.project", "") != "" || now.Alias("huawei.domain", "") != "d" || len(now.Tenant.Settings) != 0 {
		t.Fatalf("members left out of a put stayed: %+v", now.Tenant)
	}
	if _, err := w.Registry.ResolveAlias(w.ctx, "huawei.project", "p1"); usance.KindOf(err) != usance.KindNotFound {
		t.Fatalf("an alias taken away still leads somewhere: %v", err)
	}
}

func TestNamesBelongToOneTenant(t *testing.T) {
	w := newWorld(t)
	w.Edit("acme", everything())
	e := w.refusal(usance.KindConflict, "rival", everything())
	if len(e.Fields) != 4 { // two aliases, a key id, a token's secret
		t.Fatalf("conflicts: %+v", e.Fields)
	}
	for _, f := range e.Fields {
		if strings.Contains(f.Detail, "acme") {
			t.Errorf("a conflict names the other tenant: %s", f.Detail)
		}
	}
	if ids, err := w.Registry.Tenants(w.ctx, "", 10); err != nil || !slices.Equal(ids, []usance.TenantID{"acme"}) {
		t.Fatalf("tenants %v, %v: a refused tenant stays out", ids, err)
	}
	// Given up by one, a name is free for another.
	w.Edit("acme", registry.Edit{Tenant: &usance.Tenant{Timezone: "UTC"}, DeleteNodes: []usance.Path{"/cloud/rd"}, DeleteQuotas: []registry.QuotaRef{{Node: "/cloud/rd", Meter: "vm.cpuNum"}},
		DeleteKeys: []registry.KeyRef{{Kind: usance.KeyAKSK, ID: "AK"}}, DeleteTokens: []string{"collector"}})
	w.Edit("rival", everything())
	if at, err := w.Registry.ResolveAlias(w.ctx, "huawei.project", "p1"); err != nil || at.Tenant != "rival" || at.Node != usance.Root {
		t.Fatalf("the alias leads to %+v, %v", at, err)
	}
	if p, err := w.Registry.Bearer(w.ctx, "us_collector"); err != nil || p.Tenant != "rival" {
		t.Fatalf("the token speaks for %+v, %v", p, err)
	}
}

func TestARegionsProjectNameIsFreeToAll(t *testing.T) {
	w := newWorld(t)
	for _, id := range []usance.TenantID{"a", "b"} {
		w.Edit(id, registry.Edit{Tenant: &usance.Tenant{Aliases: map[string]string{"huawei.project_name": "cn-north-4"}}})
	}
}

func TestOneSecretOrAliasStandsOnceInATenant(t *testing.T) {
	w := newWorld(t)
	e := everything()
	e.Tokens = append(e.Tokens, registry.TokenSpec{Token: usance.Token{Name: "twin", Role: usance.RoleViewer}, Secret: "us_collector"})
	e.Nodes = append(e.Nodes, usance.Node{Path: "/twin", Aliases: map[string]string{"zstack.organization": "o1"}})
	if f := w.refusal(usance.KindConflict, "acme", e).Fields; len(f) != 2 || f[0].Field != "tokens[1]" || f[1].Field != "nodes[1].aliases" {
		t.Fatalf("faults: %+v", f)
	}
}

func TestCarvedLimitsFitTheirParent(t *testing.T) {
	w := newWorld(t)
	quota := func(node usance.Path, limit usance.Amount) usance.Quota {
		return usance.Quota{Node: node, Meter: "drive.space", Limit: limit}
	}
	e := registry.Edit{Tenant: &usance.Tenant{}, Nodes: []usance.Node{{Path: "/drive", Carved: true}},
		Quotas: []usance.Quota{quota("/drive", 100), quota("/drive/a/deep", 60), quota("/drive/b", 40)}}
	w.Edit("acme", e)
	if got := w.definitions("acme").Allocated(registry.QuotaRef{Node: "/drive", Meter: "drive.space"}); got != 100 {
		t.Fatalf("allocated %d, want 100", got)
	}
	if f := w.refusal(usance.KindConflict, "acme", registry.Edit{Quotas: []usance.Quota{quota("/drive/b", 41)}}).Fields; f[0].Field != "quotas[0]" {
		t.Fatalf("faults: %+v", f)
	}
	w.refused(usance.KindConflict, "acme", registry.Edit{Quotas: []usance.Quota{quota("/drive", 99)}})
	w.refused(usance.KindConflict, "acme", registry.Edit{Quotas: []usance.Quota{quota("/drive/c", usance.Unlimited)}})
	w.Edit("acme", registry.Edit{Nodes: []usance.Node{{Path: "/drive"}}, Quotas: []usance.Quota{quota("/drive/b", 41)}}) // shared now
}

func TestCreateRefusesATenantThatExists(t *testing.T) {
	w := newWorld(t)
	const racers = 8
	errs := make(chan error, racers)
	for range racers {
		go func() {
			_, err := w.Registry.Edit(w.ctx, tester, "acme", registry.Edit{Create: true, Tenant: &usance.Tenant{Aliases: map[string]string{"huawei.project": "p1"}}})
			errs <- err
		}()
	}
	won := 0
	for range racers {
		if err := <-errs; err == nil {
			won++
		} else if usance.KindOf(err) != usance.KindConflict {
			t.Errorf("a loser got %v", err)
		}
	}
	if won != 1 {
		t.Fatalf("%d creators won, want 1", won)
	}
	// What the losers gave back was not theirs alone.
	if ids, err := w.Registry.Tenants(w.ctx, "", 10); err != nil || len(ids) != 1 {
		t.Errorf("tenants %v, %v", ids, err)
	}
	if _, err := w.Registry.ResolveAlias(w.ctx, "huawei.project", "p1"); err != nil {
		t.Errorf("the alias was lost: %v", err)
	}
}

func TestRacingEditorsLoseNothing(t *testing.T) {
	w := newWorld(t)
	w.Edit("acme", registry.Edit{Tenant: &usance.Tenant{}})
	other := w.open() // a second process
	const each = 12
	var wg sync.WaitGroup
	for i, reg := range []*registry.Registry{w.Registry, other, w.Registry, other} {
		wg.Go(func() {
			for j := range each {
				name := fmt.Sprintf("/n%d-%d", i, j)
				e := registry.Edit{Nodes: []usance.Node{{Path: usance.Path(name), Aliases: map[string]string{"rtc.app": name}}, {Path: "/shared", Aliases: map[string]string{"k": "v"}}}}
				for {
					_, err := reg.Edit(w.ctx, tester, "acme", e)
					if err == nil {
						break
					}
					if usance.KindOf(err) != usance.KindUnavailable {
						t.Errorf("Edit: %v", err)
						return
					}
				}
			}
		})
	}
	wg.Wait()
	for i := range 4 {
		for j := range each {
			name := fmt.Sprintf("/n%d-%d", i, j)
			for _, reg := range []*registry.Registry{w.Registry, other} {
				if at, err := reg.ResolveAlias(w.ctx, "rtc.app", name); err != nil || at.Node != usance.Path(name) {
					t.Fatalf("alias %s leads to %+v, %v", name, at, err)
				}
			}
		}
	}
	if _, err := w.Registry.ResolveAlias(w.ctx, "k", "v"); err != nil {
		t.Fatalf("the alias all of them put was lost: %v", err)
	}
}

func TestAnAliasMovedWithinItsTenantAnswersThroughout(t *testing.T) {
	w := newWorld(t)
	alias := map[string]string{"rtc.app": "a1"}
	w.Edit("acme", registry.Edit{Tenant: &usance.Tenant{}, Nodes: []usance.Node{{Path: "/a", Aliases: alias}, {Path: "/b"}}})
	done, failed := make(chan struct{}), make(chan error, 1)
	go func() {
		defer close(failed)
		for {
			select {
			case <-done:
				return
			default:
			}
			if _, err := w.Registry.ResolveAlias(w.ctx, "rtc.app", "a1"); err != nil {
				failed <- err
				return
			}
		}
	}()
	for i := range 40 {
		here, there := usance.Path("/a"), usance.Path("/b")
		if i%2 == 0 {
			here, there = there, here
		}
		w.Edit("acme", registry.Edit{Nodes: []usance.Node{{Path: there}, {Path: here, Aliases: alias}}})
	}
	close(done)
	if err := <-failed; err != nil {
		t.Fatalf("while moving: %v", err)
	}
}

func TestEditFromSeesTheDefinitionsItChanges(t *testing.T) {
	w := newWorld(t)
	w.Edit("acme", registry.Edit{Tenant: &usance.Tenant{Settings: map[string]string{"n": ""}}})
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for range 5 {
				_, err := w.Registry.EditFrom(w.ctx, tester, "acme", func(now *registry.Definitions) (registry.Edit, error) {
					next := now.Tenant
					next.Settings = map[string]string{"n": now.Setting("n", "") + "x"}
					return registry.Edit{Tenant: &next}, nil
				})
				if err != nil {
					t.Errorf("EditFrom: %v", err)
				}
			}
		})
	}
	wg.Wait()
	if got := len(w.definitions("acme").Setting("n", "")); got != 20 {
		t.Fatalf("%d of 20 changes are there", got)
	}
}

func TestTenantsArePagedInOrder(t *testing.T) {
	w := newWorld(t)
	for i := range 7 {
		w.Edit(usance.TenantID(fmt.Sprintf("t%d", i)), registry.Edit{Tenant: &usance.Tenant{}})
	}
	var all []usance.TenantID
	for after := usance.TenantID(""); ; after = all[len(all)-1] {
		page, err := w.Registry.Tenants(w.ctx, after, 3)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, page...)
		if len(page) < 3 {
			break
		}
	}
	if len(all) != 7 || !slices.IsSorted(all) {
		t.Fatalf("tenants %v", all)
	}
}

func TestAMetersMeaningCannotChange(t *testing.T) {
	w := newWorld(t)
	w.Edit("acme", everything())
	m := everything().Meters[0]
	m.Aggregation = usance.AggMax
	w.refused(usance.KindConflict, "acme", registry.Edit{Meters: []usance.Meter{m}})
	m = everything().Meters[0]
	m.GroupBy = map[string]string{"model": "data.model"}
	w.refused(usance.KindConflict, "acme", registry.Edit{Meters: []usance.Meter{m}})
	m = everything().Meters[0]
	m.Events = append(m.Events, usance.Source{Type: "other", Amount: "1"})
	w.Edit("acme", registry.Edit{Meters: []usance.Meter{m}})
	if feeds := w.definitions("acme").Feeds("other"); len(feeds) != 1 || feeds[0].Meter.Name != "tokens" {
		t.Fatalf("feeds: %+v", feeds)
	}
	w.refused(usance.KindConflict, "acme", registry.Edit{Meters: []usance.Meter{{Name: "vm.num", Unit: "1", Aggregation: usance.AggGauge}}})
}
