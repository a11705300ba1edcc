package ledger

import (
	"bytes"
	"cmp"
	"context"
	"encoding/binary"
	"errors"
	"maps"
	"math"
	"slices"
	"time"

	"github.com/go-json-experiment/json"

	"github.com/usance/usance"
	"github.com/usance/usance/internal/journal"
	"github.com/usance/usance/registry"
	"github.com/usance/usance/store"
)

// Resources are counted without being looked at: the expiring table has, for
// every UTC day and every second that something expires in, how many resources
// of each kind do. A count sums whole days and, at the edges of its window, the
// seconds of two days.

const never = int64(math.MaxInt64) // the expiry of what does not expire

// expirySecond is the whole second a resource expires in.
func expirySecond(r *usance.Resource) int64 {
	if r.Expires.IsZero() {
		return never
	}
	return r.Expires.Unix()
}

func ordered(n int64) string {
	return string(binary.BigEndian.AppendUint64(nil, uint64(n)^1<<63))
}

func secondID(s int64) string { return "s" + ordered(s) }

// dayID is the row of the day that a second lies in; what never expires has a
// day of its own, past all others.
func dayID(s int64) string {
	if s == never {
		return "d" + ordered(never)
	}
	return "d" + ordered(int64(usance.DayOf(time.Unix(s, 0))))
}

func expiryID(s int64, id string) string { return ordered(s) + id }

// kindOf is what resources are counted by.
func kindOf(r *usance.Resource) string {
	return string(appendText(appendText(appendText(nil, r.BusinessType), r.ChargingMode), r.Source))
}

func cutKind(kind string) (c ResourceCount, ok bool) {
	var rest string
	if c.BusinessType, rest, ok = cutText(kind); !ok {
		return c, false
	}
	if c.ChargingMode, rest, ok = cutText(rest); !ok {
		return c, false
	}
	c.Source, rest, ok = cutText(rest)
	return c, ok && rest == ""
}

// counts is a row of the expiring table.
type counts map[string]int64

func decodeCounts(b []byte) (counts, error) {
	out := counts{}
	for len(b) > 0 {
		size, n := binary.Uvarint(b)
		if n <= 0 || size > uint64(len(b)-n) {
			return nil, usance.ErrCorrupt
		}
		kind := string(b[n : n+int(size)])
		b = b[n+int(size):]
		v, n := binary.Uvarint(b)
		if n <= 0 {
			return nil, usance.ErrCorrupt
		}
		out[kind] = int64(v)
		b = b[n:]
	}
	return out, nil
}

func (c counts) encode() []byte {
	var b []byte
	for _, kind := range slices.Sorted(maps.Keys(c)) {
		if c[kind] > 0 {
			b = binary.AppendUvarint(b, uint64(len(kind)))
			b = append(b, kind...)
			b = binary.AppendUvarint(b, uint64(c[kind]))
		}
	}
	return b
}

// PutResource creates or replaces a resource. create refuses one that exists
// (KindConflict). Putting what is already so changes nothing. The expiry is kept
// to the second.
func (l *Ledger) PutResource(ctx context.Context, actor usance.Actor, tenant usance.TenantID, res usance.Resource, create bool) (sequence uint64, err error) {
	if res.Node == "" {
		res.Node = usance.Root
	}
	if !res.Expires.IsZero() {
		res.Expires = res.Expires.UTC().Truncate(time.Second)
	}
	if !res.Starts.IsZero() {
		res.Starts = res.Starts.UTC().Truncate(time.Second)
	}
	if err := res.Check(); err != nil {
		return 0, err
	}
	_, sequence, err = l.editResource(ctx, actor, tenant, res.ID, func(old *usance.Resource) (*usance.Resource, error) {
		if old != nil && create {
			return nil, usance.Errorf(usance.KindConflict, "resource %s exists already", res.ID)
		}
		next := res
		next.Created = l.now().UTC().Truncate(time.Second)
		if old != nil {
			next.Created = old.Created
		}
		return &next, nil
	})
	return sequence, err
}

// DeleteResource removes a resource, or KindNotFound.
func (l *Ledger) DeleteResource(ctx context.Context, actor usance.Actor, tenant usance.TenantID, id string) (sequence uint64, err error) {
	_, sequence, err = l.editResource(ctx, actor, tenant, id, func(old *usance.Resource) (*usance.Resource, error) {
		if old == nil {
			return nil, noResource(id)
		}
		return nil, nil
	})
	return sequence, err
}

// RenewResource moves a resource's expiry, or KindNotFound.
func (l *Ledger) RenewResource(ctx context.Context, actor usance.Actor, tenant usance.TenantID, id string, expires time.Time) (usance.Resource, uint64, error) {
	next, sequence, err := l.editResource(ctx, actor, tenant, id, func(old *usance.Resource) (*usance.Resource, error) {
		if old == nil {
			return nil, noResource(id)
		}
		renewed := *old
		renewed.Expires = expires.UTC().Truncate(time.Second)
		return &renewed, renewed.Check()
	})
	if err != nil {
		return usance.Resource{}, 0, err
	}
	return *next, sequence, nil
}

func noResource(id string) error {
	return usance.Errorf(usance.KindNotFound, "there is no resource %q", id)
}

// editResource changes one resource: change gets it as it is, nil when there is
// none, and returns it as it shall be, nil to remove it.
func (l *Ledger) editResource(ctx context.Context, actor usance.Actor, tenant usance.TenantID, id string,
	change func(*usance.Resource) (*usance.Resource, error)) (*usance.Resource, uint64, error) {
	var next *usance.Resource
	var sequence uint64
	err := l.write(ctx, tenant, func(defs *registry.Definitions, _ []store.Key) (*op, error) {
		rowKey := store.Key{Table: store.Resources, ID: id}
		rows, err := l.st.Load(ctx, tenant, store.Keys{Rows: []store.Key{rowKey}})
		if err != nil {
			return nil, err
		}
		before, _ := rows.Get(store.Resources, id)
		old, err := decodeResource(before)
		if err != nil {
			return nil, err
		}
		if next, err = change(old); err != nil {
			return nil, err
		}
		var after []byte
		if next != nil {
			if after, err = json.Marshal(next, json.Deterministic(true)); err != nil {
				return nil, err
			}
		}
		o := &op{keys: store.Keys{Rows: []store.Key{rowKey}}, written: func(h journal.Head) {
			if sequence == 0 {
				sequence = h.Sequence
			}
		}}
		for _, r := range []*usance.Resource{old, next} {
			if r != nil {
				s := expirySecond(r)
				o.keys.Rows = append(o.keys.Rows, store.Key{Table: store.Expiring, ID: secondID(s)}, store.Key{Table: store.Expiring, ID: dayID(s)})
			}
		}
		nameGrants(&o.keys, old, next)
		o.run = func(t *tx) error {
			sequence = 0
			if now, _ := t.rows.Get(store.Resources, id); !bytes.Equal(now, before) {
				return errStale
			}
			if bytes.Equal(before, after) {
				return nil
			}
			sequence = t.append(journal.Entry{Kind: journal.Resource, Actor: actor, Change: journal.Change{Type: "resource", Name: id, Before: before, After: after}})
			if err := moveResource(t.rows, old, next, after, t.at); err != nil {
				return err
			}
			return checkGrants(t.rows, defs, next)
		}
		return o, nil
	})
	return next, sequence, err
}

func decodeResource(b []byte) (*usance.Resource, error) {
	if b == nil {
		return nil, nil
	}
	r := new(usance.Resource)
	return r, json.Unmarshal(b, r)
}

// moveResource updates the resource's row and the views of it. at is the time of
// the entry that changes it.
func moveResource(rows *store.Rows, old, next *usance.Resource, encoded []byte, at time.Time) error {
	if err := moveGrants(rows, old, next, at); err != nil {
		return err
	}
	if old != nil {
		rows.Delete(store.Resources, old.ID)
		rows.Delete(store.Expiries, expiryID(expirySecond(old), old.ID))
		if err := tally(rows, old, -1); err != nil {
			return err
		}
	}
	if next != nil {
		rows.Put(store.Resources, next.ID, encoded)
		rows.Put(store.Expiries, expiryID(expirySecond(next), next.ID), nil)
		return tally(rows, next, 1)
	}
	return nil
}

func tally(rows *store.Rows, r *usance.Resource, by int64) error {
	s := expirySecond(r)
	for _, id := range []string{secondID(s), dayID(s)} {
		b, _ := rows.Get(store.Expiring, id)
		c, err := decodeCounts(b)
		if err != nil {
			return err
		}
		c[kindOf(r)] += by
		if b := c.encode(); len(b) > 0 {
			rows.Put(store.Expiring, id, b)
		} else {
			rows.Delete(store.Expiring, id)
		}
	}
	return nil
}

// Resource returns a resource, or KindNotFound.
func (l *Ledger) Resource(ctx context.Context, tenant usance.TenantID, id string) (usance.Resource, uint64, error) {
	rows, err := l.st.Load(ctx, tenant, store.Keys{Rows: []store.Key{journal.HeadKey, {Table: store.Resources, ID: id}}})
	if err != nil {
		return usance.Resource{}, 0, err
	}
	head, err := journal.ReadHead(rows)
	if err != nil {
		return usance.Resource{}, 0, err
	}
	b, ok := rows.Get(store.Resources, id)
	if !ok {
		return usance.Resource{}, 0, noResource(id)
	}
	r, err := decodeResource(b)
	if err != nil {
		return usance.Resource{}, 0, err
	}
	return *r, head.Sequence, nil
}

// CountResources counts the resources that match by business type, charging mode
// and source, in that order, leaving out zeros. Those of a subtree are looked at one
// by one, where the filter bounds the expiry only those that it leaves: KindTooLarge
// past usance.MaxResourceCount of them.
func (l *Ledger) CountResources(ctx context.Context, tenant usance.TenantID, f ResourceFilter) ([]ResourceCount, uint64, error) {
	if f.narrow() {
		return l.countThere(ctx, tenant, f, Moment{})
	}
	keys := store.Keys{Rows: []store.Key{journal.HeadKey}, Ranges: expiringRanges(f.ExpiresFrom, f.ExpiresTo)}
	rows, err := l.st.Load(ctx, tenant, keys)
	if err != nil {
		return nil, 0, err
	}
	head, err := journal.ReadHead(rows)
	if err != nil {
		return nil, 0, err
	}
	sum := counts{}
	for i := range keys.Ranges {
		for _, row := range rows.Range(i) {
			c, err := decodeCounts(row.Value)
			if err != nil {
				return nil, 0, err
			}
			for kind, n := range c {
				sum[kind] += n
			}
		}
	}
	list, err := sum.list(&f)
	return list, head.Sequence, err
}

// list is what the counts have of the kinds that match.
func (c counts) list(f *ResourceFilter) ([]ResourceCount, error) {
	var out []ResourceCount
	for kind, n := range c {
		one, ok := cutKind(kind)
		if !ok {
			return nil, usance.ErrCorrupt
		}
		if one.Count = n; n != 0 && f.kind(one) {
			out = append(out, one)
		}
	}
	slices.SortFunc(out, func(a, b ResourceCount) int {
		return cmp.Or(cmp.Compare(a.BusinessType, b.BusinessType), cmp.Compare(a.ChargingMode, b.ChargingMode), cmp.Compare(a.Source, b.Source))
	})
	return out, nil
}

func (f *ResourceFilter) kind(c ResourceCount) bool {
	in := func(list []string, v string) bool { return len(list) == 0 || slices.Contains(list, v) }
	return in(f.BusinessTypes, c.BusinessType) && in(f.ChargingModes, c.ChargingMode) && in(f.Sources, c.Source)
}

func (f *ResourceFilter) matches(r *usance.Resource) bool {
	if !f.kind(ResourceCount{BusinessType: r.BusinessType, ChargingMode: r.ChargingMode, Source: r.Source}) || !f.at(r.Node) {
		return false
	}
	if f.ExpiresFrom.IsZero() && f.ExpiresTo.IsZero() {
		return true
	}
	return !r.Expires.IsZero() && (f.ExpiresFrom.IsZero() || !r.Expires.Before(f.ExpiresFrom)) && (f.ExpiresTo.IsZero() || !r.Expires.After(f.ExpiresTo))
}

// expiringRanges returns the rows that add up to the resources expiring in a
// window, both ends included: whole days, and seconds for the days at its ends.
func expiringRanges(from, to time.Time) []store.Range {
	if from.IsZero() && to.IsZero() {
		return []store.Range{{Table: store.Expiring, From: "d", To: "e"}}
	}
	lo, hi := int64(math.MinInt64), never // seconds, [lo, hi)
	if !from.IsZero() {
		if lo = from.Unix(); from.Nanosecond() > 0 {
			lo++
		}
	}
	if !to.IsZero() {
		hi = to.Unix() + 1
	}
	if lo >= hi {
		return nil
	}
	firstDay, lastDay := int64(math.MinInt64), never // whole days, [first, last)
	var out []store.Range
	seconds := func(a, b int64) {
		if a < b {
			out = append(out, store.Range{Table: store.Expiring, From: secondID(a), To: secondID(b)})
		}
	}
	const daySeconds = 86400
	if lo != math.MinInt64 {
		firstDay = int64(usance.DayOf(time.Unix(lo+daySeconds-1, 0)))
	}
	if hi != never {
		lastDay = int64(usance.DayOf(time.Unix(hi, 0)))
	}
	if firstDay >= lastDay {
		seconds(lo, hi)
		return out
	}
	if lo != math.MinInt64 {
		seconds(lo, firstDay*daySeconds)
	}
	out = append(out, store.Range{Table: store.Expiring, From: "d" + ordered(firstDay), To: "d" + ordered(lastDay)})
	if hi != never {
		seconds(lastDay*daySeconds, hi)
	}
	return out
}

// Resources returns a page of the resources that match, in the order of ids,
// after the cursor and skipping offset. Where the filter names a node, no page looks
// at more than usance.MaxResourceScan rows: one that has may hold fewer than limit,
// or none, and has a cursor.
func (l *Ledger) Resources(ctx context.Context, tenant usance.TenantID, f ResourceFilter, cursor string, offset, limit int) (ResourcePage, error) {
	if limit < 1 || limit > usance.MaxPageSize || offset < 0 {
		return ResourcePage{}, usance.Errorf(usance.KindInvalid, "a page has 1 to %d rows, and an offset of 0 or more", usance.MaxPageSize)
	}
	page, err := l.resourcesInAll(ctx, tenant, f, Moment{})
	if err != nil {
		return ResourcePage{}, err
	}
	r := store.Range{Table: store.Resources}
	if cursor != "" {
		r.From = cursor + "\x00"
	}
	scan, err := l.scanOf(&f)
	if err != nil {
		return ResourcePage{}, err
	}
	err = l.st.Scan(ctx, tenant, r, func(row store.Row) error {
		if scan.ended(&page.Next) {
			return errDone
		}
		res, err := scan.look(row)
		if err != nil || res == nil {
			return err
		}
		if offset > 0 {
			offset--
			return nil
		}
		if len(page.Resources) == limit {
			page.Next = page.Resources[limit-1].ID
			return errDone
		}
		page.Resources = append(page.Resources, *res)
		return nil
	})
	if err != nil && !errors.Is(err, errDone) {
		return ResourcePage{}, err
	}
	return page, nil
}
