package backup

import (
	"bytes"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/usance/usance"
)

// snapshot is a folder with a few files, two of them alike.
func snapshot(t *testing.T, extra string) (*Snapshot, Manifest) {
	t.Helper()
	dir := t.TempDir()
	for name, text := range map[string]string{"a.sst": "one", "b.sst": "two", "c.log": "one", "empty": "", "sub/d": extra} {
		if err := os.MkdirAll(filepath.Dir(filepath.Join(dir, name)), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	s := &Snapshot{Dir: dir}
	m, err := s.Manifest(t.Context(), "test", time.Date(2026, 3, 1, 0, 0, len(extra), 0, time.UTC))
	if err != nil {
		t.Fatal(err)
	}
	return s, m
}

func stream(t *testing.T, s *Snapshot, m Manifest, has ...string) []byte {
	t.Helper()
	var out bytes.Buffer
	err := Write(t.Context(), &out, s, m, func(sum string) bool { return strings.Contains(strings.Join(has, " "), sum) })
	if err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func same(t *testing.T, dir, extra string) {
	t.Helper()
	for name, text := range map[string]string{"a.sst": "one", "b.sst": "two", "c.log": "one", "empty": "", "sub/d": extra} {
		if got, err := os.ReadFile(filepath.Join(dir, name)); err != nil || string(got) != text {
			t.Errorf("%s: %q, %v", name, got, err)
		}
	}
}

func TestAFolderOfBackupsTakesOnlyWhatItHasNot(t *testing.T) {
	folder, err := OpenFolder(filepath.Join(t.TempDir(), "copies"))
	if err != nil {
		t.Fatal(err)
	}
	for _, extra := range []string{"x", "yy", "zzz"} {
		has, err := folder.Has()
		if err != nil {
			t.Fatal(err)
		}
		s, m := snapshot(t, extra)
		sent := stream(t, s, m, has...)
		if strings.Contains(string(sent), "one") != (extra == "x") {
			t.Errorf("with %d files there, %q is sent", len(has), "one")
		}
		if _, err := Read(bytes.NewReader(sent), folder, nil); err != nil {
			t.Fatal(err)
		}
	}
	names, err := folder.List()
	if err != nil || len(names) != 3 {
		t.Fatalf("%v, %v", names, err)
	}
	back := func(name, extra string) {
		t.Helper()
		dir := filepath.Join(t.TempDir(), "data")
		to, err := NewRestoring(dir, "db")
		if err != nil {
			t.Fatal(err)
		}
		if _, err := folder.Send(name, to, nil); err != nil {
			t.Fatal(err)
		}
		same(t, filepath.Join(dir, "db"), extra)
	}
	back(names[0], "x")
	back("", "zzz")
	if err := folder.Prune(1); err != nil {
		t.Fatal(err)
	}
	back("", "zzz")
	if has, err := folder.Has(); err != nil || len(has) != 4 {
		t.Errorf("%d files are left, %v", len(has), err)
	}
	if _, err := folder.Send(names[0], nil, nil); usance.KindOf(err) != usance.KindNotFound {
		t.Errorf("a backup that was removed: %v", err)
	}
}

func TestADamagedBackupIsNeverRestored(t *testing.T) {
	s, m := snapshot(t, "some more text")
	var file bytes.Buffer
	sink, err := NewSingle(&file)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Read(bytes.NewReader(stream(t, s, m)), sink, nil); err != nil {
		t.Fatal(err)
	}
	whole := file.Bytes()
	try := func(read func(to Sink) error) (dir string, err error) {
		dir = filepath.Join(t.TempDir(), "data")
		to, err := NewRestoring(dir, "db")
		if err != nil {
			t.Fatal(err)
		}
		if err = read(to); err != nil {
			if _, statErr := os.Stat(filepath.Join(dir, "db")); statErr == nil {
				t.Error("half a store appeared")
			}
			if err := to.Abandon(); err != nil {
				t.Fatal(err)
			}
		}
		return filepath.Join(dir, "db"), err
	}
	single := func(b []byte) func(Sink) error {
		return func(to Sink) error { _, err := ReadSingle(bytes.NewReader(b), to, nil); return err }
	}
	plain := func(b []byte) func(Sink) error {
		return func(to Sink) error { _, err := Read(bytes.NewReader(b), to, nil); return err }
	}
	dir, err := try(single(whole))
	if err != nil {
		t.Fatal(err)
	}
	same(t, dir, "some more text")
	sent := stream(t, s, m)
	r := rand.New(rand.NewPCG(1, 2))
	end := bytes.LastIndex(sent, []byte("end"))
	for range 200 {
		if _, err := try(single(whole[:r.IntN(len(whole))])); err == nil {
			t.Fatal("a file cut off was restored")
		}
		if _, err := try(plain(sent[:r.IntN(end)])); err == nil {
			t.Fatal("a stream cut off was restored")
		}
	}
	for _, text := range []string{"one", "two", "some more", "a.sst"} {
		for at := range sent {
			if bytes.HasPrefix(sent[at:], []byte(text)) {
				broken := bytes.Clone(sent)
				broken[at] ^= 1
				dir, err := try(plain(broken))
				if err == nil && text != "a.sst" {
					t.Fatalf("%q was altered and restored to %s", text, dir)
				}
			}
		}
	}
	if _, err := try(plain(stream(t, s, m, m.Files[0].SHA256))); err == nil {
		t.Error("a backup that lacks a file was restored")
	}
	for _, path := range []string{"../out", "/etc/out", "a/../../out", "a//b", ""} {
		evil := m
		evil.Files = append(append([]File{}, m.Files...), File{Path: path, Size: m.Files[0].Size, SHA256: m.Files[0].SHA256})
		if _, err := try(plain(stream(t, s, evil))); usance.KindOf(err) != usance.KindInvalid {
			t.Errorf("a file named %q: %v", path, err)
		}
	}
	newer := m
	newer.Format++
	if _, err := try(plain(stream(t, s, newer))); err == nil || !strings.Contains(err.Error(), "newer release") {
		t.Errorf("a newer backup: %v", err)
	}
	if _, err := NewRestoring(s.Dir, "db"); usance.KindOf(err) != usance.KindConflict {
		t.Errorf("into a folder that is not empty: %v", err)
	}
	if _, err := OpenFolder(s.Dir); usance.KindOf(err) != usance.KindInvalid {
		t.Errorf("a folder of something else: %v", err)
	}
}

// FuzzRead: whatever comes, nothing is written outside the folder and a store
// appears only when its manifest's files are all there.
func FuzzRead(f *testing.F) {
	f.Add([]byte("manifest.json"))
	f.Fuzz(func(t *testing.T, b []byte) {
		dir := t.TempDir()
		to, err := NewRestoring(filepath.Join(dir, "data"), "db")
		if err != nil {
			t.Fatal(err)
		}
		m, err := Read(bytes.NewReader(b), to, nil)
		if err == nil {
			for _, file := range m.Files {
				if _, sum, err := hashFile(filepath.Join(dir, "data", "db", filepath.FromSlash(file.Path))); err != nil || sum != file.SHA256 {
					t.Fatalf("%+v: %s, %v", file, sum, err)
				}
			}
		}
		entries, err := os.ReadDir(dir)
		if err != nil || len(entries) != 1 {
			t.Fatalf("%v, %v", entries, err)
		}
	})
}
