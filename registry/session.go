package registry

import (
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
	Sliding time.Duration     `json:"-"`               // every use moves Expires to now + Sliding
	Data    map[string]string `json:"data,omitempty"`  // of a session that was looked up: read it only
	Stamp   string            `json:"stamp,omitempty"` // of the user's rights and password; a change ends the session
}

// sessionRow is a session as stored.
type sessionRow struct {
	Session
	Nanoseconds int64 `json:"sliding,omitempty"`
}

func putSession(rows *store.Rows, id string, s Session) error {
	return putJSON(rows, id, sessionRow{s, int64(s.Sliding)})
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

// stamp changes when the user's password, role, subtree or state does.
func (u userRow) stamp() string {
	state := "on"
	if u.Disabled {
		state = "off"
	}
	sum := sha256.Sum256([]byte(u.Hash + "\x00" + string(u.Role) + "\x00" + string(u.Subtree) + "\x00" + state))
	return hex.EncodeToString(sum[:6])
}

// OpenSession stores a session under a token. A user has at most limit live
// sessions of a kind (0: no bound but 10,000): one more ends the oldest when
// evict is set, and is refused with KindConflict otherwise.
func (r *Registry) OpenSession(ctx context.Context, token string, s Session, limit int, evict bool) error {
	d, err := r.Definitions(ctx, s.Tenant)
	if err != nil {
		return err
	}
	u, ok := d.users[s.User]
	if !ok || u.Disabled {
		return usance.Errorf(usance.KindUnauthorized, "the user does not exist or is disabled")
	}
	s.Stamp = u.stamp()
	if limit <= 0 {
		limit = 10_000
	}
	id, listID := sessionID(s.Kind, token), listID(s.Kind, s.Tenant, s.User)
	for range 8 {
		err = r.openSession(ctx, id, listID, s, limit, evict)
		if !errors.Is(err, errStale) {
			return err
		}
	}
	return usance.Errorf(usance.KindUnavailable, "too many sign-ins of one user at once; try again")
}

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
	now := r.now()
	return r.st.Step(ctx, usance.System, keys, func(rows *store.Rows) error {
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
			if was.Expires.After(now) && was.Stamp == s.Stamp {
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
// rights, or is gone.
func (r *Registry) Session(ctx context.Context, kind, token string) (Session, usance.Principal, error) {
	s, p, err := r.peek(ctx, kind, token)
	if err != nil || s.Sliding == 0 {
		return s, p, err
	}
	now := r.now()
	if s.Expires.Sub(now) > s.Sliding {
		return s, p, nil // still within the grain of its last use
	}
	s.Expires = now.Add(s.Sliding + s.Sliding/slideGrain)
	id := sessionID(kind, token)
	err = r.st.Step(ctx, usance.System, store.Keys{Rows: []store.Key{{Table: store.Sessions, ID: id}}}, func(rows *store.Rows) error {
		if _, ok := rows.Get(store.Sessions, id); !ok {
			return errSession // signed out meanwhile
		}
		return putSession(rows, id, s)
	})
	return s, p, err
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
	d, err := r.Definitions(ctx, s.Tenant)
	if err != nil {
		return Session{}, usance.Principal{}, err
	}
	stamp, u, ok := d.stampOf(s.User)
	if !ok || stamp != s.Stamp {
		return Session{}, usance.Principal{}, errSession
	}
	return s, principalOf(s.Tenant, u, kind), nil
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
