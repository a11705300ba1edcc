package registry

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/usance/usance"
	"github.com/usance/usance/store"
)

// A definition that something depends on is not deleted: the edit is refused with
// the list of what does. What an edit deletes along, or puts anew, does not count.

// Dependent is a thing that stands in the way of a deletion.
type Dependent struct {
	Of   string // what is to be deleted, such as "node /a"
	Type string // "node", "quota", "user", "token", "key", "mapping", "setting", "resource", "hold" or "usage"
	Name string
	Why  string // for a person, a clause behind the type and the name
}

// Keeper knows what was recorded under the definitions, which the registry does
// not.
type Keeper interface {
	// Dependents lists the usage, open holds and resources that depend on what an
	// edit deletes. It may list the first of very many, and returns how many there
	// are of each type.
	Dependents(ctx context.Context, tenant usance.TenantID, now *Definitions, e Edit) (first []Dependent, count map[string]int, err error)
	// Used names rows of which the store has any once a meter was used.
	Used(meter string) []store.Key
}

// Keep has the keeper asked before anything is deleted. It is to be called before
// the registry is used.
func (r *Registry) Keep(k Keeper) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.keeper = k
}

func (r *Registry) asked() Keeper {
	r.mu.RLock()
	defer r.mu.RUnlock()
	return r.keeper
}

// EnforceSetting is the tenant's setting that lists the event types, separated by
// commas, whose ordinary ingest the quotas enforce as they do a charge.
const EnforceSetting = "enforce.events"

// MaxDependents is how many dependents a refusal lists.
const MaxDependents = 100

func (e *Edit) deletes() bool {
	return len(e.DeleteNodes)+len(e.DeleteMeters)+len(e.DeleteQuotas)+len(e.DeleteUsers) > 0
}

// findDependents lists the definitions that depend on what the edit deletes.
func (p *plan) findDependents(e Edit) {
	for _, at := range e.DeleteNodes {
		if _, again := p.after.nodes[at]; !again {
			p.dependentsOfNode(at)
		}
	}
	for _, name := range e.DeleteMeters {
		if _, again := p.after.meters[name]; !again {
			p.dependentsOfMeter(name)
		}
	}
	for _, ref := range e.DeleteQuotas {
		if _, again := p.after.quotas[ref]; !again {
			p.dependentsOfQuota(ref)
		}
	}
	for _, name := range e.DeleteUsers {
		if _, again := p.after.users[name]; again {
			continue
		}
		for _, k := range p.after.Keys() {
			if k.User == name {
				p.depends("user "+name, "key", string(k.Kind)+" "+k.ID, "speaks for it")
			}
		}
	}
}

func (p *plan) depends(of, kind, name, why string) {
	p.dependents = append(p.dependents, Dependent{of, kind, name, why})
}

func (p *plan) dependentsOfNode(at usance.Path) {
	of := "node " + string(at)
	for _, n := range p.after.Nodes(at) {
		p.depends(of, "node", string(n.Path), "is below it")
	}
	for _, q := range p.after.Quotas(at, true) {
		p.depends(of, "quota", string(q.Node)+" "+q.Meter, "is set at or below it")
	}
	for _, u := range p.after.Users() {
		if u.Subtree != "" && u.Subtree.Within(at) {
			p.depends(of, "user", u.Name, "is bound to "+string(u.Subtree))
		}
	}
	for _, t := range p.after.Tokens() {
		if t.Subtree != "" && t.Subtree.Within(at) {
			p.depends(of, "token", t.Name, "is bound to "+string(t.Subtree))
		}
	}
}

func (p *plan) dependentsOfMeter(name string) {
	of := "meter " + name
	for _, q := range p.after.Quotas(usance.Root, true) {
		if q.Meter == name {
			p.depends(of, "quota", string(q.Node)+" "+q.Meter, "limits it")
		}
	}
	for _, ref := range slices.SortedFunc(maps.Keys(p.after.mappings), func(a, b MappingRef) int { return strings.Compare(a.name(), b.name()) }) {
		if f, ok := p.reg.maps[ref.Facade].Find(ref.Field); ok && f.Over(p.after.mappings[ref]).Meter == name {
			p.depends(of, "mapping", ref.shown(), "is read from it")
		}
	}
	enforced := map[string]bool{}
	for t := range strings.SplitSeq(p.after.Setting(EnforceSetting, ""), ",") {
		enforced[strings.TrimSpace(t)] = true
	}
	for _, s := range p.before.meters[name].Events {
		if enforced[s.Type] {
			p.depends(of, "setting", EnforceSetting, "enforces "+s.Type+", which feeds it")
		}
	}
}

// dependentsOfQuota lists the quotas that were carved out of one.
func (p *plan) dependentsOfQuota(ref QuotaRef) {
	if node, _ := p.before.Node(ref.Node); !node.Carved {
		return
	}
	for _, at := range p.before.QuotasBelow(ref) {
		if _, ok := p.after.quotas[QuotaRef{at, ref.Meter}]; ok {
			p.depends("quota "+string(ref.Node)+" "+ref.Meter, "quota", string(at)+" "+ref.Meter, "was handed out of it")
		}
	}
}

// refuseDependents is the error of an edit that deletes what something depends
// on, or nil.
func (r *Registry) refuseDependents(ctx context.Context, p *plan, e Edit) error {
	if !e.deletes() {
		return nil
	}
	count := map[string]int{}
	for _, d := range p.dependents {
		count[d.Type]++
	}
	list := p.dependents
	if k := r.asked(); k != nil {
		first, n, err := k.Dependents(ctx, p.tenant, p.before, e)
		if err != nil {
			return err
		}
		list = append(list, first...)
		for kind, n := range n {
			count[kind] += n
		}
	}
	if len(list) == 0 {
		return nil
	}
	all, kinds := 0, []string{}
	for _, kind := range slices.Sorted(maps.Keys(count)) {
		all += count[kind]
		kinds = append(kinds, fmt.Sprintf("%s %d", kind, count[kind]))
	}
	what := list[0].Of
	if slices.ContainsFunc(list, func(d Dependent) bool { return d.Of != what }) {
		what = "what is to be deleted"
	}
	out := usance.Errorf(usance.KindConflict, "%s is depended on (%s)", what, joinComma(kinds))
	if listed := min(len(list), MaxDependents); listed < all {
		out.Detail += fmt.Sprintf("; the first %d of %d are listed", listed, all)
	}
	for _, d := range list[:min(len(list), MaxDependents)] {
		out.Fields = append(out.Fields, usance.FieldError{Index: -1, Field: d.Type, Stored: d.Name, Detail: fmt.Sprintf("%s %s %s", d.Type, d.Name, d.Why)})
	}
	return out
}

// nameUsed names the rows that tell whether a meter that the edit deletes came to
// be used meanwhile: usage of one that is no more could not be read.
func (r *Registry) nameUsed(p *plan, keys *store.Keys) {
	k := r.asked()
	if k == nil {
		return
	}
	for _, c := range p.rows {
		if _, again := p.after.meters[c.Name]; c.Type == "meter" && !again {
			keys.Rows = append(keys.Rows, k.Used(c.Name)...)
		}
	}
}
