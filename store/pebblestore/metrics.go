package pebblestore

import (
	"context"
	"fmt"

	"github.com/cockroachdb/pebble/v2"
)

// Metrics says how the engine is doing. Sizes are bytes; counters run since the
// store was opened.
type Metrics struct {
	DiskBytes      uint64 // everything in the folder
	LogBytes       uint64 // the part of it that is write-ahead log
	MemTableBytes  uint64 // memory for rows not yet in sorted files
	CacheBytes     int64  // memory for blocks read from disk
	FilterBytes    int64  // memory for telling new ids of events from known ones; 0 until it is made, and when it cannot be
	FilterPending  bool   // it is being made after opening
	CacheHits      int64
	CacheMisses    int64
	Files          int64 // sorted files
	ReadDepth      int   // sorted runs that a look-up may have to visit
	Flushes        int64
	Compactions    int64
	CompactingNow  int64
	CompactionDebt uint64 // bytes still to be compacted
}

// Metrics returns the state of the engine; all zero when the store is closed.
func (s *Store) Metrics() Metrics {
	if s.enter(context.Background()) != nil {
		return Metrics{}
	}
	defer s.leave()
	m := s.db.Metrics()
	out := Metrics{
		DiskBytes:      m.DiskSpaceUsage(),
		LogBytes:       m.WAL.Size,
		MemTableBytes:  m.MemTable.Size,
		CacheBytes:     m.BlockCache.Size,
		CacheHits:      m.BlockCache.Hits,
		CacheMisses:    m.BlockCache.Misses,
		ReadDepth:      m.ReadAmp(),
		Flushes:        m.Flush.Count,
		Compactions:    m.Compact.Count,
		CompactingNow:  m.Compact.NumInProgress,
		CompactionDebt: m.Compact.EstimatedDebt,
		FilterPending:  !s.sieve.made.Load(),
	}
	if f := s.sieve.live.Load(); f != nil {
		out.FilterBytes = int64(8 * len(f.bits))
	}
	for _, l := range m.Levels {
		out.Files += l.TablesCount
	}
	return out
}

// Checkpoint writes a copy of the store as of one moment to dir, which must not
// exist. It holds every step that returned before the call. Files are linked, not
// copied, where dir is on the same file system; the copy opens with Open.
func (s *Store) Checkpoint(ctx context.Context, dir string) error {
	if err := s.enter(ctx); err != nil {
		return err
	}
	defer s.leave()
	if err := s.db.Checkpoint(dir, pebble.WithFlushedWAL()); err != nil {
		return fmt.Errorf("pebblestore: checkpoint %s: %w", dir, err)
	}
	return nil
}
