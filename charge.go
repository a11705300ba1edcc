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

// BlockedBy works out whether a quota has room for growth. used is what its
// window already has, reserved what open holds set aside, both without asked. It
// returns the block and true when used + reserved + asked passes the limit.
// Growth of nothing or less is never blocked: a quota lowered under its use
// refuses growth and lets everything shrink.
func BlockedBy(q Quota, used, reserved, asked Sum, resets time.Time) (Block, bool) {
	if q.Limit == Unlimited || asked.Sign() <= 0 {
		return Block{}, false
	}
	if used.Sign() < 0 {
		used = Sum{} // a level below where it began gives no more room than the limit
	}
	over := used.Plus(reserved).Plus(asked).Minus(SumOf(q.Limit))
	if over.Sign() <= 0 {
		return Block{}, false
	}
	return Block{Node: q.Node, Meter: q.Meter, Window: q.Window, Limit: q.Limit, Used: used.Clamp(), Reserved: reserved.Clamp(),
		Asked: asked.Clamp(), ShortBy: over.Clamp(), ResetsAt: resets}, true
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
