package iam

import (
	"crypto/sha256"
	"encoding/hex"

	"github.com/usance/usance"
	"github.com/usance/usance/registry"
)

// The aliases by which IAM knows tenants and nodes.
const (
	AliasDomain      = "huawei.domain"       // of the root: the account's name; without it the tenant's id is the name
	AliasProject     = "huawei.project"      // of the root or a node: a project's id
	AliasProjectName = "huawei.project_name" // beside it: the project's name, usually a region such as cn-north-4
)

// The kinds of registry session that the façade uses.
const (
	TokenKind     = "iam"     // tokens
	TemporaryKind = "iam.sts" // temporary access keys; the session's token is the security token
)

// Binding says where a field of an answer comes from.
type Binding struct {
	Field  string
	Source string
}

// Bindings returns the fields of the answers and what each is read from.
func Bindings() []Binding {
	return []Binding{
		{"domain.name", "alias " + AliasDomain + " of the tenant, or its id"},
		{"domain.id", "digest of the tenant's id"},
		{"user.name", "the user's name"},
		{"user.id", "digests of the tenant's id and the user's name"},
		{"user.password_expires_at", "empty: passwords do not expire"},
		{"project.id", "alias " + AliasProject + " of the root or a node"},
		{"project.name", "alias " + AliasProjectName + " beside it, or the node's name, or the project's id"},
		{"project.parent_id", "the project of the nearest node above, or the domain"},
		{"roles.name", "the user's role, by RoleName"},
		{"catalog", "empty: every service is at the address that was asked"},
	}
}

// RoleName returns the name under which IAM shows a role.
func RoleName(role usance.Role) string {
	switch role {
	case usance.RoleAdmin:
		return "te_admin"
	case usance.RoleMember:
		return "te_member"
	case usance.RoleViewer:
		return "readonly"
	}
	return "te_" + string(role)
}

// DomainID returns the id of a tenant's account: 32 hexadecimal digits that stay
// the same for the life of the tenant.
func DomainID(tenant usance.TenantID) string {
	sum := digest("domain", string(tenant))
	return hex.EncodeToString(sum[:16])
}

// UserID returns the id of a user: 32 hexadecimal digits, the first half the same
// for all users of the tenant.
func UserID(tenant usance.TenantID, name string) string {
	account, user := digest("account", string(tenant)), digest("user", string(tenant)+"\x00"+name)
	return hex.EncodeToString(account[:8]) + hex.EncodeToString(user[:8])
}

func digest(what, text string) [sha256.Size]byte {
	return sha256.Sum256([]byte("usance iam " + what + "\x00" + text))
}

// domainName returns the name of a tenant's account.
func domainName(d *registry.Definitions) string { return d.Alias(AliasDomain, string(d.Tenant.ID)) }

// project is one project of a tenant.
type project struct {
	id, name string
	node     usance.Path
	parent   string // id of the project above, or of the domain
}

// projectAt returns the project that a node is, if it is one.
func projectAt(d *registry.Definitions, n usance.Node) (project, bool) {
	id, ok := n.Aliases[AliasProject]
	if !ok {
		return project{}, false
	}
	p := project{id: id, node: n.Path, name: n.Aliases[AliasProjectName], parent: DomainID(d.Tenant.ID)}
	if p.name == "" && n.Path != usance.Root {
		p.name = n.Name
	}
	if p.name == "" {
		p.name = id
	}
	if n.Path == usance.Root {
		return p, true
	}
	for _, above := range n.Path.Lineage()[1:] {
		if up, ok := d.Node(above); ok && up.Aliases[AliasProject] != "" {
			p.parent = up.Aliases[AliasProject]
			break
		}
	}
	return p, true
}

// projectsOf returns the projects that a principal may read, in the order of
// their nodes.
func projectsOf(d *registry.Definitions, p usance.Principal) []project {
	below := p.Subtree
	if below == "" {
		below = usance.Root
	}
	out := []project{}
	for _, n := range d.Nodes(below) {
		if own, ok := projectAt(d, n); ok && p.May(usance.RightRead, n.Path) == nil {
			out = append(out, own)
		}
	}
	return out
}
