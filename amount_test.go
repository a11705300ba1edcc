package usance_test

import (
	"math"
	"math/big"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/usance/usance"
)

func TestAddAndSubReportEveryOverflow(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		pick := rapid.OneOf(rapid.Int64(), rapid.SampledFrom([]int64{0, 1, -1, math.MaxInt64, math.MinInt64}))
		a, b := pick.Draw(t, "a"), pick.Draw(t, "b")
		x, y := big.NewInt(a), big.NewInt(b)
		if got, ok := usance.Add(a, b); ok != new(big.Int).Add(x, y).IsInt64() || ok && got != new(big.Int).Add(x, y).Int64() {
			t.Fatalf("%d+%d is %d, %v", a, b, got, ok)
		}
		if got, ok := usance.Sub(a, b); ok != new(big.Int).Sub(x, y).IsInt64() || ok && got != new(big.Int).Sub(x, y).Int64() {
			t.Fatalf("%d-%d is %d, %v", a, b, got, ok)
		}
	})
}

func TestRoomIsWhatTheLimitLeavesAndNeverNegative(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		limit := rapid.Int64Range(0, math.MaxInt64-1).Draw(t, "limit")
		used, reserved := rapid.Int64().Draw(t, "used"), rapid.Int64Range(0, math.MaxInt64).Draw(t, "reserved")
		want := big.NewInt(limit)
		want.Sub(want, big.NewInt(max(used, 0)))
		want.Sub(want, big.NewInt(reserved))
		if want.Sign() < 0 {
			want.SetInt64(0)
		}
		if got := usance.Room(limit, used, reserved); big.NewInt(got).Cmp(want) != 0 {
			t.Fatalf("room of %d with %d and %d is %d, want %s", limit, used, reserved, got, want)
		}
		if usance.Room(usance.Unlimited, used, reserved) != usance.Unlimited {
			t.Fatal("unlimited ran out of room")
		}
	})
}

func TestAmountsReadTheirUnitsExactly(t *testing.T) {
	for text, want := range map[string]int64{
		"0": 0, "512": 512, "10240GiB": 10240 << 30, "6144 GiB": 6144 << 30, "1TB": 1e12, "1TiB": 1 << 40, "3KB": 3000, "3KiB": 3072,
		"7MB": 7e6, "7MiB": 7 << 20, "9B": 9, "2min": 120, "2h": 7200, "1d": 86400, "5s": 5, "-5": -5,
		"9223372036854775807": math.MaxInt64, "unlimited": usance.Unlimited,
	} {
		if got, err := usance.ParseAmount(text); err != nil || got != want {
			t.Errorf("%q is %d, %v; want %d", text, got, err, want)
		}
	}
	for _, text := range []string{"", "GiB", "1.5GiB", "1e3", "+1", "1 000", "1_000", "9223372036854775808", "9000000TiB", "10gib", "0x10", "1  GiB", "Unlimited", strings.Repeat("9", 100), "１"} {
		if got, err := usance.ParseAmount(text); usance.KindOf(err) != usance.KindInvalid {
			t.Errorf("%q was read as %d, %v", text, got, err)
		}
	}
}

func FuzzParseAmount(f *testing.F) {
	f.Add("10GiB")
	f.Fuzz(func(t *testing.T, text string) {
		if _, err := usance.ParseAmount(text); err != nil && usance.KindOf(err) != usance.KindInvalid {
			t.Fatal(err)
		}
	})
}

func TestWholeNumbersAreReadInEveryJSONForm(t *testing.T) {
	for text, want := range map[string]int64{"0": 0, "-0": 0, "12": 12, "12.0": 12, "1.2e1": 12, "1200E-2": 12, "9223372036854775807": math.MaxInt64, "-9223372036854775808": math.MinInt64} {
		if got, err := usance.WholeNumber(text); err != nil || got != want {
			t.Errorf("%q is %d, %v", text, got, err)
		}
	}
	for _, text := range []string{"0.5", "1e-1", "9223372036854775808", "1e19", "1e999999999", "1e-999999999", "NaN", ""} {
		if got, err := usance.WholeNumber(text); usance.KindOf(err) != usance.KindInvalid {
			t.Errorf("%q was read as %d, %v", text, got, err)
		}
	}
}
