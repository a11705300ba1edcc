package main

import (
	"context"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
)

// TestABackupUnderLoadBringsBackWhatWasAcknowledged copies a real server's store
// twice while several senders are at it, the second time to the same folder,
// loses everything, restores each copy, and looks for every event that was
// acknowledged before the copy began.
func TestABackupUnderLoadBringsBackWhatWasAcknowledged(t *testing.T) {
	binary, dir, copies := build(t), filepath.Join(t.TempDir(), "data"), filepath.Join(t.TempDir(), "copies")
	const senders, perRequest, before = 4, 25, 30
	p, c := serveProcess(t, binary, dir, 1)
	if _, err := c.ForTenant("").Apply(t.Context(), []byte(crashManifest), false); err != nil {
		t.Fatal(err)
	}
	var mu sync.Mutex
	requests := map[string]bool{} // every request sent → acknowledged
	acknowledged := make(chan struct{})
	var wg sync.WaitGroup
	for s := range senders {
		wg.Go(func() {
			for n := 0; ; n++ {
				request := fmt.Sprintf("%d-%d", s, n)
				mu.Lock()
				requests[request] = false
				mu.Unlock()
				if _, err := c.Send(context.Background(), crashEvents(request, perRequest)); err != nil {
					return // the server is gone
				}
				mu.Lock()
				requests[request] = true
				mu.Unlock()
				select {
				case acknowledged <- struct{}{}:
				default:
				}
			}
		})
	}
	token, err := os.ReadFile(filepath.Join(dir, operatorFile))
	if err != nil {
		t.Fatal(err)
	}
	usance := func(args ...string) string {
		t.Helper()
		cmd := exec.CommandContext(t.Context(), binary, args...)
		cmd.Env = append(os.Environ(), "USANCE_URL="+p.url, "USANCE_TOKEN="+strings.TrimSpace(string(token)))
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Fatalf("usance %s: %v\n%s", args, err, out)
		}
		return string(out)
	}
	var known []map[string]bool // what was acknowledged when each copy began
	for range 2 {
		for range before {
			<-acknowledged
		}
		mu.Lock()
		known = append(known, maps.Clone(requests))
		mu.Unlock()
		usance("backup", copies, "--with-keys", "--keys-from", dir)
	}
	if err := p.stop(syscall.SIGKILL); err == nil {
		t.Fatal("the server ended by itself")
	}
	wg.Wait()
	names, err := filepath.Glob(filepath.Join(copies, "backups", "*.json"))
	if err != nil || len(names) != 2 {
		t.Fatalf("backups %s, %v", names, err)
	}
	for i, name := range names {
		if err := os.RemoveAll(dir); err != nil {
			t.Fatal(err)
		}
		usance("restore", copies, "--at", strings.TrimSuffix(filepath.Base(name), ".json"), "--data", dir)
		usance("verify", "--data", dir)
		// What was sent and not known to be acknowledged is there whole or not at all.
		expected := maps.Clone(known[i])
		for request := range requests {
			if _, ok := expected[request]; !ok {
				expected[request] = false
			}
		}
		restored, c := serveProcess(t, binary, dir, 1)
		checkRequests(t, c, expected, perRequest)
		if err := restored.stop(syscall.SIGTERM); err != nil {
			t.Fatal(err)
		}
	}
}
