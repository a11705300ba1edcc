package main

import (
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/usance/usance"
	"github.com/usance/usance/api/wire"
	"github.com/usance/usance/client"
)

func (r *remote) applyCommand() *cobra.Command {
	var file string
	var dryRun bool
	cmd := r.command("apply -f FILE", "Bring tenants to what a manifest says", cobra.NoArgs,
		func(cmd *cobra.Command, c *client.Client, _ []string) error {
			if file == "" {
				return usagef("apply needs -f FILE, or -f - for standard input")
			}
			data, err := r.readInput(file, usance.MaxManifestBytes)
			if err != nil {
				return usagef("%w", err)
			}
			if !cmd.Flags().Changed("tenant") {
				c = c.ForTenant("") // the manifest names its tenants, which need not exist yet
			}
			out, err := c.Apply(cmd.Context(), data, dryRun)
			if err != nil {
				return r.reportManifest(file, err)
			}
			if r.output == "json" {
				return writeJSON(r.stdout, out)
			}
			r.showApplied(out)
			return nil
		})
	cmd.Long = "Bring tenants to what a manifest in YAML or JSON says, and print each change. What the manifest does not name stays\n" +
		"as it is. Applying it again changes nothing. A bad manifest is refused whole, with the line of every fault."
	cmd.Flags().StringVarP(&file, "file", "f", "", "the manifest; - is standard input")
	cmd.Flags().BoolVar(&dryRun, "dry-run", false, "print what would change, and change nothing")
	return cmd
}

// reportManifest tells a refusal in the form of compilers, which editors jump by.
func (r *remote) reportManifest(file string, err error) error {
	e, ok := errors.AsType[*usance.Error](err)
	if !ok || len(e.Fields) == 0 {
		return err
	}
	fmt.Fprintf(r.stderr, "usance: %s\n", e.Detail)
	for _, f := range e.Fields {
		at := file
		if f.Line > 0 {
			at += fmt.Sprint(":", f.Line)
		}
		text := f.Detail
		if f.Field != "" {
			text = f.Field + ": " + text
		}
		fmt.Fprintf(r.stderr, "%s: %s\n", printable(at), printable(text))
	}
	return &failure{err: err, reported: true}
}

func (r *remote) showApplied(out wire.Applied) {
	would, total := "", 0
	if out.DryRun {
		would = "would "
	}
	for _, t := range out.Tenants {
		for _, d := range t.Changes {
			total++
			line := fmt.Sprintf("%s: %s%s %s %s", t.Tenant, would, d.Op, d.Type, d.Name)
			if d.Detail != "" {
				line += " (" + d.Detail + ")"
			}
			fmt.Fprintln(r.stdout, printable(line))
			if d.Secret != "" {
				fmt.Fprintf(r.stdout, "%s  secret, shown this once: %s\n", strings.Repeat(" ", len(t.Tenant)), d.Secret)
			}
		}
	}
	switch {
	case total == 0:
		fmt.Fprintln(r.stdout, "Nothing to change.")
	case out.DryRun:
		fmt.Fprintf(r.stdout, "%d changes; nothing was changed.\n", total)
	default:
		fmt.Fprintf(r.stdout, "%d changes.\n", total)
	}
}
