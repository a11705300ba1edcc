package meeting_test

import (
	"regexp"
	"testing"

	"github.com/usance/usance/facade/meeting"
	"github.com/usance/usance/internal/facadetest"
)

// TestRecordedRequestsAreAnsweredAsRecorded sends each request of testdata over a
// connection, byte for byte, and compares status, the headers named and the body. In
// requests {{access}} is an access token of ops; in answers {{new}} is any token.
func TestRecordedRequestsAreAnsweredAsRecorded(t *testing.T) {
	w := newWorld(t, meeting.Options{})
	exampleOfThePage(w)
	issued := regexp.MustCompile(`cnr1[A-Za-z0-9]{36}`)
	for _, r := range facadetest.Recordings(t, "testdata/*.http") {
		r = r.Fill("{{access}}", w.admin()).Mask(issued, "{{new}}")
		t.Run(r.Name, func(t *testing.T) { r.Replay(t, w.Facade) })
	}
}
