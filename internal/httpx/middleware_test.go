package httpx

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/http/httptrace"
	"net/textproto"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"
)

// logLines decodes what a JSON handler wrote.
func logLines(t *testing.T, out *bytes.Buffer) []map[string]any {
	t.Helper()
	var lines []map[string]any
	for d := json.NewDecoder(out); ; {
		var line map[string]any
		if err := d.Decode(&line); errors.Is(err, io.EOF) {
			return lines
		} else if err != nil {
			t.Fatal(err)
		}
		lines = append(lines, line)
	}
}

// ticking is a clock that moves 5 ms each time it is read.
func ticking() func() time.Time {
	at := time.Date(2026, 3, 5, 1, 2, 3, 0, time.UTC)
	return func() time.Time {
		at = at.Add(5 * time.Millisecond)
		return at
	}
}

func TestRequestIDsAreInContextAndHeader(t *testing.T) {
	var seen string
	h := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { seen = RequestIDFrom(r.Context()) })
	for _, c := range []struct {
		name, sent string
		around     []Middleware
		want       string
	}{
		{"made", "", []Middleware{RequestID(RequestIDConfig{})}, `^[0-9a-f]{32}$`},
		{"the caller's is not asked for", "mine", []Middleware{RequestID(RequestIDConfig{})}, `^[0-9a-f]{32}$`},
		{"the caller's", "mine-1", []Middleware{RequestID(RequestIDConfig{FromCaller: true})}, `^mine-1$`},
		{"too long", strings.Repeat("x", 129), []Middleware{RequestID(RequestIDConfig{FromCaller: true})}, `^[0-9a-f]{32}$`},
		{"two, one id", "", []Middleware{RequestID(RequestIDConfig{New: func() string { return "outer" }}), RequestID(RequestIDConfig{})}, `^outer$`},
		{"inner takes the caller's", "mine", []Middleware{RequestID(RequestIDConfig{}), RequestID(RequestIDConfig{FromCaller: true})}, `^mine$`},
	} {
		r := httptest.NewRequestWithContext(t.Context(), "GET", "/", nil)
		if c.sent != "" {
			r.Header.Set("X-Request-ID", c.sent)
		}
		w := httptest.NewRecorder()
		Chain(h, c.around...).ServeHTTP(w, r)
		if !regexp.MustCompile(c.want).MatchString(seen) || w.Header().Get("X-Request-Id") != seen {
			t.Errorf("%s: %q in context, %q in header", c.name, seen, w.Header().Get("X-Request-Id"))
		}
	}
	if RequestIDFrom(t.Context()) != "" || RouteFrom(t.Context()) != "" {
		t.Error("an id or route without a middleware")
	}
	SetRoute(t.Context(), "x")
}

func TestAccessLogHasSixFactsAndNoSecrets(t *testing.T) {
	var out bytes.Buffer
	mux := http.NewServeMux()
	mux.HandleFunc("POST /v1/{id}", func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(http.StatusAccepted)
		_, _ = io.WriteString(w, "four")
		w.(http.Flusher).Flush()
	})
	h := AccessLog(slog.New(slog.NewJSONHandler(&out, nil)), ticking())(RequestID(RequestIDConfig{New: func() string { return "id-1" }})(mux))
	r := httptest.NewRequestWithContext(t.Context(), "POST", "/v1/s3cret?sig=s3cret", strings.NewReader("s3cret"))
	r.Header.Set("Authorization", "Bearer s3cret")
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	if strings.Contains(out.String(), "s3cret") {
		t.Error(out.String())
	}
	line := logLines(t, &out)[0]
	delete(line, "time")
	want := map[string]any{"level": "INFO", "msg": "request", "method": "POST", "route": "POST /v1/{id}", "status": 202.0, "bytes": 4.0, "duration": 5e6, "request_id": "id-1"}
	for k, v := range want {
		if line[k] != v {
			t.Errorf("%s: %v, want %v", k, line[k], v)
		}
	}
	if len(line) != len(want) || !w.Flushed {
		t.Errorf("%v, flushed %v", line, w.Flushed)
	}
}

func TestASetRouteWinsAndAnUnknownOneIsNotThePath(t *testing.T) {
	for route, want := range map[string]string{"GET /a": "GET /a", "": "unmatched"} {
		var out bytes.Buffer
		h := AccessLog(slog.New(slog.NewJSONHandler(&out, nil)), ticking())(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if route != "" {
				SetRoute(r.Context(), route)
			}
		}))
		h.ServeHTTP(httptest.NewRecorder(), httptest.NewRequestWithContext(t.Context(), "GET", "/s3cret", nil))
		if line := logLines(t, &out)[0]; line["route"] != want || line["status"] != 200.0 {
			t.Errorf("%v, want route %s", line, want)
		}
	}
}

func TestAPanicBecomesTheSurfacesOwnError(t *testing.T) {
	var out bytes.Buffer
	log := slog.New(slog.NewJSONHandler(&out, nil))
	write := func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(500)
		_, _ = io.WriteString(w, "sorry "+RequestIDFrom(r.Context()))
	}
	h := Chain(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Length", "1000")
		panic("boom")
	}), AccessLog(log, ticking()), RequestID(RequestIDConfig{New: func() string { return "id-1" }}), Recover(log, write))
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), "GET", "/", nil))
	if w.Code != 500 || w.Body.String() != "sorry id-1" || w.Header().Get("Content-Length") != "" {
		t.Fatalf("%d %s %v", w.Code, w.Body, w.Header())
	}
	lines := logLines(t, &out)
	if len(lines) != 2 || lines[0]["panic"] != "boom" || lines[0]["request_id"] != "id-1" || lines[0]["level"] != "ERROR" ||
		!strings.Contains(lines[0]["stack"].(string), "TestAPanic") || lines[1]["status"] != 500.0 || lines[1]["level"] != "WARN" {
		t.Fatalf("%v", lines)
	}
}

func TestAPanicAfterTheFirstByteCutsTheConnection(t *testing.T) {
	var out bytes.Buffer
	log := slog.New(slog.NewJSONHandler(&out, nil))
	logged := make(chan struct{})
	inner := Chain(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Length", "4")
		_, _ = io.WriteString(w, "ha")
		w.(http.Flusher).Flush()
		panic("boom")
	}), AccessLog(log, ticking()), Recover(log, func(w http.ResponseWriter, r *http.Request) { t.Error("wrote a second answer") }))
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer close(logged)
		inner.ServeHTTP(w, r)
	}))
	defer srv.Close()
	r, err := http.NewRequestWithContext(t.Context(), "GET", srv.URL, nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := srv.Client().Do(r)
	if err != nil {
		t.Fatal(err)
	}
	body, err := io.ReadAll(resp.Body)
	_ = resp.Body.Close()
	if err == nil || string(body) != "ha" {
		t.Fatalf("%q %v", body, err)
	}
	<-logged
	if lines := logLines(t, &out); len(lines) != 2 || lines[1]["aborted"] != true || lines[1]["status"] != 200.0 {
		t.Fatalf("%v", lines)
	}
}

func TestRecorderCountsAndStepsAside(t *testing.T) {
	w := httptest.NewRecorder()
	rec := Record(w)
	if Record(rec) != rec {
		t.Error("a recorder around a recorder")
	}
	var order []int
	rec.BeforeHeader(func(status int) { order = append(order, status); rec.Header().Set("X-Late", "1") })
	rec.BeforeHeader(func(int) { order = append(order, 2) })
	rec.WriteHeader(404)
	rec.WriteHeader(500)
	if n, err := rec.ReadFrom(strings.NewReader("12345")); n != 5 || err != nil {
		t.Errorf("%d %v", n, err)
	}
	_, _ = rec.Write([]byte("678"))
	if rec.Status() != 404 || rec.Bytes() != 8 || len(order) != 2 || order[0] != 404 || order[1] != 2 || w.Header().Get("X-Late") != "1" {
		t.Errorf("%d, %d bytes, %v, %v", rec.Status(), rec.Bytes(), order, w.Header())
	}
	if err := http.NewResponseController(rec).Flush(); err != nil || !w.Flushed {
		t.Errorf("flush: %v", err)
	}
}

func TestInformationalStatusesPassAndDoNotCount(t *testing.T) {
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		rec := Record(w)
		rec.BeforeHeader(func(status int) { rec.Header().Set("X-Final", strconv.Itoa(status)) })
		rec.WriteHeader(http.StatusEarlyHints)
		rec.WriteHeader(http.StatusNotFound)
	}))
	defer srv.Close()
	var hints []int
	r, err := http.NewRequestWithContext(t.Context(), "GET", srv.URL, nil)
	if err != nil {
		t.Fatal(err)
	}
	r = r.WithContext(httptrace.WithClientTrace(t.Context(), &httptrace.ClientTrace{
		Got1xxResponse: func(code int, _ textproto.MIMEHeader) error { hints = append(hints, code); return nil },
	}))
	resp, err := srv.Client().Do(r)
	if err != nil {
		t.Fatal(err)
	}
	_ = resp.Body.Close()
	if resp.StatusCode != 404 || resp.Header.Get("X-Final") != "404" || len(hints) != 1 || hints[0] != 103 {
		t.Fatalf("%d %v %v", resp.StatusCode, resp.Header, hints)
	}
}
