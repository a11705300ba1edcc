package citustest

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5"
)

// worker is a node of the cluster other than the coordinator.
type worker struct {
	group int
	name  string
	port  int
	here  *process // nil when it cannot be stopped from here
}

// workers lists the workers and finds out which of them run on this host, under a
// user that this process may act for.
func workers(ctx context.Context, conn *pgx.Conn) ([]worker, error) {
	rows, err := conn.Query(ctx, `select n.groupid, n.nodename, n.nodeport, coalesce(case when r.success then r.result end, '')
		from pg_dist_node n join run_command_on_workers($$select current_setting('data_directory') || chr(10) || pg_read_file('postmaster.pid')$$) r
			using (nodename, nodeport)
		where n.groupid <> 0 and n.noderole = 'primary' and n.isactive order by n.groupid`)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, func(row pgx.CollectableRow) (w worker, err error) {
		var told string
		err = row.Scan(&w.group, &w.name, &w.port, &told)
		w.here = processOf(told)
		return w, err
	})
}

// cut ends all connections to a worker, again and again for a moment: the nearest
// to a stop that a client can do.
func (w worker) cut(ctx context.Context, conn *pgx.Conn) error {
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for range 6 {
		_, err := conn.Exec(ctx, fmt.Sprintf(`select * from run_command_on_workers($$select count(pg_terminate_backend(pid)) from pg_stat_activity
			where backend_type = 'client backend' and pid <> pg_backend_pid() and %d = (select groupid from pg_dist_local_group)$$)`, w.group))
		if err != nil {
			return err
		}
		<-tick.C
	}
	return nil
}

// process is a server on this host.
type process struct {
	dir, control, log string
	env               []string
	uid, gid          uint32
}

// processOf finds the server that said this of itself: its data folder, and the
// file there that names its process. It returns nil unless the same file is on
// this host, that process is a PostgreSQL, and this process may be its owner.
func processOf(told string) *process {
	dir, file, _ := strings.Cut(told, "\n")
	mine, err := os.ReadFile(filepath.Join(dir, "postmaster.pid"))
	if err != nil || strings.TrimSpace(string(mine)) != strings.TrimSpace(file) {
		return nil
	}
	first, _, _ := strings.Cut(file, "\n")
	pid, err := strconv.Atoi(strings.TrimSpace(first))
	if err != nil || syscall.Kill(pid, 0) != nil {
		return nil
	}
	proc := filepath.Join("/proc", strconv.Itoa(pid))
	program, err := os.Readlink(filepath.Join(proc, "exe"))
	if err != nil || filepath.Base(program) != "postgres" {
		return nil
	}
	env, err := os.ReadFile(filepath.Join(proc, "environ"))
	if err != nil {
		return nil
	}
	info, err := os.Stat(dir)
	if err != nil {
		return nil
	}
	owner, ok := info.Sys().(*syscall.Stat_t)
	if !ok || os.Getuid() != 0 && os.Getuid() != int(owner.Uid) {
		return nil
	}
	p := &process{dir: dir, control: filepath.Join(filepath.Dir(program), "pg_ctl"), log: os.DevNull, uid: owner.Uid, gid: owner.Gid,
		env: strings.Split(strings.TrimRight(string(env), "\x00"), "\x00")}
	if log, err := os.Readlink(filepath.Join(proc, "fd", "2")); err == nil {
		if info, err := os.Stat(log); err == nil && info.Mode().IsRegular() {
			p.log = log
		}
	}
	if _, err := os.Stat(p.control); err != nil {
		return nil
	}
	return p
}

// restart stops the server at once, as a crash does, and starts it with the
// options and the environment it had. Begun, it goes on even if this process
// ends.
func (p *process) restart(ctx context.Context) error {
	cmd := exec.CommandContext(ctx, p.control, "restart", "-D", p.dir, "-m", "immediate", "-w", "-t", "60", "-l", p.log)
	cmd.Dir, cmd.Env = "/", p.env
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if os.Getuid() == 0 { // PostgreSQL refuses to run as root
		cmd.SysProcAttr.Credential = &syscall.Credential{Uid: p.uid, Gid: p.gid}
	}
	out, err := cmd.CombinedOutput()
	if err != nil {
		return fmt.Errorf("%w\n%s", err, out)
	}
	return nil
}
