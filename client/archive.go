package client

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strconv"

	"github.com/go-json-experiment/json"

	"github.com/usance/usance"
	"github.com/usance/usance/api/wire"
	"github.com/usance/usance/internal/archive"
)

// ExportOptions say how a tenant is exported.
type ExportOptions struct {
	// Passphrase hides the secrets of the signing keys, which then travel; without
	// one they stay behind. It has at least 12 bytes.
	Passphrase string
	// Half is what an earlier export left when it broke off. Its whole blocks are
	// taken over, and the server is asked for the rest alone.
	Half io.Reader
	// Progress, if not nil, is told how many entries have come, of how many.
	Progress func(done, of uint64)
}

// Export writes the archive of a tenant, every frame of which it has checked. The
// ledger is as it was when the call began, or when the export that it completes
// did. When it fails, what was written is what Half takes.
func (c *Client) Export(ctx context.Context, tenant usance.TenantID, to io.Writer, o ExportOptions) (wire.Archived, error) {
	return wire.ArchivedOf(archive.Export(to, o.Half, o.Progress, func(part *archive.Header) (io.ReadCloser, error) {
		if part == nil {
			return c.exporting(ctx, tenant, nil, o.Passphrase)
		}
		return c.exporting(ctx, tenant, url.Values{
			"after": {strconv.FormatUint(part.After, 10)}, "after_chain": {part.AfterChain.String()},
			"through": {strconv.FormatUint(part.Sequence, 10)}, "chain": {part.Chain.String()}}, "")
	}))
}

// exporting returns the answer's body.
func (c *Client) exporting(ctx context.Context, tenant usance.TenantID, q url.Values, passphrase string) (io.ReadCloser, error) {
	resp, err := c.stream(ctx, call{method: http.MethodGet, path: []string{"tenants", string(tenant), "export"}, query: q, accept: wire.TypeArchive}, passphrase, nil)
	if err != nil {
		return nil, err
	}
	return resp.Body, nil
}

// stream makes a call whose bodies may be of any length. A refusal is an error.
func (c *Client) stream(ctx context.Context, k call, passphrase string, body io.Reader) (*http.Response, error) {
	req, err := c.request(ctx, k, nil, "")
	if err != nil {
		return nil, err
	}
	if body != nil {
		req.Body, req.ContentLength, req.GetBody = io.NopCloser(body), -1, nil
		req.Header.Set("Content-Type", k.media)
	}
	if passphrase != "" {
		req.Header.Set(wire.HeaderPassphrase, passphrase)
	}
	resp, err := c.o.HTTP.Do(req)
	if err != nil {
		return nil, c.unreachable(ctx, err)
	}
	if resp.StatusCode == http.StatusOK {
		return resp, nil
	}
	defer resp.Body.Close()
	text, err := readAll(resp.Body)
	if err != nil {
		return nil, brokenOff(ctx, err)
	}
	return nil, problem(resp, text)
}

// ImportOptions say how a tenant is imported.
type ImportOptions struct {
	// Passphrase opens the archive's secrets; "" leaves them closed.
	Passphrase string
	// Progress, if not nil, is told what is being done ("sending", "folding",
	// "saving") and how far it is, in entries or rows; of is 0 when it is not known.
	Progress func(stage string, done, of uint64)
}

// Import brings a tenant in from its archive. What an import of the same archive
// that was interrupted has left is not sent again. See the API's importTenant for
// what is refused.
func (c *Client) Import(ctx context.Context, from io.Reader, o ImportOptions) (wire.Imported, error) {
	file, err := archive.NewReader(from)
	if err != nil {
		return wire.Imported{}, err
	}
	defer file.Close()
	after := uint64(0)
	state, err := c.Arrival(ctx, file.Header.Tenant)
	switch {
	case usance.KindOf(err) == usance.KindNotFound:
	case err != nil:
		return wire.Imported{}, err
	case !state.Done && state.Chain == file.Header.Chain.String():
		after = state.Stored
	}
	body, end := io.Pipe()
	sent := make(chan error, 1)
	go func() {
		_, err := archive.CopyFrom(end, file, after, func(done, of uint64) {
			if o.Progress != nil {
				o.Progress("sending", done, of)
			}
		})
		end.CloseWithError(err)
		sent <- err
	}()
	resp, err := c.stream(ctx, call{method: http.MethodPost, path: []string{"tenants", string(file.Header.Tenant), "import"},
		media: wire.TypeArchive, accept: wire.TypeNDJSON}, o.Passphrase, body)
	body.CloseWithError(io.ErrClosedPipe) // whoever still writes stops
	if err == nil {
		defer resp.Body.Close()
	}
	if failed := <-sent; failed != nil && !errors.Is(failed, io.ErrClosedPipe) {
		return wire.Imported{}, failed // the file's own fault tells more than what the server made of it
	}
	if err != nil {
		return wire.Imported{}, err
	}
	return c.importing(ctx, resp.Body, o)
}

// importing reads the lines of the answer.
func (c *Client) importing(ctx context.Context, from io.Reader, o ImportOptions) (wire.Imported, error) {
	lines := bufio.NewScanner(from)
	lines.Buffer(nil, maxAnswer)
	for lines.Scan() {
		var line wire.ImportProgress
		if err := json.Unmarshal(lines.Bytes(), &line); err != nil {
			return wire.Imported{}, &usance.Error{Kind: usance.KindInternal, Detail: "the server's answer is not the JSON expected; is the address right?", Err: err}
		}
		switch {
		case line.Problem != nil:
			refusal := &Refusal{Status: line.Problem.Status}
			return wire.Imported{}, refusal.of(*line.Problem)
		case line.Result != nil:
			c.saw(line.Result.Sequence)
			return *line.Result, nil
		case o.Progress != nil:
			o.Progress(line.Stage, line.Done, line.Of)
		}
	}
	return wire.Imported{}, brokenOff(ctx, lines.Err())
}

// Arrival says how far the import of a tenant is; KindNotFound when there never
// was one.
func (c *Client) Arrival(ctx context.Context, tenant usance.TenantID) (wire.Arrival, error) {
	return send[wire.Arrival](ctx, c, call{method: http.MethodGet, path: []string{"tenants", string(tenant), "import"}}, nil)
}

// DiscardImport throws away an import that was not finished.
func (c *Client) DiscardImport(ctx context.Context, tenant usance.TenantID) error {
	return c.remove(ctx, nil, "tenants", string(tenant), "import")
}
