package zstack

import (
	"context"
	"slices"

	"github.com/usance/usance"
	"github.com/usance/usance/internal/figures"
)

// Explain says where the totals and uses of an organization's quotas, or of an
// account's, come from: of the one whose uuid is given, or of the topmost
// organization at and below the node.
func (f *Facade) Explain(ctx context.Context, q figures.Question) (figures.Explanation, error) {
	params, err := q.Take("uuid", "name")
	if err != nil {
		return figures.Explanation{}, err
	}
	d, err := f.reg.Definitions(ctx, q.Tenant)
	if err != nil {
		return figures.Explanation{}, err
	}
	v := f.views.of(d)
	h, p, err := v.asked(q, params.Get("uuid"))
	if err != nil {
		return figures.Explanation{}, err
	}
	names := v.names(h, p, f.seeds())
	if name := params.Get("name"); name != "" {
		if !slices.Contains(names, name) {
			return figures.Explanation{}, usance.Errorf(usance.KindNotFound, "%s has no quota %q", p.name, clip(name))
		}
		names = []string{name}
	}
	plan := f.planOf(d, names, suffixTotal, suffixUsed, suffixValue)
	got, err := plan.Read(ctx, f.led, d, p.path, f.o.Now())
	if err != nil {
		return figures.Explanation{}, err
	}
	return figures.Explanation{Sequence: got.Sequence, At: got.At, Zone: d.Zone,
		About: map[string]string{"uuid": p.uuid, "identityType": h.kind, "node": string(p.path)}, Figures: plan.Explain(got, d, p.path)}, nil
}

// asked finds the organization or account that a question is about.
func (v *view) asked(q figures.Question, uuid string) (holder, *place, error) {
	sees := func(p *place) bool { return p != nil && q.Who.May(usance.RightRead, p.path) == nil }
	if uuid != "" {
		if o := v.byUUID[uuid]; sees(o) {
			return organizationHolder(), o, nil
		}
		if a := v.byAccount[uuid]; sees(a) {
			return accountHolder(), a, nil
		}
		return holder{}, nil, usance.Errorf(usance.KindNotFound, "there is no organization or account %q", clip(uuid))
	}
	for _, o := range v.organizations { // in the order of paths: what is above comes first
		if o.path.Within(q.Base()) && sees(o) {
			return organizationHolder(), o, nil
		}
	}
	return holder{}, nil, usance.Errorf(usance.KindNotFound, "there is no organization at or below %s", q.Base())
}
