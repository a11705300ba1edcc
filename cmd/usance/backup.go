package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/spf13/cobra"

	"github.com/usance/usance"
	"github.com/usance/usance/internal/backup"
	"github.com/usance/usance/internal/wholefile"
	"github.com/usance/usance/store"
	"github.com/usance/usance/store/pebblestore"
)

// snapshotPrefix begins the names of folders in which a store stands still while
// it is copied. Their files are links, so they cost next to nothing.
const snapshotPrefix = ".snapshot-"

// snapshots returns how the embedded store in a data folder is frozen to be
// copied, and nil for another store. What a process that died has left is removed
// first: there is one snapshot at a time.
func snapshots(dir string, st store.Store) func(context.Context) (*backup.Snapshot, error) {
	p, ok := st.(*pebblestore.Store)
	if !ok {
		return nil
	}
	return func(ctx context.Context) (*backup.Snapshot, error) {
		old, err := filepath.Glob(filepath.Join(dir, snapshotPrefix+"*"))
		if err != nil {
			return nil, err
		}
		for _, name := range old {
			if err := os.RemoveAll(name); err != nil {
				return nil, err
			}
		}
		within, err := os.MkdirTemp(dir, snapshotPrefix)
		if err != nil {
			return nil, err
		}
		at := filepath.Join(within, storeFolder)
		if err := p.Checkpoint(ctx, at); err != nil {
			return nil, errors.Join(err, os.RemoveAll(within))
		}
		return &backup.Snapshot{Dir: at, Close: func() error { return os.RemoveAll(within) }}, nil
	}
}

// backupJob is one run of the backup command.
type backupJob struct {
	*remote
	dest     string
	dir      string // of a server that is stopped
	keysFrom string
	keep     int
}

func (r *remote) backupCommand() *cobra.Command {
	var dir, keysFrom string
	var withKeys bool
	var keep int
	cmd := &cobra.Command{Use: "backup DEST", Short: "Copy the whole embedded store", Args: strict(cobra.ExactArgs(1)),
		Long: "Copy the whole embedded store as of one moment, all tenants: from a running server by the operator's token, or with --data\n" +
			"from the folder of one that is stopped. DEST is a folder, which keeps many backups and to which only files are sent that\n" +
			"it has not got, or a file whose name ends in .tar.zst, which holds one. Everything acknowledged before the command is in it.\n\n" +
			"The master key is NOT in it unless --with-keys puts it and the operator's token there: they are read from --keys-from or --data,\n" +
			"never sent by a server. Without the master key a restored store can be verified and exported, and no server starts on it.\n\n" +
			"A PostgreSQL store is backed up by the database's own tools; see docs/operations.md."}
	cmd.Flags().StringVar(&dir, "data", "", "folder of a server that is stopped, instead of asking a server")
	cmd.Flags().BoolVar(&withKeys, "with-keys", false, "put master.key and operator.token of the data folder into the backup, readable by whoever reads it")
	cmd.Flags().StringVar(&keysFrom, "keys-from", "", "the data folder whose keys --with-keys takes; default that of --data")
	cmd.Flags().IntVar(&keep, "keep", 0, "keep only so many backups in the folder, the newest; 0 keeps all")
	cmd.RunE = runs(func(cmd *cobra.Command, args []string) error {
		j := &backupJob{remote: r, dest: args[0], dir: dir, keep: keep}
		if withKeys {
			if j.keysFrom = keysFrom; keysFrom == "" {
				j.keysFrom = dir
			}
			if j.keysFrom == "" {
				return usagef("--with-keys: say with --keys-from which data folder's keys; a server does not send them")
			}
		}
		if keep < 0 || keep > 0 && j.single() {
			return usagef("--keep: a whole number, and only for a folder of backups")
		}
		return j.run(cmd)
	})
	return cmd
}

func (j *backupJob) single() bool { return strings.HasSuffix(j.dest, ".tar.zst") }

func (j *backupJob) run(cmd *cobra.Command) error {
	if j.single() {
		return j.toFile(cmd)
	}
	folder, err := backup.OpenFolder(j.dest)
	if err != nil {
		return err
	}
	lock, err := vfs.Default.Lock(filepath.Join(j.dest, "lock"))
	if err != nil {
		return fmt.Errorf("another backup to %s is under way: %w", j.dest, err)
	}
	defer func() { _ = lock.Close() }() // it ends with the process, too
	has, err := folder.Has()
	if err != nil {
		return err
	}
	m, err := j.copy(cmd, has, folder)
	if err != nil {
		return err
	}
	if j.keep > 0 {
		if err := folder.Prune(j.keep); err != nil {
			return err
		}
	}
	return j.tell(m, len(has))
}

func (j *backupJob) toFile(cmd *cobra.Command) error {
	if _, err := os.Stat(j.dest); err == nil {
		return fmt.Errorf("%s exists already", j.dest)
	}
	f, err := wholefile.Create(j.dest)
	if err != nil {
		return err
	}
	defer f.Drop()
	sink, err := backup.NewSingle(f)
	if err != nil {
		return err
	}
	m, err := j.copy(cmd, nil, sink)
	if err != nil {
		return err
	}
	if err := f.Commit(j.dest); err != nil {
		return err
	}
	return j.tell(m, 0)
}

// keyed adds the data folder's keys before a copy ends.
type keyed struct {
	backup.Sink
	from string
}

func (k keyed) Begin(m backup.Manifest) error {
	if k.from != "" {
		m.Keys = []string{masterFile, operatorFile}
	}
	return k.Sink.Begin(m)
}

func (k keyed) End() error {
	if k.from != "" {
		for _, name := range []string{masterFile, operatorFile} {
			data, err := os.ReadFile(filepath.Join(k.from, name))
			if err == nil {
				err = k.Key(name, data)
			}
			if err != nil {
				return fmt.Errorf("--with-keys: %w", err)
			}
		}
	}
	return k.Sink.End()
}

// copy brings a copy to the sink, from a server or from a folder.
func (j *backupJob) copy(cmd *cobra.Command, has []string, to backup.Sink) (m backup.Manifest, err error) {
	progress, finish := j.howFar("backing up")
	defer finish()
	from, err := j.open(cmd, has)
	if err != nil {
		return m, err
	}
	defer func() { err = errors.Join(err, from.Close()) }()
	var told func(bytes int64)
	if progress != nil {
		told = func(bytes int64) { progress(uint64(bytes), 0) }
	}
	return backup.Read(from, keyed{to, j.keysFrom}, told)
}

func (j *backupJob) open(cmd *cobra.Command, has []string) (io.ReadCloser, error) {
	if j.dir == "" {
		c, err := j.client(cmd)
		if err != nil {
			return nil, err
		}
		return c.Backup(cmd.Context(), has)
	}
	path := filepath.Join(j.dir, storeFolder)
	if _, err := os.Stat(path); err != nil {
		return nil, fmt.Errorf("%s holds no store: %w", j.dir, err)
	}
	st, err := pebblestore.Open(path, pebblestore.Options{Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		return nil, err
	}
	snapshot, err := snapshots(j.dir, st)(cmd.Context())
	if err := errors.Join(err, st.Close()); err != nil {
		return nil, err
	}
	return pipe(func(to io.Writer) error {
		m, err := snapshot.Manifest(cmd.Context(), version(), j.now())
		if err != nil {
			return err
		}
		known := make(map[string]bool, len(has))
		for _, sum := range has {
			known[sum] = true
		}
		return backup.Write(cmd.Context(), to, snapshot, m, func(sum string) bool { return known[sum] })
	}, snapshot.Close), nil
}

func (j *backupJob) tell(m backup.Manifest, had int) error {
	if j.output == "json" {
		return writeJSON(j.stdout, map[string]any{"dest": j.dest, "made": m.Made, "files": len(m.Files), "bytes": m.Bytes(), "with_keys": j.keysFrom != ""})
	}
	fmt.Fprintf(j.stdout, "Backed up %d files, %d bytes, to %s\n", len(m.Files), m.Bytes(), j.dest)
	if j.keysFrom == "" {
		fmt.Fprintf(j.stdout, "The master key is not in it: keep a copy of %s apart from it; without that no server starts on what is restored.\n", masterFile)
	}
	return nil
}

// restoreCommand brings a backup back.
func (a *app) restoreCommand() *cobra.Command {
	var dir, name string
	cmd := &cobra.Command{Use: "restore BACKUP", Short: "Bring a backup back to a new data folder", Args: strict(cobra.ExactArgs(1)),
		Long: "Bring a backup, a folder of them or a .tar.zst, back to the data folder of --data, which must be empty or not be there. Every\n" +
			"file is checked by its hash. Of a folder of backups the newest is taken, or the one of --at. Then put the master key back, if\n" +
			"it is not in the backup, and start the server; usance verify --data checks every number first."}
	cmd.Flags().StringVar(&dir, "data", "", "the data folder to make")
	cmd.Flags().StringVar(&name, "at", "", "which of a folder's backups, by the name of its manifest without .json")
	cmd.RunE = runs(func(cmd *cobra.Command, args []string) (err error) {
		if dir == "" {
			return usagef("--data: the folder to restore to is needed")
		}
		to, err := backup.NewRestoring(dir, storeFolder)
		if err != nil {
			return err
		}
		m, err := restoreFrom(args[0], name, to)
		if err == nil {
			err = opens(cmd.Context(), filepath.Join(dir, storeFolder))
		}
		if err != nil {
			return errors.Join(err, to.Abandon())
		}
		fmt.Fprintf(a.stdout, "Restored the backup of %s, %d files, %d bytes, to %s\n", m.Made.Format("2006-01-02T15:04:05Z"), len(m.Files), m.Bytes(), dir)
		if _, err := os.Stat(filepath.Join(dir, masterFile)); errors.Is(err, fs.ErrNotExist) {
			fmt.Fprintf(a.stdout, "The master key is not in the backup: put it back as %s, or set USANCE_MASTER_KEY, before the server is started.\n", filepath.Join(dir, masterFile))
		}
		return nil
	})
	return cmd
}

func restoreFrom(source, name string, to backup.Sink) (m backup.Manifest, err error) {
	if backup.IsFolder(source) {
		folder, err := backup.OpenFolder(source)
		if err != nil {
			return m, err
		}
		return folder.Send(name, to, nil)
	}
	if name != "" {
		return m, usagef("--at: %s is not a folder of backups", source)
	}
	f, err := os.Open(source)
	if err != nil {
		return m, err
	}
	defer func() { _ = f.Close() }() // it was only read
	if info, err := f.Stat(); err != nil || info.IsDir() {
		return m, errors.Join(usance.Errorf(usance.KindInvalid, "%s is not a folder of backups", source), err)
	}
	return backup.ReadSingle(f, to, nil)
}

// opens tries whether a store can be opened.
func opens(ctx context.Context, path string) error {
	st, err := pebblestore.Open(path, pebblestore.Options{Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		return err
	}
	return errors.Join(store.CheckFormat(ctx, st), st.Close())
}
