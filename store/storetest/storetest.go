// Package storetest holds the laws of package store, one by one, for every
// engine to pass whole. There is no list of exceptions and nothing to declare:
// an engine that cannot hold a law is not an engine of Usance.
package storetest

import (
	"context"
	"math/rand/v2"
	"os"
	"strconv"
	"testing"

	"github.com/usance/usance"
	"github.com/usance/usance/store"
)

// Harness stands for one place that can keep a store, empty at first: a folder,
// a database. The suite opens one store in it at a time.
type Harness interface {
	// Open opens the store over whatever has been kept so far. The suite closes
	// the store before it opens the next.
	Open(t testing.TB) store.Store

	// Crash is a power cut: whatever is not durable is lost. It may come while
	// calls are running. The store that was open is dead: its running and later
	// calls may fail or answer, but must return, and count for nothing.
	Crash(t testing.TB)
}

// Run checks every law of the store's contract against the engine. open is
// called once a law and returns an empty Harness, which it cleans up by
// t.Cleanup. Failures that depend on chance name the seed; STORETEST_SEED
// repeats it.
func Run(t *testing.T, open func(t testing.TB) Harness) {
	for _, l := range laws() {
		t.Run(l.name, func(t *testing.T) {
			e := &env{T: t, h: open(t), ctx: t.Context()}
			e.s = e.h.Open(t)
			t.Cleanup(func() {
				if err := e.s.Close(); err != nil {
					t.Errorf("Close: %v", err)
				}
			})
			l.check(e)
		})
	}
}

type law struct {
	name  string
	check func(*env)
}

func laws() []law {
	return []law{
		{"AnOpenStoreAnswersItsCheck", openAnswersCheck},
		{"IdsAreComparedByteByByte", idsAreBytes},
		{"AnEmptyValueIsAValue", emptyValue},
		{"AStepSeesItsOwnChanges", ownChanges},
		{"DeletedRowsAreGone", deletes},
		{"RepeatedAndUnsortedKeysAreHarmless", repeatedKeys},
		{"LoadedBytesDoNotChangeLater", loadedBytesStay},
		{"RollbackTakesBackOnlyWhatCameAfterTheMark", rollback},
		{"AnOutsizeRowCanBeRolledBack", rollbackFault},
		{"TenantsAreIsolated", tenantsIsolated},
		{"AnErrorOfTheFunctionSavesNothing", functionError},
		{"AFaultSavesNothing", faults},
		{"RowsUpToTheBoundsAreKept", bounds},
		{"RangesAreOrderedAndPaged", ranges},
		{"RangesEndAtTheirTable", tableEdges},
		{"RangesShowRowsAsLoaded", rangesAsLoaded},
		{"ScanVisitsTheRangeInOrder", scanOrder},
		{"AnErrorEndsAScan", scanError},
		{"AScanToleratesWrites", scanWrites},
		{"DueListsTheEarliestFirst", dueOrder},
		{"ADueTimeIsReplacedAndCleared", dueReplaced},
		{"DueFunctionsMayStep", dueSweep},
		{"CountersLoseNothing", counters},
		{"NoWriteSkewBetweenRows", rowSkew},
		{"NoWriteSkewThroughRanges", rangeSkew},
		{"WhatReturnedIsSeenByWhatBegins", realTime},
		{"ALoadSeesOneMoment", oneMoment},
		{"APeekIsALoadOfEachTenant", peeks},
		{"AVersionStandsForItsRows", versions},
		{"ACancelledCallDoesNothing", cancelledBefore},
		{"ACancelledWaitEnds", cancelledWaiting},
		{"ACancelledStepTellsTheTruth", cancelledAtRandom},
		{"CloseWaitsForRunningSteps", closeWaits},
		{"StepsSurviveACrash", crashKeepsSteps},
		{"DueTimesSurviveACrash", crashKeepsDue},
		{"ACrashUnderLoadTearsNoStep", crashUnderLoad},
		{"ItBehavesAsItsModel", model},
	}
}

// env is one law's test and the store it works on.
type env struct {
	*testing.T
	h   Harness
	s   store.Store
	ctx context.Context
}

// reopen closes the store in order and opens it again.
func (e *env) reopen() {
	e.Helper()
	if err := e.s.Close(); err != nil {
		e.Fatalf("Close: %v", err)
	}
	e.s = e.h.Open(e.T)
}

// same reports whether an engine gave a function's own error back as it was.
func same(got, want error) bool {
	return got == want //nolint:errorlint // one that wraps it breaks the promise
}

func (e *env) crash() {
	e.Helper()
	e.h.Crash(e.T)
	_ = e.s.Close() // of a dead store: it may say anything, but returns
	e.s = e.h.Open(e.T)
}

func (e *env) random() *rand.Rand {
	seed := rand.Uint64()
	if s := os.Getenv("STORETEST_SEED"); s != "" {
		var err error
		if seed, err = strconv.ParseUint(s, 10, 64); err != nil {
			e.Fatalf("STORETEST_SEED: %v", err)
		}
	}
	e.Logf("STORETEST_SEED=%d", seed)
	return rand.New(rand.NewPCG(seed, 1))
}

func rowKeys(t store.Table, ids ...string) store.Keys {
	var k store.Keys
	for _, id := range ids {
		k.Rows = append(k.Rows, store.Key{Table: t, ID: id})
	}
	return k
}

func all(t store.Table) store.Keys {
	return store.Keys{Ranges: []store.Range{{Table: t}}}
}

// must runs a step that has to succeed.
func (e *env) must(tenant usance.TenantID, keys store.Keys, fn func(*store.Rows)) {
	e.Helper()
	err := e.s.Step(e.ctx, tenant, keys, func(r *store.Rows) error {
		fn(r)
		return nil
	})
	if err != nil {
		e.Fatalf("Step on %q: %v", tenant, err)
	}
}

func (e *env) put(tenant usance.TenantID, t store.Table, id, value string) {
	e.Helper()
	e.must(tenant, store.Keys{}, func(r *store.Rows) { r.Put(t, id, []byte(value)) })
}

func (e *env) load(tenant usance.TenantID, keys store.Keys) *store.Rows {
	e.Helper()
	r, err := e.s.Load(e.ctx, tenant, keys)
	if err != nil {
		e.Fatalf("Load of %q: %v", tenant, err)
	}
	return r
}

// want checks a row's value, as a Load and as a Step sees it.
func (e *env) want(tenant usance.TenantID, t store.Table, id, value string) {
	e.Helper()
	check := func(by string, r *store.Rows) {
		e.Helper()
		if v, ok := r.Get(t, id); !ok || string(v) != value {
			e.Fatalf("%s of %q %d/%q: got %s, want %s", by, tenant, t, clip(id), show(v, ok), show([]byte(value), true))
		}
	}
	check("Load", e.load(tenant, rowKeys(t, id)))
	e.must(tenant, rowKeys(t, id), func(r *store.Rows) { check("Step", r) })
}

func (e *env) wantNone(tenant usance.TenantID, t store.Table, id string) {
	e.Helper()
	if v, ok := e.load(tenant, rowKeys(t, id)).Get(t, id); ok {
		e.Fatalf("%q %d/%q: got %s, want no row", tenant, t, clip(id), show(v, ok))
	}
}

func (e *env) wantRows(what string, got, want []store.Row) {
	e.Helper()
	if len(got) != len(want) {
		e.Fatalf("%s: got %d rows %s, want %d %s", what, len(got), showIDs(got), len(want), showIDs(want))
	}
	for i := range got {
		if got[i].ID != want[i].ID || string(got[i].Value) != string(want[i].Value) {
			e.Fatalf("%s: row %d is %q=%s, want %q=%s", what, i,
				clip(got[i].ID), show(got[i].Value, true), clip(want[i].ID), show(want[i].Value, true))
		}
	}
}

// scan collects a scan's rows, with values of their own.
func (e *env) scan(tenant usance.TenantID, r store.Range) []store.Row {
	e.Helper()
	var rows []store.Row
	err := e.s.Scan(e.ctx, tenant, r, func(row store.Row) error {
		rows = append(rows, store.Row{ID: row.ID, Value: append([]byte(nil), row.Value...)})
		return nil
	})
	if err != nil {
		e.Fatalf("Scan of %q: %v", tenant, err)
	}
	return rows
}

func show(v []byte, ok bool) string {
	if !ok {
		return "no row"
	}
	return strconv.Quote(clip(string(v)))
}

func showIDs(rows []store.Row) string {
	s := "["
	for _, r := range rows {
		s += strconv.Quote(clip(r.ID)) + " "
	}
	return clip(s) + "]"
}

func clip(s string) string {
	if len(s) > 200 {
		return s[:200] + "…"
	}
	return s
}
