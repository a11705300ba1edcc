package usance

import (
	"encoding/binary"
	"errors"
	"math/big"
)

// State is what a meter's amounts fold into over one slot of time, or any union
// of slots: a commutative monoid. Merge is associative and commutative, the zero
// State is its identity, and Value is a function of the merged State alone; so
// no order, grouping or split of the same events can change an answer.
//
// Gauges and uniques fold in two stages. A gauge's samples become deltas (see
// Sample) which then fold as a level; a unique's values become set members, and
// only their number is a State.
type State struct {
	Count uint64 // events folded, modulo 2^64
	Sum   Sum    // total of their amounts
	Min   Amount // least and greatest amount; meaningful when Count > 0
	Max   Amount
}

// Observe returns s with one more amount.
func (s State) Observe(a Amount) State {
	return s.Merge(State{Count: 1, Sum: SumOf(a), Min: a, Max: a})
}

// Merge returns the fold of everything in s and t.
func (s State) Merge(t State) State {
	if s.Count == 0 {
		s.Min, s.Max = t.Min, t.Max
	} else if t.Count > 0 {
		s.Min, s.Max = min(s.Min, t.Min), max(s.Max, t.Max)
	}
	s.Count += t.Count
	s.Sum = s.Sum.Plus(t.Sum)
	return s
}

// Empty reports whether s answers an aggregation as the zero State does in every
// union: such a state need not be kept.
func (s State) Empty(a Aggregation) bool {
	switch a {
	case AggSum, AggLevel, AggGauge:
		return s.Sum.IsZero()
	}
	return s.Count == 0
}

// Value returns the number that s answers for an aggregation. The number of an
// empty State is 0.
func (s State) Value(a Aggregation) Sum {
	switch a {
	case AggCount:
		return SumOf(int64(s.Count)) // counts add modulo 2^64, so that what is taken back may come first
	case AggMin:
		if s.Count == 0 {
			return Sum{}
		}
		return SumOf(s.Min)
	case AggMax:
		if s.Count == 0 {
			return Sum{}
		}
		return SumOf(s.Max)
	case AggAverage:
		return s.average()
	}
	return s.Sum
}

func (s State) average() Sum {
	if s.Count == 0 {
		return Sum{}
	}
	n := s.Sum.Big()
	d := new(big.Int).SetUint64(s.Count)
	// Half away from zero: (2n ± d) / 2d, truncated.
	n.Lsh(n, 1)
	if n.Sign() < 0 {
		n.Sub(n, d)
	} else {
		n.Add(n, d)
	}
	n.Quo(n, d.Lsh(d, 1))
	return SumOf(n.Int64()) // between Min and Max, so it fits
}

// Append encodes s compactly behind buf. Only what the aggregation needs is
// kept.
func (s State) Append(buf []byte, a Aggregation) []byte {
	switch a {
	case AggCount, AggUnique:
		return binary.AppendUvarint(buf, s.Count)
	case AggMin, AggMax:
		buf = binary.AppendUvarint(buf, s.Count)
		buf = binary.AppendVarint(buf, s.Min)
		return binary.AppendVarint(buf, s.Max)
	case AggAverage:
		buf = binary.AppendUvarint(buf, s.Count)
	}
	return appendSum(buf, s.Sum)
}

// ErrCorrupt is returned by decoders for bytes that no encoder wrote.
var ErrCorrupt = errors.New("usance: corrupt encoding")

// DecodeState is the inverse of Append. It returns the bytes behind the state.
func DecodeState(b []byte, a Aggregation) (State, []byte, error) {
	var s State
	var err error
	switch a {
	case AggCount, AggUnique:
		s.Count, b, err = uvarint(b)
		return s, b, err
	case AggMin, AggMax:
		if s.Count, b, err = uvarint(b); err != nil {
			return s, b, err
		}
		if s.Min, b, err = varint(b); err != nil {
			return s, b, err
		}
		s.Max, b, err = varint(b)
		return s, b, err
	case AggAverage:
		if s.Count, b, err = uvarint(b); err != nil {
			return s, b, err
		}
	}
	s.Sum, b, err = decodeSum(b)
	return s, b, err
}

// A Sum that fits an Amount is its varint; one that does not is an escape, the
// ten-byte varint of MinInt64, and sixteen bytes. MinInt64 itself is escaped.
func appendSum(buf []byte, s Sum) []byte {
	const escape = -1 << 63
	if a, ok := s.Amount(); ok && a != escape {
		return binary.AppendVarint(buf, a)
	}
	buf = binary.AppendVarint(buf, escape)
	buf = binary.BigEndian.AppendUint64(buf, uint64(s.hi))
	return binary.BigEndian.AppendUint64(buf, s.lo)
}

func decodeSum(b []byte) (Sum, []byte, error) {
	a, rest, err := varint(b)
	if err != nil || a != -1<<63 {
		return SumOf(a), rest, err
	}
	if len(rest) < 16 {
		return Sum{}, nil, ErrCorrupt
	}
	return Sum{hi: int64(binary.BigEndian.Uint64(rest)), lo: binary.BigEndian.Uint64(rest[8:])}, rest[16:], nil
}

func uvarint(b []byte) (uint64, []byte, error) {
	v, n := binary.Uvarint(b)
	if n <= 0 {
		return 0, nil, ErrCorrupt
	}
	return v, b[n:], nil
}

func varint(b []byte) (int64, []byte, error) {
	v, n := binary.Varint(b)
	if n <= 0 {
		return 0, nil, ErrCorrupt
	}
	return v, b[n:], nil
}
