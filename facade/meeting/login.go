package meeting

import (
	"encoding/base64"
	"net/http"
	"strings"
	"unicode/utf8"

	"github.com/usance/usance"
)

// loginBody is the body of an account sign-in. HA2 and what else belongs to the
// captcha flow is let pass: there is no captcha.
type loginBody struct {
	Account    string `json:"account"`
	ClientType *int   `json:"clientType"`
	CreateType int    `json:"createTokenType"` // 0: make a token, 1: check the password only
}

// accountLogin answers "Performing Authentication": an account is name@tenant, or
// a bare name where one tenant alone has it.
func (f *Facade) accountLogin(w http.ResponseWriter, r *http.Request) (*tokenAnswer, error) {
	var in loginBody
	if err := f.read(w, r, &in); err != nil {
		return nil, err
	}
	if n := utf8.RuneCountInString(in.Account); n < 1 || n > 255 || !knownClient(in.ClientType) || in.CreateType < 0 || in.CreateType > 1 {
		return nil, faultParameter
	}
	if err := f.admitCaller(w, r, in.Account); err != nil {
		return nil, err
	}
	password, ok := passwordOf(r.Header.Get("Authorization"), in.Account)
	if !ok {
		return nil, faultPassword
	}
	lock := "account\x00" + in.Account
	if _, locked := f.lockout.Locked(lock); locked {
		return nil, faultLocked
	}
	ctx := r.Context()
	p, err := f.reg.SignIn(ctx, in.Account, password)
	if usance.KindOf(err) == usance.KindUnauthorized {
		f.lockout.Fail(lock)
		return nil, f.whyRefused(r, in.Account)
	}
	if err != nil {
		return nil, err
	}
	f.lockout.Succeed(lock)
	who := signedIn{Principal: p, client: *in.ClientType}
	if in.CreateType == 1 {
		d, err := f.reg.Definitions(ctx, p.Tenant)
		if err != nil {
			return nil, err
		}
		return answerOf(r, who, nil, d), nil
	}
	return f.answerNew(r, who)
}

// passwordOf reads Basic credentials, which must be the account's. The account is
// cut off whole, so that it may have a colon in it.
func passwordOf(authorization, account string) (string, bool) {
	scheme, encoded, _ := strings.Cut(strings.TrimSpace(authorization), " ")
	if !strings.EqualFold(scheme, "Basic") {
		return "", false
	}
	plain, err := base64.StdEncoding.DecodeString(strings.TrimSpace(encoded))
	if err != nil {
		return "", false
	}
	return strings.CutPrefix(string(plain), account+":")
}

// whyRefused returns why a sign-in failed: the account is disabled, or it or the
// password is wrong. An account named without its tenant is always the latter.
func (f *Facade) whyRefused(r *http.Request, account string) error {
	i := strings.LastIndexByte(account, '@')
	if f.o.HideDisabled || i < 0 || usance.TenantID(account[i+1:]).Check() != nil {
		return faultPassword
	}
	d, err := f.reg.Definitions(r.Context(), usance.TenantID(account[i+1:]))
	if usance.KindOf(err) == usance.KindNotFound {
		return faultPassword
	}
	if err != nil {
		return err
	}
	if u, ok := d.User(account[:i]); ok && u.Disabled {
		return faultDisabled
	}
	return faultPassword
}
