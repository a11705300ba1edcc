package main

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/usance/usance"
	"github.com/usance/usance/api/wire"
	"github.com/usance/usance/client"
)

// units returns the meters' units, which tables show.
func (r *remote) units(cmd *cobra.Command, c *client.Client) (map[string]string, error) {
	units := map[string]string{}
	if r.output != "table" {
		return units, nil
	}
	meters, err := c.Meters(cmd.Context())
	for _, m := range meters {
		units[m.Name] = m.Unit
	}
	return units, err
}

// limitParts says what a quota's limit is made of, as far as it is not plain.
func limitParts(q wire.Quota, unit string) string {
	var parts []string
	if q.GrantCount > 0 {
		parts = append(parts, "base "+limitText(q.Base, unit)+", "+grantText(q.Grants, q.GrantCount, unit))
	}
	if q.Guarantee > 0 {
		parts = append(parts, "guaranteed "+amountText(q.Guarantee, unit))
	}
	if q.Over > 0 {
		parts = append(parts, "over by "+amountText(q.Over, unit))
	}
	return orDash(strings.Join(parts, ", "))
}

// grantText lists a few grants; JSON has more.
func grantText(list []wire.QuotaGrant, count int, unit string) string {
	const most = 3
	var parts []string
	for i, g := range list {
		if i == most {
			parts = append(parts, fmt.Sprintf("and %d more", count-most))
			break
		}
		text := fmt.Sprintf("%s from %s", amountText(g.Amount, unit), printable(g.Resource))
		if g.Expires != nil {
			text += " until " + when(*g.Expires)
		}
		parts = append(parts, text)
	}
	return strings.Join(parts, ", ")
}

func (r *remote) quotaForecastCommand() *cobra.Command {
	var at, node, meter string
	var flat bool
	cmd := r.command("forecast", "Quotas that will be over their limits at a time, and by which grants' ends", cobra.NoArgs,
		func(cmd *cobra.Command, c *client.Client, _ []string) error {
			then, err := timeFlag("at", at)
			if err != nil {
				return err
			}
			if then.IsZero() {
				return usagef("--at is needed: a time such as 2026-12-31T00:00:00Z")
			}
			list, err := c.Forecast(cmd.Context(), then, usance.Path(node), meter, !flat)
			if err != nil {
				return err
			}
			return r.showForecast(cmd, c, list)
		})
	f := cmd.Flags()
	f.StringVar(&at, "at", "", "the time to look at, from now on")
	f.StringVar(&node, "node", "/", "quotas at and below this node")
	f.StringVar(&meter, "meter", "", "quotas of this meter")
	f.BoolVar(&flat, "flat", false, "only those at the node itself")
	return cmd
}

func (r *remote) showForecast(cmd *cobra.Command, c *client.Client, list []wire.QuotaForecast) error {
	units, err := r.units(cmd, c)
	if err != nil {
		return err
	}
	t := table{heads: []string{"NODE", "METER", "LIMIT NOW", "THEN", "USED", "RESERVED", "SHORT BY", "LAPSES", "BEGINS"}, empty: "No quota will be over its limit."}
	for _, q := range list {
		unit := units[q.Meter]
		t.add(string(q.Node), q.Meter, limitText(q.Limit, unit), limitText(q.LimitThen, unit), amountText(q.Used, unit), amountText(q.Reserved, unit), amountText(q.ShortBy, unit),
			orDash(grantText(q.Lapses, q.LapseCount, unit)), orDash(grantText(q.Begins, q.BeginCount, unit)))
	}
	return r.show(list, t)
}

// grantFlags reads grants as METER=AMOUNT or METER=AMOUNT@NODE.
func grantFlags(list []string) ([]usance.Grant, error) {
	var out []usance.Grant
	for _, text := range list {
		meter, rest, ok := strings.Cut(text, "=")
		amount, node, _ := strings.Cut(rest, "@")
		n, err := usance.ParseAmount(amount)
		if !ok || meter == "" || err != nil {
			return nil, usagef("--grant: %q is not METER=AMOUNT or METER=AMOUNT@NODE, such as drive.space=10GiB@/drive", text)
		}
		out = append(out, usance.Grant{Meter: meter, Amount: n, Node: usance.Path(node)})
	}
	return out, nil
}

func grantsShown(list []usance.Grant) string {
	var parts []string
	for _, g := range list {
		text := fmt.Sprintf("%s=%d", g.Meter, g.Amount)
		if g.Node != "" {
			text += "@" + string(g.Node)
		}
		parts = append(parts, text)
	}
	return orDash(strings.Join(parts, " "))
}
