package api

import (
	"net/http"
	"time"

	"github.com/usance/usance"
	"github.com/usance/usance/api/wire"
	"github.com/usance/usance/registry"
)

// pageOf answers a page of a list that the definitions hold whole.
func pageOf[T, W any](q *request, list func(*registry.Definitions) []T, name func(T) string, show func(T) W) error {
	d, err := q.definitions()
	if err != nil {
		return err
	}
	page, err := slicePage(q, list(d), name)
	if err != nil {
		return err
	}
	out := wire.List[W]{Items: make([]W, len(page.Items)), Next: page.Next, Total: page.Total}
	for i, item := range page.Items {
		out.Items[i] = show(item)
	}
	return q.answer(http.StatusOK, out)
}

func listUsers(q *request) error {
	return pageOf(q, (*registry.Definitions).Users, func(u usance.User) string { return u.Name }, func(u usance.User) usance.User { return u })
}

func (q *request) user(name string) (usance.User, error) {
	d, err := q.definitions()
	if err != nil {
		return usance.User{}, err
	}
	u, ok := d.User(name)
	if !ok {
		return u, missing("user", name)
	}
	return u, nil
}

func getUser(q *request) error {
	u, err := q.user(q.vars[0])
	if err != nil {
		return err
	}
	return q.answer(http.StatusOK, u)
}

func hasUser(name string) func(*registry.Definitions) bool {
	return func(d *registry.Definitions) bool { _, ok := d.User(name); return ok }
}

func createUser(q *request) error {
	var in wire.PutUser
	if err := q.decode(&in); err != nil {
		return err
	}
	e := registry.Edit{Users: []registry.UserSpec{{User: in.User, Password: in.Password}}}
	if _, err := q.create("a user", hasUser(in.Name), e); err != nil {
		return err
	}
	u, err := q.user(in.Name)
	if err != nil {
		return err
	}
	return q.created(u, "users", in.Name)
}

func putUser(q *request) error {
	var in wire.PutUser
	if err := q.decode(&in); err != nil {
		return err
	}
	if err := named("name", &in.Name, q.vars[0]); err != nil {
		return err
	}
	if err := q.edit(registry.Edit{Users: []registry.UserSpec{{User: in.User, Password: in.Password}}}); err != nil {
		return err
	}
	return getUser(q)
}

func deleteUser(q *request) error {
	return q.remove("user", q.vars[0], hasUser(q.vars[0]), registry.Edit{DeleteUsers: q.vars})
}

func listKeys(q *request) error {
	return pageOf(q, (*registry.Definitions).Keys,
		func(k usance.Key) string { return string(k.Kind) + "\x00" + k.ID },
		func(k usance.Key) wire.Key { return wire.Key{Key: k} })
}

func keyIn(d *registry.Definitions, ref registry.KeyRef) (usance.Key, bool) {
	return find(d.Keys(), func(k usance.Key) bool { return k.Kind == ref.Kind && k.ID == ref.ID })
}

func hasKey(ref registry.KeyRef) func(*registry.Definitions) bool {
	return func(d *registry.Definitions) bool { _, ok := keyIn(d, ref); return ok }
}

func keyRef(kind, id string) registry.KeyRef {
	return registry.KeyRef{Kind: usance.KeyKind(kind), ID: id}
}

func (q *request) key(ref registry.KeyRef) (wire.Key, error) {
	d, err := q.definitions()
	if err != nil {
		return wire.Key{}, err
	}
	k, ok := keyIn(d, ref)
	if !ok {
		return wire.Key{}, missing("key", string(ref.Kind)+" "+ref.ID)
	}
	return wire.Key{Key: k}, nil
}

func getKey(q *request) error {
	k, err := q.key(keyRef(q.vars[0], q.vars[1]))
	if err != nil {
		return err
	}
	return q.answer(http.StatusOK, k)
}

func keyEdit(in wire.PutKey) registry.Edit {
	return registry.Edit{Keys: []registry.KeySpec{{Key: in.Key, Secret: in.Secret}}}
}

func createKey(q *request) error {
	var in wire.PutKey
	if err := q.decode(&in); err != nil {
		return err
	}
	ref := registry.KeyRef{Kind: in.Kind, ID: in.ID}
	done, err := q.create("a key", hasKey(ref), keyEdit(in))
	if err != nil {
		return err
	}
	k, err := q.key(ref)
	if err != nil {
		return err
	}
	k.Secret = madeSecret(done)
	return q.created(k, "keys", string(in.Kind), in.ID)
}

func putKey(q *request) error {
	var in wire.PutKey
	if err := q.decode(&in); err != nil {
		return err
	}
	if err := named("kind", &in.Kind, q.vars[0]); err != nil {
		return err
	}
	if err := named("id", &in.ID, q.vars[1]); err != nil {
		return err
	}
	e := keyEdit(in)
	done, err := q.editFrom(func(*registry.Definitions) (registry.Edit, error) { return e, nil })
	if err != nil {
		return err
	}
	k, err := q.key(registry.KeyRef{Kind: in.Kind, ID: in.ID})
	if err != nil {
		return err
	}
	k.Secret = madeSecret(done)
	return q.answer(http.StatusOK, k)
}

func deleteKey(q *request) error {
	ref := keyRef(q.vars[0], q.vars[1])
	return q.remove("key", q.vars[0]+" "+q.vars[1], hasKey(ref), registry.Edit{DeleteKeys: []registry.KeyRef{ref}})
}

func listTokens(q *request) error {
	return pageOf(q, (*registry.Definitions).Tokens,
		func(t usance.Token) string { return t.Name },
		func(t usance.Token) wire.Token { return wire.Token{Token: t} })
}

func tokenIn(d *registry.Definitions, name string) (usance.Token, bool) {
	return find(d.Tokens(), func(t usance.Token) bool { return t.Name == name })
}

func hasToken(name string) func(*registry.Definitions) bool {
	return func(d *registry.Definitions) bool { _, ok := tokenIn(d, name); return ok }
}

func (q *request) token(name string) (wire.Token, error) {
	d, err := q.definitions()
	if err != nil {
		return wire.Token{}, err
	}
	t, ok := tokenIn(d, name)
	if !ok {
		return wire.Token{}, missing("token", name)
	}
	return wire.Token{Token: t}, nil
}

func getToken(q *request) error {
	t, err := q.token(q.vars[0])
	if err != nil {
		return err
	}
	return q.answer(http.StatusOK, t)
}

func tokenEdit(in wire.PutToken) registry.Edit {
	return registry.Edit{Tokens: []registry.TokenSpec{{Token: in.Token, Secret: in.Secret}}}
}

func createToken(q *request) error {
	var in wire.PutToken
	if err := q.decode(&in); err != nil {
		return err
	}
	done, err := q.create("a token", hasToken(in.Name), tokenEdit(in))
	if err != nil {
		return err
	}
	t, err := q.token(in.Name)
	if err != nil {
		return err
	}
	t.Secret = madeSecret(done)
	return q.created(t, "tokens", in.Name)
}

func putToken(q *request) error {
	var in wire.PutToken
	if err := q.decode(&in); err != nil {
		return err
	}
	if err := named("name", &in.Name, q.vars[0]); err != nil {
		return err
	}
	e := tokenEdit(in)
	done, err := q.editFrom(func(*registry.Definitions) (registry.Edit, error) { return e, nil })
	if err != nil {
		return err
	}
	t, err := q.token(in.Name)
	if err != nil {
		return err
	}
	t.Secret = madeSecret(done)
	return q.answer(http.StatusOK, t)
}

func deleteToken(q *request) error {
	return q.remove("token", q.vars[0], hasToken(q.vars[0]), registry.Edit{DeleteTokens: q.vars})
}

// LoginCodeKind is the kind of the session that a sign-in code stands for; the
// code is its token. Whoever takes a code in closes that session, so that it
// works once.
const LoginCodeKind = "koodrive.code"

// loginCodeLife is how long a code is good.
const loginCodeLife = 5 * time.Minute

func createLoginCode(q *request) error {
	var in wire.LoginCodeRequest
	if err := q.decode(&in); err != nil {
		return err
	}
	u, err := q.user(in.User)
	if err != nil {
		return err
	}
	if u.Disabled {
		return usance.Errorf(usance.KindConflict, "user %q is disabled", clipped(u.Name))
	}
	now := q.api.now().UTC()
	out := wire.LoginCode{Code: registry.NewSecret(""), Expires: now.Add(loginCodeLife)}
	who, err := q.api.reg.PrincipalOf(q.r.Context(), q.tenant, u.Name, LoginCodeKind)
	if err != nil {
		return err
	}
	s := registry.Session{Kind: LoginCodeKind, Created: now, Expires: out.Expires}
	if err := q.api.reg.OpenSession(q.r.Context(), out.Code, who, s, 16, true); err != nil {
		return err
	}
	return q.answer(http.StatusCreated, out)
}
