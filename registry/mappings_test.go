package registry_test

import (
	"errors"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/usance/usance"
	"github.com/usance/usance/internal/facadetest"
	"github.com/usance/usance/internal/mapping"
	"github.com/usance/usance/registry"
)

// mapped is a world whose registry knows one façade's mapping.
func mapped(t *testing.T) *world {
	t.Helper()
	w := newWorld(t)
	read := func(name, unit, meter string, window mapping.Window) mapping.Field {
		return mapping.Field{Name: name, Unit: unit, Source: mapping.Source{Kind: mapping.Meter, Meter: meter, Window: window, Round: mapping.Down}}
	}
	var err error
	w.Registry, err = registry.New(w.Store, registry.Options{Now: w.Clock.Now, PasswordCost: facadetest.CheapPasswords(), Mappings: mapping.Catalog{"meet": {
		read("conferences", "1", registry.MeetingConferences, mapping.Today),
		read("minutes", "min", registry.MeetingDuration, mapping.Today),
		{Name: "space", Rooted: true, Source: mapping.Source{Kind: mapping.Quota, Meter: registry.DriveSpace, Node: "/drive", Value: mapping.Used}},
		{Name: "rooms", Rooted: true, About: []string{"meet.corp"}, Source: mapping.Source{Kind: mapping.Meter, Meter: registry.MeetingConferences, Window: mapping.Today}},
		{Name: "cpus", About: []string{"meet.org"}, Source: mapping.Source{Kind: mapping.Quota, Meter: registry.DriveSpace, Value: mapping.Used}},
		{Name: "both", Source: mapping.Source{Kind: mapping.Derived, Of: []string{"conferences", "minutes"}}},
	}}})
	if err != nil {
		t.Fatal(err)
	}
	return w
}

const mappedTenant = `
tenants:
- id: acme
  meters:
  - {name: my.conferences, unit: "1", aggregation: count, events: [{type: mine}]}
  - {name: my.seconds, unit: s, aggregation: sum, events: [{type: mine, amount: data.seconds}]}
  mappings:
    meet:
      conferences: {meter: my.conferences}
      minutes: {meter: my.seconds, window: month, round: up}
`

func TestAnOverrideIsADefinition(t *testing.T) {
	w := mapped(t)
	var got []string
	for _, c := range w.apply(mappedTenant) {
		if c.Type == "mapping" {
			got = append(got, c.Op+" "+c.Name)
		}
	}
	if want := []string{"create meet conferences", "create meet minutes"}; !slices.Equal(got, want) {
		t.Fatalf("%v, want %v", got, want)
	}
	if again := w.apply(mappedTenant); len(again) != 0 {
		t.Errorf("the same again changes %+v", again)
	}
	over := w.definitions("acme").Mappings("meet")
	if over["conferences"].Meter != "my.conferences" || over["minutes"].Window != mapping.Month || over["minutes"].Round != mapping.Up || len(over) != 2 {
		t.Errorf("%+v", over)
	}
	if other, err := w.open().Definitions(w.ctx, "acme"); err != nil || other.Mappings("meet")["conferences"].Meter != "my.conferences" {
		t.Errorf("another process: %+v, %v", other.Mappings("meet"), err)
	}
	// What is left out stays, a null takes away, and once more changes nothing.
	const without = "tenants: [{id: acme, mappings: {meet: {conferences: null}}}]"
	if changes := w.apply(without); len(changes) != 1 || changes[0].Op != "delete" || changes[0].Name != "meet conferences" {
		t.Errorf("%+v", changes)
	}
	if changes := w.apply(without); len(changes) != 0 {
		t.Errorf("%+v", changes)
	}
	if names := slices.Collect(maps.Keys(w.definitions("acme").Mappings("meet"))); !slices.Equal(names, []string{"minutes"}) {
		t.Errorf("left: %v", names)
	}
}

func TestABadOverrideIsRefusedWithItsLineAndChangesNothing(t *testing.T) {
	const bad = `
tenants:
- id: acme
  name: New
  meters: [{name: my.level, unit: "1", aggregation: level}]
  mappings:
    meet:
      conferences: {meter: none}       # want: meter "none" does not exist
      minutes:
        round: up
        meter: my.level                # want: meter my.level is a level meter
      both: {meter: my.level}          # want: derived from
      calls: {meter: my.level}         # want: has no field "calls"
    sky:
      high: {meter: my.level}          # want: no façade "sky"
`
	const form = `
tenants:
- id: acme
  mappings:
    meet:
      conferences: {metre: x}          # want: no member "metre"
      minutes: my.seconds              # want: a mapping is needed
      minutes: {meter: my.seconds}     # want: stands twice
    sky: []                            # want: a mapping is needed
`
	for _, text := range []string{bad, form} {
		w := mapped(t)
		w.apply(mappedTenant)
		before := w.definitions("acme")
		_, err := w.check([]byte(text), "")
		e, ok := errors.AsType[*usance.Error](err)
		if !ok {
			t.Fatal(err)
		}
		want := wanted(text)
		for _, f := range e.Fields {
			if !strings.Contains(f.Detail, want[f.Line]) || want[f.Line] == "" {
				t.Errorf("line %d: %s: %s; wanted %q there", f.Line, f.Field, f.Detail, want[f.Line])
			}
			delete(want, f.Line)
		}
		for line, text := range want {
			t.Errorf("line %d: no fault; wanted %q", line, text)
		}
		if now := w.definitions("acme"); now.Version != before.Version {
			t.Error("a refused manifest changed something")
		}
	}
}

func TestAMeterThatIsReadStays(t *testing.T) {
	w := mapped(t)
	w.apply(mappedTenant)
	w.refused(usance.KindConflict, "acme", registry.Edit{DeleteMeters: []string{"my.seconds"}})
	seconds := usance.Meter{Name: "my.seconds", Unit: "parsec", Aggregation: usance.AggSum, Events: []usance.Source{{Type: "mine", Amount: "data.seconds"}}}
	w.refused(usance.KindConflict, "acme", registry.Edit{Meters: []usance.Meter{seconds}})
	seconds.Unit = "min"
	w.Edit("acme", registry.Edit{Meters: []usance.Meter{seconds}})
	w.Edit("acme", registry.Edit{DeleteMeters: []string{"my.seconds"}, DeleteMappings: []registry.MappingRef{{Facade: "meet", Field: "minutes"}}})
	w.refused(usance.KindNotFound, "acme", registry.Edit{DeleteMappings: []registry.MappingRef{{Facade: "meet", Field: "minutes"}}})
}

func TestAnOverrideFollowsTheNodeItNames(t *testing.T) {
	w := mapped(t)
	w.apply(`
tenants:
- id: acme
  nodes: [{path: /teams/a}]
  mappings: {meet: {space: {node: /teams/a/x}, conferences: {node: /teams/a/x}}}
`)
	moved, err := w.Registry.Relocate("acme", w.definitions("acme"), "/teams/a", "/b")
	if err != nil {
		t.Fatal(err)
	}
	over := moved.After.Mappings("meet")
	if over["space"].Node != "/b/x" || over["conferences"].Node != "/teams/a/x" { // below whatever node is asked about
		t.Errorf("%+v", over)
	}
}

// TestAnOverrideFollowsWhereOnePlaceBelowAllCallersHasIt moves what overrides name by
// its place below the nodes that calls are about: the root alone, one node that an
// alias names, or several.
func TestAnOverrideFollowsWhereOnePlaceBelowAllCallersHasIt(t *testing.T) {
	for name, c := range map[string]struct {
		nodes, field         string
		node, from, to, want usance.Path
	}{
		"the root":                              {field: "rooms", node: "/halls/big", from: "/halls", to: "/site/halls", want: "/site/halls/big"},
		"the root, and the node above":          {field: "rooms", node: "/a/b", from: "/a/b", to: "/c", want: "/c"},
		"something else moves":                  {field: "rooms", node: "/halls", from: "/halls2", to: "/site", want: "/halls"},
		"no node has the alias":                 {field: "cpus", node: "/hosts", from: "/hosts", to: "/machines", want: "/machines"},
		"one node, and what is below it":        {nodes: "{path: /o, aliases: {meet.org: one}}", field: "cpus", node: "/hosts", from: "/o/hosts", to: "/o/rack/hosts", want: "/rack/hosts"},
		"one node, with all below it":           {nodes: "{path: /o, aliases: {meet.org: one}}", field: "cpus", node: "/hosts", from: "/o", to: "/p/q", want: "/hosts"},
		"one node, and another's place":         {nodes: "{path: /o, aliases: {meet.org: one}}", field: "cpus", node: "/hosts", from: "/hosts", to: "/machines", want: "/hosts"},
		"out of the node's reach":               {nodes: "{path: /o, aliases: {meet.org: one}}", field: "cpus", node: "/hosts", from: "/o/hosts", to: "/p/hosts", want: "/hosts"},
		"several nodes, and one has it moved":   {nodes: "{path: /o, aliases: {meet.org: one}}, {path: /p, aliases: {meet.org: two}}", field: "cpus", node: "/hosts", from: "/o/hosts", to: "/o/machines", want: "/hosts"},
		"several nodes, and one is moved":       {nodes: "{path: /o, aliases: {meet.org: one}}, {path: /p, aliases: {meet.org: two}}", field: "cpus", node: "/hosts", from: "/o", to: "/q", want: "/hosts"},
		"the root and a node, and one is moved": {nodes: "{path: /o, aliases: {meet.corp: one}}", field: "rooms", node: "/halls", from: "/halls", to: "/site", want: "/halls"},
	} {
		w := mapped(t)
		nodes := "{path: " + string(c.from) + "}"
		if c.nodes != "" {
			nodes = c.nodes
			if !strings.Contains(c.nodes, "path: "+string(c.from)+",") {
				nodes += ", {path: " + string(c.from) + "}"
			}
		}
		w.apply("tenants: [{id: acme, nodes: [" + nodes + "], mappings: {meet: {" + c.field + ": {node: " + string(c.node) + "}}}}]")
		moved, err := w.Registry.Relocate("acme", w.definitions("acme"), c.from, c.to)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if got := moved.After.Mappings("meet")[c.field].Node; got != c.want {
			t.Errorf("%s: %s to %s: the override names %s, want %s", name, c.from, c.to, got, c.want)
		}
	}
}
