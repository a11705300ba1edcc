package zstack

import (
	"slices"

	"github.com/usance/usance"
	"github.com/usance/usance/ledger"
	"github.com/usance/usance/registry"
)

// updateOrganizationQuota is UpdateOrganizationQuota: it sets the limit of one of
// an organization's quotas; -1 takes the limit away.
func updateOrganizationQuota(c *call) ([]byte, error) {
	return c.updateQuota(organizationHolder(), func(v *view, uuid string) *place {
		if o := v.byUUID[uuid]; o != nil && c.sees(o.path) {
			return o
		}
		return nil
	})
}

// updateQuota is UpdateQuota: the same for an account.
func updateQuota(c *call) ([]byte, error) { return c.updateQuota(accountHolder(), c.account) }

// updateQuota sets a limit, with what resources grant now in it. It is refused
// below what is used, reserved or granted, and where a carved node's limits would no longer add up. Repeating it changes
// nothing.
func (c *call) updateQuota(h holder, find func(*view, string) *place) ([]byte, error) {
	uuid, err := c.must("identityUuid")
	if err != nil {
		return nil, err
	}
	name, err := c.must("name")
	if err != nil {
		return nil, err
	}
	value, ok, err := c.whole("value")
	if err != nil {
		return nil, err
	}
	if !ok {
		return nil, missing("value")
	}
	if value < h.least {
		return nil, refuse(invalidArgument, "value cannot be less than %d", h.least)
	}
	if err := c.mayRead(); err != nil {
		return nil, err
	}
	if !c.principal.Role.Allows(usance.RightManage) {
		return nil, refuse(notPermitted, "only an administrator may change quotas")
	}
	v, err := c.definitions()
	if err != nil {
		return nil, err
	}
	p := find(v, uuid)
	if p == nil {
		return nil, unknown("identityUuid", uuid, h.kind)
	}
	if _, known := registry.ZStackMeters()[name]; !known && !slices.Contains(v.quotas[p.path], name) {
		return nil, refuse(invalidArgument, "there is no quota %s", clip(name))
	}
	if err := c.setLimit(v, p, name, coreLimit(value)); err != nil {
		return nil, err
	}
	values := c.quotaValues(v, h, p, name, coreLimit(value))
	values["lastOpDate"] = c.f.o.Now()
	return reply(map[string]any{
		"inventory": c.f.element(record{values: values}, nil),
		"schema":    map[string]string{"inventory": classQuota},
	})
}

func (c *call) setLimit(v *view, p *place, name string, limit usance.Amount) error {
	ref := registry.QuotaRef{Node: p.path, Meter: name}
	report, err := c.f.led.Report(c.ctx, c.principal.Tenant, ledger.Ask{Quotas: []registry.QuotaRef{ref}})
	if err != nil {
		return err
	}
	now := report.Quotas[0]
	taken, fits := usance.Add(max(now.Used, 0), max(now.Reserved, 0))
	if !fits {
		taken = usance.Unlimited
	}
	if limit < taken {
		e := refuse(operationFailed, "the quota %s of %s cannot be set to %d: %d is in use", name, p.name, limit, taken)
		e.cause = refuse(invalidArgument, "the value is less than what is in use")
		return e
	}
	if limit != usance.Unlimited { // what is granted comes on top of what is set
		if limit < now.Granted {
			return refuse(operationFailed, "the quota %s of %s cannot be set to %d: %d is granted by resources", name, p.name, limit, now.Granted)
		}
		limit -= now.Granted
	}
	quota, ok := v.definitions.Quota(ref)
	if !ok {
		quota = usance.Quota{Node: p.path, Meter: name, Window: usance.Lifetime, Enforce: usance.Hard}
	}
	quota.Limit = limit
	_, err = c.f.reg.EditFrom(c.ctx, c.actor(), c.principal.Tenant, func(now *registry.Definitions) (registry.Edit, error) {
		return registry.Edit{Quotas: []usance.Quota{quota}}, now.Confirm(c.principal)
	})
	return err
}
