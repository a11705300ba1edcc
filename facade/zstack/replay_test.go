package zstack

import (
	"bufio"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/usance/usance/internal/facadetest"
)

// wire writes an answer as testdata keeps it.
func wire(w *httptest.ResponseRecorder) string {
	var b strings.Builder
	fmt.Fprintf(&b, "HTTP/1.1 %d %s\r\n", w.Code, http.StatusText(w.Code))
	for _, name := range []string{"Content-Type", "Content-Length", "Retry-After", "Connection"} {
		if v := w.Header().Get(name); v != "" {
			fmt.Fprintf(&b, "%s: %s\r\n", name, v)
		}
	}
	b.WriteString("\r\n")
	b.Write(w.Body.Bytes())
	return b.String()
}

// Every conversation in testdata was held by a vendor's SDK with this façade over
// the fixture, at the time its first line says; see testdata/README.md. Held
// again, each request must get the same answer to the byte.
func TestRecordedConversationsGetTheSameAnswers(t *testing.T) {
	for name, requests := range map[string]int{"go": 31, "java": 28, "python": 20} {
		t.Run(name, func(t *testing.T) {
			recorded := facadetest.Recordings(t, "testdata/"+name+".conversation")[0]
			f := newFixture(t, Options{})
			f.Clock.Set(recorded.Clock)
			for i, x := range recorded.Exchanges {
				if got := f.replay(t, x.Request); got != x.Answer {
					t.Errorf("request %d\n%s\ngot  %q\nwant %q", i+1, x.Request, got, x.Answer)
				}
			}
			if n := len(recorded.Exchanges); n != requests {
				t.Errorf("the file has %d requests, want %d", n, requests)
			}
		})
	}
}

// replay sends the bytes of one request and returns the answer.
func (f *fixture) replay(t *testing.T, raw string) string {
	t.Helper()
	in := bufio.NewReader(strings.NewReader(raw))
	r, err := http.ReadRequest(in)
	must(t, err)
	r.RemoteAddr = "127.0.0.1:50000"
	w := httptest.NewRecorder()
	f.ServeHTTP(w, r)
	if _, err := io.Copy(io.Discard, r.Body); err != nil || in.Buffered() > 0 {
		t.Fatalf("the bytes hold more or less than one request (%v): %q", err, raw)
	}
	return wire(w)
}
