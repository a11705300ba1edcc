package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"path/filepath"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/usance/usance"
	"github.com/usance/usance/api/wire"
	"github.com/usance/usance/client"
	"github.com/usance/usance/internal/demo"
)

func runFloor() error {
	spec, err := told[floorSpec]()
	if err != nil {
		return err
	}
	h, err := serveFloor(spec.Dir, spec.Answers)
	if err != nil {
		return err
	}
	return serve(h)
}

// floorSpec says what a floor answers.
type floorSpec struct {
	Dir     string
	Answers map[string][]byte // by path
}

func (b *bench) storeDir() string { return filepath.Join(b.base, "usance") }

// startOurs starts the main server.
func (b *bench) startOurs() error {
	if b.ours != nil {
		return nil
	}
	var err error
	if b.ours, err = startServer("usance", usanceSpec{Dir: b.storeDir()}); err != nil {
		return err
	}
	return b.found()
}

// found gives the main server the tenants that collectors write for.
func (b *bench) found() error {
	var m strings.Builder
	m.WriteString("tenants:\n")
	for _, t := range b.tenants {
		fmt.Fprintf(&m, "- id: %s\n  name: Bench\n  timezone: UTC\n  tokens:\n  - {name: collector, role: ingester, secret: %s}\n", t.id, t.token)
	}
	return b.ours.apply(m.String())
}

// operator returns a client of the native API that may do everything.
func (c *child) operator() (*client.Client, error) {
	return client.New(client.Options{URL: "http://" + c.addr, Token: operatorToken, Attempts: 1})
}

func (c *child) apply(manifest string) error {
	op, err := c.operator()
	if err != nil {
		return err
	}
	_, err = op.Apply(background(), []byte(manifest), false)
	return err
}

// total asks for the sum of the streams' seconds of every collector's tenant.
func (b *bench) total() (int64, error) {
	op, err := b.ours.operator()
	if err != nil {
		return 0, err
	}
	sum := int64(0)
	for _, t := range b.tenants {
		u, err := op.ForTenant(usance.TenantID(t.id)).Usage(background(), "rtc.duration", client.UsageQuery{})
		if err != nil {
			return 0, err
		}
		for _, r := range u.Data {
			n, err := whole(r.Value)
			if err != nil {
				return 0, err
			}
			sum += n
		}
	}
	return sum, nil
}

// whole reads an integer of an answer.
func whole(v wire.Integer) (int64, error) {
	n, ok := v.Amount()
	if !ok {
		return 0, fmt.Errorf("%v is past an amount", v)
	}
	return n, nil
}

func (b *bench) startFloor() error {
	if b.floor != nil {
		return nil
	}
	var err error
	b.floor, err = startServer("floor", floorSpec{Dir: b.base})
	return err
}

// startPeer starts the handler over PostgreSQL; errAbsent without one.
func (b *bench) startPeer() error {
	if b.peer != nil {
		return nil
	}
	pg, err := b.postgres()
	if err != nil {
		return err
	}
	if err := pg.exec(peerSchema); err != nil {
		return err
	}
	b.peer, err = startServer("postgres", peerSpec{DSN: pg.dsn, Tokens: tokensOf(b.tenants)})
	return err
}

func (c *cluster) connect() (*pgx.Conn, error) { return pgx.Connect(background(), c.dsn) }

func (c *cluster) exec(sql string) error {
	db, err := c.connect()
	if err != nil {
		return err
	}
	_, err = db.Exec(background(), sql)
	return errors.Join(err, db.Close(background()))
}

func (c *cluster) number(sql string) (n int64, err error) {
	db, err := c.connect()
	if err != nil {
		return 0, err
	}
	err = db.QueryRow(background(), sql).Scan(&n)
	return n, errors.Join(err, db.Close(background()))
}

// company is the demo's tenant in a server: a year of believable usage, and what
// is needed to ask the five façades about it.
type company struct {
	*demo.Company
	now    time.Time
	events int64
	quotas []wire.Quota
}

// plan is the company's year.
func (co *company) plan() (demo.Plan, error) {
	zone, err := usance.LoadZone("Asia/Shanghai")
	return demo.Plan{Seed: 2026, Anchor: co.now.In(zone), Now: co.now, Zone: zone}, err
}

// found makes the demo's tenant, with its year when loaded is set and with one
// event when it is not.
func (c *child) found(loaded bool) (*company, error) {
	now := time.Now()
	zone, err := usance.LoadZone("Asia/Shanghai")
	if err != nil {
		return nil, err
	}
	co := &company{now: now, Company: demo.NewCompany(now.In(zone).Format(time.DateOnly), now, func(name string, length int) string {
		return strings.Repeat(strings.ReplaceAll(name, "-", ""), length)[:length]
	})}
	manifest, err := co.Manifest()
	if err != nil {
		return nil, err
	}
	if err := c.apply(string(manifest)); err != nil {
		return nil, err
	}
	to, err := client.New(client.Options{URL: "http://" + c.addr, Token: co.Token, Attempts: 1})
	if err != nil {
		return nil, err
	}
	if !loaded {
		_, err = to.Send(background(), []wire.Event{{ID: "1", Source: "bench", Type: "rtc.stream.received", Subject: "s", Node: "/rtc/web",
			Time: now.Add(-48 * time.Hour), Data: []byte(`{"seconds":60,"app":"` + demo.RTCApp + `","media":"video_hd"}`)}})
		return co, err
	}
	if co.quotas, err = to.Quotas(background(), usance.Root, "", true); err != nil {
		return nil, err
	}
	plan, err := co.plan()
	if err != nil {
		return nil, err
	}
	var batch []wire.Event
	for n := range plan.Days() {
		batch = append(batch, plan.Day(n)...)
		if len(batch) < 5000 && n < plan.Days()-1 {
			continue
		}
		for len(batch) > 0 {
			part := batch[:min(len(batch), 5000)]
			if _, err := to.Send(background(), part); err != nil {
				return nil, err
			}
			co.events += int64(len(part))
			batch = batch[len(part):]
		}
	}
	return co, nil
}

// fetch makes a request and returns the answer, which must be 200.
func fetch(r *http.Request) ([]byte, http.Header, error) {
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		return nil, nil, err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err == nil && resp.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s %s: %s: %.300s", r.Method, r.URL.Path, resp.Status, body)
	}
	return body, resp.Header, err
}

func newRequest(method, url, body string, header ...string) *http.Request {
	r, err := http.NewRequestWithContext(context.Background(), method, url, strings.NewReader(body))
	if err != nil {
		panic(err) // the address is our own
	}
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	return r
}
