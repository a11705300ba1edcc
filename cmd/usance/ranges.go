package main

import (
	"bufio"
	"context"
	"fmt"
	"strings"

	"github.com/schollz/progressbar/v3"
	"github.com/spf13/cobra"

	"github.com/usance/usance"
	"github.com/usance/usance/api/wire"
	"github.com/usance/usance/client"
)

// rangeFlags select the events of a range.
type rangeFlags struct {
	source, eventType, subject, node, from, to string
	yes                                        bool
}

func (f *rangeFlags) flags(cmd *cobra.Command) {
	l := cmd.Flags()
	l.StringVar(&f.source, "source", "", "every event of this source")
	l.StringVar(&f.eventType, "type", "", "every event of this type")
	l.StringVar(&f.subject, "subject", "", "every event of this subject; empty: those without one")
	l.StringVar(&f.node, "node", "", "those at and below this node")
	l.StringVar(&f.from, "from", "", "those at or after this time")
	l.StringVar(&f.to, "to", "", "those before this time")
	l.BoolVar(&f.yes, "yes", false, "do not ask")
}

// told reports that a range was named.
func (f *rangeFlags) told(cmd *cobra.Command) bool {
	for _, name := range []string{"source", "type", "subject", "node", "from", "to"} {
		if cmd.Flags().Changed(name) {
			return true
		}
	}
	return false
}

func (f *rangeFlags) filter(cmd *cobra.Command) (wire.RangeFilter, error) {
	out := wire.RangeFilter{Source: f.source, Type: f.eventType, Node: usance.Path(f.node)}
	if cmd.Flags().Changed("subject") {
		out.Subject = &f.subject
	}
	var err error
	if out.From, err = timeFlag("from", f.from); err != nil {
		return out, err
	}
	out.To, err = timeFlag("to", f.to)
	return out, err
}

// voidRange previews the voiding of a range, asks, and does it.
func (r *remote) voidRange(cmd *cobra.Command, c *client.Client, span *rangeFlags, reason string) error {
	filter, err := span.filter(cmd)
	if err != nil {
		return err
	}
	ctx := cmd.Context()
	p, err := c.ProposeCorrection(ctx, wire.ProposeCorrection{Filter: filter, Reason: reason})
	if err != nil {
		return err
	}
	if p.Events == 0 {
		if err := c.DiscardCorrection(ctx, p.ID); err != nil {
			return err
		}
		return r.showPreview(p)
	}
	if !span.yes {
		if err := r.showPreview(p); err != nil {
			return err
		}
		fmt.Fprintf(r.stderr, "Take back %d events? [y/N] ", p.Events)
		answer, _ := bufio.NewReader(r.stdin).ReadString('\n') // none is no
		if a := strings.ToLower(strings.TrimSpace(answer)); a != "y" && a != "yes" {
			fmt.Fprintf(r.stderr, "Nothing was taken back. usance corrections approve %s does it, usance corrections discard %s forgets it.\n", p.ID, p.ID)
			return nil
		}
	}
	done, err := r.follow(ctx, "voiding", p.ID, c.ApproveCorrection)
	if err != nil {
		return err
	}
	return r.showCorrections(done, done)
}

// follow carries a correction on until no event is left to be done.
func (r *remote) follow(ctx context.Context, what, id string, step func(context.Context, string) (wire.Correction, error)) (wire.Correction, error) {
	done, err := step(ctx, id)
	if err != nil || !done.Running() {
		return done, err
	}
	bar := progressbar.NewOptions64(int64(done.Events), progressbar.OptionSetWriter(r.stderr), progressbar.OptionShowCount(),
		progressbar.OptionSetDescription(what), progressbar.OptionClearOnFinish(), progressbar.OptionSetPredictTime(true))
	for err == nil && done.Running() {
		_ = bar.Set64(int64(done.Done)) // a screen that has gone is of no matter
		done, err = step(ctx, id)
	}
	_ = bar.Finish()
	return done, err
}

// showPreview tells what a proposal would change.
func (r *remote) showPreview(p wire.Correction) error {
	t := table{heads: []string{"METER", "NODE", "EVENTS", "BEFORE", "AFTER"}, empty: "Nothing is changed by it."}
	for _, change := range p.Changes {
		t.add(change.Meter, string(change.Node), fmt.Sprint(change.Events), numberText(string(change.Before)), numberText(string(change.After)))
	}
	if r.output == "table" {
		fmt.Fprintf(r.stdout, "%d events match at entry %d; %d voided and %d amended ones are left out. (correction %s)\n", p.Events, p.Sequence, p.LeftOut.Voided, p.LeftOut.Amended, p.ID)
	}
	if err := r.show(p, t); err != nil {
		return err
	}
	if r.output == "table" && p.ChangesOmitted > 0 {
		fmt.Fprintf(r.stdout, "… and %d more.\n", p.ChangesOmitted)
	}
	return nil
}

func numberText(n string) string {
	if n == "null" || n == "" {
		return "?"
	}
	return n
}

func (r *remote) correctionsCommand() *cobra.Command {
	var most int
	list := func(cmd *cobra.Command, c *client.Client, _ []string) error {
		all, err := paging(most, func(cursor string, limit int) (wire.List[wire.Correction], error) {
			return c.Corrections(cmd.Context(), cursor, limit)
		})
		if err != nil {
			return err
		}
		return r.showCorrections(all, all...)
	}
	listing := r.command("list", "Corrections, newest first", cobra.NoArgs, list)
	listing.Flags().IntVar(&most, "limit", 50, "most corrections to show; 0 for all")
	step := func(what string, of func(*client.Client) func(context.Context, string) (wire.Correction, error)) func(*cobra.Command, *client.Client, []string) error {
		return func(cmd *cobra.Command, c *client.Client, args []string) error {
			done, err := r.follow(cmd.Context(), what, args[0], of(c))
			if err != nil {
				return err
			}
			return r.showCorrections(done, done)
		}
	}
	return r.group("corrections", "Corrections of ranges of events: usance void makes them", listing,
		r.command("show ID", "A correction, and what it changes", cobra.ExactArgs(1), func(cmd *cobra.Command, c *client.Client, args []string) error {
			p, err := c.Correction(cmd.Context(), args[0])
			if err != nil {
				return err
			}
			if r.output == "table" {
				if err := r.showCorrections(p, p); err != nil {
					return err
				}
			}
			return r.showPreview(p)
		}),
		r.command("approve ID", "Take the events of a proposal back", cobra.ExactArgs(1),
			step("voiding", func(c *client.Client) func(context.Context, string) (wire.Correction, error) {
				return c.ApproveCorrection
			})),
		r.command("revert ID", "Have the events of a correction count again", cobra.ExactArgs(1),
			step("bringing back", func(c *client.Client) func(context.Context, string) (wire.Correction, error) {
				return c.RevertCorrection
			})),
		r.command("discard ID", "Forget a proposal", cobra.ExactArgs(1), func(cmd *cobra.Command, c *client.Client, args []string) error {
			return c.DiscardCorrection(cmd.Context(), args[0])
		}))
}

func (r *remote) showCorrections(v any, list ...wire.Correction) error {
	t := table{heads: []string{"ID", "STATE", "EVENTS", "DONE", "FILTER", "PROPOSED", "BY", "REASON"}, empty: "No corrections."}
	for _, c := range list {
		t.add(c.ID, c.State, fmt.Sprint(c.Events), fmt.Sprint(c.Done), filterText(c.Filter), when(c.Proposed.At), c.Proposed.By.Name, orDash(c.Reason))
	}
	return r.show(v, t)
}

func filterText(f wire.RangeFilter) string {
	parts := []string{}
	add := func(name, value string) {
		if value != "" {
			parts = append(parts, name+"="+value)
		}
	}
	add("source", f.Source)
	add("type", f.Type)
	if f.Subject != nil {
		parts = append(parts, "subject="+*f.Subject)
	}
	add("node", string(f.Node))
	if !f.From.IsZero() {
		add("from", when(f.From))
	}
	if !f.To.IsZero() {
		add("to", when(f.To))
	}
	return strings.Join(parts, " ")
}
