package main

import (
	"errors"
	"fmt"
	"net/http"
	"time"
)

// p4 is queries and charges in a large store beside the same in one of one tenant
// with one event.
func (b *bench) p4() error {
	l, err := b.startLarge()
	if err != nil {
		return err
	}
	large := l.at
	if _, err := settled(large.metrics); err != nil { // P1 may have written to it
		return err
	}
	small, err := startServer("usance", usanceSpec{Dir: b.base + "/small"})
	if err != nil {
		return err
	}
	defer small.end()
	big, err := large.asked(true)
	if err != nil {
		return err
	}
	little, err := small.asked(false)
	if err != nil {
		return err
	}
	of := fmt.Sprintf(", %d tenants, %d nodes, %s events", l.spec.Tenants+l.spec.Writers+1, grownNodes, l.text())
	notes := []string{fmt.Sprintf("the store is that of P1 on top. The tenant asked about has the large tree and a year of usage, some 217,000 events, beside the others': %d without events, and those of P1. It is asked once the engine is at rest.", l.spec.Tenants)}
	compare := func(name, unit string, ours, peer measured) error {
		b.say("P4, %s", name)
		r := row{ID: "P4", Case: name + of, Unit: unit, Ours: series{Name: "Usance"}, Peers: []series{{Name: "1 tenant, 1 event"}}, Goal: "within 1.2 ×", Notes: notes}
		if err := b.inTurn(contestant{&r.Ours, ours}, contestant{&r.Peers[0], peer}); err != nil {
			return err
		}
		r.Met = goalMet(1.2*median(r.Ours.Values) >= median(r.Peers[0].Values))
		b.table.put(b, r)
		return nil
	}
	for _, i := range []int{0, 2, 3} {
		run := func(at *child, q question) measured { return b.asked(at, q, "") }
		if err := errors.Join(compare(big[i].name, "requests/s", run(large, big[i]), run(small, little[i])),
			compare(big[i].name+", worked out anew", "requests/s", large.anew(run(large, big[i])), small.anew(run(small, little[i])))); err != nil {
			return err
		}
	}
	charging := func(at *child) measured {
		return func(pass int, rate float64) (float64, *latency, error) {
			defer b.turnTo(at)()
			return b.chargeOverHTTP(pass, 64, 1, rate)
		}
	}
	for _, at := range []*child{large, small} {
		back := b.turnTo(at)
		err := b.startCharged()
		back()
		if err != nil {
			return err
		}
	}
	if err := compare("durable charges on a 4-level tree, 64 clients, one tenant", "charges/s", charging(large), charging(small)); err != nil {
		return err
	}
	return b.memory(l, of, min(l.spec.Tenants, visited))
}

// turnTo makes another server the main one, until what it returns is called.
func (b *bench) turnTo(c *child) (back func()) {
	was := b.ours
	b.ours = c
	return func() { b.ours = was }
}

// asked makes the company in a server, and its questions.
func (c *child) asked(loaded bool) ([]question, error) {
	co, err := c.found(loaded)
	if err != nil {
		return nil, err
	}
	list, err := c.questions(co)
	if err == nil && loaded {
		err = c.agree(co, list)
	}
	return list, err
}

// memory has the real server ask about many tenants, so that as much is kept of them
// as ever is, and holds its memory against what it was told to stay within.
func (b *bench) memory(l *largeStore, of string, tenants int) error {
	const told, bound = "1GiB", 1024
	at, err := b.onLarge(l, told)
	if err != nil {
		return err
	}
	defer at.end()
	spec := loadSpec{Addr: at.addr, Connections: 16, UntilDone: true}
	ask := func(path string) error {
		raw, err := plain(path, "Authorization", "Bearer "+operatorToken)(at.addr)
		spec.Requests = append(spec.Requests, request{Raw: raw, Status: http.StatusOK})
		return err
	}
	month := time.Now().UTC().Truncate(24*time.Hour).AddDate(0, -1, 0).Format(time.RFC3339)
	for n := range tenants {
		err = errors.Join(err, ask("/api/v1/quotas?tenant="+string(grownTenant(n))))
	}
	for _, t := range b.tenants {
		err = errors.Join(err, ask("/api/v1/meters/rtc.duration/query?windowSize=DAY&groupBy=app&from="+month+"&tenant="+t.id))
	}
	if err != nil {
		return err
	}
	out, err := load(spec, nil)
	if err != nil {
		return err
	}
	used := memoryOf(at.cmd.Process.Pid, "VmHWM:")
	b.table.put(b, row{ID: "P4", Case: "most resident memory of usance serve --memory " + told + of, Unit: "MiB", Ours: series{Name: "Usance", Values: []float64{float64(used)}},
		Goal: "< 1,024", Met: goalMet(used < bound), Notes: []string{fmt.Sprintf("memory: the real binary, freshly started, while 16 connections each ask for the quotas of %d tenants and for a month by day and app of %d: %d answers.",
			tenants, len(b.tenants), out.Answered)}})
	b.say("P4, memory: %d MiB", used)
	return nil
}
