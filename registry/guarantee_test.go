package registry_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/usance/usance"
	"github.com/usance/usance/registry"
)

func cpus(node usance.Path, limit, guarantee usance.Amount) usance.Quota {
	return usance.Quota{Node: node, Meter: "vm.cpuNum", Limit: limit, Guarantee: guarantee}
}

// TestGuaranteesFitTheQuotaAbove tries every way in which they would not.
func TestGuaranteesFitTheQuotaAbove(t *testing.T) {
	w := newWorld(t)
	quotas := func(list ...usance.Quota) registry.Edit { return registry.Edit{Quotas: list} }
	w.Edit("acme", registry.Edit{Tenant: &usance.Tenant{}, Meters: []usance.Meter{{Name: "tokens", Unit: "1", Aggregation: usance.AggSum, Events: []usance.Source{{Type: "t", Amount: "1"}}}},
		Quotas: []usance.Quota{cpus("/", 10, 0), cpus("/a", 8, 6), cpus("/b/c", 9, 4), cpus("/a/x", 100, 8)}})
	w.refused(usance.KindConflict, "acme", quotas(cpus("/d", 5, 1)))
	w.refused(usance.KindConflict, "acme", quotas(cpus("/", 9, 0)))
	w.refused(usance.KindConflict, "acme", quotas(cpus("/a", 7, 6)))
	w.refused(usance.KindConflict, "acme", quotas(cpus("/", 10, 1)))
	w.refused(usance.KindInvalid, "acme", quotas(cpus("/a", 5, 6)))
	w.refused(usance.KindInvalid, "acme", quotas(cpus("/a", 5, -1)))
	w.refused(usance.KindInvalid, "acme", quotas(cpus("/a", usance.Unlimited, usance.Unlimited)))
	w.refused(usance.KindConflict, "acme", registry.Edit{DeleteQuotas: []registry.QuotaRef{{Node: "/", Meter: "vm.cpuNum"}}})
	day := func(q usance.Quota, w usance.Window) usance.Quota { q.Meter, q.Window = "tokens", w; return q }
	w.Edit("acme", quotas(day(cpus("/", 10, 0), usance.DayWindow)))
	w.refused(usance.KindConflict, "acme", quotas(day(cpus("/a", 5, 1), usance.MonthWindow)))
	w.Edit("acme", quotas(day(cpus("/a", 5, 1), usance.DayWindow)))
	unique := func(node usance.Path, guarantee usance.Amount) usance.Quota {
		return usance.Quota{Node: node, Meter: "meeting.active_users", Limit: 5, Guarantee: guarantee, Window: usance.DayWindow}
	}
	w.refused(usance.KindInvalid, "acme", quotas(unique("/", 0), unique("/a", 1)))
	// A quota between takes the guarantees of those below it over, from the one above.
	w.refused(usance.KindConflict, "acme", quotas(cpus("/b", 3, 0)))
	w.Edit("acme", quotas(cpus("/b", 4, 0), cpus("/d", 5, 4)))
	d := w.definitions("acme")
	var below []usance.Path
	for _, q := range d.Guaranteed(registry.QuotaRef{Node: "/", Meter: "vm.cpuNum"}) {
		below = append(below, q.Node)
	}
	if !slices.Equal(below, []usance.Path{"/a", "/d"}) {
		t.Errorf("the root keeps for %v", below)
	}
	var many []usance.Quota
	for i := range usance.MaxGuarantees + 1 {
		many = append(many, cpus(usance.Path(fmt.Sprintf("/m/%d", i)), 1, 1))
	}
	w.refused(usance.KindTooLarge, "acme", quotas(append(many, cpus("/m", 1000, 0))...))
	w.Edit("acme", quotas(append(many[1:], cpus("/m", 1000, 0))...))
}

func TestAManifestHasGuaranteesGrantsAndEnforcedTokens(t *testing.T) {
	w := newWorld(t)
	const text = `tenants:
- id: acme
  meters:
  - {name: tokens, unit: "1", aggregation: sum, events: [{type: t, amount: 1}]}
  - {name: best, unit: "1", aggregation: max, events: [{type: t, amount: 1}]}
  quotas:
  - {node: /, meter: vm.cpuNum, limit: 10}
  - {node: /a, meter: vm.cpuNum, limit: 8, guarantee: 6}
  tokens:
  - {name: strict, role: ingester, secret: us_strictly-speaking, enforce: true}
  resources:
  - {id: r, node: /a, business_type: X, charging_mode: PERIODIC, source: PURCHASED, grants: [{meter: tokens, amount: 2KB}, {meter: vm.cpuNum, amount: 1, node: /a/b}]}
`
	w.apply(text)
	d := w.definitions("acme")
	if q, _ := d.Quota(registry.QuotaRef{Node: "/a", Meter: "vm.cpuNum"}); q.Guarantee != 6 {
		t.Errorf("%+v", q)
	}
	if p, err := w.Registry.Bearer(w.ctx, "us_strictly-speaking"); err != nil || !p.Enforce {
		t.Errorf("%+v, %v", p, err)
	}
	m, err := registry.ParseManifest([]byte(text))
	want := []usance.Grant{{Meter: "tokens", Amount: 2000}, {Meter: "vm.cpuNum", Amount: 1, Node: "/a/b"}}
	if err != nil || !slices.Equal(m.Tenants[0].Resources[0].Grants, want) {
		t.Errorf("%+v, %v", m.Tenants[0].Resources, err)
	}
	// What is left out stays as it is.
	w.apply("tenants:\n- id: acme\n  tokens:\n  - {name: strict, role: ingester}\n")
	if d := w.definitions("acme"); !d.Tokens()[0].Enforce {
		t.Error("the token is no longer enforced")
	}
	for bad, field := range map[string]string{
		"meter: tokens, amount: 2KB": "", "meter: nothing, amount: 1": "grants[0].meter", "meter: best, amount: 1": "grants[0].meter", "meter: tokens, amount: 0": "resources[0]",
		"meter: tokens, amount: unlimited": "resources[0]", "meter: tokens, amount: 1, node: /b": "resources[0]", "meter: tokens, amount: 1, limit: 2": "grants[0]",
	} {
		_, err := w.check([]byte(strings.Replace(text, "meter: tokens, amount: 2KB", bad, 1)), "")
		e, refused := errors.AsType[*usance.Error](err)
		if refused != (field != "") || refused && (len(e.Fields) != 1 || !strings.Contains(e.Fields[0].Field, field) || e.Fields[0].Line == 0) {
			t.Errorf("%s: %v", bad, err)
		}
	}
}
