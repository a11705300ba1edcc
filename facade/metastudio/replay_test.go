package metastudio_test

import (
	"testing"

	"github.com/usance/usance/facade/metastudio"
	"github.com/usance/usance/internal/facadetest"
)

// TestRecordedRequestsAreAnsweredAsRecorded sends each request of testdata over a
// connection, byte for byte, and compares status, the headers named and the body.
func TestRecordedRequestsAreAnsweredAsRecorded(t *testing.T) {
	w := newWorld(t, metastudio.Options{})
	w.put(resource("r-1", "LIVE_2D", o, sp, "2026-12-31T00:00:00Z"), resource("r-2", "VIDEO_2D", p, bought, "2026-01-10T08:43:16Z"),
		resource("r-3", "VIDEO_2D", p, bought, "2026-01-10T08:43:17Z"))
	for _, r := range facadetest.Recordings(t, "testdata/*.http") {
		t.Run(r.Name, func(t *testing.T) { r.Replay(t, w.Facade) })
	}
}
