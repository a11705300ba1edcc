package meeting

import (
	"context"
	"crypto/rand"
	"crypto/sha512"
	"encoding/base64"
	"net/http"
	"strconv"
	"time"

	"github.com/usance/usance"
	"github.com/usance/usance/registry"
)

// The kinds of client that sign in.
const (
	clientWeb   = 0
	clientPC    = 5
	clientPhone = 6
	clientAPI   = 72
)

// clientTypes lists them, the usual one first.
func clientTypes() [4]int { return [...]int{clientAPI, clientWeb, clientPC, clientPhone} }

func knownClient(t *int) bool {
	if t == nil {
		return false
	}
	for _, known := range clientTypes() {
		if *t == known {
			return true
		}
	}
	return false
}

// SessionKind and RefreshKind are the kinds of registry session of access and
// refresh tokens of API callers. Other clients' have the client type behind a
// dot, because each type's tokens are counted for itself.
const (
	SessionKind = "meeting"
	RefreshKind = "meeting.refresh"
)

func accessKind(client int) string { return kindFor(SessionKind, client) }

func refreshKind(client int) string { return kindFor(RefreshKind, client) }

func kindFor(base string, client int) string {
	if client == clientAPI {
		return base
	}
	return base + "." + strconv.Itoa(client)
}

// liveTokens is how many tokens an account may have at a time; one more pushes out
// the oldest.
func liveTokens(client int) int {
	if client == clientAPI {
		return 64
	}
	return 1
}

// What a session's data says of a sign-in.
const (
	dataClient  = "client"  // client type
	dataApp     = "app"     // App ID that signed in, if one did
	dataDefault = "default" // "1" for an enterprise's default administrator
	dataSP      = "sp"      // tenant of the service provider that signed in for one of its enterprises
	dataSelf    = "self"    // "1" for a service provider's administrator, who speaks for none of them
	dataNode    = "node"    // node of the enterprise, when it is not the tenant's root
	dataPartner = "partner" // the other token of the pair, sealed under this one
)

func nodeOf(data map[string]string) usance.Path {
	if node := usance.Path(data[dataNode]); node != "" {
		return node
	}
	return usance.Root
}

func clientOf(s registry.Session) int {
	client, err := strconv.Atoi(s.Data[dataClient])
	if err != nil {
		return clientAPI
	}
	return client
}

const (
	tokenPrefix = "cnr1"
	tokenLength = len(tokenPrefix) + 36
)

// newToken returns a token in the vendor's form: its site's prefix and 36 letters
// and digits, 214 bits of chance.
func newToken() string {
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
	const fair = 256 - 256%len(alphabet) // bytes past it would favour some letters
	token := append(make([]byte, 0, tokenLength), tokenPrefix...)
	for len(token) < tokenLength {
		var b [48]byte
		_, _ = rand.Read(b[:]) // crypto/rand.Read never fails
		for _, c := range b {
			if int(c) < fair && len(token) < tokenLength {
				token = append(token, alphabet[int(c)%len(alphabet)])
			}
		}
	}
	return string(token)
}

// sealPartner hides a token under another, so that whoever holds the one can end
// both while the store, which keeps hashes of tokens alone, gives away neither.
// The pad is used once: tokens are random and each has one partner.
func sealPartner(partner, under string) string {
	return base64.RawStdEncoding.EncodeToString(pad([]byte(partner), under))
}

func openPartner(sealed, under string) string {
	b, err := base64.RawStdEncoding.DecodeString(sealed)
	if err != nil || len(b) > sha512.Size {
		return ""
	}
	return string(pad(b, under))
}

func pad(b []byte, under string) []byte {
	mask := sha512.Sum512([]byte("meeting partner\x00" + under))
	for i := range b {
		b[i] ^= mask[i]
	}
	return b
}

// signedIn is somebody whose credentials were good.
type signedIn struct {
	usance.Principal
	client int
	data   map[string]string // what the tokens' sessions say of the sign-in
}

// grant is a pair of tokens and their times; refresh is empty when only the access
// token is left of it.
type grant struct {
	access, refresh                string
	created, expires               time.Time
	refreshCreated, refreshExpires time.Time
}

// issue opens a pair of sessions and returns their tokens.
func (f *Facade) issue(ctx context.Context, who signedIn) (grant, error) {
	now := time.UnixMilli(f.o.Now().UnixMilli()).UTC()
	second := time.Unix(now.Unix(), 0).UTC() // the vendor counts lives from the whole second
	g := grant{access: newToken(), refresh: newToken(), created: now, expires: second.Add(f.o.TokenLife),
		refreshCreated: now, refreshExpires: second.Add(f.o.RefreshLife)}
	open := func(kind, token, partner string, expires time.Time) error {
		data := map[string]string{dataClient: strconv.Itoa(who.client), dataPartner: sealPartner(partner, token)}
		for _, name := range []string{dataApp, dataDefault, dataSP, dataSelf, dataNode} {
			if v := who.data[name]; v != "" {
				data[name] = v
			}
		}
		return f.reg.OpenSession(ctx, token, who.Principal, registry.Session{
			Kind: kind, Created: now, Expires: expires, Data: data,
		}, liveTokens(who.client), true)
	}
	if err := open(accessKind(who.client), g.access, g.refresh, g.expires); err != nil {
		return g, err
	}
	return g, open(refreshKind(who.client), g.refresh, g.access, g.refreshExpires)
}

// refresh answers a new pair of tokens for a refresh token, which is used up, or
// for an access token, whose refresh token is. The access token there was stays
// good until its time, so that calls under way do not fail.
func (f *Facade) refresh(w http.ResponseWriter, r *http.Request) (*tokenAnswer, error) {
	token := r.Header.Get("X-Access-Token")
	if token == "" {
		return nil, faultToken
	}
	ctx := r.Context()
	for _, client := range clientTypes() {
		s, p, err := f.reg.Session(ctx, refreshKind(client), token)
		if usance.KindOf(err) == usance.KindUnauthorized {
			continue
		}
		if err != nil {
			return nil, err
		}
		if err := f.admit(w, r, string(p.Tenant), p.User); err != nil {
			return nil, err
		}
		// Of several that use one refresh token at once, one succeeds.
		if closed, err := f.reg.CloseSession(ctx, refreshKind(client), token); err != nil || !closed {
			return nil, firstOf(err, faultToken)
		}
		return f.answerNew(r, signedIn{p, client, s.Data})
	}
	c, err := f.authenticate(w, r)
	if err != nil {
		return nil, err
	}
	return f.renew(r, c)
}

func firstOf(err, otherwise error) error {
	if err != nil {
		return err
	}
	return otherwise
}

// renew uses up the refresh token of an access token and issues a new pair.
func (f *Facade) renew(r *http.Request, c caller) (*tokenAnswer, error) {
	if err := f.closePartner(r.Context(), c); err != nil {
		return nil, err
	}
	return f.answerNew(r, signedIn{c.Principal, clientOf(c.session), c.session.Data})
}

// closePartner ends the refresh token that came with an access token.
func (f *Facade) closePartner(ctx context.Context, c caller) error {
	refresh := openPartner(c.session.Data[dataPartner], c.token)
	_, err := f.reg.CloseSession(ctx, refreshKind(clientOf(c.session)), refresh)
	return err
}

// answerNew issues a pair of tokens and answers with it.
func (f *Facade) answerNew(r *http.Request, who signedIn) (*tokenAnswer, error) {
	d, err := f.reg.Definitions(r.Context(), who.Tenant)
	if err != nil {
		return nil, err
	}
	g, err := f.issue(r.Context(), who)
	if err != nil {
		return nil, err
	}
	return answerOf(r, who, &g, d), nil
}

// validate checks the access token in its body, and issues a new pair when asked.
func (f *Facade) validate(w http.ResponseWriter, r *http.Request) (*tokenAnswer, error) {
	var in struct {
		Token   string `json:"token"`
		New     *bool  `json:"needGenNewToken"`
		Account *bool  `json:"needAccountInfo"` // account details are always in the answer
	}
	if err := f.read(w, r, &in); err != nil {
		return nil, err
	}
	if in.Token == "" || in.New == nil {
		return nil, faultParameter
	}
	c, err := f.holder(r, in.Token)
	if err != nil {
		return nil, err
	}
	if err := f.admit(w, r, string(c.Tenant), c.User); err != nil {
		return nil, err
	}
	if *in.New {
		return f.renew(r, c)
	}
	d, err := f.reg.Definitions(r.Context(), c.Tenant)
	if err != nil {
		return nil, err
	}
	g := grant{access: c.token, created: c.session.Created, expires: c.session.Expires}
	refresh := openPartner(c.session.Data[dataPartner], c.token)
	s, _, err := f.reg.PeekSession(r.Context(), refreshKind(clientOf(c.session)), refresh)
	if err == nil {
		g.refresh, g.refreshCreated, g.refreshExpires = refresh, s.Created, s.Expires
	} else if usance.KindOf(err) != usance.KindUnauthorized {
		return nil, err
	}
	return answerOf(r, signedIn{c.Principal, clientOf(c.session), c.session.Data}, &g, d), nil
}

// logout ends an access token and the refresh token that came with it.
func (f *Facade) logout(w http.ResponseWriter, r *http.Request) {
	c, err := f.authenticate(w, r)
	if err == nil {
		err = f.closePartner(r.Context(), c)
	}
	if err == nil {
		_, err = f.reg.CloseSession(r.Context(), accessKind(clientOf(c.session)), c.token)
	}
	if err != nil {
		f.refusals.Answer(w, r, err)
		return
	}
	w.WriteHeader(http.StatusOK)
}
