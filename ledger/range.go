package ledger

import (
	"bytes"
	"context"
	"encoding/hex"
	"errors"
	"strconv"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/usance/usance"
	"github.com/usance/usance/internal/journal"
	"github.com/usance/usance/registry"
	"github.com/usance/usance/store"
)

// A range of events is voided in three acts. A proposal says which events match
// and what their going would change. Its approval makes sure that just those
// match still, and fixes the set by a sequence: the events that match as they
// counted then. Then they are voided in batches, each one step with one entry that
// lists its events; the correction's row moves with each, so that whoever comes
// next, after a crash too, goes on behind the last batch. A revert brings the
// events back in batches in the same order.

// RangeState is where a correction of a range stands.
type RangeState string

// The states of a correction of a range, in their order.
const (
	RangeProposed  RangeState = "proposed"
	RangeApplying  RangeState = "applying"
	RangeApplied   RangeState = "applied"
	RangeReverting RangeState = "reverting"
	RangeReverted  RangeState = "reverted"
)

// running reports that batches of it are still to come.
func (s RangeState) running() bool { return s == RangeApplying || s == RangeReverting }

// after is the state that follows once all batches are done.
func (s RangeState) after() RangeState {
	if s == RangeReverting {
		return RangeReverted
	}
	return RangeApplied
}

// RangeFilter selects the events that a correction voids. Empty members select
// all; it has at least a source, a type or a subject, or both ends of a time.
type RangeFilter struct {
	Source  string      `json:"source,omitzero"`
	Type    string      `json:"type,omitzero"`
	Subject *string     `json:"subject,omitzero"`
	Node    usance.Path `json:"node"` // at and below
	From    time.Time   `json:"from,omitzero"`
	To      time.Time   `json:"to,omitzero"`
}

// Check returns why f selects nothing that can be voided at once, or nil.
func (f *RangeFilter) Check() error {
	if f.Node == "" {
		f.Node = usance.Root
	}
	if err := f.Node.Check(); err != nil {
		return err
	}
	if f.Source == "" && f.Type == "" && f.Subject == nil && (f.From.IsZero() || f.To.IsZero()) {
		return usance.Errorf(usance.KindInvalid, "a range has a source, a type or a subject, or both a from and a to")
	}
	if len(f.Source) > usance.MaxSourceBytes || len(f.Type) > usance.MaxTypeBytes || f.Subject != nil && len(*f.Subject) > usance.MaxSubjectBytes {
		return usance.Errorf(usance.KindInvalid, "no event has so long a source, type or subject")
	}
	if !f.From.IsZero() && !f.To.IsZero() && !f.From.Before(f.To) {
		return usance.Errorf(usance.KindInvalid, "from must be before to")
	}
	f.From, f.To = f.From.UTC(), f.To.UTC()
	return nil
}

func (f *RangeFilter) matches(e *usance.Event) bool {
	return (f.Source == "" || e.Source == f.Source) && (f.Type == "" || e.Type == f.Type) && (f.Subject == nil || e.Subject == *f.Subject) &&
		(f.From.IsZero() || !e.Time.Before(f.From)) && (f.To.IsZero() || e.Time.Before(f.To)) && e.Node.Within(f.Node)
}

// RangeAct is who did something to a correction, and when.
type RangeAct struct {
	By usance.Actor `json:"by"`
	At time.Time    `json:"at"`
}

// RangeCorrection is the voiding of a range of events, proposed or done.
type RangeCorrection struct {
	ID     string      `json:"id"`
	Filter RangeFilter `json:"filter"`
	Reason string      `json:"reason,omitzero"`
	State  RangeState  `json:"state"`
	// Sequence is what the preview was taken at, and once it is approved, what the
	// set of events is fixed by.
	Sequence uint64 `json:"sequence"`
	Events   uint64 `json:"events"`  // that it voids
	Voided   uint64 `json:"voided"`  // match and are left out: they count no more as it is
	Amended  uint64 `json:"amended"` // match and are left out: somebody has seen to them
	Done     uint64 `json:"done"`    // voided, or when reverting brought back, so far
	Passed   uint64 `json:"passed"`  // left as they were, since they were corrected after the approval
	// Changes is what each meter at each node changes by, by meter and node, as
	// previewed; Omitted counts the rows that are too many to be kept.
	Changes  []RangeChange `json:"changes,omitzero"`
	Omitted  int           `json:"omitted,omitzero"`
	Proposed RangeAct      `json:"proposed"`
	Approved *RangeAct     `json:"approved,omitzero"`
	Reverted *RangeAct     `json:"reverted,omitzero"`

	Digest string `json:"digest"`          // of the events' sequences
	Cursor string `json:"cursor,omitzero"` // behind the last batch
}

// RangeChange is what a correction changes of a meter at and below a node. For
// count, sum, min, max, average and unique meters Before and After are the
// meter's number over the filter's time. A level changes by the difference of
// Before and After from the first of its events on. What a gauge will stand at is
// not worked out beforehand: both are nil.
type RangeChange struct {
	Meter  string      `json:"meter"`
	Node   usance.Path `json:"node"`
	Events uint64      `json:"events"` // that go
	// Before and After are whole numbers, written out.
	Before jsontext.Value `json:"before,omitzero"`
	After  jsontext.Value `json:"after,omitzero"`
}

// rangeEntry is what an entry says of a correction: as it is from then on, and
// which events it voided or brought back, as runs of first sequence and length.
type rangeEntry struct {
	RangeCorrection
	Runs [][2]uint64 `json:"runs,omitzero"`
}

func rangeID(sequence uint64) string { return "c" + strconv.FormatUint(sequence, 10) }

// rangeRow returns the row of the correction with an id.
func rangeRow(id string) (string, error) {
	if n, err := strconv.ParseUint(id[min(1, len(id)):], 10, 64); err == nil && rangeID(n) == id {
		return journal.BlockID(n), nil
	}
	return "", noRange(id)
}

func noRange(id string) error {
	if len(id) > 32 {
		id = id[:32] + "…"
	}
	return usance.Errorf(usance.KindNotFound, "there is no correction %q", id)
}

func decodeRange(b []byte) (*RangeCorrection, error) {
	r := new(RangeCorrection)
	return r, json.Unmarshal(b, r)
}

// putRange saves a correction and appends its entry.
func putRange(t *tx, actor usance.Actor, old, next *RangeCorrection, runs [][2]uint64) error {
	row, err := json.Marshal(next, json.Deterministic(true))
	if err != nil {
		return err
	}
	change := journal.Change{Type: "correction", Name: next.ID}
	if change.After, err = json.Marshal(rangeEntry{*next, runs}, json.Deterministic(true)); err != nil {
		return err
	}
	if old != nil {
		if change.Before, err = json.Marshal(old, json.Deterministic(true)); err != nil {
			return err
		}
	}
	t.append(journal.Entry{Kind: journal.Range, Actor: actor, Change: change})
	id, err := rangeRow(next.ID)
	t.rows.Put(store.Ranges, id, row)
	return err
}

// ProposeRange looks which events a filter selects and what voiding them would
// change, and keeps that as a proposal. Nothing is voided before ApproveRange.
// Events that were voided or amended already are left out. KindTooLarge past
// usance.MaxRangeEvents events, or usance.MaxPastEntries to look through.
func (l *Ledger) ProposeRange(ctx context.Context, actor usance.Actor, tenant usance.TenantID, f RangeFilter, reason string) (RangeCorrection, uint64, error) {
	var out RangeCorrection
	if err := f.Check(); err != nil {
		return out, 0, err
	}
	if len(reason) > usance.MaxSettingBytes {
		return out, 0, usance.Errorf(usance.KindInvalid, "a reason has at most %d bytes", usance.MaxSettingBytes)
	}
	defs, err := l.reg.Definitions(ctx, tenant)
	if err != nil {
		return out, 0, err
	}
	head, err := l.head(ctx, tenant)
	if err != nil {
		return out, 0, err
	}
	p := newPreview(l.past(tenant, defs))
	if err := l.rangeSet(ctx, tenant, f, head.Sequence, p.see); err != nil {
		return out, 0, err
	}
	var sequence uint64
	err = l.write(ctx, tenant, func(*registry.Definitions, []store.Key) (*op, error) {
		o := &op{written: func(h journal.Head) { sequence = h.Sequence }}
		o.run = func(t *tx) error {
			out = p.proposal(f)
			out.ID, out.Reason, out.Sequence = rangeID(t.head.Sequence+uint64(len(t.entries))+1), reason, head.Sequence
			out.Proposed = RangeAct{actor, t.at}
			return putRange(t, actor, nil, &out, nil)
		}
		return o, nil
	})
	return out, sequence, err
}

// Range returns a correction of a range as it stands, or KindNotFound.
func (l *Ledger) Range(ctx context.Context, tenant usance.TenantID, id string) (RangeCorrection, uint64, error) {
	r, _, head, err := l.loadRange(ctx, tenant, id)
	if err != nil {
		return RangeCorrection{}, 0, err
	}
	return *r, head.Sequence, nil
}

func (l *Ledger) loadRange(ctx context.Context, tenant usance.TenantID, id string) (*RangeCorrection, []byte, journal.Head, error) {
	row, err := rangeRow(id)
	if err != nil {
		return nil, nil, journal.Head{}, err
	}
	rows, err := l.st.Load(ctx, tenant, store.Keys{Rows: []store.Key{journal.HeadKey, {Table: store.Ranges, ID: row}}})
	if err != nil {
		return nil, nil, journal.Head{}, err
	}
	head, err := journal.ReadHead(rows)
	if err != nil {
		return nil, nil, head, err
	}
	b, ok := rows.Get(store.Ranges, row)
	if !ok {
		return nil, nil, head, noRange(id)
	}
	r, err := decodeRange(b)
	return r, b, head, err
}

// RangePage is one page of corrections of ranges, newest first.
type RangePage struct {
	Sequence uint64
	Ranges   []RangeCorrection
	Next     string // cursor of the next page; empty at the end
}

// Ranges returns a page of the corrections of ranges whose events lie at and
// below a node.
func (l *Ledger) Ranges(ctx context.Context, tenant usance.TenantID, node usance.Path, cursor string, limit int) (RangePage, error) {
	if limit < 1 || limit > usance.MaxPageSize {
		return RangePage{}, usance.Errorf(usance.KindInvalid, "a page has 1 to %d rows", usance.MaxPageSize)
	}
	head, err := l.head(ctx, tenant)
	if err != nil {
		return RangePage{}, err
	}
	page := RangePage{Sequence: head.Sequence}
	span := store.Range{Table: store.Ranges, Reverse: true}
	if cursor != "" {
		if span.To, err = rangeRow(cursor); err != nil {
			return page, usance.Errorf(usance.KindInvalid, "the cursor is not one that a page gave")
		}
	}
	err = l.st.Scan(ctx, tenant, span, func(row store.Row) error {
		r, err := decodeRange(row.Value)
		if err != nil {
			return err
		}
		if !r.Filter.Node.Within(node) {
			return nil
		}
		if len(page.Ranges) == limit {
			page.Next = page.Ranges[limit-1].ID
			return errDone
		}
		page.Ranges = append(page.Ranges, *r)
		return nil
	})
	if errors.Is(err, errDone) {
		err = nil
	}
	return page, err
}

// DiscardRange removes a proposal. KindNotFound when there is none, KindConflict
// when it was approved.
func (l *Ledger) DiscardRange(ctx context.Context, actor usance.Actor, tenant usance.TenantID, id string) (sequence uint64, err error) {
	err = l.write(ctx, tenant, func(*registry.Definitions, []store.Key) (*op, error) {
		r, before, _, err := l.loadRange(ctx, tenant, id)
		if err != nil {
			return nil, err
		}
		if r.State != RangeProposed {
			return nil, usance.Errorf(usance.KindConflict, "correction %s is %s", id, r.State)
		}
		row, err := rangeRow(id)
		o := &op{keys: store.Keys{Rows: []store.Key{{Table: store.Ranges, ID: row}}}, written: func(h journal.Head) { sequence = h.Sequence }}
		o.run = func(t *tx) error {
			if now, _ := t.rows.Get(store.Ranges, row); !bytes.Equal(now, before) {
				return errStale
			}
			t.append(journal.Entry{Kind: journal.Range, Actor: actor, Change: journal.Change{Type: "correction", Name: id, Before: before}})
			t.rows.Delete(store.Ranges, row)
			return nil
		}
		return o, err
	})
	return sequence, err
}

// rangeSet calls fn on every event that lies in the time of a filter as of a
// sequence, in the order in which a correction comes to them; match says whether
// the filter selects it. Voided events are among them.
func (l *Ledger) rangeSet(ctx context.Context, tenant usance.TenantID, f RangeFilter, asOf uint64, fn func(e *counted, match bool) error) error {
	spent := newBudget()
	return l.rangeScan(ctx, tenant, f, asOf, rangeCursor{}, func(_ rangeCursor, e *counted) error {
		if err := spent.spend(); err != nil {
			return err
		}
		return fn(e, f.matches(&e.Event))
	})
}

// rangeCursor is an event's place in the order of a correction: by day, block and
// sequence.
type rangeCursor struct {
	row      string // of the days table
	sequence uint64
}

func (c rangeCursor) text() string {
	return hex.EncodeToString([]byte(c.row + journal.BlockID(c.sequence)))
}

func parseRangeCursor(text string) (rangeCursor, error) {
	b, err := hex.DecodeString(text)
	if text == "" || err != nil {
		return rangeCursor{}, err
	}
	if len(b) != 20 {
		return rangeCursor{}, usance.ErrCorrupt
	}
	n, _, _ := cutSequence(string(b[12:]))
	return rangeCursor{string(b[:12]), n}, nil
}

// rangeScan calls fn on every event of a filter's time behind a place, as of a
// sequence.
func (l *Ledger) rangeScan(ctx context.Context, tenant usance.TenantID, f RangeFilter, asOf uint64, after rangeCursor, fn func(at rangeCursor, e *counted) error) error {
	return l.walkEvents(tenant, stretch{f.From, f.To}, asOf).each(ctx, after.row, func(row string, e *counted) error {
		if row == after.row && e.Sequence <= after.sequence {
			return nil
		}
		return fn(rangeCursor{row, e.Sequence}, e)
	})
}
