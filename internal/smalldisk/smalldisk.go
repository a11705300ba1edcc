// Package smalldisk is a disk that fills up, for tests: a file system that holds so
// many bytes and no more, over any other, such as the engine's own in memory. Nothing
// but tests may import it.
package smalldisk

import (
	"sync"
	"syscall"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// Disk is a file system that holds so many bytes. What is not written through it does
// not count.
type Disk struct {
	vfs.FS

	mu    sync.Mutex
	total int64
	holds int64 // of total; the rest is somebody else's
	used  int64
	sizes map[string]int64
}

// New returns an empty disk of so many bytes over fs.
func New(fs vfs.FS, total int64) *Disk {
	return &Disk{FS: fs, total: total, holds: total, sizes: map[string]int64{}}
}

// Over returns a disk with all its space over fs, which has what a crash left of the
// files of this one.
func (d *Disk) Over(fs vfs.FS) *Disk {
	d.mu.Lock()
	defer d.mu.Unlock()
	next := New(fs, d.total)
	for name, size := range d.sizes {
		if _, err := fs.Stat(name); err == nil {
			next.sizes[name] = size
			next.used += size
		}
	}
	return next
}

// Leave has somebody else take all space but so many bytes, or give it back.
func (d *Disk) Leave(n int64) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.holds = min(d.used+n, d.total)
}

// GetDiskUsage tells of the disk.
func (d *Disk) GetDiskUsage(string) (vfs.DiskUsage, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	free := uint64(max(d.holds-d.used, 0))
	return vfs.DiskUsage{TotalBytes: uint64(d.total), AvailBytes: free, UsedBytes: uint64(d.total) - free}, nil
}

// grow gives a file up to n bytes more and returns how many it got.
func (d *Disk) grow(name string, n int64) int64 {
	d.mu.Lock()
	defer d.mu.Unlock()
	n = max(min(n, d.holds-d.used), 0)
	d.used += n
	d.sizes[name] += n
	return n
}

func (d *Disk) free(name string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.used -= d.sizes[name]
	delete(d.sizes, name)
}

// Create makes a file, which takes no space before it is written to.
func (d *Disk) Create(name string, c vfs.DiskWriteCategory) (vfs.File, error) {
	d.free(name)
	f, err := d.FS.Create(name, c)
	if err != nil {
		return nil, err
	}
	return &file{File: f, disk: d, name: name}, nil
}

// Remove gives the file's space back.
func (d *Disk) Remove(name string) error {
	d.free(name)
	return d.FS.Remove(name)
}

// ReuseForWrite is as if the old file were removed and a new one made.
func (d *Disk) ReuseForWrite(old, name string, c vfs.DiskWriteCategory) (vfs.File, error) {
	d.free(old)
	f, err := d.FS.ReuseForWrite(old, name, c)
	if err != nil {
		return nil, err
	}
	return &file{File: f, disk: d, name: name}, nil
}

// Rename moves the file's space with it.
func (d *Disk) Rename(old, name string) error {
	d.mu.Lock()
	d.used -= d.sizes[name]
	d.sizes[name] = d.sizes[old]
	delete(d.sizes, old)
	d.mu.Unlock()
	return d.FS.Rename(old, name)
}

type file struct {
	vfs.File
	disk *Disk
	name string
}

// Write writes what there is space for.
func (f *file) Write(p []byte) (int, error) {
	n := int(f.disk.grow(f.name, int64(len(p))))
	if n == len(p) {
		return f.File.Write(p)
	}
	if wrote, err := f.File.Write(p[:n]); err != nil {
		return wrote, err
	}
	return n, syscall.ENOSPC
}

// Preallocate takes the space at once, where the file has not got it already.
func (f *file) Preallocate(offset, length int64) error {
	f.disk.mu.Lock()
	more := offset + length - f.disk.sizes[f.name]
	f.disk.mu.Unlock()
	if more > 0 && f.disk.grow(f.name, more) < more {
		return syscall.ENOSPC
	}
	return nil
}

// OpenReadWrite opens a file that is written to in place.
func (d *Disk) OpenReadWrite(name string, c vfs.DiskWriteCategory, opts ...vfs.OpenOption) (vfs.File, error) {
	f, err := d.FS.OpenReadWrite(name, c, opts...)
	if err != nil {
		return nil, err
	}
	return &file{File: f, disk: d, name: name}, nil
}
