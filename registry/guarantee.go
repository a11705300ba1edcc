package registry

import (
	"cmp"

	"github.com/usance/usance"
)

// checkGuarantee holds the rules of guarantees on both sides: what a quota is
// guaranteed is of the quota above, in the same window, and what a quota keeps for
// those below fits its own limit. Grants do not count: they end, and a guarantee
// that was given must hold when they have.
func (p *plan) checkGuarantee(q usance.Quota) {
	d, ref := p.after, QuotaRef{q.Node, q.Meter}
	if q.Guarantee > 0 {
		field := cmp.Or(p.fieldOf("quota", string(q.Node)+"\x00"+q.Meter, ""), "quotas")
		m := d.meters[q.Meter]
		switch above, ok := d.QuotaAbove(ref); {
		case m != nil && m.Aggregation == usance.AggUnique:
			p.fault(field, usance.Errorf(usance.KindInvalid, "%s of %s: a unique meter's numbers do not add up along the tree, so nothing of them can be guaranteed", q.Node, q.Meter))
		case !ok:
			p.fault(field, usance.Errorf(usance.KindConflict, "%s of %s has a guarantee, and there is no quota of the meter above to keep it", q.Node, q.Meter))
		case above.Window != q.Window:
			p.fault(field, usance.Errorf(usance.KindConflict, "%s of %s is by %s and has a guarantee of the quota at %s, which is by %s: the windows must be the same",
				q.Node, q.Meter, q.Window, above.Node, above.Window))
		}
	}
	below := d.Guaranteed(ref)
	if len(below) == 0 {
		return
	}
	field := p.fieldOf("quota", string(q.Node)+"\x00"+q.Meter, "")
	var sum usance.Sum
	for _, child := range below {
		sum = sum.Plus(usance.SumOf(child.Guarantee))
		field = cmp.Or(p.fieldOf("quota", string(child.Node)+"\x00"+q.Meter, ""), field)
	}
	switch field = cmp.Or(field, "quotas"); {
	case len(below) > usance.MaxGuarantees:
		p.fault(field, usance.Errorf(usance.KindTooLarge, "%s of %s: at most %d of the quotas nearest below may have a guarantee", q.Node, q.Meter, usance.MaxGuarantees))
	case sum.Minus(usance.SumOf(q.Limit)).Sign() > 0:
		p.fault(field, usance.Errorf(usance.KindConflict, "%s of %s: the guarantees below it sum to %s, past its own limit, %d", q.Node, q.Meter, sum, q.Limit))
	}
}
