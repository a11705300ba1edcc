package citustest

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/usance/usance"
	"github.com/usance/usance/store"
)

// marks is a table that no part of Usance has.
const marks store.Table = 0

// Open opens a store on the cluster, with trouble until the test ends. What it
// returns repeats calls that the store refused as unavailable, as clients do, and
// learns what became of a step with an unknown outcome: each step leaves a mark of
// its own among the tenant's rows, which its repeat looks for. So whatever the
// store's caller sees is what it would see on a cluster without trouble, or the
// engine is wrong.
func (c *Cluster) Open(t testing.TB, open func() (store.Store, error)) store.Store {
	t.Helper()
	s := steady{name: rand.Text()}
	c.Calm(t, func(context.Context, *pgx.Conn) (err error) { // tables may have to be made
		s.Store, err = open()
		return err
	})
	c.Trouble(t)
	return &s
}

// steady is a store whose calls wait for the cluster to be whole again.
type steady struct {
	store.Store
	name   string // no other store marks its steps so
	steps  atomic.Uint64
	closed atomic.Bool
}

// ride calls try until it ends otherwise than in a failure that may pass.
func (s *steady) ride(ctx context.Context, try func() error) error {
	timer := time.NewTimer(patience)
	defer timer.Stop()
	for {
		err := try()
		if usance.KindOf(err) != usance.KindUnavailable || ctx.Err() != nil || s.closed.Load() {
			return err
		}
		pause := time.NewTimer(50 * time.Millisecond)
		select {
		case <-timer.C:
			pause.Stop()
			return fmt.Errorf("still after %v: %w", patience, err)
		case <-pause.C:
		}
	}
}

// How a call's own functions end it: by the mark of the time before, or as the
// caller wants.
var (
	errDone    = errors.New("citustest: done")
	errRefused = errors.New("citustest: refused")
)

func (s *steady) Step(ctx context.Context, tenant usance.TenantID, keys store.Keys, fn func(*store.Rows) error) error {
	mark := store.Key{Table: marks, ID: fmt.Sprint(s.name, s.steps.Add(1))}
	unknown := false
	var refused error // by fn, of whatever kind
	err := s.ride(ctx, func() error {
		asked := keys
		if unknown {
			asked.Rows = append(slices.Clone(keys.Rows), mark)
		}
		err := s.Store.Step(ctx, tenant, asked, func(r *store.Rows) error {
			if unknown {
				if _, done := r.Get(mark.Table, mark.ID); done {
					return errDone
				}
			}
			if refused = fn(r); refused != nil {
				return errRefused
			}
			if changes, due, _ := r.Outcome(); len(changes) > 0 || due != nil {
				r.Put(mark.Table, mark.ID, nil)
			}
			return nil
		})
		unknown = unknown || errors.Is(err, store.ErrUnknown)
		return err
	})
	switch {
	case errors.Is(err, errDone):
		return nil
	case errors.Is(err, errRefused):
		return refused
	}
	return err
}

func (s *steady) Load(ctx context.Context, tenant usance.TenantID, keys store.Keys) (rows *store.Rows, err error) {
	err = s.ride(ctx, func() error {
		rows, err = s.Store.Load(ctx, tenant, keys)
		return err
	})
	return rows, err
}

func (s *steady) Peek(ctx context.Context, tenants []usance.TenantID, key store.Key) (rows map[usance.TenantID][]byte, err error) {
	err = s.ride(ctx, func() error {
		rows, err = store.Peek(ctx, s.Store, tenants, key)
		return err
	})
	return rows, err
}

// Scan goes on behind the last row that fn has seen.
func (s *steady) Scan(ctx context.Context, tenant usance.TenantID, r store.Range, fn func(store.Row) error) error {
	var refused error
	more := true
	err := s.ride(ctx, func() error {
		if !more {
			return nil
		}
		return s.Store.Scan(ctx, tenant, r, func(row store.Row) error {
			if refused = fn(row); refused != nil {
				return errRefused
			}
			r, more = r.Behind(row.ID, 1)
			return nil
		})
	})
	if errors.Is(err, errRefused) {
		return refused
	}
	return err
}

// Due begins anew after a failure, without what fn has seen.
func (s *steady) Due(ctx context.Context, now time.Time, fn func(usance.TenantID, time.Time) error) error {
	var refused error
	listed := map[usance.TenantID]time.Time{}
	err := s.ride(ctx, func() error {
		return s.Store.Due(ctx, now, func(tenant usance.TenantID, due time.Time) error {
			if before, ok := listed[tenant]; ok && before.Equal(due) {
				return nil
			}
			listed[tenant] = due
			if refused = fn(tenant, due); refused != nil {
				return errRefused
			}
			return nil
		})
	})
	if errors.Is(err, errRefused) {
		return refused
	}
	return err
}

func (s *steady) Check(ctx context.Context) error {
	return s.ride(ctx, func() error { return s.Store.Check(ctx) })
}

func (s *steady) Close() error {
	s.closed.Store(true)
	return s.Store.Close()
}
