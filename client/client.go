// Package client is the Go client of the native API. Its methods mirror the
// calls of /api/v1 one to one and exchange the shapes of package api/wire.
//
// Every failure is a *usance.Error whose kind says what to do about it; its cause
// is a *Refusal when the server answered. Calls that may safely be repeated are
// repeated with growing pauses when the server asks for it (429, 503) or the
// connection breaks. Sending events is among them: an event is counted once
// however often it is sent.
package client

import (
	"context"
	"math/rand/v2"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync/atomic"
	"time"

	"github.com/klauspost/compress/zstd"

	"github.com/usance/usance"
)

// Options are what a Client is built with.
type Options struct {
	URL    string          // of the server, such as http://127.0.0.1:8080
	Token  string          // bearer token
	Tenant usance.TenantID // whom an operator's token speaks for; leave empty for a tenant's token

	HTTP      *http.Client // nil for one with timeouts for connecting and for the answer to begin
	UserAgent string       // "" for "usance-client"
	// Compression of large request bodies: "zstd" (the default), "gzip" or
	// "none".
	Compression string
	// Attempts bounds how often a repeatable call is tried: 0 means 6, 1 never
	// repeats.
	Attempts int
	// Pause waits before a repeat; nil waits by the clock. It returns early with
	// the context's error.
	Pause func(ctx context.Context, d time.Duration) error
}

// Client calls one server. It is safe for concurrent use.
type Client struct {
	base   *url.URL
	o      Options
	zstd   *zstd.Encoder
	tenant usance.TenantID
	least  uint64
	seen   *atomic.Uint64
}

// New returns a Client. KindInvalid for an address that is not an http or https
// URL, or a token that cannot be a header.
func New(o Options) (*Client, error) {
	base, err := url.Parse(strings.TrimRight(o.URL, "/"))
	if err != nil || base.Host == "" || base.Scheme != "http" && base.Scheme != "https" {
		return nil, usance.Errorf(usance.KindInvalid, "%q is not the URL of a server, such as http://127.0.0.1:8080", o.URL)
	}
	if strings.ContainsFunc(o.Token, func(r rune) bool { return r <= ' ' || r >= 0x7f }) {
		return nil, usance.Errorf(usance.KindInvalid, "the token has blanks or other characters that no token has")
	}
	if o.HTTP == nil {
		o.HTTP = defaultHTTP()
	}
	if o.UserAgent == "" {
		o.UserAgent = "usance-client"
	}
	if o.Attempts == 0 {
		o.Attempts = 6
	}
	if o.Pause == nil {
		o.Pause = pause
	}
	c := &Client{base: base, o: o, tenant: o.Tenant, seen: new(atomic.Uint64)}
	switch o.Compression {
	case "", "zstd":
		c.o.Compression = "zstd"
		c.zstd, err = zstd.NewWriter(nil, zstd.WithEncoderLevel(zstd.SpeedFastest))
	case "gzip", "none":
	default:
		err = usance.Errorf(usance.KindInvalid, "compression %q: zstd, gzip or none", o.Compression)
	}
	return c, err
}

func defaultHTTP() *http.Client {
	return &http.Client{
		Transport: &http.Transport{
			Proxy:                 http.ProxyFromEnvironment,
			DialContext:           (&net.Dialer{Timeout: 10 * time.Second, KeepAlive: 30 * time.Second}).DialContext,
			TLSHandshakeTimeout:   10 * time.Second,
			ResponseHeaderTimeout: 60 * time.Second,
			IdleConnTimeout:       90 * time.Second,
			MaxIdleConnsPerHost:   64,
			ForceAttemptHTTP2:     true,
		},
		// A redirect would carry the token somewhere it was not meant for.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

func pause(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// backoff returns the pause before the attempt of that number, from 1: doubling
// from 100 ms up to 10 s, with half of it by chance so that many clients spread.
func backoff(attempt int) time.Duration {
	d := min(100*time.Millisecond<<min(attempt-1, 10), 10*time.Second)
	return d/2 + rand.N(d/2)
}

// ForTenant returns a Client for the same server that names another tenant, with
// a Sequence of its own.
func (c *Client) ForTenant(tenant usance.TenantID) *Client {
	out := *c
	out.tenant, out.least, out.seen = tenant, 0, new(atomic.Uint64)
	return &out
}

// AtLeast returns a Client whose reads wait until the server has reached the
// sequence, or fail with KindUnavailable: with a Receipt's sequence, or with
// Sequence, reads see the writes before them on whichever server they land.
func (c *Client) AtLeast(sequence uint64) *Client {
	out := *c
	out.least = sequence
	return &out
}

// Sequence returns the newest sequence number the server has told this Client.
func (c *Client) Sequence() uint64 { return c.seen.Load() }

func (c *Client) saw(sequence uint64) {
	for {
		old := c.seen.Load()
		if sequence <= old || c.seen.CompareAndSwap(old, sequence) {
			return
		}
	}
}
