package registry_test

import (
	"context"
	"errors"
	"sync"

	"github.com/usance/usance"
	"github.com/usance/usance/registry"
	"github.com/usance/usance/store"
)

// tap stands between a process and its store and is told of each call before it
// and after it, so that tests have something happen there, a crash for one.
type tap struct {
	store.Store
	mu     sync.Mutex
	calls  int
	before func(n int) error // n counts from 1; an error ends the call, which did nothing
	after  func(n int) error // an error ends the call, whose outcome nobody learns
}

var errCrashed = errors.New("the process is gone")

func (s *tap) call(do func() error) error {
	s.mu.Lock()
	s.calls++
	n := s.calls
	s.mu.Unlock()
	if s.before != nil {
		if err := s.before(n); err != nil {
			return err
		}
	}
	if err := do(); err != nil {
		return err
	}
	if s.after != nil {
		return s.after(n)
	}
	return nil
}

func (s *tap) Step(ctx context.Context, tenant usance.TenantID, keys store.Keys, fn func(*store.Rows) error) error {
	return s.call(func() error { return s.Store.Step(ctx, tenant, keys, fn) })
}

func (s *tap) Load(ctx context.Context, tenant usance.TenantID, keys store.Keys) (rows *store.Rows, err error) {
	err = s.call(func() error {
		rows, err = s.Store.Load(ctx, tenant, keys)
		return err
	})
	return rows, err
}

func (s *tap) Scan(ctx context.Context, tenant usance.TenantID, r store.Range, fn func(store.Row) error) error {
	return s.call(func() error { return s.Store.Scan(ctx, tenant, r, fn) })
}

// tapped opens a process whose calls pass a tap.
func (w *world) tapped() (*registry.Registry, *tap) {
	w.Helper()
	s := &tap{Store: w.Store}
	inner := w.Store
	w.Store = s
	reg := w.open()
	w.Store = inner
	return reg, s
}
