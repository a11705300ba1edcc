package mapping

import (
	"math"
	"math/big"
	"strconv"

	"github.com/usance/usance"
)

// Conversion makes the number shown of one in a base unit.
type Conversion struct {
	Divide   int64 // base units in one shown; at least 1
	Round    Rounding
	Decimals int
	Most     int64
	Signed   bool
}

// factor returns how many of a base unit one of a field's unit is.
func factor(base, unit string) (int64, bool) {
	switch {
	case base == unit, unit == "":
		return 1, true
	case base == "B":
		for i, name := range [...]string{"KB", "MB", "GB", "TB"} {
			if unit == name {
				return 1 << (10 * (i + 1)), true
			}
		}
	case base == "s":
		n, ok := map[string]int64{"min": 60, "h": 3600, "d": 86400}[unit]
		return n, ok
	}
	return 0, false
}

// Conversion returns how a source's base unit becomes the field's, or false when
// the units do not say and the source does not either.
func (f *Field) Conversion(s Source, base string) (Conversion, bool) {
	c := Conversion{Divide: s.Divide, Round: s.Round, Decimals: f.Decimals, Most: f.Most, Signed: f.Signed}
	ok := c.Divide > 0
	if !ok {
		c.Divide, ok = factor(base, f.Unit)
	}
	return c, ok
}

// Whole converts a number to a whole one. It is exact, and kept to the bounds.
func (c Conversion) Whole(v usance.Sum) int64 {
	n, fits := v.Amount()
	if !fits {
		return c.bound(c.scaled(v.Big(), 1))
	}
	q, r := n/c.Divide, n%c.Divide
	if r < 0 {
		q, r = q-1, r+c.Divide
	}
	if r > 0 && (c.Round == Up || c.Round == Nearest && r >= c.Divide-r) {
		q++ // q is less than n, so it cannot pass
	}
	return c.limit(q)
}

func (c Conversion) limit(n int64) int64 {
	if n < 0 && !c.Signed {
		n = 0
	}
	if c.Most > 0 && n > c.Most {
		return c.Most
	}
	return n
}

// scaled returns v·scale/divide, rounded.
func (c Conversion) scaled(v *big.Int, scale int64) *big.Int {
	v.Mul(v, big.NewInt(scale))
	d := big.NewInt(c.Divide)
	switch c.Round {
	case Up:
		v.Add(v, d).Sub(v, big.NewInt(1))
	case Nearest:
		// Half up: (2v + d) / 2d, rounded down.
		v.Lsh(v, 1).Add(v, d)
		d.Lsh(d, 1)
	}
	return v.Div(v, d) // Euclidean, which for a positive divisor is down
}

func (c Conversion) bound(v *big.Int) int64 {
	if v.IsInt64() {
		return c.limit(v.Int64())
	}
	if v.Sign() < 0 {
		return c.limit(math.MinInt64)
	}
	return c.limit(math.MaxInt64)
}

// Append writes a number as JSON. One with decimals has at least one, as the
// vendors' Doubles have, and at most as many as the field takes.
func (c Conversion) Append(dst []byte, v usance.Sum) []byte {
	if c.Decimals == 0 {
		return strconv.AppendInt(dst, c.Whole(v), 10)
	}
	scale := int64(1)
	for range c.Decimals {
		scale *= 10
	}
	n := c.scaled(v.Big(), scale)
	if n.Sign() < 0 {
		if !c.Signed {
			n.SetInt64(0)
		} else {
			dst = append(dst, '-')
			n.Neg(n)
		}
	}
	if most := new(big.Int).Mul(big.NewInt(c.Most), big.NewInt(scale)); c.Most > 0 && n.Cmp(most) > 0 {
		n = most
	}
	whole, part := n.QuoRem(n, big.NewInt(scale), new(big.Int))
	dst = append(whole.Append(dst, 10), '.')
	first := len(dst)
	for p := part.Int64(); scale > 1; p %= scale {
		scale /= 10
		dst = append(dst, '0'+byte(p/scale))
	}
	for len(dst) > first+1 && dst[len(dst)-1] == '0' {
		dst = dst[:len(dst)-1]
	}
	return dst
}
