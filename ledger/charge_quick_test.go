package ledger_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-json-experiment/json"

	"github.com/usance/usance"
	"github.com/usance/usance/internal/facadetest"
	"github.com/usance/usance/ledger"
	"github.com/usance/usance/registry"
	"github.com/usance/usance/store"
)

// TestAChargeInShortDoesWhatTheLongWayDoes does the same to two tenants' ledgers,
// one of which works every charge out by itself: the answers are the same, the
// refusals too, and in the end every row.
func TestAChargeInShortDoesWhatTheLongWayDoes(t *testing.T) {
	seed := facadetest.Seed(t)
	r := rand.New(rand.NewPCG(seed, 71))
	edit := chargeDefinitions()
	edit.Quotas = append(edit.Quotas, usance.Quota{Node: "/a/d", Meter: "tokens", Limit: 90, Enforce: usance.Shadow, Window: usance.DayWindow},
		usance.Quota{Node: "/c", Meter: "seats", Limit: 30, Guarantee: 5})
	short, long := open(t, "Asia/Kathmandu", edit), open(t, "Asia/Kathmandu", edit)
	long.ChargeTheLongWay()
	both := []*fixture{short, long}
	rounds := 1500
	if testing.Short() {
		rounds = 300
	}
	granted, refused, repeats := 0, 0, 0
	var made []ledger.Charge
	for round := range rounds {
		by := time.Duration(r.IntN(2500)) * time.Second
		node, items, pick := chargeNodes[r.IntN(len(chargeNodes))], randomItems(r), r.IntN(14)
		c := ledger.Charge{ID: fmt.Sprint(r.IntN(2*round + 2)), Node: node, Items: items}
		if pick == 3 && len(made) > 0 {
			c = made[r.IntN(len(made))]
		}
		behind := time.Duration(r.IntN(40)) * time.Hour
		var out [2]ledger.Charged
		var errs [2]error
		for i, f := range both {
			f.now = f.now.Add(by)
			switch pick {
			case 0:
				_, _, errs[i] = f.Reserve(t.Context(), tester, acme, usance.Hold{ID: fmt.Sprint(round), Node: node, Items: items}, 4*time.Hour)
			case 1:
				res := usance.Resource{ID: fmt.Sprint(round % 7), Node: "/", BusinessType: "X", ChargingMode: usance.Periodic, Source: usance.Purchased,
					Expires: f.now.Add(6 * time.Hour), Grants: []usance.Grant{{Meter: items[0].Meter, Amount: 1 + int64(round%9), Node: node}}}
				_, errs[i] = f.PutResource(t.Context(), tester, acme, res, false)
			case 2:
				c := c
				c.Time = f.now.Add(-behind)
				out[i], errs[i] = f.Charge(t.Context(), tester, acme, c)
			default:
				out[i], errs[i] = f.Charge(t.Context(), tester, acme, c)
			}
		}
		if !reflect.DeepEqual(out[0], out[1]) {
			t.Fatalf("round %d: charge of %v at %s:\n%+v\n%+v", round, items, node, out[0], out[1])
		}
		a, _ := errors.AsType[*usance.Error](errs[0])
		b, _ := errors.AsType[*usance.Error](errs[1])
		if !reflect.DeepEqual(a, b) || (errs[0] == nil) != (errs[1] == nil) {
			t.Fatalf("round %d: charge of %v at %s:\n%+v\n%+v", round, items, node, errs[0], errs[1])
		}
		switch {
		case out[0].Duplicate:
			repeats++
		case out[0].Sequence > 0:
			granted++
			if pick > 2 {
				made = append(made, c)
			}
		case errs[0] != nil:
			refused++
		}
	}
	t.Logf("%d granted, %d refused, %d repeated", granted, refused, repeats)
	if a, b := short.everything(t), long.everything(t); a != b {
		t.Errorf("the rows differ:\n%s\n%s", a, b)
	}
}

// everything is every row of the tenant, as text.
func (f *fixture) everything(t *testing.T) string {
	t.Helper()
	var b strings.Builder
	for table := store.Head; table <= store.Restated; table++ {
		err := f.st.Scan(t.Context(), acme, store.Range{Table: table}, func(r store.Row) error {
			fmt.Fprintf(&b, "%d %q %x\n", table, r.ID, r.Value)
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return b.String()
}

// TestChargesThatShareStepsWithOthersLeaveTheSameViews has charges in short and
// the long way, ingest, holds and voids share steps, in which each must see what
// those before it made of the rows.
func TestChargesThatShareStepsWithOthersLeaveTheSameViews(t *testing.T) {
	seed := facadetest.Seed(t)
	f := open(t, "Asia/Kathmandu", chargeDefinitions())
	var wg sync.WaitGroup
	for c := range 16 {
		wg.Go(func() {
			r := rand.New(rand.NewPCG(seed, uint64(200+c)))
			for n := range 30 {
				id, node, items := fmt.Sprintf("%d-%d", c, n), chargeNodes[r.IntN(len(chargeNodes))], randomItems(r)
				var err error
				switch r.IntN(8) {
				case 0:
					_, err = f.Ingest(t.Context(), tester, acme, []ledger.Incoming{at(f.now, id, "llm", "", node, `{"tokens":3,"model":""}`)})
				case 1:
					_, _, err = f.Reserve(t.Context(), tester, acme, usance.Hold{ID: id, Node: node, Items: items}, time.Hour)
				case 2:
					_, err = f.Charge(t.Context(), tester, acme, ledger.Charge{ID: id, Node: node, Items: items, Mode: usance.ChargeBestEffort})
				case 3:
					if _, err = f.Charge(t.Context(), tester, acme, ledger.Charge{ID: id, Node: node, Items: items}); err == nil {
						_, _, err = f.Void(t.Context(), tester, acme, "usance.charges", id, "")
					}
				default:
					_, err = f.Charge(t.Context(), tester, acme, ledger.Charge{ID: id, Node: node, Items: items})
				}
				if err != nil && usance.KindOf(err) != usance.KindExceeded {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	for _, q := range chargeDefinitions().Quotas {
		r, err := f.Report(t.Context(), acme, ledger.Ask{Quotas: []registry.QuotaRef{{Node: q.Node, Meter: q.Meter}}})
		if err != nil {
			t.Fatal(err)
		}
		if got := r.Quotas[0]; got.Enforce == usance.Hard && q.Meter != "tokens" && got.Used+got.Reserved > got.Limit {
			t.Errorf("%s at %s is passed: %+v", q.Meter, q.Node, got)
		}
	}
	if v := verify(t, f); v.Fault != "" {
		t.Error(v.Fault)
	}
}

// TestWhatIsKeptOfATenantCountsOnlyUntilOthersWrite has two ledgers on one store,
// each of which keeps what its last charge left, charge, reserve, grant and move the
// clock by turns.
func TestWhatIsKeptOfATenantCountsOnlyUntilOthersWrite(t *testing.T) {
	r := rand.New(rand.NewPCG(facadetest.Seed(t), 72))
	f := open(t, "UTC", registry.Edit{Quotas: []usance.Quota{{Node: "/", Meter: "vm.cpuNum", Limit: 100}, {Node: "/a", Meter: "vm.cpuNum", Limit: 1 << 40}}})
	first, other := f.Ledger, f
	other.restart(t)
	both := []*ledger.Ledger{first, other.Ledger}
	used, reserved := int64(0), int64(0)
	var granted []time.Time // until when 10 are
	for n := range 400 {
		l := both[r.IntN(2)]
		f.now = f.now.Add(time.Duration(r.IntN(10)) * time.Minute)
		switch r.IntN(12) {
		case 0:
			if _, _, err := l.Reserve(t.Context(), tester, acme, usance.Hold{ID: fmt.Sprint(n), Node: "/a", Items: []usance.Item{{Meter: "vm.cpuNum", Amount: 1}}}, 1000*time.Hour); err == nil {
				reserved++
			}
			continue
		case 1:
			granted = append(granted, f.now.Add(2*time.Hour))
			_, err := l.PutResource(t.Context(), tester, acme, usance.Resource{ID: fmt.Sprint(n), Node: "/", BusinessType: "X", ChargingMode: usance.Periodic, Source: usance.Purchased,
				Expires: f.now.Add(2 * time.Hour), Grants: []usance.Grant{{Meter: "vm.cpuNum", Amount: 10}}}, true)
			if err != nil {
				t.Fatal(err)
			}
			continue
		}
		limit := int64(100)
		for _, until := range granted {
			if until.After(f.now) {
				limit += 10
			}
		}
		out, err := l.Charge(t.Context(), tester, acme, ledger.Charge{ID: fmt.Sprint(n), Node: "/a", Items: []usance.Item{{Meter: "vm.cpuNum", Amount: 1}}})
		if room := used+reserved < limit; room != (err == nil) {
			t.Fatalf("charge %d: %d used, %d reserved, limit %d: %v", n, used, reserved, limit, err)
		}
		if err != nil {
			continue
		}
		used++
		if q := out.Quotas[1]; q.Used != used || q.Reserved != reserved || q.Limit != limit {
			t.Fatalf("charge %d: %d used, %d reserved, limit %d: %+v", n, used, reserved, limit, q)
		}
	}
	if v := verify(t, f); v.Fault != "" {
		t.Error(v.Fault)
	}
}

// TestAChargesDataIsWrittenAsJSONWritesIt: digests of charges that are stored were
// made of it.
func TestAChargesDataIsWrittenAsJSONWritesIt(t *testing.T) {
	for _, items := range [][]usance.Item{{{Meter: "a", Amount: 1}}, {{Meter: "A.b_c-9", Amount: -1 << 62}, {Meter: "x", Amount: 1<<63 - 1}, {Meter: "0", Amount: 0}}} {
		want, err := json.Marshal(struct {
			Items []usance.Item     `json:"items"`
			Mode  usance.ChargeMode `json:"mode,omitempty"`
		}{items, usance.ChargeAdjust})
		if err != nil {
			t.Fatal(err)
		}
		if got := ledger.AppendChargeData(nil, items, usance.ChargeAdjust); string(got) != string(want) {
			t.Errorf("%s, not %s", got, want)
		}
	}
}
