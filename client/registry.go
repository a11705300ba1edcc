package client

import (
	"context"
	"net/http"
	"net/url"
	"strconv"

	"github.com/usance/usance"
	"github.com/usance/usance/api/wire"
)

// Apply brings tenants to what a manifest (YAML or JSON) says, or with dryRun
// only works out the changes. A bad manifest is refused whole, with the line of
// each fault. It is not repeated by itself, since secrets it makes are shown
// once.
func (c *Client) Apply(ctx context.Context, manifest []byte, dryRun bool) (wire.Applied, error) {
	k := call{method: http.MethodPost, path: []string{"apply"}, body: manifest, media: wire.TypeYAML,
		query: url.Values{"dry_run": {strconv.FormatBool(dryRun)}}, once: !dryRun}
	return send[wire.Applied](ctx, c.ForTenant(""), k, nil) // the manifest names its tenants
}

// Tenants returns a page of the tenants the token may see.
func (c *Client) Tenants(ctx context.Context, cursor string, limit int) (wire.List[usance.Tenant], error) {
	return get[wire.List[usance.Tenant]](ctx, c.ForTenant(""), url.Values(values{}.text("cursor", cursor).number("limit", limit)), "tenants")
}

// TenantSummaries returns a page of the tenants the token may see, each summed up,
// with today's usage of a meter; "" is the server's choice. limit is 1 to
// usance.MaxSummaries, 0 for that. A page may be shorter and yet have a next one.
func (c *Client) TenantSummaries(ctx context.Context, meter, cursor string, limit int) (wire.List[wire.TenantSummary], error) {
	q := values{}.text("meter", meter).text("cursor", cursor).number("limit", limit)
	return get[wire.List[wire.TenantSummary]](ctx, c.ForTenant(""), url.Values(q), "tenant-summaries")
}

// Tenant returns a tenant, or KindNotFound.
func (c *Client) Tenant(ctx context.Context, id usance.TenantID) (usance.Tenant, error) {
	return get[usance.Tenant](ctx, c.ForTenant(""), nil, "tenants", string(id))
}

// CreateTenant makes a tenant; KindConflict when its id is taken.
func (c *Client) CreateTenant(ctx context.Context, t usance.Tenant) (usance.Tenant, error) {
	return create[usance.Tenant](ctx, c.ForTenant(""), t, "tenants")
}

// PutTenant creates or changes a tenant.
func (c *Client) PutTenant(ctx context.Context, t usance.Tenant) (usance.Tenant, error) {
	return put[usance.Tenant](ctx, c.ForTenant(""), t, "tenants", string(t.ID))
}

// DeleteTenant deletes a tenant and all that it has, for good; confirm is its id once
// more. Repeating it answers the same. KindNotFound for one that never was.
func (c *Client) DeleteTenant(ctx context.Context, id, confirm usance.TenantID) (wire.DeletedTenant, error) {
	k := call{method: http.MethodDelete, path: []string{"tenants", string(id)}, query: url.Values(values{}.text("confirm", string(confirm)))}
	return send[wire.DeletedTenant](ctx, c.ForTenant(""), k, nil)
}

// DeletedTenants returns a page of what stays of the tenants that were deleted.
func (c *Client) DeletedTenants(ctx context.Context, cursor string, limit int) (wire.List[wire.DeletedTenant], error) {
	return get[wire.List[wire.DeletedTenant]](ctx, c.ForTenant(""), url.Values(values{}.text("cursor", cursor).number("limit", limit)), "deleted-tenants")
}

// Meters returns every meter by name, built-in ones included.
func (c *Client) Meters(ctx context.Context) ([]usance.Meter, error) {
	out := []usance.Meter{}
	for m, err := range All(func(cursor string) (wire.List[usance.Meter], error) {
		return get[wire.List[usance.Meter]](ctx, c, url.Values(values{}.text("cursor", cursor)), "meters")
	}) {
		if err != nil {
			return nil, err
		}
		out = append(out, m)
	}
	return out, nil
}

// Meter returns a meter, or KindNotFound.
func (c *Client) Meter(ctx context.Context, name string) (usance.Meter, error) {
	return get[usance.Meter](ctx, c, nil, "meters", name)
}

// CreateMeter defines a meter; KindConflict when its name is taken.
func (c *Client) CreateMeter(ctx context.Context, m usance.Meter) (usance.Meter, error) {
	return create[usance.Meter](ctx, c, m, "meters")
}

// PutMeter defines or changes a meter. Its aggregation and group-by keys cannot
// change.
func (c *Client) PutMeter(ctx context.Context, m usance.Meter) (usance.Meter, error) {
	return put[usance.Meter](ctx, c, m, "meters", m.Name)
}

// DeleteMeter removes a custom meter, or KindNotFound.
func (c *Client) DeleteMeter(ctx context.Context, name string) error {
	return c.remove(ctx, nil, "meters", name)
}

// Nodes returns a page of the defined nodes at and below a node.
func (c *Client) Nodes(ctx context.Context, below usance.Path, cursor string, limit int) (wire.List[usance.Node], error) {
	q := values{}.text("node", string(below)).text("cursor", cursor).number("limit", limit)
	return get[wire.List[usance.Node]](ctx, c, url.Values(q), "nodes")
}

// CreateNode defines a node; KindConflict when its path is taken.
func (c *Client) CreateNode(ctx context.Context, n usance.Node) (usance.Node, error) {
	return create[usance.Node](ctx, c, n, "nodes")
}

// PutNode defines or changes a node.
func (c *Client) PutNode(ctx context.Context, n usance.Node) (usance.Node, error) {
	return put[usance.Node](ctx, c, n, "nodes")
}

// DeleteNode removes a node's definition, or KindNotFound. KindConflict, with the
// dependents in Fields, when something depends on it; usage recorded at or below
// it does too, unless keepUsage leaves that to be read by the path.
func (c *Client) DeleteNode(ctx context.Context, path usance.Path, keepUsage bool) error {
	q := values{}.text("node", string(path))
	if keepUsage {
		q = q.text("keep_usage", "true")
	}
	return c.remove(ctx, url.Values(q), "nodes")
}

// MoveNode moves a node, with all that is below it, to a place where nothing is.
// KindNotFound when there is nothing at from, so for a repeat; KindExceeded, with
// Blocks, when quotas at the destination have no room for it. It is not repeated
// by itself.
func (c *Client) MoveNode(ctx context.Context, from, to usance.Path) (wire.MovedNode, error) {
	return create[wire.MovedNode](ctx, c, wire.MoveNode{From: from, To: to}, "nodes", "move")
}

// RehearseMove says what MoveNode would do and writes nothing. Quotas that would
// refuse it are in Blocks; all else that would is the error.
func (c *Client) RehearseMove(ctx context.Context, from, to usance.Path) (wire.MovedNode, error) {
	k := call{method: http.MethodPost, path: []string{"nodes", "move"}}
	return send[wire.MovedNode](ctx, c, k, wire.MoveNode{From: from, To: to, DryRun: true})
}

// Users returns a page of users.
func (c *Client) Users(ctx context.Context, cursor string, limit int) (wire.List[usance.User], error) {
	return get[wire.List[usance.User]](ctx, c, url.Values(values{}.text("cursor", cursor).number("limit", limit)), "users")
}

// User returns a user, or KindNotFound.
func (c *Client) User(ctx context.Context, name string) (usance.User, error) {
	return get[usance.User](ctx, c, nil, "users", name)
}

// CreateUser makes a user; KindConflict when the name is taken.
func (c *Client) CreateUser(ctx context.Context, u wire.PutUser) (usance.User, error) {
	return create[usance.User](ctx, c, u, "users")
}

// PutUser creates or changes a user.
func (c *Client) PutUser(ctx context.Context, u wire.PutUser) (usance.User, error) {
	return put[usance.User](ctx, c, u, "users", u.Name)
}

// DeleteUser removes a user, or KindNotFound.
func (c *Client) DeleteUser(ctx context.Context, name string) error {
	return c.remove(ctx, nil, "users", name)
}

// Keys returns a page of signing keys, without their secrets.
func (c *Client) Keys(ctx context.Context, cursor string, limit int) (wire.List[wire.Key], error) {
	return get[wire.List[wire.Key]](ctx, c, url.Values(values{}.text("cursor", cursor).number("limit", limit)), "keys")
}

// Key returns a signing key without its secret, or KindNotFound.
func (c *Client) Key(ctx context.Context, kind usance.KeyKind, id string) (wire.Key, error) {
	return get[wire.Key](ctx, c, nil, "keys", string(kind), id)
}

// CreateKey makes a signing key. A secret made by the server is in the answer,
// this once.
func (c *Client) CreateKey(ctx context.Context, k wire.PutKey) (wire.Key, error) {
	return create[wire.Key](ctx, c, k, "keys")
}

// PutKey creates or changes a signing key.
func (c *Client) PutKey(ctx context.Context, k wire.PutKey) (wire.Key, error) {
	return send[wire.Key](ctx, c, call{method: http.MethodPut, path: []string{"keys", string(k.Kind), k.ID}, once: k.Secret == ""}, k)
}

// DeleteKey removes a signing key, or KindNotFound.
func (c *Client) DeleteKey(ctx context.Context, kind usance.KeyKind, id string) error {
	return c.remove(ctx, nil, "keys", string(kind), id)
}

// Tokens returns a page of bearer tokens, without their secrets.
func (c *Client) Tokens(ctx context.Context, cursor string, limit int) (wire.List[wire.Token], error) {
	return get[wire.List[wire.Token]](ctx, c, url.Values(values{}.text("cursor", cursor).number("limit", limit)), "tokens")
}

// Token returns a bearer token without its secret, or KindNotFound.
func (c *Client) Token(ctx context.Context, name string) (wire.Token, error) {
	return get[wire.Token](ctx, c, nil, "tokens", name)
}

// CreateToken makes a bearer token. A secret made by the server is in the
// answer, this once.
func (c *Client) CreateToken(ctx context.Context, t wire.PutToken) (wire.Token, error) {
	return create[wire.Token](ctx, c, t, "tokens")
}

// PutToken creates or changes a bearer token.
func (c *Client) PutToken(ctx context.Context, t wire.PutToken) (wire.Token, error) {
	return send[wire.Token](ctx, c, call{method: http.MethodPut, path: []string{"tokens", t.Name}, once: t.Secret == ""}, t)
}

// DeleteToken removes a bearer token, which ends its use at once, or
// KindNotFound.
func (c *Client) DeleteToken(ctx context.Context, name string) error {
	return c.remove(ctx, nil, "tokens", name)
}

// LoginCode makes a one-time code with which the user signs in at KooDrive.
func (c *Client) LoginCode(ctx context.Context, user string) (wire.LoginCode, error) {
	return create[wire.LoginCode](ctx, c, wire.LoginCodeRequest{User: user}, "login-codes")
}
