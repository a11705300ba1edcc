package iam

import (
	"errors"
	"net/http"

	"github.com/usance/usance"
	"github.com/usance/usance/internal/gateway"
	"github.com/usance/usance/internal/httpx"
)

// fault is a refusal by IAM itself: its HTTP status and a message for the caller.
type fault struct {
	status  int
	message string
}

func (f *fault) Error() string { return http.StatusText(f.status) + ": " + f.message }

func invalid(message string) error { return &fault{http.StatusBadRequest, message} }

var (
	faultCredentials = &fault{http.StatusUnauthorized, "The username or password is wrong."}
	faultLocked      = &fault{http.StatusUnauthorized, "The user is locked after too many failed sign-ins. Try again later."}
	faultNoToken     = &fault{http.StatusUnauthorized, "The request you have made requires authentication."}
	faultToken       = &fault{http.StatusUnauthorized, "The token is invalid or has expired."}
	faultForbidden   = &fault{http.StatusForbidden, "You are not authorized to perform the requested action."}
	faultNoSubject   = &fault{http.StatusNotFound, "The token in X-Subject-Token was not found."}
	faultNoProject   = &fault{http.StatusNotFound, "The project was not found in the account."}
	faultNoDomain    = &fault{http.StatusNotFound, "The domain is not the account of the user."}
	faultInternal    = &fault{http.StatusInternalServerError, "The service failed."}
)

// faultOf is the one place that turns errors of the core into the vendor's:
// either a *fault of IAM or a *gateway.Fault.
func faultOf(err error) error {
	if f, ok := errors.AsType[*fault](err); ok {
		return f
	}
	if f, ok := errors.AsType[*gateway.Fault](err); ok {
		return f
	}
	switch usance.KindOf(err) {
	case usance.KindInvalid:
		return invalid("The request body is not the JSON expected here.")
	case usance.KindTooLarge:
		return gateway.BodyTooLarge()
	case usance.KindUnauthorized:
		return faultToken
	case usance.KindLocked:
		return faultLocked
	case usance.KindForbidden:
		return faultForbidden
	case usance.KindUnavailable:
		return gateway.Unavailable()
	}
	return faultInternal
}

// refuse answers an error. What the caller cannot help goes to the log in full,
// and nowhere else.
func (f *Facade) refuse(w http.ResponseWriter, r *http.Request, err error) {
	out := faultOf(err)
	if errors.Is(out, faultInternal) || usance.KindOf(err) == usance.KindUnavailable {
		f.log(r, err)
	}
	if g, ok := errors.AsType[*gateway.Fault](out); ok {
		gateway.WriteFault(w, r, g)
		return
	}
	own, _ := errors.AsType[*fault](out) // faultOf returns nothing else
	if !keystone(r) {
		gateway.WriteFault(w, r, gateway.Internal()) // these calls take nothing that could be wrong
		return
	}
	body := keystoneError{keystoneFault{own.status, own.message, http.StatusText(own.status)}}
	if err := httpx.WriteJSON(w, own.status, body); err != nil {
		httpx.WriteBytes(w, http.StatusInternalServerError, nil) // two texts and a number always encode
	}
}

func (f *Facade) log(r *http.Request, err error) {
	if r.Context().Err() == nil {
		f.o.Logger.ErrorContext(r.Context(), "iam", "error", err, "request_id", httpx.RequestIDFrom(r.Context()))
	}
}

// keystoneError is the error body of Keystone's calls. Unlike all other services'
// its code is a number, so the vendor's Go SDK shows the whole body as the message.
type keystoneError struct {
	Error keystoneFault `json:"error"`
}

type keystoneFault struct {
	Code    int    `json:"code"`
	Message string `json:"message"`
	Title   string `json:"title"`
}
