package reporting

import (
	"sync"
	"time"
)

// Metrics is how the publisher is getting on. The numbers of rounds count from
// Open.
type Metrics struct {
	// Behind is how old the tables may be: the time since the last whole round
	// without an error began, or since Open.
	Behind time.Duration
	Round  time.Duration // how long the last round took
	Rounds uint64        // rounds that ended
	Failed uint64        // those of them that met an error
}

// rounds keeps what Metrics tells.
type rounds struct {
	mu           sync.Mutex
	fresh        time.Time // when the last whole round began
	last         time.Duration
	done, errors uint64
}

func (r *rounds) ended(began, now time.Time, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.last = now.Sub(began)
	r.done++
	if err != nil {
		r.errors++
	} else {
		r.fresh = began
	}
}

// Metrics returns how the publisher is getting on, at any time.
func (p *Publisher) Metrics() Metrics {
	p.mu.Lock()
	defer p.mu.Unlock()
	return Metrics{Behind: max(p.Now().Sub(p.fresh), 0), Round: p.last, Rounds: p.done, Failed: p.errors}
}
