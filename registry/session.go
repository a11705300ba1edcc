package registry

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"slices"
	"time"

	"github.com/go-json-experiment/json"

	"github.com/usance/usance"
	"github.com/usance/usance/store"
)

// Session is what an issued access token stands for. Façades issue tokens in
// their vendors' forms; only a token's hash is stored.
type Session struct {
	Kind    string            `json:"kind"` // the façade's own, such as "meeting"
	Tenant  usance.TenantID   `json:"tenant"`
	User    string            `json:"user"`
	Created time.Time         `json:"created"`
	Expires time.Time         `json:"expires"`
	Sliding time.Duration     `json:"-"`              // every use moves Expires to now + Sliding
	Data    map[string]string `json:"data,omitempty"` // of a session that was looked up: read it only
	Proof   usance.Proof      `json:"-"`              // what it was opened by; a change of that ends it
}

// sessionRow is a session as stored.
type sessionRow struct {
	Session
	Nanoseconds int64           `json:"sliding,omitempty"`
	Stamp       string          `json:"stamp,omitempty"`
	Key         string          `json:"key,omitempty"`
	KeyOwner    usance.TenantID `json:"key_tenant,omitempty"`
	KeyStamp    string          `json:"key_stamp,omitempty"`
}

func putSession(rows *store.Rows, id string, s Session) error {
	return putJSON(rows, id, sessionRow{s, int64(s.Sliding), s.Proof.Stamp, s.Proof.Key, s.Proof.KeyOwner, s.Proof.KeyStamp})
}

func readSession(rows *store.Rows, id string) (Session, error) {
	b, ok := rows.Get(store.Sessions, id)
	if !ok {
		return Session{}, nil
	}
	return decodeSession(b)
}

func decodeSession(b []byte) (Session, error) {
	var row sessionRow
	err := json.Unmarshal(b, &row)
	row.Sliding = time.Duration(row.Nanoseconds)
	row.Proof = usance.Proof{Stamp: row.Stamp, Key: row.Key, KeyOwner: row.KeyOwner, KeyStamp: row.KeyStamp}
	return row.Session, err
}

// sessionList names a user's sessions of one kind, oldest first, by row id.
type sessionList []string

// A sliding session is written again once so much of its life has gone by, not
// on every use. Stored lives are that much longer, so that a session never ends
// before its documented life after its last use.
const slideGrain = 20

func sessionID(kind, token string) string { return newSessionKey(kind, token).id() }

// sessionKey is a session's kind and the digest of its token.
type sessionKey struct {
	kind   string
	digest [sha256.Size]byte
}

func newSessionKey(kind, token string) sessionKey { return sessionKey{kind, digestOf(token)} }

// The first bytes of the ids of sessions, and of users' lists of theirs.
const sessionPrefix, listPrefix = "s\x00", "u\x00"

func (k sessionKey) id() string {
	return sessionPrefix + k.kind + "\x00" + hex.EncodeToString(k.digest[:])
}

// OpenSession stores a session of a principal, whose tenant and user it takes,
// under a token. It is KindUnauthorized when the credentials that the principal was
// proved by have changed since, or the user is gone or disabled; when that happens
// while it is stored, the session is never good. A user has at most limit live
// sessions of a kind (0: no bound but 10,000): one more ends the oldest when
// evict is set, and is refused with KindConflict otherwise.
func (r *Registry) OpenSession(ctx context.Context, token string, who usance.Principal, s Session, limit int, evict bool) error {
	s.Tenant, s.User, s.Proof = who.Tenant, who.User, who.Proof
	if _, err := r.proved(ctx, s); errors.Is(err, errSession) {
		return errGone
	} else if err != nil {
		return err
	}
	if limit <= 0 {
		limit = 10_000
	}
	id, listID := sessionID(s.Kind, token), listID(s.Kind, s.Tenant, s.User)
	for range 8 {
		err := r.openSession(ctx, id, listID, s, limit, evict)
		if !errors.Is(err, errStale) {
			return err
		}
	}
	return usance.Errorf(usance.KindUnavailable, "too many sign-ins of one user at once; try again")
}

var errGone error = usance.Errorf(usance.KindUnauthorized, "the user is gone or disabled, or the credentials have been changed or revoked")

func listID(kind string, tenant usance.TenantID, user string) string {
	return listPrefix + kind + "\x00" + string(tenant) + "\x00" + user
}

// listed returns the keys of a user's list and of every session in it.
func (r *Registry) listed(ctx context.Context, listID string) (store.Keys, error) {
	keys := store.Keys{Rows: []store.Key{{Table: store.Sessions, ID: listID}}}
	rows, err := r.st.Load(ctx, usance.System, keys)
	if err != nil {
		return keys, err
	}
	list, err := readJSON[sessionList](rows, listID)
	for _, id := range list {
		keys.Rows = append(keys.Rows, store.Key{Table: store.Sessions, ID: id})
	}
	return keys, err
}

func (r *Registry) openSession(ctx context.Context, id, listID string, s Session, limit int, evict bool) error {
	keys, err := r.listed(ctx, listID)
	if err != nil {
		return err
	}
	behind := []usance.TenantID{s.Tenant}
	if owner := s.Proof.KeyOwner; owner != "" && owner != s.Tenant {
		behind = append(behind, owner)
	}
	for _, tenant := range behind {
		keys.Rows = append(keys.Rows, DeletedKey(tenant))
	}
	now := r.now()
	return r.st.Step(ctx, usance.System, keys, func(rows *store.Rows) error {
		for _, tenant := range behind {
			if _, deleted, err := readDeleted(rows, tenant); err != nil || deleted {
				return cmp.Or(err, errGone)
			}
		}
		list, err := readJSON[sessionList](rows, listID)
		if err != nil {
			return err
		}
		var live sessionList
		for _, old := range list {
			if !slices.Contains(keys.Rows, store.Key{Table: store.Sessions, ID: old}) {
				return errStale
			}
			was, err := readSession(rows, old)
			if err != nil {
				return err
			}
			if was.Expires.After(now) && was.Proof.Stamp == s.Proof.Stamp {
				live = append(live, old)
			} else {
				rows.Delete(store.Sessions, old)
			}
		}
		for len(live) >= limit {
			if !evict {
				return usance.Errorf(usance.KindConflict, "the user has %d sessions, the most there may be", limit)
			}
			rows.Delete(store.Sessions, live[0])
			live = live[1:]
		}
		if err := putSession(rows, id, s); err != nil {
			return err
		}
		return putJSON(rows, listID, append(live, id))
	})
}

func putJSON(rows *store.Rows, id string, v any) error {
	b, err := json.Marshal(v)
	if err == nil {
		rows.Put(store.Sessions, id, b)
	}
	return err
}

// readJSON reads a row of the sessions table; a row that is not there is the
// zero value.
func readJSON[T any](rows *store.Rows, id string) (T, error) {
	var v T
	b, ok := rows.Get(store.Sessions, id)
	if !ok {
		return v, nil
	}
	return v, json.Unmarshal(b, &v)
}

var errSession = usance.Errorf(usance.KindUnauthorized, "the session is unknown or has ended")

// Session returns the live session of a token and who it speaks for now, and
// slides its life if it is a sliding one. Unknown, ended and expired tokens are
// KindUnauthorized, and so is one whose user has since changed password or
// rights, or is gone, or that a signing key opened that has since changed.
func (r *Registry) Session(ctx context.Context, kind, token string) (Session, usance.Principal, error) {
	s, p, err := r.peek(ctx, kind, token)
	if err != nil || s.Sliding == 0 {
		return s, p, err
	}
	now := r.now()
	if s.Expires.Sub(now) > s.Sliding {
		return s, p, nil // still within the grain of its last use
	}
	next := now.Add(s.Sliding + s.Sliding/slideGrain)
	s, err = r.changeSession(ctx, kind, token, func(s *Session) {
		if s.Expires.Before(next) {
			s.Expires = next
		}
	})
	return s, p, err
}

// RenewSession has a token's live session end at a time, and returns it. Like
// every use of a session it is KindUnauthorized when there is none, also when it
// is signed out meanwhile.
func (r *Registry) RenewSession(ctx context.Context, kind, token string, expires time.Time) (Session, error) {
	if _, _, err := r.peek(ctx, kind, token); err != nil {
		return Session{}, err
	}
	return r.changeSession(ctx, kind, token, func(s *Session) { s.Expires = expires })
}

// changeSession changes what is stored of a session, if it still is.
func (r *Registry) changeSession(ctx context.Context, kind, token string, change func(*Session)) (s Session, err error) {
	id := sessionID(kind, token)
	err = r.st.Step(ctx, usance.System, store.Keys{Rows: []store.Key{{Table: store.Sessions, ID: id}}}, func(rows *store.Rows) error {
		if s, err = readSession(rows, id); err != nil {
			return err
		}
		if s.Kind != kind {
			return errSession // signed out meanwhile
		}
		change(&s)
		return putSession(rows, id, s)
	})
	return s, err
}

// PeekSession is Session without sliding the session's life.
func (r *Registry) PeekSession(ctx context.Context, kind, token string) (Session, usance.Principal, error) {
	return r.peek(ctx, kind, token)
}

func (r *Registry) peek(ctx context.Context, kind, token string) (Session, usance.Principal, error) {
	if token == "" || len(token) > usance.MaxSettingBytes {
		return Session{}, usance.Principal{}, errSession
	}
	key := newSessionKey(kind, token)
	s, ok, err := row(ctx, r, &r.sessions, key, store.Sessions, key.id, decodeSession)
	if err != nil {
		return Session{}, usance.Principal{}, err
	}
	if !ok || s.Kind != kind || !r.now().Before(s.Expires) {
		return Session{}, usance.Principal{}, errSession
	}
	u, err := r.proved(ctx, s)
	if err != nil {
		return Session{}, usance.Principal{}, err
	}
	p := principalOf(s.Tenant, u, kind)
	p.Proof = s.Proof
	return s, p, nil
}

// CloseSession ends a token's session. It reports whether there was one.
func (r *Registry) CloseSession(ctx context.Context, kind, token string) (bool, error) {
	s, _, err := r.peek(ctx, kind, token)
	if usance.KindOf(err) == usance.KindUnauthorized {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	id, list := sessionID(kind, token), listID(kind, s.Tenant, s.User)
	keys := store.Keys{Rows: []store.Key{{Table: store.Sessions, ID: id}, {Table: store.Sessions, ID: list}}}
	closed := false
	err = r.st.Step(ctx, usance.System, keys, func(rows *store.Rows) error {
		_, closed = rows.Get(store.Sessions, id)
		rows.Delete(store.Sessions, id)
		return takeFromList(rows, list, id)
	})
	return closed, err
}

// takeFromList takes sessions off a user's list, which goes with the last of them.
func takeFromList(rows *store.Rows, list string, gone ...string) error {
	if _, ok := rows.Get(store.Sessions, list); !ok {
		return nil
	}
	ids, err := readJSON[sessionList](rows, list)
	if err != nil {
		return err
	}
	if ids = slices.DeleteFunc(ids, func(id string) bool { return slices.Contains(gone, id) }); len(ids) == 0 {
		rows.Delete(store.Sessions, list)
		return nil
	}
	return putJSON(rows, list, ids)
}
