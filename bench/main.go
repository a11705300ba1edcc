// Command bench measures Usance beside the floor of the machine and the peers a
// user would take instead, in turn in one run, and writes docs/performance.md and
// docs/performance.json.
//
//	make bench                      # every row
//	make bench ROW=P3 SECONDS=10    # one row, longer
//
// ROW names rows, with commas between; SECONDS is the length of one measurement
// (default 1); PASSES how often each is repeated (default 2); PROFILE a folder
// for CPU profiles of the server. REDIS_SERVER names a redis-server that is not
// on the path. SCALE is how much of the large store of P1, P4 and P6 is made, as a
// part of 1,000,000 tenants and 100,000,000 events (default 0.01); its tree of
// 100,000 nodes is always whole. KEEP names a folder, best on the disk of the
// temporary files, where that store stays for other runs. Answers are checked, and
// a wrong or refused one fails its row.
//
// ROW=COST tells the processor time and the allocations of a charge and of the
// façades' queries beside those of bare handlers, and writes no row.
package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
)

func main() {
	if err := dispatch(os.Getenv("USANCE_BENCH_ROLE")); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func dispatch(role string) error {
	switch role {
	case "":
		return measure()
	case "load":
		return runLoad()
	case "usance":
		return runUsance()
	case "floor":
		return runFloor()
	case "postgres":
		return runPeer()
	case "redis":
		return runOverRedis()
	case "charge":
		return runCharge()
	case "seed":
		return runSeed()
	case "grow":
		return runGrow()
	case "soak":
		return runSoak()
	case "bare":
		return runBare()
	}
	return fmt.Errorf("there is no role %q", role)
}

// bench is one run of the table.
type bench struct {
	base    string // folder of everything that is thrown away
	seconds time.Duration
	passes  int
	profile string
	scale   float64 // of the large store
	keep    string  // folder of large stores that stay
	table   *table
	run     int // numbers loads, so that their ids differ

	ours, floor, peer *child
	overRedis         *child // the handler over Redis
	onPostgres        *child // ours, on the other engine
	pg                *cluster
	pgErr             error
	redis             *redisServer
	byHand            bool // the peer has what is charged
	tenants           []benchTenant
	stored            int64 // events in the main store
	company           *company
	large             *largeStore
}

func measure() error {
	b, err := settings()
	if err != nil {
		return err
	}
	wanted, err := wantedRows(os.Getenv("ROW"))
	if err != nil {
		return err
	}
	root, err := repository()
	if err != nil {
		return err
	}
	if b.table, err = openTable(filepath.Join(root, "docs")); err != nil {
		return err
	}
	if b.base, err = os.MkdirTemp("", "usance-bench-"); err != nil {
		return err
	}
	defer b.clean()
	if err := os.Chmod(b.base, 0o755); err != nil { // PostgreSQL runs as a user of its own
		return err
	}
	then, began := processorTime(), time.Now()
	var failed error
	for _, r := range wanted {
		if err := r.run(b); err != nil {
			failed = errors.Join(failed, fmt.Errorf("%s: %w", r.id, err))
			if r.id != costID {
				b.table.fail(r.id, err)
			}
			b.say("%s failed: %v", r.id, err)
		}
	}
	b.clean()
	if len(b.table.anew) == 0 {
		return failed
	}
	b.table.disturbed(othersSince(then, began))
	return errors.Join(failed, b.table.write())
}

// settings reads the environment.
func settings() (*bench, error) {
	b := &bench{seconds: time.Second, passes: 2, profile: os.Getenv("PROFILE"), keep: os.Getenv("KEEP"), tenants: benchTenants(1000)}
	if text := os.Getenv("SECONDS"); text != "" {
		s, err := strconv.ParseFloat(text, 64)
		if err != nil || s <= 0 || s > 3600 {
			return nil, fmt.Errorf("SECONDS=%s is not a number of seconds up to 3600", text)
		}
		b.seconds = time.Duration(s * 1e9)
	}
	if text := os.Getenv("PASSES"); text != "" {
		n, err := strconv.Atoi(text)
		if err != nil || n < 1 {
			return nil, fmt.Errorf("PASSES=%s is not a number of passes", text)
		}
		b.passes = n
	}
	b.scale = .01
	if text := os.Getenv("SCALE"); text != "" {
		f, err := strconv.ParseFloat(text, 64)
		if err != nil || f <= 0 || f > 1 {
			return nil, fmt.Errorf("SCALE=%s is not a number above 0 and up to 1", text)
		}
		b.scale = f
	}
	return b, nil
}

// measurement is what measures one row or several of one id.
type measurement struct {
	id  string
	run func(*bench) error
}

// wantedRows returns what measures the rows named, or all. P7 and P8 share
// their store and are measured together. P6 and P5 come before the façades, while
// the main store holds nothing but what the ingest wrote.
func wantedRows(names string) ([]measurement, error) {
	all := []measurement{{"P1", (*bench).p1}, {"P6", (*bench).p6}, {"P5", (*bench).p5}, {"P2", (*bench).p2}, {"P4", (*bench).p4},
		{"P3", (*bench).p3}, {"P7", (*bench).p7p8}, {"P9", (*bench).p9}}
	if names == "" {
		return all, nil
	}
	all = append(all, measurement{costID, (*bench).cost})
	var out []measurement
	list := strings.Split(strings.ReplaceAll(strings.ToUpper(names), "P8", "P7"), ",")
	for _, m := range all {
		if slices.Contains(list, m.id) {
			out = append(out, m)
		}
		list = slices.DeleteFunc(list, func(id string) bool { return id == m.id })
	}
	if len(list) > 0 {
		return nil, fmt.Errorf("ROW=%s: there are the rows P1 to P9, and COST", names)
	}
	return out, nil
}

// repository finds the folder of the project, from it or from a folder in it.
func repository() (string, error) {
	for dir := "."; ; dir = filepath.Join(dir, "..") {
		if _, err := os.Stat(filepath.Join(dir, "store", "store.go")); err == nil {
			return filepath.Abs(dir)
		}
		if full, err := filepath.Abs(dir); err != nil || full == "/" {
			return "", errors.New("run it from within the repository")
		}
	}
}

func (b *bench) clean() {
	for _, c := range []*child{b.ours, b.onPostgres, b.floor, b.peer, b.overRedis} {
		c.end()
	}
	if b.pg != nil {
		b.pg.stop()
		b.pg = nil
	}
	if b.large != nil {
		b.large.at.end()
	}
	if b.redis != nil {
		b.redis.stop()
		b.redis = nil
	}
	_ = os.RemoveAll(b.base)
}

// nextRun names a load.
func (b *bench) nextRun() string {
	b.run++
	return fmt.Sprintf("r%04d", b.run)
}

func (b *bench) say(format string, args ...any) { fmt.Fprintf(os.Stderr, format+"\n", args...) }

// contestant is one of those that are measured in turn.
type contestant struct {
	into *series
	run  measured
}

// measured is one measurement: at a rate, in the unit of its figure, or with 0 as
// fast as answers come.
type measured func(pass int, rate float64) (float64, *latency, error)

// inTurn measures A B C A B C …, so that what the machine does beside falls on
// all of them.
func (b *bench) inTurn(list ...contestant) error {
	for pass := range b.passes {
		for _, c := range list {
			v, l, err := c.run(pass, 0)
			if err != nil {
				return fmt.Errorf("%s: %w", c.into.Name, err)
			}
			c.into.Values = append(c.into.Values, v)
			if l != nil {
				c.into.Latency = append(c.into.Latency, *l)
			}
			b.say("  %-40s %12.1f", c.into.Name, v)
		}
	}
	return nil
}

// atHalf measures latencies in turn at half of the first one's rate, or of its own
// where that is lower. They take the place of those at full speed.
func (b *bench) atHalf(r *row, list ...contestant) error {
	first := median(list[0].into.Values)
	r.Load = "half"
	for _, c := range list {
		c.into.Latency = nil
	}
	for range b.passes {
		for _, c := range list {
			half := min(first, median(c.into.Values)) / 2
			v, l, err := c.run(-1, half)
			if err != nil {
				return fmt.Errorf("%s, at half load: %w", c.into.Name, err)
			}
			if v < .9*half {
				r.Notes = append(r.Notes, fmt.Sprintf("%s, %s: only %.0f of %.0f %s were sent in time", r.Case, c.into.Name, v, half, r.Unit))
			}
			c.into.Latency = append(c.into.Latency, *l)
		}
	}
	return nil
}

// postgres returns the cluster of this run, or errAbsent.
func (b *bench) postgres() (*cluster, error) {
	if b.pg == nil && b.pgErr == nil {
		b.pg, b.pgErr = startCluster(b.base)
	}
	return b.pg, b.pgErr
}

func writeJSON(w http.ResponseWriter, v any) {
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(v)
}
