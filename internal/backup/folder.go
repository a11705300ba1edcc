package backup

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/usance/usance"
	"github.com/usance/usance/internal/wholefile"
)

// Folder is a folder of copies: their manifests in backups/, by the time at which
// each was made, and the files of all of them in files/, by their hashes.
type Folder struct {
	Dir string

	m    Manifest
	keys map[string][]byte
}

const stamp = "20060102T150405.000Z"

// OpenFolder opens a folder of copies and makes it when there is none. A folder
// that holds anything else is refused.
func OpenFolder(dir string) (*Folder, error) {
	entries, err := os.ReadDir(dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	known := slices.ContainsFunc(entries, func(e fs.DirEntry) bool { return e.Name() == "backups" })
	if len(entries) > 0 && !known {
		return nil, usance.Errorf(usance.KindInvalid, "%s is neither empty nor a folder of backups", dir)
	}
	f := &Folder{Dir: dir}
	for _, sub := range []string{"backups", "files"} {
		if err := os.MkdirAll(filepath.Join(dir, sub), 0o700); err != nil {
			return nil, err
		}
	}
	return f, nil
}

// IsFolder reports whether dir is a folder of copies.
func IsFolder(dir string) bool {
	info, err := os.Stat(filepath.Join(dir, "backups"))
	return err == nil && info.IsDir()
}

func (f *Folder) file(sum string) string { return filepath.Join(f.Dir, "files", sum) }

// Has returns the hashes of the files that are there.
func (f *Folder) Has() ([]string, error) {
	entries, err := os.ReadDir(filepath.Join(f.Dir, "files"))
	var out []string
	for _, e := range entries {
		if IsHash(e.Name()) {
			out = append(out, e.Name())
		}
	}
	return out, err
}

// Begin implements Sink.
func (f *Folder) Begin(m Manifest) error {
	f.m, f.keys = m, map[string][]byte{}
	return nil
}

// Put implements Sink.
func (f *Folder) Put(file File, from io.Reader) error {
	part := f.file(file.SHA256) + ".part"
	if err := put(part, from, file.Size, file.SHA256, 0o600); err != nil {
		return err
	}
	return os.Rename(part, f.file(file.SHA256))
}

// Key implements Sink.
func (f *Folder) Key(name string, data []byte) error {
	if !isPlain(name) {
		return usance.Errorf(usance.KindInvalid, "the backup names a key file %q", name)
	}
	f.keys[name] = data
	return nil
}

// End implements Sink: the copy is there once its manifest is.
func (f *Folder) End() error {
	for _, file := range f.m.Files {
		if info, err := os.Stat(f.file(file.SHA256)); err != nil || info.Size() != file.Size {
			return usance.Errorf(usance.KindInvalid, "the backup lacks file %s of %d bytes, or has another: run it again", file.SHA256, file.Size)
		}
	}
	name := f.m.Made.Format(stamp)
	for _, key := range slices.Sorted(maps.Keys(f.keys)) {
		dir := filepath.Join(f.Dir, "keys", name)
		if err := os.MkdirAll(dir, 0o700); err != nil {
			return err
		}
		if err := wholefile.Write(filepath.Join(dir, key), f.keys[key]); err != nil {
			return err
		}
		if !slices.Contains(f.m.Keys, key) {
			f.m.Keys = append(f.m.Keys, key)
		}
	}
	b, err := json.Marshal(f.m, jsontext.WithIndent(" "))
	if err != nil {
		return err
	}
	folders := []string{"files", "."}
	if len(f.keys) > 0 {
		folders = append(folders, "keys")
	}
	for _, sub := range folders { // what the manifest names is there for good before it is
		if err := wholefile.SyncDir(filepath.Join(f.Dir, sub)); err != nil {
			return err
		}
	}
	return wholefile.Write(filepath.Join(f.Dir, "backups", name+".json"), b)
}

// List returns the names of the copies, oldest first.
func (f *Folder) List() ([]string, error) {
	entries, err := os.ReadDir(filepath.Join(f.Dir, "backups"))
	var out []string
	for _, e := range entries {
		if name, ok := strings.CutSuffix(e.Name(), ".json"); ok {
			out = append(out, name)
		}
	}
	slices.Sort(out)
	return out, err
}

// Manifest returns that of a copy.
func (f *Folder) Manifest(name string) (m Manifest, err error) {
	b, err := os.ReadFile(filepath.Join(f.Dir, "backups", name+".json"))
	if errors.Is(err, fs.ErrNotExist) {
		return m, usance.Errorf(usance.KindNotFound, "there is no backup %s in %s", name, f.Dir)
	}
	if err != nil {
		return m, err
	}
	if err := json.Unmarshal(b, &m); err != nil {
		return m, &usance.Error{Kind: usance.KindInvalid, Detail: fmt.Sprintf("the manifest of backup %s cannot be read", name), Err: err}
	}
	return m, m.check()
}

// Prune removes all copies but the newest, and the files that none of these has.
func (f *Folder) Prune(keep int) error {
	names, err := f.List()
	if err != nil {
		return err
	}
	used := map[string]bool{}
	for i, name := range names {
		if i < len(names)-keep {
			err := errors.Join(os.Remove(filepath.Join(f.Dir, "backups", name+".json")), os.RemoveAll(filepath.Join(f.Dir, "keys", name)))
			if err != nil {
				return err
			}
			continue
		}
		m, err := f.Manifest(name)
		if err != nil {
			return err
		}
		for _, file := range m.Files {
			used[file.SHA256] = true
		}
	}
	sums, err := f.Has()
	if err != nil {
		return err
	}
	for _, sum := range sums {
		if !used[sum] {
			if err := os.Remove(f.file(sum)); err != nil {
				return err
			}
		}
	}
	return nil
}

// Send hands a copy to a sink; "" names the newest.
func (f *Folder) Send(name string, to Sink, progress func(bytes int64)) (Manifest, error) {
	if name == "" {
		names, err := f.List()
		if err != nil {
			return Manifest{}, err
		}
		if len(names) == 0 {
			return Manifest{}, usance.Errorf(usance.KindNotFound, "there is no backup in %s", f.Dir)
		}
		name = names[len(names)-1]
	}
	m, err := f.Manifest(name)
	if err != nil {
		return m, err
	}
	if err := to.Begin(m); err != nil {
		return m, err
	}
	done := int64(0)
	for sum, files := range m.byHash() {
		from, err := os.Open(f.file(sum))
		if err != nil {
			return m, &usance.Error{Kind: usance.KindInvalid, Detail: fmt.Sprintf("the backup is damaged: file %s, which is %s, cannot be read", sum, files[0].Path), Err: err}
		}
		if err := errors.Join(to.Put(files[0], from), from.Close()); err != nil {
			return m, err
		}
		if done += files[0].Size; progress != nil {
			progress(done)
		}
	}
	for _, key := range m.Keys {
		data, err := os.ReadFile(filepath.Join(f.Dir, "keys", name, key))
		if err == nil {
			err = to.Key(key, data)
		}
		if err != nil {
			return m, err
		}
	}
	return m, to.End()
}
