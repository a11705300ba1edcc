package main

import (
	"errors"
	"os"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/usance/usance/store"
	"github.com/usance/usance/store/pebblestore"
)

// scratch is a store to fold a ledger again in. It lasts until it is closed.
type scratch struct {
	*pebblestore.Store
	dir string
}

func (s *scratch) Close() error { return errors.Join(s.Store.Close(), os.RemoveAll(s.dir)) }

// newScratch opens an empty store in a folder of its own among the system's
// temporary files, which TMPDIR names.
func newScratch() (store.Store, error) {
	dir, err := os.MkdirTemp("", "usance-verify-")
	if err != nil {
		return nil, err
	}
	st, err := pebblestore.Open(dir, pebblestore.Options{FS: hasty{vfs.Default}, CacheBytes: 64 << 20, FilterBytes: 16 << 20, MemTableBytes: 16 << 20, MaxOpenFiles: leastFiles})
	if err != nil {
		return nil, errors.Join(err, os.RemoveAll(dir))
	}
	return &scratch{st, dir}, nil
}

// hasty is a file system that does not wait for the disk: what is thrown away at
// the end need not survive a crash.
type hasty struct{ vfs.FS }

type hastyFile struct{ vfs.File }

func (hastyFile) Sync() error                { return nil }
func (hastyFile) SyncData() error            { return nil }
func (hastyFile) SyncTo(int64) (bool, error) { return false, nil }

func hastened(f vfs.File, err error) (vfs.File, error) {
	if err != nil {
		return nil, err
	}
	return hastyFile{f}, nil
}

func (fs hasty) Create(name string, c vfs.DiskWriteCategory) (vfs.File, error) {
	return hastened(fs.FS.Create(name, c))
}

func (fs hasty) OpenReadWrite(name string, c vfs.DiskWriteCategory, opts ...vfs.OpenOption) (vfs.File, error) {
	return hastened(fs.FS.OpenReadWrite(name, c, opts...))
}

func (fs hasty) OpenDir(name string) (vfs.File, error) { return hastened(fs.FS.OpenDir(name)) }

func (fs hasty) ReuseForWrite(old, name string, c vfs.DiskWriteCategory) (vfs.File, error) {
	return hastened(fs.FS.ReuseForWrite(old, name, c))
}

// GetDiskUsage tells nothing: a store that is thrown away sets no space aside.
func (hasty) GetDiskUsage(string) (vfs.DiskUsage, error) {
	return vfs.DiskUsage{}, vfs.ErrUnsupported
}
