package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/usance/usance"
	"github.com/usance/usance/api/wire"
	"github.com/usance/usance/client"
)

// build makes the real binary, as users run it.
func build(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "usance")
	if out, err := exec.CommandContext(t.Context(), "go", "build", "-o", path, ".").CombinedOutput(); err != nil {
		t.Fatalf("go build: %v\n%s", err, out)
	}
	return path
}

// serveProcess starts the binary on a folder and returns an operator's client.
func serveProcess(t *testing.T, binary, dir string, attempts int) (*process, *client.Client) {
	t.Helper()
	p, err := start(exec.CommandContext(context.Background(), binary, "serve", "--listen", "127.0.0.1:0", "--data", dir, "--log-level", "error"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = p.cmd.Process.Kill() }) // it has ended in a test that passed
	return p, operatorsClient(t, p, dir, attempts)
}

// operatorsClient speaks to a process as the operator of its folder, about acme.
func operatorsClient(t *testing.T, p *process, dir string, attempts int) *client.Client {
	t.Helper()
	return operatorsClientOver(t, p, dir, client.Options{Attempts: attempts})
}

func operatorsClientOver(t *testing.T, p *process, dir string, o client.Options) *client.Client {
	t.Helper()
	token, err := os.ReadFile(filepath.Join(dir, operatorFile))
	if err != nil {
		t.Fatal(err)
	}
	o.URL, o.Token, o.Tenant = p.url, strings.TrimSpace(string(token)), "acme"
	c, err := client.New(o)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// kills is how often a test kills its server: USANCE_KILLS, or so many.
func kills(t *testing.T, fallback int) int {
	t.Helper()
	text := os.Getenv("USANCE_KILLS")
	if text == "" {
		return fallback
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 {
		t.Fatalf("USANCE_KILLS: %q is not a number from 1", text)
	}
	return n
}

const crashManifest = `
tenants:
- id: acme
  meters:
  - {name: n, unit: "1", aggregation: sum, events: [{type: crash, amount: data.n}]}
`

// TestWhatWasAcknowledgedIsThereOnceAfterKill9 kills a real server while several
// senders are at it, starts it again on the same folder, and looks for every
// event that was acknowledged, and for halves of requests.
func TestWhatWasAcknowledgedIsThereOnceAfterKill9(t *testing.T) {
	binary, dir := build(t), t.TempDir()
	const senders, perRequest, killAfter = 4, 25, 40
	rounds := kills(t, 4)
	requests := map[string]bool{} // every request sent → acknowledged
	for round := range rounds {
		p, c := serveProcess(t, binary, dir, 1)
		if round == 0 {
			if _, err := c.ForTenant("").Apply(t.Context(), []byte(crashManifest), false); err != nil {
				t.Fatal(err)
			}
		} else {
			checkRequests(t, c, requests, perRequest)
		}
		var mu sync.Mutex
		var wg sync.WaitGroup
		var acknowledged atomic.Int64
		enough := make(chan struct{})
		for s := range senders {
			wg.Go(func() {
				for n := 0; ; n++ {
					request := fmt.Sprintf("%d-%d-%d", round, s, n)
					_, err := c.Send(context.Background(), crashEvents(request, perRequest))
					mu.Lock()
					requests[request] = err == nil
					mu.Unlock()
					if err != nil {
						return // the server is gone
					}
					if acknowledged.Add(1) == killAfter {
						close(enough)
					}
				}
			})
		}
		<-enough
		if err := p.stop(syscall.SIGKILL); err == nil {
			t.Fatal("the server ended by itself")
		}
		wg.Wait()
	}
	p, c := serveProcess(t, binary, dir, 1)
	checkRequests(t, c, requests, perRequest)
	// Whoever got no answer sends again; then everything is there once.
	for request, ok := range requests {
		if !ok {
			if _, err := c.Send(t.Context(), crashEvents(request, perRequest)); err != nil {
				t.Fatal(err)
			}
			requests[request] = true
		}
	}
	checkRequests(t, c, requests, perRequest)
	if v, err := c.Verify(t.Context(), nil); err != nil || v.Fault != "" {
		t.Errorf("%+v, %v", v, err)
	}
	t.Logf("%d kills", rounds)
	if err := p.stop(syscall.SIGTERM); err != nil {
		t.Fatalf("stopping in order: %v", err)
	}
}

func crashEvents(request string, n int) []wire.Event {
	var events []wire.Event
	for i := range n {
		events = append(events, wire.Event{ID: fmt.Sprintf("%s-%d", request, i), Source: "crash", Type: "crash", Subject: request, Data: jsontext.Value(`{"n":3}`)})
	}
	return events
}

// checkRequests reads every event back and wants those of acknowledged requests
// there once, those of others wholly or not at all, and the meter to agree.
func checkRequests(t *testing.T, c *client.Client, requests map[string]bool, perRequest int) {
	t.Helper()
	seen, stored := map[string]bool{}, map[string]int{}
	for e, err := range client.All(func(cursor string) (wire.List[wire.StoredEvent], error) {
		return c.Events(t.Context(), client.EventFilter{Type: "crash", Cursor: cursor, Limit: usance.MaxPageSize})
	}) {
		if err != nil {
			t.Fatal(err)
		}
		if seen[e.Event.ID] {
			t.Errorf("event %s is there twice", e.Event.ID)
		}
		seen[e.Event.ID] = true
		stored[e.Event.Subject]++
	}
	acknowledged := 0
	for request, ok := range requests {
		n := stored[request]
		if ok {
			acknowledged++
		}
		if ok && n != perRequest || n != 0 && n != perRequest {
			t.Errorf("request %s (acknowledged: %v) has %d of %d events", request, ok, n, perRequest)
		}
		delete(stored, request)
	}
	if len(stored) > 0 {
		t.Errorf("there are events nobody sent: %v", stored)
	}
	out, err := c.Usage(t.Context(), "n", client.UsageQuery{})
	if err != nil || len(out.Data) != 1 {
		t.Fatalf("usage: %+v, %v", out, err)
	}
	if sum, _ := out.Data[0].Value.Amount(); sum != int64(3*len(seen)) {
		t.Errorf("the meter says %d, the events make %d", sum, 3*len(seen))
	}
	t.Logf("%d events of %d requests, %d of them acknowledged", len(seen), len(requests), acknowledged)
}
