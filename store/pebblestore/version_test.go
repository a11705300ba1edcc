package pebblestore

import (
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/usance/usance/store"
)

// TestWritesToOtherTablesLeaveTheVersionOfOneCountedByItself is what makes the
// version of a table worth asking for: a tenant that is written to all the time
// keeps what it has of definitions.
func TestWritesToOtherTablesLeaveTheVersionOfOneCountedByItself(t *testing.T) {
	s := mustOpen(t, vfs.NewMem())
	put := func(table store.Table, value string) {
		t.Helper()
		if err := s.Step(t.Context(), "a", store.Keys{Rows: []store.Key{{Table: table, ID: "k"}}}, func(r *store.Rows) error {
			r.Put(table, "k", []byte(value))
			return nil
		}); err != nil {
			t.Fatal(err)
		}
	}
	version := func(table store.Table) uint64 {
		t.Helper()
		v, ok := s.TableVersion("a", table)
		if !ok {
			t.Fatalf("the version of table %d is not told", table)
		}
		return v
	}
	put(store.History, "1")
	before, all := version(store.History), version(store.Totals)
	for _, table := range []store.Table{store.Head, store.Totals, store.Rollups, store.Sessions, store.Directory, store.Definitions} {
		put(table, "1")
	}
	if version(store.History) != before {
		t.Error("a write to another table moved the version")
	}
	if version(store.Totals) == all {
		t.Error("a table that is not counted by itself did not move with the tenant")
	}
	if put(store.History, "2"); version(store.History) == before {
		t.Error("a write to the table left its version")
	}
}
