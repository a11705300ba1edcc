//go:build !race

package ledger_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/usance/usance"
	"github.com/usance/usance/ledger"
	"github.com/usance/usance/registry"
)

// What a write takes in pieces of memory, the engine in memory included: they do
// not depend on the machine and on what else it does, as time does. Who makes
// them fewer writes that here; who needs more says why where the figure is
// changed. The engine works beside, so a twentieth more is let pass.
const (
	recordedOfBatch  = 592 // a batch of 1,000 new events of 64 series
	recordedOfSingle = 123 // an event by itself
	recordedOfCharge = 49  // a charge on a tree of four levels, each with a hard quota
)

func checkAllocs(t *testing.T, what string, recorded float64, runs int, fn func()) {
	t.Helper()
	if got := testing.AllocsPerRun(runs, fn); got > recorded*1.05 {
		t.Errorf("%s: %v allocations, recorded are %v", what, got, recorded)
	} else {
		t.Logf("%s: %v allocations", what, got)
	}
}

func TestAWriteTakesNoMoreMemoryThanRecorded(t *testing.T) {
	t.Setenv("USANCE_TEST_STORE", "embedded") // its figures are those of the embedded engine
	edit := registry.Edit{Meters: []usance.Meter{
		{Name: "tokens", Unit: "1", Aggregation: usance.AggSum, Events: []usance.Source{{Type: "llm", Amount: "data.tokens"}}, GroupBy: map[string]string{"model": "data.model"}},
	}}
	for _, node := range []usance.Path{"/", "/a", "/a/b", "/a/b/c"} {
		edit.Quotas = append(edit.Quotas, usance.Quota{Node: node, Meter: "vm.cpuNum", Limit: 1 << 50})
	}
	f := open(t, "Asia/Shanghai", edit)
	const runs = 20
	batches := make([][]ledger.Incoming, 0, runs+1)
	n := 0
	event := func() ledger.Incoming {
		n++
		return at(f.now.Add(time.Duration(n)*time.Millisecond), fmt.Sprint("event-", n), "llm", fmt.Sprint("user-", n%500), usance.Path(fmt.Sprint("/team/", n%16)),
			fmt.Sprintf(`{"tokens":%d,"model":"model-%d"}`, n%1000, n%4))
	}
	for range runs + 1 {
		var batch []ledger.Incoming
		for range 1000 {
			batch = append(batch, event())
		}
		batches = append(batches, batch)
	}
	next := 0
	checkAllocs(t, "a batch of 1,000", recordedOfBatch, runs, func() {
		f.ingest(t, batches[next]...)
		next++
	})
	var singles [][]ledger.Incoming
	for range 201 {
		singles = append(singles, []ledger.Incoming{event()})
	}
	next = 0
	checkAllocs(t, "an event by itself", recordedOfSingle, 200, func() {
		f.ingest(t, singles[next]...)
		next++
	})
	ids := make([]string, 201)
	for i := range ids {
		ids[i] = fmt.Sprint("charge-", i)
	}
	next = 0
	checkAllocs(t, "a charge", recordedOfCharge, 200, func() {
		c := ledger.Charge{ID: ids[next], Node: "/a/b/c", Items: []usance.Item{{Meter: "vm.cpuNum", Amount: 1}}}
		if _, err := f.Charge(t.Context(), tester, acme, c); err != nil {
			t.Fatal(err)
		}
		next++
	})
}
