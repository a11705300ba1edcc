package usance

import "time"

// Role says what a principal may do within its tenant and subtree.
type Role string

// The roles, from most to least.
const (
	RoleOperator Role = "operator" // every tenant; held by operator tokens only
	RoleAdmin    Role = "admin"    // everything in the tenant
	RoleMember   Role = "member"   // reads, and records usage
	RoleIngester Role = "ingester" // records usage only
	RoleViewer   Role = "viewer"   // reads only
)

// Check returns why r is not a role of a tenant's user or token, or nil.
func (r Role) Check() error {
	switch r {
	case RoleAdmin, RoleMember, RoleIngester, RoleViewer:
		return nil
	}
	return Errorf(KindInvalid, "role %q: the roles are admin, member, viewer, ingester", clip(string(r)))
}

// Right is one thing a principal may be allowed to do.
type Right uint8

// The rights.
const (
	RightRead    Right = iota // read usage, quotas, resources and definitions
	RightRecord               // send events, charges and holds
	RightManage               // change definitions and resources, corrections
	RightOperate              // create and delete tenants, see all of them
)

// Allows reports whether the role includes the right.
func (r Role) Allows(right Right) bool {
	switch r {
	case RoleOperator:
		return true
	case RoleAdmin:
		return right != RightOperate
	case RoleMember:
		return right == RightRead || right == RightRecord
	case RoleIngester:
		return right == RightRecord
	case RoleViewer:
		return right == RightRead
	}
	return false
}

// Principal is who a request speaks for, once authenticated.
type Principal struct {
	Tenant  TenantID // empty for an operator that has not named one
	User    string   // user or token name
	Role    Role
	Subtree Path   // what it may see and touch; Root for all
	Via     string // how it signed in: "token", "aksk", "meeting", …
	Enforce bool   // the quotas enforce what it records by ordinary ingest
	Proof   Proof
}

// Proof is what the credentials of a principal were when they were checked. What is
// opened or changed on their strength later is refused when they are others by
// then. It holds no secret, and means something to the registry alone.
type Proof struct {
	Stamp    string   // of the user's password, rights and state, or of the token's secret and rights
	Key      string   // kind and id of the key that signed; empty where none did
	KeyOwner TenantID // the key's tenant
	KeyStamp string   // of the key's secret, user and state
}

// SignedBy returns the proof with the key of another: of one whom a key lets speak
// for a user that is not the key's own.
func (p Proof) SignedBy(other Proof) Proof {
	p.Key, p.KeyOwner, p.KeyStamp = other.Key, other.KeyOwner, other.KeyStamp
	return p
}

// May returns nil when the principal has the right at the node, and otherwise
// KindForbidden.
func (p Principal) May(right Right, at Path) error {
	subtree := p.Subtree
	if subtree == "" {
		subtree = Root
	}
	if !p.Role.Allows(right) || !at.Within(subtree) {
		return Errorf(KindForbidden, "%s (%s) may not do this at %s", p.User, p.Role, at)
	}
	return nil
}

// User is a person or program that signs in with a password.
type User struct {
	Name     string    `json:"name"`
	Role     Role      `json:"role"`
	Subtree  Path      `json:"subtree,omitempty"`
	Disabled bool      `json:"disabled,omitempty"`
	Created  time.Time `json:"created,omitzero"`
}

// KeyKind says which vendor's scheme a key signs.
type KeyKind string

// The kinds of key.
const (
	KeyAKSK   KeyKind = "aksk"   // Huawei Cloud access key: RTC, MetaStudio, IAM
	KeyApp    KeyKind = "app"    // Meeting App ID and KooDrive app
	KeyZStack KeyKind = "zstack" // ZStack access key
)

// Check returns why k is not a kind of key, or nil.
func (k KeyKind) Check() error {
	switch k {
	case KeyAKSK, KeyApp, KeyZStack:
		return nil
	}
	return Errorf(KindInvalid, "key kind %q: the kinds are aksk, app, zstack", clip(string(k)))
}

// Key is a signing key: its secret must be recoverable to check signatures, so
// it is stored sealed.
type Key struct {
	Kind     KeyKind   `json:"kind"`
	ID       string    `json:"id"` // unique across tenants within its kind
	User     string    `json:"user"`
	Disabled bool      `json:"disabled,omitempty"`
	Created  time.Time `json:"created,omitzero"`
}

// Token is a bearer token of the native API. Only its hash is stored.
type Token struct {
	Name    string    `json:"name"` // unique within its tenant
	Role    Role      `json:"role"`
	Subtree Path      `json:"subtree,omitempty"`
	Expires time.Time `json:"expires,omitzero"`
	Enforce bool      `json:"enforce,omitzero"` // events sent with it are enforced as a charge is
	Created time.Time `json:"created,omitzero"`
}
