package wire

import (
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/usance/usance"
)

// Explanation says where the numbers of a façade's answer come from.
type Explanation struct {
	Facade   string            `json:"facade"`
	Sequence uint64            `json:"sequence"` // of the tenant's newest entry when the numbers were read
	At       time.Time         `json:"at"`       // the time that the façade takes for now
	Timezone string            `json:"timezone"` // the zone of today
	About    map[string]string `json:"about"`    // what the call is about: a node, an organization, an application
	Fields   []ExplainedField  `json:"fields"`
}

// ExplainedField is one number, and what it was made of.
type ExplainedField struct {
	Field string            `json:"field"`
	Row   map[string]string `json:"row,omitempty"` // what tells the rows of an answer apart, such as date
	Value jsontext.Value    `json:"value"`         // as the façade answers it
	Unit  string            `json:"unit,omitempty"`
	Call  string            `json:"call"` // the façade's call that answers it

	Mapping    MappingSource  `json:"mapping"` // in force
	Overridden bool           `json:"overridden"`
	Default    *MappingSource `json:"default,omitzero"` // what the mapping is without the tenant's override
	Conversion Conversion     `json:"conversion"`
	Within     []string       `json:"within,omitempty"` // fields that bound this one
	Fits       string         `json:"fits,omitempty"`   // and how they do

	Node     usance.Path       `json:"node,omitempty"` // that was read, at and below
	From     *time.Time        `json:"from,omitzero"`  // of the time that was read; absent where it is open
	To       *time.Time        `json:"to,omitzero"`
	Filter   map[string]string `json:"filter,omitempty"` // group-by keys and their values
	Native   *Integer          `json:"native,omitzero"`  // what was read, before conversion; absent for no bound
	BaseUnit string            `json:"base_unit,omitempty"`
	Text     *string           `json:"text,omitzero"`  // of a setting or label, as it stands
	Quota    *Quota            `json:"quota,omitzero"` // the reading, where there is such a quota
	Resource string            `json:"resource,omitempty"`

	Links  Links         `json:"links"`
	Events []StoredEvent `json:"events,omitempty"` // the newest of those behind the number
	// EventsPartial says that not all events were looked at: there may be more, and
	// newer ones within the last day shown. The link leads to all.
	EventsPartial bool `json:"events_partial,omitzero"`
}

// MappingSource is where a field is read from; as a tenant's override it says what
// differs from the façade's default.
type MappingSource struct {
	Kind    string            `json:"kind,omitempty"` // meter, quota, resources, setting or derived
	Meter   string            `json:"meter,omitempty"`
	Node    usance.Path       `json:"node,omitempty"`   // below the node that the call is about
	Window  string            `json:"window,omitempty"` // now, today, month, lifetime or utc-days
	Value   string            `json:"value,omitempty"`  // of a quota or of resources
	Filter  map[string]string `json:"filter,omitempty"`
	Setting string            `json:"setting,omitempty"`
	Label   string            `json:"label,omitempty"`
	Divide  usance.Amount     `json:"divide,omitempty"`
	Round   string            `json:"round,omitempty"`
	Of      []string          `json:"of,omitempty"` // derived: the fields it is made from
	Rule    string            `json:"rule,omitempty"`
}

// Conversion is how the number shown is made of the native one.
type Conversion struct {
	Divide   usance.Amount  `json:"divide"` // base units in one shown
	Round    string         `json:"round,omitempty"`
	Decimals int            `json:"decimals"`
	Most     *usance.Amount `json:"most,omitzero"` // the largest number shown
}

// Links are calls of the native API that show what is behind a number.
type Links struct {
	Usage     string `json:"usage,omitempty"`
	Quota     string `json:"quota,omitempty"`
	Resources string `json:"resources,omitempty"`
	Events    string `json:"events,omitempty"` // as they counted when the number was read
	Setting   string `json:"setting,omitempty"`
}
