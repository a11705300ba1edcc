package pgstore_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/alexedwards/argon2id"
	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/usance/usance"
	"github.com/usance/usance/ledger"
	"github.com/usance/usance/registry"
	"github.com/usance/usance/store"
	"github.com/usance/usance/store/pebblestore"
	"github.com/usance/usance/store/pgstore"
	"github.com/usance/usance/store/pgstore/citustest"
)

const acme = usance.TenantID("acme")

var tester = usance.Actor{Name: "test"}

// engine is the whole house on one store.
type engine struct {
	*ledger.Ledger
	reg *registry.Registry
	st  store.Store
}

func newEngine(t *testing.T, st store.Store, now func() time.Time) *engine {
	t.Helper()
	cheap := argon2id.Params{Memory: 8, Iterations: 1, Parallelism: 1, SaltLength: 8, KeyLength: 16}
	reg, err := registry.New(st, registry.Options{Now: now, PasswordCost: &cheap})
	if err != nil {
		t.Fatal(err)
	}
	return &engine{ledger.New(st, reg, ledger.Options{Now: now}), reg, st}
}

func inMemory(t *testing.T) *pebblestore.Store {
	t.Helper()
	st, err := pebblestore.Open("", pebblestore.Options{FS: vfs.NewMem(), MemTableBytes: 4 << 20, CacheBytes: 8 << 20})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := st.Close(); err != nil {
			t.Error(err)
		}
	})
	return st
}

// dump returns every row of a tenant.
func dump(t *testing.T, st store.Store, tenant usance.TenantID) map[store.Key][]byte {
	t.Helper()
	rows := map[store.Key][]byte{}
	for table := 1; table <= 255; table++ {
		err := st.Scan(t.Context(), tenant, store.Range{Table: store.Table(table)}, func(r store.Row) error {
			rows[store.Key{Table: store.Table(table), ID: r.ID}] = bytes.Clone(r.Value)
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return rows
}

func wantSameRows(t *testing.T, a, b *engine) (rows, tables int) {
	t.Helper()
	x, y := dump(t, a.st, acme), dump(t, b.st, acme)
	seen := map[store.Table]bool{}
	for k, v := range x {
		seen[k.Table] = true
		if w, ok := y[k]; !ok || !bytes.Equal(v, w) {
			t.Fatalf("row %d/%q is %x on one engine and %x (%v) on the other", k.Table, k.ID, v, w, ok)
		}
	}
	for k := range y {
		if _, ok := x[k]; !ok {
			t.Fatalf("row %d/%q is on one engine only", k.Table, k.ID)
		}
	}
	return len(x), len(seen)
}

func houseDefinitions() registry.Edit {
	e := registry.Edit{
		Tenant: &usance.Tenant{Name: "Acme", Timezone: "Asia/Kathmandu"},
		Meters: []usance.Meter{
			{Name: "calls", Unit: "1", Aggregation: usance.AggCount, Events: []usance.Source{{Type: "call"}}},
			{Name: "seats", Unit: "1", Aggregation: usance.AggLevel},
			{Name: "tokens", Unit: "1", Aggregation: usance.AggSum, Events: []usance.Source{{Type: "llm", Amount: "data.n"}}, GroupBy: map[string]string{"region": "data.region"}},
		},
		Quotas: []usance.Quota{
			{Node: "/", Meter: "tokens", Limit: 40_000, Window: usance.DayWindow},
			{Node: "/", Meter: "seats", Limit: 120},
			{Node: "/a", Meter: "seats", Limit: 90},
			{Node: "/a/b", Meter: "seats", Limit: 60},
			{Node: "/a/b", Meter: "calls", Limit: 50, Enforce: usance.Soft},
		},
	}
	for _, agg := range []usance.Aggregation{usance.AggMin, usance.AggMax, usance.AggAverage, usance.AggGauge, usance.AggUnique} {
		m := usance.Meter{Name: "m." + string(agg), Unit: "1", Aggregation: agg, Events: []usance.Source{{Type: "llm", Amount: "data.n"}}, GroupBy: map[string]string{"region": "data.region"}}
		if agg == usance.AggUnique {
			m.Events[0].Amount = ""
		}
		e.Meters = append(e.Meters, m)
	}
	return e
}

// act makes one random thing happen; drawn from the same seed, it is the same
// thing on both engines. It returns the answer, or how it was refused.
func act(t *testing.T, r *rand.Rand, e *engine, now time.Time) string {
	t.Helper()
	ctx := t.Context()
	nodes := []usance.Path{"/", "/a", "/a/b", "/c", "/ä"}
	node := nodes[r.IntN(len(nodes))]
	items := []usance.Item{{Meter: []string{"seats", "calls", "tokens"}[r.IntN(3)], Amount: usance.Amount(1 + r.IntN(30))}}
	var answer any
	var err error
	switch r.IntN(8) {
	case 0, 1, 2:
		var batch []ledger.Incoming
		for range 1 + r.IntN(200) {
			id := r.IntN(4000)
			own := rand.New(rand.NewPCG(uint64(id), 7)) // the same id is mostly the same event
			batch = append(batch, ledger.Incoming{Stated: true, Event: usance.Event{
				Source: "test", ID: fmt.Sprint("e", id), Type: []string{"llm", "call"}[own.IntN(2)], Subject: fmt.Sprint("u", own.IntN(50)), Node: nodes[own.IntN(len(nodes))],
				Time: time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC).Add(time.Duration(own.Int64N(int64(240 * time.Hour)))),
				Data: fmt.Appendf(nil, `{"n":%d,"region":"r%d"}`, own.IntN(500), own.IntN(3)),
			}})
		}
		answer, err = e.Ingest(ctx, tester, acme, batch)
	case 3:
		answer, err = e.Charge(ctx, tester, acme, ledger.Charge{ID: fmt.Sprint("c", r.IntN(100)), Node: node, Items: items})
	case 4:
		h, seq, holdErr := e.Reserve(ctx, tester, acme, usance.Hold{ID: fmt.Sprint("h", r.IntN(60)), Node: node, Items: items}, time.Duration(1+r.IntN(90))*time.Minute)
		answer, err = []any{h, seq}, holdErr
	case 5:
		id := fmt.Sprint("h", r.IntN(60))
		h, seq, holdErr := e.Release(ctx, tester, acme, id)
		answer, err = []any{h, seq}, holdErr
	case 6:
		res := usance.Resource{ID: fmt.Sprint("r", r.IntN(40)), Node: node, BusinessType: "LIVE_2D", ChargingMode: usance.OneTime, Source: usance.Purchased,
			Expires: now.Add(time.Duration(r.IntN(100)) * time.Hour).Truncate(time.Second)}
		answer, err = e.PutResource(ctx, tester, acme, res, false)
	case 7:
		err = e.Sweep(ctx)
	}
	if err != nil {
		return "refused: " + err.Error()
	}
	text, err := json.Marshal(answer)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func ask(t *testing.T, r *rand.Rand, e *engine) string {
	t.Helper()
	meters := []string{"calls", "seats", "tokens", "m.min", "m.max", "m.average", "m.gauge", "m.unique"}
	q := ledger.Query{Meter: meters[r.IntN(len(meters))], Node: []usance.Path{"/", "/a", "/c"}[r.IntN(3)], Window: []usance.Window{"", usance.DayWindow, usance.Hour}[r.IntN(3)]}
	if r.IntN(2) == 0 && q.Meter != "calls" && q.Meter != "seats" {
		q.GroupBy = []string{"region"}
	}
	answer, err := e.Query(t.Context(), acme, q)
	if err != nil {
		return "refused: " + err.Error()
	}
	return fmt.Sprintf("%+v", answer)
}

// The same seeded life on both engines: the same answers, and in the end the same
// rows byte for byte, crashes of the server between included.
func TestBothEnginesKeepTheSameBytes(t *testing.T) {
	t.Run("postgresql", func(t *testing.T) { sameBytes(t, false) })
	t.Run("citus", func(t *testing.T) {
		citustest.Need(t)
		sameBytes(t, true)
	})
}

func sameBytes(t *testing.T, citus bool) {
	r := pgstore.SeedForTest(t)
	now := time.Date(2026, 3, 10, 9, 17, 23, 0, time.UTC)
	clock := func() time.Time { return now }
	pg, crash := pgstore.OpenForTest(t, citus)
	engines := []*engine{newEngine(t, inMemory(t), clock), newEngine(t, pg, clock)}
	for _, e := range engines {
		if _, err := e.reg.Edit(t.Context(), tester, acme, houseDefinitions()); err != nil {
			t.Fatal(err)
		}
	}
	both := func(round int, do func(*rand.Rand, *engine) string) {
		t.Helper()
		seed := r.Uint64()
		first := do(rand.New(rand.NewPCG(seed, 1)), engines[0])
		if second := do(rand.New(rand.NewPCG(seed, 1)), engines[1]); first != second {
			t.Fatalf("round %d: the engines answer\n%s\n%s", round, first, second)
		}
	}
	refused := 0
	rounds := 300
	if testing.Short() {
		rounds = 60
	}
	for round := range rounds {
		now = now.Add(time.Duration(r.IntN(600)) * time.Second)
		both(round, func(r *rand.Rand, e *engine) string {
			answer := act(t, r, e, now)
			if len(answer) > 7 && answer[:7] == "refused" {
				refused++
			}
			return answer
		})
		both(round, func(r *rand.Rand, e *engine) string { return ask(t, r, e) })
		if round == rounds/2 {
			crash()
		}
		if round%50 == 49 {
			wantSameRows(t, engines[0], engines[1])
		}
	}
	rows, tables := wantSameRows(t, engines[0], engines[1])
	t.Logf("%d rows in %d tables are the same; %d of %d acts were refused", rows, tables, refused/2, rounds)
	if rows < 1000/(300/rounds) || tables < 8 || refused == 0 || refused == 2*rounds {
		t.Errorf("too little happened: %d rows in %d tables, %d refusals", rows, tables, refused)
	}
	for _, e := range engines {
		v, err := e.Verify(t.Context(), acme, inMemory(t), nil)
		if err != nil || v.Fault != "" {
			t.Errorf("Verify: %+v, %v", v, err)
		}
	}
}
