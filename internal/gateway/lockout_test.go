package gateway

import (
	"strconv"
	"sync"
	"testing"
	"time"

	"pgregory.net/rapid"
)

func TestFiveFailuresInARowLockForFiveMinutes(t *testing.T) {
	c := newClock()
	l := NewLockout(LockoutConfig{Now: c.Now})
	for i := 1; i <= 5; i++ {
		if _, locked := l.Locked("ak"); locked {
			t.Fatalf("locked before failure %d", i)
		}
		until, locked := l.Fail("ak")
		if locked != (i == 5) || locked && !until.Equal(c.Now().Add(5*time.Minute)) {
			t.Fatalf("failure %d: %v until %v", i, locked, until)
		}
	}
	l.Succeed("ak")
	c.Move(5*time.Minute - 1)
	if _, locked := l.Locked("ak"); !locked {
		t.Error("unlocked early, or by a success that began before the lock")
	}
	if _, locked := l.Locked("other"); locked {
		t.Error("another key is locked")
	}
	c.Move(1)
	if _, locked := l.Locked("ak"); locked {
		t.Error("still locked")
	}
	if _, locked := l.Fail("ak"); locked {
		t.Error("the old row counts after the lock")
	}
}

func TestASuccessEndsTheRow(t *testing.T) {
	l := NewLockout(LockoutConfig{Now: newClock().Now, Failures: 2})
	for range 10 {
		if _, locked := l.Fail("k"); locked {
			t.Fatal("locked though no two failures came in a row")
		}
		l.Succeed("k")
	}
	l.Fail("k")
	l.Fail("k")
	l.Reset("k")
	if _, locked := l.Locked("k"); locked {
		t.Fatal("locked after Reset")
	}
}

func TestLockoutAgreesWithCountingByHand(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c := newClock()
		const limit, span = 3, time.Minute
		l := NewLockout(LockoutConfig{Now: c.Now, Failures: limit, For: span})
		row, until := map[string]int{}, map[string]time.Time{}
		for range 200 {
			c.Move(time.Duration(rapid.IntRange(0, 30).Draw(t, "seconds")) * time.Second)
			key := rapid.SampledFrom([]string{"a", "b"}).Draw(t, "key")
			if !until[key].IsZero() && !c.Now().Before(until[key]) {
				row[key], until[key] = 0, time.Time{}
			}
			want := !until[key].IsZero()
			switch rapid.SampledFrom([]string{"ask", "fail", "succeed"}).Draw(t, "act") {
			case "ask":
				if _, locked := l.Locked(key); locked != want {
					t.Fatalf("Locked(%s) = %v", key, locked)
				}
			case "fail":
				if !want {
					if row[key]++; row[key] == limit {
						until[key], want = c.Now().Add(span), true
					}
				}
				if at, locked := l.Fail(key); locked != want || locked && !at.Equal(until[key]) {
					t.Fatalf("Fail(%s) = %v, %v", key, at, locked)
				}
			case "succeed":
				l.Succeed(key)
				if !want {
					row[key] = 0
				}
			}
		}
	})
}

func TestLockoutForgetsTheOldestRatherThanGrows(t *testing.T) {
	l := NewLockout(LockoutConfig{Now: newClock().Now, Failures: 1, Capacity: 10})
	for i := range 100 {
		l.Fail(strconv.Itoa(i))
	}
	if len(l.keys) != 10 || l.order.Len() != 10 {
		t.Fatalf("%d keys, %d in order", len(l.keys), l.order.Len())
	}
	if _, locked := l.Locked("89"); locked {
		t.Error("an old key is remembered")
	}
	if _, locked := l.Locked("90"); !locked {
		t.Error("a newer key is forgotten")
	}
}

func TestLockoutCanBeSwitchedOff(t *testing.T) {
	l := NewLockout(LockoutConfig{Now: newClock().Now, Failures: -1})
	for range 100 {
		if _, locked := l.Fail("k"); locked {
			t.Fatal("locked")
		}
	}
}

func TestLockoutIsSafeForConcurrentUse(t *testing.T) {
	l := NewLockout(LockoutConfig{Now: newClock().Now, Failures: 1000, Capacity: 3})
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			key := strconv.Itoa(i % 4)
			for range 100 {
				l.Locked(key)
				l.Fail(key)
				l.Succeed(key)
			}
		})
	}
	wg.Wait()
	if len(l.keys) > 3 || len(l.keys) != l.order.Len() {
		t.Fatalf("%d keys, %d in order", len(l.keys), l.order.Len())
	}
}
