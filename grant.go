package usance

// Grant is what a resource adds to a quota while the resource is alive: to the
// limit of the quota of its meter at its node. Where there is no such quota, or
// one without a limit, it changes nothing; it counts as soon as there is one.
type Grant struct {
	Meter  string `json:"meter"`
	Amount Amount `json:"amount"`
	Node   Path   `json:"node,omitempty"` // at or below the resource's; "" is the resource's
}

// MaxLimit is the largest limit that is not Unlimited.
const MaxLimit = Unlimited - 1

// check returns why g cannot be a grant of a resource at the node, or nil.
func (g *Grant) check(at Path) error {
	if err := CheckMeterName(g.Meter); err != nil {
		return err
	}
	if g.Amount <= 0 || g.Amount > MaxLimit {
		return Errorf(KindInvalid, "a grant of %s is more than 0 and not unlimited", g.Meter)
	}
	if g.Node == "" {
		return nil
	}
	if err := g.Node.Check(); err != nil {
		return err
	}
	if !g.Node.Within(at) {
		return Errorf(KindInvalid, "a grant's node is the resource's, %s, or below it", at)
	}
	return nil
}

// checkGrants returns why r's grants are not acceptable, or nil.
func (r *Resource) checkGrants() error {
	if len(r.Grants) > MaxGrants {
		return Errorf(KindInvalid, "a resource has at most %d grants", MaxGrants)
	}
	for i := range r.Grants {
		g := &r.Grants[i]
		if err := g.check(r.Node); err != nil {
			return err
		}
		for j := range i {
			if r.GrantNode(j) == r.GrantNode(i) && r.Grants[j].Meter == g.Meter {
				return Errorf(KindInvalid, "the resource grants %s at %s twice", g.Meter, r.GrantNode(i))
			}
		}
	}
	return nil
}

// GrantNode returns the node whose quota the i-th grant adds to.
func (r *Resource) GrantNode(i int) Path {
	if n := r.Grants[i].Node; n != "" {
		return n
	}
	return r.Node
}

// EffectiveLimit returns what a quota allows: its base and what grants add. An
// unlimited base stays unlimited. fits is false where the sum passes MaxLimit;
// then the limit is MaxLimit, which refuses too much rather than too little.
func EffectiveLimit(base Amount, granted Sum) (limit Amount, fits bool) {
	if base == Unlimited {
		return Unlimited, true
	}
	if granted.Sign() < 0 {
		granted = Sum{} // no grant takes away
	}
	sum := SumOf(base).Plus(granted)
	if sum.Minus(SumOf(MaxLimit)).Sign() > 0 {
		return MaxLimit, false
	}
	return sum.Clamp(), true
}
