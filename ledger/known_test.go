package ledger_test

import (
	"fmt"
	"math/rand/v2"
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/usance/usance"
	"github.com/usance/usance/internal/facadetest"
	"github.com/usance/usance/ledger"
	"github.com/usance/usance/registry"
)

// told is what a tenant was told at a moment.
type told struct {
	now       time.Time
	sequence  uint64 // 0 unless its entry was recorded at now
	quotas    []ledger.QuotaReading
	refs      []registry.QuotaRef
	usage     map[string][]ledger.Row
	counts    []ledger.ResourceCount
	resources []usance.Resource
	below     []usance.Resource // and those at and below /a
	events    []ledger.StoredEvent
}

// knownQueries are the questions about usage that each moment is asked.
func knownQueries() map[string]ledger.Query {
	out := map[string]ledger.Query{}
	for _, agg := range modelMeters {
		for _, node := range []usance.Path{"/", "/a/b"} {
			out[fmt.Sprint("whole ", agg, node)] = ledger.Query{Meter: "m." + string(agg), Node: node}
			out[fmt.Sprint("days ", agg, node)] = ledger.Query{Meter: "m." + string(agg), Node: node, Window: usance.DayWindow,
				From: time.Date(2026, 2, 27, 0, 0, 0, 0, time.UTC), To: time.Date(2026, 3, 12, 0, 0, 0, 0, time.UTC)}
		}
	}
	return out
}

func knownDefinitions() registry.Edit {
	edit := modelDefinitions()
	charges := chargeDefinitions()
	edit.Meters, edit.Quotas = append(edit.Meters, charges.Meters...), charges.Quotas
	for _, agg := range modelMeters {
		for i, w := range []usance.Window{usance.Lifetime, usance.DayWindow, usance.MonthWindow} {
			if agg.Quotable() && (w == usance.Lifetime || !agg.Stands()) && (w != usance.Lifetime || agg != usance.AggUnique) {
				edit.Quotas = append(edit.Quotas, usance.Quota{Node: []usance.Path{"/", "/a", "/a/b"}[i], Meter: "m." + string(agg), Limit: 1000, Window: w, Enforce: usance.Soft})
			}
		}
	}
	return edit
}

func (f *fixture) tell(t *testing.T) told {
	t.Helper()
	out := told{now: f.now, usage: map[string][]ledger.Row{}}
	defs, err := f.reg.Definitions(t.Context(), acme)
	if err != nil {
		t.Fatal(err)
	}
	for _, q := range defs.Quotas("/", true) {
		out.refs = append(out.refs, registry.QuotaRef{Node: q.Node, Meter: q.Meter})
	}
	r, err := f.Report(t.Context(), acme, ledger.Ask{Quotas: out.refs})
	if err != nil {
		t.Fatal(err)
	}
	out.quotas = r.Quotas
	for name, q := range knownQueries() {
		a, err := f.Query(t.Context(), acme, q)
		if err != nil {
			t.Fatal(err)
		}
		for i := range a.Rows {
			a.Rows[i].Restated = time.Time{} // answers about the past carry no marks
		}
		out.usage[name] = a.Rows
	}
	if out.counts, _, err = f.CountResources(t.Context(), acme, soon(f.now)); err != nil {
		t.Fatal(err)
	}
	out.resources = f.pages(t, soon(f.now), ledger.Moment{})
	out.below = f.pages(t, soonBelow(f.now), ledger.Moment{})
	page, err := f.Events(t.Context(), acme, ledger.EventFilter{Limit: 50})
	if err != nil {
		t.Fatal(err)
	}
	out.events = page.Events
	if m, err := f.MomentOf(t.Context(), acme, r.Sequence, time.Time{}); err == nil && m.Time.Equal(f.now) {
		out.sequence = r.Sequence
	}
	return out
}

func soon(now time.Time) ledger.ResourceFilter {
	return ledger.ResourceFilter{ExpiresFrom: now, ExpiresTo: now.Add(48 * time.Hour)}
}

func soonBelow(now time.Time) ledger.ResourceFilter {
	f := soon(now)
	f.Node, f.Recursive = "/a", true
	return f
}

// pages lists resources two at a time.
func (f *fixture) pages(t *testing.T, filter ledger.ResourceFilter, m ledger.Moment) (out []usance.Resource) {
	t.Helper()
	for cursor := ""; ; {
		page, err := f.ResourcesAt(t.Context(), acme, filter, m, cursor, 2)
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, page.Resources...)
		if cursor = page.Next; cursor == "" {
			counts, _, err := f.CountResourcesAt(t.Context(), acme, filter, m)
			if err != nil {
				t.Fatal(err)
			}
			sum := int64(0)
			for _, c := range counts {
				sum += c.Count
			}
			if sum != int64(len(out)) || filter.Node == "" && sum != page.Total {
				t.Fatalf("%d resources in all, and a total of %d", len(out), page.Total)
			}
			return out
		}
	}
}

// recall asks for what was told and compares.
func (f *fixture) recall(t *testing.T, then told, m ledger.Moment) {
	t.Helper()
	got, err := f.QuotasAt(t.Context(), acme, then.refs, m)
	if err != nil {
		t.Fatal(err)
	}
	for i, q := range got.Quotas {
		if !reflect.DeepEqual(q, then.quotas[i]) {
			t.Fatalf("at %+v: quota\n%+v; then it was told\n%+v", m, q, then.quotas[i])
		}
	}
	for name, q := range knownQueries() {
		q.AsOf, q.Clock = m.Sequence, m.Time
		a, err := f.Query(t.Context(), acme, q)
		if err != nil {
			t.Fatal(err)
		}
		if a.Sequence != m.Sequence || !reflect.DeepEqual(a.Rows, then.usage[name]) {
			t.Fatalf("at %+v: %s\n%+v; then it was told\n%+v", m, name, a.Rows, then.usage[name])
		}
	}
	counts, _, err := f.CountResourcesAt(t.Context(), acme, soon(then.now), m)
	if err != nil || !slices.Equal(counts, then.counts) {
		t.Fatalf("at %+v: %v resources, %v; then there were %v", m, counts, err, then.counts)
	}
	if list := f.pages(t, soonBelow(then.now), m); !reflect.DeepEqual(list, then.below) {
		t.Fatalf("at %+v: resources below /a\n%+v; then\n%+v", m, list, then.below)
	}
	if list := f.pages(t, soon(then.now), m); !reflect.DeepEqual(list, then.resources) {
		t.Fatalf("at %+v: resources\n%+v; then\n%+v", m, list, then.resources)
	}
	page, err := f.Events(t.Context(), acme, ledger.EventFilter{Limit: 50, AsOf: m.Sequence})
	if err != nil || !reflect.DeepEqual(page.Events, then.events) {
		t.Fatalf("at %+v: %v, events\n%+v; then\n%+v", m, err, page.Events, then.events)
	}
}

// TestWhatWasToldThenIsToldAgain does a bit of everything at random, writes down
// what each quota, meter and resource said after every step, and asks for a few
// of those moments again after each.
func TestWhatWasToldThenIsToldAgain(t *testing.T) {
	seed := facadetest.Seed(t)
	r := rand.New(rand.NewPCG(seed, 11))
	f := open(t, "Asia/Kathmandu", knownDefinitions())
	var n ids
	var sent []ledger.Incoming
	var past []told
	steps := 40
	if short() {
		steps = 15
	}
	for i := range steps {
		f.now = f.now.Add(time.Duration(1+r.IntN(9000)) * time.Second)
		f.anything(t, r, i, &n, &sent)
		past = append(past, f.tell(t))
		for range 2 {
			then := past[r.IntN(len(past))]
			m, err := f.MomentOf(t.Context(), acme, 0, then.now)
			if err != nil {
				t.Fatal(err)
			}
			f.recall(t, then, m)
			if then.sequence != 0 {
				if m, err = f.MomentOf(t.Context(), acme, then.sequence, time.Time{}); err != nil {
					t.Fatal(err)
				}
				f.recall(t, then, m)
			}
		}
	}
	if v := verify(t, f); v.Fault != "" {
		t.Error(v.Fault)
	}
}

// anything does one thing of many.
func (f *fixture) anything(t *testing.T, r *rand.Rand, i int, n *ids, sent *[]ledger.Incoming) {
	t.Helper()
	refusable := func(err error) {
		t.Helper()
		switch usance.KindOf(err) {
		case usance.KindExceeded, usance.KindConflict, usance.KindNotFound:
		default:
			if err != nil {
				t.Fatal(err)
			}
		}
	}
	var err error
	some := func() ledger.Incoming { return (*sent)[r.IntN(len(*sent))] }
	switch k := r.IntN(10); {
	case k < 3 || len(*sent) == 0:
		var batch []ledger.Incoming
		for range 1 + r.IntN(12) {
			fact := newModelFact(r, n, time.UTC)
			if r.IntN(2) == 0 { // in the windows of now, too
				fact.Time = f.now.Add(-time.Duration(r.IntN(20)) * time.Hour)
			}
			batch = append(batch, fact.Incoming)
		}
		f.ingest(t, batch...)
		*sent = append(*sent, batch...)
	case k == 3:
		_, err = f.Charge(t.Context(), tester, acme, ledger.Charge{ID: fmt.Sprint("c", i), Node: chargeNodes[r.IntN(len(chargeNodes))], Items: randomItems(r), Mode: usance.ChargeBestEffort})
	case k == 4:
		h := usance.Hold{ID: fmt.Sprint("h", i), Node: chargeNodes[r.IntN(len(chargeNodes))], Items: randomItems(r)}
		_, _, err = f.Reserve(t.Context(), tester, acme, h, time.Duration(1+r.IntN(40000))*time.Second)
	case k == 5:
		_, _, err = f.Settle(t.Context(), tester, acme, fmt.Sprint("h", r.IntN(i+1)), nil, false, 0)
	case k == 6:
		e := some()
		_, _, err = f.Void(t.Context(), tester, acme, e.Source, e.ID, "")
	case k == 7:
		e, next := some(), newModelFact(r, new(ids), time.UTC)
		_, _, err = f.Amend(t.Context(), tester, acme, e.Source, e.ID, "", ledger.Amendment{Time: &next.Time, Data: next.Data, Node: &next.Node})
	case k == 8:
		q := knownDefinitions().Quotas
		one := q[r.IntN(len(q))]
		one.Limit += r.Int64N(500)
		_, err = f.reg.Edit(t.Context(), tester, acme, registry.Edit{Quotas: []usance.Quota{one}})
	default:
		id := fmt.Sprint("r", r.IntN(7))
		if r.IntN(3) == 0 {
			_, err = f.DeleteResource(t.Context(), tester, acme, id)
			break
		}
		node := []usance.Path{"/", "/a", "/a/b"}[r.IntN(3)]
		_, err = f.PutResource(t.Context(), tester, acme, usance.Resource{ID: id, Node: node, BusinessType: []string{"LIVE_2D", "x"}[r.IntN(2)], ChargingMode: usance.OneTime,
			Source: usance.Purchased, Expires: f.now.Add(time.Duration(r.IntN(60)) * time.Hour), Frozen: r.IntN(6) == 0,
			Grants: []usance.Grant{{Meter: "seats", Amount: 1 + r.Int64N(20)}, {Meter: "tokens", Node: max(node, "/a"), Amount: 1 + r.Int64N(20)}}}, false)
	}
	refusable(err)
}

func TestAMomentIsOneThatHasBeen(t *testing.T) {
	f := open(t, "UTC", registry.Edit{})
	began := f.now
	f.now = f.now.Add(time.Hour)
	f.ingest(t, at(f.now, "1", "t", "", "/", ""))
	newest, err := f.Sequence(t.Context(), acme)
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		sequence uint64
		at       time.Time
		kind     usance.Kind
	}{
		"both":                    {1, f.now, usance.KindInvalid},
		"a sequence to come":      {newest + 1, time.Time{}, usance.KindInvalid},
		"a time to come":          {0, f.now.Add(time.Second), usance.KindInvalid},
		"before the tenant began": {0, began.Add(-time.Nanosecond), usance.KindNotFound},
	} {
		if _, err := f.MomentOf(t.Context(), acme, c.sequence, c.at); err == nil || usance.KindOf(err) != c.kind {
			t.Errorf("%s: %v", name, err)
		}
	}
	if m, err := f.MomentOf(t.Context(), acme, 0, began.Add(time.Minute)); err != nil || m.Sequence != newest-1 || !m.Time.Equal(began.Add(time.Minute)) {
		t.Errorf("%+v, %v", m, err)
	}
}
