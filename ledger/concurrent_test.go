package ledger_test

import (
	"cmp"
	"context"
	"fmt"
	"maps"
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

// attempt is one call that several make at once, and what became of it.
type attempt struct {
	name     string
	call     func() (sequence uint64, err error)
	apply    func(m *reference)        // what it does to the model once it is let in
	blocks   func(m *reference) string // the quotas without room for it; nil when it needs none
	optional bool                      // it may be refused for reasons that the model does not know
	hold     string                    // what the trail calls it, for what tells only the sequence of its step
	sequence uint64
	err      error
}

// TestWhatManyDoAtOnceIsWhatTheyWouldDoInTheOrderOfTheirSequences has goroutines
// charge, reserve, settle, release, void, move nodes and change limits at the same
// time, round after round. In the order of their sequences the sequential model
// must let in all that was let in; whatever was refused must have had no room at
// some moment of the round, by just the quotas that were named; and after each
// round every quota stands as the model says.
func TestWhatManyDoAtOnceIsWhatTheyWouldDoInTheOrderOfTheirSequences(t *testing.T) {
	seed := facadetest.Seed(t)
	r := rand.New(rand.NewPCG(seed, 31))
	edit := chargeDefinitions()
	f := open(t, "Asia/Kathmandu", edit)
	zone, err := usance.LoadZone("Asia/Kathmandu")
	if err != nil {
		t.Fatal(err)
	}
	m := &reference{quotas: slices.Clone(edit.Quotas), holds: map[string]*usance.Hold{}, zone: zone, nodes: slices.Clone(chargeNodes)}
	rounds := 250
	if short() {
		rounds = 60
	}
	const atOnce = 8
	let, refused := 0, 0
	for round := range rounds {
		f.now = f.now.Add(time.Duration(r.IntN(4000)) * time.Second)
		for id := range m.holds {
			m.live(id, f.now)
		}
		list := make([]*attempt, atOnce)
		touched := map[string]bool{}
		for i := range list {
			list[i] = m.attempt(f, r, fmt.Sprintf("%d-%d", round, i), touched)
		}
		before, err := f.Sequence(t.Context(), acme)
		if err != nil {
			t.Fatal(err)
		}
		var wg sync.WaitGroup
		for _, a := range list {
			wg.Go(func() { a.sequence, a.err = a.call() })
		}
		wg.Wait()
		ownSequences(t, f, list, before)
		n, no := m.replay(t, list)
		let, refused = let+n, refused+no
		m.compare(t, f)
	}
	t.Logf("%d let in, %d refused for want of room", let, refused)
	if v := verify(t, f); v.Fault != "" {
		t.Error(v.Fault)
	}
}

// attempt makes a random call. touched has the holds, and the definitions, that
// another call of the round is about already.
func (m *reference) attempt(f *fixture, r *rand.Rand, id string, touched map[string]bool) *attempt {
	now := f.now
	node, items := m.nodes[r.IntN(len(m.nodes))], randomItems(r)
	pick := func(state usance.HoldState) *usance.Hold {
		for _, id := range slices.Sorted(maps.Keys(m.holds)) {
			if h := m.holds[id]; h.State == state && !touched[id] && r.IntN(3) == 0 {
				touched[id] = true
				return h
			}
		}
		return nil
	}
	switch r.IntN(10) {
	case 0, 1:
		if h := pick(usance.HoldOpen); h != nil {
			return m.settling(f, h)
		}
	case 2:
		if h := pick(usance.HoldOpen); h != nil {
			return m.releasing(f, h)
		}
	case 3:
		if !touched["definitions"] {
			touched["definitions"] = true
			return m.limiting(f, r.IntN(len(m.quotas)), 20+r.Int64N(300))
		}
	case 4:
		if a := m.relocating(f, r); a != nil && !touched["definitions"] {
			touched["definitions"] = true
			return a
		}
	case 5:
		for _, id := range slices.Sorted(maps.Keys(m.charged)) {
			if r.IntN(3) == 0 && !touched[id] {
				touched[id] = true
				return m.voiding(f, id)
			}
		}
	case 6, 7:
		h := usance.Hold{ID: "h" + id, Node: node, Items: items}
		ttl := time.Duration(1+r.IntN(20000)) * time.Second
		return &attempt{name: fmt.Sprintf("reserve %+v", h), hold: "reserve " + h.ID, blocks: func(m *reference) string { return strings.Join(m.blocks(node, items, now), ", ") },
			call: func() (uint64, error) {
				_, sequence, err := f.Reserve(context.Background(), tester, acme, h, ttl)
				return sequence, err
			},
			apply: func(m *reference) {
				h.State, h.Expires, h.Open = usance.HoldOpen, now.Add(ttl), slices.Clone(items)
				m.holds[h.ID] = &h
			}}
	}
	c := ledger.Charge{ID: "c" + id, Node: node, Items: items}
	if r.IntN(4) == 0 {
		c.Mode = usance.ChargeAdjust
		for i := range c.Items {
			c.Items[i].Amount *= -2
		}
	}
	return &attempt{name: fmt.Sprintf("charge %+v", c), blocks: func(m *reference) string { return strings.Join(m.blocks(node, c.Items, now), ", ") },
		call: func() (uint64, error) {
			out, err := f.Charge(context.Background(), tester, acme, c)
			return out.Sequence, err
		},
		apply: func(m *reference) {
			if m.charged == nil {
				m.charged = map[string]span{}
			}
			m.charged[c.ID] = span{len(m.uses), len(m.uses) + len(c.Items)}
			for _, it := range c.Items {
				m.uses = append(m.uses, use{now, node, it.Meter, it.Amount})
			}
		}}
}

// span is where the uses of a charge stand among all.
type span struct{ from, to int }

func (m *reference) voiding(f *fixture, id string) *attempt {
	return &attempt{name: "void " + id, call: func() (uint64, error) {
		_, sequence, err := f.Void(context.Background(), tester, acme, "usance.charges", id, "it was wrong")
		return sequence, err
	}, apply: func(m *reference) {
		for i := m.charged[id].from; i < m.charged[id].to; i++ {
			m.uses[i].n = 0
		}
		delete(m.charged, id)
	}}
}

func (m *reference) settling(f *fixture, h *usance.Hold) *attempt {
	return &attempt{name: "settle " + h.ID, hold: "settle " + h.ID, call: func() (uint64, error) {
		_, sequence, err := f.Settle(context.Background(), tester, acme, h.ID, nil, false, 0)
		return sequence, err
	}, apply: func(m *reference) {
		for _, it := range h.Open {
			m.uses = append(m.uses, use{f.now, h.Node, it.Meter, it.Amount})
		}
		h.State, h.Open = usance.HoldSettled, nil
	}}
}

func (m *reference) releasing(f *fixture, h *usance.Hold) *attempt {
	return &attempt{name: "release " + h.ID, hold: "release " + h.ID, call: func() (uint64, error) {
		_, sequence, err := f.Release(context.Background(), tester, acme, h.ID)
		return sequence, err
	}, apply: func(*reference) { h.State, h.Open = usance.HoldReleased, nil }}
}

// limiting changes a quota's limit. A move beside it could take the quota
// elsewhere, and then this made another one, so a round has one of the two.
func (m *reference) limiting(f *fixture, i int, limit usance.Amount) *attempt {
	q := m.quotas[i]
	q.Limit = limit
	return &attempt{name: fmt.Sprintf("limit %+v", q), call: func() (uint64, error) {
		out, err := f.reg.Edit(context.Background(), tester, acme, registry.Edit{Quotas: []usance.Quota{q}})
		return out.Sequence, err
	}, apply: func(m *reference) { m.quotas[i].Limit = limit }}
}

// relocating moves a node, which may be refused because something is there, has
// no room, or is written to by the others again and again. It returns nil when
// chance picks what cannot be.
func (m *reference) relocating(f *fixture, r *rand.Rand) *attempt {
	from, above := m.nodes[r.IntN(len(m.nodes))], m.nodes[r.IntN(len(m.nodes))]
	to := usance.Path(strings.TrimSuffix(string(above), "/") + "/" + []string{"b", "c", "d"}[r.IntN(3)])
	if from == usance.Root || to.Within(from) || from.Within(to) || len(to.Lineage()) > 5 {
		return nil
	}
	now := f.now
	return &attempt{name: fmt.Sprintf("move %s to %s", from, to), optional: true, call: func() (uint64, error) {
		out, err := f.MoveNode(context.Background(), tester, acme, from, to)
		return out.Sequence, err
	}, apply: func(m *reference) { m.rebase(from, to, now) }}
}

// ownSequences finds the entries of holds in the trail: their calls tell the
// sequence of the step that they shared with others.
func ownSequences(t *testing.T, f *fixture, list []*attempt, before uint64) {
	t.Helper()
	page, err := f.Audit(t.Context(), acme, ledger.AuditFilter{Type: "hold", FromSequence: before + 1, Limit: usance.MaxPageSize})
	if err != nil {
		t.Fatal(err)
	}
	own := map[string]uint64{}
	for _, e := range page.Entries {
		own[e.Op+" "+e.Name] = e.Sequence
	}
	for _, a := range list {
		if a.hold == "" || a.err != nil {
			continue
		}
		sequence, ok := own[a.hold]
		if !ok || sequence > a.sequence {
			t.Fatalf("%s: the trail has it at %d (%v), the call told %d", a.name, sequence, ok, a.sequence)
		}
		a.sequence = sequence
	}
}

// replay applies what was let in, in the order of the sequences, and looks for a
// moment at which each of the others had no room.
func (m *reference) replay(t *testing.T, list []*attempt) (let, refused int) {
	t.Helper()
	waiting := map[*attempt]string{} // → the quotas that it was refused by
	var in []*attempt
	for _, a := range list {
		switch {
		case a.err == nil:
			in = append(in, a)
		case a.optional:
		case a.blocks == nil:
			t.Fatalf("%s: %v", a.name, a.err)
		default:
			waiting[a] = strings.Join(blocksOf(t, a.err), ", ")
			refused++
		}
	}
	explain := func() {
		for a, by := range waiting {
			if a.blocks(m) == by {
				delete(waiting, a)
			}
		}
	}
	explain()
	slices.SortFunc(in, func(a, b *attempt) int { return cmp.Compare(a.sequence, b.sequence) })
	for i, a := range in {
		if i > 0 && a.sequence == in[i-1].sequence {
			t.Fatalf("%s and %s have one sequence, %d", a.name, in[i-1].name, a.sequence)
		}
		if a.blocks != nil {
			if by := a.blocks(m); by != "" {
				t.Fatalf("%s was let in, with no room at %s", a.name, by)
			}
		}
		a.apply(m)
		explain()
	}
	for a, by := range waiting {
		t.Errorf("%s was refused by %s, which at no moment of the round were those without room", a.name, by)
	}
	return len(in), refused
}
