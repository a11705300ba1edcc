package pebblestore

import (
	"errors"
	"strings"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// orderly is a file system on which the engine's markers are written in order. A
// marker names the manifest that the store is opened from; the engine makes the
// manifest, then the new marker, removes the old marker, and syncs the folder once
// behind all three. A file system may keep the entries of an unsynced folder in any
// order, so that a crash could leave a marker of a manifest that is not there, or
// no marker. Here the folder is synced before each of these steps. Markers move
// rarely.
type orderly struct{ vfs.FS }

const markerPrefix = "marker."

// Unwrap tells the engine what is beneath.
func (o orderly) Unwrap() vfs.FS { return o.FS }

// Create creates a file, and a marker behind everything in its folder.
func (o orderly) Create(name string, category vfs.DiskWriteCategory) (vfs.File, error) {
	if err := o.before(name); err != nil {
		return nil, err
	}
	return o.FS.Create(name, category)
}

// Remove removes a file, and a marker once its successor is there for good.
func (o orderly) Remove(name string) error {
	if err := o.before(name); err != nil {
		return err
	}
	return o.FS.Remove(name)
}

func (o orderly) before(name string) error {
	if !strings.HasPrefix(o.PathBase(name), markerPrefix) {
		return nil
	}
	dir, err := o.OpenDir(o.PathDir(name))
	if err != nil {
		return err
	}
	return errors.Join(dir.Sync(), dir.Close())
}
