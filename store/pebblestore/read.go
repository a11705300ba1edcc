package pebblestore

import (
	"bytes"
	"cmp"
	"errors"
	"slices"

	"github.com/cockroachdb/pebble/v2"

	"github.com/usance/usance"
	"github.com/usance/usance/store"
)

// reader reads rows of one tenant. everything sees one moment. files sees only
// what is in sorted files; it serves rows that memory does not hold, and exists
// only for a step, whose tenant nobody else writes to.
type reader struct {
	s          *Store
	prefix     []byte
	everything *pebble.Iterator
	files      *pebble.Iterator
	memory     memory
}

// read loads what keys name. inStep says that the caller holds the tenant's
// turn.
func (s *Store) read(id usance.TenantID, keys store.Keys, inStep bool) (*store.Rows, error) {
	if len(keys.Rows) == 0 && len(keys.Ranges) == 0 {
		return store.NewRows(keys, nil, nil), nil
	}
	r := reader{s: s, prefix: rowsOf(id)}
	if inStep {
		r.memory = s.fresh.memory() // before any iterator: see there
	}
	loaded, err := r.rows(keys.Rows)
	ranges := make([][]store.Row, len(keys.Ranges))
	for i, want := range keys.Ranges {
		if err == nil {
			ranges[i], err = r.span(want)
		}
	}
	if err := cmp.Or(err, r.close()); err != nil {
		return nil, broken(err)
	}
	return store.NewRows(keys, loaded, ranges), nil
}

func (r *reader) close() error {
	var err error
	for _, it := range []*pebble.Iterator{r.everything, r.files} {
		if it != nil {
			err = errors.Join(err, it.Close())
		}
	}
	return err
}

func (r *reader) all() (it *pebble.Iterator, err error) {
	if r.everything == nil {
		r.everything, err = r.s.db.NewIter(&pebble.IterOptions{UseL6Filters: true})
	}
	return r.everything, err
}

// holding returns the iterator to ask for the row with the physical key at.
func (r *reader) holding(t store.Table, at []byte) (it *pebble.Iterator, err error) {
	if r.memory == nil || !t.PointOnly() || r.memory.mayHold(r.s.fresh.hash(at)) {
		return r.all()
	}
	if r.files == nil {
		r.files, err = r.s.db.NewIter(&pebble.IterOptions{UseL6Filters: true, OnlyReadGuaranteedDurable: true})
	}
	return r.files, err
}

func (r *reader) rows(keys []store.Key) (map[store.Key][]byte, error) {
	compare := func(a, b store.Key) int {
		if a.Table != b.Table {
			return cmp.Compare(a.Table, b.Table)
		}
		return cmp.Compare(a.ID, b.ID)
	}
	if !slices.IsSortedFunc(keys, compare) {
		keys = slices.Clone(keys)
		slices.SortFunc(keys, compare)
	}
	loaded := map[store.Key][]byte{}
	at := bytes.Clone(r.prefix)
	for i, k := range keys {
		if i > 0 && k == keys[i-1] {
			continue
		}
		at = appendRow(at[:len(r.prefix)], k.Table, k.ID)
		it, err := r.holding(k.Table, at)
		if err != nil {
			return nil, err
		}
		if !it.SeekPrefixGE(at) {
			if err := it.Error(); err != nil {
				return nil, err
			}
			continue
		}
		v, err := it.ValueAndErr()
		if err != nil {
			return nil, err
		}
		loaded[k] = bytes.Clone(v)
	}
	return loaded, nil
}

func (r *reader) span(want store.Range) ([]store.Row, error) {
	it, err := r.all()
	if err != nil {
		return nil, err
	}
	var rows []store.Row
	err = each(it, r.prefix, want, func(row store.Row) error {
		row.Value = bytes.Clone(row.Value)
		rows = append(rows, row)
		return nil
	})
	return rows, cmp.Or(err, it.Error())
}

// each calls fn on the rows of the range and returns fn's error or that of a value
// that cannot be read. What else goes wrong the iterator remembers.
func each(it *pebble.Iterator, prefix []byte, r store.Range, fn func(store.Row) error) error {
	lower, upper, ok := bounds(prefix, r)
	if !ok {
		return nil
	}
	it.SetBounds(lower, upper)
	first, next := it.First, it.Next
	if r.Reverse {
		first, next = it.Last, it.Prev
	}
	n := 0
	for valid := first(); valid; valid = next() {
		v, err := it.ValueAndErr()
		if err != nil {
			return broken(err)
		}
		if err := fn(store.Row{ID: string(it.Key()[len(prefix)+1:]), Value: v}); err != nil {
			return err
		}
		if n++; n == r.Limit {
			return nil
		}
	}
	return nil
}

// broken wraps an engine's read error: a defect or a broken disk.
func broken(err error) error {
	return &usance.Error{Kind: usance.KindInternal, Detail: "the store could not be read", Err: err}
}
