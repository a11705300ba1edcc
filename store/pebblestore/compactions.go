package pebblestore

import (
	"sync"
	"time"

	"github.com/cockroachdb/pebble/v2"
)

// compactions grants the engine its compactions: as many at a time as the engine
// allows itself, and none before begin. The engine's own scheduler has them begin
// while the store is being opened, and opening then waits for their end, which after
// much was written is a matter of many seconds.
type compactions struct {
	db   pebble.DBForCompaction
	poke chan struct{} // has a token when there may be something to grant
	quit chan struct{}

	mu           sync.Mutex
	begun, ended bool
	running      int
	stopped      chan struct{} // closed when nothing is granted any more
}

var _ pebble.CompactionScheduler = (*compactions)(nil)

func newCompactions() *compactions {
	return &compactions{poke: make(chan struct{}, 1), quit: make(chan struct{}), stopped: make(chan struct{})}
}

// begin has compactions granted from now on, until the store is closed or broken.
func (c *compactions) begin(broken <-chan struct{}) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.begun = true
	go c.run(broken)
}

// samples is how often the engine is asked whether it allows itself more.
const samples = 100 * time.Millisecond

func (c *compactions) run(broken <-chan struct{}) {
	defer close(c.stopped)
	tick := time.NewTicker(samples)
	defer tick.Stop()
	for {
		c.grant()
		select {
		case <-c.poke:
		case <-tick.C:
		case <-c.quit:
			return
		case <-broken:
			return
		}
	}
}

// grant has the engine run what waits, as far as it allows.
func (c *compactions) grant() {
	for c.take() {
		if waiting, _ := c.db.GetWaitingCompaction(); waiting && c.db.Schedule(c) {
			continue
		}
		c.mu.Lock()
		c.running--
		c.mu.Unlock()
		return
	}
}

// take counts one more as running, if it may.
func (c *compactions) take() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.begun || c.ended || c.db.GetAllowedWithoutPermission() <= c.running {
		return false
	}
	c.running++
	return true
}

func (c *compactions) Register(_ int, db pebble.DBForCompaction) { c.db = db }

func (c *compactions) Unregister() {
	c.mu.Lock()
	begun := c.begun
	c.ended = true
	c.mu.Unlock()
	close(c.quit)
	if begun {
		<-c.stopped
	}
}

func (c *compactions) TrySchedule() (bool, pebble.CompactionGrantHandle) { return c.take(), c }

func (c *compactions) UpdateGetAllowedWithoutPermission() {
	select {
	case c.poke <- struct{}{}:
	default:
	}
}

func (c *compactions) Started()                                          {}
func (c *compactions) MeasureCPU(pebble.CompactionGoroutineKind)         {}
func (c *compactions) CumulativeStats(pebble.CompactionGrantHandleStats) {}

// Done counts a compaction out, see pebble.CompactionGrantHandle.
func (c *compactions) Done() {
	c.mu.Lock()
	c.running--
	c.mu.Unlock()
	c.UpdateGetAllowedWithoutPermission()
}
