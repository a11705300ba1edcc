package pebblestore

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"sync/atomic"
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
	rows, err := s.readForStep(id, keys)
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
	batch, points, err := s.batch(id, changes, due)
	if err != nil {
		return err
	}
	if err := cmp.Or(ctx.Err(), s.health.check(), s.room.refuse(batch.Len(), store.IsUrgent(ctx))); err != nil {
		return errors.Join(err, batch.Close())
	}
	c := s.begin(id, t, batch, changes, points, seen)
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
	rows, err := s.readForLoad(id, keys)
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

// committers run commits, one at a time each. Those that are idle keep the stack
// that a commit takes, which a new goroutine would have to grow.
type committers struct {
	idle atomic.Int32
	next chan func()
}

// maxIdle bounds the committers that wait for work.
const maxIdle = 256

func (c *committers) run(commit func(), quit <-chan struct{}) {
	select {
	case c.next <- commit:
	default:
		go c.loop(commit, quit)
	}
}

func (c *committers) loop(commit func(), quit <-chan struct{}) {
	for {
		commit()
		if c.idle.Add(1) > maxIdle {
			c.idle.Add(-1)
			return
		}
		select {
		case commit = <-c.next:
			c.idle.Add(-1)
		case <-quit:
			return
		}
	}
}

// begin commits the batch in a goroutine of its own: an engine that breaks may
// never come back from a commit, and then only that goroutine is lost. The step
// may have built on what it saw of the commit before, so it is durable only with
// that one.
func (s *Store) begin(id usance.TenantID, t *tenant, batch *pebble.Batch, changes []store.Change, points []uint64, before *commit) *commit {
	c := &commit{applied: make(chan struct{}), durable: make(chan struct{})}
	s.tenants.begin(id, t, c)
	s.cache.begin(id)
	visible := s.versions.begin(id, changes)
	s.committers.run(func() {
		err := s.commit(batch, func() {
			s.sieve.remember(points)
			s.cache.applied(id, changes)
			visible()
			close(c.applied)
		})
		if err == nil && before != nil {
			<-before.durable // by the order of the log it is already
			err = before.err
		}
		if err != nil {
			s.health.fail(err)
			c.err = unknown(err)
		}
		s.tenants.drop(id, t)
		close(c.durable)
	}, s.sieve.quit)
	return c
}

// commit calls applied once reads see the batch, and returns when it is durable.
func (s *Store) commit(batch *pebble.Batch, applied func()) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("pebblestore: commit: %v", p)
		}
	}()
	if err := s.db.ApplyNoSyncWait(batch, pebble.Sync); err != nil {
		return err
	}
	applied()
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

// batch writes the changes down, and returns the hashes of those that the sieve has
// to remember. The caller holds the tenant's turn.
func (s *Store) batch(id usance.TenantID, changes []store.Change, due *time.Time) (*pebble.Batch, []uint64, error) {
	prefix := rowsOf(id)
	size, n := 64, 0
	for _, c := range changes {
		size += len(prefix) + len(c.ID) + len(c.Value) + 12
		if c.Table.PointOnly() {
			n++
		}
	}
	points := make([]uint64, 0, n)
	b := s.db.NewBatchWithSize(size)
	for _, i := range ordered(len(changes), func(i int) store.Key { return changes[i].Key }) { // so they are cheaper to insert
		c := &changes[i]
		var op *pebble.DeferredBatchOp
		if c.Deleted {
			op = b.DeleteDeferred(len(prefix) + 1 + len(c.ID))
		} else {
			op = b.SetDeferred(len(prefix)+1+len(c.ID), len(c.Value))
			copy(op.Value, c.Value)
		}
		appendRow(append(op.Key[:0], prefix...), c.Table, c.ID)
		if c.Table.PointOnly() {
			points = append(points, s.sieve.hash(op.Key))
		}
		if err := op.Finish(); err != nil {
			return nil, nil, errors.Join(err, b.Close())
		}
	}
	if due != nil {
		if err := s.batchDue(b, id, *due); err != nil {
			return nil, nil, errors.Join(err, b.Close())
		}
	}
	return b, points, nil
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
