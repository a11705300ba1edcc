package usance

import (
	"cmp"
	"errors"
	"math"
	"math/big"
	"slices"
	"strconv"
	"strings"
)

// Aggregation says how a meter's amounts become one number.
type Aggregation string

// The aggregations. Each folds into a State.
const (
	AggCount   Aggregation = "count"   // how many events
	AggSum     Aggregation = "sum"     // total of the amounts
	AggMin     Aggregation = "min"     // least amount
	AggMax     Aggregation = "max"     // greatest amount
	AggAverage Aggregation = "average" // total divided by count, rounded half away from zero
	AggLevel   Aggregation = "level"   // sum of deltas over all time up to the window's end
	AggGauge   Aggregation = "gauge"   // newest value of each subject up to the window's end, summed over subjects
	AggUnique  Aggregation = "unique"  // exact number of distinct values
)

// Check returns why a is not an aggregation, or nil.
func (a Aggregation) Check() error {
	switch a {
	case AggCount, AggSum, AggMin, AggMax, AggAverage, AggLevel, AggGauge, AggUnique:
		return nil
	}
	return Errorf(KindInvalid, "aggregation %q: the aggregations are count, sum, min, max, average, level, gauge, unique", clip(string(a)))
}

// Stands reports whether the meter's number is a standing value that outlives a
// window (a level, a gauge), rather than something that happened in it.
func (a Aggregation) Stands() bool { return a == AggLevel || a == AggGauge }

// Quotable reports whether a quota may limit meters of this aggregation: only
// numbers that grow by what is charged can be limited.
func (a Aggregation) Quotable() bool {
	switch a {
	case AggCount, AggSum, AggLevel, AggGauge, AggUnique:
		return true
	}
	return false
}

// Source is one event type that feeds a meter. Amount is a whole number, or a
// path into the event such as data.bytes, or "" where the aggregation needs none
// (count: 1; unique: the subject). A leading "-" negates a path.
type Source struct {
	Type   string `json:"type"`
	Amount string `json:"amount,omitempty"`
}

// Meter is a named measure.
type Meter struct {
	Name        string            `json:"name"`
	Unit        string            `json:"unit"` // base unit: 1, B, s, …
	Aggregation Aggregation       `json:"aggregation"`
	Events      []Source          `json:"events,omitempty"`   // none: fed by name only
	GroupBy     map[string]string `json:"group_by,omitempty"` // key → path into the event
	BuiltIn     bool              `json:"built_in,omitempty"`
}

// Check returns why m cannot be a meter, or nil.
func (m *Meter) Check() error {
	if err := CheckMeterName(m.Name); err != nil {
		return err
	}
	if err := CheckText("unit", m.Unit, MaxUnitBytes); err != nil {
		return err
	}
	if err := m.Aggregation.Check(); err != nil {
		return err
	}
	if len(m.Events) > MaxMeterSources {
		return Errorf(KindInvalid, "a meter is fed by at most %d event types", MaxMeterSources)
	}
	if len(m.Events) == 0 && !m.Aggregation.Stands() {
		return Errorf(KindInvalid, "a %s meter needs events; only level and gauge meters can be fed by name", m.Aggregation)
	}
	seen := map[string]bool{}
	for _, s := range m.Events {
		if err := CheckText("event type", s.Type, MaxTypeBytes); err != nil {
			return err
		}
		if seen[s.Type] {
			return Errorf(KindInvalid, "event type %q feeds the meter twice", clip(s.Type))
		}
		seen[s.Type] = true
		if err := m.checkAmount(s.Amount); err != nil {
			return err
		}
	}
	if len(m.GroupBy) > MaxGroupKeys {
		return Errorf(KindInvalid, "a meter groups by at most %d keys", MaxGroupKeys)
	}
	for key, path := range m.GroupBy {
		if err := CheckMeterName(key); err != nil {
			return Errorf(KindInvalid, "group-by key %q: letters, digits, . _ - only", clip(key))
		}
		if key == "subject" {
			return Errorf(KindInvalid, "group-by key subject is always there and cannot be defined")
		}
		if !validPath(path) {
			return Errorf(KindInvalid, "group_by.%s: %q is not a path such as data.model", key, clip(path))
		}
	}
	return nil
}

func (m *Meter) checkAmount(amount string) error {
	if _, err := strconv.ParseInt(amount, 10, 64); err == nil {
		return nil
	}
	if amount == "" {
		switch m.Aggregation {
		case AggCount, AggUnique:
			return nil
		}
		return Errorf(KindInvalid, "a %s meter needs an amount: a path such as data.bytes, or a whole number", m.Aggregation)
	}
	if !validPath(strings.TrimPrefix(amount, "-")) {
		return Errorf(KindInvalid, "amount %q is neither a whole number nor a path such as data.bytes", clip(amount))
	}
	return nil
}

// CheckMeterName returns why name cannot name a meter, or nil.
func CheckMeterName(name string) error {
	if len(name) == 0 || len(name) > MaxMeterNameBytes {
		return Errorf(KindInvalid, "a meter name has 1 to %d characters", MaxMeterNameBytes)
	}
	for _, c := range []byte(name) {
		if (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9') && c != '.' && c != '_' && c != '-' {
			return Errorf(KindInvalid, "meter name %q: letters, digits, . _ - only", clip(name))
		}
	}
	return nil
}

// validPath accepts the attributes subject, type, source, node, id and members of
// data, nested with dots. A leading "$." is accepted as a JSON path's root.
func validPath(path string) bool {
	path = strings.TrimPrefix(path, "$.")
	switch path {
	case "subject", "type", "source", "node", "id":
		return true
	}
	rest, ok := strings.CutPrefix(path, "data.")
	return ok && rest != "" && len(path) <= MaxNameBytes && !slices.Contains(strings.Split(rest, "."), "")
}

// Contribution is what one event adds to one meter.
type Contribution struct {
	Amount Amount   // count: 1
	Value  string   // unique: the distinct value
	Group  []string // values of the group-by keys in the order of GroupKeys
}

// GroupKeys returns the meter's group-by keys in their fixed order.
func (m *Meter) GroupKeys() []string {
	keys := make([]string, 0, len(m.GroupBy))
	for k := range m.GroupBy {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}

// Scalar is a value found in an event's data: its text, unquoted if it was a
// JSON string, and the first character of its JSON form as its kind: '"', '0' for
// a number, 't', 'f', 'n', '{', '['; 0 when there is nothing at the path.
type Scalar struct {
	Text string
	Kind byte
}

// Lookup finds the value at a dotted path below an event's data, such as
// "bytes" or "usage.tokens". The root package parses no JSON; whoever decoded the
// event provides it.
type Lookup func(path string) Scalar

// Contribution works out what e adds to m through the event type src. It
// returns KindInvalid when the event lacks the amount, or the amount is not a
// whole number of int64 range, or a group value is too long or not a scalar.
func (m *Meter) Contribution(e *Event, data Lookup, src Source) (Contribution, error) {
	return m.Feeder(src).Contribution(e, data, nil)
}

// Feeder is a meter and one way it is fed, with all that follows from the two
// worked out beforehand. It is immutable.
type Feeder struct {
	meter    *Meter
	constant bool   // the amount is the same for every event
	amount   Amount // if constant
	from     place  // otherwise, where the amount is, or the unique value
	negate   bool
	groups   []place // of the group-by keys, in the order of GroupKeys
}

// place is a path into an event, taken apart.
type place struct {
	path string // as it was defined
	name string // of the attribute; "" for data
	data string // the path below data
	ok   bool   // it is one
}

func placeOf(path string) place {
	p := place{path: path}
	name := strings.TrimPrefix(path, "$.")
	switch name {
	case "subject", "type", "source", "node", "id":
		p.name, p.ok = name, true
	default:
		p.data, p.ok = strings.CutPrefix(name, "data.")
	}
	return p
}

// Feeder prepares the meter to be fed through the event type src.
func (m *Meter) Feeder(src Source) *Feeder {
	f := &Feeder{meter: m}
	n, err := strconv.ParseInt(src.Amount, 10, 64)
	switch {
	case m.Aggregation == AggUnique:
		f.from = placeOf(cmp.Or(src.Amount, "subject"))
	case src.Amount == "":
		f.constant, f.amount = true, 1
	case err == nil:
		f.constant, f.amount = true, n
	default:
		path, negate := strings.CutPrefix(src.Amount, "-")
		f.from, f.negate = placeOf(path), negate
	}
	for _, key := range m.GroupKeys() {
		f.groups = append(f.groups, placeOf(m.GroupBy[key]))
	}
	return f
}

// Meter returns the meter that is fed.
func (f *Feeder) Meter() *Meter { return f.meter }

// Contribution works out what e adds; see Meter.Contribution. The group values
// are appended to group.
func (f *Feeder) Contribution(e *Event, data Lookup, group []string) (Contribution, error) {
	c := Contribution{Amount: f.amount}
	switch {
	case f.meter.Aggregation == AggUnique:
		v, err := f.from.scalar(e, data, MaxSubjectBytes)
		if err != nil {
			return c, err
		}
		if v == "" {
			return c, Errorf(KindInvalid, "%s is needed by meter %s", f.from.path, f.meter.Name)
		}
		c.Value, c.Amount = v, 1
	case !f.constant:
		var err error
		if c.Amount, err = f.eventAmount(e, data); err != nil {
			return c, err
		}
	}
	if f.meter.Aggregation == AggGauge && c.Amount < 0 {
		return c, Errorf(KindInvalid, "a gauge's value cannot be negative (meter %s)", f.meter.Name)
	}
	for i := range f.groups {
		v, err := f.groups[i].scalar(e, data, MaxGroupValue)
		if err != nil {
			return c, err
		}
		group = append(group, v)
	}
	c.Group = group
	return c, nil
}

func (f *Feeder) eventAmount(e *Event, data Lookup) (Amount, error) {
	v, err := f.from.in(e, data)
	if err != nil {
		return 0, err
	}
	if v.Kind == 0 {
		return 0, Errorf(KindInvalid, "%s is missing", f.from.path)
	}
	if v.Kind != '0' {
		return 0, Errorf(KindInvalid, "%s is not a number", f.from.path)
	}
	n, err := WholeNumber(v.Text)
	if err != nil {
		detail := err.Error()
		if e, ok := errors.AsType[*Error](err); ok {
			detail = e.Detail
		}
		return 0, Errorf(KindInvalid, "%s: %s", f.from.path, detail)
	}
	// An event reports how much there was; which way it counts is the meter's to
	// say. A negative report would turn a deletion into a growth.
	if n < 0 {
		return 0, Errorf(KindInvalid, "%s is negative", f.from.path)
	}
	if f.negate {
		n = -n
	}
	return n, nil
}

// WholeNumber reads a JSON number that is a whole number of int64 range. Forms
// such as 3.0 and 1e3 are whole; 3.5 is not.
func WholeNumber(text string) (Amount, error) {
	if n, err := strconv.ParseInt(text, 10, 64); err == nil {
		return n, nil
	}
	// The exponent is bounded before big.Rat would build a number of its size.
	if i := strings.IndexAny(text, "eE"); i >= 0 {
		if exp, err := strconv.Atoi(text[i+1:]); err != nil || exp > 40 || exp < -40 {
			return 0, Errorf(KindInvalid, "%q is not a whole number of 64 bits", clip(text))
		}
	}
	r, ok := new(big.Rat).SetString(text)
	if len(text) > 128 || !ok || !r.IsInt() || !r.Num().IsInt64() {
		return 0, Errorf(KindInvalid, "%q is not a whole number between %d and %d", clip(text), int64(math.MinInt64), int64(math.MaxInt64))
	}
	return r.Num().Int64(), nil
}

func (p *place) scalar(e *Event, data Lookup, max int) (string, error) {
	v, err := p.in(e, data)
	if err != nil {
		return "", err
	}
	switch v.Kind {
	case '{', '[':
		return "", Errorf(KindInvalid, "%s is not a text, number or truth value", p.path)
	case 'n':
		return "", nil
	}
	if len(v.Text) > max {
		return "", Errorf(KindInvalid, "%s has more than %d bytes", p.path, max)
	}
	return v.Text, nil
}

// in finds the value that is there.
func (p *place) in(e *Event, data Lookup) (Scalar, error) {
	if !p.ok {
		return Scalar{}, Errorf(KindInvalid, "%q is not a path into an event", clip(p.path))
	}
	if p.name == "" {
		return data(p.data), nil
	}
	v := Scalar{Kind: '"'}
	switch p.name {
	case "subject":
		v.Text = e.Subject
	case "type":
		v.Text = e.Type
	case "source":
		v.Text = e.Source
	case "node":
		v.Text = string(e.Node)
	case "id":
		v.Text = e.ID
	}
	return v, nil
}
