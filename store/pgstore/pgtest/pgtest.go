// Package pgtest starts throwaway PostgreSQL servers for tests: real ones, from
// the machine's own installation, each with a data folder and a port of its own,
// that can be crashed, frozen, copied to a standby and started again.
package pgtest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
)

// Mode is the environment variable that says what a machine without PostgreSQL
// means: a failure when it is "required", as scripts/test sets it, and otherwise
// a skipped test.
const Mode = "USANCE_TEST_POSTGRES"

// Need ends the test unless a server can be started here.
func Need(t testing.TB) {
	t.Helper()
	_, err := binaries()
	switch {
	case err == nil:
	case os.Getenv(Mode) == "":
		t.Skipf("NOT RUN: %v. `make test` installs it and runs this", err)
	default:
		t.Fatalf("%s=%s: %v", Mode, os.Getenv(Mode), err)
	}
}

// binaries returns the folder of initdb and its like.
func binaries() (string, error) {
	folders, err := filepath.Glob("/usr/lib/postgresql/*/bin")
	if err != nil {
		return "", err
	}
	slices.SortFunc(folders, func(a, b string) int { return version(a) - version(b) })
	for _, dir := range folders {
		if _, err := os.Stat(filepath.Join(dir, "initdb")); err == nil && version(dir) >= 15 {
			return dir, nil
		}
	}
	if path, err := exec.LookPath("initdb"); err == nil {
		if path, err = filepath.EvalSymlinks(path); err == nil {
			return filepath.Dir(path), nil
		}
	}
	return "", errors.New("PostgreSQL 15 or newer is not installed (Debian: postgresql-15)")
}

func version(bin string) int {
	n, _ := strconv.Atoi(filepath.Base(filepath.Dir(bin))) // 0 for a name that is no number
	return n
}

// Server is a PostgreSQL server of this test run. Anybody on this machine may
// connect to it as its superuser "usance".
type Server struct {
	Port int

	bin, dir string
	settings []string
	runAs    []string // what a command is prefixed with to run as an ordinary user
	watchdog *exec.Cmd
	leash    io.Closer // the watchdog acts when this is closed
	frozen   []int
}

// Start makes a server and starts it. settings are lines of postgresql.conf.
// Close it, or a watchdog does when the test's process ends.
func Start(settings ...string) (*Server, error) {
	s, err := newServer(settings)
	if err != nil {
		return nil, err
	}
	// A default collation far from the order of bytes, to prove that it plays no part.
	_, err = s.run("initdb", "-D", s.data(), "-U", "usance", "--auth=trust", "--encoding=UTF8", "--locale=C.UTF-8",
		"--locale-provider=icu", "--icu-locale=en-US", "--no-sync")
	if err == nil {
		err = s.Restart()
	}
	if err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

// Standby makes a streaming copy of the running server and starts it; it takes
// no writes until it is promoted.
func (s *Server) Standby(settings ...string) (*Server, error) {
	b, err := newServer(settings)
	if err != nil {
		return nil, err
	}
	_, err = b.run("pg_basebackup", "-D", b.data(), "-d", s.URL("postgres")+"?application_name=standby", "-R", "-X", "stream", "-c", "fast", "--no-sync")
	if err == nil {
		err = b.Restart()
	}
	if err != nil {
		return nil, errors.Join(err, b.Close())
	}
	return b, nil
}

// Backup makes a copy of the running server as pg_basebackup does. It is not
// started: Recover does that.
func (s *Server) Backup() (*Server, error) {
	b, err := newServer(nil)
	if err != nil {
		return nil, err
	}
	_, err = b.run("pg_basebackup", "-D", b.data(), "-d", s.URL("postgres"), "-X", "stream", "-c", "fast", "--no-sync")
	if err != nil {
		return nil, errors.Join(err, b.Close())
	}
	return b, nil
}

// Recover starts a backup as of a moment, in PostgreSQL's own words, from the log
// that was archived in a folder, and lets it take writes.
func (s *Server) Recover(archive, moment string) error {
	if err := os.WriteFile(filepath.Join(s.data(), "recovery.signal"), nil, 0o644); err != nil {
		return err
	}
	s.settings = []string{"archive_mode=off", "restore_command=cp " + archive + "/%f %p", "recovery_target_time=" + moment, "recovery_target_action=promote"}
	return s.Restart()
}

func newServer(settings []string) (*Server, error) {
	bin, err := binaries()
	if err != nil {
		return nil, err
	}
	s := &Server{bin: bin, settings: settings}
	if s.dir, err = os.MkdirTemp("", "usance-pg-"); err != nil {
		return nil, err
	}
	if os.Getuid() == 0 { // PostgreSQL refuses to run as root
		if err := s.leaveRoot(); err != nil {
			return nil, errors.Join(err, os.RemoveAll(s.dir))
		}
	}
	if s.Port, err = sparePort(); err == nil {
		err = s.watch()
	}
	if err != nil {
		return nil, errors.Join(err, os.RemoveAll(s.dir))
	}
	return s, nil
}

func (s *Server) leaveRoot() error {
	u, err := user.Lookup("postgres")
	if err != nil {
		return err
	}
	uid, err1 := strconv.Atoi(u.Uid)
	gid, err2 := strconv.Atoi(u.Gid)
	s.runAs = []string{"runuser", "-u", "postgres", "--"}
	return errors.Join(err1, err2, os.Chown(s.dir, uid, gid))
}

func sparePort() (int, error) {
	l, err := (&net.ListenConfig{}).Listen(context.Background(), "tcp", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	return l.Addr().(*net.TCPAddr).Port, l.Close()
}

// watch starts a shell that outlives the test's process, however that ends, and
// then stops the server and removes its folder.
func (s *Server) watch() error {
	args := append(slices.Clone(s.runAs), "sh", "-c",
		`cat >/dev/null; "$1" stop -D "$2/data" -m immediate -w -t 20 >/dev/null 2>&1; rm -rf "$2"`, "sh", filepath.Join(s.bin, "pg_ctl"), s.dir)
	s.watchdog = exec.CommandContext(context.Background(), args[0], args[1:]...)
	s.watchdog.Dir = "/"
	var err error
	if s.leash, err = s.watchdog.StdinPipe(); err != nil {
		return err
	}
	return s.watchdog.Start()
}

func (s *Server) data() string { return filepath.Join(s.dir, "data") }

// URL returns the address of a database.
func (s *Server) URL(database string) string {
	return fmt.Sprintf("postgres://usance@127.0.0.1:%d/%s", s.Port, database)
}

func (s *Server) run(name string, args ...string) (string, error) {
	args = append(append(slices.Clone(s.runAs), filepath.Join(s.bin, name)), args...)
	cmd := exec.CommandContext(context.Background(), args[0], args[1:]...)
	cmd.Dir = "/"
	cmd.Env = append(os.Environ(), "LC_ALL=C", "TZ=UTC", "PGPASSFILE=/dev/null")
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Run(); err != nil {
		return "", fmt.Errorf("%s: %w\n%s%s", name, err, out.String(), s.log())
	}
	return out.String(), nil
}

// log returns the end of the server's own log.
func (s *Server) log() string {
	b, err := os.ReadFile(filepath.Join(s.dir, "log"))
	if err != nil {
		return ""
	}
	return string(b[max(0, len(b)-4000):])
}

// Restart starts the server after Crash, Stop or at first, on its old port and
// data, and waits until it answers.
func (s *Server) Restart() error {
	options := "-p " + strconv.Itoa(s.Port)
	for _, setting := range append([]string{"listen_addresses=127.0.0.1", "unix_socket_directories=", "fsync=on", "synchronous_commit=on",
		"full_page_writes=on", "shared_buffers=64MB", "max_connections=100", "log_statement=none"}, s.settings...) {
		options += " -c '" + setting + "'"
	}
	_, err := s.run("pg_ctl", "start", "-D", s.data(), "-l", filepath.Join(s.dir, "log"), "-w", "-t", "60", "-o", options)
	return err
}

// Crash stops the server at once, without a checkpoint: it recovers from its log
// when it is started again.
func (s *Server) Crash() error {
	_, err := s.run("pg_ctl", "stop", "-D", s.data(), "-m", "immediate", "-w", "-t", "60")
	return err
}

// Promote makes a standby a primary.
func (s *Server) Promote() error {
	_, err := s.run("pg_ctl", "promote", "-D", s.data(), "-w", "-t", "60")
	return err
}

// Freeze stops every process of the server where it is; Thaw lets them go on.
func (s *Server) Freeze() error {
	text, err := os.ReadFile(filepath.Join(s.data(), "postmaster.pid"))
	if err != nil {
		return err
	}
	line, _, _ := strings.Cut(string(text), "\n")
	main, err := strconv.Atoi(strings.TrimSpace(line))
	if err != nil {
		return err
	}
	if err := s.freeze(main); err != nil { // first, so that it has no more children
		return err
	}
	out, err := exec.CommandContext(context.Background(), "ps", "-o", "pid=", "--ppid", strconv.Itoa(main)).Output()
	if err != nil {
		return errors.Join(err, s.Thaw())
	}
	for _, field := range strings.Fields(string(out)) {
		pid, err := strconv.Atoi(field)
		if err == nil {
			err = s.freeze(pid)
		}
		if err != nil && !errors.Is(err, syscall.ESRCH) {
			return errors.Join(err, s.Thaw())
		}
	}
	return nil
}

func (s *Server) freeze(pid int) error {
	if err := syscall.Kill(pid, syscall.SIGSTOP); err != nil {
		return err
	}
	s.frozen = append(s.frozen, pid)
	return nil
}

// Thaw undoes Freeze.
func (s *Server) Thaw() error {
	var errs []error
	for _, pid := range s.frozen {
		if err := syscall.Kill(pid, syscall.SIGCONT); err != nil && !errors.Is(err, syscall.ESRCH) {
			errs = append(errs, err)
		}
	}
	s.frozen = nil
	return errors.Join(errs...)
}

// Close stops the server and removes all of it.
func (s *Server) Close() error {
	err := s.Thaw()
	if _, statErr := os.Stat(filepath.Join(s.data(), "postmaster.pid")); statErr == nil {
		err = errors.Join(err, s.Crash())
	}
	return errors.Join(err, s.leash.Close(), s.watchdog.Wait(), os.RemoveAll(s.dir))
}
