package pebblestore

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/cockroachdb/pebble/v2"

	"github.com/usance/usance"
	"github.com/usance/usance/store"
)

// Step implements store.Store. The function runs once.
func (s *Store) Step(ctx context.Context, id usance.TenantID, keys store.Keys, fn func(*store.Rows) error) error {
	if err := s.enter(ctx); err != nil {
		return err
	}
	defer s.leave()
	t, err := s.tenants.take(ctx, id)
	if err != nil {
		return err
	}
	mine := true
	giveBack := func() {
		if mine {
			mine = false
			s.tenants.give(id, t)
		}
	}
	defer giveBack()
	seen := s.tenants.pending(id)
	rows, err := s.read(id, keys)
	if err != nil {
		return err
	}
	if err := fn(rows); err != nil {
		return cmp.Or(s.settle(ctx, seen), err)
	}
	changes, due, err := rows.Outcome()
	if err != nil || len(changes) == 0 && due == nil {
		giveBack()
		return cmp.Or(s.settle(ctx, seen), err)
	}
	batch, err := s.batch(id, changes, due)
	if err != nil {
		return err
	}
	if err := cmp.Or(ctx.Err(), s.health.check()); err != nil {
		return errors.Join(err, batch.Close())
	}
	c := s.begin(id, t, batch)
	select {
	case <-c.applied:
	case <-s.health.broken:
	}
	giveBack()
	select {
	case <-c.durable:
		return c.err
	case <-s.health.broken:
	}
	select {
	case <-c.durable: // it may have been durable before the store broke
		return c.err
	default:
		return unknown(s.health.why())
	}
}

// Load implements store.Store.
func (s *Store) Load(ctx context.Context, id usance.TenantID, keys store.Keys) (*store.Rows, error) {
	if err := s.enter(ctx); err != nil {
		return nil, err
	}
	defer s.leave()
	rows, err := s.read(id, keys)
	if err != nil {
		return nil, err
	}
	if err := s.settle(ctx, s.tenants.pending(id)); err != nil {
		return nil, err
	}
	return rows, nil
}

// commit is one batch on its way to the disk.
type commit struct {
	applied chan struct{} // closed when reads see it
	durable chan struct{} // closed when it cannot be lost, or err says otherwise
	err     error
}

// begin commits the batch in a goroutine of its own: an engine that breaks may
// never come back from a commit, and then only that goroutine is lost.
func (s *Store) begin(id usance.TenantID, t *tenant, batch *pebble.Batch) *commit {
	c := &commit{applied: make(chan struct{}), durable: make(chan struct{})}
	s.tenants.begin(id, t, c)
	go func() {
		if err := s.commit(batch, c.applied); err != nil {
			s.health.fail(err)
			c.err = unknown(err)
		}
		close(c.durable)
		s.tenants.drop(id, t)
	}()
	return c
}

func (s *Store) commit(batch *pebble.Batch, applied chan struct{}) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("pebblestore: commit: %v", p)
		}
	}()
	if err := s.db.ApplyNoSyncWait(batch, pebble.Sync); err != nil {
		return err
	}
	close(applied)
	if err := batch.SyncWait(); err != nil {
		return err
	}
	if err := s.health.check(); err != nil {
		return err // the engine reports a failed apply to its logger alone
	}
	return batch.Close()
}

// settle waits until c is durable, because the caller is about to tell what it
// saw of it.
func (s *Store) settle(ctx context.Context, c *commit) error {
	if c != nil {
		select {
		case <-c.durable:
		case <-s.health.broken:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return s.health.check()
}

func unknown(err error) error {
	return &usance.Error{
		Kind:   usance.KindUnavailable,
		Detail: "the store broke while saving; the request may or may not have been carried out",
		Err:    fmt.Errorf("%w: %w", store.ErrUnknown, err),
	}
}

// batch writes the changes down. The caller holds the tenant's turn.
func (s *Store) batch(id usance.TenantID, changes []store.Change, due *time.Time) (*pebble.Batch, error) {
	prefix := rowsOf(id)
	size := 64
	for _, c := range changes {
		size += len(prefix) + len(c.ID) + len(c.Value) + 12
	}
	b := s.db.NewBatchWithSize(size)
	for _, c := range changes {
		if c.Deleted {
			op := b.DeleteDeferred(len(prefix) + 1 + len(c.ID))
			appendRow(append(op.Key[:0], prefix...), c.Table, c.ID)
			if err := op.Finish(); err != nil {
				return nil, errors.Join(err, b.Close())
			}
			continue
		}
		op := b.SetDeferred(len(prefix)+1+len(c.ID), len(c.Value))
		appendRow(append(op.Key[:0], prefix...), c.Table, c.ID)
		copy(op.Value, c.Value)
		if err := op.Finish(); err != nil {
			return nil, errors.Join(err, b.Close())
		}
	}
	if due != nil {
		if err := s.batchDue(b, id, *due); err != nil {
			return nil, errors.Join(err, b.Close())
		}
	}
	return b, nil
}

func (s *Store) batchDue(b *pebble.Batch, id usance.TenantID, due time.Time) error {
	turn := turnKey(id)
	old, closer, err := s.db.Get(turn)
	switch {
	case err == nil:
		if err := errors.Join(b.Delete(dueKey(old, id), nil), closer.Close()); err != nil {
			return err
		}
	case !errors.Is(err, pebble.ErrNotFound):
		return broken(err)
	}
	if due.IsZero() {
		return b.Delete(turn, nil)
	}
	at := appendTime(make([]byte, 0, timeBytes), due)
	return errors.Join(b.Set(dueKey(at, id), nil, nil), b.Set(turn, at, nil))
}

// read loads what keys name as of one moment: everything through one iterator.
func (s *Store) read(id usance.TenantID, keys store.Keys) (*store.Rows, error) {
	if len(keys.Rows) == 0 && len(keys.Ranges) == 0 {
		return store.NewRows(keys, nil, nil), nil
	}
	it, err := s.db.NewIter(&pebble.IterOptions{UseL6Filters: true})
	if err != nil {
		return nil, broken(err)
	}
	prefix := rowsOf(id)
	loaded := readRows(it, prefix, keys.Rows)
	ranges := make([][]store.Row, len(keys.Ranges))
	for i, r := range keys.Ranges {
		ranges[i] = readRange(it, prefix, r)
	}
	if err := it.Close(); err != nil { // reports what went wrong on the way
		return nil, broken(err)
	}
	return store.NewRows(keys, loaded, ranges), nil
}

func readRows(it *pebble.Iterator, prefix []byte, keys []store.Key) map[store.Key][]byte {
	compare := func(a, b store.Key) int { return cmp.Or(cmp.Compare(a.Table, b.Table), cmp.Compare(a.ID, b.ID)) }
	if !slices.IsSortedFunc(keys, compare) {
		keys = slices.Clone(keys)
		slices.SortFunc(keys, compare)
	}
	loaded := map[store.Key][]byte{}
	at := prefix
	for i, k := range keys {
		if i > 0 && k == keys[i-1] {
			continue
		}
		at = appendRow(at[:len(prefix)], k.Table, k.ID)
		if !it.SeekPrefixGE(at) {
			if it.Error() != nil {
				return nil
			}
			continue
		}
		v, err := it.ValueAndErr()
		if err != nil {
			return nil
		}
		loaded[k] = bytes.Clone(v)
	}
	return loaded
}

func readRange(it *pebble.Iterator, prefix []byte, r store.Range) []store.Row {
	var rows []store.Row
	each(it, prefix, r, func(row store.Row) error {
		row.Value = bytes.Clone(row.Value)
		rows = append(rows, row)
		return nil
	})
	return rows
}

// each calls fn on the rows of the range. The iterator remembers its own errors;
// the one returned is fn's.
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
			return nil
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
