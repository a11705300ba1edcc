package registry

import (
	"cmp"
	"context"
	"crypto/sha512"
	"encoding/hex"
	"strings"

	"github.com/alexedwards/argon2id"

	"github.com/usance/usance"
	"github.com/usance/usance/store"
)

// wirePassword is what a password hash is made of: the lowercase hex SHA-512 of
// the clear text. ZStack's clients send exactly that instead of the password,
// so one stored hash serves every way of signing in.
func wirePassword(clear string) string {
	sum := sha512.Sum512([]byte(clear))
	return hex.EncodeToString(sum[:])
}

func (r *Registry) passwordMatches(clear, hash string) bool {
	return hash != "" && r.wireMatches(wirePassword(clear), hash)
}

func (r *Registry) wireMatches(wire, hash string) bool {
	ok, err := argon2id.ComparePasswordAndHash(wire, hash)
	return err == nil && ok
}

var errSignIn = usance.Errorf(usance.KindUnauthorized, "the user name or the password is wrong")

// SignIn checks a password and returns who it belongs to. The login is
// name@tenant, or a bare name where only one tenant has it. Failures are
// KindUnauthorized and cost the same time whatever failed.
func (r *Registry) SignIn(ctx context.Context, login, password string) (usance.Principal, error) {
	return r.SignInWire(ctx, login, wirePassword(password))
}

// SignInWire is SignIn for a password that comes as the lowercase hex SHA-512 of
// its clear text, as ZStack's clients send it.
func (r *Registry) SignInWire(ctx context.Context, login, sha512hex string) (usance.Principal, error) {
	tenant, name := usance.TenantID(""), login
	if i := strings.LastIndexByte(login, '@'); i >= 0 {
		tenant, name = usance.TenantID(login[i+1:]), login[:i]
	} else if len(login) <= usance.MaxNameBytes {
		tenants, err := r.tenantsOfUser(ctx, name)
		if err != nil {
			return usance.Principal{}, err
		}
		if len(tenants) == 1 {
			tenant = tenants[0]
		}
	}
	return r.signIn(ctx, tenant, name, sha512hex)
}

// SignInTenant checks a user's password in a tenant that is already known.
func (r *Registry) SignInTenant(ctx context.Context, tenant usance.TenantID, name, password string) (usance.Principal, error) {
	return r.signIn(ctx, tenant, name, wirePassword(password))
}

func (r *Registry) signIn(ctx context.Context, tenant usance.TenantID, name, wire string) (usance.Principal, error) {
	if len(wire) > usance.MaxPasswordBytes {
		return usance.Principal{}, errSignIn
	}
	hash, stamp := r.decoy, ""
	var user usance.User
	if tenant.Check() == nil {
		d, err := r.Definitions(ctx, tenant)
		if err != nil && usance.KindOf(err) != usance.KindNotFound {
			return usance.Principal{}, err
		}
		if err == nil {
			if u, ok := d.users[name]; ok && u.Hash != "" && !u.Disabled {
				hash, user = u.Hash, u.User
				stamp, _, _ = d.stampOf(name)
			}
		}
	}
	if !r.wireMatches(wire, hash) || user.Name == "" {
		return usance.Principal{}, errSignIn
	}
	p := principalOf(tenant, user, "password")
	p.Proof.Stamp = stamp
	return p, nil
}

func principalOf(tenant usance.TenantID, u usance.User, via string) usance.Principal {
	subtree := u.Subtree
	if subtree == "" {
		subtree = usance.Root
	}
	return usance.Principal{Tenant: tenant, User: u.Name, Role: u.Role, Subtree: subtree, Via: via}
}

// PrincipalOf returns the principal of a tenant's user as defined now, or
// KindUnauthorized when there is none or it is disabled.
func (r *Registry) PrincipalOf(ctx context.Context, tenant usance.TenantID, user, via string) (usance.Principal, error) {
	gone := usance.Errorf(usance.KindUnauthorized, "the user does not exist or is disabled")
	d, err := r.Definitions(ctx, tenant)
	if usance.KindOf(err) == usance.KindNotFound {
		return usance.Principal{}, gone
	}
	if err != nil {
		return usance.Principal{}, err
	}
	stamp, u, ok := d.stampOf(user)
	if !ok {
		return usance.Principal{}, gone
	}
	p := principalOf(tenant, u, via)
	p.Proof.Stamp = stamp
	return p, nil
}

// SigningKey is a key with what is needed to check its signatures.
type SigningKey struct {
	usance.Key
	Secret    string
	Principal usance.Principal // the key's user
}

// Key returns a signing key, or KindNotFound when there is none of that id, it is
// disabled, or its user is.
func (r *Registry) Key(ctx context.Context, kind usance.KeyKind, id string) (SigningKey, error) {
	none := func() error { return usance.Errorf(usance.KindNotFound, "there is no such key") }
	if len(id) > usance.MaxNameBytes {
		return SigningKey{}, none()
	}
	name := KeyRef{kind, id}.name()
	at, err := r.find(ctx, "key", name)
	if err != nil {
		return SigningKey{}, err
	}
	d, err := r.Definitions(ctx, at.Tenant)
	if usance.KindOf(err) == usance.KindNotFound {
		return SigningKey{}, none()
	}
	if err != nil {
		return SigningKey{}, err
	}
	k, ok := d.keys[name]
	if !ok || k.Disabled {
		return SigningKey{}, none()
	}
	stamp, u, ok := d.stampOf(k.User)
	if !ok {
		return SigningKey{}, none()
	}
	secret, known := d.secrets.get(name)
	if !known {
		if secret, err = r.seal.open(k.Sealed, name); err != nil {
			return SigningKey{}, err
		}
		d.secrets.put(name, secret, maxHeld)
	}
	p := principalOf(at.Tenant, u, string(kind))
	p.Proof = usance.Proof{Stamp: stamp, Key: name, KeyOwner: at.Tenant}
	p.Proof.KeyStamp, _ = d.keyStampOf(name)
	return SigningKey{Key: k.Key, Secret: secret, Principal: p}, nil
}

// Bearer returns who a bearer token of the native API speaks for, or
// KindUnauthorized for an unknown or expired one. An operator's token has role
// operator and no tenant.
func (r *Registry) Bearer(ctx context.Context, token string) (usance.Principal, error) {
	bad := func() error { return usance.Errorf(usance.KindUnauthorized, "the token is unknown or expired") }
	if token == "" || len(token) > usance.MaxNameBytes {
		return usance.Principal{}, bad()
	}
	hash := hashSecret(token)
	at, err := r.find(ctx, "token", hash)
	if usance.KindOf(err) == usance.KindNotFound {
		return usance.Principal{}, bad()
	}
	if err != nil {
		return usance.Principal{}, err
	}
	if at.Tenant == usance.System {
		return usance.Principal{User: at.Name, Role: usance.RoleOperator, Subtree: usance.Root, Via: viaToken}, nil
	}
	d, err := r.Definitions(ctx, at.Tenant)
	if usance.KindOf(err) == usance.KindNotFound {
		return usance.Principal{}, bad()
	}
	if err != nil {
		return usance.Principal{}, err
	}
	t, ok := d.tokens[d.bearers[hash]]
	if !ok || !t.Expires.IsZero() && !r.now().Before(t.Expires) {
		return usance.Principal{}, bad()
	}
	return t.principal(at.Tenant), nil
}

// viaToken is how those sign in who have a bearer token of the native API.
const viaToken = "token"

func (t tokenRow) principal(tenant usance.TenantID) usance.Principal {
	p := usance.Principal{Tenant: tenant, User: t.Name, Role: t.Role, Subtree: t.Subtree, Via: viaToken, Enforce: t.Enforce}
	if p.Subtree == "" {
		p.Subtree = usance.Root
	}
	p.Proof.Stamp = tokenStamp(t.Hash)
	return p
}

// PutOperatorToken makes a bearer token an operator's, under a name. Repeating it
// changes nothing; another secret under the same name ends the one before. A
// token of a tenant is refused with KindConflict.
func (r *Registry) PutOperatorToken(ctx context.Context, name, secret string) error {
	if len(secret) < minTokenBytes || len(secret) > usance.MaxNameBytes {
		return usance.Errorf(usance.KindInvalid, "a token's secret has %d to %d bytes", minTokenBytes, usance.MaxNameBytes)
	}
	c := claim{kind: "token", value: hashSecret(secret), name: name}
	named := store.Key{Table: store.Directory, ID: "operator\x00" + name}
	keys := keysOf(usance.System, []claim{c})
	keys.Rows = append(keys.Rows, named)
	// One step, or a crash would leave a token that speaks and cannot be ended.
	return r.st.Step(ctx, usance.System, keys, func(rows *store.Rows) error {
		others, err := foreign(rows, usance.System, []claim{c})
		if err = cmp.Or(err, conflict(others)); err != nil {
			return err
		}
		if _, ok := rows.Get(store.Directory, c.id(usance.System)); !ok {
			if err := putEntry(rows, c.id(usance.System), entry{Tenant: usance.System, Name: name, By: []string{"operator"}}); err != nil {
				return err
			}
		}
		old, ok := rows.Get(named.Table, named.ID)
		if ok && string(old) == c.value {
			return nil
		}
		if ok {
			rows.Delete(store.Directory, claim{kind: "token", value: string(old)}.id(usance.System))
		}
		rows.Put(named.Table, named.ID, []byte(c.value))
		return nil
	})
}

// EnsureUser returns the tenant's user of that name, defining it with the role
// when there is none: vendors whose App ID sign-in registers unknown users on the
// fly need that. A user made so has no password.
func (r *Registry) EnsureUser(ctx context.Context, actor usance.Actor, tenant usance.TenantID, name string, role usance.Role) (usance.User, error) {
	d, err := r.Definitions(ctx, tenant)
	if err != nil {
		return usance.User{}, err
	}
	if u, ok := d.User(name); ok {
		return u, nil
	}
	spec := UserSpec{User: usance.User{Name: name, Role: role}}
	if _, err := r.Edit(ctx, actor, tenant, Edit{Users: []UserSpec{spec}}); err != nil {
		return usance.User{}, err
	}
	d, err = r.Definitions(ctx, tenant)
	if err != nil {
		return usance.User{}, err
	}
	u, _ := d.User(name)
	return u, nil
}
