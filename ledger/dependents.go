package ledger

import (
	"context"
	"maps"
	"slices"
	"strings"

	"github.com/usance/usance"
	"github.com/usance/usance/internal/journal"
	"github.com/usance/usance/registry"
	"github.com/usance/usance/store"
)

// dependents gathers what was recorded under definitions that are to be deleted.
type dependents struct {
	first []registry.Dependent
	count map[string]int
}

func (d *dependents) add(of, kind, name, why string) {
	if d.count[kind]++; d.count[kind] <= registry.MaxDependents {
		d.first = append(d.first, registry.Dependent{Of: of, Type: kind, Name: strings.Clone(name), Why: why})
	}
}

// Dependents implements registry.Keeper. On a node depend the usage recorded at
// and below it, unless its total is nothing (as of a level that is down to 0) or
// the edit says that it stays, open holds and resources; on a meter its usage,
// whatever the total, open holds, and resources that grant it.
func (l *Ledger) Dependents(ctx context.Context, tenant usance.TenantID, _ *registry.Definitions, e registry.Edit) ([]registry.Dependent, map[string]int, error) {
	nodes := slices.DeleteFunc(slices.Clone(e.DeleteNodes), func(at usance.Path) bool {
		return slices.ContainsFunc(e.Nodes, func(n usance.Node) bool { return n.Path == at })
	})
	slices.Sort(nodes)
	var tops []usance.Path // which have all that those below them have
	for _, at := range nodes {
		if !slices.ContainsFunc(tops, at.Within) {
			tops = append(tops, at)
		}
	}
	meters := slices.DeleteFunc(slices.Clone(e.DeleteMeters), func(name string) bool {
		return slices.ContainsFunc(e.Meters, func(m usance.Meter) bool { return m.Name == name })
	})
	d := &dependents{count: map[string]int{}}
	for _, at := range tops {
		if err := l.dependentsOfNode(ctx, tenant, d, at, e.KeepUsage); err != nil {
			return nil, nil, err
		}
	}
	for _, name := range meters {
		if err := l.dependentsOfMeter(ctx, tenant, d, name); err != nil {
			return nil, nil, err
		}
	}
	if len(tops) > 0 {
		if err := l.resourcesAt(ctx, tenant, d, tops); err != nil {
			return nil, nil, err
		}
	}
	return d.first, d.count, nil
}

// Used implements registry.Keeper.
func (l *Ledger) Used(meter string) []store.Key {
	id := series{meter, usance.Root, ""}.id()
	return []store.Key{{Table: store.Totals, ID: id}, {Table: store.Balances, ID: id}}
}

func (l *Ledger) dependentsOfNode(ctx context.Context, tenant usance.TenantID, d *dependents, at usance.Path, keepUsage bool) error {
	of, held := "node "+string(at), false
	err := l.read(ctx, tenant, func(defs *registry.Definitions) (store.Keys, error) {
		var keys store.Keys
		for _, m := range defs.Meters() {
			id := series{m.Name, at, ""}.id()
			keys.Rows = append(keys.Rows, store.Key{Table: store.Totals, ID: id}, store.Key{Table: store.Balances, ID: id})
		}
		return keys, nil
	}, func(defs *registry.Definitions, rows *store.Rows, _ journal.Head) error {
		for _, m := range defs.Meters() {
			id, agg := series{m.Name, at, ""}.id(), kept(m.Aggregation)
			if _, ok := rows.Get(store.Balances, id); ok {
				held = true
			}
			b, ok := rows.Get(store.Totals, id)
			if !ok || keepUsage {
				continue
			}
			sum, err := decodeTotal(b, agg)
			if err != nil {
				return err
			}
			if !sum.state.Empty(agg) {
				d.add(of, "usage", m.Name, "is recorded at or below it")
			}
		}
		return nil
	})
	if err != nil || !held {
		return err
	}
	return l.eachOpenHold(ctx, tenant, at, func(h *usance.Hold) { d.add(of, "hold", h.ID, "is open at "+string(h.Node)) })
}

func (l *Ledger) dependentsOfMeter(ctx context.Context, tenant usance.TenantID, d *dependents, name string) error {
	keys, prefix := l.Used(name), string(appendText(nil, name))
	rows, err := l.st.Load(ctx, tenant, store.Keys{Rows: keys, Ranges: []store.Range{{Table: store.Grants, From: prefix, To: after(prefix)}}})
	if err != nil {
		return err
	}
	of := "meter " + name
	granting := map[string]struct{}{}
	for _, row := range rows.Range(0) {
		list, err := decodeGrants(row.Value)
		if err != nil {
			return err
		}
		for _, g := range list {
			if g.expires > l.now().Unix() {
				granting[g.resource] = struct{}{}
			}
		}
	}
	for _, id := range slices.Sorted(maps.Keys(granting)) {
		d.add(of, "resource", id, "grants some of it")
	}
	if _, ok := rows.Get(keys[0].Table, keys[0].ID); ok {
		d.add(of, "usage", name, "was recorded")
	}
	if _, ok := rows.Get(keys[1].Table, keys[1].ID); !ok {
		return nil
	}
	return l.eachOpenHold(ctx, tenant, usance.Root, func(h *usance.Hold) {
		if slices.ContainsFunc(h.Open, func(it usance.Item) bool { return it.Meter == name && it.Amount > 0 }) {
			d.add(of, "hold", h.ID, "reserves some of it")
		}
	})
}

func (l *Ledger) eachOpenHold(ctx context.Context, tenant usance.TenantID, below usance.Path, fn func(*usance.Hold)) error {
	f := HoldFilter{State: usance.HoldOpen, Node: below, Limit: usance.MaxPageSize}
	for {
		page, err := l.Holds(ctx, tenant, f)
		if err != nil {
			return err
		}
		for i := range page.Holds {
			fn(&page.Holds[i])
		}
		if f.Cursor = page.Next; f.Cursor == "" {
			return nil
		}
	}
}

// resourcesAt finds the resources that are, or grant something, at and below nodes
// among all.
func (l *Ledger) resourcesAt(ctx context.Context, tenant usance.TenantID, d *dependents, nodes []usance.Path) error {
	return l.st.Scan(ctx, tenant, store.Range{Table: store.Resources}, func(row store.Row) error {
		r, err := decodeResource(row.Value)
		if err != nil {
			return err
		}
		for _, at := range nodes {
			if r.Node.Within(at) {
				d.add("node "+string(at), "resource", r.ID, "is at "+string(r.Node))
				return nil
			}
			for i := range r.Grants {
				if below := r.GrantNode(i); below.Within(at) {
					d.add("node "+string(at), "resource", r.ID, "grants at "+string(below))
					return nil
				}
			}
		}
		return nil
	})
}
