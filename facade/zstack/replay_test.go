package zstack

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"testing"
	"time"
)

// wire writes an answer as testdata keeps it.
func wire(w *httptest.ResponseRecorder) []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, "HTTP/1.1 %d %s\r\n", w.Code, http.StatusText(w.Code))
	for _, name := range []string{"Content-Type", "Content-Length", "Retry-After", "Connection"} {
		if v := w.Header().Get(name); v != "" {
			fmt.Fprintf(&b, "%s: %s\r\n", name, v)
		}
	}
	b.WriteString("\r\n")
	b.Write(w.Body.Bytes())
	return b.Bytes()
}

// Every conversation in testdata was held by a vendor's SDK with this façade over
// the fixture, at the time its first line says; see testdata/README.md. Held
// again, each request must get the same answer to the byte.
func TestRecordedConversationsGetTheSameAnswers(t *testing.T) {
	for name, requests := range map[string]int{"go": 31, "java": 28, "python": 20} {
		t.Run(name, func(t *testing.T) {
			file, err := os.Open("testdata/" + name + ".conversation")
			must(t, err)
			defer file.Close()
			in := bufio.NewReader(file)
			var clock string
			_, err = fmt.Fscanf(in, "clock %s\n", &clock)
			must(t, err)
			f := newFixture(t, Options{})
			f.now, err = time.Parse(time.RFC3339, clock)
			must(t, err)
			n := 0
			for ; ; n++ {
				request, more := block(t, in, "request")
				if !more {
					break
				}
				answer, _ := block(t, in, "answer")
				if got := f.replay(t, request); !bytes.Equal(got, answer) {
					t.Errorf("request %d\n%s\ngot  %q\nwant %q", n+1, request, got, answer)
				}
			}
			if n != requests {
				t.Errorf("the file has %d requests, want %d", n, requests)
			}
		})
	}
}

// block reads "name length", the bytes, and a line end; false at the file's end.
func block(t *testing.T, in *bufio.Reader, name string) ([]byte, bool) {
	t.Helper()
	var length int
	if _, err := fmt.Fscanf(in, name+" %d\n", &length); err != nil {
		if _, end := in.ReadByte(); end != nil && name == "request" {
			return nil, false
		}
		t.Fatalf("%s: %v", name, err)
	}
	b := make([]byte, length+1)
	_, err := io.ReadFull(in, b)
	must(t, err)
	if b[length] != '\n' {
		t.Fatalf("%s does not end where it says", name)
	}
	return b[:length], true
}

// replay sends the bytes of one request and returns the answer.
func (f *fixture) replay(t *testing.T, raw []byte) []byte {
	t.Helper()
	in := bufio.NewReader(bytes.NewReader(raw))
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
