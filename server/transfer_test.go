package server

import (
	"bytes"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/usance/usance"
	"github.com/usance/usance/api/wire"
	"github.com/usance/usance/client"
	"github.com/usance/usance/internal/archive"
	"github.com/usance/usance/internal/facadetest"
	"github.com/usance/usance/ledger"
)

// wire that is cut: each of its connections ends when so many bytes, of all of them
// together, have gone one way.
type cutWire struct{ in, out atomic.Int64 }

func (w *cutWire) client() *http.Client {
	return &http.Client{Transport: &http.Transport{DisableKeepAlives: true, DisableCompression: true, DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
		var d net.Dialer
		conn, err := d.DialContext(ctx, network, address)
		return &cutConn{conn, w}, err
	}}}
}

type cutConn struct {
	net.Conn
	*cutWire
}

func (c *cutConn) Read(b []byte) (int, error) { return c.until(&c.in, b, c.Conn.Read) }

func (c *cutConn) Write(b []byte) (int, error) { return c.until(&c.out, b, c.Conn.Write) }

func (c *cutConn) until(left *atomic.Int64, b []byte, do func([]byte) (int, error)) (int, error) {
	room := left.Load()
	if room <= 0 {
		return 0, errors.Join(io.ErrUnexpectedEOF, c.Close())
	}
	n, err := do(b[:min(int64(len(b)), room)])
	left.Add(-int64(n))
	if err == nil && n < len(b) && int64(n) == room {
		err = errors.Join(io.ErrUnexpectedEOF, c.Close())
	}
	return n, err
}

const uncut = 1 << 40

// fillTenant gives the tenant events that do not compress much, so that its
// archive is of some length.
func fillTenant(t *testing.T, s *Server, r *rand.Rand, batches int) {
	t.Helper()
	for range batches {
		batch := make([]ledger.Incoming, 500)
		for i := range batch {
			noise := make([]byte, 200)
			for j := range noise {
				noise[j] = byte(r.Uint32())
			}
			batch[i] = ledger.Incoming{Stated: true, Event: usance.Event{Source: "test", ID: strconv.FormatUint(r.Uint64(), 36), Type: "meeting.conference.started", Node: "/a",
				Time: noon().Add(-time.Duration(r.Int64N(int64(1000 * time.Hour)))), Data: fmt.Appendf(nil, `{"noise":%q}`, hex.EncodeToString(noise))}}
		}
		if _, err := s.ledger.Ingest(t.Context(), facadetest.Tester(), "acme", batch); err != nil {
			t.Fatal(err)
		}
	}
}

func operatorOver(t *testing.T, at *running, w *cutWire) *client.Client {
	t.Helper()
	c, err := client.New(client.Options{URL: at.url, Token: operator, HTTP: w.client(), Attempts: 1})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// An export and an import over HTTP, each cut at byte after byte of its connection
// and begun again with what there is, end with the archive and the tenant that they
// would have made at once.
func TestTransfersThatAreCutAnywhereGoOnToTheSameEnd(t *testing.T) {
	r := rand.New(rand.NewPCG(facadetest.Seed(t), 1))
	from, _ := newServer(t, nil)
	source := run(t, from)
	makeTenant(t, from)
	fillTenant(t, from, r, 12)
	plain := new(cutWire)
	plain.in.Store(uncut)
	plain.out.Store(uncut)
	var whole bytes.Buffer
	want, err := operatorOver(t, source, plain).Export(t.Context(), "acme", &whole, client.ExportOptions{})
	if err != nil {
		t.Fatal(err)
	}
	resumed, got := exportInPieces(t, r, from, source, whole.Len())
	if got.SHA256 != want.SHA256 || got.Sequence != want.Sequence || got.Events != want.Events {
		t.Fatalf("in pieces %+v, at once %+v", got, want)
	}
	to, _ := newServer(t, func(c *Config) { c.Scratch = memoryStore })
	target := run(t, to)
	importInPieces(t, r, target, resumed)
	var back bytes.Buffer
	there, err := operatorOver(t, target, plain).Export(t.Context(), "acme", &back, client.ExportOptions{})
	if err != nil || there.SHA256 != want.SHA256 {
		t.Errorf("what arrived is %+v, %v; sent was %+v", there, err, want)
	}
	status, _, body := target.call(t, "POST", "/api/v1/verify?tenant=acme", operator, "")
	if status != http.StatusOK || !strings.Contains(body, `"fault":""`) {
		t.Errorf("verify: %d %s", status, body)
	}
}

// exportInPieces exports, cut a dozen times, while the tenant goes on.
func exportInPieces(t *testing.T, r *rand.Rand, from *Server, source *running, size int) ([]byte, wire.Archived) {
	t.Helper()
	var half []byte
	grown := 0
	for attempt := 0; ; attempt++ {
		w := new(cutWire)
		w.out.Store(uncut)
		w.in.Store(int64(size*attempt/14) + 1 + r.Int64N(int64(size/14))) // later each time, and not at the end in three
		if attempt >= 12 {
			w.in.Store(uncut)
		}
		var out bytes.Buffer
		o := client.ExportOptions{}
		if half != nil {
			o.Half = bytes.NewReader(half)
		}
		got, err := operatorOver(t, source, w).Export(t.Context(), "acme", &out, o)
		if err == nil {
			if attempt < 3 || grown < 2 {
				t.Errorf("cut %d times, %d of them with something to go on with: that shows little", attempt, grown)
			}
			return out.Bytes(), got
		}
		if attempt >= 12 {
			t.Fatalf("uncut: %v", err)
		}
		if out.Len() <= len(half) { // as the command keeps the longer part
			continue
		}
		if begun, err := archive.NewReader(bytes.NewReader(out.Bytes())); err == nil { // its definitions are whole
			begun.Close()
			half = out.Bytes()
			grown++
			fillTenant(t, from, r, 1)
		}
	}
}

// importInPieces imports, cut a dozen times in the request and in the answer.
func importInPieces(t *testing.T, r *rand.Rand, target *running, file []byte) {
	t.Helper()
	const cuts = 12
	for attempt := 0; ; attempt++ {
		w := new(cutWire)
		w.out.Store(uncut)
		w.in.Store(uncut)
		switch {
		case attempt >= cuts:
		case attempt%4 == 3:
			w.in.Store(1 + r.Int64N(2000))
		default:
			w.out.Store(1 + r.Int64N(int64(len(file))*3/4))
		}
		_, err := operatorOver(t, target, w).Import(t.Context(), bytes.NewReader(file), client.ImportOptions{})
		switch {
		case err == nil && attempt >= cuts:
			return
		case attempt >= cuts && usance.KindOf(err) != usance.KindConflict: // the one before may still be ending
			t.Fatalf("uncut: %v", err)
		case attempt > 10_000:
			t.Fatalf("the import before does not end: %v", err)
		}
	}
}
