package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/usance/usance"
	"github.com/usance/usance/api/wire"
	"github.com/usance/usance/client"
)

func (r *remote) deleteTenantCommand() *cobra.Command {
	var confirm string
	cmd := one(r, "delete ID --confirm ID", "Delete a tenant and all that it has, for good", 1,
		func(cmd *cobra.Command, c *client.Client, args []string) (wire.DeletedTenant, error) {
			if confirm != args[0] {
				return wire.DeletedTenant{}, usagef("--confirm: repeat the id of the tenant that is to be deleted for good: --confirm %s", args[0])
			}
			return c.DeleteTenant(cmd.Context(), usance.TenantID(args[0]), usance.TenantID(confirm))
		}, r.showDeleted)
	cmd.Long = "Delete a tenant for good, by an operator's token: its usage, holds, resources, definitions and credentials. It is no more when the\n" +
		"command returns, and its names are free for others; its rows are removed behind that. No tenant has its id again. Export it first\n" +
		"if anybody may ask for it. Repeating the command changes nothing."
	cmd.Flags().StringVar(&confirm, "confirm", "", "the tenant's id once more")
	return cmd
}

func (r *remote) deletedTenantsCommand() *cobra.Command {
	return listing(r, "deleted", "What stays of the tenants that were deleted",
		func(cmd *cobra.Command, c *client.Client, cursor string, limit int) (wire.List[wire.DeletedTenant], error) {
			return c.DeletedTenants(cmd.Context(), cursor, limit)
		}, r.showDeleted)
}

func (r *remote) showDeleted(v any, list ...wire.DeletedTenant) error {
	t := table{heads: []string{"ID", "DELETED", "BY", "SEQUENCE", "STATE"}, empty: "No tenant was deleted."}
	for _, d := range list {
		t.add(string(d.ID), when(d.DeletedAt), orDash(d.By.Name), fmt.Sprint(d.Sequence), d.State)
	}
	return r.show(v, t)
}
