package iam

import (
	"log/slog"
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

// refusals is the one place that turns errors of the core into the vendor's.
func refusals(log *slog.Logger) *gateway.Refusals[*fault] {
	return &gateway.Refusals[*fault]{Service: "iam", Log: log,
		Kinds: map[usance.Kind]error{
			usance.KindInvalid:      invalid("The request body is not the JSON expected here."),
			usance.KindUnauthorized: faultToken,
			usance.KindLocked:       faultLocked,
			usance.KindForbidden:    faultForbidden,
		},
		Internal: func(*http.Request) *fault { return faultInternal },
		Write:    write}
}

func write(w http.ResponseWriter, r *http.Request, f *fault) {
	if !keystone(r) {
		gateway.WriteFault(w, r, gateway.Internal()) // these calls take nothing that could be wrong
		return
	}
	body := keystoneError{keystoneFault{f.status, f.message, http.StatusText(f.status)}}
	if err := httpx.WriteJSON(w, f.status, body); err != nil {
		httpx.WriteBytes(w, http.StatusInternalServerError, nil) // two texts and a number always encode
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
