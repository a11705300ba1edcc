package sim

import (
	"fmt"
	"hash/fnv"
	"math/rand/v2"
	"os"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// seeds are those of this run: USANCE_SEEDS many, the first of them USANCE_SEED or
// one that nobody chose.
func seeds(t *testing.T) []uint64 {
	t.Helper()
	number := func(name string, fallback uint64) uint64 {
		text := os.Getenv(name)
		if text == "" {
			return fallback
		}
		n, err := strconv.ParseUint(text, 10, 64)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		return n
	}
	first, n := number("USANCE_SEED", uint64(time.Now().UnixNano())), number("USANCE_SEEDS", 9)
	if testing.Short() {
		n = min(n, 2)
	}
	t.Logf("%d seeds from %d", n, first)
	var list []uint64
	for i := range n {
		list = append(list, first+i)
	}
	return list
}

// TestWhatWasAcknowledgedIsThereOnceAndEveryAnswerIsTheModels runs a simulation for
// each seed.
func TestWhatWasAcknowledgedIsThereOnceAndEveryAnswerIsTheModels(t *testing.T) {
	var mu sync.Mutex
	var total counts
	t.Run("seeds", func(t *testing.T) {
		for _, seed := range seeds(t) {
			t.Run(fmt.Sprint(seed), func(t *testing.T) {
				t.Parallel()
				s := newSimulation(t, seed)
				s.run(lives, kinds)
				mu.Lock()
				total.add(s.count)
				mu.Unlock()
			})
		}
	})
	t.Logf("%s", &total)
}

// lives is how often the process of one seed dies.
const lives = 25

// simulation is one seed's run.
type simulation struct {
	*world
	t       *testing.T
	seed    uint64
	r       *rand.Rand // what happens
	clients clients
	tenants []*tenant
	charges []op // that may be sent again
	pending *pending
	unheard []unheard
	moments [2][]moment // by tenant
	life    faultKind
	next    faultKind // of the life to come
	full    bool      // the disk is
	busy    int       // requests of a life, about
	alone   bool      // clients wait for each other
	past    []string  // what was done in this life
	trail   strings.Builder
}

// pending is a request that nobody heard the answer of.
type pending struct {
	tenant int
	before *tenant // without it
	after  *tenant // with it
	op     op
}

func newSimulation(t *testing.T, seed uint64) *simulation {
	source := func(n uint64) *rand.Rand { return rand.New(rand.NewPCG(seed, n)) }
	s := &simulation{t: t, seed: seed, r: source(1), busy: 28}
	s.world = &world{disk: newDisk(source(2)), now: time.Date(2026, 3, 5, 12, 0, 0, 0, time.UTC), asking: source(3),
		count: counts{faults: map[faultKind]int{}}}
	s.clients = clients{r: source(4), sent: make([][]sentEvent, 2)}
	for i, name := range []string{"Asia/Kathmandu", "America/St_Johns"} {
		zone, err := time.LoadLocation(name)
		if err != nil {
			t.Fatal(err)
		}
		s.tenants = append(s.tenants, newTenant([]string{"acme", "globex"}[i], zone))
	}
	return s
}

func (s *simulation) fail(format string, args ...any) {
	s.t.Helper()
	for _, line := range s.past {
		s.t.Log(line)
	}
	if log := s.log.String(); log != "" {
		s.t.Logf("the server's log:\n%s", log[max(0, len(log)-4000):])
	}
	s.t.Fatalf("seed %d: "+format+"\nUSANCE_SEED=%d USANCE_SEEDS=1 go test ./sim -run %s", append(append([]any{s.seed}, args...), s.seed, strings.Split(s.t.Name(), "/")[0])...)
}

func (s *simulation) note(format string, args ...any) {
	line := fmt.Sprintf(format, args...)
	s.past = append(s.past, line)
	s.trail.WriteString(line + "\n")
}

// run lives so many lives and looks at everything in the end.
func (s *simulation) run(lives int, kinds []faultKind) {
	s.t.Helper()
	s.next = kinds[s.r.IntN(len(kinds))]
	s.begin()
	for range lives {
		s.past = nil
		kind := s.next
		s.next = kinds[s.r.IntN(len(kinds))]
		s.live(kind)
	}
	s.thorough = true
	s.examine()
	for i, m := range s.tenants {
		s.count.acknowledged += len(m.events)
		p := &probe{world: s.world, i: i, m: m}
		s.count.found += len(p.list("/api/v1/events?limit=1000"))
	}
	if err := s.st.Close(); err != nil {
		s.fail("closing: %v", err)
	}
}

// begin starts the first process and makes the tenants.
func (s *simulation) begin() {
	s.t.Helper()
	if err := s.start(s.next.memTable()); err != nil {
		s.fail("first start: %v", err)
	}
	var texts []string
	for _, m := range s.tenants {
		texts = append(texts, fmt.Sprintf(manifest, m.id, m.zone, m.project()))
	}
	a := s.send(ask{method: "POST", path: "/api/v1/apply", body: "tenants:" + strings.Join(texts, ""), media: "application/yaml",
		header: map[string]string{"Authorization": "Bearer " + operatorToken}})
	if a.status != 200 {
		s.fail("apply: %d %s", a.status, a.body)
	}
	s.examine()
}

// kinds are the faults a life may meet; those named twice come twice as often.
var kinds = []faultKind{dieIdle, dieAtLog, dieAtLog, dieAtLog, dieAnywhere, dieAnywhere, dieAnywhere, dieOpening, stopInOrder, failLogSync, failLogWrite, failTables, failReads, fillUp}

// live is one life of the process: requests until it dies, then a new process on
// what is left of the disk, and everything compared.
func (s *simulation) live(kind faultKind) {
	s.t.Helper()
	s.life = kind
	s.note("a life: %s", kind)
	requests := 4 + s.r.IntN(s.busy)
	switch kind {
	case dieAtLog:
		s.disk.plan(kind, 1+s.r.IntN(30), 1)
	case failLogSync, failLogWrite: // soon, before the engine changes to another log: see pebblestore's health
		s.disk.plan(kind, 1+s.r.IntN(12), 1)
	case dieAnywhere:
		s.disk.plan(kind, 1+s.r.IntN(120), 1)
	case failTables, failReads:
		s.disk.plan(kind, 1+s.r.IntN(20), 1+s.r.IntN(20))
	}
	for n := range requests {
		if kind == fillUp && !s.full && n%8 == 3 { // once: what the store gives up of its own is not taken from it
			s.full = true
			s.disk.small.Leave(pick[int64](s.r, 0, 100, 5000, 100_000, 1<<20))
		}
		s.tick()
		heard, ok := s.step()
		if !heard {
			break
		}
		if ok {
			continue
		}
		if kind == fillUp {
			s.makeSpace()
		}
		s.disk.heal()
		if s.st.Check(s.t.Context()) != nil {
			break // it serves nothing until it is opened anew
		}
		s.resolve()
	}
	s.disk.small.Leave(diskBytes)
	s.full = false
	s.disk.heal()
	s.count.faults[kind]++
	s.restart(kind)
	s.examine()
}

// tick moves the clock, mostly a little, and now and then back: once the holds whose
// time has come have been looked at, since what has expired stays so.
func (s *simulation) tick() {
	switch s.r.IntN(14) {
	case 12:
		for i, m := range s.tenants {
			m.now = s.now
			m.expire()
			p := &probe{world: s.world, i: i, m: m}
			if p.quotas(); len(p.wrong) > 0 || s.disk.dead() {
				return // the disk fails; the next request says whether it is right to
			}
		}
		s.now = s.now.Add(-time.Duration(s.r.Int64N(int64(2 * time.Hour))))
		s.note("the clock is set back to %s", s.now)
	case 0:
		s.now = s.now.Add(time.Duration(s.r.Int64N(int64(8 * time.Hour))))
	case 1, 2:
		s.now = s.now.Add(time.Duration(s.r.Int64N(int64(5 * time.Minute))))
	case 3:
	default:
		s.now = s.now.Add(time.Duration(s.r.Int64N(int64(3 * time.Second))))
	}
}

// step lets a client send one request. heard is false when the process died before
// it answered; ok when the answer is what the model says, and not that the server
// could not.
func (s *simulation) step() (heard, ok bool) {
	s.t.Helper()
	i := s.r.IntN(len(s.tenants))
	m := s.tenants[i]
	m.now = s.now
	m.expire()
	switch s.r.IntN(16) {
	case 0, 1:
		return s.query(i)
	case 2:
		if s.life != fillUp && !s.alone {
			return s.burst(i)
		}
	}
	return s.do(s.request(i, m))
}

func (s *simulation) request(i int, m *tenant) op {
	kinds := 24
	if s.life == failLogSync || s.life == failLogWrite {
		kinds = 20 // without what writes much: the log must fail before the engine changes to another one
	}
	switch n := s.r.IntN(kinds); {
	case n >= 22:
		return s.clients.move(i, m)
	case n >= 20:
		return s.clients.rangeOp(i, m)
	case n < 7:
		return s.clients.send(i, m)
	case n < 10:
		if len(s.charges) > 0 && s.r.IntN(8) == 0 {
			return s.clients.resend(s.charges[s.r.IntN(len(s.charges))])
		}
		o := s.clients.charge(i, m)
		s.charges = append(s.charges, o)
		return o
	case n < 12:
		return s.clients.reserve(i, m)
	case n < 15:
		return s.clients.moveHold(i, m)
	case n < 17:
		return s.clients.correct(i, m)
	case n < 19:
		return s.clients.define(i, m)
	}
	return s.clients.resource(i, m)
}

// do sends a request and compares its answer with the model's.
func (s *simulation) do(o op) (heard, ok bool) {
	s.t.Helper()
	m := s.tenants[o.tenant]
	m.now = s.now
	m.expire()
	next := m.clone()
	want := o.run(next)
	s.count.requests++
	head := uint64(0)
	if s.r.IntN(12) == 0 {
		head = s.head(m)
	}
	got := s.call(m, o.ask)
	cut := s.disk.dead()
	if cut || got.status >= 500 {
		s.note("%s %s %s %s: unheard", m.id, o.name, o.ask.path, o.ask.body)
		if !cut {
			s.count.refused++
			if got.status != 500 && got.status != 503 {
				s.fail("a broken disk is answered %d %s", got.status, got.body)
			}
		}
		s.pending = &pending{tenant: o.tenant, before: m, after: next, op: o}
		return !cut, false
	}
	s.note("%s %s %s %s: %d", m.id, o.name, o.ask.path, o.ask.body, got.status)
	if got.status != want.status {
		s.fail("%s %s\n%s: %d %s; the model says %d", m.id, o.ask.path, o.ask.body, got.status, got.body, want.status)
	}
	if want.check != nil {
		if wrong := want.check(got); wrong != "" {
			s.fail("%s %s\n%s: %s\n%s", m.id, o.ask.path, o.ask.body, got.body, wrong)
		}
	}
	s.tenants[o.tenant] = next
	s.remember(o.tenant, head)
	return true, true
}

// burst has several clients send new events of one tenant at once, so that their
// requests share steps. The order does not matter: events add up in any.
func (s *simulation) burst(i int) (heard, ok bool) {
	s.t.Helper()
	const clients = 6
	m := s.tenants[i]
	var lists [clients][]map[string]any
	var asks [clients]ask
	var got [clients]answer
	for n := range lists {
		for range 1 + s.r.IntN(4) {
			e := s.clients.event(m)
			for m.enforced[text(e, "type")] { // what quotas refuse depends on the order
				e = s.clients.event(m)
			}
			lists[n] = append(lists[n], e)
		}
		asks[n] = s.clients.sendAsk(lists[n])
	}
	var wg sync.WaitGroup
	for n := range asks {
		wg.Go(func() {
			a := s.call(m, asks[n])
			if s.disk.dead() {
				a.status = 0
			}
			got[n] = a
		})
	}
	wg.Wait()
	s.count.requests += clients
	next := m.clone()
	heard, ok = true, true
	for n, a := range got {
		switch {
		case a.status == 204:
			next.ingest(lists[n], false)
		case a.status == 0 || a.status >= 500:
			heard, ok = heard && a.status != 0, false
			s.unheard = append(s.unheard, unheard{i, lists[n], asks[n]})
		default:
			s.fail("%s in a burst: %d %s", asks[n].body, a.status, a.body)
		}
	}
	s.tenants[i] = next
	s.note("%s %d requests at once, %d unheard", m.id, clients, len(s.unheard))
	return heard, ok
}

// query asks the façades in the middle of a life. While the disk fails, an answer
// may say so; it may not be wrong.
func (s *simulation) query(i int) (heard, ok bool) {
	s.t.Helper()
	p := &probe{world: s.world, i: i, m: s.tenants[i]}
	s.count.requests++
	switch s.r.IntN(5) {
	case 0:
		p.meeting()
	case 1:
		p.drive()
	case 2:
		p.zstack()
	case 3:
		p.huawei()
	case 4:
		p.quotas()
	}
	s.note("%s asks: %d differences", p.m.id, len(p.wrong))
	if s.disk.dead() {
		return false, false
	}
	if len(p.wrong) > 0 {
		full := s.life == fillUp && s.st.Check(s.t.Context()) != nil // a sign-in writes
		if s.disk.heal() == 0 && !full {
			s.fail("%s", strings.Join(p.wrong, "\n"))
		}
		s.count.refused++
		return true, false
	}
	return true, true
}

// examine compares everything with the model and folds the ledger again.
func (s *simulation) examine() {
	s.t.Helper()
	for i, m := range s.tenants {
		wrong := append(s.check(i, m), s.recall(i)...)
		p := &probe{world: s.world, i: i, m: m}
		p.verify()
		if wrong = append(wrong, p.wrong...); len(wrong) > 0 {
			s.fail("%s differs from the model:\n%s", m.id, strings.Join(wrong, "\n"))
		}
		h := fnv.New64a()
		fmt.Fprint(h, len(m.events), len(m.holds), len(m.quotas))
		s.note("%s is as the model says: %d events, %d holds, %x", m.id, len(m.events), len(m.holds), h.Sum64())
	}
}
