package koodrive_test

import (
	"testing"

	"github.com/usance/usance/facade/koodrive"
	"github.com/usance/usance/internal/facadetest"
)

// TestRecordedRequestsAreAnsweredAsRecorded sends each request of testdata over a
// connection, byte for byte, and compares status, the headers named and the body.
func TestRecordedRequestsAreAnsweredAsRecorded(t *testing.T) {
	w := newWorld(t, koodrive.Options{})
	exampleOfThePage(w)
	for _, r := range facadetest.Recordings(t, "testdata/*.http") {
		t.Run(r.Name, func(t *testing.T) { r.Replay(t, w.Facade) })
	}
}
