package ledger_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/usance/usance"
	"github.com/usance/usance/internal/facadetest"
	"github.com/usance/usance/ledger"
	"github.com/usance/usance/registry"
	"github.com/usance/usance/store"
)

type fixture struct {
	*ledger.Ledger
	reg *registry.Registry
	st  store.Store
	now time.Time

	clock func() time.Time // instead of now, for tests in which it moves while others read it
}

const acme = usance.TenantID("acme")

var tester = facadetest.Tester()

// open makes a ledger on the real engine, in memory, with the tenant acme.
func open(t testing.TB, zone string, edit registry.Edit) *fixture {
	t.Helper()
	f := &fixture{now: time.Date(2026, 3, 10, 9, 17, 23, 0, time.UTC)}
	f.build(t, facadetest.OpenStore(t))
	edit.Tenant = &usance.Tenant{Name: "Acme", Timezone: zone}
	if _, err := f.reg.Edit(t.Context(), tester, acme, edit); err != nil {
		t.Fatal(err)
	}
	return f
}

// restart makes the ledger and the registry anew on the same store, as a process
// that begins does.
func (f *fixture) restart(t testing.TB) {
	t.Helper()
	f.build(t, f.st)
}

func (f *fixture) build(t testing.TB, st store.Store) {
	clock := func() time.Time {
		if f.clock != nil {
			return f.clock()
		}
		return f.now
	}
	f.st, f.reg = st, facadetest.OpenRegistry(t, st, clock)
	f.Ledger = ledger.New(st, f.reg, ledger.Options{Now: clock})
}

func (f *fixture) ingest(t testing.TB, events ...ledger.Incoming) ledger.Receipt {
	t.Helper()
	r, err := f.Ingest(context.Background(), tester, acme, events)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// short reports that a test may do little: where that was asked for, and on an
// engine that each step has to travel to.
func short() bool { return testing.Short() || facadetest.Distant() }

// at makes an event with a time; data is JSON or "".
func at(when time.Time, id, eventType, subject string, node usance.Path, data string) ledger.Incoming {
	e := usance.Event{Source: "test", ID: id, Type: eventType, Subject: subject, Node: node, Time: when.UTC()}
	if data != "" {
		e.Data = []byte(data)
	}
	return ledger.Incoming{Event: e, Stated: true}
}

// ids makes event ids that do not repeat.
type ids int

func (n *ids) next() string {
	*n++
	return fmt.Sprintf("e-%d", *n)
}

func (f *fixture) measure(t testing.TB, m ledger.Measure) int64 {
	t.Helper()
	r, err := f.Report(context.Background(), acme, ledger.Ask{Measures: []ledger.Measure{m}})
	if err != nil {
		t.Fatal(err)
	}
	n, ok := r.Measures[0].Amount()
	if !ok {
		t.Fatalf("%v does not fit an amount", r.Measures[0])
	}
	return n
}
