package main

import (
	"errors"
	"fmt"
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

// chargeRequest is one client's charge of 1. Its id is made anew at each turn.
func (b *bench) chargeRequest(client, tenant int) request {
	before := `{"id":"` + b.nextRun() + fmt.Sprintf("-%04d-", client)
	body := before + fmt.Sprintf(`00000000","node":"%s","items":[{"meter":"%s","amount":1}]}`, chargeTree[len(chargeTree)-1], chargeMeter)
	head := fmt.Sprintf("POST /api/v1/charges HTTP/1.1\r\nHost: %s\r\nAuthorization: Bearer %s\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n",
		b.ours.addr, chargeToken(tenant), len(body))
	return request{Raw: []byte(head + body), Status: 200, Turn: len(head) + len(before)}
}

// chargeOverHTTP charges, and holds the use of every level of every tenant
// against what was granted.
func (b *bench) chargeOverHTTP(pass, clients, tenants int) (float64, *latency, error) {
	before, err := b.charged(tenants)
	if err != nil {
		return 0, nil, err
	}
	spec := loadSpec{Addr: b.ours.addr, Connections: clients, Warm: b.seconds / 5, For: b.seconds, Own: true}
	for i := range clients {
		spec.Requests = append(spec.Requests, b.chargeRequest(i, i%tenants))
	}
	busy := b.ours.busy()
	out, err := load(spec, b.profiling(pass, fmt.Sprintf("P3-http-%d-%d", clients, tenants)))
	if err != nil {
		return 0, nil, err
	}
	b.say("    the server took %.2f µs of processor time a charge", (b.ours.busy()-busy)*1e6/float64(out.Answered))
	after, err := b.charged(tenants)
	if err == nil && after-before != out.Answered {
		err = fmt.Errorf("%d charges were granted and %d more are used", out.Answered, after-before)
	}
	return float64(out.Requests) / out.Seconds, &latency{out.P50, out.P99, out.P999, out.Max}, err
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
	redis, absent := startRedis(b.base)
	if absent != nil && !errors.Is(absent, errAbsent) {
		return absent
	}
	if redis != nil {
		defer redis.stop()
	}
	for _, c := range []struct {
		clients, tenants int
		name             string
	}{{1, 1, "1 client"}, {64, 1, "64 clients, one tenant"}, {64, 64, "64 clients, 64 tenants"}} {
		b.say("P3, %s", c.name)
		r := row{ID: "P3", Case: "durable charges on a 4-level tree, " + c.name, Unit: "charges/s", Ours: series{Name: "Usance over HTTP"},
			Floor: &series{Name: "group fsync of 100 bytes"}, Peers: []series{{Name: "Redis (Lua, appendfsync always)"}, {Name: "Usance's ledger without HTTP"}}}
		run := func(how string) func(int) (float64, *latency, error) {
			return func(int) (float64, *latency, error) {
				spec := chargeSpec{How: how, Dir: b.base, Clients: c.clients, Tenants: c.tenants, Run: b.nextRun(), For: b.seconds}
				if how == "usance" {
					spec.Dir += "/charges-" + spec.Run
				}
				if redis != nil {
					spec.Addr = redis.addr
				}
				out, err := ask[chargeResult]("charge", spec)
				return out.Rate, &latency{P50: out.P50, P99: out.P99}, err
			}
		}
		list := []contestant{{&r.Ours, func(pass int) (float64, *latency, error) { return b.chargeOverHTTP(pass, c.clients, c.tenants) }},
			{r.Floor, run("fsync")}, {&r.Peers[1], run("usance")}}
		if redis != nil {
			list = append(list, contestant{&r.Peers[0], run("redis")})
		} else {
			r.Peers[0].NotRun = absent.Error()
		}
		if err := b.inTurn(list...); err != nil {
			return err
		}
		if c.clients == 64 {
			r.Goal = "≥ Redis, p99 < 5 ms"
			if redis != nil {
				p99 := r.Ours.latencies(func(l latency) float64 { return l.P99 })
				r.Met = goalMet(median(r.Ours.Values) >= median(r.Peers[0].Values) && p99 < 5000)
			}
		}
		r.Notes = []string{"Redis is asked over loopback by one connection a client, as Usance is; the floor and the ledger are called within one process. " +
			"The use of every level is held against what was granted, and of 200 charges at once against a limit of 100 exactly 100 must be granted."}
		b.table.put(b, r)
	}
	return nil
}
