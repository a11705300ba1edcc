// Package gate bounds what a server has in hand. Requests that carry much reserve
// memory before their bodies are read, and take turns for the processor, party by
// party: a party is whoever is not to starve the others, such as a tenant. What
// does not fit is refused at once, so that clients slow down and nothing falls over.
package gate

import (
	"context"
	"errors"
	"sync"

	"github.com/usance/usance"
)

// Why a reservation was refused, for errors.Is; each comes in a *usance.Error of
// KindUnavailable.
var (
	ErrFull  = errors.New("gate: the server has all it takes in hand")
	ErrShare = errors.New("gate: the party has its share in hand")
)

// Config bounds a gate.
type Config struct {
	Bytes int64 // reserved by all parties together
	Share int64 // reserved by one party
	Turns int   // at one time
}

// Gate is safe for concurrent use.
type Gate struct {
	c Config

	mu       sync.Mutex
	reserved int64
	parties  map[string]*party // those with a reservation
	running  int               // turns taken
	waiting  []*party          // each with somebody waiting, in the order of their next turns
}

type party struct {
	reserved int64
	queue    []chan struct{}
}

// New returns a gate with the bounds.
func New(c Config) *Gate { return &Gate{c: c, parties: map[string]*party{}} }

// Pass is one request's reservation, and its turn while it has one. It is not
// safe for concurrent use.
type Pass struct {
	g       *Gate
	name    string
	p       *party
	bytes   int64
	running bool
}

// Reserve lets a party's request in that will hold so many bytes, or refuses it.
// Close gives the reservation back.
func (g *Gate) Reserve(name string, bytes int64) (*Pass, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	p := g.parties[name]
	if p == nil {
		p = &party{}
	}
	s := &Pass{g: g, name: name, p: p}
	if err := s.grow(bytes); err != nil {
		return nil, err
	}
	g.parties[name] = p
	return s, nil
}

// Grow raises the reservation to that many bytes, or refuses and leaves it as it
// is. A party's only request always fits its share.
func (s *Pass) Grow(bytes int64) error {
	s.g.mu.Lock()
	defer s.g.mu.Unlock()
	return s.grow(bytes)
}

func (s *Pass) grow(bytes int64) error {
	more := bytes - s.bytes
	if more <= 0 {
		return nil
	}
	if s.p.reserved > s.bytes && s.p.reserved+more > s.g.c.Share {
		return &usance.Error{Kind: usance.KindUnavailable, Detail: "the tenant has as many requests under way as its share of the server allows; send them again more slowly", Err: ErrShare}
	}
	if s.g.reserved > s.bytes && s.g.reserved+more > s.g.c.Bytes {
		return &usance.Error{Kind: usance.KindUnavailable, Detail: "the server has as many requests under way as it takes; try again", Err: ErrFull}
	}
	s.bytes += more
	s.p.reserved += more
	s.g.reserved += more
	return nil
}

// Turn waits for a turn, which End or Close gives back. Of the parties that wait
// each gets one in its order, however many requests it has waiting. It returns
// the context's error when that ends first.
func (s *Pass) Turn(ctx context.Context) error {
	g := s.g
	g.mu.Lock()
	if g.running < g.c.Turns {
		g.running++
		s.running = true
		g.mu.Unlock()
		return nil
	}
	mine := make(chan struct{})
	if len(s.p.queue) == 0 {
		g.waiting = append(g.waiting, s.p)
	}
	s.p.queue = append(s.p.queue, mine)
	g.mu.Unlock()
	select {
	case <-mine:
		s.running = true
		return nil
	case <-ctx.Done():
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	if !g.withdraw(s.p, mine) {
		s.running = true // it was given its turn meanwhile
		s.end()
	}
	return ctx.Err()
}

// withdraw takes a request out of its party's queue. It reports false when it
// has had its turn already.
func (g *Gate) withdraw(p *party, mine chan struct{}) bool {
	for i, c := range p.queue {
		if c != mine {
			continue
		}
		p.queue = append(p.queue[:i], p.queue[i+1:]...)
		if len(p.queue) == 0 {
			for j, w := range g.waiting {
				if w == p {
					g.waiting = append(g.waiting[:j], g.waiting[j+1:]...)
					break
				}
			}
		}
		return true
	}
	return false
}

// End gives the turn back; without one it does nothing.
func (s *Pass) End() {
	s.g.mu.Lock()
	defer s.g.mu.Unlock()
	s.end()
}

func (s *Pass) end() {
	if !s.running {
		return
	}
	s.running = false
	g := s.g
	if len(g.waiting) == 0 {
		g.running--
		return
	}
	next := g.waiting[0]
	g.waiting = g.waiting[1:]
	turn := next.queue[0]
	next.queue = next.queue[1:]
	if len(next.queue) > 0 {
		g.waiting = append(g.waiting, next)
	}
	close(turn)
}

// Close gives the turn and the reservation back. Repeating it does nothing.
func (s *Pass) Close() {
	s.g.mu.Lock()
	defer s.g.mu.Unlock()
	s.end()
	s.p.reserved -= s.bytes
	s.g.reserved -= s.bytes
	s.bytes = 0
	if s.p.reserved == 0 && s.g.parties[s.name] == s.p {
		delete(s.g.parties, s.name)
	}
}

// Reserved returns the bytes reserved now.
func (g *Gate) Reserved() int64 {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.reserved
}
