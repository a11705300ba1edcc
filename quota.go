package usance

import "time"

// Enforcement says what a quota does about usage past its limit.
type Enforcement string

// The enforcements.
const (
	Hard   Enforcement = "hard"   // charges past it are refused
	Soft   Enforcement = "soft"   // let through and flagged
	Shadow Enforcement = "shadow" // only reported
)

// Check returns why e is not an enforcement, or nil.
func (e Enforcement) Check() error {
	switch e {
	case Hard, Soft, Shadow:
		return nil
	}
	return Errorf(KindInvalid, "enforce %q: hard, soft or shadow", clip(string(e)))
}

// Quota is a limit on a meter at a node, for a window. A node has at most one
// quota of a meter.
type Quota struct {
	Node    Path        `json:"node"`
	Meter   string      `json:"meter"`
	Limit   Amount      `json:"limit"` // Unlimited for none
	Window  Window      `json:"window"`
	Enforce Enforcement `json:"enforce"`
}

// Check returns why q cannot be a quota, or nil. It does not know whether the
// meter exists.
func (q *Quota) Check() error {
	if err := q.Node.Check(); err != nil {
		return err
	}
	if err := CheckMeterName(q.Meter); err != nil {
		return err
	}
	if q.Limit < 0 {
		return Errorf(KindInvalid, "a limit cannot be negative")
	}
	if err := q.Window.CheckQuota(); err != nil {
		return err
	}
	return q.Enforce.Check()
}

// Reading is a quota as it stands at an instant.
type Reading struct {
	Quota
	Used      Amount    // usage at and below the node in the current window
	Reserved  Amount    // open holds at and below the node
	Allocated Amount    // sum of the limits handed out to the nearest quotas below
	Available Amount    // the least of what every hard quota up to the root leaves; Unlimited for no bound
	ResetsAt  time.Time // when the window ends; zero for lifetime
}

// Room returns what is left of a limit once used and reserved are taken away,
// never less than 0. Unlimited has Unlimited room. Used below zero (a level that
// fell under where it began) gives no more room than the limit.
func Room(limit, used, reserved Amount) Amount {
	if limit == Unlimited {
		return Unlimited
	}
	taken, ok := Add(max(used, 0), max(reserved, 0))
	if !ok || taken >= limit {
		return 0
	}
	return limit - taken
}

// Block is one quota that refuses a charge.
type Block struct {
	Node     Path      `json:"node"`
	Meter    string    `json:"meter"`
	Window   Window    `json:"window"`
	Limit    Amount    `json:"limit"`
	Used     Amount    `json:"used"`
	Reserved Amount    `json:"reserved"`
	Asked    Amount    `json:"asked"`
	ShortBy  Amount    `json:"short_by"`
	ResetsAt time.Time `json:"resets_at,omitzero"`
}
