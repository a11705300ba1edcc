package main

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/usance/usance"
	"github.com/usance/usance/api/wire"
	"github.com/usance/usance/client"
)

func (r *remote) explainCommand() *cobra.Command {
	var node string
	var params []string
	var events int
	cmd := r.command("explain FACADE [FIELD]", "Where the numbers of a façade's answer come from", cobra.RangeArgs(1, 2),
		func(cmd *cobra.Command, c *client.Client, args []string) (err error) {
			q := client.ExplainQuery{Node: usance.Path(node)}
			if q.Params, err = pairsFlag("param", params); err != nil {
				return err
			}
			if len(args) > 1 {
				q.Field = args[1]
			}
			if cmd.Flags().Changed("events") {
				q.Events = &events
			}
			out, err := c.Explain(cmd.Context(), args[0], q)
			if err != nil {
				return err
			}
			if r.output == "json" {
				return writeJSON(r.stdout, out)
			}
			return r.showExplanation(out, q.Field != "" || events > 0)
		})
	f := cmd.Flags()
	f.StringVar(&node, "node", "", "the node that the façade's call is about")
	f.StringArrayVar(&params, "param", nil, "a parameter of the façade's own call: app=…, uuid=…, start_date=…")
	f.IntVar(&events, "events", 0, "how many of the newest events behind each number to show; default 5 for one field")
	return cmd
}

func (r *remote) showExplanation(x wire.Explanation, whole bool) error {
	t := table{heads: []string{"FIELD", "VALUE", "UNIT", "COMES FROM", "READ", "FROM", "TO"}, empty: "No numbers."}
	for i := range x.Fields {
		f := &x.Fields[i]
		name := f.Field
		if len(f.Row) > 0 {
			name += " " + pairs(f.Row)
		}
		from, to := "-", "-"
		if f.From != nil {
			from = when(*f.From)
		}
		if f.To != nil {
			to = when(*f.To)
		}
		t.add(name, string(f.Value), orDash(f.Unit), comesFrom(f), nativeText(f), from, to)
	}
	if err := t.write(r.stdout); err != nil {
		return err
	}
	if _, err := fmt.Fprintf(r.stdout, "Read at sequence %d, %s (%s).\n", x.Sequence, when(x.At), x.Timezone); err != nil || !whole {
		return err
	}
	for i := range x.Fields {
		if err := r.showBehind(&x.Fields[i]); err != nil {
			return err
		}
	}
	return nil
}

// showBehind prints what leads behind one number, and the events.
func (r *remote) showBehind(f *wire.ExplainedField) error {
	for _, line := range [][2]string{{"Usage", f.Links.Usage}, {"Quota", f.Links.Quota}, {"Resources", f.Links.Resources},
		{"Setting", f.Links.Setting}, {"Events", f.Links.Events}, {"Fitted", f.Fits}} {
		if line[1] == "" {
			continue
		}
		if _, err := fmt.Fprintf(r.stdout, "%s: %s\n", line[0], printable(line[1])); err != nil {
			return err
		}
	}
	if len(f.Events) == 0 {
		return nil
	}
	return r.showEvents(f.Events, f.Events...)
}

// comesFrom says in a few words what a field is read from.
func comesFrom(f *wire.ExplainedField) string {
	m := &f.Mapping
	text := m.Kind
	switch m.Kind {
	case "meter":
		text = fmt.Sprintf("meter %s at %s, %s", m.Meter, f.Node, m.Window)
	case "quota":
		text = fmt.Sprintf("%s of quota %s at %s", m.Value, m.Meter, f.Node)
	case "setting":
		text = "setting " + m.Setting
	case "resources":
		text = m.Value + " of resources at " + string(f.Node)
		if m.Label != "" {
			text = "label " + m.Label + " of the resource"
		}
	case "derived":
		text = m.Rule + ": " + strings.Join(m.Of, ", ")
	}
	if len(f.Filter) > 0 {
		text += ", " + pairs(f.Filter)
	}
	if f.Overridden {
		text += " (overridden)"
	}
	return text
}

func nativeText(f *wire.ExplainedField) string {
	switch {
	case f.Native != nil:
		return strings.TrimSpace(f.Native.String() + " " + f.BaseUnit)
	case f.Mapping.Kind == "quota":
		return "unlimited"
	case f.Text != nil:
		return *f.Text
	}
	return "-"
}
