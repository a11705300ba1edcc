package ledger_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"reflect"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/usance/usance"
	"github.com/usance/usance/internal/facadetest"
	"github.com/usance/usance/ledger"
	"github.com/usance/usance/registry"
)

// The tree that charges and holds are tried on: a gauge, a level and a counter
// with a daily window, hard at three depths, and a soft one.
func chargeDefinitions() registry.Edit {
	return registry.Edit{
		Meters: []usance.Meter{
			{Name: "calls", Unit: "1", Aggregation: usance.AggCount, Events: []usance.Source{{Type: "call"}}},
			{Name: "seats", Unit: "1", Aggregation: usance.AggLevel},
			{Name: "tokens", Unit: "1", Aggregation: usance.AggSum, Events: []usance.Source{{Type: "llm", Amount: "data.tokens"}}, GroupBy: map[string]string{"model": "data.model"}},
		},
		Quotas: []usance.Quota{
			{Node: "/", Meter: "tokens", Limit: 400, Window: usance.DayWindow},
			{Node: "/", Meter: "seats", Limit: 120},
			{Node: "/a", Meter: "seats", Limit: 90},
			{Node: "/a/b", Meter: "seats", Limit: 60},
			{Node: "/a", Meter: "tokens", Limit: 250, Window: usance.MonthWindow},
			{Node: "/a/b", Meter: "calls", Limit: 50, Enforce: usance.Soft},
			{Node: "/", Meter: "vm.cpuNum", Limit: 70},
		},
	}
}

var chargeNodes = []usance.Path{"/", "/a", "/a/b", "/a/d", "/c"}
var chargeMeters = []string{"tokens", "seats", "calls", "vm.cpuNum"}

// reference is the sequential model: what is used and held, as lists.
type reference struct {
	quotas []usance.Quota
	uses   []use
	holds  map[string]*usance.Hold
	zone   *time.Location
	nodes  []usance.Path // that charges and holds are tried at

	resources map[string]usance.Resource
	charged   map[string]span // charges that stand, by id
}

type use struct {
	at    time.Time
	node  usance.Path
	meter string
	n     int64
}

func (m *reference) used(q usance.Quota, now time.Time) (n int64) {
	from, to := q.Window.Bounds(now, m.zone)
	for _, u := range m.uses {
		if u.meter == q.Meter && u.node.Within(q.Node) && (from.IsZero() || !u.at.Before(from) && u.at.Before(to)) {
			n += u.n
		}
	}
	return n
}

func (m *reference) reserved(q usance.Quota, now time.Time) (n int64) {
	for _, h := range m.holds {
		if h.State != usance.HoldOpen || !h.Expires.After(now) || !h.Node.Within(q.Node) {
			continue
		}
		for _, it := range h.Open {
			if it.Meter == q.Meter {
				n += it.Amount
			}
		}
	}
	return n
}

// blocks lists the hard quotas without room, as node and meter.
func (m *reference) blocks(node usance.Path, items []usance.Item, now time.Time) (out []string) {
	for _, it := range items {
		for _, q := range m.quotas {
			if q.Meter == it.Meter && node.Within(q.Node) && q.Enforce != usance.Soft && m.short(q, node, it.Amount, now) > 0 {
				out = append(out, string(q.Node)+" "+q.Meter)
			}
		}
	}
	slices.Sort(out)
	return out
}

func (m *reference) room(node usance.Path, it usance.Item, now time.Time) int64 {
	room := it.Amount
	for room > 0 && len(m.blocks(node, []usance.Item{{Meter: it.Meter, Amount: room}}, now)) > 0 {
		room--
	}
	return room
}

func blocksOf(t *testing.T, err error) (out []string) {
	t.Helper()
	e, ok := errors.AsType[*usance.Error](err)
	if err != nil && (!ok || e.Kind != usance.KindExceeded) {
		t.Fatal(err)
	}
	if ok {
		for _, b := range e.Blocks {
			out = append(out, string(b.Node)+" "+b.Meter)
			if b.ShortBy != b.Used+b.Reserved+b.Asked+b.Guaranteed-b.Limit || b.ShortBy <= 0 {
				t.Fatalf("a block that does not add up: %+v", b)
			}
		}
	}
	slices.Sort(out)
	return out
}

func randomItems(r *rand.Rand) []usance.Item {
	var items []usance.Item
	for _, i := range r.Perm(len(chargeMeters))[:1+r.IntN(2)] {
		items = append(items, usance.Item{Meter: chargeMeters[i], Amount: 1 + r.Int64N(12)})
	}
	return items
}

// TestChargesAndHoldsDoWhatTheSequentialModelDoes runs random charges, holds,
// settlements, releases, extensions and expiries and compares every outcome and
// every quota with the model after each step.
func TestChargesAndHoldsDoWhatTheSequentialModelDoes(t *testing.T) {
	seed := facadetest.Seed(t)
	r := rand.New(rand.NewPCG(seed, 5))
	zone, err := usance.LoadZone("Asia/Kathmandu")
	if err != nil {
		t.Fatal(err)
	}
	f := open(t, zone.String(), chargeDefinitions())
	m := &reference{quotas: chargeDefinitions().Quotas, holds: map[string]*usance.Hold{}, zone: zone, nodes: chargeNodes}
	steps := 1500
	if short() {
		steps = 300
	}
	for i := range steps {
		f.now = f.now.Add(time.Duration(r.IntN(4000)) * time.Second)
		switch r.IntN(9) {
		case 0, 1, 2:
			m.charge(t, f, r, fmt.Sprint("c", i))
		case 3, 4:
			m.reserve(t, f, r, fmt.Sprint("h", i/6-r.IntN(6)))
		case 5, 6:
			m.settle(t, f, r, fmt.Sprint("h", i/6-r.IntN(6)))
		case 7:
			m.release(t, f, fmt.Sprint("h", i/6-r.IntN(6)))
		case 8:
			m.extend(t, f, fmt.Sprint("h", i/6-r.IntN(6)))
		}
		m.compare(t, f)
	}
	states := map[usance.HoldState]int{}
	for id := range m.holds {
		states[m.live(id, f.now).State]++
	}
	for _, s := range []usance.HoldState{usance.HoldSettled, usance.HoldReleased, usance.HoldExpired} {
		if states[s] == 0 && !short() { // a short run may by chance have none
			t.Errorf("no hold ended %s: the run shows little (%v)", s, states)
		}
	}
}

func (m *reference) charge(t *testing.T, f *fixture, r *rand.Rand, id string) {
	t.Helper()
	c := ledger.Charge{ID: id, Node: m.nodes[r.IntN(len(m.nodes))], Items: randomItems(r)}
	c.Mode = []usance.ChargeMode{"", usance.ChargeCheck, usance.ChargeBestEffort, usance.ChargeAdjust}[r.IntN(4)]
	granted := c.Items
	switch c.Mode {
	case usance.ChargeAdjust:
		for i := range c.Items {
			c.Items[i].Amount *= -6
		}
	case usance.ChargeBestEffort:
		granted = nil
		for _, it := range c.Items {
			granted = append(granted, usance.Item{Meter: it.Meter, Amount: m.room(c.Node, it, f.now)})
		}
	}
	want := m.blocks(c.Node, granted, f.now)
	out, err := f.Charge(t.Context(), tester, acme, c)
	if got := blocksOf(t, err); !slices.Equal(got, want) {
		t.Fatalf("%+v: refused by %v, want %v", c, got, want)
	}
	if err != nil {
		return
	}
	if !slices.Equal(out.Granted, granted) {
		t.Fatalf("%+v: granted %v, want %v", c, out.Granted, granted)
	}
	if c.Mode == usance.ChargeCheck {
		return
	}
	for _, it := range granted {
		m.uses = append(m.uses, use{f.now, c.Node, it.Meter, it.Amount})
	}
	f.ingest(t, at(f.now, "between-"+id, "unrelated", "", "/", ""))
	again, err := f.Charge(t.Context(), tester, acme, c)
	if err != nil || !again.Duplicate || !slices.Equal(again.Granted, granted) || again.Sequence != out.Sequence {
		t.Fatalf("repeat of %+v: %+v, %v", c, again, err)
	}
	c.Items = append(slices.Clone(c.Items), usance.Item{Meter: "meeting.live", Amount: c.Items[0].Amount})
	if _, err := f.Charge(t.Context(), tester, acme, c); usance.KindOf(err) != usance.KindConflict {
		t.Fatalf("the same id with other content: %v", err)
	}
}

func (m *reference) reserve(t *testing.T, f *fixture, r *rand.Rand, id string) {
	t.Helper()
	h := usance.Hold{ID: id, Node: m.nodes[r.IntN(len(m.nodes))], Items: randomItems(r)}
	if m.holds[id] != nil {
		return
	}
	ttl := time.Duration(1+r.IntN(20000)) * time.Second
	want := m.blocks(h.Node, h.Items, f.now)
	out, _, err := f.Reserve(t.Context(), tester, acme, h, ttl)
	if got := blocksOf(t, err); !slices.Equal(got, want) {
		t.Fatalf("%+v: refused by %v, want %v", h, got, want)
	}
	if err != nil {
		return
	}
	if !out.Expires.Equal(f.now.Add(ttl)) || out.State != usance.HoldOpen {
		t.Fatalf("%+v", out)
	}
	m.holds[id] = &out
	again, _, err := f.Reserve(t.Context(), tester, acme, h, ttl)
	if err != nil || !again.Expires.Equal(out.Expires) {
		t.Fatalf("repeat of a hold: %+v, %v", again, err)
	}
}

// live returns the model's hold as it stands, expired if its time is up.
func (m *reference) live(id string, now time.Time) *usance.Hold {
	h := m.holds[id]
	if h != nil && h.State == usance.HoldOpen && !h.Expires.After(now) {
		h.State, h.Open = usance.HoldExpired, nil
	}
	return h
}

func (m *reference) settle(t *testing.T, f *fixture, r *rand.Rand, id string) {
	t.Helper()
	h := m.live(id, f.now)
	var used []usance.Item
	if h != nil && r.IntN(3) > 0 {
		used = []usance.Item{{Meter: h.Items[0].Meter, Amount: r.Int64N(h.Items[0].Amount + 10)}}
	}
	partial := r.IntN(3) == 0
	if h == nil || h.State != usance.HoldOpen {
		_, _, err := f.Settle(t.Context(), tester, acme, id, used, true, 0)
		if kind := usance.KindOf(err); h == nil && kind != usance.KindNotFound || h != nil && kind != usance.KindConflict {
			t.Fatalf("settling %s (%+v): %v", id, h, err)
		}
		return
	}
	items := used
	if items == nil {
		items = h.Open
	}
	was := *h
	after := was
	after.Open = nil
	for _, o := range was.Open {
		for _, it := range items {
			if it.Meter == o.Meter {
				o.Amount = max(o.Amount-it.Amount, 0)
			}
		}
		if partial {
			after.Open = append(after.Open, o)
		}
	}
	want := m.blocks(h.Node, beyond(items, was.Open, after.Open), f.now)
	*h = after
	if now, _, err := f.Hold(t.Context(), acme, id); err != nil || now.State != usance.HoldOpen || !slices.Equal(now.Open, was.Open) {
		t.Fatalf("hold %+v, %v; the model has %+v", now, err, was)
	}
	out, _, err := f.Settle(t.Context(), tester, acme, id, used, partial, was.Steps+1)
	if got := blocksOf(t, err); !slices.Equal(got, want) {
		t.Fatalf("settling %+v with %v (partial %v): refused by %v, want %v", was, items, partial, got, want)
	}
	if err != nil {
		*h = was
		return
	}
	h.Steps = out.Steps
	if !partial {
		h.State = usance.HoldSettled
	}
	if out.State != h.State {
		t.Fatalf("%+v, want state %s", out, h.State)
	}
	for _, it := range items {
		m.uses = append(m.uses, use{f.now, h.Node, it.Meter, it.Amount})
	}
	if _, _, err := f.Settle(t.Context(), tester, acme, id, used, partial, out.Steps); err != nil {
		t.Fatalf("the same step again: %v", err)
	}
}

func (m *reference) release(t *testing.T, f *fixture, id string) {
	t.Helper()
	h := m.live(id, f.now)
	out, _, err := f.Release(t.Context(), tester, acme, id)
	switch {
	case h == nil:
		if usance.KindOf(err) != usance.KindNotFound {
			t.Fatal(err)
		}
	case h.State == usance.HoldSettled:
		if usance.KindOf(err) != usance.KindConflict {
			t.Fatal(err)
		}
	default:
		if err != nil || out.State == usance.HoldOpen {
			t.Fatal(out, err)
		}
		if h.State == usance.HoldOpen {
			h.State, h.Open = usance.HoldReleased, nil
		}
	}
}

func (m *reference) extend(t *testing.T, f *fixture, id string) {
	t.Helper()
	h := m.live(id, f.now)
	out, _, err := f.Extend(t.Context(), tester, acme, id, time.Hour)
	if h == nil || h.State != usance.HoldOpen {
		if err == nil {
			t.Fatalf("%+v was extended", h)
		}
		return
	}
	if err != nil || !out.Expires.Equal(f.now.Add(time.Hour)) {
		t.Fatal(out, err)
	}
	h.Expires = out.Expires
}

func (m *reference) compare(t *testing.T, f *fixture) {
	t.Helper()
	var refs []registry.QuotaRef
	for _, q := range m.quotas {
		refs = append(refs, registry.QuotaRef{Node: q.Node, Meter: q.Meter})
	}
	r, err := f.Report(t.Context(), acme, ledger.Ask{Quotas: refs})
	if err != nil {
		t.Fatal(err)
	}
	for i, q := range m.quotas {
		m.compareLimit(t, q, r.Quotas[i], f.now)
		if used, reserved := m.used(q, f.now), m.reserved(q, f.now); r.Quotas[i].Used != used || r.Quotas[i].Reserved != reserved {
			t.Fatalf("%s %s: used %d, reserved %d; the model says %d, %d", q.Node, q.Meter, r.Quotas[i].Used, r.Quotas[i].Reserved, used, reserved)
		}
	}
}

// TestNoHardLimitIsPassedByOneUnit has many clients charge and hold one tree at
// once until nothing fits, and checks that just the limit was given out.
func TestNoHardLimitIsPassedByOneUnit(t *testing.T) {
	f := open(t, "UTC", registry.Edit{Quotas: []usance.Quota{
		{Node: "/", Meter: "vm.cpuNum", Limit: 500}, {Node: "/a", Meter: "vm.cpuNum", Limit: 450}, {Node: "/a/b", Meter: "vm.cpuNum", Limit: 400}, {Node: "/a/b/c", Meter: "vm.cpuNum", Limit: 300},
	}})
	var taken atomic.Int64
	var wg sync.WaitGroup
	for c := range 64 {
		wg.Go(func() {
			for i := range 12 {
				id := fmt.Sprintf("%d-%d", c, i)
				item := []usance.Item{{Meter: "vm.cpuNum", Amount: 1}}
				var err error
				if i%3 == 0 {
					_, _, err = f.Reserve(t.Context(), tester, acme, usance.Hold{ID: id, Node: "/a/b/c", Items: item}, time.Hour)
				} else {
					_, err = f.Charge(t.Context(), tester, acme, ledger.Charge{ID: id, Node: "/a/b/c", Items: item})
				}
				switch {
				case err == nil:
					taken.Add(1)
				case usance.KindOf(err) != usance.KindExceeded:
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	r, err := f.Report(t.Context(), acme, ledger.Ask{Quotas: []registry.QuotaRef{{Node: "/a/b/c", Meter: "vm.cpuNum"}}})
	if err != nil {
		t.Fatal(err)
	}
	if q := r.Quotas[0]; taken.Load() != 300 || q.Used+q.Reserved != 300 || q.Available != 0 {
		t.Errorf("%d taken; %+v", taken.Load(), q)
	}
}

func TestAChargeAddsToWhatAGaugeMeasures(t *testing.T) {
	f := open(t, "UTC", registry.Edit{})
	f.ingest(t, at(f.now.Add(-time.Hour), "1", "drive.space.measured", "s", "/drive", `{"bytes":100}`))
	if _, err := f.Charge(t.Context(), tester, acme, ledger.Charge{ID: "c", Node: "/drive", Items: []usance.Item{{Meter: registry.DriveSpace, Amount: 7}}}); err != nil {
		t.Fatal(err)
	}
	f.ingest(t, at(f.now.Add(-time.Minute), "2", "drive.space.measured", "s", "/drive", `{"bytes":50}`))
	for name, m := range map[string]ledger.Measure{"everything": {Meter: registry.DriveSpace}, "now": {Meter: registry.DriveSpace, To: f.now.Add(time.Nanosecond)}} {
		if n := f.measure(t, m); n != 57 {
			t.Errorf("%s: %d, want 57", name, n)
		}
	}
	answer, err := f.Query(t.Context(), acme, ledger.Query{Meter: registry.DriveSpace, Window: usance.Minute, From: f.now.Add(-2 * time.Hour), To: f.now.Add(time.Minute)})
	if err != nil {
		t.Fatal(err)
	}
	if n := answer.Rows[len(answer.Rows)-1].Value; n != usance.SumOf(57) {
		t.Errorf("by minute: %v", n)
	}
}

func TestOrdinaryIngestCannotPassForACharge(t *testing.T) {
	f := open(t, "UTC", registry.Edit{})
	_, err := f.Ingest(t.Context(), tester, acme, []ledger.Incoming{at(noon, "1", "usance.charge", "", "/", `{"items":[{"meter":"vm.num","amount":1}]}`)})
	if usance.KindOf(err) != usance.KindInvalid {
		t.Error(err)
	}
}

// TestIngestOfEnforcedTypesIsBoundByQuotas marks a type and fills its quota.
func TestIngestOfEnforcedTypesIsBoundByQuotas(t *testing.T) {
	edit := chargeDefinitions()
	f := open(t, "UTC", edit)
	if _, err := f.reg.Edit(t.Context(), tester, acme, registry.Edit{Tenant: &usance.Tenant{Timezone: "UTC", Settings: map[string]string{"enforce.events": "llm, other"}}}); err != nil {
		t.Fatal(err)
	}
	tokens := func(id string, n int) ledger.Incoming {
		return at(f.now, id, "llm", "u", "/a", fmt.Sprintf(`{"tokens":%d,"model":"m"}`, n))
	}
	f.ingest(t, tokens("1", 200), at(f.now, "c", "call", "", "/a/b", ""))
	_, err := f.Ingest(t.Context(), tester, acme, []ledger.Incoming{tokens("2", 40), tokens("3", 20), at(f.now, "d", "call", "", "/a/b", "")})
	if got := blocksOf(t, err); !slices.Equal(got, []string{"/a tokens"}) {
		t.Fatalf("refused by %v: %v", got, err)
	}
	if r := f.ingest(t, tokens("1", 200), tokens("2", 50)); r.Accepted != 1 || r.Duplicates != 1 {
		t.Fatalf("%+v", r)
	}
	if n := f.measure(t, ledger.Measure{Meter: "tokens"}); n != 250 {
		t.Errorf("%d tokens, want 250", n)
	}
	// What is not marked is recorded whatever the quotas say.
	for i := range 60 {
		f.ingest(t, at(f.now, fmt.Sprint("x", i), "call", "", "/a/b", ""))
	}
}

// A charge answers with the quotas it touches as it leaves them: what a report
// says that follows it, whatever their windows and whatever mode it was made in.
func TestAChargeTellsTheQuotasAsItLeavesThem(t *testing.T) {
	for _, window := range []usance.Window{usance.Lifetime, usance.DayWindow} {
		f := open(t, "Asia/Shanghai", registry.Edit{
			Quotas: []usance.Quota{
				{Node: "/", Meter: "vm.cpuNum", Limit: 100},
				{Node: "/a", Meter: "drive.users", Limit: 60},
				{Node: "/a", Meter: "vm.cpuNum", Limit: 50, Enforce: usance.Soft},
				{Node: "/a/b", Meter: "meeting.conferences", Limit: 40, Window: window},
			},
		})
		if _, _, err := f.Reserve(t.Context(), tester, acme, usance.Hold{ID: "h", Node: "/a/b", Items: []usance.Item{{Meter: "vm.cpuNum", Amount: 7}}}, time.Hour); err != nil {
			t.Fatal(err)
		}
		items := []usance.Item{{Meter: "vm.cpuNum", Amount: 30}, {Meter: "drive.users", Amount: 5}, {Meter: "meeting.conferences", Amount: 3}}
		for i, mode := range []usance.ChargeMode{usance.ChargeEnforce, usance.ChargeEnforce, usance.ChargeBestEffort, usance.ChargeCheck} {
			c := ledger.Charge{ID: fmt.Sprint(i), Node: "/a/b", Items: items, Mode: mode}
			if mode == usance.ChargeCheck {
				c.Items = []usance.Item{{Meter: "meeting.conferences", Amount: 1}, items[1]}
			}
			got, err := f.Charge(t.Context(), tester, acme, c)
			if err != nil {
				t.Fatalf("%s %s: %v", window, mode, err)
			}
			var ask ledger.Ask
			for _, q := range got.Quotas {
				ask.Quotas = append(ask.Quotas, registry.QuotaRef{Node: q.Node, Meter: q.Meter})
			}
			want, err := f.Report(t.Context(), acme, ask)
			if err != nil {
				t.Fatal(err)
			}
			if len(got.Quotas) != 4 && mode != usance.ChargeCheck || !reflect.DeepEqual(got.Quotas, want.Quotas) {
				t.Errorf("%s %s: the charge says\n%+v and the report\n%+v", window, mode, got.Quotas, want.Quotas)
			}
		}
	}
}
