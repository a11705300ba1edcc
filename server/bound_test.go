package server

import (
	"bufio"
	"net"
	"net/http"
	"testing"
)

// TestAConnectionPastTheBoundIsToldSoAndMakesNoRoomShort opens more connections than
// are allowed; once one is closed the next is served.
func TestAConnectionPastTheBoundIsToldSoAndMakesNoRoomShort(t *testing.T) {
	inner, err := Listen(t.Context(), "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	on := Bound(inner, 2, true)
	defer func() { _ = on.Close() }() // it only listens
	served := make(chan net.Conn, 10)
	go func() {
		for {
			conn, err := on.Accept()
			if err != nil {
				close(served)
				return
			}
			served <- conn
		}
	}()
	dial := func() net.Conn {
		t.Helper()
		conn, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", inner.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = conn.Close() }) // twice for some
		return conn
	}
	dial()
	dial()
	first, second := <-served, <-served
	resp, err := http.ReadResponse(bufio.NewReader(dial()), nil)
	if err != nil || resp.StatusCode != http.StatusServiceUnavailable || resp.Header.Get("Retry-After") == "" {
		t.Fatalf("the third: %+v, %v", resp, err)
	}
	if err := resp.Body.Close(); err != nil {
		t.Fatal(err)
	}
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	_ = first.Close() // closing again gives no second place
	dial()
	<-served
	resp, err = http.ReadResponse(bufio.NewReader(dial()), nil)
	if err != nil || resp.StatusCode != http.StatusServiceUnavailable {
		t.Fatalf("past the bound again: %+v, %v", resp, err)
	}
	_ = resp.Body.Close()
	_ = second.Close()
}
