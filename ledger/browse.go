package ledger

import (
	"cmp"
	"context"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"slices"
	"time"

	"github.com/usance/usance"
	"github.com/usance/usance/internal/journal"
	"github.com/usance/usance/store"
)

// Events returns a page of events, newest first by their time and, within an
// instant, by their sequence. A cursor stays good while events are added: the
// pages after it show what lies before it in that order. An event whose source
// and id are both stated is found without a search.
func (l *Ledger) Events(ctx context.Context, tenant usance.TenantID, f EventFilter) (EventPage, error) {
	if f.Limit < 1 || f.Limit > usance.MaxPageSize {
		return EventPage{}, usance.Errorf(usance.KindInvalid, "a page has 1 to %d rows", usance.MaxPageSize)
	}
	if f.Node == "" {
		f.Node = usance.Root
	}
	if err := f.Node.Check(); err != nil {
		return EventPage{}, err
	}
	var last position
	if f.Cursor != "" {
		var err error
		if last, err = parsePosition(f.Cursor); err != nil {
			return EventPage{}, err
		}
	}
	head, err := l.head(ctx, tenant)
	if err != nil {
		return EventPage{}, err
	}
	if head.Definitions == 0 {
		return EventPage{}, noTenant(tenant)
	}
	if f.AsOf > head.Sequence {
		return EventPage{}, notReached(f.AsOf, head.Sequence)
	}
	if f.AsOf != 0 {
		head.Sequence = f.AsOf
	}
	towards, err := l.behind(ctx, tenant, &f)
	if err != nil {
		return EventPage{}, err
	}
	if f.ID != "" && f.Source != "" {
		return l.eventByID(ctx, tenant, head, f, towards, last)
	}
	b := browse{filter: f, towards: towards, before: last, limit: f.Limit + 1}
	if err := b.run(ctx, l, tenant, head); err != nil {
		return EventPage{}, err
	}
	page := EventPage{Sequence: head.Sequence, Events: b.found, Looked: b.looked, Partial: b.partial}
	if len(page.Events) > f.Limit {
		page.Events = page.Events[:f.Limit]
		if !page.Partial {
			page.Next = positionOf(page.Events[f.Limit-1]).cursor()
		}
	}
	return page, nil
}

// eventByID looks one event up.
func (l *Ledger) eventByID(ctx context.Context, tenant usance.TenantID, head journal.Head, f EventFilter, towards *behind, last position) (EventPage, error) {
	page := EventPage{Sequence: head.Sequence}
	key := usance.KeyOf(f.Source, f.ID)
	rows, err := l.st.Load(ctx, tenant, store.Keys{Rows: []store.Key{{Table: store.Dedup, ID: string(key[:])}}})
	if err != nil {
		return page, err
	}
	b, ok := rows.Get(store.Dedup, string(key[:]))
	if !ok {
		return page, nil
	}
	_, sequence, err := decodeDedup(b)
	if err != nil || sequence > head.Sequence {
		return page, err
	}
	c, err := l.countedAt(ctx, tenant, sequence, head.Sequence)
	if err != nil {
		return page, err
	}
	if counts, err := towards.counts(ctx, c); err != nil || !counts {
		return page, err
	}
	if f.matches(c) && (last.at.IsZero() || positionOf(stored(c)).compare(last) < 0) {
		page.Events = []StoredEvent{stored(c)}
	}
	return page, nil
}

func stored(e *counted) StoredEvent {
	s := StoredEvent{Event: e.Event, Sequence: e.Sequence, Recorded: e.At, Actor: e.Actor}
	if c := e.correction; c != nil {
		s.Voided, s.Amended, s.Reason, s.Correction = c.Void, e.amended && !c.Void, c.Reason, c.Range
	}
	return s
}

func (f *EventFilter) matches(e *counted) bool {
	ev := &e.Event
	return (f.From.IsZero() || !ev.Time.Before(f.From)) && (f.To.IsZero() || ev.Time.Before(f.To)) &&
		(f.Type == "" || ev.Type == f.Type) && (f.Subject == "" || ev.Subject == f.Subject) &&
		(f.Source == "" || ev.Source == f.Source) && (f.ID == "" || ev.ID == f.ID) && ev.Node.Within(f.Node)
}

// position is an event's place in the order of pages.
type position struct {
	at       time.Time
	sequence uint64
}

func positionOf(e StoredEvent) position { return position{e.Time, e.Sequence} }

func (p position) compare(q position) int {
	return cmp.Or(p.at.Compare(q.at), cmp.Compare(p.sequence, q.sequence))
}

func (p position) cursor() string {
	b := binary.BigEndian.AppendUint64(nil, uint64(p.at.Unix()))
	b = binary.BigEndian.AppendUint32(b, uint32(p.at.Nanosecond()))
	b = binary.BigEndian.AppendUint64(b, p.sequence)
	return base64.RawURLEncoding.EncodeToString(b)
}

func parsePosition(cursor string) (position, error) {
	b, err := base64.RawURLEncoding.DecodeString(cursor)
	if err != nil || len(b) != 20 {
		return position{}, usance.Errorf(usance.KindInvalid, "the cursor is not one that a page gave")
	}
	at := time.Unix(int64(binary.BigEndian.Uint64(b)), int64(binary.BigEndian.Uint32(b[8:]))).UTC()
	return position{at, binary.BigEndian.Uint64(b[12:])}, nil
}

// browse collects one page. It walks the days from the newest back, and within a
// day reads only the blocks that can still hold an event of the page.
type browse struct {
	filter  EventFilter
	towards *behind  // nil: any
	before  position // zero: from the newest
	limit   int
	found   []StoredEvent // newest first
	looked  int
	partial bool
}

func (b *browse) run(ctx context.Context, l *Ledger, tenant usance.TenantID, head journal.Head) error {
	r := store.Range{Table: store.Days, Reverse: true}
	if !b.filter.From.IsZero() {
		r.From = dayText(usance.DayOf(b.filter.From))
	}
	to := b.filter.To
	if !b.before.at.IsZero() && (to.IsZero() || b.before.at.Before(to)) {
		to = b.before.at
	}
	if !to.IsZero() {
		r.To = dayText(usance.DayOf(to) + 1)
	}
	day := usance.Day(0)
	err := l.st.Scan(ctx, tenant, r, func(row store.Row) error {
		d, err := decodeDayBlock(row)
		if err != nil {
			return err
		}
		if len(b.found) >= b.limit && d.day != day {
			return errDone // the page is full of newer days
		}
		if b.filter.Look > 0 && b.looked >= b.filter.Look {
			b.partial = true
			return errDone
		}
		day = d.day
		return b.block(ctx, l, tenant, head, d)
	})
	if errors.Is(err, errDone) {
		return nil
	}
	return err
}

var errDone = usance.Errorf(usance.KindInternal, "done")

func (b *browse) block(ctx context.Context, l *Ledger, tenant usance.TenantID, head journal.Head, d dayBlock) error {
	if len(b.found) >= b.limit && d.to.Before(b.found[len(b.found)-1].Time) {
		return nil
	}
	if !b.before.at.IsZero() && d.from.After(b.before.at) || d.block >= journal.BlockID(head.Sequence+1) {
		return nil
	}
	return l.eachOfBlock(ctx, tenant, d.block, head.Sequence, func(e *counted) error {
		b.looked++
		if usance.DayOf(e.Event.Time) != d.day || !b.filter.matches(e) {
			return nil
		}
		if counts, err := b.towards.counts(ctx, e); err != nil || !counts {
			return err
		}
		s := stored(e)
		if !b.before.at.IsZero() && positionOf(s).compare(b.before) >= 0 {
			return nil
		}
		i, _ := slices.BinarySearchFunc(b.found, s, func(have, s StoredEvent) int { return positionOf(s).compare(positionOf(have)) })
		if i >= b.limit {
			return nil
		}
		b.found = slices.Insert(b.found, i, s)
		b.found = b.found[:min(len(b.found), b.limit)]
		return nil
	})
}
