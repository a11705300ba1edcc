package pebblestore

import (
	"bytes"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"syscall"
	"testing"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/usance/usance"
	"github.com/usance/usance/internal/smalldisk"
	"github.com/usance/usance/store"
)

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
			disk := smalldisk.New(vfs.NewCrashableMem(), 128<<20)
			s := mustOpen(t, disk)
			if err := put(s, "t", "a", "0"); err != nil {
				t.Fatal(err)
			}
			disk.Leave(left)
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
			err := s.Step(store.Urgent(t.Context()), "t", store.Keys{}, func(r *store.Rows) error { r.Put(store.Balances, "b", []byte("urgent")); return nil })
			if err != nil {
				t.Errorf("an urgent step on a full disk: %v", err)
			}
			if _, err := s.db.AsyncFlush(); err != nil { // changes logs, and finds no space for the table
				t.Fatal(err)
			}
			disk.Leave(64 << 20)
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
	disk := smalldisk.New(vfs.NewCrashableMem(), 128<<20)
	s := mustOpen(t, disk)
	value := string(bytes.Repeat([]byte("incompressible enough"), 100))
	for i := range 50 {
		if err := put(s, "t", fmt.Sprint(i), value); err != nil {
			t.Fatal(err)
		}
	}
	disk.Leave(300)
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
	disk.Leave(64 << 20)
	<-flushed
	until(t, "tables were written and steps are still refused", func() bool { return !s.room.tables.Load() })
	if err := put(s, "t", "a", "1"); err != nil {
		t.Error(err)
	}
}

// TestATableThatNobodyWritesAgainDoesNotRefuseStepsForEver has the engine give a
// compaction up for want of space: nothing is left that would be written again by
// itself.
func TestATableThatNobodyWritesAgainDoesNotRefuseStepsForEver(t *testing.T) {
	for _, rows := range []int{0, 3} {
		s := mustOpen(t, smalldisk.New(vfs.NewCrashableMem(), 128<<20))
		for i := range rows {
			if err := put(s, "t", fmt.Sprint(i), "1"); err != nil {
				t.Fatal(err)
			}
		}
		s.health.events().CompactionEnd(pebble.CompactionInfo{Err: fmt.Errorf("a table: %w", syscall.ENOSPC)})
		if err := put(s, "t", "a", "1"); usance.KindOf(err) != usance.KindUnavailable || err == nil {
			t.Errorf("a step right after a table found no space: %v", err)
		}
		until(t, "there is space, nothing is being written, and steps are still refused", func() bool { return s.Check(t.Context()) == nil })
		if err := put(s, "t", "a", "1"); err != nil {
			t.Error(err)
		}
	}
}
