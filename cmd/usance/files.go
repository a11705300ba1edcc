package main

import "syscall"

// files is how the process divides the files it may have open.
type files struct {
	store       int // tables of the store
	connections int
}

// The least that each is given, whatever the limit, and what everything else needs:
// logs, manifests, folders, standard streams, the poller.
const (
	leastFiles = 64 // what the engine takes at the least
	leastConns = 16
	otherFiles = 32
	mostFiles  = 4096
)

// divideFiles divides a limit of open files: a quarter for tables, some for the store
// that a verification folds in, what is left for connections.
func divideFiles(limit uint64) files {
	n := int(min(limit, 1<<30))
	f := files{store: min(max(n/4, leastFiles), mostFiles)}
	f.connections = max(n-f.store-leastFiles-otherFiles, leastConns)
	return f
}

// openFiles is the limit that the system sets this process. Go has raised it to what
// is allowed.
func openFiles() uint64 {
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		return 1024 // what systems give when nobody says
	}
	return limit.Cur
}
