package main

import (
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/usance/usance"
	"github.com/usance/usance/api/wire"
	"github.com/usance/usance/client"
)

func (r *remote) moveNodeCommand() *cobra.Command {
	dry := false
	cmd := r.command("move FROM TO", "Move a node with all that is below it", cobra.ExactArgs(2),
		func(cmd *cobra.Command, c *client.Client, args []string) error {
			move := c.MoveNode
			if dry {
				move = c.RehearseMove
			}
			m, err := move(cmd.Context(), usance.Path(args[0]), usance.Path(args[1]))
			if err != nil {
				return err
			}
			if r.output == "json" {
				err = writeJSON(r.stdout, m)
			} else {
				r.showMove(m)
			}
			if err == nil && len(m.Blocks) > 0 {
				err = errors.New("a quota at the destination has no room for this node")
			}
			return err
		})
	cmd.Long = "Move a node, with the definitions, quotas, resources, holds and usage at and below it and the users and tokens bound to\n" +
		"it, to a place where nothing is. Hard quotas above the new place alone refuse what they have no room for (exit code 1)."
	cmd.Flags().BoolVar(&dry, "dry-run", false, "only say what it would do; exit code 1 where it would be refused")
	return cmd
}

func (r *remote) showMove(m wire.MovedNode) {
	did := fmt.Sprintf("Moved %s to %s as entry %d", printable(string(m.From)), printable(string(m.To)), m.Sequence)
	if m.DryRun {
		did = fmt.Sprintf("Would move %s to %s", printable(string(m.From)), printable(string(m.To)))
	}
	fmt.Fprintf(r.stdout, "%s: nodes %d, quotas %d, users %d, tokens %d, resources %d, open holds %d\n",
		did, m.Nodes, m.Quotas, m.Users, m.Tokens, m.Resources, m.Holds)
	for _, b := range m.Flagged {
		fmt.Fprintf(r.stdout, "Past %s\n", describeBlock(b.Plain()))
	}
	for _, b := range m.Blocks {
		fmt.Fprintf(r.stdout, "Refused by %s\n", describeBlock(b.Plain()))
	}
}
