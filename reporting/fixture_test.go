package reporting_test

import (
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/usance/usance"
	"github.com/usance/usance/internal/facadetest"
	"github.com/usance/usance/ledger"
	"github.com/usance/usance/registry"
	"github.com/usance/usance/reporting"
	"github.com/usance/usance/store/pgstore/pgtest"
)

const acme = usance.TenantID("acme")

// The tests share a server; each has a schema of its own.
var (
	server  = sync.OnceValues(func() (*pgtest.Server, error) { return pgtest.Start() })
	schemas atomic.Int64
)

// published is a core and a database that its tables are published to.
type published struct {
	*facadetest.Core
	url, schema string
	db          *pgxpool.Pool
}

func newPublished(t *testing.T) *published {
	t.Helper()
	pgtest.Need(t)
	s, err := server()
	if err != nil {
		t.Fatal(err)
	}
	p := &published{Core: facadetest.Open(t, time.Date(2026, 3, 10, 9, 17, 23, 0, time.UTC)), url: s.URL("postgres"), schema: fmt.Sprint("Usance SQL ", schemas.Add(1))}
	cfg, err := pgxpool.ParseConfig(p.url)
	if err != nil {
		t.Fatal(err)
	}
	cfg.ConnConfig.RuntimeParams["search_path"] = pgx.Identifier{p.schema}.Sanitize()
	if p.db, err = pgxpool.NewWithConfig(t.Context(), cfg); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.db.Close)
	return p
}

// publisher opens one more publisher, as another process has.
func (p *published) publisher(t *testing.T, batch int) *reporting.Publisher {
	t.Helper()
	reg := facadetest.OpenRegistry(t, p.Store, p.Clock.Now)
	pub, err := reporting.Open(p.url, reporting.Options{Store: p.Store, Registry: reg, Ledger: ledger.New(p.Store, reg, ledger.Options{Now: p.Clock.Now}),
		Now: p.Clock.Now, Logger: slog.New(slog.DiscardHandler), Schema: p.schema, Batch: batch})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(pub.Close)
	return pub
}

func (p *published) exec(t *testing.T, sql string) {
	t.Helper()
	if _, err := p.db.Exec(t.Context(), sql); err != nil {
		t.Fatal(err)
	}
}

func definitions(name string) registry.Edit {
	group := map[string]string{"region": "data.region"}
	a, n := []usance.Source{{Type: "t.a"}}, []usance.Source{{Type: "t.a", Amount: "data.n"}}
	return registry.Edit{
		Tenant: &usance.Tenant{Name: name, Timezone: "Asia/Kathmandu"},
		Nodes:  []usance.Node{{Path: "/a"}},
		Meters: []usance.Meter{
			{Name: "m.count", Unit: "1", Aggregation: usance.AggCount, Events: a, GroupBy: group},
			{Name: "m.unique", Unit: "1", Aggregation: usance.AggUnique, Events: a, GroupBy: group},
			{Name: "m.sum", Unit: "B", Aggregation: usance.AggSum, Events: n, GroupBy: group},
			{Name: "m.min", Unit: "1", Aggregation: usance.AggMin, Events: n, GroupBy: group},
			{Name: "m.max", Unit: "1", Aggregation: usance.AggMax, Events: n, GroupBy: group},
			{Name: "m.average", Unit: "1", Aggregation: usance.AggAverage, Events: n, GroupBy: group},
			{Name: "m.gauge", Unit: "1", Aggregation: usance.AggGauge, Events: n, GroupBy: group},
			{Name: "m.level", Unit: "1", Aggregation: usance.AggLevel, Events: []usance.Source{{Type: "t.a", Amount: "data.n"}, {Type: "t.b", Amount: "-data.n"}}, GroupBy: group},
			{Name: "seats", Unit: "1", Aggregation: usance.AggLevel},
			{Name: "tokens", Unit: "1", Aggregation: usance.AggSum, Events: []usance.Source{{Type: "llm", Amount: "data.tokens"}}, GroupBy: map[string]string{"model": "data.model"}},
		},
		Quotas: []usance.Quota{
			{Node: "/", Meter: "tokens", Limit: 40, Window: usance.DayWindow, Enforce: usance.Hard},
			{Node: "/a/b", Meter: "tokens", Limit: usance.Unlimited, Window: usance.MonthWindow, Enforce: usance.Soft},
			{Node: "/a", Meter: "seats", Limit: 90, Window: usance.Lifetime, Enforce: usance.Hard},
			{Node: "/", Meter: "m.level", Limit: 900, Window: usance.Lifetime, Enforce: usance.Hard},
			{Node: "/z", Meter: "m.level", Limit: 20, Window: usance.Lifetime, Enforce: usance.Shadow, Guarantee: 3},
		},
	}
}

// live has a bit of everything happen to a tenant.
func (p *published) live(t *testing.T, r *rand.Rand, tenant usance.TenantID, round int) {
	t.Helper()
	ctx, led, tester := t.Context(), p.Ledger, facadetest.Tester()
	now := p.Clock.Now()
	p.ingest(t, r, tenant, round)
	for range 2 {
		var err error
		id := fmt.Sprint(r.IntN(round+1), "-0")
		if r.IntN(2) == 0 {
			_, _, err = led.Void(ctx, tester, tenant, "test", id, "wrong")
		} else {
			at, node := now.Add(-time.Duration(r.Int64N(int64(48*time.Hour)))), places[r.IntN(len(places))]
			_, _, err = led.Amend(ctx, tester, tenant, "test", id, "late", ledger.Amendment{Time: &at, Node: &node, Data: fmt.Appendf(nil, `{"n":%d}`, r.IntN(99))})
		}
		might(t, err, usance.KindConflict, usance.KindNotFound)
	}
	_, err := led.PutResource(ctx, tester, tenant, usance.Resource{ID: fmt.Sprint("r", r.IntN(9)), Node: "/a", BusinessType: "LIVE_2D", ChargingMode: usance.OneTime, Source: usance.Purchased,
		Labels: map[string]string{"k": "v"}, Expires: now.Add(time.Hour), Grants: []usance.Grant{{Meter: "seats", Amount: usance.Amount(1 + r.IntN(5)), Node: "/a"}}[:r.IntN(2)]}, false)
	might(t, err)
	_, err = led.DeleteResource(ctx, tester, tenant, fmt.Sprint("r", r.IntN(9)))
	might(t, err, usance.KindNotFound)
	_, err = led.Charge(ctx, tester, tenant, ledger.Charge{ID: fmt.Sprint("c", round), Node: "/a/b", Items: []usance.Item{{Meter: "seats", Amount: 9}, {Meter: "tokens", Amount: 3}},
		Mode: []usance.ChargeMode{usance.ChargeEnforce, usance.ChargeBestEffort}[r.IntN(2)]})
	might(t, err, usance.KindExceeded)
	_, _, err = led.Reserve(ctx, tester, tenant, usance.Hold{ID: fmt.Sprint("h", round), Node: "/a", Items: []usance.Item{{Meter: "tokens", Amount: 2}}}, time.Duration(1+r.IntN(3))*15*time.Minute)
	might(t, err, usance.KindExceeded)
	if round%3 == 0 {
		_, _, err = led.Settle(ctx, tester, tenant, fmt.Sprint("h", round), nil, false, 0)
		might(t, err, usance.KindNotFound)
	}
	p.upheaval(t, r, tenant, round)
}

var places = []usance.Path{"/", "/a", "/a/b", "/ä", "/%_"}

func (p *published) ingest(t *testing.T, r *rand.Rand, tenant usance.TenantID, round int) {
	t.Helper()
	now := p.Clock.Now()
	batch := make([]ledger.Incoming, 1+r.IntN(20))
	for i := range batch {
		at := now.Add(-time.Duration(r.Int64N(int64(72 * time.Hour))))
		if r.IntN(10) == 0 {
			at = now.Add(time.Duration(r.Int64N(int64(30 * time.Hour)))) // booked ahead
		}
		batch[i] = ledger.Incoming{Stated: true, Event: usance.Event{Source: "test", ID: fmt.Sprint(round, "-", i), Type: []string{"t.a", "t.a", "t.b", "t.other"}[r.IntN(4)],
			Subject: fmt.Sprint("u", r.IntN(5)), Node: places[r.IntN(len(places))], Time: at,
			Data: fmt.Appendf(nil, `{"n":%d,"region":%q}`, r.IntN(50), []string{"eu", "us", ""}[r.IntN(3)])}}
	}
	if r.IntN(3) == 0 {
		batch = append(batch, ledger.Incoming{Stated: true, Event: usance.Event{Source: "test", ID: fmt.Sprint(round, "-level"), Type: registry.LevelEvent, Node: "/a", Time: now,
			Data: []byte(`{"meter":"seats","delta":2}`)}})
	}
	_, err := p.Ledger.Ingest(t.Context(), facadetest.Tester(), tenant, batch)
	might(t, err)
}

// upheaval changes much at once, now and then.
func (p *published) upheaval(t *testing.T, r *rand.Rand, tenant usance.TenantID, round int) {
	t.Helper()
	ctx, led, tester, now := t.Context(), p.Ledger, facadetest.Tester(), p.Clock.Now()
	if round%5 == 2 {
		for _, m := range [][2]usance.Path{{"/ä", usance.Path(fmt.Sprint("/moved-", round))}, {"/a", "/z/a"}, {"/%_", "/a/%_"}, {"/z/a", "/a"}}[r.IntN(3):] {
			_, err := led.MoveNode(ctx, tester, tenant, m[0], m[1])
			might(t, err, usance.KindNotFound, usance.KindConflict, usance.KindExceeded)
		}
	}
	if round%4 == 1 {
		subject := fmt.Sprint("u", r.IntN(5))
		proposed, _, err := led.ProposeRange(ctx, tester, tenant, ledger.RangeFilter{Node: "/", Subject: &subject, From: now.Add(-20 * time.Hour), To: now}, "twice")
		might(t, err)
		if _, _, err = led.ApproveRange(ctx, tester, tenant, proposed.ID); err == nil && r.IntN(2) == 0 {
			_, _, err = led.RevertRange(ctx, tester, tenant, proposed.ID)
		}
		might(t, err)
	}
	if round%7 == 3 {
		p.Edit(tenant, registry.Edit{Tenant: &usance.Tenant{Name: fmt.Sprint("Acme ", round), Timezone: []string{"America/St_Johns", "UTC"}[r.IntN(2)]}})
	}
	if round%6 == 4 {
		p.Edit(tenant, registry.Edit{Quotas: []usance.Quota{{Node: "/a", Meter: "m.sum", Limit: usance.Amount(r.IntN(500)), Window: usance.DayWindow, Enforce: usance.Hard}},
			Meters: []usance.Meter{{Name: "late", Unit: "1", Aggregation: usance.AggCount, Events: []usance.Source{{Type: []string{"t.b", "t.other"}[r.IntN(2)]}}}}})
	}
}

func might(t *testing.T, err error, kinds ...usance.Kind) {
	t.Helper()
	for _, k := range kinds {
		if err != nil && usance.KindOf(err) == k {
			return
		}
	}
	if err != nil {
		t.Fatal(err)
	}
}

func refresh(t *testing.T, p *reporting.Publisher) {
	t.Helper()
	if err := p.Refresh(context.WithoutCancel(t.Context())); err != nil {
		t.Fatal(err)
	}
}
