package client

import (
	"context"
	"net/http"

	"github.com/usance/usance/api/wire"
)

// CallFacade returns what a client of the vendor's would be answered to one of a
// façade's reads, a refusal too: KindNotFound for a façade that there is not,
// KindInvalid for an operation that it does not have.
func (c *Client) CallFacade(ctx context.Context, facade string, in wire.FacadeCall) (wire.FacadeAnswer, error) {
	return send[wire.FacadeAnswer](ctx, c, call{method: http.MethodPost, path: []string{"facades", facade, "call"}, read: true}, in)
}
