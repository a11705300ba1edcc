package meeting

import (
	"context"

	"github.com/usance/usance/internal/figures"
)

// Explain says where each field of an orgRes answer comes from, for the enterprise
// at the node asked about.
func (f *Facade) Explain(ctx context.Context, q figures.Question) (figures.Explanation, error) {
	if _, err := q.Take(); err != nil {
		return figures.Explanation{}, err
	}
	d, err := f.reg.Definitions(ctx, q.Tenant)
	if err != nil {
		return figures.Explanation{}, err
	}
	p, base := f.figures.For(d), q.Base()
	got, err := p.Read(ctx, f.led, d, base, f.o.Now())
	if err != nil {
		return figures.Explanation{}, err
	}
	return figures.Explanation{Sequence: got.Sequence, At: got.At, Zone: d.Zone,
		About: map[string]string{"node": string(base)}, Figures: p.Explain(got, d, base)}, nil
}
