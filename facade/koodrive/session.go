package koodrive

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"time"

	"github.com/go-json-experiment/json"

	"github.com/usance/usance"
	"github.com/usance/usance/internal/httpx"
	"github.com/usance/usance/registry"
)

// The kinds of registry session that the façade uses.
const (
	// SessionKind is that of access tokens.
	SessionKind = "koodrive"
	// CodeKind is that of login codes: the session's token is the code, its user
	// the one who will be signed in. Whoever signs a user in by other means, such
	// as the native API, mints a code without this package, for the user's principal:
	//
	//	code := registry.NewSecret("")
	//	err := reg.OpenSession(ctx, code, who, registry.Session{
	//		Kind: "koodrive.code", Created: now, Expires: now.Add(5 * time.Minute),
	//	}, 16, true)
	CodeKind = "koodrive.code"
)

const (
	maxCodes    = 16 // codes of one user not yet used; one more ends the oldest
	maxSessions = 64 // access tokens of one user; one more ends the oldest
)

// MintCode returns a login code with which a client may open one session of the
// user within CodeLife. It fails with KindUnauthorized when there is no such user
// or it is disabled, and KindNotFound for a tenant that does not exist.
func (f *Facade) MintCode(ctx context.Context, tenant usance.TenantID, user string) (string, error) {
	if _, err := f.reg.Definitions(ctx, tenant); err != nil {
		return "", err
	}
	who, err := f.reg.PrincipalOf(ctx, tenant, user, CodeKind)
	if err != nil {
		return "", err
	}
	now := f.o.Now()
	code := registry.NewSecret("")
	err = f.reg.OpenSession(ctx, code, who, registry.Session{
		Kind: CodeKind, Created: now, Expires: now.Add(f.o.CodeLife),
	}, maxCodes, true)
	if err != nil {
		return "", err
	}
	return code, nil
}

// redeem ends the code's session and returns whose it was. Of several that redeem
// one code at once, one succeeds.
func (f *Facade) redeem(ctx context.Context, code string) (usance.Principal, error) {
	used := faultUnauthorized.saying("the login code is unknown, used or expired", "登录授权码无效")
	_, who, err := f.reg.PeekSession(ctx, CodeKind, code)
	if usance.KindOf(err) == usance.KindUnauthorized {
		return who, used
	}
	if err != nil {
		return who, err
	}
	closed, err := f.reg.CloseSession(ctx, CodeKind, code)
	if err == nil && !closed {
		err = used
	}
	return who, err
}

// newToken returns a token in the vendor's form: 48 hexadecimal digits.
func newToken() string {
	var b [24]byte
	_, _ = rand.Read(b[:]) // crypto/rand.Read never fails
	return hex.EncodeToString(b[:])
}

// sessionIDOf is the public name of a token's session; the token does not follow
// from it.
func sessionIDOf(token string) string {
	sum := sha256.Sum256([]byte("koodrive session\x00" + token))
	return hex.EncodeToString(sum[:24])
}

// userInfo is SessionUserInfo and OrgUserInfo of the vendor's pages.
type userInfo struct {
	Role        string `json:"role"` // "0" administrator, "1" user
	UserName    string `json:"userName"`
	InnerUserID string `json:"innerUserId"`
	UserID      string `json:"userId"`
	TenantID    string `json:"tenantId"`
	OrgID       string `json:"orgId"`
	OrgName     string `json:"orgName"`
}

func userInfoOf(p usance.Principal, d *registry.Definitions) userInfo {
	role := "1"
	if p.Role == usance.RoleAdmin {
		role = "0"
	}
	return userInfo{Role: role, UserName: p.User, InnerUserID: p.User, UserID: p.User,
		TenantID: string(p.Tenant), OrgID: string(p.Tenant), OrgName: d.Tenant.Name}
}

// sessionAnswer has the members of the older form of the page beside data, which
// is the newer form.
type sessionAnswer struct {
	Code        int         `json:"code"`
	Msg         string      `json:"msg"`
	AccessToken string      `json:"accessToken"`
	UserID      string      `json:"userId"`
	UserName    string      `json:"userName"`
	Data        sessionData `json:"data"`
}

type sessionData struct {
	AccessToken string   `json:"accessToken"`
	SessionID   string   `json:"sessionId"`
	UserID      string   `json:"userId"`
	UserInfo    userInfo `json:"userInfo"`
}

const success = "success"

func (f *Facade) createSession(w http.ResponseWriter, r *http.Request) ([]byte, error) {
	body, err := f.bodies.Read(w, r)
	if err != nil {
		return nil, err
	}
	var in struct {
		Code string `json:"code"`
	}
	if err := httpx.DecodeJSON(body, &in, httpx.JSONRules{AllowUnknown: true}); err != nil {
		return nil, err
	}
	if in.Code == "" {
		return nil, faultParameter.saying("code is required", "缺少code")
	}
	ctx := r.Context()
	p, err := f.redeem(ctx, in.Code)
	if err != nil {
		return nil, err
	}
	token, now := newToken(), f.o.Now()
	err = f.reg.OpenSession(ctx, token, p, registry.Session{
		Kind: SessionKind, Created: now,
		Sliding: f.o.TokenLife, Expires: now.Add(f.o.TokenLife + slack(f.o.TokenLife)),
	}, maxSessions, true)
	if err != nil {
		return nil, err
	}
	d, err := f.reg.Definitions(ctx, p.Tenant)
	if err != nil {
		return nil, err
	}
	return json.Marshal(sessionAnswer{Msg: success, AccessToken: token, UserID: p.User, UserName: p.User,
		Data: sessionData{AccessToken: token, SessionID: sessionIDOf(token), UserID: p.User, UserInfo: userInfoOf(p, d)}})
}

// slack is what a stored life is longer than the documented one, so that a use
// soon after another need not be written.
func slack(life time.Duration) time.Duration { return life / 20 }

// session returns the live session of the request's access token and restarts its
// life. Neither app signatures nor native tokens have a session.
func (f *Facade) session(r *http.Request) (token string, p usance.Principal, err error) {
	token = tokenOf(r.Header.Get("Authorization"))
	if token == "" {
		return "", p, faultUnauthorized.saying("there is no access token", "缺少访问令牌")
	}
	_, p, err = f.reg.Session(r.Context(), SessionKind, token)
	if err == nil {
		err = f.admit(p)
	}
	return token, p, err
}

func (f *Facade) refreshSession(_ http.ResponseWriter, r *http.Request) ([]byte, error) {
	token, _, err := f.session(r)
	if err != nil {
		return nil, err
	}
	if id := r.Header.Get("X-Session-Id"); id != "" && id != sessionIDOf(token) {
		return nil, faultParameter.saying("x-session-id is that of another session", "x-session-id不匹配")
	}
	return json.Marshal(struct {
		Code        int    `json:"code"`
		Msg         string `json:"msg"`
		AccessToken string `json:"accessToken"`
	}{0, success, token})
}

func (f *Facade) checkSession(_ http.ResponseWriter, r *http.Request) ([]byte, error) {
	_, p, err := f.session(r)
	if err != nil {
		return nil, err
	}
	d, err := f.reg.Definitions(r.Context(), p.Tenant)
	if err != nil {
		return nil, err
	}
	return json.Marshal(struct {
		Code int      `json:"code"`
		Msg  string   `json:"msg"`
		Data userInfo `json:"data"`
	}{0, success, userInfoOf(p, d)})
}

// logoff ends the session, if there is one: to be signed out is what was asked.
func (f *Facade) logoff(_ http.ResponseWriter, r *http.Request) ([]byte, error) {
	if token := tokenOf(r.Header.Get("Authorization")); token != "" {
		if _, err := f.reg.CloseSession(r.Context(), SessionKind, token); err != nil {
			return nil, err
		}
	}
	return json.Marshal(errorBody{Msg: success})
}
