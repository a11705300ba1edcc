package wholefile_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/usance/usance/internal/wholefile"
)

// holds fails unless the folder holds these files and no others.
func holds(t *testing.T, dir string, want map[string]string) {
	t.Helper()
	list, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	if len(list) != len(want) {
		t.Errorf("the folder holds %v, want %v", list, want)
	}
	for name, text := range want {
		if got, err := os.ReadFile(filepath.Join(dir, name)); err != nil || string(got) != text {
			t.Errorf("%s holds %q, %v; want %q", name, got, err, text)
		}
	}
}

// begun is a file under way that shall take the place of one.
func begun(t *testing.T, text string) (dir, name string, f *wholefile.File) {
	t.Helper()
	dir = t.TempDir()
	name = filepath.Join(dir, "a")
	if err := wholefile.Write(name, []byte("old")); err != nil {
		t.Fatal(err)
	}
	f, err := wholefile.Create(name)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.WriteString(text); err != nil {
		t.Fatal(err)
	}
	return dir, name, f
}

func TestAFileHasItsNameOnceItIsWhole(t *testing.T) {
	dir, name, f := begun(t, "new")
	if got, err := os.ReadFile(name); err != nil || string(got) != "old" {
		t.Errorf("before it is whole: %q, %v", got, err)
	}
	if err := f.Commit(name); err != nil {
		t.Fatal(err)
	}
	f.Drop()
	holds(t, dir, map[string]string{"a": "new"})
	if info, err := os.Stat(name); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v", info.Mode(), err)
	}
}

func TestWhatIsDroppedLeavesNothing(t *testing.T) {
	dir, _, f := begun(t, "half")
	f.Drop()
	holds(t, dir, map[string]string{"a": "old"})
}

// A file whose bytes cannot be made safe gets no name: what bears the name is whole.
func TestAFileThatCannotBeSyncedGetsNoName(t *testing.T) {
	dir := t.TempDir()
	name := filepath.Join(dir, "a")
	f, err := wholefile.Create(name)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.WriteString("half"); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil { // so that neither Sync nor Close can succeed
		t.Fatal(err)
	}
	if err := f.Commit(name); err == nil {
		t.Error("a file that could not be synced was committed")
	}
	f.Drop()
	holds(t, dir, nil)
}
