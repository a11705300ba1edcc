package main

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/usance/usance"
	"github.com/usance/usance/ledger"
	"github.com/usance/usance/registry"
	"github.com/usance/usance/store/pebblestore"
)

// costID names the measurement that has no row.
const costID = "COST"

// spent is what a process has taken so far.
type spent struct {
	CPU    float64 // microseconds of processor time
	Allocs uint64
}

func spentHere() (spent, error) {
	var use syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &use); err != nil {
		return spent{}, err
	}
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	micros := func(t syscall.Timeval) float64 { return float64(t.Sec)*1e6 + float64(t.Usec) }
	return spent{micros(use.Utime) + micros(use.Stime), m.Mallocs}, nil
}

func serveSpent(w http.ResponseWriter, _ *http.Request) {
	s, err := spentHere()
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	writeJSON(w, s)
}

func (c *child) spent() (out spent, err error) {
	b, _, err := fetch(newRequest(http.MethodGet, "http://"+c.prof+"/debug/spent", ""))
	if err == nil {
		err = decode(b, &out)
	}
	return out, err
}

// runBare is the least that HTTP can cost a charge: a handler that reads the body,
// charges the same ledger and writes bytes that are made already.
func runBare() (err error) {
	spec, err := told[usanceSpec]()
	if err != nil {
		return err
	}
	debug.SetGCPercent(300) // as serve does
	debug.SetMemoryLimit(768 << 20)
	st, err := pebblestore.Open(spec.Dir, pebblestore.Options{Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, st.Close()) }()
	reg, err := registry.New(st, registry.Options{Now: time.Now, MasterKey: masterKey})
	if err != nil {
		return err
	}
	led := ledger.New(st, reg, ledger.Options{Now: time.Now})
	if _, err := reg.Edit(background(), benchActor, chargeTenant(0), chargeEdit(1<<50)); err != nil {
		return err
	}
	answer := make([]byte, 1000)
	return serve(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body := make([]byte, r.ContentLength)
		if _, err := io.ReadFull(r.Body, body); err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		_, err := led.Charge(r.Context(), benchActor, chargeTenant(0), ledger.Charge{ID: string(body[len(`{"id":"`):][:len("r0001-0001-00000000")]),
			Node: chargeTree[len(chargeTree)-1], Items: []usance.Item{{Meter: chargeMeter, Amount: 1}}})
		if err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("Content-Length", strconv.Itoa(len(answer)))
		_, _ = w.Write(answer)
	}))
}

// cost tells the processor time and the allocations of a request, beside those of
// handlers that do as good as nothing, in turn. Unlike rates they hardly depend on
// what else the machine does. It adds no row to the table.
func (b *bench) cost() error {
	if err := b.startCharged(); err != nil {
		return err
	}
	list, err := b.companyQuestions()
	if err != nil {
		return err
	}
	floor, err := b.startAnswers(list)
	if err != nil {
		return err
	}
	defer floor.end()
	bare, err := startServer("bare", usanceSpec{Dir: filepath.Join(b.base, "bare")})
	if err != nil {
		return err
	}
	defer bare.end()
	const clients = 64
	charges := func(at *child) (loadSpec, error) {
		spec := loadSpec{Addr: at.addr, Connections: clients, For: b.seconds, Own: true}
		for i := range clients {
			spec.Requests = append(spec.Requests, b.chargeRequest(at.addr, chargesPath, chargeToken(0), i))
		}
		return spec, nil
	}
	if err := b.costs("charge", charges, b.ours, bare); err != nil {
		return err
	}
	for _, q := range list {
		ask := func(at *child) (loadSpec, error) {
			raw, err := q.raw(at.addr)
			return loadSpec{Addr: at.addr, Connections: 32, For: b.seconds, Requests: []request{{Raw: raw, Status: http.StatusOK, Body: q.body}}}, err
		}
		if err := b.costs(q.name, ask, b.ours, floor); err != nil {
			return err
		}
	}
	return nil
}

func (b *bench) costs(name string, spec func(*child) (loadSpec, error), ours, least *child) error {
	var cpu, allocs [2][]float64
	for pass := range b.passes {
		for i, at := range []*child{ours, least} {
			var during func()
			if i == 0 {
				during = b.profiling(pass, "cost-"+strings.Fields(name)[0])
			}
			work, err := spec(at)
			if err != nil {
				return err
			}
			before, err := at.spent()
			if err != nil {
				return err
			}
			out, err := load(work, during)
			if err != nil {
				return err
			}
			after, err := at.spent()
			if err != nil {
				return err
			}
			cpu[i] = append(cpu[i], (after.CPU-before.CPU)/float64(out.Answered))
			allocs[i] = append(allocs[i], float64(after.Allocs-before.Allocs)/float64(out.Answered))
		}
	}
	fmt.Printf("%-52s cpu %7.2f µs, bare %7.2f µs (+%6.2f, ratio %.2f)   allocs %6.1f, bare %6.1f\n", name,
		median(cpu[0]), median(cpu[1]), median(cpu[0])-median(cpu[1]), median(cpu[1])/median(cpu[0]), median(allocs[0]), median(allocs[1]))
	return nil
}
