package api

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-json-experiment/json"

	"github.com/usance/usance"
	"github.com/usance/usance/api/wire"
	"github.com/usance/usance/internal/facadetest"
	"github.com/usance/usance/ledger"
	"github.com/usance/usance/registry"
	"github.com/usance/usance/store"
)

func overviewRules() map[string]rule {
	return map[string]rule{
		"summarizeTenants":  {right: usance.RightRead, status: 200, in: call{method: "GET", path: "/tenant-summaries"}, whole: true},
		"listRefusedEvents": {right: usance.RightRead, status: 200, in: call{method: "GET", path: "/events/refused"}, free: true, scope: "tenant"},
	}
}

type summaries = wire.List[wire.TenantSummary]

// summed asks the operator's overview, walking its pages.
func (h *house) summed(query string, limit int) map[usance.TenantID]wire.TenantSummary {
	h.t.Helper()
	out := map[usance.TenantID]wire.TenantSummary{}
	for cursor, pages := "", 0; ; pages++ {
		path := fmt.Sprintf("%s/tenant-summaries?limit=%d%s", prefix, limit, query)
		if cursor != "" {
			path += "&cursor=" + cursor
		}
		var page summaries
		h.do(call{method: "GET", path: path, token: "operator"}).want(200).json(&page)
		if len(page.Items) > limit || pages > 300 {
			h.t.Fatalf("page %d has %d rows of at most %d", pages, len(page.Items), limit)
		}
		for _, s := range page.Items {
			if _, twice := out[s.ID]; twice {
				h.t.Fatalf("%s is there twice", s.ID)
			}
			out[s.ID] = s
		}
		if cursor = page.Next; cursor == "" {
			return out
		}
	}
}

// single works out a tenant's summary from the calls that a client without one
// would make.
func (h *house) single(tenant usance.Tenant, meter string) wire.TenantSummary {
	h.t.Helper()
	ask := func(path string, into any) {
		h.t.Helper()
		sep := "?"
		if strings.Contains(path, "?") {
			sep = "&"
		}
		h.do(call{method: "GET", path: prefix + path + sep + "tenant=" + string(tenant.ID), token: "operator"}).want(200).json(into)
	}
	out := wire.TenantSummary{ID: tenant.ID, Name: tenant.Name, Timezone: tenant.Timezone}
	var quotas wire.List[wire.Quota]
	ask("/quotas?recursive=true&node=/", &quotas)
	out.Quotas, out.Looked = len(quotas.Items), len(quotas.Items)
	for _, q := range quotas.Items {
		limit, taken := usance.Amount(q.Limit), max(q.Used, 0)+q.Reserved
		if limit == usance.Unlimited || limit == 0 {
			continue
		}
		share := taken * 1_000_000 / limit
		if q.Over > 0 {
			out.Over++
		} else if share >= 800_000 {
			out.Near++
		}
		if out.Tightest == nil || share > *out.Tightest.Share {
			out.Tightest = &wire.TightQuota{Node: q.Node, Meter: q.Meter, Unit: map[string]string{"drive.space": "B", "tokens": "1"}[q.Meter], Limit: limit, Used: q.Used, Reserved: q.Reserved, Share: &share, Window: q.Window, Enforce: q.Enforce}
		}
	}
	now := h.now()
	zone, err := time.LoadLocation(tenant.Timezone)
	h.must(err)
	y, m, d := now.In(zone).Date()
	day := func(back int) time.Time { return time.Date(y, m, d-back, 0, 0, 0, 0, zone) }
	usage := func(from, to time.Time) wire.Integer {
		if !from.Before(to) { // the day has just begun
			return wire.Integer{}
		}
		var u wire.Usage
		ask("/meters/"+meter+"/query?from="+url.QueryEscape(from.Format(time.RFC3339Nano))+"&to="+url.QueryEscape(to.Format(time.RFC3339Nano)), &u)
		return u.Data[0].Value
	}
	out.Usage = &wire.TodaysUsage{Meter: meter, Unit: "s", Today: usage(day(0), now), Yesterday: usage(day(1), now.Truncate(time.Minute).Add(-24*time.Hour))}
	var count wire.ResourceCounts
	soon := "expires_from=" + now.Format(time.RFC3339Nano)
	ask("/resources/count?"+soon+"&expires_to="+now.Add(ledger.Soon).Format(time.RFC3339Nano), &count)
	out.Expiring = count.Count
	var resources wire.List[usance.Resource]
	ask("/resources?"+soon, &resources)
	for _, r := range resources.Items {
		if out.Next == nil || r.Expires.Before(out.Next.Expires) {
			out.Next = &wire.NextExpiry{Resource: r.ID, Expires: r.Expires}
		}
	}
	return out
}

// TestTheOverviewSaysWhatTheSingleCallsSay lets things happen to tenants at random
// and compares, over pages of any size and answers kept or not.
func TestTheOverviewSaysWhatTheSingleCallsSay(t *testing.T) {
	h := newHouse(t)
	r := rand.New(rand.NewPCG(facadetest.Seed(t), 7))
	tenants := []usance.TenantID{acme, beta, "delta", "gamma"}
	zones := []string{"Asia/Kathmandu", "UTC", "America/New_York", "Pacific/Chatham"}
	for i, id := range tenants {
		h.define(id)
		_, err := h.reg.Edit(t.Context(), tester, id, registry.Edit{Tenant: &usance.Tenant{Name: "T " + string(id), Timezone: zones[i]}})
		h.must(err)
	}
	for step := range 30 {
		id := tenants[r.IntN(len(tenants))]
		switch r.IntN(4) {
		case 0:
			var list []ledger.Incoming
			for k := range 3 {
				e := usance.Event{Source: "s", ID: fmt.Sprint(step, "-", k), Type: "meeting.conference.ended", Node: "/a", Time: h.time.Add(-time.Duration(r.Int64N(int64(48 * time.Hour)))),
					Data: fmt.Appendf(nil, `{"duration_seconds":%d}`, r.IntN(5000))}
				list = append(list, ledger.Incoming{Event: e, Stated: true})
			}
			space := usance.Event{Source: "s", ID: fmt.Sprint(step), Type: "drive.space.measured", Node: "/a/x", Subject: fmt.Sprint(r.IntN(2)), Time: h.time, Data: fmt.Appendf(nil, `{"bytes":%d}`, r.IntN(400))}
			_, err := h.led.Ingest(t.Context(), tester, id, append(list, ledger.Incoming{Event: space, Stated: true}))
			h.must(err)
		case 1:
			res := usance.Resource{ID: fmt.Sprint("r", r.IntN(4)), Node: "/a", BusinessType: "X", ChargingMode: usance.OneTime, Source: usance.Purchased, Expires: h.time.Add(time.Duration(r.Int64N(int64(12 * 24 * time.Hour))))}
			_, err := h.led.PutResource(t.Context(), tester, id, res, false)
			h.must(err)
		default:
			h.time = h.time.Add(time.Duration(r.Int64N(int64([]time.Duration{time.Second, 5 * time.Minute, 20 * time.Hour}[r.IntN(3)]))))
		}
		got := h.summed("", 1+r.IntN(5))
		if len(got) != len(tenants) {
			t.Fatalf("%d tenants instead of %d", len(got), len(tenants))
		}
		for i, id := range tenants {
			want := h.single(usance.Tenant{ID: id, Name: "T " + string(id), Timezone: zones[i]}, summaryMeter)
			if a, b := encoded(t, got[id]), encoded(t, want); a != b {
				t.Fatalf("step %d, %s:\n%s\ninstead of\n%s", step, id, a, b)
			}
		}
	}
}

func TestATenantsOwnTokenSeesNoOtherInTheOverview(t *testing.T) {
	h := newHouse(t)
	for _, role := range []usance.Role{usance.RoleAdmin, usance.RoleMember, usance.RoleViewer} {
		var page summaries
		h.do(call{method: "GET", path: prefix + "/tenant-summaries", token: tokenName(beta, role, "/")}).want(200).json(&page)
		if len(page.Items) != 1 || page.Items[0].ID != beta || page.Next != "" {
			t.Errorf("%s: %+v", role, page)
		}
		h.do(call{method: "GET", path: prefix + "/tenant-summaries", token: tokenName(beta, role, "/a")}).want(403)
	}
	h.do(call{method: "GET", path: prefix + "/tenant-summaries", token: tokenName(beta, usance.RoleIngester, "/")}).want(403)
	for _, query := range []string{"limit=0", "limit=201", "cursor=%21", "meter=", "meter=" + strings.Repeat("m", 65), "tenant=acme"} {
		h.do(call{method: "GET", path: prefix + "/tenant-summaries?" + query, token: "operator"}).want(400).problem()
	}
	if got := h.summed("&meter=no.such", 200)[acme]; got.Usage != nil || got.Quotas != 4 {
		t.Errorf("with a meter that nobody has: %+v", got)
	}
	if got := h.summed("&meter=tokens", 200)[acme]; got.Usage == nil || got.Usage.Unit != "1" {
		t.Errorf("with a meter of its own: %+v", got)
	}
}

// A tenant may have the name of any word of a path.
func TestATenantMayBeCalledAsACallIs(t *testing.T) {
	h := newHouse(t)
	for _, id := range []usance.TenantID{"summary", "summaries", "tenant-summaries"} {
		_, err := h.reg.Edit(t.Context(), tester, id, registry.Edit{Create: true, Tenant: &usance.Tenant{Name: "N", Timezone: "UTC"}})
		h.must(err)
		var got usance.Tenant
		if h.do(call{method: "GET", path: prefix + "/tenants/" + string(id), token: "operator"}).want(200).json(&got); got.ID != id {
			t.Errorf("%+v", got)
		}
	}
}

// TestATenantThatCannotBeReadHidesNoOther breaks what one tenant has on its disk.
func TestATenantThatCannotBeReadHidesNoOther(t *testing.T) {
	h := newHouse(t)
	var ids []string
	h.must(h.st.Scan(t.Context(), beta, store.Range{Table: store.Expiring}, func(row store.Row) error {
		ids = append(ids, row.ID)
		return nil
	}))
	keys := store.Keys{}
	for _, id := range ids {
		keys.Rows = append(keys.Rows, store.Key{Table: store.Expiring, ID: id})
	}
	h.must(h.st.Step(t.Context(), beta, keys, func(rows *store.Rows) error {
		for _, id := range ids {
			rows.Put(store.Expiring, id, []byte{0xff})
		}
		return nil
	}))
	h.time = noon.AddDate(0, 1, -3) // that the broken rows count
	got := h.summed("", 200)
	if b := got[beta]; !b.Unreadable || b.Quotas != 0 || b.Name != "BETA" {
		t.Errorf("the broken one: %+v", b)
	}
	if a := got[acme]; a.Unreadable || a.Quotas != 4 || a.Expiring != 2 {
		t.Errorf("the other: %+v", a)
	}
}

// TestAPageOfSummariesEndsWhereItsWorkWouldBeTooMuch gives tenants many quotas.
func TestAPageOfSummariesEndsWhereItsWorkWouldBeTooMuch(t *testing.T) {
	h := newHouseOf(t)
	var quotas []usance.Quota
	for i := range usance.MaxSummaryQuotas {
		quotas = append(quotas, usance.Quota{Node: usance.Path(fmt.Sprintf("/n/%05d", i)), Meter: "vm.num", Limit: 1})
	}
	for i, n := range []int{0, len(quotas), 2, len(quotas), 4} {
		_, err := h.reg.Edit(t.Context(), tester, usance.TenantID(fmt.Sprint("t-", i)), registry.Edit{Create: true, Tenant: &usance.Tenant{Timezone: "UTC"}, Quotas: quotas[:n]})
		h.must(err)
	}
	var page summaries
	h.do(call{method: "GET", path: prefix + "/tenant-summaries", token: "operator"}).want(200).json(&page)
	if len(page.Items) != 3 || page.Next == "" {
		t.Fatalf("%d rows, next %q", len(page.Items), page.Next)
	}
	if all := h.summed("", 200); len(all) != 5 || all["t-3"].Quotas != usance.MaxSummaryQuotas || all["t-4"].Quotas != 4 {
		t.Fatalf("%+v", all)
	}
}

// TestNoMoreIsSummedUpAtOnceThanTheProcessMayRun counts who is inside.
func TestNoMoreIsSummedUpAtOnceThanTheProcessMayRun(t *testing.T) {
	a := &API{summing: make(chan struct{}, 3)}
	var inside, most, done atomic.Int64
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			err := a.aFew(50, func(int) error {
				n := inside.Add(1)
				for was := most.Load(); n > was && !most.CompareAndSwap(was, n); was = most.Load() {
				}
				done.Add(1)
				inside.Add(-1)
				return nil
			})
			if err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if most.Load() > 3 || done.Load() != 200 {
		t.Errorf("%d at once, %d in all", most.Load(), done.Load())
	}
	fault := errors.New("broken")
	if err := a.aFew(50, func(i int) error {
		if i == 7 {
			return fault
		}
		return nil
	}); !errors.Is(err, fault) {
		t.Errorf("%v", err)
	}
	defer func() {
		if p := recover(); p != "oh" {
			t.Errorf("recovered %v", p)
		}
		if len(a.summing) != 0 {
			t.Errorf("%d turns are not given back", len(a.summing))
		}
	}()
	_ = a.aFew(2, func(int) error { panic("oh") })
}

func encoded(t *testing.T, v any) string {
	t.Helper()
	b, err := json.Marshal(v, json.Deterministic(true))
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}
