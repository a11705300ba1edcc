package usance

import (
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// TenantID names a tenant: [a-z0-9-]{1,63}. Ids that begin with "~" belong to
// the system and never name a tenant.
type TenantID string

// System holds what belongs to no tenant: the list of tenants, the directory of
// aliases and key ids, sign-in sessions.
const System TenantID = "~system"

// Check returns why id is not a tenant id, or nil.
func (id TenantID) Check() error {
	if len(id) == 0 || len(id) > MaxTenantIDBytes {
		return Errorf(KindInvalid, "a tenant id has 1 to %d characters", MaxTenantIDBytes)
	}
	for _, c := range []byte(id) {
		if (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '-' {
			return Errorf(KindInvalid, "tenant id %q: only a-z, 0-9 and - are allowed", clip(string(id)))
		}
	}
	return nil
}

// Tenant is a root organization: the unit of isolation, of ordering and of
// sharding.
type Tenant struct {
	ID       TenantID          `json:"id"`
	Name     string            `json:"name,omitempty"`
	Timezone string            `json:"timezone"`           // IANA name: the zone of "today"
	Aliases  map[string]string `json:"aliases,omitempty"`  // of the root node
	Settings map[string]string `json:"settings,omitempty"` // free to façades, such as koodrive.product_type
	Carved   bool              `json:"carved,omitempty"`   // root's children must fit its limits
	Created  time.Time         `json:"created,omitzero"`
}

// Path names a node of a tenant's tree: "/" is the root, "/drive/dept/rd" a node
// three below it.
type Path string

// Root is the path of a tenant's root node.
const Root Path = "/"

// Check returns why p is not a path, or nil. Segments are any UTF-8 text but
// control characters, "/", "." and ".."; they are compared byte by byte.
func (p Path) Check() error {
	if p == Root {
		return nil
	}
	if len(p) > MaxPathBytes {
		return Errorf(KindInvalid, "a node path has at most %d bytes", MaxPathBytes)
	}
	if !strings.HasPrefix(string(p), "/") {
		return Errorf(KindInvalid, "node path %q does not begin with /", clip(string(p)))
	}
	if !utf8.ValidString(string(p)) {
		return Errorf(KindInvalid, "node path is not UTF-8")
	}
	depth := 0
	for s := range strings.SplitSeq(string(p[1:]), "/") {
		if depth++; depth > MaxPathDepth {
			return Errorf(KindInvalid, "a node path has at most %d segments", MaxPathDepth)
		}
		if s == "" || s == "." || s == ".." || len(s) > MaxSegmentBytes {
			return Errorf(KindInvalid, "node path %q: a segment has 1 to %d bytes and is not . or ..", clip(string(p)), MaxSegmentBytes)
		}
		if strings.ContainsFunc(s, func(r rune) bool { return unicode.IsControl(r) || r == '\\' }) {
			return Errorf(KindInvalid, "node path: control characters and backslashes are not allowed")
		}
	}
	return nil
}

// Parent returns the path one up; the root's parent is the root.
func (p Path) Parent() Path {
	i := strings.LastIndexByte(string(p), '/')
	if i <= 0 {
		return Root
	}
	return p[:i]
}

// Lineage returns p and every path above it, from p to the root.
func (p Path) Lineage() []Path {
	line := make([]Path, 0, 6)
	for ; p != Root; p = p.Parent() {
		line = append(line, p)
	}
	return append(line, Root)
}

// Within reports whether p is q or below it.
func (p Path) Within(q Path) bool {
	if q == Root || p == q {
		return true
	}
	return len(p) > len(q) && p[len(q)] == '/' && p[:len(q)] == q
}

// Rebase returns p with to in the place of from when p is from or below it, and p
// as it is otherwise. Neither from nor to is the root.
func (p Path) Rebase(from, to Path) Path {
	if !p.Within(from) {
		return p
	}
	return to + p[len(from):]
}

// ChildOf returns the child of q on the way to p, when p is below q.
func (p Path) ChildOf(q Path) (Path, bool) {
	if p == q || !p.Within(q) {
		return "", false
	}
	start := len(q) + 1
	if q == Root {
		start = 1
	}
	if i := strings.IndexByte(string(p[start:]), '/'); i >= 0 {
		return p[:start+i], true
	}
	return p, true
}

// Node is a defined place in a tenant's tree. Events may also be charged to
// paths that nobody defined; those exist as usage alone.
type Node struct {
	Path    Path              `json:"path"`
	Name    string            `json:"name,omitempty"`
	Aliases map[string]string `json:"aliases,omitempty"`
	Carved  bool              `json:"carved,omitempty"` // children's limits must fit this node's
}

// CheckText returns why s is not an acceptable text of 1 to max bytes, or nil:
// valid UTF-8 without control characters.
func CheckText(what, s string, max int) error {
	if s == "" {
		return Errorf(KindInvalid, "%s is empty", what)
	}
	if len(s) > max {
		return Errorf(KindInvalid, "%s has more than %d bytes", what, max)
	}
	if !utf8.ValidString(s) {
		return Errorf(KindInvalid, "%s is not UTF-8", what)
	}
	if strings.ContainsFunc(s, unicode.IsControl) {
		return Errorf(KindInvalid, "%s has a control character", what)
	}
	return nil
}
