package zstack

import (
	"strings"
	"sync"
	"time"

	"github.com/usance/usance"
	"github.com/usance/usance/registry"
)

// place is a node as ZStack sees it: an organization, an account or a project.
type place struct {
	path   usance.Path
	uuid   string
	name   string
	above  *place // the nearest organization above; of a project, at or above
	linked string // of a project: the uuid of its account
}

// root returns the top of an organization's line.
func (p *place) root() *place {
	for p.above != nil {
		p = p.above
	}
	return p
}

// view is what one version of a tenant's definitions means to ZStack. It is
// immutable.
type view struct {
	definitions   *registry.Definitions
	created       time.Time // of the tenant: definitions have no dates of their own
	organizations []*place  // in the order of paths
	accounts      []*place
	projects      []*place
	byUUID        map[string]*place // of an organization
	byAccount     map[string]*place // of an account
	accountAt     map[usance.Path]*place
	quotas        map[usance.Path][]string // meters of the quotas at each node, by name
}

func newView(d *registry.Definitions) *view {
	v := &view{definitions: d, created: d.Tenant.Created, byUUID: map[string]*place{}, byAccount: map[string]*place{},
		accountAt: map[usance.Path]*place{}, quotas: map[usance.Path][]string{}}
	for _, q := range d.Quotas(usance.Root, true) {
		v.quotas[q.Node] = append(v.quotas[q.Node], q.Meter)
	}
	at := map[usance.Path]*place{} // organizations
	nodes := d.Nodes(usance.Root)
	for _, n := range nodes {
		if uuid := n.Aliases[aliasOrganization]; uuid != "" {
			o := &place{path: n.Path, uuid: uuid, name: nameOf(d, n)}
			at[n.Path] = o
			v.byUUID[uuid] = o
			v.organizations = append(v.organizations, o)
		}
	}
	nearest := func(line []usance.Path) *place {
		for _, p := range line {
			if o := at[p]; o != nil {
				return o
			}
		}
		return nil
	}
	for _, o := range v.organizations {
		o.above = nearest(o.path.Lineage()[1:])
	}
	for _, n := range nodes {
		account, project := n.Aliases[aliasAccount], n.Aliases[aliasProject]
		if account == "" && project == "" {
			continue
		}
		if account == "" {
			account = derive("account", string(d.Tenant.ID), string(n.Path))
		}
		if project == "" {
			project = derive("project", string(d.Tenant.ID), string(n.Path))
		}
		a := &place{path: n.Path, uuid: account, name: nameOf(d, n)}
		v.byAccount[account], v.accountAt[n.Path] = a, a
		v.accounts = append(v.accounts, a)
		v.projects = append(v.projects, &place{path: n.Path, uuid: project, name: a.name, linked: account, above: nearest(n.Path.Lineage())})
	}
	return v
}

func nameOf(d *registry.Definitions, n usance.Node) string {
	if n.Name != "" {
		return n.Name
	}
	if n.Path == usance.Root {
		return string(d.Tenant.ID)
	}
	return string(n.Path[strings.LastIndexByte(string(n.Path), '/')+1:])
}

// names returns what a holder of quotas at a place reports, in order.
func (v *view) names(h holder, p *place, seeded []string) []string {
	set := v.quotas[p.path]
	if !h.seeded || p.above != nil || len(seeded) == 0 {
		return set
	}
	return union(seeded, set)
}

// union is what either of two lists has, each of which is in order and repeats
// nothing, as is the union.
func union(a, b []string) []string {
	all := make([]string, 0, len(a)+len(b))
	for len(a) > 0 && len(b) > 0 {
		switch c := strings.Compare(a[0], b[0]); {
		case c < 0:
			all, a = append(all, a[0]), a[1:]
		case c > 0:
			all, b = append(all, b[0]), b[1:]
		default:
			all, a, b = append(all, a[0]), a[1:], b[1:]
		}
	}
	return append(append(all, a...), b...)
}

// views keeps the views of tenants in use. A view follows from one version of the
// definitions, so a kept one is never wrong for the version it is asked for.
type views struct {
	mu       sync.RWMutex
	byTenant map[usance.TenantID]*view
}

// maxViews bounds the tenants whose views are kept.
const maxViews = 5_000

func newViews() *views { return &views{byTenant: map[usance.TenantID]*view{}} }

func (vs *views) of(d *registry.Definitions) *view {
	vs.mu.RLock()
	v := vs.byTenant[d.Tenant.ID]
	vs.mu.RUnlock()
	if v != nil && v.definitions.Version == d.Version {
		return v
	}
	v = newView(d)
	vs.mu.Lock()
	defer vs.mu.Unlock()
	for victim := range vs.byTenant { // map order is as good as any other here
		if len(vs.byTenant) < maxViews {
			break
		}
		delete(vs.byTenant, victim)
	}
	if old := vs.byTenant[d.Tenant.ID]; old == nil || old.definitions.Version < d.Version {
		vs.byTenant[d.Tenant.ID] = v
	}
	return v
}
