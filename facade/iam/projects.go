package iam

import (
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"

	"github.com/usance/usance/registry"
)

// maxPerPage is the documented bound on per_page.
const maxPerPage = 5000

// look identifies the caller of a look-up and loads what it may see.
func (f *Facade) look(w http.ResponseWriter, r *http.Request) (caller, *registry.Definitions, error) {
	body, err := f.bodies.Raw(w, r)
	if err != nil {
		return caller{}, nil, err
	}
	c, err := f.identify(r, body)
	if err != nil {
		return c, nil, err
	}
	d, err := f.reg.Definitions(r.Context(), c.Tenant)
	return c, d, err
}

// listProjects lists the caller's projects. With page and per_page it answers one
// page; filters that name something else than the caller's account match nothing.
func (f *Facade) listProjects(w http.ResponseWriter, r *http.Request) (int, any, error) {
	c, d, err := f.look(w, r)
	if err != nil {
		return 0, nil, err
	}
	query, err := readProjectQuery(r)
	if err != nil {
		return 0, nil, err
	}
	account := DomainID(c.Tenant)
	var matching []project
	if (query.domain == "" || query.domain == account) && query.enabled && !query.isDomain {
		for _, p := range projectsOf(d, c.Principal) {
			if (query.name == "" || p.name == query.name) && (query.parent == "" || p.parent == query.parent) {
				matching = append(matching, p)
			}
		}
	}
	links := pageLinks{Self: selfURL(r, r.URL.RequestURI())}
	if query.perPage > 0 {
		total := len(matching)
		from := min((query.page-1)*query.perPage, total)
		to := min(from+query.perPage, total)
		matching = matching[from:to]
		if to < total {
			links.Next = pageURL(r, query.page+1)
		}
		if query.page > 1 {
			links.Previous = pageURL(r, query.page-1)
		}
	}
	return http.StatusOK, projectsAnswer[pageLinks]{links, describeProjects(r, account, matching)}, nil
}

// projectQuery is what listProjects is asked for.
type projectQuery struct {
	name, domain, parent string
	enabled, isDomain    bool
	page, perPage        int // perPage 0 is everything
}

func readProjectQuery(r *http.Request) (projectQuery, error) {
	q := projectQuery{enabled: true, page: 1}
	values, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return q, invalid("The query string is malformed.")
	}
	for _, name := range slices.Sorted(maps.Keys(values)) { // of several faults the same is told each time
		list := values[name]
		if len(list) > 1 {
			return q, invalid("A query parameter is given more than once.")
		}
		value := list[0]
		if value == "" {
			continue // the vendor's SDKs send what is not set so
		}
		var err error
		switch name {
		case "name":
			q.name = value
		case "domain_id":
			q.domain = value
		case "parent_id":
			q.parent = value
		case "enabled":
			q.enabled, err = strconv.ParseBool(value)
		case "is_domain":
			q.isDomain, err = strconv.ParseBool(value)
		case "page":
			q.page, err = strconv.Atoi(value)
			if err == nil && (q.page < 1 || q.page > 1<<20) {
				err = strconv.ErrRange
			}
		case "per_page":
			q.perPage, err = strconv.Atoi(value)
			if err == nil && (q.perPage < 1 || q.perPage > maxPerPage) {
				err = strconv.ErrRange
			}
		}
		if err != nil {
			return q, invalid("The query parameter " + name + " is invalid.")
		}
	}
	if values.Get("page") != "" && q.perPage == 0 {
		return q, invalid("The query parameters page and per_page go together.")
	}
	return q, nil
}

// showProject answers one project of the caller's.
func (f *Facade) showProject(w http.ResponseWriter, r *http.Request) (int, any, error) {
	c, d, err := f.look(w, r)
	if err != nil {
		return 0, nil, err
	}
	for _, p := range projectsOf(d, c.Principal) {
		if p.id == r.PathValue("project_id") {
			return http.StatusOK, projectAnswer{describeProjects(r, DomainID(c.Tenant), []project{p})[0]}, nil
		}
	}
	return 0, nil, faultNoProject
}

// authProjects lists the projects that the caller can reach.
func (f *Facade) authProjects(w http.ResponseWriter, r *http.Request) (int, any, error) {
	c, d, err := f.look(w, r)
	if err != nil {
		return 0, nil, err
	}
	projects := describeProjects(r, DomainID(c.Tenant), projectsOf(d, c.Principal))
	return http.StatusOK, projectsAnswer[selfLink]{selfLink{selfURL(r, r.URL.Path)}, projects}, nil
}

// authDomains lists the caller's account.
func (f *Facade) authDomains(w http.ResponseWriter, r *http.Request) (int, any, error) {
	c, d, err := f.look(w, r)
	if err != nil {
		return 0, nil, err
	}
	account := DomainID(c.Tenant)
	return http.StatusOK, domainsAnswer{
		Domains: []domainEntry{{ID: account, Name: domainName(d), Enabled: true, Links: selfLink{selfURL(r, "/v3/domains/"+account)}}},
		Links:   selfLink{selfURL(r, r.URL.Path)},
	}, nil
}

// callerIdentity is the call by which SDKs learn their account's id from the
// security token service.
func (f *Facade) callerIdentity(w http.ResponseWriter, r *http.Request) (int, any, error) {
	c, _, err := f.look(w, r)
	if err != nil {
		return 0, nil, err
	}
	account := DomainID(c.Tenant)
	return http.StatusOK, identityAnswer{
		AccountID: account, PrincipalID: UserID(c.Tenant, c.User), PrincipalURN: "iam::" + account + ":user:" + c.User,
	}, nil
}

// selfURL is the address of a path on the host that was asked.
func selfURL(r *http.Request, path string) string {
	scheme := "http://"
	if r.TLS != nil {
		scheme = "https://"
	}
	return scheme + r.Host + path
}

func pageURL(r *http.Request, page int) *string {
	query := r.URL.Query()
	query.Set("page", strconv.Itoa(page))
	text := selfURL(r, r.URL.Path+"?"+query.Encode())
	return &text
}
