package ledger

import (
	"bytes"
	"cmp"
	"context"
	"encoding/binary"
	"errors"
	"slices"
	"time"

	"github.com/usance/usance"
	"github.com/usance/usance/internal/journal"
	"github.com/usance/usance/registry"
	"github.com/usance/usance/store"
)

// rangeBatches is how many batches of a correction of a range one call does.
const rangeBatches = 20

// rangeMarked is how long a tenant's mark stays though nothing is under way: far
// longer than it takes from the mark to the step that it is for.
const rangeMarked = 10 * time.Minute

// ApproveRange carries a proposal out. It is refused with KindConflict when the
// events that match are not those of the preview any more. It voids what it can in
// a bounded time and returns; Sweep, or approving again, goes on with the rest.
// Approving what is applied already changes nothing.
func (l *Ledger) ApproveRange(ctx context.Context, actor usance.Actor, tenant usance.TenantID, id string) (RangeCorrection, uint64, error) {
	r, sequence, err := l.Range(ctx, tenant, id)
	if err != nil {
		return r, 0, err
	}
	switch r.State {
	case RangeApplied:
		return r, sequence, nil
	case RangeReverting, RangeReverted:
		return r, 0, usance.Errorf(usance.KindConflict, "correction %s is %s", id, r.State)
	case RangeProposed:
		if err := l.startRange(ctx, actor, tenant, id, l.approval); err != nil {
			return r, 0, err
		}
	}
	return l.runRange(ctx, tenant, id)
}

// RevertRange brings back every event that a correction voided, each as it
// counted before. Like ApproveRange it may return before all are back. Reverting
// what is reverted already changes nothing; what is not applied yet is
// KindConflict.
func (l *Ledger) RevertRange(ctx context.Context, actor usance.Actor, tenant usance.TenantID, id string) (RangeCorrection, uint64, error) {
	r, sequence, err := l.Range(ctx, tenant, id)
	if err != nil {
		return r, 0, err
	}
	switch r.State {
	case RangeReverted:
		return r, sequence, nil
	case RangeProposed, RangeApplying:
		return r, 0, usance.Errorf(usance.KindConflict, "correction %s is %s", id, r.State)
	case RangeApplied:
		if err := l.startRange(ctx, actor, tenant, id, l.reversal); err != nil {
			return r, 0, err
		}
	}
	return l.runRange(ctx, tenant, id)
}

// startRange moves a correction into a state in which batches follow. next works
// the new state out, and the head it was worked out under; its error errStale has
// it begin anew.
func (l *Ledger) startRange(ctx context.Context, actor usance.Actor, tenant usance.TenantID, id string,
	next func(ctx context.Context, tenant usance.TenantID, r RangeCorrection) (RangeCorrection, uint64, error)) error {
	return l.write(ctx, tenant, func(*registry.Definitions, []store.Key) (*op, error) {
		old, before, _, err := l.loadRange(ctx, tenant, id)
		if err != nil {
			return nil, err
		}
		now, seen, err := next(ctx, tenant, *old)
		if err != nil {
			return nil, err
		}
		row, err := rangeRow(id)
		o := &op{keys: store.Keys{Rows: []store.Key{{Table: store.Ranges, ID: row}}}}
		var checked journal.Head
		o.late = func() (err error) {
			if err := l.markRange(ctx, tenant); err != nil {
				return err
			}
			if checked, err = l.head(ctx, tenant); err != nil || seen == 0 {
				return err
			}
			return l.unchanged(ctx, tenant, &now.Filter, seen+1, checked.Sequence)
		}
		o.run = func(t *tx) error {
			if is, _ := t.rows.Get(store.Ranges, row); !bytes.Equal(is, before) || seen != 0 && t.head.Sequence != checked.Sequence {
				return errStale
			}
			started := now
			act := &RangeAct{actor, t.at}
			if old.State == RangeProposed {
				started.Approved, started.Sequence = act, t.head.Sequence
			} else {
				started.Reverted = act
			}
			return putRange(t, actor, old, &started, nil)
		}
		return o, err
	})
}

// approval makes sure that what matches is what was previewed.
func (l *Ledger) approval(ctx context.Context, tenant usance.TenantID, r RangeCorrection) (RangeCorrection, uint64, error) {
	if r.State != RangeProposed {
		return r, 0, usance.Errorf(usance.KindConflict, "correction %s is %s", r.ID, r.State)
	}
	head, err := l.head(ctx, tenant)
	if err != nil {
		return r, 0, err
	}
	set := newRangeMembers()
	err = l.rangeSet(ctx, tenant, r.Filter, head.Sequence, func(e *counted, match bool) error {
		if match {
			_, err := set.take(e)
			return err
		}
		return nil
	})
	if err != nil {
		return r, 0, err
	}
	if set.digest() != r.Digest {
		return r, 0, usance.Errorf(usance.KindConflict, "the events that match have changed since correction %s was previewed (%d then, %d now); preview it again", r.ID, r.Events, set.events)
	}
	r.State = RangeApplying
	if r.Events == 0 {
		r.State = RangeApplied
	}
	return r, head.Sequence, nil
}

func (l *Ledger) reversal(_ context.Context, _ usance.TenantID, r RangeCorrection) (RangeCorrection, uint64, error) {
	if r.State != RangeApplied {
		return r, 0, usance.Errorf(usance.KindConflict, "correction %s is %s", r.ID, r.State)
	}
	r.State, r.Done, r.Passed, r.Cursor = RangeReverting, 0, 0, ""
	return r, 0, nil
}

// unchanged returns errStale when an entry of a stretch may have changed which
// events a filter selects.
func (l *Ledger) unchanged(ctx context.Context, tenant usance.TenantID, f *RangeFilter, from, to uint64) error {
	if from > to {
		return nil
	}
	err := journal.Read(ctx, l.st, tenant, from, func(e *journal.Entry) error {
		switch {
		case e.Sequence > to:
			return errEnough
		case e.Kind == journal.Definition, e.Kind == journal.Resource, e.Kind == journal.Hold, e.Kind == journal.Event && !f.matches(&e.Event):
			return nil
		}
		return errStale
	})
	if errors.Is(err, errEnough) {
		return nil
	}
	return err
}

// markRange says that the tenant has a correction under way, or is just about to,
// for Sweep to find, after a restart too. Sweep takes the mark back once it is old
// and nothing is under way.
func (l *Ledger) markRange(ctx context.Context, tenant usance.TenantID) error {
	mark := binary.AppendVarint(nil, l.now().UnixNano())
	deleted := registry.DeletedKey(tenant)
	return l.st.Step(ctx, usance.System, store.Keys{Rows: []store.Key{deleted}}, func(rows *store.Rows) error {
		if _, is := rows.Get(deleted.Table, deleted.ID); is {
			return noTenant(tenant)
		}
		rows.Put(store.Ranges, string(tenant), mark)
		return nil
	})
}

// rangeInHand names a correction that a call of this process goes on with, so that
// Sweep leaves it alone: each would only work out what the other does.
type rangeInHand struct {
	tenant usance.TenantID
	id     string
}

// runRange does batches of a correction, as many as one call may.
func (l *Ledger) runRange(ctx context.Context, tenant usance.TenantID, id string) (RangeCorrection, uint64, error) {
	if _, other := l.inHand.LoadOrStore(rangeInHand{tenant, id}, nil); !other {
		defer l.inHand.Delete(rangeInHand{tenant, id})
	}
	for range rangeBatches {
		more, err := l.rangeStep(ctx, tenant, id)
		if err != nil {
			return RangeCorrection{}, 0, err
		}
		if !more {
			break
		}
	}
	return l.Range(ctx, tenant, id)
}

// sweepRanges goes on with the corrections under way in every tenant.
func (l *Ledger) sweepRanges(ctx context.Context) error {
	rows, err := l.st.Load(ctx, usance.System, store.Keys{Ranges: []store.Range{{Table: store.Ranges, Limit: usance.MaxPageSize}}})
	if err != nil {
		return err
	}
	for _, row := range rows.Range(0) {
		err = cmp.Or(err, unlessGone(l.sweepRange(ctx, usance.TenantID(row.ID), row.Value)))
	}
	return err
}

func (l *Ledger) sweepRange(ctx context.Context, tenant usance.TenantID, mark []byte) error {
	marked, err := decodeInstant(mark)
	if err != nil {
		return err
	}
	var running []string
	err = l.st.Scan(ctx, tenant, store.Range{Table: store.Ranges}, func(row store.Row) error {
		r, err := decodeRange(row.Value)
		if err == nil && r.State.running() {
			running = append(running, r.ID)
		}
		return err
	})
	if err != nil {
		return err
	}
	for _, id := range running {
		if _, other := l.inHand.Load(rangeInHand{tenant, id}); other {
			continue
		}
		for range rangeBatches {
			more, err := l.rangeStep(ctx, tenant, id)
			if err != nil {
				return err
			}
			if !more {
				break
			}
		}
	}
	if len(running) > 0 || marked.After(l.now().Add(-rangeMarked)) {
		return nil
	}
	return l.st.Step(ctx, usance.System, store.Keys{Rows: []store.Key{{Table: store.Ranges, ID: string(tenant)}}}, func(rows *store.Rows) error {
		if b, _ := rows.Get(store.Ranges, string(tenant)); bytes.Equal(b, mark) {
			rows.Delete(store.Ranges, string(tenant))
		}
		return nil
	})
}

// rangeStep does the next batch of a correction. It reports whether another is to
// come.
func (l *Ledger) rangeStep(ctx context.Context, tenant usance.TenantID, id string) (more bool, err error) {
	attempts := 0
	err = l.write(ctx, tenant, func(defs *registry.Definitions, keys []store.Key) (*op, error) {
		r, before, head, err := l.loadRange(ctx, tenant, id)
		if err != nil {
			return nil, err
		}
		if more = r.State.running(); !more {
			return &op{run: func(*tx) error { return nil }}, nil
		}
		attempts++
		w := &rangeWork{l: l, tenant: tenant, defs: defs, old: r, before: before}
		o := &op{run: func(t *tx) error {
			if err := w.run(t); err != nil {
				return err
			}
			more = w.next.State.running()
			return nil
		}}
		prepare := func(head journal.Head) error {
			w.head = head
			err := w.prepare(ctx)
			o.keys = w.keys
			o.keys.Rows = append(o.keys.Rows, keys...)
			return err
		}
		if attempts == 1 {
			return o, prepare(head)
		}
		// Others write where the batch looks: it is worked out while they wait.
		o.late = func() error {
			head, err := l.head(ctx, tenant)
			if err != nil {
				return err
			}
			return prepare(head)
		}
		return o, nil
	})
	return more, err
}

// rangeWork is a batch of a correction on its way through a step.
type rangeWork struct {
	l      *Ledger
	tenant usance.TenantID
	defs   *registry.Definitions
	head   journal.Head
	old    *RangeCorrection
	before []byte // its row

	next   RangeCorrection // once the batch is done
	events []*counted      // of the batch, as they count now
	change *rangeChange
	keys   store.Keys
	days   int // index of the first range of days rows written since
}

func (w *rangeWork) prepare(ctx context.Context) error {
	w.keys = store.Keys{}
	for size := w.l.rangeBatch; ; size /= 2 {
		if err := w.collect(ctx, size); err != nil {
			return err
		}
		w.keys = store.Keys{}
		if err := w.name(ctx); err != nil {
			return err
		}
		if o := (op{keys: w.keys}); o.weight() <= maxStepWeight || size == 1 {
			return nil
		}
	}
}

// collect finds the events of the batch.
func (w *rangeWork) collect(ctx context.Context, size int) error {
	w.next = *w.old
	after, err := parseRangeCursor(w.old.Cursor)
	if err != nil {
		return err
	}
	asOf, last := w.old.Sequence, after
	if w.old.State == RangeReverting {
		asOf = w.head.Sequence
	}
	var sequences []uint64
	err = w.l.rangeScan(ctx, w.tenant, w.old.Filter, asOf, after, func(at rangeCursor, e *counted) error {
		if !w.wants(e) {
			return nil
		}
		if len(sequences) == size {
			return errDone
		}
		last = at
		if w.old.State == RangeApplying && e.later {
			w.next.Passed++
			return nil
		}
		sequences = append(sequences, e.Sequence)
		return nil
	})
	w.next.Cursor = last.text()
	if err == nil {
		w.next.Cursor, w.next.State = "", w.next.State.after()
	} else if !errors.Is(err, errDone) {
		return err
	}
	w.next.Done += uint64(len(sequences))
	slices.Sort(sequences)
	w.events, err = w.l.countedAll(ctx, w.tenant, sequences, w.head.Sequence)
	return err
}

// wants reports whether an event, as of the sequence that the set is fixed by, or
// when reverting as of now, is one of the correction's.
func (w *rangeWork) wants(e *counted) bool {
	if w.old.State == RangeReverting {
		return e.correction.void() && e.correction.Range == w.old.ID
	}
	return !e.correction.void() && !e.amended && w.old.Filter.matches(&e.Event)
}

// name works the batch out and names the rows it needs.
func (w *rangeWork) name(ctx context.Context) error {
	source := &pastEvents{l: w.l, tenant: w.tenant, asOf: w.head.Sequence, past: w.l.past(w.tenant, w.defs)}
	var err error
	if w.change, err = newRangeChange(ctx, source, w.l.st, w.events, w.old.State == RangeReverting); err != nil {
		return err
	}
	row, err := rangeRow(w.old.ID)
	if err != nil {
		return err
	}
	w.keys.Rows = append(w.keys.Rows, store.Key{Table: store.Ranges, ID: row}, store.Key{Table: store.Corrections, ID: ""})
	w.change.name(&w.keys)
	w.days = len(w.keys.Ranges)
	for _, d := range w.change.days() {
		w.keys.Ranges = append(w.keys.Ranges, store.Range{Table: store.Days, From: dayText(d) + journal.BlockID(w.head.Sequence+1), To: dayText(d + 1)})
	}
	return nil
}

// run does the batch, unless the correction has gone on, another correction was
// made, or something has come to the slots of the batch since it was worked out.
func (w *rangeWork) run(t *tx) error {
	row, err := rangeRow(w.old.ID)
	if err != nil {
		return err
	}
	if is, _ := t.rows.Get(store.Ranges, row); !bytes.Equal(is, w.before) {
		return errStale
	}
	last, _ := t.rows.Get(store.Corrections, "")
	if n, _, ok := cutSequence(string(last)); ok && n > w.head.Sequence {
		return errStale
	}
	for i := range w.change.days() {
		for _, row := range t.rangeRows(w.days + i) {
			d, err := decodeDayBlock(row)
			if err != nil {
				return err
			}
			if w.change.touches(tickAt(d.from), tickAt(d.to)) {
				return errStale
			}
		}
	}
	for i := range t.entries {
		e := &t.entries[i]
		if at := tickAt(e.Event.Time); e.Kind == journal.Event && !w.change.touches(at, at) || e.Kind == journal.Definition || e.Kind == journal.Resource || e.Kind == journal.Hold {
			continue
		}
		return errStale
	}
	if err := w.change.apply(t); err != nil {
		return err
	}
	actor := w.old.Approved.By
	if w.old.State == RangeReverting {
		actor = w.old.Reverted.By
	}
	if err := putRange(t, actor, nil, &w.next, w.change.runs()); err != nil {
		return err
	}
	return w.change.record(t, t.head.Sequence+uint64(len(t.entries)), w.old.ID)
}
