package cloudrtc

import (
	"slices"
	"time"

	"github.com/usance/usance"
	"github.com/usance/usance/internal/figures"
	"github.com/usance/usance/internal/mapping"
	"github.com/usance/usance/ledger"
)

// reading is fields that one query of the ledger answers: those of one meter, node
// and set of group-by keys.
type reading struct {
	query  ledger.Query
	fields []int // of the plan
}

// readings returns the queries that the plan's fields need for an application.
func readings(p *figures.Plan, node usance.Path, asked usageQuery) []*reading {
	var out []*reading
	for i := range p.Figures {
		f := &p.Figures[i]
		if f.Source.Kind == mapping.Derived {
			continue
		}
		at := mapping.Join(node, f.Source.Node)
		var r *reading
		if k := slices.IndexFunc(out, func(r *reading) bool { return r.fits(p, f, at) }); k >= 0 {
			r = out[k]
		} else {
			r = &reading{query: ledger.Query{Meter: f.Source.Meter, Node: at, From: asked.first.Start(), To: (asked.end + 1).Start(),
				Window: usance.DayWindow, Unmarked: true, Filter: map[string][]string{}}}
			out = append(out, r)
		}
		r.fields = append(r.fields, i)
		r.add(f, asked.app)
	}
	return out
}

// fits reports whether a field, read at a node, is of the meter, node and group-by
// keys of the reading.
func (r *reading) fits(p *figures.Plan, f *figures.Figure, at usance.Path) bool {
	of := p.Figures[r.fields[0]].Source.Filter
	if r.query.Meter != f.Source.Meter || r.query.Node != at || len(of) != len(f.Source.Filter) {
		return false
	}
	for key := range of {
		if _, has := f.Source.Filter[key]; !has {
			return false
		}
	}
	return true
}

func (r *reading) add(f *figures.Figure, app string) {
	for key, value := range f.Source.Filter {
		if value == paramApp {
			value = app
		} else if !slices.Contains(r.query.GroupBy, key) {
			r.query.GroupBy = append(r.query.GroupBy, key)
			slices.Sort(r.query.GroupBy)
		}
		if !slices.Contains(r.query.Filter[key], value) {
			r.query.Filter[key] = append(r.query.Filter[key], value)
		}
	}
}

// has reports whether a row of the answer is of the field.
func (r *reading) has(f *figures.Figure, row *ledger.Row) bool {
	for _, key := range r.query.GroupBy {
		if want := f.Source.Filter[key]; want != paramApp && row.Group[key] != want {
			return false
		}
	}
	return true
}

// everywhere is the query whether an application was ever used, in any way; false
// when the fields do not go by application.
func (r *reading) everywhere(p *figures.Plan, app string) (ledger.Query, bool) {
	q := ledger.Query{Meter: r.query.Meter, Node: r.query.Node, Filter: map[string][]string{}}
	for key, value := range p.Figures[r.fields[0]].Source.Filter {
		if value == paramApp {
			q.Filter[key] = []string{app}
		}
	}
	return q, len(q.Filter) > 0
}

// days is what a plan's fields were read as.
type days struct {
	sequence uint64
	plan     *figures.Plan
	first    usance.Day
	rows     []usageRow
	natives  []usance.Sum // of each day's fields in turn
}

func newDays(p *figures.Plan, asked usageQuery) *days {
	n := int(asked.end-asked.first) + 1
	d := &days{plan: p, first: asked.first, rows: make([]usageRow, n), natives: make([]usance.Sum, n*len(p.Figures))}
	for i := range d.rows {
		d.rows[i].Date = (asked.first + usance.Day(i)).Start().Format(time.DateOnly)
	}
	return d
}

func (d *days) native(day, field int) *usance.Sum { return &d.natives[day*len(d.plan.Figures)+field] }

// put takes in one query's answer.
func (d *days) put(r *reading, answer ledger.Answer) {
	d.sequence = max(d.sequence, answer.Sequence)
	for j := range answer.Rows {
		row := &answer.Rows[j]
		day := int(usance.DayOf(row.From) - d.first)
		for _, i := range r.fields {
			if f := &d.plan.Figures[i]; r.has(f, row) {
				*d.native(day, i) = row.Value
				*d.rows[day].at(f.Name) = f.Conversion.Whole(row.Value)
			}
		}
	}
}

// total adds the fields of each day up, as exactly as they are known.
func (d *days) total() {
	for day := range d.rows {
		var sum usance.Sum
		for i := range d.plan.Figures {
			switch f := &d.plan.Figures[i]; {
			case f.Source.Kind == mapping.Derived:
			case f.Conversion.Divide == 1:
				sum = sum.Plus(*d.native(day, i))
			default:
				sum = sum.Plus(usance.SumOf(*d.rows[day].at(f.Name)))
			}
		}
		d.rows[day].Total = sum.Clamp()
	}
}
