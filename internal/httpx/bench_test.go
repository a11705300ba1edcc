package httpx

import (
	"bytes"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"
)

// sink is a ResponseWriter that costs nothing, so that the middlewares' own cost shows.
type sink struct{ h http.Header }

func (s sink) Header() http.Header         { return s.h }
func (s sink) Write(p []byte) (int, error) { return len(p), nil }
func (s sink) WriteHeader(int)             {}

func BenchmarkMiddlewares(b *testing.B) {
	log := slog.New(slog.NewJSONHandler(io.Discard, nil))
	h := Chain(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { WriteBytes(w, 200, []byte("{}")) }),
		AccessLog(log, func() time.Time { return time.Time{} }), RequestID(RequestIDConfig{}), Recover(log, nil))
	r := httptest.NewRequestWithContext(b.Context(), "GET", "/", nil)
	b.ReportAllocs()
	for b.Loop() {
		h.ServeHTTP(sink{http.Header{}}, r)
	}
}

func BenchmarkCheckDepth(b *testing.B) {
	data := bytes.Repeat([]byte(`{"id":"0123456789abcdef","type":"llm.completion","data":{"tokens":17}},`), 1000)
	b.SetBytes(int64(len(data)))
	for b.Loop() {
		if err := CheckDepth(data, 32); err != nil {
			b.Fatal(err)
		}
	}
}
