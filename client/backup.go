package client

import (
	"bytes"
	"context"
	"io"
	"net/http"

	"github.com/go-json-experiment/json"

	"github.com/usance/usance"
	"github.com/usance/usance/api/wire"
)

// Backup has the server copy its whole embedded store as of one moment. have are
// the SHA-256 of files that the caller has of earlier backups; they are not sent
// again. What comes is a tar archive as the API's backup describes; the caller
// closes it.
func (c *Client) Backup(ctx context.Context, have []string) (io.ReadCloser, error) {
	b, err := json.Marshal(wire.BackupRequest{Have: have})
	if err != nil {
		return nil, &usance.Error{Kind: usance.KindInvalid, Detail: "the request cannot be written as JSON", Err: err}
	}
	resp, err := c.ForTenant("").stream(ctx, call{method: http.MethodPost, path: []string{"backup"}, media: wire.TypeJSON, accept: wire.TypeTar}, "", bytes.NewReader(b))
	if err != nil {
		return nil, err
	}
	return resp.Body, nil
}
