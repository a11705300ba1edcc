package metastudio

import (
	"log/slog"
	"net/http"

	"github.com/usance/usance"
	"github.com/usance/usance/internal/gateway"
)

// The error map. The service documents 400 for all of its own refusals; what the
// gateway decides before it has the gateway's codes.
var (
	faultParameter = &gateway.ServiceFault{Status: http.StatusBadRequest, Code: "MSS.00000003", Message: "Invalid parameter"}
	faultNoAPI     = &gateway.ServiceFault{Status: http.StatusBadRequest, Code: "MSS.00010003", Message: "API not found"}
	faultMethod    = &gateway.ServiceFault{Status: http.StatusBadRequest, Code: "MSS.00010004", Message: "Method not allowed"}
	faultTenant    = &gateway.ServiceFault{Status: http.StatusBadRequest, Code: "MSS.00010009", Message: "The tenant in the URL is not that of the credentials"}
	faultInternal  = &gateway.ServiceFault{Status: http.StatusInternalServerError, Code: "MSS.00000001", Message: "Internal error"}
)

// wrong is faultParameter for a reason.
func wrong(parameter, why string) error {
	f := *faultParameter
	f.Why = parameter + " " + why
	return &f
}

// refusals is the one place that turns errors of the core into the vendor's.
func refusals(log *slog.Logger) *gateway.Refusals[*gateway.ServiceFault] {
	return gateway.ServiceRefusals("metastudio", log, faultInternal, map[usance.Kind]error{usance.KindInvalid: faultParameter})
}
