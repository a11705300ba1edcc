package sim

import (
	"context"
	"net/url"
	"runtime"
	"strings"
)

// makeSpace ends a full disk, on which reads went on: the same process writes again.
func (s *simulation) makeSpace() {
	s.t.Helper()
	i := s.r.IntN(len(s.tenants))
	if s.pending != nil {
		i = s.pending.tenant
	}
	m := s.tenants[i]
	m.now = s.now
	m.expire()
	p := &probe{world: s.world, i: i, m: m}
	p.quotas()
	p.meter("m.sum")
	if len(p.wrong) > 0 {
		s.fail("reads on a full disk: %s", strings.Join(p.wrong, "\n"))
	}
	s.disk.small.Leave(diskBytes)
	s.awaitSpace()
	s.full = false
	s.count.recovered++
	s.note("there is space again")
}

// awaitSpace waits until the store has noticed that there is space.
func (s *simulation) awaitSpace() {
	for s.st.Check(s.t.Context()) != nil {
		if s.t.Context().Err() != nil {
			s.fail("the disk has space again, and the store says: %v", s.st.Check(context.Background()))
		}
		runtime.Gosched()
	}
}

// again repeats what is refused for want of space though there is some: a table that
// met the full disk late has writes refused once more, until it is written.
func (s *simulation) again(try func() (fine bool)) bool {
	for range 3 {
		if try() {
			return true
		}
		if s.life != fillUp {
			return false
		}
		s.awaitSpace()
	}
	return false
}

// unheard is a request of a burst that nobody heard the answer of.
type unheard struct {
	tenant int
	list   []map[string]any
	ask    ask
}

// resolveBurst finds out of each which of its events are there: all, or none. Then
// its client sends it again.
func (s *simulation) resolveBurst() {
	s.t.Helper()
	for _, u := range s.unheard {
		m := s.tenants[u.tenant]
		p := &probe{world: s.world, i: u.tenant, m: m}
		there := 0
		for _, e := range u.list {
			there += len(p.list("/api/v1/events?source=" + url.QueryEscape(text(e, "source")) + "&id=" + url.QueryEscape(text(e, "id"))))
		}
		switch {
		case len(p.wrong) > 0:
			s.fail("%s", strings.Join(p.wrong, "\n"))
		case there == len(u.list):
			s.count.landed++
		case there == 0:
			s.count.lost++
		default:
			s.fail("%d of %d events of a request are there: %s", there, len(u.list), u.ask.body)
		}
		m.now = s.now
		if there > 0 {
			m.ingest(u.list, false)
		}
		s.note("%d of %d events of a burst are there", there, len(u.list))
	}
	again := s.unheard
	s.unheard = nil
	for _, u := range again {
		o := op{name: "burst again", tenant: u.tenant, ask: u.ask, run: func(m *tenant) want { return m.ingest(u.list, false) }}
		s.repeat(o)
	}
}

// restart ends the process in the way of its fault and starts the next one.
func (s *simulation) restart(kind faultKind) {
	s.t.Helper()
	s.count.restarts++
	if kind == stopInOrder && !s.disk.dead() {
		if err := s.st.Close(); err != nil {
			s.fail("stopping in order: %v", err)
		}
		s.disk = s.disk.again()
	} else {
		s.count.crashes++
		left := s.disk.die()
		_ = s.st.Close() // it is dead; this only frees its memory
		s.disk = left
	}
	if kind == dieOpening {
		s.disk.plan(dieOpening, 1+s.r.IntN(25), 1)
	}
	for {
		err := s.start(s.next.memTable())
		if !s.disk.dead() {
			if err != nil {
				s.fail("starting again: %v", err)
			}
			break
		}
		s.count.crashes++
		left := s.disk.die()
		if err == nil {
			_ = s.st.Close()
		}
		s.disk = left
	}
	s.disk.heal()
	s.settle()
	s.resolve()
}

// resolve finds out whether the request that nobody heard the answer of happened:
// wholly or not at all. Then its client sends it again.
func (s *simulation) resolve() {
	s.t.Helper()
	s.resolveBurst()
	p := s.pending
	if p == nil {
		return
	}
	s.pending = nil
	var without, with []string
	settled := s.again(func() bool {
		p.before.now, p.after.now = s.now, s.now
		p.before.expire()
		if without = (&probe{world: s.world, i: p.tenant, m: p.before, underWay: p.op.correction}).everything(); len(without) > 0 {
			with = s.check(p.tenant, p.after)
		}
		return len(without) == 0 || len(with) == 0
	})
	switch {
	case !settled:
		s.fail("%s %s\n%s was cut off, and is neither there nor not.\nAs if not:\n%s\nAs if:\n%s", p.op.ask.method, p.op.ask.path, p.op.ask.body,
			strings.Join(without, "\n"), strings.Join(with, "\n"))
	case len(without) == 0:
		s.count.lost++
		s.note("it did not happen")
		s.tenants[p.tenant] = p.before
	default:
		s.count.landed++
		s.note("it happened")
		s.tenants[p.tenant] = p.after
	}
	s.repeat(p.op)
}

// repeat has the client of a request that was cut off send it again.
func (s *simulation) repeat(o op) {
	s.t.Helper()
	answered := s.again(func() bool {
		heard, ok := s.do(o)
		if !ok {
			s.pending = nil // it is known that nothing was stored
		}
		return heard && ok
	})
	if !answered {
		s.fail("%s %s again, on a disk in order, was not answered", o.ask.method, o.ask.path)
	}
}
