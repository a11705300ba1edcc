package zstack

import (
	"errors"
	"fmt"
	"net/http"

	"github.com/usance/usance"
	"github.com/usance/usance/internal/httpx"
)

// ZStack's error codes that this façade answers with.
const (
	internalError     = "SYS.1000"
	notFound          = "SYS.1003"
	operationFailed   = "SYS.1006"
	invalidArgument   = "SYS.1007"
	notReady          = "SYS.1010"
	unsupported       = "SYS.1014"
	wrongCredentials  = "ID.1000"
	sessionInvalid    = "ID.1001"
	notPermitted      = "ID.1002"
	tooManySessions   = "ID.1006"
	locked            = "LOGIN_CONTROL.1002"
	maxDetailsEchoing = 128
)

// describe returns the one sentence that goes with a code.
func describe(code string) string {
	switch code {
	case notFound:
		return "The resource does not exist"
	case operationFailed:
		return "The operation did not succeed"
	case invalidArgument:
		return "An argument of the API is not valid"
	case notReady:
		return "The server cannot serve at the moment"
	case unsupported:
		return "The operation is not supported"
	case wrongCredentials:
		return "The user cannot be authenticated"
	case sessionInvalid:
		return "The session is unknown or has expired"
	case notPermitted:
		return "The user may not perform the operation"
	case tooManySessions:
		return "The user has too many live sessions"
	case locked:
		return "The target is locked"
	}
	return "An internal error happened"
}

// refusal is a business failure: HTTP 503 with a JSON body whose one member is
// the error.
type refusal struct {
	code    string
	details string
	cause   *refusal
}

func (e *refusal) Error() string { return e.code + ": " + e.details }

func refuse(code, format string, args ...any) *refusal {
	return &refusal{code: code, details: fmt.Sprintf(format, args...)}
}

// missing is the refusal of a request that lacks a mandatory field.
func missing(field string) *refusal {
	return refuse(invalidArgument, "the field %q is mandatory", field)
}

// unknown is the refusal of a uuid that names nothing the caller may see.
func unknown(field, uuid, kind string) *refusal {
	return refuse(notFound, "field[%s]: no resource[uuid:%s, type:%s] exists", field, clip(uuid), kind)
}

// plain is a failure at HTTP's own level: its body is text, never JSON.
type plain struct {
	status int
	text   string
}

func (e *plain) Error() string { return e.text }

func plainf(status int, format string, args ...any) *plain {
	return &plain{status: status, text: fmt.Sprintf(format, args...)}
}

func clip(s string) string {
	if len(s) > maxDetailsEchoing {
		return s[:maxDetailsEchoing] + "..."
	}
	return s
}

// wireError is ZStack's ErrorCode; absent members are left out.
type wireError struct {
	Code        string     `json:"code"`
	Description string     `json:"description"`
	Details     string     `json:"details"`
	Cause       *wireError `json:"cause,omitzero"`
}

func (e *refusal) wire() *wireError {
	if e == nil {
		return nil
	}
	return &wireError{Code: e.code, Description: describe(e.code), Details: e.details, Cause: e.cause.wire()}
}

// refusalOf is the one map from the core's failures to ZStack's codes.
func (f *Facade) refusalOf(r *http.Request, err error) *refusal {
	if own, ok := errors.AsType[*refusal](err); ok {
		return own
	}
	detail := ""
	if e, ok := errors.AsType[*usance.Error](err); ok {
		detail = e.Detail
		if len(e.Fields) > 0 {
			detail = e.Fields[0].Detail
		}
	}
	switch usance.KindOf(err) {
	case usance.KindInvalid, usance.KindConflict, usance.KindExceeded, usance.KindTooLarge:
		return &refusal{code: operationFailed, details: detail, cause: refuse(invalidArgument, "%s", detail)}
	case usance.KindNotFound:
		return refuse(notFound, "%s", detail)
	case usance.KindForbidden:
		return refuse(operationFailed, "no policy allows the operation")
	case usance.KindUnauthorized:
		return refuse(sessionInvalid, "Session expired")
	case usance.KindLocked:
		return refuse(locked, "too many failures; try again later")
	case usance.KindUnavailable:
		return refuse(notReady, "try again later")
	}
	f.o.Logger.ErrorContext(r.Context(), "zstack: internal failure", "request_id", httpx.RequestIDFrom(r.Context()), "error", err)
	return refuse(internalError, "see the server's log")
}

// failure returns the body of a business failure.
func (f *Facade) failure(r *http.Request, err error) []byte {
	body, err := httpx.AppendJSON(nil, map[string]any{"error": f.refusalOf(r, err).wire()})
	if err != nil { // a struct of strings always encodes
		return []byte(`{"error":{"code":"SYS.1000"}}`)
	}
	return body
}

// fail answers a failed request. 503 never carries Retry-After: the Java and
// Python SDKs would repeat the call on it.
func (f *Facade) fail(w http.ResponseWriter, r *http.Request, err error) {
	if p, ok := errors.AsType[*plain](err); ok {
		h := w.Header()
		h.Set("Content-Type", "text/plain;charset=UTF-8")
		h.Set("X-Content-Type-Options", "nosniff")
		httpx.WriteBytes(w, p.status, []byte(p.text))
		return
	}
	write(w, http.StatusServiceUnavailable, f.failure(r, err))
}
