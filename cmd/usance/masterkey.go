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

	"github.com/spf13/cobra"

	"github.com/usance/usance"
	"github.com/usance/usance/internal/wholefile"
	"github.com/usance/usance/registry"
	"github.com/usance/usance/store"
)

// dataKey opens the store's data key with the master key. When a change of the
// master key was cut short after the store had gone over to the new one, it
// finishes that change.
func (a *app) dataKey(ctx context.Context, st store.Store, dir string, master [32]byte) ([32]byte, error) {
	key, err := registry.DataKey(ctx, st, master)
	if usance.KindOf(err) != usance.KindInvalid {
		return key, err
	}
	wrong := fmt.Errorf("the store's secrets hang on another master key than %s or USANCE_MASTER_KEY gives: put the store's own back", filepath.Join(dir, masterFile))
	next, nextErr := readMasterKey(filepath.Join(dir, nextFile))
	if nextErr != nil || a.env["USANCE_MASTER_KEY"] != "" {
		return key, wrong
	}
	if key, err = registry.DataKey(ctx, st, next); err != nil {
		return key, wrong
	}
	return key, takeNext(dir)
}

// takeNext makes the new master key the one that counts.
func takeNext(dir string) error {
	data, err := os.ReadFile(filepath.Join(dir, nextFile))
	if err != nil {
		return err
	}
	if err := wholefile.Write(filepath.Join(dir, masterFile), data); err != nil {
		return err
	}
	return os.Remove(filepath.Join(dir, nextFile))
}

// rotateCommand changes the master key.
func (a *app) rotateCommand() *cobra.Command {
	var dir, address string
	cmd := &cobra.Command{
		Use: "rotate-master-key", Short: "Change the key that the store's secrets hang on", Args: strict(cobra.NoArgs),
		Long: "Change the key that the store's secrets hang on. The store keeps its secrets sealed under a key of its own and that\n" +
			"one sealed under the master key, so this rewrites one row, whatever the size of the store. The new key is made at random\n" +
			"and takes the place of master.key in the data folder; with USANCE_MASTER_KEY set, that is the old key and\n" +
			"USANCE_NEW_MASTER_KEY the new one. An embedded store's server must be stopped. On PostgreSQL servers go on,\n" +
			"and take the new key at their next start.",
	}
	cmd.Flags().StringVar(&dir, "data", "./usance-data", "folder of the server's secrets, and of the embedded store")
	cmd.Flags().StringVar(&address, "store", "", "the database, postgres://…, when it is not the embedded store")
	cmd.RunE = runs(func(cmd *cobra.Command, _ []string) (err error) {
		if address != "" && !isPostgres(address) {
			return usagef("--store: a PostgreSQL address begins with postgres://; leave --store out for the embedded store")
		}
		if address == "" {
			if _, err := os.Stat(filepath.Join(dir, storeFolder)); err != nil {
				return fmt.Errorf("%s holds no store: %w", dir, err)
			}
		}
		st, _, err := openStore(cmd.Context(), address, dir, minMemory, true, slog.New(slog.NewTextHandler(io.Discard, nil)))
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, st.Close()) }()
		return a.rotate(cmd.Context(), st, dir)
	})
	return cmd
}

func (a *app) rotate(ctx context.Context, st store.Store, dir string) error {
	master, err := a.masterKey(dir, true)
	if err != nil {
		return err
	}
	if _, err := a.dataKey(ctx, st, dir, master); err != nil { // finishes a change that was cut short
		return err
	}
	if a.env["USANCE_MASTER_KEY"] != "" {
		next, err := parseMasterKey(a.env["USANCE_NEW_MASTER_KEY"])
		if err != nil {
			return usagef("USANCE_NEW_MASTER_KEY: %w", err)
		}
		if err := registry.Rewrap(ctx, st, master, next); err != nil {
			return err
		}
		fmt.Fprintln(a.stdout, "The store has the new master key: set USANCE_MASTER_KEY to it before the next start.")
		return nil
	}
	if master, err = readMasterKey(filepath.Join(dir, masterFile)); err != nil {
		return err
	}
	// The new key is on disk before the store goes over to it, and the old one
	// stays until it has: whenever this is cut short, one of the two fits.
	path := filepath.Join(dir, nextFile)
	next, err := readMasterKey(path)
	if errors.Is(err, fs.ErrNotExist) {
		next, err = newMasterKey(path)
	}
	if err != nil {
		return err
	}
	if err := registry.Rewrap(ctx, st, master, next); err != nil {
		return err
	}
	if err := takeNext(dir); err != nil {
		return err
	}
	fmt.Fprintf(a.stdout, "The store has a new master key, which is in %s. Backups made before need the old one.\n", filepath.Join(dir, masterFile))
	return nil
}
