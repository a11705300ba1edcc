package ledger_test

import (
	"testing"
	"time"

	"github.com/usance/usance/ledger"
	"github.com/usance/usance/registry"
)

// TestWhatIsDatedAheadDoesNotStandYet holds that a level now leaves out what comes
// after now, however far behind the days that its reading begins with that lies.
func TestWhatIsDatedAheadDoesNotStandYet(t *testing.T) {
	f := open(t, "Asia/Shanghai", registry.Edit{})
	ahead := []time.Duration{-40 * 24 * time.Hour, -time.Hour, time.Minute, 6 * time.Hour, 30 * time.Hour, 31 * 24 * time.Hour, 300 * 24 * time.Hour}
	var n ids
	for i, d := range ahead {
		f.ingest(t, at(f.now.Add(d), n.next(), "drive.user.created", "u", "/drive", ""))
		for k, at := range ahead {
			want := int64(min(i, k) + 1)
			if got := f.measure(t, ledger.Measure{Meter: registry.DriveUsers, Node: "/", To: f.now.Add(at + 1)}); got != want {
				t.Errorf("with %d events, %s from now: %d, want %d", i+1, at, got, want)
			}
		}
	}
}
