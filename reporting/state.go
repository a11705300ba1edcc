package reporting

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/jackc/pgx/v5"

	"github.com/usance/usance"
	"github.com/usance/usance/ledger"
	"github.com/usance/usance/registry"
)

// What stands now is read whole, and only what differs is written.

// quotas brings the quotas up to date. It returns until when they stay as they
// are if nothing happens.
func (r *refresh) quotas(ctx context.Context) (time.Time, error) {
	list := r.defs.Quotas(usance.Root, true)
	refs := make([]registry.QuotaRef, len(list))
	for i := range list {
		refs[i] = registry.QuotaRef{Node: list[i].Node, Meter: list[i].Meter}
	}
	until := ledger.Always()
	d, err := r.difference(ctx, "quotas", []string{"node", "meter"}, []string{"period", "enforce", "base", "granted", "limit_amount", "used", "reserved",
		"allocated", "available", "over", "guarantee", "resets_at"})
	if err != nil {
		return until, err
	}
	for part := range slices.Chunk(refs, chunk/4) {
		report, err := r.Ledger.Report(ctx, r.tenant, ledger.Ask{Quotas: part})
		if err != nil {
			return until, err
		}
		if report.Until.Before(until) {
			until = report.Until
		}
		rows := make([][]any, 0, len(part))
		for i := range report.Quotas {
			q := &report.Quotas[i]
			if !q.Defined { // no more, since the definitions were read
				continue
			}
			rows = append(rows, []any{string(r.tenant), string(q.Node), q.Meter, string(q.Window), string(q.Enforce), limit(q.Base), q.Granted, limit(q.Limit),
				q.Used, q.Reserved, limit(q.Allocated), limit(q.Available), q.Over, q.Guarantee, instant(q.ResetsAt)})
		}
		if err := d.add(ctx, rows); err != nil {
			return until, err
		}
	}
	return until, d.apply(ctx)
}

// putResources brings the resources up to date.
func (r *refresh) putResources(ctx context.Context) error {
	d, err := r.difference(ctx, "resources", []string{"id"}, []string{"node", "business_type", "charging_mode", "source", "amount", "unit", "order_id",
		"resource_type", "frozen", "starts", "expires", "created", "labels", "grants"})
	if err != nil {
		return err
	}
	for cursor, more := "", true; more; more = cursor != "" {
		page, err := r.Ledger.Resources(ctx, r.tenant, ledger.ResourceFilter{}, cursor, 0, usance.MaxPageSize)
		if err != nil {
			return err
		}
		cursor = page.Next
		rows := make([][]any, 0, len(page.Resources))
		for i := range page.Resources {
			e := &page.Resources[i]
			labels, grants := map[string]string{}, []usance.Grant{}
			for k, v := range e.Labels {
				labels[clean(k)] = clean(v)
			}
			l, err := json.Marshal(labels, json.Deterministic(true))
			if err != nil {
				return err
			}
			g, err := json.Marshal(append(grants, e.Grants...), json.Deterministic(true))
			if err != nil {
				return err
			}
			rows = append(rows, []any{string(r.tenant), clean(e.ID), string(e.Node), e.BusinessType, e.ChargingMode, e.Source, e.Amount, e.Unit, e.OrderID,
				e.Type, e.Frozen, instant(e.Starts), instant(e.Expires), instant(e.Created), l, g})
		}
		if err := d.add(ctx, rows); err != nil {
			return err
		}
	}
	return d.apply(ctx)
}

// limit is an amount that is null where there is no limit.
func limit(a usance.Amount) any {
	if a == usance.Unlimited {
		return nil
	}
	return a
}

func instant(t time.Time) any {
	if t.IsZero() {
		return nil
	}
	return t.Truncate(time.Microsecond)
}

// difference collects what a tenant's rows of a table should be, beside it.
type difference struct {
	*refresh
	table, fresh string
	keys, values []string
}

func (r *refresh) difference(ctx context.Context, table string, keys, values []string) (*difference, error) {
	d := &difference{r, table, "fresh_" + table, append([]string{"tenant"}, keys...), values}
	// It stays for the connection's life, so that the catalog does not grow.
	_, err := r.tx.Exec(ctx, `create temporary table if not exists `+d.fresh+` (like `+table+`) on commit delete rows`)
	return d, err
}

func (d *difference) add(ctx context.Context, rows [][]any) error {
	_, err := d.tx.CopyFrom(ctx, pgx.Identifier{d.fresh}, slices.Concat(d.keys, d.values), pgx.CopyFromRows(rows))
	return err
}

// apply writes what differs.
func (d *difference) apply(ctx context.Context) error {
	match, set := make([]string, len(d.keys)), make([]string, len(d.values))
	for i, k := range d.keys {
		match[i] = "f." + k + " = t." + k
	}
	for i, v := range d.values {
		set[i] = v + " = excluded." + v
	}
	all, key := commas(slices.Concat(d.keys, d.values)), commas(d.keys)
	if _, err := d.tx.Exec(ctx, `delete from `+d.table+` t where tenant = $1 and not exists (select from `+d.fresh+` f where `+strings.Join(match, " and ")+`)`, string(d.tenant)); err != nil {
		return err
	}
	_, err := d.tx.Exec(ctx, `insert into `+d.table+` (`+all+`) (select `+all+` from `+d.fresh+` except select `+all+` from `+d.table+` where tenant = $1)
		on conflict (`+key+`) do update set `+commas(set), string(d.tenant))
	return err
}

func commas(names []string) string { return strings.Join(names, ", ") }
