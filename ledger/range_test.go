package ledger_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/usance/usance"
	"github.com/usance/usance/internal/facadetest"
	"github.com/usance/usance/ledger"
	"github.com/usance/usance/registry"
	"github.com/usance/usance/store"
	"github.com/usance/usance/store/pebblestore"
)

// smallBatches makes the ledger void ranges a few events at a time.
func (f *fixture) smallBatches(n int) {
	f.Ledger = ledger.New(f.st, f.reg, ledger.Options{Now: func() time.Time { return f.now }, RangeBatch: n})
}

// randomFilter selects some of the model's events.
func randomFilter(r *rand.Rand, zone *time.Location) ledger.RangeFilter {
	day := time.Date(2026, 2, 27, 0, 0, 0, 0, zone)
	f := ledger.RangeFilter{Source: "test"}
	if r.IntN(2) == 0 {
		f.Type = []string{"t.a", "t.b"}[r.IntN(2)]
	}
	if r.IntN(3) == 0 {
		f.Subject = &modelSubjects[r.IntN(len(modelSubjects))]
	}
	if r.IntN(2) == 0 {
		f.Node = modelNodes[r.IntN(len(modelNodes))]
	}
	if r.IntN(3) > 0 {
		f.From = day.Add(time.Duration(r.Int64N(int64(250 * time.Hour))))
		f.To = f.From.Add(time.Duration(1 + r.Int64N(int64(150*time.Hour))))
	}
	return f
}

func selects(f ledger.RangeFilter, e fact) bool {
	return (f.Type == "" || f.Type == e.Type) && (f.Subject == nil || *f.Subject == e.Subject) && (f.Node == "" || e.Node.Within(f.Node)) &&
		(f.From.IsZero() || !e.Time.Before(f.From)) && (f.To.IsZero() || e.Time.Before(f.To))
}

// finish does what is left of a correction.
func (f *fixture) finish(t *testing.T, id string) ledger.RangeCorrection {
	t.Helper()
	for {
		c, _, err := f.Range(t.Context(), acme, id)
		if err != nil {
			t.Fatal(err)
		}
		if c.State != ledger.RangeApplying && c.State != ledger.RangeReverting {
			return c
		}
		done := c.Done
		if err := f.Sweep(t.Context()); err != nil {
			t.Fatal(err)
		}
		if c, _, err = f.Range(t.Context(), acme, id); err != nil || c.Done == done && (c.State == ledger.RangeApplying || c.State == ledger.RangeReverting) {
			t.Fatalf("a sweep did nothing for %+v: %v", c, err)
		}
	}
}

// ranges are the corrections of a model: what each took out of it.
type ranges map[string][]fact

// void voids a random range and takes its events out of the model.
func (g ranges) void(t *testing.T, f *fixture, m *model, r *rand.Rand, n *ids, zone *time.Location) {
	t.Helper()
	filter := randomFilter(r, zone)
	propose := func() ledger.RangeCorrection {
		c, _, err := f.ProposeRange(t.Context(), tester, acme, filter, "test")
		if err != nil {
			t.Fatal(err)
		}
		var goes, amended uint64
		for _, e := range m.facts {
			switch {
			case !selects(filter, e):
			case e.amended:
				amended++
			default:
				goes++
			}
		}
		if c.Events != goes || c.Amended != amended {
			t.Fatalf("%+v: %d events and %d amended; the model says %d and %d", filter, c.Events, c.Amended, goes, amended)
		}
		checkChanges(t, m, filter, c)
		return c
	}
	c := propose()
	if r.IntN(4) == 0 { // something else that matches comes before it is approved
		e := newModelFact(r, n, zone)
		m.facts = append(m.facts, e)
		f.ingest(t, e.Incoming)
		_, _, err := f.ApproveRange(t.Context(), tester, acme, c.ID)
		if selects(filter, e) {
			if usance.KindOf(err) != usance.KindConflict {
				t.Fatalf("approved though another event matches: %v", err)
			}
			if _, err := f.DiscardRange(t.Context(), tester, acme, c.ID); err != nil {
				t.Fatal(err)
			}
			c = propose()
		}
	}
	if _, _, err := f.ApproveRange(t.Context(), tester, acme, c.ID); err != nil {
		t.Fatal(err)
	}
	c = f.finish(t, c.ID)
	if c.State != ledger.RangeApplied || c.Done != c.Events || c.Passed != 0 {
		t.Fatalf("%+v", c)
	}
	m.facts = slices.DeleteFunc(m.facts, func(e fact) bool {
		if gone := !e.amended && selects(filter, e); gone {
			g[c.ID] = append(g[c.ID], e)
			return true
		}
		return false
	})
}

// revert brings the events of a random correction back.
func (g ranges) revert(t *testing.T, f *fixture, m *model, r *rand.Rand) {
	t.Helper()
	var all []string
	for id := range g {
		all = append(all, id)
	}
	if len(all) == 0 {
		return
	}
	slices.Sort(all)
	id := all[r.IntN(len(all))]
	if _, _, err := f.RevertRange(t.Context(), tester, acme, id); err != nil {
		t.Fatal(err)
	}
	if c := f.finish(t, id); c.State != ledger.RangeReverted || c.Done != uint64(len(g[id])) {
		t.Fatalf("%+v; %d events were to come back", c, len(g[id]))
	}
	m.facts = append(m.facts, g[id]...)
	delete(g, id)
}

// checkChanges compares what a preview says of each meter and node with the model.
func checkChanges(t *testing.T, m *model, filter ledger.RangeFilter, c ledger.RangeCorrection) {
	t.Helper()
	for _, change := range c.Changes {
		agg := usance.Aggregation(strings.TrimPrefix(change.Meter, "m."))
		var before, after []fact
		events := uint64(0)
		for _, e := range m.matching(agg, change.Node, nil, "", time.Time{}, time.Time{}) {
			if !filter.From.IsZero() && e.Time.Before(filter.From) || !filter.To.IsZero() && !e.Time.Before(filter.To) {
				continue
			}
			before = append(before, e)
			if e.amended || !selects(filter, e) {
				after = append(after, e)
			} else {
				events++
			}
		}
		if change.Events != events || events == 0 {
			t.Fatalf("%+v: %d events of the model go", change, events)
		}
		if agg == usance.AggGauge {
			if change.Before != nil || change.After != nil {
				t.Fatalf("%+v", change)
			}
			continue
		}
		if got, want := fmt.Sprint(change.Before, " ", change.After), fmt.Sprint(m.value(agg, before), " ", m.value(agg, after)); got != want {
			t.Fatalf("%s at %s: preview %s, the model says %s", change.Meter, change.Node, got, want)
		}
	}
}

// TestRangesVoidedAndBroughtBackLeaveTheFoldOfTheRest voids random ranges among
// other events and corrections, brings some back, and asks the model about now and
// about earlier moments.
func TestRangesVoidedAndBroughtBackLeaveTheFoldOfTheRest(t *testing.T) {
	for _, name := range []string{"UTC", "America/St_Johns"} {
		t.Run(strings.ReplaceAll(name, "/", "-"), func(t *testing.T) {
			seed := facadetest.Seed(t)
			r := rand.New(rand.NewPCG(seed, 21))
			zone, err := time.LoadLocation(name)
			if err != nil {
				t.Fatal(err)
			}
			f := open(t, name, modelDefinitions())
			f.smallBatches(7)
			type moment struct {
				sequence uint64
				model    *model
			}
			g, n := ranges{}, ids(0)
			m := &model{away: g}
			var past []moment
			rounds := 14
			if short() {
				rounds = 5
			}
			for range rounds {
				f.now = f.now.Add(time.Minute)
				var batch []ledger.Incoming
				for range 1 + r.IntN(60) {
					e := newModelFact(r, &n, zone)
					m.facts = append(m.facts, e)
					batch = append(batch, e.Incoming)
				}
				f.ingest(t, batch...)
				for range r.IntN(4) {
					m.correct(t, f, r, zone)
				}
				if r.IntN(3) > 0 {
					g.void(t, f, m, r, &n, zone)
				}
				if r.IntN(3) == 0 {
					g.revert(t, f, m, r)
				}
				if r.IntN(3) == 0 {
					m.move(t, f, r)
				}
				sequence, err := f.Sequence(t.Context(), acme)
				if err != nil {
					t.Fatal(err)
				}
				past = append(past, moment{sequence, &model{facts: slices.Clone(m.facts)}})
				for range 20 {
					askModel(t, f, m, r, zone, 0)
				}
				for range 4 {
					then := past[r.IntN(len(past))]
					askModel(t, f, then.model, r, zone, then.sequence)
				}
			}
			if v := verify(t, f); v.Fault != "" {
				t.Error(v.Fault)
			}
		})
	}
}

// manyEvents sends events of one source over some days, and returns how many.
func (f *fixture) manyEvents(t *testing.T, n int) {
	t.Helper()
	var batch []ledger.Incoming
	for i := range n {
		when := time.Date(2026, 2, 27, 0, 0, 0, 0, time.UTC).Add(time.Duration(i*37%7000) * time.Minute)
		batch = append(batch, at(when, fmt.Sprint("many-", i), "t.a", fmt.Sprint("u", i%5), "/a/b", fmt.Sprintf(`{"n":%d,"region":"eu"}`, i%11)))
	}
	f.ingest(t, batch...)
}

// TestARangeThatWasBrokenOffGoesOnWhereItWas loses the store's power once some
// events are voided, while the call that voids them goes on, and again when they
// are brought back, and goes on with what is left.
func TestARangeThatWasBrokenOffGoesOnWhereItWas(t *testing.T) {
	for _, enough := range []uint64{1, 50, 200} {
		st, crash := crashable(t)
		f := &fixture{now: time.Date(2026, 3, 10, 9, 17, 23, 0, time.UTC)}
		f.build(t, st)
		edit := modelDefinitions()
		edit.Tenant = &usance.Tenant{Name: "Acme", Timezone: "Asia/Kathmandu"}
		if _, err := f.reg.Edit(t.Context(), tester, acme, edit); err != nil {
			t.Fatal(err)
		}
		f.smallBatches(10)
		f.manyEvents(t, 500)
		f.ingest(t, at(noon, "stays", "t.a", "u", "/a", `{"n":3,"region":"us"}`))
		before := f.numbers(t)
		c, _, err := f.ProposeRange(t.Context(), tester, acme, ledger.RangeFilter{Subject: nil, Node: "/a/b", Type: "t.a"}, "")
		if err != nil || c.Events != 500 {
			t.Fatal(c, err)
		}
		start := map[bool]func() error{
			true:  func() error { _, _, err := f.ApproveRange(t.Context(), tester, acme, c.ID); return err },
			false: func() error { _, _, err := f.RevertRange(t.Context(), tester, acme, c.ID); return err },
		}
		for _, voids := range []bool{true, false} {
			// The call does 20 batches of 10, unless its power is cut before.
			ended := make(chan error, 1)
			go func() { ended <- start[voids]() }()
			for done := uint64(0); done < enough; {
				c, _, err := f.Range(t.Context(), acme, c.ID)
				if err != nil {
					t.Fatal(err)
				}
				if c.State == map[bool]ledger.RangeState{true: ledger.RangeApplying, false: ledger.RangeReverting}[voids] {
					done = c.Done
				}
			}
			cut := crash()
			if err := <-ended; err != nil {
				t.Fatal(err)
			}
			f.build(t, cut)
			f.smallBatches(10)
			half, _, err := f.Range(t.Context(), acme, c.ID)
			if err != nil || half.Done < enough || half.Done > 200 {
				t.Fatalf("%+v, %v", half, err)
			}
			if v := verify(t, f); v.Fault != "" {
				t.Fatalf("half done: %s", v.Fault)
			}
			want := map[bool]ledger.RangeState{true: ledger.RangeApplied, false: ledger.RangeReverted}[voids]
			if done := f.finish(t, c.ID); done.State != want || done.Done != 500 {
				t.Fatalf("%+v", done)
			}
			if voids {
				if n := f.measure(t, ledger.Measure{Meter: "m.count"}); n != 1 {
					t.Errorf("%d events count", n)
				}
			}
			if v := verify(t, f); v.Fault != "" {
				t.Fatal(v.Fault)
			}
		}
		if after := f.numbers(t); after != before {
			t.Errorf("brought back: %s, before %s", after, before)
		}
	}
}

// numbers is what every meter says.
func (f *fixture) numbers(t *testing.T) string {
	t.Helper()
	var out []string
	for _, agg := range modelMeters {
		a, err := f.Query(t.Context(), acme, ledger.Query{Meter: "m." + string(agg), GroupBy: []string{"region"}, Window: usance.DayWindow})
		if err != nil {
			t.Fatal(err)
		}
		for _, row := range a.Rows {
			out = append(out, fmt.Sprint(agg, row.From, row.Group, row.Value))
		}
	}
	return strings.Join(out, "\n")
}

func TestACorrectionOfARangeGoesItsWayOnce(t *testing.T) {
	f := open(t, "UTC", modelDefinitions())
	f.manyEvents(t, 30)
	filter := ledger.RangeFilter{Source: "test"}
	one, _, err := f.ProposeRange(t.Context(), tester, acme, filter, "a wrong clock")
	if err != nil {
		t.Fatal(err)
	}
	two, _, err := f.ProposeRange(t.Context(), tester, acme, filter, "")
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := f.RevertRange(t.Context(), tester, acme, one.ID); usance.KindOf(err) != usance.KindConflict {
		t.Errorf("reverted though it was not applied: %v", err)
	}
	for range 2 { // again changes nothing
		if c, _, err := f.ApproveRange(t.Context(), tester, acme, one.ID); err != nil || c.State != ledger.RangeApplied || c.Done != 30 || c.Approved == nil || c.Reason != "a wrong clock" {
			t.Fatal(c, err)
		}
	}
	if _, _, err := f.ApproveRange(t.Context(), tester, acme, two.ID); usance.KindOf(err) != usance.KindConflict {
		t.Errorf("the same events were voided twice: %v", err)
	}
	if _, err := f.DiscardRange(t.Context(), tester, acme, one.ID); usance.KindOf(err) != usance.KindConflict {
		t.Errorf("discarded though it was applied: %v", err)
	}
	again, _, err := f.ProposeRange(t.Context(), tester, acme, filter, "")
	if err != nil || again.Events != 0 || again.Voided != 30 {
		t.Errorf("%+v, %v", again, err)
	}
	page, err := f.Events(t.Context(), acme, ledger.EventFilter{Limit: 1})
	if err != nil || !page.Events[0].Voided || page.Events[0].Correction != one.ID {
		t.Errorf("%+v, %v", page, err)
	}
	e := page.Events[0]
	subject := "x"
	if _, _, err := f.Amend(t.Context(), tester, acme, e.Source, e.ID, "", ledger.Amendment{Subject: &subject}); usance.KindOf(err) != usance.KindConflict {
		t.Errorf("amended though it was voided: %v", err)
	}
	for range 2 {
		if c, _, err := f.RevertRange(t.Context(), tester, acme, one.ID); err != nil || c.State != ledger.RangeReverted || c.Done != 30 {
			t.Fatal(c, err)
		}
	}
	if page, err = f.Events(t.Context(), acme, ledger.EventFilter{Limit: 1}); err != nil || page.Events[0].Voided || page.Events[0].Amended {
		t.Errorf("%+v, %v", page, err)
	}
	if _, _, err := f.ApproveRange(t.Context(), tester, acme, one.ID); usance.KindOf(err) != usance.KindConflict {
		t.Errorf("approved though it was reverted: %v", err)
	}
	if _, _, err := f.Void(t.Context(), tester, acme, e.Source, e.ID, "by itself"); err != nil {
		t.Fatal(err)
	}
	var ops []string
	audit, err := f.Audit(t.Context(), acme, ledger.AuditFilter{Type: "correction", Limit: 100})
	if err != nil {
		t.Fatal(err)
	}
	for _, a := range slices.Backward(audit.Entries) {
		ops = append(ops, a.Op)
	}
	if got := strings.Join(ops, " "); got != "propose propose approve void propose revert restore" {
		t.Errorf("the audit has %s", got)
	}
	if v := verify(t, f); v.Fault != "" {
		t.Error(v.Fault)
	}
}

// TestAnEventCorrectedMeanwhileIsPassedOver amends and voids events of a range that
// is under way.
func TestAnEventCorrectedMeanwhileIsPassedOver(t *testing.T) {
	f := open(t, "UTC", modelDefinitions())
	f.manyEvents(t, 300)
	f.smallBatches(10)
	c, _, err := f.ProposeRange(t.Context(), tester, acme, ledger.RangeFilter{Source: "test"}, "")
	if err != nil {
		t.Fatal(err)
	}
	if c, _, err = f.ApproveRange(t.Context(), tester, acme, c.ID); err != nil || c.State != ledger.RangeApplying || c.Done != 200 {
		t.Fatal(c, err)
	}
	page, err := f.Events(t.Context(), acme, ledger.EventFilter{Limit: 2}) // the newest come last
	if err != nil || page.Events[0].Voided {
		t.Fatal(page, err)
	}
	if _, _, err := f.Void(t.Context(), tester, acme, "test", page.Events[0].ID, ""); err != nil {
		t.Fatal(err)
	}
	if _, _, err := f.Amend(t.Context(), tester, acme, "test", page.Events[1].ID, "", ledger.Amendment{Data: []byte(`{"n":77,"region":"us"}`)}); err != nil {
		t.Fatal(err)
	}
	if c = f.finish(t, c.ID); c.Done != 298 || c.Passed != 2 {
		t.Errorf("%+v", c)
	}
	if n := f.measure(t, ledger.Measure{Meter: "m.sum"}); n != 77 {
		t.Errorf("%d is left, want 77", n)
	}
	if _, _, err := f.RevertRange(t.Context(), tester, acme, c.ID); err != nil {
		t.Fatal(err)
	}
	if c = f.finish(t, c.ID); c.Done != 298 {
		t.Errorf("%+v", c)
	}
	if n := f.measure(t, ledger.Measure{Meter: "m.count"}); n != 299 {
		t.Errorf("%d events count, want 299", n)
	}
	if v := verify(t, f); v.Fault != "" {
		t.Error(v.Fault)
	}
}

// TestASweptTenantIsForgottenWhenNothingIsUnderWay keeps the sweep from looking at
// tenants for ever.
func TestASweptTenantIsForgottenWhenNothingIsUnderWay(t *testing.T) {
	f := open(t, "UTC", modelDefinitions())
	f.manyEvents(t, 3)
	c, _, err := f.ProposeRange(t.Context(), tester, acme, ledger.RangeFilter{Source: "test"}, "")
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := f.ApproveRange(t.Context(), tester, acme, c.ID); err != nil {
		t.Fatal(err)
	}
	marks := func() int {
		if err := f.Sweep(t.Context()); err != nil {
			t.Fatal(err)
		}
		rows, err := f.st.Load(t.Context(), usance.System, store.Keys{Ranges: []store.Range{{Table: store.Ranges}}})
		if err != nil {
			t.Fatal(err)
		}
		return len(rows.Range(0))
	}
	if n := marks(); n != 1 {
		t.Errorf("%d tenants are marked", n)
	}
	f.now = f.now.Add(time.Hour)
	if n := marks(); n != 0 {
		t.Errorf("%d tenants are marked though nothing is under way", n)
	}
}

func TestARangeIsToNameWhatItTakes(t *testing.T) {
	f := open(t, "UTC", registry.Edit{})
	for name, filter := range map[string]ledger.RangeFilter{
		"nothing":       {},
		"an open end":   {From: noon},
		"times crossed": {From: noon, To: noon.Add(-time.Hour)},
		"a bad node":    {Source: "s", Node: "a"},
		"a long source": {Source: strings.Repeat("s", usance.MaxSourceBytes+1)},
	} {
		if _, _, err := f.ProposeRange(t.Context(), tester, acme, filter, ""); usance.KindOf(err) != usance.KindInvalid {
			t.Errorf("%s: %v", name, err)
		}
	}
	for _, id := range []string{"", "c", "c0", "c1", "x1", "c01", "c18446744073709551616"} {
		if _, _, err := f.Range(t.Context(), acme, id); usance.KindOf(err) != usance.KindNotFound {
			t.Errorf("%q: %v", id, err)
		}
	}
}

// crashable opens a store whose power can be cut: crash returns it as it is after
// that, with what was not synced gone.
func crashable(t *testing.T) (st *pebblestore.Store, crash func() *pebblestore.Store) {
	t.Helper()
	fs := vfs.NewCrashableMem()
	open := func(fs vfs.FS) *pebblestore.Store {
		st, err := pebblestore.Open("db", pebblestore.Options{FS: fs, CacheBytes: 1 << 20, MemTableBytes: 4 << 20})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = st.Close() })
		return st
	}
	return open(fs), func() *pebblestore.Store {
		fs = fs.CrashClone(vfs.CrashCloneCfg{UnsyncedDataPercent: 0})
		return open(fs)
	}
}
