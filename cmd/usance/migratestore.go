package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/usance/usance"
	"github.com/usance/usance/internal/transfer"
	"github.com/usance/usance/registry"
	"github.com/usance/usance/server"
	"github.com/usance/usance/store"
)

// migrateStoreCommand copies a store to another engine.
func (a *app) migrateStoreCommand() *cobra.Command {
	var from, to string
	r := &remote{app: a}
	cmd := &cobra.Command{
		Use: "migrate-store --from STORE --to STORE", Short: "Copy everything from one store to another", Args: strict(cobra.NoArgs),
		Long: "Copy all tenants, definitions, credentials and sessions from one store to another, which must be empty. A STORE is the\n" +
			"data folder of an embedded store or the address of a PostgreSQL database, postgres://…; either way round. Stop every server\n" +
			"of the source first: a folder in use is refused. At the end every row of both is compared. Repeat the command after an\n" +
			"interruption and it goes on.\n\n" +
			"The master key and the operator's token are not in a store: the server on the new one needs those of the old one.",
	}
	cmd.Flags().StringVar(&from, "from", "", "the store to copy: a data folder, or postgres://…")
	cmd.Flags().StringVar(&to, "to", "", "the empty store to copy to: a data folder, or postgres://…")
	cmd.Flags().StringVarP(&r.output, "output", "o", "table", "table for people, json for scripts")
	cmd.RunE = runs(func(cmd *cobra.Command, _ []string) (err error) {
		if from == "" || to == "" {
			return usagef("--from and --to: both stores are needed")
		}
		source, err := openEither(cmd.Context(), from, false)
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, source.Close()) }()
		target, err := openEither(cmd.Context(), to, true)
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, target.Close()) }()
		reg, err := registry.New(source, registry.Options{Now: a.now}) // nothing sealed is opened
		if err != nil {
			return err
		}
		progress, finish := r.stages()
		m := transfer.StoreMove{From: source, To: target, Progress: progress,
			Tenants: func(ctx context.Context) ([]usance.TenantID, error) { return allTenants(ctx, reg) }}
		moved, err := m.Run(cmd.Context())
		finish()
		if err != nil {
			return err
		}
		t := table{heads: []string{"TENANTS", "ENTRIES", "ROWS EQUAL"}}
		t.add(fmt.Sprint(moved.Tenants), fmt.Sprint(moved.Entries), fmt.Sprint(moved.Rows))
		if err := r.show(moved, t); err != nil || r.output == "json" {
			return err
		}
		_, err = fmt.Fprintf(a.stdout, "\nGive the server of the new store the old one's %s and %s.\n", masterFile, operatorFile)
		return err
	})
	return cmd
}

// openEither opens a store by its address or its data folder.
func openEither(ctx context.Context, where string, create bool) (store.Store, error) {
	log := slog.New(slog.DiscardHandler)
	if isPostgres(where) {
		st, _, err := openStore(ctx, where, "", server.DefaultMemory, !create, log)
		return st, err
	}
	if create {
		if err := os.MkdirAll(where, 0o700); err != nil {
			return nil, err
		}
	} else if _, err := os.Stat(filepath.Join(where, storeFolder)); err != nil {
		return nil, fmt.Errorf("%s holds no store: %w", where, err)
	}
	st, _, err := openStore(ctx, "", where, server.DefaultMemory, false, log)
	return st, err
}
