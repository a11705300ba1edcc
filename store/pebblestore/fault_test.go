package pebblestore

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"

	"github.com/usance/usance"
	"github.com/usance/usance/store"
)

// breakable is a file system in memory that fails chosen operations once armed.
type breakable struct {
	mem   *vfs.MemFS
	fs    vfs.FS
	armed atomic.Bool
}

func newBreakable(suffix string, kinds ...errorfs.OpKind) *breakable {
	b := &breakable{mem: vfs.NewCrashableMem()}
	b.fs = errorfs.Wrap(b.mem, errorfs.InjectorFunc(func(op errorfs.Op) error {
		if !b.armed.Load() || !strings.HasSuffix(op.Path, suffix) {
			return nil
		}
		for _, k := range kinds {
			if op.Kind == k {
				return errorfs.ErrInjected
			}
		}
		return nil
	}))
	return b
}

func mustOpen(t *testing.T, fs vfs.FS) *Store {
	t.Helper()
	return mustOpenLogging(t, fs, nil)
}

func mustOpenLogging(t *testing.T, fs vfs.FS, log *slog.Logger) *Store {
	t.Helper()
	s, err := Open("/data", Options{FS: fs, Logger: log, MemTableBytes: 1 << 20})
	if err != nil {
		t.Fatalf("Open: %v", err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
	})
	for s.sieve.live.Load() == nil { // what is read after opening would meet the tests' faults
		runtime.Gosched()
	}
	return s
}

func put(s *Store, id usance.TenantID, row, value string) error {
	return s.Step(context.Background(), id, store.Keys{Rows: []store.Key{{Table: store.Head, ID: row}}}, func(r *store.Rows) error {
		r.Put(store.Head, row, []byte(value))
		r.Put(store.Totals, row, []byte(value))
		return nil
	})
}

func get(t *testing.T, s *Store, id usance.TenantID, row string) (head, total string) {
	t.Helper()
	r, err := s.Load(context.Background(), id, store.Keys{Rows: []store.Key{{Table: store.Head, ID: row}, {Table: store.Totals, ID: row}}})
	if err != nil {
		t.Fatalf("Load: %v", err)
	}
	h, _ := r.Get(store.Head, row)
	o, _ := r.Get(store.Totals, row)
	return string(h), string(o)
}

// logFaults are the ways a disk refuses the write-ahead log.
var logFaults = map[string][]errorfs.OpKind{
	"write": {errorfs.OpFileWrite},
	"fsync": {errorfs.OpFileSync, errorfs.OpFileSyncData, errorfs.OpFileSyncTo},
}

func TestAFailedLogWriteBreaksTheStoreUntilItIsOpenedAnew(t *testing.T) {
	for name, kinds := range logFaults {
		t.Run(name, func(t *testing.T) {
			ctx := context.Background()
			b := newBreakable(".log", kinds...)
			s := mustOpen(t, b.fs)
			if err := put(s, "t", "a", "1"); err != nil {
				t.Fatal(err)
			}
			b.armed.Store(true)
			if err := put(s, "t", "a", "2"); !errors.Is(err, store.ErrUnknown) || usance.KindOf(err) != usance.KindUnavailable {
				t.Fatalf("a step whose log write failed: %v", err)
			}
			b.armed.Store(false) // the disk recovers; what memory holds is still not to be trusted
			_, loadErr := s.Load(ctx, "t", store.Keys{})
			for call, err := range map[string]error{
				"Step":  put(s, "other", "a", "1"),
				"Load":  loadErr,
				"Scan":  s.Scan(ctx, "t", store.Range{Table: store.Head}, func(store.Row) error { return nil }),
				"Due":   s.Due(ctx, usance.Latest, nil),
				"Check": s.Check(ctx),
			} {
				if usance.KindOf(err) != usance.KindUnavailable || errors.Is(err, store.ErrUnknown) {
					t.Errorf("%s on a broken store: %v", call, err)
				}
			}
			fresh := mustOpen(t, b.mem.CrashClone(vfs.CrashCloneCfg{}))
			if head, total := get(t, fresh, "t", "a"); head != "1" || total != "1" {
				t.Errorf("after the crash: %q %q", head, total)
			}
		})
	}
}

func TestStepsThatMeetAFailingDiskAllReturnAndNoneIsHalf(t *testing.T) {
	for name, kinds := range logFaults {
		t.Run(name, func(t *testing.T) {
			b := newBreakable(".log", kinds...)
			s := mustOpen(t, b.fs)
			const workers = 16
			var wg sync.WaitGroup
			acknowledged := make([]int, workers)
			var steps atomic.Int64
			for w := range workers {
				wg.Go(func() {
					for i := 1; ; i++ {
						if err := put(s, usance.TenantID(fmt.Sprint("t", w/2)), fmt.Sprint(w), fmt.Sprint(i)); err != nil {
							if usance.KindOf(err) != usance.KindUnavailable {
								t.Errorf("step: %v", err)
							}
							return
						}
						acknowledged[w] = i
						if steps.Add(1) == 500 {
							b.armed.Store(true)
						}
					}
				})
			}
			wg.Wait()
			fresh := mustOpen(t, b.mem.CrashClone(vfs.CrashCloneCfg{}))
			for w, n := range acknowledged {
				head, total := get(t, fresh, usance.TenantID(fmt.Sprint("t", w/2)), fmt.Sprint(w))
				if head != total || head != fmt.Sprint(n) && head != fmt.Sprint(n+1) && n > 0 {
					t.Errorf("worker %d: %q %q after %d acknowledged steps", w, head, total, n)
				}
			}
		})
	}
}

// messages is a slog.Handler that hands over the messages of level Info and up.
type messages chan string

func (messages) Enabled(_ context.Context, l slog.Level) bool { return l >= slog.LevelInfo }
func (m messages) WithAttrs([]slog.Attr) slog.Handler         { return m }
func (m messages) WithGroup(string) slog.Handler              { return m }
func (m messages) Handle(_ context.Context, r slog.Record) error {
	select {
	case m <- r.Message:
	default:
	}
	return nil
}

func (m messages) wait(t *testing.T, text string) {
	t.Helper()
	for {
		select {
		case got := <-m:
			if strings.Contains(got, text) {
				return
			}
		case <-t.Context().Done():
			t.Fatalf("%q was never logged", text)
		}
	}
}

func TestAFullDiskIsReportedUntilItHasRoomAgain(t *testing.T) {
	b := newBreakable(".sst", errorfs.OpCreate)
	log := make(messages, 1000)
	s := mustOpenLogging(t, b.fs, slog.New(log))
	if err := put(s, "t", "a", "1"); err != nil {
		t.Fatal(err)
	}
	b.armed.Store(true)
	if _, err := s.db.AsyncFlush(); err != nil {
		t.Fatal(err)
	}
	log.wait(t, "cannot write in the background")
	if err := s.Check(t.Context()); usance.KindOf(err) != usance.KindUnavailable || err == nil {
		t.Errorf("Check with a full disk: %v", err)
	}
	if err := put(s, "t", "a", "2"); err != nil {
		t.Errorf("the log still has room: %v", err)
	}
	b.armed.Store(false)
	log.wait(t, "writes in the background again")
	if err := s.Check(t.Context()); err != nil {
		t.Errorf("Check with room again: %v", err)
	}
}

func TestACorruptFileFailsReadsAndIsReported(t *testing.T) {
	mem := vfs.NewCrashableMem()
	s := mustOpen(t, mem)
	if err := put(s, "t", "a", strings.Repeat("incompressible? ", 10)); err != nil {
		t.Fatal(err)
	}
	if err := s.db.Flush(); err != nil {
		t.Fatal(err)
	}
	files, err := mem.List("/data")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range files {
		if strings.HasSuffix(name, ".sst") {
			data, err := mem.UnsafeGetFileDataBuffer("/data/" + name)
			if err != nil {
				t.Fatal(err)
			}
			data[10] ^= 0xFF
		}
	}
	_, err = s.Load(t.Context(), "t", store.Keys{Ranges: []store.Range{{Table: store.Head}}})
	if err == nil || usance.KindOf(err) != usance.KindInternal {
		t.Errorf("Load from a corrupt file: %v", err)
	}
	if err := s.Check(t.Context()); usance.KindOf(err) != usance.KindUnavailable || err == nil {
		t.Errorf("Check with a corrupt file: %v", err)
	}
}
