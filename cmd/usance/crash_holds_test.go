package main

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/usance/usance"
	"github.com/usance/usance/api/wire"
	"github.com/usance/usance/client"
)

const crashHoldsManifest = `
tenants:
- id: acme
  meters:
  - {name: seats, unit: "1", aggregation: level}
  quotas:
  - {node: /, meter: seats, limit: 100000}
  - {node: /a, meter: seats, limit: 100000}
`

// heldState is a hold as its owner knows it: what was acknowledged, and what was
// asked for last without an answer.
type heldState struct {
	amount      usance.Amount
	acked, sent usance.HoldState // "" before it was reserved
}

// TestWhatWasReservedIsReservedAfterKill9 kills a real server while several owners
// reserve, settle and release holds, starts it again on the same folder, and wants
// each hold as it was acknowledged or as it was asked for last, the quotas to add
// up to exactly those holds, and nothing lost once everybody has asked again.
func TestWhatWasReservedIsReservedAfterKill9(t *testing.T) {
	binary, dir := build(t), t.TempDir()
	const owners, killAfter = 4, 60
	rounds := kills(t, 3)
	holds := map[string]*heldState{}
	for round := range rounds {
		p, c := serveProcess(t, binary, dir, 1)
		if round == 0 {
			if _, err := c.ForTenant("").Apply(t.Context(), []byte(crashHoldsManifest), false); err != nil {
				t.Fatal(err)
			}
		} else {
			checkHolds(t, c, holds)
		}
		var mu sync.Mutex
		var wg sync.WaitGroup
		var acknowledged atomic.Int64
		enough := make(chan struct{})
		step := func(id string, h *heldState, to usance.HoldState) bool {
			mu.Lock()
			holds[id], h.sent = h, to
			mu.Unlock()
			if err := moveHold(context.Background(), c, id, h.amount, to); err != nil {
				return false // the server is gone
			}
			mu.Lock()
			h.acked = to
			mu.Unlock()
			if acknowledged.Add(1) == killAfter {
				close(enough)
			}
			return true
		}
		for o := range owners {
			wg.Go(func() {
				for n := 0; ; n++ {
					id, h := fmt.Sprintf("%d-%d-%d", round, o, n), &heldState{amount: usance.Amount(1 + n%5)}
					if !step(id, h, usance.HoldOpen) {
						return
					}
					if next := []usance.HoldState{"", usance.HoldSettled, usance.HoldReleased}[n%3]; next != "" && !step(id, h, next) {
						return
					}
				}
			})
		}
		<-enough
		if err := p.stop(syscall.SIGKILL); err == nil {
			t.Fatal("the server ended by itself")
		}
		wg.Wait()
	}
	p, c := serveProcess(t, binary, dir, 1)
	checkHolds(t, c, holds)
	for id, h := range holds { // whoever got no answer asks again
		if h.acked != h.sent {
			if err := moveHold(t.Context(), c, id, h.amount, h.sent); err != nil {
				t.Fatal(err)
			}
			h.acked = h.sent
		}
	}
	checkHolds(t, c, holds)
	if v, err := c.Verify(t.Context(), nil); err != nil || v.Fault != "" {
		t.Errorf("%+v, %v", v, err)
	}
	t.Logf("%d kills", rounds)
	if err := p.stop(syscall.SIGTERM); err != nil {
		t.Fatalf("stopping in order: %v", err)
	}
}

func moveHold(ctx context.Context, c *client.Client, id string, amount usance.Amount, to usance.HoldState) error {
	var err error
	switch to {
	case usance.HoldOpen:
		_, err = c.Reserve(ctx, wire.Reserve{ID: id, Node: "/a", Items: []wire.Item{{Meter: "seats", Amount: wire.Quantity(amount)}}, TTL: 24 * 3600})
	case usance.HoldSettled:
		_, err = c.Settle(ctx, id, wire.Settle{})
	case usance.HoldReleased:
		_, err = c.Release(ctx, id)
	}
	return err
}

// checkHolds reads every hold and both quotas back.
func checkHolds(t *testing.T, c *client.Client, holds map[string]*heldState) {
	t.Helper()
	seen := map[string]usance.HoldState{}
	var reserved, used usance.Amount
	for h, err := range client.All(func(cursor string) (wire.List[usance.Hold], error) {
		return c.Holds(t.Context(), client.HoldFilter{State: "all", Limit: 50, Cursor: cursor})
	}) {
		if err != nil {
			t.Fatal(err)
		}
		known := holds[h.ID]
		if known == nil || h.Items[0].Amount != known.amount || seen[h.ID] != "" {
			t.Fatalf("there is a hold that nobody asked for, or twice: %+v", h)
		}
		seen[h.ID] = h.State
		switch h.State {
		case usance.HoldOpen:
			reserved += known.amount
		case usance.HoldSettled:
			used += known.amount
		}
	}
	open := 0
	for id, h := range holds {
		if got := seen[id]; got != h.acked && got != h.sent {
			t.Errorf("hold %s is %q; acknowledged was %q, asked for last %q", id, got, h.acked, h.sent)
		}
		if seen[id] == usance.HoldOpen {
			open++
		}
	}
	quotas, err := c.Quotas(t.Context(), "/", "seats", true)
	if err != nil || len(quotas) != 2 {
		t.Fatalf("%+v, %v", quotas, err)
	}
	for _, q := range quotas {
		if q.Reserved != reserved || q.Used != used {
			t.Errorf("%s: reserved %d and used %d; the holds make %d and %d", q.Node, q.Reserved, q.Used, reserved, used)
		}
	}
	t.Logf("%d holds, %d open, %d reserved, %d used", len(seen), open, reserved, used)
}
