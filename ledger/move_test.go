package ledger_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/usance/usance"
	"github.com/usance/usance/internal/facadetest"
	"github.com/usance/usance/ledger"
	"github.com/usance/usance/registry"
)

// move moves a random node of the model, and checks the outcome that the model
// foretells.
func (m *model) move(t *testing.T, f *fixture, r *rand.Rand) {
	t.Helper()
	nodes := slices.Concat(modelNodes, m.moved)
	pick := func() usance.Path { return nodes[r.IntN(len(nodes))] }
	from, to := pick(), pick()
	for from == usance.Root {
		from = pick()
	}
	if r.IntN(4) > 0 {
		to = usance.Path(strings.TrimSuffix(string(to), "/") + "/" + []string{"x", "y", "b"}[r.IntN(3)])
	}
	_, err := f.rehearsedMove(t, from, to)
	there, counts := false, false // what is at the destination
	some, fits := false, true
	for _, e := range m.facts {
		some = some || e.Node.Within(from)
		fits = fits && e.Node.Rebase(from, to).Check() == nil
		there = there || e.Node.Within(to)
		counts = counts || e.Node.Within(to) && e.Type == "t.a"
	}
	switch kind := usance.KindOf(err); {
	case err == nil:
		if counts || to.Within(from) || from.Within(to) {
			t.Fatalf("%s went to %s, where something is", from, to)
		}
		for i := range m.facts {
			m.facts[i].Node = m.facts[i].Node.Rebase(from, to)
		}
		for _, list := range m.away {
			for i := range list {
				list[i].Node = list[i].Node.Rebase(from, to)
			}
		}
		if !slices.Contains(m.moved, to) {
			m.moved = append(m.moved, to)
		}
	case kind == usance.KindInvalid && (to.Within(from) || !fits), kind == usance.KindConflict && (from.Within(to) || there), kind == usance.KindNotFound && !some:
	default:
		t.Fatalf("%s to %s: %v", from, to, err)
	}
}

// TestEveryAnswerFollowsAMove sends, voids, amends and moves at random and
// compares random questions, about now and about before, with the model, in which
// a move gives every event of the subtree its new node.
func TestEveryAnswerFollowsAMove(t *testing.T) {
	for _, name := range []string{"UTC", "Asia/Kathmandu", "America/St_Johns"} {
		t.Run(strings.ReplaceAll(name, "/", "-"), func(t *testing.T) {
			seed := facadetest.Seed(t)
			r := rand.New(rand.NewPCG(seed, 11))
			zone, err := time.LoadLocation(name)
			if err != nil {
				t.Fatal(err)
			}
			f := open(t, name, modelDefinitions())
			m := &model{}
			type moment struct {
				model    *model
				sequence uint64
			}
			var past []moment
			var sent []ledger.Incoming
			var n ids
			rounds := 30
			if short() {
				rounds = 10
			}
			for round := range rounds {
				var batch []ledger.Incoming
				for range r.IntN(25) {
					fact := newModelFact(r, &n, zone)
					if len(m.moved) > 0 && r.IntN(2) == 0 {
						fact.Node = m.moved[r.IntN(len(m.moved))]
					}
					m.facts = append(m.facts, fact)
					batch = append(batch, fact.Incoming)
				}
				fresh := len(batch)
				sent = append(sent, batch...)
				for range min(len(sent), r.IntN(5)) { // as it was sent, wherever it counts now
					batch = append(batch, sent[r.IntN(len(sent))])
				}
				if got := f.ingest(t, batch...); got.Accepted != fresh || got.Duplicates != len(batch)-fresh {
					t.Fatalf("round %d: accepted %d, duplicates %d; want %d, %d", round, got.Accepted, got.Duplicates, fresh, len(batch)-fresh)
				}
				for range r.IntN(5) {
					m.correct(t, f, r, zone)
				}
				for range 1 + r.IntN(2) {
					m.move(t, f, r)
				}
				if round%7 == 3 {
					sequence, err := f.Sequence(t.Context(), acme)
					if err != nil {
						t.Fatal(err)
					}
					past = append(past, moment{&model{facts: slices.Clone(m.facts), moved: slices.Clone(m.moved)}, sequence})
				}
				if round%9 == 5 {
					f.restart(t)
				}
				for range 25 {
					askModel(t, f, m, r, zone, 0)
				}
				for range min(6, 6*len(past)) {
					p := past[r.IntN(len(past))]
					askModel(t, f, p.model, r, zone, p.sequence)
				}
				m.browse(t, f)
			}
			if v := verify(t, f); v.Fault != "" {
				t.Error(v.Fault)
			}
		})
	}
}

// browse checks that the pages of events show each at the node it counts at.
func (m *model) browse(t *testing.T, f *fixture) {
	t.Helper()
	want := map[string]usance.Path{}
	for _, e := range m.facts {
		want[e.ID] = e.Node
	}
	for _, below := range append([]usance.Path{"/", "/a"}, m.moved[max(len(m.moved)-3, 0):]...) {
		n := 0
		page, err := f.Events(t.Context(), acme, ledger.EventFilter{Node: below, Limit: usance.MaxPageSize})
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range page.Events {
			if e.Voided {
				continue
			}
			if n++; want[e.ID] != e.Node {
				t.Fatalf("event %s is shown at %s, and counts at %s", e.ID, e.Node, want[e.ID])
			}
		}
		for _, at := range want {
			if at.Within(below) {
				n--
			}
		}
		if n != 0 && page.Next == "" {
			t.Fatalf("%d events too many are shown below %s", n, below)
		}
	}
}

// TestMovesKeepTheLawsOfChargesAndHolds moves nodes among random charges and
// holds and compares every outcome, refusals too, and every quota with the
// sequential model after each step.
func TestMovesKeepTheLawsOfChargesAndHolds(t *testing.T) {
	seed := facadetest.Seed(t)
	r := rand.New(rand.NewPCG(seed, 12))
	zone, err := usance.LoadZone("Asia/Kathmandu")
	if err != nil {
		t.Fatal(err)
	}
	edit := chargeDefinitions()
	for _, meter := range chargeMeters {
		edit.Quotas = append(edit.Quotas, usance.Quota{Node: "/c", Meter: meter, Limit: 30, Window: usance.Lifetime})
	}
	f := open(t, zone.String(), edit)
	m := &reference{quotas: slices.Clone(edit.Quotas), holds: map[string]*usance.Hold{}, zone: zone, nodes: append(slices.Clone(chargeNodes), "/d")}
	steps, moves, refusals := 900, 0, 0
	if short() {
		steps = 300
	}
	for i := range steps {
		f.now = f.now.Add(time.Duration(r.IntN(4000)) * time.Second)
		switch r.IntN(11) {
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
		default:
			switch m.move(t, f, r) {
			case usance.KindInternal:
				moves++
			case usance.KindExceeded:
				refusals++
			}
		}
		m.compare(t, f)
		if i%100 == 50 {
			f.restart(t)
			m.compare(t, f)
		}
	}
	t.Logf("%d moves, %d refused by quotas", moves, refusals)
	if v := verify(t, f); v.Fault != "" {
		t.Error(v.Fault)
	}
}

// move moves one of the nodes below the root. It returns the kind of the refusal,
// KindInternal for none.
func (m *reference) move(t *testing.T, f *fixture, r *rand.Rand) usance.Kind {
	t.Helper()
	pick := func() usance.Path { return m.nodes[r.IntN(len(m.nodes))] }
	from, above := pick(), pick()
	for from == usance.Root {
		from = pick()
	}
	to := usance.Path(strings.TrimSuffix(string(above), "/") + "/" + []string{"b", "c", "d"}[r.IntN(3)])
	if to.Within(from) || from.Within(to) || len(to.Lineage()) > 5 {
		return usance.KindInvalid
	}
	want := m.moveBlocks(from, to, f.now)
	_, err := f.rehearsedMove(t, from, to)
	switch kind := usance.KindOf(err); kind {
	case usance.KindConflict, usance.KindNotFound:
		at := func(n usance.Path) bool {
			return kind == usance.KindConflict && n.Within(to) || kind == usance.KindNotFound && n.Within(from)
		}
		live := slices.ContainsFunc(m.uses, func(u use) bool { return u.n != 0 && at(u.node) }) || slices.ContainsFunc(m.quotas, func(q usance.Quota) bool { return at(q.Node) })
		for id := range m.holds {
			live = live || m.live(id, f.now).State == usance.HoldOpen && at(m.holds[id].Node)
		}
		if live != (kind == usance.KindConflict) {
			t.Fatalf("%s to %s: %v", from, to, err)
		}
		return kind
	}
	if got := blocksOf(t, err); !slices.Equal(got, want) {
		t.Fatalf("%s to %s: refused by %v, want %v", from, to, got, want)
	}
	if err != nil {
		return usance.KindExceeded
	}
	m.rebase(from, to, f.now)
	return usance.KindInternal
}

// rebase is what a move does to the model.
func (m *reference) rebase(from, to usance.Path, now time.Time) {
	for i := range m.uses {
		m.uses[i].node = m.uses[i].node.Rebase(from, to)
	}
	for i := range m.quotas {
		m.quotas[i].Node = m.quotas[i].Node.Rebase(from, to)
	}
	for id := range m.holds {
		if h := m.live(id, now); h.State == usance.HoldOpen {
			h.Node = h.Node.Rebase(from, to)
		}
	}
	for i := range m.nodes {
		m.nodes[i] = m.nodes[i].Rebase(from, to)
	}
	if !slices.Contains(m.nodes, from) {
		m.nodes = append(m.nodes, from)
	}
}

// moveBlocks lists the hard quotas above the destination alone that have no room
// for what is at and below the node.
func (m *reference) moveBlocks(from, to usance.Path, now time.Time) (out []string) {
	for _, q := range m.quotas {
		if !to.Parent().Within(q.Node) || from.Within(q.Node) || q.Enforce == usance.Soft {
			continue
		}
		brought := q
		brought.Node = from
		used, held := m.used(brought, now), m.reserved(brought, now)
		if used+held > 0 && max(m.used(q, now), 0)+m.reserved(q, now)+used+held > q.Limit {
			out = append(out, string(q.Node)+" "+q.Meter)
		}
	}
	slices.Sort(out)
	return out
}

// untilTaken repeats a call that is told to try again, which with two processes
// at work any write may be.
func untilTaken(t *testing.T, call func() error) {
	t.Helper()
	err := call()
	for usance.KindOf(err) == usance.KindUnavailable {
		err = call()
	}
	if err != nil {
		t.Error(err)
	}
}

// TestNothingIsLostThatRacesAMove has clients of two processes charge, hold,
// settle and void below a node that is moved to and fro meanwhile: what succeeded
// is counted once, wherever.
func TestNothingIsLostThatRacesAMove(t *testing.T) {
	f := open(t, "UTC", registry.Edit{Nodes: []usance.Node{{Path: "/a/x"}}})
	other := &fixture{now: f.now}
	other.build(t, f.st)
	var wg sync.WaitGroup
	var mu sync.Mutex
	var used, held int64
	item := func(n int64) []usance.Item { return []usance.Item{{Meter: "vm.cpuNum", Amount: n}} }
	clients := make(chan struct{})
	for c := range 8 {
		f := []*fixture{f, other}[c%2]
		wg.Go(func() {
			for i := range 30 {
				id := fmt.Sprintf("%d-%d", c, i)
				node := usance.Path([]string{"/a/x/1", "/b/x/1"}[i%2])
				untilTaken(t, func() error {
					_, err := f.Charge(t.Context(), tester, acme, ledger.Charge{ID: id, Node: node, Items: item(1)})
					return err
				})
				untilTaken(t, func() error {
					_, _, err := f.Reserve(t.Context(), tester, acme, usance.Hold{ID: id, Node: node, Items: item(5)}, time.Hour)
					return err
				})
				n, open := int64(1), int64(5)
				if i%5 == 0 {
					untilTaken(t, func() error {
						_, _, err := f.Void(t.Context(), tester, acme, "usance.charges", id, "")
						return err
					})
					mu.Lock()
					used--
					mu.Unlock()
				}
				if i%3 > 0 {
					untilTaken(t, func() error {
						_, _, err := f.Settle(t.Context(), tester, acme, id, item(2), i%3 == 1, 1)
						return err
					})
					n, open = n+2, map[int]int64{1: 3, 2: 0}[i%3]
				}
				mu.Lock()
				used, held = used+n, held+open
				mu.Unlock()
			}
		})
	}
	go func() { wg.Wait(); close(clients) }()
	moves := 0
	var mover sync.WaitGroup
	mover.Go(func() {
		for i := 0; ; i++ {
			from, to := usance.Path("/a/x"), usance.Path(fmt.Sprint("/m/", i))
			if i%2 == 1 {
				from, to = "/b/x", usance.Path(fmt.Sprint("/a/m", i))
			}
			_, err := f.MoveNode(t.Context(), tester, acme, from, to)
			switch {
			case err == nil:
				moves++
			case usance.KindOf(err) != usance.KindNotFound && usance.KindOf(err) != usance.KindUnavailable: // too busy is an answer
				t.Error(err)
			}
			select {
			case <-clients:
				return
			default:
			}
		}
	})
	mover.Wait()
	t.Logf("%d moves meanwhile", moves)
	f.ingest(t, at(f.now, "last", "unrelated", "", "/a/x", ""))
	if _, err := f.Charge(t.Context(), tester, acme, ledger.Charge{ID: "last", Node: "/a/x", Items: item(1)}); err != nil {
		t.Fatal(err)
	}
	used++
	f.moved(t, "/a/x", "/m/last")
	r, err := f.Report(t.Context(), acme, ledger.Ask{Quotas: []registry.QuotaRef{{Node: "/", Meter: "vm.cpuNum"}, {Node: "/a", Meter: "vm.cpuNum"}, {Node: "/b", Meter: "vm.cpuNum"}, {Node: "/m", Meter: "vm.cpuNum"}}})
	if err != nil {
		t.Fatal(err)
	}
	if q := r.Quotas[0]; q.Used != used || q.Reserved != held {
		t.Errorf("%d used and %d reserved at the root, want %d and %d", q.Used, q.Reserved, used, held)
	}
	var below, reserved int64
	for _, q := range r.Quotas[1:] {
		below, reserved = below+q.Used, reserved+q.Reserved
	}
	if below != used || reserved != held {
		t.Errorf("%d used and %d reserved below the root, want %d and %d", below, reserved, used, held)
	}
	if v := verify(t, f); v.Fault != "" {
		t.Error(v.Fault)
	}
}

// moved moves a node that must be movable.
func (f *fixture) moved(t *testing.T, from, to usance.Path) ledger.Moved {
	t.Helper()
	m, err := f.rehearsedMove(t, from, to)
	if err != nil {
		t.Fatalf("%s to %s: %v", from, to, err)
	}
	return m
}

func TestAMoveTakesAllThatIsBoundToTheSubtree(t *testing.T) {
	f := open(t, "UTC", registry.Edit{
		Nodes:  []usance.Node{{Path: "/a", Name: "A", Aliases: map[string]string{"x.id": "one"}}, {Path: "/a/b", Name: "B", Carved: true}, {Path: "/ab"}, {Path: "/c"}},
		Quotas: []usance.Quota{{Node: "/a/b", Meter: "vm.num", Limit: 9}, {Node: "/ab", Meter: "vm.num", Limit: 5}},
		Users:  []registry.UserSpec{{User: usance.User{Name: "u", Role: usance.RoleViewer, Subtree: "/a/b"}}, {User: usance.User{Name: "v", Role: usance.RoleViewer}}},
		Tokens: []registry.TokenSpec{{Token: usance.Token{Name: "k", Role: usance.RoleAdmin, Subtree: "/a"}, Secret: "us_secret-of-k"}},
	})
	expires := f.now.AddDate(0, 1, 0)
	for id, node := range map[string]usance.Path{"r1": "/a/b", "r2": "/ab"} {
		res := usance.Resource{ID: id, Node: node, BusinessType: "LIVE_2D", ChargingMode: usance.OneTime, Source: usance.Purchased, Expires: expires}
		if _, err := f.PutResource(t.Context(), tester, acme, res, true); err != nil {
			t.Fatal(err)
		}
	}
	hold := usance.Hold{ID: "h", Node: "/a/b", Items: []usance.Item{{Meter: "vm.num", Amount: 4}}}
	if _, _, err := f.Reserve(t.Context(), tester, acme, hold, time.Hour); err != nil {
		t.Fatal(err)
	}
	event := at(f.now, "1", registry.GaugeEvent, "s", "/a/b", `{"meter":"vm.num","value":3}`)
	f.ingest(t, event)

	m := f.moved(t, "/a", "/c/a")
	if m.Nodes != 2 || m.Quotas != 1 || m.Users != 1 || m.Tokens != 1 || m.Resources != 1 || m.Holds != 1 || len(m.Flagged) != 0 {
		t.Errorf("%+v", m)
	}
	d, err := f.reg.Definitions(t.Context(), acme)
	if err != nil {
		t.Fatal(err)
	}
	if n, ok := d.Node("/c/a/b"); !ok || n.Name != "B" || !n.Carved {
		t.Errorf("%+v", n)
	}
	if _, ok := d.Node("/a"); ok {
		t.Error("the old node is defined still")
	}
	if at, err := f.reg.ResolveAlias(t.Context(), "x.id", "one"); err != nil || at.Node != "/c/a" {
		t.Errorf("the alias leads to %+v, %v", at, err)
	}
	if p, err := f.reg.Bearer(t.Context(), "us_secret-of-k"); err != nil || p.Subtree != "/c/a" {
		t.Errorf("the token is bound to %+v, %v", p, err)
	}
	if u, _ := d.User("u"); u.Subtree != "/c/a/b" {
		t.Errorf("%+v", u)
	}
	if q, ok := d.Quota(registry.QuotaRef{Node: "/ab", Meter: "vm.num"}); !ok || q.Limit != 5 {
		t.Errorf("a node whose name only begins alike: %+v", q)
	}
	if r, _, err := f.Resource(t.Context(), acme, "r1"); err != nil || r.Node != "/c/a/b" {
		t.Errorf("%+v, %v", r, err)
	}
	if n, _, err := f.CountResources(t.Context(), acme, ledger.ResourceFilter{ExpiresFrom: expires, ExpiresTo: expires}); err != nil || len(n) != 1 || n[0].Count != 2 {
		t.Errorf("%+v, %v", n, err)
	}
	again, _, err := f.Reserve(t.Context(), tester, acme, hold, time.Hour)
	if err != nil || again.Node != "/c/a/b" || again.MadeAt != "/a/b" {
		t.Errorf("a repeat of the hold: %+v, %v", again, err)
	}
	if r := f.ingest(t, event); r.Duplicates != 1 {
		t.Errorf("a repeat of the event: %+v", r)
	}
	_, err = f.Charge(t.Context(), tester, acme, ledger.Charge{ID: "c", Node: "/c/a/b", Items: []usance.Item{{Meter: "vm.num", Amount: 3}}})
	if got := blocksOf(t, err); !slices.Equal(got, []string{"/c/a/b vm.num"}) {
		t.Errorf("3 used, 4 held, 9 the limit, 3 asked: refused by %v", got)
	}
	if _, _, err := f.Settle(t.Context(), tester, acme, "h", nil, false, 1); err != nil {
		t.Error(err)
	}
	if n := f.measure(t, ledger.Measure{Meter: "vm.num", Node: "/c"}); n != 7 {
		t.Errorf("%d at the new place, want 7", n)
	}
	if _, err := f.rehearsedMove(t, "/a", "/c/a"); usance.KindOf(err) != usance.KindNotFound {
		t.Errorf("the same move again: %v", err)
	}
	if _, err := f.rehearsedMove(t, "/a", "/d"); usance.KindOf(err) != usance.KindNotFound || !strings.Contains(err.Error(), "moved it to /c/a") {
		t.Errorf("a move of what is no more: %v", err)
	}
	trail := audited(t, f, ledger.AuditFilter{Type: "node", Limit: 10})
	if i := slices.IndexFunc(trail, func(e ledger.AuditEntry) bool { return e.Op == "move" }); i < 0 || trail[i].Name != "/a" || string(trail[i].After) != `{"path":"/c/a"}` {
		t.Errorf("%+v", trail)
	}
	if v := verify(t, f); v.Fault != "" {
		t.Error(v.Fault)
	}
}

func TestAMoveThatBreaksARuleIsRefusedWhole(t *testing.T) {
	f := open(t, "UTC", registry.Edit{
		Nodes: []usance.Node{{Path: "/carved", Carved: true}, {Path: "/full"}, {Path: "/soft"}, {Path: "/a"}, {Path: "/taken/x"}},
		Quotas: []usance.Quota{
			{Node: "/carved", Meter: "vm.num", Limit: 10}, {Node: "/carved/x", Meter: "vm.num", Limit: 6},
			{Node: "/full", Meter: "vm.cpuNum", Limit: 10}, {Node: "/soft", Meter: "vm.cpuNum", Limit: 1, Enforce: usance.Soft},
			{Node: "/full", Meter: registry.MeetingConferences, Limit: 1, Window: usance.DayWindow},
			{Node: "/a", Meter: "vm.num", Limit: 5},
		},
	})
	item := []usance.Item{{Meter: "vm.cpuNum", Amount: 6}}
	for id, node := range map[string]usance.Path{"1": "/full/x", "2": "/a"} {
		if _, err := f.Charge(t.Context(), tester, acme, ledger.Charge{ID: id, Node: node, Items: item}); err != nil {
			t.Fatal(err)
		}
	}
	yesterday := f.now.AddDate(0, 0, -1)
	for i := range 3 { // a window that has ended refuses nothing
		f.ingest(t, at(yesterday, fmt.Sprint("e", i), "meeting.conference.started", "", "/a", ""))
	}
	before := f.views(t, acme)
	for _, c := range []struct {
		from, to usance.Path
		kind     usance.Kind
		blocks   []string
	}{
		{from: "/", to: "/x", kind: usance.KindInvalid},
		{from: "/a", to: "/", kind: usance.KindConflict},
		{from: "/a", to: "/a", kind: usance.KindInvalid},
		{from: "/a", to: "/a/b", kind: usance.KindInvalid},
		{from: "/taken/x", to: "/taken", kind: usance.KindConflict},
		{from: "/a", to: "/taken", kind: usance.KindConflict},
		{from: "/a", to: "/full/x", kind: usance.KindConflict},
		{from: "/nowhere", to: "/b", kind: usance.KindNotFound},
		{from: "/a", to: "/carved/a", kind: usance.KindConflict},
		{from: "/a", to: usance.Path("/" + strings.Repeat("p/", 16) + "a"), kind: usance.KindInvalid},
		{from: "/a", to: "/full/a", kind: usance.KindExceeded, blocks: []string{"/full vm.cpuNum"}},
	} {
		_, err := f.rehearsedMove(t, c.from, c.to)
		if usance.KindOf(err) != c.kind || err == nil {
			t.Errorf("%s to %s: %v, want %s", c.from, c.to, err, c.kind)
		}
		if c.kind == usance.KindExceeded {
			if got := blocksOf(t, err); !slices.Equal(got, c.blocks) {
				t.Errorf("%s to %s: refused by %v, want %v", c.from, c.to, got, c.blocks)
			}
		}
	}
	if f.views(t, acme) != before {
		t.Error("a move that was refused changed something")
	}
	m := f.moved(t, "/a", "/soft/a")
	if len(m.Flagged) != 1 || m.Flagged[0].Node != "/soft" || m.Flagged[0].ShortBy != 5 {
		t.Errorf("flagged: %+v", m.Flagged)
	}
	f.moved(t, "/full/x", "/full/y") // under the same nodes as before: nothing grows
}

// TestASubtreePastABoundIsRefusedAndMovedPieceByPiece lowers the bounds to what a
// small subtree passes.
func TestASubtreePastABoundIsRefusedAndMovedPieceByPiece(t *testing.T) {
	f := open(t, "UTC", modelDefinitions())
	for i := range 30 {
		node := usance.Path(fmt.Sprint("/a/x/", i%2))
		f.ingest(t, at(f.now, fmt.Sprint(i), "t.a", "u", node, `{"n":1,"region":"eu"}`), at(f.now, fmt.Sprint("by", i), "t.a", "u", "/a", `{"n":1,"region":"eu"}`))
	}
	before := f.views(t, acme)
	refused := func(rows, scan int, what string) {
		t.Helper()
		f.BoundMoves(rows, scan)
		if _, err := f.rehearsedMove(t, "/a/x", "/b/x"); usance.KindOf(err) != usance.KindTooLarge || !strings.Contains(err.Error(), what) {
			t.Errorf("%d rows, %d looked through: %v", rows, scan, err)
		}
		if f.views(t, acme) != before {
			t.Error("a move that was refused changed something")
		}
	}
	least := 0 // rows that it takes
	for rows := 1; least == 0; rows++ {
		f.BoundMoves(rows, 60)
		_, err := f.rehearsedMove(t, "/a/x/0", "/b/x/0")
		switch {
		case err == nil:
			least = rows
		case usance.KindOf(err) != usance.KindTooLarge:
			t.Fatal(err)
		}
	}
	f.BoundMoves(10*least, 60)
	f.moved(t, "/b/x/0", "/a/x/0")
	before = f.views(t, acme)
	refused(least, 60, fmt.Sprintf("more than %d rows", least))
	refused(10*least, 59, "more than 59 events, resources and holds") // those beside it, too
	f.BoundMoves(10*least, 60)
	f.moved(t, "/a/x/0", "/b/x/0")
	f.moved(t, "/a/x/1", "/b/x/1")
	if n := f.measure(t, ledger.Measure{Meter: "m.count", Node: "/b/x"}); n != 30 {
		t.Errorf("%d counted at the new place, want 30", n)
	}
	if v := verify(t, f); v.Fault != "" {
		t.Error(v.Fault)
	}
}

// TestWhatANodeSharesWithTheMovedOneStays has the same value seen, and the same
// least and greatest, in one slot at the moved node, beside it, and at the nodes
// above itself.
func TestWhatANodeSharesWithTheMovedOneStays(t *testing.T) {
	f := open(t, "Asia/Kathmandu", modelDefinitions())
	m := &model{}
	say := func(id, subject string, node usance.Path, minutes, n int) {
		data := fmt.Sprintf(`{"n":%d,"region":"eu"}`, n)
		e := fact{Incoming: at(f.now.Add(time.Duration(minutes)*time.Minute), id, "t.a", subject, node, data), amount: int64(n), region: "eu"}
		m.facts = append(m.facts, e)
		f.ingest(t, e.Incoming)
	}
	say("1", "u1", "/a/p/x", 0, 5)
	say("2", "u1", "/a/p/y", 1, 5)
	say("3", "u2", "/a/p/x/z", 2, 9)
	say("4", "u2", "/a", 3, 9)
	say("5", "u3", "/a/p/x", 4, 1)
	say("6", "u1", "/a/p/x", -60, 3) // seen earlier on the day, there alone
	say("7", "u3", "/b", 4, 1)
	say("8", "u3", "/a/q", 4, 1)
	f.moved(t, "/a/p/x", "/b/x")
	for i := range m.facts {
		m.facts[i].Node = m.facts[i].Node.Rebase("/a/p/x", "/b/x")
	}
	zone, err := time.LoadLocation("Asia/Kathmandu")
	if err != nil {
		t.Fatal(err)
	}
	for _, agg := range modelMeters {
		for _, node := range []usance.Path{"/", "/a", "/a/p", "/a/p/y", "/a/q", "/b", "/b/x", "/a/p/x"} {
			for _, w := range []usance.Window{"", usance.Hour, usance.DayWindow} {
				for _, by := range [][]string{nil, {"region"}} {
					q := ledger.Query{Meter: "m." + string(agg), Window: w, Zone: zone, Node: node, GroupBy: by, From: f.now.AddDate(0, 0, -1), To: f.now.AddDate(0, 0, 1)}
					answer, err := f.Query(t.Context(), acme, q)
					if err != nil {
						t.Fatal(err)
					}
					compare(t, m, agg, q, answer)
				}
			}
		}
	}
	if v := verify(t, f); v.Fault != "" {
		t.Error(v.Fault)
	}
}

// TestARepeatedMoveIsToldThatTheNodeIsGone moves nodes with only usage, only a
// quota, and only a hold or a resource, and asks for the same again: the node is not
// there any more, whatever is now at the place it went to.
func TestARepeatedMoveIsToldThatTheNodeIsGone(t *testing.T) {
	f := open(t, "UTC", registry.Edit{Quotas: []usance.Quota{{Node: "/quota", Meter: "vm.cpuNum", Limit: 5}}, Nodes: []usance.Node{{Path: "/node/x"}}})
	f.ingest(t, at(f.now, "1", "meeting.conference.started", "u", "/usage/x", ""))
	if _, _, err := f.Reserve(t.Context(), tester, acme, usance.Hold{ID: "h", Node: "/hold", Items: []usance.Item{{Meter: "vm.cpuNum", Amount: 1}}}, time.Hour); err != nil {
		t.Fatal(err)
	}
	res := usance.Resource{ID: "r", Node: "/resource", BusinessType: "X", ChargingMode: usance.Periodic, Source: usance.Purchased}
	if _, err := f.PutResource(t.Context(), tester, acme, res, true); err != nil {
		t.Fatal(err)
	}
	for _, from := range []usance.Path{"/quota", "/node", "/usage", "/hold", "/resource"} {
		to := "/at" + from
		if _, err := f.MoveNode(t.Context(), tester, acme, from, to); err != nil {
			t.Fatalf("%s: %v", from, err)
		}
		if _, err := f.MoveNode(t.Context(), tester, acme, from, to); usance.KindOf(err) != usance.KindNotFound {
			t.Errorf("%s again: %v", from, err)
		}
	}
	f.ingest(t, at(f.now, "2", "meeting.conference.started", "u", "/usage/x", "")) // new usage of the old path
	if _, err := f.MoveNode(t.Context(), tester, acme, "/usage", "/at/usage"); usance.KindOf(err) != usance.KindConflict {
		t.Errorf("onto what is there: %v", err)
	}
}
