package ledger

import (
	"context"

	"github.com/usance/usance"
	"github.com/usance/usance/internal/journal"
	"github.com/usance/usance/registry"
	"github.com/usance/usance/store"
)

// HoldFilter selects holds to list.
type HoldFilter struct {
	State  usance.HoldState // "" for any
	Node   usance.Path      // at and below; "" is the root
	Cursor string           // of the page before
	Limit  int              // 1 to usance.MaxPageSize
}

// HoldPage is one page of holds. A page may have fewer than its limit and yet a
// next one, since the work for a page is bounded.
type HoldPage struct {
	Sequence uint64
	Holds    []usance.Hold
	Next     string // cursor of the next page; empty at the end
}

// maxHoldsRead bounds the holds read for one page.
const maxHoldsRead = 10_000

// Holds lists holds: open ones alone in the order in which they expire, and
// otherwise in the order of their ids. A cursor stays good while holds come and
// go.
func (l *Ledger) Holds(ctx context.Context, tenant usance.TenantID, f HoldFilter) (HoldPage, error) {
	if f.Limit < 1 || f.Limit > usance.MaxPageSize {
		return HoldPage{}, usance.Errorf(usance.KindInvalid, "a page has 1 to %d rows", usance.MaxPageSize)
	}
	if f.Node == "" {
		f.Node = usance.Root
	}
	span := store.Range{Table: store.Holds, From: "h", To: "i"}
	if f.State == usance.HoldOpen {
		span.From, span.To = "x", "y"
	}
	if f.Cursor != "" {
		if f.Cursor < span.From || f.Cursor >= span.To {
			return HoldPage{}, usance.Errorf(usance.KindInvalid, "the cursor is not one that a page of these holds gave")
		}
		span.From = f.Cursor + "\x00"
	}
	page := HoldPage{Holds: []usance.Hold{}}
	for read := 0; read < maxHoldsRead; {
		span.Limit = usance.MaxPageSize
		n, err := l.holdsOf(ctx, tenant, f, &span, &page)
		if err != nil || page.Next != "" {
			return page, err
		}
		if read += n; n < span.Limit {
			return page, nil
		}
	}
	page.Next = span.From[:len(span.From)-1]
	return page, nil
}

// holdsOf adds the holds of one stretch of rows to the page and moves the stretch
// on. It returns how many rows it read, and sets the page's next when it is full.
func (l *Ledger) holdsOf(ctx context.Context, tenant usance.TenantID, f HoldFilter, span *store.Range, page *HoldPage) (int, error) {
	var found []store.Row
	err := l.read(ctx, tenant, func(*registry.Definitions) (store.Keys, error) {
		return store.Keys{Ranges: []store.Range{*span}}, nil
	}, func(_ *registry.Definitions, rows *store.Rows, head journal.Head) error {
		found, page.Sequence = rows.Range(0), max(page.Sequence, head.Sequence)
		return nil
	})
	if err != nil {
		return 0, err
	}
	holds, err := l.holdRows(ctx, tenant, found)
	if err != nil {
		return 0, err
	}
	for i, h := range holds {
		if h != nil && (f.State == "" || h.State == f.State) && h.Node.Within(f.Node) {
			if len(page.Holds) == f.Limit {
				page.Next = span.From[:len(span.From)-1]
				return len(found), nil
			}
			page.Holds = append(page.Holds, *h)
		}
		span.From = found[i].ID + "\x00"
	}
	return len(found), nil
}

// holdRows returns the hold of each row: the row's own, or the one that a row by
// expiry names, nil when it was extended meanwhile.
func (l *Ledger) holdRows(ctx context.Context, tenant usance.TenantID, rows []store.Row) ([]*usance.Hold, error) {
	var keys store.Keys
	for _, r := range rows {
		id := r.ID[1:]
		if r.ID[0] == 'x' {
			id = r.ID[9:]
		}
		keys.Rows = append(keys.Rows, store.Key{Table: store.Holds, ID: holdID(id)})
	}
	loaded, err := l.st.Load(ctx, tenant, keys)
	if err != nil {
		return nil, err
	}
	out := make([]*usance.Hold, len(rows))
	for i, k := range keys.Rows {
		if out[i], err = readHold(loaded, k.ID[1:]); err != nil {
			return nil, err
		}
		if h := out[i]; h != nil && rows[i].ID[0] == 'x' && rows[i].ID != holdExpiryID(h.Expires, h.ID) {
			out[i] = nil
		}
	}
	return out, nil
}
