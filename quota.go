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
	Node      Path        `json:"node"`
	Meter     string      `json:"meter"`
	Limit     Amount      `json:"limit"` // Unlimited for none
	Window    Window      `json:"window"`
	Enforce   Enforcement `json:"enforce"`
	Guarantee Amount      `json:"guarantee,omitzero"` // so much of the nearest quota above is kept for this one
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
	if q.Guarantee < 0 || q.Guarantee > min(q.Limit, MaxLimit) {
		return Errorf(KindInvalid, "a guarantee is not negative, not unlimited, and at most the quota's own limit")
	}
	if err := q.Window.CheckQuota(); err != nil {
		return err
	}
	return q.Enforce.Check()
}

// Reading is a quota as it stands at an instant. Its Limit is the one in force:
// the base, and what the grants alive at that instant add.
type Reading struct {
	Quota
	Base       Amount         // the quota's own limit, without grants
	Grants     []GrantReading // those alive, the soonest to expire first; at most MaxGrantsListed
	GrantCount int            // how many are alive
	Granted    Amount         // what all of them add up to
	Used       Amount         // usage at and below the node in the current window
	Reserved   Amount         // open holds at and below the node
	Allocated  Amount         // sum of the base limits handed out to the nearest quotas below
	Available  Amount         // the least of what every hard quota up to the root leaves; Unlimited for no bound
	Over       Amount         // by how much used and reserved pass the limit; 0 when they do not
	ResetsAt   time.Time      // when the window ends; zero for lifetime
}

// GrantReading is a grant as a part of a quota's limit.
type GrantReading struct {
	Resource string
	Amount   Amount
	Starts   time.Time // zero: it always was
	Expires  time.Time // zero: never
}

// MaxGrantsListed bounds the grants listed with one quota.
const MaxGrantsListed = 100

// Taken returns what of a limit is gone: used and reserved. Used below zero (a
// level that fell under where it began) gives no more room than the limit.
func Taken(used, reserved Sum) Sum { return positive(used).Plus(positive(reserved)) }

// Over returns by how much what is taken passes a limit, and 0 when it does not.
func Over(limit Amount, taken Sum) Amount {
	if limit == Unlimited {
		return 0
	}
	return positive(taken.Minus(SumOf(limit))).Clamp()
}

func positive(s Sum) Sum {
	if s.Sign() < 0 {
		return Sum{}
	}
	return s
}

// Unused returns what is left of a guarantee when so much is taken by whom it is
// for: what the quota above must keep for it.
func Unused(guarantee Amount, taken Sum) Sum {
	left := SumOf(guarantee).Minus(positive(taken))
	return positive(left)
}

// Room returns what is left of a limit once used and reserved are taken away,
// never less than 0. Unlimited has Unlimited room.
func Room(limit, used, reserved Amount) Amount {
	return RoomKept(limit, Taken(SumOf(used), SumOf(reserved)), Sum{}, Sum{})
}

// RoomKept returns how much of a limit may still be taken through one of the
// quotas below: the most that BlockedBy lets pass. kept is what is unused of all
// guarantees below, own of the one that is asked through: up to its guarantee a
// quota takes what the limit has, past it only what is kept for nobody.
func RoomKept(limit Amount, taken, kept, own Sum) Amount {
	if limit == Unlimited {
		return Unlimited
	}
	free := positive(SumOf(limit).Minus(taken))
	beyond := own.Plus(positive(SumOf(limit).Minus(taken).Minus(kept)))
	if beyond.Minus(free).Sign() < 0 {
		return beyond.Clamp()
	}
	return free.Clamp()
}

// Block is one quota that refuses a charge.
type Block struct {
	Node     Path   `json:"node"`
	Meter    string `json:"meter"`
	Window   Window `json:"window"`
	Limit    Amount `json:"limit"`
	Used     Amount `json:"used"`
	Reserved Amount `json:"reserved"`
	Asked    Amount `json:"asked"`
	// Guaranteed is what the limit keeps for others below that have used less than
	// their guarantee.
	Guaranteed Amount    `json:"guaranteed,omitzero"`
	ShortBy    Amount    `json:"short_by"`
	ResetsAt   time.Time `json:"resets_at,omitzero"`
}
