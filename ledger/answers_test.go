package ledger_test

import (
	"reflect"
	"strconv"
	"testing"
	"time"

	"github.com/usance/usance"
	"github.com/usance/usance/ledger"
	"github.com/usance/usance/registry"
)

// TestAReportSaysUntilWhenItHolds reads quotas with every window and a hold, and
// measures, at the last instant at which the report should hold and at the next.
func TestAReportSaysUntilWhenItHolds(t *testing.T) {
	meter := func(name string) usance.Meter {
		return usance.Meter{Name: name, Unit: "1", Aggregation: usance.AggSum, Events: []usance.Source{{Type: "used", Amount: "data.n"}}}
	}
	f := open(t, "Asia/Kathmandu", registry.Edit{
		Meters: []usance.Meter{meter("day"), meter("month"), meter("all")},
		Quotas: []usance.Quota{{Node: "/", Meter: "day", Limit: 10, Window: usance.DayWindow}, {Node: "/", Meter: "month", Limit: 10, Window: usance.MonthWindow},
			{Node: "/", Meter: "all", Limit: 10, Window: usance.Lifetime}, {Node: "/", Meter: "meeting.concurrent", Limit: 10}, {Node: "/", Meter: "vm.num", Limit: 10}, {Node: "/", Meter: "vm.cpuNum", Limit: 10}}})
	_, midnight := usance.DayWindow.Bounds(f.now, f.zone(t))
	_, month := usance.MonthWindow.Bounds(f.now, f.zone(t))
	begin := f.now
	f.ingest(t, at(f.now, "1", "used", "", "/", `{"n":3}`))
	if _, _, err := f.Reserve(t.Context(), tester, acme, usance.Hold{ID: "h", Node: "/", Items: []usance.Item{{Meter: "meeting.concurrent", Amount: 2}}}, time.Hour); err != nil {
		t.Fatal(err)
	}
	grants := usance.Resource{ID: "g", BusinessType: "X", ChargingMode: usance.Periodic, Source: usance.Purchased, Starts: begin.Add(time.Minute), Expires: begin.Add(2 * time.Minute),
		Grants: []usance.Grant{{Meter: "vm.num", Amount: 1}}}
	if _, err := f.PutResource(t.Context(), tester, acme, grants, true); err != nil {
		t.Fatal(err)
	}
	grants.ID, grants.Starts, grants.Grants = "h", time.Time{}, []usance.Grant{{Meter: "vm.cpuNum", Amount: 1}}
	if _, err := f.PutResource(t.Context(), tester, acme, grants, true); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		meter string
		below bool // asked at a node below, whose own quota it is not
		until time.Time
	}{{"meeting.concurrent", false, begin.Add(time.Hour)}, {"day", false, midnight}, {"day", true, midnight}, {"month", false, month}, {"all", false, ledger.Always()},
		{"vm.num", false, begin.Add(time.Minute)}, {"vm.num", true, begin.Add(time.Minute)}, {"vm.cpuNum", false, begin.Add(2 * time.Minute)}} {
		ref := registry.QuotaRef{Node: "/", Meter: c.meter}
		if c.below {
			ref.Node = "/below"
		}
		read := func(at time.Time) ledger.Report {
			t.Helper()
			f.now = at
			r, err := f.Report(t.Context(), acme, ledger.Ask{Quotas: []registry.QuotaRef{ref}})
			if err != nil {
				t.Fatal(err)
			}
			return r
		}
		first := read(begin)
		if !first.Until.Equal(c.until) {
			t.Errorf("%s: it holds until %s, want %s", c.meter, first.Until, c.until)
		}
		if c.until.Equal(ledger.Always()) {
			continue
		}
		if last := read(c.until.Add(-1)); !reflect.DeepEqual(last.Quotas[0], first.Quotas[0]) {
			t.Errorf("%s: it changed before its time: %+v, %+v", c.meter, first.Quotas[0], last.Quotas[0])
		}
		if !c.below {
			if next := read(c.until); reflect.DeepEqual(next.Quotas[0], first.Quotas[0]) {
				t.Errorf("%s: it did not change at its time", c.meter)
			}
		}
	}
}

func (f *fixture) zone(t *testing.T) *time.Location {
	t.Helper()
	d, err := f.reg.Definitions(t.Context(), acme)
	if err != nil {
		t.Fatal(err)
	}
	return d.Zone
}

// TestAnAnswerIsWorkedOutAgainWhenAnythingItDependsOnMoves counts how often the
// work of one question is done.
func TestAnAnswerIsWorkedOutAgainWhenAnythingItDependsOnMoves(t *testing.T) {
	t.Setenv("USANCE_TEST_STORE", "embedded") // an engine that tells no versions has every answer worked out anew
	f := open(t, "UTC", registry.Edit{})
	answers := f.NewAnswers()
	until, done := f.now.Add(time.Minute), 0
	ask := func(q ledger.Question, want int, why string) {
		t.Helper()
		body, err := answers.Of(t.Context(), q, f.now, func(d *registry.Definitions) ([]byte, time.Time, error) {
			if newest, err := f.reg.Definitions(t.Context(), acme); err != nil || newest != d {
				t.Fatalf("the definitions are not the newest: %v", err)
			}
			done++
			return []byte(strconv.Itoa(done)), until, nil
		})
		if err != nil || done != want || string(body) != strconv.Itoa(want) {
			t.Fatalf("%s: %q, worked out %d times, want %d; %v", why, body, done, want, err)
		}
	}
	q := ledger.Question{Tenant: acme, Node: "/", Text: "a"}
	ask(q, 1, "first")
	ask(q, 1, "again")
	f.ingest(t, at(f.now, "1", "meeting.conference.started", "", "/", ""))
	ask(q, 2, "an event came")
	ask(q, 2, "again")
	if _, err := f.reg.Edit(t.Context(), tester, acme, registry.Edit{Nodes: []usance.Node{{Path: "/x"}}}); err != nil {
		t.Fatal(err)
	}
	ask(q, 3, "a definition changed")
	f.now = until.Add(-1)
	ask(q, 3, "the last instant")
	f.now = until
	ask(q, 4, "its time was over, and nothing is kept past it")
	ask(q, 5, "and so again")
	until = ledger.Always()
	ask(q, 6, "from now on it holds always")
	f.now = f.now.Add(-time.Nanosecond)
	ask(q, 7, "the clock was set back")
	ask(q, 7, "again")
	if _, err := f.reg.Edit(t.Context(), tester, "other", registry.Edit{Tenant: &usance.Tenant{Timezone: "UTC"}}); err != nil {
		t.Fatal(err)
	}
	until = time.Time{}
	ask(ledger.Question{Tenant: acme, Node: "/", Text: "b"}, 8, "another question")
	ask(ledger.Question{Tenant: acme, Node: "/", Text: "b"}, 9, "which is not to be kept")
}
