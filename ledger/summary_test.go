package ledger_test

import (
	"fmt"
	"math/big"
	"math/rand/v2"
	"reflect"
	"testing"
	"time"

	"github.com/usance/usance"
	"github.com/usance/usance/internal/facadetest"
	"github.com/usance/usance/ledger"
	"github.com/usance/usance/registry"
)

// reckoned works a summary out of what the single reads say, as plainly as can be.
func (f *fixture) reckoned(t *testing.T, meter string) ledger.Summary {
	t.Helper()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	defs, err := f.reg.Definitions(t.Context(), acme)
	must(err)
	all := defs.Quotas("/", true)
	want := ledger.Summary{Tenant: defs.Tenant, Quotas: len(all), Looked: len(all)}
	for _, q := range all {
		r, err := f.Report(t.Context(), acme, ledger.Ask{Quotas: []registry.QuotaRef{{Node: q.Node, Meter: q.Meter}}})
		must(err)
		want.Sequence = r.Sequence
		f.reckonQuota(&want, r.Quotas[0].Reading)
	}
	if m, ok := defs.Meter(meter); ok {
		want.Measured, want.Unit = true, m.Unit
		day, _ := usance.DayWindow.Bounds(f.now, defs.Zone)
		before, _ := usance.DayWindow.Bounds(day.Add(-1), defs.Zone)
		want.Today = f.single(t, m, day, f.now)
		want.Yesterday = f.single(t, m, before, f.now.Truncate(time.Minute).Add(-24*time.Hour))
	}
	counts, _, err := f.CountResources(t.Context(), acme, ledger.ResourceFilter{ExpiresFrom: f.now, ExpiresTo: f.now.Add(ledger.Soon)})
	must(err)
	for _, c := range counts {
		want.Expiring += c.Count
	}
	page, err := f.Resources(t.Context(), acme, ledger.ResourceFilter{ExpiresFrom: f.now}, "", 0, 1000)
	must(err)
	for _, r := range page.Resources {
		if want.Next == nil || r.Expires.Before(want.Next.Expires) {
			want.Next = &ledger.Expiry{Resource: r.ID, Expires: r.Expires}
		}
	}
	return want
}

func (f *fixture) single(t *testing.T, m *usance.Meter, from, to time.Time) usance.Sum {
	t.Helper()
	q := ledger.Query{Meter: m.Name, From: from, To: to}
	if m.Aggregation.Stands() {
		q.From = time.Time{}
	} else if !from.Before(to) {
		return usance.Sum{}
	}
	got, err := f.Query(t.Context(), acme, q)
	if err != nil {
		t.Fatal(err)
	}
	return got.Rows[0].Value
}

// reckonQuota compares shares as fractions, by cross-multiplying whole millionths.
func (f *fixture) reckonQuota(s *ledger.Summary, r usance.Reading) {
	if r.Limit == usance.Unlimited {
		return
	}
	taken := max(r.Used, 0) + max(r.Reserved, 0)
	share := func(limit, taken usance.Amount) *big.Int {
		n := new(big.Int).Mul(big.NewInt(taken), big.NewInt(1_000_000))
		return n.Quo(n, big.NewInt(limit))
	}
	x := ledger.Tightness{Quota: r.Quota, Unit: "1", Used: r.Used, Reserved: r.Reserved}
	switch {
	case r.Limit == 0 && taken == 0:
		return
	case r.Limit > 0:
		x.Share = share(r.Limit, taken).Int64()
	}
	switch {
	case taken > r.Limit:
		s.Over++
	case 10*taken >= 8*r.Limit:
		s.Near++
	}
	switch old := s.Tightest; {
	case old == nil, old.Limit > 0 && r.Limit == 0, old.Limit > 0 && x.Share > old.Share:
		s.Tightest = &x
	}
}

var summarized = []usance.Aggregation{usance.AggCount, usance.AggSum, usance.AggMax, usance.AggLevel, usance.AggGauge, usance.AggUnique}

// summaryWorld is a tenant with quotas of every sort, grants and resources.
func summaryWorld(t *testing.T, r *rand.Rand, zone string) *fixture {
	t.Helper()
	e := modelDefinitions()
	windows := []usance.Window{usance.Lifetime, usance.DayWindow, usance.MonthWindow}
	for _, agg := range summarized {
		for _, node := range []usance.Path{"/", "/a", "/a/b"} {
			if r.IntN(3) == 0 || agg == usance.AggMax { // which no quota can have
				continue
			}
			q := usance.Quota{Node: node, Meter: "m." + string(agg), Limit: []usance.Amount{0, 1, 3, 10, 50, usance.Unlimited}[r.IntN(6)], Enforce: usance.Soft, Window: windows[r.IntN(3)]}
			switch {
			case agg.Stands():
				q.Window = usance.Lifetime
			case agg == usance.AggUnique:
				q.Window = windows[1+r.IntN(2)]
			}
			e.Quotas = append(e.Quotas, q)
		}
	}
	return open(t, zone, e)
}

// TestASummarySaysWhatTheSingleReadsSay moves a tenant and its clock at random and
// holds each summary against what quotas, usage and resources say by themselves; and
// a summary from before, as long as it says that it holds, against one of now.
func TestASummarySaysWhatTheSingleReadsSay(t *testing.T) {
	seed := facadetest.Seed(t)
	r := rand.New(rand.NewPCG(seed, 1))
	for round := range 8 {
		f := summaryWorld(t, r, []string{"UTC", "Asia/Kathmandu", "Europe/Berlin", "America/Sao_Paulo"}[round%4])
		if round%4 == 2 { // the clocks change within the days that follow
			f.now = time.Date(2026, 3, 28, 9, 17, 23, 0, time.UTC)
		}
		var n ids
		kept := map[string]ledger.Summary{}
		for range 40 {
			wrote := f.stir(t, r, &n)
			for _, agg := range []usance.Aggregation{summarized[r.IntN(len(summarized))], "nothing"} {
				meter := "m." + string(agg)
				got, err := f.Summary(t.Context(), acme, meter)
				if err != nil {
					t.Fatal(err)
				}
				until := got.Until
				want := f.reckoned(t, meter)
				if old, ok := kept[meter]; ok && !wrote && f.now.Before(old.Until) {
					old.Until = time.Time{}
					same(t, "from before, which still holds", old, want)
				}
				got.Until = time.Time{}
				if want.Sequence == 0 {
					want.Sequence = got.Sequence
				}
				same(t, "of now", got, want)
				got.Until = until
				if wrote {
					clear(kept)
				}
				kept[meter] = got
			}
		}
	}
}

func same(t *testing.T, what string, got, want ledger.Summary) {
	t.Helper()
	if !reflect.DeepEqual(got, want) {
		t.Fatalf("the summary %s is\n%+v %+v %+v\ninstead of\n%+v %+v %+v", what, got, got.Tightest, got.Next, want, want.Tightest, want.Next)
	}
}

// stir lets something happen, or only time pass, and tells whether it wrote.
func (f *fixture) stir(t *testing.T, r *rand.Rand, n *ids) bool {
	t.Helper()
	node := []usance.Path{"/", "/a", "/a/b", "/c"}[r.IntN(4)]
	switch r.IntN(6) {
	case 0, 1:
		for range 1 + r.IntN(4) {
			when := f.now.Add(-time.Duration(r.Int64N(int64(50 * time.Hour))))
			if r.IntN(8) == 0 {
				when = f.now.Add(time.Duration(r.Int64N(int64(3 * time.Hour))))
			}
			f.ingest(t, at(when, n.next(), []string{"t.a", "t.b"}[r.IntN(2)], fmt.Sprint("s", r.IntN(3)), node, fmt.Sprintf(`{"n":%d,"region":"x"}`, r.IntN(9))))
		}
		return true
	case 2:
		res := usance.Resource{ID: fmt.Sprint("r", r.IntN(6)), Node: node, BusinessType: "X", ChargingMode: usance.Periodic, Source: usance.Purchased}
		if r.IntN(5) > 0 {
			res.Expires = f.now.Add(time.Duration(r.Int64N(int64(16*24*time.Hour))) - 24*time.Hour)
		}
		if r.IntN(2) == 0 {
			res.Node, res.Grants = "/a", []usance.Grant{{Meter: "m.sum", Amount: usance.Amount(1 + r.IntN(5))}}
		}
		if _, err := f.PutResource(t.Context(), tester, acme, res, false); err != nil && usance.KindOf(err) != usance.KindInvalid {
			t.Fatal(err)
		}
		return true
	case 3:
		hold := usance.Hold{ID: n.next(), Node: node, Items: []usance.Item{{Meter: "m.level", Amount: usance.Amount(1 + r.IntN(4))}}}
		if _, _, err := f.Reserve(t.Context(), tester, acme, hold, time.Duration(1+r.IntN(90))*time.Minute); err != nil {
			t.Fatal(err)
		}
		return true
	}
	steps := []time.Duration{time.Nanosecond, time.Second, time.Minute, time.Hour, 13 * time.Hour, 3 * 24 * time.Hour}
	f.now = f.now.Add(time.Duration(1 + r.Int64N(int64(steps[r.IntN(len(steps))]))))
	return false
}

// TestASummaryHoldsUntilTheClockChangesIt asks at the last instant that a summary
// says it holds and at the next.
func TestASummaryHoldsUntilTheClockChangesIt(t *testing.T) {
	f := open(t, "Asia/Kathmandu", registry.Edit{})
	begin := f.now
	put := func(id string, expires time.Time) {
		t.Helper()
		r := usance.Resource{ID: id, BusinessType: "X", ChargingMode: usance.Periodic, Source: usance.Purchased, Expires: expires}
		if _, err := f.PutResource(t.Context(), tester, acme, r, true); err != nil {
			t.Fatal(err)
		}
	}
	read := func(at time.Time) ledger.Summary {
		t.Helper()
		f.now = at
		s, err := f.Summary(t.Context(), acme, "meeting.conferences")
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	_, midnight := usance.DayWindow.Bounds(begin, f.zone(t))
	if s := read(begin); !s.Until.Equal(midnight) || s.Next != nil || s.Tightest != nil {
		t.Fatalf("of a tenant that has nothing: %+v", s)
	}
	put("later", begin.Add(ledger.Soon+2*time.Minute))
	put("first", begin.Add(3*time.Minute))
	f.ingest(t, at(begin.Add(-24*time.Hour+30*time.Second), "1", "meeting.conference.started", "", "/", ""))
	minute := begin.Truncate(time.Minute).Add(time.Minute)
	for _, c := range []struct {
		what        string
		from, until time.Time
	}{
		{"a minute more of yesterday", begin, minute},
		{"another expires within a week", minute, begin.Add(2 * time.Minute)}, // yesterday has nothing more to come
		{"the first expires", begin.Add(2 * time.Minute), begin.Add(3*time.Minute + 1)},
	} {
		first := read(c.from)
		if !first.Until.Equal(c.until) {
			t.Fatalf("%s: it holds until %s, want %s", c.what, first.Until, c.until)
		}
		if last := read(c.until.Add(-1)); !reflect.DeepEqual(last.Next, first.Next) || last.Expiring != first.Expiring || last.Yesterday != first.Yesterday {
			t.Errorf("%s: it changed before its time: %+v, %+v", c.what, first, last)
		}
	}
	if s := read(begin.Add(4 * time.Minute)); s.Next == nil || s.Next.Resource != "later" || s.Expiring != 1 || s.Yesterday != usance.SumOf(1) {
		t.Errorf("after all that: %+v %+v", s, s.Next)
	}
}

// TestASummaryLooksAtNoMoreQuotasThanItsBound and says so.
func TestASummaryLooksAtNoMoreQuotasThanItsBound(t *testing.T) {
	var e registry.Edit
	for i := range usance.MaxSummaryQuotas + 2 {
		e.Quotas = append(e.Quotas, usance.Quota{Node: usance.Path(fmt.Sprintf("/n/%06d", i)), Meter: "vm.num", Limit: usance.Amount(10 + i%2)})
	}
	f := open(t, "UTC", e)
	last := usance.MaxSummaryQuotas - 1
	gauge := func(i, n int) ledger.Incoming {
		return at(f.now, fmt.Sprint(i), "usance.gauge", "s", usance.Path(fmt.Sprintf("/n/%06d", i)), fmt.Sprintf(`{"meter":"vm.num","value":%d}`, n))
	}
	f.ingest(t, gauge(last, 99), gauge(last+1, 1000), gauge(1500, 9))
	s, err := f.Summary(t.Context(), acme, "")
	if err != nil {
		t.Fatal(err)
	}
	if s.Quotas != usance.MaxSummaryQuotas+2 || s.Looked != usance.MaxSummaryQuotas || s.Over != 1 || s.Near != 1 || s.Measured ||
		s.Tightest == nil || s.Tightest.Node != usance.Path(fmt.Sprintf("/n/%06d", last)) || s.Tightest.Used != 99 {
		t.Fatalf("%+v %+v", s, s.Tightest)
	}
	if _, err := f.Summary(t.Context(), "nobody", ""); usance.KindOf(err) != usance.KindNotFound {
		t.Errorf("of no tenant: %v", err)
	}
}
