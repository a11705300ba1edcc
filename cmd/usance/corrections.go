package main

import (
	"time"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/spf13/cobra"

	"github.com/usance/usance"
	"github.com/usance/usance/api/wire"
	"github.com/usance/usance/client"
)

func (r *remote) voidCommand() *cobra.Command {
	var reason string
	var span rangeFlags
	args := func(cmd *cobra.Command, args []string) error {
		if len(args) == 0 && span.told(cmd) {
			return nil
		}
		return cobra.ExactArgs(2)(cmd, args)
	}
	cmd := r.command("void SOURCE ID | --source SOURCE --type TYPE --from TIME --to TIME", "Take an event back, or a range of them: they count no more", args,
		func(cmd *cobra.Command, c *client.Client, args []string) error {
			if len(args) == 0 {
				return r.voidRange(cmd, c, &span, reason)
			}
			if span.told(cmd) {
				return usagef("SOURCE ID names one event, and the flags name a range: give one or the other")
			}
			out, err := c.Void(cmd.Context(), args[0], args[1], reason)
			if err != nil {
				return err
			}
			return r.showEvents(out, out)
		})
	cmd.Long = "Take an event back: it stays in the ledger and counts no more, in any number. Its id stays taken. Charges have the\n" +
		"source usance.charges unless they were given another, and what holds settled has usance.holds.\n\n" +
		"With --source, --type, --subject, --node, --from or --to every event that matches is taken back at once, once it was\n" +
		"shown what that changes and agreed to. It can be brought back: see usance corrections."
	cmd.Flags().StringVar(&reason, "reason", "", "why; it is kept with the correction")
	span.flags(cmd)
	return cmd
}

func (r *remote) amendCommand() *cobra.Command {
	var in wire.Amend
	var eventType, subject, node, at, data string
	cmd := r.command("amend SOURCE ID", "Change how an event counts", cobra.ExactArgs(2),
		func(cmd *cobra.Command, c *client.Client, args []string) error {
			told := func(flag string) bool { return cmd.Flags().Changed(flag) }
			if told("type") {
				in.Type = &eventType
			}
			if told("subject") {
				in.Subject = &subject
			}
			if told("node") {
				in.Node = (*usance.Path)(&node)
			}
			if told("time") {
				t, err := timeFlag("time", at)
				if err != nil {
					return err
				}
				if t.IsZero() {
					return usagef("--time is empty")
				}
				in.Time = new(time.Time)
				*in.Time = t
			}
			if told("data") {
				if in.Data = jsontext.Value(data); !in.Data.IsValid() || in.Data.Kind() != '{' {
					return usagef("--data is not a JSON object")
				}
			}
			if in.Type == nil && in.Subject == nil && in.Node == nil && in.Time == nil && in.Data == nil {
				return usagef("nothing to change: --type, --subject, --node, --time or --data says what")
			}
			out, err := c.Amend(cmd.Context(), args[0], args[1], in)
			if err != nil {
				return err
			}
			return r.showEvents(out, out)
		})
	f := cmd.Flags()
	f.StringVar(&in.Reason, "reason", "", "why; it is kept with the event")
	f.StringVar(&eventType, "type", "", "its type from now on")
	f.StringVar(&subject, "subject", "", "its subject; empty takes it away")
	f.StringVar(&node, "node", "", "the node it is charged to")
	f.StringVar(&at, "time", "", "when it happened")
	f.StringVar(&data, "data", "", "its data, a JSON object, in place of all that was there")
	return cmd
}
