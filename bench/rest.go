package main

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/usance/usance/store/pebblestore"
)

// p6 kills the server and times its way back.
func (b *bench) p6() error {
	if err := b.filled(); err != nil {
		return err
	}
	resident := memoryOf(b.ours.cmd.Process.Pid)
	r := row{ID: "P6", Case: "ready after kill -9", Unit: "ms", Ours: series{Name: "Usance"},
		Goal: "< 2 s with 100,000,000 events"}
	for range b.passes {
		// Something must be in the log alone, as it is when a busy server dies.
		if _, _, err := b.ingestOurs(1000, 0, nil); err != nil {
			return err
		}
		want, err := b.total()
		if err != nil {
			return err
		}
		b.ours.kill()
		begun := time.Now()
		if b.ours, err = startServer("usance", usanceSpec{Dir: b.storeDir()}); err != nil {
			return err
		}
		if _, _, err := fetch(newRequest(http.MethodGet, "http://"+b.ours.addr+"/readyz", "")); err != nil {
			return err
		}
		took := time.Since(begun)
		r.Ours.Values = append(r.Ours.Values, float64(took.Microseconds())/1000)
		b.say("P6 %v", took)
		got, err := b.total()
		if err != nil {
			return err
		}
		if got != want {
			return fmt.Errorf("the total is %d after the crash and was %d", got, want)
		}
	}
	r.Case += fmt.Sprintf(", %.1f million events stored", float64(b.stored)/1e6)
	r.Notes = []string{fmt.Sprintf("the server's resident memory was %d MiB at the end of the ingest rows and is %d MiB right after the restart.", resident, memoryOf(b.ours.cmd.Process.Pid)),
		"the kill follows an ingest at full rate. 100,000,000 events are not measured yet. The totals after the crash are held against those before."}
	b.table.put(b, r)
	return nil
}

// memoryOf returns a process's resident memory in MiB.
func memoryOf(pid int) int {
	kib := 0
	for line := range strings.Lines(readText(fmt.Sprintf("/proc/%d/status", pid))) {
		if strings.HasPrefix(line, "VmRSS:") {
			_, _ = fmt.Sscanf(line, "VmRSS: %d kB", &kib)
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
	var m pebblestore.Metrics
	for quiet, tries := 0, 0; quiet < 10 && tries < 200; tries++ {
		if m, err = b.ours.metrics(); err != nil {
			return err
		}
		if quiet++; m.CompactingNow > 0 || m.CompactionDebt > 0 || m.Flushes == 0 {
			quiet = 0
		}
		time.Sleep(100 * time.Millisecond)
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
