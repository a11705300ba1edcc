package console

import (
	"context"
	"errors"
	"log/slog"
	"math"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/usance/usance"
	"github.com/usance/usance/internal/httpx"
	"github.com/usance/usance/registry"
)

// SessionKind is the kind of the registry's sessions that the console opens.
const SessionKind = "console"

// HeaderConsole must stand, with any value, on every request that relies on the
// session cookie. A page of another site cannot set it without this server's
// consent, which it never gives.
const HeaderConsole = "X-Usance-Console"

const (
	cookieName = "usance_console"
	byUser     = "u." // a registry session's token follows
	byToken    = "t." // a sealed bearer token follows

	// sessionLife is how long a session lasts after its last use.
	sessionLife = 12 * time.Hour
	// sessionsOfUser is how many a user has at once; one more ends the oldest.
	sessionsOfUser = 32
)

// signIn is what a browser sends: a token, or a login with its password.
type signIn struct {
	Token    string `json:"token"`
	Login    string `json:"login"`
	Password string `json:"password"`
}

// sessionState tells the page who it speaks for.
type sessionState struct {
	SignedIn bool        `json:"signed_in"`
	User     string      `json:"user,omitempty"`
	Role     usance.Role `json:"role,omitempty"`
	Via      string      `json:"via,omitempty"` // "token" or "password"
	Subtree  usance.Path `json:"subtree,omitempty"`
	Tenant   *tenantOf   `json:"tenant,omitempty"` // none for an operator
	Version  string      `json:"version,omitempty"`
}

type tenantOf struct {
	ID       usance.TenantID `json:"id"`
	Name     string          `json:"name,omitempty"`
	Timezone string          `json:"timezone"`
}

// problem is an error answer in the native API's form (RFC 9457).
type problem struct {
	Type      string `json:"type"`
	Title     string `json:"title"`
	Status    int    `json:"status"`
	Detail    string `json:"detail,omitempty"`
	RequestID string `json:"request_id,omitempty"`
}

// Authenticate returns who a request's console session speaks for. The second
// result is false for a request that does not use one: it has no session cookie,
// or not the header HeaderConsole, or comes from a page of another site. A session
// that has ended is KindUnauthorized.
func (c *Console) Authenticate(r *http.Request) (usance.Principal, bool, error) {
	value, ok := cookieOf(r)
	if !ok || !fromOurPage(r) {
		return usance.Principal{}, false, nil
	}
	who, err := c.principal(r.Context(), value)
	return who, true, err
}

func cookieOf(r *http.Request) (string, bool) {
	cookies := r.CookiesNamed(cookieName)
	if len(cookies) != 1 || len(cookies[0].Value) > 1<<10 {
		return "", false
	}
	return cookies[0].Value, cookies[0].Value != ""
}

// fromOurPage refuses what a page of another site could make a browser send.
// Browsers that know Sec-Fetch-Site cannot be talked out of it.
func fromOurPage(r *http.Request) bool {
	if len(r.Header.Values(HeaderConsole)) == 0 {
		return false
	}
	site := r.Header.Get("Sec-Fetch-Site")
	return site == "" || site == "same-origin"
}

var errEnded = usance.Errorf(usance.KindUnauthorized, "the session has ended; sign in again")

func (c *Console) principal(ctx context.Context, cookie string) (usance.Principal, error) {
	if token, ok := strings.CutPrefix(cookie, byUser); ok {
		_, who, err := c.reg.Session(ctx, SessionKind, token)
		who.Via = "password"
		return who, err
	}
	sealed, ok := strings.CutPrefix(cookie, byToken)
	if !ok {
		return usance.Principal{}, errEnded
	}
	token, expires, ok := c.seal.open(sealed)
	if !ok || !c.o.Now().Before(expires) {
		return usance.Principal{}, errEnded
	}
	return c.reg.Bearer(ctx, token)
}

// session answers /console/session: GET tells who is signed in, POST signs in,
// DELETE signs out. Repeating a DELETE is no error.
func (c *Console) session(w http.ResponseWriter, r *http.Request) {
	httpx.SetRoute(r.Context(), r.Method+" "+pathSession)
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	var err error
	switch r.Method {
	case http.MethodGet, http.MethodHead:
		err = c.tell(w, r)
	case http.MethodPost:
		err = c.signIn(w, r)
	case http.MethodDelete:
		err = c.signOut(w, r)
	default:
		httpx.SetRoute(r.Context(), pathSession)
		w.Header().Set("Allow", "GET, HEAD, POST, DELETE")
		writeProblem(w, r, problem{Type: "urn:usance:problem:method-not-allowed", Title: "Method not allowed", Status: http.StatusMethodNotAllowed})
		return
	}
	if err != nil {
		c.fail(w, r, err)
	}
}

func (c *Console) tell(w http.ResponseWriter, r *http.Request) error {
	state := sessionState{Version: c.o.Version}
	who, used, err := c.Authenticate(r)
	if usance.KindOf(err) == usance.KindUnauthorized && used && err != nil {
		forget(w, r)
		return httpx.WriteJSON(w, http.StatusOK, state)
	}
	if err != nil {
		return err
	}
	if used {
		if state, err = c.stateOf(r.Context(), who); err != nil {
			return err
		}
		c.extend(w, r)
	}
	return httpx.WriteJSON(w, http.StatusOK, state)
}

// extend gives the cookie of a token another life. A user's session slides by
// itself.
func (c *Console) extend(w http.ResponseWriter, r *http.Request) {
	value, _ := cookieOf(r)
	if sealed, ok := strings.CutPrefix(value, byToken); ok {
		if token, _, ok := c.seal.open(sealed); ok {
			c.remember(w, r, byToken+c.seal.seal(token, c.o.Now().Add(sessionLife)))
		}
	}
}

func (c *Console) stateOf(ctx context.Context, who usance.Principal) (sessionState, error) {
	s := sessionState{SignedIn: true, User: who.User, Role: who.Role, Via: who.Via, Subtree: who.Subtree, Version: c.o.Version}
	if who.Tenant == "" {
		return s, nil
	}
	d, err := c.reg.Definitions(ctx, who.Tenant)
	if err != nil {
		return s, err
	}
	s.Tenant = &tenantOf{ID: who.Tenant, Name: d.Tenant.Name, Timezone: d.Tenant.Timezone}
	return s, nil
}

func (c *Console) signIn(w http.ResponseWriter, r *http.Request) error {
	if !fromOurPage(r) {
		return usance.Errorf(usance.KindForbidden, "sign in on the console's own page")
	}
	body, err := c.bodies.Read(w, r)
	if err != nil {
		return err
	}
	var in signIn
	if err := httpx.DecodeJSON(body, &in, httpx.JSONRules{}); err != nil {
		return err
	}
	var who usance.Principal
	var cookie string
	switch {
	case in.Token != "" && in.Login == "" && in.Password == "":
		who, cookie, err = c.withToken(r.Context(), strings.TrimSpace(in.Token))
	case in.Token == "" && in.Login != "" && in.Password != "":
		who, cookie, err = c.withPassword(w, r.Context(), strings.TrimSpace(in.Login), in.Password)
	default:
		return usance.Errorf(usance.KindInvalid, "a token is needed, or a name and a password")
	}
	if err != nil {
		return err
	}
	state, err := c.stateOf(r.Context(), who)
	if err != nil {
		return err
	}
	c.remember(w, r, cookie)
	return httpx.WriteJSON(w, http.StatusOK, state)
}

func (c *Console) withToken(ctx context.Context, token string) (usance.Principal, string, error) {
	who, err := c.reg.Bearer(ctx, token)
	return who, byToken + c.seal.seal(token, c.o.Now().Add(sessionLife)), err
}

func (c *Console) withPassword(w http.ResponseWriter, ctx context.Context, login, password string) (usance.Principal, string, error) {
	if c.o.Lockout != nil {
		if until, locked := c.o.Lockout.Locked(login); locked {
			return usance.Principal{}, "", c.locked(w, until)
		}
	}
	who, err := c.reg.SignIn(ctx, login, password)
	if err != nil {
		if c.o.Lockout != nil && usance.KindOf(err) == usance.KindUnauthorized {
			if until, locked := c.o.Lockout.Fail(login); locked {
				return who, "", c.locked(w, until)
			}
		}
		return who, "", err
	}
	if c.o.Lockout != nil {
		c.o.Lockout.Succeed(login)
	}
	now := c.o.Now()
	token := registry.NewSecret("")
	s := registry.Session{Kind: SessionKind, Created: now, Expires: now.Add(sessionLife), Sliding: sessionLife}
	return who, byUser + token, c.reg.OpenSession(ctx, token, who, s, sessionsOfUser, true)
}

func (c *Console) locked(w http.ResponseWriter, until time.Time) error {
	wait := max(1, int(math.Ceil(until.Sub(c.o.Now()).Seconds())))
	w.Header().Set("Retry-After", strconv.Itoa(wait))
	return usance.Errorf(usance.KindLocked, "there were too many failed sign-ins; try again in %d s", wait)
}

// signOut ends a user's session. The cookie of a token is only forgotten: what
// ends a token everywhere is removing it.
func (c *Console) signOut(w http.ResponseWriter, r *http.Request) error {
	if !fromOurPage(r) {
		return usance.Errorf(usance.KindForbidden, "sign out on the console's own page")
	}
	if value, ok := cookieOf(r); ok {
		if token, ok := strings.CutPrefix(value, byUser); ok {
			if _, err := c.reg.CloseSession(r.Context(), SessionKind, token); err != nil {
				return err
			}
		}
	}
	forget(w, r)
	w.WriteHeader(http.StatusNoContent)
	return nil
}

// remember sets the cookie, which lasts until the browser is closed.
func (c *Console) remember(w http.ResponseWriter, r *http.Request, value string) {
	http.SetCookie(w, sessionCookie(r, value))
}

func forget(w http.ResponseWriter, r *http.Request) {
	cookie := sessionCookie(r, "")
	cookie.MaxAge = -1
	http.SetCookie(w, cookie)
}

func sessionCookie(r *http.Request, value string) *http.Cookie {
	// Behind a proxy that speaks TLS the header says so. Believing it wrongly only
	// keeps the cookie off plain HTTP.
	secure := r.TLS != nil || strings.EqualFold(r.Header.Get("X-Forwarded-Proto"), "https")
	return &http.Cookie{Name: cookieName, Value: value, Path: "/", HttpOnly: true, Secure: secure, SameSite: http.SameSiteStrictMode}
}

// fail answers with a problem and logs what the browser must not see.
func (c *Console) fail(w http.ResponseWriter, r *http.Request, err error) {
	kind := usance.KindOf(err)
	p := problem{Type: "urn:usance:problem:" + kind.String(), Title: "Internal error", Status: http.StatusInternalServerError}
	switch kind {
	case usance.KindInvalid:
		p.Status, p.Title = http.StatusBadRequest, "The request is wrong"
	case usance.KindUnauthorized, usance.KindNotFound:
		p.Status, p.Title = http.StatusUnauthorized, "No valid credentials"
	case usance.KindForbidden:
		p.Status, p.Title = http.StatusForbidden, "Not allowed"
	case usance.KindTooLarge:
		p.Status, p.Title = http.StatusRequestEntityTooLarge, "Too large"
	case usance.KindLocked:
		p.Status, p.Title = http.StatusTooManyRequests, "Locked for a while"
	case usance.KindUnavailable, usance.KindConflict:
		p.Status, p.Title = http.StatusServiceUnavailable, "Try again later"
	}
	if e, ok := errors.AsType[*usance.Error](err); ok && kind != usance.KindInternal {
		p.Detail = e.Detail
	}
	if p.Status >= 500 {
		c.o.Logger.LogAttrs(context.WithoutCancel(r.Context()), slog.LevelError, "console sign-in failed",
			slog.String("request_id", httpx.RequestIDFrom(r.Context())), slog.String("error", err.Error()))
	}
	writeProblem(w, r, p)
}

func writeProblem(w http.ResponseWriter, r *http.Request, p problem) {
	p.RequestID = httpx.RequestIDFrom(r.Context())
	w.Header().Set("Content-Type", "application/problem+json")
	if err := httpx.WriteJSON(w, p.Status, p); err != nil {
		http.Error(w, "", http.StatusInternalServerError)
	}
}
