package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/schollz/progressbar/v3"
	"github.com/spf13/cobra"

	"github.com/usance/usance"
	"github.com/usance/usance/api/wire"
	"github.com/usance/usance/client"
	"github.com/usance/usance/ledger"
	"github.com/usance/usance/registry"
	"github.com/usance/usance/store"
	"github.com/usance/usance/store/pebblestore"
)

// verifier verifies tenants, on a server or in a folder.
type verifier struct {
	tenants func(ctx context.Context) ([]usance.TenantID, error)
	verify  func(ctx context.Context, tenant usance.TenantID, progress func(done, of uint64)) (wire.Verification, error)
}

func (r *remote) verifyCommand() *cobra.Command {
	var all bool
	var dir string
	cmd := &cobra.Command{Use: "verify", Short: "Fold the ledger again and compare every number", Args: strict(cobra.NoArgs),
		Long: "Fold a tenant's whole ledger again, check its hash chain, and compare every number with what is stored: on a running\n" +
			"server, or with --data in the folder of one that is stopped. The first difference is named, and the exit code is 1."}
	cmd.RunE = runs(func(cmd *cobra.Command, _ []string) error {
		if all && cmd.Flags().Changed("tenant") {
			return usagef("--all and --tenant: there is one or the other")
		}
		if dir != "" {
			return r.verifyFolder(cmd, dir)
		}
		c, err := r.client(cmd)
		if err != nil {
			return err
		}
		return r.verifyAll(cmd.Context(), all, remoteVerifier(c))
	})
	cmd.Flags().BoolVar(&all, "all", false, "every tenant that the token may see")
	cmd.Flags().StringVar(&dir, "data", "", "folder of a server that is stopped; its tenants, or the one of --tenant")
	return cmd
}

// remoteVerifier has a server do it. Without tenants the call is about the one
// that the client speaks for.
func remoteVerifier(c *client.Client) verifier {
	return verifier{
		tenants: func(ctx context.Context) (ids []usance.TenantID, err error) {
			list, err := paging(0, func(cursor string, limit int) (wire.List[usance.Tenant], error) { return c.Tenants(ctx, cursor, limit) })
			for _, t := range list {
				ids = append(ids, t.ID)
			}
			return ids, err
		},
		verify: func(ctx context.Context, tenant usance.TenantID, progress func(done, of uint64)) (wire.Verification, error) {
			if tenant != "" {
				c = c.ForTenant(tenant)
			}
			return c.Verify(ctx, progress)
		},
	}
}

// verifyFolder verifies without a server: the store is opened here, which fails
// while another process has it.
func (r *remote) verifyFolder(cmd *cobra.Command, dir string) (err error) {
	if r.output != "table" && r.output != "json" {
		return usagef("-o: %q is neither table nor json", r.output)
	}
	path := filepath.Join(dir, storeFolder)
	if _, err := os.Stat(path); err != nil {
		return fmt.Errorf("%s holds no store: %w", dir, err)
	}
	st, err := pebblestore.Open(path, pebblestore.Options{})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, st.Close()) }()
	if err := store.CheckFormat(cmd.Context(), st); err != nil {
		return err
	}
	reg, err := registry.New(st, registry.Options{Now: r.now}) // nothing sealed is opened
	if err != nil {
		return err
	}
	led := ledger.New(st, reg, ledger.Options{Now: r.now})
	v := verifier{
		tenants: func(ctx context.Context) ([]usance.TenantID, error) { return allTenants(ctx, reg) },
		verify: func(ctx context.Context, tenant usance.TenantID, progress func(done, of uint64)) (wire.Verification, error) {
			scratch, err := newScratch()
			if err != nil {
				return wire.Verification{}, err
			}
			got, err := led.Verify(ctx, tenant, scratch, progress)
			return wire.Verification(got), errors.Join(err, scratch.Close())
		},
	}
	if cmd.Flags().Changed("tenant") {
		tenant := usance.TenantID(r.tenant)
		v.tenants = func(context.Context) ([]usance.TenantID, error) { return []usance.TenantID{tenant}, tenant.Check() }
	}
	return r.verifyAll(cmd.Context(), true, v)
}

func allTenants(ctx context.Context, reg *registry.Registry) (all []usance.TenantID, err error) {
	for {
		var after usance.TenantID
		if len(all) > 0 {
			after = all[len(all)-1]
		}
		page, err := reg.Tenants(ctx, after, usance.MaxPageSize)
		if err != nil {
			return nil, err
		}
		all = append(all, page...)
		if len(page) < usance.MaxPageSize {
			return all, nil
		}
	}
}

// verifyAll verifies one tenant after another and shows what was found. It fails
// when any has a fault.
func (r *remote) verifyAll(ctx context.Context, all bool, v verifier) error {
	tenants := []usance.TenantID{""}
	if all {
		var err error
		if tenants, err = v.tenants(ctx); err != nil {
			return err
		}
	}
	out := []wire.Verification{}
	t := table{heads: []string{"TENANT", "SEQUENCE", "EVENTS", "ROWS", "FAULT"}, empty: "No tenants."}
	faults := 0
	for _, tenant := range tenants {
		progress, finish := r.counting(string(tenant))
		got, err := v.verify(ctx, tenant, progress)
		finish()
		if err != nil {
			return err
		}
		if got.Fault != "" {
			faults++
		}
		out = append(out, got)
		t.add(string(got.Tenant), fmt.Sprint(got.Sequence), fmt.Sprint(got.Events), fmt.Sprint(got.Rows), orDash(got.Fault))
	}
	var shown any = out
	if !all {
		shown = out[0]
	}
	if err := r.show(shown, t); err != nil {
		return err
	}
	if faults > 0 {
		return &failure{err: fmt.Errorf("%d of %d tenants have a number that does not follow from their ledger", faults, len(out))}
	}
	return nil
}

// counting shows on a person's screen how many entries are done.
func (r *remote) counting(name string) (progress func(done, of uint64), finish func()) {
	if !terminal(r.stderr) {
		return nil, func() {}
	}
	bar := progressbar.NewOptions64(1, progressbar.OptionSetWriter(r.stderr), progressbar.OptionShowCount(),
		progressbar.OptionSetDescription(printable("verifying "+name)), progressbar.OptionClearOnFinish(), progressbar.OptionSetPredictTime(true))
	return func(done, of uint64) {
		bar.ChangeMax64(int64(max(of, 1)))
		_ = bar.Set64(int64(done)) // a screen that has gone is of no matter
	}, func() { _ = bar.Finish() }
}
