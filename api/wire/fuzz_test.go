package wire_test

import (
	"math"
	"math/big"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/usance/usance"
	"github.com/usance/usance/api/wire"
)

var (
	numberForm = regexp.MustCompile(`^(-?)([0-9]+)(?:\.([0-9]+))?(?:[eE]([+-]?[0-9]+))?$`)
	amountForm = regexp.MustCompile(`^(-?[0-9]+) ?([A-Za-z]*)$`)
)

// wholeOf returns the whole number that a JSON number is, by moving its point; nil
// when it is none. Forms that WholeNumber may refuse for their length or their
// exponent alone are not certain.
func wholeOf(text string) (n *big.Int, certain bool) {
	m := numberForm.FindStringSubmatch(text)
	exponent, err := 0, error(nil)
	if m[4] != "" {
		exponent, err = strconv.Atoi(m[4])
	}
	certain = err == nil && len(text) <= 128 && exponent >= -40 && exponent <= 40
	if err != nil || exponent > 200 || exponent < -200 {
		exponent = max(-200, min(200, exponent)) // further than any length here
	}
	digits, point := m[2]+m[3], len(m[2])+exponent
	for ; point < 0; point++ {
		digits = "0" + digits
	}
	for point > len(digits) {
		digits += "0"
	}
	if strings.Trim(digits[point:], "0") != "" {
		return nil, certain
	}
	n, _ = new(big.Int).SetString(m[1]+"0"+digits[:point], 10)
	return n, certain
}

// amountOf returns the amount that a text says, nil for one that is none.
func amountOf(text string) *big.Int {
	m := amountForm.FindStringSubmatch(text)
	factors := map[string]int64{"": 1, "B": 1, "KB": 1e3, "MB": 1e6, "GB": 1e9, "TB": 1e12, "KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30, "TiB": 1 << 40,
		"s": 1, "min": 60, "h": 3600, "d": 86400}
	if text == "unlimited" {
		return big.NewInt(math.MaxInt64)
	}
	if m == nil || factors[m[2]] == 0 || len(text) > 64 {
		return nil
	}
	n, _ := new(big.Int).SetString(m[1], 10)
	return n.Mul(n, big.NewInt(factors[m[2]]))
}

// numbers is one JSON value as each of the wire's numbers: nil where it is refused.
type numbers struct{ amount, quantity, seconds, integer *big.Int }

func read(text []byte) numbers {
	one := func(v any, number func() *big.Int) *big.Int {
		if err := json.Unmarshal(text, v); err != nil {
			return nil
		}
		return number()
	}
	var a wire.Amount
	var q wire.Quantity
	var s wire.Seconds
	var i wire.Integer
	return numbers{
		amount:   one(&a, func() *big.Int { return big.NewInt(int64(a)) }),
		quantity: one(&q, func() *big.Int { return big.NewInt(int64(q)) }),
		seconds:  one(&s, func() *big.Int { return big.NewInt(int64(s)) }),
		integer:  one(&i, func() *big.Int { return i.Big() }),
	}
}

func same(a, b *big.Int) bool { return a == nil && b == nil || a != nil && b != nil && a.Cmp(b) == 0 }

func bounded(n *big.Int, bits int) *big.Int {
	if n == nil || n.BitLen() > bits && !n.IsInt64() {
		return nil
	}
	return n
}

// FuzzANumberOfTheWireIsTakenExactlyOrRefused reads any JSON value as each kind of
// number the native API takes, and compares it with whole-number arithmetic without
// bounds: never is a number taken for another, and what is read is written so that it
// reads the same.
func FuzzANumberOfTheWireIsTakenExactlyOrRefused(f *testing.F) {
	for _, s := range []string{"0", "-0", "1", "-1", "1e3", "1.0", "1.5", "15e-1", "150E-1", "9223372036854775807", "9223372036854775808", "-9223372036854775808",
		"-9223372036854775809", "9007199254740993", "9007199254740993.0", "922337203685477580700e-2", "1e400", "0e999999999999", "1e-400", "170141183460469231731687303715884105727",
		"-170141183460469231731687303715884105728", "null", "true", "[1]", "{}", `"1"`, `"10GiB"`, `"10 GiB"`, `"10  GiB"`, `"\u0031KB"`, `"unlimited"`, `"-5min"`, `"8388608TiB"`,
		`"8388607TiB"`, `"-8388608TiB"`, `"0x10"`, `"1_0"`, `"+1"`, `"1e3"`, `"1.0"`, `""`, `" 1"`, " 5 ", "5 6", `"9223372036854775807"`} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		value := jsontext.Value(text)
		if len(text) > 256 || !value.IsValid() {
			return
		}
		got := read(text)
		checkWritten(t, got)
		value = value.Clone()
		if err := value.Compact(jsontext.PreserveRawStrings(true)); err != nil {
			t.Fatal(err)
		}
		want := said(value, got)
		if !same(got.amount, want.amount) || !same(got.quantity, want.quantity) || !same(got.seconds, want.seconds) || !same(got.integer, want.integer) {
			t.Fatalf("%s is %+v; it says %+v", value, got, want)
		}
	})
}

// said returns what a JSON value is as each kind of number. Where a form may be
// refused although it says a number, it is what was made of it that must be right.
func said(value jsontext.Value, got numbers) (want numbers) {
	switch value.Kind() {
	case '0':
		n, certain := wholeOf(string(value))
		want.amount, want.integer = bounded(n, 63), bounded(n, 127)
		if !certain && got.amount == nil && got.quantity == nil && got.seconds == nil {
			want.amount = nil
		}
		if len(value) > 64 || strings.ContainsAny(string(value), ".eE") {
			want.integer = nil
		}
		want.seconds = want.amount
	case '"':
		var words string
		if json.Unmarshal(value, &words) == nil { // it is UTF-8
			want.amount = bounded(amountOf(words), 63)
		}
		if !strings.HasSuffix(words, "B") && words != "unlimited" {
			want.seconds = want.amount
		}
	case 'n':
		return numbers{amount: big.NewInt(usance.Unlimited)}
	}
	if want.quantity = want.amount; want.amount != nil && want.amount.Int64() == usance.Unlimited {
		want.quantity = nil // no quantity is without a limit
	}
	return want
}

// checkWritten writes what was read and reads it again.
func checkWritten(t *testing.T, got numbers) {
	t.Helper()
	if got.amount != nil {
		b, err := json.Marshal(wire.Amount(got.amount.Int64()))
		if again := read(b); err != nil || !same(got.amount, again.amount) {
			t.Fatalf("%s is written %s and then %s, %v", got.amount, b, again.amount, err)
		}
	}
	if got.integer != nil {
		var n wire.Integer
		if err := json.Unmarshal([]byte(got.integer.String()), &n); err != nil {
			t.Fatalf("%s: %v", got.integer, err)
		}
		if b, err := json.Marshal(n); err != nil || string(b) != got.integer.String() {
			t.Fatalf("%s is written %s, %v", got.integer, b, err)
		}
	}
}
