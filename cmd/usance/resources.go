package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/usance/usance"
	"github.com/usance/usance/api/wire"
	"github.com/usance/usance/client"
)

// resourceFilter reads the flags that list and count have in common.
type resourceFilter struct {
	client.ResourceFilter
	from, to, node string
}

func (f *resourceFilter) flags(cmd *cobra.Command) {
	l := cmd.Flags()
	l.StringSliceVar(&f.BusinessTypes, "business-type", nil, "only these business types")
	l.StringSliceVar(&f.ChargingModes, "charging-mode", nil, "only these charging modes")
	l.StringSliceVar(&f.Sources, "source", nil, "only these sources")
	l.StringVar(&f.node, "node", "", "only resources at this node")
	l.BoolVar(&f.Recursive, "recursive", false, "and below it")
	l.StringVar(&f.from, "expires-from", "", "only resources that expire at or after this time")
	l.StringVar(&f.to, "expires-to", "", "only resources that expire at or before this time")
}

func (f *resourceFilter) settle() (err error) {
	f.Node = usance.Path(f.node)
	if f.ExpiresFrom, err = timeFlag("expires-from", f.from); err != nil {
		return err
	}
	f.ExpiresTo, err = timeFlag("expires-to", f.to)
	return err
}

func (r *remote) resourcesCommand() *cobra.Command {
	var f resourceFilter
	var most int
	list := r.command("list", "Resources in the order of their ids", cobra.NoArgs,
		func(cmd *cobra.Command, c *client.Client, _ []string) error {
			if err := f.settle(); err != nil {
				return err
			}
			all, err := paging(most, func(cursor string, limit int) (wire.List[usance.Resource], error) {
				f.Cursor, f.Limit = cursor, limit
				return c.Resources(cmd.Context(), f.ResourceFilter)
			})
			if err != nil {
				return err
			}
			return r.showResources(all, all...)
		})
	f.flags(list)
	list.Flags().IntVar(&most, "limit", 0, "most resources to show; 0 for all")
	byID := func(use, short string, body func(cmd *cobra.Command, c *client.Client, id string) (usance.Resource, error)) *cobra.Command {
		return r.command(use, short, cobra.ExactArgs(1), func(cmd *cobra.Command, c *client.Client, args []string) error {
			res, err := body(cmd, c, args[0])
			if err != nil {
				return err
			}
			return r.showResources(res, res)
		})
	}
	return r.group("resources", "Purchased things: list, count, get, put, renew, delete",
		list, r.resourceCountCommand(), r.resourcePutCommand(),
		byID("get ID", "One resource", func(cmd *cobra.Command, c *client.Client, id string) (usance.Resource, error) {
			return c.Resource(cmd.Context(), id)
		}),
		r.command("renew ID TIME", "Move a resource's expiry", cobra.ExactArgs(2), func(cmd *cobra.Command, c *client.Client, args []string) error {
			expires, err := timeFlag("TIME", args[1])
			if err != nil || expires.IsZero() {
				return usagef("%q is not a time such as 2026-12-31T00:00:00Z", args[1])
			}
			res, err := c.RenewResource(cmd.Context(), args[0], expires)
			if err != nil {
				return err
			}
			return r.showResources(res, res)
		}),
		r.command("delete ID", "Remove a resource", cobra.ExactArgs(1), func(cmd *cobra.Command, c *client.Client, args []string) error {
			return c.DeleteResource(cmd.Context(), args[0])
		}))
}

func (r *remote) resourceCountCommand() *cobra.Command {
	var f resourceFilter
	var groupBy []string
	cmd := r.command("count", "Count resources", cobra.NoArgs, func(cmd *cobra.Command, c *client.Client, _ []string) error {
		if err := f.settle(); err != nil {
			return err
		}
		out, err := c.CountResources(cmd.Context(), f.ResourceFilter, groupBy...)
		if err != nil {
			return err
		}
		t := table{heads: []string{"BUSINESS TYPE", "CHARGING MODE", "SOURCE", "COUNT"}}
		for _, n := range out.Items {
			t.add(orDash(n.BusinessType), orDash(n.ChargingMode), orDash(n.Source), fmt.Sprint(n.Count))
		}
		t.add("total", "", "", fmt.Sprint(out.Count))
		return r.show(out, t)
	})
	f.flags(cmd)
	cmd.Flags().StringSliceVar(&groupBy, "group-by", nil, "business_type, charging_mode, source or several")
	return cmd
}

func (r *remote) resourcePutCommand() *cobra.Command {
	var res usance.Resource
	var node, amount, starts, expires string
	var labels, grants []string
	cmd := r.command("put ID", "Create or replace a resource", cobra.ExactArgs(1),
		func(cmd *cobra.Command, c *client.Client, args []string) (err error) {
			res.ID, res.Node = args[0], usance.Path(node)
			if res.Amount, err = usance.ParseAmount(amount); err != nil {
				return usagef("--amount: %s", detailOf(err))
			}
			if res.Starts, err = timeFlag("starts", starts); err != nil {
				return err
			}
			if res.Expires, err = timeFlag("expires", expires); err != nil {
				return err
			}
			if res.Labels, err = pairsFlag("label", labels); err != nil {
				return err
			}
			if res.Grants, err = grantFlags(grants); err != nil {
				return err
			}
			out, err := c.PutResource(cmd.Context(), res)
			if err != nil {
				return err
			}
			return r.showResources(out, out)
		})
	f := cmd.Flags()
	f.StringVar(&node, "node", "/", "where in the tenant's tree it belongs")
	f.StringVar(&res.BusinessType, "business-type", "", "such as LIVE_2D")
	f.StringVar(&res.ChargingMode, "charging-mode", usance.Periodic, "PERIODIC, ONE_TIME or ON_DEMAND")
	f.StringVar(&res.Source, "source", usance.Purchased, "PURCHASED, SP_ALLOCATED or ADMIN_ALLOCATED")
	f.StringVar(&amount, "amount", "0", "how much was bought")
	f.StringVar(&res.Unit, "unit", "", "of the amount")
	f.StringVar(&res.OrderID, "order-id", "", "the order it came by")
	f.StringVar(&res.Type, "resource-type", "", "the vendor's own type")
	f.BoolVar(&res.Frozen, "frozen", false, "it may not be used now")
	f.StringVar(&starts, "starts", "", "when it begins")
	f.StringVar(&expires, "expires", "", "when it ends; left out: never")
	f.StringArrayVar(&labels, "label", nil, "name=value")
	f.StringArrayVar(&grants, "grant", nil, "what it adds to a quota while it lives: METER=AMOUNT, or METER=AMOUNT@NODE for a node below its own")
	return cmd
}

func (r *remote) showResources(v any, list ...usance.Resource) error {
	t := table{heads: []string{"ID", "NODE", "BUSINESS TYPE", "CHARGING MODE", "SOURCE", "AMOUNT", "EXPIRES", "FROZEN", "GRANTS"}, empty: "No resources."}
	for _, s := range list {
		amount := fmt.Sprint(s.Amount)
		if s.Unit != "" {
			amount += " " + s.Unit
		}
		t.add(s.ID, string(s.Node), s.BusinessType, s.ChargingMode, s.Source, amount, when(s.Expires), yes(s.Frozen), grantsShown(s.Grants))
	}
	return r.show(v, t)
}
