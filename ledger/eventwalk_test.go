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

// blockReads counts the blocks that are asked for, and tells of each load.
type blockReads struct {
	store.Store
	n      atomic.Int64
	loaded func()
}

func (s *blockReads) Load(ctx context.Context, tenant usance.TenantID, keys store.Keys) (*store.Rows, error) {
	for _, k := range keys.Rows {
		if k.Table == store.Blocks {
			s.n.Add(1)
		}
	}
	rows, err := s.Store.Load(ctx, tenant, keys)
	if s.loaded != nil {
		s.loaded()
	}
	return rows, err
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

// An event that came while a question about now was on its way is before now once
// the rows are there: no event has to be read one by one for it. What is dated ahead
// of the clock does not count yet, and is all that is read.
func TestNowIsWhenTheRowsAreThere(t *testing.T) {
	noon := time.Date(2026, 3, 10, 12, 0, 0, 0, time.UTC)
	f := &fixture{now: noon}
	spy := &blockReads{Store: facadetest.OpenStore(t)}
	f.build(t, spy)
	meter := usance.Meter{Name: "n", Unit: "1", Aggregation: usance.AggLevel, Events: []usance.Source{{Type: "t.a", Amount: "data.n"}}}
	if _, err := f.reg.Edit(t.Context(), tester, acme, registry.Edit{Tenant: &usance.Tenant{Timezone: "UTC"}, Meters: []usance.Meter{meter}}); err != nil {
		t.Fatal(err)
	}
	standing := func(want, reads int64) {
		t.Helper()
		before := spy.n.Load()
		r, err := f.Report(t.Context(), acme, ledger.Ask{Measures: []ledger.Measure{{Meter: "n", Now: true}}})
		if err != nil {
			t.Fatal(err)
		}
		if n, _ := r.Measures[0].Amount(); n != want || spy.n.Load()-before != reads {
			t.Errorf("%d after %d blocks; want %d after %d", n, spy.n.Load()-before, want, reads)
		}
		if r.Newest.After(r.At) != (reads > 0) {
			t.Errorf("the newest event is of %v, and it was read at %v", r.Newest, r.At)
		}
	}
	f.ingest(t, at(noon, "past", "t.a", "", "/", `{"n":3}`))
	standing(3, 0)
	f.ingest(t, at(noon.Add(time.Second), "meanwhile", "t.a", "", "/", `{"n":4}`))
	standing(3, 1)
	spy.loaded = func() { f.now = noon.Add(2 * time.Second) }
	standing(7, 0)
	for i := range 20 {
		f.ingest(t, at(noon, fmt.Sprint("past-", i), "t.a", "", "/", `{"n":1}`))
	}
	f.ingest(t, at(noon.Add(10*time.Minute), "ahead", "t.a", "", "/", `{"n":5}`))
	standing(27, 1) // the one that is ahead
}
