package client

import (
	"context"
	"net/url"

	"github.com/usance/usance/api/wire"
)

// AuditFilter selects control changes; zero members select all. From and To are
// each a time (RFC 3339) or a sequence number.
type AuditFilter struct {
	From, To    string
	Type, Actor string
	Limit       int // 1 to usance.MaxPageSize; 0 for the server's default
	Cursor      string
}

// Audit returns a page of control changes, newest first. A page may be short and
// yet have a next one.
func (c *Client) Audit(ctx context.Context, f AuditFilter) (wire.List[wire.AuditEntry], error) {
	q := values{}.text("from", f.From).text("to", f.To).text("type", f.Type).text("actor", f.Actor).number("limit", f.Limit).text("cursor", f.Cursor)
	return get[wire.List[wire.AuditEntry]](ctx, c, url.Values(q), "audit")
}
