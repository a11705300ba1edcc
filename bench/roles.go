package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/pprof"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	runtimepprof "runtime/pprof"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// The harness is one program in several processes: the one that was started
// measures, and starts itself again for each server, floor and load.

// child is such a process that serves.
type child struct {
	cmd  *exec.Cmd
	in   io.WriteCloser
	out  *bufio.Reader
	addr string // of what it serves
	prof string // of its profiles
}

// start runs this program in a role and tells it what to do in one line of JSON.
func start(role string, spec any) (*child, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	c := &child{cmd: exec.CommandContext(background(), self)}
	c.cmd.Env = append(os.Environ(), "USANCE_BENCH_ROLE="+role)
	if err := c.begin(); err != nil {
		return nil, err
	}
	return c, json.NewEncoder(c.in).Encode(spec)
}

// begin starts the command with pipes to it.
func (c *child) begin() (err error) {
	c.cmd.Stderr = os.Stderr
	if c.in, err = c.cmd.StdinPipe(); err != nil {
		return err
	}
	out, err := c.cmd.StdoutPipe()
	if err != nil {
		return err
	}
	c.out = bufio.NewReaderSize(out, 1<<20)
	return c.cmd.Start()
}

// startServer starts a role that serves, and waits until it does.
func startServer(role string, spec any) (*child, error) {
	c, err := start(role, spec)
	if err != nil {
		return nil, err
	}
	line, err := c.out.ReadString('\n')
	if err != nil {
		return nil, fmt.Errorf("%s did not start: %w", role, errors.Join(err, c.cmd.Wait()))
	}
	c.addr, c.prof, _ = strings.Cut(strings.TrimSpace(line), " ")
	return c, nil
}

// stop ends the process in order.
func (c *child) stop() error {
	if c == nil || c.cmd.ProcessState != nil {
		return nil
	}
	if err := c.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		return err
	}
	return c.cmd.Wait()
}

// end is stop at the end of a measurement, which an end out of order does not undo.
func (c *child) end() {
	if err := c.stop(); err != nil {
		fmt.Fprintln(os.Stderr, "bench: a process did not end in order:", err)
	}
}

// busy is the processor time the process has taken, in seconds.
func (c *child) busy() float64 {
	_, rest, _ := strings.Cut(readText(fmt.Sprintf("/proc/%d/stat", c.cmd.Process.Pid)), ") ")
	fields := strings.Fields(rest)
	if len(fields) < 13 {
		return 0
	}
	user, _ := strconv.ParseFloat(fields[11], 64)
	system, _ := strconv.ParseFloat(fields[12], 64)
	return (user + system) / 100 // of Linux's clock ticks, which the kernel shows as hundredths
}

// kill ends the process as a crash would.
func (c *child) kill() {
	_ = c.cmd.Process.Kill()
	_ = c.cmd.Wait()
}

// ask runs a role to its end and reads its answer.
func ask[T any](role string, spec any) (out T, err error) {
	c, err := start(role, spec)
	if err != nil {
		return out, err
	}
	err = json.NewDecoder(c.out).Decode(&out)
	return out, errors.Join(err, c.in.Close(), c.cmd.Wait())
}

// load runs a load process. during, if there is one, is called when it begins.
func load(spec loadSpec, during func()) (out loadResult, err error) {
	c, err := start("load", spec)
	if err != nil {
		return out, err
	}
	if _, err := c.out.ReadString('\n'); err != nil {
		return out, errors.Join(err, c.cmd.Wait())
	}
	if _, err := io.WriteString(c.in, "go\n"); err != nil {
		return out, err
	}
	if during != nil {
		during()
	}
	err = errors.Join(json.NewDecoder(c.out).Decode(&out), c.cmd.Wait())
	if err == nil && out.Failed > 0 {
		err = fmt.Errorf("%d answers were wrong or refused; the first: %s", out.Failed, out.First)
	}
	return out, err
}

func listen() (net.Listener, error) {
	return (&net.ListenConfig{}).Listen(background(), "tcp", "127.0.0.1:0")
}

func dial(addr string) (net.Conn, error) {
	return (&net.Dialer{}).DialContext(background(), "tcp", addr)
}

// serve serves the handler on a spare port until the process is told to end, and
// profiles on another.
func serve(h http.Handler) error {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, os.Interrupt)
	defer stop()
	on, err := listen()
	if err != nil {
		return err
	}
	profiles, err := listen()
	if err != nil {
		return err
	}
	mux := http.NewServeMux()
	mux.HandleFunc("/debug/pprof/profile", pprof.Profile)
	mux.Handle("/debug/pprof/allocs", pprof.Handler("allocs"))
	mux.Handle("/debug/pprof/mutex", pprof.Handler("mutex"))
	mux.HandleFunc("/debug/spent", serveSpent)
	side := &http.Server{Handler: mux, ReadHeaderTimeout: 10 * time.Second}
	go func() { _ = side.Serve(profiles) }()
	// The bounds of the real server: they cost a timer a request.
	s := &http.Server{Handler: h, ReadHeaderTimeout: 10 * time.Second, ReadTimeout: 3 * time.Minute, WriteTimeout: 5 * time.Minute, IdleTimeout: 2 * time.Minute}
	failed := make(chan error, 1)
	go func() { failed <- s.Serve(on) }()
	fmt.Println(on.Addr(), profiles.Addr())
	select {
	case err := <-failed:
		return err
	case <-ctx.Done():
	}
	return errors.Join(side.Close(), s.Close())
}

// told reads what start sent.
func told[T any]() (spec T, err error) {
	line, err := bufio.NewReaderSize(os.Stdin, 1<<20).ReadBytes('\n')
	if err == nil {
		err = json.Unmarshal(line, &spec)
	}
	return spec, err
}

// profile fetches a CPU profile of a child into a file.
func (c *child) profile(seconds int, file string) error {
	resp, err := http.DefaultClient.Do(newRequest(http.MethodGet, fmt.Sprintf("http://%s/debug/pprof/profile?seconds=%d", c.prof, seconds), ""))
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	f, err := os.Create(file)
	if err != nil {
		return err
	}
	_, err = io.Copy(f, resp.Body)
	return errors.Join(err, f.Close())
}

// profiled profiles this process until stop, where PROFILE names a folder.
func profiled(name string) (stop func(), err error) {
	dir := os.Getenv("PROFILE")
	if dir == "" {
		return func() {}, nil
	}
	f, err := os.Create(filepath.Join(dir, name+".pb"))
	if err != nil {
		return nil, err
	}
	if err := runtimepprof.StartCPUProfile(f); err != nil {
		return nil, err
	}
	return func() {
		runtimepprof.StopCPUProfile()
		_ = f.Close() // a profile that is cut off shows when it is read
	}, nil
}
