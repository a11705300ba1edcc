package zstack

import (
	"context"
	"slices"
	"strconv"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/usance/usance/internal/figures"
	"github.com/usance/usance/ledger"
	"github.com/usance/usance/registry"
)

// organizationUsage is GetOrganizationQuotaUsage: every quota of an organization,
// with its limit as total and what is consumed at and below it as used. Tags and
// other query parameters change nothing.
func organizationUsage(c *call) ([]byte, error) {
	v, o, err := c.organization()
	if err != nil {
		return nil, err
	}
	return c.usages(v, organizationHolder(), o)
}

// accountUsage is GetAccountQuotaUsage: the same for an account, which has only
// the quotas that are set.
func accountUsage(c *call) ([]byte, error) {
	v, err := c.readable()
	if err != nil {
		return nil, err
	}
	a := c.account(v, c.vars["uuid"])
	if a == nil {
		return nil, unknown("uuid", c.vars["uuid"], accountHolder().kind)
	}
	return c.usages(v, accountHolder(), a)
}

// account finds an account the caller may see: a node's, or the caller's own.
func (c *call) account(v *view, uuid string) *place {
	if a := v.byAccount[uuid]; a != nil && c.sees(a.path) {
		return a
	}
	if own := c.ownAccount(v); own.uuid == uuid && c.sees(own.path) {
		return own
	}
	return nil
}

func (c *call) usages(v *view, h holder, p *place) ([]byte, error) {
	about := ledger.Question{Tenant: c.principal.Tenant, Node: p.path, Text: h.kind}
	return c.f.answers.Of(c.ctx, about, c.f.o.Now(), func(d *registry.Definitions) (body []byte, until time.Time, err error) {
		body, until, err = c.readUsages(v, v.names(h, p, c.f.seeds()), p)
		if d.Version != v.definitions.Version {
			until = time.Time{} // the names are from before they changed
		}
		return body, until, err
	})
}

// readUsages returns the answer and until when it holds.
func (c *call) readUsages(v *view, names []string, p *place) ([]byte, time.Time, error) {
	if len(v.definitions.Mappings(Name)) > 0 {
		return c.f.mappedUsages(c.ctx, v, names, p)
	}
	ask := ledger.Ask{Quotas: make([]registry.QuotaRef, len(names))}
	for i, name := range names {
		ask.Quotas[i] = registry.QuotaRef{Node: p.path, Meter: name}
	}
	report, err := c.f.led.Report(c.ctx, c.principal.Tenant, ask)
	if err != nil {
		return nil, time.Time{}, err
	}
	body, err := appendUsages(nil, names, func(i int) (total, used int64) {
		q := &report.Quotas[i]
		if total = -1; q.Defined {
			total = wireLimit(q.Limit)
		}
		return total, q.Used
	})
	return body, report.Until, err
}

// mappedUsages is usages where the tenant has some of it read from elsewhere.
func (f *Facade) mappedUsages(ctx context.Context, v *view, names []string, p *place) ([]byte, time.Time, error) {
	plan := f.planOf(v.definitions, names, suffixTotal, suffixUsed)
	got, err := plan.Read(ctx, f.led, v.definitions, p.path, f.o.Now())
	if err != nil {
		return nil, time.Time{}, err
	}
	body, err := appendUsages(nil, names, func(i int) (total, used int64) {
		return plan.Figures[2*i].Whole(got.Natives[2*i]), plan.Figures[2*i+1].Whole(got.Natives[2*i+1])
	})
	return body, got.Until, err
}

// planOf returns the fields of each name, in turn.
func (f *Facade) planOf(d *registry.Definitions, names []string, suffixes ...string) *figures.Plan {
	list := make([]figures.Figure, 0, len(suffixes)*len(names))
	for _, name := range names {
		for _, suffix := range suffixes {
			if figure, ok := f.figures.Named(d, name+suffix); ok {
				list = append(list, figure)
			}
		}
	}
	return figures.NewPlan(list)
}

func (f *Facade) seeds() []string {
	if f.o.WithoutSeeds {
		return nil
	}
	return f.seeded
}

// usualUsage is about what an answer takes for each name.
const usualUsage = 160

// appendUsages writes the answer. Numbers are whole and written as such: decoders
// of some clients take no other form.
func appendUsages(b []byte, names []string, of func(i int) (total, used int64)) ([]byte, error) {
	b = slices.Grow(b, 128+len(names)*usualUsage)
	b = append(b, `{"usages":[`...)
	for i, name := range names {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(b, `{"name":`...)
		var err error
		if b, err = jsontext.AppendQuote(b, name); err != nil {
			return nil, err
		}
		total, used := of(i)
		b = append(b, `,"total":`...)
		b = strconv.AppendInt(b, total, 10)
		b = append(b, `,"used":`...)
		b = strconv.AppendInt(b, used, 10)
		b = append(b, '}')
	}
	b = append(b, `],"schema":{`...)
	for i := range names {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(b, `"usages[`...)
		b = strconv.AppendInt(b, int64(i), 10)
		b = append(b, `]":"`+classUsage+`"`...)
	}
	return append(b, `}}`...), nil
}
