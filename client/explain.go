package client

import (
	"context"
	"net/url"
	"strconv"

	"github.com/usance/usance"
	"github.com/usance/usance/api/wire"
)

// ExplainQuery says which numbers of a façade's answer to explain; zero members
// are all numbers, and the defaults of the façade's call.
type ExplainQuery struct {
	Field string
	Node  usance.Path // that the façade's call is about
	// Events is how many of the newest events behind each number to show; nil for
	// the server's default.
	Events *int
	Params map[string]string // of the façade's own call, such as app or uuid
}

// Explain says where the numbers of a façade's answer come from: KindNotFound for
// a field that it does not have, KindInvalid for a façade that there is not.
func (c *Client) Explain(ctx context.Context, facade string, q ExplainQuery) (wire.Explanation, error) {
	v := values{}.text("facade", facade).text("field", q.Field).text("node", string(q.Node))
	if q.Events != nil {
		v.text("events", strconv.Itoa(*q.Events))
	}
	for name, value := range q.Params {
		v.text(name, value)
	}
	return get[wire.Explanation](ctx, c, url.Values(v), "explain")
}
