package registry

import (
	"maps"
	"slices"

	"github.com/usance/usance"
	"github.com/usance/usance/internal/journal"
)

// Relocation is what a node's move changes in a tenant's definitions: the rows as
// they were and as they are after it, in the order of their entries.
type Relocation struct {
	Changes []journal.Change

	Nodes, Quotas, Users, Tokens int // how many of each it moves

	After *Definitions // what is defined once it is done
}

// Relocate works out the move of a node, with everything defined at and below it
// and the users and tokens bound to that, against definitions. KindConflict when
// something is defined at the destination already, or when a carved node would
// have more handed out below it than its own limit; KindInvalid when a path would
// be longer or deeper than paths are. It changes nothing.
func (r *Registry) Relocate(tenant usance.TenantID, now *Definitions, from, to usance.Path) (Relocation, error) {
	if there := now.Nodes(to); len(there) > 0 {
		return Relocation{}, usance.Errorf(usance.KindConflict, "node %s is defined already", there[0].Path)
	}
	if there := now.Quotas(to, true); len(there) > 0 {
		return Relocation{}, usance.Errorf(usance.KindConflict, "%s has a quota of %s already", there[0].Node, there[0].Meter)
	}
	p := newPlan(r, tenant, now)
	var out Relocation
	out.Nodes = p.relocateNodes(from, to)
	out.Quotas = p.relocateQuotas(from, to)
	out.Users, out.Tokens = p.relocateSubtrees(from, to)
	p.relocateMappings(from, to)
	if len(p.faults) == 0 {
		if err := p.after.index(); err != nil {
			p.fault("timezone", err)
		}
		p.checkWhole()
	}
	if len(p.faults) > 0 {
		return Relocation{}, p.refusal()
	}
	out.Changes, out.After = p.rows, p.after
	return out, nil
}

func (p *plan) relocateNodes(from, to usance.Path) (n int) {
	for _, at := range slices.Sorted(maps.Keys(p.before.nodes)) {
		if !at.Within(from) {
			continue
		}
		node := p.before.nodes[at]
		node.Path = at.Rebase(from, to)
		if !p.fits(node.Path) {
			continue
		}
		p.remove("", "node", string(at), string(at))
		p.write("", "node", string(node.Path), string(node.Path), node)
		n++
	}
	return n
}

func (p *plan) relocateQuotas(from, to usance.Path) (n int) {
	for _, q := range p.before.Quotas(from, true) {
		old := q.Node
		q.Node = old.Rebase(from, to)
		if !p.fits(q.Node) {
			continue
		}
		p.remove("", "quota", string(old)+"\x00"+q.Meter, string(old)+" "+q.Meter)
		p.write("", "quota", string(q.Node)+"\x00"+q.Meter, string(q.Node)+" "+q.Meter, q)
		n++
	}
	return n
}

// relocateSubtrees lets what is bound to the moved subtree, or to part of it,
// follow.
func (p *plan) relocateSubtrees(from, to usance.Path) (users, tokens int) {
	bound := func(at usance.Path) bool { return at != "" && at.Within(from) }
	for _, name := range slices.Sorted(maps.Keys(p.before.users)) {
		if u := p.before.users[name]; bound(u.Subtree) {
			u.Epoch++
			if u.Subtree = u.Subtree.Rebase(from, to); p.fits(u.Subtree) {
				p.write("", "user", name, name, u)
				users++
			}
		}
	}
	for _, name := range slices.Sorted(maps.Keys(p.before.tokens)) {
		if t := p.before.tokens[name]; bound(t.Subtree) {
			if t.Subtree = t.Subtree.Rebase(from, to); p.fits(t.Subtree) {
				p.write("", "token", name, name, t)
				tokens++
			}
		}
	}
	return users, tokens
}

// fits finds fault with a path that would be longer or deeper than paths are.
func (p *plan) fits(at usance.Path) bool {
	if err := at.Check(); err != nil {
		p.fault("to", err)
		return false
	}
	return true
}
