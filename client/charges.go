package client

import (
	"context"
	"net/http"
	"net/url"

	"github.com/usance/usance"
	"github.com/usance/usance/api/wire"
)

// Charge records usage if every hard quota has room for it. KindExceeded lists in
// the error's Blocks every quota that refuses, with a Limit of -1 and no figures
// for those above the subtree that the token is bound to. The same charge again records
// nothing more; the same id with other content is KindConflict.
func (c *Client) Charge(ctx context.Context, in wire.Charge) (wire.Charged, error) {
	return post[wire.Charged](ctx, c, in, "charges")
}

// Reserve sets room aside. KindExceeded is as with Charge. The same hold again is
// the hold there is, as it is now; the same id with other content is KindConflict.
func (c *Client) Reserve(ctx context.Context, in wire.Reserve) (usance.Hold, error) {
	return post[usance.Hold](ctx, c, in, "holds")
}

// Hold returns a hold, or KindNotFound.
func (c *Client) Hold(ctx context.Context, id string) (usance.Hold, error) {
	return get[usance.Hold](ctx, c, nil, "holds", id)
}

// Settle records what was really used of a hold. A hold that has ended otherwise
// is KindConflict. A partial settlement without a step is sent once only, since a
// repeat would be another one.
func (c *Client) Settle(ctx context.Context, id string, in wire.Settle) (usance.Hold, error) {
	k := call{method: http.MethodPost, path: []string{"holds", id, "settle"}, once: in.Partial && in.Step == 0}
	return send[usance.Hold](ctx, c, k, in)
}

// Extend moves an open hold's expiry to ttl from now.
func (c *Client) Extend(ctx context.Context, id string, ttl wire.Seconds) (usance.Hold, error) {
	return post[usance.Hold](ctx, c, wire.Extend{TTL: ttl}, "holds", id, "extend")
}

// Release gives a hold's room back. Releasing it again changes nothing.
func (c *Client) Release(ctx context.Context, id string) (usance.Hold, error) {
	return send[usance.Hold](ctx, c, call{method: http.MethodDelete, path: []string{"holds", id}, kept: true}, nil)
}

// HoldFilter selects holds; zero members select all that are open.
type HoldFilter struct {
	State  string      // open, settled, released, expired or all; "" is open
	Node   usance.Path // at and below
	Limit  int         // 1 to usance.MaxPageSize; 0 for the server's default
	Cursor string
}

// Holds returns a page of holds: open ones in the order in which they expire,
// others by id. A page may be short and yet have a next one.
func (c *Client) Holds(ctx context.Context, f HoldFilter) (wire.List[usance.Hold], error) {
	q := values{}.text("state", f.State).text("node", string(f.Node)).number("limit", f.Limit).text("cursor", f.Cursor)
	return get[wire.List[usance.Hold]](ctx, c, url.Values(q), "holds")
}

// post makes a call that may be repeated: it says by an id, or by what it wants
// to be so, what is to happen once.
func post[T any](ctx context.Context, c *Client, in any, path ...string) (T, error) {
	return send[T](ctx, c, call{method: http.MethodPost, path: path}, in)
}
