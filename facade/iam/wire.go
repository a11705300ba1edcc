package iam

import (
	"net/http"
	"slices"
	"strings"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/usance/usance"
	"github.com/usance/usance/registry"
)

// timeFormat is that of every time in an answer: UTC with microseconds.
const timeFormat = "2006-01-02T15:04:05.000000Z"

// keystone reports whether a request's refusals have Keystone's form.
func keystone(r *http.Request) bool { return !strings.HasPrefix(r.URL.Path, "/v5/") }

// The request for a token.
type tokenRequest struct {
	Auth *struct {
		Identity *struct {
			Methods  []string         `json:"methods"`
			Password *passwordRequest `json:"password"`
			Token    *oldTokenRequest `json:"token"`
		} `json:"identity"`
		Scope *scopeRequest `json:"scope"`
	} `json:"auth"`
}

type passwordRequest struct {
	User *userRequest `json:"user"`
}

type userRequest struct {
	ID       string         `json:"id"`
	Name     string         `json:"name"`
	Password string         `json:"password"`
	Domain   *domainRequest `json:"domain"`
}

type oldTokenRequest struct {
	ID string `json:"id"`
}

type scopeRequest struct {
	Project *struct {
		ID     string         `json:"id"`
		Name   string         `json:"name"`
		Domain *domainRequest `json:"domain"`
	} `json:"project"`
	Domain *domainRequest `json:"domain"`
}

type domainRequest struct {
	ID   string `json:"id"`
	Name string `json:"name"`
}

// is reports whether the request names the tenant's account.
func (in *domainRequest) is(d *registry.Definitions) bool {
	if in.ID == "" && in.Name == "" {
		return false
	}
	return (in.ID == "" || in.ID == DomainID(d.Tenant.ID)) && (in.Name == "" || in.Name == domainName(d))
}

// method returns the one way of signing in that is asked for.
func (in *tokenRequest) method() (string, error) {
	if in.Auth == nil || in.Auth.Identity == nil || len(in.Auth.Identity.Methods) == 0 {
		return "", invalid("auth.identity.methods is required.")
	}
	methods := in.Auth.Identity.Methods
	if slices.Equal(methods, []string{methodPassword}) || slices.Equal(methods, []string{methodToken}) {
		return methods[0], nil
	}
	return "", invalid(`auth.identity.methods must be ["password"] or ["token"].`)
}

// The request for a temporary access key.
type temporaryRequest struct {
	Auth *struct {
		Identity *struct {
			Methods []string `json:"methods"`
			Token   *struct {
				oldTokenRequest
				Duration *int64 `json:"duration_seconds"`
			} `json:"token"`
			Policy jsontext.Value `json:"policy"`
		} `json:"identity"`
	} `json:"auth"`
}

type temporaryAnswer struct {
	Credential temporaryCredential `json:"credential"`
}

type temporaryCredential struct {
	Access  string `json:"access"`
	Secret  string `json:"secret"`
	Expires string `json:"expires_at"`
	Token   string `json:"securitytoken"`
}

// A token as described to its holder; the token itself is in X-Subject-Token.
type tokenAnswer struct {
	Token tokenDescription `json:"token"`
}

type tokenDescription struct {
	Methods []string         `json:"methods"`
	Issued  string           `json:"issued_at"`
	Expires string           `json:"expires_at"`
	User    userEntry        `json:"user"`
	Project *projectScope    `json:"project,omitzero"`
	Domain  *accountName     `json:"domain,omitzero"`
	Roles   []roleEntry      `json:"roles"`
	Catalog []jsontext.Value `json:"catalog,omitzero"`
}

type userEntry struct {
	ID              string      `json:"id"`
	Name            string      `json:"name"`
	PasswordExpires string      `json:"password_expires_at"`
	Domain          accountName `json:"domain"`
}

type projectScope struct {
	ID     string      `json:"id"`
	Name   string      `json:"name"`
	Domain accountName `json:"domain"`
}

type roleEntry struct {
	ID   string `json:"id"`
	Name string `json:"name"`
}

type accountName struct {
	ID   string `json:"id"`
	Name string `json:"name"`
}

// describe writes a token out; its project has the name it had when the token was
// made.
func describe(d *registry.Definitions, p usance.Principal, s registry.Session, catalog bool) tokenAnswer {
	account := accountName{DomainID(p.Tenant), domainName(d)}
	out := tokenDescription{Methods: []string{s.Data[dataMethod]}, Issued: s.Created.UTC().Format(timeFormat), Expires: s.Expires.UTC().Format(timeFormat),
		User:  userEntry{ID: UserID(p.Tenant, p.User), Name: p.User, Domain: account},
		Roles: []roleEntry{{"0", RoleName(p.Role)}}}
	if catalog {
		out.Catalog = []jsontext.Value{}
	}
	id, scoped := s.Data[dataProject]
	if !scoped {
		out.Domain = &account
		return tokenAnswer{out}
	}
	out.Project = &projectScope{id, s.Data[dataName], account}
	return tokenAnswer{out}
}

// The lists.
type selfLink struct {
	Self string `json:"self"`
}

type pageLinks struct {
	Self     string  `json:"self"`
	Previous *string `json:"previous"`
	Next     *string `json:"next"`
}

type projectsAnswer[L any] struct {
	Links    L              `json:"links"`
	Projects []projectEntry `json:"projects"`
}

type projectAnswer struct {
	Project projectEntry `json:"project"`
}

type projectEntry struct {
	ID          string   `json:"id"`
	Name        string   `json:"name"`
	DomainID    string   `json:"domain_id"`
	ParentID    string   `json:"parent_id"`
	IsDomain    bool     `json:"is_domain"`
	Enabled     bool     `json:"enabled"`
	Description string   `json:"description"`
	Links       selfLink `json:"links"`
}

func describeProjects(r *http.Request, account string, list []project) []projectEntry {
	out := make([]projectEntry, len(list))
	for i, p := range list {
		out[i] = projectEntry{ID: p.id, Name: p.name, DomainID: account, ParentID: p.parent, Enabled: true,
			Links: selfLink{selfURL(r, "/v3/projects/"+p.id)}}
	}
	return out
}

type domainsAnswer struct {
	Domains []domainEntry `json:"domains"`
	Links   selfLink      `json:"links"`
}

type domainEntry struct {
	ID          string   `json:"id"`
	Name        string   `json:"name"`
	Enabled     bool     `json:"enabled"`
	Description string   `json:"description"`
	Links       selfLink `json:"links"`
}

type identityAnswer struct {
	AccountID    string `json:"account_id"`
	PrincipalID  string `json:"principal_id"`
	PrincipalURN string `json:"principal_urn"`
}
