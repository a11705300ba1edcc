package ledger

import (
	"context"
	"maps"
	"slices"
	"strings"

	"github.com/usance/usance"
	"github.com/usance/usance/internal/journal"
	"github.com/usance/usance/store"
)

// What was granted at a moment is found as holds are: from the beginning, or from
// the present less what was done since, whichever is nearer. The present rows have
// lost what expired meanwhile; the order of expiries leads to it.

// pastGrants collects grants by row and resource.
type pastGrants map[string]map[string]grant

func (p pastGrants) add(r *usance.Resource) {
	for id, g := range grantsOf(r) {
		if list, asked := p[id]; asked {
			list[g.resource] = g
		}
	}
}

func (p pastGrants) remove(resource string) {
	for _, list := range p {
		delete(list, resource)
	}
}

// grantsAt returns, by row, what was granted to the quotas of plans at a moment,
// in the order of the resources' ids.
func (l *Ledger) grantsAt(ctx context.Context, tenant usance.TenantID, m Moment, ids []string, spent *budget) (map[string][]grant, error) {
	p := pastGrants{}
	for _, id := range ids {
		p[id] = map[string]grant{}
	}
	ever := store.Key{Table: store.Grants, ID: ""}
	rows, err := l.st.Load(ctx, tenant, store.Keys{Rows: []store.Key{journal.HeadKey, ever}})
	if err != nil {
		return nil, err
	}
	head, err := journal.ReadHead(rows)
	if err != nil {
		return nil, err
	}
	if _, some := rows.Get(ever.Table, ever.ID); !some || len(p) == 0 {
		return nil, nil
	}
	if m.Sequence < head.Sequence-m.Sequence {
		err = p.forward(ctx, l, tenant, m, spent)
	} else {
		err = p.backward(ctx, l, tenant, m, spent)
	}
	out := make(map[string][]grant, len(p))
	for id, list := range p {
		out[id] = slices.SortedFunc(maps.Values(list), func(a, b grant) int { return strings.Compare(a.resource, b.resource) })
	}
	return out, err
}

func (p pastGrants) forward(ctx context.Context, l *Ledger, tenant usance.TenantID, m Moment, spent *budget) error {
	return l.eachChange(ctx, tenant, journal.Resource, 1, m.Sequence, spent, func(c journal.Change) error {
		_, next, err := resourcesOf(c)
		if err == nil {
			p.remove(c.Name)
			p.add(next)
		}
		return err
	})
}

// backward begins again when a resource changed between its two reads.
func (p pastGrants) backward(ctx context.Context, l *Ledger, tenant usance.TenantID, m Moment, spent *budget) error {
	for range 8 {
		at, err := p.present(ctx, l, tenant, m, spent)
		if err != nil {
			return err
		}
		changed, err := l.resourcesChanged(ctx, tenant, m.Sequence, at)
		if err != nil {
			return err
		}
		for id, r := range changed {
			p.remove(id)
			p.add(r.before)
		}
		now, err := l.Sequence(ctx, tenant)
		if err != nil {
			return err
		}
		since, err := l.resourcesChanged(ctx, tenant, at, now)
		if err != nil || len(since) == 0 {
			return err
		}
	}
	return usance.Errorf(usance.KindUnavailable, "the resources of tenant %s keep changing; try again", tenant)
}

// present reads what is granted now, and what expired since the moment, as of the
// sequence it returns unless a resource has changed since.
func (p pastGrants) present(ctx context.Context, l *Ledger, tenant usance.TenantID, m Moment, spent *budget) (uint64, error) {
	keys := store.Keys{Rows: []store.Key{journal.HeadKey}, Ranges: []store.Range{
		{Table: store.Expiries, From: ordered(m.Time.Unix()), To: ordered(max(l.now().Unix(), m.Time.Unix()) + 1), Limit: usance.MaxPastEntries + 1}}}
	for id := range p {
		keys.Rows = append(keys.Rows, store.Key{Table: store.Grants, ID: id})
	}
	rows, err := l.st.Load(ctx, tenant, keys)
	if err != nil {
		return 0, err
	}
	head, err := journal.ReadHead(rows)
	if err != nil {
		return 0, err
	}
	for id := range p {
		b, _ := rows.Get(store.Grants, id)
		list, err := decodeGrants(b)
		if err != nil {
			return 0, err
		}
		p[id] = make(map[string]grant, len(list))
		for _, g := range list {
			p[id][g.resource] = g
		}
	}
	var lapsed store.Keys
	for _, row := range rows.Range(0) {
		if err := spent.spend(); err != nil {
			return 0, err
		}
		lapsed.Rows = append(lapsed.Rows, store.Key{Table: store.Resources, ID: row.ID[8:]})
	}
	if rows, err = l.st.Load(ctx, tenant, lapsed); err != nil {
		return 0, err
	}
	for _, k := range lapsed.Rows {
		b, _ := rows.Get(k.Table, k.ID)
		r, err := decodeResource(b)
		if err != nil {
			return 0, err
		}
		p.add(r)
	}
	return head.Sequence, nil
}
