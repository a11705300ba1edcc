package pebblestore

import (
	"bytes"
	"cmp"
	"hash/maphash"
	"sync"
	"sync/atomic"

	"github.com/cockroachdb/pebble/v2"

	"github.com/usance/usance"
	"github.com/usance/usance/store"
)

// Rows of point-only tables are mostly not found, and the engine finds that out at
// some cost: it looks into its tables in memory, and asks the Bloom filter of each
// of the sorted runs that its compactions have not merged yet, of which there are
// the more the more is written. The sieve is one Bloom filter over all these rows,
// in memory. A row that it denies is nowhere, and the engine is not asked.
//
// It is never saved. When the store is opened, and when it has become too small, a
// new one is filled in the background: from then on each row that is written is
// added to it, after it was applied and before its tenant's turn ends, and all rows
// of before are read from the engine. Until it is full it is not asked; the first
// one is missing until then, which costs time and is never wrong. Rows that are
// deleted stay in it, which is not wrong either.
type sieve struct {
	seed        maphash.Seed
	first, most int // bits

	mu   sync.Mutex
	live atomic.Pointer[filter] // has every row; nil until there is one
	made atomic.Bool            // the first one is full, or was given up
	next *filter                // is being filled

	small chan struct{} // has a token when live has become too small
	quit  chan struct{}
	ended chan struct{}
}

const (
	probes   = 5
	lineBits = 512 // one cache line, in which all bits of a row lie
	minBits  = 8   // a row: a filter with fewer is too small
	newBits  = 16  // a row, at the least, of a new filter that may be so large
	growth   = 8
)

// filter is a Bloom filter by cache lines.
type filter struct {
	bits []uint64 // accessed atomically
	rows int      // under sieve.mu
}

// newSieve returns a sieve for rows at first, of most bytes at the most.
func newSieve(rows, most int) *sieve {
	return &sieve{
		seed: maphash.MakeSeed(), first: newBits * rows, most: max(8*most, lineBits),
		small: make(chan struct{}, 1), quit: make(chan struct{}), ended: make(chan struct{}),
	}
}

func newFilter(bits int) *filter {
	lines := (bits + lineBits - 1) / lineBits
	return &filter{bits: make([]uint64, lines*lineBits/64)}
}

func (s *sieve) hash(key []byte) uint64 { return maphash.Bytes(s.seed, key) }

// line returns the row's cache line; its bits in the line follow from the hash's
// other half.
func (f *filter) line(hash uint64) []uint64 {
	lines := uint64(len(f.bits) * 64 / lineBits)
	at := (hash >> 32) * lines >> 32 * (lineBits / 64)
	return f.bits[at : at+lineBits/64]
}

func (f *filter) add(hash uint64) {
	line := f.line(hash)
	for h, n := spread(hash), 0; n < probes; h, n = h>>9, n+1 {
		atomic.OrUint64(&line[h>>6&7], 1<<(h&63))
	}
}

func (f *filter) mayHold(hash uint64) bool {
	line := f.line(hash)
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
func (s *sieve) remember(hashes []uint64) {
	if len(hashes) == 0 {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	live := s.live.Load()
	for _, f := range []*filter{live, s.next} {
		if f == nil {
			continue
		}
		for _, h := range hashes {
			f.add(h)
		}
		f.rows += len(hashes)
	}
	if live != nil && s.next == nil && s.tooSmall(live) {
		select {
		case s.small <- struct{}{}:
		default:
		}
	}
}

func (s *sieve) tooSmall(f *filter) bool {
	return minBits*f.rows > 64*len(f.bits) && 64*len(f.bits) < s.most
}

// pass drops the point-only rows that are nowhere from keys, in place. The caller
// holds the tenant's turn.
func (s *sieve) pass(prefix []byte, keys []store.Key) []store.Key {
	live := s.live.Load()
	if live == nil {
		return keys
	}
	at := append(make([]byte, 0, len(prefix)+64), prefix...)
	rest := keys[:0]
	for i := range keys {
		k := &keys[i]
		if k.Table.PointOnly() {
			at = appendRow(at[:len(prefix)], k.Table, k.ID)
			if !live.mayHold(s.hash(at)) {
				continue
			}
		}
		rest = append(rest, *k)
	}
	return rest
}

// run keeps a filter that is large enough until quit. When the engine cannot be
// read it leaves things as they are: steps, which read it too, say what is wrong.
func (s *sieve) run(db *pebble.DB) {
	defer close(s.ended)
	size := s.first
	if bytes, err := db.EstimateDiskUsage([]byte{spaceRows}, []byte{spaceRows + 1}); err == nil {
		size = max(size, newBits*int(bytes/leastRow))
	}
	for {
		done := s.fill(db, min(size, s.most))
		s.made.Store(true)
		if !done {
			return
		}
		select {
		case <-s.quit:
			return
		case <-s.small:
			size = growth * 64 * len(s.live.Load().bits)
		}
	}
}

// leastRow is about how many bytes of disk there are for a point-only row and what
// comes with it.
const leastRow = 32

// fill puts a new filter in the place of the live one.
func (s *sieve) fill(db *pebble.DB, bits int) bool {
	f := newFilter(bits)
	s.mu.Lock()
	s.next = f // what is applied from now on is added; what was before, each sees
	s.mu.Unlock()
	rows, done := s.each(db, f.add)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.next = nil
	f.rows += rows
	if done {
		s.live.Store(f)
	}
	return done
}

// each calls fn with the hash of every point-only row and counts them. It is not
// done when the engine cannot be read or quit comes.
func (s *sieve) each(db *pebble.DB, fn func(hash uint64)) (rows int, done bool) {
	at := []byte{spaceRows}
	for at != nil {
		select {
		case <-s.quit:
			return rows, false
		default:
		}
		n, next, err := s.some(db, at, fn)
		rows += n
		if err != nil {
			return rows, false
		}
		at = next
	}
	return rows, true
}

// maxView bounds how much is read of one view of the database: an old one holds
// memory and files that are out of use.
const maxView = 1 << 17

// some is a part of each, from a key on; it returns where to go on, nil at the end.
func (s *sieve) some(db *pebble.DB, from []byte, fn func(hash uint64)) (rows int, next []byte, err error) {
	it, err := db.NewIter(&pebble.IterOptions{LowerBound: from, UpperBound: []byte{spaceRows + 1}})
	if err != nil {
		return 0, nil, err
	}
	defer func() { err = cmp.Or(it.Close(), err) }()
	valid := it.First()
	for n := 0; valid && n < maxView; n++ {
		key := it.Key()
		tenant := bytes.Index(key, []byte{0, 1}) + 2 // behind its end, see appendTenant
		if tenant < 2 || tenant >= len(key) {
			return rows, nil, usance.ErrCorrupt
		}
		switch t := store.Table(key[tenant]); {
		case t.PointOnly():
			fn(s.hash(key))
			rows++
			valid = it.Next()
		case t < store.Dedup:
			valid = it.SeekGE(append(bytes.Clone(key[:tenant]), byte(store.Dedup)))
		default:
			valid = it.SeekGE(successor(bytes.Clone(key[:tenant])))
		}
	}
	if valid {
		next = bytes.Clone(it.Key())
	}
	return rows, next, nil
}
