package ledger_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/usance/usance"
	"github.com/usance/usance/ledger"
	"github.com/usance/usance/registry"
)

// BenchmarkIngest measures batches of 1,000 new events of 64 series, on the
// engine in memory: what it costs apart from the disk.
func BenchmarkIngest(b *testing.B) {
	f := open(b, "Asia/Shanghai", registry.Edit{Meters: []usance.Meter{
		{Name: "tokens", Unit: "1", Aggregation: usance.AggSum, Events: []usance.Source{{Type: "llm", Amount: "data.tokens"}}, GroupBy: map[string]string{"model": "data.model"}},
	}})
	batch := make([]ledger.Incoming, 1000)
	n := 0
	b.ReportAllocs()
	for b.Loop() {
		for i := range batch {
			n++
			batch[i] = at(f.now.Add(time.Duration(n)*time.Millisecond), fmt.Sprint("event-", n), "llm", fmt.Sprint("user-", n%500), usance.Path(fmt.Sprint("/team/", n%16)),
				fmt.Sprintf(`{"tokens":%d,"model":"model-%d"}`, n%1000, n%4))
		}
		f.ingest(b, batch...)
	}
	b.ReportMetric(float64(n)/b.Elapsed().Seconds(), "events/s")
}

// BenchmarkCharge measures single charges on a tree of four levels.
func BenchmarkCharge(b *testing.B) {
	var edit registry.Edit
	for _, node := range []usance.Path{"/", "/a", "/a/b", "/a/b/c"} {
		edit.Quotas = append(edit.Quotas, usance.Quota{Node: node, Meter: "vm.cpuNum", Limit: 1 << 50})
	}
	f := open(b, "UTC", edit)
	n := 0
	b.ReportAllocs()
	for b.Loop() {
		n++
		c := ledger.Charge{ID: fmt.Sprint(n), Node: "/a/b/c", Items: []usance.Item{{Meter: "vm.cpuNum", Amount: 1}}}
		if _, err := f.Charge(b.Context(), tester, acme, c); err != nil {
			b.Fatal(err)
		}
	}
}
