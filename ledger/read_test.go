package ledger_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/usance/usance"
	"github.com/usance/usance/internal/facadetest"
	"github.com/usance/usance/ledger"
	"github.com/usance/usance/registry"
)

func TestQuotasShowUseAllocationAndWhatIsLeftOnThePath(t *testing.T) {
	f := open(t, "Asia/Shanghai", registry.Edit{
		Meters: []usance.Meter{{Name: "calls", Unit: "1", Aggregation: usance.AggCount, Events: []usance.Source{{Type: "call"}}}},
		Quotas: []usance.Quota{
			{Node: "/drive", Meter: registry.DriveSpace, Limit: 100},
			{Node: "/drive/dept", Meter: registry.DriveSpace, Limit: 60},
			{Node: "/drive/dept/rd", Meter: registry.DriveSpace, Limit: 50},
			{Node: "/drive/group", Meter: registry.DriveSpace, Limit: 70, Enforce: usance.Soft},
			{Node: "/", Meter: "calls", Limit: 3, Window: usance.DayWindow},
		},
	})
	f.ingest(t,
		at(noon, "1", "drive.space.measured", "a", "/drive/dept/rd", `{"bytes":20}`),
		at(noon, "2", "drive.space.measured", "b", "/drive/group", `{"bytes":75}`),
		at(f.now.Add(-24*time.Hour), "3", "call", "", "/", ""),
		at(f.now, "4", "call", "", "/", ""))
	refs := []registry.QuotaRef{{Node: "/drive", Meter: registry.DriveSpace}, {Node: "/drive/dept", Meter: registry.DriveSpace},
		{Node: "/drive/dept/rd", Meter: registry.DriveSpace}, {Node: "/drive/group", Meter: registry.DriveSpace},
		{Node: "/", Meter: "calls"}, {Node: "/drive/none", Meter: registry.DriveSpace}, {Node: "/", Meter: registry.DriveUsers}}
	r, err := f.Report(t.Context(), acme, ledger.Ask{Quotas: refs})
	if err != nil {
		t.Fatal(err)
	}
	want := []struct {
		used, allocated, available int64
		defined                    bool
	}{
		{95, 130, 5, true}, {20, 50, 5, true}, {20, 0, 5, true}, {75, 0, 5, true}, {1, 0, 2, true}, {0, 0, 5, false}, {0, 0, usance.Unlimited, false},
	}
	for i, w := range want {
		q := r.Quotas[i]
		if q.Used != w.used || q.Allocated != w.allocated || q.Available != w.available || q.Defined != w.defined {
			t.Errorf("%v: %+v, want %+v", refs[i], q, w)
		}
	}
	shanghai, err := usance.LoadZone("Asia/Shanghai")
	if err != nil {
		t.Fatal(err)
	}
	if _, ends := usance.DayWindow.Bounds(f.now, shanghai); !r.Quotas[4].ResetsAt.Equal(ends) {
		t.Errorf("resets at %s, want %s", r.Quotas[4].ResetsAt, ends)
	}
}

func TestPagesShowEveryEventOnceNewestFirst(t *testing.T) {
	seed := facadetest.Seed(t)
	r := rand.New(rand.NewPCG(seed, 4))
	f := open(t, "UTC", modelDefinitions())
	var n ids
	var all []fact
	for range 20 {
		var batch []ledger.Incoming
		for range 1 + r.IntN(60) {
			fact := newModelFact(r, &n, time.UTC)
			all = append(all, fact)
			batch = append(batch, fact.Incoming)
		}
		f.ingest(t, batch...)
	}
	for range 40 {
		filter := ledger.EventFilter{Limit: 1 + r.IntN(50)}
		if r.IntN(2) == 0 {
			filter.Type = "t.a"
		}
		if r.IntN(3) == 0 {
			filter.Node = "/a"
		}
		if r.IntN(3) == 0 {
			filter.Subject = "u1"
		}
		if r.IntN(2) == 0 {
			filter.From = time.Date(2026, 2, 28, 5, 0, 0, 0, time.UTC)
		}
		if r.IntN(2) == 0 {
			filter.To = time.Date(2026, 3, 8, 5, 0, 0, 0, time.UTC)
		}
		var want []string
		for _, e := range all {
			if (filter.Type == "" || e.Type == filter.Type) && (filter.Node == "" || e.Node.Within(filter.Node)) && (filter.Subject == "" || e.Subject == filter.Subject) &&
				(filter.From.IsZero() || !e.Time.Before(filter.From)) && (filter.To.IsZero() || e.Time.Before(filter.To)) {
				want = append(want, e.ID)
			}
		}
		var got []string
		last := time.Time{}
		for {
			page, err := f.Events(t.Context(), acme, filter)
			if err != nil {
				t.Fatal(err)
			}
			for _, e := range page.Events {
				if !last.IsZero() && e.Time.After(last) {
					t.Fatalf("%s comes after %s", e.Time, last)
				}
				last = e.Time
				got = append(got, e.ID)
			}
			if filter.Cursor = page.Next; filter.Cursor == "" {
				break
			}
		}
		slices.Sort(got)
		slices.Sort(want)
		if !slices.Equal(got, want) {
			t.Fatalf("%+v: %d events, want %d", filter, len(got), len(want))
		}
	}
	page, err := f.Events(t.Context(), acme, ledger.EventFilter{Source: "test", ID: all[7].ID, Limit: 1})
	if err != nil || len(page.Events) != 1 || page.Events[0].ID != all[7].ID || string(page.Events[0].Data) != string(all[7].Data) {
		t.Errorf("%+v, %v", page, err)
	}
	if _, err := f.Events(t.Context(), acme, ledger.EventFilter{Limit: 10, Cursor: "x"}); usance.KindOf(err) != usance.KindInvalid {
		t.Errorf("a made-up cursor: %v", err)
	}
}

func TestQueriesThatCannotBeAnsweredSayWhy(t *testing.T) {
	f := open(t, "UTC", modelDefinitions())
	f.ingest(t, at(noon, "1", "t.a", "u", "/", `{"n":1,"region":"eu"}`), at(noon.AddDate(-20, 0, 0), "2", "t.a", "u", "/", `{"n":1,"region":"eu"}`))
	for name, c := range map[string]struct {
		q    ledger.Query
		kind usance.Kind
	}{
		"unknown meter":  {ledger.Query{Meter: "nope"}, usance.KindNotFound},
		"unknown key":    {ledger.Query{Meter: "m.sum", GroupBy: []string{"colour"}}, usance.KindInvalid},
		"unknown filter": {ledger.Query{Meter: "m.sum", Filter: map[string][]string{"colour": {"red"}}}, usance.KindInvalid},
		"from after to":  {ledger.Query{Meter: "m.sum", From: noon, To: noon.Add(-1)}, usance.KindInvalid},
		"window":         {ledger.Query{Meter: "m.sum", Window: "WEEK"}, usance.KindInvalid},
		"too many rows":  {ledger.Query{Meter: "m.level", Window: usance.Hour}, usance.KindTooLarge},
		"path trick":     {ledger.Query{Meter: "m.sum", Node: "/../x"}, usance.KindInvalid},
	} {
		if _, err := f.Query(t.Context(), acme, c.q); usance.KindOf(err) != c.kind {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestGroupsAreBounded(t *testing.T) {
	f := open(t, "UTC", modelDefinitions())
	long := strings.Repeat("x", usance.MaxGroupValue+1)
	_, err := f.Ingest(t.Context(), tester, acme, []ledger.Incoming{at(noon, "1", "t.a", "u", "/", fmt.Sprintf(`{"n":1,"region":%q}`, long))})
	if usance.KindOf(err) != usance.KindInvalid {
		t.Errorf("a long group value: %v", err)
	}
	_, err = f.Ingest(t.Context(), tester, acme, []ledger.Incoming{at(noon, "1", "t.a", "u", "/", `{"n":1,"region":["eu"]}`)})
	if usance.KindOf(err) != usance.KindInvalid {
		t.Errorf("a list as a group value: %v", err)
	}
}
