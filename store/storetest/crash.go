package storetest

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/usance/usance"
	"github.com/usance/usance/store"
)

func crashKeepsSteps(e *env) {
	for round := range 3 {
		for i, tenant := range neighbours {
			e.must(tenant, rowKeys(store.Head, "n"), func(r *store.Rows) {
				n, err := number(r, store.Head, "n")
				if err != nil || n != round {
					e.Errorf("%q: %d in round %d, %v", tenant, n, round, err)
				}
				putNumber(r, store.Head, "n", round+1)
				r.Put(store.Blocks, fmt.Sprint(round), []byte(strings.Repeat(string(tenant), 1000*i)))
				r.Delete(store.Blocks, fmt.Sprint(round-1))
			})
		}
		e.crash()
		for i, tenant := range neighbours {
			e.want(tenant, store.Head, "n", fmt.Sprint(round+1))
			e.wantRows(string(tenant), e.load(tenant, all(store.Blocks)).Range(0),
				[]store.Row{{ID: fmt.Sprint(round), Value: []byte(strings.Repeat(string(tenant), 1000*i))}})
		}
	}
	e.reopen()
	for _, tenant := range neighbours {
		e.want(tenant, store.Head, "n", "3")
	}
}

// Each step writes its number to three tables, and its successor builds on it.
// Power fails at some point while they run. Afterwards every step that had
// returned is there, and any other is there whole, with all it was built on, or
// not at all. Nor may a load have shown what was then lost.
func crashUnderLoad(e *env) {
	for round := range 4 {
		const writers, tenants = 6, 3
		var cut atomic.Bool
		var returned, shown [tenants]atomic.Int64
		raise := func(a *atomic.Int64, n int) {
			for old := a.Load(); old < int64(n) && !a.CompareAndSwap(old, int64(n)); {
				old = a.Load()
			}
		}
		tenant := func(i int) usance.TenantID { return usance.TenantID(fmt.Sprintf("t%d-%d", round, i%tenants)) }
		keys := rowKeys(store.Head, "n")
		enough := make(chan struct{})
		var steps atomic.Int64
		var wg sync.WaitGroup
		for w := range writers {
			wg.Go(func() {
				for !cut.Load() {
					mine := 0
					err := e.s.Step(e.ctx, tenant(w), keys, func(r *store.Rows) error {
						n, err := number(r, store.Head, "n")
						mine = n + 1
						putNumber(r, store.Head, "n", mine)
						r.Put(store.Blocks, fmt.Sprintf("%09d", mine), []byte(strings.Repeat("b", mine*37%5000)))
						r.Put(store.Dedup, fmt.Sprintf("%09d", mine), nil)
						return err
					})
					if cut.Load() {
						return // whatever it said, it counts for nothing
					}
					if err != nil {
						e.Errorf("a step before the crash: %v", err)
						return
					}
					raise(&returned[w%tenants], mine)
					if steps.Add(1) == int64(100+50*round) {
						close(enough)
					}
				}
			})
		}
		for i := range tenants {
			wg.Go(func() {
				for !cut.Load() {
					r, err := e.s.Load(e.ctx, tenant(i), keys)
					if cut.Load() {
						return
					}
					n, err2 := number(r, store.Head, "n")
					if err := errors.Join(err, err2); err != nil {
						e.Errorf("a load before the crash: %v", err)
						return
					}
					raise(&shown[i], n)
				}
			})
		}
		<-enough
		cut.Store(true)
		e.h.Crash(e.T)
		wg.Wait()
		_ = e.s.Close()
		e.s = e.h.Open(e.T)
		for i := range tenants {
			e.wantWhole(tenant(i), int(returned[i].Load()), int(shown[i].Load()))
		}
	}
}

// wantWhole checks what crashUnderLoad left behind.
func (e *env) wantWhole(tenant usance.TenantID, returned, shown int) {
	e.Helper()
	keys := all(store.Blocks)
	keys.Rows = rowKeys(store.Head, "n").Rows
	r := e.load(tenant, keys)
	n, err := number(r, store.Head, "n")
	if err != nil {
		e.Fatal(err)
	}
	if n < returned {
		e.Errorf("%s: step %d had returned, but the crash left only %d", tenant, returned, n)
	}
	if n < shown {
		e.Errorf("%s: a load had shown step %d, but the crash left only %d", tenant, shown, n)
	}
	if len(r.Range(0)) != n {
		e.Errorf("%s: %d blocks after %d steps", tenant, len(r.Range(0)), n)
	}
	for i, row := range r.Range(0) {
		if row.ID != fmt.Sprintf("%09d", i+1) || string(row.Value) != strings.Repeat("b", (i+1)*37%5000) {
			e.Fatalf("%s: block %d is %q of %d bytes", tenant, i+1, row.ID, len(row.Value))
		}
		e.wantPoint(tenant, row.ID)
	}
	e.wantNone(tenant, store.Dedup, fmt.Sprintf("%09d", n+1))
}

func (e *env) wantPoint(tenant usance.TenantID, id string) {
	e.Helper()
	if _, ok := e.load(tenant, rowKeys(store.Dedup, id)).Get(store.Dedup, id); !ok {
		e.Fatalf("%s: half of step %s is missing", tenant, id)
	}
}
