package pebblestore

import (
	"hash/maphash"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/cockroachdb/pebble/v2"
)

// Rows of point-only tables are mostly not found, and finding that out costs
// most in the engine's tables in memory: sorted files have Bloom filters, those
// have not. fresh remembers which such rows were written lately. A row that it
// does not remember is in sorted files or nowhere, so only those are asked.
//
// It remembers by generations, each row after it was applied and before its
// tenant's turn ends. So when a generation is full, all its rows are in the tables
// in memory or have left them; these are flushed, and then it is forgotten.
// Whatever goes wrong on that way leaves the generation in place, which costs time
// and is never wrong.
type fresh struct {
	seed     maphash.Seed
	capacity int // rows of one generation

	mu   sync.Mutex
	live atomic.Pointer[[]*generation] // newest last; replaced under mu

	sealed chan *generation
	quit   chan struct{}
	ended  chan struct{}
}

// maxGenerations bounds the memory: past it the newest one overfills, and
// vouches for fewer and fewer rows.
const maxGenerations = 8

const (
	bitsPerRow = 16
	probes     = 6
	lineBits   = 512 // one cache line, in which all bits of a row lie
)

type generation struct {
	everything bool     // holds what was written before anyone remembered
	bits       []uint64 // accessed atomically
	rows       int      // under fresh.mu
}

func newFresh(capacity int) *fresh {
	f := &fresh{
		seed: maphash.MakeSeed(), capacity: capacity, sealed: make(chan *generation, maxGenerations),
		quit: make(chan struct{}), ended: make(chan struct{}),
	}
	before := &generation{everything: true}
	f.live.Store(&[]*generation{before, f.generation()})
	f.sealed <- before
	return f
}

func (f *fresh) generation() *generation {
	lines := (f.capacity*bitsPerRow + lineBits - 1) / lineBits
	return &generation{bits: make([]uint64, lines*lineBits/64)}
}

func (f *fresh) hash(key []byte) uint64 { return maphash.Bytes(f.seed, key) }

// line returns where the row's cache line begins; its bits in the line follow
// from the hash's other half.
func (g *generation) line(hash uint64) []uint64 {
	lines := uint64(len(g.bits) * 64 / lineBits)
	at := (hash >> 32) * lines >> 32 * (lineBits / 64)
	return g.bits[at : at+lineBits/64]
}

func (g *generation) add(hash uint64) {
	line := g.line(hash)
	for h, n := spread(hash), 0; n < probes; h, n = h>>9, n+1 {
		atomic.OrUint64(&line[h>>6&7], 1<<(h&63))
	}
}

func (g *generation) mayHold(hash uint64) bool {
	if g.everything {
		return true
	}
	line := g.line(hash)
	for h, n := spread(hash), 0; n < probes; h, n = h>>9, n+1 {
		if atomic.LoadUint64(&line[h>>6&7])&(1<<(h&63)) == 0 {
			return false
		}
	}
	return true
}

// spread makes 54 bits of the hash's lower half; the upper half chose the line.
func spread(hash uint64) uint64 { return (hash & (1<<32 - 1)) * 0x9E3779B97F4A7C15 >> 10 }

// remember takes rows in that have been applied; their tenant's next step must
// not begin before it returns.
func (f *fresh) remember(hashes []uint64) {
	f.mu.Lock()
	defer f.mu.Unlock()
	live := *f.live.Load()
	g := live[len(live)-1]
	for _, h := range hashes {
		g.add(h)
	}
	g.rows += len(hashes)
	if g.rows >= f.capacity && len(live) < maxGenerations {
		f.sealed <- g // has room for every generation there may be
		next := append(slices.Clone(live), f.generation())
		f.live.Store(&next)
	}
}

func (f *fresh) forget(g *generation) {
	f.mu.Lock()
	defer f.mu.Unlock()
	rest := slices.DeleteFunc(slices.Clone(*f.live.Load()), func(o *generation) bool { return o == g })
	f.live.Store(&rest)
}

// run forgets sealed generations until stop.
func (f *fresh) run(db *pebble.DB) {
	defer close(f.ended)
	for {
		select {
		case <-f.quit:
			return
		case g := <-f.sealed:
			flushed, err := db.AsyncFlush()
			if err != nil {
				return
			}
			select {
			case <-f.quit:
				return
			case <-flushed:
				f.forget(g)
			}
		}
	}
}

// memory answers what may be in the tables in memory, as of the moment it was
// taken: an iterator over sorted files made later has all other rows, unless
// they were written since.
type memory []*generation

func (f *fresh) memory() memory { return *f.live.Load() }

func (m memory) mayHold(hash uint64) bool {
	for _, g := range m {
		if g.mayHold(hash) {
			return true
		}
	}
	return false
}
