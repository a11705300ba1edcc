package zstack

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"maps"
	"slices"

	"github.com/usance/usance"
	"github.com/usance/usance/internal/mapping"
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

// Name is the façade's among the mappings.
const Name = "zstack"

const (
	callUsages = "GET /v1/iam2/organizations/quota/{uuid}/usages"
	callQuotas = "GET /v1/accounts/quotas"
)

// Mapping says where the numbers of the answers come from: of each quota by its
// name, which is a meter's, its limit in force as total and as value, and what is consumed
// at and below the node as used. Limits are written by the vendor's clients too,
// by that name and at that node, and so are read nowhere else. Without a bound, or
// without a quota, a limit is -1.
func Mapping() mapping.Table {
	of := func(name, call, value string) mapping.Field {
		return mapping.Field{Name: name, Call: call, Signed: true, About: []string{aliasOrganization}, Source: mapping.Source{Kind: mapping.Quota, Meter: "*", Value: value, Round: mapping.Down}}
	}
	total, value := of("*"+suffixTotal, callUsages, mapping.Limit), of("*"+suffixValue, callQuotas, mapping.Limit)
	for _, f := range []*mapping.Field{&total, &value} {
		f.Limitless, f.Missing, f.Fixed = true, -1, true
	}
	return mapping.Table{total, of("*"+suffixUsed, callUsages, mapping.Used), value}
}

// The ends of the names of a quota's fields, behind its own.
const (
	suffixTotal = ".total"
	suffixUsed  = ".used"
	suffixValue = ".value"
)
