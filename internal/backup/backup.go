// Package backup copies the folder of an embedded store as of one moment, checks
// every file of the copy by its hash, and brings it back. It knows files alone.
//
// A copy is a manifest, which names each file and its SHA-256, and the files by
// their hashes. Files of the store never change once they are written, so whoever
// has some of them already is sent only the others, and a folder of many copies
// holds each file once.
package backup

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/usance/usance"
)

// Format is the version of a copy that this release writes. A change that older
// releases would misread adds one.
const Format = 1

// File is one file of a store.
type File struct {
	Path   string `json:"path"` // within the store's folder
	Size   int64  `json:"size"`
	SHA256 string `json:"sha256"`
}

// Manifest is what a copy consists of.
type Manifest struct {
	Format int       `json:"format"`
	By     string    `json:"by,omitzero"` // the release that made it
	Made   time.Time `json:"made"`
	Files  []File    `json:"files"`
	Keys   []string  `json:"keys,omitzero"` // files of the data folder that are with it, such as its master key
}

// Bytes is the size of the store's files together.
func (m *Manifest) Bytes() (n int64) {
	for _, f := range m.Files {
		n += f.Size
	}
	return n
}

// byHash returns the files of each hash.
func (m *Manifest) byHash() map[string][]File {
	out := map[string][]File{}
	for _, f := range m.Files {
		out[f.SHA256] = append(out[f.SHA256], f)
	}
	return out
}

// check refuses a manifest that this release does not know, and names that lead
// out of a folder.
func (m *Manifest) check() error {
	if m.Format > Format {
		return usance.Errorf(usance.KindInvalid, "the backup has format %d and this release knows only up to %d: a newer release made it", m.Format, Format)
	}
	if m.Format < 1 || len(m.Files) == 0 {
		return usance.Errorf(usance.KindInvalid, "this is not a backup")
	}
	for _, f := range m.Files {
		if !filepath.IsLocal(filepath.FromSlash(f.Path)) || path.Clean(f.Path) != f.Path || !IsHash(f.SHA256) || f.Size < 0 {
			return usance.Errorf(usance.KindInvalid, "the backup names a file %q with hash %q", f.Path, f.SHA256)
		}
	}
	for _, k := range m.Keys {
		if !isPlain(k) {
			return usance.Errorf(usance.KindInvalid, "the backup names a key file %q", k)
		}
	}
	return nil
}

// IsHash reports whether s is a SHA-256 in lower hexadecimal digits.
func IsHash(s string) bool {
	b, err := hex.DecodeString(s)
	return err == nil && len(b) == sha256.Size && strings.ToLower(s) == s
}

func isPlain(name string) bool {
	return filepath.IsLocal(name) && !strings.ContainsAny(name, `/\`) && name != "." && name != "db"
}

// Snapshot is a folder that holds a store as of one moment and does not change.
type Snapshot struct {
	Dir string
	// Close throws the folder away.
	Close func() error
}

// Manifest reads every file of the snapshot and returns what it consists of.
func (s *Snapshot) Manifest(ctx context.Context, by string, made time.Time) (Manifest, error) {
	m := Manifest{Format: Format, By: by, Made: made.UTC()}
	err := filepath.WalkDir(s.Dir, func(name string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		if err := ctx.Err(); err != nil {
			return err
		}
		within, err := filepath.Rel(s.Dir, name)
		if err != nil {
			return err
		}
		size, sum, err := hashFile(name)
		m.Files = append(m.Files, File{Path: filepath.ToSlash(within), Size: size, SHA256: sum})
		return err
	})
	slices.SortFunc(m.Files, func(a, b File) int { return strings.Compare(a.Path, b.Path) })
	return m, err
}

func hashFile(name string) (size int64, sum string, err error) {
	f, err := os.Open(name)
	if err != nil {
		return 0, "", err
	}
	defer func() { _ = f.Close() }() // it was only read
	h := sha256.New()
	size, err = io.Copy(h, f)
	return size, hex.EncodeToString(h.Sum(nil)), err
}

// put writes what comes to a file of that hash, durably and whole or not at all.
func put(name string, from io.Reader, size int64, sum string, mode os.FileMode) error {
	f, err := os.OpenFile(name, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, mode)
	if err != nil {
		return err
	}
	h := sha256.New()
	n, err := io.Copy(io.MultiWriter(f, h), from)
	if err == nil && (n != size || hex.EncodeToString(h.Sum(nil)) != sum) {
		err = usance.Errorf(usance.KindInvalid, "the backup is damaged: file %s has %d bytes and hash %x, and should have %d bytes", sum, n, h.Sum(nil), size)
	}
	if err == nil {
		err = f.Sync()
	}
	if closing := f.Close(); err == nil {
		err = closing
	}
	if err != nil {
		_ = os.Remove(name) // it is not what its name says
	}
	return err
}
