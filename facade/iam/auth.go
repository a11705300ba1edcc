package iam

import (
	"errors"
	"net/http"

	"github.com/usance/usance"
	"github.com/usance/usance/internal/gateway"
	"github.com/usance/usance/internal/sdksign"
	"github.com/usance/usance/registry"
)

// The headers of credentials.
const (
	headerAuthToken     = "X-Auth-Token"
	headerSubjectToken  = "X-Subject-Token"
	headerSecurityToken = "X-Security-Token"
	headerProjectID     = "X-Project-Id"
	headerDomainID      = "X-Domain-Id"
)

// caller is who a request speaks for.
type caller struct {
	usance.Principal
	project string // the only project that the credentials are for; "" when they name none
	account bool   // a token for the whole account
	session registry.Session
}

// Authenticate checks the credentials of a request to a service that lies behind
// IAM: a token in X-Auth-Token, or else a signature in Authorization by an access
// key, permanent or temporary. The body is the request's, as it was sent.
//
// It returns who the request speaks for, and the id of the one project the
// credentials are for: a token's scope or the X-Project-Id of a signed request, ""
// when there is no X-Project-Id. Whether that project is the one asked for, and
// whether the principal may see it, is the service's to check: each answers a
// wrong one in its own way.
//
// Credentials that are missing, wrong, expired or locked are APIGW.0301 with the
// gateway's reason; a token that is for no project is APIGW.0302.
func (f *Facade) Authenticate(r *http.Request, body []byte) (p usance.Principal, project string, refused *gateway.Fault) {
	c, refused := f.authenticate(r, body)
	if refused != nil {
		return usance.Principal{}, "", refused
	}
	if c.account {
		return usance.Principal{}, "", gateway.NotPermitted()
	}
	return c.Principal, c.project, nil
}

func (f *Facade) authenticate(r *http.Request, body []byte) (caller, *gateway.Fault) {
	if token := r.Header.Get(headerAuthToken); token != "" {
		return f.byToken(r, token)
	}
	switch headers := r.Header["Authorization"]; len(headers) {
	case 0:
		return caller{}, gateway.Unauthenticated(gateway.ReasonNoToken)
	case 1:
		return f.bySignature(r, headers[0], body)
	}
	return caller{}, gateway.Unauthenticated("verify aksk signature fail, there is more than one Authorization header")
}

func (f *Facade) byToken(r *http.Request, token string) (caller, *gateway.Fault) {
	s, p, err := f.reg.PeekSession(r.Context(), TokenKind, token)
	if err != nil {
		return caller{}, f.sessionFault(r, token, err)
	}
	project, scoped := s.Data[dataProject]
	return caller{p, project, !scoped, s}, nil
}

// sessionFault tells a token that has expired from one that is no token. The
// expiry is read from the token: it is no secret, and what a forger reads there is
// what the forger wrote.
func (f *Facade) sessionFault(r *http.Request, token string, err error) *gateway.Fault {
	if usance.KindOf(err) != usance.KindUnauthorized {
		return f.coreFault(r, err)
	}
	if at, ok := expiryOf(token); ok && !f.o.Now().Before(at) {
		return gateway.TokenExpired(at)
	}
	return gateway.Unauthenticated(gateway.ReasonBadToken)
}

// coreFault translates a failure of the core that is not the caller's.
func (f *Facade) coreFault(r *http.Request, err error) *gateway.Fault {
	f.refusals.LogError(r, err)
	if usance.KindOf(err) == usance.KindUnavailable {
		return gateway.Unavailable()
	}
	return gateway.Internal()
}

func (f *Facade) bySignature(r *http.Request, header string, body []byte) (caller, *gateway.Fault) {
	if scheme, ok := sdksign.SchemeOf(header); ok && scheme == sdksign.AppHMAC {
		return caller{}, gateway.Unauthenticated(gateway.ReasonNoToken) // another product's
	}
	auth, err := sdksign.Parse(header)
	if err != nil {
		return caller{}, gateway.SignatureFault(err)
	}
	if _, locked := f.keys.Locked(auth.KeyID); locked {
		return caller{}, gateway.Unauthenticated(gateway.ReasonKeyLocked)
	}
	p, secret, refused := f.keyOf(r, auth.KeyID)
	if refused != nil {
		return caller{}, refused
	}
	if err := sdksign.Verify(sdksign.FromHTTP(r, body), auth, secret, f.o.Now(), f.o.Window); err != nil {
		refused := gateway.SignatureFault(err)
		if failure, ok := errors.AsType[*sdksign.Failure](err); ok && failure.Reason == sdksign.Mismatch {
			f.keys.Fail(auth.KeyID)
		}
		return caller{}, refused
	}
	f.keys.Succeed(auth.KeyID)
	return scopeOf(r, p)
}

// scopeOf reads what a signed request says it is for.
func scopeOf(r *http.Request, p usance.Principal) (caller, *gateway.Fault) {
	projects, domains := r.Header[headerProjectID], r.Header[headerDomainID]
	if len(projects) > 1 || len(domains) > 1 {
		return caller{}, gateway.BadRequest()
	}
	if len(domains) == 1 && domains[0] != "" && domains[0] != DomainID(p.Tenant) {
		return caller{}, gateway.NotPermitted()
	}
	c := caller{Principal: p}
	if len(projects) == 1 {
		c.project = projects[0]
	}
	return c, nil
}

// keyOf returns an access key's user and secret: of a temporary key when the
// request has a security token, which must then be that key's.
func (f *Facade) keyOf(r *http.Request, id string) (usance.Principal, string, *gateway.Fault) {
	if token := r.Header.Get(headerSecurityToken); token != "" {
		s, p, err := f.reg.PeekSession(r.Context(), TemporaryKind, token)
		if err != nil {
			return p, "", f.sessionFault(r, token, err)
		}
		if s.Data[dataAccess] != id {
			return p, "", gateway.UnknownKey(id)
		}
		secret, ok := temporarySecret(s, token)
		if !ok {
			return p, "", f.coreFault(r, usance.ErrCorrupt)
		}
		return p, secret, nil
	}
	key, err := f.reg.Key(r.Context(), usance.KeyAKSK, id)
	if usance.KindOf(err) == usance.KindNotFound {
		return usance.Principal{}, "", gateway.UnknownKey(id)
	}
	if err != nil {
		return usance.Principal{}, "", f.coreFault(r, err)
	}
	return key.Principal, key.Secret, nil
}

// identify is authenticate for IAM's own calls, which refuse tokens in Keystone's
// words; signatures are refused by the gateway before IAM hears of them.
func (f *Facade) identify(r *http.Request, body []byte) (caller, error) {
	c, refused := f.authenticate(r, body)
	if refused == nil {
		return c, nil
	}
	if refused.Status == http.StatusUnauthorized && keystone(r) {
		if r.Header.Get(headerAuthToken) != "" {
			return c, faultToken
		}
		if r.Header.Get("Authorization") == "" {
			return c, faultNoToken
		}
	}
	return c, refused
}
