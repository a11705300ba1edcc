package ledger

import (
	"time"

	"github.com/usance/usance"
	"github.com/usance/usance/registry"
	"github.com/usance/usance/store"
)

// standing is a quota in one of its windows as a step would leave it.
type standing struct {
	quota          usance.Quota // with the limit in force
	used, reserved usance.Sum
	resets         time.Time
}

func (s *standing) taken() usance.Sum { return usance.Taken(s.used, s.reserved) }

// change is by how much a step raises what a quota's window has, and what open
// holds set aside there.
type change struct {
	used, reserved usance.Sum
	arrived        bool // the quota is where it is only since then, and nothing was kept for it
}

func (c change) asked() usance.Sum { return c.used.Plus(c.reserved) }

// nameStanding names the rows that a quota is read from: its use in the window of
// an instant, and what adds to its limit.
func nameStanding(keys *store.Keys, defs *registry.Definitions, q usance.Quota, at time.Time) {
	nameUse(keys, defs, q, at)
	keys.Rows = append(keys.Rows, grantsKey(q.Meter, q.Node))
}

// stand reads a quota in the window of an instant. The limit is the one in force
// at the time of the step, whatever window is asked about: it is now that the
// limit allows or refuses.
func (t *tx) stand(defs *registry.Definitions, q usance.Quota, at time.Time) (standing, error) {
	s := standing{quota: q}
	if err := t.must(func(keys *store.Keys) { nameStanding(keys, defs, q, at) }); err != nil {
		return s, err
	}
	var err error
	if s.used, s.reserved, s.resets, err = t.use(defs, q, at); err != nil {
		return s, err
	}
	s.quota, err = inForce(t.rows, q, t.at)
	return s, err
}

// must returns nil when the rows that name names are loaded, and otherwise the
// error that has the step run again with them.
func (t *tx) must(name func(*store.Keys)) error {
	t.needed.Rows = t.needed.Rows[:0]
	name(&t.needed)
	var missing *missingKeys
	for _, k := range t.needed.Rows {
		if t.rows.Named(k.Table, k.ID) {
			continue
		}
		if missing == nil {
			missing = new(missingKeys)
		}
		missing.keys = append(missing.keys, k)
	}
	if missing != nil {
		return missing
	}
	return nil
}

// block compares a quota, as the step leaves it, with its limit. made says what
// the step changed of it, and of the quotas below it.
func (t *tx) block(defs *registry.Definitions, q usance.Quota, at time.Time, made func(usance.Quota) change) (usance.Block, bool, error) {
	s, err := t.stand(defs, q, at)
	if err != nil || s.quota.Limit == usance.Unlimited {
		return usance.Block{}, false, err
	}
	own := made(q)
	kept, err := t.kept(defs, &s, at, own, made)
	if err != nil {
		return usance.Block{}, false, err
	}
	b, over := usance.BlockedBy(s.quota, s.used.Minus(own.used), s.reserved.Minus(own.reserved), own.asked(), kept, s.resets)
	return b, over, nil
}

// kept works out what a quota keeps for the guarantees below it. What the step
// does not change is read only where it decides: not when the change stays within
// guarantees, and not when there is room even if nothing of them is used.
func (t *tx) kept(defs *registry.Definitions, s *standing, at time.Time, own change, made func(usance.Quota) change) (usance.Kept, error) {
	var kept usance.Kept
	var others []usance.Quota
	most := usance.Sum{} // of what is kept for others
	for _, child := range defs.Guaranteed(registry.QuotaRef{Node: s.quota.Node, Meter: s.quota.Meter}) {
		by := made(child)
		if by == (change{}) {
			others, most = append(others, child), most.Plus(usance.SumOf(child.Guarantee))
			continue
		}
		used, reserved, _, err := t.use(defs, child, at)
		if err != nil {
			return kept, err
		}
		if by.arrived {
			kept.After = kept.After.Plus(usance.Unused(child.Guarantee, usance.Taken(used, reserved)))
			continue
		}
		before := usance.Taken(used.Minus(by.used), reserved.Minus(by.reserved))
		kept.Before = kept.Before.Plus(usance.Unused(child.Guarantee, before))
		kept.After = kept.After.Plus(usance.Unused(child.Guarantee, before.Plus(by.asked())))
	}
	takes := own.asked().Plus(kept.After).Minus(kept.Before)
	taken := usance.Taken(s.used.Minus(own.used), s.reserved.Minus(own.reserved)).Plus(own.asked())
	if takes.Sign() <= 0 || taken.Plus(kept.After).Plus(most).Minus(usance.SumOf(s.quota.Limit)).Sign() <= 0 {
		return kept, nil
	}
	unused, err := t.unused(defs, others, at)
	if err != nil {
		return kept, err
	}
	for _, u := range unused {
		kept.Before, kept.After = kept.Before.Plus(u), kept.After.Plus(u)
	}
	return kept, nil
}

// unused reads what is left of quotas' guarantees.
func (t *tx) unused(defs *registry.Definitions, quotas []usance.Quota, at time.Time) ([]usance.Sum, error) {
	err := t.must(func(keys *store.Keys) {
		for _, q := range quotas {
			nameUse(keys, defs, q, at)
		}
	})
	if err != nil {
		return nil, err
	}
	out := make([]usance.Sum, len(quotas))
	for i, q := range quotas {
		used, reserved, _, err := t.use(defs, q, at)
		if err != nil {
			return nil, err
		}
		out[i] = usance.Unused(q.Guarantee, usance.Taken(used, reserved))
	}
	return out, nil
}

// room returns how much of a quota a charge at a node below it may take, up to
// what it asks for.
func (t *tx) room(defs *registry.Definitions, q usance.Quota, at time.Time, node usance.Path, asked usance.Amount) (usance.Amount, error) {
	s, err := t.stand(defs, q, at)
	if err != nil {
		return 0, err
	}
	below := defs.Guaranteed(registry.QuotaRef{Node: q.Node, Meter: q.Meter})
	unused, err := t.unused(defs, below, at)
	if err != nil {
		return 0, err
	}
	var kept, own usance.Sum
	for i, u := range unused {
		kept = kept.Plus(u)
		if node.Within(below[i].Node) {
			own = u
		}
	}
	return min(asked, usance.RoomKept(s.quota.Limit, s.taken(), kept, own)), nil
}
