package store

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"github.com/usance/usance"
)

// Rows is what a step works on: the rows that were loaded, and the changes made
// to them so far. It belongs to one call of one function and is not safe for
// concurrent use.
type Rows struct {
	keys    Keys
	named   map[Key]struct{}
	loaded  map[Key][]byte
	ranges  [][]Row
	changes map[Key]Change
	undo    []undo
	due     *time.Time
	fault   error // a defect of the caller; for good
	outsize error // a row past the bounds; Rollback takes it back with the row
}

// Change is a row to be saved; Deleted rows have no value.
type Change struct {
	Key
	Value   []byte
	Deleted bool
}

type undo struct {
	key     Key
	before  Change
	existed bool
	due     *time.Time
	isDue   bool
	outsize error
}

// NewRows is for engines: it holds the keys' rows as loaded. ranges are in the
// order of keys.Ranges.
func NewRows(keys Keys, loaded map[Key][]byte, ranges [][]Row) *Rows {
	named := make(map[Key]struct{}, len(keys.Rows))
	for _, k := range keys.Rows {
		named[k] = struct{}{}
	}
	return &Rows{keys: keys, named: named, loaded: loaded, ranges: ranges, changes: map[Key]Change{}}
}

// Get returns the row's value as this step sees it, its own changes included.
// The bytes must not be modified. Asking for a row that keys did not name is a
// defect of the caller and fails the step.
func (r *Rows) Get(t Table, id string) ([]byte, bool) {
	k := Key{t, id}
	if c, ok := r.changes[k]; ok {
		return c.Value, !c.Deleted
	}
	if _, ok := r.named[k]; !ok {
		r.fail("row %d/%q was read but not named", t, id)
	}
	v, ok := r.loaded[k]
	return v, ok
}

// Named reports whether Get may be asked for the row: keys named it, or this step
// has changed it. A function that learns only from what it read which further
// rows it needs returns an error and is run again with more keys.
func (r *Rows) Named(t Table, id string) bool {
	k := Key{t, id}
	if _, ok := r.named[k]; ok {
		return true
	}
	_, ok := r.changes[k]
	return ok
}

// Range returns the rows of the i-th named range as loaded; the step's own
// changes do not show.
func (r *Rows) Range(i int) []Row {
	if i < 0 || i >= len(r.ranges) {
		r.fail("range %d was read but not named", i)
		return nil
	}
	return r.ranges[i]
}

// Put saves value under id, which need not have been named. The bytes belong to
// Rows from then on. A row past MaxID or MaxValue fails the step with
// usance.KindTooLarge, unless it is rolled back; see Fault.
func (r *Rows) Put(t Table, id string, value []byte) {
	r.change(Change{Key: Key{t, id}, Value: value})
	if r.outsize == nil && (len(id) > MaxID || len(value) > MaxValue) {
		r.outsize = usance.Errorf(usance.KindTooLarge, "a row of %d+%d bytes is past the store's bound", len(id), len(value))
	}
}

// Delete removes the row; removing one that is not there is no error.
func (r *Rows) Delete(t Table, id string) { r.change(Change{Key: Key{t, id}, Deleted: true}) }

func (r *Rows) change(c Change) {
	before, existed := r.changes[c.Key]
	r.undo = append(r.undo, undo{key: c.Key, before: before, existed: existed, outsize: r.outsize})
	r.changes[c.Key] = c
}

// SetDue says when the tenant next has something to expire; the zero time says
// never. See Store.Due.
func (r *Rows) SetDue(t time.Time) {
	r.undo = append(r.undo, undo{isDue: true, due: r.due})
	r.due = &t
}

// Mark returns a point that Rollback can return to, so that one of several
// requests sharing a step can fail without the others.
func (r *Rows) Mark() int { return len(r.undo) }

// Rollback takes back every change made since the mark.
func (r *Rows) Rollback(mark int) {
	for i := len(r.undo) - 1; i >= mark; i-- {
		u := r.undo[i]
		switch {
		case u.isDue:
			r.due = u.due
		case u.existed:
			r.changes[u.key], r.outsize = u.before, u.outsize
		default:
			delete(r.changes, u.key)
			r.outsize = u.outsize
		}
	}
	r.undo = r.undo[:mark]
}

// Fault returns what will fail the step if it ends now, or nil: a row past the
// bounds, which Rollback can take back, or a read that keys did not name, which
// nothing can. After a Load, which has no end, it tells of such a read.
func (r *Rows) Fault() error { return cmp.Or(r.fault, r.outsize) }

func (r *Rows) fail(format string, args ...any) {
	if r.fault == nil {
		r.fault = fmt.Errorf("store: "+format, args...)
	}
}

// Outcome is for engines: the changes to save, sorted by table and id, the new
// due time or nil for no change, and the fault that must fail the step.
func (r *Rows) Outcome() (changes []Change, due *time.Time, fault error) {
	changes = make([]Change, 0, len(r.changes))
	for _, c := range r.changes {
		changes = append(changes, c)
	}
	slices.SortFunc(changes, func(a, b Change) int {
		return cmp.Or(cmp.Compare(a.Table, b.Table), cmp.Compare(a.ID, b.ID))
	})
	return changes, r.due, r.Fault()
}
