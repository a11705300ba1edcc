package main

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"github.com/spf13/cobra"

	"github.com/usance/usance/api/wire"
	"github.com/usance/usance/client"
)

func (r *remote) auditCommand() *cobra.Command {
	var most int
	var f client.AuditFilter
	cmd := r.command("audit", "Control changes, newest first: who, when, from where, and what", cobra.NoArgs,
		func(cmd *cobra.Command, c *client.Client, _ []string) (err error) {
			if f.From, err = boundFlag("from", f.From); err != nil {
				return err
			}
			if f.To, err = boundFlag("to", f.To); err != nil {
				return err
			}
			all, err := paging(most, func(cursor string, limit int) (wire.List[wire.AuditEntry], error) {
				f.Cursor, f.Limit = cursor, limit
				return c.Audit(cmd.Context(), f)
			})
			if err != nil {
				return err
			}
			t := table{heads: []string{"SEQUENCE", "TIME", "ACTOR", "ORIGIN", "WHAT", "CHANGE"}, empty: "No changes."}
			for _, e := range all {
				t.add(fmt.Sprint(e.Sequence), when(e.Time), e.Actor.Name, orDash(e.Actor.Origin), e.Op+" "+e.Type+" "+e.Name, changeText(e))
			}
			return r.show(all, t)
		})
	l := cmd.Flags()
	l.StringVar(&f.From, "from", "", "changes at or after this time, or from this sequence number on")
	l.StringVar(&f.To, "to", "", "changes before this time, or below this sequence number")
	l.StringVar(&f.Type, "type", "", "tenant, node, meter, quota, user, key, token, resource, hold, event or correction")
	l.StringVar(&f.Actor, "actor", "", "changes by this actor, such as token:collector")
	l.IntVar(&most, "limit", 50, "most changes to show; 0 for all")
	return cmd
}

// boundFlag reads a flag that is a time or a sequence number.
func boundFlag(name, text string) (string, error) {
	if n, err := strconv.ParseUint(text, 10, 64); text == "" || err == nil && n > 0 {
		return text, nil
	}
	t, err := timeFlag(name, text)
	return t.UTC().Format(time.RFC3339Nano), err
}

// changeText names the members that a change gave another value, with both.
func changeText(e wire.AuditEntry) string {
	var before, after map[string]jsontext.Value
	if len(e.Before) == 0 || len(e.After) == 0 || e.Type == "event" ||
		json.Unmarshal(e.Before, &before) != nil || json.Unmarshal(e.After, &after) != nil {
		return orDash(shortened(string(e.After)))
	}
	var out []string
	for _, name := range sortedKeys(before) {
		if _, still := after[name]; !still {
			out = append(out, name+": "+shortened(string(before[name]))+" → -")
		}
	}
	for _, name := range sortedKeys(after) {
		if was, had := before[name]; !had || string(was) != string(after[name]) {
			out = append(out, name+": "+orDash(shortened(string(was)))+" → "+shortened(string(after[name])))
		}
	}
	return orDash(strings.Join(out, ", "))
}

func shortened(text string) string {
	if len(text) > 60 {
		return strings.ToValidUTF8(text[:60], "") + "…"
	}
	return text
}
