package usance_test

import (
	"math"
	"math/big"
	"testing"

	"pgregory.net/rapid"

	"github.com/usance/usance"
)

var aggregations = []usance.Aggregation{
	usance.AggCount, usance.AggSum, usance.AggMin, usance.AggMax, usance.AggAverage, usance.AggLevel, usance.AggGauge, usance.AggUnique,
}

func amounts(t *rapid.T) []int64 {
	edge := rapid.SampledFrom([]int64{0, 1, -1, math.MaxInt64, math.MinInt64, math.MaxInt64 - 1})
	return rapid.SliceOfN(rapid.OneOf(rapid.Int64(), rapid.Int64Range(-100, 100), edge), 0, 60).Draw(t, "amounts")
}

func fold(list []int64) (s usance.State) {
	for _, a := range list {
		s = s.Observe(a)
	}
	return s
}

// split folds a list through a random tree of merges.
func split(t *rapid.T, list []int64) usance.State {
	if len(list) < 2 {
		return fold(list)
	}
	at := rapid.IntRange(0, len(list)-1).Draw(t, "cut")
	if at == 0 {
		return fold(list)
	}
	return split(t, list[at:]).Merge(split(t, list[:at]))
}

func TestStatesMergeToTheSameInAnyOrderAndGrouping(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		list := amounts(t)
		shuffled := rapid.Permutation(list).Draw(t, "shuffled")
		if a, b := fold(list), split(t, shuffled); a != b {
			t.Fatalf("%+v in order, %+v shuffled and split", a, b)
		}
	})
}

func TestTheEmptyStateIsTheIdentityOfMerge(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := fold(amounts(t))
		if s.Merge(usance.State{}) != s || (usance.State{}).Merge(s) != s {
			t.Fatalf("%+v changes when merged with nothing", s)
		}
	})
}

func TestStatesAnswerWhatBigIntegersDo(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		list := amounts(t)
		s := fold(list)
		sum, low, high := new(big.Int), int64(math.MaxInt64), int64(math.MinInt64)
		for _, a := range list {
			sum.Add(sum, big.NewInt(a))
			low, high = min(low, a), max(high, a)
		}
		want := map[usance.Aggregation]*big.Int{
			usance.AggCount: big.NewInt(int64(len(list))), usance.AggSum: sum, usance.AggLevel: sum,
		}
		if len(list) > 0 {
			want[usance.AggMin], want[usance.AggMax] = big.NewInt(low), big.NewInt(high)
			want[usance.AggAverage] = roundedRatio(sum, int64(len(list)))
		}
		for agg, w := range want {
			if got := s.Value(agg).Big(); got.Cmp(w) != 0 {
				t.Fatalf("%s of %v is %s, want %s", agg, list, got, w)
			}
		}
	})
}

// roundedRatio is sum/n rounded half away from zero, by a rational number.
func roundedRatio(sum *big.Int, n int64) *big.Int {
	half := big.NewRat(1, 2)
	r := new(big.Rat).SetFrac(sum, big.NewInt(n))
	sign := int64(r.Sign())
	r.Abs(r).Add(r, half)
	q := new(big.Int).Quo(r.Num(), r.Denom())
	return q.Mul(q, big.NewInt(sign))
}

func TestAnEncodedStateAnswersTheSame(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := fold(amounts(t))
		agg := rapid.SampledFrom(aggregations).Draw(t, "aggregation")
		tail := rapid.SliceOfN(rapid.Byte(), 0, 3).Draw(t, "tail")
		got, rest, err := usance.DecodeState(s.Append(nil, agg), agg)
		if err != nil || len(rest) != 0 {
			t.Fatal(err, rest)
		}
		if agg == usance.AggUnique {
			if got.Count != s.Count {
				t.Fatalf("count %d became %d", s.Count, got.Count)
			}
		} else if got.Value(agg) != s.Value(agg) {
			t.Fatalf("%s: %s became %s", agg, s.Value(agg), got.Value(agg))
		}
		if _, rest, err = usance.DecodeState(append(s.Append(nil, agg), tail...), agg); err != nil || string(rest) != string(tail) {
			t.Fatalf("what follows a state is lost: %v %v", rest, err)
		}
	})
}

func FuzzDecodeState(f *testing.F) {
	f.Add([]byte{0}, 0)
	f.Fuzz(func(t *testing.T, b []byte, i int) {
		agg := aggregations[uint(i)%uint(len(aggregations))]
		s, rest, err := usance.DecodeState(b, agg)
		if err == nil && len(rest) > len(b) {
			t.Fatalf("%+v left more bytes than there were", s)
		}
	})
}

func TestSumsAreExactAndNeverDrift(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var s usance.Sum
		want := new(big.Int)
		for _, a := range amounts(t) {
			if rapid.Bool().Draw(t, "minus") {
				s = s.Minus(usance.SumOf(a))
				want.Sub(want, big.NewInt(a))
			} else {
				s = s.Plus(usance.SumOf(a))
				want.Add(want, big.NewInt(a))
			}
			if s.Big().Cmp(want) != 0 {
				t.Fatalf("%s, want %s", s, want)
			}
			if a, ok := s.Amount(); ok != want.IsInt64() || ok && a != want.Int64() {
				t.Fatalf("Amount of %s is %d, %v", want, a, ok)
			}
			clamped := want.Int64()
			if !want.IsInt64() {
				clamped = math.MaxInt64
				if want.Sign() < 0 {
					clamped = math.MinInt64
				}
			}
			if s.Clamp() != clamped {
				t.Fatalf("Clamp of %s is %d", want, s.Clamp())
			}
			if hi, lo := s.Words(); usance.SumFromWords(hi, lo) != s {
				t.Fatal("words do not give the sum back")
			}
		}
	})
}
