package sim

import (
	"fmt"
	"strings"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// TestASeedReplaysARunExactly runs a seed twice, in lives short enough that the
// engine does nothing in the background, and wants the same requests, answers, deaths
// and outcomes of what was cut off.
func TestASeedReplaysARunExactly(t *testing.T) {
	run := func() string {
		s := newSimulation(t, 7)
		s.busy, s.alone, s.disk.tidy = 8, true, true
		s.run(12, []faultKind{dieIdle, dieAtLog, dieAtLog, failLogSync, stopInOrder})
		return s.trail.String()
	}
	first, second := strings.Split(run(), "\n"), strings.Split(run(), "\n")
	for i := range min(len(first), len(second)) {
		if first[i] != second[i] {
			t.Fatalf("line %d was\n%s\nand is\n%s\nafter\n%s", i, first[i], second[i], strings.Join(first[max(0, i-6):i], "\n"))
		}
	}
	if len(first) != len(second) || len(first) < 100 {
		t.Errorf("%d lines, then %d", len(first), len(second))
	}
}

// TestTheSimulatorNoticesWhatIsWrong shows it what must not be: an acknowledged
// request that a crash took, one that was refused and is there, and a number that is
// off by one.
func TestTheSimulatorNoticesWhatIsWrong(t *testing.T) {
	s := newSimulation(t, 7)
	s.begin()
	s.thorough = true
	before := s.disk.mem.CrashClone(vfs.CrashCloneCfg{})
	m := s.tenants[0]
	e := map[string]any{"specversion": "1.0", "id": "one", "source": "sim", "subject": "u1", "type": "t.a", "data": map[string]any{"n": int64(5), "region": "eu"}}
	send := op{name: "send", ask: ask{method: "POST", path: "/api/v1/events", as: "member", body: string(mustJSON(e))}, run: func(m *tenant) want { return m.ingest([]map[string]any{e}, false) }}
	if heard, ok := s.do(send); !heard || !ok {
		t.Fatal("the request was not answered")
	}
	if wrong := s.check(0, s.tenants[0]); len(wrong) > 0 {
		t.Fatal(wrong)
	}
	if wrong := s.check(0, m); !strings.Contains(fmt.Sprint(wrong), "never acknowledged") {
		t.Errorf("an event that should not be there goes unnoticed: %v", wrong)
	}
	off := s.tenants[0].clone()
	off.quotas[quotaName{"/", "seats"}] = quota{limit: 901, window: "lifetime", enforce: "hard"}
	if wrong := s.check(0, off); !strings.Contains(fmt.Sprint(wrong), "is 900, want 901") {
		t.Errorf("a limit that is off by one goes unnoticed: %v", wrong)
	}
	off = s.tenants[0].clone()
	changed := *off.events[0]
	changed.shares = append([]share(nil), changed.shares...)
	for i := range changed.shares {
		changed.shares[i].amount++
	}
	off.events[0] = &changed
	if wrong := s.check(0, off); len(wrong) == 0 {
		t.Error("an amount that is off by one goes unnoticed")
	}
	if err := s.st.Close(); err != nil {
		t.Fatal(err)
	}
	s.disk = s.disk.over(before, s.disk.small.Over(before)) // as if the disk had lied about its syncs
	if err := s.start(256 << 10); err != nil {
		t.Fatal(err)
	}
	if wrong := s.check(0, s.tenants[0]); !strings.Contains(fmt.Sprint(wrong), "was acknowledged and is missing") {
		t.Errorf("a lost event goes unnoticed: %v", wrong)
	}
	if err := s.st.Close(); err != nil {
		t.Fatal(err)
	}
}
