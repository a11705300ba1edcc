package ledger

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/usance/usance"
	"github.com/usance/usance/internal/journal"
	"github.com/usance/usance/registry"
	"github.com/usance/usance/store"
)

// Writes of one tenant share steps: while steps are being made durable, the
// requests that arrive wait in the tenant's queue and then go together in the
// next. So a busy tenant pays for one fsync a step, not one a request, and an
// idle one waits for nobody. Two steps are under way at most: while one waits for
// the disk, an engine that can do so works the next one out.
const stepsUnderWay = 2

// The bounds of a queue and of a step, in rows to load.
const (
	maxStepWeight  = 60_000
	maxQueueWeight = 1_000_000
)

// errStale says that a request was prepared with definitions that have changed.
var errStale = errors.New("ledger: definitions changed meanwhile")

// errUnfinished says that a step panicked.
var errUnfinished = errors.New("ledger: the step was not finished")

// op is one request's part of a step. run may be called more than once, and
// resets its own results; an error from it takes back its changes alone.
type op struct {
	version uint64 // of the definitions it was prepared with; 0: it needs none
	keys    store.Keys
	// shared are rows that many ops name; they are loaded once a step.
	shared []*chargeRows
	run    func(*tx) error
	// charges ops work on what the step's charges have in common; see live.
	charges bool
	// late, if set, prepares the op just before its step, which it then has to
	// itself: for ops that must look at much that others keep changing.
	late func() error
	// urgent ops may use what the store has set aside for when its disk is full.
	urgent bool
	// written, if set, is told the head after a step that holds the op.
	written func(journal.Head)
	err     error
	done    chan struct{}
}

func (o *op) weight() int {
	n := 1 + len(o.keys.Rows) + 8*len(o.keys.Ranges)
	for _, r := range o.shared {
		n += len(r.keys)
	}
	return n
}

// tx is what an op works on.
type tx struct {
	rows    *store.Rows
	head    journal.Head // before the step
	entries []journal.Entry
	at      time.Time
	ranges  int        // index of the op's first range
	needed  store.Keys // of must, again and again
	live    live
	paths   []*livePath // of the charge at hand
	// samples has the days on which ops of this step changed a subject's samples:
	// ranges show rows as they were loaded.
	samples map[string]map[usance.Day]struct{}
	// unmarked leaves out the marks of corrections: an earlier release made none.
	unmarked bool
}

func (t *tx) rangeRows(i int) []store.Row { return t.rows.Range(t.ranges + i) }

// putSamples saves a subject's samples of a day; nil removes the row.
func (t *tx) putSamples(id string, d usance.Day, b []byte) {
	if t.samples == nil {
		t.samples = map[string]map[usance.Day]struct{}{}
	}
	if t.samples[id] == nil {
		t.samples[id] = map[usance.Day]struct{}{}
	}
	t.samples[id][d] = struct{}{}
	if b == nil {
		t.rows.Delete(store.Samples, id+dayText(d))
	} else {
		t.rows.Put(store.Samples, id+dayText(d), b)
	}
}

// append adds an entry and returns the sequence it will have.
func (t *tx) append(e journal.Entry) uint64 {
	e.At = t.at
	t.entries = append(t.entries, e)
	return t.head.Sequence + uint64(len(t.entries))
}

// event adds an entry for an event, in its place: entries are long.
func (t *tx) event(actor usance.Actor, in *Incoming) uint64 {
	n := len(t.entries)
	t.entries = slices.Grow(t.entries, 1)[:n+1]
	e := &t.entries[n]
	*e = journal.Entry{}
	e.Kind, e.At, e.Actor, e.Event, e.Stated = journal.Event, t.at, actor, in.Event, in.Stated
	return t.head.Sequence + uint64(len(t.entries))
}

type queues struct {
	mu   *sync.Mutex
	open map[usance.TenantID]*queue
}

type queue struct {
	ops    []*op
	weight int
	drains int  // steps under way
	alone  bool // the one under way has an op that was prepared late
}

func newQueues() queues {
	return queues{mu: new(sync.Mutex), open: map[usance.TenantID]*queue{}}
}

// submit runs the op in one of the tenant's next steps and waits for it to be
// durable. A context that ends while the op still waits takes it back; one that
// ends later does not, because the step may already be on its way.
func (l *Ledger) submit(ctx context.Context, tenant usance.TenantID, o *op) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	o.done = make(chan struct{})
	q := &l.queues
	q.mu.Lock()
	mine := q.open[tenant]
	if mine == nil {
		mine = &queue{}
		q.open[tenant] = mine
	}
	if mine.weight+o.weight() > maxQueueWeight {
		q.mu.Unlock()
		return usance.Errorf(usance.KindUnavailable, "tenant %s has too many writes waiting; try again", tenant)
	}
	first := len(mine.ops) == 0
	mine.ops = append(mine.ops, o)
	mine.weight += o.weight()
	more := mine.drains == 0 || mine.drains < stepsUnderWay && !mine.alone && o.late == nil
	if more {
		mine.drains++
	}
	q.mu.Unlock()
	switch {
	case more && first:
		l.lead(tenant, mine)
	case more:
		go l.drain(tenant, mine)
	}
	select {
	case <-o.done:
		return o.err
	case <-ctx.Done():
		if q.withdraw(mine, o) {
			return ctx.Err()
		}
		<-o.done
		return o.err
	}
}

func (q *queues) withdraw(from *queue, o *op) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	for i, other := range from.ops {
		if other == o {
			from.ops = append(from.ops[:i], from.ops[i+1:]...)
			from.weight -= o.weight()
			return true
		}
	}
	return false
}

// take removes the ops of the next step from the queue, or ends the caller's
// steps when there are none for it: an op that is prepared late goes when no other
// step is under way, and then none is beside it.
func (q *queues) take(tenant usance.TenantID, from *queue) []*op {
	q.mu.Lock()
	defer q.mu.Unlock()
	if from.drains == 1 {
		from.alone = false // it was this caller's
	}
	if q.ends(tenant, from) {
		return nil
	}
	n, weight := 0, 0
	for n < len(from.ops) && (n == 0 || from.ops[n].late == nil && weight+from.ops[n].weight() <= maxStepWeight) {
		weight += from.ops[n].weight()
		n++
		if from.ops[n-1].late != nil {
			from.alone = true
			break
		}
	}
	ops := from.ops[:n:n]
	from.ops = append([]*op(nil), from.ops[n:]...)
	from.weight -= weight // ops are weighed before they are prepared late
	return ops
}

// ends ends the caller's steps when there is nothing for it. The caller holds mu.
func (q *queues) ends(tenant usance.TenantID, from *queue) bool {
	if len(from.ops) > 0 && !from.alone && (from.ops[0].late == nil || from.drains == 1) {
		return false
	}
	if from.drains--; from.drains == 0 {
		delete(q.open, tenant)
	}
	return true
}

// lead runs the next step in the goroutine of a caller who found nobody before him
// in the queue, which saves starting one and waiting for it. What has come
// meanwhile is left to others.
func (l *Ledger) lead(tenant usance.TenantID, mine *queue) {
	ops := l.queues.take(tenant, mine)
	if ops == nil {
		return
	}
	defer func() {
		q := &l.queues
		q.mu.Lock()
		if mine.drains == 1 {
			mine.alone = false
		}
		ended := q.ends(tenant, mine)
		q.mu.Unlock()
		if !ended {
			go l.drain(tenant, mine)
		}
	}()
	l.round(tenant, ops)
}

func (l *Ledger) drain(tenant usance.TenantID, mine *queue) {
	for ops := l.queues.take(tenant, mine); ops != nil; ops = l.queues.take(tenant, mine) {
		l.round(tenant, ops)
	}
}

// round runs ops in one step and tells those who wait for them.
func (l *Ledger) round(tenant usance.TenantID, ops []*op) {
	var head journal.Head
	err := errUnfinished
	defer func() {
		for _, o := range ops {
			if err != nil {
				o.err = err
			} else if o.err == nil && o.written != nil {
				o.written(head)
			}
			close(o.done)
		}
	}()
	if late := ops[0].late; late != nil {
		if err = late(); err != nil {
			return
		}
	}
	head, err = l.step(tenant, ops)
}

// keysOf names what ops read, and where the ranges of each begin. Without shared
// it leaves out what they share.
func keysOf(ops []*op, shared bool) (keys store.Keys, first []int) {
	first = make([]int, len(ops))
	n := 2
	for _, o := range ops {
		n += len(o.keys.Rows)
	}
	if shared {
		n += 32
	}
	keys.Rows = append(make([]store.Key, 0, n), journal.HeadKey)
	if !shared {
		keys.Rows = append(keys.Rows, dueKey)
	}
	named := map[*chargeRows]struct{}{}
	for i, o := range ops {
		first[i] = len(keys.Ranges)
		keys.Rows = append(keys.Rows, o.keys.Rows...)
		keys.Ranges = append(keys.Ranges, o.keys.Ranges...)
		for _, r := range o.shared {
			if _, is := named[r]; shared && !is {
				named[r] = struct{}{}
				keys.Rows = append(keys.Rows, r.keys...)
			}
		}
	}
	return keys, first
}

// errCold says that what is kept of a tenant does not count any more.
var errCold = errors.New("ledger: others have written since")

// step runs ops in one step and returns the head after it. An op's own error is
// in the op; the error returned is the step's and fails all of them.
func (l *Ledger) step(tenant usance.TenantID, ops []*op) (journal.Head, error) {
	if l.hot.holds(tenant, ops) {
		if head, err := l.stepOn(tenant, ops, true); !errors.Is(err, errCold) {
			return head, err
		}
	}
	return l.stepOn(tenant, ops, false)
}

// stepOn is step. With warm, the rows that charges share are not loaded, and it is
// errCold when they would have to be.
func (l *Ledger) stepOn(tenant usance.TenantID, ops []*op, warm bool) (journal.Head, error) {
	keys, first := keysOf(ops, !warm)
	var head journal.Head
	ctx := context.Background()
	if slices.ContainsFunc(ops, func(o *op) bool { return o.urgent }) {
		ctx = store.Urgent(ctx)
	}
	list := l.borrow()
	defer l.giveBack(list)
	err := l.st.Step(ctx, tenant, keys, func(rows *store.Rows) error {
		var err error
		if head, err = journal.ReadHead(rows); err != nil {
			return err
		}
		if head.Definitions == 0 {
			return noTenant(tenant) // it was deleted, and nothing of it is ever written again
		}
		t := &tx{rows: rows, head: head, at: l.now().UTC(), entries: (*list)[:0]}
		defer func() { *list = t.entries }()
		if t.live = l.hot.take(tenant, head, t.at); warm && !t.live.has(ops) {
			return errCold
		}
		for i, o := range ops {
			if !o.charges {
				t.leave()
			}
			mark, entries := rows.Mark(), len(t.entries)
			t.ranges = first[i]
			if o.version != 0 && o.version != head.Definitions {
				o.err = errStale
				continue
			}
			if o.err = o.run(t); o.err == nil {
				o.err = rows.Fault() // a row past the store's bounds is this op's own fault
			}
			if o.err != nil {
				rows.Rollback(mark)
				clear(t.entries[entries:])
				t.entries = t.entries[:entries]
			}
		}
		t.settle()
		putDays(rows, head.Sequence+1, t.entries)
		if head, err = journal.Append(rows, head, t.entries); err == nil {
			l.hot.put(tenant, head, t.live)
		}
		return err
	})
	return head, err
}

// maxLent is how long a list of entries may be to be lent again.
const maxLent = 4096

// borrow returns an empty list for the entries of a step; giveBack takes it when
// nobody looks at the entries any more.
func (l *Ledger) borrow() *[]journal.Entry {
	if list, ok := l.entries.Get().(*[]journal.Entry); ok {
		return list
	}
	return new([]journal.Entry)
}

func (l *Ledger) giveBack(list *[]journal.Entry) {
	if cap(*list) > maxLent {
		return
	}
	clear(*list) // what entries hold is not held for their sake
	*list = (*list)[:0]
	l.entries.Put(list)
}

// write prepares an op with the tenant's definitions and submits it. It prepares
// anew when the definitions have changed meanwhile, when the op found that it
// needs more rows (which prepare is then given), and when holds must expire
// first.
func (l *Ledger) write(ctx context.Context, tenant usance.TenantID, prepare func(defs *registry.Definitions, more []store.Key) (*op, error)) error {
	defs, err := l.reg.Known(ctx, tenant)
	var more []store.Key
	for range 16 {
		if err != nil {
			return err
		}
		o, prepErr := prepare(defs, more)
		if prepErr != nil {
			// What a stale definition refuses may be right by now.
			now, err := l.reg.Definitions(ctx, tenant)
			if err != nil {
				return err
			}
			if now.Version == defs.Version {
				return prepErr
			}
			defs = now
			continue
		}
		o.version = defs.Version
		err = l.submit(ctx, tenant, o)
		if missing, ok := errors.AsType[*missingKeys](err); ok {
			more, err = append(more, missing.keys...), nil
			continue
		}
		switch {
		case errors.Is(err, errStale):
			defs, err = l.reg.Definitions(ctx, tenant)
		case errors.Is(err, errDue):
			err = l.expire(ctx, tenant)
		default:
			return err
		}
	}
	return usance.Errorf(usance.KindUnavailable, "tenant %s is being changed by others; try again", tenant)
}

func noTenant(tenant usance.TenantID) error {
	return usance.Errorf(usance.KindNotFound, "there is no tenant %q", tenant)
}

func (l *Ledger) head(ctx context.Context, tenant usance.TenantID) (journal.Head, error) {
	rows, err := l.st.Load(ctx, tenant, store.Keys{Rows: []store.Key{journal.HeadKey}})
	if err != nil {
		return journal.Head{}, err
	}
	return journal.ReadHead(rows)
}
