package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/usance/usance"
	"github.com/usance/usance/api/wire"
	"github.com/usance/usance/client"
	"github.com/usance/usance/internal/demo"
)

// What the soak asks for: a quarter of a connection's requests are batches, the
// others charges, holds and façades' questions; of each soakCycle one changes
// definitions.
const (
	soakConnections = 16
	soakTenants     = 64
	soakCycle       = 100
	soakBatch       = 100 // events
)

// soakers are the connections of a soak and what they know to be true of the
// server.
type soakers struct {
	b         *bench
	op        *client.Client
	co        *company
	questions []question
	list      []*soaker

	runs                  atomic.Int64
	accepted, definitions atomic.Int64
	mu                    sync.Mutex
	since                 taken
}

// taken is what was answered since it was last looked at.
type taken struct {
	requests int64
	times    histogram
	most     float64 // microseconds
}

// taken returns it and begins anew.
func (s *soakers) taken() taken {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := s.since
	s.since = taken{}
	return out
}

func (s *soakers) took(d time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.since.requests++
	s.since.times.add(d)
	s.since.most = max(s.since.most, float64(d.Microseconds()))
}

// soaker is one connection, with counts of what was acknowledged to it.
type soaker struct {
	*soakers
	index    int
	conn     *conn
	batches  []template
	made     time.Time // when the batches were, whose events are of then
	turn     int       // of the batches
	n        int       // requests sent
	charges  template
	charged  int64 // granted or settled, at the tree
	companys int64 // granted at the company's node
}

const companyNode usance.Path = "/soak"

// newSoakers fills the server with what is asked about and written to.
func newSoakers(server *child) (*soakers, error) {
	s := &soakers{b: &bench{ours: server, tenants: benchTenants(soakTenants)}}
	if err := errors.Join(s.b.found(), s.b.chargeable()); err != nil {
		return nil, err
	}
	var err error
	if s.op, err = server.operator(); err != nil {
		return nil, err
	}
	if s.questions, err = s.b.companyQuestions(); err != nil {
		return nil, err
	}
	s.co = s.b.company
	acme := s.op.ForTenant(demo.Tenant)
	if _, err = acme.CreateMeter(background(), usance.Meter{Name: chargeMeter, Unit: "1", Aggregation: usance.AggSum, Events: []usance.Source{{Type: chargeMeter, Amount: "data.tokens"}}}); err != nil {
		return nil, err
	}
	if _, err = acme.PutQuota(background(), wire.PutQuota{Node: companyNode, Meter: chargeMeter, Limit: wire.Amount(usance.MaxLimit)}); err != nil {
		return nil, err
	}
	for i := range soakConnections {
		c, err := dialLoad(server.addr)
		if err != nil {
			return nil, err
		}
		k := &soaker{soakers: s, index: i, conn: c}
		r := s.b.chargeRequest(server.addr, chargesPath, chargeToken(i%chargedTenants), i)
		k.charges = template{request: r, patch: []int{r.Turn}, accepted: -1}
		s.list = append(s.list, k)
	}
	return s, nil
}

// run has every connection send for so long, at a rate of all taken together or as
// fast as answers come. beside runs meanwhile, until done is closed.
func (s *soakers) run(ctx context.Context, lasts time.Duration, rate float64, beside func(done <-chan struct{}) error) error {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	failures := make([]error, len(s.list)+1)
	done := make(chan struct{})
	var wg, watch sync.WaitGroup
	if beside != nil {
		watch.Go(func() {
			if failures[len(s.list)] = beside(done); failures[len(s.list)] != nil {
				stop()
			}
		})
	}
	begun := time.Now()
	for i, k := range s.list {
		wg.Go(func() {
			if failures[i] = k.run(ctx, begun, lasts, rate); failures[i] != nil {
				stop()
			}
		})
	}
	wg.Wait()
	close(done)
	watch.Wait()
	return errors.Join(errors.Join(failures...), context.Cause(ctx))
}

func (k *soaker) run(ctx context.Context, begun time.Time, lasts time.Duration, rate float64) error {
	p := newPace(begun, rate, k.index, len(k.list))
	for ; ctx.Err() == nil; k.n++ {
		sent := p.next()
		if sent.After(begun.Add(lasts)) {
			return nil
		}
		if err := k.next(); err != nil {
			return fmt.Errorf("request %d of connection %d: %w", k.n, k.index, err)
		}
		k.took(time.Since(sent))
	}
	return nil
}

// next sends what is next in the cycle. Connections are at different places of it.
func (k *soaker) next() error {
	switch n := (k.n + 7*k.index) % soakCycle; {
	case n == soakCycle-1:
		return k.define()
	case n%4 == 0:
		return k.batch()
	case n%4 == 1:
		k.charges.turn(k.n)
		k.charged++
		return k.exchange(&k.charges)
	case n%20 == 2:
		return k.hold()
	case n%20 == 3:
		return k.chargeCompany()
	}
	return k.question()
}

func (k *soaker) exchange(t *template) error {
	err := k.conn.exchange(t)
	if err == nil && k.conn.out.Failed > 0 {
		err = errors.New(k.conn.out.First)
	}
	return err
}

// batch sends events of now: the batches are made anew each minute.
func (k *soaker) batch() error {
	if time.Since(k.made) > time.Minute {
		k.made = time.Now()
		spec := ingestSpec{Path: "/api/v1/events", Tokens: tokensOf(k.b.tenants), Batch: soakBatch, Bodies: 20, Run: fmt.Sprintf("s%06d", k.runs.Add(1)),
			Time: k.made.UTC().Truncate(time.Second).Format(time.RFC3339)}
		k.batches, k.turn = spec.templates(k.index), 0
	}
	t := &k.batches[k.turn%len(k.batches)]
	t.turn(k.turn / len(k.batches))
	k.turn++
	k.accepted.Add(int64(t.accepted))
	return k.exchange(t)
}

// question asks one of the façades' questions, whose answer never changes: what is
// charged at the company meanwhile is another meter's. "Today" is until midnight.
func (k *soaker) question() error {
	q := k.questions[k.n%len(k.questions)]
	raw, err := q.raw(k.b.ours.addr)
	if err != nil {
		return err
	}
	t := &template{request: request{Raw: raw, Status: 200, Body: q.body}, accepted: -1}
	zone, err := usance.LoadZone("Asia/Shanghai")
	if err != nil {
		return err
	}
	if time.Now().In(zone).Format(time.DateOnly) != k.co.now.In(zone).Format(time.DateOnly) {
		t.Body = nil
	}
	return k.exchange(t)
}

func (k *soaker) items(n int64) []wire.Item {
	return []wire.Item{{Meter: chargeMeter, Amount: wire.Quantity(n)}}
}

func (k *soaker) chargeCompany() error {
	k.companys++
	out, err := k.op.ForTenant(demo.Tenant).Charge(background(), wire.Charge{ID: k.id(), Node: companyNode, Items: k.items(1)})
	if err == nil && out.Duplicate {
		err = fmt.Errorf("a new charge is called a repeat: %+v", out)
	}
	return err
}

func (k *soaker) id() string { return fmt.Sprintf("soak-%d-%d", k.index, k.n) }

// hold reserves, and settles half of it, releases it, or leaves it to expire.
func (k *soaker) hold() error {
	c := k.op.ForTenant(chargeTenant(k.index % chargedTenants))
	how := k.n / soakCycle % 3
	ttl := wire.Seconds(60)
	if how == 2 {
		ttl = 2
	}
	_, err := c.Reserve(background(), wire.Reserve{ID: k.id(), Node: chargeTree[len(chargeTree)-1], Items: k.items(2), TTL: ttl})
	if err != nil || how == 2 {
		return err
	}
	if how == 1 {
		_, err = c.Release(background(), k.id())
		return err
	}
	k.charged++
	_, err = c.Settle(background(), k.id(), wire.Settle{Items: k.items(1)})
	return err
}

// define changes the definitions of a tenant that is written to, back and forth.
func (k *soaker) define() error {
	turn := k.definitions.Add(1)
	c := k.op.ForTenant(usance.TenantID(k.b.tenants[k.index].id))
	name := fmt.Sprintf("soak-%d", k.index)
	node := usance.Path("/rtc/" + name)
	switch k.n / soakCycle % 5 {
	case 0:
		_, err := c.PutQuota(background(), wire.PutQuota{Node: "/", Meter: "rtc.duration", Limit: wire.Amount(1<<50 + turn)})
		return err
	case 1:
		_, err := c.PutNode(background(), usance.Node{Path: node, Name: name})
		return err
	case 2:
		return c.DeleteNode(background(), node, false)
	case 3:
		_, err := c.CreateToken(background(), wire.PutToken{Token: usance.Token{Name: name, Role: usance.RoleViewer}})
		return err
	}
	return c.DeleteToken(background(), name)
}

// audit holds the server's totals against what was acknowledged, and has it
// verify every tenant.
func (s *soakers) audit() error {
	var amount, charged, companys int64
	for _, k := range s.list {
		amount += k.conn.out.Amount
		charged += k.charged
		companys += k.companys
	}
	total, err := s.b.total()
	if err == nil && total != amount {
		err = fmt.Errorf("the meters say %d where %d was acknowledged", total, amount)
	}
	used, err2 := s.b.charged(chargedTenants)
	if err2 == nil && used != charged {
		err2 = fmt.Errorf("%d is used where %d was granted and settled", used, charged)
	}
	of, err3 := s.op.ForTenant(demo.Tenant).Quotas(background(), companyNode, chargeMeter, false)
	if err3 == nil && (len(of) != 1 || of[0].Used != companys) {
		err3 = fmt.Errorf("the company's quota is %+v after %d charges", of, companys)
	}
	if err := errors.Join(err, err2, err3); err != nil {
		return err
	}
	tenants := []usance.TenantID{demo.Tenant}
	for i := range s.b.tenants {
		tenants = append(tenants, usance.TenantID(s.b.tenants[i].id), chargeTenant(i%chargedTenants))
	}
	slices.Sort(tenants)
	var events uint64
	for _, id := range slices.Compact(tenants) {
		v, err := s.op.ForTenant(id).Verify(background(), nil)
		if err == nil && v.Fault != "" {
			err = errors.New(v.Fault)
		}
		if err != nil {
			return fmt.Errorf("verifying %s: %w", id, err)
		}
		events += v.Events
	}
	fmt.Printf("%d events acknowledged, %d charges granted; the totals are those, and verify folded %d events without a difference.\n", s.accepted.Load(), charged+companys, events)
	return nil
}

// slope is Theil's and Sen's: the median of the slopes between every two points,
// which a few odd ones do not move.
func slope(x, y []float64) float64 {
	var list []float64
	for i := range x {
		for j := range i {
			list = append(list, (y[i]-y[j])/(x[i]-x[j]))
		}
	}
	return median(list)
}

func extremes(v []float64) (least, most float64) { return slices.Min(v), slices.Max(v) }
