package httpx

import (
	"io"
	"net/http"
)

// Recorder is a ResponseWriter that remembers what went through it. It belongs to
// the goroutine that serves the request.
type Recorder struct {
	w      http.ResponseWriter
	before func(status int)   // the first to be called
	others []func(status int) // and those after it
	status int
	bytes  int64
	values [8]string // of headers, so that each needs no memory of its own
	used   int       // of them
}

// Record returns w itself when it is a Recorder, and otherwise one around w. So
// the middlewares of a request share one.
func Record(w http.ResponseWriter) *Recorder {
	if rec, ok := w.(*Recorder); ok {
		return rec
	}
	return &Recorder{w: w}
}

// SetHeader sets a header of the answer to one value. The name is in its canonical
// form, or in whatever form it is to be sent.
func SetHeader(w http.ResponseWriter, name, value string) {
	rec, ok := w.(*Recorder)
	if !ok || rec.used == len(rec.values) {
		w.Header()[name] = []string{value}
		return
	}
	at := rec.used
	rec.used++
	rec.values[at] = value
	rec.w.Header()[name] = rec.values[at : at+1 : at+1] // whoever adds to it moves it
}

// BeforeHeader asks for f to be called once, just before the final status line is
// written, while headers can still be set. Calls run in the order they were asked for.
func (rec *Recorder) BeforeHeader(f func(status int)) {
	if rec.before == nil {
		rec.before = f
		return
	}
	rec.others = append(rec.others, f)
}

// Status returns the status sent, or 0 when none was yet.
func (rec *Recorder) Status() int { return rec.status }

// Bytes returns how many bytes of body the handler wrote.
func (rec *Recorder) Bytes() int64 { return rec.bytes }

// Header is http.ResponseWriter's.
func (rec *Recorder) Header() http.Header { return rec.w.Header() }

// WriteHeader is http.ResponseWriter's. Informational statuses pass through; of
// final ones only the first counts.
func (rec *Recorder) WriteHeader(status int) {
	if rec.status != 0 {
		return
	}
	if status >= 100 && status < 200 && status != http.StatusSwitchingProtocols {
		rec.w.WriteHeader(status)
		return
	}
	rec.status = status
	if rec.before != nil {
		rec.before(status)
	}
	for _, f := range rec.others {
		f(status)
	}
	rec.w.WriteHeader(status)
}

// Write is http.ResponseWriter's.
func (rec *Recorder) Write(p []byte) (int, error) {
	rec.WriteHeader(http.StatusOK)
	n, err := rec.w.Write(p)
	rec.bytes += int64(n)
	return n, err
}

// ReadFrom is io.ReaderFrom's: it keeps the server's own fast path for files.
func (rec *Recorder) ReadFrom(src io.Reader) (int64, error) {
	rec.WriteHeader(http.StatusOK)
	n, err := io.Copy(rec.w, src)
	rec.bytes += n
	return n, err
}

// Flush sends what is buffered, when the connection can.
func (rec *Recorder) Flush() {
	rec.WriteHeader(http.StatusOK)
	_ = http.NewResponseController(rec.w).Flush() // a writer that cannot flush sends at its end
}

// Unwrap lets http.ResponseController reach the connection.
func (rec *Recorder) Unwrap() http.ResponseWriter { return rec.w }
