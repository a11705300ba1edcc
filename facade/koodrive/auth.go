package koodrive

import (
	"errors"
	"net/http"
	"strings"

	"github.com/usance/usance"
	"github.com/usance/usance/internal/sdksign"
	"github.com/usance/usance/registry"
)

// authenticate returns who a request speaks for: by app signature when
// Authorization begins with the signing scheme's word, and otherwise by access
// token. Every failure is a fault or an error of kind KindUnauthorized.
func (f *Facade) authenticate(w http.ResponseWriter, r *http.Request) (usance.Principal, error) {
	header := r.Header.Get("Authorization")
	if len(r.Header["Authorization"]) > 1 {
		return usance.Principal{}, faultCredentials.saying("more than one Authorization header", "Authorization重复")
	}
	if scheme, ok := sdksign.SchemeOf(header); ok && scheme == sdksign.AppHMAC {
		return f.byApp(w, r, header)
	}
	return f.byToken(r, header)
}

// tokenOf reads an access token in any of the vendor's spellings: Bearer+token,
// Bearer token, token.
func tokenOf(header string) string {
	header = strings.TrimSpace(header)
	const word = "bearer"
	if len(header) > len(word) && strings.EqualFold(header[:len(word)], word) {
		if c := header[len(word)]; c == '+' || c == ' ' {
			return strings.TrimSpace(header[len(word)+1:])
		}
	}
	return header
}

// byToken takes an access token of a session, whose life it slides, or a bearer
// token of the native API that may read the drive, which does not slide.
func (f *Facade) byToken(r *http.Request, header string) (usance.Principal, error) {
	token := tokenOf(header)
	if token == "" {
		return usance.Principal{}, faultUnauthorized.saying("there is no access token", "缺少访问令牌")
	}
	_, p, err := f.reg.Session(r.Context(), SessionKind, token)
	if usance.KindOf(err) != usance.KindUnauthorized {
		return p, err
	}
	p, err = f.reg.Bearer(r.Context(), token)
	if err != nil {
		return usance.Principal{}, err
	}
	if p.Tenant == "" { // an operator's token names no tenant
		return usance.Principal{}, faultUnauthorized
	}
	return p, p.May(usance.RightRead, driveNode)
}

// byApp checks an app signature. The app's key says which tenant it belongs to;
// X-User-Id names the user of that tenant that the app acts for.
func (f *Facade) byApp(w http.ResponseWriter, r *http.Request, header string) (usance.Principal, error) {
	auth, err := sdksign.Parse(header)
	if err != nil {
		return usance.Principal{}, signatureFault(err)
	}
	users := r.Header["X-User-Id"]
	if len(users) != 1 || strings.TrimSpace(users[0]) == "" {
		return usance.Principal{}, faultUnauthorized.saying("there is no X-User-Id", "缺少X-User-Id")
	}
	body, err := f.bodies.Raw(w, r)
	if err != nil {
		return usance.Principal{}, err
	}
	wrong := faultUnauthorized.saying("the app or its signature is wrong", "应用或签名错误")
	key, err := f.reg.Key(r.Context(), usance.KeyApp, auth.KeyID)
	if usance.KindOf(err) == usance.KindNotFound {
		return usance.Principal{}, wrong
	}
	if err != nil {
		return usance.Principal{}, err
	}
	if err := sdksign.Verify(sdksign.FromHTTP(r, body), auth, key.Secret, f.o.Now(), f.o.Window); err != nil {
		return usance.Principal{}, signatureFault(err)
	}
	p, err := f.userOf(r, key, strings.TrimSpace(users[0]))
	if usance.KindOf(err) == usance.KindUnauthorized {
		return usance.Principal{}, faultUnauthorized.saying("X-User-Id names no user", "X-User-Id对应的用户不存在")
	}
	return p, err
}

func (f *Facade) userOf(r *http.Request, key registry.SigningKey, user string) (usance.Principal, error) {
	return f.reg.PrincipalOf(r.Context(), key.Principal.Tenant, user, string(usance.KeyApp))
}

// signatureFault translates a failure of sdksign: credentials that cannot be read
// are a bad request, credentials that are wrong are not authorized.
func signatureFault(err error) error {
	failure, ok := errors.AsType[*sdksign.Failure](err)
	if !ok {
		return err
	}
	switch failure.Reason {
	case sdksign.Malformed:
		return faultCredentials.saying(failure.Detail, "签名信息格式错误")
	case sdksign.NoDate:
		return faultUnauthorized.saying("there is no signed X-Date", "缺少已签名的X-Date")
	case sdksign.Skewed:
		return faultUnauthorized.saying("X-Date is outside the time window", "X-Date超出有效时间")
	}
	return faultUnauthorized.saying("the app or its signature is wrong", "应用或签名错误")
}
