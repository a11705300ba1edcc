// Package mapping is the vocabulary in which a façade says where each number of
// its answers comes from: a meter, a quota, the resources, a setting, or other
// fields. A façade's table is data; a tenant may read single fields from
// elsewhere, by overrides that are checked against the table before they are
// kept. What reads the numbers is internal/figures.
package mapping

import (
	"cmp"
	"maps"
	"slices"
	"strings"

	"github.com/usance/usance"
)

// Kind says what a field is read from.
type Kind string

// The kinds.
const (
	Meter     Kind = "meter"     // what a meter counted
	Quota     Kind = "quota"     // a quota's reading
	Resources Kind = "resources" // purchased resources
	Setting   Kind = "setting"   // a setting of the tenant
	Derived   Kind = "derived"   // other fields of the same answer
)

// Window says which time a meter is read for.
type Window string

// The windows.
const (
	Now      Window = "now"      // as a level or gauge stands at this instant
	Today    Window = "today"    // the calendar day in the tenant's zone
	Month    Window = "month"    // the calendar month in the tenant's zone
	Lifetime Window = "lifetime" // all time
	UTCDays  Window = "utc-days" // each UTC day that the call asks for
)

// The values of a quota and of resources that a field may show.
const (
	Limit     = "limit"     // of a quota, with what resources grant it
	Base      = "base"      // of a quota: its own limit, without grants
	Used      = "used"      // of a quota: usage at and below its node in its window
	Reserved  = "reserved"  // of a quota: what open holds set aside
	Allocated = "allocated" // of a quota: what the nearest quotas below were given
	Available = "available" // of a quota: what is left of it and of those above

	Count  = "count"  // how many resources
	Amount = "amount" // a resource's amount
	Frozen = "frozen" // 1 for a resource that is frozen, else 0
	Label  = "label"  // a resource's label, read as a whole number
)

// Rounding says how what does not divide is rounded.
type Rounding string

// The roundings.
const (
	Down    Rounding = "down"
	Up      Rounding = "up"
	Nearest Rounding = "nearest" // half up
)

// Source is where a number comes from. As a tenant's override it holds only the
// members that differ from the façade's table.
type Source struct {
	Kind  Kind   `json:"kind,omitempty"`
	Meter string `json:"meter,omitempty"`
	// Node is the place below the node that the call is about; "" is that node.
	Node   usance.Path `json:"node,omitempty"`
	Window Window      `json:"window,omitempty"` // of a meter
	Value  string      `json:"value,omitempty"`  // of a quota or of resources
	// Filter restricts group-by keys of a meter to one value; a value that begins
	// with $ is the parameter of that name of the call.
	Filter  map[string]string `json:"filter,omitempty"`
	Setting string            `json:"setting,omitempty"`
	Label   string            `json:"label,omitempty"`  // of resources
	Divide  usance.Amount     `json:"divide,omitempty"` // base units in one of the field's; 0: what the units say
	Round   Rounding          `json:"round,omitempty"`
	Of      []string          `json:"of,omitempty"`   // derived: the fields it is made from
	Rule    string            `json:"rule,omitempty"` // derived: how, for a person
}

// IsZero reports a source that says nothing.
func (s *Source) IsZero() bool {
	return s.Kind == "" && s.Meter == "" && s.Node == "" && s.Window == "" && s.Value == "" && len(s.Filter) == 0 &&
		s.Setting == "" && s.Label == "" && s.Divide == 0 && s.Round == "" && len(s.Of) == 0 && s.Rule == ""
}

// Field is one number of an answer, or a text that is a setting.
type Field struct {
	Name string // as explain and overrides name it; "*" in it stands for a meter's name
	Call string // the façade's call that answers it
	Unit string // of the number shown; "" is the base unit of what is read
	// Decimals is how many the answer may have; 0 is a whole number.
	Decimals int
	// Most is the largest number shown, 0 for no bound; Signed lets negative ones be
	// shown, which are 0 otherwise.
	Most    int64
	Signed  bool
	Text    bool   // it is shown as a text
	Usual   string // what a setting that is absent, or not a number, is taken for
	Missing int64  // what a limit that is not there, or unlimited, is shown as, where Limitless
	// Limitless has Missing shown for a limit without a bound.
	Limitless bool
	Source    Source
	// Within names fields whose values bound this one, and Fits says how.
	Within []string
	Fits   string
	// Rooted says that the call may be about the whole tenant, and About names the
	// kinds of alias of the nodes that it may be about otherwise. By them an override
	// of the node follows when what it names is moved.
	Rooted bool
	About  []string
	// Fixed keeps the field from being overridden: the vendor's clients write what
	// they read here, or its meaning leaves no choice.
	Fixed bool
}

// Table is a façade's mapping.
type Table []Field

// Find returns the field of that name. A pattern's "*" is given the meter's name.
func (t Table) Find(name string) (Field, bool) {
	for _, f := range t {
		if f.Name == name && !strings.Contains(name, "*") {
			return f, true
		}
		if meter, ok := f.match(name); ok {
			return f.For(meter), true
		}
	}
	return Field{}, false
}

func (f *Field) match(name string) (meter string, ok bool) {
	before, after, pattern := strings.Cut(f.Name, "*")
	if !pattern || len(name) <= len(before)+len(after) || !strings.HasPrefix(name, before) || !strings.HasSuffix(name, after) {
		return "", false
	}
	meter = name[len(before) : len(name)-len(after)]
	return meter, usance.CheckMeterName(meter) == nil
}

// For returns a pattern's field for a meter.
func (f Field) For(meter string) Field {
	f.Name = strings.Replace(f.Name, "*", meter, 1)
	if f.Source.Meter == "*" {
		f.Source.Meter = meter
	}
	return f
}

// Names returns the names of the fields, patterns as they are written.
func (t Table) Names() []string {
	out := make([]string, len(t))
	for i := range t {
		out[i] = t[i].Name
	}
	return out
}

// Catalog is the mapping of every façade by its name.
type Catalog map[string]Table

// Facades returns the names.
func (c Catalog) Facades() []string { return slices.Sorted(maps.Keys(c)) }

// Over lays an override over the field's own source. One that changes the kind
// keeps the node, the meter where both kinds have one, and the rounding.
func (f *Field) Over(o Source) Source {
	s := f.Source
	if o.Kind != "" && o.Kind != s.Kind {
		s = Source{Kind: o.Kind, Node: s.Node, Round: s.Round}
		switch o.Kind {
		case Meter, Quota:
			s.Meter = f.Source.Meter
		case Setting:
			s.Node = ""
		}
		switch o.Kind {
		case Quota:
			s.Value = Used
		case Meter:
			s.Window = Now
		}
	}
	s.Meter, s.Node = cmp.Or(o.Meter, s.Meter), cmp.Or(o.Node, s.Node)
	s.Window, s.Value = cmp.Or(o.Window, s.Window), cmp.Or(o.Value, s.Value)
	s.Setting, s.Label = cmp.Or(o.Setting, s.Setting), cmp.Or(o.Label, s.Label)
	s.Divide, s.Round = cmp.Or(o.Divide, s.Divide), cmp.Or(o.Round, s.Round)
	if o.Filter != nil {
		s.Filter = o.Filter
	}
	return s
}

// Join returns the node at a place below another.
func Join(base, below usance.Path) usance.Path {
	switch {
	case below == "" || below == usance.Root:
		return base
	case base == usance.Root || base == "":
		return below
	}
	return base + below
}
