package main

import (
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/usance/usance/internal/transfer"
	"github.com/usance/usance/ledger"
	"github.com/usance/usance/registry"
	"github.com/usance/usance/server"
	"github.com/usance/usance/store"
)

// offlineNeeds says what a command does with a store.
type offlineNeeds struct {
	key    bool // opens or seals secrets
	create bool // may make the store
}

// offline is a store without a server.
type offline struct {
	store store.Store
	mover *transfer.Mover
	close func()
}

// openOffline opens the store of a server that is stopped; a folder fails while
// another process has it.
func (r *remote) openOffline(cmd *cobra.Command, at offlineFlags, needs offlineNeeds) (*offline, error) {
	if r.output != "table" && r.output != "json" {
		return nil, usagef("-o: %q is neither table nor json", r.output)
	}
	if at.store != "" && !isPostgres(at.store) {
		return nil, usagef("--store: a PostgreSQL address begins with postgres://; for the embedded store give --data alone")
	}
	if needs.key && at.dir == "" && r.env["USANCE_MASTER_KEY"] == "" {
		return nil, usagef("the store's master key is needed: give --data with its folder, or set USANCE_MASTER_KEY")
	}
	h, err := r.offlineHome(cmd, at, needs)
	if err != nil {
		return nil, err
	}
	reg, err := registry.New(h.store, registry.Options{Now: r.now, MasterKey: h.key})
	if err != nil {
		return nil, errors.Join(err, h.store.Close())
	}
	led := ledger.New(h.store, reg, ledger.Options{Now: r.now})
	return &offline{store: h.store, mover: &transfer.Mover{Store: h.store, Registry: reg, Ledger: led, Now: r.now, Version: version(), Scratch: newScratch},
		close: func() { _ = h.store.Close() }}, nil // what was saved is durable
}

func (r *remote) offlineHome(cmd *cobra.Command, at offlineFlags, needs offlineNeeds) (*home, error) {
	ctx, log := cmd.Context(), slog.New(slog.DiscardHandler)
	if needs.create && at.dir != "" {
		return r.openHome(ctx, settings{"data": at.dir, "store": at.store}, server.DefaultMemory, log)
	}
	if at.store == "" {
		if _, err := os.Stat(filepath.Join(at.dir, storeFolder)); err != nil {
			return nil, fmt.Errorf("%s holds no store: %w", at.dir, err)
		}
	}
	h := &home{}
	var err error
	if h.store, _, err = openStore(ctx, at.store, at.dir, server.DefaultMemory, !needs.create, log); err != nil || !needs.key {
		return h, err
	}
	master, err := r.masterKey(at.dir, true)
	if err == nil {
		h.key, err = r.dataKey(ctx, h.store, at.dir, master)
	}
	if err != nil {
		return nil, errors.Join(err, h.store.Close())
	}
	return h, nil
}
