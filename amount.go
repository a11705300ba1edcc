package usance

import (
	"math"
	"math/big"
	"math/bits"
	"strings"
)

// Amount is a whole number of a meter's base unit: bytes, seconds, seats. It is
// never a float; every operation that could pass int64 is checked.
type Amount = int64

// Unlimited is the limit of a quota that has none.
const Unlimited Amount = math.MaxInt64

// Add returns a+b and whether it fits an Amount.
func Add(a, b Amount) (Amount, bool) {
	c := a + b
	return c, (c > a) == (b > 0)
}

// Sub returns a-b and whether it fits an Amount.
func Sub(a, b Amount) (Amount, bool) {
	c := a - b
	return c, (c < a) == (b > 0)
}

// Sum is an exact total of Amounts. It is 128 bits wide, so that no order of
// adding up to 2^63 amounts can overflow: sums are a commutative group, not
// merely until something is too large.
type Sum struct {
	hi int64
	lo uint64
}

// SumOf returns the Sum holding a.
func SumOf(a Amount) Sum { return Sum{hi: a >> 63, lo: uint64(a)} }

// Plus returns s+t.
func (s Sum) Plus(t Sum) Sum {
	lo, carry := bits.Add64(s.lo, t.lo, 0)
	hi, _ := bits.Add64(uint64(s.hi), uint64(t.hi), carry)
	return Sum{hi: int64(hi), lo: lo}
}

// Neg returns -s.
func (s Sum) Neg() Sum {
	lo, carry := bits.Add64(^s.lo, 1, 0)
	hi, _ := bits.Add64(^uint64(s.hi), 0, carry)
	return Sum{hi: int64(hi), lo: lo}
}

// Minus returns s-t.
func (s Sum) Minus(t Sum) Sum { return s.Plus(t.Neg()) }

// IsZero reports whether s is 0.
func (s Sum) IsZero() bool { return s.hi == 0 && s.lo == 0 }

// Sign returns -1, 0 or 1 as s is negative, zero or positive.
func (s Sum) Sign() int {
	switch {
	case s.hi < 0:
		return -1
	case s.IsZero():
		return 0
	}
	return 1
}

// Amount returns s as an Amount and whether it fits one.
func (s Sum) Amount() (Amount, bool) {
	a := int64(s.lo)
	return a, s.hi == a>>63
}

// Clamp returns s as an Amount, or the nearest one when it does not fit. It is
// for surfaces whose wire type is a 64-bit integer.
func (s Sum) Clamp() Amount {
	if a, ok := s.Amount(); ok {
		return a
	}
	if s.hi < 0 {
		return math.MinInt64
	}
	return math.MaxInt64
}

// Big returns s as a big integer.
func (s Sum) Big() *big.Int {
	b := new(big.Int).SetInt64(s.hi)
	b.Lsh(b, 64)
	return b.Add(b, new(big.Int).SetUint64(s.lo))
}

func (s Sum) String() string { return s.Big().String() }

// Words returns the two's complement halves of s, for codecs.
func (s Sum) Words() (hi int64, lo uint64) { return s.hi, s.lo }

// SumFromWords is the inverse of Words.
func SumFromWords(hi int64, lo uint64) Sum { return Sum{hi: hi, lo: lo} }

var unitFactors = map[string]int64{
	"": 1, "B": 1,
	"KB": 1e3, "MB": 1e6, "GB": 1e9, "TB": 1e12,
	"KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30, "TiB": 1 << 40,
	"s": 1, "min": 60, "h": 3600, "d": 86400,
}

// ParseAmount reads a whole number of the base unit, or one with a unit: B KB MB
// GB TB (powers of 1000), KiB MiB GiB TiB (powers of 1024), s min h d. A blank
// may stand before the unit. "unlimited" is Unlimited. Anything else, and any
// amount past int64, is KindInvalid.
func ParseAmount(text string) (Amount, error) {
	if text == "unlimited" {
		return Unlimited, nil
	}
	end := strings.LastIndexAny(text, "0123456789") + 1
	digits, unit := text[:end], strings.TrimPrefix(text[end:], " ")
	factor, known := unitFactors[unit]
	if !known {
		return 0, Errorf(KindInvalid, "%q is not an amount: the units are B KB MB GB TB KiB MiB GiB TiB s min h d", clip(text))
	}
	if digits == "" || strings.HasPrefix(digits, "+") || len(text) > 64 {
		return 0, Errorf(KindInvalid, "%q is not an amount: a whole number is needed", clip(text))
	}
	n, ok := new(big.Int).SetString(digits, 10)
	if !ok || strings.Contains(digits, "_") {
		return 0, Errorf(KindInvalid, "%q is not an amount: a whole number is needed", clip(text))
	}
	n.Mul(n, big.NewInt(factor))
	if !n.IsInt64() {
		return 0, Errorf(KindInvalid, "%q is past the largest amount, %d", clip(text), int64(math.MaxInt64))
	}
	return n.Int64(), nil
}

func clip(s string) string {
	if len(s) > 64 {
		return strings.ToValidUTF8(s[:64], "") + "…"
	}
	return s
}
