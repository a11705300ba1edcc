package storetest

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"

	"github.com/usance/usance"
	"github.com/usance/usance/store"
)

// together runs fn n times at once and fails the test when one fails.
func (e *env) together(n int, fn func(i int) error) {
	e.Helper()
	errs := make([]error, n)
	var wg sync.WaitGroup
	for i := range n {
		wg.Go(func() { errs[i] = fn(i) })
	}
	wg.Wait()
	if err := errors.Join(errs...); err != nil {
		e.Fatal(err)
	}
}

func number(r *store.Rows, t store.Table, id string) (int, error) {
	v, ok := r.Get(t, id)
	if !ok {
		return 0, nil
	}
	return strconv.Atoi(string(v))
}

func putNumber(r *store.Rows, t store.Table, id string, n int) {
	r.Put(t, id, strconv.AppendInt(nil, int64(n), 10))
}

// Every step takes the next number of one of two tenants' counters. Whatever an
// engine runs again decides on fresh rows, so no number is taken twice and none
// is left out. The keys are named in different orders, to tempt deadlocks.
func counters(e *env) {
	const workers, each = 16, 40
	tenants := []usance.TenantID{"a", "ab"}
	var mu sync.Mutex
	taken := map[usance.TenantID][]int{}
	e.together(workers, func(w int) error {
		keys := rowKeys(store.Head, "x", "y", "z")
		if w%2 == 1 {
			slices.Reverse(keys.Rows)
		}
		for i := range each {
			tenant, mine := tenants[(w+i)%2], 0
			err := e.s.Step(e.ctx, tenant, keys, func(r *store.Rows) error {
				for _, k := range keys.Rows {
					n, err := number(r, store.Head, k.ID)
					if err != nil {
						return err
					}
					mine = n
					putNumber(r, store.Head, k.ID, n+1)
				}
				return nil
			})
			if err != nil {
				return err
			}
			mu.Lock()
			taken[tenant] = append(taken[tenant], mine)
			mu.Unlock()
		}
		return nil
	})
	for _, tenant := range tenants {
		slices.Sort(taken[tenant])
		for i, n := range taken[tenant] {
			if i != n {
				e.Fatalf("%s: number %d was taken twice or never: %v", tenant, i, taken[tenant])
			}
		}
		for _, id := range []string{"x", "y", "z"} {
			e.want(tenant, store.Head, id, strconv.Itoa(workers*each/2))
		}
	}
}

// Two are on call; each may leave when the other stays. Nobody writes the row
// that the other one writes.
func rowSkew(e *env) {
	keys := rowKeys(store.Holds, "left", "right")
	for round := range 40 {
		tenant := usance.TenantID(fmt.Sprint("t", round))
		e.must(tenant, store.Keys{}, func(r *store.Rows) {
			putNumber(r, store.Holds, "left", 1)
			putNumber(r, store.Holds, "right", 1)
		})
		e.together(4, func(i int) error {
			return e.s.Step(e.ctx, tenant, keys, func(r *store.Rows) error {
				left, err1 := number(r, store.Holds, "left")
				right, err2 := number(r, store.Holds, "right")
				if left+right == 2 {
					putNumber(r, store.Holds, keys.Rows[i%2].ID, 0)
				}
				return errors.Join(err1, err2)
			})
		})
		r := e.load(tenant, keys)
		left, _ := number(r, store.Holds, "left")
		right, _ := number(r, store.Holds, "right")
		if left+right != 1 {
			e.Fatalf("round %d: %d of 2 stayed", round, left+right)
		}
	}
}

// Each adds a row of its own to a range when the range has fewer than three.
func rangeSkew(e *env) {
	keys := store.Keys{Ranges: []store.Range{{Table: store.Holds, From: "h", To: "i"}}}
	for round := range 30 {
		tenant := usance.TenantID(fmt.Sprint("t", round))
		var added atomic.Int64
		e.together(8, func(i int) error {
			mine := false
			err := e.s.Step(e.ctx, tenant, keys, func(r *store.Rows) error {
				if mine = len(r.Range(0)) < 3; mine {
					r.Put(store.Holds, fmt.Sprint("h", i), nil)
				}
				return nil
			})
			if err == nil && mine {
				added.Add(1)
			}
			return err
		})
		if rows := e.load(tenant, keys).Range(0); len(rows) != 3 || added.Load() != 3 {
			e.Fatalf("round %d: %d rows, %d added, want 3", round, len(rows), added.Load())
		}
	}
}

func realTime(e *env) {
	keys := rowKeys(store.Head, "n")
	var returned atomic.Int64 // the greatest number whose step has returned
	var writing atomic.Int64
	writing.Store(4)
	see := func(r *store.Rows, before int64) error {
		n, err := number(r, store.Head, "n")
		if err == nil && int64(n) < before {
			err = fmt.Errorf("saw %d, and %d had returned before", n, before)
		}
		return err
	}
	e.together(8, func(i int) error {
		if i >= 4 {
			for writing.Load() > 0 {
				before := returned.Load()
				r, err := e.s.Load(e.ctx, "t", keys)
				if err != nil {
					return err
				}
				if err := see(r, before); err != nil {
					return fmt.Errorf("load: %w", err)
				}
			}
			return nil
		}
		defer writing.Add(-1)
		for range 60 {
			before, mine := returned.Load(), 0
			err := e.s.Step(e.ctx, "t", keys, func(r *store.Rows) error {
				n, err := number(r, store.Head, "n")
				mine = n + 1
				putNumber(r, store.Head, "n", mine)
				return errors.Join(err, see(r, 0))
			})
			if err != nil {
				return err
			}
			if int64(mine) <= before {
				return fmt.Errorf("a step took %d, and %d had returned before", mine, before)
			}
			for old := returned.Load(); old < int64(mine) && !returned.CompareAndSwap(old, int64(mine)); {
				old = returned.Load()
			}
		}
		return nil
	})
}

// Writers change rows of four tables together; no reader sees them differ.
func oneMoment(e *env) {
	tables := []store.Table{store.Head, store.Dedup, store.Totals, store.Balances}
	var keys store.Keys
	for _, t := range tables {
		keys.Rows = append(keys.Rows, store.Key{Table: t, ID: "k"})
	}
	keys.Ranges = []store.Range{{Table: store.Totals}, {Table: store.Balances, Reverse: true}, {Table: store.Head, Limit: 1}}
	same := func(r *store.Rows) error {
		seen := map[string]bool{}
		for _, t := range tables {
			v, _ := r.Get(t, "k")
			seen[string(v)] = true
		}
		for i := range keys.Ranges {
			for _, row := range r.Range(i) {
				seen[string(row.Value)] = true
			}
		}
		if len(seen) != 1 {
			return fmt.Errorf("a mixture of moments: %v", seen)
		}
		return nil
	}
	write := func(v string) error {
		return e.s.Step(e.ctx, "t", keys, func(r *store.Rows) error {
			for _, t := range tables {
				defer r.Put(t, "k", []byte(v))
			}
			return same(r)
		})
	}
	if err := write("0"); err != nil {
		e.Fatal(err)
	}
	var writing atomic.Int64
	writing.Store(2)
	e.together(5, func(i int) error {
		if i < 2 {
			defer writing.Add(-1)
			for n := range 100 {
				if err := write(fmt.Sprint(i, n)); err != nil {
					return err
				}
			}
			return nil
		}
		for writing.Load() > 0 {
			r, err := e.s.Load(e.ctx, "t", keys)
			if err != nil {
				return err
			}
			if err := same(r); err != nil {
				return err
			}
		}
		return nil
	})
}

func cancelledBefore(e *env) {
	e.put("t", store.Head, "a", "1")
	e.setDue("t", usance.Earliest)
	ctx, cancel := context.WithCancel(e.ctx)
	cancel()
	check := func(what string, err error) {
		e.Helper()
		if !errors.Is(err, context.Canceled) {
			e.Errorf("%s: got %v, want the context's error", what, err)
		}
	}
	check("Step", e.s.Step(ctx, "t", rowKeys(store.Head, "a"), func(r *store.Rows) error {
		r.Put(store.Head, "a", []byte("2"))
		return nil
	}))
	_, err := e.s.Load(ctx, "t", rowKeys(store.Head, "a"))
	check("Load", err)
	check("Scan", e.s.Scan(ctx, "t", store.Range{Table: store.Head}, func(store.Row) error { return nil }))
	check("Check", e.s.Check(ctx))
	during, cancel := context.WithCancel(e.ctx)
	defer cancel()
	check("Step cancelled by its function", e.s.Step(during, "t", rowKeys(store.Head, "a"), func(r *store.Rows) error {
		r.Put(store.Head, "a", []byte("3"))
		r.SetDue(noon)
		cancel()
		return nil
	}))
	e.want("t", store.Head, "a", "1")
	e.wantDue(usance.Latest, dueLine("t", usance.Earliest))
}

// A step that waits for another step of its tenant gives up when it is
// cancelled. An engine that lets it overtake instead must say what it did.
func cancelledWaiting(e *env) {
	e.put("t", store.Head, "a", "0")
	inside, release, first := make(chan struct{}), make(chan struct{}), make(chan error, 1)
	var once sync.Once
	go func() {
		first <- e.s.Step(e.ctx, "t", rowKeys(store.Head, "a"), func(r *store.Rows) error {
			once.Do(func() { close(inside) })
			<-release
			r.Put(store.Head, "b", []byte("1"))
			return nil
		})
	}()
	<-inside
	ctx, cancel := context.WithCancel(e.ctx)
	second := make(chan error, 1)
	go func() {
		second <- e.s.Step(ctx, "t", rowKeys(store.Head, "a"), func(r *store.Rows) error {
			r.Put(store.Head, "a", []byte("2"))
			return nil
		})
	}()
	cancel()
	err := <-second
	close(release)
	if err := <-first; err != nil {
		e.Fatalf("the step waited for: %v", err)
	}
	switch {
	case err == nil:
		e.want("t", store.Head, "a", "2")
	case errors.Is(err, context.Canceled):
		e.want("t", store.Head, "a", "0")
	default:
		e.Errorf("got %v, want the context's error", err)
	}
	e.want("t", store.Head, "b", "1")
}

func cancelledAtRandom(e *env) {
	var kept, lost sync.Map
	e.together(8, func(w int) error {
		for i := range 60 {
			ctx, cancel := context.WithCancel(e.ctx)
			id := fmt.Sprintf("%d-%d", w, i)
			entered := make(chan struct{}, 1)
			go func() {
				select {
				case <-entered:
				case <-ctx.Done():
				}
				cancel()
			}()
			err := e.s.Step(ctx, "t", rowKeys(store.Dedup, id), func(r *store.Rows) error {
				r.Put(store.Dedup, id, nil)
				r.Put(store.Resources, id, nil)
				select {
				case entered <- struct{}{}:
				default:
				}
				return nil
			})
			cancel()
			switch {
			case err == nil:
				kept.Store(id, true)
			case errors.Is(err, store.ErrUnknown):
			case errors.Is(err, context.Canceled):
				lost.Store(id, true)
			default:
				return err
			}
		}
		return nil
	})
	for range 2 {
		n := 0
		kept.Range(func(id, _ any) bool {
			n++
			e.want("t", store.Dedup, id.(string), "")
			e.want("t", store.Resources, id.(string), "")
			return true
		})
		lost.Range(func(id, _ any) bool {
			n++
			e.wantNone("t", store.Dedup, id.(string))
			e.wantNone("t", store.Resources, id.(string))
			return true
		})
		if n == 0 {
			e.Error("no step ended")
		}
		e.crash()
	}
}

func closeWaits(e *env) {
	inside, release, step, closed := make(chan struct{}), make(chan struct{}), make(chan error, 1), make(chan error, 1)
	var once sync.Once
	go func() {
		step <- e.s.Step(e.ctx, "t", rowKeys(store.Head, "a"), func(r *store.Rows) error {
			once.Do(func() { close(inside) })
			<-release
			r.Put(store.Head, "a", []byte("1"))
			return nil
		})
	}()
	<-inside
	s := e.s
	go func() { closed <- s.Close() }()
	for s.Check(e.ctx) == nil { // until Close has begun
		runtime.Gosched()
	}
	for range 1000 {
		runtime.Gosched()
	}
	if len(closed) > 0 {
		e.Error("Close returned while a step was running")
	}
	close(release)
	if err := <-step; err != nil {
		e.Errorf("the running step: %v", err)
	}
	if err := <-closed; err != nil {
		e.Errorf("Close: %v", err)
	}
	if err := s.Step(e.ctx, "t", store.Keys{}, func(r *store.Rows) error { r.Put(store.Head, "b", nil); return nil }); err == nil {
		e.Error("a closed store took a step")
	}
	if _, err := s.Load(e.ctx, "t", rowKeys(store.Head, "a")); err == nil {
		e.Error("a closed store answered a load")
	}
	if err := s.Check(e.ctx); err == nil {
		e.Error("a closed store says that it can serve")
	}
	e.s = e.h.Open(e.T)
	e.want("t", store.Head, "a", "1")
	e.wantNone("t", store.Head, "b")
}
