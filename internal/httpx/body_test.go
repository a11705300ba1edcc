package httpx

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand"
	"net"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"

	"github.com/usance/usance"
)

func gzipped(t testing.TB, parts ...[]byte) []byte {
	t.Helper()
	var out bytes.Buffer
	for _, p := range parts {
		z := gzip.NewWriter(&out)
		if _, err := z.Write(p); err != nil {
			t.Fatal(err)
		}
		if err := z.Close(); err != nil {
			t.Fatal(err)
		}
	}
	return out.Bytes()
}

func zstded(t testing.TB, data []byte, options ...zstd.EOption) []byte {
	t.Helper()
	z, err := zstd.NewWriter(nil, options...)
	if err != nil {
		t.Fatal(err)
	}
	return z.EncodeAll(data, nil)
}

// streamed is zstd without the content's size in its header.
func streamed(t testing.TB, data []byte, window int) []byte {
	t.Helper()
	var out bytes.Buffer
	z, err := zstd.NewWriter(&out, zstd.WithWindowSize(window))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.Copy(z, bytes.NewReader(data)); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func TestCompressedBodiesAreReadWhole(t *testing.T) {
	const seed = 11
	t.Logf("seed %d", seed)
	rng := rand.New(rand.NewSource(seed))
	b := NewBodies(BodyConfig{Max: 1 << 20, Decoders: 1})
	for _, size := range []int{0, 1, 511, 512, 100_000, 1 << 20} {
		data := make([]byte, size)
		for i := range data {
			data[i] = byte(rng.Intn(4))
		}
		for name, raw := range map[string][]byte{
			"": data, "identity": data, "gzip": gzipped(t, data), "X-GZIP": gzipped(t, data[:size/2], data[size/2:]),
			"zstd": zstded(t, data), " zstd": streamed(t, data, 64<<10), "ZSTD": append(zstded(t, data[:size/2]), streamed(t, data[size/2:], 1<<10)...),
		} {
			got, err := b.Decompress(t.Context(), name, raw)
			if err != nil || !bytes.Equal(got, data) {
				t.Errorf("%q of %d bytes: %d bytes, %v", name, size, len(got), err)
			}
		}
	}
}

func TestABombIsRefusedWithoutGoingOff(t *testing.T) {
	const bound = 1 << 20
	zeros := make([]byte, 64<<20)
	bombs := map[string][]byte{
		"gzip, one member":        gzipped(t, zeros),
		"gzip, many members":      bytes.Repeat(gzipped(t, zeros[:bound/2]), 200),
		"gzip, one byte too many": gzipped(t, zeros[:bound+1]),
		"zstd, size declared":     zstded(t, zeros),
		"zstd, size not declared": streamed(t, zeros, 1<<20),
		"zstd, many frames":       bytes.Repeat(zstded(t, zeros[:bound/2]), 200),
		"zstd, wide window":       streamed(t, zeros, 64<<20),
		"zstd, one byte too many": zstded(t, zeros[:bound+1]),
	}
	b := NewBodies(BodyConfig{Max: bound, Decoders: 1})
	for name, raw := range bombs {
		encoding, _, _ := strings.Cut(name, ",")
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		got, err := b.Decompress(t.Context(), encoding, raw)
		runtime.ReadMemStats(&after)
		if usance.KindOf(err) != usance.KindTooLarge || !errors.Is(err, ErrTooLarge) || got != nil {
			t.Errorf("%s: %d bytes, %v", name, len(got), err)
		}
		if spent := after.TotalAlloc - before.TotalAlloc; spent > 40<<20 {
			t.Errorf("%s: %d MiB allocated", name, spent>>20)
		}
	}
}

func TestDamagedAndUnknownEncodingsAreInvalid(t *testing.T) {
	b := NewBodies(BodyConfig{})
	whole := bytes.Repeat([]byte("some text "), 1000)
	for _, c := range []struct {
		encoding string
		raw      []byte
		want     error
	}{
		{"gzip", []byte("not gzip"), ErrDamaged},
		{"gzip", gzipped(t, whole)[:40], ErrDamaged},
		{"gzip", append(gzipped(t, whole), 'x'), ErrDamaged},
		{"zstd", []byte("not zstd"), ErrDamaged},
		{"zstd", zstded(t, whole)[:20], ErrDamaged},
		{"zstd", append(zstded(t, whole), "rest"...), ErrDamaged},
		{"br", whole, ErrEncoding},
		{"gzip, gzip", whole, ErrEncoding},
	} {
		got, err := b.Decompress(t.Context(), c.encoding, c.raw)
		if !errors.Is(err, c.want) || usance.KindOf(err) != usance.KindInvalid || got != nil {
			t.Errorf("%s of %.10q: %v", c.encoding, c.raw, err)
		}
	}
	if got, err := b.Decompress(t.Context(), "zstd", zstded(t, whole)); err != nil || !bytes.Equal(got, whole) {
		t.Errorf("after failures: %v", err)
	}
}

func TestDecompressorsAreNoMoreThanAskedFor(t *testing.T) {
	b := NewBodies(BodyConfig{Decoders: 1})
	slot := <-b.slots
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := b.Decompress(ctx, "gzip", []byte("x")); !errors.Is(err, ErrBusy) || usance.KindOf(err) != usance.KindUnavailable {
		t.Fatalf("got %v", err)
	}
	b.slots <- slot
	raw := gzipped(t, []byte("text"))
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 50 {
				if got, err := b.Decompress(t.Context(), "gzip", raw); err != nil || string(got) != "text" {
					t.Errorf("%q %v", got, err)
				}
			}
		})
	}
	wg.Wait()
}

// talk sends raw bytes to a server that reads one body, and returns the answer's
// status and what Read gave.
func talk(t *testing.T, b *Bodies, request string, halfClose bool) (status string, body []byte, err error) {
	t.Helper()
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err = b.Read(Record(w), r)
		if err != nil {
			w.WriteHeader(http.StatusTeapot)
		}
	}))
	defer srv.Close()
	conn, dialErr := new(net.Dialer).DialContext(t.Context(), "tcp", srv.Listener.Addr().String())
	if dialErr != nil {
		t.Fatal(dialErr)
	}
	defer func() { _ = conn.Close() }()
	if _, err := io.WriteString(conn, request); err != nil {
		t.Fatal(err)
	}
	if halfClose {
		if err := conn.(*net.TCPConn).CloseWrite(); err != nil {
			t.Fatal(err)
		}
	}
	line, readErr := bufio.NewReader(conn).ReadString('\n')
	if readErr != nil {
		t.Fatal(readErr)
	}
	srv.Close() // waits for the handler
	return strings.TrimSpace(line), body, err
}

func TestTooLargeTruncatedAndSlowAreToldApart(t *testing.T) {
	b := NewBodies(BodyConfig{Max: 10, Timeout: 30 * time.Millisecond})
	patient := NewBodies(BodyConfig{Max: 10, Timeout: time.Hour})
	head := func(rest string) string { return "POST / HTTP/1.1\r\nHost: h\r\n" + rest }
	for _, c := range []struct {
		name, request string
		bodies        *Bodies
		halfClose     bool
		cause         error
		kind          usance.Kind
	}{
		{"whole", head("Content-Length: 10\r\n\r\n0123456789"), patient, false, nil, 0},
		{"whole, chunked", head("Transfer-Encoding: chunked\r\n\r\na\r\n0123456789\r\n0\r\n\r\n"), patient, false, nil, 0},
		{"declared too large", head("Content-Length: 11\r\n\r\n"), patient, false, ErrTooLarge, usance.KindTooLarge},
		{"grows too large", head("Transfer-Encoding: chunked\r\n\r\nb\r\n0123456789a\r\n"), patient, false, ErrTooLarge, usance.KindTooLarge},
		{"ends early", head("Content-Length: 10\r\n\r\n01234"), patient, true, ErrTruncated, usance.KindInvalid},
		{"ends early, chunked", head("Transfer-Encoding: chunked\r\n\r\na\r\n0123"), patient, true, ErrTruncated, usance.KindInvalid},
		{"slow", head("Content-Length: 10\r\n\r\n01234"), b, false, ErrSlow, usance.KindUnavailable},
	} {
		t.Run(c.name, func(t *testing.T) {
			status, body, err := talk(t, c.bodies, c.request, c.halfClose)
			if c.cause == nil {
				if err != nil || string(body) != "0123456789" || status != "HTTP/1.1 200 OK" {
					t.Fatalf("%s %q %v", status, body, err)
				}
				return
			}
			if !errors.Is(err, c.cause) || usance.KindOf(err) != c.kind || body != nil || !strings.HasPrefix(status, "HTTP/1.1 418") {
				t.Fatalf("%s %q %v", status, body, err)
			}
		})
	}
}

// TestEveryBodyHasItsOwnTime has what watches over one body watch over the next:
// one in time, one that is cut off, and again one in time.
func TestEveryBodyHasItsOwnTime(t *testing.T) {
	b := NewBodies(BodyConfig{Timeout: time.Hour})
	const head = "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 10\r\n\r\n"
	for range 5 {
		b.timeout = time.Hour
		if status, body, err := talk(t, b, head+"0123456789", false); err != nil || string(body) != "0123456789" {
			t.Fatalf("in time: %s %q %v", status, body, err)
		}
		b.timeout = 10 * time.Millisecond
		if status, _, err := talk(t, b, head+"01234", false); !errors.Is(err, ErrSlow) {
			t.Fatalf("slow: %s %v", status, err)
		}
	}
}

func TestAConnectionServesOnAfterABodyInTime(t *testing.T) {
	b := NewBodies(BodyConfig{Timeout: time.Minute})
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := b.Read(w, r)
		_, _ = fmt.Fprintf(w, "%d %v %v", len(body), err, r.Context().Err())
	}))
	defer srv.Close()
	for range 3 {
		r, err := http.NewRequestWithContext(t.Context(), "POST", srv.URL, bytes.NewReader(gzipped(t, make([]byte, 1<<20))))
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Content-Encoding", "gzip")
		resp, err := srv.Client().Do(r)
		if err != nil {
			t.Fatal(err)
		}
		got, err := io.ReadAll(resp.Body)
		_ = resp.Body.Close()
		if err != nil || string(got) != "1048576 <nil> <nil>" {
			t.Fatalf("%s %v", got, err)
		}
	}
}

func FuzzDecompress(f *testing.F) {
	f.Add("gzip", gzipped(f, []byte("text")))
	f.Add("zstd", zstded(f, []byte("text")))
	b := NewBodies(BodyConfig{Max: 1 << 16})
	f.Fuzz(func(t *testing.T, encoding string, raw []byte) {
		out, err := b.Decompress(context.Background(), encoding, raw)
		if err == nil && len(out) > 1<<16 && encoding != "" && encoding != "identity" {
			t.Fatalf("%d bytes", len(out))
		}
		if err != nil && usance.KindOf(err) == usance.KindInternal {
			t.Fatal(err)
		}
	})
}
