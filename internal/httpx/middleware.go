package httpx

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"runtime/debug"
	"time"
)

// AccessLog writes one line for each request: method, route, status, bytes of
// body, duration and request id. Nothing else of the request is logged: paths,
// queries and headers can hold secrets. Statuses from 500 are warnings. A request
// whose connection was cut on purpose (http.ErrAbortHandler) is marked aborted.
func AccessLog(log *slog.Logger, now func() time.Time) Middleware {
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			x, r := begin(r)
			x.begun = now()
			rec := x.record(w)
			finished := false
			defer func() { logAccess(log, now, r, x, rec, !finished) }()
			next.ServeHTTP(rec, r)
			finished = true
		})
	}
}

func logAccess(log *slog.Logger, now func() time.Time, r *http.Request, x *exchange, rec *Recorder, aborted bool) {
	status := rec.Status()
	if status == 0 && !aborted {
		status = http.StatusOK
	}
	level := slog.LevelInfo
	if status >= 500 || aborted {
		level = slog.LevelWarn
	}
	if !log.Enabled(r.Context(), level) {
		return
	}
	ctx := context.WithoutCancel(r.Context()) // the answer must be logged even when the caller has gone
	route := x.route
	if route == "" {
		route = r.Pattern
	}
	if route == "" {
		route = "unmatched"
	}
	attrs := []slog.Attr{
		slog.String("method", clip(r.Method, 32)), slog.String("route", route), slog.Int("status", status),
		slog.Int64("bytes", rec.Bytes()), slog.Duration("duration", now().Sub(x.begun)), slog.String("request_id", x.id),
	}
	if aborted {
		attrs = append(attrs, slog.Bool("aborted", true))
	}
	log.LogAttrs(ctx, level, "request", attrs...)
}

// clip cuts s to at most n bytes.
func clip(s string, n int) string {
	if len(s) > n {
		return s[:n]
	}
	return s
}

// Recover turns a panic of the handler into the surface's own internal error,
// written by write, and logs it with its stack. When part of the answer is gone
// already, it cuts the connection instead, so that the caller cannot take half an
// answer for a whole one. http.ErrAbortHandler passes through.
func Recover(log *slog.Logger, write func(http.ResponseWriter, *http.Request)) Middleware {
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			rec := Record(w)
			defer func() {
				v := recover()
				if v == nil {
					return
				}
				if err, ok := v.(error); ok && errors.Is(err, http.ErrAbortHandler) {
					panic(v)
				}
				log.LogAttrs(context.WithoutCancel(r.Context()), slog.LevelError, "panic",
					slog.String("request_id", RequestIDFrom(r.Context())), slog.String("route", RouteFrom(r.Context())),
					slog.String("panic", clip(fmt.Sprint(v), 1<<10)), slog.String("stack", string(debug.Stack())))
				if rec.Status() != 0 {
					panic(http.ErrAbortHandler)
				}
				for _, name := range []string{"Content-Length", "Content-Type", "Content-Encoding", "Content-Disposition", "Etag", "Last-Modified"} {
					rec.Header().Del(name)
				}
				write(rec, r)
			}()
			next.ServeHTTP(rec, r)
		})
	}
}
