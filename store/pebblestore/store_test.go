package pebblestore

import (
	"bytes"
	"cmp"
	"context"
	"encoding/binary"
	"errors"
	"log/slog"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"
	"pgregory.net/rapid"

	"github.com/usance/usance"
	"github.com/usance/usance/store"
)

// Every tenant of up to four of the bytes that matter, against every other.
func TestNoTenantLiesInsideAnother(t *testing.T) {
	tenants := []usance.TenantID{""}
	for from := 0; len(tenants) < 700; {
		to := len(tenants)
		for _, id := range tenants[from:to] {
			for _, c := range []byte{0, 1, 2, 'a', 0xFF} {
				tenants = append(tenants, id+usance.TenantID([]byte{c}))
			}
		}
		from = to
	}
	for _, a := range tenants {
		for _, b := range tenants {
			if a != b && bytes.HasPrefix(rowsOf(a), rowsOf(b)) {
				t.Fatalf("tenant %q lies inside tenant %q", a, b)
			}
		}
	}
}

func TestTheOrderOfKeysIsTheOrderOfRows(t *testing.T) {
	text := rapid.Custom(func(t *rapid.T) string {
		return string(rapid.SliceOfN(rapid.SampledFrom([]byte{0, 1, 2, 'a', 0xFE, 0xFF}), 0, 4).Draw(t, "bytes"))
	})
	rapid.Check(t, func(t *rapid.T) {
		prefix := rowsOf(usance.TenantID(text.Draw(t, "tenant")))
		x := store.Key{Table: store.Table(rapid.Uint8().Draw(t, "table x")), ID: text.Draw(t, "id x")}
		y := store.Key{Table: store.Table(rapid.Uint8().Draw(t, "table y")), ID: text.Draw(t, "id y")}
		want := cmp.Or(cmp.Compare(x.Table, y.Table), strings.Compare(x.ID, y.ID))
		got := bytes.Compare(appendRow(bytes.Clone(prefix), x.Table, x.ID), appendRow(bytes.Clone(prefix), y.Table, y.ID))
		if got != want {
			t.Fatalf("%v and %v compare as %d, want %d", x, y, got, want)
		}
	})
}

func TestTimesKeepTheirOrder(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		draw := func(name string) time.Time {
			return time.Unix(rapid.Int64Range(-1<<40, 1<<40).Draw(t, name), rapid.Int64Range(0, 999_999_999).Draw(t, name+" ns"))
		}
		a, b := draw("a"), draw("b")
		x, y := appendTime(nil, a), appendTime(nil, b)
		if got := bytes.Compare(x, y); got != a.Compare(b) {
			t.Fatalf("%v and %v compare as %d", a, b, got)
		}
		if back, err := decodeTime(x); err != nil || !back.Equal(a) {
			t.Fatalf("%v came back as %v, %v", a, back, err)
		}
	})
}

func TestATenantDoesNotWaitForAnother(t *testing.T) {
	s := mustOpen(t, vfs.NewMem())
	err := s.Step(t.Context(), "a", store.Keys{}, func(*store.Rows) error {
		if _, err := s.Load(t.Context(), "a", store.Keys{}); err != nil { // nor does a reader of its own
			return err
		}
		return put(s, "b", "x", "1")
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestAPanickingFunctionLeavesItsTenantFree(t *testing.T) {
	s := mustOpen(t, vfs.NewMem())
	func() {
		defer func() {
			if recover() == nil {
				t.Error("the panic was swallowed")
			}
		}()
		_ = s.Step(t.Context(), "t", store.Keys{}, func(r *store.Rows) error {
			r.Put(store.Head, "a", nil)
			panic("a defect")
		})
	}()
	if err := put(s, "t", "b", "1"); err != nil {
		t.Fatal(err)
	}
	if rows, err := s.Load(t.Context(), "t", store.Keys{Ranges: []store.Range{{Table: store.Head}}}); err != nil || len(rows.Range(0)) != 1 {
		t.Errorf("%v %v", rows, err)
	}
}

func TestIdleTenantsAreForgotten(t *testing.T) {
	s := mustOpen(t, vfs.NewMem())
	for _, id := range []usance.TenantID{"a", "b", "c"} {
		if err := put(s, id, "x", "1"); err != nil {
			t.Fatal(err)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	err := s.Step(t.Context(), "a", store.Keys{}, func(*store.Rows) error {
		cancel()
		if _, err := s.tenants.take(ctx, "a"); !errors.Is(err, context.Canceled) {
			t.Errorf("waiting for a tenant that is busy: %v", err)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	for i := range s.tenants.shards {
		if n := len(s.tenants.shards[i].busy); n > 0 {
			t.Errorf("shard %d still holds %d tenants", i, n)
		}
	}
}

func TestANewerFormatIsRefused(t *testing.T) {
	mem := vfs.NewMem()
	s := mustOpen(t, mem)
	if err := s.db.Set([]byte("\x01format"), binary.AppendUvarint(nil, formatVersion+1), pebble.Sync); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	for range 2 { // a refusal leaves the folder closed and as it was
		_, err := Open("/data", Options{FS: mem})
		if err == nil || !strings.Contains(err.Error(), "newer release") {
			t.Fatalf("got %v", err)
		}
	}
}

func TestAForeignDatabaseIsRefused(t *testing.T) {
	mem := vfs.NewMem()
	db, err := pebble.Open("/data", &pebble.Options{FS: mem, Logger: pebbleLogger{newHealth(slog.New(slog.DiscardHandler), new(room))}})
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(db.Set([]byte("k"), nil, pebble.Sync), db.Close()); err != nil {
		t.Fatal(err)
	}
	if _, err := Open("/data", Options{FS: mem}); err == nil || !strings.Contains(err.Error(), "not a Usance store") {
		t.Fatalf("got %v", err)
	}
}

// The child process of the next test only tries to open what its parent holds.
const lockedDir = "PEBBLESTORE_LOCKED_DIR"

func TestAFolderInUseIsRefused(t *testing.T) {
	if dir := os.Getenv(lockedDir); dir != "" {
		_, err := Open(dir, Options{})
		if err == nil || !strings.Contains(err.Error(), "in use by another process") {
			t.Fatalf("got %v", err)
		}
		return
	}
	dir := t.TempDir()
	s, err := Open(dir, Options{})
	if err != nil {
		t.Fatal(err)
	}
	child := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestAFolderInUseIsRefused$", "-test.v")
	child.Env = append(os.Environ(), lockedDir+"="+dir)
	if out, err := child.CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
	if _, err := Open(dir, Options{}); err == nil || !strings.Contains(err.Error(), "in use") {
		t.Errorf("opened twice in one process: %v", err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if s, err = Open(dir, Options{}); err != nil {
		t.Fatalf("after Close: %v", err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
}

func TestACheckpointHoldsWhatHadReturned(t *testing.T) {
	mem := vfs.NewCrashableMem()
	s := mustOpen(t, mem)
	if err := put(s, "t", "a", "1"); err != nil {
		t.Fatal(err)
	}
	if err := s.Checkpoint(t.Context(), "/copy"); err != nil {
		t.Fatal(err)
	}
	if err := put(s, "t", "a", "2"); err != nil {
		t.Fatal(err)
	}
	copied, err := Open("/copy", Options{FS: mem})
	if err != nil {
		t.Fatal(err)
	}
	if head, total := get(t, copied, "t", "a"); head != "1" || total != "1" {
		t.Errorf("the checkpoint holds %q %q", head, total)
	}
	if err := copied.Close(); err != nil {
		t.Fatal(err)
	}
	if err := s.Checkpoint(t.Context(), "/copy"); err == nil {
		t.Error("a checkpoint overwrote another")
	}
}

func TestMetricsFollowTheStore(t *testing.T) {
	s := mustOpen(t, vfs.NewMem())
	if err := put(s, "t", "a", strings.Repeat("x", 100_000)); err != nil {
		t.Fatal(err)
	}
	before := s.Metrics()
	if err := s.db.Flush(); err != nil {
		t.Fatal(err)
	}
	after := s.Metrics()
	if before.LogBytes < 200_000 || before.MemTableBytes == 0 || after.Flushes != before.Flushes+1 || after.Files != before.Files+1 || after.DiskBytes == 0 {
		t.Errorf("before the flush %+v, after %+v", before, after)
	}
}
