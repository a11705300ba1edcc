package pebblestore

import (
	"bytes"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/usance/usance"
	"github.com/usance/usance/store"
)

// tank is a file system in memory that holds so many bytes and no more.
type tank struct {
	vfs.FS
	mu       sync.Mutex
	capacity int64
	used     int64
	sizes    map[string]int64
}

func newTank(capacity int64) *tank {
	return &tank{FS: vfs.NewCrashableMem(), capacity: capacity, sizes: map[string]int64{}}
}

// grow gives a file up to n bytes more and returns how many it got.
func (f *tank) grow(name string, n int64) int64 {
	f.mu.Lock()
	defer f.mu.Unlock()
	n = max(min(n, f.capacity-f.used), 0)
	f.used += n
	f.sizes[name] += n
	return n
}

func (f *tank) free(name string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.used -= f.sizes[name]
	delete(f.sizes, name)
}

// leave leaves so many bytes free.
func (f *tank) leave(n int64) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.capacity = f.used + n
}

func (f *tank) Create(name string, c vfs.DiskWriteCategory) (vfs.File, error) {
	f.free(name)
	file, err := f.FS.Create(name, c)
	return &tankFile{File: file, tank: f, name: name}, err
}

func (f *tank) Remove(name string) error {
	f.free(name)
	return f.FS.Remove(name)
}

// ReuseForWrite is as if the old file were removed and a new one made.
func (f *tank) ReuseForWrite(old, name string, c vfs.DiskWriteCategory) (vfs.File, error) {
	f.free(old)
	file, err := f.FS.ReuseForWrite(old, name, c)
	return &tankFile{File: file, tank: f, name: name}, err
}

func (f *tank) Rename(old, name string) error {
	f.mu.Lock()
	f.used -= f.sizes[name]
	f.sizes[name] = f.sizes[old]
	delete(f.sizes, old)
	f.mu.Unlock()
	return f.FS.Rename(old, name)
}

func (f *tank) GetDiskUsage(string) (vfs.DiskUsage, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return vfs.DiskUsage{TotalBytes: 128 << 20, UsedBytes: uint64(f.used), AvailBytes: uint64(max(f.capacity-f.used, 0))}, nil
}

type tankFile struct {
	vfs.File
	tank *tank
	name string
}

func (f *tankFile) Write(p []byte) (int, error) {
	n := int(f.tank.grow(f.name, int64(len(p))))
	if n < len(p) {
		if wrote, err := f.File.Write(p[:n]); err != nil {
			return wrote, err
		}
		return n, syscall.ENOSPC
	}
	return f.File.Write(p)
}

func (f *tankFile) Preallocate(offset, length int64) error {
	if f.tank.grow(f.name, length) < length {
		return syscall.ENOSPC
	}
	return nil
}

// until waits for something that the engine does by itself.
func until(t *testing.T, what string, is func() bool) {
	t.Helper()
	for !is() {
		if t.Context().Err() != nil {
			t.Fatal(what)
		}
		runtime.Gosched()
	}
}

// TestAFullDiskRefusesStepsAndNothingElse takes the space away while steps are
// written, in the middle of a log, and gives it back.
func TestAFullDiskRefusesStepsAndNothingElse(t *testing.T) {
	for _, left := range []int64{0, 100, 5000, 1 << 20} {
		t.Run(fmt.Sprint(left), func(t *testing.T) {
			disk := newTank(128 << 20)
			s := mustOpen(t, disk)
			if err := put(s, "t", "a", "0"); err != nil {
				t.Fatal(err)
			}
			disk.leave(left)
			last := 0
			var refused error
			for i := 1; refused == nil; i++ {
				if refused = put(s, "t", "a", fmt.Sprint(i)); refused == nil {
					last = i
				}
			}
			if usance.KindOf(refused) != usance.KindUnavailable || errors.Is(refused, store.ErrUnknown) || !strings.Contains(refused.Error(), "disk is full") {
				t.Fatalf("a step on a full disk: %v", refused)
			}
			if err := s.Check(t.Context()); usance.KindOf(err) != usance.KindUnavailable || err == nil {
				t.Errorf("Check on a full disk: %v", err)
			}
			if head, total := get(t, s, "t", "a"); head != fmt.Sprint(last) || total != head {
				t.Errorf("%q %q after %d steps", head, total, last)
			}
			if _, err := s.db.AsyncFlush(); err != nil { // changes logs, and finds no space for the table
				t.Fatal(err)
			}
			disk.leave(64 << 20)
			until(t, "the disk has space and the store does not know", func() bool { return s.Check(t.Context()) == nil })
			if err := put(s, "t", "a", "after"); err != nil {
				t.Errorf("a step on a disk with space again: %v", err)
			}
			left := disk.FS.(*vfs.MemFS).CrashClone(vfs.CrashCloneCfg{})
			if head, total := get(t, mustOpen(t, left), "t", "a"); head != "after" || total != head {
				t.Errorf("%q %q after a crash", head, total)
			}
		})
	}
}

// TestTablesWithoutSpaceStopStepsUntilTheyAreWritten fills the disk by the engine's
// own tables.
func TestTablesWithoutSpaceStopStepsUntilTheyAreWritten(t *testing.T) {
	disk := newTank(128 << 20)
	s := mustOpen(t, disk)
	value := string(bytes.Repeat([]byte("incompressible enough"), 100))
	for i := range 50 {
		if err := put(s, "t", fmt.Sprint(i), value); err != nil {
			t.Fatal(err)
		}
	}
	disk.leave(300)
	s.room.mu.Lock()
	s.room.size = 0 // nobody looks: the tables meet it first
	s.room.mu.Unlock()
	flushed, err := s.db.AsyncFlush()
	if err != nil {
		t.Fatal(err)
	}
	until(t, "a flush without space went unnoticed", func() bool { return s.room.tables.Load() })
	if err := put(s, "t", "a", "1"); usance.KindOf(err) != usance.KindUnavailable || err == nil {
		t.Errorf("a step while tables cannot be written: %v", err)
	}
	disk.leave(64 << 20)
	<-flushed
	until(t, "tables were written and steps are still refused", func() bool { return !s.room.tables.Load() })
	if err := put(s, "t", "a", "1"); err != nil {
		t.Error(err)
	}
}
