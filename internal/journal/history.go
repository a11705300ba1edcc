package journal

import (
	"context"
	"encoding/binary"
	"maps"
	"slices"
	"time"

	"github.com/usance/usance"
	"github.com/usance/usance/store"
)

// The history table has every change of definitions by sequence, so that what
// was defined when an event was counted can be known without reading the ledger.

func encodeHistory(c Change) []byte {
	b := appendText(nil, c.Type)
	b = appendText(b, c.Name)
	if c.After == nil {
		return append(b, 0)
	}
	return append(append(b, 1), c.After...)
}

// HistoryRow is the row of a definition entry, for those who compare it.
func HistoryRow(e *Entry) store.Row {
	return store.Row{ID: BlockID(e.Sequence), Value: encodeHistory(e.Change)}
}

// Past definitions of a tenant, from the rows of its history.
type Past struct {
	versions []uint64
	changes  []Change // Before is not kept
}

// ReadPast reads the rows of the history table, in their order.
func ReadPast(rows []store.Row) (*Past, error) {
	p := &Past{}
	for _, r := range rows {
		d := decoder{b: r.Value}
		c := Change{Type: d.text(), Name: d.text()}
		kept := d.byte() == 1
		if d.err || len(r.ID) != 8 {
			return nil, usance.ErrCorrupt
		}
		if kept {
			c.After = append([]byte{}, d.b...)
		}
		p.versions = append(p.versions, binary.BigEndian.Uint64([]byte(r.ID)))
		p.changes = append(p.changes, c)
	}
	return p, nil
}

// Version returns the version that was in force at a sequence: that of the last
// change at or before it; 0 when there was none.
func (p *Past) Version(sequence uint64) uint64 {
	i, found := slices.BinarySearch(p.versions, sequence)
	if found {
		return sequence
	}
	if i == 0 {
		return 0
	}
	return p.versions[i-1]
}

// Rows returns the definitions table as it was at a version.
func (p *Past) Rows(version uint64) []store.Row {
	at := map[string][]byte{}
	for i, v := range p.versions {
		if v > version {
			break
		}
		c := p.changes[i]
		if id := c.Type + "\x00" + c.Name; c.After == nil {
			delete(at, id)
		} else {
			at[id] = c.After
		}
	}
	var rows []store.Row
	for _, id := range slices.Sorted(maps.Keys(at)) {
		rows = append(rows, store.Row{ID: id, Value: at[id]})
	}
	return rows
}

// Last returns what a definition last was by a sequence, when it was not deleted:
// nil when it never was anything.
func (p *Past) Last(kind, name string, by uint64) []byte {
	for i := len(p.changes) - 1; i >= 0; i-- {
		if c := &p.changes[i]; p.versions[i] <= by && c.Type == kind && c.Name == name && c.After != nil {
			return c.After
		}
	}
	return nil
}

// SequenceAt returns the sequence of the newest entry recorded at or before an
// instant; 0 when there is none. newest is the tenant's newest.
func SequenceAt(ctx context.Context, st store.Store, tenant usance.TenantID, newest uint64, at time.Time) (uint64, error) {
	low, high := uint64(0), newest // entries up to low are at or before the instant
	for low < high {
		mid := low + (high-low+1)/2
		e, err := At(ctx, st, tenant, mid)
		if err != nil {
			return 0, err
		}
		if e.At.After(at) {
			high = mid - 1
		} else {
			low = mid
		}
	}
	return low, nil
}
