package ledger

import (
	"strings"

	"github.com/usance/usance"
	"github.com/usance/usance/registry"
)

// extract works out what events add to meters. It serves many events of a
// request: what it returns lies in memory that it sets aside for all of them, and
// texts that come again and again are kept once.
type extract struct {
	defs *registry.Definitions

	data   string // of the event at hand
	read   bool   // top is of the event at hand
	top    []member
	below  []member
	lookup usance.Lookup

	kind  string // the type of event that feeds is of
	feeds []registry.Feed

	events int  // how many are to come
	packed bool // shares have no Group: their packed group says the same
	shares []share
	values []string
	groups map[string]string
	byName map[*usance.Meter]*usance.Feeder // of meters that events name
	buf    []byte
}

func newExtract(defs *registry.Definitions) *extract {
	x := &extract{defs: defs}
	x.lookup = x.find
	return x
}

// find is a usance.Lookup into the data of the event at hand, which is read once
// however many meters look into it.
func (x *extract) find(path string) usance.Scalar {
	if !x.read {
		x.top, x.read = members(x.top[:0], x.data), true
	}
	name, below, nested := strings.Cut(path, ".")
	value := find(x.top, name)
	for nested && value != "" {
		name, below, nested = strings.Cut(below, ".")
		x.below = members(x.below[:0], value)
		value = find(x.below, name)
	}
	return scalarOf(value)
}

// group packs group values, as groupText does.
func (x *extract) group(values []string) string {
	if len(values) == 0 {
		return ""
	}
	x.buf = appendGroup(x.buf[:0], values)
	if text, ok := x.groups[string(x.buf)]; ok {
		return text
	}
	if x.groups == nil {
		x.groups = map[string]string{}
	}
	text := string(x.buf)
	x.groups[text] = text
	return text
}

// share is what one event adds to one meter.
type share struct {
	meter *usance.Meter
	usance.Contribution
	// charged marks an amount that was charged by name: it adds to whatever the
	// meter measures, a gauge's sum included, and to a count it adds as many.
	charged bool
	group   string // groupText of the group values; "" when the meter has no groups
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

// maxChunk is how many shares lie in one piece of memory.
const maxChunk = 1024

// shares works out everything an event adds. The events usage.level and
// usage.gauge name their meter in their data; every other type feeds the meters
// that list it, and a type that feeds none is stored all the same: it counts
// nowhere today, and a meter defined later can be backfilled from it.
func shares(defs *registry.Definitions, e *usance.Event) ([]share, error) {
	return newExtract(defs).sharesOf(e, string(e.Data))
}

// sharesOf is shares, where data is the text of the event's data.
func (x *extract) sharesOf(e *usance.Event, data string) ([]share, error) {
	x.data, x.read = data, false
	switch e.Type {
	case registry.LevelEvent:
		return x.named(e, usance.AggLevel, "delta")
	case registry.GaugeEvent:
		return x.named(e, usance.AggGauge, "value")
	case chargeEvent:
		return charged(x.defs, e)
	}
	if e.Type != x.kind || x.feeds == nil {
		x.kind, x.feeds = e.Type, x.defs.Feeds(e.Type)
	}
	if len(x.shares)+len(x.feeds) > cap(x.shares) {
		x.shares = make([]share, 0, max(len(x.feeds), min(len(x.feeds)*x.events, maxChunk)))
	}
	x.events--
	from := len(x.shares)
	for _, f := range x.feeds {
		sh, err := x.share(e, f.Feeder)
		if err != nil {
			return nil, err
		}
		x.shares = append(x.shares, sh)
	}
	return x.shares[from:len(x.shares):len(x.shares)], nil
}

func (x *extract) share(e *usance.Event, f *usance.Feeder) (share, error) {
	from := len(x.values)
	c, err := f.Contribution(e, x.lookup, x.values)
	if err != nil {
		return share{}, err
	}
	sh := share{meter: f.Meter(), Contribution: c, group: x.group(c.Group[from:])}
	if x.packed {
		x.values, sh.Group = c.Group[:0], nil
	} else {
		x.values, sh.Group = c.Group, c.Group[from:len(c.Group):len(c.Group)]
	}
	return sh, nil
}

func (x *extract) named(e *usance.Event, agg usance.Aggregation, amount string) ([]share, error) {
	name := x.find("meter")
	if name.Kind != '"' {
		return nil, usance.Errorf(usance.KindInvalid, "data.meter is required: the name of a %s meter", agg)
	}
	m, ok := x.defs.Meter(name.Text)
	if !ok {
		return nil, usance.Errorf(usance.KindInvalid, "data.meter: there is no meter %q", name.Text)
	}
	if m.Aggregation != agg {
		return nil, usance.Errorf(usance.KindInvalid, "data.meter: %s is a %s meter, not a %s", m.Name, m.Aggregation, agg)
	}
	v := x.find(amount)
	if v.Kind != '0' {
		return nil, usance.Errorf(usance.KindInvalid, "data.%s is required: a whole number", amount)
	}
	n, err := usance.WholeNumber(v.Text)
	if err != nil {
		return nil, err
	}
	f := x.byName[m]
	if f == nil {
		f = m.Feeder(usance.Source{Type: e.Type, Amount: "0"})
		if x.byName == nil {
			x.byName = map[*usance.Meter]*usance.Feeder{}
		}
		x.byName[m] = f
	}
	sh, err := x.share(e, f)
	if err != nil {
		return nil, err
	}
	if agg == usance.AggGauge && n < 0 {
		return nil, usance.Errorf(usance.KindInvalid, "data.%s is negative", amount)
	}
	sh.Amount = n
	return []share{sh}, nil
}
