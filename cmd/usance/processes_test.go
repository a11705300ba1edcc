package main

import (
	"context"
	"crypto/sha512"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/usance/usance"
	"github.com/usance/usance/api/wire"
	"github.com/usance/usance/client"
	"github.com/usance/usance/store/pgstore/pgtest"
)

// shared is a PostgreSQL server and how processes are started on it: each with a
// folder of its own and the secrets that they share.
type shared struct {
	pg     *pgtest.Server
	binary string
	env    []string
	dir    string
}

func newShared(t *testing.T) *shared {
	t.Helper()
	pgtest.Need(t)
	pg, err := pgtest.Start()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := pg.Close(); err != nil {
			t.Error(err)
		}
	})
	return &shared{pg: pg, binary: build(t), dir: t.TempDir(), env: []string{
		"USANCE_STORE=" + pg.URL("postgres"), "USANCE_MASTER_KEY=" + hex.EncodeToString(make([]byte, 32)), "USANCE_OPERATOR_TOKEN=us_the-token-of-every-process"}}
}

// serve starts a process at the address.
func (s *shared) serve(t *testing.T, name, listen string) (*process, *client.Client) {
	t.Helper()
	cmd := exec.CommandContext(context.Background(), s.binary, "serve", "--listen", listen, "--data", filepath.Join(s.dir, name), "--log-level", "error")
	cmd.Env = s.env
	p, err := start(cmd)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = p.cmd.Process.Kill() }) // it has ended in a test that passed
	c, err := client.New(client.Options{URL: p.url, Token: "us_the-token-of-every-process", Tenant: "acme", Attempts: 1})
	if err != nil {
		t.Fatal(err)
	}
	return p, c
}

const sharedManifest = `
tenants:
- id: acme
  aliases: {huawei.domain: acme}
  users:
  - {name: ops, password: "S3cret-2026!", role: admin}
  meters:
  - {name: seats, unit: "1", aggregation: level}
  - {name: n, unit: "1", aggregation: sum, events: [{type: crash, amount: data.n}]}
  quotas:
  - {node: /, meter: seats, limit: 900}
  - {node: /a, meter: seats, limit: 700}
  - {node: /a/b, meter: seats, limit: 500}
  - {node: /a/b/c, meter: seats, limit: unlimited}
`

func TestTwoProcessesAnd64ClientsFillATreeAndNeverPassIt(t *testing.T) {
	s := newShared(t)
	_, one := s.serve(t, "one", "127.0.0.1:0")
	_, two := s.serve(t, "two", "127.0.0.1:0")
	if _, err := one.ForTenant("").Apply(t.Context(), []byte(sharedManifest), false); err != nil {
		t.Fatal(err)
	}
	processes := []*client.Client{one, two}
	// Each node is filled up while the 64 find room, so that the last unit of each
	// is what they race for.
	for _, fill := range []struct {
		node, fills usance.Path
		full        usance.Amount
	}{{"/a/b/c", "/a/b", 500}, {"/a", "/a", 700}, {"/", "/", 900}} {
		var granted atomic.Int64
		var wg sync.WaitGroup
		for c := range 64 {
			wg.Go(func() {
				for i := 0; ; i++ {
					_, err := processes[(c+i)%2].Charge(t.Context(), wire.Charge{ID: fmt.Sprint(fill.node, c, i), Node: fill.node, Items: []wire.Item{{Meter: "seats", Amount: 1}}})
					switch {
					case err == nil:
						granted.Add(1)
					case usance.KindOf(err) == usance.KindExceeded:
						return
					default:
						t.Error(err)
						return
					}
				}
			})
		}
		wg.Wait()
		for i, c := range processes {
			q, err := c.Quotas(t.Context(), "/", "seats", true)
			if err != nil {
				t.Fatal(err)
			}
			for _, q := range q {
				if q.Node == fill.fills && q.Used != fill.full {
					t.Errorf("process %d: %s has %d used, want it full at %d", i, q.Node, q.Used, fill.full)
				}
				if usance.Amount(q.Limit) != usance.Unlimited && q.Used > usance.Amount(q.Limit) {
					t.Errorf("process %d: %s has %d used of %d", i, q.Node, q.Used, q.Limit)
				}
			}
		}
		t.Logf("%s: %d granted", fill.node, granted.Load())
	}
	if v, err := two.Verify(t.Context(), nil); err != nil || v.Fault != "" {
		t.Errorf("%+v, %v", v, err)
	}
}

func TestSessionsTokensHoldsAndWritesHoldAcrossProcesses(t *testing.T) {
	s := newShared(t)
	first, one := s.serve(t, "one", "127.0.0.1:0")
	second, two := s.serve(t, "two", "127.0.0.1:0")
	if _, err := one.ForTenant("").Apply(t.Context(), []byte(sharedManifest), false); err != nil {
		t.Fatal(err)
	}

	// A session of one process is a session of the other, until it is ended.
	zstack := func(p *process, method, path, session, body string) (int, string) {
		t.Helper()
		req, err := http.NewRequestWithContext(t.Context(), method, p.url+path, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Authorization", "OAuth "+session)
		return ask(t, req)
	}
	digest := sha512.Sum512([]byte("S3cret-2026!"))
	status, answer := zstack(first, http.MethodPut, "/zstack/v1/accounts/login", "", `{"logInByAccount":{"accountName":"ops","password":"`+hex.EncodeToString(digest[:])+`"}}`)
	_, rest, _ := strings.Cut(answer, `"uuid":"`)
	session, _, ok := strings.Cut(rest, `"`)
	if status != http.StatusOK || !ok {
		t.Fatalf("signing in: %d %s", status, answer)
	}
	if status, answer := zstack(second, http.MethodGet, "/zstack/v1/accounts/sessions/"+session+"/valid", session, ""); status != http.StatusOK || !strings.Contains(answer, "true") {
		t.Errorf("the session at the other process: %d %s", status, answer)
	}
	if status, answer := zstack(second, http.MethodDelete, "/zstack/v1/accounts/sessions/"+session, session, ""); status != http.StatusOK {
		t.Errorf("signing out: %d %s", status, answer)
	}
	if status, answer := zstack(first, http.MethodGet, "/zstack/v1/accounts/sessions/"+session+"/valid", session, ""); strings.Contains(answer, "true") {
		t.Errorf("the session after it was ended at the other process: %d %s", status, answer)
	}

	// So are tokens and definitions.
	token, err := one.CreateToken(t.Context(), wire.PutToken{Token: usance.Token{Name: "collector", Role: usance.RoleAdmin}})
	if err != nil {
		t.Fatal(err)
	}
	at, err := client.New(client.Options{URL: second.url, Token: token.Secret, Attempts: 1})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := at.Meter(t.Context(), "seats"); err != nil {
		t.Errorf("a token made at the other process: %v", err)
	}
	if err := one.DeleteToken(t.Context(), "collector"); err != nil {
		t.Fatal(err)
	}
	if _, err := at.Meter(t.Context(), "seats"); usance.KindOf(err) != usance.KindUnauthorized {
		t.Errorf("a token ended at the other process: %v", err)
	}

	// A read that asks for a write's sequence sees it, wherever it lands, and says
	// so of one that is not there yet.
	for i := range 20 {
		from, to := one, two
		if i%2 == 1 {
			from, to = two, one
		}
		r, err := from.Send(t.Context(), crashEvents(fmt.Sprint("written-", i), 1))
		if err != nil {
			t.Fatal(err)
		}
		out, err := to.AtLeast(r.Sequence).Usage(t.Context(), "n", client.UsageQuery{})
		if err != nil {
			t.Fatal(err)
		}
		if sum, _ := out.Data[0].Value.Amount(); sum != int64(3*(i+1)) {
			t.Errorf("write %d: the other process reads %d", i, sum)
		}
	}

	// A hold of one is settled at the other, and one whose time is up gives its room
	// back at both.
	reserve := func(c *client.Client, id string, ttl wire.Seconds) {
		t.Helper()
		if _, err := c.Reserve(t.Context(), wire.Reserve{ID: id, Node: "/a", Items: []wire.Item{{Meter: "seats", Amount: 7}}, TTL: ttl}); err != nil {
			t.Fatal(err)
		}
	}
	reserve(one, "settled", 3600)
	reserve(one, "left", 1)
	if _, err := two.Settle(t.Context(), "settled", wire.Settle{}); err != nil {
		t.Fatal(err)
	}
	for _, c := range []*client.Client{one, two} {
		for {
			q, err := c.Quotas(t.Context(), "/a", "seats", false)
			if err != nil || len(q) != 1 || q[0].Used != 7 || q[0].Reserved != 0 && q[0].Reserved != 7 {
				t.Fatalf("%+v, %v", q, err)
			}
			if q[0].Reserved == 0 { // its second has passed
				break
			}
		}
	}
}

// ask makes a request and returns the status and the whole answer.
func ask(t *testing.T, req *http.Request) (int, string) {
	t.Helper()
	answer, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	body, err := io.ReadAll(answer.Body)
	if err = errors.Join(err, answer.Body.Close()); err != nil {
		t.Fatal(err)
	}
	return answer.StatusCode, string(body)
}

// reach waits until the count is there, or all have ended.
func reach(count *atomic.Int64, n int64, ended <-chan struct{}) {
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for count.Load() < n {
		select {
		case <-ended:
			return
		case <-tick.C:
		}
	}
}

// TestFaultsOfServersAndProcessesLoseAndDoubleNothing crashes PostgreSQL and kills
// processes while senders and buyers go on, each repeating what was not
// acknowledged at whichever process answers.
func TestFaultsOfServersAndProcessesLoseAndDoubleNothing(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	s := newShared(t)
	names := []string{"one", "two"}
	running := make([]*process, 2)
	clients := make([]*client.Client, 2)
	for i, name := range names {
		running[i], clients[i] = s.serve(t, name, "127.0.0.1:0")
	}
	if _, err := clients[0].ForTenant("").Apply(t.Context(), []byte(sharedManifest), false); err != nil {
		t.Fatal(err)
	}
	const senders, requestsEach, perRequest = 6, 60, 10
	var acknowledged, repeats atomic.Int64
	requests := map[string]bool{}
	ended := make(chan struct{})
	var wg sync.WaitGroup
	for w := range senders {
		for n := range requestsEach {
			requests[fmt.Sprintf("%d-%d", w, n)] = true
		}
		wg.Go(func() {
			for n := range requestsEach {
				for at := w + n; ; at++ {
					id := fmt.Sprintf("%d-%d", w, n)
					_, err := clients[at%2].Send(context.Background(), crashEvents(id, perRequest))
					if err == nil {
						_, err = clients[at%2].Charge(context.Background(), wire.Charge{ID: id, Node: "/a/b/c", Items: []wire.Item{{Meter: "seats", Amount: 1}}})
					}
					if err == nil {
						acknowledged.Add(1)
						break
					}
					if k := usance.KindOf(err); k != usance.KindUnavailable {
						t.Errorf("request %s: %v", id, err)
						return
					}
					repeats.Add(1)
				}
			}
		})
	}
	go func() { wg.Wait(); close(ended) }()
	rnd := rand.New(rand.NewPCG(seed, 1))
	for round := range int64(6) {
		reach(&acknowledged, senders*requestsEach*(round+1)/8, ended)
		if round%2 == 0 {
			if err := s.pg.Crash(); err != nil {
				t.Fatal(err)
			}
			if err := s.pg.Restart(); err != nil {
				t.Fatal(err)
			}
			continue
		}
		i := rnd.IntN(2)
		if err := running[i].stop(syscall.SIGKILL); err == nil {
			t.Fatal("the process ended by itself")
		}
		running[i], _ = s.serve(t, names[i], strings.TrimPrefix(running[i].url, "http://"))
	}
	<-ended
	if repeats.Load() == 0 {
		t.Error("nobody met the faults")
	}
	t.Logf("%d requests acknowledged, %d tries repeated", acknowledged.Load(), repeats.Load())
	for _, c := range clients {
		checkRequests(t, c, requests, perRequest)
		q, err := c.Quotas(t.Context(), "/a/b", "seats", false)
		if err != nil || len(q) != 1 || q[0].Used != senders*requestsEach {
			t.Errorf("%+v, %v", q, err)
		}
	}
	if v, err := clients[0].Verify(t.Context(), nil); err != nil || v.Fault != "" {
		t.Errorf("%+v, %v", v, err)
	}
}
