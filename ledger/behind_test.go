package ledger_test

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/usance/usance"
	"github.com/usance/usance/ledger"
	"github.com/usance/usance/registry"
)

func (f *fixture) behind(t *testing.T, filter ledger.EventFilter) ledger.EventPage {
	t.Helper()
	filter.Limit = max(filter.Limit, 1)
	page, err := f.Events(context.Background(), acme, filter)
	if err != nil {
		t.Fatal(err)
	}
	return page
}

func idsOf(page ledger.EventPage) []string {
	var out []string
	for _, e := range page.Events {
		out = append(out, e.ID)
	}
	return out
}

// TestTheEventsBehindAMeterAreThoseThatCount goes through every way to count and
// not to: by type, by name, charged, amended in and out, voided, and under a
// definition that has changed since.
func TestTheEventsBehindAMeterAreThoseThatCount(t *testing.T) {
	calls := usance.Meter{Name: "calls", Unit: "1", Aggregation: usance.AggSum, GroupBy: map[string]string{"kind": "data.kind"},
		Events: []usance.Source{{Type: "call", Amount: "1"}}}
	f := open(t, "UTC", registry.Edit{Meters: []usance.Meter{calls, {Name: "inside", Unit: "1", Aggregation: usance.AggLevel}}})
	ago := func(n int) time.Time { return f.now.Add(-time.Duration(n) * time.Minute) }
	f.ingest(t,
		at(ago(9), "in", "call", "", "/a", `{"kind":"x"}`), at(ago(8), "other", "text", "", "/a", `{"kind":"x"}`),
		at(ago(7), "voided", "call", "", "/a", `{"kind":"x"}`), at(ago(6), "out", "call", "", "/a", `{"kind":"x"}`),
		at(ago(5), "becomes", "text", "", "/a", `{"kind":"y"}`), at(ago(4), "elsewhere", "call", "", "/b", `{"kind":"y"}`),
		at(ago(3), "named", "usance.level", "", "/a", `{"meter":"inside","delta":2}`), at(ago(3), "drive", "usance.level", "", "/a", `{"meter":"drive.users","delta":2}`))
	text, call := "text", "call"
	for id, a := range map[string]ledger.Amendment{"out": {Type: &text}, "becomes": {Type: &call}} {
		if _, _, err := f.Amend(t.Context(), tester, acme, "test", id, "wrong", a); err != nil {
			t.Fatal(err)
		}
	}
	if _, _, err := f.Void(t.Context(), tester, acme, "test", "voided", ""); err != nil {
		t.Fatal(err)
	}
	charge := ledger.Charge{ID: "charged", Source: "test", Node: "/a", Time: ago(2), Items: []usance.Item{{Meter: "calls", Amount: 1}}}
	if _, err := f.Charge(t.Context(), tester, acme, charge); err != nil {
		t.Fatal(err)
	}
	calls.Events = []usance.Source{{Type: "text", Amount: "1"}}
	if _, err := f.reg.Edit(t.Context(), tester, acme, registry.Edit{Meters: []usance.Meter{calls}}); err != nil {
		t.Fatal(err)
	}
	f.ingest(t, at(ago(1), "late", "text", "", "/a", `{"kind":"x"}`), at(ago(1), "past", "call", "", "/a", `{"kind":"x"}`))

	for _, c := range []struct {
		filter ledger.EventFilter
		want   []string
	}{
		{ledger.EventFilter{Meter: "calls"}, []string{"late", "charged", "elsewhere", "becomes", "in"}},
		{ledger.EventFilter{Meter: "calls", Node: "/a"}, []string{"late", "charged", "becomes", "in"}},
		{ledger.EventFilter{Meter: "calls", Group: map[string][]string{"kind": {"y"}}}, []string{"elsewhere", "becomes"}},
		{ledger.EventFilter{Meter: "calls", Group: map[string][]string{"kind": {"y", "x"}}, From: ago(5)}, []string{"late", "elsewhere", "becomes"}},
		{ledger.EventFilter{Meter: "inside"}, []string{"named"}},
		{ledger.EventFilter{Meter: "calls", Source: "test", ID: "in"}, []string{"in"}},
		{ledger.EventFilter{Meter: "calls", Source: "test", ID: "past"}, nil},
	} {
		c.filter.Limit = 100
		if got := idsOf(f.behind(t, c.filter)); !slices.Equal(got, c.want) {
			t.Errorf("%+v: %v, want %v", c.filter, got, c.want)
		}
	}
	// What the meter says is what they add up to.
	page := f.behind(t, ledger.EventFilter{Meter: "calls", Limit: 100})
	if n := f.measure(t, ledger.Measure{Meter: "calls"}); n != int64(len(page.Events)) {
		t.Errorf("the meter says %d, behind it are %d", n, len(page.Events))
	}
	for meter, want := range map[string]usance.Kind{"none": usance.KindNotFound, "inside": usance.KindInvalid} {
		_, err := f.Events(t.Context(), acme, ledger.EventFilter{Meter: meter, Group: map[string][]string{"kind": {"x"}}, Limit: 1})
		if usance.KindOf(err) != want {
			t.Errorf("%s: %v", meter, err)
		}
	}
}

func TestABoundedLookEndsEarlyAndSaysSo(t *testing.T) {
	f := open(t, "UTC", registry.Edit{})
	for day := range 20 {
		f.ingest(t, at(f.now.AddDate(0, 0, -day), fmt.Sprint("e", day), "meeting.live.started", "", "/", ""))
	}
	page := f.behind(t, ledger.EventFilter{Meter: registry.MeetingLive, Limit: 10, Look: 3})
	if got := idsOf(page); !slices.Equal(got, []string{"e0", "e1", "e2"}) || !page.Partial || page.Looked != 3 || page.Next != "" {
		t.Errorf("%v %+v", got, page)
	}
	page = f.behind(t, ledger.EventFilter{Meter: registry.MeetingLive, Limit: 30, Look: 30})
	if len(page.Events) != 20 || page.Partial || page.Looked != 20 {
		t.Errorf("%d %+v", len(page.Events), page.Partial)
	}
}
