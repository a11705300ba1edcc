package registry

import (
	"bytes"
	"cmp"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/alexedwards/argon2id"
	"github.com/go-json-experiment/json"

	"github.com/usance/usance"
)

func index(i int) string { return "[" + strconv.Itoa(i) + "]" }

func joinComma(s []string) string { return strings.Join(s, ", ") }

func sameJSON(a []byte, v any) bool {
	b, err := json.Marshal(v, json.Deterministic(true))
	return err == nil && bytes.Equal(a, b)
}

func memberName(k string) string {
	switch k {
	case "hash", "sealed":
		return "secret"
	case "epoch":
		return "" // comes with another member
	}
	return k
}

// get returns the row's value as held in memory, and whether there is one.
func (d *Definitions) get(kind, name string) (any, bool) {
	switch kind {
	case "tenant":
		return d.Tenant, d.Version != 0
	case "node":
		v, ok := d.nodes[usance.Path(name)]
		return v, ok
	case "meter":
		v, ok := d.meters[name]
		return v, ok
	case "quota":
		node, meter, _ := strings.Cut(name, "\x00")
		v, ok := d.quotas[QuotaRef{usance.Path(node), meter}]
		return v, ok
	case "user":
		v, ok := d.users[name]
		return v, ok
	case "key":
		v, ok := d.keys[name]
		return v, ok
	case "mapping":
		v, ok := d.mappings[mappingNamed(name)]
		return v, ok
	}
	v, ok := d.tokens[name]
	return v, ok
}

func (p *plan) putTenant(t usance.Tenant) {
	t.ID = p.tenant
	if t.Timezone == "" {
		t.Timezone = "UTC"
	}
	t.Created = p.before.Tenant.Created
	if p.before.Version == 0 {
		t.Created = p.reg.now().UTC()
		p.claims = append(p.claims, claim{kind: "tenant", value: string(p.tenant), fresh: true})
	}
	if _, err := usance.LoadZone(t.Timezone); err != nil {
		p.fault("timezone", err)
	}
	if t.Name != "" {
		if err := usance.CheckText("name", t.Name, usance.MaxNameBytes); err != nil {
			p.fault("name", err)
		}
	}
	if len(t.Settings) > usance.MaxSettings {
		p.fault("settings", usance.Errorf(usance.KindInvalid, "more than %d settings", usance.MaxSettings))
	}
	for k, v := range t.Settings {
		if err := usance.CheckMeterName(k); err != nil || len(v) > usance.MaxSettingBytes {
			p.fault("settings."+k, usance.Errorf(usance.KindInvalid, "a setting's name is letters, digits, . _ - and its value at most %d bytes", usance.MaxSettingBytes))
		}
	}
	p.checkAliases("aliases", t.Aliases)
	p.write("", "tenant", "", string(p.tenant), t)
	p.moveAliases("aliases", p.before.Tenant.Aliases, t.Aliases)
}

func (p *plan) putNode(field string, n usance.Node) {
	if err := n.Path.Check(); err != nil {
		p.fault(field+".path", err)
		return
	}
	if n.Path == usance.Root {
		p.fault(field+".path", usance.Errorf(usance.KindInvalid, "the root is the tenant itself"))
		return
	}
	if n.Name != "" {
		if err := usance.CheckText("name", n.Name, usance.MaxNameBytes); err != nil {
			p.fault(field+".name", err)
		}
	}
	p.checkAliases(field+".aliases", n.Aliases)
	old := p.before.nodes[n.Path]
	p.write(field, "node", string(n.Path), string(n.Path), n)
	p.moveAliases(field+".aliases", old.Aliases, n.Aliases)
}

func (p *plan) checkAliases(field string, aliases map[string]string) {
	if len(aliases) > usance.MaxAliases {
		p.fault(field, usance.Errorf(usance.KindInvalid, "more than %d aliases", usance.MaxAliases))
	}
	for kind, value := range aliases {
		if err := usance.CheckMeterName(kind); err != nil {
			p.fault(field+"."+kind, usance.Errorf(usance.KindInvalid, "alias kind %q: letters, digits, . _ - only", kind))
		}
		if err := usance.CheckText("alias", value, usance.MaxNameBytes); err != nil {
			p.fault(field+"."+kind, err)
		}
	}
}

func (p *plan) moveAliases(field string, before, after map[string]string) {
	for kind, value := range before {
		if after[kind] != value && !sharedAlias(kind) {
			p.releases = append(p.releases, claim{kind: "alias", value: kind + "\x00" + value})
		}
	}
	for _, kind := range slices.Sorted(maps.Keys(after)) {
		if sharedAlias(kind) {
			continue
		}
		value := after[kind]
		p.claims = append(p.claims, claim{kind: "alias", value: kind + "\x00" + value, fresh: before[kind] != value, field: field + "." + kind})
	}
}

// keeps reports whether a name that some part of the edit gives up is taken up by
// another part.
func (p *plan) keeps(c claim) bool {
	ok := false
	switch c.kind {
	case "alias":
		_, ok = p.after.aliases[c.value]
	case "token":
		_, ok = p.after.bearers[c.value]
	case "user":
		_, ok = p.after.users[c.value]
	case "key":
		_, ok = p.after.keys[c.value]
	}
	return ok
}

// sharedAlias reports that a kind of alias is a name many tenants may bear, such
// as a region's project name, and is found through the tenant rather than
// through the directory.
func sharedAlias(kind string) bool { return kind == "huawei.project_name" }

func (p *plan) putMeter(field string, m usance.Meter) {
	m.BuiltIn = false
	if err := m.Check(); err != nil {
		p.fault(field, err)
		return
	}
	for _, b := range BuiltInMeters() {
		if b.Name == m.Name {
			p.fault(field+".name", usance.Errorf(usance.KindConflict, "meter %s is built in", m.Name))
			return
		}
	}
	if old, ok := p.before.meters[m.Name]; ok {
		// What was counted under one meaning cannot be read under another.
		if old.Aggregation != m.Aggregation || !sameGroups(old, &m) {
			p.fault(field, usance.Errorf(usance.KindConflict, "meter %s: aggregation and group_by cannot change; define a new meter", m.Name))
			return
		}
	}
	p.write(field, "meter", m.Name, m.Name, &m)
}

func sameGroups(a, b *usance.Meter) bool {
	return joinComma(a.GroupKeys()) == joinComma(b.GroupKeys())
}

func (p *plan) putQuota(field string, q usance.Quota) {
	if q.Window == "" {
		q.Window = usance.Lifetime
	}
	if q.Enforce == "" {
		q.Enforce = usance.Hard
	}
	if err := q.Check(); err != nil {
		p.fault(field, err)
		return
	}
	m, ok := p.after.meters[q.Meter]
	if !ok {
		p.fault(field+".meter", usance.Errorf(usance.KindInvalid, "there is no meter %q", q.Meter))
		return
	}
	if !m.Aggregation.Quotable() {
		p.fault(field+".meter", usance.Errorf(usance.KindInvalid, "a %s meter cannot have a quota", m.Aggregation))
		return
	}
	if m.Aggregation.Stands() && q.Window != usance.Lifetime {
		p.fault(field+".window", usance.Errorf(usance.KindInvalid, "a %s meter has a standing value: its quota's window is lifetime", m.Aggregation))
		return
	}
	if m.Aggregation == usance.AggUnique && q.Window == usance.Lifetime {
		p.fault(field+".window", usance.Errorf(usance.KindInvalid, "a unique meter's quota is by day or month"))
		return
	}
	p.write(field, "quota", string(q.Node)+"\x00"+q.Meter, string(q.Node)+" "+q.Meter, q)
}

func (p *plan) putUser(field string, u UserSpec) {
	if err := usance.CheckText("name", u.Name, usance.MaxNameBytes); err != nil {
		p.fault(field+".name", err)
		return
	}
	if strings.Contains(u.Name, "@") {
		p.fault(field+".name", usance.Errorf(usance.KindInvalid, "a user name has no @: it separates the tenant at sign-in"))
		return
	}
	if err := u.Role.Check(); err != nil {
		p.fault(field+".role", err)
		return
	}
	if u.Subtree == usance.Root {
		u.Subtree = ""
	}
	if u.Subtree != "" {
		if err := u.Subtree.Check(); err != nil {
			p.fault(field+".subtree", err)
			return
		}
	}
	old, exists := p.after.users[u.Name]
	row := userRow{User: u.User, Hash: old.Hash}
	row.Created = old.Created
	if !exists {
		row.Created = p.reg.now().UTC()
	}
	if u.Password != nil {
		if len(*u.Password) == 0 || len(*u.Password) > usance.MaxPasswordBytes {
			p.fault(field+".password", usance.Errorf(usance.KindInvalid, "a password has 1 to %d bytes", usance.MaxPasswordBytes))
			return
		}
		if !p.reg.passwordMatches(*u.Password, old.Hash) {
			hash, err := p.hash(*u.Password)
			if err != nil {
				p.fault(field+".password", err)
				return
			}
			row.Hash = hash
		}
	}
	row.Epoch = old.Epoch
	if before := p.before.users[u.Name]; !exists || row.access() != old.access() {
		row.Epoch = max(before.Epoch, old.Epoch) + 1
	}
	p.write(field, "user", u.Name, u.Name, row)
	p.claims = append(p.claims, claim{kind: "user", value: u.Name, shared: true, fresh: !exists, field: field + ".name"})
}

// hash makes the hash to store. A dry run stores none and saves itself the cost.
func (p *plan) hash(password string) (string, error) {
	if p.dryRun {
		return "dry run", nil
	}
	return argon2id.CreateHash(wirePassword(password), p.reg.cost)
}

func (p *plan) putKey(field string, k KeySpec) {
	if err := k.Kind.Check(); err != nil {
		p.fault(field+".kind", err)
		return
	}
	if err := usance.CheckText("id", k.ID, usance.MaxNameBytes); err != nil {
		p.fault(field+".id", err)
		return
	}
	if len(k.Secret) > usance.MaxNameBytes {
		p.fault(field+".secret", usance.Errorf(usance.KindInvalid, "a secret has at most %d bytes", usance.MaxNameBytes))
		return
	}
	if _, ok := p.after.users[k.User]; !ok {
		p.fault(field+".user", usance.Errorf(usance.KindInvalid, "there is no user %q", k.User))
		return
	}
	name := KeyRef{k.Kind, k.ID}.name()
	old, exists := p.after.keys[name]
	row := keyRow{Key: k.Key, Sealed: old.Sealed}
	row.Created = old.Created
	made := ""
	if !exists {
		row.Created = p.reg.now().UTC()
		if k.Secret == "" {
			made = NewSecret("")
			k.Secret = made
		}
	}
	if k.Secret != "" {
		if was, err := p.reg.seal.open(old.Sealed, name); !exists || err != nil || was != k.Secret {
			row.Sealed = p.reg.seal.seal(k.Secret, name)
		}
	}
	row.Epoch = old.Epoch
	if !exists || !bytes.Equal(row.Sealed, old.Sealed) || row.User != old.User || row.Disabled != old.Disabled {
		row.Epoch = max(p.before.keys[name].Epoch, old.Epoch) + 1
	}
	if p.write(field, "key", name, string(k.Kind)+" "+k.ID, row) {
		p.diffs[len(p.diffs)-1].Secret = made
	}
	p.claims = append(p.claims, claim{kind: "key", value: name, fresh: !exists, field: field + ".id"})
}

// minTokenBytes is the least that a chosen bearer secret has; made ones have 35.
const minTokenBytes = 6

func (p *plan) putToken(field string, t TokenSpec) {
	if err := usance.CheckText("name", t.Name, usance.MaxNameBytes); err != nil {
		p.fault(field+".name", err)
		return
	}
	if err := t.Role.Check(); err != nil {
		p.fault(field+".role", err)
		return
	}
	if t.Subtree == usance.Root {
		t.Subtree = ""
	}
	if t.Subtree != "" {
		if err := t.Subtree.Check(); err != nil {
			p.fault(field+".subtree", err)
			return
		}
	}
	if t.Secret != "" && (len(t.Secret) < minTokenBytes || len(t.Secret) > usance.MaxNameBytes) {
		p.fault(field+".secret", usance.Errorf(usance.KindInvalid, "a token's secret has %d to %d bytes", minTokenBytes, usance.MaxNameBytes))
		return
	}
	old, exists := p.after.tokens[t.Name]
	row := tokenRow{Token: t.Token, Hash: old.Hash}
	row.Created = old.Created
	made := ""
	if !exists {
		row.Created = p.reg.now().UTC()
		if t.Secret == "" {
			made = NewSecret("us_")
			t.Secret = made
		}
	}
	if t.Secret != "" {
		row.Hash = hashSecret(t.Secret)
	}
	if p.write(field, "token", t.Name, t.Name, row) {
		p.diffs[len(p.diffs)-1].Secret = made
	}
	if exists && old.Hash != row.Hash {
		p.releases = append(p.releases, claim{kind: "token", value: old.Hash})
	}
	p.claims = append(p.claims, claim{kind: "token", value: row.Hash, fresh: !exists || old.Hash != row.Hash, field: field + ".secret"})
}

func (p *plan) deletions(e Edit) {
	for _, ref := range e.DeleteMappings {
		p.remove(ref.field(), "mapping", ref.name(), ref.shown())
	}
	each(p, "delete_nodes", e.DeleteNodes, func(field string, n usance.Path) {
		old := p.before.nodes[n]
		if p.remove(field, "node", string(n), string(n)) {
			p.moveAliases(field, old.Aliases, nil)
		}
	})
	each(p, "delete_quotas", e.DeleteQuotas, func(field string, ref QuotaRef) {
		p.remove(field, "quota", string(ref.Node)+"\x00"+ref.Meter, string(ref.Node)+" "+ref.Meter)
	})
	each(p, "delete_meters", e.DeleteMeters, func(field, m string) {
		if old, ok := p.before.meters[m]; ok && old.BuiltIn {
			p.fault(field, usance.Errorf(usance.KindConflict, "meter %s is built in", m))
			return
		}
		p.remove(field, "meter", m, m)
	})
	each(p, "delete_keys", e.DeleteKeys, func(field string, k KeyRef) {
		if p.remove(field, "key", k.name(), string(k.Kind)+" "+k.ID) {
			p.releases = append(p.releases, claim{kind: "key", value: k.name()})
		}
	})
	each(p, "delete_users", e.DeleteUsers, func(field, u string) {
		if p.remove(field, "user", u, u) {
			p.releases = append(p.releases, claim{kind: "user", value: u, shared: true})
		}
	})
	each(p, "delete_tokens", e.DeleteTokens, func(field, t string) {
		old := p.before.tokens[t]
		if p.remove(field, "token", t, t) {
			p.releases = append(p.releases, claim{kind: "token", value: old.Hash})
		}
	})
}

// checkWhole holds the rules that span several definitions.
func (p *plan) checkWhole() {
	d := p.after
	for _, b := range []struct {
		what   string
		n, max int
	}{{"nodes", len(d.nodes), usance.MaxNodes}, {"meters", len(d.meters) - len(BuiltInMeters()), usance.MaxMeters}, {"quotas", len(d.quotas), usance.MaxQuotas},
		{"users", len(d.users), usance.MaxUsers}, {"keys", len(d.keys), usance.MaxKeys}, {"tokens", len(d.tokens), usance.MaxKeys}} {
		if b.n > b.max {
			p.fault(b.what, usance.Errorf(usance.KindTooLarge, "a tenant has at most %d %s", b.max, b.what))
		}
	}
	for _, q := range d.Quotas(usance.Root, true) {
		p.checkQuota(q)
	}
	p.checkMappings()
	for _, k := range d.Keys() {
		if _, ok := d.users[k.User]; !ok {
			p.fault("users", usance.Errorf(usance.KindConflict, "user %s still has the %s key %s", k.User, k.Kind, k.ID))
		}
	}
	bearers := map[string]string{}
	for _, t := range d.Tokens() {
		hash := d.tokens[t.Name].Hash
		if other, ok := bearers[hash]; ok {
			p.fault(p.fieldOf("token", t.Name, "tokens"), usance.Errorf(usance.KindConflict, "tokens %s and %s have one secret", other, t.Name))
		}
		bearers[hash] = t.Name
	}
	seen := map[string]usance.Path{}
	for _, n := range d.Nodes(usance.Root) {
		for _, kind := range slices.Sorted(maps.Keys(n.Aliases)) {
			at := kind + "\x00" + n.Aliases[kind]
			if other, ok := seen[at]; ok {
				p.fault(p.fieldOf("node", string(n.Path), "nodes")+".aliases", usance.Errorf(usance.KindConflict, "alias %s %q stands at %s and at %s", kind, n.Aliases[kind], other, n.Path))
			}
			seen[at] = n.Path
		}
	}
}

func (p *plan) checkQuota(q usance.Quota) {
	d, ref := p.after, QuotaRef{q.Node, q.Meter}
	if _, ok := d.meters[q.Meter]; !ok {
		p.fault("meters", usance.Errorf(usance.KindConflict, "meter %s still has a quota at %s", q.Meter, q.Node))
	}
	p.checkGuarantee(q)
	node, _ := d.Node(q.Node)
	if !node.Carved || d.allocated[ref] <= q.Limit {
		return
	}
	field := p.fieldOf("quota", string(q.Node)+"\x00"+q.Meter, "")
	for _, child := range d.children[ref] {
		field = cmp.Or(p.fieldOf("quota", string(child)+"\x00"+q.Meter, ""), field)
	}
	p.fault(cmp.Or(field, "quotas"), usance.Errorf(usance.KindConflict,
		"%s of %s is carved: the limits handed out below it sum to %d, past its own %d", q.Node, q.Meter, d.allocated[ref], q.Limit))
}

// fieldOf returns the place in the edit that puts a row, or fallback when it does
// not.
func (p *plan) fieldOf(kind, name, fallback string) string {
	if field, ok := p.fields[kind+"\x00"+name]; ok {
		return field
	}
	return fallback
}
