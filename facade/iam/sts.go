package iam

import (
	"crypto/rand"
	"encoding/hex"
	"net/http"
	"slices"
	"time"

	"github.com/usance/usance/registry"
)

// The lives of temporary access keys, in seconds, as documented.
const (
	minTemporary = 900
	maxTemporary = 86400
)

// createSecurityToken answers with a temporary access key of the user who holds
// the token in the body or in X-Auth-Token, or who signed the request with a
// permanent key. A temporary key gets no other: it would never end.
func (f *Facade) createSecurityToken(w http.ResponseWriter, r *http.Request) (int, any, error) {
	var body temporaryRequest
	raw, err := f.read(w, r, &body)
	if err != nil {
		return 0, nil, err
	}
	if body.Auth == nil || body.Auth.Identity == nil || !slices.Equal(body.Auth.Identity.Methods, []string{methodToken}) {
		return 0, nil, invalid(`auth.identity.methods must be ["token"].`)
	}
	in := body.Auth.Identity.Token
	seconds := int64(minTemporary)
	if in != nil && in.Duration != nil {
		if seconds = *in.Duration; seconds < minTemporary || seconds > maxTemporary {
			return 0, nil, invalid("auth.identity.token.duration_seconds is from 900 to 86400.")
		}
	}
	if len(body.Auth.Identity.Policy) > 0 {
		return 0, nil, invalid("auth.identity.policy is not supported.")
	}
	var c caller
	if in != nil && in.ID != "" {
		c, err = f.byOldToken(r, &in.oldTokenRequest)
	} else {
		c, err = f.identify(r, raw)
	}
	if err != nil {
		return 0, nil, err
	}
	if c.Via == TemporaryKind {
		return 0, nil, faultForbidden
	}
	now := f.o.Now().UTC().Truncate(time.Second)
	s := registry.Session{Kind: TemporaryKind, Created: now, Expires: now.Add(time.Duration(seconds) * time.Second),
		Data: map[string]string{dataAccess: "HST" + rand.Text()[:17], dataSalt: randomHex(32)}}
	token := newToken(s.Expires)
	secret, _ := temporarySecret(s, token) // the salt has its length
	if err := f.reg.OpenSession(r.Context(), token, c.Principal, s, maxTokens, true); err != nil {
		return 0, nil, err
	}
	return http.StatusCreated, temporaryAnswer{temporaryCredential{
		Access: s.Data[dataAccess], Secret: secret, Token: token, Expires: s.Expires.Format(timeFormat),
	}}, nil
}

func randomHex(bytes int) string {
	b := make([]byte, bytes)
	_, _ = rand.Read(b) // crypto/rand.Read never fails
	return hex.EncodeToString(b)
}
