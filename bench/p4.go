package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"strconv"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/usance/usance"
	"github.com/usance/usance/internal/demo"
	"github.com/usance/usance/ledger"
	"github.com/usance/usance/registry"
	"github.com/usance/usance/store/pebblestore"
)

// What P4's large case has at scale 1.
const (
	grownTenants = 1_000_000
	grownEvents  = 100_000_000
	grownNodes   = 100_000 // of one tenant's tree, at every scale
	grownWriters = 64      // tenants that the events are of
	visited      = 20_000  // tenants asked about before memory is looked at
)

// growSpec says what is made where.
type growSpec struct {
	Dir             string
	Tenants, Events int
}

// grown says how long it took, in seconds.
type grown struct{ Tenants, Nodes, Events float64 }

func grownTenant(n int) usance.TenantID { return usance.TenantID("grown-" + strconv.Itoa(n)) }

// runGrow makes the large case at the ledger, without waiting for the disk.
func runGrow() error {
	spec, err := told[growSpec]()
	if err != nil {
		return err
	}
	st, err := pebblestore.Open(spec.Dir, pebblestore.Options{FS: unsynced{vfs.Default}})
	if err != nil {
		return err
	}
	reg, err := registry.New(st, registry.Options{Now: time.Now, MasterKey: masterKey})
	if err != nil {
		return err
	}
	led := ledger.New(st, reg, ledger.Options{Now: time.Now})
	var out grown
	for _, part := range []struct {
		took *float64
		run  func() error
	}{
		{&out.Tenants, func() error {
			return parallel(32, spec.Tenants, func(n int) error {
				_, err := reg.Edit(background(), benchActor, grownTenant(n), registry.Edit{Create: true,
					Tenant: &usance.Tenant{Name: "Grown", Timezone: "UTC", Aliases: map[string]string{"huawei.project": fmt.Sprintf("%032x", n)}},
					Users:  []registry.UserSpec{{User: usance.User{Name: "grown", Role: usance.RoleAdmin}}},
					Quotas: []usance.Quota{{Node: "/", Meter: registry.RTCDuration, Limit: 1 << 50}}})
				return err
			})
		}},
		{&out.Nodes, func() error { return growTree(reg) }},
		{&out.Events, func() error { return growEvents(led, spec.Events, min(spec.Tenants, grownWriters)) }},
	} {
		begun := time.Now()
		if err := part.run(); err != nil {
			return err
		}
		*part.took = time.Since(begun).Seconds()
	}
	return errors.Join(st.Close(), json.NewEncoder(os.Stdout).Encode(out))
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

// growEvents records events of a year before today, in batches.
func growEvents(led *ledger.Ledger, count, tenants int) error {
	const batch = 5000
	end := time.Now().UTC().Truncate(24*time.Hour).AddDate(0, 0, -1)
	return parallel(8, (count+batch-1)/batch, func(n int) error {
		events := make([]ledger.Incoming, 0, batch)
		for i := n * batch; i < min(count, (n+1)*batch); i++ {
			at := end.Add(-time.Duration(i%365) * 24 * time.Hour).Add(time.Duration(i%86400) * time.Second)
			events = append(events, ledger.Incoming{Stated: true, Event: usance.Event{Source: "grow", ID: strconv.Itoa(i), Type: "rtc.stream.received",
				Subject: "s", Node: usance.Root, Time: at, Data: []byte(`{"seconds":60,"app":"app-` + strconv.Itoa(i%8) + `","media":"audio"}`)}})
		}
		_, err := led.Ingest(background(), benchActor, grownTenant(n%tenants), events)
		return err
	})
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

// p4 is queries and charges in a large store beside the same in one of one tenant
// with one event.
func (b *bench) p4() error {
	spec := growSpec{Dir: b.base + "/grown", Tenants: int(grownTenants * b.scale), Events: int(grownEvents * b.scale)}
	b.say("P4: making %d tenants, a tree of %d nodes and %d events", spec.Tenants, grownNodes, spec.Events)
	took, err := ask[grown]("grow", spec)
	if err != nil {
		return err
	}
	b.say("  tenants %.1f s, nodes %.1f s, events %.1f s", took.Tenants, took.Nodes, took.Events)
	large, err := startServer("usance", usanceSpec{Dir: spec.Dir})
	if err != nil {
		return err
	}
	defer large.stop()
	small, err := startServer("usance", usanceSpec{Dir: b.base + "/small"})
	if err != nil {
		return err
	}
	defer small.stop()
	big, err := large.asked(true)
	if err != nil {
		return err
	}
	little, err := small.asked(false)
	if err != nil {
		return err
	}
	of := fmt.Sprintf(", %d tenants, %d nodes, %.1f million events", spec.Tenants+1, grownNodes, float64(spec.Events)/1e6)
	notes := []string{fmt.Sprintf("the tenant asked about has the large tree and a year of usage, some 217,000 events, beside the others'. Made at the ledger beforehand: "+
		"tenants in %.0f s, nodes in %.0f s, events in %.0f s. SCALE=1 makes 1,000,000 tenants and 100,000,000 events.", took.Tenants, took.Nodes, took.Events)}
	compare := func(name, unit string, ours, peer measured) error {
		b.say("P4, %s", name)
		r := row{ID: "P4", Case: name + of, Unit: unit, Ours: series{Name: "Usance"}, Peers: []series{{Name: "1 tenant, 1 event"}}, Goal: "within 1.2 ×", Notes: notes}
		if err := b.inTurn(contestant{&r.Ours, ours}, contestant{&r.Peers[0], peer}); err != nil {
			return err
		}
		r.Met = goalMet(1.2*median(r.Ours.Values) >= median(r.Peers[0].Values))
		b.table.put(b, r)
		return nil
	}
	for _, i := range []int{0, 2, 3} {
		run := func(at *child, q question) measured { return b.asked(at, q, "") }
		if err := errors.Join(compare(big[i].name, "requests/s", run(large, big[i]), run(small, little[i])),
			compare(big[i].name+", worked out anew", "requests/s", large.anew(run(large, big[i])), small.anew(run(small, little[i])))); err != nil {
			return err
		}
	}
	charging := func(at *child) measured {
		return func(pass int, rate float64) (float64, *latency, error) {
			defer b.turnTo(at)()
			return b.chargeOverHTTP(pass, 64, 1, rate)
		}
	}
	for _, at := range []*child{large, small} {
		back := b.turnTo(at)
		err := b.startCharged()
		back()
		if err != nil {
			return err
		}
	}
	if err := compare("durable charges on a 4-level tree, 64 clients, one tenant", "charges/s", charging(large), charging(small)); err != nil {
		return err
	}
	return b.memory(large, of, min(spec.Tenants, visited))
}

// turnTo makes another server the main one, until what it returns is called.
func (b *bench) turnTo(c *child) (back func()) {
	was := b.ours
	b.ours = c
	return func() { b.ours = was }
}

// asked makes the company in a server, and its questions.
func (c *child) asked(loaded bool) ([]question, error) {
	co, err := c.found(loaded)
	if err != nil {
		return nil, err
	}
	list, err := c.questions(co)
	if err == nil && loaded {
		err = c.agree(co, list)
	}
	return list, err
}

// memory asks about many tenants, so that as much is kept of them as ever is, and
// looks at the server's memory.
func (b *bench) memory(at *child, of string, tenants int) error {
	spec := loadSpec{Addr: at.addr, Connections: 2, UntilDone: true}
	for n := range tenants {
		raw, err := plain("/api/v1/quotas?tenant="+string(grownTenant(n)), "Authorization", "Bearer "+operatorToken)(at.addr)
		if err != nil {
			return err
		}
		spec.Requests = append(spec.Requests, request{Raw: raw, Status: http.StatusOK})
	}
	if _, err := load(spec, nil); err != nil {
		return err
	}
	used := memoryOf(at.cmd.Process.Pid)
	b.table.put(b, row{ID: "P4", Case: "resident memory of the server" + of, Unit: "MiB", Ours: series{Name: "Usance", Values: []float64{float64(used)}},
		Goal: "< 1,024", Met: goalMet(used < 1024), Notes: []string{fmt.Sprintf("resident memory is looked at after the other rows of P4 and a question about each of %d tenants.", tenants)}})
	b.say("P4, memory: %d MiB", used)
	return nil
}
