package koodrive_test

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

	"github.com/usance/usance/facade/koodrive"
)

// TestRecordedRequestsAreAnsweredAsRecorded sends each request of testdata over a
// connection, byte for byte, and compares the answer: its status, the headers
// named (a value between slashes is a pattern), and the body when there is one.
func TestRecordedRequestsAreAnsweredAsRecorded(t *testing.T) {
	files, err := filepath.Glob("testdata/*.http")
	if err != nil || len(files) == 0 {
		t.Fatal(files, err)
	}
	w := newWorld(t, koodrive.Options{})
	exampleOfThePage(w)
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
	got, body := exchange(t, address, wire(request))

	head, wantBody, _ := strings.Cut(answer, "\n\n")
	lines := strings.Split(strings.TrimSpace(head), "\n")
	if status := got.Proto + " " + got.Status; status != lines[0] {
		t.Errorf("%s, want %s", status, lines[0])
	}
	for _, line := range lines[1:] {
		name, want, _ := strings.Cut(line, ": ")
		value := got.Header.Get(name)
		if pattern, ok := strings.CutPrefix(want, "/"); ok {
			if !regexp.MustCompile(strings.TrimSuffix(pattern, "/")).MatchString(value) {
				t.Errorf("%s: %q does not match %s", name, value, want)
			}
		} else if value != want {
			t.Errorf("%s: %q, want %q", name, value, want)
		}
	}
	if wantBody = strings.TrimSuffix(wantBody, "\n"); wantBody != "" && body != wantBody {
		t.Errorf("body\n%s\nwant\n%s", body, wantBody)
	}
}

// wire turns a request as written in a file into what goes over a connection: CRLF
// behind the lines of the head, and no line end behind the body.
func wire(request string) string {
	head, body, _ := strings.Cut(request, "\n\n")
	return strings.ReplaceAll(head, "\n", "\r\n") + "\r\n\r\n" + strings.TrimSuffix(body, "\n")
}

func exchange(t *testing.T, address, request string) (*http.Response, string) {
	t.Helper()
	c, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if _, err := io.WriteString(c, request); err != nil {
		t.Fatal(err)
	}
	got, err := http.ReadResponse(bufio.NewReader(c), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer got.Body.Close()
	body, err := io.ReadAll(got.Body)
	if err != nil {
		t.Fatal(err)
	}
	return got, string(body)
}
