package koodrive

import (
	"math"
	"testing"

	"pgregory.net/rapid"

	"github.com/usance/usance"
	"github.com/usance/usance/internal/figures"
	"github.com/usance/usance/internal/mapping"
	"github.com/usance/usance/ledger"
	"github.com/usance/usance/registry"
)

// reading draws a quota in any state it can be in: missing, without a bound,
// bounded at odd bytes, over-allocated, over-used, below zero.
func reading(t *rapid.T, name string) ledger.QuotaReading {
	amount := func(what string) usance.Amount {
		return rapid.OneOf(
			rapid.Int64Range(0, 40<<30),
			rapid.Map(rapid.Int64Range(0, 40), func(gb int64) int64 { return gb << 30 }),
			rapid.Int64Range(0, math.MaxInt64),
			rapid.SampledFrom([]int64{0, 1, 1<<30 - 1, 1 << 30, math.MaxInt64 - 1}),
		).Draw(t, name+" "+what)
	}
	q := ledger.QuotaReading{Defined: rapid.IntRange(0, 4).Draw(t, name+" defined") > 0}
	q.Limit, q.Used, q.Allocated = amount("limit"), amount("used"), amount("allocated")
	if !q.Defined || rapid.IntRange(0, 4).Draw(t, name+" open") == 0 {
		q.Limit = usance.Unlimited
	}
	if rapid.IntRange(0, 4).Draw(t, name+" negative") == 0 {
		q.Used = -q.Used
	}
	return q
}

// holds checks what the vendor's answers always hold.
func holds(t interface {
	Helper()
	Fatalf(string, ...any)
}, f numbers) {
	t.Helper()
	if f.capacity != sum(f.granted)+f.reserved {
		t.Fatalf("the capacity is not the sum of its parts: %+v", f)
	}
	if f.capacity > most || f.reserved < 0 {
		t.Fatalf("out of range: %+v", f)
	}
	for i := range f.granted {
		if f.granted[i] < 0 || f.handedOut[i] < 0 || f.filled[i] < 0 || f.handedOut[i] > f.granted[i] {
			t.Fatalf("kind %d: %+v", i, f)
		}
	}
	if f.users < 0 || f.users > f.seats || f.seats > most {
		t.Fatalf("seats: %+v", f)
	}
}

func TestTheSumsHoldWhateverTheQuotasAndUsage(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		plan := figures.NewSet(Name, Mapping()).For(&registry.Definitions{})
		read := map[registry.QuotaRef]*ledger.QuotaReading{}
		natives := make([]figures.Native, len(plan.Figures))
		for i, f := range plan.Figures {
			if f.Source.Kind != mapping.Quota {
				continue
			}
			ref := registry.QuotaRef{Node: f.Source.Node, Meter: f.Source.Meter}
			if read[ref] == nil {
				q := reading(t, string(ref.Node)+" "+ref.Meter)
				read[ref] = &q
			}
			natives[i] = figures.QuotaNative(f.Source.Value, read[ref])
		}
		holds(t, numbersOf(plan.Figures, natives, places(Mapping())))
	})
}

func TestWhatFitsIsShownAsItIs(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var parts [kinds]limit
		rest := rapid.Int64Range(0, most).Draw(t, "capacity")
		whole := limit{gb: rest, defined: true}
		for i := range parts {
			parts[i] = limit{gb: rapid.Int64Range(0, rest).Draw(t, "part"), defined: true}
			rest -= parts[i].gb
		}
		capacity, granted, reserved := divide(whole, parts)
		if capacity != whole.gb || reserved != rest {
			t.Fatalf("capacity %d of %d, reserved %d of %d", capacity, whole.gb, reserved, rest)
		}
		for i, p := range parts {
			if granted[i] != p.gb {
				t.Fatalf("part %d is %d, shown as %d", i, p.gb, granted[i])
			}
		}
	})
}

func TestAnOverAllocatedCapacityIsSharedInProportion(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var parts [kinds]limit
		var total int64
		for i := range parts {
			parts[i] = limit{gb: rapid.Int64Range(0, most).Draw(t, "part"), defined: true}
			total += parts[i].gb
		}
		if total == 0 {
			return
		}
		whole := limit{gb: rapid.Int64Range(0, min(total-1, most)).Draw(t, "capacity"), defined: true}
		capacity, granted, reserved := divide(whole, parts)
		if capacity != whole.gb || reserved != 0 || sum(granted) != whole.gb {
			t.Fatalf("%d: %v + %d", capacity, granted, reserved)
		}
		for i, p := range parts {
			fair := float64(p.gb) * float64(whole.gb) / float64(total)
			if granted[i] > p.gb || math.Abs(float64(granted[i])-fair) > 1.001 {
				t.Fatalf("part %d of limit %d is shown as %d, a fair share is %f", i, p.gb, granted[i], fair)
			}
		}
	})
}

func TestLimitsWithoutABoundOrMissing(t *testing.T) {
	gb := func(n int64) limit { return limit{gb: n, defined: true} }
	open, none := limit{defined: true, open: true}, limit{}
	for _, c := range []struct {
		name     string
		whole    limit
		parts    [kinds]limit
		capacity int64
		granted  [kinds]int64
		reserved int64
	}{
		{"nothing is defined", none, [kinds]limit{none, none, none}, 0, [kinds]int64{}, 0},
		{"only the whole", gb(10), [kinds]limit{none, none, none}, 10, [kinds]int64{}, 10},
		{"only the parts", none, [kinds]limit{gb(1), gb(2), none}, 3, [kinds]int64{1, 2, 0}, 0},
		{"an unbounded part takes the rest", gb(10), [kinds]limit{gb(3), open, none}, 10, [kinds]int64{3, 7, 0}, 0},
		{"unbounded parts share the rest", gb(10), [kinds]limit{open, gb(3), open}, 10, [kinds]int64{3, 3, 4}, 0},
		{"no rest for an unbounded part", gb(10), [kinds]limit{gb(20), open, none}, 10, [kinds]int64{10, 0, 0}, 0},
		{"an unbounded whole", open, [kinds]limit{gb(1), gb(2), gb(3)}, most, [kinds]int64{1, 2, 3}, most - 6},
		{"everything unbounded", open, [kinds]limit{open, open, open}, most, [kinds]int64{most / 3, most / 3, most - 2*(most/3)}, 0},
		{"an unbounded part of no whole", none, [kinds]limit{gb(1), none, open}, most, [kinds]int64{1, 0, most - 1}, 0},
		{"over-allocated", gb(10), [kinds]limit{gb(10), gb(10), gb(20)}, 10, [kinds]int64{2, 3, 5}, 0},
		{"more than can be shown", none, [kinds]limit{gb(most), gb(most), gb(most)}, most, [kinds]int64{most / 3, most / 3, most - 2*(most/3)}, 0},
	} {
		capacity, granted, reserved := divide(c.whole, c.parts)
		if capacity != c.capacity || granted != c.granted || reserved != c.reserved {
			t.Errorf("%s: %d %v %d, want %d %v %d", c.name, capacity, granted, reserved, c.capacity, c.granted, c.reserved)
		}
	}
}

func TestKilobytesAreRoundedUpAndGigabytesDown(t *testing.T) {
	set := figures.NewSet(Name, Mapping())
	shownAs := func(name string, bytes int64) int64 {
		f, ok := set.Usual(name)
		if !ok {
			t.Fatalf("there is no %s", name)
		}
		return f.Whole(figures.Native{Value: usance.SumOf(bytes)})
	}
	for bytes, kb := range map[int64]int64{-5: 0, 0: 0, 1: 1, 1024: 1, 1025: 2, math.MaxInt64: 1 << 53} {
		if got := shownAs("deptSpaceUsed", bytes); got != kb {
			t.Errorf("%d bytes are %d KB, want %d", bytes, got, kb)
		}
	}
	for bytes, gb := range map[int64]int64{-5: 0, 0: 0, 1<<30 - 1: 0, 1 << 30: 1, 3<<29 + 1<<30: 2, math.MaxInt64: most} {
		if got := shownAs("deptSpaceQuotaUsed", bytes); got != gb {
			t.Errorf("%d bytes are %d GB, want %d", bytes, got, gb)
		}
	}
}
