package httpx

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"runtime"
	"strings"
	"sync"
	"time"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"

	"github.com/usance/usance"
)

// Why a body could not be read, for errors.Is; each comes inside a *usance.Error.
var (
	ErrTruncated = errors.New("httpx: the body ended early")               // KindInvalid
	ErrSlow      = errors.New("httpx: the body came too slowly")           // KindUnavailable; HTTP's own status is 408
	ErrEncoding  = errors.New("httpx: the content encoding is not known")  // KindInvalid; HTTP's own status is 415
	ErrDamaged   = errors.New("httpx: the compressed body is damaged")     // KindInvalid
	ErrTooLarge  = errors.New("httpx: the body is too large")              // KindTooLarge
	ErrBusy      = errors.New("httpx: gave up waiting for a decompressor") // KindUnavailable
)

// maxWindow is the largest zstd window a decoder here will hold: what RFC 8878
// section 3.1.1.1.2 recommends that every decoder support.
const maxWindow = 8 << 20

// firstBuffer bounds what is set aside for a body on the caller's word alone.
const firstBuffer = 512 << 10

// BodyConfig bounds the reading of bodies. Zero values mean the defaults.
type BodyConfig struct {
	Max      int64         // bytes as sent, and again as decompressed; default usance.MaxBodyBytes
	Timeout  time.Duration // for the whole body to arrive; default none
	Decoders int           // decompressions at one time; default 2 for each CPU. Each may keep 8 MiB, the widest zstd window, beside its result
}

// Bodies reads request bodies within bounds. It is safe for concurrent use; one
// serves a whole surface.
type Bodies struct {
	max     int64
	timeout time.Duration
	slots   chan *decoders
	cutters sync.Pool // of *cutter
}

// decoders is what one decompression needs; made when first needed, then kept.
type decoders struct {
	gzip *gzip.Reader
	zstd *zstd.Decoder
}

// NewBodies returns a reader with the bounds.
func NewBodies(c BodyConfig) *Bodies {
	if c.Max <= 0 {
		c.Max = usance.MaxBodyBytes
	}
	if c.Decoders <= 0 {
		c.Decoders = 2 * runtime.GOMAXPROCS(0)
	}
	b := &Bodies{max: c.Max, timeout: c.Timeout, slots: make(chan *decoders, c.Decoders)}
	for range c.Decoders {
		b.slots <- &decoders{}
	}
	return b
}

// Read returns the request's whole body with its Content-Encoding undone: Raw,
// then Decompress.
func (b *Bodies) Read(w http.ResponseWriter, r *http.Request) ([]byte, error) {
	raw, err := b.Raw(w, r)
	if err != nil {
		return nil, err
	}
	return b.Decompress(r.Context(), strings.Join(r.Header["Content-Encoding"], ","), raw)
}

// Raw returns the request's whole body as it was sent, which is what request
// signatures cover. It fails with KindTooLarge over the bound, and with
// ErrTruncated or ErrSlow; after a failure the connection is not used again.
func (b *Bodies) Raw(w http.ResponseWriter, r *http.Request) ([]byte, error) {
	if r.Body == nil || r.Body == http.NoBody {
		return nil, nil
	}
	if r.ContentLength > b.max {
		hangUp(w)
		return nil, b.tooLarge()
	}
	if b.timeout > 0 {
		defer b.release(b.cutOff(w))
	}
	raw, err := readBounded(r.Body, r.ContentLength+1, b.max)
	if err == nil {
		return raw, nil
	}
	hangUp(w)
	if errors.Is(err, ErrTooLarge) {
		return nil, b.tooLarge()
	}
	if _, ok := errors.AsType[*http.MaxBytesError](err); ok {
		return nil, b.tooLarge()
	}
	if timeout, ok := errors.AsType[net.Error](err); errors.Is(err, os.ErrDeadlineExceeded) || ok && timeout.Timeout() {
		return nil, &usance.Error{Kind: usance.KindUnavailable, Detail: "the request body came too slowly", Err: ErrSlow}
	}
	return nil, &usance.Error{Kind: usance.KindInvalid, Detail: "the request body ended early", Err: ErrTruncated}
}

func (b *Bodies) tooLarge() error {
	e := usance.Errorf(usance.KindTooLarge, "a request body has at most %d bytes", b.max)
	e.Err = ErrTooLarge
	return e
}

// hangUp gives up on the rest of a body. Without the deadline net/http would first
// wait for some of it, which may never come, and only then send the answer.
func hangUp(w http.ResponseWriter) {
	w.Header().Set("Connection", "close")
	stopReading(w)
}

// stopReading makes every read from the connection fail from now on. The deadline
// in the past needs no clock.
func stopReading(w http.ResponseWriter) {
	_ = http.NewResponseController(w).SetReadDeadline(time.Unix(1, 0)) // a writer without a connection has nothing to stop
}

// cutter makes reads from a connection fail once a body has taken too long. One
// serves many requests, one after the other.
type cutter struct {
	mu    sync.Mutex
	w     http.ResponseWriter // nil while no body is being read
	timer *time.Timer
}

func (c *cutter) watch(w http.ResponseWriter) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.w = w
}

func (c *cutter) cut() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.w != nil {
		stopReading(c.w)
	}
}

// cutOff makes reads from the connection fail once the time for a body has
// passed, until release is called with what it returns.
func (b *Bodies) cutOff(w http.ResponseWriter) *cutter {
	c, _ := b.cutters.Get().(*cutter)
	if c == nil {
		c = &cutter{w: w}
		c.timer = time.AfterFunc(b.timeout, c.cut)
		return c
	}
	c.watch(w)
	c.timer.Reset(b.timeout)
	return c
}

func (b *Bodies) release(c *cutter) {
	stopped := c.timer.Stop()
	c.watch(nil)
	if stopped { // or its call may come late, and must not meet another request
		b.cutters.Put(c)
	}
}

// Decompress undoes a Content-Encoding: none, identity, gzip or zstd. It fails
// with ErrEncoding for any other or for several at once, with KindTooLarge when
// the result, or the memory needed to make it, is over the bound, with ErrDamaged,
// and with ErrBusy when ctx ends before its turn comes.
func (b *Bodies) Decompress(ctx context.Context, encoding string, raw []byte) ([]byte, error) {
	encoding = strings.ToLower(strings.TrimSpace(encoding))
	switch encoding {
	case "", "identity":
		return raw, nil
	case "gzip", "x-gzip", "zstd":
	default:
		return nil, &usance.Error{Kind: usance.KindInvalid, Detail: "Content-Encoding must be gzip, zstd or identity", Err: ErrEncoding}
	}
	if len(raw) == 0 {
		return nil, nil
	}
	var slot *decoders
	select {
	case slot = <-b.slots:
	case <-ctx.Done():
		return nil, &usance.Error{Kind: usance.KindUnavailable, Detail: "too many compressed bodies at one time", Err: ErrBusy}
	}
	defer func() { b.slots <- slot }()
	out, err := slot.decompress(encoding, raw, b.max)
	switch {
	case err == nil:
		return out, nil
	case errors.Is(err, ErrTooLarge), errors.Is(err, zstd.ErrWindowSizeExceeded), errors.Is(err, zstd.ErrDecoderSizeExceeded):
		e := usance.Errorf(usance.KindTooLarge, "a request body has at most %d bytes when decompressed, and a zstd window of at most %d", b.max, maxWindow)
		e.Err = ErrTooLarge
		return nil, e
	}
	return nil, &usance.Error{Kind: usance.KindInvalid, Detail: "the request body is not whole " + encoding, Err: errors.Join(ErrDamaged, err)}
}

func (d *decoders) decompress(encoding string, raw []byte, limit int64) ([]byte, error) {
	guess := int64(len(raw)) * 4
	src := bytes.NewReader(raw)
	defer src.Reset(nil) // the decoder outlives this call; raw must not
	if encoding != "zstd" {
		if d.gzip == nil {
			d.gzip = new(gzip.Reader)
		}
		if err := d.gzip.Reset(src); err != nil {
			return nil, err
		}
		return readBounded(d.gzip, guess, limit)
	}
	if d.zstd == nil {
		// One goroutine: with more, a decoder would read ahead of the bound.
		z, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true), zstd.WithDecoderMaxWindow(maxWindow))
		if err != nil {
			return nil, err
		}
		d.zstd = z
	}
	if err := d.zstd.Reset(src); err != nil {
		return nil, err
	}
	return readBounded(d.zstd, guess, limit)
}

// readBounded reads all of src, and fails with ErrTooLarge once it has more than
// limit bytes. What it sets aside grows with what has come.
func readBounded(src io.Reader, guess, limit int64) ([]byte, error) {
	out := make([]byte, 0, max(512, min(guess, firstBuffer, limit+1)))
	for {
		if len(out) == cap(out) {
			out = append(out, 0)[:len(out)]
		}
		n, err := src.Read(out[len(out):cap(out)])
		out = out[:len(out)+n]
		if int64(len(out)) > limit {
			return nil, ErrTooLarge
		}
		if err == io.EOF {
			return out, nil
		}
		if err != nil {
			return nil, err
		}
	}
}
