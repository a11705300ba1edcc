package registry

import (
	"bytes"
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"slices"

	"github.com/go-json-experiment/json"

	"github.com/usance/usance"
	"github.com/usance/usance/internal/journal"
	"github.com/usance/usance/store"
)

// Edit is a set of changes to one tenant's definitions that happen together or
// not at all. Putting what is already so changes nothing; putting one thing twice
// is KindInvalid; deleting what is not there is KindNotFound, and what something
// depends on that the edit leaves in place KindConflict with the list of it.
// Deletions come first, so what replaces a thing may take its place.
type Edit struct {
	Create bool           // the tenant must not exist yet
	Tenant *usance.Tenant // nil: as it is

	Nodes  []usance.Node
	Meters []usance.Meter
	Quotas []usance.Quota
	Users  []UserSpec
	Keys   []KeySpec
	Tokens []TokenSpec

	Mappings []MappingSpec

	DeleteNodes  []usance.Path
	DeleteMeters []string
	DeleteQuotas []QuotaRef
	DeleteUsers  []string
	DeleteKeys   []KeyRef
	DeleteTokens []string

	DeleteMappings []MappingRef

	// KeepUsage deletes nodes although usage is recorded at or below them; it stays,
	// and is read by the nodes' paths.
	KeepUsage bool

	DryRun bool // work out the differences and refusals, change nothing

	partial bool // known to be faulty: rules that span definitions cannot be told
}

// UserSpec is a user to put. Password nil keeps the one there is; a new user
// without one cannot sign in with a password.
type UserSpec struct {
	usance.User
	Password *string
}

// KeySpec is a signing key to put. Secret "" keeps the one there is, or makes one
// for a new key.
type KeySpec struct {
	usance.Key
	Secret string
}

// TokenSpec is a bearer token to put. Secret "" keeps the one there is, or makes
// one for a new token.
type TokenSpec struct {
	usance.Token
	Secret string
}

// KeyRef names a key.
type KeyRef struct {
	Kind usance.KeyKind
	ID   string
}

func (k KeyRef) name() string { return string(k.Kind) + "\x00" + k.ID }

// Difference is one change that an Edit made or would make.
type Difference struct {
	Op     string `json:"op"`   // "create", "update" or "delete"
	Type   string `json:"type"` // "tenant", "node", "meter", "quota", "user", "key", "token", "mapping"
	Name   string `json:"name"`
	Detail string `json:"detail,omitempty"` // which members change, for a person
	Secret string `json:"secret,omitempty"` // a secret made here, shown this once
}

// Edited is the outcome of an Edit.
type Edited struct {
	Sequence    uint64 // of the newest entry; the tenant's newest when nothing changed
	Differences []Difference
}

var errStale = errors.New("registry: definitions changed meanwhile")

// Edit applies e to the tenant. Everything is validated first; on any fault
// nothing changes and the error lists every fault found. When it returns nil the
// change is durable and every later read sees it.
func (r *Registry) Edit(ctx context.Context, actor usance.Actor, tenant usance.TenantID, e Edit) (Edited, error) {
	return r.EditFrom(ctx, actor, tenant, func(*Definitions) (Edit, error) { return e, nil })
}

// EditFrom is Edit for changes that depend on what is defined: make is given the
// present definitions, with Version 0 for a tenant that does not exist, and is
// called again when others changed them before its Edit was stored.
func (r *Registry) EditFrom(ctx context.Context, actor usance.Actor, tenant usance.TenantID, make func(now *Definitions) (Edit, error)) (Edited, error) {
	if err := tenant.Check(); err != nil {
		return Edited{}, err
	}
	for range 32 {
		out, err := r.editOnce(ctx, actor, tenant, make)
		if !errors.Is(err, errStale) {
			return out, err
		}
	}
	return Edited{}, usance.Errorf(usance.KindUnavailable, "tenant %s is being changed by others; try again", tenant)
}

func (r *Registry) editOnce(ctx context.Context, actor usance.Actor, tenant usance.TenantID, make func(now *Definitions) (Edit, error)) (Edited, error) {
	before, missing := r.Definitions(ctx, tenant)
	if usance.KindOf(missing) == usance.KindNotFound {
		before = newDefinitions(r.base)
	} else if missing != nil {
		return Edited{}, missing
	}
	e, err := make(before)
	if err != nil {
		return Edited{}, err
	}
	if before.Version == 0 && e.Tenant == nil {
		return Edited{}, missing
	}
	p := newPlan(r, tenant, before)
	if err := p.build(e); err != nil {
		return Edited{}, err
	}
	if err := r.refuseDependents(ctx, p, e); err != nil {
		return Edited{}, err
	}
	if len(p.rows) == 0 || e.DryRun {
		if err := r.checkClaims(ctx, tenant, p.claims); err != nil {
			return Edited{}, err
		}
		return Edited{Sequence: before.Version, Differences: p.differences(e.DryRun)}, nil
	}
	fence, err := r.fenceOf(ctx, tenant)
	if err != nil {
		return Edited{}, err
	}
	nonce := rand.Text()
	seen, err := r.claim(ctx, tenant, nonce, p.claims, p.releases)
	if err != nil {
		return Edited{}, err
	}
	version, err := r.save(ctx, actor, tenant, p, fence)
	if err != nil {
		if !errors.Is(err, store.ErrUnknown) {
			r.release(context.WithoutCancel(ctx), tenant, fresh(p.claims), func(string) []string { return []string{nonce} })
		}
		return Edited{}, err
	}
	p.after.Version = version
	r.keep(tenant, p.after)
	r.release(context.WithoutCancel(ctx), tenant, p.releases, func(id string) []string { return seen[id] })
	return Edited{Sequence: version, Differences: p.differences(false)}, nil
}

// save writes the plan's rows and their entries in one step, if the definitions
// are still those the plan was made from and nobody has contested its claims since.
func (r *Registry) save(ctx context.Context, actor usance.Actor, tenant usance.TenantID, p *plan, fence uint64) (uint64, error) {
	at := r.now().UTC()
	keys := store.Keys{Rows: []store.Key{journal.HeadKey, ArrivalKey, FenceKey}}
	named := len(keys.Rows)
	r.nameUsed(p, &keys)
	var version uint64
	err := r.st.Step(ctx, tenant, keys, func(rows *store.Rows) error {
		head, err := journal.ReadHead(rows)
		if err != nil {
			return err
		}
		if _, arriving := rows.Get(ArrivalKey.Table, ArrivalKey.ID); arriving && head.Definitions == 0 {
			return usance.Errorf(usance.KindConflict, "tenant %s is being imported: finish or discard that first", tenant)
		}
		stands, err := readFence(rows)
		if err != nil {
			return err
		}
		if head.Definitions != p.before.Version || head.Gone() || stands != fence {
			return errStale
		}
		for _, k := range keys.Rows[named:] {
			if _, used := rows.Get(k.Table, k.ID); used {
				return errStale // of a meter that goes away; the next try says so
			}
		}
		entries := make([]journal.Entry, len(p.rows))
		for i, c := range p.rows {
			entries[i] = journal.Entry{Kind: journal.Definition, At: at, Actor: actor, Change: c}
			id := c.Type + "\x00" + c.Name
			if c.After == nil {
				rows.Delete(store.Definitions, id)
			} else {
				rows.Put(store.Definitions, id, bytes.Clone(c.After))
			}
		}
		head, err = journal.Append(rows, head, entries)
		version = head.Definitions
		return err
	})
	return version, err
}

// plan is an Edit worked out against definitions: the rows to write, what they
// claim in and release from the directory, and the faults.
type plan struct {
	reg      *Registry
	tenant   usance.TenantID
	before   *Definitions
	after    *Definitions
	dryRun   bool
	partial  bool
	rows     []journal.Change
	diffs    []Difference
	claims   []claim
	releases []claim
	faults   []usance.FieldError
	kinds    map[usance.Kind]bool // of the faults
	cause    error                // of internal ones
	fields   map[string]string    // row → the place in the edit that puts it

	dependents []Dependent // on what is deleted
}

func newPlan(r *Registry, tenant usance.TenantID, before *Definitions) *plan {
	p := &plan{reg: r, tenant: tenant, before: before, after: before.clone(), kinds: map[usance.Kind]bool{}, fields: map[string]string{}}
	p.after.indexMeters()
	return p
}

func (p *plan) fault(field string, err error) {
	detail, kind := "this could not be worked out", usance.KindInternal
	if e, ok := errors.AsType[*usance.Error](err); ok {
		detail, kind = e.Detail, e.Kind
	}
	if kind == usance.KindInternal {
		p.cause = errors.Join(p.cause, err)
	}
	p.kinds[kind] = true
	p.faults = append(p.faults, usance.FieldError{Index: -1, Field: field, Detail: detail})
}

// differences returns what changed. A dry run shows no secret: the one it made
// is not the one that will be.
func (p *plan) differences(dryRun bool) []Difference {
	if dryRun {
		for i := range p.diffs {
			p.diffs[i].Secret = ""
		}
	}
	return p.diffs
}

// build fills the plan. Every fault of every part is found before it fails.
func (p *plan) build(e Edit) error {
	if e.Create && p.before.Version != 0 {
		return usance.Errorf(usance.KindConflict, "tenant %s exists already", p.tenant)
	}
	p.dryRun, p.partial = e.DryRun, e.partial
	p.deletions(e)
	if e.Tenant != nil {
		p.putTenant(*e.Tenant)
	}
	each(p, "nodes", e.Nodes, p.putNode)
	each(p, "meters", e.Meters, p.putMeter)
	p.after.indexMeters()
	each(p, "quotas", e.Quotas, p.putQuota)
	each(p, "users", e.Users, p.putUser)
	each(p, "keys", e.Keys, p.putKey)
	each(p, "tokens", e.Tokens, p.putToken)
	for _, m := range e.Mappings {
		p.putMapping(m)
	}
	if len(p.faults) == 0 {
		if err := p.after.index(); err != nil {
			p.fault("timezone", err)
		}
		p.findDependents(e)
		if !p.partial && len(p.dependents) == 0 {
			p.checkWhole()
		}
	}
	if len(p.faults) > 0 {
		return p.refusal()
	}
	p.releases = slices.DeleteFunc(p.releases, p.keeps)
	return nil
}

// refusal is the error of a plan with faults: of the faults' kind if they have
// one in common, of the most telling otherwise.
func (p *plan) refusal() error {
	kind := usance.KindInternal
	for _, k := range []usance.Kind{usance.KindNotFound, usance.KindConflict, usance.KindTooLarge, usance.KindInvalid, usance.KindInternal} {
		if p.kinds[k] {
			kind = k
		}
	}
	return &usance.Error{Kind: kind, Detail: "the definitions of tenant " + string(p.tenant) + " are refused", Fields: p.faults, Err: p.cause}
}

func each[T any](p *plan, list string, items []T, put func(field string, item T)) {
	for i, item := range items {
		put(list+index(i), item)
	}
}

// write records a row's new value if it differs from the old one.
func (p *plan) write(field, kind, name, shown string, value any) bool {
	row := kind + "\x00" + name
	if other, twice := p.fields[row]; twice && !p.partial {
		p.fault(field, usance.Errorf(usance.KindInvalid, "%s %s is put twice, first at %s", kind, shown, cmp.Or(other, kind)))
		return false
	}
	p.fields[row] = field
	after, err := json.Marshal(value, json.Deterministic(true))
	if err != nil {
		p.fault(field, err)
		return false
	}
	before := p.stored(field, kind, name)
	if bytes.Equal(before, after) {
		return false
	}
	op := "update"
	if before == nil {
		op = "create"
	}
	p.rows = append(p.rows, journal.Change{Type: kind, Name: name, Before: before, After: after})
	p.diffs = append(p.diffs, Difference{Op: op, Type: kind, Name: shown, Detail: changedMembers(before, after)})
	if err := p.after.set(kind, name, after); err != nil {
		p.fault(field, err)
	}
	return true
}

func (p *plan) remove(field, kind, name, shown string) bool {
	before := p.stored(field, kind, name)
	if before == nil {
		p.fault(field, usance.Errorf(usance.KindNotFound, "there is no %s %s", kind, shown))
		return false
	}
	p.rows = append(p.rows, journal.Change{Type: kind, Name: name, Before: before})
	p.diffs = append(p.diffs, Difference{Op: "delete", Type: kind, Name: shown})
	if err := p.after.set(kind, name, nil); err != nil {
		p.fault(field, err)
	}
	return true
}

// stored is the row as the edit has it so far, in the encoding that write makes.
func (p *plan) stored(field, kind, name string) []byte {
	value, ok := p.after.get(kind, name)
	if !ok {
		return nil
	}
	b, err := json.Marshal(value, json.Deterministic(true))
	if err != nil {
		p.fault(field, err)
	}
	return b
}

// changedMembers names the members that differ, never their values: some are
// hashes and sealed secrets.
func changedMembers(before, after []byte) string {
	if before == nil {
		return ""
	}
	var a, b map[string]any
	if json.Unmarshal(before, &a) != nil || json.Unmarshal(after, &b) != nil {
		return ""
	}
	var names []string
	for k, v := range b {
		if old, _ := json.Marshal(a[k], json.Deterministic(true)); !sameJSON(old, v) {
			names = append(names, memberName(k))
		}
	}
	for k := range a {
		if _, ok := b[k]; !ok {
			names = append(names, memberName(k))
		}
	}
	slices.Sort(names)
	return joinComma(slices.Compact(slices.DeleteFunc(names, func(name string) bool { return name == "" })))
}
