package pebblestore

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/usance/usance"
	"github.com/usance/usance/store"
)

// What one tenant's rows are called must not reach into another's, whatever the
// tenants and rows are called.
func FuzzKeysOfTwoTenantsNeverMeet(f *testing.F) {
	f.Add("a", byte('b'), "x", "ab", byte('x'), "")
	f.Add("a\x00", byte(1), "", "a", byte(0), "\x01")
	f.Add("", byte(255), "\xff\xff", "\x00", byte(255), "\xff")
	f.Fuzz(func(t *testing.T, one string, table byte, id string, two string, other byte, its string) {
		a := appendRow(rowsOf(usance.TenantID(one)), store.Table(table), id)
		b := appendRow(rowsOf(usance.TenantID(two)), store.Table(other), its)
		if same := one == two && table == other && id == its; bytes.Equal(a, b) != same {
			t.Fatalf("%q and %q", a, b)
		}
		lower, upper, ok := bounds(rowsOf(usance.TenantID(one)), store.Range{Table: store.Table(table)})
		if !ok || bytes.Compare(a, lower) < 0 || upper != nil && bytes.Compare(a, upper) >= 0 {
			t.Fatalf("%q is outside its own table, %q to %q", a, lower, upper)
		}
		if inside := bytes.Compare(b, lower) >= 0 && (upper == nil || bytes.Compare(b, upper) < 0); inside && (one != two || table != other) {
			t.Fatalf("%q of another table lies in %q to %q", b, lower, upper)
		}
		if one == two && table == other && strings.Compare(id, its) != bytes.Compare(a, b) {
			t.Fatalf("%q and %q are in another order than their rows", a, b)
		}
	})
}

func FuzzTimesAreOrderedAsTheirBytes(f *testing.F) {
	f.Add(int64(0), int64(1), int64(0), int64(2))
	f.Add(int64(-62135596800), int64(0), int64(253402300799), int64(999999999))
	f.Fuzz(func(t *testing.T, s1, n1, s2, n2 int64) {
		const within = 1 << 40
		a, b := time.Unix(s1%within, n1%1e9).UTC(), time.Unix(s2%within, n2%1e9).UTC()
		x, y := appendTime(nil, a), appendTime(nil, b)
		if a.Compare(b) != bytes.Compare(x, y) {
			t.Fatalf("%v and %v", a, b)
		}
		if back, err := decodeTime(x); err != nil || !back.Equal(a) {
			t.Fatalf("%v comes back as %v, %v", a, back, err)
		}
	})
}
