package pebblestore

import (
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// merging is a file system that tells of the tables that compactions write. It
// lets none be written while it is held.
type merging struct {
	vfs.FS
	mu    sync.Mutex
	open  *sync.Cond
	held  bool
	begun int // tables
}

func watchMerges(fs vfs.FS) *merging {
	w := &merging{FS: fs}
	w.open = sync.NewCond(&w.mu)
	return w
}

func (w *merging) Create(name string, category vfs.DiskWriteCategory) (vfs.File, error) {
	if strings.HasSuffix(name, ".sst") && category == "pebble-compaction" {
		w.mu.Lock()
		w.begun++
		w.open.Broadcast()
		for w.held {
			w.open.Wait()
		}
		w.mu.Unlock()
	}
	return w.FS.Create(name, category)
}

func (w *merging) hold(held bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.held = held
	w.open.Broadcast()
}

// awaitTable waits until a compaction begins a table.
func (w *merging) awaitTable() {
	w.mu.Lock()
	defer w.mu.Unlock()
	for w.begun == 0 {
		w.open.Wait()
	}
}

// TestOpeningWaitsForNoCompaction opens what a crash left when there was much to
// merge, on a disk on which no merge ends before the store is open.
func TestOpeningWaitsForNoCompaction(t *testing.T) {
	disk := vfs.NewCrashableMem()
	first := watchMerges(disk)
	first.hold(true)
	s, err := Open("/data", Options{FS: first, MemTableBytes: 1 << 20})
	if err != nil {
		t.Fatal(err)
	}
	write := func(n int) {
		t.Helper()
		for i := range 20 {
			if err := put(s, "t", fmt.Sprintf("row-%02d", i), fmt.Sprint(n)); err != nil {
				t.Fatal(err)
			}
		}
	}
	for n := range 8 {
		write(n)
		if err := s.db.Flush(); err != nil {
			t.Fatal(err)
		}
	}
	write(8) // in the log alone
	left := disk.CrashClone(vfs.CrashCloneCfg{})
	first.hold(false)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}

	second := watchMerges(left)
	second.hold(true)
	s = mustOpen(t, second)
	if head, total := get(t, s, "t", "row-07"); head != "8" || total != "8" {
		t.Errorf("%q %q after the crash", head, total)
	}
	second.awaitTable() // it is merged all the same, later
	second.hold(false)
}
