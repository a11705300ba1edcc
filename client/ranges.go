package client

import (
	"context"
	"net/url"

	"github.com/usance/usance/api/wire"
)

// ProposeCorrection previews the voiding of a range of events. Nothing is voided
// before ApproveCorrection.
func (c *Client) ProposeCorrection(ctx context.Context, in wire.ProposeCorrection) (wire.Correction, error) {
	return create[wire.Correction](ctx, c, in, "corrections")
}

// Corrections returns a page of the corrections of ranges, newest first.
func (c *Client) Corrections(ctx context.Context, cursor string, limit int) (wire.List[wire.Correction], error) {
	return get[wire.List[wire.Correction]](ctx, c, url.Values(values{}.text("cursor", cursor).number("limit", limit)), "corrections")
}

// Correction returns a correction of a range as it stands, or KindNotFound.
func (c *Client) Correction(ctx context.Context, id string) (wire.Correction, error) {
	return get[wire.Correction](ctx, c, nil, "corrections", id)
}

// ApproveCorrection voids the events of a proposal. KindConflict when those that
// match are not those of the preview any more. It may return while the correction
// is still applying; calling it again goes on with it.
func (c *Client) ApproveCorrection(ctx context.Context, id string) (wire.Correction, error) {
	return post[wire.Correction](ctx, c, nil, "corrections", id, "approve")
}

// RevertCorrection brings the events of a correction back. Like ApproveCorrection
// it may return while the correction is still reverting.
func (c *Client) RevertCorrection(ctx context.Context, id string) (wire.Correction, error) {
	return post[wire.Correction](ctx, c, nil, "corrections", id, "revert")
}

// DiscardCorrection removes a proposal. KindConflict when it was approved.
func (c *Client) DiscardCorrection(ctx context.Context, id string) error {
	return c.remove(ctx, nil, "corrections", id)
}
