package api

import (
	"net/http"

	"github.com/usance/usance"
	"github.com/usance/usance/api/wire"
	"github.com/usance/usance/registry"
)

// deletionRoutes has the list beside /tenants rather than below it, where any name
// may be a tenant's.
func deletionRoutes() []route {
	const tag = "Tenants"
	return []route{
		{id: "deleteTenant", method: "DELETE", path: "/tenants/{tenant}", right: usance.RightOperate, tenantVar: true, handle: deleteTenant,
			params: []param{{name: "confirm", doc: "The tenant's id once more. Required."}},
			doc:    doc{tag: tag, summary: "Delete a tenant and all that it has, for good", out: "DeletedTenant", status: 200, text: deleteTenantText}},
		{id: "listDeletedTenants", method: "GET", path: "/deleted-tenants", right: usance.RightOperate, where: anywhere, params: withPage(), handle: listDeletedTenants,
			doc: doc{tag: tag, summary: "What stays of the tenants that were deleted", out: "DeletedTenantList", status: 200}},
	}
}

const deleteTenantText = "With the answer the tenant is no more: nothing signs in to it, reads it or writes to it, whatever it held, used or owed. Its usage, definitions, " +
	"credentials and names are removed behind that, in state going, and then it is gone. Nothing brings it back but an export or a backup made before, " +
	"the export under a store that never had it: no tenant has its id again. The same call again answers the same."

func deleteTenant(q *request) error {
	if q.query.text("confirm") != string(q.tenant) {
		return parameterError("confirm", "is not the id of the tenant that is to be deleted for good: repeat it here")
	}
	d, err := q.api.reg.DeleteTenant(q.r.Context(), q.actor(), q.tenant)
	if usance.KindOf(err) == usance.KindNotFound {
		return usance.Errorf(usance.KindNotFound, "there is no such tenant")
	}
	if err != nil {
		return err
	}
	q.api.refused.Drop(q.tenant)
	q.sequence(d.Sequence)
	return q.answer(http.StatusOK, wireDeleted(d))
}

func listDeletedTenants(q *request) error {
	after, limit, err := q.page()
	if err != nil {
		return err
	}
	all, err := q.api.reg.Deleted(q.r.Context(), usance.TenantID(after), limit)
	if err != nil {
		return err
	}
	out := wire.List[wire.DeletedTenant]{Items: make([]wire.DeletedTenant, len(all))}
	for i, d := range all {
		out.Items[i] = wireDeleted(d)
	}
	if len(all) == limit {
		out.Next = cursorOf(string(all[limit-1].ID))
	}
	return q.answer(http.StatusOK, out)
}

func wireDeleted(d registry.Deleted) wire.DeletedTenant {
	out := wire.DeletedTenant{ID: d.ID, DeletedAt: d.At, By: d.By, Sequence: d.Sequence, State: wire.DeletedGoing}
	if d.Gone {
		out.State = wire.DeletedGone
	}
	return out
}
