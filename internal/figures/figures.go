// Package figures reads the numbers that a façade's mapping names: it lays a
// tenant's overrides over the table once for each version of the tenant's
// definitions, asks the ledger for everything together, and says of each number
// where it came from. A façade's answer and the explanation of it are read by the
// same calls, so they cannot differ.
package figures

import (
	"cmp"
	"context"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/usance/usance"
	"github.com/usance/usance/internal/mapping"
	"github.com/usance/usance/ledger"
	"github.com/usance/usance/registry"
)

// Figure is a field as one tenant has it: its Source is the one in force.
type Figure struct {
	mapping.Field
	Table      mapping.Source // what the table says
	Overridden bool
	Conversion mapping.Conversion
	BaseUnit   string // of what is read; "" where it has none
}

// newFigure lays a tenant's override over a field. An override that its meter no
// longer fits, which a check at its making and at the meter's changes prevents,
// is left out.
func newFigure(f mapping.Field, over *mapping.Source, meter func(string) (*usance.Meter, bool)) Figure {
	out := Figure{Field: f, Table: f.Source}
	if over != nil {
		out.Source, out.Overridden = f.Over(*over), true
	}
	if !out.fit(meter) && out.Overridden {
		out.Source, out.Overridden = f.Source, false
		out.fit(meter)
	}
	return out
}

func (f *Figure) fit(meter func(string) (*usance.Meter, bool)) bool {
	base := f.Unit
	if f.Source.Kind == mapping.Meter || f.Source.Kind == mapping.Quota {
		m, ok := meter(f.Source.Meter)
		if !ok {
			f.Conversion = mapping.Conversion{Divide: 1, Most: f.Most, Signed: f.Signed}
			return false
		}
		base = m.Unit
	}
	var ok bool
	f.BaseUnit = base
	if f.Conversion, ok = f.Field.Conversion(f.Source, base); !ok {
		f.Conversion.Divide = 1
	}
	return ok
}

// Native is what a figure's source gave, in its base unit.
type Native struct {
	Value usance.Sum
	Quota *ledger.QuotaReading // of a quota
	Text  string               // of a setting
}

// Unbounded reports a limit, or what is left of one, that has no bound.
func (f *Figure) Unbounded(n Native) bool {
	if n.Quota == nil {
		return false
	}
	switch f.Source.Value {
	case mapping.Limit:
		return !n.Quota.Defined || n.Quota.Limit == usance.Unlimited
	case mapping.Base:
		return !n.Quota.Defined || n.Quota.Base == usance.Unlimited
	case mapping.Allocated:
		return n.Quota.Allocated == usance.Unlimited
	case mapping.Available:
		return n.Quota.Available == usance.Unlimited
	}
	return false
}

// Whole is the number shown, for a field without decimals.
func (f *Figure) Whole(n Native) int64 {
	if f.Limitless && f.Unbounded(n) {
		return f.Missing
	}
	return f.Conversion.Whole(n.Value)
}

// Append writes the field's value as JSON.
func (f *Figure) Append(dst []byte, n Native) []byte {
	if f.Text {
		dst, _ = jsontext.AppendQuote(dst, strings.ToValidUTF8(n.Text, "\uFFFD")) // fails for invalid UTF-8 alone
		return dst
	}
	if f.Conversion.Decimals == 0 || f.Limitless && f.Unbounded(n) {
		return strconv.AppendInt(dst, f.Whole(n), 10)
	}
	return f.Conversion.Append(dst, n.Value)
}

// Span returns the time that a figure's meter is read for, [from, to): zero where
// it is open. A standing value is read at its end.
func (f *Figure) Span(now time.Time, zone *time.Location) (from, to time.Time) {
	switch f.Source.Window {
	case mapping.Now:
		return time.Time{}, now.Add(1) // what happens at this instant has happened
	case mapping.Today:
		return usance.DayWindow.Bounds(now, zone)
	case mapping.Month:
		return usance.MonthWindow.Bounds(now, zone)
	}
	return time.Time{}, time.Time{}
}

// Plan is figures that are read together.
type Plan struct {
	Figures  []Figure
	measures []int               // indexes of figures
	quotas   []registry.QuotaRef // below the node asked about, each once
	slots    []int               // of each figure: its measure or quota
}

// NewPlan prepares figures to be read. Those that are derived, or read by days or
// from resources, are the façade's own to work out: they stay zero.
func NewPlan(list []Figure) *Plan {
	p := &Plan{Figures: list, slots: make([]int, len(list))}
	seen := map[registry.QuotaRef]int{}
	for i := range list {
		s := &list[i].Source
		switch {
		case s.Kind == mapping.Meter && s.Window != mapping.UTCDays:
			p.slots[i] = len(p.measures)
			p.measures = append(p.measures, i)
		case s.Kind == mapping.Quota:
			ref := registry.QuotaRef{Node: cmp.Or(s.Node, usance.Root), Meter: s.Meter}
			at, ok := seen[ref]
			if !ok {
				at = len(p.quotas)
				seen[ref] = at
				p.quotas = append(p.quotas, ref)
			}
			p.slots[i] = at
		}
	}
	return p
}

// Index returns the place of the figure of that name, or -1.
func (p *Plan) Index(name string) int {
	for i := range p.Figures {
		if p.Figures[i].Name == name {
			return i
		}
	}
	return -1
}

// Readings are what a plan's figures were read as, as of one moment.
type Readings struct {
	Sequence uint64
	At       time.Time
	Natives  []Native // of each figure
	report   ledger.Report

	// Until is up to when the same figures would be read while nothing is written:
	// the first end of a window or a hold. It is the zero time when an event is dated
	// ahead of the moment: then what stands may change at any other.
	Until time.Time
}

// Read asks the ledger for the plan's figures at and below a node.
func (p *Plan) Read(ctx context.Context, led *ledger.Ledger, d *registry.Definitions, base usance.Path, now time.Time) (*Readings, error) {
	report, err := led.Report(ctx, d.Tenant.ID, p.ask(d, base, now))
	if err != nil {
		return nil, err
	}
	r := &Readings{Sequence: report.Sequence, At: now, Natives: make([]Native, len(p.Figures)), report: report, Until: p.until(&report, now, d.Zone)}
	for i := range p.Figures {
		r.Natives[i] = p.native(i, r, d)
	}
	return r, nil
}

func (p *Plan) until(report *ledger.Report, now time.Time, zone *time.Location) time.Time {
	until := report.Until
	for _, i := range p.measures {
		f := &p.Figures[i]
		_, end := f.Span(now, zone)
		switch {
		case f.Source.Window == mapping.Now && report.Newest.After(report.At):
			return time.Time{}
		case f.Source.Window != mapping.Now && !end.IsZero() && end.Before(until):
			until = end
		}
	}
	return until
}

func (p *Plan) ask(d *registry.Definitions, base usance.Path, now time.Time) ledger.Ask {
	ask := ledger.Ask{Quotas: p.quotas}
	if base != usance.Root && len(p.quotas) > 0 {
		ask.Quotas = make([]registry.QuotaRef, len(p.quotas))
		for i, ref := range p.quotas {
			ask.Quotas[i] = registry.QuotaRef{Node: mapping.Join(base, ref.Node), Meter: ref.Meter}
		}
	}
	if len(p.measures) == 0 {
		return ask
	}
	ask.Measures = make([]ledger.Measure, len(p.measures))
	midnight, next := usance.DayWindow.Bounds(now, d.Zone)
	for i, at := range p.measures {
		f := &p.Figures[at]
		m := ledger.Measure{Meter: f.Source.Meter, Node: mapping.Join(base, f.Source.Node), Group: f.Source.Filter}
		if f.Source.Window == mapping.Today {
			m.From, m.To = midnight, next
		} else {
			m.From, m.To = f.Span(now, d.Zone)
			m.Now = f.Source.Window == mapping.Now
		}
		ask.Measures[i] = m
	}
	return ask
}

func (p *Plan) native(i int, r *Readings, d *registry.Definitions) Native {
	f := &p.Figures[i]
	switch f.Source.Kind {
	case mapping.Meter:
		if f.Source.Window != mapping.UTCDays {
			return Native{Value: r.report.Measures[p.slots[i]]}
		}
	case mapping.Quota:
		return QuotaNative(f.Source.Value, &r.report.Quotas[p.slots[i]])
	case mapping.Setting:
		return f.setting(d)
	}
	return Native{}
}

// QuotaNative is one value of a quota's reading.
func QuotaNative(value string, q *ledger.QuotaReading) Native {
	n := Native{Quota: q}
	switch value {
	case mapping.Limit:
		n.Value = usance.SumOf(q.Limit)
	case mapping.Base:
		n.Value = usance.SumOf(q.Base)
	case mapping.Used:
		n.Value = usance.SumOf(q.Used)
	case mapping.Reserved:
		n.Value = usance.SumOf(q.Reserved)
	case mapping.Allocated:
		n.Value = usance.SumOf(q.Allocated)
	case mapping.Available:
		n.Value = usance.SumOf(q.Available)
	}
	return n
}

// OfResource is one value of a resource. A label that is not a whole number from 0
// is 0.
func (f *Figure) OfResource(r *usance.Resource) Native {
	switch f.Source.Value {
	case mapping.Amount:
		return Native{Value: usance.SumOf(r.Amount)}
	case mapping.Frozen:
		if r.Frozen {
			return Native{Value: usance.SumOf(1)}
		}
	case mapping.Label:
		n := Native{Text: r.Labels[f.Source.Label]}
		if v, err := strconv.ParseInt(n.Text, 10, 64); err == nil && v > 0 {
			n.Value = usance.SumOf(v)
		}
		return n
	}
	return Native{}
}

// setting reads a setting: a number that cannot be shown is as if it were absent.
func (f *Figure) setting(d *registry.Definitions) Native {
	n := Native{Text: d.Setting(f.Source.Setting, f.Usual)}
	if f.Text {
		return n
	}
	v, err := strconv.ParseInt(n.Text, 10, 64)
	if err != nil || v < 0 && !f.Signed || f.Most > 0 && v > f.Most {
		n.Text = f.Usual
		v, _ = strconv.ParseInt(n.Text, 10, 64) // the table's own, or 0
	}
	n.Value = usance.SumOf(v)
	return n
}

// Set is a façade's mapping, ready for every tenant. It is safe for concurrent
// use.
type Set struct {
	facade string
	table  mapping.Table
	usual  *Plan

	mu       sync.RWMutex
	byTenant map[usance.TenantID]kept
}

type kept struct {
	version uint64
	plan    *Plan
}

// maxKept bounds the tenants whose overridden plans are kept; those without
// overrides share one.
const maxKept = 5_000

// NewSet prepares a façade's table.
func NewSet(facade string, table mapping.Table) *Set {
	builtIn := map[string]*usance.Meter{}
	for _, m := range registry.BuiltInMeters() {
		builtIn[m.Name] = &m
	}
	meter := func(name string) (*usance.Meter, bool) { m, ok := builtIn[name]; return m, ok }
	return &Set{facade: facade, table: table, usual: plan(table, nil, meter), byTenant: map[usance.TenantID]kept{}}
}

func plan(table mapping.Table, over map[string]mapping.Source, meter func(string) (*usance.Meter, bool)) *Plan {
	list := make([]Figure, len(table))
	for i, f := range table {
		var o *mapping.Source
		if s, ok := over[f.Name]; ok {
			o = &s
		}
		list[i] = newFigure(f, o, meter)
	}
	return NewPlan(list)
}

// For returns the plan for a tenant's definitions.
func (s *Set) For(d *registry.Definitions) *Plan {
	over := d.Mappings(s.facade)
	if len(over) == 0 {
		return s.usual
	}
	s.mu.RLock()
	k, ok := s.byTenant[d.Tenant.ID]
	s.mu.RUnlock()
	if ok && k.version == d.Version {
		return k.plan
	}
	k = kept{d.Version, plan(s.table, over, d.Meter)}
	s.mu.Lock()
	defer s.mu.Unlock()
	for victim := range s.byTenant { // map order is as good as any other here
		if len(s.byTenant) < maxKept {
			break
		}
		delete(s.byTenant, victim)
	}
	if s.byTenant[d.Tenant.ID].version <= d.Version {
		s.byTenant[d.Tenant.ID] = k
	}
	return k.plan
}

// Usual returns the figure of that name as it is without overrides.
func (s *Set) Usual(name string) (*Figure, bool) {
	if i := s.usual.Index(name); i >= 0 {
		return &s.usual.Figures[i], true
	}
	return nil, false
}

// Named returns the figure of a name that a pattern of the table stands for.
func (s *Set) Named(d *registry.Definitions, name string) (Figure, bool) {
	f, ok := s.table.Find(name)
	if !ok {
		return Figure{}, false
	}
	var over *mapping.Source
	if o, ok := d.Mappings(s.facade)[name]; ok {
		over = &o
	}
	return newFigure(f, over, d.Meter), true
}
