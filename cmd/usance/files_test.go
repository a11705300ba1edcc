package main

import (
	"bufio"
	"context"
	"fmt"
	"net"
	"net/http"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/usance/usance/client"
)

// TestConnectionsDoNotTakeTheStoresFiles runs a real server that may have few files
// open, and opens more connections than that. Those past the bound are told so; who
// is connected goes on writing and verifying; when the others have gone, new ones are
// served.
func TestConnectionsDoNotTakeTheStoresFiles(t *testing.T) {
	const limit, strangers = 160, 300
	binary, dir := build(t), t.TempDir()
	p, err := start(exec.CommandContext(context.Background(), "sh", "-c", fmt.Sprintf(`ulimit -n %d && exec "$@"`, limit), "sh", binary, "serve", "--listen", "127.0.0.1:0", "--data", dir, "--log-level", "error"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = p.cmd.Process.Kill() }) // it has ended in a test that passed
	c := operatorsClient(t, p, dir, 1)
	if _, err := c.ForTenant("").Apply(t.Context(), []byte(crashManifest), false); err != nil {
		t.Fatal(err)
	}
	var held []net.Conn
	told := 0
	for range strangers {
		conn, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", strings.TrimPrefix(p.url, "http://"))
		if err != nil {
			t.Fatal(err)
		}
		held = append(held, conn)
	}
	for _, conn := range held[divideFiles(limit).connections:] {
		resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
		if err != nil || resp.StatusCode != http.StatusServiceUnavailable {
			t.Fatalf("a connection past the bound: %+v, %v", resp, err)
		}
		_ = resp.Body.Close() // it has been read
		told++
	}
	requests := map[string]bool{}
	for i := range 40 { // enough for the engine to change logs and write tables
		name := fmt.Sprint(i)
		if _, err := c.Send(t.Context(), crashEvents(name, 500)); err != nil {
			t.Fatalf("with %d connections refused: %v", told, err)
		}
		requests[name] = true
	}
	checkRequests(t, c, requests, 500)
	if v, err := c.Verify(t.Context(), nil); err != nil || v.Fault != "" {
		t.Errorf("%+v, %v", v, err)
	}
	for _, conn := range held {
		if err := conn.Close(); err != nil {
			t.Fatal(err)
		}
	}
	// The server notices that they have gone in its own time.
	other := &http.Transport{}
	t.Cleanup(other.CloseIdleConnections)
	fresh := operatorsClientOver(t, p, dir, client.Options{Attempts: 20, HTTP: &http.Client{Transport: other, Timeout: time.Minute}})
	if _, err := fresh.Usage(t.Context(), "n", client.UsageQuery{}); err != nil {
		t.Errorf("once the others have gone: %v", err)
	}
	t.Logf("%d files, %d connections, %d told there are too many", limit, strangers, told)
	if err := p.stop(syscall.SIGTERM); err != nil {
		t.Fatalf("stopping in order: %v", err)
	}
}

// TestFilesAreDividedWithinTheLimit holds for every limit that leaves room for the
// least there must be.
func TestFilesAreDividedWithinTheLimit(t *testing.T) {
	for _, limit := range []uint64{0, 64, 160, 256, 1024, 4096, 65536, 1 << 20, 1 << 62} {
		f := divideFiles(limit)
		if f.store < leastFiles || f.store > mostFiles || f.connections < leastConns {
			t.Errorf("%d: %+v", limit, f)
		}
		if limit >= 2*leastFiles+otherFiles+leastConns && uint64(f.store+leastFiles+otherFiles+f.connections) > limit {
			t.Errorf("%d: %+v is more than there is", limit, f)
		}
	}
}
