package sim

import (
	"errors"
	"math/rand/v2"
	"strings"
	"sync"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"

	"github.com/usance/usance/internal/smalldisk"
)

// faultKind is what the disk does to the process in one of its lives.
type faultKind string

const (
	dieIdle      faultKind = "death between requests"
	dieAtLog     faultKind = "death at a sync of the log"
	dieAnywhere  faultKind = "death at any write"
	dieOpening   faultKind = "death while starting"
	stopInOrder  faultKind = "stop in order"
	failLogSync  faultKind = "failed sync of the log"
	failLogWrite faultKind = "failed write of the log"
	failTables   faultKind = "failed writes of tables"
	failReads    faultKind = "failed reads of tables"
	fillUp       faultKind = "full disk"
)

// memTable is how much memory the engine has for rows in a life that will meet the
// fault: little, so that it often writes tables. Where the log is to fail it has room
// for all that a life writes: a log that fails while the engine changes to another
// ends the process (see the store's health), and here it would end the simulator.
func (k faultKind) memTable() uint64 {
	if k == failLogSync || k == failLogWrite {
		return 8 << 20
	}
	return 256 << 10
}

var errDisk = errors.New("the simulated disk fails")

// disk is a file system in memory that keeps what was synced, and may keep of the
// rest what chance says. It dies or fails where its plan says, counted in
// operations since the plan was made.
type disk struct {
	mem   *vfs.MemFS
	small *smalldisk.Disk
	fs    vfs.FS

	mu     sync.Mutex
	r      *rand.Rand
	kind   faultKind
	at     int // the operation of the plan's kind that meets the fault
	length int // how many operations meet it
	seen   int
	hits   int
	tidy   bool       // nothing is torn: all that was not synced is left, or none of it
	corpse *vfs.MemFS // what is left after the death; what happens on fs since is lost
}

// diskBytes is what the disk holds.
const diskBytes = 64 << 20

func newDisk(r *rand.Rand) *disk {
	mem := vfs.NewCrashableMem()
	return (&disk{r: r}).over(mem, smalldisk.New(mem, diskBytes))
}

// over returns a disk of the same chance over other files.
func (d *disk) over(mem *vfs.MemFS, small *smalldisk.Disk) *disk {
	next := &disk{mem: mem, small: small, r: d.r, tidy: d.tidy}
	next.fs = errorfs.Wrap(small, errorfs.InjectorFunc(next.meet))
	return next
}

// again returns the disk as it is, for another process.
func (d *disk) again() *disk { return d.over(d.mem, d.small.Over(d.mem)) }

// plan arms a fault. A kind that needs no operation arms nothing.
func (d *disk) plan(kind faultKind, at, length int) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.kind, d.at, d.length, d.seen, d.hits = kind, at, length, 0, 0
}

// heal ends the fault.
func (d *disk) heal() (hits int) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.kind = ""
	return d.hits
}

// dead reports that the process has died: what it answers since is not heard.
func (d *disk) dead() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.corpse != nil
}

// die makes the process die now, unless it has already, and returns the disk that
// the next process finds.
func (d *disk) die() *disk {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.corpse == nil {
		d.clone()
	}
	return d.over(d.corpse, d.small.Over(d.corpse))
}

// clone keeps what was synced and of the rest nothing, all, or what chance says,
// torn blocks and lost directory entries among it.
func (d *disk) clone() {
	percent := [...]int{0, 0, 100, 1 + d.r.IntN(99)}[d.r.IntN(4)]
	if d.tidy {
		percent = percent / 100 * 100
	}
	// Chance of its own: how much was not synced must not decide what comes later.
	torn := rand.New(rand.NewPCG(d.r.Uint64(), 0))
	d.corpse = d.mem.CrashClone(vfs.CrashCloneCfg{UnsyncedDataPercent: percent, RNG: torn})
}

func isSync(k errorfs.OpKind) bool {
	return k == errorfs.OpFileSync || k == errorfs.OpFileSyncData || k == errorfs.OpFileSyncTo
}

// young reports that a log is still short, so that the engine is not about to change
// to another one, see memTable.
func (d *disk) young(log string) bool {
	info, err := d.mem.Stat(log)
	return err == nil && info.Size() < 48<<10
}

// meet is asked before every operation.
func (d *disk) meet(op errorfs.Op) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	log, table := strings.HasSuffix(op.Path, ".log"), strings.HasSuffix(op.Path, ".sst")
	concerned := false
	switch d.kind {
	case dieAtLog:
		concerned = log && isSync(op.Kind)
	case failLogSync:
		concerned = log && isSync(op.Kind) && d.young(op.Path)
	case dieAnywhere, dieOpening:
		concerned = op.Kind.ReadOrWrite() == errorfs.OpIsWrite && op.Kind != errorfs.OpFileClose
	case failLogWrite:
		concerned = log && op.Kind == errorfs.OpFileWrite && d.young(op.Path)
	case failTables:
		concerned = table && op.Kind.ReadOrWrite() == errorfs.OpIsWrite && op.Kind != errorfs.OpFileClose && op.Kind != errorfs.OpRemove
	case failReads:
		concerned = table && (op.Kind == errorfs.OpFileReadAt || op.Kind == errorfs.OpFileRead)
	}
	if !concerned || d.corpse != nil {
		return nil
	}
	d.seen++
	if d.seen < d.at || d.seen >= d.at+d.length {
		return nil
	}
	d.hits++
	if d.kind == dieAtLog || d.kind == dieAnywhere || d.kind == dieOpening {
		d.clone()
		return nil
	}
	return errDisk
}
