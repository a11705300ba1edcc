package pebblestore

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"
)

// oneLog is a file system that has room for one log alone: the engine cannot change
// to another one.
func oneLog() vfs.FS {
	var logs atomic.Int64
	return errorfs.Wrap(vfs.Default, errorfs.InjectorFunc(func(op errorfs.Op) error {
		made := op.Kind == errorfs.OpCreate || op.Kind == errorfs.OpReuseForWrite
		if made && path.Ext(op.Path) == ".log" && logs.Add(1) > 1 {
			return errorfs.ErrInjected
		}
		return nil
	}))
}

// TestAnEngineThatCannotChangeItsLogDiesAndKeepsWhatWasAcknowledged has another
// process write until then: the engine ends it with a panic, see health.
func TestAnEngineThatCannotChangeItsLogDiesAndKeepsWhatWasAcknowledged(t *testing.T) {
	const folder = "USANCE_TEST_ONE_LOG"
	if dir := os.Getenv(folder); dir != "" {
		writeUntilBroken(t, dir)
		return
	}
	dir := t.TempDir() + "/db"
	child := exec.CommandContext(t.Context(), os.Args[0], "-test.run", "^"+t.Name()+"$")
	child.Env = append(os.Environ(), folder+"="+dir)
	said, err := child.CombinedOutput()
	var ended *exec.ExitError
	if !errors.As(err, &ended) || !bytes.Contains(said, []byte("panic: ")) {
		t.Fatalf("the process ended with %v:\n%s", err, said)
	}
	acknowledged := 0
	for lines := bufio.NewScanner(strings.NewReader(string(said))); lines.Scan(); {
		if n, ok := strings.CutPrefix(lines.Text(), "acknowledged "); ok {
			if acknowledged, err = strconv.Atoi(n); err != nil {
				t.Fatal(err)
			}
		}
	}
	if acknowledged == 0 {
		t.Fatalf("nothing was acknowledged:\n%s", said)
	}
	s, err := Open(dir, Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}()
	for n := 1; n <= acknowledged; n++ {
		if head, total := get(t, s, "t", fmt.Sprint(n)); head != total || !strings.HasPrefix(head, fmt.Sprint(n, " ")) {
			t.Fatalf("of step %d of %d there are %.10q and %.10q", n, acknowledged, head, total)
		}
	}
}

func writeUntilBroken(t *testing.T, dir string) {
	s, err := Open(dir, Options{FS: oneLog(), MemTableBytes: 256 << 10})
	if err != nil {
		t.Fatal(err)
	}
	filler := strings.Repeat("x", 4<<10)
	for n := 1; ; n++ {
		if err := put(s, "t", fmt.Sprint(n), fmt.Sprint(n, " ", filler)); err != nil {
			t.Fatal(err)
		}
		fmt.Println("acknowledged", n)
	}
}
