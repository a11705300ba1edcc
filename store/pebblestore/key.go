package pebblestore

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"time"

	"github.com/usance/usance"
	"github.com/usance/usance/store"
)

// The first byte of every physical key says what the row is. All of it is part
// of the format: see formatVersion.
const (
	spaceMeta byte = 0x01 // the store itself: format version
	spaceRows byte = 0x02 // tenant, table, id → value
	spaceDue  byte = 0x03 // due time, tenant → nothing
	spaceTurn byte = 0x04 // tenant → its due time, so that the entry above can be found and replaced
)

// appendTenant appends the tenant so that no tenant's encoding begins another's:
// NUL is escaped and the whole is terminated. Without that, tenant "a" table 'b'
// would lie inside tenant "ab".
func appendTenant(dst []byte, tenant usance.TenantID) []byte {
	for i := range len(tenant) {
		if tenant[i] == 0 {
			dst = append(dst, 0, 0xFF)
		} else {
			dst = append(dst, tenant[i])
		}
	}
	return append(dst, 0, 1)
}

func rowsOf(tenant usance.TenantID) []byte {
	return appendTenant(append(make([]byte, 0, len(tenant)+64), spaceRows), tenant)
}

// appendRow appends the rest of a row's key behind rowsOf.
func appendRow(prefix []byte, t store.Table, id string) []byte {
	return append(append(prefix, byte(t)), id...)
}

// bounds returns the physical bounds of a range, and false when nothing can lie
// between them. prefix is rowsOf the tenant.
func bounds(prefix []byte, r store.Range) (lower, upper []byte, ok bool) {
	if r.To != "" && r.From >= r.To {
		return nil, nil, false
	}
	lower = appendRow(bytes.Clone(prefix), r.Table, r.From)
	if r.To == "" {
		return lower, successor(append(bytes.Clone(prefix), byte(r.Table))), true
	}
	return lower, appendRow(bytes.Clone(prefix), r.Table, r.To), true
}

// successor returns the least key that is greater than every key beginning with
// prefix. Its prefixes begin with a space byte, which is never 0xFF.
func successor(prefix []byte) []byte {
	for i := len(prefix) - 1; i >= 0; i-- {
		if prefix[i] != 0xFF {
			prefix[i]++
			return prefix[:i+1]
		}
	}
	return nil
}

const timeBytes = 12

// appendTime encodes any time.Time so that byte order is the order of time.
func appendTime(dst []byte, t time.Time) []byte {
	dst = binary.BigEndian.AppendUint64(dst, uint64(t.Unix())^1<<63)
	return binary.BigEndian.AppendUint32(dst, uint32(t.Nanosecond()))
}

func decodeTime(b []byte) (time.Time, error) {
	if len(b) != timeBytes {
		return time.Time{}, fmt.Errorf("%w: a time of %d bytes", usance.ErrCorrupt, len(b))
	}
	return time.Unix(int64(binary.BigEndian.Uint64(b)^1<<63), int64(binary.BigEndian.Uint32(b[8:]))).UTC(), nil
}

func dueKey(t []byte, tenant usance.TenantID) []byte {
	k := append(make([]byte, 0, 1+len(t)+len(tenant)), spaceDue)
	return append(append(k, t...), tenant...)
}

func turnKey(tenant usance.TenantID) []byte {
	return append([]byte{spaceTurn}, tenant...)
}
