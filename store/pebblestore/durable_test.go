package pebblestore

import (
	"context"
	"errors"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"

	"github.com/usance/usance"
	"github.com/usance/usance/store"
)

// slowDisk is a file system in memory whose log, once held, does not come back
// from fsync before release.
type slowDisk struct {
	mem     *vfs.MemFS
	fs      vfs.FS
	held    atomic.Bool
	syncing chan struct{} // closed when an fsync is held back
	release chan error    // what that fsync answers
}

func newSlowDisk() *slowDisk {
	d := &slowDisk{mem: vfs.NewCrashableMem(), syncing: make(chan struct{}), release: make(chan error, 1)}
	var once sync.Once
	d.fs = errorfs.Wrap(d.mem, errorfs.InjectorFunc(func(op errorfs.Op) (err error) {
		switch op.Kind {
		case errorfs.OpFileSync, errorfs.OpFileSyncData, errorfs.OpFileSyncTo:
			if d.held.Load() && strings.HasSuffix(op.Path, ".log") {
				once.Do(func() {
					close(d.syncing)
					err = <-d.release
				})
			}
		}
		return err
	}))
	return d
}

// watched is a context that tells when somebody waits for its end after armed.
type watched struct {
	context.Context
	armed  atomic.Bool
	once   sync.Once
	waited chan struct{}
}

func (w *watched) Done() <-chan struct{} {
	if w.armed.Load() {
		w.once.Do(func() { close(w.waited) })
	}
	return w.Context.Done()
}

// A row is in the engine's memory before it is on the disk. Whoever sees it there
// must wait before telling, and must not tell when the disk fails.
func TestNobodyTellsWhatACrashCouldTakeBack(t *testing.T) {
	keys := store.Keys{Rows: []store.Key{{Table: store.Head, ID: "a"}}}
	mine := errors.New("mine")
	calls := map[string]func(s *Store, ctx *watched) error{
		"Load": func(s *Store, ctx *watched) error {
			ctx.armed.Store(true)
			_, err := s.Load(ctx, "t", keys)
			return err
		},
		"Scan": func(s *Store, ctx *watched) error {
			ctx.armed.Store(true)
			return s.Scan(ctx, "t", store.Range{Table: store.Head}, func(store.Row) error { return nil })
		},
		"Due": func(s *Store, ctx *watched) error {
			ctx.armed.Store(true)
			return s.Due(ctx, usance.Latest, func(usance.TenantID, time.Time) error { return nil })
		},
		"a Step that changes nothing": func(s *Store, ctx *watched) error {
			return s.Step(ctx, "t", keys, func(r *store.Rows) error {
				if v, _ := r.Get(store.Head, "a"); string(v) != "2" {
					t.Errorf("a step saw %q", v)
				}
				ctx.armed.Store(true)
				return nil
			})
		},
		"a Step that refuses": func(s *Store, ctx *watched) error {
			err := s.Step(ctx, "t", keys, func(*store.Rows) error {
				ctx.armed.Store(true)
				return mine
			})
			if errors.Is(err, mine) {
				return nil
			}
			return err
		},
	}
	for name, call := range calls {
		for _, fault := range []error{nil, errorfs.ErrInjected} {
			t.Run(name, func(t *testing.T) {
				d := newSlowDisk()
				s := mustOpen(t, d.fs)
				d.held.Store(true)
				first := make(chan error, 1)
				go func() {
					first <- s.Step(t.Context(), "t", keys, func(r *store.Rows) error {
						r.Put(store.Head, "a", []byte("2"))
						r.SetDue(usance.Earliest)
						return nil
					})
				}()
				<-d.syncing
				<-s.tenants.pending("t").applied
				ctx := &watched{Context: t.Context(), waited: make(chan struct{})}
				told := make(chan error, 1)
				go func() { told <- call(s, ctx) }()
				select {
				case err := <-told:
					t.Errorf("told %v while the row could still be lost", err)
					told <- err
				case <-ctx.waited:
				}
				d.release <- fault
				if err := <-first; (err != nil) != (fault != nil) || err != nil && !errors.Is(err, store.ErrUnknown) {
					t.Errorf("the step that wrote: %v", err)
				}
				if err := <-told; (err != nil) != (fault != nil) {
					t.Errorf("the call that saw it: %v", err)
				}
			})
		}
	}
}

// A step begins while its predecessor's fsync is under way; neither returns
// before both are on the disk.
func TestAStepThatBuildsOnAnotherIsNotAcknowledgedBeforeIt(t *testing.T) {
	d := newSlowDisk()
	s := mustOpen(t, d.fs)
	d.held.Store(true)
	results := make(chan error, 2)
	step := func(inside chan struct{}) {
		results <- s.Step(t.Context(), "t", store.Keys{Rows: []store.Key{{Table: store.Head, ID: "a"}}}, func(r *store.Rows) error {
			close(inside)
			v, _ := r.Get(store.Head, "a")
			r.Put(store.Head, "a", append(v[:len(v):len(v)], 'x'))
			return nil
		})
	}
	first, second := make(chan struct{}), make(chan struct{})
	go step(first)
	<-first
	<-d.syncing
	go step(second)
	<-second // it runs, though the first is not durable
	select {
	case err := <-results:
		t.Fatalf("a step returned %v before the disk did", err)
	case <-s.tenants.pending("t").applied:
	}
	lost := mustOpen(t, d.mem.CrashClone(vfs.CrashCloneCfg{}))
	if head, _ := get(t, lost, "t", "a"); head != "" {
		t.Errorf("nothing was durable, but a crash left %q", head)
	}
	d.release <- nil
	for range 2 {
		if err := <-results; err != nil {
			t.Fatal(err)
		}
	}
	kept := mustOpen(t, d.mem.CrashClone(vfs.CrashCloneCfg{}))
	if head, _ := get(t, kept, "t", "a"); head != "xx" {
		t.Errorf("a crash left %q of two acknowledged steps", head)
	}
}
