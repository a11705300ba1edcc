package wire

import (
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/usance/usance"
)

// RangeFilter selects the events that a correction of a range voids. It has a
// source, a type or a subject, or both from and to.
type RangeFilter struct {
	Source  string      `json:"source,omitempty"`
	Type    string      `json:"type,omitempty"`
	Subject *string     `json:"subject,omitempty"` // the empty text: events without one
	Node    usance.Path `json:"node,omitempty"`    // at and below; "" is the root
	From    time.Time   `json:"from,omitzero"`     // at or after
	To      time.Time   `json:"to,omitzero"`       // before
}

// ProposeCorrection asks for a preview of voiding a range of events.
type ProposeCorrection struct {
	Filter RangeFilter `json:"filter"`
	Reason string      `json:"reason,omitempty"`
}

// Correction is the voiding of a range of events: proposed, applying, applied,
// reverting or reverted.
type Correction struct {
	ID       string      `json:"id"`
	State    string      `json:"state"`
	Filter   RangeFilter `json:"filter"`
	Reason   string      `json:"reason,omitempty"`
	Sequence uint64      `json:"sequence"` // the preview was taken at, or once approved, the set of events is fixed by
	Events   uint64      `json:"events"`   // that it voids
	LeftOut  LeftOut     `json:"left_out"` // that match and stay as they are
	Done     uint64      `json:"done"`     // voided, or when reverting brought back, so far
	Passed   uint64      `json:"passed"`   // left as they were, since they were corrected after the approval
	// Changes is what each meter at each node changes by, as previewed.
	Changes        []CorrectionChange `json:"changes"`
	ChangesOmitted int                `json:"changes_omitted,omitzero"` // rows that are too many to be kept
	Proposed       CorrectionAct      `json:"proposed"`
	Approved       *CorrectionAct     `json:"approved,omitempty"`
	Reverted       *CorrectionAct     `json:"reverted,omitempty"`
}

// Running reports that events of it are still to be voided or brought back.
func (c *Correction) Running() bool { return c.State == "applying" || c.State == "reverting" }

// LeftOut counts the events that match a correction and that it leaves alone.
type LeftOut struct {
	Voided  uint64 `json:"voided"`  // already
	Amended uint64 `json:"amended"` // already
}

// CorrectionChange is what a meter at and below a node changes by. Before and
// After are whole numbers: the meter's number over the filter's time; null for a
// gauge, for which it is not worked out beforehand.
type CorrectionChange struct {
	Meter  string         `json:"meter"`
	Node   usance.Path    `json:"node"`
	Events uint64         `json:"events"` // that go
	Before jsontext.Value `json:"before"`
	After  jsontext.Value `json:"after"`
}

// CorrectionAct is who did something to a correction, and when.
type CorrectionAct struct {
	By usance.Actor `json:"by"`
	At time.Time    `json:"at"`
}
