//go:build unix

package ledger_test

import (
	"fmt"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/usance/usance"
	"github.com/usance/usance/internal/facadetest"
	"github.com/usance/usance/ledger"
	"github.com/usance/usance/registry"
	"github.com/usance/usance/store/pebblestore"
)

// BenchmarkChargesAtOnce measures what charges by 64 at once take of the processor,
// on the disk, on trees of four levels, each with a hard quota. The time a charge
// takes depends on what else the machine does, the processor's time much less.
func BenchmarkChargesAtOnce(b *testing.B) {
	for _, tenants := range []int{1, 64} {
		b.Run(fmt.Sprint(tenants), func(b *testing.B) { chargeAtOnce(b, 64, tenants) })
	}
}

func chargeAtOnce(b *testing.B, clients, tenants int) {
	defer debug.SetGCPercent(debug.SetGCPercent(300)) // as serve does
	st, err := pebblestore.Open(b.TempDir(), pebblestore.Options{})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		if err := st.Close(); err != nil {
			b.Error(err)
		}
	})
	reg := facadetest.OpenRegistry(b, st, time.Now)
	led := ledger.New(st, reg, ledger.Options{Now: time.Now})
	name := func(i int) usance.TenantID { return usance.TenantID(fmt.Sprint("charged-", i)) }
	for i := range tenants {
		edit := registry.Edit{Tenant: &usance.Tenant{Name: "Charged", Timezone: "UTC"},
			Meters: []usance.Meter{{Name: "tokens", Unit: "1", Aggregation: usance.AggSum, Events: []usance.Source{{Type: "llm", Amount: "data.tokens"}}}}}
		for _, node := range []usance.Path{"/", "/a", "/a/b", "/a/b/c"} {
			edit.Quotas = append(edit.Quotas, usance.Quota{Node: node, Meter: "tokens", Limit: 1 << 50, Window: usance.Lifetime, Enforce: usance.Hard})
		}
		if _, err := reg.Edit(b.Context(), tester, name(i), edit); err != nil {
			b.Fatal(err)
		}
	}
	var left atomic.Int64
	left.Store(int64(b.N))
	var wg sync.WaitGroup
	b.ReportAllocs()
	b.ResetTimer()
	before := processorTime(b)
	for i := range clients {
		wg.Go(func() {
			for n := 0; left.Add(-1) >= 0; n++ {
				c := ledger.Charge{ID: fmt.Sprint(i, "-", n), Node: "/a/b/c", Items: []usance.Item{{Meter: "tokens", Amount: 1}}}
				if _, err := led.Charge(b.Context(), tester, name(i%tenants), c); err != nil {
					b.Error(err)
					return
				}
			}
		})
	}
	wg.Wait()
	b.StopTimer()
	b.ReportMetric(float64((processorTime(b)-before).Nanoseconds())/1e3/float64(b.N), "cpu-µs/op")
}

// processorTime is what the process has taken of the processor.
func processorTime(b *testing.B) time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
