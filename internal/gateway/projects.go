package gateway

import (
	"context"
	"net/http"
	"time"

	"github.com/usance/usance"
	"github.com/usance/usance/internal/httpx"
	"github.com/usance/usance/internal/inside"
)

// Authenticate checks a request's credentials, given its body as it was sent. It
// returns who the request speaks for and the id of the one project the credentials
// are for, "" when they name none.
type Authenticate func(r *http.Request, body []byte) (usance.Principal, string, *Fault)

// Caller is who a request speaks for and where.
type Caller struct {
	usance.Principal
	Node usance.Path // of the project; of all the principal may see when no project is named
}

// Projects lets requests in to a service whose calls are about a project.
type Projects struct {
	Bodies       *httpx.Bodies
	Authenticate Authenticate
	// Resolve returns the tenant and the node that a project's id names, or
	// usance.KindNotFound.
	Resolve func(ctx context.Context, project string) (usance.TenantID, usance.Path, error)
	// Foreign answers a project that is nobody's or not the caller's, and two
	// projects in one request.
	Foreign error
	// Optional lets a path without a project go by X-Project-Id and the credentials;
	// without it the path's project counts, even an empty one.
	Optional bool
}

// Admit checks a request's credentials, project, right to read and throttles, in
// that order, and marks the moment at which it reaches the service. A request from
// inside needs no credentials and is counted by no throttle. The project is the
// path's. The error is Foreign, a *Fault, or one of the core.
func (p *Projects) Admit(w http.ResponseWriter, r *http.Request, project string, throttles ...*Throttle) (Caller, error) {
	principal, bound, err := p.enter(w, r)
	if err != nil {
		return Caller{}, err
	}
	for _, named := range [...]string{bound, r.Header.Get("X-Project-Id")} {
		if project == "" && p.Optional {
			project = named
		} else if named != "" && named != project {
			return Caller{}, p.Foreign
		}
	}
	c := Caller{principal, principal.Subtree}
	if project != "" || !p.Optional {
		tenant, node, err := p.Resolve(r.Context(), project)
		if usance.KindOf(err) == usance.KindNotFound || err == nil && tenant != principal.Tenant {
			return Caller{}, p.Foreign
		}
		if err != nil {
			return Caller{}, err
		}
		c.Node = node
	}
	if principal.May(usance.RightRead, c.Node) != nil {
		return Caller{}, NotPermitted()
	}
	if _, ok := inside.Who(r.Context()); ok {
		throttles = nil
	}
	for _, throttle := range throttles {
		if refused := throttle.Admit(w, string(principal.Tenant)); refused != nil {
			return Caller{}, refused
		}
	}
	Upstream(r.Context())
	return c, nil
}

// enter returns who a request speaks for, and the project its credentials are for.
func (p *Projects) enter(w http.ResponseWriter, r *http.Request) (usance.Principal, string, error) {
	if who, ok := inside.Who(r.Context()); ok {
		return who, "", nil
	}
	body, err := p.Bodies.Raw(w, r)
	if err != nil {
		return usance.Principal{}, "", err
	}
	principal, bound, refused := p.Authenticate(r, body)
	if refused != nil {
		return usance.Principal{}, "", refused
	}
	return principal, bound, nil
}

// ServiceBodies reads the bodies of a service's requests: up to max bytes, 64 KiB
// unless max is positive, that arrive within 30 seconds.
func ServiceBodies(max int64) *httpx.Bodies {
	if max <= 0 {
		max = 64 << 10
	}
	return httpx.NewBodies(httpx.BodyConfig{Max: max, Timeout: 30 * time.Second})
}
