package main

import (
	"fmt"
	"strconv"

	"github.com/spf13/cobra"

	"github.com/usance/usance"
	"github.com/usance/usance/api/wire"
	"github.com/usance/usance/client"
)

func (r *remote) summaryCommand() *cobra.Command {
	meter := ""
	cmd := listing(r, "summary", "Tenants with their tightest quota, today's usage and what expires next",
		func(cmd *cobra.Command, c *client.Client, cursor string, _ int) (wire.List[wire.TenantSummary], error) {
			return c.TenantSummaries(cmd.Context(), meter, cursor, 0)
		}, r.showSummaries)
	cmd.Flags().StringVar(&meter, "meter", "", "whose usage is shown; default meeting.duration")
	return cmd
}

func (r *remote) showSummaries(v any, list ...wire.TenantSummary) error {
	t := table{heads: []string{"ID", "TIGHTEST", "TAKEN", "OVER", "NEAR", "TODAY", "YESTERDAY", "WITHIN 7 DAYS", "EXPIRES NEXT"}, empty: "No tenants."}
	for _, s := range list {
		if s.Unreadable {
			t.add(string(s.ID), "cannot be read")
			continue
		}
		tightest, taken, today, yesterday, next := "-", "-", "-", "-", "-"
		if q := s.Tightest; q != nil {
			tightest, taken = string(q.Node)+" "+q.Meter, "over"
			if q.Share != nil {
				taken = fmt.Sprintf("%d.%d%%", *q.Share/10_000, *q.Share/1000%10)
			}
		}
		if u := s.Usage; u != nil {
			today, yesterday = sumText(u.Today.Sum, u.Unit), sumText(u.Yesterday.Sum, u.Unit)
		}
		if s.Next != nil {
			next = when(s.Next.Expires) + " " + s.Next.Resource
		}
		t.add(string(s.ID), tightest, taken, strconv.Itoa(s.Over), strconv.Itoa(s.Near), today, yesterday, strconv.FormatInt(s.Expiring, 10), next)
	}
	return r.show(v, t)
}

// sumText writes a sum as an amount, or in full where it is more than one.
func sumText(s usance.Sum, unit string) string {
	if a, ok := s.Amount(); ok {
		return amountText(a, unit)
	}
	return s.String()
}

func (r *remote) refusedCommand() *cobra.Command {
	return r.command("refused", "Events lately refused, with why, as the server's process remembers them", cobra.NoArgs,
		func(cmd *cobra.Command, c *client.Client, _ []string) error {
			got, err := c.Refused(cmd.Context())
			if err != nil {
				return err
			}
			t := table{heads: []string{"LAST", "TIMES", "EVENTS", "ID", "SOURCE", "TYPE", "NODE", "BY", "WHY"}, empty: "Nothing refused since " + when(got.Since) + "."}
			for _, x := range got.Items {
				t.add(when(x.Last), strconv.FormatInt(x.Times, 10), strconv.Itoa(x.Events), orDash(x.ID), orDash(x.Source), orDash(x.Type), string(x.Node), x.By, x.Why)
			}
			return r.show(got, t)
		})
}
