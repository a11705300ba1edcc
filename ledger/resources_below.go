package ledger

import (
	"bytes"
	"context"
	"strings"

	"github.com/go-json-experiment/json"

	"github.com/usance/usance"
	"github.com/usance/usance/store"
)

// No view has resources by node, so those of a subtree are found by looking at the
// tenant's one after the other, and in a window of expiries at those that the
// expiries table has there. Each question is bounded: a page ends with a cursor where
// it has looked at enough, a count is refused.

// narrow reports that the filter restricts to less than the whole tree.
func (f *ResourceFilter) narrow() bool {
	return f.Node != "" && (f.Node != usance.Root || !f.Recursive)
}

// at reports whether the filter takes resources of a node.
func (f *ResourceFilter) at(node usance.Path) bool {
	if node == "" {
		node = usance.Root
	}
	return f.Node == "" || node == f.Node || f.Recursive && node.Within(f.Node)
}

// resourceMatch finds the rows whose resources match a filter.
type resourceMatch struct {
	*ResourceFilter
	mark []byte // what the row of a resource of the subtree has in it; nil: all may
}

func (f *ResourceFilter) match() (resourceMatch, error) {
	if !f.narrow() || f.Node == usance.Root {
		return resourceMatch{f, nil}, nil
	}
	b, err := json.Marshal(f.Node)
	if err != nil {
		return resourceMatch{}, err
	}
	if f.Recursive {
		b = b[:len(b)-1]
	}
	return resourceMatch{f, append([]byte(`"node":`), b...)}, nil
}

// decode returns the resource that a row has, or nil when it does not match. Most
// lie elsewhere, which the row's bytes tell in a hundredth of the time: they are as
// PutResource encoded them.
func (m *resourceMatch) decode(value []byte) (*usance.Resource, error) {
	if !bytes.Contains(value, m.mark) {
		return nil, nil
	}
	r, err := decodeResource(value)
	if err != nil || !m.matches(r) {
		return nil, err
	}
	return r, nil
}

// resourceScan looks at rows of resources for one page.
type resourceScan struct {
	resourceMatch
	left int    // rows it may look at yet; below 0 for any number
	last string // id of the row it looked at last
}

func (l *Ledger) scanOf(f *ResourceFilter) (resourceScan, error) {
	match, err := f.match()
	if f.narrow() {
		return resourceScan{resourceMatch: match, left: l.resourceScan}, err
	}
	return resourceScan{resourceMatch: match, left: -1}, err
}

// ended reports that no further row may be looked at, and then sets where the next
// page begins.
func (s *resourceScan) ended(next *string) bool {
	if s.left != 0 {
		return false
	}
	*next = s.last
	return true
}

// pass counts a row as looked at.
func (s *resourceScan) pass(row store.Row) {
	if s.left--; s.left == 0 {
		s.last = strings.Clone(row.ID)
	}
}

// look returns the row's resource, or nil when it does not match.
func (s *resourceScan) look(row store.Row) (*usance.Resource, error) {
	s.pass(row)
	return s.decode(row.Value)
}

// resourcesInAll begins a page: as of which sequence, and how many match in all.
func (l *Ledger) resourcesInAll(ctx context.Context, tenant usance.TenantID, f ResourceFilter, m Moment) (page ResourcePage, err error) {
	if f.narrow() {
		page.Total, page.Sequence = -1, m.Sequence
		if m.IsZero() {
			page.Sequence, err = l.Sequence(ctx, tenant)
		}
		return page, err
	}
	list, sequence, err := l.CountResourcesAt(ctx, tenant, f, m)
	for _, c := range list {
		page.Total += c.Count
	}
	page.Sequence = sequence
	return page, err
}

// countThere counts the resources of a subtree, as of a moment, the zero one being
// now. It counts again when a resource was changed meanwhile.
func (l *Ledger) countThere(ctx context.Context, tenant usance.TenantID, f ResourceFilter, m Moment) ([]ResourceCount, uint64, error) {
	for range 8 {
		head, err := l.Sequence(ctx, tenant)
		if err != nil {
			return nil, 0, err
		}
		asOf := head
		if !m.IsZero() {
			asOf = m.Sequence
		}
		changed, err := l.resourcesChanged(ctx, tenant, asOf, head)
		if err != nil {
			return nil, 0, err
		}
		sum := counts{}
		err = l.eachThere(ctx, tenant, f, func(r *usance.Resource) {
			if _, ok := changed[r.ID]; !ok {
				sum[kindOf(r)]++
			}
		})
		if err != nil {
			return nil, 0, err
		}
		for _, r := range changed {
			if r.before != nil && f.matches(r.before) {
				sum[kindOf(r.before)]++
			}
		}
		now, err := l.Sequence(ctx, tenant)
		if err != nil {
			return nil, 0, err
		}
		since, err := l.resourcesChanged(ctx, tenant, head, now)
		if err != nil {
			return nil, 0, err
		}
		if len(since) == 0 {
			list, err := sum.list(&f)
			return list, asOf, err
		}
	}
	return nil, 0, usance.Errorf(usance.KindUnavailable, "the resources of tenant %s keep changing; try again", tenant)
}

// eachThere calls fn on every resource that matches.
func (l *Ledger) eachThere(ctx context.Context, tenant usance.TenantID, f ResourceFilter, fn func(*usance.Resource)) error {
	match, err := f.match()
	if err != nil {
		return err
	}
	left := l.resourceCount
	see := func(value []byte) error {
		if left--; left < 0 {
			return usance.Errorf(usance.KindTooLarge, "more than %d resources would have to be looked at; bound their expiry", l.resourceCount)
		}
		r, err := match.decode(value)
		if r != nil {
			fn(r)
		}
		return err
	}
	if f.ExpiresFrom.IsZero() && f.ExpiresTo.IsZero() {
		return l.st.Scan(ctx, tenant, store.Range{Table: store.Resources}, func(row store.Row) error { return see(row.Value) })
	}
	for span := expiriesOf(&f); span.From < span.To; {
		rows, err := l.st.Load(ctx, tenant, store.Keys{Ranges: []store.Range{span}})
		if err != nil {
			return err
		}
		found := rows.Range(0)
		keys := store.Keys{Rows: make([]store.Key, len(found))}
		for i, e := range found {
			if len(e.ID) < len(ordered(0)) {
				return usance.ErrCorrupt
			}
			keys.Rows[i] = store.Key{Table: store.Resources, ID: e.ID[len(ordered(0)):]}
			span.From = e.ID + "\x00"
		}
		if rows, err = l.st.Load(ctx, tenant, keys); err != nil {
			return err
		}
		for _, k := range keys.Rows {
			if value, ok := rows.Get(k.Table, k.ID); ok {
				if err := see(value); err != nil {
					return err
				}
			}
		}
		if len(found) < span.Limit {
			return nil
		}
	}
	return nil
}

// expiriesOf is the range of the expiries that can match; what never expires lies
// behind it.
func expiriesOf(f *ResourceFilter) store.Range {
	r := store.Range{Table: store.Expiries, To: ordered(never), Limit: usance.MaxPageSize}
	if !f.ExpiresFrom.IsZero() {
		r.From = ordered(f.ExpiresFrom.Unix())
	}
	if !f.ExpiresTo.IsZero() {
		r.To = ordered(f.ExpiresTo.Unix() + 1)
	}
	return r
}
