package registry

import (
	"context"
	"maps"
	"slices"
	"strings"

	"github.com/go-json-experiment/json"

	"github.com/usance/usance"
	"github.com/usance/usance/internal/journal"
	"github.com/usance/usance/store"
)

// A tenant that moves here brings definitions that were checked where they were
// made. What is left to settle is what crosses tenants or stores: the names in
// the directory, and the secrets, which another store sealed under its own key.

// ArrivalKey names the row that says that a tenant is arriving: while it is there
// and the head is not, nobody creates the tenant.
var ArrivalKey = store.Key{Table: store.Head, ID: "arrival"}

// claimsOf returns all that a tenant's definitions hold in the directory.
func claimsOf(tenant usance.TenantID, d *Definitions) []claim {
	claims := []claim{{kind: "tenant", value: string(tenant)}}
	alias := func(field string, aliases map[string]string) {
		for _, kind := range slices.Sorted(maps.Keys(aliases)) {
			claims = append(claims, claim{kind: "alias", value: kind + "\x00" + aliases[kind], field: field})
		}
	}
	alias("tenant", d.Tenant.Aliases)
	for _, path := range slices.Sorted(maps.Keys(d.nodes)) {
		alias("node "+string(path), d.nodes[path].Aliases)
	}
	for _, name := range slices.Sorted(maps.Keys(d.users)) {
		claims = append(claims, claim{kind: "user", value: name, shared: true})
	}
	for _, name := range slices.Sorted(maps.Keys(d.keys)) {
		claims = append(claims, claim{kind: "key", value: name})
	}
	for _, name := range slices.Sorted(maps.Keys(d.tokens)) {
		claims = append(claims, claim{kind: "token", value: d.tokens[name].Hash, field: "token " + name})
	}
	for i := range claims {
		claims[i].fresh = true
	}
	return claims
}

// claimsAtOnce bounds the names of one step: a directory of many users is entered
// piece by piece.
const claimsAtOnce = 5_000

// Admission says that an arriving tenant's names were entered.
type Admission struct{ fence uint64 }

// Stands returns KindUnavailable when others have taken names of it since. The step
// has named FenceKey; it puts the row of ArrivalKey, behind which names are safe.
func (a Admission) Stands(rows *store.Rows) error {
	at, err := readFence(rows)
	if err == nil && at != a.fence {
		err = usance.Errorf(usance.KindUnavailable, "names of the tenant were contested at this moment; try again")
	}
	return err
}

// Admit enters an arriving tenant's names in the directory, under a name for the
// arrival. Repeating it changes nothing. KindConflict lists every name that
// another tenant has, and then nothing is entered.
func (r *Registry) Admit(ctx context.Context, tenant usance.TenantID, d *Definitions, arrival string) (Admission, error) {
	fence, err := r.fenceOf(ctx, tenant)
	if err != nil {
		return Admission{}, err
	}
	claims := claimsOf(tenant, d)
	for part := range slices.Chunk(claims, claimsAtOnce) {
		if err := r.checkClaims(ctx, tenant, part); err != nil {
			return Admission{}, err
		}
	}
	for part := range slices.Chunk(claims, claimsAtOnce) {
		if _, err := r.claim(ctx, tenant, arrival, part, nil); err != nil {
			r.Dismiss(context.WithoutCancel(ctx), tenant, d, arrival)
			return Admission{}, err
		}
	}
	return Admission{fence}, nil
}

// Dismiss takes back what Admit entered under that name.
func (r *Registry) Dismiss(ctx context.Context, tenant usance.TenantID, d *Definitions, arrival string) {
	for part := range slices.Chunk(claimsOf(tenant, d), claimsAtOnce) {
		r.release(ctx, tenant, part, func(string) []string { return []string{arrival} })
	}
}

// Secrets returns the secrets of a tenant's signing keys by the names of their
// rows. It is for those who carry them to another store, sealed anew.
func (r *Registry) Secrets(d *Definitions) (map[string]string, error) {
	out := make(map[string]string, len(d.keys))
	for name, k := range d.keys {
		secret, err := r.seal.open(k.Sealed, name)
		if err != nil {
			return nil, err
		}
		out[name] = secret
	}
	return out, nil
}

// Adopt works out how an arriving tenant's signing keys come to open here. Those
// that do already stay as they are; the others are sealed anew with the secret
// that is known of them, as changes to be recorded. lost are those of which none
// is known: they sign nothing until they are given a secret.
func (r *Registry) Adopt(d *Definitions, secrets map[string]string) (changes []journal.Change, lost []KeyRef, err error) {
	for _, name := range slices.Sorted(maps.Keys(d.keys)) {
		k := d.keys[name]
		if _, err := r.seal.open(k.Sealed, name); err == nil {
			continue
		}
		secret, known := secrets[name]
		if !known {
			lost = append(lost, KeyRef{k.Kind, k.ID})
			continue
		}
		before, err := json.Marshal(k, json.Deterministic(true))
		if err != nil {
			return nil, nil, err
		}
		k.Sealed = r.seal.seal(secret, name)
		after, err := json.Marshal(k, json.Deterministic(true))
		if err != nil {
			return nil, nil, err
		}
		changes = append(changes, journal.Change{Type: "key", Name: name, Before: before, After: after})
	}
	return changes, lost, nil
}

// DismissAll takes back everything in the directory that Admit entered for the
// tenant under that name, whatever its definitions were.
func (r *Registry) DismissAll(ctx context.Context, tenant usance.TenantID, arrival string) error {
	var ids []string
	err := r.st.Scan(ctx, usance.System, store.Range{Table: store.Directory}, func(row store.Row) error {
		var at entry
		if json.Unmarshal(row.Value, &at) == nil && at.Tenant == tenant && slices.Contains(at.By, arrival) {
			ids = append(ids, strings.Clone(row.ID))
		}
		return nil
	})
	if err != nil {
		return err
	}
	for part := range slices.Chunk(ids, claimsAtOnce) {
		var keys store.Keys
		for _, id := range part {
			keys.Rows = append(keys.Rows, store.Key{Table: store.Directory, ID: id})
		}
		err := r.st.Step(ctx, usance.System, keys, func(rows *store.Rows) error {
			for _, id := range part {
				if err := takeOff(rows, tenant, id, func(by string) bool { return by == arrival }); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}
