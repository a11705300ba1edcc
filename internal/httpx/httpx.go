// Package httpx holds what every HTTP surface of Usance shares: request ids, the
// access log, recovery from panics, bounded reading of bodies, strict JSON. It
// knows no surface: what a refusal looks like is given to it by its caller.
//
// The middlewares share one record of the request under way, so their order is
// free. The usual one, outermost first, is AccessLog, RequestID, Recover.
package httpx

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"net/http"
	"time"
)

// Middleware puts something around a handler.
type Middleware = func(http.Handler) http.Handler

// Chain puts the middlewares around h, the first outermost.
func Chain(h http.Handler, around ...Middleware) http.Handler {
	for i := len(around) - 1; i >= 0; i-- {
		h = around[i](h)
	}
	return h
}

// exchange is what the middlewares of one request tell each other, and the
// request's context, so that one piece of memory serves for all of it. It belongs
// to the goroutine that serves the request.
type exchange struct {
	context.Context
	rec   Recorder
	id    string
	route string
	begun time.Time
	part  any
}

func (x *exchange) Value(key any) any {
	if key == (exchangeKey{}) {
		return x
	}
	return x.Context.Value(key)
}

type exchangeKey struct{}

func exchangeOf(ctx context.Context) *exchange {
	x, _ := ctx.Value(exchangeKey{}).(*exchange)
	return x
}

// begin returns the request's exchange, and the request that carries it.
func begin(r *http.Request) (*exchange, *http.Request) {
	if x := exchangeOf(r.Context()); x != nil {
		return x, r
	}
	x := &exchange{Context: r.Context()}
	return x, r.WithContext(x)
}

// record is Record, in the exchange's memory.
func (x *exchange) record(w http.ResponseWriter) *Recorder {
	if rec, ok := w.(*Recorder); ok {
		return rec
	}
	x.rec = Recorder{w: w}
	return &x.rec
}

// Begun returns when AccessLog took the request up, or the zero time outside it.
func Begun(ctx context.Context) time.Time {
	if x := exchangeOf(ctx); x != nil {
		return x.begun
	}
	return time.Time{}
}

// Inner returns the context of a call that is made within the request: its route,
// what is attached to it and its answer are its own, the id is the request's.
func Inner(ctx context.Context) context.Context {
	return &exchange{Context: ctx, id: RequestIDFrom(ctx)}
}

// Attach keeps something of the surface's own with the request, in place of what
// it kept before; Attached returns it. Outside AccessLog and RequestID nothing is
// kept.
func Attach(ctx context.Context, part any) {
	if x := exchangeOf(ctx); x != nil {
		x.part = part
	}
}

// Attached returns what Attach kept last, or nil.
func Attached(ctx context.Context) any {
	if x := exchangeOf(ctx); x != nil {
		return x.part
	}
	return nil
}

// HeaderRequestID is the header that carries a request's id both ways.
const HeaderRequestID = "X-Request-Id"

// RequestIDConfig says where request ids come from.
type RequestIDConfig struct {
	// FromCaller takes the caller's own X-Request-Id when it is 1 to 128 letters,
	// digits or any of - _ . : / + = @ ~; anything else is as if absent.
	FromCaller bool
	// New makes an id; nil means NewRequestID.
	New func() string
}

// NewRequestID returns 128 random bits as 32 lower-case hexadecimal digits.
func NewRequestID() string {
	var id [16]byte
	_, _ = rand.Read(id[:]) // crypto/rand.Read never fails
	var digits [32]byte
	hex.Encode(digits[:], id[:])
	return string(digits[:])
}

// RequestID gives every request an id, in its context and in the X-Request-Id
// header of its answer, set before the handler runs. Inside another RequestID it
// keeps the id given there, unless it takes the caller's.
func RequestID(c RequestIDConfig) Middleware {
	if c.New == nil {
		c.New = NewRequestID
	}
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			x, r := begin(r)
			if c.FromCaller {
				if id := r.Header.Get(HeaderRequestID); acceptableID(id) {
					x.id = id
				}
			}
			if x.id == "" {
				x.id = c.New()
			}
			if h := w.Header(); len(h[HeaderRequestID]) != 1 || h[HeaderRequestID][0] != x.id {
				SetHeader(w, HeaderRequestID, x.id)
			}
			next.ServeHTTP(w, r)
		})
	}
}

func acceptableID(id string) bool {
	if id == "" || len(id) > 128 {
		return false
	}
	for _, c := range []byte(id) {
		switch {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9':
		case c == '-', c == '_', c == '.', c == ':', c == '/', c == '+', c == '=', c == '@', c == '~':
		default:
			return false
		}
	}
	return true
}

// RequestIDFrom returns the id of the request that ctx belongs to, or "" outside
// a RequestID middleware.
func RequestIDFrom(ctx context.Context) string {
	if x := exchangeOf(ctx); x != nil {
		return x.id
	}
	return ""
}

// SetRoute names the route that serves the request, such as "GET /api/v1/events":
// a pattern, never the path itself, since the access log shows it. Without a call
// the log has the pattern of the mux that AccessLog wraps directly. Call it from
// the goroutine that serves the request; outside AccessLog and RequestID it does
// nothing.
func SetRoute(ctx context.Context, route string) {
	if x := exchangeOf(ctx); x != nil {
		x.route = route
	}
}

// RouteFrom returns the route set by SetRoute, or "".
func RouteFrom(ctx context.Context) string {
	if x := exchangeOf(ctx); x != nil {
		return x.route
	}
	return ""
}
