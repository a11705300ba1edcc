package reporting_test

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/usance/usance"
	"github.com/usance/usance/internal/facadetest"
	"github.com/usance/usance/ledger"
	"github.com/usance/usance/registry"
	"github.com/usance/usance/reporting"
	"github.com/usance/usance/store"
)

// same compares every row of a tenant with what the ledger answers.
func (p *published) same(t *testing.T, tenant usance.TenantID) {
	t.Helper()
	sequence, err := p.Ledger.Sequence(t.Context(), tenant)
	if err != nil {
		t.Fatal(err)
	}
	defs, err := p.Registry.Definitions(t.Context(), tenant)
	if err != nil {
		t.Fatal(err)
	}
	p.compare(t, "tenants", `select concat_ws('|', name, timezone, sequence, newest) from tenants where tenant = $1`, tenant,
		[]string{fmt.Sprint(defs.Tenant.Name, "|", defs.Zone, "|", sequence, "|", sequence)})
	p.compare(t, "events", `select concat_ws('|', sequence, source, id, type, subject, node, to_char(time at time zone 'UTC', 'YYYY-MM-DD HH24:MI:SS.US'), data->>'n', state) from events where tenant = $1`,
		tenant, p.events(t, tenant))
	p.compare(t, "usage_daily", `select concat_ws('|', meter, node, day, group_by, value, unit, aggregation) from usage_daily where tenant = $1`, tenant, p.days(t, tenant, defs))
	p.compare(t, "quotas", `select concat_ws('|', node, meter, period, enforce, coalesce(base, 9223372036854775807), granted, coalesce(limit_amount, 9223372036854775807), used, reserved,
		coalesce(allocated, 9223372036854775807), coalesce(available, 9223372036854775807), over, guarantee, coalesce(extract(epoch from resets_at)::bigint, 0)) from quotas where tenant = $1`, tenant, p.quotas(t, tenant, defs))
	p.compare(t, "resources", `select concat_ws('|', id, node, business_type, charging_mode, source, amount, frozen, extract(epoch from expires)::bigint, labels->>'k', jsonb_array_length(grants)) from resources where tenant = $1`,
		tenant, p.resources(t, tenant))
}

func (p *published) compare(t *testing.T, table, sql string, tenant usance.TenantID, want []string) {
	t.Helper()
	rows, err := p.db.Query(t.Context(), sql, string(tenant))
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	var got []string
	for rows.Next() {
		var row string
		if err := rows.Scan(&row); err != nil {
			t.Fatal(err)
		}
		got = append(got, row)
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	slices.Sort(got)
	slices.Sort(want)
	if slices.Equal(got, want) {
		return
	}
	for _, row := range want {
		if !slices.Contains(got, row) {
			t.Errorf("%s lacks %s", table, row)
		}
	}
	for _, row := range got {
		if !slices.Contains(want, row) {
			t.Errorf("%s has %s", table, row)
		}
	}
	t.Fatalf("%s: %d rows, the ledger has %d", table, len(got), len(want))
}

func (p *published) events(t *testing.T, tenant usance.TenantID) (out []string) {
	t.Helper()
	for cursor, more := "", true; more; more = cursor != "" {
		page, err := p.Ledger.Events(t.Context(), tenant, ledger.EventFilter{Cursor: cursor, Limit: usance.MaxPageSize})
		if err != nil {
			t.Fatal(err)
		}
		cursor = page.Next
		for _, e := range page.Events {
			state := "counted"
			if e.Voided {
				state = "voided"
			} else if e.Amended {
				state = "amended"
			}
			var data struct{ N *int }
			if e.Data != nil {
				if err := json.Unmarshal(e.Data, &data); err != nil {
					t.Fatal(err)
				}
			}
			parts := []string{fmt.Sprint(e.Sequence), e.Source, e.ID, e.Type, e.Subject, string(e.Node), e.Time.UTC().Truncate(time.Microsecond).Format("2006-01-02 15:04:05.000000")}
			if data.N != nil {
				parts = append(parts, fmt.Sprint(*data.N))
			}
			out = append(out, strings.Join(append(parts, state), "|"))
		}
	}
	return out
}

func (p *published) days(t *testing.T, tenant usance.TenantID, defs *registry.Definitions) (out []string) {
	t.Helper()
	nodes := map[usance.Path]bool{}
	err := p.Ledger.Series(t.Context(), tenant, func(_ string, node usance.Path) error {
		nodes[node] = true
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range defs.Meters() {
		var to time.Time
		if m.Aggregation.Stands() {
			_, to = usance.DayWindow.Bounds(p.Clock.Now(), defs.Zone)
		}
		asks := [][]string{nil}
		if len(m.GroupBy) > 0 {
			asks = append(asks, m.GroupKeys())
		}
		for node := range maps.Keys(nodes) {
			for _, by := range asks {
				a, err := p.Ledger.Query(t.Context(), tenant, ledger.Query{Meter: m.Name, Node: node, To: to, Window: usance.DayWindow, Zone: defs.Zone, GroupBy: by})
				if err != nil {
					t.Fatal(err)
				}
				for _, row := range a.Rows {
					if m.Aggregation.Stands() && row.Value.IsZero() {
						continue
					}
					group := []string{}
					for k, v := range row.Group {
						group = append(group, fmt.Sprintf("%q: %q", k, v))
					}
					out = append(out, fmt.Sprintf("%s|%s|%s|{%s}|%s|%s|%s", m.Name, node, row.From.In(defs.Zone).Format(time.DateOnly), strings.Join(group, ", "), row.Value, m.Unit, m.Aggregation))
				}
			}
		}
	}
	return out
}

func (p *published) quotas(t *testing.T, tenant usance.TenantID, defs *registry.Definitions) (out []string) {
	t.Helper()
	var ask ledger.Ask
	for _, q := range defs.Quotas(usance.Root, true) {
		ask.Quotas = append(ask.Quotas, registry.QuotaRef{Node: q.Node, Meter: q.Meter})
	}
	r, err := p.Ledger.Report(t.Context(), tenant, ask)
	if err != nil {
		t.Fatal(err)
	}
	for _, q := range r.Quotas {
		resets := int64(0)
		if !q.ResetsAt.IsZero() {
			resets = q.ResetsAt.Unix()
		}
		out = append(out, fmt.Sprintf("%s|%s|%s|%s|%d|%d|%d|%d|%d|%d|%d|%d|%d|%d", q.Node, q.Meter, q.Window, q.Enforce, q.Base, q.Granted, q.Limit, q.Used, q.Reserved, q.Allocated, q.Available, q.Over, q.Guarantee, resets))
	}
	return out
}

func (p *published) resources(t *testing.T, tenant usance.TenantID) (out []string) {
	t.Helper()
	page, err := p.Ledger.Resources(t.Context(), tenant, ledger.ResourceFilter{}, "", 0, usance.MaxPageSize)
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range page.Resources {
		out = append(out, fmt.Sprintf("%s|%s|%s|%s|%s|%d|%s|%d|%s|%d", r.ID, r.Node, r.BusinessType, r.ChargingMode, r.Source, r.Amount, map[bool]string{true: "t", false: "f"}[r.Frozen], r.Expires.Unix(), r.Labels["k"], len(r.Grants)))
	}
	return out
}

// settled refreshes until nothing is written by the refresh itself: reading quotas
// ends holds that are due.
func (p *published) settled(t *testing.T, pub *reporting.Publisher) {
	t.Helper()
	refresh(t, pub)
	refresh(t, pub)
}

func TestTheTablesSayWhatTheLedgerAnswers(t *testing.T) {
	r := rand.New(rand.NewPCG(facadetest.Seed(t), 1))
	p := newPublished(t)
	p.Edit(acme, definitions("Acme"))
	p.Edit("beta", definitions("Beta"))
	pub := p.publisher(t, 1+r.IntN(60))
	for round := range 40 {
		p.Clock.Move(time.Duration(1+r.IntN(8)) * time.Hour)
		p.live(t, r, acme, round)
		if r.IntN(3) == 0 {
			p.live(t, r, "beta", round)
		}
		if r.IntN(2) == 0 {
			continue
		}
		switch r.IntN(8) {
		case 0: // a restart
			pub = p.publisher(t, 1+r.IntN(60))
		case 1: // the clock alone
			refresh(t, pub)
			p.Clock.Move(time.Duration(10+r.IntN(30)) * time.Hour)
		}
		p.settled(t, pub)
		p.same(t, acme)
		p.same(t, "beta")
	}
	p.settled(t, pub)
	p.same(t, acme)
	p.same(t, "beta")
}

func TestTablesThatAreLostAreMadeAnew(t *testing.T) {
	r := rand.New(rand.NewPCG(7, 7))
	p := newPublished(t)
	p.Edit(acme, definitions("Acme"))
	pub := p.publisher(t, 0)
	for round, sql := range []string{`drop schema "` + p.schema + `" cascade`, `drop table events`, `alter table usage_daily drop column unit`, `drop table progress`, `delete from progress`} {
		p.live(t, r, acme, round)
		p.settled(t, pub)
		p.same(t, acme)
		p.exec(t, sql)
		p.live(t, r, acme, round+10)
		if err := pub.Refresh(t.Context()); err == nil && !strings.HasPrefix(sql, "delete") {
			t.Errorf("%s: the publisher did not notice", sql)
		}
		p.settled(t, pub)
		p.same(t, acme)
	}
}

func TestALedgerThatIsAnotherIsPublishedAnew(t *testing.T) {
	r := rand.New(rand.NewPCG(8, 8))
	first := newPublished(t)
	first.Edit(acme, definitions("Acme"))
	first.Edit("gone", definitions("Gone"))
	for round := range 3 {
		first.live(t, r, acme, round)
	}
	first.settled(t, first.publisher(t, 0))
	for _, rounds := range []int{1, 3, 6} { // shorter, and longer: the restored store has gone on
		other := &published{Core: facadetest.Open(t, first.Clock.Now()), url: first.url, schema: first.schema, db: first.db}
		other.Edit(acme, definitions("Acme"))
		for round := range rounds {
			other.live(t, r, acme, round)
		}
		other.settled(t, other.publisher(t, 0))
		other.same(t, acme)
	}
	first.compare(t, "tenants", `select tenant from tenants where tenant <> $1`, acme, nil)
}

func TestADeletedTenantLeavesTheTables(t *testing.T) {
	r := rand.New(rand.NewPCG(10, 10))
	p := newPublished(t)
	p.Edit(acme, definitions("Acme"))
	p.Edit("gone", definitions("Gone"))
	for round := range 3 {
		p.live(t, r, acme, round)
		p.live(t, r, "gone", round)
	}
	pub := p.publisher(t, 0)
	p.settled(t, pub)
	rows := func(table string) (n int) {
		t.Helper()
		if err := p.db.QueryRow(t.Context(), `select count(*) from `+table+` where tenant = 'gone'`).Scan(&n); err != nil {
			t.Fatal(err)
		}
		return n
	}
	tables := []string{"tenants", "events", "usage_daily", "quotas", "resources", "progress"}
	for _, table := range tables {
		if rows(table) == 0 {
			t.Errorf("nothing is in %s to begin with", table)
		}
	}
	if _, err := p.Registry.DeleteTenant(t.Context(), facadetest.Tester(), "gone"); err != nil {
		t.Fatal(err)
	}
	p.settled(t, pub)
	for _, table := range tables {
		if n := rows(table); n > 0 {
			t.Errorf("%d rows are left in %s", n, table)
		}
	}
	p.same(t, acme)
}

func TestSeveralFollowersAtOnceKeepOneState(t *testing.T) {
	r := rand.New(rand.NewPCG(9, 9))
	p := newPublished(t)
	p.Edit(acme, definitions("Acme"))
	p.Edit("beta", definitions("Beta"))
	ctx, stop := context.WithCancel(t.Context())
	var followers sync.WaitGroup
	for range 3 {
		pub := p.publisher(t, 10)
		tick := make(chan time.Time)
		close(tick) // without rest
		followers.Go(func() { pub.Run(ctx, tick) })
	}
	for round := range 12 {
		p.Clock.Move(time.Hour)
		p.live(t, r, acme, round)
		p.live(t, r, "beta", round)
	}
	stop()
	followers.Wait()
	pub := p.publisher(t, 10)
	p.settled(t, pub)
	p.same(t, acme)
	p.same(t, "beta")
}

func TestMetricsTellHowOldTheTablesMayBe(t *testing.T) {
	p := newPublished(t)
	p.Edit(acme, definitions("Acme"))
	pub := p.publisher(t, 0)
	want := func(behind time.Duration, rounds, failed uint64) {
		t.Helper()
		if m := pub.Metrics(); m.Behind != behind || m.Rounds != rounds || m.Failed != failed {
			t.Errorf("%+v; want %v behind, %d rounds, %d failed", m, behind, rounds, failed)
		}
	}
	p.Clock.Move(time.Minute)
	want(time.Minute, 0, 0)
	refresh(t, pub)
	want(0, 1, 0)
	p.Clock.Move(time.Minute)
	refresh(t, pub)
	p.Clock.Move(3 * time.Second)
	want(3*time.Second, 2, 0)
	p.exec(t, `drop table events`)
	p.Ingest(acme, p.Event(p.Clock.Now(), "t.a", "u", "/a", `{"n":1}`))
	if err := pub.Refresh(t.Context()); err == nil {
		t.Error("nothing failed")
	}
	p.Clock.Move(time.Second)
	want(4*time.Second, 3, 1) // of the round that was whole
	refresh(t, pub)
	want(0, 4, 1)
}

// counting is a store that counts how it is asked.
type counting struct {
	store.Store
	loads, peeks int
}

func (c *counting) Load(ctx context.Context, tenant usance.TenantID, keys store.Keys) (*store.Rows, error) {
	c.loads++
	return c.Store.Load(ctx, tenant, keys)
}

func (c *counting) Peek(ctx context.Context, tenants []usance.TenantID, key store.Key) (map[usance.TenantID][]byte, error) {
	c.peeks++
	return store.Peek(ctx, c.Store, tenants, key)
}

func TestARoundOverIdleTenantsAsksOnceForAll(t *testing.T) {
	p := newPublished(t)
	counted := &counting{Store: p.Store}
	p.Store = counted
	const tenants = 120
	for i := range tenants {
		p.Edit(usance.TenantID(fmt.Sprint("t-", i)), registry.Edit{Tenant: &usance.Tenant{Timezone: "UTC"}})
	}
	pub := p.publisher(t, 0)
	p.settled(t, pub)
	*counted = counting{Store: counted.Store}
	refresh(t, pub)
	if counted.peeks > 2 || counted.loads > 2 { // for the list of tenants and for their heads
		t.Errorf("%d idle tenants: %d times asked for all heads, %d single loads", tenants, counted.peeks, counted.loads)
	}
	p.Ingest("t-7", p.Event(p.Clock.Now(), "t.a", "u", "/a", `{}`))
	refresh(t, pub)
	p.compare(t, "events", `select id from events where tenant = $1`, "t-7", []string{"1"})
}

func TestWhatPostgreSQLDoesNotHoldIsPublishedAsText(t *testing.T) {
	p := newPublished(t)
	p.Edit(acme, definitions("Acme"))
	for _, data := range []string{`{"n":1,"s":"a\u0000b"}`, `{"n":1,"big":1e999999}`, `{"n":1,"s":"a\\u0000 e5"}`, `{"n":1,"e":1.5e300}`} {
		e := p.Event(p.Clock.Now(), "t.a", "nul\x00", "/a", data)
		e.Source = "so\x00urce"
		if _, err := p.Ledger.Ingest(t.Context(), facadetest.Tester(), acme, []ledger.Incoming{e}); err != nil {
			t.Fatal(err)
		}
	}
	refresh(t, p.publisher(t, 0))
	p.compare(t, "events", `select concat_ws('|', id, source, subject, jsonb_typeof(data)) from events where tenant = $1`, acme,
		[]string{"1|so\uFFFDurce|nul\uFFFD|string", "2|so\uFFFDurce|nul\uFFFD|string", "3|so\uFFFDurce|nul\uFFFD|object", "4|so\uFFFDurce|nul\uFFFD|object"})
}

func TestATableChangesInOneTransactionATenant(t *testing.T) {
	p := newPublished(t)
	p.Edit(acme, definitions("Acme"))
	pub := p.publisher(t, 0)
	refresh(t, pub)
	p.exec(t, `create function fail() returns trigger language plpgsql as $$ begin raise 'no'; end $$;
		create trigger fail before update on tenants for each row execute function fail()`)
	if _, err := p.Ledger.Ingest(t.Context(), facadetest.Tester(), acme, []ledger.Incoming{p.Event(p.Clock.Now(), "t.a", "u", "/a", `{"n":1}`)}); err != nil {
		t.Fatal(err)
	}
	if err := pub.Refresh(t.Context()); err == nil {
		t.Fatal("a refresh that cannot end is answered with success")
	}
	p.compare(t, "events", `select id from events where tenant = $1`, acme, nil)
	p.compare(t, "usage_daily", `select meter from usage_daily where tenant = $1`, acme, nil)
	p.exec(t, `drop trigger fail on tenants`)
	refresh(t, pub)
	p.same(t, acme)
}

func TestAnswersLongerThanOneQueryAreWhole(t *testing.T) {
	p := newPublished(t)
	p.Edit(acme, definitions("Acme"))
	begin, groups := p.Clock.Now().AddDate(0, 0, -499), 210 // 500 days: more rows than one answer has
	events := make([]ledger.Incoming, groups)
	for i := range events {
		events[i] = p.Event(begin, "t.a", "u", "/", fmt.Sprintf(`{"n":2,"region":"r%d"}`, i))
	}
	if _, err := p.Ledger.Ingest(t.Context(), facadetest.Tester(), acme, events); err != nil {
		t.Fatal(err)
	}
	refresh(t, p.publisher(t, 0))
	p.compare(t, "usage_daily", `select concat_ws('|', group_by = '{}', count(*), count(distinct day), sum(value)) from usage_daily
		where tenant = $1 and meter = 'm.level' group by group_by = '{}'`, acme, []string{"t|500|500|210000", "f|105000|500|210000"})
}

func TestTheExamplesOfTheDocumentationRun(t *testing.T) {
	page, err := os.ReadFile("../docs/sql.md")
	if err != nil {
		t.Fatal(err)
	}
	p := newPublished(t)
	p.Edit(acme, definitions("Acme"))
	p.live(t, rand.New(rand.NewPCG(3, 3)), acme, 0)
	refresh(t, p.publisher(t, 0))
	parts := strings.Split(string(page), "```")
	ran := 0
	for i := 1; i < len(parts); i += 2 {
		sql, ok := strings.CutPrefix(parts[i], "sql\n")
		if !ok {
			continue
		}
		ran++
		p.exec(t, strings.ReplaceAll(sql, "usance_sql.", ""))
	}
	if ran < 5 {
		t.Errorf("%d examples, want 5 or more", ran)
	}
}
