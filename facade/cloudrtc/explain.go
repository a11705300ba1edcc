package cloudrtc

import (
	"context"
	"errors"
	"net/url"
	"time"

	"github.com/usance/usance"
	"github.com/usance/usance/internal/figures"
	"github.com/usance/usance/internal/gateway"
	"github.com/usance/usance/internal/mapping"
	"github.com/usance/usance/registry"
)

// Explain says where each number of a usage history comes from, day by day: of the
// project whose id is given, or of what is at and below the node. Where there is
// one application alone it need not be named.
func (f *Facade) Explain(ctx context.Context, q figures.Question) (figures.Explanation, error) {
	params, err := q.Take("project_id", "app", "metric", "start_date", "end_date")
	if err != nil {
		return figures.Explanation{}, err
	}
	d, err := f.reg.Definitions(ctx, q.Tenant)
	if err != nil {
		return figures.Explanation{}, err
	}
	c, err := f.callerOf(ctx, q, params.Get("project_id"))
	if err != nil {
		return figures.Explanation{}, err
	}
	now := f.o.Now()
	asked, err := f.askedOf(d, c, params, now)
	if err != nil {
		return figures.Explanation{}, translated(err)
	}
	p := f.figures.For(d)
	var got *days
	sequence, err := figures.Settled(ctx, f.led, q.Tenant, func() (err error) {
		got, err = f.days(ctx, p, c, asked)
		return err
	})
	if err != nil {
		return figures.Explanation{}, translated(err)
	}
	return figures.Explanation{Sequence: sequence, At: now, Zone: d.Zone, Figures: got.explain(c.Node, asked.app),
		About: map[string]string{"node": string(c.Node), "app": asked.app}}, nil
}

// callerOf is who asks, at the project's node.
func (f *Facade) callerOf(ctx context.Context, q figures.Question, project string) (gateway.Caller, error) {
	c := gateway.Caller{Principal: q.Who, Node: q.Base()}
	c.Tenant = q.Tenant
	if project == "" {
		return c, nil
	}
	at, err := f.reg.ResolveAlias(ctx, AliasProject, project)
	if usance.KindOf(err) == usance.KindNotFound || err == nil && (at.Tenant != q.Tenant || q.Who.May(usance.RightRead, at.Node) != nil) {
		return c, usance.Errorf(usance.KindNotFound, "there is no such project")
	}
	c.Node = at.Node
	return c, err
}

func (f *Facade) askedOf(d *registry.Definitions, c gateway.Caller, params url.Values, now time.Time) (usageQuery, error) {
	query := url.Values{"metric": {metricDuration}}
	for name, list := range params {
		if name != "project_id" {
			query[name] = list
		}
	}
	if !query.Has("app") {
		var apps []string
		for _, n := range d.Nodes(c.Node) {
			if app, ok := appAt(d, n); ok {
				apps = append(apps, app.ID)
			}
		}
		if len(apps) != 1 {
			return usageQuery{}, figures.Wrong("app", "is needed: the application's id")
		}
		query.Set("app", apps[0])
	}
	return f.readUsageQuery(query.Encode(), now)
}

// translated makes an error of the core of a vendor's.
func translated(err error) error {
	if fault, ok := errors.AsType[*gateway.ServiceFault](err); ok {
		return usance.Errorf(usance.KindInvalid, "%s", fault.Message)
	}
	return err
}

// explain says where each day's fields come from.
func (d *days) explain(node usance.Path, app string) []figures.Explained {
	out := make([]figures.Explained, 0, len(d.natives))
	for day := range d.rows {
		for i := range d.plan.Figures {
			f := &d.plan.Figures[i]
			e := figures.Explained{Figure: f, Name: f.Name, Row: map[string]string{"date": d.rows[day].Date}}
			e.Give(*d.rows[day].at(f.Name))
			if f.Source.Kind != mapping.Derived {
				at := d.first + usance.Day(day)
				e.At, e.From, e.To = mapping.Join(node, f.Source.Node), at.Start(), (at + 1).Start()
				e.Native, e.Filter = d.native(day, i), filterFor(f, app)
			}
			out = append(out, e)
		}
	}
	return out
}

// filterFor is a field's filter with the application in its place.
func filterFor(f *figures.Figure, app string) map[string]string {
	out := make(map[string]string, len(f.Source.Filter))
	for key, value := range f.Source.Filter {
		if value == paramApp {
			value = app
		}
		out[key] = value
	}
	return out
}
