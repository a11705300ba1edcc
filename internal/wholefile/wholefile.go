// Package wholefile writes files that are there whole or not at all, also after
// the power has failed.
package wholefile

import (
	"errors"
	"os"
	"path/filepath"
)

// File is a file under way: it has its name once it is whole, and another, hidden
// one in the same folder until then.
type File struct {
	*os.File
	done bool
}

// Create begins a file for its owner's eyes alone, which Commit will give a name in
// the folder of name. The caller must Drop it in the end.
func Create(name string) (*File, error) {
	f, err := os.CreateTemp(filepath.Dir(name), "."+filepath.Base(name)+"-*") // mode 0600
	if err != nil {
		return nil, err
	}
	return &File{File: f}, nil
}

// Commit gives the file its name once all that was written is on the disk, in place
// of a file that had the name. When it fails before that, there is no file of the
// name that was not there, and nothing more can be written.
func (f *File) Commit(name string) error {
	if err := errors.Join(f.Sync(), f.Close()); err != nil {
		return err
	}
	if err := os.Rename(f.Name(), name); err != nil {
		return err
	}
	f.done = true
	return SyncDir(filepath.Dir(name))
}

// Drop removes a file that was not committed, and does nothing to one that was.
func (f *File) Drop() {
	if f.done {
		return
	}
	_ = f.Close()           // it may be closed, and nobody reads it
	_ = os.Remove(f.Name()) // who drops it has an error to tell that matters more
}

// Write writes a whole file for its owner's eyes alone, in place of one that has the
// name.
func Write(name string, data []byte) error {
	f, err := Create(name)
	if err != nil {
		return err
	}
	defer f.Drop()
	if _, err := f.Write(data); err != nil {
		return err
	}
	return f.Commit(name)
}

// SyncDir waits until the names within a folder are on the disk.
func SyncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
