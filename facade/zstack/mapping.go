package zstack

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"maps"
	"slices"

	"github.com/usance/usance"
	"github.com/usance/usance/registry"
)

// The kinds of alias by which ZStack's uuids name nodes.
const (
	aliasOrganization = "zstack.organization"
	aliasAccount      = "zstack.account" // of a project's node: its linked account
	aliasProject      = "zstack.project"
)

// The names of ZStack's server classes, by which the schema member tells the Java
// SDK what to make of an element.
const (
	classUsage        = "org.zstack.header.identity.Quota$QuotaUsage"
	classQuota        = "org.zstack.header.identity.QuotaInventory"
	classSession      = "org.zstack.header.identity.SessionInventory"
	classAccount      = "org.zstack.header.identity.AccountInventory"
	classAccessKey    = "org.zstack.accessKey.AccessKeyInventory"
	classOrganization = "org.zstack.iam2.entity.IAM2OrganizationInventory"
	classProject      = "org.zstack.iam2.entity.IAM2ProjectInventory"
	classOrgProject   = "org.zstack.iam2.entity.IAM2OrganizationProjectRefInventory"
	classProjectAcct  = "org.zstack.iam2.entity.IAM2ProjectAccountRefInventory"
)

// holder is a sort of thing that has quotas.
type holder struct {
	kind   string // identityType on the wire
	seeded bool   // roots of it have every name of seeds, unlimited, where no quota says otherwise
	least  int64  // least value an update takes; -1 is unlimited
}

func organizationHolder() holder { return holder{kind: "IAM2OrganizationVO", seeded: true, least: -1} }
func accountHolder() holder      { return holder{kind: "AccountVO", least: 0} }

// seeds returns the names that a root organization reports even where no quota is
// set: ZStack 4.3.8 gives each root organization a row of -1 for these 29. The
// 30th, ssh_key_pair.num, is younger and is reported where it is set.
func seeds() []string {
	names := registry.ZStackMeters()
	delete(names, "ssh_key_pair.num")
	return slices.Sorted(maps.Keys(names))
}

// wireLimit is how a limit is written: -1 for none.
func wireLimit(limit usance.Amount) int64 {
	if limit == usance.Unlimited {
		return -1
	}
	return limit
}

// coreLimit is the inverse of wireLimit.
func coreLimit(value int64) usance.Amount {
	if value == -1 {
		return usance.Unlimited
	}
	return value
}

// derive makes the uuid of something that has none of its own, the same one each
// time: 32 lowercase hex in the shape of a version 5 uuid, hashed from what
// identifies the thing.
func derive(parts ...string) string {
	var buf []byte
	for _, p := range parts {
		buf = binary.AppendUvarint(buf, uint64(len(p)))
		buf = append(buf, p...)
	}
	sum := sha256.Sum256(buf)
	id := sum[:16]
	id[6] = id[6]&0x0f | 0x50
	id[8] = id[8]&0x3f | 0x80
	return hex.EncodeToString(id)
}

func userUUID(tenant usance.TenantID, user string) string {
	return derive("user", string(tenant), user)
}

func quotaUUID(tenant usance.TenantID, h holder, at usance.Path, meter string) string {
	return derive("quota", h.kind, string(tenant), string(at), meter)
}

// Binding says where one member of an answer comes from.
type Binding struct {
	API, Member string
	From        string // meter, quota, alias or setting
	Default     string // when there is none
}

// Bindings lists what each number and name of the answers is read from.
func Bindings() []Binding {
	return []Binding{
		{"GetOrganizationQuotaUsage", "usages[].name", "the meter of each quota at the node with alias " + aliasOrganization, "for a root organization, also the 29 seeded names"},
		{"GetOrganizationQuotaUsage", "usages[].total", "the quota's limit; unlimited is -1", "-1"},
		{"GetOrganizationQuotaUsage", "usages[].used", "what the quota's meter counted at and below the node, in the quota's window", "0"},
		{"GetAccountQuotaUsage", "usages[]", "the same, at the node with alias " + aliasAccount, "for the caller's own account, the top of what the user may see"},
		{"QueryIAM2Organization", "uuid", "alias " + aliasOrganization, ""},
		{"QueryIAM2Organization", "name", "the node's name", "the last segment of its path; for the root the tenant's id"},
		{"QueryIAM2Organization", "type", "Department when a node above is an organization too, else Company", ""},
		{"QueryIAM2Organization", "createDate, lastOpDate", "when the tenant was created", ""},
		{"QueryIAM2Project", "uuid", "alias " + aliasProject, "derived from tenant and path"},
		{"QueryIAM2Project", "linkedAccountUuid", "alias " + aliasAccount, "derived from tenant and path"},
		{"QueryQuota", "uuid", "derived from tenant, node and meter", ""},
		{"QueryQuota", "value", "the quota's limit; unlimited is -1", "-1"},
	}
}
