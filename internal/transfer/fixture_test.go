package transfer_test

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/usance/usance"
	"github.com/usance/usance/internal/archive"
	"github.com/usance/usance/internal/facadetest"
	"github.com/usance/usance/internal/transfer"
	"github.com/usance/usance/ledger"
	"github.com/usance/usance/registry"
	"github.com/usance/usance/store"
	"github.com/usance/usance/store/pebblestore"
)

const acme = usance.TenantID("acme")

var tester = facadetest.Tester()

// place is a store with everything over it, as a server has.
type place struct {
	*transfer.Mover
	clock *facadetest.Clock
}

// newPlace makes an empty one whose secrets are sealed under a key of its own.
func newPlace(t testing.TB, clock *facadetest.Clock, key byte) *place {
	t.Helper()
	return placeOn(t, facadetest.OpenStore(t), clock, key)
}

func placeOn(t testing.TB, st store.Store, clock *facadetest.Clock, key byte) *place {
	t.Helper()
	reg, err := registry.New(st, registry.Options{Now: clock.Now, MasterKey: [32]byte{key}, PasswordCost: facadetest.CheapPasswords()})
	if err != nil {
		t.Fatal(err)
	}
	return &place{clock: clock, Mover: &transfer.Mover{
		Store: st, Registry: reg, Ledger: ledger.New(st, reg, ledger.Options{Now: clock.Now}), Now: clock.Now, Version: "test",
		Scratch: func() (store.Store, error) {
			return pebblestore.Open("scratch", pebblestore.Options{FS: vfs.NewMem(), CacheBytes: 1 << 20, MemTableBytes: 4 << 20})
		},
	}}
}

func noon() *facadetest.Clock {
	return facadetest.NewClock(time.Date(2026, 3, 10, 9, 17, 23, 0, time.UTC))
}

func definitions() registry.Edit {
	group := map[string]string{"region": "data.region"}
	a, n := []usance.Source{{Type: "t.a"}}, []usance.Source{{Type: "t.a", Amount: "data.n"}}
	return registry.Edit{
		Tenant: &usance.Tenant{Name: "Acme", Timezone: "Asia/Kathmandu", Aliases: map[string]string{"huawei.project": "p-1"}},
		Nodes:  []usance.Node{{Path: "/a", Aliases: map[string]string{"rtc.app": "app-1"}}},
		Meters: []usance.Meter{
			{Name: "m.count", Unit: "1", Aggregation: usance.AggCount, Events: a, GroupBy: group},
			{Name: "m.unique", Unit: "1", Aggregation: usance.AggUnique, Events: a, GroupBy: group},
			{Name: "m.sum", Unit: "1", Aggregation: usance.AggSum, Events: n, GroupBy: group},
			{Name: "m.min", Unit: "1", Aggregation: usance.AggMin, Events: n, GroupBy: group},
			{Name: "m.max", Unit: "1", Aggregation: usance.AggMax, Events: n, GroupBy: group},
			{Name: "m.average", Unit: "1", Aggregation: usance.AggAverage, Events: n, GroupBy: group},
			{Name: "m.gauge", Unit: "1", Aggregation: usance.AggGauge, Events: n, GroupBy: group},
			{Name: "m.level", Unit: "1", Aggregation: usance.AggLevel, Events: []usance.Source{{Type: "t.a", Amount: "data.n"}, {Type: "t.b", Amount: "-data.n"}}},
			{Name: "seats", Unit: "1", Aggregation: usance.AggLevel},
			{Name: "tokens", Unit: "1", Aggregation: usance.AggSum, Events: []usance.Source{{Type: "llm", Amount: "data.tokens"}}, GroupBy: map[string]string{"model": "data.model"}},
		},
		Quotas: []usance.Quota{{Node: "/", Meter: "tokens", Limit: 400, Window: usance.DayWindow}, {Node: "/a", Meter: "seats", Limit: 90}},
		Users:  []registry.UserSpec{facadetest.User("ops", "a password", usance.RoleAdmin, "/")},
		Keys:   []registry.KeySpec{facadetest.Key("aksk", "AK1", "the secret of AK1", "ops"), facadetest.Key("app", "app-0001", "the secret of the app", "ops")},
		Tokens: []registry.TokenSpec{{Token: usance.Token{Name: "collector", Role: usance.RoleIngester}, Secret: "us_collector_token"}},
	}
}

// settle makes the tenant acme and has a bit of everything happen to it.
func (p *place) settle(t testing.TB, r *rand.Rand, rounds int) {
	t.Helper()
	if _, err := p.Registry.Edit(t.Context(), tester, acme, definitions()); err != nil {
		t.Fatal(err)
	}
	for i := range rounds {
		p.live(t, r, i)
	}
}

var nodes = []usance.Path{"/", "/a", "/a/b", "/ä"}

func (p *place) live(t testing.TB, r *rand.Rand, round int) {
	t.Helper()
	ctx, led := t.Context(), p.Ledger
	p.clock.Move(20 * time.Minute)
	now := p.clock.Now()
	might := func(err error, kinds ...usance.Kind) {
		for _, k := range kinds {
			if err != nil && usance.KindOf(err) == k {
				return
			}
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	batch := make([]ledger.Incoming, 1+r.IntN(20))
	for i := range batch {
		batch[i] = ledger.Incoming{Stated: true, Event: usance.Event{Source: "test", ID: fmt.Sprint(round, "-", i), Type: []string{"t.a", "t.a", "t.b"}[r.IntN(3)],
			Subject: fmt.Sprint("u", r.IntN(5)), Node: nodes[r.IntN(len(nodes))], Time: now.Add(-time.Duration(r.Int64N(int64(48 * time.Hour)))),
			Data: fmt.Appendf(nil, `{"n":%d,"region":%q}`, r.IntN(50), []string{"eu", "us", ""}[r.IntN(3)])}}
	}
	_, err := led.Ingest(ctx, tester, acme, batch)
	might(err)
	for range 2 {
		id := fmt.Sprint(r.IntN(round+1), "-0")
		if r.IntN(2) == 0 {
			_, _, err = led.Void(ctx, tester, acme, "test", id, "wrong")
		} else {
			at := now.Add(-time.Duration(r.Int64N(int64(48 * time.Hour))))
			_, _, err = led.Amend(ctx, tester, acme, "test", id, "late", ledger.Amendment{Time: &at, Data: fmt.Appendf(nil, `{"n":%d}`, r.IntN(99))})
		}
		might(err, usance.KindConflict, usance.KindNotFound)
	}
	_, err = led.PutResource(ctx, tester, acme, usance.Resource{ID: fmt.Sprint("r", r.IntN(9)), BusinessType: "LIVE_2D", ChargingMode: usance.OneTime, Source: usance.Purchased,
		Expires: now.Add(time.Hour), Grants: []usance.Grant{{Meter: "seats", Amount: usance.Amount(1 + r.IntN(5)), Node: "/a"}}[:r.IntN(2)]}, false)
	might(err)
	_, err = led.DeleteResource(ctx, tester, acme, fmt.Sprint("r", r.IntN(9)))
	might(err, usance.KindNotFound)
	mode := []usance.ChargeMode{usance.ChargeEnforce, usance.ChargeBestEffort}[r.IntN(2)]
	_, err = led.Charge(ctx, tester, acme, ledger.Charge{ID: fmt.Sprint("c", round), Node: "/a/b", Items: []usance.Item{{Meter: "seats", Amount: 9}, {Meter: "tokens", Amount: 3}}, Mode: mode})
	might(err, usance.KindExceeded)
	_, _, err = led.Reserve(ctx, tester, acme, usance.Hold{ID: fmt.Sprint("h", round), Node: "/a", Items: []usance.Item{{Meter: "tokens", Amount: 2}}}, time.Duration(1+r.IntN(3))*15*time.Minute)
	might(err, usance.KindExceeded)
	if round%3 == 0 {
		_, _, err = led.Settle(ctx, tester, acme, fmt.Sprint("h", round), nil, false, 0)
		might(err, usance.KindNotFound)
	}
	if round%5 == 2 {
		_, err = led.MoveNode(ctx, tester, acme, "/ä", usance.Path(fmt.Sprint("/moved-", round)))
		might(err, usance.KindNotFound, usance.KindConflict)
		_, err = led.MoveNode(ctx, tester, acme, "/a", "/z/a")
		might(err, usance.KindNotFound, usance.KindConflict)
		_, err = led.MoveNode(ctx, tester, acme, "/z/a", "/a")
		might(err, usance.KindNotFound, usance.KindConflict)
	}
	if round%7 == 3 {
		_, err = p.Registry.Edit(ctx, tester, acme, registry.Edit{
			Tenant: &usance.Tenant{Name: fmt.Sprint("Acme ", round), Timezone: []string{"America/St_Johns", "UTC"}[r.IntN(2)], Aliases: map[string]string{"huawei.project": fmt.Sprint("p-", round)}},
			Keys:   []registry.KeySpec{facadetest.Key("aksk", fmt.Sprint("AK", round), fmt.Sprint("secret ", round), "ops")},
		})
		might(err)
	}
}

// export returns the tenant's archive.
func (p *place) export(t testing.TB, e transfer.Export) []byte {
	t.Helper()
	begun, err := p.Export(t.Context(), acme, e)
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	if _, err := begun.Write(t.Context(), bufio.NewWriter(&out), nil); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// bring imports an archive.
func (p *place) bring(t testing.TB, file []byte, how transfer.Import) (transfer.Imported, error) {
	t.Helper()
	r, err := archive.NewReader(bytes.NewReader(file))
	if err != nil {
		return transfer.Imported{}, err
	}
	defer r.Close()
	how.Actor = tester
	return p.Import(t.Context(), acme, r, how)
}

// rows are all rows of the tenant by table and id, but for what does not follow
// from the ledger: how it came here, whether its claims were contested, and the hint of when to look at holds.
func (p *place) rows(t testing.TB) map[store.Key]string {
	t.Helper()
	out := map[store.Key]string{}
	for table := range store.Table(64) {
		err := p.Store.Scan(t.Context(), acme, store.Range{Table: table}, func(r store.Row) error {
			out[store.Key{Table: table, ID: r.ID}] = string(r.Value)
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	delete(out, registry.ArrivalKey)
	delete(out, registry.FenceKey)
	delete(out, store.Key{Table: store.Balances})
	return out
}

func sameRows(t testing.TB, want, got map[store.Key]string) {
	t.Helper()
	for k, v := range want {
		if w, ok := got[k]; !ok || w != v {
			t.Errorf("table %d %q: there %q, here %q", k.Table, k.ID, v, w)
		}
	}
	for k := range got {
		if _, ok := want[k]; !ok {
			t.Errorf("table %d %q is here and not there", k.Table, k.ID)
		}
	}
}

func (p *place) verified(t testing.TB) {
	t.Helper()
	scratch, err := p.Scratch()
	if err != nil {
		t.Fatal(err)
	}
	v, err := p.Ledger.Verify(t.Context(), acme, scratch, nil)
	if err := errors.Join(err, scratch.Close()); err != nil || v.Fault != "" {
		t.Errorf("%+v, %v", v, err)
	}
}
