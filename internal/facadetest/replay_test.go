package facadetest

import (
	"io"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"
)

const recordedAnswer = "HTTP/1.1 200 OK\nX-Id: /^[0-9]+$/\nContent-Type: text/plain\n\n{\"a\":1}\n"

func TestAnAnswerThatIsNotTheOneRecordedIsToldApart(t *testing.T) {
	header := http.Header{"X-Id": {"12"}, "Content-Type": {"text/plain"}}
	if d := differences(recordedAnswer, "HTTP/1.1 200 OK", header, `{"a":1}`); len(d) != 0 {
		t.Error("the recorded answer differs from itself:", d)
	}
	for name, d := range map[string][]string{
		"status":           differences(recordedAnswer, "HTTP/1.1 201 Created", header, `{"a":1}`),
		"pattern":          differences(recordedAnswer, "HTTP/1.1 200 OK", http.Header{"X-Id": {"x"}, "Content-Type": {"text/plain"}}, `{"a":1}`),
		"header left out":  differences(recordedAnswer, "HTTP/1.1 200 OK", http.Header{"X-Id": {"12"}}, `{"a":1}`),
		"body":             differences(recordedAnswer, "HTTP/1.1 200 OK", header, `{"a":2}`),
		"no body":          differences(recordedAnswer, "HTTP/1.1 200 OK", header, ""),
		"a body too many":  differences("HTTP/1.1 204 No Content\n", "HTTP/1.1 204 No Content", header, "x"),
		"more than a body": differences(recordedAnswer, "HTTP/1.1 200 OK", header, `{"a":1}`+"\n"),
	} {
		if len(d) != 1 {
			t.Errorf("%s: %q", name, d)
		}
	}
}

func TestATextRecordingIsSentByteForByte(t *testing.T) {
	r, err := read("What it is about.\n-- request --\nPOST /x HTTP/1.1\nHost: h\nContent-Length: 6\n\n{{id}}\n\n-- answer --\nHTTP/1.1 200 OK\n\n{{made}}:{{id}}\n")
	if err != nil {
		t.Fatal(err)
	}
	if got, want := r.Exchanges[0].Request, "POST /x HTTP/1.1\r\nHost: h\r\nContent-Length: 6\r\n\r\n{{id}}\n"; got != want {
		t.Fatalf("%q, want %q", got, want)
	}
	served := ""
	r = r.Fill("{{id}}", "abcde").Mask(regexp.MustCompile("token-[0-9]+"), "{{made}}")
	r.Exchanges[0].Answer = strings.ReplaceAll(r.Exchanges[0].Answer, "{{id}}", "abcde")
	r.Replay(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		served = string(body)
		_, _ = io.WriteString(w, "token-17:abcde")
	}))
	if served != "abcde\n" {
		t.Errorf("%q", served)
	}
}

func TestAConversationIsReadWholeOrNotAtAll(t *testing.T) {
	const whole = "clock 2026-03-05T01:02:03Z\nrequest 3\na\nb\nanswer 1\nc\nrequest 0\n\nanswer 2\n\r\n\n"
	r, err := read(whole)
	if err != nil || !r.Clock.Equal(time.Date(2026, 3, 5, 1, 2, 3, 0, time.UTC)) || len(r.Exchanges) != 2 ||
		r.Exchanges[0] != (Exchange{"a\nb", "c"}) || r.Exchanges[1] != (Exchange{"", "\r\n"}) {
		t.Fatalf("%+v, %v", r, err)
	}
	for end := range len(whole) {
		if end == strings.Index(whole, "request 0") {
			continue // a whole conversation of one exchange
		}
		if got, err := read(whole[:end]); err == nil {
			t.Errorf("%q is read: %+v", whole[:end], got)
		}
	}
	for _, bad := range []string{strings.Replace(whole, "request 3", "request 2", 1), strings.Replace(whole, "answer 1", "request 1", 1), "clock noon\n"} {
		if _, err := read(bad); err == nil {
			t.Errorf("%q is read", bad)
		}
	}
}
