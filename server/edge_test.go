package server

import (
	"crypto/tls"
	"encoding/binary"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/usance/usance/internal/facadetest"
)

func TestAnswersToBrowsersCannotBeFramedGuessedOrKept(t *testing.T) {
	s, _ := newServer(t, nil)
	m := matrix{t: t, s: s}
	for path, want := range map[string]map[string]string{
		"/":                {"X-Content-Type-Options": "nosniff", "Content-Security-Policy": "frame-ancestors 'none'", "Referrer-Policy": "no-referrer"},
		"/console/":        {"X-Content-Type-Options": "nosniff", "Content-Security-Policy": "frame-ancestors 'none'", "Referrer-Policy": "no-referrer"},
		"/docs":            {"X-Content-Type-Options": "nosniff", "Content-Security-Policy": "frame-ancestors 'none'", "Referrer-Policy": "no-referrer"},
		"/console/session": {"X-Content-Type-Options": "nosniff", "Cache-Control": "no-store"},
		"/api/v1/quotas":   {"X-Content-Type-Options": "nosniff", "Cache-Control": "no-store"},
		"/api/v1/nothing":  {"X-Content-Type-Options": "nosniff", "Cache-Control": "no-store"},
		"/metrics":         {"Cache-Control": "no-store"},
	} {
		w := m.serve(facadetest.Request("GET", "http://usance.test"+path, ""))
		for name, part := range want {
			if got := w.Header().Get(name); !strings.Contains(got, part) {
				t.Errorf("%s: %s is %q, want %q", path, name, got, part)
			}
		}
		if got := w.Header().Get("Access-Control-Allow-Origin"); got != "" {
			t.Errorf("%s lets the origin %q read it", path, got)
		}
	}
}

// frame is one frame of HTTP/2 (RFC 9113, section 4.1).
func frame(kind, flags byte, stream uint32, payload []byte) []byte {
	b := binary.BigEndian.AppendUint32(nil, uint32(len(payload))<<8|uint32(kind))
	b = append(b, flags)
	return append(binary.BigEndian.AppendUint32(b, stream), payload...)
}

// TestRapidResetsOfHTTP2DoNotTakeTheServerDown opens streams and resets each at
// once, thousands on several connections, while others ask on.
func TestRapidResetsOfHTTP2DoNotTakeTheServerDown(t *testing.T) {
	s, _ := newServer(t, nil)
	certified := httptest.NewTLSServer(http.NotFoundHandler())
	defer certified.Close()
	on, err := Listen(t.Context(), "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := on.Addr().String()
	done := make(chan error, 1)
	go func() {
		done <- s.Run(t.Context(), tls.NewListener(on, &tls.Config{Certificates: certified.TLS.Certificates, NextProtos: []string{"h2", "http/1.1"}, MinVersion: tls.VersionTLS12}))
	}()
	trust := certified.Client().Transport.(*http.Transport).TLSClientConfig.RootCAs
	config := &tls.Config{RootCAs: trust, NextProtos: []string{"h2"}, ServerName: "example.com", MinVersion: tls.VersionTLS12}
	client := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: trust, ServerName: "example.com", MinVersion: tls.VersionTLS12}, ForceAttemptHTTP2: true}}
	defer client.CloseIdleConnections()
	const path = "/healthz"
	// :method GET, :scheme https, :path, :authority x (RFC 7541, appendix A)
	headers := append(append([]byte{0x82, 0x87, 0x44, byte(len(path))}, path...), 0x41, 1, 'x')
	for range 4 {
		conn, err := (&tls.Dialer{Config: config}).DialContext(t.Context(), "tcp", address)
		if err != nil {
			t.Fatal(err)
		}
		go func() { _, _ = io.Copy(io.Discard, conn) }() // ends with the connection
		flood := append([]byte("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"), frame(4, 0, 0, nil)...)
		for stream := uint32(1); stream < 4000; stream += 2 {
			flood = append(flood, frame(1, 5, stream, headers)...)            // HEADERS, whole
			flood = append(flood, frame(3, 0, stream, []byte{0, 0, 0, 8})...) // RST_STREAM, CANCEL
		}
		if err := conn.SetWriteDeadline(time.Now().Add(10 * time.Second)); err != nil {
			t.Fatal(err)
		}
		_, _ = conn.Write(flood) // the server may have ended the connection
		ask, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "https://"+address+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		answer, err := client.Do(ask)
		if err != nil || answer.StatusCode != 200 || answer.ProtoMajor != 2 {
			t.Fatalf("another client, meanwhile: %+v, %v", answer, err)
		}
		_ = answer.Body.Close()
		_ = conn.Close()
	}
	select {
	case err := <-done:
		t.Fatalf("the server ended: %v", err)
	default:
	}
}

// TestManySlowClientsLeaveTheServerToTheOthers holds connections open with half a
// header and half a body.
func TestManySlowClientsLeaveTheServerToTheOthers(t *testing.T) {
	s, _ := newServer(t, func(c *Config) { c.Drain = 50 * time.Millisecond })
	makeTenant(t, s)
	r := run(t, s)
	address := strings.TrimPrefix(r.url, "http://")
	for i := range 100 {
		conn := dial(t, address)
		half := "GET /api/v1/quotas HTTP/1.1\r\nHost: x\r\nX-Slow: "
		if i%2 == 0 {
			half = "POST /api/v1/events?tenant=acme HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer " + operator + "\r\nContent-Length: 1000\r\n\r\n["
		}
		if _, err := io.WriteString(conn, half); err != nil {
			t.Fatal(err)
		}
	}
	for range 20 {
		if status, _, body := r.call(t, "GET", "/api/v1/quotas?tenant=acme", operator, ""); status != 200 {
			t.Fatalf("%d %s", status, body)
		}
	}
	r.stop() // and it does not wait for them longer than it says
	if err := <-r.done; err != nil {
		t.Fatal(err)
	}
}

// TestEveryWaitForAClientIsBounded holds the outer bounds of connections: without
// one, whoever sends slowly enough is served for ever.
func TestEveryWaitForAClientIsBounded(t *testing.T) {
	s, _ := newServer(t, nil)
	h := s.httpServer(t.Context())
	for what, d := range map[string]time.Duration{"headers": h.ReadHeaderTimeout, "bodies": h.ReadTimeout, "answers": h.WriteTimeout, "idleness": h.IdleTimeout} {
		if d <= 0 || d > 5*time.Minute {
			t.Errorf("%s may take %v", what, d)
		}
	}
	if h.MaxHeaderBytes <= 0 || h.MaxHeaderBytes > 1<<20 {
		t.Errorf("headers may have %d bytes", h.MaxHeaderBytes)
	}
	h.ReadHeaderTimeout = 50 * time.Millisecond // the same server, sooner
	on, err := Listen(t.Context(), "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	go func() { _ = h.Serve(on) }() // ends with Close
	defer func() { _ = h.Close() }()
	conn, err := new(net.Dialer).DialContext(t.Context(), "tcp", on.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	if _, err := io.WriteString(conn, "GET /healthz HTTP/1.1\r\nHost: x\r\nX-Slow: "); err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadAll(conn); err != nil { // the server ends it, or this does not return
		t.Logf("ended with %v", err)
	}
}
