package metastudio

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
	why           string // for the log: the vendor's message names no parameter
}

func (f *fault) Error() string { return f.code + ": " + f.message + ": " + f.why }

// The error map. The service documents 400 for all of its own refusals; what the
// gateway decides before it has the gateway's codes.
var (
	faultParameter = &fault{status: http.StatusBadRequest, code: "MSS.00000003", message: "Invalid parameter"}
	faultNoAPI     = &fault{status: http.StatusBadRequest, code: "MSS.00010003", message: "API not found"}
	faultMethod    = &fault{status: http.StatusBadRequest, code: "MSS.00010004", message: "Method not allowed"}
	faultTenant    = &fault{status: http.StatusBadRequest, code: "MSS.00010009", message: "The tenant in the URL is not that of the credentials"}
	faultInternal  = &fault{status: http.StatusInternalServerError, code: "MSS.00000001", message: "Internal error"}
)

// wrong is faultParameter for a reason.
func wrong(parameter, why string) error {
	f := *faultParameter
	f.why = parameter + " " + why
	return &f
}

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
		return faultParameter
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
		f.o.Logger.ErrorContext(r.Context(), "metastudio", "error", err, "request_id", httpx.RequestIDFrom(r.Context()))
	}
	if g, ok := errors.AsType[*gateway.Fault](out); ok {
		gateway.WriteFault(w, r, g)
		return
	}
	own, _ := errors.AsType[*fault](out) // faultOf returns nothing else
	if own.why != "" {
		f.o.Logger.DebugContext(r.Context(), "metastudio", "refused", own.why, "request_id", httpx.RequestIDFrom(r.Context()))
	}
	gateway.WriteServiceError(w, own.status, own.code, own.message)
}
