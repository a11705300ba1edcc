package pgstore

import (
	"errors"
	"fmt"
	"net"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/usance/usance"
	"github.com/usance/usance/store"
)

// tripCounter counts how often a connection turned from receiving to sending.
type tripCounter struct {
	net.Conn
	trips   *atomic.Int64
	sending *atomic.Bool
}

func (c tripCounter) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	if n > 0 {
		c.sending.Store(false)
	}
	return n, err
}

func (c tripCounter) Write(b []byte) (int, error) {
	if !c.sending.Swap(true) {
		c.trips.Add(1)
	}
	return c.Conn.Write(b)
}

func TestAStepIsTwoTripsWhateverItsSize(t *testing.T) {
	d := newHome(t)
	var trips atomic.Int64
	d.opts.MaxConns = 1
	d.opts.wrap = func(c net.Conn) net.Conn { return tripCounter{c, &trips, new(atomic.Bool)} }
	s := d.opened(t)
	step := func(tenant usance.TenantID, n int) int64 {
		keys := store.Keys{Ranges: []store.Range{{Table: store.Totals, Limit: 5}, {Table: store.Samples, From: "a", To: "b", Reverse: true}}}
		for i := range n {
			keys.Rows = append(keys.Rows, store.Key{Table: store.Dedup, ID: fmt.Sprint(n, "-", i)})
		}
		before := trips.Load()
		err := s.Step(t.Context(), tenant, keys, func(r *store.Rows) error {
			for _, k := range keys.Rows {
				r.Put(k.Table, k.ID, []byte("value"))
			}
			r.Put(store.Totals, "n", nil)
			r.Delete(store.Totals, "old")
			r.SetDue(usance.Earliest)
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		return trips.Load() - before
	}
	step("t", 1) // prepares the statements
	for _, n := range []int{1, 2, 10, 100, 1000} {
		if got := step("t", n); got != 2 {
			t.Errorf("a step of %d rows made %d trips, want 2", n, got)
		}
	}
	if got := step("new", 1); got != 3 {
		t.Errorf("a tenant's first step made %d trips, want 3", got)
	}
	for _, keys := range []store.Keys{
		{Rows: []store.Key{{Table: store.Dedup, ID: "1-0"}}},
		{Rows: []store.Key{{Table: store.Dedup, ID: "1-0"}}, Ranges: []store.Range{{Table: store.Totals}, {Table: store.Samples, To: "x"}}},
	} {
		for round := range 2 { // the first prepares the statements
			before := trips.Load()
			if _, err := s.Load(t.Context(), "t", keys); err != nil {
				t.Fatal(err)
			}
			if got := trips.Load() - before; round == 1 && got != 1 {
				t.Errorf("a load made %d trips, want 1", got)
			}
		}
	}
}

// scissors cut one connection after so many bytes in one direction. What was
// sent before the cut arrives.
type scissors struct {
	mu           sync.Mutex
	send         bool
	left         int
	armed, fired bool
}

type cuttable struct {
	net.Conn
	s *scissors
}

// pass says how many of n bytes go through, and whether the connection then ends.
func (s *scissors) pass(send bool, n int) (int, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.armed || s.fired || s.send != send {
		return n, false
	}
	if n < s.left {
		s.left -= n
		return n, false
	}
	s.fired = true
	return s.left, true
}

func (c cuttable) Write(b []byte) (int, error) {
	n, cut := c.s.pass(true, len(b))
	n, err := c.Conn.Write(b[:n])
	if cut {
		err = errors.Join(err, c.Close(), net.ErrClosed)
	}
	return n, err
}

func (c cuttable) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	keep, cut := c.s.pass(false, n)
	if cut {
		return keep, errors.Join(err, c.Close(), net.ErrClosed)
	}
	return keep, err
}

// The connection is cut at byte after byte of a step, on its way to the server
// and on its way back. An event is sent again after an unknown outcome only.
func TestAConnectionCutAtAnyByteLosesAndDoublesNothing(t *testing.T) {
	rnd := seeded(t)
	d := newHome(t)
	cut := &scissors{}
	d.opts.MaxConns = 1
	d.opts.wrap = func(c net.Conn) net.Conn { return cuttable{c, cut} }
	s := d.opened(t)
	events, unknowns := 0, 0
	for _, send := range []bool{true, false} {
		for at := 0; ; at += 1 + rnd.IntN(scaled(t, 40)*3/4) {
			if _, err := count(t.Context(), s, "t", fmt.Sprint("warm", send, at)); err != nil { // a healthy connection, all prepared
				t.Fatal(err)
			}
			cut.mu.Lock()
			cut.send, cut.left, cut.armed, cut.fired = send, at, true, false
			cut.mu.Unlock()
			id := fmt.Sprint(send, at)
			_, err := count(t.Context(), s, "t", id)
			cut.mu.Lock()
			cut.armed = false
			fired := cut.fired
			cut.mu.Unlock()
			if errors.Is(err, store.ErrUnknown) {
				unknowns++
				_, err = count(t.Context(), s, "t", id)
			}
			if err != nil {
				t.Fatalf("cut after %d bytes, sending %v: %v", at, send, err)
			}
			events += 2
			if !fired {
				break
			}
		}
	}
	r, err := s.Load(t.Context(), "t", store.Keys{Rows: []store.Key{{Table: store.Totals, ID: "n"}}, Ranges: []store.Range{{Table: store.Resources}}})
	if err != nil {
		t.Fatal(err)
	}
	if n, _ := r.Get(store.Totals, "n"); string(n) != fmt.Sprint(events) || len(r.Range(0)) != events {
		t.Errorf("%d events were acknowledged, %s counted, %d rows", events, n, len(r.Range(0)))
	}
	t.Logf("%d cuts, %d unknown outcomes", events/2, unknowns)
	if unknowns == 0 || unknowns == events/2 {
		t.Errorf("%d of %d cuts left an unknown outcome: the cuts did not reach both trips", unknowns, events/2)
	}
}
