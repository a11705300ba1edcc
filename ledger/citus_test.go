package ledger_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/usance/usance"
	"github.com/usance/usance/internal/facadetest"
	"github.com/usance/usance/ledger"
	"github.com/usance/usance/registry"
	"github.com/usance/usance/store/pgstore"
	"github.com/usance/usance/store/pgstore/citustest"
)

// sender is a tenant and its client, which knows nothing but to send again what
// was not acknowledged.
type sender struct {
	*fixture
	tenant  usance.TenantID
	facts   model
	granted usance.Amount
	again   int // calls that were repeated
}

// sent calls do until its outcome is known.
func (s *sender) sent(ctx context.Context, do func() error) error {
	for {
		err := do()
		if usance.KindOf(err) != usance.KindUnavailable || ctx.Err() != nil {
			return err
		}
		s.again++
	}
}

const cloudLimit = 400

func (s *sender) round(ctx context.Context, t *testing.T, r *rand.Rand, n *ids) error {
	var batch []ledger.Incoming
	for range 1 + r.IntN(30) {
		fact := newModelFact(r, n, time.UTC)
		s.facts.facts = append(s.facts.facts, fact)
		batch = append(batch, fact.Incoming)
	}
	err := s.sent(ctx, func() error {
		_, err := s.Ingest(ctx, tester, s.tenant, batch)
		return err
	})
	if err != nil {
		return err
	}
	asked := usance.Amount(1 + r.IntN(9))
	charge := ledger.Charge{ID: n.next(), Node: "/a/b", Items: []usance.Item{{Meter: "vm.cpuNum", Amount: asked}}}
	err = s.sent(ctx, func() error {
		_, err := s.Charge(ctx, tester, s.tenant, charge)
		return err
	})
	switch {
	case err == nil:
		s.granted += asked
	case usance.KindOf(err) != usance.KindExceeded:
		return err
	}
	if r.IntN(2) == 0 {
		return s.passing(ctx, usance.Hold{ID: n.next(), Node: "/a", Items: charge.Items})
	}
	return nil
}

// passing reserves and releases, which in the end leaves no trace.
func (s *sender) passing(ctx context.Context, hold usance.Hold) error {
	err := s.sent(ctx, func() error {
		_, _, err := s.Reserve(ctx, tester, s.tenant, hold, time.Hour)
		return err
	})
	switch {
	case usance.KindOf(err) == usance.KindExceeded:
		return nil
	case err != nil:
		return err
	}
	return s.sent(ctx, func() error {
		_, _, err := s.Release(ctx, tester, s.tenant, hold.ID)
		return err
	})
}

// TestOnAClusterWhoseWorkersStopEveryAcknowledgedThingCountsOnce has clients send
// events, charges and holds, and again what was not acknowledged, on the store as
// it is served, until workers have stopped and shards have moved more than once.
// Then every answer is the model's.
func TestOnAClusterWhoseWorkersStopEveryAcknowledgedThingCountsOnce(t *testing.T) {
	cluster := citustest.Need(t)
	seed := facadetest.Seed(t)
	schema := cluster.Schema(t)
	var st *pgstore.Store
	f := &fixture{now: time.Date(2026, 3, 10, 9, 17, 23, 0, time.UTC)}
	senders := make([]*sender, 6)
	cluster.Calm(t, func(ctx context.Context, _ *pgx.Conn) (err error) {
		if st, err = pgstore.Open(ctx, cluster.URL, pgstore.Options{Schema: schema, Timeout: 5 * time.Second}); err != nil {
			return err
		}
		f.build(t, st)
		for i := range senders {
			senders[i] = &sender{fixture: f, tenant: usance.TenantID(fmt.Sprint("acme-", i))}
			edit := modelDefinitions()
			edit.Tenant = &usance.Tenant{Timezone: "UTC"}
			edit.Quotas = []usance.Quota{{Node: "/", Meter: "vm.cpuNum", Limit: cloudLimit}, {Node: "/a", Meter: "vm.cpuNum", Limit: cloudLimit - 50}}
			if _, err := f.reg.Edit(ctx, tester, senders[i].tenant, edit); err != nil {
				return err
			}
		}
		return nil
	})
	t.Cleanup(func() {
		if err := st.Close(); err != nil {
			t.Error(err)
		}
	})
	before := cluster.Troubles()
	enough := func() bool {
		now := cluster.Troubles()
		return now.Stops+now.Cuts >= before.Stops+before.Cuts+2 && now.Moves+now.GivenUp >= before.Moves+before.GivenUp+2
	}
	cluster.Trouble(t)
	ctx, cancel := context.WithTimeout(t.Context(), 4*time.Minute)
	defer cancel()
	var wg sync.WaitGroup
	for i, s := range senders {
		wg.Go(func() {
			r, n := rand.New(rand.NewPCG(seed, uint64(i))), new(ids)
			for round := 0; round < 40 || !enough() && ctx.Err() == nil; round++ {
				if err := s.round(ctx, t, r, n); err != nil {
					t.Errorf("%s, round %d: %v", s.tenant, round, err)
					return
				}
			}
		})
	}
	wg.Wait()
	if !enough() {
		t.Errorf("in four minutes no more than this befell the cluster: %v", cluster.Troubles())
	}
	cluster.Calm(t, func(context.Context, *pgx.Conn) error {
		for _, s := range senders {
			s.check(t)
		}
		return nil
	})
}

// check compares everything about the tenant with the model.
func (s *sender) check(t *testing.T) {
	t.Helper()
	t.Logf("%s: %d events, %d units charged; %d calls sent again", s.tenant, len(s.facts.facts), s.granted, s.again)
	day := time.Date(2026, 2, 27, 0, 0, 0, 0, time.UTC)
	for _, agg := range modelMeters {
		for _, q := range []ledger.Query{
			{Meter: "m." + string(agg), Node: "/"},
			{Meter: "m." + string(agg), Node: "/a", Zone: time.UTC, Window: usance.DayWindow, From: day, To: day.AddDate(0, 0, 12)},
		} {
			answer, err := s.Query(t.Context(), s.tenant, q)
			if err != nil {
				t.Fatal(err)
			}
			compare(t, &s.facts, agg, q, answer)
		}
	}
	r, err := s.Report(t.Context(), s.tenant, ledger.Ask{Quotas: []registry.QuotaRef{{Node: "/", Meter: "vm.cpuNum"}}})
	if err != nil {
		t.Fatal(err)
	}
	if q := r.Quotas[0]; q.Used != s.granted || q.Reserved != 0 || q.Used > cloudLimit-50 {
		t.Errorf("%s: used %d, reserved %d of %d; acknowledged were %d", s.tenant, q.Used, q.Reserved, cloudLimit-50, s.granted)
	}
	v, err := s.Verify(t.Context(), s.tenant, facadetest.OpenEmbedded(t), nil)
	if err != nil || v.Fault != "" {
		t.Errorf("%s: %q, %v", s.tenant, v.Fault, err)
	}
}
