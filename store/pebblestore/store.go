// Package pebblestore keeps a store.Store in one folder of the local disk, by
// the embedded key-value engine Pebble. One process at a time owns the folder.
//
// Each tenant has a turn, so its steps run one after another; steps of different
// tenants run side by side and share the disk's fsync. A step gives its turn back
// as soon as its rows are in the engine's memory and then waits for the disk.
// Whoever meets those rows in between waits for the disk as well before
// answering, so nothing that a crash could still take back is ever shown.
package pebblestore

import (
	"cmp"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/maphash"
	"log/slog"
	"runtime"
	"sync"
	"sync/atomic"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/bloom"
	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/usance/usance"
	"github.com/usance/usance/store"
)

// formatVersion is the version of the physical layout (key.go) that this code
// writes. A change that older code would misread adds one.
const formatVersion = 1

// Options adjust a store. The zero value is the production setting.
type Options struct {
	FS            vfs.FS       // nil for the machine's disk
	Logger        *slog.Logger // nil for none
	CacheBytes    int64        // memory for blocks read from disk; 0 for 192 MiB
	MaxOpenFiles  int          // tables kept open, at the least 64; 0 for 4096
	MemTableBytes uint64       // memory for one table of unflushed rows, of which there are up to four; 0 for 64 MiB

	RowCacheBytes int // memory for small rows that are used again and again; 0 for 128 MiB

	FilterBytes int // memory, at the most, for telling new ids of events from known ones; 0 for 64 MiB

	sieveRows int // rows that the first filter is for, see sieve; 0 for the production setting
}

// Store is a store.Store on Pebble. Its methods are safe for concurrent use.
type Store struct {
	db       *pebble.DB
	lock     *pebble.Lock
	health   *health
	room     *room
	tenants  *tenants
	sieve    *sieve
	cache    *rowCache
	versions versions

	committers committers
	trying     atomic.Bool // see again

	closed  atomic.Bool // as closing, for those who do not count themselves in
	mu      sync.Mutex
	running int
	closing bool
	idle    sync.Cond
}

var _ store.Store = (*Store)(nil)

// Open opens the store in dir and creates it when there is none. It fails when
// another process has the store open, and when a newer release wrote it.
func Open(dir string, opts Options) (*Store, error) {
	if opts.FS == nil {
		opts.FS = vfs.Default
	}
	if opts.Logger == nil {
		opts.Logger = slog.New(slog.DiscardHandler)
	}
	if err := makeDir(opts.FS, dir); err != nil {
		return nil, fmt.Errorf("pebblestore: create %s: %w", dir, err)
	}
	room := newRoom(opts.FS, dir, opts.Logger)
	opts.FS = orderly{room.over()}
	lock, err := pebble.LockDirectory(dir, opts.FS)
	if err != nil {
		return nil, fmt.Errorf("pebblestore: %s is in use by another process, or its lock file cannot be written: %w", dir, err)
	}
	s := &Store{lock: lock, health: newHealth(opts.Logger, room), room: room, tenants: newTenants()}
	s.idle.L = &s.mu
	s.committers.next = make(chan func())
	s.versions.seed = maphash.MakeSeed()
	settings, merges := s.settings(opts), newCompactions()
	settings.Experimental.CompactionScheduler = merges
	if s.db, err = pebble.Open(dir, settings); err != nil {
		return nil, errors.Join(fmt.Errorf("pebblestore: open %s: %w", dir, err), lock.Close())
	}
	merges.begin(s.health.broken)
	if err := s.checkFormat(); err != nil {
		return nil, errors.Join(fmt.Errorf("pebblestore: open %s: %w", dir, err), s.db.Close(), lock.Close())
	}
	room.again = s.again
	s.sieve = newSieve(cmp.Or(opts.sieveRows, 1<<20), cmp.Or(opts.FilterBytes, 64<<20))
	go s.sieve.run(s.db)
	s.cache = newRowCache(cmp.Or(opts.RowCacheBytes, 128<<20))
	return s, nil
}

// makeDir creates dir, and syncs the folders above it that were missing too, so
// that a crash cannot take the folder away from under durable rows.
func makeDir(fs vfs.FS, dir string) error {
	if _, err := fs.Stat(dir); err == nil {
		return nil
	}
	parent := fs.PathDir(dir)
	if parent != dir {
		if err := makeDir(fs, parent); err != nil {
			return err
		}
	}
	if err := fs.MkdirAll(dir, 0o750); err != nil {
		return err
	}
	d, err := fs.OpenDir(parent)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

func (s *Store) settings(opts Options) *pebble.Options {
	if opts.CacheBytes <= 0 {
		opts.CacheBytes = 192 << 20
	}
	if opts.MemTableBytes == 0 {
		opts.MemTableBytes = 64 << 20
	}
	o := &pebble.Options{
		FS:                          opts.FS,
		Lock:                        s.lock,
		Logger:                      pebbleLogger{s.health},
		EventListener:               s.health.events(),
		FormatMajorVersion:          pebble.FormatNewest,
		CacheSize:                   opts.CacheBytes,
		MemTableSize:                opts.MemTableBytes,
		MemTableStopWritesThreshold: 4,
		// A new file's rows lie all over those of the level it is merged into, so that
		// a merge writes all of that level again: it is small beside what comes, and
		// several files come at a time. With one file into 256 MiB, at 16 MiB of
		// memory for rows, merging fell behind for ever at 40,000 events a second.
		L0CompactionThreshold:      8,
		L0StopWritesThreshold:      1000,
		LBaseMaxBytes:              2 * int64(opts.MemTableBytes),
		MaxOpenFiles:               cmp.Or(opts.MaxOpenFiles, 4096),
		CompactionConcurrencyRange: func() (int, int) { return 1, max(1, runtime.GOMAXPROCS(0)/2) },
	}
	for i := range o.Levels {
		o.Levels[i].FilterPolicy = bloom.FilterPolicy(10)
		o.Levels[i].BlockSize = 16 << 10
		o.Levels[i].IndexBlockSize = 128 << 10
	}
	o.ApplyCompressionSettings(func() pebble.DBCompressionSettings { return pebble.DBCompressionBalanced })
	return o
}

// checkFormat refuses a folder that holds something else or something newer,
// and marks a new one.
func (s *Store) checkFormat() error {
	key := append([]byte{spaceMeta}, "format"...)
	v, closer, err := s.db.Get(key)
	if err == nil {
		version, n := binary.Uvarint(v)
		if n != len(v) {
			err = fmt.Errorf("%w: the format version", usance.ErrCorrupt)
		} else if version > formatVersion {
			err = fmt.Errorf("the store has format %d and this release knows only up to %d: a newer release wrote it", version, formatVersion)
		}
		return errors.Join(err, closer.Close())
	}
	if !errors.Is(err, pebble.ErrNotFound) {
		return err
	}
	it, err := s.db.NewIter(nil)
	if err != nil {
		return err
	}
	foreign := it.First()
	if err := it.Close(); err != nil {
		return err
	}
	if foreign {
		return errors.New("the folder holds a database that is not a Usance store")
	}
	return s.db.Set(key, binary.AppendUvarint(nil, formatVersion), pebble.Sync)
}

// enter counts a call in, unless the store is closed or broken; leave counts it
// out.
func (s *Store) enter(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if err := s.health.check(); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closing {
		return errClosed()
	}
	s.running++
	return nil
}

func (s *Store) leave() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.running--; s.running == 0 {
		s.idle.Broadcast()
	}
}

// Check answers nil when the engine can serve and nothing is wrong with it. A
// background failure, such as a full disk, is reported from when it happens until
// the engine recovers by itself; a corrupt file or a failed write of the log is
// reported until the store is opened anew. Errors are of usance.KindUnavailable.
func (s *Store) Check(ctx context.Context) error {
	if err := s.enter(ctx); err != nil {
		return err
	}
	defer s.leave()
	return cmp.Or(s.health.trouble(), s.room.refuse(0, false))
}

// again has the engine write its rows in memory to a table, unless it is writing
// one. A flush that failed it repeats by itself, but a compaction only when there
// is still reason for it: without a table that succeeds, steps would be refused
// for ever.
func (s *Store) again() {
	if !s.trying.CompareAndSwap(false, true) {
		return
	}
	go func() {
		defer s.trying.Store(false)
		select {
		case <-s.flush():
		case <-s.sieve.quit:
		case <-s.health.broken:
		}
	}()
}

// flush begins to write the rows in memory to a table, unless tables are being
// written, and returns what is closed at the end.
func (s *Store) flush() <-chan struct{} {
	ended := make(chan struct{})
	if s.enter(context.Background()) != nil {
		close(ended)
		return ended
	}
	defer s.leave()
	if m := s.db.Metrics(); m.Flush.NumInProgress+m.Compact.NumInProgress > 0 {
		close(ended)
		return ended
	}
	begun := make(chan (<-chan struct{}), 1)
	go func() { // an engine that breaks may never come back
		flushed, err := s.db.AsyncFlush()
		if err != nil {
			flushed = ended
			close(ended)
		}
		begun <- flushed
	}()
	select {
	case flushed := <-begun:
		return flushed
	case <-s.health.broken:
		return ended
	}
}

// Close waits for running calls and releases the folder. Calls that begin after
// it fail with usance.KindUnavailable; closing again does nothing.
func (s *Store) Close() error {
	s.mu.Lock()
	if s.closing {
		s.mu.Unlock()
		return nil
	}
	s.closing = true
	s.closed.Store(true)
	for s.running > 0 {
		s.idle.Wait()
	}
	s.mu.Unlock()
	close(s.sieve.quit)
	select {
	case <-s.sieve.ended:
	case <-s.health.broken:
	}
	if s.health.check() != nil {
		// The engine may have stopped with its own locks held, so it cannot be
		// closed in order. All that was acknowledged is in its log.
		return s.lock.Close()
	}
	return errors.Join(s.db.Close(), s.lock.Close())
}

func errClosed() error {
	return usance.Errorf(usance.KindUnavailable, "the store is closed")
}
