package ledger_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/usance/usance"
	"github.com/usance/usance/ledger"
	"github.com/usance/usance/store"
)

// TestAWindowCorrectedAfterItWasOverIsRestated voids, amends and voids a range, and
// looks which days say so, in a zone whose days are not those of UTC.
func TestAWindowCorrectedAfterItWasOverIsRestated(t *testing.T) {
	f := open(t, "Asia/Kathmandu", modelDefinitions())
	zone, err := time.LoadLocation("Asia/Kathmandu")
	if err != nil {
		t.Fatal(err)
	}
	day := func(n int) time.Time { return time.Date(2026, 3, n, 0, 0, 0, 0, zone) }
	for n := 1; n <= 10; n++ { // two a day, an hour after midnight and one before the next
		f.ingest(t, at(day(n).Add(time.Hour), fmt.Sprint("early-", n), "t.a", "u", "/a", `{"n":5,"region":"eu"}`),
			at(day(n).Add(23*time.Hour), fmt.Sprint("late-", n), "t.a", "u", "/b", `{"n":7,"region":"us"}`))
	}
	f.ingest(t, at(day(3).Add(2*time.Hour), "more", "t.a", "v", "/a", `{"n":6,"region":"eu"}`)) // the day is not empty without the other
	restated := func(q ledger.Query) string {
		t.Helper()
		q.Window, q.Zone, q.From, q.To = usance.DayWindow, zone, day(1), day(11)
		a, err := f.Query(t.Context(), acme, q)
		if err != nil {
			t.Fatal(err)
		}
		out := ""
		for _, row := range a.Rows {
			if !row.Restated.IsZero() {
				out += fmt.Sprint(row.From.In(zone).Day(), row.Group["region"], "@", row.Restated.Unix()-f.now.Unix(), " ")
			}
		}
		return out
	}
	want := func(q ledger.Query, days string) {
		t.Helper()
		if got := restated(q); got != days {
			t.Errorf("%+v: restated %q, want %q", q, got, days)
		}
	}
	sum := ledger.Query{Meter: "m.sum"}
	want(sum, "")
	do := func(_ ledger.StoredEvent, _ uint64, err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	do(f.Void(t.Context(), tester, acme, "test", "early-3", ""))
	do(f.Void(t.Context(), tester, acme, "test", "early-10", "")) // its day is not over
	for _, meter := range []string{"m.sum", "m.count", "m.unique", "m.min", "m.max", "m.average"} {
		want(ledger.Query{Meter: meter}, "3@0 ")
		want(ledger.Query{Meter: meter, Node: "/a"}, "3@0 ")
		want(ledger.Query{Meter: meter, Node: "/b"}, "")
		want(ledger.Query{Meter: meter, GroupBy: []string{"region"}}, "3eu@0 ")
	}
	want(ledger.Query{Meter: "m.level"}, "3@0 4@0 5@0 6@0 7@0 8@0 9@0 ") // what stands stands on all before

	f.now = f.now.Add(time.Hour)
	next := day(7).Add(2 * time.Hour)
	do(f.Amend(t.Context(), tester, acme, "test", "early-5", "", ledger.Amendment{Time: &next}))
	want(sum, "3@-3600 5@0 7@0 ")
	f.now = f.now.Add(time.Hour)
	from, to := day(3), day(5)
	c, _, err := f.ProposeRange(t.Context(), tester, acme, ledger.RangeFilter{From: from, To: to}, "")
	if err != nil || c.Events != 4 {
		t.Fatal(c, err)
	}
	want(sum, "3@-7200 5@-3600 7@-3600 ")
	if _, _, err := f.ApproveRange(t.Context(), tester, acme, c.ID); err != nil {
		t.Fatal(err)
	}
	f.now = f.now.Add(time.Hour)
	if _, _, err := f.RevertRange(t.Context(), tester, acme, c.ID); err != nil {
		t.Fatal(err)
	}
	want(sum, "3@0 4@0 5@-7200 7@-7200 ")
	if v := verify(t, f); v.Fault != "" {
		t.Error(v.Fault)
	}
}

// TestAStoreOfBeforeMarksVerifies takes every mark out of a store, as one has none
// that was written before there were any, and corrects on.
func TestAStoreOfBeforeMarksVerifies(t *testing.T) {
	f := open(t, "UTC", modelDefinitions())
	f.manyEvents(t, 20)
	if _, _, err := f.Void(t.Context(), tester, acme, "test", "many-1", ""); err != nil {
		t.Fatal(err)
	}
	marks := func() []store.Row {
		rows, err := f.st.Load(t.Context(), acme, store.Keys{Ranges: []store.Range{{Table: store.Restated}}})
		if err != nil {
			t.Fatal(err)
		}
		return rows.Range(0)
	}
	if len(marks()) < 2 {
		t.Fatal("a correction left no marks")
	}
	err := f.st.Step(t.Context(), acme, store.Keys{}, func(rows *store.Rows) error {
		for _, row := range marks() {
			rows.Delete(store.Restated, row.ID)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if v := verify(t, f); v.Fault != "" {
		t.Fatal(v.Fault)
	}
	c, _, err := f.ProposeRange(t.Context(), tester, acme, ledger.RangeFilter{Subject: &[]string{"u2"}[0]}, "")
	if err != nil || c.Events == 0 {
		t.Fatal(c, err)
	}
	if _, _, err := f.ApproveRange(t.Context(), tester, acme, c.ID); err != nil {
		t.Fatal(err)
	}
	if len(marks()) < 2 {
		t.Error("the next correction left no marks")
	}
	if v := verify(t, f); v.Fault != "" {
		t.Fatal(v.Fault)
	}
	row := marks()[1]
	f.put(t, store.Restated, row.ID, append([]byte{1}, row.Value...))
	if v := verify(t, f); v.Fault == "" {
		t.Error("a mark that was changed is not found")
	}
}
