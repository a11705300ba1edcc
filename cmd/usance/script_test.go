package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
	"github.com/rogpeppe/go-internal/testscript"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"usance": main})
}

// TestScripts runs the command line as people do; see testdata/script.
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata/script",
		RequireExplicitExec: true,
		Setup: func(env *testscript.Env) error {
			env.Values[serverKey{}] = &scriptServer{}
			old, err := filepath.Abs("testdata/old")
			env.Setenv("OLD", old)
			return err
		},
		Cmds: map[string]func(ts *testscript.TestScript, neg bool, args []string){
			"serve": cmdServe,
			"halt":  cmdHalt,
			"exits": cmdExits,
			"pack":  cmdPack,

			"truncate": cmdTruncate,
			"numbers":  cmdNumbers,
		},
	})
}

type serverKey struct{}

type scriptServer struct {
	*process
}

// process is a server that runs as a process of its own.
type process struct {
	cmd  *exec.Cmd
	out  *bytes.Buffer // its standard output until it answered
	rest chan error    // gives the error of waiting, once
	url  string
}

// start runs a server and returns once it says where it serves.
func start(cmd *exec.Cmd) (*process, error) {
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	p := &process{cmd: cmd, out: &bytes.Buffer{}, rest: make(chan error, 1)}
	lines := bufio.NewReader(stdout)
	for p.url == "" {
		line, err := lines.ReadString('\n')
		if err != nil {
			return nil, fmt.Errorf("the server did not start: %w: %s%s", errors.Join(err, cmd.Wait()), p.out, stderr.Bytes())
		}
		p.out.WriteString(line)
		if after, ok := strings.CutPrefix(line, "Serving on "); ok {
			p.url = strings.Fields(after)[0]
		}
	}
	go func() {
		_, err := io.Copy(io.Discard, lines)
		p.rest <- errors.Join(err, cmd.Wait())
	}()
	return p, nil
}

// stop sends a signal and waits for the end.
func (p *process) stop(signal os.Signal) error {
	if err := p.cmd.Process.Signal(signal); err != nil {
		return err
	}
	return <-p.rest
}

// cmdServe starts a server with the arguments and points USANCE_URL and
// USANCE_TOKEN at it.
func cmdServe(ts *testscript.TestScript, neg bool, args []string) {
	s := ts.Value(serverKey{}).(*scriptServer)
	if neg || s.process != nil {
		ts.Fatalf("serve starts one server at a time")
	}
	usance := lookUp(ts, "usance")
	cmd := exec.CommandContext(context.Background(), usance, append([]string{"serve", "--listen", "127.0.0.1:0", "--data", ts.MkAbs("data")}, args...)...)
	cmd.Dir = ts.MkAbs(".")
	cmd.Env = []string{"HOME=" + ts.Getenv("HOME"), "TMPDIR=" + ts.Getenv("TMPDIR")}
	p, err := start(cmd)
	ts.Check(err)
	s.process = p
	ts.Defer(func() {
		if s.process != nil {
			_ = s.stop(os.Kill) // the script has ended; how is of no matter
		}
	})
	ts.Check(os.WriteFile(ts.MkAbs("serve.out"), p.out.Bytes(), 0o600))
	token, err := os.ReadFile(ts.MkAbs("data/operator.token"))
	ts.Check(err)
	ts.Setenv("USANCE_URL", p.url)
	ts.Setenv("USANCE_TOKEN", strings.TrimSpace(string(token)))
}

func lookUp(ts *testscript.TestScript, name string) string {
	for _, dir := range filepath.SplitList(ts.Getenv("PATH")) {
		if path := filepath.Join(dir, name); filepath.IsAbs(path) {
			if _, err := os.Stat(path); err == nil {
				return path
			}
		}
	}
	ts.Fatalf("%s is not in PATH", name)
	return ""
}

// cmdHalt ends the server as an operator would, and wants exit code 0.
func cmdHalt(ts *testscript.TestScript, _ bool, _ []string) {
	s := ts.Value(serverKey{}).(*scriptServer)
	p := s.process
	s.process = nil
	ts.Check(p.stop(syscall.SIGTERM))
}

// cmdExits runs a command and wants an exit code: exits 2 usance frobnicate.
func cmdExits(ts *testscript.TestScript, _ bool, args []string) {
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	got := 0
	if err := ts.Exec(args[1], args[2:]...); err != nil {
		exit, ok := errors.AsType[*exec.ExitError](err)
		if !ok {
			ts.Fatalf("%v", err)
		}
		got = exit.ExitCode()
	}
	if got != want {
		ts.Fatalf("exit code %d, want %d", got, want)
	}
}

// cmdPack compresses a file: pack gzip events.ndjson events.gz.
func cmdPack(ts *testscript.TestScript, _ bool, args []string) {
	data, err := os.ReadFile(ts.MkAbs(args[1]))
	ts.Check(err)
	var out bytes.Buffer
	var w io.WriteCloser = gzip.NewWriter(&out)
	if args[0] == "zstd" {
		w, err = zstd.NewWriter(&out)
		ts.Check(err)
	}
	_, err = w.Write(data)
	ts.Check(errors.Join(err, w.Close()))
	ts.Check(os.WriteFile(ts.MkAbs(args[2]), out.Bytes(), 0o600))
}

// cmdTruncate copies the beginning of a file: truncate whole 200 half, or all but
// so many bytes of its end: truncate whole -60 half.
func cmdTruncate(ts *testscript.TestScript, _ bool, args []string) {
	data, err := os.ReadFile(ts.MkAbs(args[0]))
	ts.Check(err)
	n, err := strconv.Atoi(args[1])
	ts.Check(err)
	if n < 0 {
		n += len(data)
	}
	ts.Check(os.WriteFile(ts.MkAbs(args[2]), data[:min(n, len(data))], 0o600))
}

// cmdNumbers asks for the numbers of the tenant in testdata/old.
func cmdNumbers(ts *testscript.TestScript, _ bool, _ []string) {
	for meter, want := range map[string]string{
		"tokens": "58", "least": "2", "most": "40", "mean": "15", "meeting.attendances": "2", "meeting.active_users": "2",
		"meeting.concurrent": "1", "drive.space": "3221225472", "vm.cpuNum": "20",
	} {
		ts.Check(ts.Exec("usance", "usage", meter, "-o", "json"))
		if got := ts.ReadFile("stdout"); !strings.Contains(got, `"value": `+want+",") {
			ts.Fatalf("%s is not %s: %s", meter, want, got)
		}
	}
	ts.Check(ts.Exec("usance", "usage", "tokens", "--group-by", "model", "--window", "DAY", "--from", "2026-03-01T00:00:00Z", "--to", "2026-03-05T00:00:00Z"))
	for _, row := range []string{"2026-03-01T00:00:00Z 2026-03-02T00:00:00Z a 40", "2026-03-01T00:00:00Z 2026-03-02T00:00:00Z b 2",
		"2026-03-02T00:00:00Z 2026-03-03T00:00:00Z a 9", "2026-03-02T00:00:00Z 2026-03-03T00:00:00Z b 7"} {
		if got := strings.Join(strings.Fields(ts.ReadFile("stdout")), " "); !strings.Contains(got, row) {
			ts.Fatalf("%s is not in %s", row, got)
		}
	}
	ts.Check(ts.Exec("usance", "usage", "tokens", "--node", "/research", "-o", "json"))
	if got := ts.ReadFile("stdout"); !strings.Contains(got, `"value": 58,`) {
		ts.Fatalf("what moved is not where it went: %s", got)
	}
	ts.Check(ts.Exec("usance", "resources", "count"))
	if got := strings.Fields(ts.ReadFile("stdout")); got[len(got)-1] != "2" {
		ts.Fatalf("resources: %s", got)
	}
}
