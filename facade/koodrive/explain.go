package koodrive

import (
	"context"

	"github.com/usance/usance"
	"github.com/usance/usance/internal/figures"
)

// Explain says where each field of a quotaUsed answer comes from. The answer is
// the whole tenant's.
func (f *Facade) Explain(ctx context.Context, q figures.Question) (figures.Explanation, error) {
	if _, err := q.Take(); err != nil {
		return figures.Explanation{}, err
	}
	if q.Node != "" && q.Node != usance.Root {
		return figures.Explanation{}, figures.Wrong("node", "is / at KooDrive: its answer is the whole tenant's")
	}
	d, err := f.reg.Definitions(ctx, q.Tenant)
	if err != nil {
		return figures.Explanation{}, err
	}
	p := f.figures.For(d)
	got, err := p.Read(ctx, f.led, d, usance.Root, f.o.Now())
	if err != nil {
		return figures.Explanation{}, err
	}
	list, n := p.Explain(got, d, usance.Root), numbersOf(p.Figures, got.Natives, f.places)
	for i := range list {
		list[i].Value = f.appendField(nil, i, p, got, n)
	}
	return figures.Explanation{Sequence: got.Sequence, At: got.At, Zone: d.Zone, About: map[string]string{}, Figures: list}, nil
}
