package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/usance/usance"
)

const chargedTenants = 64

func chargeToken(tenant int) string { return fmt.Sprintf("us_bench_charger_%04d", tenant) }

// startCharged starts the main server, with the tenants that are charged.
func (b *bench) startCharged() error {
	if err := b.startOurs(); err != nil {
		return err
	}
	return b.chargeable()
}

// chargeable gives the main server what is charged.
func (b *bench) chargeable() error {
	var m strings.Builder
	m.WriteString("tenants:\n")
	for i := range chargedTenants {
		fmt.Fprintf(&m, "- id: %s\n  name: Charged\n  timezone: UTC\n  tokens:\n  - {name: charger, role: ingester, secret: %s}\n", chargeTenant(i), chargeToken(i))
		fmt.Fprintf(&m, "  meters:\n  - {name: %s, unit: \"1\", aggregation: sum, events: [{type: %s, amount: data.tokens}]}\n  quotas:\n", chargeMeter, chargeMeter)
		for _, node := range chargeTree {
			fmt.Fprintf(&m, "  - {node: %s, meter: %s, limit: 1000000000000}\n", node, chargeMeter)
		}
	}
	return b.ours.apply(m.String())
}

// chargeRequest is one client's charge of 1 at a server. Its id is made anew at
// each turn.
func (b *bench) chargeRequest(addr, path, token string, client int) request {
	before := `{"id":"` + b.nextRun() + fmt.Sprintf("-%04d-", client)
	body := before + fmt.Sprintf(`00000000","node":"%s","items":[{"meter":"%s","amount":1}]}`, chargeTree[len(chargeTree)-1], chargeMeter)
	head := fmt.Sprintf("POST %s HTTP/1.1\r\nHost: %s\r\nAuthorization: Bearer %s\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n", path, addr, token, len(body))
	return request{Raw: []byte(head + body), Status: 200, Turn: len(head) + len(before)}
}

const chargesPath = "/api/v1/charges"

// chargeLoad is so many clients that charge so many tenants at a server.
type chargeLoad struct {
	to               *child
	path             string
	token            func(tenant int) string
	clients, tenants int
	rate             float64
	answer           []byte                // of every charge; nil: any
	used             func() (int64, error) // by all the tenants
	during           func()
}

// charge charges, and holds what is used against what was granted.
func (b *bench) charge(c chargeLoad) (float64, *latency, error) {
	before, err := c.used()
	if err != nil {
		return 0, nil, err
	}
	spec := loadSpec{Addr: c.to.addr, Connections: c.clients, Warm: b.seconds / 5, For: b.seconds, Rate: c.rate, Own: true}
	for i := range c.clients {
		r := b.chargeRequest(c.to.addr, c.path, c.token(i%c.tenants), i)
		r.Body = c.answer
		spec.Requests = append(spec.Requests, r)
	}
	busy := c.to.busy()
	out, err := load(spec, c.during)
	if err != nil {
		return 0, nil, err
	}
	if c.to == b.ours {
		b.say("    the server took %.2f µs of processor time a charge", (c.to.busy()-busy)*1e6/float64(out.Answered))
	}
	after, err := c.used()
	if err == nil && after-before != out.Answered {
		err = fmt.Errorf("%d charges were granted and %d more are used", out.Answered, after-before)
	}
	v, l := out.requests()
	return v, l, err
}

// chargeOverHTTP charges the main server, and holds the use of every level of every
// tenant against what was granted.
func (b *bench) chargeOverHTTP(pass, clients, tenants int, rate float64) (float64, *latency, error) {
	return b.charge(chargeLoad{to: b.ours, path: chargesPath, token: chargeToken, clients: clients, tenants: tenants, rate: rate,
		used: func() (int64, error) { return b.charged(tenants) }, during: b.profiling(pass, fmt.Sprintf("P3-http-%d-%d", clients, tenants))})
}

// charged is what the tenants have used, which must be the same on every level.
func (b *bench) charged(tenants int) (int64, error) {
	op, err := b.ours.operator()
	if err != nil {
		return 0, err
	}
	total := int64(0)
	for i := range tenants {
		list, err := op.ForTenant(chargeTenant(i)).Quotas(background(), usance.Root, chargeMeter, true)
		if err != nil {
			return 0, err
		}
		if len(list) != len(chargeTree) {
			return 0, fmt.Errorf("%d quotas of %d", len(list), len(chargeTree))
		}
		for _, q := range list {
			if q.Used != list[0].Used {
				return 0, fmt.Errorf("the levels of the tree differ: %+v", list)
			}
		}
		total += list[0].Used
	}
	return total, nil
}

// p3 is durable charges: over HTTP, and by the ledger alone in one process, which
// tells what HTTP costs.
func (b *bench) p3() error {
	if err := b.startCharged(); err != nil {
		return err
	}
	floor, answer, err := b.startChargeFloor()
	if err != nil {
		return err
	}
	defer floor.end()
	_, noRedis := b.startRedis()
	noSQL := b.startByHand()
	for _, absent := range []error{noRedis, noSQL} {
		if absent != nil && !errors.Is(absent, errAbsent) {
			return absent
		}
	}
	for _, c := range []p3Case{{1, 1, "1 client"}, {64, 1, "64 clients, one tenant"}, {64, chargedTenants, "64 clients, 64 tenants"},
		{512, 1, "512 clients, one tenant"}, {512, chargedTenants, "512 clients, 64 tenants"}} {
		if err := b.p3Row(c, floor, answer, noRedis, noSQL); err != nil {
			return err
		}
	}
	return nil
}

type p3Case struct {
	clients, tenants int
	name             string
}

// startChargeFloor starts a floor that answers a charge as the main server did.
func (b *bench) startChargeFloor() (*child, []byte, error) {
	r := b.chargeRequest(b.ours.addr, chargesPath, chargeToken(0), 0)
	answer, err := once(b.ours.addr, r.Raw)
	if err != nil {
		return nil, nil, err
	}
	dir := filepath.Join(b.base, "charge-floor")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, nil, err
	}
	floor, err := startServer("floor", floorSpec{Dir: dir, Answers: map[string][]byte{chargesPath: answer}})
	return floor, answer, err
}

// p3Row measures one number of clients and tenants.
func (b *bench) p3Row(c p3Case, floor *child, answer []byte, noRedis, noSQL error) error {
	b.say("P3, %s", c.name)
	r := row{ID: "P3", Case: "durable charges on a 4-level tree, " + c.name, Unit: "charges/s", Ours: series{Name: "Usance over HTTP"},
		Floor: &series{Name: "group fsync of 100 bytes"}, Peers: []series{{Name: "the same floor over net/http, JSON read, same bytes written"},
			{Name: "Redis (Lua, appendfsync always)"}, {Name: "PostgreSQL 15 (conditional update)"}, {Name: "Usance's ledger without HTTP"}}}
	within := func(how string) measured {
		return func(_ int, rate float64) (float64, *latency, error) {
			spec := chargeSpec{How: how, Dir: b.base, Clients: c.clients, Tenants: c.tenants, Run: b.nextRun(), For: b.seconds, Rate: rate}
			if how == "usance" {
				spec.Dir += "/charges-" + spec.Run
			}
			if b.redis != nil {
				spec.Addr = b.redis.addr
			}
			out, err := ask[chargeResult]("charge", spec)
			return out.Rate, &out.Latency, err
		}
	}
	list := []contestant{{&r.Ours, func(pass int, rate float64) (float64, *latency, error) {
		return b.chargeOverHTTP(pass, c.clients, c.tenants, rate)
	}},
		{r.Floor, within("fsync")},
		{&r.Peers[0], func(_ int, rate float64) (float64, *latency, error) {
			return b.charge(chargeLoad{to: floor, path: chargesPath, token: chargeToken, clients: c.clients, tenants: c.tenants, rate: rate, answer: answer,
				used: func() (int64, error) {
					info, err := os.Stat(filepath.Join(b.base, "charge-floor", floorCharges))
					if err != nil {
						return 0, err
					}
					return info.Size() / 100, nil
				}})
		}},
		{&r.Peers[3], within("usance")}}
	if noRedis == nil {
		list = append(list, contestant{&r.Peers[1], within("redis")})
	} else {
		r.Peers[1].NotRun = noRedis.Error()
	}
	if noSQL == nil {
		list = append(list, contestant{&r.Peers[2], func(_ int, rate float64) (float64, *latency, error) {
			return b.chargeByHand(c.clients, c.tenants, rate)
		}})
	} else {
		r.Peers[2].NotRun = noSQL.Error()
	}
	if err := b.inTurn(list...); err != nil {
		return err
	}
	r.Notes = []string{"Redis is asked over loopback by one connection a client, as Usance is; PostgreSQL by a handler in Go, of 16 connections to it, in one statement a charge " +
		"that locks the four levels and keeps the charge's id. The first floor and the ledger are called within one process. " +
		"The use of every level is held against what was granted, and of 200 charges at once against a limit of 100 exactly 100 must be granted.",
		"latencies are at half of our own highest rate, or of the other's own where that is lower, reckoned from when a charge was due."}
	if err := b.atHalf(&r, list...); err != nil {
		return err
	}
	if c.clients == 64 {
		r.Goal = "≥ Redis, p99 < 5 ms"
		if noRedis == nil {
			p99 := r.Ours.latencies(func(l latency) float64 { return l.P99 })
			r.Met = goalMet(median(r.Ours.Values) >= median(r.Peers[1].Values) && p99 < 5000)
		}
	}
	b.table.put(b, r)
	return nil
}
