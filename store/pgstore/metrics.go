package pgstore

import (
	"sync/atomic"
	"time"
)

type counts struct{ steps, retries, unknown atomic.Int64 }

// Metrics says how the store and its connections are doing. Counters run since
// the store was opened.
type Metrics struct {
	MaxConns     int           // connections this process may open
	Conns        int           // open now
	ConnsInUse   int           // of them in use
	Waits        int64         // calls that had to wait for a connection
	WaitTime     time.Duration // how long they waited in all
	ConnsOpened  int64
	Steps        int64 // calls of Step that ended
	Retries      int64 // calls that were run again: conflicts, lost connections, restarts
	UnknownSteps int64 // steps whose outcome was lost with the connection
}

// Metrics returns the state of the store. It asks the server nothing.
func (s *Store) Metrics() Metrics {
	p := s.pool.Stat()
	return Metrics{
		MaxConns:     int(p.MaxConns()),
		Conns:        int(p.TotalConns()),
		ConnsInUse:   int(p.AcquiredConns()),
		Waits:        p.EmptyAcquireCount(),
		WaitTime:     p.EmptyAcquireWaitTime(),
		ConnsOpened:  p.NewConnsCount(),
		Steps:        s.counts.steps.Load(),
		Retries:      s.counts.retries.Load(),
		UnknownSteps: s.counts.unknown.Load(),
	}
}
