package store

import (
	"cmp"
	"fmt"
	"hash/maphash"
	"math/bits"
	"strings"
	"time"

	"github.com/usance/usance"
)

// Rows is what a step works on: the rows that were loaded, and the changes made
// to them so far. It belongs to one call of one function and is not safe for
// concurrent use.
type Rows struct {
	slots   []slot
	index   index
	ranges  [][]Row
	changed int     // slots with a change
	undo    []int32 // see take
	former  []undo
	due     *time.Time
	fault   error // a defect of the caller; for good
	outsize error // a row past the bounds; Rollback takes it back with the row
}

// slot is a row that keys named or the step changed.
type slot struct {
	Key
	named, found bool
	change
	loaded []byte // when found
}

// change is what a step has made of a row, if anything.
type change struct {
	made, deleted bool
	value         []byte
}

// fewSlots is up to how many slots are looked through one by one: that takes less
// than a table does.
const fewSlots = 24

// NewRows is for engines, which then call Found for each of the rows that is
// there, and FoundRange.
func NewRows(keys Keys) *Rows { return newRows(keys, len(keys.Rows)/8+12) }

// NewLoadedRows is NewRows for a Load, after which as a rule nothing is changed.
func NewLoadedRows(keys Keys) *Rows { return newRows(keys, 0) }

// newRows leaves room for more rows than keys name.
func newRows(keys Keys, more int) *Rows {
	r := &Rows{slots: make([]slot, 0, len(keys.Rows)+more)}
	if len(keys.Ranges) > 0 {
		r.ranges = make([][]Row, len(keys.Ranges))
	}
	if len(keys.Rows) > fewSlots {
		r.index.init(cap(r.slots))
	}
	for _, k := range keys.Rows {
		r.slots[r.slot(k)].named = true
	}
	return r
}

// slot returns where the row's slot is.
func (r *Rows) slot(k Key) int32 {
	i, at := r.index.find(r.slots, k)
	if i < 0 {
		i = int32(len(r.slots))
		r.slots = append(r.slots, slot{Key: k})
		r.index.add(r.slots, at)
	}
	return i
}

// lookup returns where the row's slot is, or -1.
func (r *Rows) lookup(k Key) int32 {
	i, _ := r.index.find(r.slots, k)
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

// undo takes back what is not the first change of a row: a later one, a due time,
// or one that made the step outsize.
type undo struct {
	slot    int32 // of the row; -1 for the due time
	before  change
	due     *time.Time
	outsize error
}

// Get returns the row's value as this step sees it, its own changes included.
// The bytes must not be modified. Asking for a row that keys did not name is a
// defect of the caller and fails the step.
func (r *Rows) Get(t Table, id string) ([]byte, bool) {
	i := r.lookup(Key{t, id})
	if i < 0 {
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
	i := r.lookup(Key{t, id})
	return i >= 0 && (r.slots[i].named || r.slots[i].made)
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
	outsize := r.outsize
	if outsize == nil && (len(id) > MaxID || len(value) > MaxValue) {
		outsize = usance.Errorf(usance.KindTooLarge, "a row of %d+%d bytes is past the store's bound", len(id), len(value))
	}
	r.change(Key{t, id}, change{made: true, value: value}, outsize)
}

// Delete removes the row; removing one that is not there is no error.
func (r *Rows) Delete(t Table, id string) {
	r.change(Key{t, id}, change{made: true, deleted: true}, r.outsize)
}

func (r *Rows) change(k Key, c change, outsize error) {
	i := r.slot(k)
	s := &r.slots[i]
	if s.made || outsize != nil && r.outsize == nil {
		r.remember(undo{slot: i, before: s.change, outsize: r.outsize})
	} else {
		r.take(i)
	}
	if !s.made {
		r.changed++
	}
	s.change, r.outsize = c, outsize
}

// SetDue says when the tenant next has something to expire; the zero time says
// never. See Store.Due.
func (r *Rows) SetDue(t time.Time) {
	r.remember(undo{slot: -1, due: r.due})
	r.due = &t
}

// take notes what Rollback is to take back: the slot of a first change, or below
// zero one of former.
func (r *Rows) take(at int32) {
	if r.undo == nil {
		r.undo = make([]int32, 0, len(r.slots)+14)
	}
	r.undo = append(r.undo, at)
}

func (r *Rows) remember(u undo) {
	r.former = append(r.former, u)
	r.take(-int32(len(r.former)))
}

// Mark returns a point that Rollback can return to, so that one of several
// requests sharing a step can fail without the others.
func (r *Rows) Mark() int { return len(r.undo) }

// Rollback takes back every change made since the mark.
func (r *Rows) Rollback(mark int) {
	for i := len(r.undo) - 1; i >= mark; i-- {
		at := r.undo[i]
		if at >= 0 {
			r.slots[at].change = change{}
			r.changed--
			continue
		}
		u := r.former[len(r.former)-1]
		r.former = r.former[:len(r.former)-1]
		if u.slot < 0 {
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

// index finds the slots of rows: a table of open addressing, half full at the
// most, which there is none of while they are few. A step looks for every row some three times, most of which are rows of
// digests; a map of Keys takes twice the time and ten times the memory.
type index struct {
	seed  maphash.Seed
	table []int32 // a slot's number and one; 0 for none
}

// init makes room for n slots.
func (x *index) init(n int) {
	x.seed = maphash.MakeSeed()
	x.table = make([]int32, 1<<bits.Len(uint(2*max(n, 8)-1)))
}

func (x *index) hash(k Key) uint64 {
	return maphash.String(x.seed, k.ID) + uint64(k.Table)
}

// find returns the row's slot, or -1 and where in the table it belongs.
func (x *index) find(slots []slot, k Key) (slot int32, at uint64) {
	if x.table == nil {
		for i := range slots {
			if s := &slots[i]; s.Table == k.Table && s.ID == k.ID {
				return int32(i), 0
			}
		}
		return -1, 0
	}
	mask := uint64(len(x.table) - 1)
	for at = x.hash(k) & mask; x.table[at] != 0; at = (at + 1) & mask {
		if s := &slots[x.table[at]-1]; s.Table == k.Table && s.ID == k.ID {
			return x.table[at] - 1, at
		}
	}
	return -1, at
}

// add enters the last of the slots at its place.
func (x *index) add(slots []slot, at uint64) {
	switch {
	case x.table == nil && len(slots) <= fewSlots:
		return
	case x.table == nil:
		x.init(4 * fewSlots)
	case 2*len(slots) <= len(x.table):
		x.table[at] = int32(len(slots))
		return
	default:
		x.table = make([]int32, 2*len(x.table))
	}
	for i := range slots {
		_, at := x.find(slots, slots[i].Key)
		x.table[at] = int32(i + 1)
	}
}
