package ledger_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/usance/usance"
	"github.com/usance/usance/internal/facadetest"
	"github.com/usance/usance/internal/journal"
	"github.com/usance/usance/ledger"
	"github.com/usance/usance/registry"
)

// What the sequential model knows of limits: grants that are alive, and what is
// kept for guarantees.

func (m *reference) alive(q usance.Quota, now time.Time) (out []usance.GrantReading) {
	for _, r := range m.resources {
		if r.Frozen || now.Before(r.Starts) || !r.Expires.IsZero() && !now.Before(r.Expires) {
			continue
		}
		for _, g := range r.Grants {
			if at := g.Node; g.Meter == q.Meter && (at == q.Node || at == "" && r.Node == q.Node) {
				out = append(out, usance.GrantReading{Resource: r.ID, Amount: g.Amount, Starts: r.Starts, Expires: r.Expires})
			}
		}
	}
	return out
}

func (m *reference) limit(q usance.Quota, now time.Time) int64 {
	limit := q.Limit
	for _, g := range m.alive(q, now) {
		if q.Limit != usance.Unlimited {
			limit += g.Amount
		}
	}
	return limit
}

// nearest lists the quotas with none of their meter between them and q.
func (m *reference) nearest(q usance.Quota) (out []usance.Quota) {
	for _, c := range m.quotas {
		between := func(b usance.Quota) bool {
			return b.Meter == q.Meter && b.Node != c.Node && b.Node != q.Node && c.Node.Within(b.Node) && b.Node.Within(q.Node)
		}
		if c.Meter == q.Meter && c.Node != q.Node && c.Node.Within(q.Node) && !slices.ContainsFunc(m.quotas, between) {
			out = append(out, c)
		}
	}
	return out
}

func (m *reference) taken(q usance.Quota, now time.Time) int64 {
	return max(m.used(q, now), 0) + m.reserved(q, now)
}

// kept is what q keeps for the guarantees below it once more is taken at a node.
func (m *reference) kept(q usance.Quota, node usance.Path, more int64, now time.Time) (n int64) {
	for _, c := range m.nearest(q) {
		taken := m.taken(c, now)
		if node.Within(c.Node) {
			taken += more
		}
		n += max(c.Guarantee-taken, 0)
	}
	return n
}

// short is by how much q lacks room for what is asked at a node at or below it.
func (m *reference) short(q usance.Quota, node usance.Path, asked int64, now time.Time) (n int64) {
	limit, taken := m.limit(q, now), m.taken(q, now)
	if limit == usance.Unlimited || asked <= 0 {
		return 0
	}
	after := m.kept(q, node, asked, now)
	if asked+after > m.kept(q, node, 0, now) {
		return taken + asked + after - limit
	}
	return taken + asked - limit
}

// beyond is what a settlement takes past what it gives back.
func beyond(items, before, after []usance.Item) (out []usance.Item) {
	for _, it := range items {
		for _, o := range before {
			if o.Meter == it.Meter {
				it.Amount -= o.Amount
			}
		}
		for _, o := range after {
			if o.Meter == it.Meter {
				it.Amount += o.Amount
			}
		}
		out = append(out, it)
	}
	return out
}

func (m *reference) compareLimit(t *testing.T, q usance.Quota, got ledger.QuotaReading, now time.Time) {
	t.Helper()
	limit, over := m.limit(q, now), int64(0)
	if limit != usance.Unlimited {
		over = max(m.taken(q, now)-limit, 0)
	}
	if got.Limit != limit || got.Base != q.Limit || got.Over != over {
		t.Fatalf("%s %s: limit %d of base %d, over by %d; the model says %d of %d, with %d taken", q.Node, q.Meter, got.Limit, got.Base, got.Over, limit, q.Limit, m.taken(q, now))
	}
	byID := func(a, b usance.GrantReading) int { return strings.Compare(a.Resource, b.Resource) }
	alive := slices.SortedFunc(slices.Values(m.alive(q, now)), byID)
	listed := slices.SortedFunc(slices.Values(got.Grants), byID)
	if got.GrantCount != len(alive) || !slices.Equal(listed, alive) {
		t.Fatalf("%s %s: %d grants, %v; the model has %v", q.Node, q.Meter, got.GrantCount, listed, alive)
	}
	available := usance.Unlimited
	for _, above := range m.quotas {
		if above.Meter != q.Meter || !q.Node.Within(above.Node) || above.Enforce == usance.Soft || above.Limit == usance.Unlimited {
			continue
		}
		limit, taken, kept, own := m.limit(above, now), m.taken(above, now), m.kept(above, q.Node, 0, now), int64(0)
		for _, c := range m.nearest(above) {
			if q.Node.Within(c.Node) {
				own = max(c.Guarantee-m.taken(c, now), 0)
			}
		}
		available = min(available, max(min(limit-taken, own+max(limit-taken-kept, 0)), 0))
	}
	if got.Available != available {
		t.Fatalf("%s %s: available %d; the model says %d", q.Node, q.Meter, got.Available, available)
	}
}

// grantDefinitions is a tree with guarantees at two levels and quotas whose limits
// grants will raise.
func grantDefinitions() registry.Edit {
	e := chargeDefinitions()
	e.Quotas = []usance.Quota{
		{Node: "/", Meter: "tokens", Limit: 200, Window: usance.DayWindow},
		{Node: "/a", Meter: "tokens", Limit: 150, Window: usance.DayWindow, Guarantee: 90},
		{Node: "/c", Meter: "tokens", Limit: 120, Window: usance.DayWindow, Guarantee: 60},
		{Node: "/", Meter: "seats", Limit: 100},
		{Node: "/a", Meter: "seats", Limit: 80, Guarantee: 40},
		{Node: "/a/b", Meter: "seats", Limit: 60, Guarantee: 30},
		{Node: "/a/d", Meter: "seats", Limit: usance.Unlimited, Guarantee: 20},
		{Node: "/c", Meter: "seats", Limit: 50, Guarantee: 30},
		{Node: "/", Meter: "calls", Limit: 300, Window: usance.MonthWindow, Enforce: usance.Soft},
		{Node: "/a/b", Meter: "calls", Limit: 60, Guarantee: 20, Window: usance.MonthWindow},
		{Node: "/", Meter: "vm.cpuNum", Limit: 70},
	}
	for i := range e.Quotas {
		if e.Quotas[i].Window == "" {
			e.Quotas[i].Window = usance.Lifetime
		}
		if e.Quotas[i].Enforce == "" {
			e.Quotas[i].Enforce = usance.Hard
		}
	}
	return e
}

// putResource changes a resource at random: put, frozen, renewed or deleted.
func (m *reference) putResource(t *testing.T, f *fixture, r *rand.Rand) {
	t.Helper()
	id := fmt.Sprint("r", r.IntN(8))
	instant := func() time.Time {
		return f.now.Add(time.Duration(r.IntN(20000)-4000) * time.Second).Truncate(time.Second)
	}
	was, exists := m.resources[id]
	switch n := r.IntN(6); {
	case n == 0 && exists:
		if _, err := f.DeleteResource(t.Context(), tester, acme, id); err != nil {
			t.Fatal(err)
		}
		delete(m.resources, id)
		return
	case n == 1 && exists:
		was.Expires = instant()
		if _, _, err := f.RenewResource(t.Context(), tester, acme, id, was.Expires); err != nil {
			t.Fatal(err)
		}
		m.resources[id] = was
		return
	case n == 2 && exists:
		was.Frozen = !was.Frozen
	default:
		was = usance.Resource{ID: id, Node: chargeNodes[r.IntN(len(chargeNodes))], BusinessType: "X", ChargingMode: usance.Periodic, Source: usance.Purchased}
		if r.IntN(3) > 0 {
			was.Expires = instant()
		}
		if r.IntN(2) == 0 {
			was.Starts = instant()
		}
		for _, i := range r.Perm(len(chargeMeters))[:1+r.IntN(2)] {
			g := usance.Grant{Meter: chargeMeters[i], Amount: 1 + r.Int64N(40)}
			if below := chargeNodes[r.IntN(len(chargeNodes))]; below.Within(was.Node) {
				g.Node = below
			}
			was.Grants = append(was.Grants, g)
		}
	}
	if _, err := f.PutResource(t.Context(), tester, acme, was, false); err != nil {
		t.Fatal(err)
	}
	m.resources[id] = was
}

// redefine changes a limit or a guarantee at random, and checks what is refused.
func (m *reference) redefine(t *testing.T, f *fixture, r *rand.Rand) {
	t.Helper()
	i := r.IntN(len(m.quotas))
	was := m.quotas[i]
	q := was
	if q.Guarantee > 0 && r.IntN(2) == 0 {
		q.Guarantee = 1 + r.Int64N(70)
	} else if q.Limit != usance.Unlimited {
		q.Limit = 1 + r.Int64N(200)
	}
	m.quotas[i] = q
	fits := q.Guarantee <= q.Limit
	for _, p := range m.quotas {
		var sum int64
		for _, c := range m.nearest(p) {
			sum += c.Guarantee
		}
		fits = fits && sum <= p.Limit
	}
	_, err := f.reg.Edit(t.Context(), tester, acme, registry.Edit{Quotas: []usance.Quota{q}})
	if kind := usance.KindOf(err); fits != (err == nil) || err != nil && kind != usance.KindConflict && kind != usance.KindInvalid {
		t.Fatalf("%+v (fits: %v): %v", q, fits, err)
	}
	if err != nil {
		m.quotas[i] = was
	}
}

// tick moves the clock on, often to the very edge of some grant.
func (m *reference) tick(f *fixture, r *rand.Rand) {
	next := f.now.Add(time.Duration(r.IntN(3000)) * time.Second)
	for _, id := range []string{"r0", "r1", "r2", "r3", "r4", "r5", "r6", "r7"} {
		res := m.resources[id]
		for _, edge := range []time.Time{res.Starts, res.Expires} {
			if edge.After(f.now) && edge.Before(next) {
				next = edge.Add(-time.Duration(r.IntN(2)) * time.Microsecond)
			}
		}
	}
	f.now = next
}

// TestChargesAndHoldsFollowLimitsThatComeAndGo runs random charges and holds while
// grants begin, end, freeze and move, limits and guarantees change, and the clock
// steps onto the edges; every outcome and every reading is the model's.
func TestChargesAndHoldsFollowLimitsThatComeAndGo(t *testing.T) {
	seed := facadetest.Seed(t)
	r := rand.New(rand.NewPCG(seed, 11))
	zone, err := usance.LoadZone("Asia/Kathmandu")
	if err != nil {
		t.Fatal(err)
	}
	f := open(t, zone.String(), grantDefinitions())
	m := &reference{quotas: grantDefinitions().Quotas, holds: map[string]*usance.Hold{}, zone: zone, nodes: chargeNodes, resources: map[string]usance.Resource{}}
	steps := 1500
	if short() {
		steps = 400
	}
	for i := range steps {
		m.tick(f, r)
		switch r.IntN(12) {
		case 0, 1, 2, 3:
			m.charge(t, f, r, fmt.Sprint("c", i))
		case 4, 5:
			m.reserve(t, f, r, fmt.Sprint("h", i/6-r.IntN(6)))
		case 6, 7:
			m.settle(t, f, r, fmt.Sprint("h", i/6-r.IntN(6)))
		case 8:
			m.release(t, f, fmt.Sprint("h", i/6-r.IntN(6)))
		case 9:
			m.redefine(t, f, r)
		default:
			m.putResource(t, f, r)
		}
		m.compare(t, f)
		m.foresee(t, f, f.now.Add(time.Duration(r.IntN(20000))*time.Second))
	}
	if v := verify(t, f); v.Fault != "" {
		t.Error(v.Fault)
	}
}

// foresee compares the forecast for a time with what the model has then.
func (m *reference) foresee(t *testing.T, f *fixture, at time.Time) {
	t.Helper()
	var refs []registry.QuotaRef
	for _, q := range m.quotas {
		refs = append(refs, registry.QuotaRef{Node: q.Node, Meter: q.Meter})
	}
	got, _, err := f.Forecast(t.Context(), acme, refs, at)
	if err != nil {
		t.Fatal(err)
	}
	names := func(list []usance.GrantReading) (out []string) {
		for _, g := range list {
			out = append(out, g.Resource)
		}
		slices.Sort(out)
		return out
	}
	for _, q := range m.quotas {
		limit, taken := m.limit(q, at), max(m.used(q, at), 0)+m.reserved(q, f.now)
		if limit == usance.Unlimited || taken <= limit {
			continue
		}
		if len(got) == 0 {
			t.Fatalf("%s %s will be over %d with %d, and is not foreseen", q.Node, q.Meter, limit, taken)
		}
		p := got[0]
		got = got[1:]
		now, then := names(m.alive(q, f.now)), names(m.alive(q, at))
		without := func(list, others []string) []string {
			return slices.DeleteFunc(slices.Clone(list), func(s string) bool { return slices.Contains(others, s) })
		}
		if p.Node != q.Node || p.Meter != q.Meter || p.Limit != m.limit(q, f.now) || p.Base != q.Limit || p.Then != limit || p.Used != m.used(q, at) || p.ShortBy != taken-limit ||
			!slices.Equal(names(p.Lapses), without(now, then)) || !slices.Equal(names(p.Begins), without(then, now)) || p.LapseCount != len(p.Lapses) || p.BeginCount != len(p.Begins) {
			t.Fatalf("%s %s at %s: %+v; the model has a limit of %d, %d taken, %v now and %v then", q.Node, q.Meter, at, p, limit, taken, now, then)
		}
	}
	if len(got) > 0 {
		t.Fatalf("foreseen without cause: %+v", got)
	}
}

// TestSoftAndShadowQuotasAreFlaggedAndHardOnesRefuse lowers a limit under its use
// with every enforcement: history stays, growth is refused or flagged, what shrinks
// passes.
func TestSoftAndShadowQuotasAreFlaggedAndHardOnesRefuse(t *testing.T) {
	for _, e := range []usance.Enforcement{usance.Hard, usance.Soft, usance.Shadow} {
		edit := chargeDefinitions()
		edit.Quotas = []usance.Quota{{Node: "/", Meter: "seats", Limit: 10, Enforce: e}}
		f := open(t, "UTC", edit)
		charge := func(id string, n int64, mode usance.ChargeMode) (ledger.Charged, error) {
			return f.Charge(t.Context(), tester, acme, ledger.Charge{ID: id, Node: "/a", Items: []usance.Item{{Meter: "seats", Amount: n}}, Mode: mode})
		}
		if _, err := charge("1", 8, ""); err != nil {
			t.Fatal(err)
		}
		if _, _, err := f.Reserve(t.Context(), tester, acme, usance.Hold{ID: "h", Items: []usance.Item{{Meter: "seats", Amount: 2}}}, time.Hour); err != nil {
			t.Fatal(err)
		}
		edit.Quotas[0].Limit = 5
		if _, err := f.reg.Edit(t.Context(), tester, acme, registry.Edit{Quotas: edit.Quotas}); err != nil {
			t.Fatal(err)
		}
		stands := func(used, reserved, over int64) {
			t.Helper()
			r, err := f.Report(t.Context(), acme, ledger.Ask{Quotas: []registry.QuotaRef{{Node: "/", Meter: "seats"}}})
			if q := r.Quotas[0]; err != nil || q.Used != used || q.Reserved != reserved || q.Over != over {
				t.Errorf("%s: %+v, %v", e, q, err)
			}
		}
		stands(8, 2, 5)
		out, err := charge("2", 1, "")
		switch {
		case e == usance.Hard && (usance.KindOf(err) != usance.KindExceeded || len(blocksOf(t, err)) != 1):
			t.Errorf("hard: %v", err)
		case e != usance.Hard && (err != nil || len(out.Flagged) != 1 || out.Flagged[0].ShortBy != 6):
			t.Errorf("%s: %+v, %v", e, out, err)
		case e != usance.Hard:
			if _, err := charge("back", -1, usance.ChargeAdjust); err != nil {
				t.Fatal(err)
			}
		}
		if _, _, err := f.Settle(t.Context(), tester, acme, "h", []usance.Item{{Meter: "seats", Amount: 1}}, false, 0); err != nil {
			t.Errorf("%s: a settlement of what was held: %v", e, err)
		}
		stands(9, 0, 4)
		if _, err := charge("3", -5, usance.ChargeAdjust); err != nil {
			t.Error(err)
		}
		if _, err := charge("4", 1, ""); err != nil {
			t.Error(err)
		}
		stands(5, 0, 0)
	}
}

// TestNoLimitIsPassedWhileGrantsLapse has many clients take units one by one while
// the clock walks past the ends of grants, and then walks the ledger: what each
// entry took, fitted the limit of its instant and what was kept for others.
func TestNoLimitIsPassedWhileGrantsLapse(t *testing.T) {
	const meter = "vm.cpuNum"
	f := open(t, "UTC", registry.Edit{Quotas: []usance.Quota{
		{Node: "/", Meter: meter, Limit: 100}, {Node: "/a", Meter: meter, Limit: 60, Guarantee: 50}, {Node: "/b", Meter: meter, Limit: 300, Guarantee: 20},
	}})
	start := f.now.Truncate(time.Second)
	var clock atomic.Int64 // nanoseconds since start
	f.clock = func() time.Time { return start.Add(time.Duration(clock.Load())) }
	for i := range 10 {
		res := usance.Resource{ID: fmt.Sprint("r", i), BusinessType: "X", ChargingMode: usance.Periodic, Source: usance.Purchased,
			Expires: start.Add(time.Duration(i+1) * time.Second), Grants: []usance.Grant{{Meter: meter, Amount: 15}}}
		if _, err := f.PutResource(t.Context(), tester, acme, res, true); err != nil {
			t.Fatal(err)
		}
	}
	var wg sync.WaitGroup
	var given atomic.Int64
	for c := range 64 {
		wg.Go(func() {
			node, item := []usance.Path{"/a", "/b"}[c%2], []usance.Item{{Meter: meter, Amount: 1}}
			for i := range 12 {
				clock.Add(int64(time.Second) / 70)
				id := fmt.Sprintf("%d-%d", c, i)
				var err error
				if i%3 == 0 {
					_, _, err = f.Reserve(t.Context(), tester, acme, usance.Hold{ID: id, Node: node, Items: item}, time.Hour)
				} else {
					_, err = f.Charge(t.Context(), tester, acme, ledger.Charge{ID: id, Node: node, Items: item})
				}
				if err == nil {
					given.Add(1)
				} else if usance.KindOf(err) != usance.KindExceeded {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	taken := map[usance.Path]int64{}
	walk := func(node usance.Path, at time.Time) {
		limit := int64(100)
		for i := range 10 {
			if at.Before(start.Add(time.Duration(i+1) * time.Second)) {
				limit += 15
			}
		}
		taken[node]++
		total, kept := taken["/a"]+taken["/b"], max(50-taken["/a"], 0)+max(20-taken["/b"], 0)
		within := node == "/a" && taken[node] <= 50 || node == "/b" && taken[node] <= 20
		if total > limit || !within && total+kept > limit || taken["/a"] > 60 {
			t.Errorf("at %s %v are taken of %d, and %d are kept", at, taken, limit, kept)
		}
	}
	err := journal.Blocks(t.Context(), f.st, acme, func(b journal.Block) error {
		for _, e := range b.Entries {
			switch e.Kind {
			case journal.Event:
				walk(e.Event.Node, e.At)
			case journal.Hold:
				walk(usance.Path(strings.Split(string(e.Change.After), `"node":"`)[1][:2]), e.At)
			}
		}
		return nil
	})
	if total := taken["/a"] + taken["/b"]; err != nil || total != given.Load() || total < 100 {
		t.Errorf("%v taken, %d were given: %v", taken, given.Load(), err)
	}
}

// TestAGuaranteeOfWhichNothingIsUsedNeedsRoomWhereItMoves moves a node that has
// neither usage nor holds, only a share that is kept for it.
func TestAGuaranteeOfWhichNothingIsUsedNeedsRoomWhereItMoves(t *testing.T) {
	edit := chargeDefinitions()
	edit.Quotas = []usance.Quota{{Node: "/", Meter: "seats", Limit: 100}, {Node: "/a/t", Meter: "seats", Limit: 30, Guarantee: 20},
		{Node: "/b", Meter: "seats", Limit: 50}}
	f := open(t, "UTC", edit)
	take := func(id string, n int64, mode usance.ChargeMode) {
		t.Helper()
		if _, err := f.Charge(t.Context(), tester, acme, ledger.Charge{ID: id, Node: "/b", Items: []usance.Item{{Meter: "seats", Amount: n}}, Mode: mode}); err != nil {
			t.Fatal(err)
		}
	}
	take("1", 31, "")
	_, err := f.rehearsedMove(t, "/a/t", "/b/t")
	refused, ok := errors.AsType[*usance.Error](err)
	want := usance.Block{Node: "/b", Meter: "seats", Window: usance.Lifetime, Limit: 50, Used: 31, Guaranteed: 20, ShortBy: 1}
	if !ok || !slices.Equal(refused.Blocks, []usance.Block{want}) {
		t.Fatalf("refused by %+v: %v", refused, err)
	}
	take("2", -1, usance.ChargeAdjust)
	if _, err := f.rehearsedMove(t, "/a/t", "/b/t"); err != nil {
		t.Errorf("there is room for the guarantee: %v", err)
	}
}

// TestAMoveTakesGrantsAndGuaranteesAlong moves a node with both, from where it is
// granted to where others are guaranteed.
func TestAMoveTakesGrantsAndGuaranteesAlong(t *testing.T) {
	seats := func(node usance.Path, limit, guarantee int64) usance.Quota {
		return usance.Quota{Node: node, Meter: "seats", Limit: limit, Guarantee: guarantee}
	}
	edit := chargeDefinitions()
	edit.Quotas = []usance.Quota{seats("/", 100, 0), seats("/a", 50, 0), seats("/a/t", 30, 20), seats("/b", 50, 0), seats("/b/s", 30, 25)}
	f := open(t, "UTC", edit)
	for id, at := range map[string][2]usance.Path{"above": {"/", "/a/t"}, "own": {"/a/t", ""}, "between": {"/a", "/a/t"}} {
		res := usance.Resource{ID: id, Node: at[0], BusinessType: "X", ChargingMode: usance.Periodic, Source: usance.Purchased, Grants: []usance.Grant{{Meter: "seats", Amount: 5, Node: at[1]}}}
		if _, err := f.PutResource(t.Context(), tester, acme, res, true); err != nil {
			t.Fatal(err)
		}
	}
	charge := func(id string, node usance.Path, n int64, mode usance.ChargeMode) {
		t.Helper()
		if _, err := f.Charge(t.Context(), tester, acme, ledger.Charge{ID: id, Node: node, Items: []usance.Item{{Meter: "seats", Amount: n}}, Mode: mode}); err != nil {
			t.Fatal(err)
		}
	}
	charge("1", "/b", 20, "")
	charge("2", "/a/t", 3, "")
	if _, err := f.rehearsedMove(t, "/a/t", "/b/t"); usance.KindOf(err) != usance.KindConflict || !strings.Contains(err.Error(), "between") {
		t.Fatalf("a move away from below what grants: %v", err)
	}
	if _, err := f.DeleteResource(t.Context(), tester, acme, "between"); err != nil {
		t.Fatal(err)
	}
	_, err := f.rehearsedMove(t, "/a/t", "/b/t")
	refused, ok := errors.AsType[*usance.Error](err)
	want := usance.Block{Node: "/b", Meter: "seats", Window: usance.Lifetime, Limit: 50, Used: 20, Asked: 3, Guaranteed: 42, ShortBy: 15}
	if !ok || !slices.Equal(refused.Blocks, []usance.Block{want}) {
		t.Fatalf("refused by %+v: %v", refused, err)
	}
	charge("3", "/b", -15, usance.ChargeAdjust)
	before, err := f.Sequence(t.Context(), acme)
	if err != nil {
		t.Fatal(err)
	}
	then, err := f.MomentOf(t.Context(), acme, before, time.Time{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.rehearsedMove(t, "/a/t", "/b/t"); err != nil {
		t.Fatal(err)
	}
	now, err := f.Report(t.Context(), acme, ledger.Ask{Quotas: []registry.QuotaRef{{Node: "/b/t", Meter: "seats"}, {Node: "/b", Meter: "seats"}}})
	if err != nil {
		t.Fatal(err)
	}
	if q := now.Quotas[0]; q.Limit != 40 || q.Used != 3 || q.Available != 17 || q.GrantCount != 2 || now.Quotas[1].Available != 0 {
		t.Errorf("after the move: %+v", now.Quotas)
	}
	if _, err := f.rehearsedMove(t, "/b/s", "/a/s"); err != nil {
		t.Errorf("there is room at /a: %v", err)
	}
	past, err := f.QuotasAt(t.Context(), acme, []registry.QuotaRef{{Node: "/a/t", Meter: "seats"}}, then)
	if err != nil || past.Quotas[0].Limit != 40 || past.Quotas[0].Used != 3 {
		t.Errorf("before the move: %+v, %v", past.Quotas, err)
	}
	if v := verify(t, f); v.Fault != "" {
		t.Error(v.Fault)
	}
}

// TestGrantsAreRefusedWhereTheyCannotCount tries what a resource may not grant.
func TestGrantsAreRefusedWhereTheyCannotCount(t *testing.T) {
	edit := modelDefinitions()
	edit.Quotas = []usance.Quota{{Node: "/", Meter: "m.sum", Limit: 10}}
	f := open(t, "UTC", edit)
	put := func(id string, grants ...usance.Grant) error {
		res := usance.Resource{ID: id, Node: "/", BusinessType: "X", ChargingMode: usance.Periodic, Source: usance.Purchased, Grants: grants}
		_, err := f.PutResource(t.Context(), tester, acme, res, false)
		return err
	}
	for name, g := range map[string]usance.Grant{
		"no such meter": {Meter: "nothing", Amount: 1}, "a meter without quotas": {Meter: "m.max", Amount: 1}, "nothing": {Meter: "m.sum"},
		"less than nothing": {Meter: "m.sum", Amount: -1}, "everything": {Meter: "m.sum", Amount: usance.Unlimited}, "past every limit": {Meter: "m.sum", Amount: usance.MaxLimit},
	} {
		if err := put("r", g); usance.KindOf(err) != usance.KindInvalid {
			t.Errorf("a grant of %s: %v", name, err)
		}
	}
	if err := put("r", usance.Grant{Meter: "m.sum", Amount: 1}, usance.Grant{Meter: "m.sum", Amount: 1, Node: "/"}); usance.KindOf(err) != usance.KindInvalid {
		t.Errorf("the same quota twice: %v", err)
	}
	above := usance.Resource{ID: "r", Node: "/a", BusinessType: "X", ChargingMode: usance.Periodic, Source: usance.Purchased, Grants: []usance.Grant{{Meter: "m.sum", Amount: 1, Node: "/"}}}
	if _, err := f.PutResource(t.Context(), tester, acme, above, false); usance.KindOf(err) != usance.KindInvalid {
		t.Errorf("a grant above the resource: %v", err)
	}
	if err := put("r", usance.Grant{Meter: "m.sum", Amount: usance.MaxLimit - 10}); err != nil {
		t.Fatalf("as much as a limit can be: %v", err)
	}
	if err := put("s", usance.Grant{Meter: "m.sum", Amount: 1}); usance.KindOf(err) != usance.KindInvalid {
		t.Errorf("one more than a limit can be: %v", err)
	}
	for i := range usance.MaxQuotaGrants {
		if err := put(fmt.Sprint("n", i), usance.Grant{Meter: "m.level", Amount: 1}); err != nil {
			t.Fatal(err)
		}
	}
	if err := put("one more", usance.Grant{Meter: "m.level", Amount: 1}); usance.KindOf(err) != usance.KindTooLarge {
		t.Errorf("one grant too many: %v", err)
	}
	r, err := f.Report(t.Context(), acme, ledger.Ask{Quotas: []registry.QuotaRef{{Node: "/", Meter: "m.level"}}})
	if q := r.Quotas[0]; err != nil || q.Defined || q.Limit != usance.Unlimited || q.GrantCount != usance.MaxQuotaGrants || len(q.Grants) != usance.MaxGrantsListed {
		t.Errorf("grants without a quota: %d of %d, limit %d, %v", len(q.Grants), q.GrantCount, q.Limit, err)
	}
}
