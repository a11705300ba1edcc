package main

import (
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/usance/usance"
	"github.com/usance/usance/internal/demo"
	"github.com/usance/usance/ledger"
	"github.com/usance/usance/registry"
	"github.com/usance/usance/store/pebblestore"
)

// What the large store has at scale 1. P1, P4 and P6 share it.
const (
	grownTenants = 1_000_000
	grownEvents  = 100_000_000
	grownNodes   = 100_000 // of one tenant's tree, at every scale
	visited      = 20_000  // tenants asked about before memory is looked at
)

// growSpec says what is made where.
type growSpec struct {
	Dir             string
	Tenants, Events int
	Writers         int // tenants of the ingest rows, whose the events are
}

// grown says how long it took, in seconds, until the engine had merged its tables
// as well, and what the events add up to.
type grown struct {
	Tenants, Nodes, Events, Settled float64
	Amount                          int64
}

func grownTenant(n int) usance.TenantID { return usance.TenantID("grown-" + strconv.Itoa(n)) }

// runGrow makes the large store at the ledger, without waiting for the disk.
func runGrow() error {
	spec, err := told[growSpec]()
	if err != nil {
		return err
	}
	st, err := pebblestore.Open(spec.Dir, pebblestore.Options{FS: unsynced{vfs.Default}})
	if err != nil {
		return err
	}
	reg, err := registryOn(st)
	if err != nil {
		return err
	}
	led := ledger.New(st, reg, ledger.Options{Now: time.Now})
	var out grown
	for _, part := range []struct {
		took *float64
		run  func() error
	}{
		{&out.Tenants, func() error { return growTenants(reg, spec) }},
		{&out.Nodes, func() error { return growTree(reg) }},
		{&out.Events, func() (err error) {
			out.Amount, err = growEvents(led, spec)
			return err
		}},
		{&out.Settled, func() error {
			_, err := settled(func() (pebblestore.Metrics, error) { return st.Metrics(), nil })
			return err
		}},
	} {
		begun := time.Now()
		if err := part.run(); err != nil {
			return err
		}
		*part.took = time.Since(begun).Seconds()
	}
	return errors.Join(st.Close(), json.NewEncoder(os.Stdout).Encode(out))
}

func growTenants(reg *registry.Registry, spec growSpec) error {
	for _, t := range benchTenants(spec.Writers) {
		if _, err := reg.Edit(background(), benchActor, usance.TenantID(t.id), registry.Edit{Create: true, Tenant: &usance.Tenant{Name: "Bench", Timezone: "UTC"}}); err != nil {
			return err
		}
	}
	return parallel(32, spec.Tenants, func(n int) error {
		_, err := reg.Edit(background(), benchActor, grownTenant(n), registry.Edit{Create: true,
			Tenant: &usance.Tenant{Name: "Grown", Timezone: "UTC", Aliases: map[string]string{"huawei.project": fmt.Sprintf("%032x", n)}},
			Users:  []registry.UserSpec{{User: usance.User{Name: "grown", Role: usance.RoleAdmin}}},
			Quotas: []usance.Quota{{Node: "/", Meter: registry.RTCDuration, Limit: 1 << 50}}})
		return err
	})
}

// growTree gives the company's tenant, before it is made itself, a large tree,
// half of it below the node that ZStack asks about.
func growTree(reg *registry.Registry) error {
	const step = 10_000
	for from := 0; from < grownNodes; from += step {
		e := registry.Edit{}
		if from == 0 {
			e.Tenant = &usance.Tenant{Name: "Acme", Timezone: "Asia/Shanghai"}
		}
		for n := from; n < from+step; n++ {
			top := []string{"/cloud/rd", "/staff"}[n%2]
			e.Nodes = append(e.Nodes, usance.Node{Path: usance.Path(fmt.Sprintf("%s/g%03d/n%05d", top, n/1000, n)), Name: "Grown"})
		}
		if _, err := reg.Edit(background(), benchActor, demo.Tenant, e); err != nil {
			return err
		}
	}
	return nil
}

// growEvents records the year before today as the ingest rows' tenants would have
// sent it: one batch after the other, each of an hour, of a tenant that Zipf's law
// picks. It returns what the events add up to.
func growEvents(led *ledger.Ledger, spec growSpec) (int64, error) {
	const batch, year = 5000, 365 * 24 * time.Hour
	end := time.Now().UTC().Truncate(24 * time.Hour)
	tenants := benchTenants(spec.Writers)
	batches := (spec.Events + batch - 1) / batch
	var amount atomic.Int64
	err := parallel(8, batches, func(n int) error {
		rng := rand.New(rand.NewPCG(uint64(n), 11))
		tenant := tenants[rand.NewZipf(rng, 1.1, 1, uint64(len(tenants)-1)).Uint64()]
		begins := end.Add(-time.Hour - year/time.Duration(batches)*time.Duration(batches-n))
		events := make([]ledger.Incoming, min(batch, spec.Events-n*batch))
		sum := int64(0)
		for i := range events {
			seconds := int64(1 + rng.IntN(60))
			sum += seconds
			data := append(strconv.AppendInt([]byte(`{"seconds":`), seconds, 10), fmt.Sprintf(`,"app":"app-%02d","media":"%s"}`, rng.IntN(benchApps), streams[rng.IntN(benchMeters)])...)
			events[i] = ledger.Incoming{Stated: true, Event: usance.Event{Source: "/bench/grown", ID: fmt.Sprintf("%06d-%04d", n, i), Type: "rtc.stream.received",
				Subject: fmt.Sprintf("user-%04d", rng.IntN(5000)), Node: "/rtc", Time: begins.Add(time.Duration(i) * time.Hour / batch), Data: data}}
		}
		amount.Add(sum)
		_, err := led.Ingest(background(), benchActor, usance.TenantID(tenant.id), events)
		return err
	})
	return amount.Load(), err
}

// unsynced is a file system that does not wait for the disk.
type unsynced struct{ vfs.FS }

type unsyncedFile struct{ vfs.File }

func (unsyncedFile) Sync() error                           { return nil }
func (unsyncedFile) SyncData() error                       { return nil }
func (unsyncedFile) SyncTo(int64) (fullSync bool, _ error) { return false, nil }

func unsync(f vfs.File, err error) (vfs.File, error) {
	if err != nil {
		return nil, err
	}
	return unsyncedFile{f}, nil
}

func (u unsynced) Create(name string, c vfs.DiskWriteCategory) (vfs.File, error) {
	return unsync(u.FS.Create(name, c))
}

func (u unsynced) ReuseForWrite(from, to string, c vfs.DiskWriteCategory) (vfs.File, error) {
	return unsync(u.FS.ReuseForWrite(from, to, c))
}

// largeStore is the large store of this run, and the server on it.
type largeStore struct {
	dir  string // as serve's --data: the store is in db
	spec growSpec
	took grown
	at   *child
	rest float64 // seconds until it was at rest after its start
}

func (l *largeStore) text() string { return fmt.Sprintf("%.1f million", float64(l.spec.Events)/1e6) }

// startLarge makes the large store, or takes a copy of the one that KEEP has, and
// starts a server on it.
func (b *bench) startLarge() (*largeStore, error) {
	if b.large != nil {
		return b.large, nil
	}
	l := &largeStore{dir: filepath.Join(b.base, "large"), spec: growSpec{Tenants: int(grownTenants * b.scale), Events: int(grownEvents * b.scale), Writers: len(b.tenants)}}
	l.spec.Dir = filepath.Join(l.dir, "db")
	kept := ""
	if b.keep != "" {
		kept = filepath.Join(b.keep, fmt.Sprintf("large-%d-%d-%d", l.spec.Writers, l.spec.Tenants, l.spec.Events))
	}
	if kept == "" || json.Unmarshal([]byte(readText(filepath.Join(kept, "made.json"))), &l.took) != nil {
		if err := b.makeLarge(l, kept); err != nil {
			return nil, err
		}
	} else if err := copyStore(filepath.Join(kept, "db"), l.spec.Dir); err != nil {
		return nil, err
	}
	var err error
	if l.at, err = startServer("usance", usanceSpec{Dir: l.spec.Dir}); err != nil {
		return nil, err
	}
	b.large = l
	begun := time.Now()
	if _, err := settled(l.at.metrics); err != nil {
		return nil, err
	}
	l.rest = time.Since(begun).Seconds()
	b.say("  at rest %.1f s after its start", l.rest)
	return l, b.as(l.at, func() error {
		if err := b.found(); err != nil {
			return err
		}
		total, err := b.total()
		if err == nil && total != l.took.Amount {
			err = fmt.Errorf("the large store's events add up to %d, the meters say %d", l.took.Amount, total)
		}
		return err
	})
}

// makeLarge makes the store, and leaves a copy of it in kept, if that is named.
func (b *bench) makeLarge(l *largeStore, kept string) (err error) {
	b.say("making %d tenants, a tree of %d nodes and %d events", l.spec.Tenants, grownNodes, l.spec.Events)
	if err := os.MkdirAll(l.dir, 0o700); err != nil {
		return err
	}
	if l.took, err = ask[grown]("grow", l.spec); err != nil {
		return err
	}
	b.say("  tenants %.1f s, nodes %.1f s, events %.1f s, merging the rest %.1f s", l.took.Tenants, l.took.Nodes, l.took.Events, l.took.Settled)
	if kept == "" {
		return nil
	}
	if err := copyStore(l.spec.Dir, filepath.Join(kept, "db")); err != nil {
		return err
	}
	made, err := json.Marshal(l.took)
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(kept, "made.json"), made, 0o600)
}

// copyStore copies a closed store. Its tables never change, so that they are
// linked where the file system can.
func copyStore(from, to string) error {
	if err := os.MkdirAll(to, 0o700); err != nil {
		return err
	}
	list, err := os.ReadDir(from)
	if err != nil {
		return err
	}
	for _, e := range list {
		take := vfs.Copy
		if strings.HasSuffix(e.Name(), ".sst") {
			take = vfs.LinkOrCopy
		}
		if err := take(vfs.Default, filepath.Join(from, e.Name()), filepath.Join(to, e.Name())); err != nil {
			return err
		}
	}
	return nil
}

// onTop is P1 in the large store, in turn with the fresh one.
func (b *bench) onTop() error {
	l, err := b.startLarge()
	if err != nil {
		return err
	}
	for _, batch := range []int{1000, 100, 1} {
		b.say("P1, batches of %d on top of %s events", batch, l.text())
		r := row{ID: "P1", Case: fmt.Sprintf("ingest over HTTP, batches of %d, on top of %s events", batch, l.text()), Unit: "events/s",
			Ours: series{Name: "Usance"}, Peers: []series{{Name: "Usance, fresh"}},
			Notes: []string{fmt.Sprintf("on top: the events are of the same %d tenants, by the same law, over the year before, and made at the ledger beforehand: tenants in %.0f s, nodes in %.0f s, "+
				"events in %.0f s, and %.0f s until the engine had merged its tables. It is written to once the filter of known ids is full, %.0f s after the start. "+
				"SCALE=1 makes 1,000,000 tenants and 100,000,000 events.", l.spec.Writers, l.took.Tenants, l.took.Nodes, l.took.Events, l.took.Settled, l.rest)}}
		write := func(_ int, rate float64) (float64, *latency, error) { return b.ingestOurs(batch, rate, nil) }
		list := []contestant{{&r.Ours, b.measuredAs(l.at, write)}, {&r.Peers[0], write}}
		if err := errors.Join(b.inTurn(list...), b.atHalf(&r, list...)); err != nil {
			return err
		}
		if batch == 1000 {
			r.Goal, r.Met = "≥ 0.8 × the fresh rate", goalMet(median(r.Ours.Values) >= .8*median(r.Peers[0].Values))
		}
		b.table.put(b, r)
	}
	return nil
}

// onLarge starts the real server on the large store, with so much memory.
func (b *bench) onLarge(l *largeStore, memory string) (*child, error) {
	root, err := repository()
	if err != nil {
		return nil, err
	}
	if err := l.at.stop(); err != nil {
		return nil, err
	}
	return serveBinary(filepath.Join(root, "bin", "usance"), l.dir, memory, "USANCE_MASTER_KEY="+hex.EncodeToString(masterKey[:]))
}
