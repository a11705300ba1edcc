package main

import (
	"crypto/rand"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/usance/usance"
	"github.com/usance/usance/api/wire"
	"github.com/usance/usance/client"
)

// newID makes an id for a charge or hold that was given none. It is told, so that
// the call can be repeated by hand.
func newID() string { return "cli-" + strings.ToLower(rand.Text()) }

// itemsOf reads items as METER=AMOUNT.
func itemsOf(args []string) ([]wire.Item, error) {
	var out []wire.Item
	for _, arg := range args {
		meter, text, ok := strings.Cut(arg, "=")
		if !ok || meter == "" {
			return nil, usagef("%q is not METER=AMOUNT, such as drive.space=10GiB", arg)
		}
		n, err := usance.ParseAmount(text)
		if err != nil || n == usance.Unlimited {
			return nil, usagef("%s: %q is not an amount, such as 5 or 10GiB", meter, text)
		}
		out = append(out, wire.Item{Meter: meter, Amount: wire.Quantity(n)})
	}
	return out, nil
}

func itemText(items []usance.Item) string {
	var out []string
	for _, it := range items {
		out = append(out, fmt.Sprintf("%s=%d", it.Meter, it.Amount))
	}
	return orDash(strings.Join(out, " "))
}

// describeBlock is one quota that has no room, on one line.
func describeBlock(b usance.Block) string {
	text := fmt.Sprintf("%s %s (%s): limit %d, used %d, reserved %d, asked %d, short by %d", printable(string(b.Node)), b.Meter, b.Window,
		b.Limit, b.Used, b.Reserved, b.Asked, b.ShortBy)
	if b.Guaranteed > 0 {
		text = fmt.Sprintf("%s %s (%s): limit %d, used %d, reserved %d, guaranteed to others %d, asked %d, short by %d", printable(string(b.Node)), b.Meter, b.Window,
			b.Limit, b.Used, b.Reserved, b.Guaranteed, b.Asked, b.ShortBy)
	}
	if b.Limit < 0 { // above what the token may see
		text = fmt.Sprintf("%s %s (%s): asked %d, short by %d", printable(string(b.Node)), b.Meter, b.Window, b.Asked, b.ShortBy)
	}
	if !b.ResetsAt.IsZero() {
		text += ", resets " + when(b.ResetsAt)
	}
	return text
}

func (r *remote) chargeCommand() *cobra.Command {
	var in wire.Charge
	var at, mode string
	cmd := r.command("charge NODE METER=AMOUNT…", "Record usage if the quotas allow it", cobra.MinimumNArgs(2),
		func(cmd *cobra.Command, c *client.Client, args []string) (err error) {
			in.Node, in.Mode = usance.Path(args[0]), usance.ChargeMode(mode)
			if in.Items, err = itemsOf(args[1:]); err != nil {
				return err
			}
			if in.Time, err = timeFlag("time", at); err != nil {
				return err
			}
			if in.ID == "" {
				in.ID = newID()
			}
			out, err := c.Charge(cmd.Context(), in)
			if err != nil {
				return err
			}
			return r.showCharged(cmd, c, in, out)
		})
	cmd.Long = "Record usage of one or several meters at a node, all or nothing, if every hard quota from the node to the root has\n" +
		"room. A refusal (exit code 1) lists every quota that refuses. The same --id again records nothing more."
	f := cmd.Flags()
	f.StringVar(&in.ID, "id", "", "what makes a repeat safe; left out: one is made")
	f.StringVar(&in.Source, "source", "", "the id's scope; default usance.charges")
	f.StringVar(&in.Subject, "subject", "", "who or what used it")
	f.StringVar(&at, "time", "", "when it was used; default: now")
	f.StringVar(&mode, "mode", "", "enforce (the default), check, best_effort, or adjust to take back (negative amounts)")
	return cmd
}

func (r *remote) showCharged(cmd *cobra.Command, c *client.Client, in wire.Charge, out wire.Charged) error {
	if r.output == "json" {
		return writeJSON(r.stdout, out)
	}
	what := fmt.Sprintf("Charged as entry %d", out.Sequence)
	switch {
	case in.Mode == usance.ChargeCheck:
		what = "There is room"
	case out.Duplicate:
		what += ", before"
	}
	fmt.Fprintf(r.stdout, "%s: %s (id %s)\n", what, itemText(out.Granted), printable(in.ID))
	for _, b := range out.Flagged {
		fmt.Fprintf(r.stdout, "Past %s\n", describeBlock(b.Plain()))
	}
	if len(out.Quotas) == 0 {
		return nil
	}
	return r.showQuotas(cmd, c, out.Quotas)
}

func (r *remote) holdCommand() *cobra.Command {
	byID := func(use, short string, args cobra.PositionalArgs, body func(cmd *cobra.Command, c *client.Client, args []string) (usance.Hold, error)) *cobra.Command {
		return r.command(use, short, args, func(cmd *cobra.Command, c *client.Client, args []string) error {
			h, err := body(cmd, c, args)
			if err != nil {
				return err
			}
			return r.showHolds(h, h)
		})
	}
	var in wire.Reserve
	var ttl string
	create := byID("create NODE METER=AMOUNT…", "Set room aside", cobra.MinimumNArgs(2),
		func(cmd *cobra.Command, c *client.Client, args []string) (h usance.Hold, err error) {
			in.Node = usance.Path(args[0])
			if in.Items, err = itemsOf(args[1:]); err != nil {
				return h, err
			}
			if in.TTL, err = ttlOf(ttl); err != nil {
				return h, err
			}
			if in.ID == "" {
				in.ID = newID()
			}
			return c.Reserve(cmd.Context(), in)
		})
	create.Flags().StringVar(&in.ID, "id", "", "what makes a repeat safe; left out: one is made")
	create.Flags().StringVar(&in.Subject, "subject", "", "who or what will use it")
	create.Flags().StringVar(&ttl, "ttl", "15min", "how long it lasts: 90s, 15min, 2h, 1d")

	var settle wire.Settle
	settling := byID("settle ID [METER=AMOUNT…]", "Record what was used of a hold; without amounts, all of it", cobra.MinimumNArgs(1),
		func(cmd *cobra.Command, c *client.Client, args []string) (h usance.Hold, err error) {
			if settle.Items, err = itemsOf(args[1:]); err != nil {
				return h, err
			}
			return c.Settle(cmd.Context(), args[0], settle)
		})
	settling.Flags().BoolVar(&settle.Partial, "partial", false, "the hold stays open with the rest")
	settling.Flags().IntVar(&settle.Step, "step", 0, "which settlement this is, from 1, so that a repeat counts nothing twice")

	return r.group("hold", "Reservations: create, show, settle, extend, release, list", create, settling, r.holdListCommand(),
		byID("show ID", "One hold", cobra.ExactArgs(1), func(cmd *cobra.Command, c *client.Client, args []string) (usance.Hold, error) {
			return c.Hold(cmd.Context(), args[0])
		}),
		byID("extend ID TTL", "Move an open hold's expiry to TTL from now", cobra.ExactArgs(2), func(cmd *cobra.Command, c *client.Client, args []string) (usance.Hold, error) {
			n, err := ttlOf(args[1])
			if err != nil {
				return usance.Hold{}, err
			}
			return c.Extend(cmd.Context(), args[0], n)
		}),
		byID("release ID", "Give a hold's room back", cobra.ExactArgs(1), func(cmd *cobra.Command, c *client.Client, args []string) (usance.Hold, error) {
			return c.Release(cmd.Context(), args[0])
		}))
}

func (r *remote) holdListCommand() *cobra.Command {
	var node string
	var most int
	var f client.HoldFilter
	list := r.command("list", "Holds: open ones in the order in which they expire, others by id", cobra.NoArgs,
		func(cmd *cobra.Command, c *client.Client, _ []string) error {
			f.Node = usance.Path(node)
			all, err := paging(most, func(cursor string, limit int) (wire.List[usance.Hold], error) {
				f.Cursor, f.Limit = cursor, limit
				return c.Holds(cmd.Context(), f)
			})
			if err != nil {
				return err
			}
			return r.showHolds(all, all...)
		})
	list.Flags().StringVar(&node, "node", "", "holds at and below this node")
	list.Flags().StringVar(&f.State, "state", "open", "open, settled, released, expired or all")
	list.Flags().IntVar(&most, "limit", 0, "most holds to show; 0 for all")
	return list
}

func ttlOf(text string) (wire.Seconds, error) {
	n, err := wire.ParseSeconds(text)
	if err != nil {
		return 0, usagef("%q: %s", text, detailOf(err))
	}
	return n, nil
}

func (r *remote) showHolds(v any, list ...usance.Hold) error {
	t := table{heads: []string{"ID", "NODE", "STATE", "RESERVED", "OPEN", "SETTLED", "EXPIRES"}, empty: "No holds."}
	for _, h := range list {
		t.add(h.ID, string(h.Node), string(h.State), itemText(h.Items), itemText(h.Open), itemText(h.Settled), when(h.Expires))
	}
	return r.show(v, t)
}
