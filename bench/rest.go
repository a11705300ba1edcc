package main

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/usance/usance/store/pebblestore"
)

// p6 kills the servers of the large store and of the fresh one, and times their
// way back.
func (b *bench) p6() error {
	l, err := b.startLarge()
	if err != nil {
		return err
	}
	if err := b.filled(); err != nil {
		return err
	}
	r := row{ID: "P6", Case: fmt.Sprintf("ready after kill -9, %s events stored", l.text()), Unit: "ms", Ours: series{Name: "Usance"},
		Peers: []series{{Name: fmt.Sprintf("%.1f million stored", float64(b.stored)/1e6)}}, Goal: "< 2 s with 100,000,000 events",
		Notes: []string{"the kill follows an ingest at full rate. The totals after the crash are held against those before."}}
	var loaded, rest []float64
	err = b.inTurn(contestant{&r.Ours, func(int, float64) (v float64, _ *latency, err error) {
		return v, nil, b.as(l.at, func() (err error) {
			var most, idle float64
			v, most, idle, err = b.crash(&l.at, l.spec.Dir)
			loaded, rest = append(loaded, most), append(rest, idle)
			return err
		})
	}}, contestant{&r.Peers[0], func(int, float64) (float64, *latency, error) {
		v, _, _, err := b.crash(&b.ours, b.storeDir())
		return v, nil, err
	}})
	if err != nil {
		return err
	}
	if l.spec.Events == grownEvents {
		r.Met = goalMet(median(r.Ours.Values) < 2000)
	}
	b.table.put(b, r)
	of := fmt.Sprintf(" of the server, %s events stored", l.text())
	b.table.put(b, row{ID: "P6", Case: "memory at rest" + of, Unit: "MiB", Ours: series{Name: "Usance", Values: rest}, Notes: []string{"memory: resident, right after the restart; and the most while batches of 1,000 came at full rate."}})
	b.table.put(b, row{ID: "P6", Case: "memory under load" + of, Unit: "MiB", Ours: series{Name: "Usance", Values: loaded}})
	return nil
}

// crash writes to a server, kills it and starts another in its place, and returns
// the milliseconds until that was ready, the most memory the first one had, and
// what the other has.
func (b *bench) crash(at **child, dir string) (took, most, idle float64, err error) {
	// Something must be in the log alone, as it is when a busy server dies.
	if _, _, err := b.ingestOurs(1000, 0, nil); err != nil {
		return 0, 0, 0, err
	}
	want, err := b.total()
	if err != nil {
		return 0, 0, 0, err
	}
	most = float64(memoryOf(b.ours.cmd.Process.Pid, "VmHWM:"))
	b.ours.kill()
	begun := time.Now()
	again, err := startServer("usance", usanceSpec{Dir: dir})
	if err != nil {
		return 0, 0, 0, err
	}
	*at, b.ours = again, again
	if _, _, err := fetch(newRequest(http.MethodGet, "http://"+b.ours.addr+"/readyz", "")); err != nil {
		return 0, 0, 0, err
	}
	took = float64(time.Since(begun).Microseconds()) / 1000
	idle = float64(memoryOf(b.ours.cmd.Process.Pid, "VmRSS:"))
	got, err := b.total()
	if err == nil && got != want {
		err = fmt.Errorf("the total is %d after the crash and was %d", got, want)
	}
	return took, most, idle, err
}

// memoryOf returns a process's memory in MiB: VmRSS: is what is resident, VmHWM:
// the most that ever was.
func memoryOf(pid int, what string) int {
	kib := 0
	for line := range strings.Lines(readText(fmt.Sprintf("/proc/%d/status", pid))) {
		if strings.HasPrefix(line, what) {
			_, _ = fmt.Sscanf(strings.TrimPrefix(line, what), "%d kB", &kib)
		}
	}
	return kib >> 10
}

// metrics asks the server for its store's state.
func (c *child) metrics() (m pebblestore.Metrics, err error) {
	body, _, err := fetch(newRequest(http.MethodGet, "http://"+c.addr+"/bench/store", ""))
	if err == nil {
		err = decode(body, &m)
	}
	return m, err
}

// settled waits until the engine has nothing left to do by itself.
func settled(metrics func() (pebblestore.Metrics, error)) (m pebblestore.Metrics, err error) {
	const wait, most = 100 * time.Millisecond, time.Hour
	for quiet, tries := 0, 0; quiet < 10; tries++ {
		if m, err = metrics(); err != nil {
			return m, err
		}
		if quiet++; m.CompactingNow > 0 || m.CompactionDebt > 0 || m.FilterPending {
			quiet = 0
		}
		if tries > int(most/wait) {
			return m, fmt.Errorf("the engine does not come to rest: %+v", m)
		}
		time.Sleep(wait)
	}
	return m, nil
}

// p5 is bytes on disk: what the engine's files take once it has nothing left to
// do by itself. A restart has written everything out of the log.
func (b *bench) p5() error {
	if err := b.grown(4_000_000); err != nil {
		return err
	}
	if err := b.ours.stop(); err != nil {
		return err
	}
	var err error
	if b.ours, err = startServer("usance", usanceSpec{Dir: b.storeDir()}); err != nil {
		return err
	}
	m, err := settled(b.ours.metrics)
	if err != nil {
		return err
	}
	events := b.stored
	plain, packed, err := compressed()
	if err != nil {
		return err
	}
	per := float64(m.DiskBytes-m.LogBytes) / float64(events)
	r := row{ID: "P5", Case: fmt.Sprintf("bytes on disk an event, %.1f million stored", float64(events)/1e6), Unit: "bytes", Ours: series{Name: "Usance", Values: []float64{per}},
		Floor: &series{Name: "the same as NDJSON, zstd", Values: []float64{packed}}, Peers: []series{{Name: "PostgreSQL 15"}}, Goal: "≤ 40", Met: goalMet(per <= 40)}
	if b.peer != nil {
		size, err1 := b.pg.number("SELECT pg_total_relation_size('seen') + pg_total_relation_size('blocks') + pg_total_relation_size('rollups')")
		n, err2 := b.pg.number("SELECT count(*) FROM seen")
		if err := errors.Join(err1, err2); err != nil {
			return err
		}
		r.Peers[0].Values = []float64{float64(size) / float64(n)}
	} else {
		r.Peers[0].NotRun = "not run in this run"
		if b.pgErr != nil {
			r.Peers[0].NotRun = b.pgErr.Error()
		}
	}
	r.Notes = []string{fmt.Sprintf("an event is %.0f bytes as JSON. Sorted files after the engine's own compactions, without its log; %d runs deep, %d bytes of compaction were left to do.", plain, m.ReadDepth, m.CompactionDebt)}
	b.say("P5 %.1f bytes an event", per)
	b.table.put(b, r)
	return nil
}
