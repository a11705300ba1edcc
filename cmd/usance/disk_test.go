package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/usance/usance"
	"github.com/usance/usance/api/wire"
	"github.com/usance/usance/client"
)

// smallDisk mounts a disk of so many megabytes in memory, where this process may.
func smallDisk(t *testing.T, megabytes int) string {
	t.Helper()
	dir := t.TempDir()
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, fmt.Sprintf("size=%dm", megabytes)); err != nil {
		t.Skipf("no disk can be mounted here (%v): run it as root. "+
			"The same on a disk simulated in memory, which always runs: go test ./store/pebblestore -run FullDisk", err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(dir, syscall.MNT_DETACH); err != nil {
			t.Error(err)
		}
	})
	return dir
}

// fill writes a file that leaves so many bytes of the disk free, and none when
// there are fewer already.
func fill(t *testing.T, path string, left uint64) {
	t.Helper()
	var disk syscall.Statfs_t
	if err := syscall.Statfs(filepath.Dir(path), &disk); err != nil {
		t.Fatal(err)
	}
	free := disk.Bavail * uint64(disk.Bsize)
	if free <= left {
		return
	}
	if err := os.WriteFile(path, make([]byte, free-left), 0o600); err != nil && !errors.Is(err, syscall.ENOSPC) {
		t.Fatal(err)
	}
}

// TestAFullDiskRefusesWritesAndReadsGoOn fills the disk under a real server, twice,
// in front of it and in the middle of its log, and makes space again.
func TestAFullDiskRefusesWritesAndReadsGoOn(t *testing.T) {
	binary, disk := build(t), smallDisk(t, 160)
	dir := filepath.Join(disk, "data")
	p, c := serveProcess(t, binary, dir, 1)
	if _, err := c.ForTenant("").Apply(t.Context(), []byte(crashManifest), false); err != nil {
		t.Fatal(err)
	}
	requests := map[string]bool{}
	const perRequest = 50
	send := func(name string) error {
		_, err := c.Send(t.Context(), crashEvents(name, perRequest))
		requests[name] = err == nil
		return err
	}
	for round, left := range []uint64{1 << 20, 0} {
		if err := send(fmt.Sprint(round, " before")); err != nil {
			t.Fatal(err)
		}
		filler := filepath.Join(disk, "filler")
		fill(t, filler, left)
		var refused error
		for i := 0; refused == nil; i++ {
			refused = send(fmt.Sprint(round, "-", i))
		}
		if usance.KindOf(refused) != usance.KindUnavailable || !strings.Contains(refused.Error(), "disk is full") {
			t.Fatalf("a write on a full disk: %v", refused)
		}
		checkRequests(t, c, requests, perRequest)
		if v, err := c.Verify(t.Context(), nil); err != nil || v.Fault != "" {
			t.Errorf("verify on a full disk: %+v, %v", v, err)
		}
		if got := statusAt(t, p.url+"/readyz"); got != http.StatusServiceUnavailable {
			t.Errorf("/readyz on a full disk: %d", got)
		}
		if got := statusAt(t, p.url+"/healthz"); got != http.StatusOK {
			t.Errorf("/healthz on a full disk: %d", got)
		}
		if err := os.Remove(filler); err != nil {
			t.Fatal(err)
		}
		for statusAt(t, p.url+"/readyz") != http.StatusOK { // the test's own time is the bound
			if t.Context().Err() != nil {
				t.Fatal("the disk has space again, and the server is not ready")
			}
		}
		for name, ok := range requests {
			if !ok {
				if err := send(name); err != nil {
					t.Fatalf("a write once there is space again: %v", err)
				}
			}
		}
	}
	checkRequests(t, c, requests, perRequest)
	if err := p.stop(syscall.SIGKILL); err == nil {
		t.Fatal("the server ended by itself")
	}
	p, c = serveProcess(t, binary, dir, 1)
	checkRequests(t, c, requests, perRequest)
	if v, err := c.Verify(t.Context(), nil); err != nil || v.Fault != "" {
		t.Errorf("verify: %+v, %v", v, err)
	}
	if err := p.stop(syscall.SIGTERM); err != nil {
		t.Fatalf("stopping in order: %v", err)
	}
}

func statusAt(t *testing.T, url string) int {
	t.Helper()
	req, err := http.NewRequestWithContext(context.WithoutCancel(t.Context()), http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	if err := resp.Body.Close(); err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode
}

// TestACorruptTableIsNamedAndNeverServed flips a byte of each sorted file of a real
// store in turn. Whatever a server then answers is right or an error, and where it
// is an error, or verify finds the byte, the file is named.
func TestACorruptTableIsNamedAndNeverServed(t *testing.T) {
	binary, dir := build(t), t.TempDir()
	p, c := serveProcess(t, binary, dir, 1)
	if _, err := c.ForTenant("").Apply(t.Context(), []byte(crashManifest), false); err != nil {
		t.Fatal(err)
	}
	const sent, perRequest = 20, 100
	for i := range sent {
		if _, err := c.Send(t.Context(), crashEvents(fmt.Sprint(i), perRequest)); err != nil {
			t.Fatal(err)
		}
	}
	for range 2 { // opening writes what is in the log to tables
		if err := p.stop(syscall.SIGTERM); err != nil {
			t.Fatal(err)
		}
		p, _ = serveProcess(t, binary, dir, 1)
	}
	if err := p.stop(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	tables, err := filepath.Glob(filepath.Join(dir, storeFolder, "*.sst"))
	if err != nil || len(tables) == 0 {
		t.Fatalf("no tables: %v", err)
	}
	found := 0
	for _, table := range tables {
		good, err := os.ReadFile(table)
		if err != nil {
			t.Fatal(err)
		}
		for _, at := range []int{10, len(good) / 2} {
			bad := slices.Clone(good)
			bad[at] ^= 0xFF
			if err := os.WriteFile(table, bad, 0o600); err != nil {
				t.Fatal(err)
			}
			told := askCorrupt(t, binary, dir, 3*sent*perRequest)
			out, err := exec.CommandContext(t.Context(), binary, "verify", "--data", dir).CombinedOutput()
			if told += string(out); err == nil {
				t.Logf("%s: nothing that is kept for anybody lies at %d", filepath.Base(table), at)
				continue
			}
			found++
			if !strings.Contains(told, filepath.Base(table)) {
				t.Errorf("a flipped byte of %s is met and the file is not named:\n%s", filepath.Base(table), told)
			}
		}
		if err := os.WriteFile(table, good, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if found == 0 {
		t.Error("no flipped byte was found")
	}
}

// askCorrupt starts a server on a folder that may be corrupt and asks it what it
// can; it returns what the server wrote to its log.
func askCorrupt(t *testing.T, binary, dir string, want int64) string {
	t.Helper()
	log := filepath.Join(t.TempDir(), "log")
	logged := func() string {
		b, err := os.ReadFile(log)
		if err != nil {
			t.Fatal(err)
		}
		return string(b)
	}
	p, err := start(exec.CommandContext(context.Background(), "sh", "-c", `exec "$@" 2>"$0"`, log, binary, "serve", "--listen", "127.0.0.1:0", "--data", dir, "--log-level", "error"))
	if err != nil {
		return logged() // it says why it does not start
	}
	c := operatorsClient(t, p, dir, 1)
	refused := func(err error) bool {
		if err != nil && usance.KindOf(err) != usance.KindInternal && usance.KindOf(err) != usance.KindUnavailable {
			t.Errorf("a corrupt store is answered %v", err)
		}
		return err != nil
	}
	out, err := c.Usage(t.Context(), "n", client.UsageQuery{})
	failed := refused(err)
	if err == nil {
		if sum, _ := out.Data[0].Value.Amount(); sum != want {
			t.Errorf("a corrupt store was served: %d, not %d", sum, want)
		}
	}
	n := int64(0)
	for e, err := range client.All(func(cursor string) (wire.List[wire.StoredEvent], error) {
		return c.Events(t.Context(), client.EventFilter{Cursor: cursor, Limit: usance.MaxPageSize})
	}) {
		if refused(err) {
			failed = true
			break
		}
		if n++; e.Event.Type != "crash" {
			t.Errorf("a corrupt store was served: %+v", e)
		}
	}
	if !failed && n*3 != want {
		t.Errorf("a corrupt store was served: %d events", n)
	}
	_ = p.stop(syscall.SIGTERM) // a corrupt store may not close in order
	if failed && !strings.Contains(logged(), ".sst") {
		t.Errorf("requests failed and the log names no file: %s", logged())
	}
	return logged()
}
