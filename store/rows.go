package store

import (
	"cmp"
	"fmt"
	"strings"
	"time"

	"github.com/usance/usance"
)

// Rows is what a step works on: the rows that were loaded, and the changes made
// to them so far. It belongs to one call of one function and is not safe for
// concurrent use.
type Rows struct {
	slots   []slot
	at      map[Key]int32 // into slots; nil while they are few
	ranges  [][]Row
	changed int // slots with a change
	undo    []undo
	due     *time.Time
	fault   error // a defect of the caller; for good
	outsize error // a row past the bounds; Rollback takes it back with the row
}

// slot is a row that keys named or the step changed.
type slot struct {
	Key
	named, found bool
	loaded       []byte // when found
	change
}

// change is what a step has made of a row, if anything.
type change struct {
	made, deleted bool
	value         []byte
}

// fewSlots is up to how many slots are looked through one by one: that takes less
// than a map does.
const fewSlots = 24

// NewRows is for engines, which then call Found for each of the rows that is
// there, and FoundRange.
func NewRows(keys Keys) *Rows {
	r := &Rows{slots: make([]slot, 0, len(keys.Rows)+12)}
	if len(keys.Ranges) > 0 {
		r.ranges = make([][]Row, len(keys.Ranges))
	}
	if len(keys.Rows) > fewSlots {
		r.at = make(map[Key]int32, len(keys.Rows)+12)
	}
	for _, k := range keys.Rows {
		r.slots[r.slot(k)].named = true
	}
	return r
}

// find returns where the row's slot is.
func (r *Rows) find(k Key) (i int32, ok bool) {
	if r.at != nil {
		i, ok = r.at[k]
		return i, ok
	}
	for i := range r.slots {
		if s := &r.slots[i]; s.Table == k.Table && s.ID == k.ID {
			return int32(i), true
		}
	}
	return 0, false
}

// slot returns where the row's slot is, and makes it.
func (r *Rows) slot(k Key) int32 {
	i, ok := r.find(k)
	if ok {
		return i
	}
	i = int32(len(r.slots))
	r.slots = append(r.slots, slot{Key: k})
	switch {
	case r.at != nil:
		r.at[k] = i
	case len(r.slots) > fewSlots:
		r.at = make(map[Key]int32, 4*fewSlots)
		for i := range r.slots {
			r.at[r.slots[i].Key] = int32(i)
		}
	}
	return i
}

// Found is for engines: a row that keys named is there and has the value, whose
// bytes belong to Rows from then on.
func (r *Rows) Found(k Key, value []byte) {
	s := &r.slots[r.slot(k)]
	s.found, s.loaded = true, value
}

// FoundRange is for engines: the rows of the i-th range of the keys.
func (r *Rows) FoundRange(i int, rows []Row) { r.ranges[i] = rows }

// Change is a row to be saved; Deleted rows have no value.
type Change struct {
	Key
	Value   []byte
	Deleted bool
}

// undo takes a change or a due time back.
type undo struct {
	slot    int32
	before  change
	isDue   bool
	due     *time.Time
	outsize error
}

// Get returns the row's value as this step sees it, its own changes included.
// The bytes must not be modified. Asking for a row that keys did not name is a
// defect of the caller and fails the step.
func (r *Rows) Get(t Table, id string) ([]byte, bool) {
	i, ok := r.find(Key{t, id})
	if !ok {
		r.fail("row %d/%q was read but not named", t, id)
		return nil, false
	}
	switch s := &r.slots[i]; {
	case s.made:
		return s.value, !s.deleted
	case !s.named:
		r.fail("row %d/%q was read but not named", t, id)
		return nil, false
	default:
		return s.loaded, s.found
	}
}

// Named reports whether Get may be asked for the row: keys named it, or this step
// has changed it. A function that learns only from what it read which further
// rows it needs returns an error and is run again with more keys.
func (r *Rows) Named(t Table, id string) bool {
	i, ok := r.find(Key{t, id})
	return ok && (r.slots[i].named || r.slots[i].made)
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
	r.change(Key{t, id}, change{made: true, value: value})
	if r.outsize == nil && (len(id) > MaxID || len(value) > MaxValue) {
		r.outsize = usance.Errorf(usance.KindTooLarge, "a row of %d+%d bytes is past the store's bound", len(id), len(value))
	}
}

// Delete removes the row; removing one that is not there is no error.
func (r *Rows) Delete(t Table, id string) { r.change(Key{t, id}, change{made: true, deleted: true}) }

func (r *Rows) change(k Key, c change) {
	i := r.slot(k)
	s := &r.slots[i]
	if r.undo == nil {
		r.undo = make([]undo, 0, 14)
	}
	r.undo = append(r.undo, undo{slot: i, before: s.change, outsize: r.outsize})
	if !s.made {
		r.changed++
	}
	s.change = c
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
		if u.isDue {
			r.due = u.due
			continue
		}
		if !u.before.made {
			r.changed--
		}
		r.slots[u.slot].change, r.outsize = u.before, u.outsize
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

// Outcome is for engines: the changes to save, in no order, the new due time or
// nil for no change, and the fault that must fail the step.
func (r *Rows) Outcome() (changes []Change, due *time.Time, fault error) {
	changes = make([]Change, 0, r.changed)
	for i := range r.slots {
		if s := &r.slots[i]; s.made {
			changes = append(changes, Change{Key: s.Key, Value: s.value, Deleted: s.deleted})
		}
	}
	return changes, r.due, r.Fault()
}

// Compare orders keys by table and then by the bytes of the id.
func (k Key) Compare(o Key) int {
	if k.Table != o.Table {
		return cmp.Compare(k.Table, o.Table)
	}
	return strings.Compare(k.ID, o.ID)
}
