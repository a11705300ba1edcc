package registry

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/go-json-experiment/json"

	"github.com/usance/usance"
	"github.com/usance/usance/internal/journal"
	"github.com/usance/usance/store"
)

// The directory finds the tenant that an alias, a key id, a token or a user name
// belongs to. It lives under usance.System, since it crosses tenants, and is
// written in a step of its own before the tenant's (to claim) or after it (to
// release). A process that dies in between leaves a claim that names its tenant
// without the tenant confirming it; look-ups check the tenant, so such a claim
// answers nothing, the tenant's next edit takes it up again, and after a while
// another tenant may have the name; see contest.
// Where in the tenant a name stands is not kept here but asked of its
// definitions, so a move within the tenant is seen at once and whole.

// claim is one entry of the directory.
type claim struct {
	kind   string // "tenant", "alias", "key", "token", "user"
	value  string
	name   string // of an operator's token
	shared bool   // several tenants may have it
	fresh  bool   // this edit adds it, so a failed edit gives it back
	field  string // the place in the edit that claims it
}

func (c claim) id(tenant usance.TenantID) string {
	if c.shared {
		return c.kind + "\x00" + c.value + "\x00" + string(tenant)
	}
	return c.kind + "\x00" + c.value
}

// Place is where an alias points.
type Place struct {
	Tenant usance.TenantID
	Node   usance.Path
}

// entry is a row of the directory. By names the edits that claimed it and did
// not give it back: racing editors of one tenant may claim the same name, and
// one that fails must not take it from one that does not.
type entry struct {
	Tenant usance.TenantID `json:"tenant"`
	Name   string          `json:"name,omitempty"`
	By     []string        `json:"by,omitempty"`
	At     time.Time       `json:"at,omitzero"` // of the last claim; older releases left it out
}

func keysOf(tenant usance.TenantID, claims []claim) store.Keys {
	var keys store.Keys
	for _, c := range claims {
		keys.Rows = append(keys.Rows, store.Key{Table: store.Directory, ID: c.id(tenant)})
	}
	return keys
}

// checkClaims returns KindConflict naming every claim that another tenant has.
func (r *Registry) checkClaims(ctx context.Context, tenant usance.TenantID, claims []claim) error {
	if len(claims) == 0 {
		return nil
	}
	keys := keysOf(tenant, claims)
	keys.Rows = append(keys.Rows, DeletedKey(tenant))
	rows, err := r.st.Load(ctx, usance.System, keys)
	if err != nil {
		return err
	}
	if err := refuseDeleted(rows, tenant); err != nil {
		return err
	}
	others, err := foreign(rows, tenant, claims)
	if err != nil {
		return err
	}
	held, _, err := r.weigh(ctx, others)
	if err != nil {
		return err
	}
	return conflict(held)
}

// contested is a claim of a name that another tenant's entry stands for.
type contested struct {
	claim
	id  string
	raw []byte
	had bool // its tenant has the name

	deleted bool // its tenant was
	entry
}

// foreign returns those of the claims whose names stand for other tenants.
func foreign(rows *store.Rows, tenant usance.TenantID, claims []claim) (others []contested, err error) {
	for _, c := range claims {
		id := c.id(tenant)
		at, ok, err := readEntry(rows, id)
		if err != nil {
			return nil, err
		}
		if ok && at.Tenant != tenant {
			raw, _ := rows.Get(store.Directory, id)
			others = append(others, contested{claim: c, entry: at, id: id, raw: bytes.Clone(raw)})
		}
	}
	return others, nil
}

// conflict is the refusal of claims, nil when there are none.
func conflict(held []contested) error {
	if len(held) == 0 {
		return nil
	}
	refused := &usance.Error{Kind: usance.KindConflict, Detail: "some names belong to other tenants"}
	for _, c := range held {
		what := c.kind
		if c.kind != "token" {
			what += " " + strings.ReplaceAll(c.value, "\x00", " ")
		}
		refused.Fields = append(refused.Fields, usance.FieldError{Index: -1, Field: cmp.Or(c.field, c.kind), Detail: what + " belongs to another tenant"})
	}
	return refused
}

func readEntry(rows *store.Rows, id string) (entry, bool, error) {
	b, ok := rows.Get(store.Directory, id)
	if !ok {
		return entry{}, false, nil
	}
	at, err := decodeEntry(b)
	return at, true, err
}

func decodeEntry(b []byte) (at entry, err error) {
	err = json.Unmarshal(b, &at)
	return at, err
}

// entryKey is the kind of an entry that one tenant alone may have, and its value.
type entryKey struct{ kind, value string }

func putEntry(rows *store.Rows, id string, at entry) error {
	b, err := json.Marshal(at)
	if err == nil {
		rows.Put(store.Directory, id, b)
	}
	return err
}

// claim enters the claims for the tenant under the edit's nonce, after it has freed
// names that stand for others for nothing. It returns who had claimed the names in
// leaving until then, for release.
func (r *Registry) claim(ctx context.Context, tenant usance.TenantID, nonce string, claims, leaving []claim) (map[string][]string, error) {
	if len(claims)+len(leaving) == 0 {
		return nil, nil
	}
	for range 8 {
		seen, others, err := r.enter(ctx, tenant, nonce, claims, leaving)
		if !errors.Is(err, errContested) {
			return seen, err
		}
		if err := r.contest(ctx, others); err != nil {
			return nil, err
		}
	}
	return nil, usance.Errorf(usance.KindUnavailable, "others claim the same names at this moment; try again")
}

// errContested is of claims of which others hold some.
var errContested = errors.New("registry: names stand for other tenants")

// enter is claim where nobody else has a name; otherwise it enters none and returns
// errContested with those that others have.
func (r *Registry) enter(ctx context.Context, tenant usance.TenantID, nonce string, claims, leaving []claim) (seen map[string][]string, others []contested, err error) {
	keys := keysOf(tenant, claims)
	keys.Rows = append(append(keys.Rows, keysOf(tenant, leaving).Rows...), DeletedKey(tenant))
	now := r.now().UTC()
	err = r.st.Step(ctx, usance.System, keys, func(rows *store.Rows) (err error) {
		seen, others = map[string][]string{}, nil
		if err := refuseDeleted(rows, tenant); err != nil {
			return err
		}
		if others, err = foreign(rows, tenant, claims); err != nil {
			return err
		}
		if len(others) > 0 {
			return errContested
		}
		for _, c := range leaving {
			at, _, err := readEntry(rows, c.id(tenant))
			if err != nil {
				return err
			}
			seen[c.id(tenant)] = at.By
		}
		for _, c := range claims {
			at, ok, err := readEntry(rows, c.id(tenant))
			if err != nil {
				return err
			}
			if ok && (!c.fresh || slices.Contains(at.By, nonce)) {
				continue
			}
			at = entry{Tenant: tenant, Name: c.name, By: append(at.By, nonce), At: now}
			if err := putEntry(rows, c.id(tenant), at); err != nil {
				return err
			}
		}
		return nil
	})
	return seen, others, err
}

// release takes claimants off the tenant's entries and removes those that have
// none left. It is best effort: an entry that stays keeps its name from other
// tenants and answers nothing.
func (r *Registry) release(ctx context.Context, tenant usance.TenantID, gone []claim, claimants func(id string) []string) {
	if len(gone) == 0 {
		return
	}
	err := r.st.Step(ctx, usance.System, keysOf(tenant, gone), func(rows *store.Rows) error {
		for _, c := range gone {
			id := c.id(tenant)
			off := claimants(id)
			if err := takeOff(rows, tenant, id, func(by string) bool { return slices.Contains(off, by) }); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		r.log.Warn("directory entries were not released", "tenant", tenant, "error", err)
	}
}

// takeOff takes claimants off a tenant's entry, and removes it when none is left.
// Another tenant's entry stays as it is.
func takeOff(rows *store.Rows, tenant usance.TenantID, id string, gone func(by string) bool) error {
	at, ok, err := readEntry(rows, id)
	if err != nil || !ok || at.Tenant != tenant {
		return err
	}
	if at.By = slices.DeleteFunc(at.By, gone); len(at.By) > 0 {
		return putEntry(rows, id, at)
	}
	rows.Delete(store.Directory, id)
	return nil
}

// fresh returns the claims that an edit added.
func fresh(claims []claim) []claim {
	var out []claim
	for _, c := range claims {
		if c.fresh {
			out = append(out, c)
		}
	}
	return out
}

func (r *Registry) find(ctx context.Context, kind, value string) (entry, error) {
	at, ok, err := row(ctx, r, &r.entries, entryKey{kind, value}, store.Directory,
		func() string { return kind + "\x00" + value }, decodeEntry)
	if err == nil && !ok {
		err = usance.Errorf(usance.KindNotFound, "there is no such %s", kind)
	}
	return at, err
}

// ResolveAlias finds the tenant and node an alias names, such as
// ("huawei.project", "0123…"), or KindNotFound.
func (r *Registry) ResolveAlias(ctx context.Context, kind, value string) (Place, error) {
	none := func() error { return usance.Errorf(usance.KindNotFound, "there is no such alias") }
	if len(value) > usance.MaxNameBytes {
		return Place{}, none()
	}
	name := kind + "\x00" + value
	at, err := r.find(ctx, "alias", name)
	if err != nil {
		return Place{}, err
	}
	d, err := r.Definitions(ctx, at.Tenant)
	if usance.KindOf(err) == usance.KindNotFound {
		return Place{}, none()
	}
	if err != nil {
		return Place{}, err
	}
	node, ok := d.aliases[name]
	if !ok {
		return Place{}, none()
	}
	return Place{Tenant: at.Tenant, Node: node}, nil
}

// Resolver is ResolveAlias for one kind of alias.
func (r *Registry) Resolver(kind string) func(ctx context.Context, value string) (usance.TenantID, usance.Path, error) {
	return func(ctx context.Context, value string) (usance.TenantID, usance.Path, error) {
		at, err := r.ResolveAlias(ctx, kind, value)
		return at.Tenant, at.Node, err
	}
}

// Tenants returns up to limit tenant ids after one id, in order. Fewer than limit
// means that there are no more.
func (r *Registry) Tenants(ctx context.Context, after usance.TenantID, limit int) ([]usance.TenantID, error) {
	const prefix = "tenant\x00"
	from := prefix
	if after != "" {
		from = prefix + string(after) + "\x00"
	}
	var out []usance.TenantID
	for limit > 0 && len(out) < limit {
		rows, err := r.st.Load(ctx, usance.System, store.Keys{Ranges: []store.Range{{Table: store.Directory, From: from, To: "tenant\x01", Limit: limit}}})
		if err != nil {
			return nil, err
		}
		page := rows.Range(0)
		ids := make([]usance.TenantID, len(page))
		for i, row := range page {
			ids[i] = usance.TenantID(row.ID[len(prefix):])
			from = row.ID + "\x00"
		}
		heads, err := store.Peek(ctx, r.st, ids, journal.HeadKey)
		if err != nil {
			return nil, err
		}
		for _, id := range ids {
			row, there := heads[id]
			if !there {
				continue
			}
			head, err := journal.DecodeHead(row)
			if err != nil {
				return nil, err
			}
			if head.Definitions != 0 && len(out) < limit { // otherwise its creation was not finished
				out = append(out, id)
			}
		}
		if len(page) < limit {
			break
		}
	}
	return out, nil
}

// maxNamesakes bounds the tenants looked at for one bare user name.
const maxNamesakes = 64

// tenantsOfUser returns the tenants that have a user of that name, two at most:
// more than one is as ambiguous as many.
func (r *Registry) tenantsOfUser(ctx context.Context, name string) ([]usance.TenantID, error) {
	prefix := "user\x00" + name + "\x00"
	rows, err := r.st.Load(ctx, usance.System, store.Keys{Ranges: []store.Range{{Table: store.Directory, From: prefix, To: prefix[:len(prefix)-1] + "\x01", Limit: maxNamesakes}}})
	if err != nil {
		return nil, err
	}
	var out []usance.TenantID
	for _, row := range rows.Range(0) {
		tenant := usance.TenantID(row.ID[len(prefix):])
		d, err := r.Definitions(ctx, tenant)
		if usance.KindOf(err) == usance.KindNotFound {
			continue
		}
		if err != nil {
			return nil, err
		}
		if _, ok := d.users[name]; ok {
			if out = append(out, tenant); len(out) == 2 {
				break
			}
		}
	}
	return out, nil
}
