package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"runtime/debug"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/usance/usance"
	"github.com/usance/usance/ledger"
	"github.com/usance/usance/registry"
	"github.com/usance/usance/store/pebblestore"
)

// chargeSpec says who charges what in a process of its own.
type chargeSpec struct {
	How     string // "usance", "redis" or "fsync"
	Dir     string
	Addr    string // of Redis
	Clients int
	Tenants int
	Run     string // sets ids apart
	For     time.Duration
	Rate    float64 // charges a second of all clients; 0: as fast as answers come
}

// chargeResult is what came of it.
type chargeResult struct {
	Rate    float64
	Latency latency
}

// charger is something that can be charged. do is called by one client at a time
// for each number of client.
type charger interface {
	do(client, n int) error
	check(done int64) error
	close() error
}

func runCharge() error {
	spec, err := told[chargeSpec]()
	if err != nil {
		return err
	}
	var c charger
	switch spec.How {
	case "usance":
		c, err = newLedgerCharger(spec)
	case "redis":
		c, err = newRedisCharger(spec)
	default:
		c, err = newFileCharger(spec)
	}
	if err != nil {
		return err
	}
	name := fmt.Sprintf("P3-%s-%d-%d", spec.How, spec.Clients, spec.Tenants)
	if spec.Rate > 0 {
		name += "-half"
	}
	stop, err := profiled(name)
	if err != nil {
		return err
	}
	defer stop()
	done, out, err := spec.run(c)
	if err != nil {
		return err
	}
	if err := c.check(done); err != nil {
		return err
	}
	if err := c.close(); err != nil {
		return err
	}
	return json.NewEncoder(os.Stdout).Encode(out)
}

// run has every client charge until the time is over, and returns how many charges
// were granted.
func (spec *chargeSpec) run(c charger) (done int64, out chargeResult, err error) {
	var wg sync.WaitGroup
	var failure atomic.Pointer[error]
	times, counts, most := make([]histogram, spec.Clients), make([]int64, spec.Clients), make([]time.Duration, spec.Clients)
	begun := time.Now()
	for i := range spec.Clients {
		wg.Go(func() {
			p := newPace(begun, spec.Rate, i, spec.Clients)
			for n := 0; failure.Load() == nil; n++ {
				sent := p.next()
				if sent.Sub(begun) >= spec.For {
					return
				}
				if err := c.do(i, n); err != nil {
					failure.Store(&err)
					return
				}
				times[i].add(time.Since(sent))
				most[i] = max(most[i], time.Since(sent))
				counts[i]++
			}
		})
	}
	wg.Wait()
	took := time.Since(begun)
	if err := failure.Load(); err != nil {
		return 0, out, *err
	}
	var all histogram
	for i := range times {
		done += counts[i]
		for b, n := range times[i] {
			all[b] += n
		}
	}
	longest := float64(slices.Max(most).Microseconds())
	return done, chargeResult{float64(done) / took.Seconds(), latency{all.quantile(.5), all.quantile(.99), all.quantile(.999), longest}}, nil
}

// The tree that is charged: four levels, each with a hard quota.
var chargeTree = []usance.Path{"/", "/a", "/a/b", "/a/b/c"}

const chargeMeter = "bench.tokens"

type ledgerCharger struct {
	st   *pebblestore.Store
	led  *ledger.Ledger
	spec chargeSpec
}

func chargeTenant(n int) usance.TenantID { return usance.TenantID("charge-" + strconv.Itoa(n)) }

// chargeEdit is a tenant with the tree, each quota of the same limit.
func chargeEdit(limit usance.Amount) registry.Edit {
	e := registry.Edit{Tenant: &usance.Tenant{Name: "Charged", Timezone: "UTC"},
		Meters: []usance.Meter{{Name: chargeMeter, Unit: "1", Aggregation: usance.AggSum, Events: []usance.Source{{Type: "bench.tokens", Amount: "data.tokens"}}}}}
	for _, node := range chargeTree {
		e.Quotas = append(e.Quotas, usance.Quota{Node: node, Meter: chargeMeter, Limit: limit, Window: usance.Lifetime, Enforce: usance.Hard})
	}
	return e
}

func newLedgerCharger(spec chargeSpec) (*ledgerCharger, error) {
	debug.SetGCPercent(300) // as serve does
	st, err := pebblestore.Open(spec.Dir, pebblestore.Options{})
	if err != nil {
		return nil, err
	}
	reg, err := registry.New(st, registry.Options{Now: time.Now, MasterKey: masterKey})
	if err != nil {
		return nil, err
	}
	c := &ledgerCharger{st, ledger.New(st, reg, ledger.Options{Now: time.Now}), spec}
	for i := range spec.Tenants {
		if _, err := reg.Edit(background(), benchActor, chargeTenant(i), chargeEdit(1<<50)); err != nil {
			return nil, err
		}
	}
	const small = 100
	if _, err := reg.Edit(background(), benchActor, "charge-small", chargeEdit(small)); err != nil {
		return nil, err
	}
	return c, c.checkLimit(small)
}

// checkLimit charges more than a limit from many sides at once; what is granted
// must be the limit, to the unit.
func (c *ledgerCharger) checkLimit(limit int) error {
	var granted, refused atomic.Int64
	var wg sync.WaitGroup
	for i := range 2 * limit {
		wg.Go(func() {
			_, err := c.charge("charge-small", fmt.Sprintf("%s-limit-%d", c.spec.Run, i))
			switch {
			case err == nil:
				granted.Add(1)
			case usance.KindOf(err) == usance.KindExceeded:
				refused.Add(1)
			}
		})
	}
	wg.Wait()
	if granted.Load() != int64(limit) || refused.Load() != int64(limit) {
		return fmt.Errorf("of %d charges against a limit of %d, %d were granted and %d refused", 2*limit, limit, granted.Load(), refused.Load())
	}
	return nil
}

func (c *ledgerCharger) charge(tenant usance.TenantID, id string) (ledger.Charged, error) {
	return c.led.Charge(background(), benchActor, tenant, ledger.Charge{ID: id, Node: chargeTree[len(chargeTree)-1],
		Items: []usance.Item{{Meter: chargeMeter, Amount: 1}}})
}

func (c *ledgerCharger) do(client, n int) error {
	out, err := c.charge(chargeTenant(client%c.spec.Tenants), fmt.Sprintf("%s-%d-%d", c.spec.Run, client, n))
	if err == nil && (out.Duplicate || len(out.Quotas) != len(chargeTree)) {
		err = fmt.Errorf("a new charge was answered with %+v", out)
	}
	return err
}

func (c *ledgerCharger) check(done int64) error {
	total := int64(0)
	for i := range c.spec.Tenants {
		var ask ledger.Ask
		for _, node := range chargeTree {
			ask.Quotas = append(ask.Quotas, registry.QuotaRef{Node: node, Meter: chargeMeter})
		}
		r, err := c.led.Report(background(), chargeTenant(i), ask)
		if err != nil {
			return err
		}
		for _, q := range r.Quotas {
			if q.Used != r.Quotas[0].Used {
				return fmt.Errorf("the levels of the tree differ: %+v", r.Quotas)
			}
		}
		total += r.Quotas[0].Used
	}
	if total != done {
		return fmt.Errorf("%d charges were granted and %d are used", done, total)
	}
	return nil
}

func (c *ledgerCharger) close() error { return c.st.Close() }

type redisCharger struct {
	spec   chargeSpec
	conns  []*redisConn
	script string
}

func newRedisCharger(spec chargeSpec) (*redisCharger, error) {
	c := &redisCharger{spec: spec}
	for range spec.Clients {
		conn, err := dialRedis(spec.Addr)
		if err != nil {
			return nil, err
		}
		c.conns = append(c.conns, conn)
	}
	var err error
	if c.script, err = c.conns[0].call("SCRIPT", "LOAD", redisCharge); err != nil {
		return nil, err
	}
	for i := range spec.Tenants {
		for _, key := range c.nodes(i) {
			if _, err := c.conns[0].call("HSET", key, "limit", "1000000000000"); err != nil {
				return nil, err
			}
		}
	}
	return c, nil
}

func (c *redisCharger) nodes(tenant int) []string {
	out := make([]string, len(chargeTree))
	for i, node := range chargeTree {
		out[i] = fmt.Sprintf("q:%s:%d:%s", c.spec.Run, tenant, node)
	}
	return out
}

func (c *redisCharger) do(client, n int) error {
	args := append([]string{"EVALSHA", c.script, strconv.Itoa(1 + len(chargeTree)), fmt.Sprintf("c:%s:%d:%d", c.spec.Run, client, n)},
		append(c.nodes(client%c.spec.Tenants), "1")...)
	out, err := c.conns[client].call(args...)
	if err == nil && out != "1" {
		err = fmt.Errorf("redis answered a new charge with %s", out)
	}
	return err
}

func (c *redisCharger) check(done int64) error {
	total := int64(0)
	for i := range c.spec.Tenants {
		for _, key := range c.nodes(i) {
			text, err := c.conns[0].call("HGET", key, "used")
			if err != nil {
				return err
			}
			n, _ := strconv.ParseInt(text, 10, 64) // no client, no use
			total += n
		}
	}
	if total != done*int64(len(chargeTree)) {
		return fmt.Errorf("redis has %d used after %d charges", total, done)
	}
	return nil
}

func (c *redisCharger) close() error { return nil }

// fileCharger appends a hundred bytes for each charge, and no more.
type fileCharger struct {
	file *groupFile
	path string
}

func newFileCharger(spec chargeSpec) (*fileCharger, error) {
	path := filepath.Join(spec.Dir, "charges-"+spec.Run)
	f, err := newGroupFile(path)
	return &fileCharger{f, path}, err
}

func (c *fileCharger) do(_, _ int) error {
	var record [100]byte
	return c.file.append(record[:])
}

func (c *fileCharger) check(done int64) error {
	info, err := os.Stat(c.path)
	if err == nil && info.Size() != done*100 {
		err = fmt.Errorf("%d bytes after %d records", info.Size(), done)
	}
	return err
}

func (c *fileCharger) close() error { return os.Remove(c.path) }

func background() context.Context { return context.Background() }

var benchActor = usance.Actor{Name: "bench"}
