package ledger_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/usance/usance"
	"github.com/usance/usance/internal/facadetest"
	"github.com/usance/usance/ledger"
	"github.com/usance/usance/registry"
	"github.com/usance/usance/store/pebblestore"
)

var noon = time.Date(2026, 3, 10, 4, 0, 0, 0, time.UTC) // in Shanghai

func TestARepeatedEventCountsOnce(t *testing.T) {
	f := open(t, "Asia/Shanghai", registry.Edit{})
	e := at(noon, "c1", "meeting.conference.started", "room", "/", "")
	if r := f.ingest(t, e, e); r.Accepted != 1 || r.Duplicates != 1 {
		t.Fatalf("%+v", r)
	}
	first := f.ingest(t, e)
	if first.Accepted != 0 || first.Duplicates != 1 || first.Sequence == 0 {
		t.Fatalf("%+v", first)
	}
	other := e
	other.Source = "elsewhere" // another source may use the same id
	if r := f.ingest(t, other); r.Accepted != 1 {
		t.Fatalf("%+v", r)
	}
	if n := f.measure(t, ledger.Measure{Meter: registry.MeetingConferences}); n != 2 {
		t.Errorf("%d conferences", n)
	}
}

func TestAnEventWithoutATimeIsARepeatWheneverItComesAgain(t *testing.T) {
	f := open(t, "UTC", registry.Edit{})
	e := at(f.now, "c1", "meeting.conference.started", "", "/", "")
	e.Stated = false
	f.ingest(t, e)
	e.Time = e.Time.Add(time.Minute)
	if r := f.ingest(t, e); r.Duplicates != 1 {
		t.Errorf("%+v", r)
	}
}

func TestTheSameIDWithOtherContentIsAConflictThatShowsBoth(t *testing.T) {
	f := open(t, "UTC", registry.Edit{})
	f.ingest(t, at(noon, "x", "drive.space.measured", "s", "/drive/dept/rd", `{"bytes":10}`))
	before, err := f.Sequence(t.Context(), acme)
	if err != nil {
		t.Fatal(err)
	}
	_, err = f.Ingest(t.Context(), tester, acme, []ledger.Incoming{
		at(noon, "new", "drive.space.measured", "s", "/drive", `{"bytes":1}`),
		at(noon, "x", "drive.space.measured", "s", "/drive/dept/rd", `{"bytes":11}`),
	})
	e, ok := errors.AsType[*usance.Error](err)
	if !ok || e.Kind != usance.KindConflict || len(e.Fields) != 1 || e.Fields[0].Index != 1 ||
		!strings.Contains(e.Fields[0].Stored, `{\"bytes\":10}`) || !strings.Contains(e.Fields[0].Sent, `{\"bytes\":11}`) {
		t.Fatalf("%+v", err)
	}
	if after, _ := f.Sequence(t.Context(), acme); after != before {
		t.Error("a refused request left entries")
	}
	_, err = f.Ingest(t.Context(), tester, acme, []ledger.Incoming{
		at(noon, "y", "drive.space.measured", "s", "/", `{"bytes":1}`), at(noon, "y", "drive.space.measured", "s", "/", `{"bytes":2}`),
	})
	if usance.KindOf(err) != usance.KindConflict {
		t.Errorf("a conflict within the request: %v", err)
	}
}

func TestOneBadEventRefusesTheRequestAndEveryOneIsNamed(t *testing.T) {
	f := open(t, "UTC", registry.Edit{})
	bad := []ledger.Incoming{
		at(noon, "0", "meeting.conference.started", "", "/", ""),
		at(noon, "1", "meeting.conference.ended", "", "/", `{"duration_seconds":-5}`),
		at(noon, "2", "usance.level", "", "/", `{"meter":"no.such","delta":1}`),
		at(noon, "3", "usance.level", "", "/", `{"meter":"drive.space","delta":1}`),
		at(noon, "4", "usance.gauge", "", "/", `{"meter":"vm.num","value":1.5}`),
		at(noon, "5", "meeting.attendee.joined", "", "/", ""), // the unique meter needs a subject
		at(noon, "6", "meeting.recording.stored", "", "/", `{"bytes":9223372036854775808}`),
		at(noon, "7", "meeting.conference.started", "", "/a/../b", ""),
	}
	_, err := f.Ingest(t.Context(), tester, acme, bad)
	e, ok := errors.AsType[*usance.Error](err)
	if !ok || e.Kind != usance.KindInvalid || len(e.Fields) != len(bad)-1 {
		t.Fatalf("%+v", err)
	}
	for i, fault := range e.Fields {
		if fault.Index != i+1 {
			t.Errorf("fault %d names event %d", i, fault.Index)
		}
	}
	if n := f.measure(t, ledger.Measure{Meter: registry.MeetingConferences}); n != 0 {
		t.Error("the good event of a refused request counts")
	}
	many := make([]ledger.Incoming, usance.MaxBatchEvents+1)
	if _, err := f.Ingest(t.Context(), tester, acme, many); usance.KindOf(err) != usance.KindTooLarge {
		t.Errorf("%d events: %v", len(many), err)
	}
}

// TestOrderAndPartitionDoNotChangeAnyView sends the same events to two tenants
// in different orders and batches, and compares every row of their views.
func TestOrderAndPartitionDoNotChangeAnyView(t *testing.T) {
	seed := facadetest.Seed(t)
	r := rand.New(rand.NewPCG(seed, 2))
	zone, err := time.LoadLocation("Asia/Kathmandu")
	if err != nil {
		t.Fatal(err)
	}
	f := open(t, zone.String(), modelDefinitions())
	const twin = usance.TenantID("twin")
	edit := modelDefinitions()
	edit.Tenant = &usance.Tenant{Timezone: zone.String()}
	if _, err := f.reg.Edit(t.Context(), tester, twin, edit); err != nil {
		t.Fatal(err)
	}
	var n ids
	var events []ledger.Incoming
	for range 600 {
		events = append(events, newModelFact(r, &n, zone).Incoming)
	}
	for _, tenant := range []usance.TenantID{acme, twin} {
		r.Shuffle(len(events), func(i, j int) { events[i], events[j] = events[j], events[i] })
		for rest := events; len(rest) > 0; {
			k := min(1+r.IntN(100), len(rest))
			if _, err := f.Ingest(t.Context(), tester, tenant, rest[:k]); err != nil {
				t.Fatal(err)
			}
			rest = rest[k:]
		}
	}
	a, b := strings.Split(f.views(t, acme), "\n"), strings.Split(f.views(t, twin), "\n")
	for i := range min(len(a), len(b)) {
		if a[i] != b[i] {
			t.Fatalf("the two tenants' views differ:\n%s\n%s", a[i], b[i])
		}
	}
	if len(a) != len(b) {
		t.Errorf("the two tenants' views have %d and %d rows", len(a), len(b))
	}
}

func TestConcurrentRequestsAreEachCountedOnce(t *testing.T) {
	f := open(t, "UTC", registry.Edit{})
	const clients, requests = 16, 20
	var wg sync.WaitGroup
	for c := range clients {
		wg.Go(func() {
			for i := range requests {
				mine := at(noon, fmt.Sprintf("%d-%d", c, i), "meeting.conference.started", "", "/", "")
				shared := at(noon, fmt.Sprintf("shared-%d", i), "meeting.conference.started", "", "/", "")
				if _, err := f.Ingest(t.Context(), tester, acme, []ledger.Incoming{mine, shared}); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	if n := f.measure(t, ledger.Measure{Meter: registry.MeetingConferences}); n != clients*requests+requests {
		t.Errorf("%d counted, want %d", n, clients*requests+requests)
	}
}

func TestARefusedRequestDoesNotHarmThoseThatShareItsStep(t *testing.T) {
	f := open(t, "UTC", registry.Edit{})
	f.ingest(t, at(noon, "x", "meeting.conference.started", "a", "/", ""))
	var wg sync.WaitGroup
	for i := range 50 {
		wg.Go(func() {
			good := at(noon, fmt.Sprint(i), "meeting.conference.started", "", "/", "")
			if i%2 == 0 {
				if _, err := f.Ingest(t.Context(), tester, acme, []ledger.Incoming{good}); err != nil {
					t.Error(err)
				}
				return
			}
			clash := at(noon, "x", "meeting.conference.started", "b", "/", "")
			if _, err := f.Ingest(t.Context(), tester, acme, []ledger.Incoming{good, clash}); usance.KindOf(err) != usance.KindConflict {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if n := f.measure(t, ledger.Measure{Meter: registry.MeetingConferences}); n != 26 {
		t.Errorf("%d counted, want 26", n)
	}
}

func TestWhatWasAcknowledgedOutlivesACrash(t *testing.T) {
	fs := vfs.NewCrashableMem()
	f := &fixture{now: noon}
	st, err := pebblestore.Open("data", pebblestore.Options{FS: fs})
	if err != nil {
		t.Fatal(err)
	}
	f.build(t, st)
	if _, err := f.reg.Edit(t.Context(), tester, acme, registry.Edit{Tenant: &usance.Tenant{Timezone: "UTC"}}); err != nil {
		t.Fatal(err)
	}
	acknowledged := 0
	for i := range 20 {
		f.ingest(t, at(noon, fmt.Sprint(i), "meeting.attendee.joined", fmt.Sprint("u", i%7), "/x", ""))
		acknowledged++
		if i == 13 {
			crashed := fs.CrashClone(vfs.CrashCloneCfg{UnsyncedDataPercent: 0})
			defer func() {
				again, err := pebblestore.Open("data", pebblestore.Options{FS: crashed})
				if err != nil {
					t.Fatal(err)
				}
				defer func() {
					if err := again.Close(); err != nil {
						t.Error(err)
					}
				}()
				g := &fixture{now: noon}
				g.build(t, again)
				if n := g.measure(t, ledger.Measure{Meter: registry.MeetingAttendances}); n != 14 {
					t.Errorf("%d of 14 acknowledged events are there", n)
				}
				if n := g.measure(t, ledger.Measure{Meter: registry.MeetingActiveUsers}); n != 7 {
					t.Errorf("%d users of 7", n)
				}
			}()
		}
	}
	if err := st.Close(); err != nil {
		t.Fatal(err)
	}
}

func TestTenantsDoNotSeeEachOther(t *testing.T) {
	f := open(t, "UTC", registry.Edit{})
	if _, err := f.reg.Edit(t.Context(), tester, "acme2", registry.Edit{Tenant: &usance.Tenant{Timezone: "UTC"}}); err != nil {
		t.Fatal(err)
	}
	f.ingest(t, at(noon, "x", "meeting.conference.started", "", "/", ""))
	r, err := f.Report(t.Context(), "acme2", ledger.Ask{Measures: []ledger.Measure{{Meter: registry.MeetingConferences}}})
	if err != nil || !r.Measures[0].IsZero() {
		t.Errorf("%v %v", r, err)
	}
	if _, err := f.Ingest(t.Context(), tester, "nobody", []ledger.Incoming{at(noon, "x", "t", "", "/", "")}); usance.KindOf(err) != usance.KindNotFound {
		t.Errorf("an unknown tenant: %v", err)
	}
}

func TestAZoneChangedLaterStillCountsUniquesExactly(t *testing.T) {
	f := open(t, "UTC", registry.Edit{})
	joined := func(id, user string, when time.Time) ledger.Incoming {
		return at(when, id, "meeting.attendee.joined", user, "/", "")
	}
	f.ingest(t, joined("1", "a", time.Date(2026, 3, 9, 20, 0, 0, 0, time.UTC)), joined("2", "a", noon))
	if _, err := f.reg.Edit(t.Context(), tester, acme, registry.Edit{Tenant: &usance.Tenant{Timezone: "Asia/Shanghai"}}); err != nil {
		t.Fatal(err)
	}
	f.ingest(t, joined("3", "a", time.Date(2026, 3, 9, 17, 0, 0, 0, time.UTC)), joined("4", "b", noon))
	shanghai, err := usance.LoadZone("Asia/Shanghai")
	if err != nil {
		t.Fatal(err)
	}
	from, to := usance.DayWindow.Bounds(noon, shanghai)
	if n := f.measure(t, ledger.Measure{Meter: registry.MeetingActiveUsers, From: from, To: to}); n != 2 {
		t.Errorf("%d users on the day in Shanghai, want 2", n)
	}
}

// TestAnEnforcedBatchThatContradictsItselfIsAConflict sends one id twice with other
// content, where quotas may refuse: that is told before any quota is looked at.
func TestAnEnforcedBatchThatContradictsItselfIsAConflict(t *testing.T) {
	f := open(t, "UTC", registry.Edit{})
	one, other := at(f.now, "1", "meeting.conference.started", "u", "/", ""), at(f.now, "1", "meeting.conference.started", "v", "/", "")
	one.Enforce, other.Enforce = true, true
	if _, err := f.Ingest(t.Context(), tester, acme, []ledger.Incoming{one, other}); usance.KindOf(err) != usance.KindConflict {
		t.Errorf("%v", err)
	}
}
