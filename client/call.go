package client

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/go-json-experiment/json"

	"github.com/usance/usance"
	"github.com/usance/usance/api/wire"
)

const (
	compressFrom = 1 << 10   // smaller bodies are sent as they are
	maxAnswer    = 256 << 20 // an answer larger than this is not this API's
)

// Refusal is what the server said in refusing a call; errors.As finds it below
// the *usance.Error.
type Refusal struct {
	Status    int    // of the HTTP answer
	Type      string // the problem's URI, such as urn:usance:problem:conflict; "" when the answer was not one
	RequestID string // to find the request in the server's log
	Omitted   int    // errors the server left out of its list
}

func (r *Refusal) Error() string {
	s := fmt.Sprintf("HTTP %d", r.Status)
	if r.RequestID != "" {
		s += ", request " + r.RequestID
	}
	return s
}

// call is one request to make.
type call struct {
	method string
	path   []string // segments below /api/v1, not yet escaped
	query  url.Values
	body   []byte
	media  string // of body; "" for JSON
	accept string // "" for JSON
	once   bool   // must not be repeated when the outcome is unknown or refused for now
	read   bool   // takes min_sequence
	kept   bool   // a DELETE of what is still there afterwards
}

// answer is what came back of a call that succeeded.
type answer struct {
	header http.Header
	body   []byte
}

func (c *Client) url(k call) string {
	u := *c.base
	escaped := strings.Builder{}
	escaped.WriteString(u.EscapedPath() + "/api/v1")
	for _, segment := range k.path {
		escaped.WriteString("/" + url.PathEscape(segment))
	}
	q := url.Values{}
	for name, values := range k.query {
		q[name] = values
	}
	if c.tenant != "" && !q.Has("tenant") {
		q.Set("tenant", string(c.tenant))
	}
	if k.read && c.least > 0 {
		q.Set("min_sequence", strconv.FormatUint(c.least, 10))
	}
	text := u.Scheme + "://" + u.Host + escaped.String()
	if len(q) > 0 {
		text += "?" + q.Encode()
	}
	return text
}

// do makes the call, and again as often as the options allow while it is safe.
func (c *Client) do(ctx context.Context, k call) (answer, error) {
	body, encoding, err := c.compress(k.body)
	if err != nil {
		return answer{}, err
	}
	unsure := false // an earlier attempt may have been carried out
	for attempt := 1; ; attempt++ {
		a, wait, err := c.try(ctx, k, body, encoding)
		if err == nil {
			return a, nil
		}
		refused, _ := errors.AsType[*Refusal](err)
		if unsure && k.method == http.MethodDelete && !k.kept && refused != nil && refused.Status == http.StatusNotFound {
			return answer{header: http.Header{}}, nil
		}
		unsure = unsure || refused == nil || refused.Status >= 500
		if k.once || attempt >= c.o.Attempts || ctx.Err() != nil || usance.KindOf(err) != usance.KindUnavailable {
			return answer{}, err
		}
		if perr := c.o.Pause(ctx, max(wait, backoff(attempt))); perr != nil {
			return answer{}, err
		}
	}
}

// compress returns large bodies compressed, and the Content-Encoding.
func (c *Client) compress(body []byte) ([]byte, string, error) {
	if len(body) < compressFrom {
		return body, "", nil
	}
	switch c.o.Compression {
	case "zstd":
		return c.zstd.EncodeAll(body, make([]byte, 0, len(body)/4)), "zstd", nil
	case "gzip":
		var buf bytes.Buffer
		w := gzip.NewWriter(&buf)
		_, err := w.Write(body)
		err = errors.Join(err, w.Close())
		return buf.Bytes(), "gzip", err
	}
	return body, "", nil
}

// request makes the call's request.
func (c *Client) request(ctx context.Context, k call, body []byte, encoding string) (*http.Request, error) {
	req, err := http.NewRequestWithContext(ctx, k.method, c.url(k), bytes.NewReader(body))
	if err != nil {
		return nil, &usance.Error{Kind: usance.KindInvalid, Detail: "the request cannot be made", Err: err}
	}
	if c.o.Token != "" {
		req.Header.Set("Authorization", "Bearer "+c.o.Token)
	}
	req.Header.Set("User-Agent", c.o.UserAgent)
	req.Header.Set("Accept", either(k.accept, wire.TypeJSON)+", "+wire.TypeProblem)
	if k.body != nil {
		req.Header.Set("Content-Type", either(k.media, wire.TypeJSON))
	}
	if encoding != "" {
		req.Header.Set("Content-Encoding", encoding)
	}
	return req, nil
}

func (c *Client) unreachable(ctx context.Context, err error) error {
	return &usance.Error{Kind: usance.KindUnavailable, Detail: "the server at " + c.base.Host + " could not be reached", Err: cause(ctx, err)}
}

func brokenOff(ctx context.Context, err error) error {
	return &usance.Error{Kind: usance.KindUnavailable, Detail: "the answer of the server broke off", Err: cause(ctx, err)}
}

func readAll(r io.Reader) ([]byte, error) {
	b, err := io.ReadAll(io.LimitReader(r, maxAnswer+1))
	if err == nil && len(b) > maxAnswer {
		err = fmt.Errorf("it has more than %d bytes", maxAnswer)
	}
	return b, err
}

// try makes the call once. Failures that a repeat may cure are KindUnavailable;
// wait is how long the server asks to wait before it.
func (c *Client) try(ctx context.Context, k call, body []byte, encoding string) (a answer, wait time.Duration, err error) {
	req, err := c.request(ctx, k, body, encoding)
	if err != nil {
		return a, 0, err
	}
	resp, err := c.o.HTTP.Do(req)
	if err != nil {
		return a, 0, c.unreachable(ctx, err)
	}
	defer resp.Body.Close()
	a.header = resp.Header
	if a.body, err = readAll(resp.Body); err != nil {
		return a, 0, brokenOff(ctx, err)
	}
	if resp.StatusCode < 200 || resp.StatusCode > 299 {
		seconds, _ := strconv.Atoi(resp.Header.Get("Retry-After"))
		return a, time.Duration(min(max(seconds, 0), 60)) * time.Second, problem(resp, a.body)
	}
	if seq, err := strconv.ParseUint(resp.Header.Get(wire.HeaderSequence), 10, 64); err == nil {
		c.saw(seq)
	}
	return a, 0, nil
}

// cause prefers the context's own error, which says who gave up.
func cause(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return err
}

func either(s, fallback string) string {
	if s == "" {
		return fallback
	}
	return s
}

// problem turns a refusal into an error of its kind.
func problem(resp *http.Response, body []byte) error {
	refusal := &Refusal{Status: resp.StatusCode, RequestID: resp.Header.Get("X-Request-Id")}
	media, _, _ := mime.ParseMediaType(resp.Header.Get("Content-Type"))
	var p wire.Problem
	if media != wire.TypeProblem || json.Unmarshal(body, &p) != nil {
		return &usance.Error{Kind: kindOfStatus(resp.StatusCode), Err: refusal,
			Detail: fmt.Sprintf("the server answered %s, which is not an answer of this API; is the address right?", resp.Status)}
	}
	return refusal.of(p)
}

// of is the error that a problem tells.
func (refusal *Refusal) of(p wire.Problem) error {
	out := &usance.Error{Kind: kindOfStatus(refusal.Status), Err: refusal}
	refusal.Type, refusal.Omitted = p.Type, p.ErrorsOmitted
	if p.RequestID != "" {
		refusal.RequestID = p.RequestID
	}
	out.Detail, out.Fields = either(p.Detail, p.Title), p.Errors
	for _, b := range p.Blocks {
		out.Blocks = append(out.Blocks, b.Plain())
	}
	name := strings.TrimPrefix(p.Type, wire.ProblemPrefix)
	for k := usance.KindInternal; k <= usance.KindLocked; k++ {
		if k.String() == name {
			out.Kind = k
		}
	}
	return out
}

func kindOfStatus(status int) usance.Kind {
	switch status {
	case http.StatusUnauthorized:
		return usance.KindUnauthorized
	case http.StatusForbidden:
		return usance.KindForbidden
	case http.StatusNotFound:
		return usance.KindNotFound
	case http.StatusConflict:
		return usance.KindConflict
	case http.StatusRequestEntityTooLarge:
		return usance.KindTooLarge
	case http.StatusTooManyRequests, http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		return usance.KindUnavailable
	}
	if status >= 500 {
		return usance.KindInternal
	}
	return usance.KindInvalid
}

// get reads JSON.
func get[T any](ctx context.Context, c *Client, query url.Values, path ...string) (T, error) {
	return send[T](ctx, c, call{method: http.MethodGet, path: path, query: query, read: true}, nil)
}

// put replaces what path names.
func put[T any](ctx context.Context, c *Client, in any, path ...string) (T, error) {
	return send[T](ctx, c, call{method: http.MethodPut, path: path}, in)
}

// create makes something new, and is never repeated: the second try would meet
// what the first one made, or lose a secret shown once.
func create[T any](ctx context.Context, c *Client, in any, path ...string) (T, error) {
	return send[T](ctx, c, call{method: http.MethodPost, path: path, once: true}, in)
}

func (c *Client) remove(ctx context.Context, query url.Values, path ...string) error {
	_, err := c.do(ctx, call{method: http.MethodDelete, path: path, query: query})
	return err
}

// send makes the call with in as its JSON body, unless it is nil, and reads the
// answer's.
func send[T any](ctx context.Context, c *Client, k call, in any) (T, error) {
	var out T
	if in != nil {
		b, err := json.Marshal(in)
		if err != nil {
			return out, &usance.Error{Kind: usance.KindInvalid, Detail: "the request cannot be written as JSON", Err: err}
		}
		k.body = b
	}
	a, err := c.do(ctx, k)
	if err != nil {
		return out, err
	}
	if err := json.Unmarshal(a.body, &out); err != nil {
		return out, &usance.Error{Kind: usance.KindInternal, Detail: "the server's answer is not the JSON expected; is the address right?", Err: err}
	}
	return out, nil
}
