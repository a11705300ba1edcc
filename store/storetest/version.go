package storetest

import (
	"errors"
	"fmt"
	"sync"

	"github.com/usance/usance"
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
	tableVersions(e)
	versionsUnderLoad(e, "b", store.Head, func() (uint64, bool) { return store.VersionOf(e.s, "b") })
	for i, table := range []store.Table{store.Head, store.History, store.Sessions} {
		id := usance.TenantID([]string{"c", "d", "e"}[i])
		versionsUnderLoad(e, id, table, func() (uint64, bool) { return store.TableVersionOf(e.s, id, table) })
	}
	if err := e.s.Close(); err != nil {
		e.Fatal(err)
	}
	_, ok := store.VersionOf(e.s, "a")
	_, ofTable := store.TableVersionOf(e.s, "a", store.History)
	if ok || ofTable {
		e.Fatal("a closed store tells a version")
	}
	e.s = e.h.Open(e.T)
}

// tableVersions has the version of every table move with each change of the table.
func tableVersions(e *env) {
	for _, table := range append([]store.Table{store.History, store.Sessions}, modelTables...) {
		settled := func() uint64 {
			e.Helper()
			v, ok := store.TableVersionOf(e.s, "a", table)
			if !ok {
				e.Fatalf("no step is under way, and the engine cannot tell the version of table %d", table)
			}
			return v
		}
		before := settled()
		e.put("a", table, "k", "1")
		after := settled()
		if after == before {
			e.Fatalf("a row of table %d was put and its version stayed", table)
		}
		if settled() != after {
			e.Fatalf("the version of table %d moved without a step", table)
		}
		if table.PointOnly() {
			continue
		}
		e.must("a", store.Keys{}, func(r *store.Rows) { r.Delete(table, "k") })
		if settled() == after {
			e.Fatalf("a row of table %d was deleted and its version stayed", table)
		}
	}
}

// versionsUnderLoad has writers count up while readers note the count that goes
// with each version.
func versionsUnderLoad(e *env, id usance.TenantID, table store.Table, version func() (uint64, bool)) {
	const writers, readers, each = 4, 4, 100
	keys := rowKeys(table, "n")
	var mu sync.Mutex
	counts := map[uint64]int{}
	writer := func() error {
		for range each {
			before, known := version()
			err := e.s.Step(e.ctx, id, keys, func(r *store.Rows) error {
				n, err := number(r, table, "n")
				putNumber(r, table, "n", n+1)
				return err
			})
			if err != nil {
				return err
			}
			if now, ok := version(); known && ok && now == before {
				return errors.New("a step returned and the version stayed")
			}
		}
		return nil
	}
	reader := func() error {
		for range 4 * each {
			v, ok := version()
			rows, err := e.s.Load(e.ctx, id, keys)
			if err != nil {
				return err
			}
			n, err := number(rows, table, "n")
			if err != nil {
				return err
			}
			if still, sure := version(); !ok || !sure || still != v {
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
