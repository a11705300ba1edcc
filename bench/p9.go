package main

import (
	"errors"
	"fmt"
	"time"
)

// startOnPostgres starts Usance on the PostgreSQL that the peer uses, in a schema
// of its own, with the same tenants as the main server.
func (b *bench) startOnPostgres() error {
	if b.onPostgres != nil {
		return nil
	}
	c, err := startServer("usance", usanceSpec{Store: b.pg.dsn})
	if err != nil {
		return err
	}
	b.onPostgres = c
	return b.as(c, func() error { return errors.Join(b.found(), b.chargeable()) })
}

// as has the measurements of the main server made on another.
func (b *bench) as(c *child, run func() error) error {
	ours, stored := b.ours, b.stored
	defer func() { b.ours, b.stored = ours, stored }()
	b.ours = c
	return run()
}

func (b *bench) measuredAs(c *child, run measured) measured {
	return func(pass int, rate float64) (v float64, l *latency, err error) {
		err = b.as(c, func() (err error) {
			v, l, err = run(pass, rate)
			return err
		})
		return v, l, err
	}
}

// p9 compares the engines: the embedded one, PostgreSQL, and what a user would
// write by hand on the same PostgreSQL.
func (b *bench) p9() error {
	if err := b.startCharged(); err != nil {
		return err
	}
	if err := b.startByHand(); err != nil {
		return err
	}
	if err := b.startOnPostgres(); err != nil {
		return err
	}
	compare := func(name, unit string, ours, byHand measured, notes ...string) error {
		b.say("P9, %s", name)
		r := row{ID: "P9", Case: name, Unit: unit, Ours: series{Name: "Usance, embedded"},
			Peers: []series{{Name: "Usance on PostgreSQL 15"}, {Name: "by hand on PostgreSQL 15"}}, Notes: notes}
		list := []contestant{{&r.Ours, b.measuredAs(b.ours, ours)}, {&r.Peers[0], b.measuredAs(b.onPostgres, ours)}}
		if byHand != nil {
			list = append(list, contestant{&r.Peers[1], byHand})
		} else {
			r.Peers = r.Peers[:1]
		}
		if err := b.inTurn(list...); err != nil {
			return err
		}
		b.table.put(b, r)
		return nil
	}
	const batch = 1000
	err := compare(fmt.Sprintf("the engines: ingest over HTTP, batches of %d", batch), "events/s",
		func(_ int, rate float64) (float64, *latency, error) { return b.ingestOurs(batch, rate, nil) },
		func(_ int, rate float64) (float64, *latency, error) { return b.ingestSQL(batch, rate) })
	if err != nil {
		return err
	}
	const clients = 64
	err = compare(fmt.Sprintf("the engines: durable charges on a 4-level tree, %d clients, one tenant", clients), "charges/s",
		func(_ int, rate float64) (float64, *latency, error) { return b.chargeOverHTTP(-1, clients, 1, rate) },
		func(_ int, rate float64) (float64, *latency, error) { return b.chargeByHand(clients, 1, rate) },
		"by hand: one statement a charge that locks the four levels and keeps the charge's id")
	if err != nil {
		return err
	}
	return b.compareQueries(compare)
}

// compareQueries asks each façade's query on both engines, and by hand the one
// that is a plain GROUP BY.
func (b *bench) compareQueries(compare func(name, unit string, ours, byHand measured, notes ...string) error) error {
	questions := map[*child][]question{}
	for _, c := range []*child{b.ours, b.onPostgres} {
		co := b.company
		if c != b.ours || co == nil {
			var err error
			if co, err = c.found(true); err != nil {
				return err
			}
			if c == b.ours {
				b.company = co
				b.stored += co.events
			}
		}
		list, err := c.questions(co)
		if err == nil {
			err = c.agree(co, list)
		}
		if err != nil {
			return err
		}
		questions[c] = list
	}
	for i, q := range questions[b.ours] {
		var byHand measured
		notes := []string{"PostgreSQL's store tells no versions, since other processes may write to it: each answer is worked out anew there"}
		if i == 3 {
			today := time.Now().Unix() / 86400
			raw := fmt.Sprintf("GET /usage?app=%s&from=%d&to=%d HTTP/1.1\r\nHost: %s\r\nAuthorization: Bearer %s\r\n\r\n", "app-01", today-7, today+1, b.peer.addr, b.tenants[0].token)
			body, err := once(b.peer.addr, []byte(raw))
			if err != nil {
				return err
			}
			byHand = b.asked(b.peer, question{raw: func(string) ([]byte, error) { return []byte(raw), nil }, body: body}, "")
			notes = append(notes, "by hand: GROUP BY over a rollup by quarter of an hour, of another tenant's events and with a plain token in place of a signature")
		}
		err := compare("the engines: "+q.name, "requests/s", func(pass int, rate float64) (float64, *latency, error) {
			return b.asked(b.ours, questions[b.ours][i], "")(pass, rate)
		}, byHand, notes...)
		if err != nil {
			return err
		}
	}
	return nil
}
