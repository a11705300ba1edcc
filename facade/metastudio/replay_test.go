package metastudio_test

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/usance/usance/facade/metastudio"
)

// TestRecordedRequestsAreAnsweredAsRecorded sends each request of testdata over a
// connection, byte for byte, and compares status, the headers named and the body.
// A header or body between slashes is a pattern.
func TestRecordedRequestsAreAnsweredAsRecorded(t *testing.T) {
	files, err := filepath.Glob("testdata/*.http")
	if err != nil || len(files) == 0 {
		t.Fatal(files, err)
	}
	w := newWorld(t, metastudio.Options{})
	w.put(resource("r-1", "LIVE_2D", o, sp, "2026-12-31T00:00:00Z"), resource("r-2", "VIDEO_2D", p, bought, "2026-01-10T08:43:16Z"),
		resource("r-3", "VIDEO_2D", p, bought, "2026-01-10T08:43:17Z"))
	server := httptest.NewServer(w.facade)
	defer server.Close()
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) { replay(t, server.Listener.Addr().String(), file) })
	}
}

func replay(t *testing.T, address, file string) {
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(text), "-- request --\n")
	request, answer, ok := strings.Cut(rest, "-- answer --\n")
	if !ok {
		t.Fatal("the file has no request and answer")
	}
	head, wantBody, _ := strings.Cut(answer, "\n\n")
	lines := strings.Split(head, "\n")
	status, got, body := exchange(t, address, request)
	if status != lines[0] {
		t.Errorf("%s, want %s: %s", status, lines[0], body)
	}
	for _, line := range lines[1:] {
		name, want, _ := strings.Cut(line, ": ")
		if value := got.Get(name); !fits(value, want) {
			t.Errorf("%s: %q, want %q", name, value, want)
		}
	}
	if wantBody = strings.TrimSuffix(wantBody, "\n"); !fits(body, wantBody) {
		t.Errorf("body\n%s\nwant\n%s", body, wantBody)
	}
}

func fits(value, want string) bool {
	if pattern, ok := strings.CutPrefix(want, "/"); ok {
		return regexp.MustCompile(strings.TrimSuffix(pattern, "/")).MatchString(value)
	}
	return value == want
}

// exchange sends a request as written in a file: CRLF behind the lines of its head,
// no line end behind its body.
func exchange(t *testing.T, address, request string) (status string, header http.Header, text string) {
	t.Helper()
	head, body, _ := strings.Cut(request, "\n\n")
	c, err := new(net.Dialer).DialContext(t.Context(), "tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = c.Close() }()
	if _, err := io.WriteString(c, strings.ReplaceAll(head, "\n", "\r\n")+"\r\n\r\n"+strings.TrimSuffix(body, "\n")); err != nil {
		t.Fatal(err)
	}
	got, err := http.ReadResponse(bufio.NewReader(c), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = got.Body.Close() }()
	read, err := io.ReadAll(got.Body)
	if err != nil {
		t.Fatal(err)
	}
	return got.Proto + " " + got.Status, got.Header, string(read)
}
