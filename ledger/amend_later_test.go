package ledger_test

import (
	"testing"
	"time"

	"github.com/usance/usance"
	"github.com/usance/usance/ledger"
	"github.com/usance/usance/registry"
)

// TestAnEventAmendedPastAllOthersIsNotCountedBefore asks just before the time that
// an amendment gave the newest event, within its slot.
func TestAnEventAmendedPastAllOthersIsNotCountedBefore(t *testing.T) {
	f := open(t, "UTC", registry.Edit{})
	slot := f.now.Truncate(usance.Slot)
	f.ingest(t, at(slot.Add(-time.Hour), "a", "meeting.live.started", "", "/", ""))
	later := slot.Add(2 * time.Minute)
	if _, _, err := f.Amend(t.Context(), tester, acme, "test", "a", "", ledger.Amendment{Time: &later}); err != nil {
		t.Fatal(err)
	}
	for to, want := range map[time.Time]int64{later: 0, later.Add(1): 1, later.Add(-time.Minute): 0, slot.Add(usance.Slot): 1} {
		if got := f.measure(t, ledger.Measure{Meter: registry.MeetingLive, To: to}); got != want {
			t.Errorf("at %s there are %d, want %d", to, got, want)
		}
	}
	if v := verify(t, f); v.Fault != "" {
		t.Error(v.Fault)
	}
}
