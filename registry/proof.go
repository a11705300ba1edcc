package registry

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"strconv"

	"github.com/usance/usance"
)

// Credentials are checked at one moment and acted on at a later one, by steps that
// no step of the tenant spans: sessions are the system's. So what was checked is
// stamped, the stamp goes with the principal and into its session, and every use
// compares it with what is defined then. A session that was opened on the strength
// of a password that was changed meanwhile was never good.

// stampOf returns the stamp of a user that may sign in, and the user.
func (d *Definitions) stampOf(user string) (string, usance.User, bool) {
	u, ok := d.users[user]
	if !ok || u.Disabled {
		return "", usance.User{}, false
	}
	stamp, known := d.stamps.get(user)
	if !known {
		stamp = u.stamp()
		d.stamps.put(user, stamp, maxHeld)
	}
	return stamp, u.User, true
}

// access is what ends a user's sessions when it changes.
type access struct {
	hash     string
	role     usance.Role
	subtree  usance.Path
	disabled bool
}

func (u userRow) access() access { return access{u.Hash, u.Role, u.Subtree, u.Disabled} }

// stamp changes for good when the user's password, role, subtree or state does,
// and is another one for another user of the name.
func (u userRow) stamp() string {
	state := "on"
	if u.Disabled {
		state = "off"
	}
	parts := []string{u.Hash, string(u.Role), string(u.Subtree), state}
	if u.Epoch > 0 {
		parts = append(parts, strconv.FormatUint(u.Epoch, 10), strconv.FormatInt(u.Created.UnixNano(), 10))
	}
	return stampOf(parts...)
}

func stampOf(parts ...string) string {
	var text []byte
	for i, part := range parts {
		if i > 0 {
			text = append(text, 0)
		}
		text = append(text, part...)
	}
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:6])
}

// keyStampOf returns the stamp of a key, by kind and id, that signs.
func (d *Definitions) keyStampOf(name string) (string, bool) {
	k, ok := d.keys[name]
	if !ok || k.Disabled {
		return "", false
	}
	stamp, known := d.keyStamps.get(name)
	if !known {
		stamp = stampOf(string(k.Sealed), k.User, strconv.FormatUint(k.Epoch, 10)) // sealed anew only with another secret
		d.keyStamps.put(name, stamp, maxHeld)
	}
	return stamp, true
}

// tokenStamp is what names a token's secret in a proof: part of its digest.
func tokenStamp(hash string) string { return hash[:min(12, len(hash))] }

// behind returns the definitions that a session stands on; errSession when their
// tenant is gone.
func (r *Registry) behind(ctx context.Context, tenant usance.TenantID) (*Definitions, error) {
	d, err := r.Definitions(ctx, tenant)
	if usance.KindOf(err) == usance.KindNotFound {
		err = errSession
	}
	return d, err
}

// proved returns the user of a session if what it was opened by is as it was then,
// and errSession otherwise.
func (r *Registry) proved(ctx context.Context, s Session) (usance.User, error) {
	d, err := r.behind(ctx, s.Tenant)
	if err != nil {
		return usance.User{}, err
	}
	stamp, u, ok := d.stampOf(s.User)
	if !ok || stamp != s.Proof.Stamp {
		return usance.User{}, errSession
	}
	if s.Proof.Key == "" {
		return u, nil
	}
	if s.Proof.KeyOwner != s.Tenant {
		if d, err = r.behind(ctx, s.Proof.KeyOwner); err != nil {
			return usance.User{}, err
		}
	}
	if !d.keyProves(s.Proof) {
		return usance.User{}, errSession
	}
	return u, nil
}

// keyProves reports that the key of a proof, if there is one, is as it was. So is
// its user: whoever may not sign in lets nobody in.
func (d *Definitions) keyProves(p usance.Proof) bool {
	if p.Key == "" {
		return true
	}
	stamp, ok := d.keyStampOf(p.Key)
	if !ok || stamp != p.KeyStamp {
		return false
	}
	_, _, ok = d.stampOf(d.keys[p.Key].User)
	return ok
}

// Confirm returns nil if the credentials of a principal are by these definitions
// what they were when they were checked, and KindUnauthorized otherwise. An edit
// made by EditFrom that confirms who asks for it is made only while they are. An
// operator's credentials are no tenant's to confirm.
func (d *Definitions) Confirm(p usance.Principal) error {
	if p.Role == usance.RoleOperator {
		return nil
	}
	changed := usance.Errorf(usance.KindUnauthorized, "the credentials have been changed or revoked")
	if p.Tenant != d.Tenant.ID {
		return changed
	}
	if p.Via == viaToken {
		t, ok := d.tokens[p.User]
		if !ok || p.Proof.Stamp != tokenStamp(t.Hash) || t.Role != p.Role || t.principal(p.Tenant).Subtree != p.Subtree {
			return changed
		}
		return nil
	}
	stamp, _, ok := d.stampOf(p.User)
	if !ok || stamp != p.Proof.Stamp || p.Proof.KeyOwner == p.Tenant && !d.keyProves(p.Proof) {
		return changed
	}
	return nil
}
