package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// latency is in microseconds.
type latency struct {
	P50  float64 `json:"p50"`
	P99  float64 `json:"p99"`
	P999 float64 `json:"p999,omitempty"`
	Max  float64 `json:"max,omitempty"`
}

// series is one contestant's figures.
type series struct {
	Name    string    `json:"name"`
	Values  []float64 `json:"values,omitempty"`
	Latency []latency `json:"latency_us,omitempty"`
	NotRun  string    `json:"not_run,omitempty"`
}

// row is one line of the table.
type row struct {
	ID       string   `json:"id"`
	Case     string   `json:"case"`
	Unit     string   `json:"unit"`
	Ours     series   `json:"ours"`
	Floor    *series  `json:"floor,omitempty"`
	Peers    []series `json:"peers,omitempty"`
	Goal     string   `json:"goal,omitempty"`
	Met      *bool    `json:"met,omitempty"`
	Failed   string   `json:"failed,omitempty"`
	Notes    []string `json:"notes,omitempty"`
	Load     string   `json:"load,omitempty"` // at which latencies are: "half", or as fast as answers come
	Measured string   `json:"measured"`
	Seconds  float64  `json:"seconds"` // of one measurement
	// Others is the share of the processors that other work took during the run,
	// in per cent.
	Others float64 `json:"others_cpu_percent"`
}

type machine struct {
	Processor string `json:"processor"`
	Cores     int    `json:"cores"`
	MemoryGiB int    `json:"memory_gib"`
	Kernel    string `json:"kernel"`
	Disk      string `json:"disk"`
	Go        string `json:"go"`
}

type table struct {
	Machine machine `json:"machine"`
	Rows    []row   `json:"rows"`
	dir     string
	anew    map[string]bool // ids of the rows measured in this run
}

// openTable reads the figures there are, so that one row can be measured anew.
// Those of another machine are dropped.
func openTable(dir string) (*table, error) {
	t := &table{dir: dir}
	b, err := os.ReadFile(filepath.Join(dir, "performance.json"))
	if err == nil {
		err = json.Unmarshal(b, t)
	}
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, err
	}
	here := thisMachine(os.TempDir())
	if t.Machine != here {
		t.Rows = nil
	}
	t.Machine = here
	return t, nil
}

// put adds a row. The first of an id in a run replaces those of earlier runs.
func (t *table) put(b *bench, r row) {
	r.Measured, r.Seconds = time.Now().UTC().Format(time.DateOnly), b.seconds.Seconds()
	if !t.anew[r.ID] {
		t.drop(r.ID)
	}
	t.Rows = append(t.Rows, r)
}

func (t *table) drop(id string) {
	if t.anew == nil {
		t.anew = map[string]bool{}
	}
	t.anew[id] = true
	t.Rows = slices.DeleteFunc(t.Rows, func(o row) bool { return o.ID == id })
}

// fail puts a failure in the place of an id's rows.
func (t *table) fail(id string, err error) {
	t.drop(id)
	t.Rows = append(t.Rows, row{ID: id, Failed: err.Error(), Measured: time.Now().UTC().Format(time.DateOnly)})
}

// disturbed notes how much of the machine other work took while this run's rows
// were measured.
func (t *table) disturbed(percent float64) {
	for i := range t.Rows {
		if t.anew[t.Rows[i].ID] {
			t.Rows[i].Others = percent
		}
	}
}

// ticks is time of all processors since the machine started.
type ticks struct{ busy, all float64 }

func processorTime() (t ticks) {
	first, _, _ := strings.Cut(readText("/proc/stat"), "\n")
	for i, text := range strings.Fields(first) {
		n, err := strconv.ParseFloat(text, 64)
		if err != nil || i > 8 { // guests' time is in the user's already
			continue
		}
		t.all += n
		if i != 4 && i != 5 { // idle, waiting for the disk
			t.busy += n
		}
	}
	return t
}

// othersSince is what of the processors' time other processes and other machines
// on the same hardware have taken since then, in per cent. The harness's own
// processes must have ended.
func othersSince(then ticks, began time.Time) float64 {
	now := processorTime()
	own := 0.0
	for _, who := range []int{syscall.RUSAGE_SELF, syscall.RUSAGE_CHILDREN} {
		var u syscall.Rusage
		if syscall.Getrusage(who, &u) == nil {
			own += float64(u.Utime.Nano()+u.Stime.Nano()) / 1e9
		}
	}
	total := time.Since(began).Seconds() * float64(runtime.NumCPU())
	return max(0, 100*((now.busy-then.busy)/(now.all-then.all)-own/total))
}

func median(v []float64) float64 {
	if len(v) == 0 {
		return math.NaN()
	}
	s := slices.Sorted(slices.Values(v))
	if n := len(s); n%2 == 0 {
		return (s[n/2-1] + s[n/2]) / 2
	}
	return s[len(s)/2]
}

// spread is how far the passes lie apart, of the median.
func spread(v []float64) float64 {
	if len(v) < 2 {
		return 0
	}
	return (slices.Max(v) - slices.Min(v)) / median(v)
}

func (s *series) latencies(pick func(latency) float64) float64 {
	var v []float64
	for _, l := range s.Latency {
		v = append(v, pick(l))
	}
	return median(v)
}

func goalMet(ok bool) *bool { return &ok }

// figure writes a number with three digits or more.
func figure(v float64) string {
	switch {
	case math.IsNaN(v):
		return "–"
	case v >= 1000:
		text := fmt.Sprintf("%.0f", v)
		for i := len(text) - 3; i > 0; i -= 3 {
			text = text[:i] + "," + text[i:]
		}
		return text
	case v >= 100:
		return fmt.Sprintf("%.0f", v)
	case v >= 10:
		return fmt.Sprintf("%.1f", v)
	}
	return fmt.Sprintf("%.2f", v)
}

func (s *series) cell(ours float64) string {
	if s.NotRun != "" {
		return s.Name + ": " + s.NotRun
	}
	m := median(s.Values)
	return fmt.Sprintf("%s: %s (±%.0f %%), ratio **%.2f**", s.Name, figure(m), 50*spread(s.Values), ours/m)
}

const (
	markBegin = "<!-- figures: written by make bench; do not edit between these marks -->"
	markEnd   = "<!-- figures: end -->"
)

func (t *table) markdown() []byte {
	var b bytes.Buffer
	m := t.Machine
	fmt.Fprintf(&b, "Machine: %s, %d cores, %d GiB of memory, Linux %s, disk %s, %s.\n\n", m.Processor, m.Cores, m.MemoryGiB, m.Kernel, m.Disk, m.Go)
	least, most := math.Inf(1), 0.0
	for _, r := range t.Rows {
		least, most = min(least, r.Others), max(most, r.Others)
	}
	span := fmt.Sprintf("%.0f %%", most)
	if most-least >= 1 {
		span = fmt.Sprintf("%.0f to %.0f %%", least, most)
	}
	fmt.Fprintf(&b, "While these were measured, other work on the machine took %s of its processors.\n\n", span)
	b.WriteString("| row | work | Usance | beside it, in the same run | goal |\n|---|---|---|---|---|\n")
	for _, r := range t.Rows {
		if r.Failed != "" {
			fmt.Fprintf(&b, "| %s | | **failed**: %s | | |\n", r.ID, strings.ReplaceAll(r.Failed, "\n", " "))
			continue
		}
		ours := median(r.Ours.Values)
		var beside []string
		if r.Floor != nil {
			beside = append(beside, r.Floor.cell(ours))
		}
		for i := range r.Peers {
			beside = append(beside, r.Peers[i].cell(ours))
		}
		goal := r.Goal
		if r.Met != nil {
			goal += map[bool]string{true: " – met", false: " – **not met**"}[*r.Met]
		}
		fmt.Fprintf(&b, "| %s | %s | %s %s (±%.0f %%) | %s | %s |\n", r.ID, r.Case, figure(ours), r.Unit, 50*spread(r.Ours.Values), strings.Join(beside, "<br>"), goal)
	}
	t.latencies(&b)
	var notes []string
	for _, r := range t.Rows {
		for _, n := range r.Notes {
			if n = r.ID + ": " + n; !slices.Contains(notes, n) {
				notes = append(notes, n)
			}
		}
	}
	b.WriteString("\n")
	for _, n := range notes {
		fmt.Fprintf(&b, "* %s\n", n)
	}
	return b.Bytes()
}

func (t *table) latencies(b *bytes.Buffer) {
	b.WriteString("\nLatencies, in microseconds, at full speed or at half of it:\n\n| row | work | at | who | p50 | p99 | p99.9 | max |\n|---|---|---|---|---|---|---|---|\n")
	for _, r := range t.Rows {
		list := []series{r.Ours}
		if r.Floor != nil {
			list = append(list, *r.Floor)
		}
		load := r.Load
		if load == "" {
			load = "full"
		}
		for _, s := range append(list, r.Peers...) {
			if len(s.Latency) == 0 {
				continue
			}
			fmt.Fprintf(b, "| %s | %s | %s | %s | %s | %s | %s | %s |\n", r.ID, r.Case, load, s.Name,
				figure(s.latencies(func(l latency) float64 { return l.P50 })), figure(s.latencies(func(l latency) float64 { return l.P99 })),
				figure(s.latencies(func(l latency) float64 { return zeroAsNone(l.P999) })), figure(s.latencies(func(l latency) float64 { return zeroAsNone(l.Max) })))
		}
	}
}

func zeroAsNone(v float64) float64 {
	if v == 0 {
		return math.NaN()
	}
	return v
}

// write saves the figures, and puts them between the marks of the page.
func (t *table) write() error {
	slices.SortStableFunc(t.Rows, func(a, b row) int { return strings.Compare(a.ID, b.ID) })
	text := t.markdown()
	fmt.Printf("%s", text)
	data, err := json.MarshalIndent(t, "", "  ")
	if err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(t.dir, "performance.json"), append(data, '\n'), 0o644); err != nil {
		return err
	}
	page := filepath.Join(t.dir, "performance.md")
	old, err := os.ReadFile(page)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	before, rest, found := strings.Cut(string(old), markBegin)
	_, after, closed := strings.Cut(rest, markEnd)
	if !found || !closed {
		before, after = strings.TrimRight(string(old), "\n")+"\n\n", "\n"
	}
	return os.WriteFile(page, []byte(before+markBegin+"\n\n"+string(text)+"\n"+markEnd+after), 0o644)
}

// thisMachine says what the figures were measured on.
func thisMachine(dir string) machine {
	m := machine{Cores: runtime.NumCPU(), Go: runtime.Version(), Processor: "unknown processor", Kernel: "unknown", Disk: "unknown"}
	for line := range strings.Lines(readText("/proc/cpuinfo")) {
		if name, value, _ := strings.Cut(line, ":"); strings.TrimSpace(name) == "model name" {
			m.Processor = strings.TrimSpace(value)
			break
		}
	}
	var kib int
	if _, err := fmt.Sscanf(readText("/proc/meminfo"), "MemTotal: %d kB", &kib); err == nil {
		m.MemoryGiB = (kib + 1<<19) >> 20
	}
	if text := strings.TrimSpace(readText("/proc/sys/kernel/osrelease")); text != "" {
		m.Kernel = text
	}
	m.Disk = diskOf(dir)
	return m
}

// diskOf describes the file system of a folder and what it lies on.
func diskOf(dir string) string {
	best, out := "", "unknown"
	for line := range strings.Lines(readText("/proc/mounts")) {
		f := strings.Fields(line)
		if len(f) < 3 || !strings.HasPrefix(dir+"/", strings.TrimRight(f[1], "/")+"/") || len(f[1]) < len(best) {
			continue
		}
		best, out = f[1], f[2]
		device := filepath.Base(f[0])
		if f[0] == "/dev/root" {
			device = rootDevice()
		}
		switch {
		case strings.HasPrefix(device, "vd"):
			out += " on a virtual block device (virtio)"
		case strings.HasPrefix(device, "nvme"):
			out += " on NVMe"
		case readText("/sys/block/"+device+"/queue/rotational") == "1\n":
			out += " on a rotating disk"
		}
	}
	return out
}

func rootDevice() string {
	for line := range strings.Lines(readText("/proc/partitions")) {
		if f := strings.Fields(line); len(f) == 4 && f[0] != "major" && !strings.HasPrefix(f[3], "zram") {
			return f[3]
		}
	}
	return ""
}

func readText(path string) string {
	b, err := os.ReadFile(path)
	if err != nil {
		return ""
	}
	return string(b)
}
