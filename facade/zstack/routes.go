package zstack

import (
	"net/http"
	"strings"

	"github.com/usance/usance/internal/inside"
)

// route is one API: its place, who may call it, and what serves it.
type route struct {
	name     string
	method   string
	segments []string // ":name" stands for any one segment
	action   string   // the member of the body that holds the parameters
	open     bool     // needs no Authorization
	async    bool     // answers 202 and a job
	serve    func(*call) ([]byte, error)
}

func (r *route) match(segments []string) (map[string]string, bool) {
	if len(segments) != len(r.segments) {
		return nil, false
	}
	var vars map[string]string
	for i, want := range r.segments {
		name, isVar := strings.CutPrefix(want, ":")
		if !isVar {
			if segments[i] != want {
				return nil, false
			}
			continue
		}
		if segments[i] == "" {
			return nil, false
		}
		if vars == nil {
			vars = map[string]string{}
		}
		vars[name] = segments[i]
	}
	return vars, true
}

// table lists every API served. Of two routes that match, the first wins.
func (f *Facade) table() []route {
	get := func(path string, serve func(*call) ([]byte, error)) route {
		return route{method: http.MethodGet, segments: split(path), serve: serve}
	}
	put := func(path, action string, serve func(*call) ([]byte, error)) route {
		return route{method: http.MethodPut, segments: split(path), action: action, serve: serve}
	}
	open := func(r route) route { r.open = true; return r }
	async := func(r route) route { r.async = true; return r }
	routes := []route{
		get("/v1/iam2/organizations/quota/:uuid/usages", organizationUsage),
		// Two spellings that revisions of the Go SDK produce for the same call: one
		// leaves the template in the path, one loses what follows the uuid.
		get("/v1/iam2/organizations/quota/{uuid}/usages/:uuid", organizationUsage),
		get("/v1/iam2/organizations/quota/:uuid", organizationUsage),
		get("/v1/accounts/quota/:uuid/usages", accountUsage),

		open(put("/v1/accounts/login", "logInByAccount", logInByAccount)),
		open(put("/v1/accounts/users/login", "logInByUser", logInByUser)),
		open(put("/v1/iam2/virtual-ids/login", "loginIAM2VirtualID", logInVirtualID)),
		open(put("/v1/login", "logIn", logIn)),
		open(put("/v1/ldap/login", "logInByLdap", logInByLdap)),
		put("/v1/iam2/projects/login", "loginIAM2Project", logInProject),
		put("/v1/iam2/platform/login", "loginIAM2Platform", logInPlatform),
		open(get("/v1/login/procedures", loginProcedures)),
		open(route{method: http.MethodDelete, segments: split("/v1/accounts/sessions/:sessionUuid"), serve: logOut}),
		open(get("/v1/accounts/sessions/:sessionUuid/valid", validateSession)),
		async(put("/v1/accounts/sessions/:sessionUuid/renew", "renewSession", renewSession)),

		get("/v1/iam2/organizations/availabilities", organizationsExist),
		get("/v1/iam2/organizations/:uuid/virtualIDNumber", virtualIDNumber),
		// The capital O is ZStack's own.
		async(put("/v1/iam2/Organization/quotas/actions", "updateOrganizationQuota", updateOrganizationQuota)),
		async(put("/v1/accounts/quotas/actions", "updateQuota", updateQuota)),

		open(get("/v1/management-nodes/ready", isReadyToGo)),
		open(put("/v1/management-nodes/actions", "getVersion", getVersion)),
	}
	inventories := f.inventories()
	for path, in := range inventories {
		routes = append(routes, get(path, in.list))
	}
	for path, in := range inventories { // behind all lists: /accounts/quotas is not the account "quotas"
		routes = append(routes, get(path+"/:uuid", in.one))
	}
	for i := range routes {
		routes[i].name = "zstack " + routes[i].method + " " + strings.Join(routes[i].segments, "/")
	}
	return routes
}

func split(path string) []string { return strings.Split(path, "/") }

// Routes returns every call served, as "METHOD path" below the context path;
// variables of the path begin with a colon.
func (f *Facade) Routes() []string {
	out := make([]string, 0, len(f.routes))
	for _, r := range f.routes {
		out = append(out, r.method+" "+strings.Join(r.segments, "/"))
	}
	return out
}

// Calls returns the reads that may be asked for from inside. What a user has of its
// own, such as access keys, is not among them: who asks there may be a token.
func Calls() []inside.Call {
	return []inside.Call{
		{Name: "GetOrganizationQuotaUsage", Path: contextPath + "/v1/iam2/organizations/quota/{uuid}/usages"},
		{Name: "QueryIAM2Organization", Path: contextPath + "/v1/iam2/organizations"},
		{Name: "QueryIAM2Project", Path: contextPath + "/v1/iam2/projects"},
		{Name: "QueryQuota", Path: contextPath + "/v1/accounts/quotas"},
	}
}

// match finds the route of a request: 404 in text for a path that nothing is
// mapped to, 405 for one that is mapped with other methods.
func (f *Facade) match(method, path string) (*route, map[string]string, error) {
	segments := split(path)
	mapped := false
	for i := range f.routes {
		r := &f.routes[i]
		vars, ok := r.match(segments)
		if !ok {
			continue
		}
		if r.method == method {
			return r, vars, nil
		}
		mapped = true
	}
	if mapped {
		return nil, nil, plainf(http.StatusMethodNotAllowed, "the method %s is not allowed here", clip(method))
	}
	return nil, nil, plainf(http.StatusNotFound, "no api mapping to %s", clip(path))
}
