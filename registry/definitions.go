package registry

import (
	"cmp"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/go-json-experiment/json"

	"github.com/usance/usance"
	"github.com/usance/usance/internal/mapping"
	"github.com/usance/usance/store"
)

// QuotaRef names a quota: a node has at most one of each meter.
type QuotaRef struct {
	Node  usance.Path
	Meter string
}

// Feed is one way an event type feeds a meter.
type Feed struct {
	Meter  *usance.Meter
	Source usance.Source
	Feeder *usance.Feeder
}

// Definitions is everything defined for one tenant at one version. It is
// immutable and may be shared.
type Definitions struct {
	Version uint64
	Tenant  usance.Tenant
	Zone    *time.Location

	nodes     map[usance.Path]usance.Node
	meters    map[string]*usance.Meter
	feeds     map[string][]Feed
	quotas    map[QuotaRef]usance.Quota
	aliases   map[string]usance.Path // by kind and value
	bearers   map[string]string      // token's hash → name
	allocated map[QuotaRef]usance.Amount
	children  map[QuotaRef][]usance.Path  // nearest nodes below that have a quota of the meter
	kept      map[QuotaRef][]usance.Quota // those of them that have a guarantee
	users     map[string]userRow
	keys      map[string]keyRow // by kind and id
	tokens    map[string]tokenRow
	mappings  map[MappingRef]mapping.Source
	byFacade  map[string]map[string]mapping.Source

	base    *builtIns
	sharing bool // meters and feeds are base's

	// What follows from single rows at some cost, worked out when first asked for.
	stamps    held[string, string] // by user
	keyStamps held[string, string] // by kind and id of the key
	secrets   held[string, string] // opened, by kind and id of the key
}

// The rows as stored.
type userRow struct {
	usance.User
	Hash string `json:"hash,omitempty"` // of the password; empty: cannot sign in with one

	// Epoch counts how often password, rights or state were changed, so that what a
	// change ended stays ended when it is changed back. 0 in rows of older releases
	// until the next change.
	Epoch uint64 `json:"epoch,omitempty"`
}

type keyRow struct {
	usance.Key
	Sealed []byte `json:"sealed"`
	Epoch  uint64 `json:"epoch,omitempty"` // of secret, user and state, as a user's
}

type tokenRow struct {
	usance.Token
	Hash string `json:"hash"`
}

func newDefinitions(base *builtIns) *Definitions {
	return &Definitions{
		base:   base,
		nodes:  map[usance.Path]usance.Node{},
		meters: map[string]*usance.Meter{},
		quotas: map[QuotaRef]usance.Quota{},
		users:  map[string]userRow{},
		keys:   map[string]keyRow{},
		tokens: map[string]tokenRow{},

		mappings: map[MappingRef]mapping.Source{},
	}
}

// clone copies the maps that edits change; index rebuilds what is derived.
func (d *Definitions) clone() *Definitions {
	return &Definitions{
		base: d.base, Version: d.Version, Tenant: d.Tenant, Zone: d.Zone,
		nodes: maps.Clone(d.nodes), meters: maps.Clone(d.meters), quotas: maps.Clone(d.quotas),
		users: maps.Clone(d.users), keys: maps.Clone(d.keys), tokens: maps.Clone(d.tokens),
		mappings: maps.Clone(d.mappings),
	}
}

func decodeDefinitions(base *builtIns, version uint64, rows []store.Row) (*Definitions, error) {
	d := newDefinitions(base)
	d.Version = version
	for _, row := range rows {
		kind, name, _ := strings.Cut(row.ID, "\x00")
		if err := d.set(kind, name, row.Value); err != nil {
			return nil, err
		}
	}
	return d, d.index()
}

// set puts one stored row into d; a nil value removes it.
func (d *Definitions) set(kind, name string, value []byte) error {
	switch kind {
	case "tenant":
		d.Tenant = usance.Tenant{} // its maps may be shared with older definitions
		return json.Unmarshal(value, &d.Tenant)
	case "node":
		return setIn(d.nodes, usance.Path(name), value)
	case "meter":
		if d.sharing {
			d.meters, d.sharing = maps.Clone(d.meters), false
		}
		if value == nil {
			delete(d.meters, name)
			return nil
		}
		m := new(usance.Meter)
		d.meters[name] = m
		return json.Unmarshal(value, m)
	case "quota":
		node, meter, _ := strings.Cut(name, "\x00")
		return setIn(d.quotas, QuotaRef{usance.Path(node), meter}, value)
	case "user":
		return setIn(d.users, name, value)
	case "key":
		return setIn(d.keys, name, value)
	case "token":
		return setIn(d.tokens, name, value)
	case "mapping":
		return setIn(d.mappings, mappingNamed(name), value)
	}
	return usance.ErrCorrupt
}

func setIn[K comparable, V any](m map[K]V, key K, value []byte) error {
	if value == nil {
		delete(m, key)
		return nil
	}
	var v V
	if err := json.Unmarshal(value, &v); err != nil {
		return err
	}
	m[key] = v
	return nil
}

// index works out what follows from the rows.
func (d *Definitions) index() error {
	zone, err := usance.LoadZone(d.Tenant.Timezone)
	if err != nil {
		return err
	}
	d.Zone = zone
	d.indexMeters()
	d.indexQuotas()
	d.indexMappings()
	d.aliases, d.bearers = map[string]usance.Path{}, map[string]string{}
	for kind, value := range d.Tenant.Aliases {
		d.aliases[kind+"\x00"+value] = usance.Root
	}
	for path, n := range d.nodes {
		for kind, value := range n.Aliases {
			d.aliases[kind+"\x00"+value] = path
		}
	}
	for name, t := range d.tokens {
		d.bearers[t.Hash] = name
	}
	return nil
}

func (d *Definitions) indexMeters() {
	d.sharing = true
	for name := range d.meters {
		_, builtIn := d.base.meters[name]
		d.sharing = d.sharing && builtIn
	}
	if d.sharing {
		d.meters, d.feeds = d.base.meters, d.base.feeds
		return
	}
	maps.Copy(d.meters, d.base.meters)
	d.feeds = feedsOf(d.meters)
}

// builtIns is what all tenants' definitions share of the built-in meters: most
// have no others, and many tenants' are kept at a time. It is immutable.
type builtIns struct {
	meters map[string]*usance.Meter
	feeds  map[string][]Feed
}

func newBuiltIns() *builtIns {
	list := BuiltInMeters()
	b := &builtIns{meters: make(map[string]*usance.Meter, len(list))}
	for i := range list {
		b.meters[list[i].Name] = &list[i]
	}
	b.feeds = feedsOf(b.meters)
	return b
}

func feedsOf(meters map[string]*usance.Meter) map[string][]Feed {
	feeds := map[string][]Feed{}
	for _, name := range slices.Sorted(maps.Keys(meters)) {
		m := meters[name]
		for _, s := range m.Events {
			feeds[s.Type] = append(feeds[s.Type], Feed{Meter: m, Source: s, Feeder: m.Feeder(s)})
		}
	}
	return feeds
}

func (d *Definitions) indexQuotas() {
	d.allocated = make(map[QuotaRef]usance.Amount, len(d.quotas))
	d.children = map[QuotaRef][]usance.Path{}
	d.kept = map[QuotaRef][]usance.Quota{}
	for ref, q := range d.quotas {
		parent, ok := d.QuotaAbove(ref)
		if !ok {
			continue
		}
		up := QuotaRef{parent.Node, ref.Meter}
		d.children[up] = append(d.children[up], ref.Node)
		if q.Guarantee > 0 {
			d.kept[up] = append(d.kept[up], q)
		}
		sum, fits := usance.Add(d.allocated[up], q.Limit)
		if !fits {
			sum = usance.Unlimited
		}
		d.allocated[up] = sum
	}
	for _, below := range d.children {
		slices.Sort(below)
	}
	for _, below := range d.kept {
		slices.SortFunc(below, func(a, b usance.Quota) int { return cmp.Compare(a.Node, b.Node) })
	}
}

// Meter returns the meter of that name, built-in ones included.
func (d *Definitions) Meter(name string) (*usance.Meter, bool) {
	m, ok := d.meters[name]
	return m, ok
}

// Meters returns all meters by name.
func (d *Definitions) Meters() []*usance.Meter {
	return slices.SortedFunc(maps.Values(d.meters), func(a, b *usance.Meter) int { return cmp.Compare(a.Name, b.Name) })
}

// Feeds returns what an event type feeds, in the order of the meters' names.
func (d *Definitions) Feeds(eventType string) []Feed { return d.feeds[eventType] }

// Quota returns the quota of that name.
func (d *Definitions) Quota(ref QuotaRef) (usance.Quota, bool) {
	q, ok := d.quotas[ref]
	return q, ok
}

// QuotaAbove returns the nearest quota of the meter above the node.
func (d *Definitions) QuotaAbove(ref QuotaRef) (usance.Quota, bool) {
	for p := ref.Node; p != usance.Root; {
		p = p.Parent()
		if q, ok := d.quotas[QuotaRef{p, ref.Meter}]; ok {
			return q, true
		}
	}
	return usance.Quota{}, false
}

// Allocated returns the sum of the limits, without grants, of the nearest quotas below:
// Unlimited when one of them is, or when the sum passes every Amount.
func (d *Definitions) Allocated(ref QuotaRef) usance.Amount { return d.allocated[ref] }

// QuotasBelow returns the nearest nodes below that have a quota of the meter.
func (d *Definitions) QuotasBelow(ref QuotaRef) []usance.Path { return d.children[ref] }

// Guaranteed returns those of the nearest quotas below that have a guarantee, by
// node: what a quota keeps for them is theirs before it is anybody's.
func (d *Definitions) Guaranteed(ref QuotaRef) []usance.Quota { return d.kept[ref] }

// CountQuotas returns how many quotas there are.
func (d *Definitions) CountQuotas() int { return len(d.quotas) }

// Quotas returns the quotas at a node, or at and below it, by node and meter.
func (d *Definitions) Quotas(node usance.Path, recursive bool) []usance.Quota {
	var out []usance.Quota
	for ref, q := range d.quotas {
		if ref.Node == node || recursive && ref.Node.Within(node) {
			out = append(out, q)
		}
	}
	slices.SortFunc(out, func(a, b usance.Quota) int {
		return cmp.Or(cmp.Compare(a.Node, b.Node), cmp.Compare(a.Meter, b.Meter))
	})
	return out
}

// Node returns a defined node. The root is always defined.
func (d *Definitions) Node(p usance.Path) (usance.Node, bool) {
	if p == usance.Root {
		return usance.Node{Path: p, Name: d.Tenant.Name, Aliases: d.Tenant.Aliases, Carved: d.Tenant.Carved}, true
	}
	n, ok := d.nodes[p]
	return n, ok
}

// Nodes returns the defined nodes at and below a path, in the order of paths.
func (d *Definitions) Nodes(below usance.Path) []usance.Node {
	var out []usance.Node
	if root, _ := d.Node(usance.Root); below == usance.Root {
		out = append(out, root)
	}
	for p, n := range d.nodes {
		if p.Within(below) {
			out = append(out, n)
		}
	}
	slices.SortFunc(out, func(a, b usance.Node) int { return cmp.Compare(a.Path, b.Path) })
	return out
}

// Users returns the users by name.
func (d *Definitions) Users() []usance.User {
	out := make([]usance.User, 0, len(d.users))
	for _, name := range slices.Sorted(maps.Keys(d.users)) {
		out = append(out, d.users[name].User)
	}
	return out
}

// User returns the user of that name.
func (d *Definitions) User(name string) (usance.User, bool) {
	u, ok := d.users[name]
	return u.User, ok
}

// Keys returns the signing keys by kind and id, without their secrets.
func (d *Definitions) Keys() []usance.Key {
	out := make([]usance.Key, 0, len(d.keys))
	for _, id := range slices.Sorted(maps.Keys(d.keys)) {
		out = append(out, d.keys[id].Key)
	}
	return out
}

// Tokens returns the bearer tokens by name, without their secrets.
func (d *Definitions) Tokens() []usance.Token {
	out := make([]usance.Token, 0, len(d.tokens))
	for _, name := range slices.Sorted(maps.Keys(d.tokens)) {
		out = append(out, d.tokens[name].Token)
	}
	return out
}

// Setting returns a setting of the tenant, or fallback when it has none.
func (d *Definitions) Setting(name, fallback string) string {
	if v, ok := d.Tenant.Settings[name]; ok {
		return v
	}
	return fallback
}

// Alias returns the tenant's own alias of that kind, or fallback.
func (d *Definitions) Alias(kind, fallback string) string {
	if v, ok := d.Tenant.Aliases[kind]; ok {
		return v
	}
	return fallback
}
