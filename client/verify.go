package client

import (
	"bufio"
	"context"
	"net/http"

	"github.com/go-json-experiment/json"

	"github.com/usance/usance"
	"github.com/usance/usance/api/wire"
)

// maxProgressLine bounds one line of a verification's answer.
const maxProgressLine = 1 << 20

// Verify has the server fold the tenant's ledger again and compare every number.
// It takes its time; progress, if not nil, is told how many entries are done, of
// how many. A fault that was found is in the answer, not an error. KindUnavailable
// while the server verifies for somebody else; it is not repeated by itself.
func (c *Client) Verify(ctx context.Context, progress func(done, of uint64)) (wire.Verification, error) {
	req, err := c.request(ctx, call{method: http.MethodPost, path: []string{"verify"}, accept: wire.TypeNDJSON}, nil, "")
	if err != nil {
		return wire.Verification{}, err
	}
	resp, err := c.o.HTTP.Do(req)
	if err != nil {
		return wire.Verification{}, c.unreachable(ctx, err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		body, err := readAll(resp.Body)
		if err != nil {
			return wire.Verification{}, brokenOff(ctx, err)
		}
		return wire.Verification{}, problem(resp, body)
	}
	lines := bufio.NewScanner(resp.Body)
	lines.Buffer(nil, maxProgressLine)
	for lines.Scan() {
		var line wire.VerifyProgress
		if err := json.Unmarshal(lines.Bytes(), &line); err != nil {
			return wire.Verification{}, &usance.Error{Kind: usance.KindInternal, Detail: "the server's answer is not the JSON expected; is the address right?", Err: err}
		}
		switch {
		case line.Problem != nil:
			refusal := &Refusal{Status: line.Problem.Status}
			return wire.Verification{}, refusal.of(*line.Problem)
		case line.Result != nil:
			c.saw(line.Result.Sequence)
			return *line.Result, nil
		case progress != nil:
			progress(line.Done, line.Of)
		}
	}
	return wire.Verification{}, brokenOff(ctx, lines.Err())
}
