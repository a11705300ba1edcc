package iam

import (
	"context"
	"net"
	"net/http"
	"time"

	"github.com/usance/usance"
	"github.com/usance/usance/registry"
)

// What a token's session keeps beside its user.
const (
	dataProject = "project" // id of the project it is for; absent for the whole account
	dataName    = "name"    // of that project
	dataMethod  = "method"  // how it was got
)

// maxTokens bounds the live tokens, and the live temporary keys, of one user; one
// more ends the oldest.
const maxTokens = 500

// The ways of signing in.
const (
	methodPassword = "password"
	methodToken    = "token"
)

func (f *Facade) createToken(w http.ResponseWriter, r *http.Request) (int, any, error) {
	var body tokenRequest
	if _, err := f.read(w, r, &body); err != nil {
		return 0, nil, err
	}
	method, err := body.method()
	if err != nil {
		return 0, nil, err
	}
	var p usance.Principal
	var old registry.Session
	if method == methodPassword {
		p, err = f.byPassword(w, r, body.Auth.Identity.Password)
	} else {
		var c caller
		c, err = f.byOldToken(r, body.Auth.Identity.Token)
		p, old = c.Principal, c.session
	}
	if err != nil {
		return 0, nil, err
	}
	d, err := f.reg.Definitions(r.Context(), p.Tenant)
	if err != nil {
		return 0, nil, err
	}
	now := f.o.Now().UTC().Truncate(time.Microsecond) // only now: checking a password takes its time
	s := registry.Session{Kind: TokenKind, Tenant: p.Tenant, User: p.User, Created: now, Expires: now.Add(f.o.TokenLife),
		Data: map[string]string{dataMethod: method}}
	if method == methodToken && old.Expires.Before(s.Expires) {
		s.Expires = old.Expires // or no token would ever have to end
	}
	scoped, err := f.resolveScope(r.Context(), d, p, body.Auth.Scope)
	if err != nil {
		return 0, nil, err
	}
	if scoped != nil {
		s.Data[dataProject], s.Data[dataName] = scoped.id, scoped.name
	}
	token := newToken(s.Expires)
	if err := f.reg.OpenSession(r.Context(), token, p, s, maxTokens, true); err != nil {
		return 0, nil, err
	}
	w.Header().Set(headerSubjectToken, token)
	return http.StatusCreated, describe(d, p, s, r.URL.Query().Get("nocatalog") == ""), nil
}

// byPassword checks a user's password. Unknown accounts and users cost the same
// time and get the same answer as wrong passwords, and are locked the same way.
func (f *Facade) byPassword(w http.ResponseWriter, r *http.Request, in *passwordRequest) (usance.Principal, error) {
	if in == nil || in.User == nil {
		return usance.Principal{}, invalid("auth.identity.password.user is required.")
	}
	u := in.User
	if u.Password == "" || u.ID == "" && (u.Name == "" || u.Domain == nil || u.Domain.Name == "" && u.Domain.ID == "") {
		return usance.Principal{}, invalid("The user needs a password, and an id or a name with the domain's name.")
	}
	if len(u.Name)+len(u.ID) > usance.MaxNameBytes {
		return usance.Principal{}, faultCredentials
	}
	account := ""
	if u.Domain != nil {
		account = u.Domain.Name + "\x00" + u.Domain.ID
	}
	if refused := f.throttle.Admit(w, remoteIP(r)+"\x00"+account+"\x00"+u.Name+"\x00"+u.ID); refused != nil {
		return usance.Principal{}, refused
	}
	tenant, name, err := f.find(r.Context(), u)
	if err != nil {
		return usance.Principal{}, err
	}
	// The lock is on what was found, so that it does not matter how it is named.
	lock := string(tenant) + "\x00" + name
	if tenant == "" || name == "" {
		lock = "\x00" + account + "\x00" + u.Name + "\x00" + u.ID
	}
	if _, locked := f.users.Locked(lock); locked {
		return usance.Principal{}, faultLocked
	}
	p, err := f.reg.SignInTenant(r.Context(), tenant, name, u.Password)
	if usance.KindOf(err) == usance.KindUnauthorized {
		f.users.Fail(lock)
		return p, faultCredentials
	}
	if err != nil {
		return p, err
	}
	f.users.Succeed(lock)
	return p, nil
}

func remoteIP(r *http.Request) string {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		return r.RemoteAddr
	}
	return host
}

// maxSearched bounds the tenants looked through for an account or user named by
// its id alone, which says nothing of the tenant.
const maxSearched = 10_000

// find returns the tenant and name of a user. Either is empty when there is none.
func (f *Facade) find(ctx context.Context, u *userRequest) (usance.TenantID, string, error) {
	tenant, err := f.findTenant(ctx, u)
	if err != nil || tenant == "" || u.ID == "" {
		return tenant, u.Name, err
	}
	d, err := f.reg.Definitions(ctx, tenant)
	if err != nil {
		return "", "", err
	}
	for _, user := range d.Users() {
		if UserID(tenant, user.Name) == u.ID {
			return tenant, user.Name, nil
		}
	}
	return tenant, "", nil
}

func (f *Facade) findTenant(ctx context.Context, u *userRequest) (usance.TenantID, error) {
	if u.Domain != nil && u.Domain.Name != "" {
		return f.accountNamed(ctx, u.Domain.Name)
	}
	if u.Domain != nil && u.Domain.ID != "" {
		return f.search(ctx, func(t usance.TenantID) bool { return DomainID(t) == u.Domain.ID })
	}
	return f.search(ctx, func(t usance.TenantID) bool {
		return len(u.ID) == len(UserID(t, "")) && u.ID[:16] == UserID(t, "")[:16]
	})
}

// accountNamed returns the tenant whose account has the name, by its alias or
// else by its id, or "" when there is none.
func (f *Facade) accountNamed(ctx context.Context, name string) (usance.TenantID, error) {
	at, err := f.reg.ResolveAlias(ctx, AliasDomain, name)
	if err == nil {
		return at.Tenant, nil
	}
	if usance.KindOf(err) != usance.KindNotFound {
		return "", err
	}
	tenant := usance.TenantID(name)
	if valid := tenant.Check() == nil; !valid {
		return "", nil
	}
	if _, err = f.reg.Definitions(ctx, tenant); usance.KindOf(err) == usance.KindNotFound {
		tenant, err = "", nil
	}
	return tenant, err
}

func (f *Facade) search(ctx context.Context, is func(usance.TenantID) bool) (usance.TenantID, error) {
	last := usance.TenantID("")
	for range maxSearched / usance.MaxPageSize {
		page, err := f.reg.Tenants(ctx, last, usance.MaxPageSize)
		if err != nil {
			return "", err
		}
		for _, tenant := range page {
			if is(tenant) {
				return tenant, nil
			}
		}
		if len(page) < usance.MaxPageSize {
			break
		}
		last = page[len(page)-1]
	}
	return "", nil
}

// byOldToken returns who holds the token in the body or, where it has none, in
// X-Auth-Token.
func (f *Facade) byOldToken(r *http.Request, in *oldTokenRequest) (caller, error) {
	token := r.Header.Get(headerAuthToken)
	if in != nil && in.ID != "" {
		token = in.ID
	}
	if token == "" {
		return caller{}, invalid("auth.identity.token.id is required.")
	}
	c, refused := f.byToken(r, token)
	if refused == nil {
		return c, nil
	}
	if refused.Status == http.StatusUnauthorized {
		return c, faultToken
	}
	return c, refused
}

// resolveScope returns the project that a token is asked for; nil is the whole
// account.
func (f *Facade) resolveScope(ctx context.Context, d *registry.Definitions, p usance.Principal, in *scopeRequest) (*project, error) {
	if in == nil || in.Project == nil {
		if in != nil && in.Domain != nil && !in.Domain.is(d) {
			return nil, faultNoDomain
		}
		return nil, nil
	}
	want := in.Project
	if in.Domain != nil {
		return nil, invalid("auth.scope is a project or a domain, not both.")
	}
	if want.ID == "" && want.Name == "" {
		return nil, invalid("auth.scope.project needs an id or a name.")
	}
	if want.Domain != nil && !want.Domain.is(d) {
		return nil, faultNoDomain
	}
	found, err := f.findProjects(ctx, d, want.ID, want.Name)
	if err != nil {
		return nil, err
	}
	var seen []project
	for _, own := range found {
		if p.May(usance.RightRead, own.node) == nil {
			seen = append(seen, own)
		}
	}
	switch {
	case len(seen) == 1:
		return &seen[0], nil
	case len(seen) > 1:
		return nil, invalid("Several projects of the account have that name; use the id.")
	case len(found) > 0:
		return nil, faultForbidden
	}
	return nil, faultNoProject
}

// findProjects returns the tenant's projects of an id, or else of a name. Usual
// scopes, an id or the region of the root, are found without a search.
func (f *Facade) findProjects(ctx context.Context, d *registry.Definitions, id, name string) ([]project, error) {
	nodes := []usance.Node{}
	root, _ := d.Node(usance.Root)
	switch {
	case id != "":
		at, err := f.reg.ResolveAlias(ctx, AliasProject, id)
		if usance.KindOf(err) == usance.KindNotFound || err == nil && at.Tenant != d.Tenant.ID {
			return nil, nil
		}
		if err != nil {
			return nil, err
		}
		if n, ok := d.Node(at.Node); ok {
			nodes = append(nodes, n)
		}
	case root.Aliases[AliasProjectName] == name:
		nodes = append(nodes, root)
	default:
		nodes = d.Nodes(usance.Root)
	}
	var out []project
	for _, n := range nodes {
		if own, ok := projectAt(d, n); ok && (id == "" || own.id == id) && (name == "" || own.name == name) {
			out = append(out, own)
		}
	}
	return out, nil
}

// validateToken tells a token's holder, or an administrator of its account, what
// it is.
func (f *Facade) validateToken(w http.ResponseWriter, r *http.Request) (int, any, error) {
	body, err := f.bodies.Raw(w, r)
	if err != nil {
		return 0, nil, err
	}
	c, err := f.identify(r, body)
	if err != nil {
		return 0, nil, err
	}
	token := r.Header.Get(headerSubjectToken)
	if token == "" {
		return 0, nil, invalid("X-Subject-Token is required.")
	}
	s, p, err := f.reg.PeekSession(r.Context(), TokenKind, token)
	if usance.KindOf(err) == usance.KindUnauthorized || err == nil && p.Tenant != c.Tenant {
		return 0, nil, faultNoSubject
	}
	if err != nil {
		return 0, nil, err
	}
	if p.User != c.User && c.May(usance.RightManage, usance.Root) != nil {
		return 0, nil, faultForbidden
	}
	d, err := f.reg.Definitions(r.Context(), p.Tenant)
	if err != nil {
		return 0, nil, err
	}
	w.Header().Set(headerSubjectToken, token)
	return http.StatusOK, describe(d, p, s, r.URL.Query().Get("nocatalog") == ""), nil
}
