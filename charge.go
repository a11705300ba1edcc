package usance

import "time"

// Item is an amount of one meter, asked for or recorded by name.
type Item struct {
	Meter  string `json:"meter"`
	Amount Amount `json:"amount"`
}

// ChargeMode says what a charge does about quotas.
type ChargeMode string

// The modes of a charge.
const (
	ChargeEnforce    ChargeMode = "enforce"     // record all of it if every hard quota has room, else nothing
	ChargeCheck      ChargeMode = "check"       // say what enforce would, record nothing
	ChargeBestEffort ChargeMode = "best_effort" // record as much of each item as fits
	ChargeAdjust     ChargeMode = "adjust"      // take back: amounts are negative, and no quota refuses
)

// Check returns why m is not a mode, or nil.
func (m ChargeMode) Check() error {
	switch m {
	case ChargeEnforce, ChargeCheck, ChargeBestEffort, ChargeAdjust:
		return nil
	}
	return Errorf(KindInvalid, "mode %q: enforce, check, best_effort or adjust", clip(string(m)))
}

// MaxItems bounds the items of one charge or hold.
const MaxItems = 64

// CheckItems returns why a charge or hold of these items is not acceptable, or
// nil: 1 to MaxItems of them, no meter twice, amounts of at least least.
func CheckItems(items []Item, least, most Amount) error {
	if len(items) == 0 || len(items) > MaxItems {
		return Errorf(KindInvalid, "1 to %d items are taken", MaxItems)
	}
	seen := make(map[string]bool, len(items))
	for _, it := range items {
		if err := CheckMeterName(it.Meter); err != nil {
			return err
		}
		if seen[it.Meter] {
			return Errorf(KindInvalid, "meter %s stands twice", it.Meter)
		}
		seen[it.Meter] = true
		if it.Amount < least || it.Amount > most {
			return Errorf(KindInvalid, "the amount of %s is outside what is taken here (%d to %d)", it.Meter, least, most)
		}
	}
	return nil
}

// Kept is what a quota keeps for the guarantees of the quotas nearest below it:
// the unused part of all of them, before a change and after.
type Kept struct{ Before, After Sum }

// BlockedBy works out whether a quota has room for a change. used is what its
// window already has, reserved what open holds set aside, both without asked,
// which is by how much the change raises the two together. It returns the block
// and true when
//
//   - asked is more than 0 and used + reserved + asked passes the limit, or
//   - the change takes of what is kept for others, or of what is kept for nobody,
//     and used + reserved + asked + kept passes the limit.
//
// So growth within a guarantee is bounded by the limit alone, and a change that
// adds nothing to what is taken and kept is never blocked: a quota lowered under
// its use refuses growth and lets everything shrink.
func BlockedBy(q Quota, used, reserved, asked Sum, kept Kept, resets time.Time) (Block, bool) {
	if q.Limit == Unlimited {
		return Block{}, false
	}
	used = positive(used) // a level below where it began gives no more room than the limit
	past := used.Plus(reserved).Plus(asked).Minus(SumOf(q.Limit))
	var over, guaranteed Sum
	if asked.Sign() > 0 {
		over = past
	}
	if asked.Plus(kept.After).Minus(kept.Before).Sign() > 0 {
		over, guaranteed = past.Plus(kept.After), kept.After
	}
	if over.Sign() <= 0 {
		return Block{}, false
	}
	return Block{Node: q.Node, Meter: q.Meter, Window: q.Window, Limit: q.Limit, Used: used.Clamp(), Reserved: reserved.Clamp(),
		Asked: asked.Clamp(), Guaranteed: guaranteed.Clamp(), ShortBy: over.Clamp(), ResetsAt: resets}, true
}

// HoldState is where a hold stands in its life.
type HoldState string

// The states of a hold. All but open are final.
const (
	HoldOpen     HoldState = "open"
	HoldSettled  HoldState = "settled"
	HoldReleased HoldState = "released"
	HoldExpired  HoldState = "expired"
)

// Hold is a reservation: room set aside on every quota from its node to the root
// until it is settled, released, or expires.
type Hold struct {
	ID      string    `json:"id"`
	Node    Path      `json:"node"`
	Subject string    `json:"subject,omitempty"`
	Items   []Item    `json:"items"`             // as reserved
	Open    []Item    `json:"open,omitempty"`    // what is still set aside; none once it is not open
	Settled []Item    `json:"settled,omitempty"` // what was really used, over all settlements
	State   HoldState `json:"state"`
	Created time.Time `json:"created"`
	Expires time.Time `json:"expires"`
	Steps   int       `json:"steps,omitempty"`   // settlements so far
	MadeAt  Path      `json:"made_at,omitempty"` // the node it was made at, once that has moved
}

// MaxHold is the longest time to live of a hold.
const MaxHold = 366 * 24 * time.Hour
