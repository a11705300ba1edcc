package storetest

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/usance/usance"
	"github.com/usance/usance/store"
)

// due lists what is due at now, as "tenant time".
func (e *env) due(now time.Time) []string {
	e.Helper()
	var list []string
	var last time.Time
	err := e.s.Due(e.ctx, now, func(tenant usance.TenantID, due time.Time) error {
		if due.Before(last) {
			e.Errorf("Due: %v after %v", due, last)
		}
		last = due
		list = append(list, dueLine(tenant, due))
		return nil
	})
	if err != nil {
		e.Fatalf("Due: %v", err)
	}
	return list
}

func dueLine(tenant usance.TenantID, due time.Time) string {
	return fmt.Sprintf("%s %s", tenant, due.UTC().Format(time.RFC3339Nano))
}

func (e *env) setDue(tenant usance.TenantID, due time.Time) {
	e.Helper()
	e.must(tenant, store.Keys{}, func(r *store.Rows) { r.SetDue(due) })
}

func (e *env) wantDue(now time.Time, want ...string) {
	e.Helper()
	if got := e.due(now); !slices.Equal(got, want) {
		e.Fatalf("due at %v: got %q, want %q", now, got, want)
	}
}

var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

func dueOrder(e *env) {
	e.wantDue(usance.Latest)
	times := []time.Time{
		usance.Earliest, time.Date(1999, 12, 31, 23, 59, 59, 999_999_999, time.UTC), noon.Add(-time.Nanosecond), noon,
		noon.Add(time.Nanosecond), noon.Add(time.Microsecond), noon.Add(time.Hour), usance.Latest.Add(-time.Nanosecond), usance.Latest,
	}
	rnd := e.random()
	tenants := slices.Clone(neighbours[:len(times)])
	tenants[0] = usance.System
	var want []string
	for i, at := range times {
		want = append(want, dueLine(tenants[i], at))
	}
	for _, i := range rnd.Perm(len(times)) {
		e.setDue(tenants[i], times[i].In(time.FixedZone("east", 5*3600+45*60)))
	}
	for i, at := range times {
		e.wantDue(at, want[:i+1]...)
		e.wantDue(at.Add(-time.Nanosecond), want[:i]...)
	}
	e.setDue("tie", noon)
	got := e.due(noon)
	if len(got) != 5 || !slices.Contains(got[3:], dueLine("tie", noon)) || !slices.Contains(got[3:], want[3]) {
		e.Errorf("two tenants due at once: %q", got)
	}
	mine, calls := errors.New("mine"), 0
	err := e.s.Due(e.ctx, usance.Latest, func(usance.TenantID, time.Time) error {
		if calls++; calls == 2 {
			return mine
		}
		return nil
	})
	if !same(err, mine) || calls != 2 {
		e.Errorf("an error of the function: %d calls, error %v", calls, err)
	}
}

func dueReplaced(e *env) {
	e.setDue("a", noon)
	e.setDue("ab", noon.Add(time.Second))
	e.put("a", store.Head, "x", "a step that says nothing of it")
	e.wantDue(usance.Latest, dueLine("a", noon), dueLine("ab", noon.Add(time.Second)))
	e.setDue("a", noon.Add(time.Minute))
	e.wantDue(usance.Latest, dueLine("ab", noon.Add(time.Second)), dueLine("a", noon.Add(time.Minute)))
	e.setDue("a", noon.Add(-time.Minute))
	e.setDue("a", noon.Add(-time.Minute))
	e.wantDue(usance.Latest, dueLine("a", noon.Add(-time.Minute)), dueLine("ab", noon.Add(time.Second)))
	e.must("ab", store.Keys{}, func(r *store.Rows) {
		r.SetDue(noon.Add(-time.Hour))
		r.SetDue(time.Time{})
	})
	e.setDue("never", time.Time{})
	e.wantDue(usance.Latest, dueLine("a", noon.Add(-time.Minute)))
	e.setDue("a", time.Time{})
	e.wantDue(usance.Latest)
	e.reopen()
	e.wantDue(usance.Latest)
	e.setDue("ab", noon)
	e.wantDue(usance.Latest, dueLine("ab", noon))
}

// A sweep handles each tenant while the list is still being read.
func dueSweep(e *env) {
	for i := range 2500 {
		e.setDue(usance.TenantID(fmt.Sprintf("t%d", i)), noon.Add(time.Duration(i*7919%2500)*time.Second))
	}
	now := noon.Add(1999 * time.Second)
	swept := map[usance.TenantID]int{}
	err := e.s.Due(e.ctx, now, func(tenant usance.TenantID, due time.Time) error {
		swept[tenant]++
		return e.s.Step(e.ctx, tenant, store.Keys{}, func(r *store.Rows) error {
			r.SetDue(due.Add(24 * time.Hour))
			return nil
		})
	})
	if err != nil {
		e.Fatalf("Due: %v", err)
	}
	if len(swept) != 2000 {
		e.Errorf("%d tenants were listed, want 2000", len(swept))
	}
	for tenant, n := range swept {
		if n != 1 {
			e.Errorf("%s was listed %d times", tenant, n)
		}
	}
	e.wantDue(now)
	if got := e.due(usance.Latest); len(got) != 2500 {
		e.Errorf("%d tenants are due in the end, want 2500", len(got))
	}
}

func crashKeepsDue(e *env) {
	e.setDue("a", noon)
	e.setDue("b", noon)
	e.setDue("c", noon)
	e.setDue("b", noon.Add(time.Nanosecond))
	e.setDue("c", time.Time{})
	e.crash()
	e.wantDue(usance.Latest, dueLine("a", noon), dueLine("b", noon.Add(time.Nanosecond)))
	e.setDue("a", noon.Add(time.Hour))
	e.setDue("b", time.Time{})
	e.crash()
	e.wantDue(usance.Latest, dueLine("a", noon.Add(time.Hour)))
}
