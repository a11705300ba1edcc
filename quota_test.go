package usance_test

import (
	"math"
	"math/big"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/usance/usance"
)

// The oracle is the same arithmetic in integers that cannot overflow, written as
// the sentences of the documentation.

func big0(n *big.Int) *big.Int {
	if n.Sign() < 0 {
		return new(big.Int)
	}
	return n
}

func plus(list ...*big.Int) *big.Int {
	sum := new(big.Int)
	for _, n := range list {
		sum.Add(sum, n)
	}
	return sum
}

func num(a usance.Amount) *big.Int { return big.NewInt(a) }

func minus(a, b *big.Int) *big.Int { return new(big.Int).Sub(a, b) }

func oracleBlocked(limit, used, reserved, asked, before, after *big.Int) (short, guaranteed *big.Int) {
	past := minus(plus(big0(used), reserved, asked), limit)
	short, guaranteed = new(big.Int), new(big.Int)
	if asked.Sign() > 0 {
		short = past
	}
	if plus(asked, after).Cmp(before) > 0 {
		short, guaranteed = plus(past, after), after
	}
	if short.Sign() <= 0 {
		return new(big.Int), new(big.Int)
	}
	return short, guaranteed
}

func clampBig(n *big.Int) usance.Amount {
	switch {
	case n.IsInt64():
		return n.Int64()
	case n.Sign() < 0:
		return math.MinInt64
	}
	return math.MaxInt64
}

// limitAmounts are small ones, where sums collide with limits, and ones at the edges of
// what fits.
func limitAmounts(least usance.Amount) *rapid.Generator[usance.Amount] {
	edges := rapid.SampledFrom([]usance.Amount{0, 1, math.MaxInt64, math.MaxInt64 - 1, math.MaxInt64 / 2})
	all := []*rapid.Generator[usance.Amount]{rapid.Int64Range(max(least, -20), 40), edges, rapid.Int64Range(max(least, math.MinInt64+1), math.MaxInt64)}
	return rapid.Custom(func(t *rapid.T) usance.Amount {
		return all[rapid.IntRange(0, len(all)-1).Draw(t, "kind")].Draw(t, "amount")
	})
}

// checkLimits compares every function of limits with the oracle on one set of
// numbers: limits and grants are not negative, nor are reserved and what is kept.
func checkLimits(t interface{ Fatalf(string, ...any) }, base, g1, g2, used, reserved, asked, before, after usance.Amount) {
	granted := usance.SumOf(g1).Plus(usance.SumOf(g2))
	limit, fits := usance.EffectiveLimit(base, granted)
	want := plus(num(base), num(g1), num(g2))
	switch {
	case base == usance.Unlimited:
		if limit != usance.Unlimited || !fits {
			t.Fatalf("unlimited with grants is %d, %v", limit, fits)
		}
	case want.Cmp(num(usance.MaxLimit)) > 0:
		if limit != usance.MaxLimit || fits {
			t.Fatalf("%s is past every limit, yet it is %d, %v", want, limit, fits)
		}
	case num(limit).Cmp(want) != 0 || !fits:
		t.Fatalf("limit %d, %v; want %s", limit, fits, want)
	}
	taken := usance.Taken(usance.SumOf(used), usance.SumOf(reserved))
	over := clampBig(big0(minus(taken.Big(), num(limit))))
	if limit == usance.Unlimited {
		over = 0
	}
	if got := usance.Over(limit, taken); got != over {
		t.Fatalf("over %d, want %d", got, over)
	}
	if u := usance.Unused(base, taken).Big(); u.Cmp(big0(minus(num(base), taken.Big()))) != 0 || u.Cmp(num(base)) > 0 {
		t.Fatalf("of a guarantee of %d with %s taken %s is unused", base, taken, u)
	}
	q := usance.Quota{Limit: limit}
	b, blocked := usance.BlockedBy(q, usance.SumOf(used), usance.SumOf(reserved), usance.SumOf(asked), usance.Kept{usance.SumOf(before), usance.SumOf(after)}, time.Time{})
	short, guaranteed := oracleBlocked(num(limit), num(used), num(reserved), num(asked), num(before), num(after))
	if limit == usance.Unlimited {
		short = new(big.Int)
	}
	if blocked != (short.Sign() > 0) || b.ShortBy != clampBig(short) || blocked && b.Guaranteed != clampBig(guaranteed) {
		t.Fatalf("blocked %v: %+v; want it short by %s, with %s guaranteed to others", blocked, b, short, guaranteed)
	}
}

func TestLimitsAreExactWhateverTheNumbers(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a, some := limitAmounts(0), limitAmounts(math.MinInt64+1)
		checkLimits(t, a.Draw(t, "base"), a.Draw(t, "grant"), a.Draw(t, "grant"), some.Draw(t, "used"), a.Draw(t, "reserved"), some.Draw(t, "asked"),
			a.Draw(t, "before"), a.Draw(t, "after"))
	})
}

func FuzzLimits(f *testing.F) {
	f.Add(int64(100), int64(10), int64(0), int64(90), int64(5), int64(6), int64(0), int64(9))
	f.Add(int64(math.MaxInt64-1), int64(1), int64(math.MaxInt64), int64(-1), int64(0), int64(1), int64(5), int64(5))
	f.Fuzz(func(t *testing.T, base, g1, g2, used, reserved, asked, before, after int64) {
		for _, n := range []*int64{&base, &g1, &g2, &reserved, &before, &after} {
			*n &= math.MaxInt64
		}
		checkLimits(t, base, g1, g2, used, reserved, asked, before, after)
	})
}

// TestRoomIsTheMostThatIsNotBlocked asks for what there is room for, and for one
// unit more, through a quota with a guarantee.
func TestRoomIsTheMostThatIsNotBlocked(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a := limitAmounts(0)
		limit := min(a.Draw(t, "limit"), usance.MaxLimit)
		used, reserved := limitAmounts(math.MinInt64+1).Draw(t, "used"), a.Draw(t, "reserved")
		guarantee, mine := a.Draw(t, "guarantee"), a.Draw(t, "taken of it")
		others := usance.SumOf(a.Draw(t, "kept for others"))
		own := usance.Unused(guarantee, usance.SumOf(mine))
		taken := usance.Taken(usance.SumOf(used), usance.SumOf(reserved))
		room := usance.RoomKept(limit, taken, others.Plus(own), own)
		blocked := func(asked usance.Sum) bool {
			kept := usance.Kept{others.Plus(own), others.Plus(usance.Unused(guarantee, usance.SumOf(mine).Plus(asked)))}
			_, blocked := usance.BlockedBy(usance.Quota{Limit: limit}, usance.SumOf(used), usance.SumOf(reserved), asked, kept, time.Time{})
			return blocked
		}
		if room < 0 || room > 0 && blocked(usance.SumOf(room)) {
			t.Fatalf("there is room for %d, and it is blocked", room)
		}
		if room < usance.MaxLimit && !blocked(usance.SumOf(room).Plus(usance.SumOf(1))) {
			t.Fatalf("there is room for %d, and one more is let pass", room)
		}
	})
}

// TestGuaranteesHoldThroughAnyOrderOfRequests lets several quotas below one take
// and give back at random: what is taken and kept never passes the limit, and each
// can take its whole guarantee at any time.
func TestGuaranteesHoldThroughAnyOrderOfRequests(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		const limit = 100
		n := rapid.IntRange(1, 5).Draw(t, "quotas")
		guarantees, takens := make([]usance.Amount, n), make([]usance.Amount, n+1) // the last takes for no quota below
		left := usance.Amount(limit)
		for i := range guarantees {
			guarantees[i] = rapid.Int64Range(0, left).Draw(t, "guarantee")
			left -= guarantees[i]
		}
		unused := func(changed int, by usance.Amount) (sum usance.Sum) {
			for i, g := range guarantees {
				taken := usance.SumOf(takens[i])
				if i == changed {
					taken = taken.Plus(usance.SumOf(by))
				}
				sum = sum.Plus(usance.Unused(g, taken))
			}
			return sum
		}
		total := func() (sum usance.Amount) {
			for _, n := range takens {
				sum += n
			}
			return sum
		}
		blocked := func(i int, by usance.Amount) bool {
			_, blocked := usance.BlockedBy(usance.Quota{Limit: limit}, usance.SumOf(total()), usance.Sum{}, usance.SumOf(by), usance.Kept{unused(-1, 0), unused(i, by)}, time.Time{})
			return blocked
		}
		for range rapid.IntRange(1, 40).Draw(t, "steps") {
			i := rapid.IntRange(0, n).Draw(t, "who")
			by := rapid.Int64Range(-takens[i], limit).Draw(t, "by")
			if refused := blocked(i, by); !refused {
				takens[i] += by
			} else if by <= 0 || i < n && takens[i]+by <= guarantees[i] {
				t.Fatalf("%d asked %d within its guarantee and was refused: %v of %v", i, by, takens, guarantees)
			}
			if committed := usance.SumOf(total()).Plus(unused(-1, 0)); committed.Minus(usance.SumOf(limit)).Sign() > 0 {
				t.Fatalf("taken and kept are %s, past %d: %v of %v", committed, limit, takens, guarantees)
			}
		}
	})
}

func TestAQuotaOverItsLimitRefusesGrowthAndLetsItShrink(t *testing.T) {
	q := usance.Quota{Limit: 10}
	for asked, want := range map[usance.Amount]bool{1: true, 0: false, -1: false} {
		if _, blocked := usance.BlockedBy(q, usance.SumOf(15), usance.Sum{}, usance.SumOf(asked), usance.Kept{}, time.Time{}); blocked != want {
			t.Errorf("asked %d of a quota that is over: blocked %v", asked, blocked)
		}
	}
	// What moves from held to used is no growth.
	if _, blocked := usance.BlockedBy(q, usance.SumOf(8), usance.SumOf(7), usance.Sum{}, usance.Kept{}, time.Time{}); blocked {
		t.Error("a settlement of what was held is blocked")
	}
}
