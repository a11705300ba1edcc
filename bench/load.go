package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/bits"
	"net"
	"os"
	"sync"
	"time"
)

// loadSpec is what a load process is told on its standard input.
type loadSpec struct {
	Addr        string
	Connections int
	Warm        time.Duration // answers before it are checked but not counted
	For         time.Duration
	Rate        float64     // requests a second, at even distances; 0: as fast as answers come
	Requests    []request   // sent in turn by every connection
	Own         bool        // each connection sends but the one of its number
	Ingest      *ingestSpec // makes the requests instead
	UntilDone   bool        // ends when every request of an ingest was sent once
}

// request is one request as it goes over the wire, and the answer it must get.
type request struct {
	Raw    []byte
	Status int
	Body   []byte // nil: any
	Turn   int    // where eight digits of the turn are written, to make a new id; 0: nowhere
}

// loadResult is what a load process says on its standard output.
type loadResult struct {
	Seconds    float64
	Requests   int64 // answered within the counted time
	Answered   int64 // rightly, over the whole run
	Events     int64 // in them
	Accepted   int64 // events counted by the server, over the whole run
	Duplicates int64
	Amount     int64 // sum of the accepted events' amounts, over the whole run
	Bytes      int64 // of bodies, over the whole run
	Failed     int64 // answers that were refused or wrong
	First      string
	P50, P99   float64 // microseconds
	P999, Max  float64
}

// template is a request that a connection sends again and again. At each place
// in patch the eight digits of the turn are written over the bytes, which makes
// new ids of them.
type template struct {
	request
	patch      []int
	accepted   int // -1: not an ingest
	duplicates int
	amount     int64
	size       int64
}

// histogram counts durations with a resolution of three per cent.
type histogram [64 * 32]int64

func (h *histogram) add(d time.Duration) {
	v := uint64(max(d, 1))
	e := bits.Len64(v)
	if e <= 6 {
		h[v]++
		return
	}
	h[(e-5)*32+int(v>>(e-6)&31)]++
}

func (h *histogram) lower(i int) float64 {
	if i < 64 {
		return float64(i)
	}
	e := i/32 + 5
	return float64(uint64(32+(i&31)) << (e - 6))
}

// quantile returns microseconds.
func (h *histogram) quantile(q float64) float64 {
	total := int64(0)
	for _, n := range h {
		total += n
	}
	want, seen := int64(q*float64(total-1)), int64(0)
	for i, n := range h {
		if seen += n; n > 0 && seen > want {
			return h.lower(i) / 1000
		}
	}
	return 0
}

// conn is one connection with what it has measured.
type conn struct {
	net    net.Conn
	in     *bufio.Reader
	out    loadResult
	times  histogram
	answer answer
}

// answer is what is looked at of an answer.
type answer struct {
	status               int
	accepted, duplicates int
	body                 []byte
}

func runLoad() error {
	var spec loadSpec
	stdin := bufio.NewReader(os.Stdin)
	line, err := stdin.ReadBytes('\n')
	if err != nil {
		return err
	}
	if err := json.Unmarshal(line, &spec); err != nil {
		return err
	}
	conns := make([]*conn, spec.Connections)
	plans := make([][]template, spec.Connections)
	for i := range conns {
		c, err := dial(spec.Addr)
		if err != nil {
			return err
		}
		conns[i] = &conn{net: c, in: bufio.NewReaderSize(c, 64<<10)}
		plans[i] = spec.templates(i)
	}
	fmt.Println("ready")
	if _, err := stdin.ReadString('\n'); err != nil {
		return err
	}
	begun := time.Now()
	var wg sync.WaitGroup
	for i, c := range conns {
		wg.Go(func() { c.run(&spec, i, plans[i], begun) })
	}
	wg.Wait()
	return json.NewEncoder(os.Stdout).Encode(gather(&spec, conns, time.Since(begun)))
}

func (s *loadSpec) templates(conn int) []template {
	if s.Ingest != nil {
		return s.Ingest.templates(conn)
	}
	out := make([]template, len(s.Requests))
	for i, r := range s.Requests {
		out[i] = template{request: r, accepted: -1}
		if r.Turn > 0 {
			out[i].patch = []int{r.Turn}
		}
	}
	if s.Own {
		return out[conn%len(out):][:1]
	}
	return out
}

func gather(spec *loadSpec, conns []*conn, took time.Duration) loadResult {
	out, times := loadResult{Seconds: spec.For.Seconds()}, histogram{}
	if spec.UntilDone {
		out.Seconds = took.Seconds()
	}
	for _, c := range conns {
		r := c.out
		out.Requests += r.Requests
		out.Answered += r.Answered
		out.Events += r.Events
		out.Accepted += r.Accepted
		out.Duplicates += r.Duplicates
		out.Amount += r.Amount
		out.Bytes += r.Bytes
		out.Failed += r.Failed
		if out.First == "" {
			out.First = r.First
		}
		out.Max = max(out.Max, r.Max)
		for i, n := range c.times {
			times[i] += n
		}
	}
	out.P50, out.P99, out.P999 = times.quantile(.5), times.quantile(.99), times.quantile(.999)
	return out
}

// run sends the templates in turn until the time is over. At a fixed rate the
// latency is reckoned from when a request was due, so that a slow answer counts
// for the requests it held up too.
func (c *conn) run(spec *loadSpec, index int, plan []template, begun time.Time) {
	from := begun.Add(spec.Warm)
	end := from.Add(spec.For)
	p := newPace(begun, spec.Rate, index, spec.Connections)
	for turn := 0; ; turn++ {
		for i := range plan {
			sent := p.next()
			if !spec.UntilDone && sent.After(end) {
				return
			}
			t := &plan[i]
			t.turn(turn)
			if err := c.exchange(t); err != nil {
				c.out.Failed++
				c.out.First = err.Error()
				return // the connection cannot be trusted any more
			}
			done := time.Now()
			if spec.UntilDone || done.After(from) && done.Before(end) {
				c.out.Requests++
				c.out.Events += int64(t.accepted + t.duplicates)
				c.times.add(done.Sub(sent))
				c.out.Max = max(c.out.Max, float64(done.Sub(sent).Microseconds()))
			}
		}
		if spec.UntilDone {
			return
		}
	}
}

// pace says when one of several connections is to send, so that all taken together
// send at a rate; without a rate, at once.
type pace struct {
	due      time.Time
	interval time.Duration
}

func newPace(begun time.Time, rate float64, index, of int) pace {
	if rate <= 0 {
		return pace{}
	}
	interval := time.Duration(float64(of) / rate * 1e9)
	return pace{begun.Add(interval * time.Duration(index) / time.Duration(of)), interval}
}

// next waits until a request is due and returns when it was, or is.
func (p *pace) next() time.Time {
	now := time.Now()
	if p.interval == 0 {
		return now
	}
	due := p.due
	p.due = due.Add(p.interval)
	if wait := due.Sub(now); wait > 0 {
		time.Sleep(wait)
	}
	return due
}

// turn writes the turn's digits into the template's ids.
func (t *template) turn(n int) {
	var digits [8]byte
	for i := len(digits) - 1; i >= 0; i-- {
		digits[i] = "0123456789abcdef"[n&15]
		n >>= 4
	}
	for _, at := range t.patch {
		copy(t.Raw[at:], digits[:])
	}
}

func (c *conn) exchange(t *template) error {
	if _, err := c.net.Write(t.Raw); err != nil {
		return err
	}
	a := &c.answer
	if err := a.read(c.in); err != nil {
		return err
	}
	switch {
	case a.status != t.Status:
		c.out.Failed++
		c.out.First = fmt.Sprintf("status %d: %.300s", a.status, a.body)
	case t.Body != nil && !bytes.Equal(a.body, t.Body):
		c.out.Failed++
		c.out.First = fmt.Sprintf("the answer was %.300s and not %.300s", a.body, t.Body)
	case t.accepted >= 0 && (a.accepted != t.accepted || a.duplicates != t.duplicates):
		c.out.Failed++
		c.out.First = fmt.Sprintf("%d accepted and %d duplicates, not %d and %d", a.accepted, a.duplicates, t.accepted, t.duplicates)
	default:
		c.out.Answered++
	}
	if t.accepted >= 0 {
		c.out.Accepted += int64(t.accepted)
		c.out.Duplicates += int64(t.duplicates)
		c.out.Amount += t.amount
		c.out.Bytes += t.size
	}
	return nil
}

var errAnswer = errors.New("the answer is not HTTP")

// read reads an answer. It knows as much of HTTP as the servers here speak.
func (a *answer) read(in *bufio.Reader) error {
	line, err := in.ReadSlice('\n')
	if err != nil {
		return err
	}
	if len(line) < 12 {
		return errAnswer
	}
	*a = answer{status: number(line[9:12]), body: a.body[:0]}
	size, chunked := 0, false
	for {
		if line, err = in.ReadSlice('\n'); err != nil {
			return err
		}
		name, value, more := bytes.Cut(bytes.TrimRight(line, "\r\n"), []byte(": "))
		if !more {
			break
		}
		switch {
		case bytes.EqualFold(name, []byte("Content-Length")):
			size = number(value)
		case bytes.EqualFold(name, []byte("Transfer-Encoding")):
			chunked = true
		case bytes.EqualFold(name, []byte("Usance-Accepted")):
			a.accepted = number(value)
		case bytes.EqualFold(name, []byte("Usance-Duplicates")):
			a.duplicates = number(value)
		}
	}
	for chunked || size > 0 {
		if chunked {
			if line, err = in.ReadSlice('\n'); err != nil {
				return err
			}
			if _, err := fmt.Sscanf(string(line), "%x", &size); err != nil {
				return err
			}
		}
		at := len(a.body)
		a.body = append(a.body, make([]byte, size)...)
		if _, err := io.ReadFull(in, a.body[at:]); err != nil {
			return err
		}
		if !chunked {
			return nil
		}
		if _, err := in.Discard(2); err != nil || size == 0 {
			return err
		}
	}
	return nil
}

func number(b []byte) int {
	n := 0
	for _, c := range b {
		if c < '0' || c > '9' {
			return -1
		}
		n = n*10 + int(c-'0')
	}
	return n
}
