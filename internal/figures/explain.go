package figures

import (
	"context"
	"net/url"
	"slices"
	"strconv"
	"time"

	"github.com/usance/usance"
	"github.com/usance/usance/internal/mapping"
	"github.com/usance/usance/ledger"
	"github.com/usance/usance/registry"
)

// Question asks what stands behind a façade's answer.
type Question struct {
	Tenant usance.TenantID
	Who    usance.Principal
	Field  string      // "" for all
	Node   usance.Path // the node that the call is about; "" for the default: all that the asker may see
	Params url.Values  // what the façade's call takes
}

// Base is the node asked about.
func (q *Question) Base() usance.Path {
	switch {
	case q.Node != "":
		return q.Node
	case q.Who.Subtree != "":
		return q.Who.Subtree
	}
	return usance.Root
}

// Take returns the parameters, or KindInvalid naming one that the façade's call
// does not take, or that is given twice.
func (q *Question) Take(names ...string) (url.Values, error) {
	for name, list := range q.Params {
		if !slices.Contains(names, name) {
			return nil, Wrong(name, "is no parameter of this façade")
		}
		if len(list) > 1 {
			return nil, Wrong(name, "is given more than once")
		}
	}
	return q.Params, nil
}

// Wrong is a parameter's fault.
func Wrong(name, detail string) error {
	return &usance.Error{Kind: usance.KindInvalid, Detail: "a query parameter is wrong", Fields: []usance.FieldError{{Index: -1, Field: name, Detail: detail}}}
}

// Explained is one number of an answer and where it came from.
type Explained struct {
	*Figure
	Name      string            // the figure's
	Row       map[string]string // what tells the rows of an answer apart, such as date
	Value     []byte            // as the façade answers it: JSON
	At        usance.Path       // the node that was read; "" where there is none
	From, To  time.Time         // the time that was read, [From, To); zero where open
	Filter    map[string]string // the group-by keys' values
	Native    *usance.Sum       // in the base unit, before conversion
	Text      string            // of a setting or label, as it stands
	Quota     *ledger.QuotaReading
	Resources *ledger.ResourceFilter
	Resource  string // the resource's id
}

// Explanation is what stands behind an answer.
type Explanation struct {
	Sequence uint64
	At       time.Time
	Zone     *time.Location
	About    map[string]string // what was asked about, as the call's parameters would name it
	Figures  []Explained
}

// Explainer explains a façade's answer: KindInvalid for parameters that the call
// refuses, KindNotFound for what the asker may not see.
type Explainer func(ctx context.Context, q Question) (Explanation, error)

// Explain says where the plan's figures came from; the values of those that the
// façade works out itself are left to it.
func (p *Plan) Explain(r *Readings, d *registry.Definitions, base usance.Path) []Explained {
	out := make([]Explained, len(p.Figures))
	for i := range p.Figures {
		out[i] = p.Figures[i].explain(r.Natives[i], r.At, d, base)
	}
	return out
}

func (f *Figure) explain(n Native, now time.Time, d *registry.Definitions, base usance.Path) Explained {
	e := Explained{Figure: f, Name: f.Name, Value: f.Append(nil, n)}
	switch f.Source.Kind {
	case mapping.Meter:
		e.At, e.Filter, e.Native = mapping.Join(base, f.Source.Node), f.Source.Filter, &n.Value
		e.From, e.To = f.Span(now, d.Zone)
	case mapping.Quota:
		e.At, e.Quota = mapping.Join(base, f.Source.Node), n.Quota
		if !f.Unbounded(n) {
			e.Native = &n.Value
		}
		e.From, e.To = n.Quota.Window.Bounds(now, d.Zone)
	case mapping.Setting:
		e.Text = n.Text
		if !f.Text {
			e.Native = &n.Value
		}
	}
	return e
}

// Give sets the value of a figure to a whole number.
func (e *Explained) Give(v int64) { e.Value = strconv.AppendInt(nil, v, 10) }

// Visible returns the figures that somebody may see: what is read, and what it is
// made from or bounded by, lies where they may look. Settings are the tenant's.
func Visible(list []Explained, may func(usance.Path) bool) []Explained {
	hidden := map[string]bool{}
	for i := range list {
		at := list[i].At
		if list[i].Source.Kind == mapping.Setting {
			at = usance.Root
		}
		if at != "" && !may(at) {
			hidden[list[i].Name] = true
		}
	}
	isHidden := func(name string) bool { return hidden[name] }
	for before := -1; before != len(hidden); {
		before = len(hidden)
		for i := range list {
			if slices.ContainsFunc(list[i].Source.Of, isHidden) || slices.ContainsFunc(list[i].Within, isHidden) {
				hidden[list[i].Name] = true
			}
		}
	}
	return slices.DeleteFunc(slices.Clone(list), func(e Explained) bool { return hidden[e.Name] })
}

// Settled runs read until the tenant's ledger stood still around it, and returns
// the sequence that everything was read at.
func Settled(ctx context.Context, led *ledger.Ledger, tenant usance.TenantID, read func() error) (uint64, error) {
	const tries = 8
	before, err := led.Sequence(ctx, tenant)
	for range tries {
		if err != nil {
			return 0, err
		}
		if err := read(); err != nil {
			return 0, err
		}
		after, err := led.Sequence(ctx, tenant)
		if err != nil || after == before {
			return after, err
		}
		before = after
	}
	return 0, usance.Errorf(usance.KindUnavailable, "tenant %s is being written to all the time; try again", tenant)
}
