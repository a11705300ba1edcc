package client

import (
	"context"

	"github.com/usance/usance/api/wire"
)

// Void takes an event back: it counts no more, as if it had never come. Voiding it
// again changes nothing. KindNotFound when there is no such event.
func (c *Client) Void(ctx context.Context, source, id, reason string) (wire.StoredEvent, error) {
	return post[wire.StoredEvent](ctx, c, wire.Void{Reason: reason}, "events", source, id, "void")
}

// Amend changes how an event counts, and returns it so. KindConflict when it was
// voided or is a charge.
func (c *Client) Amend(ctx context.Context, source, id string, in wire.Amend) (wire.StoredEvent, error) {
	return post[wire.StoredEvent](ctx, c, in, "events", source, id, "amend")
}
