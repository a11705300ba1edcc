package ledger

import (
	"cmp"
	"context"
	"encoding/binary"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/usance/usance"
	"github.com/usance/usance/internal/journal"
	"github.com/usance/usance/registry"
	"github.com/usance/usance/store"
)

// The grants table has, for each meter and node, what resources add to the quota
// there: those that are alive and those that will be. A row is kept by the entries
// of the resources it names; what has expired by the time of such an entry is left
// out then. So a limit is one row and the clock, and ends to the second although
// nobody writes anything when a grant does. The row without a name says that there
// ever was a grant.

// grant is one resource's part of a row of grants.
type grant struct {
	resource        string
	amount          usance.Amount
	starts, expires int64 // seconds; begin for always, never for never
}

// begin is the start of what always was.
const begin = int64(math.MinInt64)

// alive reports that the grant counts at an instant.
func (g *grant) alive(at time.Time) bool { s := at.Unix(); return g.starts <= s && s < g.expires }

func (g *grant) reading() usance.GrantReading {
	out := usance.GrantReading{Resource: g.resource, Amount: g.amount}
	if g.starts != begin {
		out.Starts = time.Unix(g.starts, 0).UTC()
	}
	if g.expires != never {
		out.Expires = time.Unix(g.expires, 0).UTC()
	}
	return out
}

// grantsID is the row of what is granted to the quota of a meter at a node.
func grantsID(meter string, node usance.Path) string { return groupsPrefix(meter, node) }

func grantsKey(meter string, node usance.Path) store.Key {
	return store.Key{Table: store.Grants, ID: grantsID(meter, node)}
}

// grantsOf returns what a resource grants, by row.
func grantsOf(r *usance.Resource) map[string]grant {
	if r == nil || r.Frozen || len(r.Grants) == 0 {
		return nil
	}
	g := grant{resource: r.ID, starts: begin, expires: expirySecond(r)}
	if !r.Starts.IsZero() {
		g.starts = r.Starts.Unix()
	}
	out := make(map[string]grant, len(r.Grants))
	for i := range r.Grants {
		g.amount = r.Grants[i].Amount
		out[grantsID(r.Grants[i].Meter, r.GrantNode(i))] = g
	}
	return out
}

// nameGrants names the rows that moving a resource changes.
func nameGrants(keys *store.Keys, resources ...*usance.Resource) {
	for _, r := range resources {
		if r == nil {
			continue
		}
		for i := range r.Grants {
			keys.Rows = append(keys.Rows, grantsKey(r.Grants[i].Meter, r.GrantNode(i)))
		}
	}
}

// decodeGrants reads a row, in the order of the resources' ids.
func decodeGrants(b []byte) ([]grant, error) {
	var out []grant
	for len(b) > 0 {
		size, n := binary.Uvarint(b)
		if n <= 0 || size > uint64(len(b)-n) {
			return nil, usance.ErrCorrupt
		}
		g := grant{resource: string(b[n : n+int(size)])}
		b = b[n+int(size):]
		for _, v := range []*int64{&g.starts, &g.expires, &g.amount} {
			if *v, n = binary.Varint(b); n <= 0 {
				return nil, usance.ErrCorrupt
			}
			b = b[n:]
		}
		out = append(out, g)
	}
	return out, nil
}

func encodeGrants(list []grant) []byte {
	var b []byte
	for i := range list {
		g := &list[i]
		b = binary.AppendUvarint(b, uint64(len(g.resource)))
		b = append(b, g.resource...)
		for _, v := range []int64{g.starts, g.expires, g.amount} {
			b = binary.AppendVarint(b, v)
		}
	}
	return b
}

// moveGrants updates the rows of what a resource granted to what it grants. What
// has expired by at, the time of the entry that changes the resource, is left out.
func moveGrants(rows *store.Rows, old, next *usance.Resource, at time.Time) error {
	was, is := grantsOf(old), grantsOf(next)
	touched := make(map[string]struct{}, len(was)+len(is))
	for id := range was {
		touched[id] = struct{}{}
	}
	for id := range is {
		touched[id] = struct{}{}
	}
	if len(touched) > 0 {
		rows.Put(store.Grants, "", nil)
	}
	for id := range touched {
		b, _ := rows.Get(store.Grants, id)
		list, err := decodeGrants(b)
		if err != nil {
			return err
		}
		list = slices.DeleteFunc(list, func(g grant) bool {
			return g.expires <= at.Unix() || old != nil && g.resource == old.ID || next != nil && g.resource == next.ID
		})
		if g, grants := is[id]; grants && g.expires > at.Unix() {
			i, _ := slices.BinarySearchFunc(list, g.resource, func(g grant, id string) int { return strings.Compare(g.resource, id) })
			list = slices.Insert(list, i, g)
		}
		if len(list) == 0 {
			rows.Delete(store.Grants, id)
			continue
		}
		rows.Put(store.Grants, id, encodeGrants(list))
	}
	return nil
}

// checkGrants returns why a resource may not grant what it does, given the rows
// with its grants in them: a meter that can have no quota, more grants to one
// quota than are kept, or more than a limit can be.
func checkGrants(rows *store.Rows, defs *registry.Definitions, r *usance.Resource) error {
	if r == nil {
		return nil
	}
	for i := range r.Grants {
		meter, node := r.Grants[i].Meter, r.GrantNode(i)
		if m, ok := defs.Meter(meter); !ok {
			return usance.Errorf(usance.KindInvalid, "there is no meter %q to grant", meter)
		} else if !m.Aggregation.Quotable() {
			return usance.Errorf(usance.KindInvalid, "a %s meter cannot have a quota, so %s cannot be granted", m.Aggregation, meter)
		}
		b, _ := rows.Get(store.Grants, grantsID(meter, node))
		list, err := decodeGrants(b)
		if err != nil {
			return err
		}
		if len(list) > usance.MaxQuotaGrants {
			return usance.Errorf(usance.KindTooLarge, "%s at %s has %d grants already, the most there may be", meter, node, usance.MaxQuotaGrants)
		}
		var sum usance.Sum
		for _, g := range list {
			sum = sum.Plus(usance.SumOf(g.amount))
		}
		q, _ := defs.Quota(registry.QuotaRef{Node: node, Meter: meter})
		if _, fits := usance.EffectiveLimit(q.Limit, sum); !fits {
			return usance.Errorf(usance.KindInvalid, "what is granted of %s at %s would pass the largest limit, %d", meter, node, usance.MaxLimit)
		}
	}
	return nil
}

// readGrants returns the grants in a row; see grantsID.
func readGrants(rows *store.Rows, id string) ([]grant, error) {
	b, ok := rows.Get(store.Grants, id)
	if !ok {
		return nil, nil
	}
	return decodeGrants(b)
}

// granted adds up what is alive at an instant.
func granted(list []grant, at time.Time) (sum usance.Sum) {
	for i := range list {
		if list[i].alive(at) {
			sum = sum.Plus(usance.SumOf(list[i].amount))
		}
	}
	return sum
}

// nextEdge returns when, after an instant, a grant next begins or ends.
func nextEdge(list []grant, now time.Time) time.Time {
	next := Always()
	for i := range list {
		for _, s := range []int64{list[i].starts, list[i].expires} {
			if s != begin && s != never && s > now.Unix() {
				next = earlier(next, time.Unix(s, 0))
			}
		}
	}
	return next
}

// inForce returns q with the limit that it has at an instant.
func inForce(rows *store.Rows, q usance.Quota, at time.Time) (usance.Quota, error) {
	list, err := readGrants(rows, grantsID(q.Meter, q.Node))
	if err == nil && len(list) > 0 {
		q.Limit, _ = usance.EffectiveLimit(q.Limit, granted(list, at))
	}
	return q, err
}

// listGrants returns the grants alive at an instant, the soonest to expire first,
// at most usance.MaxGrantsListed, and how many there are.
func listGrants(list []grant, at time.Time) ([]usance.GrantReading, int) {
	var live []grant
	for _, g := range list {
		if g.alive(at) {
			live = append(live, g)
		}
	}
	return readingsOf(live)
}

func readingsOf(list []grant) ([]usance.GrantReading, int) {
	slices.SortStableFunc(list, func(a, b grant) int { return cmp.Compare(a.expires, b.expires) })
	var out []usance.GrantReading
	for i := range list[:min(len(list), usance.MaxGrantsListed)] {
		out = append(out, list[i].reading())
	}
	return out, len(list)
}

// Limits returns the limits in force now of quotas, in their order, without
// looking at what is used. Where there is no quota it is usance.Unlimited.
func (l *Ledger) Limits(ctx context.Context, tenant usance.TenantID, refs []registry.QuotaRef) (limits []usance.Amount, sequence uint64, err error) {
	now := l.now()
	err = l.read(ctx, tenant, func(*registry.Definitions) (keys store.Keys, err error) {
		for _, ref := range refs {
			keys.Rows = append(keys.Rows, grantsKey(ref.Meter, ref.Node))
		}
		return keys, nil
	}, func(defs *registry.Definitions, rows *store.Rows, head journal.Head) error {
		limits, sequence = make([]usance.Amount, len(refs)), head.Sequence
		for i, ref := range refs {
			limits[i] = usance.Unlimited
			if q, ok := defs.Quota(ref); ok {
				q, err := inForce(rows, q, now)
				if err != nil {
					return err
				}
				limits[i] = q.Limit
			}
		}
		return nil
	})
	return limits, sequence, err
}
