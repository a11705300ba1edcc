package ledger

import (
	"bytes"
	"strings"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/usance/usance"
	"github.com/usance/usance/registry"
)

// lookupIn returns a usance.Lookup into an event's data. The data is read once,
// however many meters look into it.
func lookupIn(data []byte) usance.Lookup {
	var top []member
	read := false
	return func(path string) usance.Scalar {
		if !read {
			top, read = members(data), true
		}
		name, below, nested := strings.Cut(path, ".")
		value := find(top, name)
		for nested && value != nil {
			name, below, nested = strings.Cut(below, ".")
			value = find(members(value), name)
		}
		return scalarOf(value)
	}
}

func scalarOf(value jsontext.Value) usance.Scalar {
	if value == nil {
		return usance.Scalar{}
	}
	s := usance.Scalar{Kind: byte(value.Kind())}
	if s.Kind != '"' {
		s.Text = string(value)
		return s
	}
	text, err := jsontext.AppendUnquote(nil, value)
	if err != nil {
		return usance.Scalar{}
	}
	s.Text = string(text)
	return s
}

// member is one member of a JSON object.
type member struct {
	name  string
	value jsontext.Value
}

// members lists the members of an object; none for anything else.
func members(object []byte) []member {
	object = bytes.TrimLeft(object, " \t\r\n")
	if len(object) == 0 || object[0] != '{' {
		return nil
	}
	var out []member
	dec := jsontext.NewDecoder(bytes.NewBuffer(object))
	if _, err := dec.ReadToken(); err != nil {
		return nil
	}
	for dec.PeekKind() == '"' {
		name, err := dec.ReadToken()
		if err != nil {
			return nil
		}
		m := member{name: name.String()}
		if m.value, err = dec.ReadValue(); err != nil {
			return nil
		}
		m.value = m.value.Clone()
		out = append(out, m)
	}
	return out
}

func find(list []member, name string) jsontext.Value {
	for _, m := range list {
		if m.name == name {
			return m.value
		}
	}
	return nil
}

// share is what one event adds to one meter.
type share struct {
	meter *usance.Meter
	usance.Contribution
	// charged marks an amount that was charged by name: it adds to whatever the
	// meter measures, a gauge's sum included, and to a count it adds as many.
	charged bool
}

// state is what the share folds as.
func (s *share) state() usance.State {
	if s.charged && s.meter.Aggregation == usance.AggCount {
		return usance.State{Count: uint64(s.Amount)} // counts add modulo 2^64
	}
	return usance.State{}.Observe(s.Amount)
}

// sample reports that the share is a gauge's sample rather than something that
// adds up.
func (s *share) sample() bool { return s.meter.Aggregation == usance.AggGauge && !s.charged }

// shares works out everything an event adds. The events usage.level and
// usage.gauge name their meter in their data; every other type feeds the meters
// that list it, and a type that feeds none is stored all the same: it counts
// nowhere today, and a meter defined later can be backfilled from it.
func shares(defs *registry.Definitions, e *usance.Event) ([]share, error) {
	data := lookupIn(e.Data)
	switch e.Type {
	case registry.LevelEvent:
		return named(defs, e, data, usance.AggLevel, "delta")
	case registry.GaugeEvent:
		return named(defs, e, data, usance.AggGauge, "value")
	case chargeEvent:
		return charged(defs, e)
	}
	feeds := defs.Feeds(e.Type)
	out := make([]share, 0, len(feeds))
	for _, f := range feeds {
		c, err := f.Meter.Contribution(e, data, f.Source)
		if err != nil {
			return nil, err
		}
		out = append(out, share{meter: f.Meter, Contribution: c})
	}
	return out, nil
}

func named(defs *registry.Definitions, e *usance.Event, data usance.Lookup, agg usance.Aggregation, amount string) ([]share, error) {
	name := data("meter")
	if name.Kind != '"' {
		return nil, usance.Errorf(usance.KindInvalid, "data.meter is required: the name of a %s meter", agg)
	}
	m, ok := defs.Meter(name.Text)
	if !ok {
		return nil, usance.Errorf(usance.KindInvalid, "data.meter: there is no meter %q", name.Text)
	}
	if m.Aggregation != agg {
		return nil, usance.Errorf(usance.KindInvalid, "data.meter: %s is a %s meter, not a %s", m.Name, m.Aggregation, agg)
	}
	v := data(amount)
	if v.Kind != '0' {
		return nil, usance.Errorf(usance.KindInvalid, "data.%s is required: a whole number", amount)
	}
	n, err := usance.WholeNumber(v.Text)
	if err != nil {
		return nil, err
	}
	c, err := m.Contribution(e, data, usance.Source{Type: e.Type, Amount: "0"})
	if err != nil {
		return nil, err
	}
	if agg == usance.AggGauge && n < 0 {
		return nil, usance.Errorf(usance.KindInvalid, "data.%s is negative", amount)
	}
	c.Amount = n
	return []share{{meter: m, Contribution: c}}, nil
}
