package registry

import (
	"cmp"
	"context"
	"errors"
	"maps"
	"slices"
	"strings"

	"github.com/usance/usance"
)

// Manifest says what tenants should be, read from a file. It is checked for form
// alone until Check.
type Manifest struct {
	Tenants []ManifestTenant

	read *reader
}

// ManifestTenant is what a manifest says of one tenant.
type ManifestTenant struct {
	ID        usance.TenantID
	Resources []usance.Resource

	name, timezone    *string
	carved            *bool
	aliases, settings map[string]*string
	nodes             []manifestNode
	meters            []usance.Meter
	quotas            []usance.Quota
	users             []manifestUser
	keys              []manifestKey
	tokens            []manifestToken
	mappings          []manifestMapping
}

type manifestNode struct {
	path    usance.Path
	name    *string
	carved  *bool
	aliases map[string]*string
}

type manifestUser struct {
	UserSpec
	disabled *bool
}

type manifestKey struct {
	KeySpec
	disabled *bool
}

type manifestToken struct {
	TokenSpec
	enforce *bool
}

// TenantDifferences is what a manifest changes in one tenant.
type TenantDifferences struct {
	Tenant      usance.TenantID `json:"tenant"`
	Sequence    uint64          `json:"sequence,omitzero"` // of the newest entry; 0 in a dry run
	Differences []Difference    `json:"differences"`
}

// ParseManifest reads a manifest in YAML or JSON. Unknown and repeated members
// are refused; so are several documents, tags, and anything past the bounds of
// its form. The error lists every fault with its line. It returns the manifest
// beside the error when the text could be read at all, so that Check can add what
// else is wrong.
func ParseManifest(data []byte) (*Manifest, error) {
	t, err := parseTree(data)
	if err != nil {
		return nil, err
	}
	m := &Manifest{read: &reader{lines: map[string]int{}}}
	m.read.object("", t, fields{"tenants": listOf(m.read, &m.Tenants, m.read.tenant)})
	m.checkRepeats()
	return m, m.refusal(usance.KindInvalid, m.read.faults)
}

// refusal makes one error of faults, in the order of lines, or nil of none.
func (m *Manifest) refusal(kind usance.Kind, faults []usance.FieldError) error {
	if len(faults) == 0 {
		return nil
	}
	slices.SortStableFunc(faults, func(a, b usance.FieldError) int { return cmp.Compare(a.Line, b.Line) })
	e := usance.Errorf(kind, "the manifest has %d faults and nothing was changed", len(faults))
	if len(faults) == 1 {
		e.Detail = "the manifest has a fault and nothing was changed"
	}
	e.Fields = faults[:min(len(faults), maxTreeFaults)]
	return e
}

func (r *reader) tenant(field string, t *tree) ManifestTenant {
	var m ManifestTenant
	var name, zone string
	r.object(field, t, fields{
		"id":        text(r, &m.ID),
		"name":      func(f string, t *tree) { text(r, &name)(f, t); m.name = &name },
		"timezone":  func(f string, t *tree) { text(r, &zone)(f, t); m.timezone = &zone },
		"carved":    r.truth(&m.carved),
		"aliases":   r.texts(&m.aliases),
		"settings":  r.texts(&m.settings),
		"nodes":     listOf(r, &m.nodes, r.node),
		"meters":    listOf(r, &m.meters, r.meter),
		"quotas":    listOf(r, &m.quotas, r.quota),
		"users":     listOf(r, &m.users, r.user),
		"keys":      listOf(r, &m.keys, r.key),
		"tokens":    listOf(r, &m.tokens, r.token),
		"mappings":  r.mappings(&m.mappings),
		"resources": listOf(r, &m.Resources, r.resource),
	})
	return m
}

func (r *reader) node(field string, t *tree) manifestNode {
	var n manifestNode
	var name string
	r.object(field, t, fields{
		"path":    text(r, &n.path),
		"name":    func(f string, t *tree) { text(r, &name)(f, t); n.name = &name },
		"carved":  r.truth(&n.carved),
		"aliases": r.texts(&n.aliases),
	})
	return n
}

func (r *reader) meter(field string, t *tree) usance.Meter {
	var m usance.Meter
	var groups map[string]*string
	r.object(field, t, fields{
		"name":        text(r, &m.Name),
		"unit":        text(r, &m.Unit),
		"aggregation": text(r, &m.Aggregation),
		"group_by":    r.texts(&groups),
		"events": listOf(r, &m.Events, func(field string, t *tree) usance.Source {
			var s usance.Source
			r.object(field, t, fields{"type": text(r, &s.Type), "amount": text(r, &s.Amount)})
			return s
		}),
	})
	for key, path := range groups {
		if path == nil {
			continue
		}
		if m.GroupBy == nil {
			m.GroupBy = map[string]string{}
		}
		m.GroupBy[key] = *path
	}
	return m
}

func (r *reader) quota(field string, t *tree) usance.Quota {
	q := usance.Quota{Node: usance.Root}
	before := len(r.faults)
	r.object(field, t, fields{
		"node":    text(r, &q.Node),
		"meter":   text(r, &q.Meter),
		"limit":   r.amount(&q.Limit),
		"window":  text(r, &q.Window),
		"enforce": text(r, &q.Enforce),

		"guarantee": r.amount(&q.Guarantee),
	})
	if _, ok := r.lines[field+".limit"]; !ok && len(r.faults) == before {
		r.fault(t.line, field+".limit", "limit is missing; a quota without one says unlimited")
	}
	return q
}

func (r *reader) user(field string, t *tree) manifestUser {
	var u manifestUser
	var password string
	r.object(field, t, fields{
		"name":     text(r, &u.Name),
		"password": func(f string, t *tree) { text(r, &password)(f, t); u.Password = &password },
		"role":     text(r, &u.Role),
		"subtree":  text(r, &u.Subtree),
		"disabled": r.truth(&u.disabled),
	})
	return u
}

func (r *reader) key(field string, t *tree) manifestKey {
	var k manifestKey
	r.object(field, t, fields{
		"kind":     text(r, &k.Kind),
		"id":       text(r, &k.ID),
		"secret":   text(r, &k.Secret),
		"user":     text(r, &k.User),
		"disabled": r.truth(&k.disabled),
	})
	return k
}

func (r *reader) token(field string, t *tree) manifestToken {
	var s manifestToken
	r.object(field, t, fields{
		"name":    text(r, &s.Name),
		"role":    text(r, &s.Role),
		"subtree": text(r, &s.Subtree),
		"expires": r.instant(&s.Expires),
		"secret":  text(r, &s.Secret),
		"enforce": r.truth(&s.enforce),
	})
	return s
}

func (r *reader) grant(field string, t *tree) usance.Grant {
	var g usance.Grant
	r.object(field, t, fields{"meter": text(r, &g.Meter), "amount": r.amount(&g.Amount), "node": text(r, &g.Node)})
	return g
}

func (r *reader) resource(field string, t *tree) usance.Resource {
	s := usance.Resource{Node: usance.Root}
	var frozen *bool
	var labels map[string]*string
	r.object(field, t, fields{
		"id":            text(r, &s.ID),
		"node":          text(r, &s.Node),
		"business_type": text(r, &s.BusinessType),
		"charging_mode": text(r, &s.ChargingMode),
		"source":        text(r, &s.Source),
		"amount":        r.amount(&s.Amount),
		"unit":          text(r, &s.Unit),
		"order_id":      text(r, &s.OrderID),
		"resource_type": text(r, &s.Type),
		"frozen":        r.truth(&frozen),
		"starts":        r.instant(&s.Starts),
		"expires":       r.instant(&s.Expires),
		"labels":        r.texts(&labels),
		"grants":        listOf(r, &s.Grants, r.grant),
	})
	s.Frozen = frozen != nil && *frozen
	for name, value := range labels {
		if value == nil {
			continue
		}
		if s.Labels == nil {
			s.Labels = map[string]string{}
		}
		s.Labels[name] = *value
	}
	return s
}

// Check validates the whole manifest against what is defined now, without
// changing anything, and returns what it would change. The faults that
// ParseManifest found are in the error too. A manifest for one tenant alone
// (only) is refused with KindForbidden when it speaks of another.
func (m *Manifest) Check(ctx context.Context, r *Registry, only usance.TenantID) ([]TenantDifferences, error) {
	if only != "" {
		var foreign []usance.FieldError
		for i, t := range m.Tenants {
			if t.ID != only {
				field := "tenants" + index(i) + ".id"
				foreign = append(foreign, m.read.place(usance.FieldError{Index: -1, Field: field, Detail: "these credentials speak for tenant " + string(only) + " alone"}))
			}
		}
		if err := m.refusal(usance.KindForbidden, foreign); err != nil {
			return nil, err
		}
	}
	kind, faults := usance.KindInvalid, slices.Clone(m.read.faults)
	partial := len(faults) > 0
	var out []TenantDifferences
	for i, t := range m.Tenants {
		field := "tenants" + index(i)
		meters := t.metersOver(newDefinitions(r.base))
		done, err := r.EditFrom(ctx, usance.Actor{}, t.ID, func(now *Definitions) (Edit, error) {
			meters = t.metersOver(now)
			e := t.Edit(now)
			e.DryRun, e.partial = true, partial
			return e, nil
		})
		e, refused := errors.AsType[*usance.Error](err)
		if err != nil && (!refused || e.Kind == usance.KindInternal || e.Kind == usance.KindUnavailable) {
			return nil, err
		}
		if refused {
			if e.Kind == usance.KindConflict && !partial {
				kind = usance.KindConflict
			}
			if len(e.Fields) == 0 {
				e.Fields = []usance.FieldError{{Index: -1, Field: "id", Detail: e.Detail}}
			}
		}
		faults = append(faults, m.placed(field, e, faults)...)
		faults = append(faults, m.badResources(field, t.Resources, meters)...)
		out = append(out, TenantDifferences{Tenant: t.ID, Differences: done.Differences})
	}
	return out, m.refusal(kind, faults)
}

// placed gives the faults of one tenant's edit their places in the manifest and
// leaves out those of fields that are known to be faulty.
func (m *Manifest) placed(field string, e *usance.Error, known []usance.FieldError) []usance.FieldError {
	if e == nil {
		return nil
	}
	var out []usance.FieldError
	for _, f := range e.Fields {
		f.Field = join(field, f.Field)
		f = m.read.place(f)
		same := func(k usance.FieldError) bool { return k.Field == f.Field || strings.HasPrefix(f.Field, k.Field+".") }
		if !slices.ContainsFunc(known, same) {
			out = append(out, f)
		}
	}
	return out
}

func (m *Manifest) badResources(field string, resources []usance.Resource, meters func(string) (*usance.Meter, bool)) []usance.FieldError {
	var out []usance.FieldError
	for i := range resources {
		if e, bad := errors.AsType[*usance.Error](resources[i].Check()); bad {
			out = append(out, m.read.place(usance.FieldError{Index: -1, Field: field + ".resources" + index(i), Detail: e.Detail}))
			continue
		}
		for j, g := range resources[i].Grants {
			if meter, ok := meters(g.Meter); !ok || !meter.Aggregation.Quotable() {
				out = append(out, m.read.place(usance.FieldError{Index: -1, Field: field + ".resources" + index(i) + ".grants" + index(j) + ".meter",
					Detail: "there is no meter " + clipName(g.Meter) + " that can have a quota"}))
			}
		}
	}
	return out
}

// metersOver finds meters among those of the manifest and those defined now.
func (t *ManifestTenant) metersOver(now *Definitions) func(string) (*usance.Meter, bool) {
	own := make(map[string]*usance.Meter, len(t.meters))
	for i := range t.meters {
		own[t.meters[i].Name] = &t.meters[i]
	}
	return func(name string) (*usance.Meter, bool) {
		if m, ok := own[name]; ok {
			return m, true
		}
		if m, ok := now.base.meters[name]; ok { // of a tenant that is yet to be, too
			return m, true
		}
		return now.Meter(name)
	}
}

// Edit returns the changes that bring the tenant to what the manifest says. What
// the manifest leaves out stays as it is now.
func (t *ManifestTenant) Edit(now *Definitions) Edit {
	tenant := now.Tenant
	tenant.ID = t.ID
	tenant.Name = keep(t.name, tenant.Name)
	tenant.Timezone = keep(t.timezone, tenant.Timezone)
	tenant.Carved = keep(t.carved, tenant.Carved)
	tenant.Aliases = merge(tenant.Aliases, t.aliases)
	tenant.Settings = merge(tenant.Settings, t.settings)
	e := Edit{Tenant: &tenant, Meters: t.meters, Quotas: t.quotas}
	for _, n := range t.nodes {
		node := now.nodes[n.path]
		node.Path = n.path
		node.Name = keep(n.name, node.Name)
		node.Carved = keep(n.carved, node.Carved)
		node.Aliases = merge(node.Aliases, n.aliases)
		e.Nodes = append(e.Nodes, node)
	}
	for _, u := range t.users {
		spec := u.UserSpec
		spec.Disabled = keep(u.disabled, now.users[u.Name].Disabled)
		e.Users = append(e.Users, spec)
	}
	for _, k := range t.keys {
		spec := k.KeySpec
		spec.Disabled = keep(k.disabled, now.keys[KeyRef{k.Kind, k.ID}.name()].Disabled)
		e.Keys = append(e.Keys, spec)
	}
	for _, k := range t.tokens {
		spec := k.TokenSpec
		spec.Enforce = keep(k.enforce, now.tokens[k.Name].Enforce)
		e.Tokens = append(e.Tokens, spec)
	}
	t.editMappings(&e, now)
	return e
}

func keep[T any](said *T, was T) T {
	if said != nil {
		return *said
	}
	return was
}

// merge lays what is said over what was; a nil takes a name away.
func merge(was map[string]string, said map[string]*string) map[string]string {
	out := maps.Clone(was)
	for name, value := range said {
		if value == nil {
			delete(out, name)
			continue
		}
		if out == nil {
			out = map[string]string{}
		}
		out[name] = *value
	}
	if len(out) == 0 {
		return nil
	}
	return out
}
