package server

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/usance/usance"
	"github.com/usance/usance/ledger"
	"github.com/usance/usance/registry"
)

// charged is a tenant with a tree of four levels, each with a hard quota, and a
// token to charge it with.
type charged struct {
	testing.TB
	server *Server
	turn   int
}

func newCharged(t testing.TB) *charged {
	t.Helper()
	c := &charged{TB: t}
	c.server, _ = newServer(t, func(cfg *Config) { cfg.Logger, cfg.Now = nil, time.Now })
	e := registry.Edit{Tenant: &usance.Tenant{}, Tokens: []registry.TokenSpec{{Token: usance.Token{Name: "charger", Role: usance.RoleIngester}, Secret: "us_charger_of_the_tests"}}}
	for _, node := range []usance.Path{"/", "/a", "/a/b", "/a/b/c"} {
		e.Quotas = append(e.Quotas, usance.Quota{Node: node, Meter: "vm.cpuNum", Limit: 1 << 50, Window: usance.Lifetime, Enforce: usance.Hard})
	}
	if _, err := c.server.Registry().Edit(t.Context(), usance.Actor{}, "acme", e); err != nil {
		t.Fatal(err)
	}
	return c
}

// overHTTP charges from beginning to end, but for the connection.
func (c *charged) overHTTP() {
	c.turn++
	body := fmt.Sprintf(`{"id":"r0001-0001-%08d","node":"/a/b/c","items":[{"meter":"vm.cpuNum","amount":1}]}`, c.turn)
	r := httptest.NewRequestWithContext(c.Context(), http.MethodPost, "/api/v1/charges", strings.NewReader(body))
	r.Header["Authorization"], r.Header["Content-Type"] = []string{"Bearer us_charger_of_the_tests"}, []string{"application/json"}
	w := &sink{h: http.Header{}}
	c.server.Handler().ServeHTTP(w, r)
	if w.status != http.StatusOK {
		c.Fatalf("the charge was answered with %d", w.status)
	}
}

// direct charges the ledger alone, with a request made and thrown away.
func (c *charged) direct() {
	c.turn++
	body := fmt.Sprintf(`{"id":"r0001-0001-%08d","node":"/a/b/c","items":[{"meter":"vm.cpuNum","amount":1}]}`, c.turn)
	r := httptest.NewRequestWithContext(c.Context(), http.MethodPost, "/api/v1/charges", strings.NewReader(body))
	r.Header["Authorization"], r.Header["Content-Type"] = []string{"Bearer us_charger_of_the_tests"}, []string{"application/json"}
	_ = &sink{h: http.Header{}}
	if _, err := c.server.Ledger().Charge(r.Context(), usance.Actor{Name: "token:charger"}, "acme",
		ledger.Charge{ID: body[7:26], Node: "/a/b/c", Items: []usance.Item{{Meter: "vm.cpuNum", Amount: 1}}}); err != nil {
		c.Fatal(err)
	}
}

// processor is the processor time that this process has taken.
func processor(t testing.TB) time.Duration {
	var use syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &use); err != nil {
		t.Fatal(err)
	}
	return time.Duration(use.Utime.Nano() + use.Stime.Nano())
}

// BenchmarkCharge is a charge over HTTP, but for the connection, and by the ledger
// alone: what lies between them is the cost of HTTP.
func BenchmarkCharge(b *testing.B) {
	c := newCharged(b)
	for _, way := range []struct {
		name string
		do   func()
	}{{"http", c.overHTTP}, {"ledger", c.direct}} {
		b.Run(way.name, func(b *testing.B) {
			b.ReportAllocs()
			begun := processor(b)
			for b.Loop() {
				way.do()
			}
			b.ReportMetric(float64(processor(b)-begun)/float64(b.N), "cpu-ns/op")
		})
	}
}
