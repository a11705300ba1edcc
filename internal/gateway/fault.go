package gateway

import (
	"errors"
	"math"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/usance/usance"
	"github.com/usance/usance/internal/httpx"
	"github.com/usance/usance/internal/sdksign"
)

// Fault is a refusal by the gateway: its HTTP status, code and message are the
// vendor's and go to the caller as they are.
type Fault struct {
	Status     int
	Code       string
	Message    string
	RetryAfter time.Duration // when positive, answered as Retry-After in whole seconds, rounded up
}

func (f *Fault) Error() string { return f.Code + ": " + f.Message }

// NotFound is APIGW.0101: no such path, or not with this method.
func NotFound() *Fault {
	return &Fault{Status: 404, Code: "APIGW.0101", Message: "The API does not exist."}
}

// BodyTooLarge is APIGW.0201 for a body over MaxBody.
func BodyTooLarge() *Fault {
	return &Fault{Status: http.StatusRequestEntityTooLarge, Code: "APIGW.0201", Message: "The request body is too large."}
}

func uriTooLong() *Fault {
	return &Fault{Status: http.StatusRequestURITooLong, Code: "APIGW.0201", Message: "The request URI is too long."}
}

// headersTooLarge has the status of the vendor's web server, which net/http does not name.
func headersTooLarge() *Fault {
	return &Fault{Status: 494, Code: "APIGW.0201", Message: "The request headers are too large."}
}

// BadRequest is APIGW.0201: the request cannot be read.
func BadRequest() *Fault {
	return &Fault{Status: http.StatusBadRequest, Code: "APIGW.0201", Message: "The request is malformed."}
}

// The reasons of APIGW.0301 that have no variable part.
const (
	ReasonNoToken   = "x-auth-token not found"
	ReasonBadToken  = "decrypt token fail"
	ReasonExpired   = "calc ak sk signature fail:signature expired"
	ReasonKeyLocked = "AK access failed to reach the limit,forbidden."
)

// Unauthenticated is APIGW.0301 for one of the reasons.
func Unauthenticated(reason string) *Fault {
	return &Fault{Status: http.StatusUnauthorized, Code: "APIGW.0301", Message: "Incorrect IAM authentication information: " + reason}
}

// TokenExpired is APIGW.0301 for a token that ended at a known time.
func TokenExpired(at time.Time) *Fault {
	return Unauthenticated("token expires, expires_at: " + at.UTC().Format("2006-01-02T15:04:05.000000Z"))
}

// UnknownKey is APIGW.0301 for an access key nobody has.
func UnknownKey(accessKey string) *Fault {
	return Unauthenticated("ak " + clip(accessKey) + " not exist")
}

// maxEcho bounds what an answer repeats of a request.
const maxEcho = 8 << 10

func clip(s string) string {
	if len(s) > maxEcho {
		return s[:maxEcho]
	}
	return s
}

// SignatureFault translates a failure of sdksign.Parse or Verify. Anything else is
// Internal.
func SignatureFault(err error) *Fault {
	f, ok := errors.AsType[*sdksign.Failure](err)
	if !ok {
		return Internal()
	}
	switch f.Reason {
	case sdksign.UnknownScheme:
		return Unauthenticated(ReasonNoToken)
	case sdksign.Skewed:
		return Unauthenticated(ReasonExpired)
	case sdksign.Mismatch:
		return Unauthenticated("verify aksk signature fail, canonicalRequest:" + clip(f.Echo()))
	}
	return Unauthenticated("verify aksk signature fail, " + f.Detail)
}

// NotPermitted is APIGW.0302: a known IAM user without the right.
func NotPermitted() *Fault {
	return &Fault{Status: http.StatusForbidden, Code: "APIGW.0302", Message: "The IAM user is not authorized to access the API."}
}

// AccessDenied is APIGW.0306: the credentials are good, but not for this.
func AccessDenied() *Fault {
	return &Fault{Status: http.StatusForbidden, Code: "APIGW.0306", Message: "API access denied."}
}

// Throttled is APIGW.0308. The policy names what was counted, "user" in the
// vendor's own example.
func Throttled(policy string, limit Limit, retryAfter time.Duration) *Fault {
	return &Fault{Status: http.StatusTooManyRequests, Code: "APIGW.0308", RetryAfter: retryAfter,
		Message: "The throttling threshold has been reached: policy " + policy + " over ratelimit," + limit.String()}
}

// Internal is APIGW.0601.
func Internal() *Fault {
	return &Fault{Status: http.StatusInternalServerError, Code: "APIGW.0601", Message: "Internal server error."}
}

// Unavailable is APIGW.0801: try again later.
func Unavailable() *Fault {
	return &Fault{Status: http.StatusServiceUnavailable, Code: "APIGW.0801", Message: "The service is unavailable.", RetryAfter: time.Second}
}

// FaultOf translates an error of the core for what the gateway itself decides: a
// *Fault is itself, an *sdksign.Failure goes through SignatureFault, a
// usance.Error by its kind, anything else is Internal. Services have codes of
// their own for what they decide.
func FaultOf(err error) *Fault {
	if f, ok := errors.AsType[*Fault](err); ok {
		return f
	}
	if _, ok := errors.AsType[*sdksign.Failure](err); ok {
		return SignatureFault(err)
	}
	switch usance.KindOf(err) {
	case usance.KindInvalid:
		return BadRequest()
	case usance.KindTooLarge:
		return BodyTooLarge()
	case usance.KindNotFound:
		return NotFound()
	case usance.KindUnauthorized:
		return Unauthenticated(ReasonBadToken)
	case usance.KindLocked:
		return Unauthenticated(ReasonKeyLocked)
	case usance.KindForbidden:
		return AccessDenied()
	case usance.KindUnavailable:
		return Unavailable()
	}
	return Internal()
}

// gatewayBody is the gateway's error body, its members in the vendor's order.
type gatewayBody struct {
	Message   string `json:"error_msg"`
	Code      string `json:"error_code"`
	RequestID string `json:"request_id"`
}

// WriteFault answers with the fault: {"error_msg","error_code","request_id"}.
func WriteFault(w http.ResponseWriter, r *http.Request, f *Fault) {
	if f.RetryAfter > 0 {
		w.Header().Set("Retry-After", strconv.FormatInt(int64(math.Ceil(f.RetryAfter.Seconds())), 10))
	}
	w.Header().Set("Content-Type", "application/json")
	write(w, f.Status, gatewayBody{text(f.Message), f.Code, requestID(w, r)})
}

// ErrorBody is the flat error body of the services behind the gateway. An empty
// RequestID is left out.
type ErrorBody struct {
	Code      string `json:"error_code"`
	Message   string `json:"error_msg"`
	RequestID string `json:"request_id,omitempty"`
}

// WriteServiceError answers with {"error_code","error_msg"}, as Cloud RTC and
// MetaStudio do.
func WriteServiceError(w http.ResponseWriter, status int, code, message string) {
	write(w, status, ErrorBody{Code: code, Message: text(message)})
}

// WriteServiceErrorWithID answers with {"error_code","error_msg","request_id"}, as
// Meeting does; its clients fail when one of the three is missing.
func WriteServiceErrorWithID(w http.ResponseWriter, r *http.Request, status int, code, message string) {
	write(w, status, ErrorBody{Code: code, Message: text(message), RequestID: requestID(w, r)})
}

// requestID returns the id that the answer's header carries, and makes sure that
// it carries one: the body must never say another.
func requestID(w http.ResponseWriter, r *http.Request) string {
	id := httpx.RequestIDFrom(r.Context())
	if id == "" {
		id = w.Header().Get(httpx.HeaderRequestID)
	}
	if id == "" {
		id = httpx.NewRequestID()
	}
	w.Header()[httpx.HeaderRequestID] = []string{id}
	return id
}

// text makes a message fit for JSON whatever bytes the caller's request had.
func text(s string) string { return strings.ToValidUTF8(s, "\uFFFD") }

func write(w http.ResponseWriter, status int, body any) {
	if err := httpx.WriteJSON(w, status, body); err != nil {
		// A struct of three valid strings always encodes.
		httpx.WriteBytes(w, http.StatusInternalServerError, nil)
	}
}
