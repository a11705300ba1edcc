package ledger_test

import (
	"context"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/usance/usance"
	"github.com/usance/usance/internal/facadetest"
	"github.com/usance/usance/ledger"
	"github.com/usance/usance/registry"
	"github.com/usance/usance/store"
)

// blockReads counts the blocks that are asked for.
type blockReads struct {
	store.Store
	n atomic.Int64
}

func (s *blockReads) Load(ctx context.Context, tenant usance.TenantID, keys store.Keys) (*store.Rows, error) {
	for _, k := range keys.Rows {
		if k.Table == store.Blocks {
			s.n.Add(1)
		}
	}
	return s.Store.Load(ctx, tenant, keys)
}

// Looking through events reads each block once, however many days its events lie
// on, unless they are too much to be kept meanwhile; and finds them all either way.
func TestABlockIsReadOnceForAllItsDays(t *testing.T) {
	for _, c := range []struct {
		name  string
		bytes int // of each event's data
		once  bool
	}{{"small events", 10, true}, {"more than is kept", 50_000, false}} {
		t.Run(c.name, func(t *testing.T) {
			const blocks, each, days = 5, 60, 30
			f := &fixture{now: time.Date(2026, 3, 10, 9, 17, 23, 0, time.UTC)}
			spy := &blockReads{Store: facadetest.OpenStore(t)}
			f.build(t, spy)
			edit := registry.Edit{Tenant: &usance.Tenant{Timezone: "Asia/Kathmandu"}, Meters: []usance.Meter{{Name: "n", Unit: "1", Aggregation: usance.AggUnique, Events: []usance.Source{{Type: "t.a"}}}}}
			if _, err := f.reg.Edit(t.Context(), tester, acme, edit); err != nil {
				t.Fatal(err)
			}
			padding := strings.Repeat("x", c.bytes)
			for b := range blocks {
				var batch []ledger.Incoming
				for i := range each {
					when := f.now.Add(-time.Duration(i%days) * 24 * time.Hour).Add(-time.Duration(b) * time.Minute)
					batch = append(batch, at(when, fmt.Sprint(b, "-", i), "t.a", fmt.Sprint("u", i%3), "/", fmt.Sprintf(`{"x":%q}`, padding)))
				}
				f.ingest(t, batch...)
			}
			before := spy.n.Load()
			subject := "u1"
			r, _, err := f.ProposeRange(t.Context(), tester, acme, ledger.RangeFilter{Subject: &subject}, "")
			if err != nil {
				t.Fatal(err)
			}
			if want := uint64(blocks * each / 3); r.Events != want || len(r.Changes) != 1 || string(r.Changes[0].Before) != "3" || string(r.Changes[0].After) != "2" {
				t.Errorf("%d events, %v; want %d, and 3 becoming 2", r.Events, r.Changes, want)
			}
			if reads := spy.n.Load() - before; reads < blocks || c.once && reads > blocks || !c.once && reads == blocks {
				t.Errorf("%d blocks were read of %d", reads, blocks)
			}
		})
	}
}
