package api

import (
	"net/http"
	"slices"

	"github.com/usance/usance"
	"github.com/usance/usance/api/wire"
	"github.com/usance/usance/registry"
)

// listTenants shows an operator every tenant and anybody else their own.
func listTenants(q *request) error {
	after, limit, err := q.page()
	if err != nil {
		return err
	}
	all, next, err := q.tenantsAfter(after, limit)
	if err != nil {
		return err
	}
	out := wire.List[usance.Tenant]{Items: make([]usance.Tenant, len(all)), Next: next}
	for i, d := range all {
		out.Items[i] = d.Tenant
	}
	return q.answer(http.StatusOK, out)
}

// tenantsAfter returns a page of the tenants that the token may see, and the cursor
// of the next one.
func (q *request) tenantsAfter(after string, limit int) (all []*registry.Definitions, next string, err error) {
	ids := []usance.TenantID{q.who.Tenant}
	if q.who.Role == usance.RoleOperator {
		if ids, err = q.api.reg.Tenants(q.r.Context(), usance.TenantID(after), limit); err != nil {
			return nil, "", err
		}
	} else if err := q.may(usance.RightRead, usance.Root); err != nil {
		return nil, "", err
	} else if after != "" {
		ids = nil
	}
	for _, id := range ids {
		d, err := q.api.reg.Definitions(q.r.Context(), id)
		if usance.KindOf(err) == usance.KindNotFound {
			continue // claimed by an edit that never came to be
		}
		if err != nil {
			return nil, "", err
		}
		all = append(all, d)
	}
	if len(ids) == limit {
		next = cursorOf(string(ids[limit-1]))
	}
	return all, next, nil
}

func createTenant(q *request) error {
	var in usance.Tenant
	if err := q.decode(&in); err != nil {
		return err
	}
	if err := in.ID.Check(); err != nil {
		return fieldError("id", detailOf(err))
	}
	q.tenant = in.ID
	if err := q.edit(registry.Edit{Create: true, Tenant: &in}); err != nil {
		return err
	}
	d, err := q.definitions()
	if err != nil {
		return err
	}
	return q.created(d.Tenant, "tenants", string(in.ID))
}

func getTenant(q *request) error {
	d, err := q.definitions()
	if err != nil {
		return err
	}
	return q.answer(http.StatusOK, d.Tenant)
}

func putTenant(q *request) error {
	var in usance.Tenant
	if err := q.decode(&in); err != nil {
		return err
	}
	if err := named("id", &in.ID, q.vars[0]); err != nil {
		return err
	}
	if err := q.edit(registry.Edit{Tenant: &in}); err != nil {
		return err
	}
	return getTenant(q)
}

func listMeters(q *request) error {
	d, err := q.definitions()
	if err != nil {
		return err
	}
	page, err := slicePage(q, d.Meters(), func(m *usance.Meter) string { return m.Name })
	if err != nil {
		return err
	}
	return q.answer(http.StatusOK, page)
}

// meter answers the meter of that name.
func (q *request) meter(name string) (*usance.Meter, error) {
	d, err := q.definitions()
	if err != nil {
		return nil, err
	}
	m, ok := d.Meter(name)
	if !ok {
		return nil, missing("meter", name)
	}
	return m, nil
}

func getMeter(q *request) error {
	m, err := q.meter(q.vars[0])
	if err != nil {
		return err
	}
	return q.answer(http.StatusOK, m)
}

func hasMeter(name string) func(*registry.Definitions) bool {
	return func(d *registry.Definitions) bool { _, ok := d.Meter(name); return ok }
}

func createMeter(q *request) error {
	var in usance.Meter
	if err := q.decode(&in); err != nil {
		return err
	}
	if _, err := q.create("a meter", hasMeter(in.Name), registry.Edit{Meters: []usance.Meter{in}}); err != nil {
		return err
	}
	m, err := q.meter(in.Name)
	if err != nil {
		return err
	}
	return q.created(m, "meters", in.Name)
}

func putMeter(q *request) error {
	var in usance.Meter
	if err := q.decode(&in); err != nil {
		return err
	}
	if err := named("name", &in.Name, q.vars[0]); err != nil {
		return err
	}
	if err := q.edit(registry.Edit{Meters: []usance.Meter{in}}); err != nil {
		return err
	}
	return getMeter(q)
}

func deleteMeter(q *request) error {
	return q.remove("meter", q.vars[0], hasMeter(q.vars[0]), registry.Edit{DeleteMeters: q.vars})
}

func listNodes(q *request) error {
	below, err := q.node(usance.RightRead)
	if err != nil {
		return err
	}
	d, err := q.definitions()
	if err != nil {
		return err
	}
	page, err := slicePage(q, d.Nodes(below), func(n usance.Node) string { return string(n.Path) })
	if err != nil {
		return err
	}
	return q.answer(http.StatusOK, page)
}

// nodeBody reads a node that the token may change.
func (q *request) nodeBody() (in usance.Node, err error) {
	if err = q.decode(&in); err != nil {
		return in, err
	}
	if err = in.Path.Check(); err != nil {
		return in, fieldError("path", detailOf(err))
	}
	return in, q.may(usance.RightManage, in.Path)
}

func hasNode(at usance.Path) func(*registry.Definitions) bool {
	return func(d *registry.Definitions) bool { _, ok := d.Node(at); return ok }
}

func createNode(q *request) error {
	in, err := q.nodeBody()
	if err != nil {
		return err
	}
	if _, err := q.create("a node", hasNode(in.Path), registry.Edit{Nodes: []usance.Node{in}}); err != nil {
		return err
	}
	return q.answerNode(http.StatusCreated, in.Path)
}

func putNode(q *request) error {
	in, err := q.nodeBody()
	if err != nil {
		return err
	}
	if err := q.edit(registry.Edit{Nodes: []usance.Node{in}}); err != nil {
		return err
	}
	return q.answerNode(http.StatusOK, in.Path)
}

func (q *request) answerNode(status int, at usance.Path) error {
	d, err := q.definitions()
	if err != nil {
		return err
	}
	n, ok := d.Node(at)
	if !ok {
		return missing("node", string(at))
	}
	return q.answer(status, n)
}

func deleteNode(q *request) error {
	if !q.query.has("node") {
		return parameterError("node", "is required")
	}
	at, err := q.node(usance.RightManage)
	if err != nil {
		return err
	}
	if at == usance.Root {
		return usance.Errorf(usance.KindInvalid, "the root is the tenant itself and cannot be removed")
	}
	keep, err := q.query.flag("keep_usage")
	if err != nil {
		return err
	}
	return q.remove("node", string(at), hasNode(at), registry.Edit{DeleteNodes: []usance.Path{at}, KeepUsage: keep})
}

// find returns the item of a list that has the name.
func find[T any](list []T, is func(T) bool) (item T, ok bool) {
	i := slices.IndexFunc(list, is)
	if i < 0 {
		return item, false
	}
	return list[i], true
}
