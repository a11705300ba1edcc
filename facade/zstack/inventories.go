package zstack

import (
	"strings"
	"time"

	"github.com/usance/usance"
	"github.com/usance/usance/registry"
)

// attributes are fields that organizations and projects have and nothing here
// fills.
const attributes = "attributes attributes.uuid attributes.name attributes.value attributes.type"

// inventories lists what can be queried, by path.
func (f *Facade) inventories() map[string]inventory {
	return map[string]inventory{
		"/v1/iam2/organizations": {classOrganization, fields("uuid name description state type srcType parentUuid rootOrganizationUuid "+attributes,
			"", "createDate lastOpDate"), loadOrganizations},
		"/v1/iam2/projects": {classProject, fields("uuid name description state linkedAccountUuid organization.uuid organization.name "+attributes,
			"", "createDate lastOpDate"), loadProjects},
		"/v1/iam2/projects/organizations/refs": {classOrgProject, fields("projectUuid organizationUuid", "", "createDate lastOpDate"), loadOrganizationRefs},
		"/v1/iam2/projects/account/refs":       {classProjectAcct, fields("projectUuid accountUuid", "", "createDate lastOpDate"), loadAccountRefs},
		"/v1/accounts/quotas": {classQuota, fields("uuid name identityUuid identityType organization.uuid organization.name account.uuid account.name",
			"value", "createDate lastOpDate"), loadQuotas},
		"/v1/accounts":   {classAccount, fields("uuid name description type state", "", "createDate lastOpDate"), loadAccounts},
		"/v1/accesskeys": {classAccessKey, fields("uuid description accountUuid userUuid AccessKeyID state", "", "createDate lastOpDate"), loadAccessKeys},
	}
}

// fields names an inventory's fields by type, separated by blanks.
func fields(texts, numbers, dates string) map[string]fieldKind {
	out := map[string]fieldKind{}
	for kind, names := range map[fieldKind]string{textField: texts, numberField: numbers, dateField: dates} {
		for _, name := range strings.Fields(names) {
			out[name] = kind
		}
	}
	return out
}

// dated adds the two dates that every inventory has.
func dated(values map[string]any, at time.Time) map[string]any {
	values["createDate"], values["lastOpDate"] = at, at
	return values
}

func loadOrganizations(c *call, v *view) []record {
	out := make([]record, 0, len(v.organizations))
	for _, o := range v.organizations {
		values := dated(map[string]any{
			"uuid": o.uuid, "name": o.name, "state": "Enabled", "type": "Company", "srcType": "ZStack",
			"rootOrganizationUuid": o.root().uuid, "attributes": []any{},
		}, v.created)
		if o.above != nil {
			values["type"], values["parentUuid"] = "Department", o.above.uuid
		}
		out = append(out, record{at: o.path, values: values})
	}
	return out
}

func loadProjects(_ *call, v *view) []record {
	out := make([]record, 0, len(v.projects))
	for _, p := range v.projects {
		out = append(out, record{at: p.path, joined: joined("organization", p.above), values: dated(map[string]any{
			"uuid": p.uuid, "name": p.name, "state": "Enabled", "linkedAccountUuid": p.linked, "attributes": []any{},
		}, v.created)})
	}
	return out
}

// joined is what dotted fields reach through one name.
func joined(name string, p *place) map[string]map[string]any {
	if p == nil {
		return nil
	}
	return map[string]map[string]any{name: {"uuid": p.uuid, "name": p.name}}
}

func loadOrganizationRefs(_ *call, v *view) []record {
	var out []record
	for _, p := range v.projects {
		if p.above != nil {
			out = append(out, record{at: p.path, values: dated(map[string]any{"projectUuid": p.uuid, "organizationUuid": p.above.uuid}, v.created)})
		}
	}
	return out
}

func loadAccountRefs(_ *call, v *view) []record {
	out := make([]record, 0, len(v.projects))
	for _, p := range v.projects {
		out = append(out, record{at: p.path, values: dated(map[string]any{"projectUuid": p.uuid, "accountUuid": p.linked}, v.created)})
	}
	return out
}

// loadQuotas lists the quotas of organizations, then those of accounts; the
// caller's own account is among them.
func loadQuotas(c *call, v *view) []record {
	var out []record
	for _, o := range v.organizations {
		out = c.appendQuotas(out, v, organizationHolder(), o, "organization")
	}
	own := c.ownAccount(v)
	if v.byAccount[own.uuid] == nil {
		out = c.appendQuotas(out, v, accountHolder(), own, "account")
	}
	for _, a := range v.accounts {
		out = c.appendQuotas(out, v, accountHolder(), a, "account")
	}
	return out
}

func (c *call) appendQuotas(out []record, v *view, h holder, p *place, join string) []record {
	for _, name := range v.names(h, p, c.f.seeds()) {
		r := record{at: p.path, joined: joined(join, p), values: c.quotaValues(v, h, p, name, usance.Unlimited)}
		ref := registry.QuotaRef{Node: p.path, Meter: name}
		if q, ok := v.definitions.Quota(ref); ok && q.Limit != usance.Unlimited {
			r.quota = ref
		}
		out = append(out, r)
	}
	return out
}

// limits gives the records of quotas the limits in force, which have what
// resources grant in them.
func (c *call) limits(records []record) error {
	var refs []registry.QuotaRef
	for _, r := range records {
		if r.quota.Meter != "" {
			refs = append(refs, r.quota)
		}
	}
	if len(refs) == 0 {
		return nil
	}
	limits, _, err := c.f.led.Limits(c.ctx, c.principal.Tenant, refs)
	if err != nil {
		return err
	}
	for _, r := range records {
		if r.quota.Meter != "" {
			r.values["value"], limits = wireLimit(limits[0]), limits[1:]
		}
	}
	return nil
}

func (c *call) quotaValues(v *view, h holder, p *place, name string, limit usance.Amount) map[string]any {
	return dated(map[string]any{
		"uuid": quotaUUID(c.principal.Tenant, h, p.path, name), "name": name,
		"identityUuid": p.uuid, "identityType": h.kind, "value": wireLimit(limit),
	}, v.created)
}

// loadAccounts has the one account that the caller acts for.
func loadAccounts(c *call, v *view) []record {
	own := c.ownAccount(v)
	kind := "Normal"
	if c.principal.Role.Allows(usance.RightManage) {
		kind = "SystemAdmin"
	}
	return []record{{at: own.path, values: dated(map[string]any{"uuid": own.uuid, "name": own.name, "type": kind, "state": "Enabled"}, v.created)}}
}

// loadAccessKeys lists the caller's own access keys, without their secrets.
func loadAccessKeys(c *call, v *view) []record {
	own, user := c.ownAccount(v).uuid, userUUID(c.principal.Tenant, c.principal.User)
	var out []record
	for _, k := range v.definitions.Keys() {
		if k.Kind != usance.KeyZStack || k.User != c.principal.User {
			continue
		}
		state := "Enabled"
		if k.Disabled {
			state = "Disabled"
		}
		out = append(out, record{at: c.principal.Subtree, values: dated(map[string]any{
			"uuid": derive("accesskey", string(c.principal.Tenant), k.ID), "AccessKeyID": k.ID, "state": state,
			"accountUuid": own, "userUuid": user,
		}, k.Created)})
	}
	return out
}

// organizationsExist is CheckIAM2OrganizationAvailability.
func organizationsExist(c *call) ([]byte, error) {
	v, err := c.readable()
	if err != nil {
		return nil, err
	}
	exists := false
	for _, o := range v.organizations {
		if exists = c.sees(o.path); exists {
			break
		}
	}
	return reply(map[string]any{"exists": exists})
}

// virtualIDNumber is GetIAM2OrganizationVirtualIDNumber: the users whose rights
// are confined to the organization's node, and those below it too.
func virtualIDNumber(c *call) ([]byte, error) {
	v, o, err := c.organization()
	if err != nil {
		return nil, err
	}
	total, direct := 0, 0
	for _, u := range v.definitions.Users() {
		at := u.Subtree
		if at == "" {
			at = usance.Root
		}
		if at.Within(o.path) {
			total++
		}
		if at == o.path {
			direct++
		}
	}
	return reply(map[string]any{"virtualTotalNumber": total, "virtualDirectNumber": direct})
}

// isReadyToGo is IsReadyToGo: whoever can answer is ready.
func isReadyToGo(*call) ([]byte, error) { return []byte("{}"), nil }

// getVersion is GetVersion.
func getVersion(c *call) ([]byte, error) { return reply(map[string]any{"version": c.f.o.Version}) }
