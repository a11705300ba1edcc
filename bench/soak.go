package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/usance/usance"
)

// soakSettings are a soak's.
type soakSettings struct {
	binary      string
	dir         string
	lasts, warm time.Duration
	every       time.Duration // a sample
	gauge       time.Duration // at full speed, to learn the rate; long enough for merging to have begun
	share       float64
	memory      string
	growth      float64 // of memory
}

// soakingSettings reads the environment. The soak keeps the real binary at work for
// long and fails when its memory is not flat, when an answer is wrong or refused,
// when anything acknowledged is missing, or when verify finds a difference.
//
//	make soak MINUTES=60
//
// MINUTES counts from when the rate is known (default 60); their first fifth is the
// warm-up. SHARE is which part of the rate measured at the start is kept up
// (default 0.5), MEMORY what the server is told to stay within (default 256MiB, the
// least, whose caches are soon full), GROWTH how many per cent of that its resident
// memory may grow from the end of the warm-up to the end (default 5), BINARY the
// server (default bin/usance).
func soakingSettings() (s soakSettings, err error) {
	root, err := repository()
	if err != nil {
		return s, err
	}
	s = soakSettings{binary: filepath.Join(root, "bin", "usance"), memory: "256MiB"}
	if name := os.Getenv("BINARY"); name != "" {
		s.binary = name
	}
	if text := os.Getenv("MEMORY"); text != "" {
		s.memory = text
	}
	var minutes, growth float64
	for _, n := range []struct {
		name                 string
		into                 *float64
		fallback, over, upTo float64
	}{{"MINUTES", &minutes, 60, 0, 7 * 24 * 60}, {"SHARE", &s.share, .5, 0, 1}, {"GROWTH", &growth, 5, 0, 100}} {
		*n.into = n.fallback
		if text := os.Getenv(n.name); text != "" {
			if *n.into, err = strconv.ParseFloat(text, 64); err != nil || *n.into <= n.over || *n.into > n.upTo {
				return s, fmt.Errorf("%s=%s is not a number above %v and up to %v", n.name, text, n.over, n.upTo)
			}
		}
	}
	s.growth = growth / 100
	s.lasts = time.Duration(minutes * float64(time.Minute))
	s.warm, s.gauge, s.every = s.lasts/5, min(time.Minute, s.lasts/5), max(500*time.Millisecond, s.lasts/120)
	return s, nil
}

// sample is the state of the server at a moment.
type sample struct {
	at                    time.Duration
	resident, heap, disk  float64 // MiB
	goroutines, files     int
	processor             float64 // of one, since the sample before
	requests              int64   // since the sample before
	latency               latency // of them, from when they were due
	accepted, definitions int64   // until now
}

func runSoak() (err error) {
	s, err := soakingSettings()
	if err != nil {
		return err
	}
	if s.dir, err = os.MkdirTemp("", "usance-soak-"); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(s.dir)) }()
	ctx, stop := signal.NotifyContext(background(), syscall.SIGTERM, os.Interrupt)
	defer stop()
	return soak(ctx, s)
}

func soak(ctx context.Context, s soakSettings) error {
	bound, err := usance.ParseAmount(s.memory)
	if err != nil {
		return fmt.Errorf("MEMORY=%s: %w", s.memory, err)
	}
	server, err := serveBinary(s.binary, filepath.Join(s.dir, "data"), s.memory)
	if err != nil {
		return err
	}
	defer server.kill() // it has ended in a soak that went well
	w, err := newSoakers(server)
	if err != nil {
		return err
	}
	begun := time.Now()
	if err := w.run(ctx, s.gauge, 0, nil); err != nil {
		return err
	}
	rate := float64(w.taken().requests) / time.Since(begun).Seconds()
	fmt.Printf("%.0f requests a second at full speed, a quarter of them batches of %d events; %.0f %% of that for %v, with --memory %s\n\n",
		rate, soakBatch, 100*s.share, s.lasts, s.memory)
	fmt.Println(sampleHead)
	var list []sample
	took := ticker{server: server, dir: filepath.Join(s.dir, "data"), begun: time.Now()}
	err = w.run(ctx, s.lasts, rate*s.share, func(done <-chan struct{}) error {
		return took.until(done, s.every, w, func(m sample) {
			list = append(list, m)
			if at := len(list) - 1; at%max(1, int(s.lasts/s.every)/30) == 0 {
				fmt.Println(m)
			}
		})
	})
	if err != nil {
		return err
	}
	verdict := judge(list, s.warm, float64(bound>>20), s.growth)
	return errors.Join(verdict, w.audit(), server.stop())
}

// serveBinary starts the real server on a folder, with more environment.
func serveBinary(binary, data, memory string, env ...string) (*child, error) {
	c := &child{cmd: exec.CommandContext(background(), binary, "serve", "--listen", "127.0.0.1:0", "--data", data, "--memory", memory, "--throttle", "off", "--log-level", "error")}
	c.cmd.Env = append(append(os.Environ(), "USANCE_OPERATOR_TOKEN="+operatorToken), env...)
	c.cmd.Stderr = os.Stderr
	if err := c.begin(); err != nil {
		return nil, err
	}
	for c.addr == "" {
		line, err := c.out.ReadString('\n')
		if err != nil {
			return nil, fmt.Errorf("%s did not start: %w", binary, errors.Join(err, c.cmd.Wait()))
		}
		if after, ok := strings.CutPrefix(line, "Serving on http://"); ok {
			c.addr = strings.Fields(after)[0]
		}
	}
	return c, nil
}

// ticker takes samples of a server.
type ticker struct {
	server *child
	dir    string
	begun  time.Time
	last   time.Time
	busy   float64
}

// until takes a sample each interval, until done is closed.
func (t *ticker) until(done <-chan struct{}, every time.Duration, w *soakers, keep func(sample)) error {
	tick := time.NewTicker(every)
	defer tick.Stop()
	t.last, t.busy = time.Now(), t.server.busy()
	for {
		select {
		case <-done:
			return nil
		case <-tick.C:
			m, err := t.sample(w)
			if err != nil {
				return err
			}
			keep(m)
		}
	}
}

func (t *ticker) sample(w *soakers) (m sample, err error) {
	text, _, err := fetch(newRequest(http.MethodGet, "http://"+t.server.addr+"/metrics", "", "Authorization", "Bearer "+operatorToken))
	if err != nil {
		return m, err
	}
	now, busy := time.Now(), t.server.busy()
	m = sample{at: now.Sub(t.begun), resident: float64(memoryOf(t.server.cmd.Process.Pid, "VmRSS:")), processor: (busy - t.busy) / now.Sub(t.last).Seconds()}
	t.last, t.busy = now, busy
	m.heap = metric(text, "go_memstats_heap_inuse_bytes") / (1 << 20)
	m.goroutines, m.files = int(metric(text, "go_goroutines")), int(metric(text, "process_open_fds"))
	taken := w.taken()
	m.requests, m.latency = taken.requests, latency{taken.times.quantile(.5), taken.times.quantile(.99), taken.times.quantile(.999), taken.most}
	m.accepted, m.definitions = w.accepted.Load(), w.definitions.Load()
	m.disk, err = sizeOf(t.dir)
	return m, err
}

// metric finds a metric without labels in what /metrics says; 0 when it is not there.
func metric(text []byte, name string) float64 {
	for line := range strings.Lines(string(text)) {
		if rest, ok := strings.CutPrefix(line, name+" "); ok {
			v, _ := strconv.ParseFloat(strings.TrimSpace(rest), 64)
			return v
		}
	}
	return 0
}

// sizeOf returns the MiB that the files of a folder take. One that goes away
// meanwhile takes none.
func sizeOf(dir string) (float64, error) {
	sum := int64(0)
	err := filepath.WalkDir(dir, func(_ string, e os.DirEntry, err error) error {
		if err == nil && !e.IsDir() {
			var info os.FileInfo
			if info, err = e.Info(); err == nil {
				sum += info.Size()
			}
		}
		if errors.Is(err, os.ErrNotExist) {
			return nil
		}
		return err
	})
	return float64(sum) / (1 << 20), err
}

// soakSlack is what the server may have resident past its bound, in MiB: the
// program's own pages, and how far Go's memory may pass Go's bound for a moment.
const soakSlack = 64

const sampleHead = `| after | requests | p50 ms | p99 ms | resident MiB | heap MiB | goroutines | open files | disk MiB | processor | events stored | definitions changed |
|---|---|---|---|---|---|---|---|---|---|---|---|`

func (m sample) String() string {
	return fmt.Sprintf("| %v | %d | %.2f | %.1f | %.0f | %.0f | %d | %d | %.0f | %.0f %% | %d | %d |", m.at.Round(time.Second), m.requests, m.latency.P50/1000, m.latency.P99/1000,
		m.resident, m.heap, m.goroutines, m.files, m.disk, 100*m.processor, m.accepted, m.definitions)
}

// judge tells the slope of each figure after the warm-up, and fails when the
// server's memory was not flat or not within its bound.
func judge(list []sample, warm time.Duration, bound, growth float64) error {
	for len(list) > 0 && list[0].at < warm {
		list = list[1:]
	}
	if len(list) < 10 {
		return fmt.Errorf("only %d samples after the warm-up", len(list))
	}
	span := list[len(list)-1].at - list[0].at
	fmt.Printf("\nAfter the warm-up of %v, over %v (slopes are medians of those between every two samples):\n\n| figure | least | median | most | slope an hour |\n|---|---|---|---|---|\n",
		warm, span.Round(time.Second))
	var at []float64
	for _, m := range list {
		at = append(at, m.at.Hours())
	}
	slopes := map[string]float64{}
	most := 0.0
	for _, f := range []struct {
		name string
		of   func(sample) float64
	}{{"resident MiB", func(m sample) float64 { return m.resident }}, {"heap MiB", func(m sample) float64 { return m.heap }},
		{"goroutines", func(m sample) float64 { return float64(m.goroutines) }}, {"open files", func(m sample) float64 { return float64(m.files) }},
		{"disk MiB", func(m sample) float64 { return m.disk }}} {
		var v []float64
		for _, m := range list {
			v = append(v, f.of(m))
		}
		slopes[f.name] = slope(at, v)
		low, high := extremes(v)
		if f.name == "resident MiB" {
			most = high
		}
		fmt.Printf("| %s | %.0f | %.0f | %.0f | %+.1f |\n", f.name, low, median(v), high, slopes[f.name])
	}
	grew, routines := slopes["resident MiB"]*span.Hours(), slopes["goroutines"]*span.Hours()
	fmt.Printf("\nResident memory grew by %.1f MiB along its slope, where %.1f are allowed, and was %.0f MiB at most, where %.0f are.\n", grew, bound*growth, most, bound+soakSlack)
	switch {
	case grew > bound*growth:
		return fmt.Errorf("resident memory is not flat: it grew by %.1f MiB in %v", grew, span)
	case most > bound+soakSlack:
		return fmt.Errorf("%.0f MiB resident, told to stay within %.0f", most, bound)
	case routines > 100:
		return fmt.Errorf("there were %.0f goroutines more after %v", routines, span)
	}
	return nil
}
