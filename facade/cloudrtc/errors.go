package cloudrtc

import (
	"errors"
	"net/http"

	"github.com/usance/usance"
	"github.com/usance/usance/internal/gateway"
	"github.com/usance/usance/internal/httpx"
)

// fault is a refusal by the service itself.
type fault struct {
	status        int
	code, message string
}

func (f *fault) Error() string { return f.code + ": " + f.message }

// The error map. The usage call has one code for everything that is wrong with a
// request; the application calls have a family of their own. What the gateway
// decides before the service has the gateway's codes.
func missing(parameter string) error {
	return &fault{http.StatusBadRequest, codeData, "Required String parameter '" + parameter + "' is not present"}
}

func wrong(parameter, why string) error {
	return &fault{http.StatusBadRequest, codeData, "Invalid parameter '" + parameter + "': " + why}
}

func wrongOfApps(parameter string) error {
	return &fault{http.StatusBadRequest, codeParameter, "Invalid parameter value: " + parameter}
}

const (
	codeData      = "DATA.100011001"
	codeParameter = "RTC.00001003"
)

var (
	faultNoApp    = &fault{http.StatusNotFound, codeParameter, "The application does not exist"}
	faultInternal = &fault{http.StatusInternalServerError, "RTC.00002001", "InternalError"}
)

// faultOf is the one place that turns errors of the core into the vendor's:
// either a *fault of the service or a *gateway.Fault.
func faultOf(err error) error {
	if f, ok := errors.AsType[*fault](err); ok {
		return f
	}
	if f, ok := errors.AsType[*gateway.Fault](err); ok {
		return f
	}
	switch usance.KindOf(err) {
	case usance.KindInvalid:
		return gateway.BadRequest()
	case usance.KindTooLarge:
		return gateway.BodyTooLarge()
	case usance.KindUnavailable:
		return gateway.Unavailable()
	}
	return faultInternal
}

// refuse answers an error. What the caller cannot help goes to the log in full,
// and nowhere else.
func (f *Facade) refuse(w http.ResponseWriter, r *http.Request, err error) {
	out := faultOf(err)
	if (errors.Is(out, faultInternal) || usance.KindOf(err) == usance.KindUnavailable) && r.Context().Err() == nil {
		f.o.Logger.ErrorContext(r.Context(), "cloudrtc", "error", err, "request_id", httpx.RequestIDFrom(r.Context()))
	}
	if g, ok := errors.AsType[*gateway.Fault](out); ok {
		gateway.WriteFault(w, r, g)
		return
	}
	own, _ := errors.AsType[*fault](out) // faultOf returns nothing else
	gateway.WriteServiceError(w, own.status, own.code, own.message)
}
