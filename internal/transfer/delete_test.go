package transfer_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/usance/usance"
	"github.com/usance/usance/internal/facadetest"
	"github.com/usance/usance/internal/journal"
	"github.com/usance/usance/internal/transfer"
	"github.com/usance/usance/ledger"
	"github.com/usance/usance/registry"
	"github.com/usance/usance/store"
)

const other = usance.TenantID("other")

// everything is all that a tenant, or the system, has in a store.
func everything(t testing.TB, st store.Store, tenant usance.TenantID) map[store.Key]string {
	t.Helper()
	out := map[store.Key]string{}
	for table := range store.Table(64) {
		err := st.Scan(t.Context(), tenant, store.Range{Table: table}, func(r store.Row) error {
			out[store.Key{Table: table, ID: strings.Clone(r.ID)}] = string(r.Value)
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return out
}

// process is another process on the place's store.
func (p *place) process(t testing.TB) *place {
	t.Helper()
	return placeOn(t, p.Store, p.clock, 1)
}

// doomed is a place where acme has a bit of everything, in the tables of the system
// too, and another tenant has something as well.
func doomed(t testing.TB, st store.Store, r *rand.Rand, rounds int) *place {
	t.Helper()
	p := placeOn(t, st, noon(), 1)
	if rounds > 0 {
		p.settle(t, r, rounds)
	} else if _, err := p.Registry.Edit(t.Context(), tester, acme, definitions()); err != nil {
		t.Fatal(err)
	}
	p.others(t)
	p.signIns(t)
	_, _, err := p.Ledger.Reserve(t.Context(), tester, acme, usance.Hold{ID: "open", Node: "/a", Items: []usance.Item{{Meter: "vm.cpuNum", Amount: 2}}}, time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	c, _, err := p.Ledger.ProposeRange(t.Context(), tester, acme, ledger.RangeFilter{Type: "t.b"}, "wrong")
	if err == nil {
		_, _, err = p.Ledger.ApproveRange(t.Context(), tester, acme, c.ID)
	}
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func (p *place) others(t testing.TB) {
	t.Helper()
	e := registry.Edit{Tenant: &usance.Tenant{Name: "Other"}, Users: []registry.UserSpec{facadetest.User("ops", "another password", usance.RoleAdmin, "/")}}
	if _, err := p.Registry.Edit(t.Context(), tester, other, e); err != nil {
		t.Fatal(err)
	}
	event := ledger.Incoming{Stated: true, Event: usance.Event{Source: "test", ID: "1", Type: "meeting.conference.started", Node: "/", Time: p.clock.Now()}}
	if _, err := p.Ledger.Ingest(t.Context(), tester, other, []ledger.Incoming{event}); err != nil {
		t.Fatal(err)
	}
}

// signIns opens sessions: by a password, by a key, and of another tenant's user by a
// key of acme.
func (p *place) signIns(t testing.TB) {
	t.Helper()
	open := func(token string, who usance.Principal) {
		t.Helper()
		err := p.Registry.OpenSession(t.Context(), token, who, registry.Session{Kind: "k", Expires: p.clock.Now().Add(24 * time.Hour)}, 0, false)
		if err != nil {
			t.Fatal(err)
		}
	}
	who, err := p.Registry.SignIn(t.Context(), "ops@acme", "a password")
	if err != nil {
		t.Fatal(err)
	}
	open("by password", who)
	key, err := p.Registry.Key(t.Context(), "app", "app-0001")
	if err != nil {
		t.Fatal(err)
	}
	open("by key", key.Principal)
	guest, err := p.Registry.SignIn(t.Context(), "ops@other", "another password")
	if err != nil {
		t.Fatal(err)
	}
	open("of another", guest)
	guest.Proof.Key, guest.Proof.KeyOwner, guest.Proof.KeyStamp = key.Principal.Proof.Key, acme, key.Principal.Proof.KeyStamp
	open("of another by a key", guest)
}

// sweep removes all that deleted tenants had.
func (p *place) sweep(t testing.TB) {
	t.Helper()
	for range 10_000 {
		if err := p.SweepDeletions(t.Context()); err != nil {
			t.Fatal(err)
		}
		list, err := p.Registry.Deletions(t.Context(), 1)
		if err != nil {
			t.Fatal(err)
		}
		if len(list) == 0 {
			return
		}
	}
	t.Fatal("a deletion does not end")
}

// deleted is what stays of acme.
func (p *place) deleted(t testing.TB) registry.Deleted {
	t.Helper()
	list, err := p.Registry.Deleted(t.Context(), "", 10)
	if err != nil || len(list) != 1 || list[0].ID != acme {
		t.Fatalf("%+v, %v", list, err)
	}
	return list[0]
}

// nothingLeft wants nothing of acme in a store but its head and what says that it was
// deleted.
func nothingLeft(t testing.TB, st store.Store) {
	t.Helper()
	for k, v := range everything(t, st, acme) {
		head, err := journal.DecodeHead([]byte(v))
		if k != journal.HeadKey || err != nil || !head.Gone() || head.Events != 0 {
			t.Errorf("acme has table %d %q", k.Table, k.ID)
		}
	}
	id := store.Key{Table: store.Directory, ID: "tenant\x00acme"}
	for k, v := range everything(t, st, usance.System) {
		if k != id && k != registry.DeletedKey(acme) && strings.Contains(k.ID+v, "acme") {
			t.Errorf("the system has table %d %q: %q", k.Table, k.ID, v)
		}
	}
}

// strange wants nothing to know acme.
func (p *place) strange(t *testing.T) {
	t.Helper()
	ctx, reg := t.Context(), p.Registry
	want := func(what string, err error, kind usance.Kind) {
		t.Helper()
		if usance.KindOf(err) != kind || err == nil {
			t.Errorf("%s: %v", what, err)
		}
	}
	_, err := reg.Definitions(ctx, acme)
	want("its definitions", err, usance.KindNotFound)
	_, err = reg.ResolveAlias(ctx, "rtc.app", "app-1")
	want("its alias", err, usance.KindNotFound)
	_, err = reg.Key(ctx, "aksk", "AK1")
	want("its key", err, usance.KindNotFound)
	_, err = reg.Bearer(ctx, "us_collector_token")
	want("its token", err, usance.KindUnauthorized)
	_, err = reg.SignIn(ctx, "ops@acme", "a password")
	want("its user", err, usance.KindUnauthorized)
	_, err = reg.PrincipalOf(ctx, acme, "ops", "k")
	want("its user, named", err, usance.KindUnauthorized)
	for _, token := range []string{"by password", "by key", "of another by a key"} {
		_, _, err = reg.Session(ctx, "k", token)
		want("the session "+token, err, usance.KindUnauthorized)
	}
	if who, err := reg.SignIn(ctx, "ops", "another password"); err != nil || who.Tenant != other {
		t.Errorf("the name that acme had too is %+v, %v", who, err)
	}
	if _, _, err := reg.Session(ctx, "k", "of another"); err != nil {
		t.Errorf("another tenant's session: %v", err)
	}
	if list, err := reg.Tenants(ctx, "", 10); err != nil || len(list) != 1 || list[0] != other {
		t.Errorf("tenants %v, %v", list, err)
	}
	for what, err := range p.writes(ctx, "late") {
		want(what, err, usance.KindNotFound)
	}
	_, err = p.Ledger.Report(ctx, acme, ledger.Ask{Quotas: []registry.QuotaRef{{Node: "/", Meter: "tokens"}}})
	want("a reading", err, usance.KindNotFound)
	_, err = p.Ledger.Query(ctx, acme, ledger.Query{Meter: "tokens"})
	want("a query", err, usance.KindNotFound)
	_, err = p.Ledger.Verify(ctx, acme, nil, nil)
	want("a verification", err, usance.KindNotFound)
	_, err = p.Export(ctx, acme, transfer.Export{})
	want("an export", err, usance.KindNotFound)
	_, err = p.Arrival(ctx, acme)
	want("its arrival", err, usance.KindNotFound)
	want("discarding an import", p.Discard(ctx, acme), usance.KindNotFound)
	if err := p.Ledger.Sweep(ctx); err != nil {
		t.Errorf("a sweep: %v", err)
	}
	if due := dueOf(t, p.Store); len(due) != 0 {
		t.Errorf("due: %v", due)
	}
}

// writes does one of each thing that writes to acme. They differ by n.
func (p *place) writes(ctx context.Context, n string) map[string]error {
	led, out := p.Ledger, map[string]error{}
	event := usance.Event{Source: "late", ID: n, Type: "t.a", Subject: "u1", Node: "/a", Time: p.clock.Now(), Data: []byte(`{"n":1}`)}
	_, out["ingest"] = led.Ingest(ctx, tester, acme, []ledger.Incoming{{Event: event, Stated: true}})
	_, out["charge"] = led.Charge(ctx, tester, acme, ledger.Charge{ID: "c" + n, Node: "/a", Items: []usance.Item{{Meter: "seats", Amount: 1}}})
	_, _, out["hold"] = led.Reserve(ctx, tester, acme, usance.Hold{ID: "late" + n, Node: "/a", Items: []usance.Item{{Meter: "vm.cpuNum", Amount: 1}}}, time.Hour)
	_, out["resource"] = led.PutResource(ctx, tester, acme, usance.Resource{ID: "late" + n, BusinessType: "LIVE_2D", ChargingMode: usance.OneTime, Source: usance.Purchased}, false)
	_, out["user"] = p.Registry.Edit(ctx, tester, acme, registry.Edit{Users: []registry.UserSpec{facadetest.User("late"+n, "", usance.RoleViewer, "/")}})
	_, out["node"] = led.MoveNode(ctx, tester, acme, "/a", usance.Path("/a"+n))
	_, _, out["range"] = led.ProposeRange(ctx, tester, acme, ledger.RangeFilter{Type: "t.a", Node: "/"}, "")
	return out
}

// refusesTheID wants nobody to have the id of acme again.
func (p *place) refusesTheID(t testing.TB, file []byte) {
	t.Helper()
	refused := func(what string, err error) {
		t.Helper()
		if usance.KindOf(err) != usance.KindConflict || !strings.Contains(err.Error(), "was deleted on 20") {
			t.Errorf("%s: %v", what, err)
		}
	}
	for what, e := range map[string]registry.Edit{"create": {Create: true, Tenant: &usance.Tenant{}}, "put": {Tenant: &usance.Tenant{}},
		"try": {Tenant: &usance.Tenant{}, DryRun: true}, "apply": definitions()} {
		_, err := p.Registry.Edit(t.Context(), tester, acme, e)
		refused(what, err)
	}
	_, err := p.bring(t, file, transfer.Import{})
	refused("import", err)
}

// takesTheNames has the other tenant take every name that acme had.
func (p *place) takesTheNames(t testing.TB) {
	t.Helper()
	e := definitions()
	e.Users[0].Password = nil
	if _, err := p.Registry.Edit(t.Context(), tester, other, e); err != nil {
		t.Fatalf("names are not free: %v", err)
	}
	if at, err := p.Registry.ResolveAlias(t.Context(), "rtc.app", "app-1"); err != nil || at.Tenant != other {
		t.Errorf("%+v, %v", at, err)
	}
	if who, err := p.Registry.Bearer(t.Context(), "us_collector_token"); err != nil || who.Tenant != other {
		t.Errorf("%+v, %v", who, err)
	}
}

func TestOfADeletedTenantNothingIsLeft(t *testing.T) {
	p := doomed(t, facadetest.OpenStore(t), rand.New(rand.NewPCG(facadetest.Seed(t), 21)), 25)
	file := p.export(t, transfer.Export{})
	before := everything(t, p.Store, other)
	seq, err := p.Ledger.Sequence(t.Context(), acme)
	if err != nil {
		t.Fatal(err)
	}
	d, err := p.Registry.DeleteTenant(t.Context(), usance.Actor{Name: "token:op", Origin: "::1"}, acme)
	if err != nil || d.ID != acme || !d.At.Equal(p.clock.Now()) || d.By.Name != "token:op" || d.Sequence != seq || d.Gone {
		t.Fatalf("%+v, %v", d, err)
	}
	p.strange(t)
	p.refusesTheID(t, file)
	p.DeletionSteps = 3
	for _, again := range []bool{false, true} {
		p.clock.Move(time.Minute)
		if more, err := p.Registry.DeleteTenant(t.Context(), tester, acme); err != nil || more != p.deleted(t) || more.By != d.By || !more.At.Equal(d.At) || more.Gone != again {
			t.Errorf("again: %+v, %v", more, err)
		}
		p.sweep(t)
	}
	// An older release is told by this that the id is not free.
	if at := everything(t, p.Store, usance.System)[store.Key{Table: store.Directory, ID: "tenant\x00acme"}]; !strings.Contains(at, fmt.Sprintf(`"tenant":%q`, usance.System)) {
		t.Errorf("the id is entered as %s", at)
	}
	if d.Gone = true; p.deleted(t) != d {
		t.Errorf("left: %+v, want %+v", p.deleted(t), d)
	}
	nothingLeft(t, p.Store)
	p.strange(t)
	p.refusesTheID(t, file)
	nothingLeft(t, p.Store)
	sameRows(t, before, everything(t, p.Store, other))
	p.takesTheNames(t)
	if _, err := p.Registry.DeleteTenant(t.Context(), tester, "nobody"); usance.KindOf(err) != usance.KindNotFound {
		t.Errorf("a tenant that never was: %v", err)
	}
}

// A process that has seen acme, and keeps what it saw, is told at once.
func TestEveryProcessFindsATenantDeletedAtOnce(t *testing.T) {
	p := doomed(t, facadetest.OpenStore(t), rand.New(rand.NewPCG(facadetest.Seed(t), 22)), 5)
	warm, reader := p.process(t), p.process(t)
	ask := ledger.Ask{Quotas: []registry.QuotaRef{{Node: "/", Meter: "tokens"}}}
	if _, err := reader.Ledger.Report(t.Context(), acme, ask); err != nil {
		t.Fatal(err)
	}
	for what, err := range warm.writes(t.Context(), "before") {
		if err != nil {
			t.Fatalf("%s: %v", what, err)
		}
	}
	for _, token := range []string{"by password", "by key", "of another by a key"} {
		if _, _, err := warm.Registry.Session(t.Context(), "k", token); err != nil {
			t.Fatal(err)
		}
	}
	for _, find := range []func() error{
		func() error { _, err := warm.Registry.ResolveAlias(t.Context(), "rtc.app", "app-1"); return err },
		func() error { _, err := warm.Registry.Key(t.Context(), "aksk", "AK1"); return err },
		func() error { _, err := warm.Registry.Bearer(t.Context(), "us_collector_token"); return err },
		func() error { _, err := warm.Registry.SignIn(t.Context(), "ops@acme", "a password"); return err },
	} {
		if err := find(); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := p.Registry.DeleteTenant(t.Context(), tester, acme); err != nil {
		t.Fatal(err)
	}
	if _, err := reader.Ledger.Report(t.Context(), acme, ask); usance.KindOf(err) != usance.KindNotFound {
		t.Errorf("a reading by definitions that are kept: %v", err)
	}
	warm.strange(t)
	p.process(t).strange(t)
	warm.sweep(t)
	p.strange(t)
	nothingLeft(t, p.Store)
	if !p.deleted(t).Gone || warm.deleted(t) != p.deleted(t) {
		t.Errorf("%+v, %+v", p.deleted(t), warm.deleted(t))
	}
}

// mortal is the store as a process has it that dies at one of its calls, before or
// after that was carried out.
type mortal struct {
	store.Store
	left  atomic.Int64
	after bool
}

var errDied = errors.New("the process is gone")

func (m *mortal) call(do func() error) error {
	left := m.left.Add(-1)
	if left < 0 || left == 0 && !m.after {
		return errDied
	}
	if err := do(); err != nil || left > 0 {
		return err
	}
	return errDied
}

func (m *mortal) Step(ctx context.Context, tenant usance.TenantID, keys store.Keys, fn func(*store.Rows) error) error {
	return m.call(func() error { return m.Store.Step(ctx, tenant, keys, fn) })
}

func (m *mortal) Load(ctx context.Context, tenant usance.TenantID, keys store.Keys) (rows *store.Rows, err error) {
	err = m.call(func() error {
		rows, err = m.Store.Load(ctx, tenant, keys)
		return err
	})
	return rows, err
}

func (m *mortal) Scan(ctx context.Context, tenant usance.TenantID, r store.Range, fn func(store.Row) error) error {
	return m.call(func() error { return m.Store.Scan(ctx, tenant, r, fn) })
}

// A process deletes acme and dies at its n-th call. The tenant is as it was, or its
// deletion ends without anybody asking for it again.
func TestADeletionThatACrashCutShortIsFinished(t *testing.T) {
	seed := facadetest.Seed(t)
	stride := int64(1)
	if facadetest.Distant() {
		stride = 7
	}
	whole, begun := 0, 0
	for _, after := range []bool{false, true} {
		for n := int64(1); ; n += stride {
			p := doomed(t, facadetest.OpenStore(t), rand.New(rand.NewPCG(seed, 23)), 1)
			dying := &mortal{Store: p.Store, after: after}
			dying.left.Store(n)
			first := placeOn(t, dying, p.clock, 1)
			first.DeletionSteps = 5
			_, err := first.Registry.DeleteTenant(t.Context(), tester, acme)
			for err == nil && dying.left.Load() > 0 {
				var list []registry.Deletion
				if list, err = p.Registry.Deletions(t.Context(), 1); err == nil && len(list) == 0 {
					break
				}
				err = errors.Join(err, first.SweepDeletions(t.Context()))
			}
			if err != nil && !errors.Is(err, errDied) {
				t.Fatal(err)
			}
			next := p.process(t)
			list, err := next.Registry.Deleted(t.Context(), "", 10)
			if err != nil {
				t.Fatal(err)
			}
			if len(list) == 0 {
				whole++
				next.verified(t)
				if _, err := next.Registry.Bearer(t.Context(), "us_collector_token"); err != nil {
					t.Fatal(err)
				}
				if _, err := next.Registry.DeleteTenant(t.Context(), tester, acme); err != nil {
					t.Fatal(err)
				}
			} else {
				begun++
			}
			next.sweep(t)
			nothingLeft(t, p.Store)
			if d := next.deleted(t); !d.Gone || d.Sequence == 0 {
				t.Errorf("%+v", d)
			}
			next.takesTheNames(t)
			if dying.left.Load() > 0 { // it did not die
				break
			}
		}
	}
	if whole == 0 || begun < 5 {
		t.Errorf("%d deletions had not begun, %d had", whole, begun)
	}
}

// Writers of two processes go on all the time that acme is deleted. What they write
// before is removed with the rest, and after it they are refused.
func TestWritersThatRaceADeletionLeaveNothing(t *testing.T) {
	p := doomed(t, facadetest.OpenStore(t), rand.New(rand.NewPCG(facadetest.Seed(t), 24)), 5)
	file := p.export(t, transfer.Export{})
	places := []*place{p, p.process(t)}
	var begun, done sync.WaitGroup
	stop := make(chan struct{})
	// again repeats a writer until the deletion is over, and once more.
	again := func(what string, fails bool, write func(n string) error) {
		begun.Add(1)
		done.Go(func() {
			for n := 0; ; n++ {
				last := false
				select {
				case <-stop:
					last = true
				default:
				}
				err := write(fmt.Sprint(n))
				// Rows may vanish under one who is just reading them.
				if err != nil && usance.KindOf(err) == usance.KindInternal && !errors.Is(err, usance.ErrCorrupt) {
					t.Errorf("%s: %v", what, err)
				}
				if n == 2 {
					begun.Done()
				}
				if last && n > 2 {
					if fails && err == nil {
						t.Errorf("%s goes on after the end", what)
					}
					return
				}
			}
		})
	}
	for i, at := range places {
		name := fmt.Sprint("-", i, "-")
		again("a write", true, func(n string) error {
			var first error
			refused := 0
			list := at.writes(t.Context(), name+n)
			for what, err := range list {
				if err != nil {
					refused++
					if usance.KindOf(err) == usance.KindInternal {
						first = fmt.Errorf("%s: %w", what, err)
					} else if first == nil {
						first = err
					}
				}
			}
			if usance.KindOf(first) != usance.KindInternal && refused < len(list) {
				return nil
			}
			return first
		})
		again("a change of names", true, func(n string) error {
			_, err := at.Registry.Edit(t.Context(), tester, acme, registry.Edit{Tenant: &usance.Tenant{Aliases: map[string]string{"huawei.project": "p" + name + n}}})
			return err
		})
		again("a sign-in", true, func(n string) error {
			who, err := at.Registry.SignIn(t.Context(), "ops@acme", "a password")
			if err == nil {
				err = at.Registry.OpenSession(t.Context(), "late"+name+n, who, registry.Session{Kind: "late", Expires: at.clock.Now().Add(time.Hour)}, 5, true)
			}
			return err
		})
		again("a correction", true, func(n string) error {
			c, _, err := at.Ledger.ProposeRange(t.Context(), tester, acme, ledger.RangeFilter{Type: "t.a", Node: "/"}, "")
			if err == nil {
				_, _, err = at.Ledger.ApproveRange(t.Context(), tester, acme, c.ID)
			}
			return err
		})
		again("an import", true, func(string) error {
			_, err := at.bring(t, file, transfer.Import{})
			return err
		})
		again("a sweep", false, func(string) error { return at.Ledger.Sweep(t.Context()) })
	}
	begun.Wait()
	var deleters sync.WaitGroup
	for _, at := range places {
		deleters.Go(func() {
			if _, err := at.Registry.DeleteTenant(t.Context(), tester, acme); err != nil {
				t.Error(err)
			}
		})
	}
	deleters.Wait()
	for _, at := range places {
		at.DeletionSteps = 2
		deleters.Go(func() {
			for range 10_000 {
				list, err := at.Registry.Deletions(t.Context(), 1)
				if err == nil && len(list) == 0 {
					return
				}
				if err = errors.Join(err, at.SweepDeletions(t.Context())); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	deleters.Wait()
	close(stop)
	done.Wait()
	nothingLeft(t, p.Store)
	if d := p.deleted(t); !d.Gone {
		t.Errorf("%+v", d)
	}
	p.takesTheNames(t)
}

// overtaken is a store on which something happens before the first step of a kind.
type overtaken struct {
	store.Store
	is     func(tenant usance.TenantID, keys store.Keys) bool
	before func()
}

func (s *overtaken) Step(ctx context.Context, tenant usance.TenantID, keys store.Keys, fn func(*store.Rows) error) error {
	if s.before != nil && s.is(tenant, keys) {
		before := s.before
		s.before = nil
		before()
	}
	return s.Store.Step(ctx, tenant, keys, fn)
}

func ofAcme(tenant usance.TenantID, _ store.Keys) bool { return tenant == acme }

// What was about to be written when its tenant was deleted is not written.
func TestAWriteThatWasOvertakenByADeletionWritesNothing(t *testing.T) {
	system := func(table store.Table) func(usance.TenantID, store.Keys) bool {
		return func(tenant usance.TenantID, keys store.Keys) bool {
			return tenant == usance.System && slices.ContainsFunc(keys.Rows, func(k store.Key) bool { return k.Table == table && k != registry.DeletedKey(acme) })
		}
	}
	refused := func(err error, kinds ...usance.Kind) error {
		if err == nil || !slices.Contains(kinds, usance.KindOf(err)) {
			return fmt.Errorf("instead of a refusal: %w", err)
		}
		return nil
	}
	expiring := func(p *place) { p.clock.Move(2 * time.Hour) }
	for name, c := range map[string]struct {
		is     func(usance.TenantID, store.Keys) bool
		before func(*place)
		do     func(p *place) error
	}{
		"a hold that expires": {ofAcme, expiring, func(p *place) error { return p.Ledger.Sweep(t.Context()) }},
		"a reading that expires a hold": {ofAcme, expiring, func(p *place) error {
			_, err := p.Ledger.Report(t.Context(), acme, ledger.Ask{Quotas: []registry.QuotaRef{{Node: "/", Meter: "tokens"}}})
			return refused(err, usance.KindNotFound)
		}},
		"an event": {ofAcme, nil, func(p *place) error {
			event := usance.Event{Source: "late", ID: "1", Type: "t.a", Subject: "u1", Node: "/a", Time: p.clock.Now(), Data: []byte(`{"n":1}`)}
			_, err := p.Ledger.Ingest(t.Context(), tester, acme, []ledger.Incoming{{Event: event, Stated: true}})
			return refused(err, usance.KindNotFound)
		}},
		"a charge": {ofAcme, nil, func(p *place) error {
			_, err := p.Ledger.Charge(t.Context(), tester, acme, ledger.Charge{ID: "late", Node: "/a", Items: []usance.Item{{Meter: "seats", Amount: 1}}})
			return refused(err, usance.KindNotFound)
		}},
		"a move": {ofAcme, nil, func(p *place) error {
			_, err := p.Ledger.MoveNode(t.Context(), tester, acme, "/a", "/b")
			return refused(err, usance.KindNotFound)
		}},
		"a session": {system(store.Sessions), nil, func(p *place) error {
			who, err := p.Registry.SignIn(t.Context(), "ops@acme", "a password")
			if err != nil {
				return err
			}
			return refused(p.Registry.OpenSession(t.Context(), "late", who, registry.Session{Kind: "k", Expires: p.clock.Now().Add(time.Hour)}, 0, false), usance.KindUnauthorized)
		}},
		"a claim": {system(store.Directory), nil, func(p *place) error {
			_, err := p.Registry.Edit(t.Context(), tester, acme, registry.Edit{Users: []registry.UserSpec{facadetest.User("late", "", usance.RoleViewer, "/")}})
			return refused(err, usance.KindConflict, usance.KindNotFound)
		}},
		"a change without names": {ofAcme, nil, func(p *place) error {
			_, err := p.Registry.Edit(t.Context(), tester, acme, registry.Edit{Quotas: []usance.Quota{{Node: "/", Meter: "tokens", Limit: 7, Window: usance.DayWindow}}})
			return refused(err, usance.KindNotFound)
		}},
		"a correction": {func(tenant usance.TenantID, keys store.Keys) bool { return tenant == usance.System }, nil, func(p *place) error {
			c, _, err := p.Ledger.ProposeRange(t.Context(), tester, acme, ledger.RangeFilter{Type: "t.a", Node: "/"}, "")
			if err != nil {
				return err
			}
			_, _, err = p.Ledger.ApproveRange(t.Context(), tester, acme, c.ID)
			return refused(err, usance.KindNotFound)
		}},
	} {
		for _, swept := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, all removed %v", name, swept), func(t *testing.T) {
				p := doomed(t, facadetest.OpenStore(t), nil, 0)
				if c.before != nil {
					c.before(p)
				}
				quick, left := p.process(t), map[store.Key]string{}
				st := &overtaken{p.Store, c.is, func() {
					if _, err := quick.Registry.DeleteTenant(t.Context(), tester, acme); err != nil {
						t.Error(err)
					}
					if swept {
						quick.sweep(t)
					}
					left = everything(t, p.Store, acme)
				}}
				if err := c.do(placeOn(t, st, p.clock, 1)); err != nil {
					t.Error(err)
				}
				if st.before != nil {
					t.Fatal("nothing overtook it")
				}
				sameRows(t, left, everything(t, p.Store, acme))
				quick.sweep(t)
				nothingLeft(t, p.Store)
			})
		}
	}
}

// Another tenant is about to take names of acme's, and before it does the last row of
// acme goes: taking them leaves it none.
func TestWhoTakesTheNamesOfADeletedTenantLeavesItNoRow(t *testing.T) {
	p := doomed(t, facadetest.OpenStore(t), nil, 0)
	if _, err := p.Registry.DeleteTenant(t.Context(), tester, acme); err != nil {
		t.Fatal(err)
	}
	quick := p.process(t)
	st := &overtaken{p.Store, ofAcme, func() { quick.sweep(t) }}
	placeOn(t, st, p.clock, 1).takesTheNames(t)
	if st.before != nil {
		t.Fatal("nothing overtook it")
	}
	nothingLeft(t, p.Store)
}

// An edit has claimed its names and is so slow that its tenant is deleted before it is
// saved, once of a tenant that is there and once of one that it is to make.
func TestAnEditThatWasOvertakenByADeletionIsNotSaved(t *testing.T) {
	for _, created := range []bool{false, true} {
		t.Run(fmt.Sprintf("of a new tenant %v", created), func(t *testing.T) {
			p := newPlace(t, noon(), 1)
			p.others(t)
			quick := p.process(t)
			if !created {
				if _, err := quick.Registry.Edit(t.Context(), tester, acme, registry.Edit{Tenant: &usance.Tenant{}}); err != nil {
					t.Fatal(err)
				}
			}
			slowly := placeOn(t, &slow{p.Store, func() {
				if created {
					if _, err := quick.Registry.Edit(t.Context(), tester, acme, registry.Edit{Tenant: &usance.Tenant{}}); err != nil {
						t.Error(err)
					}
				}
				if _, err := quick.Registry.DeleteTenant(t.Context(), tester, acme); err != nil {
					t.Error(err)
				}
				quick.sweep(t)
			}}, p.clock, 1)
			if _, err := slowly.Registry.Edit(t.Context(), tester, acme, definitions()); usance.KindOf(err) != usance.KindConflict {
				t.Errorf("the edit: %v", err)
			}
			nothingLeft(t, p.Store)
			quick.takesTheNames(t)
		})
	}
}

// An import may be overtaken too: it has entered its names, and then another process
// brings the tenant and it is deleted.
func TestAnImportThatWasOvertakenByADeletionDoesNotBegin(t *testing.T) {
	from := newPlace(t, noon(), 1)
	from.settle(t, rand.New(rand.NewPCG(facadetest.Seed(t), 25)), 2)
	file := from.export(t, transfer.Export{})
	to := newPlace(t, from.clock, 1)
	to.others(t)
	inner := to.Store
	quick := to.process(t)
	to.Store = &slow{inner, func() {
		if _, err := quick.bring(t, file, transfer.Import{}); err != nil {
			t.Error(err)
		}
		if _, err := quick.Registry.DeleteTenant(t.Context(), tester, acme); err != nil {
			t.Error(err)
		}
		quick.sweep(t)
	}}
	if _, err := to.bring(t, file, transfer.Import{}); usance.KindOf(err) != usance.KindConflict {
		t.Errorf("the import: %v", err)
	}
	nothingLeft(t, inner)
}

// What was deleted stays deleted in the store that everything moves to, and what was
// still to be removed is not left there.
func TestADeletionMovesAlongWithTheStore(t *testing.T) {
	seed := facadetest.Seed(t)
	for name, until := range map[string]func(t *testing.T, p *place){
		"not ended": func(t *testing.T, p *place) {
			dying := &mortal{Store: p.Store}
			dying.left.Store(5) // the first act is the fourth call
			if _, err := placeOn(t, dying, p.clock, 1).Registry.DeleteTenant(t.Context(), tester, acme); !errors.Is(err, errDied) {
				t.Fatal(err)
			}
			p.deleted(t)
		},
		"being removed": func(t *testing.T, p *place) {
			if _, err := p.Registry.DeleteTenant(t.Context(), tester, acme); err != nil {
				t.Fatal(err)
			}
		},
		"gone": func(t *testing.T, p *place) {
			if _, err := p.Registry.DeleteTenant(t.Context(), tester, acme); err != nil {
				t.Fatal(err)
			}
			p.sweep(t)
		},
	} {
		t.Run(name, func(t *testing.T) {
			from := doomed(t, facadetest.OpenStore(t), rand.New(rand.NewPCG(seed, 26)), 3)
			file := from.export(t, transfer.Export{})
			until(t, from)
			st := facadetest.OpenStore(t)
			if _, err := from.moveTo(t.Context(), st); err != nil {
				t.Fatal(err)
			}
			to := placeOn(t, st, from.clock, 1)
			to.sweep(t)
			nothingLeft(t, st)
			to.strange(t)
			to.refusesTheID(t, file)
			if d := to.deleted(t); !d.Gone || !d.At.Equal(from.deleted(t).At) || d.Sequence == 0 {
				t.Errorf("%+v", d)
			}
			to.takesTheNames(t)
		})
	}
}

// A deletion goes on behind a block that cannot be read.
func TestADamagedTenantIsDeletedTheSame(t *testing.T) {
	p := doomed(t, facadetest.OpenStore(t), rand.New(rand.NewPCG(facadetest.Seed(t), 27)), 3)
	err := p.Store.Step(t.Context(), acme, store.Keys{}, func(rows *store.Rows) error {
		rows.Put(store.Blocks, journal.BlockID(1), bytes.Repeat([]byte{7}, 20))
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := p.Registry.DeleteTenant(t.Context(), tester, acme); err != nil {
		t.Fatal(err)
	}
	p.takesTheNames(t) // which are free before anything is removed
	p.sweep(t)
	nothingLeft(t, p.Store) // its first block had no events
	p.takesTheNames(t)      // and stay whose they are
}
