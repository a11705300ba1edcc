package registry_test

import (
	"bytes"
	_ "embed"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/usance/usance"
	"github.com/usance/usance/registry"
)

// check parses and checks a manifest, as apply does.
func (w *world) check(data []byte, only usance.TenantID) ([]registry.TenantDifferences, error) {
	m, err := registry.ParseManifest(data)
	if m == nil {
		return nil, err
	}
	return m.Check(w.ctx, w.Registry, only)
}

// apply brings the definitions to what a manifest says and returns how many
// differences there were.
func (w *world) apply(data string) (changes []registry.Difference) {
	w.Helper()
	m, err := registry.ParseManifest([]byte(data))
	if err != nil {
		w.Fatal(err)
	}
	if _, err := m.Check(w.ctx, w.Registry, ""); err != nil {
		w.Fatal(err)
	}
	for _, t := range m.Tenants {
		out, err := w.Registry.EditFrom(w.ctx, tester, t.ID, func(now *registry.Definitions) (registry.Edit, error) { return t.Edit(now), nil })
		if err != nil {
			w.Fatal(err)
		}
		changes = append(changes, out.Differences...)
	}
	return changes
}

// wanted reads the faults a golden manifest says it has, by line.
func wanted(data string) map[int]string {
	want := map[int]string{}
	for i, line := range strings.Split(data, "\n") {
		if _, text, ok := strings.Cut(line, "# want: "); ok {
			want[i+1] = strings.TrimSuffix(text, "\r")
		}
	}
	return want
}

func TestABadManifestIsRefusedWholeWithTheLineOfEveryFault(t *testing.T) {
	files, err := filepath.Glob("testdata/manifest/*.yaml")
	if err != nil || len(files) < 9 {
		t.Fatalf("%d golden manifests, %v", len(files), err)
	}
	for i, file := range slices.Concat(files, files) {
		t.Run(filepath.Base(file), func(t *testing.T) {
			w := newWorld(t)
			w.Edit("holder", registry.Edit{
				Tenant: &usance.Tenant{Aliases: map[string]string{"huawei.project": "belongs-to-holder"}},
				Users:  []registry.UserSpec{user("u", "password")},
				Keys:   []registry.KeySpec{{Key: usance.Key{Kind: usance.KeyAKSK, ID: "AK-HELD", User: "u"}}},
				Tokens: []registry.TokenSpec{{Token: usance.Token{Name: "t", Role: usance.RoleViewer}, Secret: "us_held_by_holder"}},
			})
			data, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if i >= len(files) { // as Windows' editors write it
				data = bytes.ReplaceAll(data, []byte("\n"), []byte("\r\n"))
			}
			_, err = w.check(data, "")
			e, ok := errors.AsType[*usance.Error](err)
			if !ok || e.Kind != usance.KindInvalid && e.Kind != usance.KindConflict {
				t.Fatalf("not refused: %v", err)
			}
			want := wanted(string(data))
			for _, f := range e.Fields {
				if !strings.Contains(f.Detail, want[f.Line]) || want[f.Line] == "" {
					t.Errorf("line %d: %s: %s; wanted %q there", f.Line, f.Field, f.Detail, want[f.Line])
				}
				delete(want, f.Line)
			}
			for line, text := range want {
				t.Errorf("line %d: no fault; wanted %q", line, text)
			}
			if ids, err := w.Registry.Tenants(w.ctx, "", 10); err != nil || len(ids) != 1 {
				t.Errorf("tenants %v, %v: a refused manifest changed something", ids, err)
			}
		})
	}
}

func TestFaultsOfJSONHaveLinesToo(t *testing.T) {
	w := newWorld(t)
	for name, c := range map[string]struct {
		text, field, detail string
		line                int
	}{
		"unknown member": {"{\"tenants\":[\n{\"id\":\"acme\",\n\"nodez\":[]}]}", "tenants[0].nodez", "no member", 3},
		"repeated":       {"{\"tenants\":[{\n\"id\":\"acme\",\n\"id\":\"acme\"}]}", "tenants[0].id", "stands twice", 3},
		"syntax":         {"{\"tenants\":[\n{\"id\":\"acme\",\n:,}]}", "", "this is not JSON", 3},
		"cut off":        {"{\"tenants\":[\n{\"id\":", "", "", 2},
		"behind the end": {"{\"tenants\":[]}\n{}", "", "after the end", 2},
		"meaning":        {"{\"tenants\":[{\"id\":\"acme\",\"quotas\":[\n{\"node\":\"/x\",\"meter\":\"vm.num\",\"limit\":\"5 apples\"}]}]}", "tenants[0].quotas[0].limit", "not an amount", 2},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := w.check([]byte(c.text), "")
			e, ok := errors.AsType[*usance.Error](err)
			if !ok || len(e.Fields) != 1 {
				t.Fatalf("not refused with one fault: %v", err)
			}
			if f := e.Fields[0]; f.Line != c.line || f.Field != c.field || !strings.Contains(f.Detail, c.detail) {
				t.Errorf("got %+v, want line %d, field %q, %q", f, c.line, c.field, c.detail)
			}
		})
	}
}

//go:embed testdata/example.yaml
var example string

func TestTheDocumentedManifestApplies(t *testing.T) {
	w := newWorld(t)
	if n := len(w.apply(example)); n != 13 {
		t.Fatalf("%d changes, want 13", n)
	}
	if again := w.apply(example); len(again) != 0 {
		t.Fatalf("a second time changed %+v", again)
	}
	d := w.definitions("acme")
	if d.Alias("huawei.project", "") != "0123456789abcdef0123456789abcdef" || d.Setting("koodrive.package_download_expires", "") != "7" || d.Zone.String() != "Asia/Shanghai" {
		t.Errorf("tenant: %+v", d.Tenant)
	}
	if q, _ := d.Quota(registry.QuotaRef{Node: "/drive", Meter: "drive.space"}); q.Limit != 10240<<30 || q.Window != usance.Lifetime || q.Enforce != usance.Hard {
		t.Errorf("quota: %+v", q)
	}
	if q, _ := d.Quota(registry.QuotaRef{Node: "/cloud/rd", Meter: "vm.num"}); q.Limit != usance.Unlimited {
		t.Errorf("quota: %+v", q)
	}
	if m, _ := d.Meter("tokens"); m == nil || m.GroupBy["model"] != "data.model" || m.Events[0].Amount != "data.tokens" {
		t.Errorf("meter: %+v", m)
	}
}

func TestWhatAManifestLeavesOutStays(t *testing.T) {
	w := newWorld(t)
	w.apply(example)
	disabled := registry.UserSpec{User: usance.User{Name: "ops", Role: usance.RoleAdmin, Disabled: true}}
	w.Edit("acme", registry.Edit{Users: []registry.UserSpec{disabled}})
	before := w.definitions("acme")
	changes := w.apply("tenants: [{id: acme, settings: {new: x}, nodes: [{path: /cloud/rd, aliases: {other: y}}], users: [{name: ops, role: admin}]}]")
	if len(changes) != 2 {
		t.Fatalf("changes: %+v", changes)
	}
	d := w.definitions("acme")
	if d.Tenant.Name != "Acme Ltd" || d.Tenant.Timezone != "Asia/Shanghai" || d.Setting("koodrive.product_type", "") != "1" || d.Setting("new", "") != "x" {
		t.Errorf("tenant: %+v", d.Tenant)
	}
	if n, _ := d.Node("/cloud/rd"); n.Name != "Research" || len(n.Aliases) != 2 {
		t.Errorf("node: %+v", n)
	}
	if u, _ := d.User("ops"); !u.Disabled {
		t.Error("a manifest that does not say so enabled a user")
	}
	if !reflect.DeepEqual(d.Quotas("/", true), before.Quotas("/", true)) || len(d.Keys()) != 3 || len(d.Tokens()) != 1 {
		t.Error("something else changed")
	}
	w.apply("tenants: [{id: acme, settings: {new: null}, nodes: [{path: /cloud/rd, aliases: {other: ~}}]}]")
	d = w.definitions("acme")
	if n, _ := d.Node("/cloud/rd"); len(n.Aliases) != 1 || d.Setting("new", "gone") != "gone" {
		t.Errorf("null did not take a name away: %+v, %+v", n, d.Tenant)
	}
}

func TestATenantsOwnManifestSpeaksOfNoOther(t *testing.T) {
	w := newWorld(t)
	w.Edit("acme", registry.Edit{Tenant: &usance.Tenant{}})
	_, err := w.check([]byte("tenants:\n- id: acme\n- id: rival\n"), "acme")
	e, ok := errors.AsType[*usance.Error](err)
	if !ok || e.Kind != usance.KindForbidden || len(e.Fields) != 1 || e.Fields[0].Line != 3 {
		t.Fatalf("got %v", err)
	}
	if _, err := w.check([]byte("tenants: [{id: acme, name: X}]"), "acme"); err != nil {
		t.Fatal(err)
	}
}

func TestAnchorsAreExpanded(t *testing.T) {
	w := newWorld(t)
	w.apply("tenants:\n- id: a\n  quotas: &q\n  - {node: /x, meter: vm.num, limit: 5}\n- id: b\n  quotas: *q\n")
	if q, ok := w.definitions("b").Quota(registry.QuotaRef{Node: "/x", Meter: "vm.num"}); !ok || q.Limit != 5 {
		t.Fatalf("quota: %+v", q)
	}
}

func TestHostileManifestsAreRefusedCheaply(t *testing.T) {
	bomb := strings.Builder{}
	bomb.WriteString("a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n")
	for i := range 12 {
		fmt.Fprintf(&bomb, "a%d: &a%d [%s]\n", i+1, i+1, strings.TrimSuffix(strings.Repeat(fmt.Sprintf("*a%d, ", i), 10), ", "))
	}
	for name, text := range map[string]string{
		"laughs":        bomb.String(),
		"brackets":      strings.Repeat("[", 1<<20),
		"braces":        strings.Repeat("{\"a\":", 1<<18),
		"dashes":        strings.Repeat("- ", 1<<20),
		"keys":          strings.Repeat("? ", 1<<20),
		"tags":          strings.Repeat("!!a ", 1<<18),
		"anchors":       strings.Repeat("&a ", 1<<18),
		"merge":         "a: &a {b: 1}\ntenants:\n- <<: *a\n",
		"circle":        "tenants: &a\n- *a\n",
		"binary":        "tenants:\n- id: \xff\xfe",
		"nul":           "tenants:\n- id: \x00",
		"empty":         "",
		"null":          "null",
		"number":        "5",
		"list":          "[]",
		"comment":       "# nothing",
		"large":         strings.Repeat("#\n", 6<<20),
		"complex key":   "? {a: b}\n: c\n",
		"null tenants":  "tenants: [null, ~]",
		"number as key": "1: 2",
		"huge number":   "tenants: [{id: a, quotas: [{node: /, meter: vm.num, limit: 1" + strings.Repeat("0", 1<<20) + "}]}]",
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			_, err := w.check([]byte(text), "")
			runtime.ReadMemStats(&after)
			if e, ok := errors.AsType[*usance.Error](err); !ok || e.Kind == usance.KindInternal {
				t.Fatalf("not refused: %v", err)
			}
			if spent := after.TotalAlloc - before.TotalAlloc; spent > 2<<30 {
				t.Errorf("%d MiB were spent on %d bytes", spent>>20, len(text))
			}
		})
	}
}

func TestALargeManifestIsTaken(t *testing.T) {
	w := newWorld(t)
	var b strings.Builder
	b.WriteString(`{"tenants":[{"id":"acme","nodes":[`)
	const nodes = 20_000
	for i := range nodes {
		if i > 0 {
			b.WriteString(",\n")
		}
		fmt.Fprintf(&b, `{"path":"/n%d","name":"A node that has a rather long name, so that the text is large %d","aliases":{"rtc.app":"a%d"}}`, i, i, i)
	}
	b.WriteString(`]}]}`)
	if n := len(w.apply(b.String())); n != nodes+1 {
		t.Fatalf("%d changes", n)
	}
}
