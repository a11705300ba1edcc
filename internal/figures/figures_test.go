package figures_test

import (
	"slices"
	"testing"
	"time"

	"github.com/usance/usance"
	"github.com/usance/usance/internal/facadetest"
	"github.com/usance/usance/internal/figures"
	"github.com/usance/usance/internal/mapping"
	"github.com/usance/usance/registry"
)

func field(name string, s mapping.Source) mapping.Field {
	s.Round = mapping.Down
	return mapping.Field{Name: name, Source: s}
}

func table() mapping.Table {
	quota := func(value string) mapping.Source {
		return mapping.Source{Kind: mapping.Quota, Meter: registry.DriveSpace, Node: "/a", Value: value}
	}
	limit := field("limit", quota(mapping.Limit))
	limit.Limitless, limit.Missing = true, -1
	days := field("days", mapping.Source{Kind: mapping.Setting, Setting: "days"})
	days.Usual, days.Most = "7", 31
	return mapping.Table{
		field("today", mapping.Source{Kind: mapping.Meter, Meter: registry.MeetingConferences, Window: mapping.Today}),
		field("month", mapping.Source{Kind: mapping.Meter, Meter: registry.MeetingConferences, Window: mapping.Month}),
		field("ever", mapping.Source{Kind: mapping.Meter, Meter: registry.MeetingConferences, Window: mapping.Lifetime}),
		field("live", mapping.Source{Kind: mapping.Meter, Meter: registry.MeetingLive, Window: mapping.Now}),
		limit, field("used", quota(mapping.Used)), days,
	}
}

const tenant = usance.TenantID("acme")

func open(t *testing.T, settings map[string]string) *facadetest.Core {
	t.Helper()
	w := facadetest.Open(t, time.Date(2026, 3, 8, 2, 0, 0, 0, time.UTC)) // 7 March, 22:30, in St. John's
	w.Edit(tenant, registry.Edit{Tenant: &usance.Tenant{Timezone: "America/St_Johns", Settings: settings}})
	return w
}

func read(t *testing.T, w *facadetest.Core, base usance.Path) []int64 {
	t.Helper()
	d, err := w.Registry.Definitions(t.Context(), tenant)
	if err != nil {
		t.Fatal(err)
	}
	p := figures.NewSet("any", table()).For(d)
	got, err := p.Read(t.Context(), w.Ledger, d, base, w.Clock.Now())
	if err != nil {
		t.Fatal(err)
	}
	out := make([]int64, len(p.Figures))
	for i := range p.Figures {
		out[i] = p.Figures[i].Whole(got.Natives[i])
	}
	return out
}

func TestWindowsAreThoseOfTheTenantsZone(t *testing.T) {
	w := open(t, map[string]string{"days": "30"})
	now := w.Clock.Now()
	for _, at := range []time.Time{now, now.Add(90 * time.Minute), now.AddDate(0, 0, -1), now.AddDate(0, -1, 0)} {
		w.Ingest(tenant, w.Event(at, "meeting.conference.started", "", "/n/x", ""), w.Event(at, "meeting.live.started", "", "/n", ""))
	}
	w.Ingest(tenant, w.Event(now, "drive.space.measured", "s", "/n/a/b", `{"bytes":12}`), w.Event(now, "meeting.conference.started", "", "/elsewhere", ""))
	// The one in 90 minutes is on the next day there, and not yet live.
	if got, want := read(t, w, "/n"), []int64{1, 3, 4, 3, -1, 12, 30}; !slices.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
	w.Edit(tenant, registry.Edit{Quotas: []usance.Quota{{Node: "/n/a", Meter: registry.DriveSpace, Limit: 99}}})
	if got := read(t, w, "/n")[4]; got != 99 {
		t.Errorf("the limit is %d", got)
	}
}

func TestASettingThatIsNoNumberIsAsIfAbsent(t *testing.T) {
	for text, want := range map[string]int64{"30": 30, "": 7, "x": 7, "-1": 7, "32": 7, "0": 0, "1e1": 7} {
		w := open(t, map[string]string{"days": text})
		if got := read(t, w, "/")[6]; got != want {
			t.Errorf("%q is read as %d, want %d", text, got, want)
		}
	}
}

func TestWhatIsMadeOfSomethingHiddenIsHidden(t *testing.T) {
	list := []figures.Explained{
		{Name: "here", At: "/a", Figure: &figures.Figure{}},
		{Name: "there", At: "/b", Figure: &figures.Figure{}},
		{Name: "both", Figure: &figures.Figure{Field: field("", mapping.Source{Kind: mapping.Derived, Of: []string{"here", "there"}})}},
		{Name: "again", Figure: &figures.Figure{Field: field("", mapping.Source{Kind: mapping.Derived, Of: []string{"here", "both"}})}},
		{Name: "bounded", At: "/a", Figure: &figures.Figure{Field: mapping.Field{Within: []string{"again"}}}},
		{Name: "alone", Figure: &figures.Figure{Field: field("", mapping.Source{Kind: mapping.Derived, Of: []string{"here"}})}},
		{Name: "setting", Figure: &figures.Figure{Field: field("", mapping.Source{Kind: mapping.Setting})}},
	}
	names := func(below usance.Path) (out []string) {
		for _, e := range figures.Visible(list, func(at usance.Path) bool { return at.Within(below) }) {
			out = append(out, e.Name)
		}
		return out
	}
	if got := names("/a"); !slices.Equal(got, []string{"here", "alone"}) {
		t.Errorf("%v", got)
	}
	if got := names("/"); len(got) != len(list) {
		t.Errorf("%v", got)
	}
}
