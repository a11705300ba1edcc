package storetest

import (
	"errors"
	"fmt"
	"sync"

	"github.com/usance/usance/store"
)

// An engine that offers versions moves one with every step that changes
// something, and what was read under a version stays true under it, however many
// write meanwhile. An engine that offers none has nothing to hold here.
func versions(e *env) {
	if _, offers := e.s.(store.Versioner); !offers {
		return
	}
	settled := func() uint64 {
		e.Helper()
		v, ok := store.VersionOf(e.s, "a")
		if !ok {
			e.Fatal("no step is under way, and the engine cannot tell the version")
		}
		return v
	}
	before := settled()
	e.put("a", store.Head, "", "1")
	after := settled()
	if after == before {
		e.Fatal("a row was put and the version stayed")
	}
	e.load("a", all(store.Head))
	if settled() != after {
		e.Fatal("the version moved without a step")
	}
	e.must("a", store.Keys{}, func(r *store.Rows) { r.Delete(store.Head, "") })
	if settled() == after {
		e.Fatal("a row was deleted and the version stayed")
	}
	versionsUnderLoad(e)
	if err := e.s.Close(); err != nil {
		e.Fatal(err)
	}
	if _, ok := store.VersionOf(e.s, "a"); ok {
		e.Fatal("a closed store tells a version")
	}
	e.s = e.h.Open(e.T)
}

// versionsUnderLoad has writers count up while readers note the count that goes
// with each version.
func versionsUnderLoad(e *env) {
	const writers, readers, each = 4, 4, 100
	keys := rowKeys(store.Head, "n")
	var mu sync.Mutex
	counts := map[uint64]int{}
	writer := func() error {
		for range each {
			before, known := store.VersionOf(e.s, "b")
			err := e.s.Step(e.ctx, "b", keys, func(r *store.Rows) error {
				n, err := number(r, store.Head, "n")
				putNumber(r, store.Head, "n", n+1)
				return err
			})
			if err != nil {
				return err
			}
			if now, ok := store.VersionOf(e.s, "b"); known && ok && now == before {
				return errors.New("a step returned and the version stayed")
			}
		}
		return nil
	}
	reader := func() error {
		for range 4 * each {
			v, ok := store.VersionOf(e.s, "b")
			rows, err := e.s.Load(e.ctx, "b", keys)
			if err != nil {
				return err
			}
			n, err := number(rows, store.Head, "n")
			if err != nil {
				return err
			}
			if still, sure := store.VersionOf(e.s, "b"); !ok || !sure || still != v {
				continue
			}
			mu.Lock()
			was, seen := counts[v]
			counts[v] = n
			mu.Unlock()
			if seen && was != n {
				return fmt.Errorf("version %d stood for %d and for %d", v, was, n)
			}
		}
		return nil
	}
	e.together(writers+readers, func(i int) error {
		if i < writers {
			return writer()
		}
		return reader()
	})
}
