package backup

import (
	"archive/tar"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/go-json-experiment/json"

	"github.com/usance/usance"
)

// A stream is a tar archive: the manifest, then files by their hashes, then keys,
// then an empty entry that says that this is all.
const (
	manifestName = "manifest.json"
	filesPrefix  = "files/"
	keysPrefix   = "keys/"
	endName      = "end"
)

const maxManifest = 64 << 20

// Sink takes a copy.
type Sink interface {
	// Begin is told what comes, and returns the hashes of the files that it has.
	Begin(m Manifest) error
	// Put takes a file.
	Put(f File, from io.Reader) error
	// Key takes a file of the data folder that goes with the store.
	Key(name string, data []byte) error
	// End says that the copy is whole.
	End() error
}

// Write sends a snapshot to whoever has the files of some hashes already.
func Write(ctx context.Context, to io.Writer, s *Snapshot, m Manifest, has func(sum string) bool) error {
	w := tar.NewWriter(to)
	if err := writeManifest(w, m); err != nil {
		return err
	}
	for sum, files := range m.byHash() {
		if has(sum) {
			continue
		}
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := writeFile(w, files[0], filepath.Join(s.Dir, filepath.FromSlash(files[0].Path))); err != nil {
			return err
		}
	}
	return writeEnd(w)
}

func writeManifest(w *tar.Writer, m Manifest) error {
	b, err := json.Marshal(m)
	if err != nil {
		return err
	}
	return writeEntry(w, manifestName, b)
}

func writeEntry(w *tar.Writer, name string, data []byte) error {
	if err := w.WriteHeader(&tar.Header{Name: name, Mode: 0o600, Size: int64(len(data))}); err != nil {
		return err
	}
	_, err := w.Write(data)
	return err
}

func writeFile(w *tar.Writer, f File, name string) error {
	from, err := os.Open(name)
	if err != nil {
		return err
	}
	defer func() { _ = from.Close() }() // it was only read
	return copyFile(w, f, from)
}

func copyFile(w *tar.Writer, f File, from io.Reader) error {
	if err := w.WriteHeader(&tar.Header{Name: filesPrefix + f.SHA256, Mode: 0o600, Size: f.Size}); err != nil {
		return err
	}
	_, err := io.Copy(w, from)
	return err
}

func writeEnd(w *tar.Writer) error {
	if err := writeEntry(w, endName, nil); err != nil {
		return err
	}
	return w.Close()
}

// Read hands a stream to a sink. It fails with KindInvalid when the stream ends
// before it says that it does. progress, if not nil, is told how many bytes of
// files have come.
func Read(from io.Reader, to Sink, progress func(bytes int64)) (Manifest, error) {
	r := tar.NewReader(from)
	m, err := readManifest(r)
	if err != nil {
		return m, err
	}
	if err := to.Begin(m); err != nil {
		return m, err
	}
	files, done := m.byHash(), int64(0)
	for {
		h, err := r.Next()
		if err != nil {
			return m, cut(err)
		}
		switch {
		case h.Name == endName:
			return m, to.End()
		case strings.HasPrefix(h.Name, keysPrefix) && h.Size <= maxManifest:
			data, err := io.ReadAll(r)
			if err == nil {
				err = to.Key(strings.TrimPrefix(h.Name, keysPrefix), data)
			}
			if err != nil {
				return m, cut(err)
			}
		case strings.HasPrefix(h.Name, filesPrefix):
			list := files[strings.TrimPrefix(h.Name, filesPrefix)]
			if len(list) == 0 || list[0].Size != h.Size {
				return m, usance.Errorf(usance.KindInvalid, "the backup is damaged: it holds %q, which its manifest does not name", h.Name)
			}
			if err := to.Put(list[0], r); err != nil {
				return m, cut(err)
			}
			if done += h.Size; progress != nil {
				progress(done)
			}
		default:
			return m, usance.Errorf(usance.KindInvalid, "the backup is damaged: it holds %q", h.Name)
		}
	}
}

func readManifest(r *tar.Reader) (m Manifest, err error) {
	h, err := r.Next()
	if err != nil || h.Name != manifestName || h.Size > maxManifest {
		return m, &usance.Error{Kind: usance.KindInvalid, Detail: "this is not a backup", Err: err}
	}
	b, err := io.ReadAll(r)
	if err != nil {
		return m, cut(err)
	}
	if err := json.Unmarshal(b, &m); err != nil {
		return m, &usance.Error{Kind: usance.KindInvalid, Detail: "the backup's manifest cannot be read", Err: err}
	}
	return m, m.check()
}

// cut says what a stream that breaks off means.
func cut(err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, tar.ErrHeader) {
		return &usance.Error{Kind: usance.KindInvalid, Detail: "the backup is damaged: it breaks off", Err: err}
	}
	if _, ok := errors.AsType[*usance.Error](err); ok {
		return err
	}
	return fmt.Errorf("the backup could not be read: %w", err)
}
