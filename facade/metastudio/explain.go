package metastudio

import (
	"context"
	"errors"

	"github.com/usance/usance"
	"github.com/usance/usance/internal/figures"
	"github.com/usance/usance/internal/gateway"
	"github.com/usance/usance/ledger"
	"github.com/usance/usance/registry"
)

// Explain says where the numbers of the count and of a page of the list come from:
// of the project whose id is given, or of what is at and below the node.
func (f *Facade) Explain(ctx context.Context, q figures.Question) (figures.Explanation, error) {
	params, err := q.Take("project_id", "business", "resource_expire_start_time", "resource_expire_end_time", "resource_source", "charging_mode",
		"resource_id", "order_id", "status", "resource", "sub_resource", "limit", "offset")
	if err != nil {
		return figures.Explanation{}, err
	}
	d, err := f.reg.Definitions(ctx, q.Tenant)
	if err != nil {
		return figures.Explanation{}, err
	}
	c := gateway.Caller{Principal: q.Who, Node: q.Base()}
	c.Tenant = q.Tenant
	if project := params.Get("project_id"); project != "" {
		at, err := f.reg.ResolveAlias(ctx, AliasProject, project)
		if usance.KindOf(err) == usance.KindNotFound || err == nil && (at.Tenant != q.Tenant || q.Who.May(usance.RightRead, at.Node) != nil) {
			return figures.Explanation{}, usance.Errorf(usance.KindNotFound, "there is no such project")
		}
		if err != nil {
			return figures.Explanation{}, err
		}
		c.Node = at.Node
	}
	out := figures.Explanation{At: f.now(), Zone: d.Zone, About: map[string]string{"node": string(c.Node)}}
	out.Sequence, err = figures.Settled(ctx, f.led, q.Tenant, func() (err error) {
		out.Figures, err = f.explained(ctx, d, c, query(params))
		return err
	})
	if fault, ok := errors.AsType[*gateway.ServiceFault](err); ok {
		err = usance.Errorf(usance.KindInvalid, "%s: %s", fault.Message, fault.Why)
	}
	return out, err
}

func (f *Facade) explained(ctx context.Context, d *registry.Definitions, c gateway.Caller, q query) ([]figures.Explained, error) {
	plan := f.figures.For(d)
	of := func(name string) figures.Explained {
		figure := &plan.Figures[plan.Index(name)]
		return figures.Explained{Figure: figure, Name: figure.Name, At: c.Node}
	}
	filter, err := readFilter(q)
	if err != nil {
		return nil, err
	}
	filter.ChargingModes = countedModes()
	counts, err := f.count(ctx, c, filter)
	if err != nil {
		return nil, err
	}
	var out []figures.Explained
	for _, n := range counts {
		e := of("resources_count.count")
		e.Row = map[string]string{"business_type": n.BusinessType, "charging_mode": n.ChargingMode, "resource_source": n.Source}
		e.Resources = &ledger.ResourceFilter{BusinessTypes: []string{n.BusinessType}, ChargingModes: []string{n.ChargingMode},
			Sources: []string{n.Source}, ExpiresFrom: filter.ExpiresFrom, ExpiresTo: filter.ExpiresTo}
		native := usance.SumOf(n.Count)
		e.Native = &native
		e.Give(e.Whole(figures.Native{Value: native}))
		out = append(out, e)
	}
	listed, err := readList(q)
	if err != nil {
		return nil, err
	}
	page, total, err := f.page(ctx, c, listed.filter, listed.more, listed.offset, listed.limit)
	if err != nil {
		return nil, err
	}
	e, native := of("count"), usance.SumOf(total)
	e.Resources, e.Native = &listed.filter, &native
	e.Give(total)
	out = append(out, e)
	for i := range page {
		row := rowOf(&page[i], plan)
		for _, name := range []string{"resources.amount", "resources.usage", "resources.status"} {
			e := of(name)
			n := e.OfResource(&page[i])
			e.Row, e.Resource, e.At = map[string]string{"resource_id": row.ID}, row.ID, page[i].Node
			e.Native, e.Text = &n.Value, n.Text
			e.Give(*row.number(name))
			out = append(out, e)
		}
	}
	return out, nil
}
