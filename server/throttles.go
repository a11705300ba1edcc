package server

import (
	"maps"

	"github.com/usance/usance/facade/cloudrtc"
	"github.com/usance/usance/facade/iam"
	"github.com/usance/usance/facade/koodrive"
	"github.com/usance/usance/facade/meeting"
	"github.com/usance/usance/facade/metastudio"
	"github.com/usance/usance/internal/gateway"
)

// Throttles are the limits of every façade as its vendor documents them, by name.
func Throttles() gateway.Limits {
	out := gateway.Limits{}
	for _, of := range []gateway.Limits{meeting.Throttles(), koodrive.Throttles(), iam.Throttles(), cloudrtc.Throttles(), metastudio.Throttles()} {
		maps.Copy(out, of)
	}
	return out
}

// ParseThrottles reads which limits there shall be instead: see gateway.ParseLimits.
func ParseThrottles(text string) (gateway.Limits, error) {
	return gateway.ParseLimits(text, Throttles())
}
