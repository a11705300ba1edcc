package wire

import (
	"strings"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/usance/usance"
)

// Quantity is an amount of a charge or hold: written as a JSON integer, read from
// one or from text with a unit such as "10GiB" (see usance.ParseAmount). There is
// no unlimited quantity.
type Quantity usance.Amount

// UnmarshalJSON reads what the type comment names; anything else is
// usance.KindInvalid.
func (n *Quantity) UnmarshalJSON(b []byte) error {
	var a Amount
	if kind := jsontext.Value(b).Kind(); kind == '"' || kind == '0' {
		if err := a.UnmarshalJSON(b); err != nil {
			return err
		}
		if usance.Amount(a) != usance.Unlimited {
			*n = Quantity(a)
			return nil
		}
	}
	return usance.Errorf(usance.KindInvalid, "an amount here is a whole number, or a text such as \"10GiB\"")
}

// Seconds is a length of time in whole seconds: written as a JSON integer, read
// from one or from text such as "90", "15min", "2h" or "1d".
type Seconds int64

// ParseSeconds reads the texts that Seconds takes.
func ParseSeconds(text string) (Seconds, error) {
	if !strings.HasSuffix(text, "B") && text != "unlimited" { // units of bytes are none of time
		if n, err := usance.ParseAmount(text); err == nil {
			return Seconds(n), nil
		}
	}
	return 0, notSeconds()
}

func notSeconds() error {
	return usance.Errorf(usance.KindInvalid, "a length of time is a whole number of seconds, or a text such as \"15min\", \"2h\" or \"1d\"")
}

// UnmarshalJSON reads what the type comment names; anything else is
// usance.KindInvalid.
func (s *Seconds) UnmarshalJSON(b []byte) (err error) {
	switch jsontext.Value(b).Kind() {
	case '"':
		var text string
		if err := json.Unmarshal(b, &text); err != nil {
			return err
		}
		*s, err = ParseSeconds(text)
		return err
	case '0':
		if n, err := usance.WholeNumber(string(b)); err == nil {
			*s = Seconds(n)
			return nil
		}
	}
	return notSeconds()
}

// Item is an amount of one meter, asked for by name.
type Item struct {
	Meter  string   `json:"meter"`
	Amount Quantity `json:"amount"`
}

// Charge asks for usage to be recorded if the quotas allow it. ID makes a repeat
// safe: the same charge again records nothing more.
type Charge struct {
	ID      string            `json:"id"`
	Source  string            `json:"source,omitempty"` // "" is usance.charges
	Node    usance.Path       `json:"node,omitempty"`   // "" is the root
	Subject string            `json:"subject,omitempty"`
	Time    time.Time         `json:"time,omitzero"` // zero: now
	Items   []Item            `json:"items"`
	Mode    usance.ChargeMode `json:"mode,omitempty"` // "" is enforce
}

// Charged says what became of a charge. To a token bound to a subtree, Quotas has
// those within it.
type Charged struct {
	Sequence  uint64        `json:"sequence"` // of its entry; with mode check, of the newest entry
	Duplicate bool          `json:"duplicate"`
	Granted   []usance.Item `json:"granted"` // what was recorded; with mode check, what would be
	Flagged   []Block       `json:"flagged"` // soft and shadow quotas that it passes
	Quotas    []Quota       `json:"quotas"`  // the quotas it touches, as they stand after it
}

// Block is one quota that refuses a charge or hold, or is passed by it. Limit,
// Used, Reserved and Guaranteed are absent for a quota above the subtree that the token is
// bound to.
type Block struct {
	Node     usance.Path    `json:"node"`
	Meter    string         `json:"meter"`
	Window   usance.Window  `json:"window"`
	Limit    *usance.Amount `json:"limit,omitempty"`
	Used     *usance.Amount `json:"used,omitempty"`
	Reserved *usance.Amount `json:"reserved,omitempty"`
	Asked    usance.Amount  `json:"asked"`
	// Guaranteed is what the limit keeps for others below that have used less than
	// they are guaranteed.
	Guaranteed usance.Amount `json:"guaranteed,omitzero"`
	ShortBy    usance.Amount `json:"short_by"`
	ResetsAt   *time.Time    `json:"resets_at"` // null for lifetime
}

// BlockOf returns b as it is sent, without its figures when hidden says so.
func BlockOf(b usance.Block, hidden bool) Block {
	out := Block{Node: b.Node, Meter: b.Meter, Window: b.Window, Asked: b.Asked, ShortBy: b.ShortBy}
	if !hidden {
		out.Limit, out.Used, out.Reserved, out.Guaranteed = &b.Limit, &b.Used, &b.Reserved, b.Guaranteed
	}
	if !b.ResetsAt.IsZero() {
		at := b.ResetsAt.UTC()
		out.ResetsAt = &at
	}
	return out
}

// Plain returns the block as the root package has it. Where the figures are absent
// Limit is -1, which no limit is, and Used and Reserved are 0.
func (b Block) Plain() usance.Block {
	out := usance.Block{Node: b.Node, Meter: b.Meter, Window: b.Window, Limit: -1, Asked: b.Asked, Guaranteed: b.Guaranteed, ShortBy: b.ShortBy}
	if b.Limit != nil && b.Used != nil && b.Reserved != nil {
		out.Limit, out.Used, out.Reserved = *b.Limit, *b.Used, *b.Reserved
	}
	if b.ResetsAt != nil {
		out.ResetsAt = *b.ResetsAt
	}
	return out
}

// Reserve asks for a hold of TTL from now. ID makes a repeat safe: the same hold
// again is the hold there is.
type Reserve struct {
	ID      string      `json:"id"`
	Node    usance.Path `json:"node,omitempty"` // "" is the root
	Subject string      `json:"subject,omitempty"`
	Items   []Item      `json:"items"`
	TTL     Seconds     `json:"ttl"`
}

// Settle says what was really used of a hold. Items nil is all that is still set
// aside, for each of its meters. Partial keeps the hold open. Step, from 1, makes a repeat of a partial
// settlement safe; 0 is the next one.
type Settle struct {
	Items   []Item `json:"items,omitzero"`
	Partial bool   `json:"partial,omitzero"`
	Step    int    `json:"step,omitzero"`
}

// Extend moves a hold's expiry to TTL from now.
type Extend struct {
	TTL Seconds `json:"ttl"`
}

// Void takes an event back: it stays in the ledger and counts no more.
type Void struct {
	Reason string `json:"reason,omitempty"`
}

// Amend changes how an event counts; nil members stay as they are.
type Amend struct {
	Reason  string         `json:"reason,omitempty"`
	Type    *string        `json:"type,omitzero"`
	Subject *string        `json:"subject,omitzero"`
	Node    *usance.Path   `json:"node,omitzero"`
	Time    *time.Time     `json:"time,omitzero"`
	Data    jsontext.Value `json:"data,omitempty"` // a JSON object
}
