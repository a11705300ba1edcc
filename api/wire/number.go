package wire

import (
	"bytes"
	"math/big"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/usance/usance"
)

// Amount is an amount that may be unlimited. It is written as a JSON integer, and
// usance.Unlimited as null; it is also read from "unlimited" and from text with a
// unit such as "10GiB" (see usance.ParseAmount).
type Amount usance.Amount

var null = []byte("null")

// MarshalJSON writes a as the type comment says.
func (a Amount) MarshalJSON() ([]byte, error) {
	if usance.Amount(a) == usance.Unlimited {
		return null, nil
	}
	return json.Marshal(int64(a))
}

// UnmarshalJSON reads what the type comment names; anything else is
// usance.KindInvalid.
func (a *Amount) UnmarshalJSON(b []byte) error {
	text := string(b)
	switch jsontext.Value(b).Kind() {
	case 'n':
		*a = Amount(usance.Unlimited)
		return nil
	case '"':
		if err := json.Unmarshal(b, &text); err != nil {
			return err
		}
		n, err := usance.ParseAmount(text)
		*a = Amount(n)
		return err
	case '0':
		n, err := usance.WholeNumber(text)
		*a = Amount(n)
		return err
	}
	return usance.Errorf(usance.KindInvalid, "an amount is a whole number, a text such as \"10GiB\", \"unlimited\" or null")
}

// Integer is an exact whole number of up to 128 bits, written as a JSON integer.
type Integer struct{ usance.Sum }

// MarshalJSON writes every digit.
func (n Integer) MarshalJSON() ([]byte, error) {
	if a, ok := n.Amount(); ok {
		return json.Marshal(a)
	}
	return []byte(n.String()), nil
}

// UnmarshalJSON reads a JSON integer of up to 128 bits.
func (n *Integer) UnmarshalJSON(b []byte) error {
	v, ok := new(big.Int).SetString(string(bytes.TrimSpace(b)), 10)
	if !ok || len(b) > 64 || v.BitLen() > 127 {
		return usance.Errorf(usance.KindInvalid, "a whole number of at most 128 bits is needed")
	}
	low := new(big.Int).And(v, new(big.Int).SetUint64(1<<64-1))
	n.Sum = usance.SumFromWords(new(big.Int).Rsh(v, 64).Int64(), low.Uint64())
	return nil
}
