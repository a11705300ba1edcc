package ledger

import (
	"cmp"
	"context"
	"errors"
	"maps"
	"slices"

	"github.com/usance/usance"
	"github.com/usance/usance/internal/journal"
	"github.com/usance/usance/store"
)

// Which resources there were at a moment is what there are now, but for those
// that entries since then have changed: they were as the first of those entries
// found them.

// changedResource is a resource as the first entry of some found it, and as the
// last left it; nil where there was none.
type changedResource struct{ before, after *usance.Resource }

// resourcesChanged returns every resource that the entries after one sequence, up
// to another, changed.
func (l *Ledger) resourcesChanged(ctx context.Context, tenant usance.TenantID, from, to uint64) (map[string]changedResource, error) {
	out := map[string]changedResource{}
	err := l.eachChange(ctx, tenant, journal.Resource, from+1, to, newBudget(), func(c journal.Change) error {
		old, next, err := resourcesOf(c)
		if err != nil {
			return err
		}
		r, seen := out[c.Name]
		if !seen {
			r.before = old
		}
		r.after = next
		out[c.Name] = r
		return nil
	})
	return out, err
}

// CountResourcesAt is CountResources as of a moment.
func (l *Ledger) CountResourcesAt(ctx context.Context, tenant usance.TenantID, f ResourceFilter, m Moment) ([]ResourceCount, uint64, error) {
	if f.narrow() {
		return l.countThere(ctx, tenant, f, m)
	}
	list, sequence, err := l.CountResources(ctx, tenant, f)
	if err != nil || m.IsZero() {
		return list, sequence, err
	}
	changed, err := l.resourcesChanged(ctx, tenant, m.Sequence, sequence)
	if err != nil {
		return nil, 0, err
	}
	sums := map[ResourceCount]int64{}
	for _, c := range list {
		n := c.Count
		c.Count = 0
		sums[c] += n
	}
	tally := func(r *usance.Resource, by int64) {
		if r != nil && f.matches(r) {
			sums[ResourceCount{BusinessType: r.BusinessType, ChargingMode: r.ChargingMode, Source: r.Source}] += by
		}
	}
	for _, r := range changed {
		tally(r.after, -1)
		tally(r.before, 1)
	}
	var out []ResourceCount
	for c, n := range sums {
		if c.Count = n; n != 0 {
			out = append(out, c)
		}
	}
	slices.SortFunc(out, func(a, b ResourceCount) int {
		return cmp.Or(cmp.Compare(a.BusinessType, b.BusinessType), cmp.Compare(a.ChargingMode, b.ChargingMode), cmp.Compare(a.Source, b.Source))
	})
	return out, m.Sequence, nil
}

// ResourcesAt is Resources as of a moment, without an offset.
func (l *Ledger) ResourcesAt(ctx context.Context, tenant usance.TenantID, f ResourceFilter, m Moment, cursor string, limit int) (ResourcePage, error) {
	if m.IsZero() {
		return l.Resources(ctx, tenant, f, cursor, 0, limit)
	}
	if limit < 1 || limit > usance.MaxPageSize {
		return ResourcePage{}, usance.Errorf(usance.KindInvalid, "a page has 1 to %d rows", usance.MaxPageSize)
	}
	page, err := l.resourcesInAll(ctx, tenant, f, m)
	if err != nil {
		return ResourcePage{}, err
	}
	for range 8 {
		head, err := l.Sequence(ctx, tenant)
		if err != nil {
			return page, err
		}
		changed, err := l.resourcesChanged(ctx, tenant, m.Sequence, head)
		if err != nil {
			return page, err
		}
		if page.Resources, page.Next, err = l.pageAt(ctx, tenant, f, changed, cursor, limit); err != nil {
			return page, err
		}
		// What changed while the rows were read may have been read as it is now.
		now, err := l.Sequence(ctx, tenant)
		if err != nil {
			return page, err
		}
		since, err := l.resourcesChanged(ctx, tenant, head, now)
		if err != nil || len(since) == 0 {
			return page, err
		}
	}
	return page, usance.Errorf(usance.KindUnavailable, "the resources of tenant %s keep changing; try again", tenant)
}

// pageAt merges the rows there are with those that have changed since.
func (l *Ledger) pageAt(ctx context.Context, tenant usance.TenantID, f ResourceFilter, changed map[string]changedResource, cursor string, limit int) (list []usance.Resource, next string, err error) {
	var then []string // changed since, in the order of ids
	for _, id := range slices.Sorted(maps.Keys(changed)) {
		if id > cursor && changed[id].before != nil {
			then = append(then, id)
		}
	}
	add := func(r *usance.Resource) error {
		if len(list) == limit {
			next = list[limit-1].ID
			return errDone
		}
		list = append(list, *r)
		return nil
	}
	addThen := func(before func(id string) bool) error {
		for len(then) > 0 && before(then[0]) {
			id := then[0]
			then = then[1:]
			if before := changed[id].before; f.matches(before) {
				if err := add(before); err != nil {
					return err
				}
			}
		}
		return nil
	}
	r := store.Range{Table: store.Resources}
	if cursor != "" {
		r.From = cursor + "\x00"
	}
	scan, err := l.scanOf(&f)
	if err != nil {
		return nil, "", err
	}
	err = l.st.Scan(ctx, tenant, r, func(row store.Row) error {
		if scan.ended(&next) {
			return errDone
		}
		if err := addThen(func(id string) bool { return id <= row.ID }); err != nil {
			return err
		}
		if _, ok := changed[row.ID]; ok {
			scan.pass(row)
			return nil
		}
		res, err := scan.look(row)
		if err != nil || res == nil {
			return err
		}
		return add(res)
	})
	if err == nil {
		err = addThen(func(string) bool { return true })
	}
	if errors.Is(err, errDone) {
		err = nil
	}
	return list, next, err
}
