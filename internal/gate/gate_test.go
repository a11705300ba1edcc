package gate

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/usance/usance"
)

func TestReservationsStayWithinTheirBounds(t *testing.T) {
	g := New(Config{Bytes: 100, Share: 60, Turns: 1})
	reserve := func(name string, bytes int64, want error) *Pass {
		t.Helper()
		s, err := g.Reserve(name, bytes)
		if !errors.Is(err, want) || err != nil && usance.KindOf(err) != usance.KindUnavailable {
			t.Fatalf("%s reserves %d: %v, want %v", name, bytes, err, want)
		}
		return s
	}
	a := reserve("a", 40, nil)
	reserve("a", 30, ErrShare)
	a2 := reserve("a", 20, nil)
	reserve("b", 50, ErrFull)
	b := reserve("b", 40, nil)
	if err := b.Grow(41); !errors.Is(err, ErrFull) {
		t.Errorf("past the whole: %v", err)
	}
	if err := a.Grow(10); err != nil {
		t.Errorf("growing to less: %v", err)
	}
	a2.Close()
	a2.Close()
	if err := b.Grow(60); err != nil || g.Reserved() != 100 {
		t.Errorf("%d reserved, %v", g.Reserved(), err)
	}
	a.Close()
	b.Close()
	if g.Reserved() != 0 || len(g.parties) != 0 {
		t.Errorf("%d reserved by %d parties after all have gone", g.Reserved(), len(g.parties))
	}
	alone := reserve("c", 1000, nil) // whatever its size, a request alone is let in
	reserve("d", 1, ErrFull)
	alone.Close()
}

func TestPartiesTakeTurnsHoweverManyRequestsEachHas(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := New(Config{Bytes: 1 << 20, Share: 1 << 20, Turns: 1})
		first, err := g.Reserve("first", 1)
		if err != nil {
			t.Fatal(err)
		}
		if err := first.Turn(t.Context()); err != nil {
			t.Fatal(err)
		}
		var mu sync.Mutex
		var order []string
		enter := func(name string) {
			s, err := g.Reserve(name, 1)
			if err != nil {
				t.Error(err)
				return
			}
			defer s.Close()
			if err := s.Turn(t.Context()); err != nil {
				t.Error(err)
			}
			mu.Lock()
			order = append(order, name)
			mu.Unlock()
		}
		var wg sync.WaitGroup
		for range 50 {
			wg.Go(func() { enter("loud") })
		}
		synctest.Wait()
		for _, quiet := range []string{"one", "two"} {
			wg.Go(func() { enter(quiet) })
			synctest.Wait()
		}
		first.Close()
		wg.Wait()
		if len(order) != 52 || order[1] != "one" && order[2] != "one" || order[2] != "two" && order[3] != "two" {
			t.Errorf("turns went to %v", order[:6])
		}
	})
}

func TestWhoGivesUpWaitingLeavesNoTurnBehind(t *testing.T) {
	const seed = 7
	rnd := rand.New(rand.NewPCG(seed, 1))
	g := New(Config{Bytes: 1 << 20, Share: 1 << 20, Turns: 2})
	var wg sync.WaitGroup
	for i := range 400 {
		ctx, cancel := context.WithCancel(t.Context())
		if rnd.IntN(2) == 0 {
			cancel()
		}
		wg.Go(func() {
			defer cancel()
			s, err := g.Reserve(fmt.Sprint(i%5), 10)
			if err != nil {
				t.Error(err)
				return
			}
			defer s.Close()
			if err := s.Turn(ctx); err != nil && !errors.Is(err, context.Canceled) {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if g.running != 0 || len(g.waiting) != 0 || len(g.parties) != 0 || g.reserved != 0 {
		t.Errorf("%d turns, %d parties waiting, %d known, %d bytes are left", g.running, len(g.waiting), len(g.parties), g.reserved)
	}
}
