package server

import (
	"net/http"
	"runtime"

	"github.com/usance/usance/api"
	"github.com/usance/usance/console"
	"github.com/usance/usance/facade/cloudrtc"
	"github.com/usance/usance/facade/iam"
	"github.com/usance/usance/facade/koodrive"
	"github.com/usance/usance/facade/meeting"
	"github.com/usance/usance/facade/metastudio"
	"github.com/usance/usance/facade/zstack"
	"github.com/usance/usance/internal/figures"
	"github.com/usance/usance/internal/gate"
	"github.com/usance/usance/internal/gateway"
	"github.com/usance/usance/internal/inside"
	"github.com/usance/usance/internal/mapping"
)

// facade is what every vendor's surface offers.
type facade interface {
	http.Handler
	Owns(path string) bool
}

// mappings says where each façade's numbers come from: what tenants may override.
func mappings() mapping.Catalog {
	return mapping.Catalog{meeting.Name: meeting.Mapping(), koodrive.Name: koodrive.Mapping(), zstack.Name: zstack.Mapping(),
		cloudrtc.Name: cloudrtc.Mapping(), metastudio.Name: metastudio.Mapping()}
}

// mount builds every surface, in the order in which they are asked. The last one
// answers what no other owns. A vendor is one entry here and one folder.
func (s *Server) mount() (all []surface, err error) {
	c := s.config
	limits := c.Limits
	if c.Unthrottled {
		if limits, err = ParseThrottles("off"); err != nil {
			return nil, err
		}
	}
	of := func(name string, f facade) surface { return surface{name, f.Owns, f} }
	// Cloud RTC and MetaStudio take the credentials that IAM gives out.
	identity := iam.New(s.registry, s.ledger, iam.Options{Now: c.Now, Logger: c.Logger, Limits: limits})
	// The console's cookie stands for a bearer token at the native API.
	web, err := console.New(s.registry, console.Options{Now: c.Now, Logger: c.Logger, Key: c.MasterKey, Version: c.Version,
		Lockout: gateway.NewLockout(gateway.LockoutConfig{Now: c.Now})})
	if err != nil {
		return nil, err
	}
	meetings := meeting.New(s.registry, s.ledger, meeting.Options{Now: c.Now, Logger: c.Logger, Limits: limits})
	drive := koodrive.New(s.registry, s.ledger, koodrive.Options{Now: c.Now, Logger: c.Logger, Limits: limits})
	cloud := zstack.New(s.registry, s.ledger, zstack.Options{Now: c.Now, Logger: c.Logger})
	rtc := cloudrtc.New(s.registry, s.ledger, cloudrtc.Options{Now: c.Now, Logger: c.Logger, Authenticate: identity.Authenticate, Limits: limits})
	studio := metastudio.New(s.registry, s.ledger, metastudio.Options{Now: c.Now, Logger: c.Logger, Authenticate: identity.Authenticate, Limits: limits})
	explain := map[string]figures.Explainer{meeting.Name: meetings.Explain, koodrive.Name: drive.Explain, zstack.Name: cloud.Explain,
		cloudrtc.Name: rtc.Explain, metastudio.Name: studio.Explain}
	facades := map[string]inside.Surface{meeting.Name: {Handler: meetings, Calls: meeting.Calls()}, koodrive.Name: {Handler: drive, Calls: koodrive.Calls()},
		zstack.Name: {Handler: cloud, Calls: zstack.Calls()}, cloudrtc.Name: {Handler: rtc, Calls: cloudrtc.Calls()},
		metastudio.Name: {Handler: studio, Calls: metastudio.Calls()}}
	events := gate.New(gate.Config{Bytes: c.Memory / 8, Share: c.Memory / 16, Turns: runtime.GOMAXPROCS(0)})
	native := api.New(s.registry, s.ledger, api.Options{Now: c.Now, Logger: c.Logger, Home: c.Home, Gate: events, Verify: s.verify, Explain: explain, Facades: facades, Session: web.Authenticate,
		Mover:    s.mover,
		Snapshot: c.Snapshot, Version: c.Version})
	return []surface{
		{"operations", s.ownsOperations, http.HandlerFunc(s.operations)},
		of("meeting", meetings),
		of("koodrive", drive),
		of("zstack", cloud),
		of("iam", identity),
		of("cloudrtc", rtc),
		of("metastudio", studio),
		of("console", web),
		{"native", nil, native.Handler()},
	}, nil
}
