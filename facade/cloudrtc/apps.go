package cloudrtc

import (
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/usance/usance"
	"github.com/usance/usance/internal/gateway"
	"github.com/usance/usance/registry"
)

type appsAnswer struct {
	Count int        `json:"count"`
	Apps  []appEntry `json:"apps"`
}

// appEntry is an application. What the vendor keeps of one and nobody defined
// here is left out.
type appEntry struct {
	Name   string   `json:"app_name"`
	ID     string   `json:"app_id"`
	State  appState `json:"state"`
	Tenant string   `json:"tenant_name"`
}

type appState struct {
	State string `json:"state"`
}

const maxApps = 100 // of one page, and its default

// listApps lists the applications of the credentials' project, or of all that the
// caller may see. offset counts pages from 0, as documented.
func (f *Facade) listApps(w http.ResponseWriter, r *http.Request) (any, error) {
	c, err := f.projects.Admit(w, r, "", f.apps)
	if err != nil {
		return nil, err
	}
	values, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return nil, wrongOfApps("query")
	}
	page, err := number(values, "offset", 0, 0, 1<<31-1)
	if err != nil {
		return nil, err
	}
	limit, err := number(values, "limit", maxApps, 1, maxApps)
	if err != nil {
		return nil, err
	}
	list, err := f.appsOf(r, c)
	if err != nil {
		return nil, err
	}
	switch states := values["state"]; {
	case len(states) > 1:
		return nil, wrongOfApps("state")
	case len(states) == 0 || states[0] == "" || states[0] == stateActivation:
	case states[0] == "DEACTIVATION" || states[0] == "ARREARS":
		list = nil
	default:
		return nil, wrongOfApps("state")
	}
	from := min(page*limit, len(list))
	return appsAnswer{Count: len(list), Apps: list[from:min(from+limit, len(list))]}, nil
}

func (f *Facade) showApp(w http.ResponseWriter, r *http.Request) (any, error) {
	c, err := f.projects.Admit(w, r, "", f.apps)
	if err != nil {
		return nil, err
	}
	at, err := f.reg.ResolveAlias(r.Context(), AliasApp, r.PathValue("app_id"))
	if usance.KindOf(err) == usance.KindNotFound || err == nil && (at.Tenant != c.Tenant || !at.Node.Within(c.Node)) {
		return nil, faultNoApp
	}
	if err != nil {
		return nil, err
	}
	d, err := f.reg.Definitions(r.Context(), c.Tenant)
	if err != nil {
		return nil, err
	}
	if n, ok := d.Node(at.Node); ok {
		if app, ok := appAt(d, n); ok {
			return app, nil
		}
	}
	return nil, faultNoApp
}

// number reads a whole number within bounds.
func number(values url.Values, name string, fallback, least, most int) (int, error) {
	list := values[name]
	if len(list) == 0 || len(list) == 1 && list[0] == "" {
		return fallback, nil
	}
	n, err := strconv.Atoi(list[0])
	if err != nil || len(list) > 1 || n < least || n > most {
		return 0, wrongOfApps(name)
	}
	return n, nil
}

// appsOf returns the applications at and below the caller's node, in the order of
// their nodes.
func (f *Facade) appsOf(r *http.Request, c gateway.Caller) ([]appEntry, error) {
	d, err := f.reg.Definitions(r.Context(), c.Tenant)
	if err != nil {
		return nil, err
	}
	var out []appEntry
	for _, n := range d.Nodes(c.Node) {
		if app, ok := appAt(d, n); ok {
			out = append(out, app)
		}
	}
	return out, nil
}

// appAt returns the application that a node is, if it is one.
func appAt(d *registry.Definitions, n usance.Node) (appEntry, bool) {
	id, ok := n.Aliases[AliasApp]
	if !ok {
		return appEntry{}, false
	}
	name := n.Name
	if name == "" {
		name = string(n.Path[strings.LastIndexByte(string(n.Path), '/')+1:])
	}
	if name == "" {
		name = id
	}
	return appEntry{Name: name, ID: id, State: appState{stateActivation}, Tenant: d.Alias(aliasDomain, string(d.Tenant.ID))}, true
}
