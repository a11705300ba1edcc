package facadetest

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
)

// Exchange is one request as it goes over a connection, and the answer recorded.
type Exchange struct{ Request, Answer string }

// Recording is a file of requests that a client sent. There are two forms.
//
// *.http is text: what the file is about, "-- request --", the request, "-- answer
// --" and the answer, with plain line ends, one of them behind the last body that
// does not belong to it. The answer is a status line, those headers that matter and
// the body; a header or body between slashes is a pattern.
//
// *.conversation is exact: "clock TIME", at which everything happened, then pairs of
// "request N" and "answer N", each followed by a line end, N bytes and a line end.
type Recording struct {
	Name      string    // of the file, without its folder
	Clock     time.Time // of a conversation
	Exchanges []Exchange

	masked *regexp.Regexp
	mask   string
}

// Recordings reads the files that a pattern matches; there must be one.
func Recordings(t testing.TB, pattern string) []Recording {
	t.Helper()
	files, err := filepath.Glob(pattern)
	if err != nil || len(files) == 0 {
		t.Fatalf("%s: %v, %v", pattern, files, err)
	}
	var out []Recording
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		r, err := read(string(text))
		if err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		r.Name = filepath.Base(file)
		out = append(out, r)
	}
	return out
}

func read(text string) (Recording, error) {
	if strings.HasPrefix(text, "clock ") {
		return readConversation(strings.NewReader(text))
	}
	_, rest, _ := strings.Cut(text, "-- request --\n")
	request, answer, ok := strings.Cut(rest, "-- answer --\n")
	if !ok {
		return Recording{}, fmt.Errorf("the file has no request and answer")
	}
	head, body, _ := strings.Cut(request, "\n\n")
	request = strings.ReplaceAll(head, "\n", "\r\n") + "\r\n\r\n" + strings.TrimSuffix(body, "\n")
	return Recording{Exchanges: []Exchange{{request, answer}}}, nil
}

func readConversation(from io.Reader) (Recording, error) {
	in := bufio.NewReader(from)
	var r Recording
	var clock string
	if _, err := fmt.Fscanf(in, "clock %s\n", &clock); err != nil {
		return r, err
	}
	var err error
	if r.Clock, err = time.Parse(time.RFC3339, clock); err != nil {
		return r, err
	}
	for more := true; more; {
		var x Exchange
		if x.Request, err = block(in, "request"); err == nil {
			x.Answer, err = block(in, "answer")
		}
		if err != nil {
			return r, err
		}
		r.Exchanges = append(r.Exchanges, x)
		_, end := in.Peek(1)
		more = end == nil
	}
	return r, nil
}

// block reads "name length", the bytes, and a line end.
func block(in *bufio.Reader, name string) (string, error) {
	var length int
	if _, err := fmt.Fscanf(in, name+" %d\n", &length); err != nil {
		return "", fmt.Errorf("%s: %w", name, err)
	}
	b := make([]byte, length+1)
	if _, err := io.ReadFull(in, b); err != nil {
		return "", fmt.Errorf("%s: %w", name, err)
	}
	if b[length] != '\n' {
		return "", fmt.Errorf("%s does not end where it says", name)
	}
	return string(b[:length]), nil
}

// Fill returns the recording with what stands for a value in its requests, such as
// "{{access}}", replaced by the value.
func (r Recording) Fill(name, value string) Recording {
	filled := make([]Exchange, len(r.Exchanges))
	for i, x := range r.Exchanges {
		filled[i] = Exchange{strings.ReplaceAll(x.Request, name, value), x.Answer}
	}
	r.Exchanges = filled
	return r
}

// Mask returns the recording with what matches in the bodies of answers replaced
// before they are compared.
func (r Recording) Mask(match *regexp.Regexp, with string) Recording {
	r.masked, r.mask = match, with
	return r
}

// Replay sends each request of a recording in text over a connection, byte for
// byte, and compares the status, the headers named and the body.
func (r Recording) Replay(t *testing.T, h http.Handler) {
	t.Helper()
	server := httptest.NewServer(h)
	defer server.Close()
	for _, x := range r.Exchanges {
		status, header, body := exchange(t, server.Listener.Addr().String(), x.Request)
		if r.masked != nil {
			body = r.masked.ReplaceAllString(body, r.mask)
		}
		for _, d := range differences(x.Answer, status, header, body) {
			t.Error(d)
		}
	}
}

// differences says where an answer is not the one recorded.
func differences(want, status string, header http.Header, body string) []string {
	var out []string
	head, wantBody, _ := strings.Cut(want, "\n\n")
	lines := strings.Split(strings.TrimSpace(head), "\n")
	if status != lines[0] {
		out = append(out, fmt.Sprintf("%s, want %s: %s", status, lines[0], body))
	}
	for _, line := range lines[1:] {
		name, value, _ := strings.Cut(line, ": ")
		if got := header.Get(name); !fits(got, value) {
			out = append(out, fmt.Sprintf("%s: %q, want %q", name, got, value))
		}
	}
	if wantBody = strings.TrimSuffix(wantBody, "\n"); !fits(body, wantBody) {
		out = append(out, fmt.Sprintf("body\n%s\nwant\n%s", body, wantBody))
	}
	return out
}

func fits(value, want string) bool {
	if pattern, ok := strings.CutPrefix(want, "/"); ok {
		return regexp.MustCompile(strings.TrimSuffix(pattern, "/")).MatchString(value)
	}
	return value == want
}

func exchange(t *testing.T, address, request string) (status string, header http.Header, body string) {
	t.Helper()
	c, err := new(net.Dialer).DialContext(t.Context(), "tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = c.Close() }()
	if _, err := io.WriteString(c, request); err != nil {
		t.Fatal(err)
	}
	got, err := http.ReadResponse(bufio.NewReader(c), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = got.Body.Close() }()
	text, err := io.ReadAll(got.Body)
	if err != nil {
		t.Fatal(err)
	}
	return got.Proto + " " + got.Status, got.Header, string(text)
}
