package meeting

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"net/http"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/usance/usance"
	"github.com/usance/usance/registry"
)

// The settings of a tenant that App ID sign-in looks at.
const (
	// SettingSP "true" makes the tenant a service provider: its App IDs sign in
	// for the enterprises it serves, named by corpId.
	SettingSP = "meeting.sp"
	// SettingSPTenant is set by an enterprise that is a tenant of its own: the id
	// of the service provider's tenant that may sign in for it.
	SettingSPTenant = "meeting.sp_tenant"
	// SettingAutoRegister "false" refuses App ID sign-ins of users who are not
	// defined, instead of defining them as members.
	SettingAutoRegister = "meeting.auto_register"
)

// appBody is the body of an App ID sign-in; null and an absent member are the same.
type appBody struct {
	AppID      string `json:"appId"`
	ClientType *int   `json:"clientType"`
	ExpireTime *int64 `json:"expireTime"` // seconds since 1970; 0: never
	Nonce      string `json:"nonce"`
	CorpID     string `json:"corpId"`
	UserID     string `json:"userId"`
}

func (b *appBody) check() error {
	length := func(s string, least, most int) bool {
		n := utf8.RuneCountInString(s)
		return n >= least && n <= most
	}
	if !length(b.AppID, 1, 64) || !knownClient(b.ClientType) || b.ExpireTime == nil || *b.ExpireTime < 0 ||
		!length(b.Nonce, 32, 64) || !length(b.CorpID, 0, 64) || !length(b.UserID, 0, 64) {
		return faultParameter
	}
	// A colon in one of these would let one signature stand for two requests.
	if strings.Contains(b.AppID+b.CorpID+b.Nonce, ":") {
		return faultParameter
	}
	return nil
}

// signedData returns the texts of which any may have been signed.
func (b *appBody) signedData(provider bool) []string {
	end := ":" + strconv.FormatInt(*b.ExpireTime, 10) + ":" + b.Nonce
	single := b.AppID + ":" + b.UserID + end
	if !provider {
		return []string{single}
	}
	data := []string{b.AppID + ":" + b.CorpID + ":" + b.UserID + end}
	if b.CorpID == "" && b.UserID == "" {
		data = append(data, single) // clients that do not know they speak for a provider
	}
	return data
}

// appAuthorization reads the header HMAC-SHA256 signature=hex[, access=base64].
func appAuthorization(header string) (signature []byte, access string, ok bool) {
	scheme, rest, _ := strings.Cut(strings.TrimSpace(header), " ")
	if !strings.EqualFold(scheme, "HMAC-SHA256") {
		return nil, "", false
	}
	for part := range strings.SplitSeq(rest, ",") {
		name, value, _ := strings.Cut(strings.TrimSpace(part), "=")
		value = strings.TrimSpace(value)
		switch strings.ToLower(strings.TrimSpace(name)) {
		case "signature":
			b, err := hex.DecodeString(value) // takes either case
			if err != nil || signature != nil {
				return nil, "", false
			}
			signature = b
		case "access":
			b, err := base64.StdEncoding.DecodeString(value)
			if err != nil || access != "" || len(b) == 0 {
				return nil, "", false
			}
			access = string(b)
		}
	}
	return signature, access, len(signature) > 0
}

// appLogin answers "Authenticating an App ID".
func (f *Facade) appLogin(w http.ResponseWriter, r *http.Request) (*tokenAnswer, error) {
	var in appBody
	if err := f.read(w, r, &in); err != nil {
		return nil, err
	}
	if err := in.check(); err != nil {
		return nil, err
	}
	if err := f.admitCaller(w, r, in.AppID); err != nil {
		return nil, err
	}
	lock := "app\x00" + in.AppID + "\x00" + remoteIP(r)
	if _, locked := f.lockout.Locked(lock); locked {
		return nil, faultLocked
	}
	key, provider, err := f.checkSignature(r, &in)
	if errors.Is(err, faultSignature) {
		f.lockout.Fail(lock)
	}
	if err != nil {
		return nil, err
	}
	f.lockout.Succeed(lock)
	if at := *in.ExpireTime; at != 0 && f.o.Now().Unix() > at {
		return nil, faultExpired
	}
	who, err := f.identify(r, &in, key, provider)
	if err != nil {
		return nil, err
	}
	return f.answerNew(r, who)
}

// checkSignature returns the App ID's key when the request is signed with it, and
// whether its tenant is a service provider; otherwise faultSignature.
func (f *Facade) checkSignature(r *http.Request, in *appBody) (key registry.SigningKey, provider bool, err error) {
	signature, access, ok := appAuthorization(r.Header.Get("Authorization"))
	if !ok || access != "" && access != in.AppID {
		return key, false, faultSignature
	}
	key, err = f.reg.Key(r.Context(), usance.KeyApp, in.AppID)
	if usance.KindOf(err) == usance.KindNotFound {
		return key, false, faultSignature
	}
	if err != nil {
		return key, false, err
	}
	d, err := f.reg.Definitions(r.Context(), key.Principal.Tenant)
	if err != nil {
		return key, false, err
	}
	provider = d.Setting(SettingSP, "") == "true"
	if in.CorpID != "" && !provider || provider && in.CorpID == "" && in.UserID != "" {
		return key, false, faultSignature
	}
	for _, data := range in.signedData(provider) {
		mac := hmac.New(sha256.New, []byte(key.Secret))
		mac.Write([]byte(data))
		if hmac.Equal(mac.Sum(nil), signature) {
			return key, provider, nil
		}
	}
	return key, false, faultSignature
}

// identify returns who a signed request speaks for.
func (f *Facade) identify(r *http.Request, in *appBody, key registry.SigningKey, provider bool) (signedIn, error) {
	ctx := r.Context()
	tenant := key.Principal.Tenant
	who := signedIn{client: *in.ClientType, data: map[string]string{dataApp: in.AppID}}
	if provider && in.CorpID == "" {
		who.data[dataSelf] = "1"
	}
	if in.CorpID != "" {
		at, err := f.enterprise(ctx, tenant, in.CorpID)
		if err != nil {
			return who, err
		}
		who.data[dataSP] = string(tenant)
		if at.Node != usance.Root {
			who.data[dataNode] = string(at.Node)
		}
		tenant = at.Tenant
	}
	var err error
	user := in.UserID
	if user == "" {
		who.data[dataDefault] = "1"
		if user, err = f.defaultAdmin(ctx, key, tenant); err != nil {
			return who, err
		}
	} else if err = f.register(r, tenant, in.AppID, user); err != nil {
		return who, err
	}
	who.Principal, err = f.reg.PrincipalOf(ctx, tenant, user, SessionKind)
	if usance.KindOf(err) == usance.KindUnauthorized {
		err = faultDisabled
	}
	who.Proof = who.Proof.SignedBy(key.Principal.Proof)
	return who, err
}

// enterprise finds the enterprise that a service provider calls by a corpId: a
// node of the provider's own tree, or a tenant that has named the provider.
func (f *Facade) enterprise(ctx context.Context, provider usance.TenantID, corpID string) (registry.Place, error) {
	at, err := f.reg.ResolveAlias(ctx, aliasCorp, corpID)
	if usance.KindOf(err) == usance.KindNotFound {
		return at, faultSignature
	}
	if err != nil || at.Tenant == provider {
		return at, err
	}
	d, err := f.reg.Definitions(ctx, at.Tenant)
	if err != nil {
		return at, err
	}
	if d.Setting(SettingSPTenant, "") != string(provider) {
		return at, faultSignature
	}
	return at, nil
}

// defaultAdmin returns who speaks for an enterprise when no user is named: the
// key's own user at home, elsewhere the oldest of the enterprise's administrators.
func (f *Facade) defaultAdmin(ctx context.Context, key registry.SigningKey, tenant usance.TenantID) (string, error) {
	if tenant == key.Principal.Tenant {
		return key.Principal.User, nil
	}
	d, err := f.reg.Definitions(ctx, tenant)
	if err != nil {
		return "", err
	}
	var oldest *usance.User
	for _, u := range d.Users() { // by name, so that of equals the first in order is it
		if u.Role == usance.RoleAdmin && !u.Disabled && (oldest == nil || u.Created.Before(oldest.Created)) {
			oldest = &u
		}
	}
	if oldest == nil {
		return "", faultForbidden
	}
	return oldest.Name, nil
}

// register defines a user who is not there yet as a member, unless the tenant has
// switched that off.
func (f *Facade) register(r *http.Request, tenant usance.TenantID, app, user string) error {
	ctx := r.Context()
	d, err := f.reg.Definitions(ctx, tenant)
	if err != nil {
		return err
	}
	if _, ok := d.User(user); ok {
		return nil
	}
	if d.Setting(SettingAutoRegister, "") == "false" {
		return faultNotRegistered
	}
	_, err = f.reg.EnsureUser(ctx, usance.Actor{Name: "app:" + app, Origin: remoteIP(r)}, tenant, user, usance.RoleMember)
	switch usance.KindOf(err) {
	case usance.KindInvalid, usance.KindConflict:
		return faultRegistration
	}
	return err
}
