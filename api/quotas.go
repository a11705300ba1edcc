package api

import (
	"net/http"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/usance/usance"
	"github.com/usance/usance/api/wire"
	"github.com/usance/usance/ledger"
	"github.com/usance/usance/registry"
)

func listQuotas(q *request) error {
	then, err := q.moment()
	if err != nil {
		return err
	}
	defs, err := q.definitionsAt(then)
	if err != nil {
		return err
	}
	all, err := q.quotasNamed(defs)
	if err != nil {
		return err
	}
	page, err := slicePage(q, all, quotaName)
	if err != nil {
		return err
	}
	out := wire.List[wire.Quota]{Next: page.Next, Total: page.Total}
	out.Items, err = q.readQuotas(page.Items, then)
	if err != nil {
		return err
	}
	return q.answer(http.StatusOK, out)
}

// quotaName orders quotas as the definitions do, by node and then meter: no path
// has a NUL, so the pair compares as the joined text does.
func quotaName(x usance.Quota) string { return string(x.Node) + "\x00" + x.Meter }

// readQuotas answers quotas as they stood at a moment, the zero one being now,
// leaving out any that went away meanwhile.
func (q *request) readQuotas(quotas []usance.Quota, then ledger.Moment) ([]wire.Quota, error) {
	ask := ledger.Ask{Quotas: make([]registry.QuotaRef, len(quotas))}
	for i, x := range quotas {
		ask.Quotas[i] = registry.QuotaRef{Node: x.Node, Meter: x.Meter}
	}
	var report ledger.Report
	var err error
	if then.IsZero() {
		report, err = q.api.led.Report(q.r.Context(), q.tenant, ask)
	} else {
		report, err = q.api.led.QuotasAt(q.r.Context(), q.tenant, ask.Quotas, then)
	}
	if err != nil {
		return nil, err
	}
	q.sequence(report.Sequence)
	out := make([]wire.Quota, 0, len(quotas))
	for _, reading := range report.Quotas {
		if reading.Defined {
			out = append(out, wireQuota(reading.Reading))
		}
	}
	return out, nil
}

func wireQuota(r usance.Reading) wire.Quota {
	out := wire.Quota{Node: r.Node, Meter: r.Meter, Limit: wire.Amount(r.Limit), Used: r.Used, Reserved: r.Reserved,
		Base: wire.Amount(r.Base), Grants: wireGrants(r.Grants), GrantCount: r.GrantCount, Guarantee: r.Guarantee, Over: r.Over,
		Allocated: wire.Amount(r.Allocated), Available: wire.Amount(r.Available), Window: r.Window, Enforce: r.Enforce}
	if !r.ResetsAt.IsZero() {
		at := r.ResetsAt.UTC()
		out.ResetsAt = &at
	}
	return out
}

func wireGrants(list []usance.GrantReading) []wire.QuotaGrant {
	out := make([]wire.QuotaGrant, len(list))
	for i, g := range list {
		out[i] = wire.QuotaGrant{Resource: g.Resource, Amount: g.Amount}
		if !g.Starts.IsZero() {
			out[i].Starts = &g.Starts
		}
		if !g.Expires.IsZero() {
			out[i].Expires = &g.Expires
		}
	}
	return out
}

// mayHandOut checks the right to set the quota at a node. A limit is handed out
// from above: an admin of a subtree does not set the limits of its top.
func (q *request) mayHandOut(node usance.Path) error {
	if err := node.Check(); err != nil {
		return fieldError("node", detailOf(err))
	}
	if err := q.may(usance.RightManage, node); err != nil {
		return err
	}
	if node == q.subtree() && node != usance.Root {
		return usance.Errorf(usance.KindForbidden, "the quotas at %s are handed out from above", node)
	}
	return nil
}

// quotaBody is wire.PutQuota as it may be sent: limit tells null from absent, and
// what the server works out itself may be sent back.
type quotaBody struct {
	wire.PutQuota
	Limit     jsontext.Value `json:"limit"`
	Base      jsontext.Value `json:"base"`
	Used      jsontext.Value `json:"used"`
	Reserved  jsontext.Value `json:"reserved"`
	Allocated jsontext.Value `json:"allocated"`
	Available jsontext.Value `json:"available"`
	Grants    jsontext.Value `json:"grants"`
	Count     jsontext.Value `json:"grant_count"`
	Over      jsontext.Value `json:"over"`
	ResetsAt  jsontext.Value `json:"resets_at"`
}

func putQuota(q *request) error {
	var in quotaBody
	if err := q.decode(&in); err != nil {
		return err
	}
	if len(in.Limit) == 0 {
		return fieldError("limit", "is required: a whole number, an amount such as \"10GiB\", or \"unlimited\"")
	}
	var limit wire.Amount
	if err := limit.UnmarshalJSON(in.Limit); err != nil {
		return fieldError("limit", detailOf(err))
	}
	if len(in.Base) > 0 { // a reading, whose limit has grants in it
		if err := limit.UnmarshalJSON(in.Base); err != nil {
			return fieldError("base", detailOf(err))
		}
	}
	if err := q.mayHandOut(in.Node); err != nil {
		return err
	}
	quota := usance.Quota{Node: in.Node, Meter: in.Meter, Limit: usance.Amount(limit), Window: in.Window, Enforce: in.Enforce, Guarantee: usance.Amount(in.Guarantee)}
	if err := q.edit(registry.Edit{Quotas: []usance.Quota{quota}}); err != nil {
		return err
	}
	stands, err := q.readQuotas([]usance.Quota{quota}, ledger.Moment{})
	if err != nil {
		return err
	}
	if len(stands) == 0 {
		return usance.Errorf(usance.KindConflict, "the quota was removed meanwhile")
	}
	return q.answer(http.StatusOK, stands[0])
}

func deleteQuota(q *request) error {
	node, meter := usance.Path(q.query.text("node")), q.query.text("meter")
	if node == "" {
		return parameterError("node", "is required")
	}
	if meter == "" {
		return parameterError("meter", "is required")
	}
	if err := q.mayHandOut(node); err != nil {
		return err
	}
	ref := registry.QuotaRef{Node: node, Meter: meter}
	there := func(d *registry.Definitions) bool { _, ok := d.Quota(ref); return ok }
	return q.remove("quota", string(node)+" "+meter, there, registry.Edit{DeleteQuotas: []registry.QuotaRef{ref}})
}
