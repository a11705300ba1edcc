package pebblestore

import (
	"bytes"
	"cmp"
	"fmt"

	"github.com/cockroachdb/pebble/v2"

	"github.com/usance/usance"
	"github.com/usance/usance/store"
)

// reader reads rows of one tenant, all as of one moment.
type reader struct {
	s          *Store
	prefix     []byte
	everything *pebble.Iterator
}

// readForStep loads what keys name for a step, which holds the tenant's turn: nothing is
// applied meanwhile.
func (s *Store) readForStep(id usance.TenantID, keys store.Keys) (*store.Rows, error) {
	rows := store.NewRows(keys)
	missing, at := s.cache.find(id, keys.Rows, rows)
	prefix := rowsOf(id)
	missing = s.sieve.pass(prefix, missing)
	if len(missing) == 0 && len(keys.Ranges) == 0 {
		return rows, nil
	}
	r := reader{s: s, prefix: prefix}
	looked, err := r.read(missing, keys.Ranges, rows)
	if err := cmp.Or(err, r.close()); err != nil {
		return nil, broken(err)
	}
	s.cache.learn(id, at, looked)
	return rows, nil
}

// readForLoad loads what keys name as of one moment. What the cache knows and
// what the database says belong together when no step was applied between the
// two; otherwise the database is asked for all of it.
func (s *Store) readForLoad(id usance.TenantID, keys store.Keys) (*store.Rows, error) {
	rows := store.NewLoadedRows(keys)
	missing, at := s.cache.find(id, keys.Rows, rows)
	if len(missing) == 0 && len(keys.Ranges) == 0 {
		return rows, nil
	}
	r := reader{s: s, prefix: rowsOf(id)}
	_, err := r.all()
	if err == nil && !s.cache.is(id, at) {
		rows, missing = store.NewLoadedRows(keys), keys.Rows
	}
	var looked []found
	if err == nil {
		looked, err = r.read(missing, keys.Ranges, rows)
	}
	if err := cmp.Or(err, r.close()); err != nil {
		return nil, broken(err)
	}
	s.cache.learn(id, at, looked)
	return rows, nil
}

// read enters the rows and ranges into rows, and returns what there is to be
// learned from it.
func (r *reader) read(keys []store.Key, ranges []store.Range, rows *store.Rows) ([]found, error) {
	looked, err := r.rows(keys, rows)
	for i, want := range ranges {
		if err != nil {
			return nil, err
		}
		var list []store.Row
		list, err = r.span(want)
		rows.FoundRange(i, list)
	}
	return looked, err
}

func (r *reader) close() error {
	if r.everything == nil {
		return nil
	}
	return r.everything.Close()
}

func (r *reader) all() (it *pebble.Iterator, err error) {
	if r.everything == nil {
		r.everything, err = r.s.db.NewIter(&pebble.IterOptions{UseL6Filters: true})
	}
	return r.everything, err
}

// rows enters the rows that are there into rows. In the order of the keys each
// look-up begins where the one before ended.
func (r *reader) rows(keys []store.Key, rows *store.Rows) ([]found, error) {
	var looked []found
	at := bytes.Clone(r.prefix)
	var before *store.Key
	for _, i := range ordered(len(keys), func(i int) store.Key { return keys[i] }) {
		k := keys[i]
		if before != nil && k == *before {
			continue
		}
		before = &keys[i]
		at = appendRow(at[:len(r.prefix)], k.Table, k.ID)
		it, err := r.all()
		if err != nil {
			return nil, err
		}
		f := found{Key: k}
		if it.SeekPrefixGE(at) {
			v, err := it.ValueAndErr()
			if err != nil {
				return nil, err
			}
			f.value = append(make([]byte, 0, len(v)), v...)
			rows.Found(k, f.value)
		} else if err := it.Error(); err != nil {
			return nil, err
		}
		if cached(k.Table) {
			looked = append(looked, f)
		}
	}
	return looked, nil
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

// broken wraps an engine's read error: a defect or a broken disk. A corrupt file is
// named.
func broken(err error) error {
	if info := pebble.ExtractDataCorruptionInfo(err); info != nil {
		err = fmt.Errorf("%s is corrupt: %w", info.Path, err)
	}
	return &usance.Error{Kind: usance.KindInternal, Detail: "the store could not be read", Err: err}
}
