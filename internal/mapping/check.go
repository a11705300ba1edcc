package mapping

import (
	"errors"
	"maps"
	"slices"
	"strings"

	"github.com/usance/usance"
)

// maxDivide bounds a conversion: no unit is coarser than this many base units.
const maxDivide = 1 << 50

// Check returns why an override cannot be a tenant's, or nil: the façade and the
// field are there and may be read from elsewhere, the meter exists and has the
// aggregation that the reading needs, its unit becomes the field's, the node is a
// path. The first word of each fault is the member at fault, where it is one's.
func (c Catalog) Check(facade, field string, o Source, meter func(string) (*usance.Meter, bool)) error {
	t, ok := c[facade]
	if !ok {
		return usance.Errorf(usance.KindInvalid, "there is no façade %q with a mapping; there are %s", clip(facade), strings.Join(c.Facades(), ", "))
	}
	f, ok := t.Find(field)
	if !ok {
		return usance.Errorf(usance.KindInvalid, "%s has no field %q; it has %s", facade, clip(field), strings.Join(t.Names(), ", "))
	}
	if f.Source.Kind == Derived {
		return usance.Errorf(usance.KindInvalid, "%s of %s is derived from %s and follows them", field, facade, strings.Join(f.Source.Of, ", "))
	}
	if f.Fixed {
		return usance.Errorf(usance.KindInvalid, "%s of %s cannot be read from elsewhere", field, facade)
	}
	if err := f.checkForm(o); err != nil {
		return err
	}
	return f.checkMeaning(f.Over(o), meter)
}

// checkForm holds what an override's members may be, by themselves.
func (f *Field) checkForm(o Source) error {
	for key, value := range o.Filter {
		if strings.HasPrefix(value, "$") && f.Source.Filter[key] != value {
			return usance.Errorf(usance.KindInvalid, "filter: %q is no parameter of the call", clip(value))
		}
	}
	switch {
	case o.IsZero():
		return invalid("an override says at least one thing that differs")
	case o.Rule != "" || o.Of != nil:
		return invalid("kind derived is the façade's own")
	case o.Node != "" && o.Node.Check() != nil:
		return invalid("node " + detailOf(o.Node.Check()))
	case o.Divide < 0 || o.Divide > maxDivide:
		return usance.Errorf(usance.KindInvalid, "divide is 1 to %d", int64(maxDivide))
	case !slices.Contains([]Rounding{"", Down, Up, Nearest}, o.Round):
		return invalid("round is down, up or nearest")
	case f.Source.Window == UTCDays && o.Window != "" && o.Window != UTCDays:
		return invalid("window is that of the days asked for and cannot change")
	case f.Source.Window != UTCDays && o.Window == UTCDays:
		return invalid("window utc-days is for calls that ask for days")
	}
	if o.Kind == "" || o.Kind == f.Source.Kind {
		return nil
	}
	numbers := []Kind{Meter, Quota, Setting}
	if f.Source.Window == UTCDays || f.Source.Kind == Resources || f.Text || !slices.Contains(numbers, o.Kind) {
		return usance.Errorf(usance.KindInvalid, "kind %s cannot become %q here", f.Source.Kind, clip(string(o.Kind)))
	}
	return nil
}

// checkMeaning holds what the whole source may be.
func (f *Field) checkMeaning(s Source, meter func(string) (*usance.Meter, bool)) error {
	if err := s.checkMembers(); err != nil {
		return err
	}
	switch s.Kind {
	case Setting:
		return usance.CheckMeterName(s.Setting)
	case Resources:
		if s.Value == Label {
			return usance.CheckText("label", s.Label, usance.MaxNameBytes)
		}
		return nil
	}
	m, ok := meter(s.Meter)
	if !ok {
		return usance.Errorf(usance.KindInvalid, "meter %q does not exist", clip(s.Meter))
	}
	if err := s.checkReading(m); err != nil {
		return err
	}
	if _, ok := f.Conversion(s, m.Unit); !ok {
		return usance.Errorf(usance.KindInvalid, "meter %s is in %q, which does not become the field's %s: say divide, the base units in one %s", m.Name, m.Unit, f.Unit, f.Unit)
	}
	return nil
}

// checkMembers refuses members that the kind has no use for.
func (s *Source) checkMembers() error {
	stray := ""
	switch {
	case s.Kind != Meter && s.Window != "":
		stray = "window"
	case s.Kind != Meter && s.Filter != nil:
		stray = "filter"
	case s.Kind != Meter && s.Kind != Quota && s.Meter != "":
		stray = "meter"
	case s.Kind != Meter && s.Kind != Quota && s.Node != "":
		stray = "node"
	case s.Kind != Quota && s.Kind != Resources && s.Value != "":
		stray = "value"
	case s.Kind != Setting && s.Setting != "":
		stray = "setting"
	case (s.Kind != Resources || s.Value != Label) && s.Label != "":
		stray = "label"
	case s.Kind != Meter && s.Kind != Quota && s.Divide != 0:
		stray = "divide"
	}
	if stray != "" {
		return usance.Errorf(usance.KindInvalid, "%s means nothing to kind %s", stray, s.Kind)
	}
	return nil
}

// checkReading refuses what a meter's aggregation cannot answer.
func (s *Source) checkReading(m *usance.Meter) error {
	if s.Kind == Quota {
		if !slices.Contains([]string{Limit, Base, Used, Reserved, Allocated, Available}, s.Value) {
			return invalid("value of a quota is limit, base, used, reserved, allocated or available")
		}
		if !m.Aggregation.Quotable() {
			return usance.Errorf(usance.KindInvalid, "meter %s is a %s meter, which cannot have a quota", m.Name, m.Aggregation)
		}
		return nil
	}
	switch s.Window {
	case Now:
		if !m.Aggregation.Stands() {
			return usance.Errorf(usance.KindInvalid, "meter %s is a %s meter and has no standing value: say window today, month or lifetime", m.Name, m.Aggregation)
		}
	case Today, Month, Lifetime, UTCDays:
		if m.Aggregation.Stands() {
			return usance.Errorf(usance.KindInvalid, "meter %s is a %s meter and is read as it stands: say window now", m.Name, m.Aggregation)
		}
	default:
		return invalid("window is now, today, month or lifetime")
	}
	if len(s.Filter) == 0 {
		return nil
	}
	if s.Window != UTCDays && !slices.Equal(slices.Sorted(maps.Keys(s.Filter)), m.GroupKeys()) {
		return usance.Errorf(usance.KindInvalid, "filter states a value for each group-by key of meter %s: %s", m.Name, strings.Join(m.GroupKeys(), ", "))
	}
	for key, value := range s.Filter {
		if _, ok := m.GroupBy[key]; !ok {
			return usance.Errorf(usance.KindInvalid, "filter: meter %s does not group by %q", m.Name, clip(key))
		}
		if len(value) > usance.MaxGroupValue {
			return usance.Errorf(usance.KindInvalid, "filter: a value has at most %d bytes", usance.MaxGroupValue)
		}
	}
	return nil
}

func invalid(detail string) error { return usance.Errorf(usance.KindInvalid, "%s", detail) }

func detailOf(err error) string {
	if e, ok := errors.AsType[*usance.Error](err); ok {
		return e.Detail
	}
	return err.Error()
}

func clip(s string) string {
	if len(s) > 64 {
		return strings.ToValidUTF8(s[:64], "") + "…"
	}
	return s
}
