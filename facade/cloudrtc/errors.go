package cloudrtc

import (
	"log/slog"
	"net/http"

	"github.com/usance/usance"
	"github.com/usance/usance/internal/gateway"
)

// The error map. The usage call has one code for everything that is wrong with a
// request; the application calls have a family of their own. What the gateway
// decides before the service has the gateway's codes.
func missing(parameter string) error {
	return &gateway.ServiceFault{Status: http.StatusBadRequest, Code: codeData, Message: "Required String parameter '" + parameter + "' is not present"}
}

func wrong(parameter, why string) error {
	return &gateway.ServiceFault{Status: http.StatusBadRequest, Code: codeData, Message: "Invalid parameter '" + parameter + "': " + why}
}

func wrongOfApps(parameter string) error {
	return &gateway.ServiceFault{Status: http.StatusBadRequest, Code: codeParameter, Message: "Invalid parameter value: " + parameter}
}

const (
	codeData      = "DATA.100011001"
	codeParameter = "RTC.00001003"
)

var (
	faultNoApp    = &gateway.ServiceFault{Status: http.StatusNotFound, Code: codeParameter, Message: "The application does not exist"}
	faultInternal = &gateway.ServiceFault{Status: http.StatusInternalServerError, Code: "RTC.00002001", Message: "InternalError"}
)

// refusals is the one place that turns errors of the core into the vendor's.
func refusals(log *slog.Logger) *gateway.Refusals[*gateway.ServiceFault] {
	return gateway.ServiceRefusals("cloudrtc", log, faultInternal, map[usance.Kind]error{usance.KindInvalid: gateway.BadRequest()})
}
