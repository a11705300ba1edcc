package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/usance/usance"
	"github.com/usance/usance/api/wire"
	"github.com/usance/usance/client"
)

func (r *remote) usageCommand() *cobra.Command {
	var from, to, window, node string
	var filter []string
	var q client.UsageQuery
	var at momentFlags
	cmd := r.command("usage METER", "Usage of a meter over time", cobra.ExactArgs(1),
		func(cmd *cobra.Command, c *client.Client, args []string) (err error) {
			if q.From, err = timeFlag("from", from); err != nil {
				return err
			}
			if q.To, err = timeFlag("to", to); err != nil {
				return err
			}
			if q.At, err = at.moment(cmd); err != nil {
				return err
			}
			wanted, err := pairsFlag("filter", filter)
			if err != nil {
				return err
			}
			q.Window, q.Node, q.Filter = strings.ToUpper(window), usance.Path(node), map[string][]string{}
			for k, v := range wanted {
				q.Filter[k] = strings.Split(v, ",")
			}
			out, err := c.Usage(cmd.Context(), args[0], q)
			if err != nil {
				return err
			}
			m, err := c.Meter(cmd.Context(), args[0])
			if err != nil {
				return err
			}
			return r.show(out, usageTable(out, m.Unit, q.GroupBy, len(q.Subjects) > 0))
		})
	f := cmd.Flags()
	f.StringVar(&from, "from", "", "usage at or after this time; default: from the first event")
	f.StringVar(&to, "to", "", "usage before this time; default: to the last event")
	f.StringVar(&window, "window", "", "one row for each minute, hour, day or month; default: one row")
	f.StringVar(&q.Zone, "zone", "", "time zone of days and months; default UTC")
	f.StringVar(&node, "node", "", "usage at and below this node")
	f.StringSliceVar(&q.Subjects, "subject", nil, "only these subjects, with a row for each")
	f.StringSliceVar(&q.GroupBy, "group-by", nil, "group by these keys of the meter, or by subject")
	f.StringArrayVar(&filter, "filter", nil, "only usage with key=value, or key=one,another")
	at.flags(cmd)
	return cmd
}

func usageTable(u wire.Usage, unit string, groupBy []string, bySubject bool) table {
	t := table{heads: []string{"FROM", "TO"}, empty: "No usage."}
	var keys []string
	for _, k := range groupBy {
		if k == "subject" {
			bySubject = true
		} else {
			keys = append(keys, k)
		}
	}
	if bySubject {
		t.heads = append(t.heads, "SUBJECT")
	}
	for _, k := range keys {
		t.heads = append(t.heads, strings.ToUpper(k))
	}
	t.heads = append(t.heads, "VALUE")
	restated := slices.ContainsFunc(u.Data, func(row wire.UsageRow) bool { return row.RestatedAt != nil })
	if restated {
		t.heads = append(t.heads, "RESTATED")
	}
	for _, row := range u.Data {
		cells := []string{when(row.WindowStart), when(row.WindowEnd)}
		if bySubject {
			cells = append(cells, deref(row.Subject))
		}
		for _, k := range keys {
			cells = append(cells, row.GroupBy[k])
		}
		value := row.Value.String()
		if n, ok := row.Value.Amount(); ok {
			value = amountText(n, unit)
		}
		cells = append(cells, value)
		if restated {
			at := "-"
			if row.RestatedAt != nil {
				at = when(*row.RestatedAt)
			}
			cells = append(cells, at)
		}
		t.add(cells...)
	}
	return t
}

func deref(s *string) string {
	if s == nil {
		return "-"
	}
	return *s
}

func (r *remote) quotasCommand() *cobra.Command {
	var node, meter string
	var flat bool
	var at momentFlags
	list := func(cmd *cobra.Command, c *client.Client, _ []string) error {
		then, err := at.moment(cmd)
		if err != nil {
			return err
		}
		quotas, err := c.QuotasAt(cmd.Context(), usance.Path(node), meter, !flat, then)
		if err != nil {
			return err
		}
		return r.showQuotas(cmd, c, quotas)
	}
	cmd := r.command("quotas", "Quotas as they stand, and how to set them", cobra.NoArgs, list)
	cmd.Flags().StringVar(&node, "node", "/", "quotas at and below this node")
	cmd.Flags().StringVar(&meter, "meter", "", "quotas of this meter")
	cmd.Flags().BoolVar(&flat, "flat", false, "only those at the node itself")
	at.flags(cmd)
	cmd.AddCommand(r.quotaSetCommand(), r.quotaForecastCommand(), r.command("delete NODE METER", "Remove a quota", cobra.ExactArgs(2),
		func(cmd *cobra.Command, c *client.Client, args []string) error {
			return c.DeleteQuota(cmd.Context(), usance.Path(args[0]), args[1])
		}))
	return cmd
}

func (r *remote) quotaSetCommand() *cobra.Command {
	var window, enforce, guarantee string
	cmd := r.command("set NODE METER LIMIT", "Set a quota; LIMIT is a number, 10GiB, or unlimited", cobra.ExactArgs(3),
		func(cmd *cobra.Command, c *client.Client, args []string) error {
			limit, err := usance.ParseAmount(args[2])
			if err != nil {
				return usagef("%s", detailOf(err))
			}
			kept, err := usance.ParseAmount(guarantee)
			if err != nil || kept == usance.Unlimited {
				return usagef("--guarantee: %q is not an amount, such as 5 or 10GiB", guarantee)
			}
			out, err := c.PutQuota(cmd.Context(), wire.PutQuota{Node: usance.Path(args[0]), Meter: args[1], Limit: wire.Amount(limit),
				Window: usance.Window(window), Enforce: usance.Enforcement(enforce), Guarantee: wire.Quantity(kept)})
			if err != nil {
				return err
			}
			return r.showQuotas(cmd, c, []wire.Quota{out})
		})
	cmd.Flags().StringVar(&window, "window", "", "lifetime, day or month; default lifetime")
	cmd.Flags().StringVar(&enforce, "enforce", "", "hard, soft or shadow; default hard")
	cmd.Flags().StringVar(&guarantee, "guarantee", "0", "how much of the nearest quota above is kept for this one")
	return cmd
}

func (r *remote) showQuotas(cmd *cobra.Command, c *client.Client, quotas []wire.Quota) error {
	units, err := r.units(cmd, c)
	if err != nil {
		return err
	}
	t := table{heads: []string{"NODE", "METER", "LIMIT", "USED", "RESERVED", "ALLOCATED", "AVAILABLE", "WINDOW", "ENFORCE", "RESETS", "LIMIT IS"}, empty: "No quotas."}
	for _, q := range quotas {
		resets := "-"
		if q.ResetsAt != nil {
			resets = when(*q.ResetsAt)
		}
		unit := units[q.Meter]
		t.add(string(q.Node), q.Meter, limitText(q.Limit, unit), amountText(q.Used, unit), amountText(q.Reserved, unit),
			limitText(q.Allocated, unit), limitText(q.Available, unit), string(q.Window), string(q.Enforce), resets, limitParts(q, unit))
	}
	return r.show(quotas, t)
}

func (r *remote) eventsCommand() *cobra.Command {
	var from, to, node string
	var filter []string
	var most int
	var f client.EventFilter
	cmd := r.command("events", "Browse events, newest first", cobra.NoArgs,
		func(cmd *cobra.Command, c *client.Client, _ []string) (err error) {
			if f.From, err = timeFlag("from", from); err != nil {
				return err
			}
			if f.To, err = timeFlag("to", to); err != nil {
				return err
			}
			f.Node = usance.Path(node)
			wanted, err := pairsFlag("filter", filter)
			if err != nil {
				return err
			}
			f.Group = map[string][]string{}
			for k, v := range wanted {
				f.Group[k] = strings.Split(v, ",")
			}
			events, err := paging(most, func(cursor string, limit int) (wire.List[wire.StoredEvent], error) {
				f.Cursor, f.Limit = cursor, limit
				return c.Events(cmd.Context(), f)
			})
			if err != nil {
				return err
			}
			return r.showEvents(events, events...)
		})
	l := cmd.Flags()
	l.StringVar(&from, "from", "", "events at or after this time")
	l.StringVar(&to, "to", "", "events before this time")
	l.StringVar(&f.Type, "type", "", "events of this type")
	l.StringVar(&f.Subject, "subject", "", "events of this subject")
	l.StringVar(&f.Source, "source", "", "events of this source")
	l.StringVar(&f.ID, "id", "", "events with this id")
	l.StringVar(&node, "node", "", "events at and below this node")
	l.StringVar(&f.Meter, "meter", "", "events that count towards this meter")
	l.StringArrayVar(&filter, "filter", nil, "with --meter: only events with key=value, or key=one,another")
	l.IntVar(&most, "limit", 50, "most events to show; 0 for all")
	cmd.AddCommand(r.refusedCommand())
	return cmd
}

func (r *remote) showEvents(v any, events ...wire.StoredEvent) error {
	t := table{heads: []string{"TIME", "TYPE", "SUBJECT", "NODE", "SOURCE", "ID", "STATE", "DATA"}, empty: "No events."}
	for _, e := range events {
		data := string(e.Event.Data)
		if len(data) > 60 {
			data = strings.ToValidUTF8(data[:60], "") + "…"
		}
		state := "counts"
		switch {
		case e.Voided:
			state = "voided"
		case e.Amended:
			state = "amended"
		}
		t.add(when(e.Event.Time), e.Event.Type, orDash(e.Event.Subject), string(e.Event.Node), e.Event.Source, e.Event.ID, state, orDash(data))
	}
	return r.show(v, t)
}

func (r *remote) metersCommand() *cobra.Command {
	list := func(cmd *cobra.Command, c *client.Client, _ []string) error {
		meters, err := c.Meters(cmd.Context())
		if err != nil {
			return err
		}
		return r.showMeters(meters, meters...)
	}
	cmd := r.command("meters", "Meters, and how to define them", cobra.NoArgs, list)
	cmd.AddCommand(
		r.command("get METER", "One meter", cobra.ExactArgs(1), func(cmd *cobra.Command, c *client.Client, args []string) error {
			m, err := c.Meter(cmd.Context(), args[0])
			if err != nil {
				return err
			}
			return r.showMeters(m, m)
		}),
		r.meterPutCommand(),
		r.command("delete METER", "Remove a meter", cobra.ExactArgs(1), func(cmd *cobra.Command, c *client.Client, args []string) error {
			return c.DeleteMeter(cmd.Context(), args[0])
		}))
	return cmd
}

func (r *remote) meterPutCommand() *cobra.Command {
	var m usance.Meter
	var aggregation string
	var events, groups []string
	cmd := r.command("put METER", "Define or change a meter", cobra.ExactArgs(1),
		func(cmd *cobra.Command, c *client.Client, args []string) (err error) {
			m.Name, m.Aggregation = args[0], usance.Aggregation(aggregation)
			for _, e := range events {
				eventType, amount, _ := strings.Cut(e, "=")
				m.Events = append(m.Events, usance.Source{Type: eventType, Amount: amount})
			}
			if m.GroupBy, err = pairsFlag("group-by", groups); err != nil {
				return err
			}
			out, err := c.PutMeter(cmd.Context(), m)
			if err != nil {
				return err
			}
			return r.showMeters(out, out)
		})
	f := cmd.Flags()
	f.StringVar(&m.Unit, "unit", "1", "base unit: 1, B, s, …")
	f.StringVar(&aggregation, "aggregation", "", "count, sum, min, max, average, level, gauge or unique")
	f.StringArrayVar(&events, "event", nil, "event type that feeds it, with its amount: llm.completion=data.tokens")
	f.StringArrayVar(&groups, "group-by", nil, "group-by key and its path: model=data.model")
	return cmd
}

func (r *remote) showMeters(v any, meters ...usance.Meter) error {
	t := table{heads: []string{"METER", "UNIT", "AGGREGATION", "FED BY", "GROUP BY", "BUILT IN"}}
	for _, m := range meters {
		var fed []string
		for _, s := range m.Events {
			text := s.Type
			if s.Amount != "" {
				text = fmt.Sprintf("%s (%s)", s.Type, s.Amount)
			}
			fed = append(fed, text)
		}
		t.add(m.Name, m.Unit, string(m.Aggregation), orDash(strings.Join(fed, ", ")), orDash(strings.Join(m.GroupKeys(), ", ")), yes(m.BuiltIn))
	}
	return r.show(v, t)
}
