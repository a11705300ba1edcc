package ledger_test

import (
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/usance/usance"
	"github.com/usance/usance/ledger"
	"github.com/usance/usance/registry"
)

// dependentsOf makes an edit that must be refused, and returns what it says stands in
// its way.
func (f *fixture) dependentsOf(t *testing.T, e registry.Edit) (out []string) {
	t.Helper()
	_, err := f.reg.Edit(t.Context(), tester, acme, e)
	refused, ok := errors.AsType[*usance.Error](err)
	if !ok || refused.Kind != usance.KindConflict {
		t.Fatalf("%v, want a conflict", err)
	}
	for _, d := range refused.Fields {
		out = append(out, d.Field+" "+d.Stored)
	}
	slices.Sort(out)
	return out
}

func TestWhatWasRecordedKeepsItsNodeAndMeter(t *testing.T) {
	f := open(t, "UTC", registry.Edit{
		Nodes: []usance.Node{{Path: "/a"}, {Path: "/a/b"}, {Path: "/c"}},
		Meters: []usance.Meter{{Name: "calls", Unit: "1", Aggregation: usance.AggCount, Events: []usance.Source{{Type: "call"}}},
			{Name: "never", Unit: "1", Aggregation: usance.AggGauge}, {Name: "held", Unit: "1", Aggregation: usance.AggLevel}},
	})
	f.ingest(t, at(f.now, "1", "call", "", "/a/b/x", ""), at(f.now, "2", registry.GaugeEvent, "vm", "/c", `{"meter":"vm.num","value":3}`))
	res := usance.Resource{ID: "r", Node: "/a/b", BusinessType: "LIVE_2D", ChargingMode: usance.OneTime, Source: usance.Purchased, Grants: []usance.Grant{{Meter: "held", Amount: 2}}}
	if _, err := f.PutResource(t.Context(), tester, acme, res, true); err != nil {
		t.Fatal(err)
	}
	hold := usance.Hold{ID: "h", Node: "/a/b", Items: []usance.Item{{Meter: "held", Amount: 4}}}
	if _, _, err := f.Reserve(t.Context(), tester, acme, hold, time.Hour); err != nil {
		t.Fatal(err)
	}
	node, meter := func(p usance.Path) registry.Edit { return registry.Edit{DeleteNodes: []usance.Path{p}} }, func(m string) registry.Edit { return registry.Edit{DeleteMeters: []string{m}} }
	for what, c := range map[string]struct {
		edit registry.Edit
		want []string
	}{
		"a node":          {node("/a/b"), []string{"hold h", "resource r", "usage calls"}},
		"the one with it": {registry.Edit{DeleteNodes: []usance.Path{"/a", "/a/b"}, KeepUsage: true}, []string{"hold h", "resource r"}},
		"a gauge's":       {node("/c"), []string{"usage vm.num"}},
		"a meter":         {meter("calls"), []string{"usage calls"}},
		"a meter held":    {meter("held"), []string{"hold h", "resource r"}},
	} {
		if got := f.dependentsOf(t, c.edit); !slices.Equal(got, c.want) {
			t.Errorf("%s: refused by %q, want %q", what, got, c.want)
		}
	}
	edit := func(e registry.Edit) {
		t.Helper()
		if _, err := f.reg.Edit(t.Context(), tester, acme, e); err != nil {
			t.Fatal(err)
		}
	}
	edit(meter("never"))
	// What stands at nothing is no reason to stay; what is over holds nothing.
	f.ingest(t, at(f.now.Add(time.Minute), "3", registry.GaugeEvent, "vm", "/c", `{"meter":"vm.num","value":0}`))
	edit(node("/c"))
	f.now = f.now.Add(2 * time.Hour)
	if _, err := f.DeleteResource(t.Context(), tester, acme, "r"); err != nil {
		t.Fatal(err)
	}
	if got := f.dependentsOf(t, node("/a/b")); !slices.Equal(got, []string{"usage calls"}) {
		t.Errorf("with the hold over and the resource gone: %q", got)
	}
	keep := node("/a/b")
	keep.KeepUsage = true
	edit(keep)
	if n := f.measure(t, ledger.Measure{Meter: "calls", Node: "/a/b"}); n != 1 {
		t.Errorf("%d calls at the node without a definition, want 1", n)
	}
	// The meter's usage could not be read without it, not even when nothing is left.
	if _, _, err := f.Void(t.Context(), tester, acme, "test", "1", ""); err != nil {
		t.Fatal(err)
	}
	if got := f.dependentsOf(t, meter("calls")); !slices.Equal(got, []string{"usage calls"}) {
		t.Errorf("%q", got)
	}
	if v := verify(t, f); v.Fault != "" {
		t.Error(v.Fault)
	}
}

// TestAMeterIsDeletedOrUsed races the deletion of meters against their first
// event: one of the two wins, and the ledger stays readable.
func TestAMeterIsDeletedOrUsed(t *testing.T) {
	var e registry.Edit
	const meters = 40
	name := func(i int) string { return fmt.Sprint("m", i) }
	for i := range meters {
		e.Meters = append(e.Meters, usance.Meter{Name: name(i), Unit: "1", Aggregation: usance.AggLevel})
	}
	f := open(t, "UTC", e)
	for i := range meters {
		var used, deleted error
		var wg sync.WaitGroup
		wg.Go(func() {
			_, used = f.Ingest(t.Context(), tester, acme, []ledger.Incoming{at(f.now, name(i), registry.LevelEvent, "", "/", fmt.Sprintf(`{"meter":%q,"delta":1}`, name(i)))})
		})
		wg.Go(func() {
			_, deleted = f.reg.Edit(t.Context(), tester, acme, registry.Edit{DeleteMeters: []string{name(i)}})
		})
		wg.Wait()
		lost := usance.KindOf(deleted) == usance.KindConflict && used == nil
		won := deleted == nil && usance.KindOf(used) == usance.KindInvalid
		if !lost && !won {
			t.Errorf("deleting: %v; using: %v", deleted, used)
		}
	}
	if v := verify(t, f); v.Fault != "" {
		t.Error(v.Fault)
	}
}
