package api

import (
	"cmp"
	"net/http"
	"slices"

	"github.com/usance/usance"
	"github.com/usance/usance/api/wire"
	"github.com/usance/usance/ledger"
)

func (q *request) resourceFilter() (f ledger.ResourceFilter, err error) {
	f.BusinessTypes = q.query.list("business_type")
	f.ChargingModes = q.query.list("charging_mode")
	f.Sources = q.query.list("source")
	if f.Node, f.Recursive, err = q.nodes(); err != nil {
		return f, err
	}
	f.ExpiresFrom, f.ExpiresTo, err = q.query.span("expires_from", "expires_to", true)
	return f, err
}

func listResources(q *request) error {
	f, err := q.resourceFilter()
	if err != nil {
		return err
	}
	cursor, limit, err := q.page()
	if err != nil {
		return err
	}
	then, err := q.moment()
	if err != nil {
		return err
	}
	page, err := q.api.led.ResourcesAt(q.r.Context(), q.tenant, f, then, cursor, limit)
	if err != nil {
		return err
	}
	out := wire.List[usance.Resource]{Items: page.Resources}
	if page.Total >= 0 {
		out.Total = &page.Total
	}
	if page.Next != "" {
		out.Next = cursorOf(page.Next)
	}
	q.sequence(page.Sequence)
	return q.answer(http.StatusOK, out)
}

func countResources(q *request) error {
	f, err := q.resourceFilter()
	if err != nil {
		return err
	}
	by := q.query.list("group_by")
	for _, key := range by {
		if key != "business_type" && key != "charging_mode" && key != "source" {
			return parameterError("group_by", "is any of business_type, charging_mode, source")
		}
	}
	then, err := q.moment()
	if err != nil {
		return err
	}
	counts, seq, err := q.api.led.CountResourcesAt(q.r.Context(), q.tenant, f, then)
	if err != nil {
		return err
	}
	q.sequence(seq)
	return q.answer(http.StatusOK, grouped(counts, by))
}

// grouped adds up the counts by the keys asked for.
func grouped(counts []ledger.ResourceCount, by []string) wire.ResourceCounts {
	out := wire.ResourceCounts{Items: []wire.ResourceCount{}}
	sums := map[wire.ResourceCount]int64{}
	for _, c := range counts {
		out.Count += c.Count
		var group wire.ResourceCount
		if slices.Contains(by, "business_type") {
			group.BusinessType = c.BusinessType
		}
		if slices.Contains(by, "charging_mode") {
			group.ChargingMode = c.ChargingMode
		}
		if slices.Contains(by, "source") {
			group.Source = c.Source
		}
		sums[group] += c.Count
	}
	if len(by) == 0 {
		return out
	}
	for group, n := range sums {
		group.Count = n
		out.Items = append(out.Items, group)
	}
	slices.SortFunc(out.Items, func(a, b wire.ResourceCount) int {
		return cmp.Or(cmp.Compare(a.BusinessType, b.BusinessType), cmp.Compare(a.ChargingMode, b.ChargingMode), cmp.Compare(a.Source, b.Source))
	})
	return out
}

// resource reads one that the token may see; another's is as if it did not exist.
func (q *request) resource(id string) (usance.Resource, error) {
	if len(id) > usance.MaxIDBytes {
		return usance.Resource{}, missing("resource", id)
	}
	res, seq, err := q.api.led.Resource(q.r.Context(), q.tenant, id)
	if err != nil {
		return res, err
	}
	if !res.Node.Within(q.subtree()) {
		return usance.Resource{}, missing("resource", id)
	}
	q.sequence(seq)
	return res, nil
}

func getResource(q *request) error {
	res, err := q.resource(q.vars[0])
	if err != nil {
		return err
	}
	return q.answer(http.StatusOK, res)
}

func (q *request) resourceBody() (res usance.Resource, err error) {
	if err = q.decode(&res); err != nil {
		return res, err
	}
	if res.Node == "" {
		res.Node = usance.Root
	}
	return res, nil
}

func createResource(q *request) error {
	res, err := q.resourceBody()
	if err != nil {
		return err
	}
	return q.storeResource(res, true)
}

func putResource(q *request) error {
	res, err := q.resourceBody()
	if err != nil {
		return err
	}
	if err := named("id", &res.ID, q.vars[0]); err != nil {
		return err
	}
	return q.storeResource(res, false)
}

// storeResource needs the right where the resource will be and where it is now,
// so that a token bound to a subtree cannot pull one in from elsewhere.
func (q *request) storeResource(res usance.Resource, create bool) error {
	if err := res.Check(); err != nil {
		return err
	}
	if err := q.may(usance.RightManage, res.Node); err != nil {
		return err
	}
	if !create && q.subtree() != usance.Root {
		before, _, err := q.api.led.Resource(q.r.Context(), q.tenant, res.ID)
		if err == nil && !before.Node.Within(q.subtree()) {
			return usance.Errorf(usance.KindForbidden, "the resource is not yours to change")
		}
		if err != nil && usance.KindOf(err) != usance.KindNotFound {
			return err
		}
	}
	seq, err := q.api.led.PutResource(q.r.Context(), q.actor(), q.tenant, res, create)
	if err != nil {
		return err
	}
	stored, _, err := q.api.led.Resource(q.r.Context(), q.tenant, res.ID)
	if err != nil {
		return err
	}
	q.sequence(seq)
	if create {
		return q.created(stored, "resources", res.ID)
	}
	return q.answer(http.StatusOK, stored)
}

func renewResource(q *request) error {
	var in wire.Renew
	if err := q.decode(&in); err != nil {
		return err
	}
	if in.Expires.IsZero() {
		return fieldError("expires", "is required")
	}
	if in.Expires.Before(usance.Earliest) || !in.Expires.Before(usance.Latest) {
		return fieldError("expires", "is outside the times that are counted")
	}
	if _, err := q.resource(q.vars[0]); err != nil {
		return err
	}
	res, seq, err := q.api.led.RenewResource(q.r.Context(), q.actor(), q.tenant, q.vars[0], in.Expires.UTC())
	if err != nil {
		return err
	}
	q.sequence(seq)
	return q.answer(http.StatusOK, res)
}

func deleteResource(q *request) error {
	if _, err := q.resource(q.vars[0]); err != nil {
		return err
	}
	seq, err := q.api.led.DeleteResource(q.r.Context(), q.actor(), q.tenant, q.vars[0])
	if err != nil {
		return err
	}
	q.sequence(seq)
	return q.gone()
}
