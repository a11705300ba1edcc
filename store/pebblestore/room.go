package pebblestore

import (
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/usance/usance"
)

// room keeps a disk that fills up from breaking the store. The engine cannot live
// through a log or a manifest that it could not write, so some space is set aside
// for these two in a file, the ballast, that can be given up at once. When the
// space runs short, steps that write are refused before the log is touched; reads
// go on. When a log meets a full disk all the same, the ballast goes, the write is
// repeated, and steps are refused until there is space for the ballast again.
// Tables get none of that space: the engine writes them again later. Steps are
// refused, too, while the engine cannot write its tables for want of space.
type room struct {
	fs   vfs.FS // beneath every wrapper
	path string // of the ballast
	log  *slog.Logger
	size uint64 // of the ballast; 0 where the file system cannot tell what space it has

	spent atomic.Uint64 // bytes written since the space was looked at
	short atomic.Bool   // too little space: steps that write are refused
	// yielded says that the ballast is given up: its space is not for tables.
	yielded atomic.Bool
	tables  atomic.Bool // the last table could not be written for want of space
	again   func()      // has the engine try to write a table

	mu      sync.Mutex
	ballast bool          // it is there
	pause   time.Duration // before a table is tried again
}

const (
	ballastName            = "ballast"
	minBallast, maxBallast = 1 << 20, 64 << 20
)

// newRoom looks at the space there is and sets the ballast aside, or starts short
// of space. The folder exists.
func newRoom(fs vfs.FS, dir string, log *slog.Logger) *room {
	r := &room{fs: fs, path: fs.PathJoin(dir, ballastName), log: log, pause: 100 * time.Millisecond}
	usage, err := fs.GetDiskUsage(dir)
	if err != nil || usage.TotalBytes == 0 {
		return r
	}
	r.size = min(max(usage.TotalBytes/64, minBallast), maxBallast)
	if f, err := fs.OpenReadWrite(r.path, vfs.WriteCategoryUnspecified); err == nil && r.reserve(f) == nil {
		r.ballast = true // it was there; a crash may have left it without its space
		return r
	}
	r.short.Store(true)
	r.yielded.Store(true)
	_ = r.look(0) // too little space is what it then says
	return r
}

// full is the refusal of a step.
func (r *room) full() error {
	return usance.Errorf(usance.KindUnavailable, "the disk is full; nothing was stored")
}

// refuse returns nil when a step of n bytes can be written to the log, and otherwise
// a refusal. It notices by itself when there is space again. An urgent step may use
// what the ballast holds for the log.
func (r *room) refuse(n int, urgent bool) error {
	if urgent && r.spare(n) {
		return nil
	}
	if r.tables.Load() {
		if r.again != nil && r.look(0) == nil {
			r.again()
		}
		return r.full()
	}
	if r.size == 0 || !r.short.Load() && uint64(n) < r.size/4 && r.spent.Add(uint64(n)) < r.size/4 {
		return nil
	}
	return r.look(n)
}

// spare reports whether n bytes fit the log, be it at the cost of the ballast, and
// leave it some.
func (r *room) spare(n int) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.ballast || r.size == 0 {
		return true
	}
	usage, err := r.fs.GetDiskUsage(r.fs.PathDir(r.path))
	return err == nil && usage.AvailBytes >= r.size/4+2*uint64(n)
}

// look looks at the space there is.
func (r *room) look(n int) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.spent.Store(0)
	usage, err := r.fs.GetDiskUsage(r.fs.PathDir(r.path))
	if err != nil {
		return &usance.Error{Kind: usance.KindUnavailable, Detail: "the disk cannot be looked at; nothing was stored", Err: err}
	}
	need := r.size + 2*uint64(n)
	if !r.ballast {
		need += r.size
	}
	if usage.AvailBytes < need || !r.restore() {
		r.lacks()
		return r.full()
	}
	if r.short.CompareAndSwap(true, false) {
		r.log.Info("the disk has space again")
	}
	return nil
}

// tableMay reports whether a table may be written: what the ballast gave up is for
// the log and the manifest.
func (r *room) tableMay() bool {
	if !r.short.Load() || r.look(0) == nil {
		return true
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.ballast
}

func (r *room) lacks() {
	if r.short.CompareAndSwap(false, true) {
		r.log.Error("the disk is full: what writes is refused until there is space again")
	}
}

// restore sets the ballast aside if it is not. The caller holds mu.
func (r *room) restore() bool {
	if r.ballast {
		return true
	}
	f, err := r.fs.Create(r.path, vfs.WriteCategoryUnspecified)
	if err != nil {
		return false
	}
	if r.reserve(f) != nil {
		_ = r.fs.Remove(r.path) // it may hold what space there is
		return false
	}
	r.ballast = true
	r.yielded.Store(false)
	return true
}

// reserve takes the ballast's space and closes it.
func (r *room) reserve(f vfs.File) error {
	err := f.Preallocate(0, int64(r.size))
	if errors.Is(err, syscall.EOPNOTSUPP) { // by hand, then
		err = nil
		piece := make([]byte, 64<<10)
		for at := uint64(0); at < r.size && err == nil; at += uint64(len(piece)) {
			_, err = f.Write(piece)
		}
	}
	return errors.Join(err, f.Close())
}

// yield gives the ballast up, because the log or the manifest has no space.
func (r *room) yield() {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.ballast {
		r.ballast = false
		r.yielded.Store(true) // before there is space that a table could take
		if err := r.fs.Remove(r.path); err != nil {
			r.log.Error("the space set aside cannot be given up", "file", r.path, "error", err)
		}
	}
	r.lacks()
}

// written is told how a flush or compaction ended.
func (r *room) written(err error) {
	switch {
	case errors.Is(err, syscall.ENOSPC):
		if !r.tables.Swap(true) {
			r.log.Error("the disk is full: what writes is refused until tables can be written again")
		}
	case err == nil:
		if r.tables.Swap(false) {
			r.log.Info("tables can be written again")
		}
	}
}

// over returns the file system that the engine is given: tables meet a full disk as
// it is, anything else once the ballast is gone.
func (r *room) over() vfs.FS {
	if r.size == 0 {
		return spacious{FS: r.fs, tables: r.fs, room: r}
	}
	return spacious{FS: vfs.OnDiskFull(r.fs, r.yield), tables: r.fs, room: r}
}

type spacious struct {
	vfs.FS
	tables vfs.FS
	room   *room
}

// Unwrap tells the engine what is beneath.
func (s spacious) Unwrap() vfs.FS { return s.FS }

// Create creates a file. After a table for which there was no space the next one
// waits a little: the engine would try without end.
func (s spacious) Create(name string, category vfs.DiskWriteCategory) (vfs.File, error) {
	if !strings.HasSuffix(name, ".sst") {
		return s.FS.Create(name, category)
	}
	if s.room.tables.Load() {
		time.Sleep(s.room.pause)
	}
	if !s.room.tableMay() {
		return nil, fmt.Errorf("%s: %w", name, syscall.ENOSPC)
	}
	f, err := s.tables.Create(name, category)
	if err != nil {
		return nil, err
	}
	return table{f, s.room}, nil
}

// table is a table being written, perhaps since before the space ran short.
type table struct {
	vfs.File
	room *room
}

func (t table) Write(p []byte) (int, error) {
	if t.room.yielded.Load() {
		return 0, syscall.ENOSPC
	}
	return t.File.Write(p)
}
