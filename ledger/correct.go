package ledger

import (
	"bytes"
	"context"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/usance/usance"
	"github.com/usance/usance/internal/journal"
	"github.com/usance/usance/registry"
	"github.com/usance/usance/store"
)

// Nothing in the ledger is edited. A correction is an entry that says of an event
// that it counts no more (void) or counts with other content (amend); the
// corrections table has, by the event's sequence, all that was ever said of it,
// so that what counted at any sequence stays known.

// correction is one thing said of an event.
type correction struct {
	Of     uint64      `json:"of"`          // sequence of the event
	By     uint64      `json:"by,omitzero"` // sequence of its entry
	Void   bool        `json:"void,omitzero"`
	Reason string      `json:"reason,omitzero"`
	Event  *eventShape `json:"event,omitzero"` // how it counts from then on
	Range  string      `json:"range,omitzero"` // the correction of a range that voided it, or, not void, brought it back
}

func (c *correction) void() bool { return c != nil && c.Void }

// eventShape is an event's content; source and id never change.
type eventShape struct {
	Type    string         `json:"type"`
	Subject string         `json:"subject,omitzero"`
	Node    usance.Path    `json:"node"`
	Time    time.Time      `json:"time"`
	Data    jsontext.Value `json:"data,omitzero"`
}

func shapeOf(e *usance.Event) *eventShape {
	return &eventShape{Type: e.Type, Subject: e.Subject, Node: e.Node, Time: e.Time.UTC(), Data: jsontext.Value(e.Data)}
}

func (s *eventShape) give(e *usance.Event) {
	e.Type, e.Subject, e.Node, e.Time, e.Data = s.Type, s.Subject, s.Node, s.Time.UTC(), []byte(s.Data)
}

func (s *eventShape) same(o *eventShape) bool {
	return s.Type == o.Type && s.Subject == o.Subject && s.Node == o.Node && s.Time.Equal(o.Time) && bytes.Equal(s.Data, o.Data)
}

// correctionsOf is the range of the corrections of a block's events, and perhaps
// of some events after it: a block holds no more than a step takes.
func correctionsOf(block string) store.Range {
	first, _, _ := cutSequence(block)
	return store.Range{Table: store.Corrections, From: block, To: journal.BlockID(first + maxStepWeight + 1)}
}

func cutSequence(id string) (uint64, string, bool) {
	if len(id) < 8 {
		return 0, "", false
	}
	var n uint64
	for _, c := range []byte(id[:8]) {
		n = n<<8 | uint64(c)
	}
	return n, id[8:], true
}

// correct gives an event the content that it counted with as of a sequence.
func (c *counted) correct(row []byte, asOf uint64) error {
	var list []correction
	if err := json.Unmarshal(row, &list); err != nil {
		return err
	}
	for i := range list {
		if list[i].By > asOf {
			c.later = true
			break
		}
		c.correction = &list[i]
		if e := list[i].Event; e != nil {
			e.give(&c.Event)
			c.since, c.placed, c.amended = list[i].By, list[i].By, true
		}
	}
	return nil
}

// Amendment is what to change of an event; nil members stay as they are.
type Amendment struct {
	Type    *string
	Subject *string
	Node    *usance.Path
	Time    *time.Time
	Data    []byte // nil: as it is
}

// Void takes an event back: it stays in the ledger and counts no more, in any
// view, as if it had never come. Voiding it again changes nothing. Its id stays
// taken. KindNotFound when there is no such event.
func (l *Ledger) Void(ctx context.Context, actor usance.Actor, tenant usance.TenantID, source, id, reason string) (StoredEvent, uint64, error) {
	return l.correct(ctx, actor, tenant, source, id, reason, func(now *counted) (*usance.Event, error) { return nil, nil })
}

// Amend changes how an event counts. The amended event must be acceptable as a
// new one is; no quota refuses it, since it says what did happen. Amending it to
// what it is already changes nothing. KindNotFound when there is no such event,
// KindConflict when it was voided or is a charge.
func (l *Ledger) Amend(ctx context.Context, actor usance.Actor, tenant usance.TenantID, source, id, reason string, a Amendment) (StoredEvent, uint64, error) {
	return l.correct(ctx, actor, tenant, source, id, reason, func(now *counted) (*usance.Event, error) {
		if now.correction.void() {
			return nil, usance.Errorf(usance.KindConflict, "event %q of source %q was voided", id, source)
		}
		if now.Event.Type == chargeEvent {
			return nil, usance.Errorf(usance.KindConflict, "event %q of source %q is a charge: void it and charge anew", id, source)
		}
		next := now.Event
		if a.Type != nil {
			next.Type = *a.Type
		}
		if a.Subject != nil {
			next.Subject = *a.Subject
		}
		if a.Node != nil {
			next.Node = *a.Node
		}
		if a.Time != nil {
			next.Time = a.Time.UTC()
		}
		if a.Data != nil {
			next.Data = a.Data
		}
		if next.Type == chargeEvent {
			return nil, usance.Errorf(usance.KindInvalid, "type %s is kept for charges", chargeEvent)
		}
		return &next, next.Check(l.now())
	})
}

// correct makes an event count as change says, nil for not at all.
func (l *Ledger) correct(ctx context.Context, actor usance.Actor, tenant usance.TenantID, source, id, reason string,
	change func(now *counted) (*usance.Event, error)) (StoredEvent, uint64, error) {
	if len(reason) > usance.MaxSettingBytes {
		return StoredEvent{}, 0, usance.Errorf(usance.KindInvalid, "a reason has at most %d bytes", usance.MaxSettingBytes)
	}
	var w *correctionWork
	var sequence uint64
	err := l.write(ctx, tenant, func(defs *registry.Definitions, more []store.Key) (*op, error) {
		o := &op{written: func(h journal.Head) { sequence = h.Sequence }}
		o.late = func() error {
			now, head, err := l.find(ctx, tenant, source, id)
			if err != nil {
				return err
			}
			w = &correctionWork{l: l, tenant: tenant, actor: actor, defs: defs, head: head, now: now, reason: reason}
			o.run = w.run
			if w.next, err = change(now); err != nil {
				return err
			}
			if w.idle() {
				o.run = func(*tx) error { return nil }
				return nil
			}
			err = w.prepare(ctx)
			o.keys = w.keys
			o.keys.Rows = append(o.keys.Rows, more...)
			return err
		}
		return o, nil
	})
	if err != nil {
		return StoredEvent{}, 0, err
	}
	return w.outcome(), sequence, nil
}

// find returns an event as it counts now, and the head it was found under.
func (l *Ledger) find(ctx context.Context, tenant usance.TenantID, source, id string) (*counted, journal.Head, error) {
	key := usance.KeyOf(source, id)
	rows, err := l.st.Load(ctx, tenant, store.Keys{Rows: []store.Key{journal.HeadKey, {Table: store.Dedup, ID: string(key[:])}}})
	if err != nil {
		return nil, journal.Head{}, err
	}
	head, err := journal.ReadHead(rows)
	if err != nil {
		return nil, head, err
	}
	row, ok := rows.Get(store.Dedup, string(key[:]))
	if !ok {
		return nil, head, usance.Errorf(usance.KindNotFound, "there is no event %q of source %q", id, source)
	}
	_, sequence, err := decodeDedup(row)
	if err != nil {
		return nil, head, err
	}
	c, err := l.countedAt(ctx, tenant, sequence, head.Sequence)
	return c, head, err
}

// countedAt returns the event of an entry as it counted at a sequence.
func (l *Ledger) countedAt(ctx context.Context, tenant usance.TenantID, sequence, asOf uint64) (*counted, error) {
	e, err := journal.At(ctx, l.st, tenant, sequence)
	if err != nil {
		return nil, err
	}
	id := journal.BlockID(sequence)
	rows, err := l.st.Load(ctx, tenant, store.Keys{Rows: []store.Key{{Table: store.Corrections, ID: id}}, Ranges: []store.Range{movesAfter(id)}})
	if err != nil {
		return nil, err
	}
	moves, err := decodeMoves(rows.Range(0))
	if err != nil {
		return nil, err
	}
	c := &counted{Entry: &e, since: sequence, placed: sequence}
	if b, ok := rows.Get(store.Corrections, id); ok {
		err = c.correct(b, asOf)
	}
	c.move(moves, asOf)
	return c, err
}

// correctionWork is a correction on its way through a step.
type correctionWork struct {
	l      *Ledger
	tenant usance.TenantID
	actor  usance.Actor
	defs   *registry.Definitions
	head   journal.Head
	now    *counted
	next   *usance.Event // nil: void
	reason string

	keys  store.Keys
	back  *taking
	fresh *folding
	block string // that holds the event
	days  int    // index of the range of days rows written since
}

// idle reports that the event counts as wanted already.
func (w *correctionWork) idle() bool {
	if w.next == nil {
		return w.now.correction.void()
	}
	return shapeOf(w.next).same(shapeOf(&w.now.Event))
}

func (w *correctionWork) outcome() StoredEvent {
	if w.idle() {
		return stored(w.now)
	}
	c := *w.now
	c.correction = &correction{Void: w.next == nil, Reason: w.reason}
	if w.next != nil {
		e := *c.Entry
		e.Event = *w.next
		c.Entry, c.amended = &e, true
	}
	return stored(&c)
}

func (w *correctionWork) prepare(ctx context.Context) error {
	source := &pastEvents{l: w.l, tenant: w.tenant, asOf: w.head.Sequence, past: w.l.past(w.tenant, w.defs)}
	var err error
	if w.back, err = takeBack(ctx, source, w.l.st, []*counted{w.now}); err != nil {
		return err
	}
	w.fresh = newFolding(w.defs)
	if w.next != nil {
		list, err := shares(w.defs, w.next)
		if err == nil {
			err = checkGroups(list)
		}
		if err != nil {
			return err
		}
		w.fresh.add(&prepared{in: &Incoming{Event: *w.next}, shares: list})
	}
	if w.block, err = journal.BlockOf(ctx, w.l.st, w.tenant, w.now.Sequence); err != nil {
		return err
	}
	w.back.name(&w.keys)
	w.fresh.name(&w.keys)
	w.keys.Rows = append(w.keys.Rows, marksKey,
		store.Key{Table: store.Corrections, ID: ""}, store.Key{Table: store.Corrections, ID: journal.BlockID(w.now.Sequence)})
	w.days = len(w.keys.Ranges)
	day := usance.DayOf(w.now.Event.Time)
	w.keys.Ranges = append(w.keys.Ranges, store.Range{Table: store.Days, From: dayText(day) + journal.BlockID(w.head.Sequence+1), To: dayText(day + 1)})
	if w.next != nil {
		w.keys.Rows = append(w.keys.Rows, store.Key{Table: store.Days, ID: dayText(usance.DayOf(w.next.Time)) + w.block})
	}
	return nil
}

// run makes the correction, unless something has come to the event's slot since
// it was worked out, or another correction was made.
func (w *correctionWork) run(t *tx) error {
	last, _ := t.rows.Get(store.Corrections, "")
	if n, _, ok := cutSequence(string(last)); ok && n > w.head.Sequence {
		return errStale
	}
	slot := tickAt(w.now.Event.Time)
	for _, row := range t.rangeRows(w.days) {
		d, err := decodeDayBlock(row)
		if err != nil {
			return err
		}
		if tickAt(d.from) <= slot && slot <= tickAt(d.to) {
			return errStale
		}
	}
	for i := range t.entries {
		if e := &t.entries[i]; e.Kind == journal.Correction || e.Kind == journal.Event && tickAt(e.Event.Time) == slot {
			return errStale
		}
	}
	if err := w.back.apply(t); err != nil {
		return err
	}
	w.back.restateAt(t, slot)
	if err := w.fresh.apply(t, w.fresh); err != nil {
		return err
	}
	w.fresh.restate(t)
	return w.record(t)
}

// record writes the entry and the correction's row.
func (w *correctionWork) record(t *tx) error {
	said := correction{Of: w.now.Sequence, Void: w.next == nil, Reason: w.reason}
	if w.next != nil {
		said.Event = shapeOf(w.next)
	}
	before, err := json.Marshal(shapeOf(&w.now.Event), json.Deterministic(true))
	if err != nil {
		return err
	}
	after, err := json.Marshal(said, json.Deterministic(true))
	if err != nil {
		return err
	}
	kind := "void"
	if w.next != nil {
		kind = "amend"
	}
	said.By = t.append(journal.Entry{Kind: journal.Correction, Actor: w.actor,
		Change: journal.Change{Type: kind, Name: w.now.Event.Source + " " + w.now.Event.ID, Before: before, After: after}})
	t.startMarks(said.By)
	return putCorrection(t.rows, w.block, said)
}

// putCorrection adds to what is said of an event, and, where its time has moved,
// lets its new day find its block.
func putCorrection(rows *store.Rows, block string, said correction) error {
	id := journal.BlockID(said.Of)
	var list []correction
	if b, ok := rows.Get(store.Corrections, id); ok {
		if err := json.Unmarshal(b, &list); err != nil {
			return err
		}
	}
	b, err := json.Marshal(append(list, said), json.Deterministic(true))
	if err != nil {
		return err
	}
	rows.Put(store.Corrections, id, b)
	rows.Put(store.Corrections, "", []byte(journal.BlockID(said.By)))
	if said.Event == nil {
		return nil
	}
	return widenDay(rows, block, said.Event.Time)
}

// widenDay makes the day of an instant find a block that holds an event of it.
func widenDay(rows *store.Rows, block string, at time.Time) error {
	day := usance.DayOf(at)
	id := dayText(day) + block
	s := span{int64(at.Sub(day.Start())), int64(at.Sub(day.Start()))}
	if b, ok := rows.Get(store.Days, id); ok {
		old, err := decodeDayBlock(store.Row{ID: id, Value: b})
		if err != nil {
			return err
		}
		s.from = min(s.from, int64(old.from.Sub(day.Start())))
		s.to = max(s.to, int64(old.to.Sub(day.Start())))
	}
	rows.Put(store.Days, id, s.encode())
	return nil
}
