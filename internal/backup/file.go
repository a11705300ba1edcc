package backup

import (
	"archive/tar"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"os"
	"path/filepath"

	"github.com/klauspost/compress/zstd"

	"github.com/usance/usance"
	"github.com/usance/usance/internal/wholefile"
)

// Single is a copy in one file, a tar.zst.
type Single struct {
	enc *zstd.Encoder
	tar *tar.Writer
}

// NewSingle returns a sink that writes one.
func NewSingle(to io.Writer) (*Single, error) {
	enc, err := zstd.NewWriter(to, zstd.WithEncoderLevel(zstd.SpeedFastest), zstd.WithEncoderCRC(true))
	if err != nil {
		return nil, err
	}
	return &Single{enc: enc, tar: tar.NewWriter(enc)}, nil
}

// Begin implements Sink.
func (s *Single) Begin(m Manifest) error { return writeManifest(s.tar, m) }

// Put implements Sink.
func (s *Single) Put(f File, from io.Reader) error {
	h := sha256.New()
	if err := copyFile(s.tar, f, io.TeeReader(from, h)); err != nil {
		return err
	}
	if hex.EncodeToString(h.Sum(nil)) != f.SHA256 {
		return usance.Errorf(usance.KindInvalid, "the backup is damaged: file %s has hash %x", f.Path, h.Sum(nil))
	}
	return nil
}

// Key implements Sink.
func (s *Single) Key(name string, data []byte) error { return writeEntry(s.tar, keysPrefix+name, data) }

// End implements Sink.
func (s *Single) End() error { return errors.Join(writeEnd(s.tar), s.enc.Close()) }

// ReadSingle hands the copy in a file to a sink.
func ReadSingle(from io.Reader, to Sink, progress func(bytes int64)) (Manifest, error) {
	dec, err := zstd.NewReader(from, zstd.WithDecoderConcurrency(1))
	if err != nil {
		return Manifest{}, err
	}
	defer dec.Close()
	m, err := Read(dec, to, progress)
	if errors.Is(err, zstd.ErrCRCMismatch) || errors.Is(err, zstd.ErrMagicMismatch) {
		err = &usance.Error{Kind: usance.KindInvalid, Detail: "the backup is damaged, or no backup", Err: err}
	}
	return m, err
}

// Restoring is a data folder that a copy is brought back to. The store appears in
// it whole, when the copy was, or not at all.
type Restoring struct {
	dir, store string
	m          Manifest
	files      map[string][]File
}

// NewRestoring returns a sink that brings a copy back. The folder must be empty,
// or not be there; store is the name of the store's own folder in it.
func NewRestoring(dir, store string) (*Restoring, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	if len(entries) > 0 {
		return nil, usance.Errorf(usance.KindConflict, "%s is not empty: a backup is restored to a new folder", dir)
	}
	return &Restoring{dir: dir, store: store}, nil
}

func (r *Restoring) part() string { return filepath.Join(r.dir, r.store+".restoring") }

// Begin implements Sink.
func (r *Restoring) Begin(m Manifest) error {
	r.m, r.files = m, m.byHash()
	return os.Mkdir(r.part(), 0o700)
}

// Put implements Sink.
func (r *Restoring) Put(f File, from io.Reader) error {
	list := r.files[f.SHA256]
	delete(r.files, f.SHA256)
	for i, same := range list {
		name := filepath.Join(r.part(), filepath.FromSlash(same.Path))
		if err := os.MkdirAll(filepath.Dir(name), 0o700); err != nil {
			return err
		}
		if i > 0 {
			again, err := os.Open(filepath.Join(r.part(), filepath.FromSlash(list[0].Path)))
			if err != nil {
				return err
			}
			defer func() { _ = again.Close() }() // it was only read
			from = again
		}
		if err := put(name, from, same.Size, same.SHA256, 0o600); err != nil {
			return err
		}
	}
	return nil
}

// Key implements Sink.
func (r *Restoring) Key(name string, data []byte) error {
	if !isPlain(name) {
		return usance.Errorf(usance.KindInvalid, "the backup names a key file %q", name)
	}
	return wholefile.Write(filepath.Join(r.dir, name), data)
}

// End implements Sink.
func (r *Restoring) End() error {
	for _, list := range r.files {
		return usance.Errorf(usance.KindInvalid, "the backup is damaged: it lacks file %s", list[0].Path)
	}
	if err := wholefile.SyncDir(r.part()); err != nil {
		return err
	}
	if err := os.Rename(r.part(), filepath.Join(r.dir, r.store)); err != nil {
		return err
	}
	return wholefile.SyncDir(r.dir)
}

// Abandon removes what a copy that was not whole has left.
func (r *Restoring) Abandon() error {
	entries, err := os.ReadDir(r.dir)
	for _, e := range entries {
		err = errors.Join(err, os.RemoveAll(filepath.Join(r.dir, e.Name())))
	}
	return err
}
