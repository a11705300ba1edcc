package ledger

import (
	"context"
	"encoding/binary"
	"math"
	"math/bits"
	"time"

	"github.com/usance/usance"
	"github.com/usance/usance/internal/journal"
	"github.com/usance/usance/registry"
	"github.com/usance/usance/store"
)

// Soon is how far ahead a Summary counts what expires.
const Soon = 7 * 24 * time.Hour

// near is the share of a limit, in millionths, from which a quota is near it.
const near = 800_000

// perLoad is how many quotas one load reads.
const perLoad = usance.MaxPageSize

// Summary is what an overview says of a tenant, as of one moment: the figures that
// Quotas, Query, Resources and CountResources would give.
type Summary struct {
	Sequence uint64
	Tenant   usance.Tenant

	// Quotas is how many quotas the tenant has, and Looked at how many of them the
	// figures below come from: the first usance.MaxSummaryQuotas by node and meter.
	Quotas, Looked int
	// Tightest is the quota with the greatest share of its limit taken, the first of
	// several; nil when nothing has a limit that means anything. One of a limit of 0
	// of which something is taken goes before all others.
	Tightest *Tightness
	Over     int // quotas over their limits
	Near     int // quotas not over, with 80% or more taken

	// Today is what the meter has from the start of the tenant's day until now, and
	// Yesterday what it had from the start of the day before until 24 hours before the
	// whole minute that now lies in; of a level or gauge how it stands now and stood
	// then. Measured is false where the tenant has no such meter.
	Today, Yesterday usance.Sum
	Measured         bool
	Unit             string // of the meter

	// Expiring is how many resources expire from now on until Soon from now, and Next
	// which expires next, whenever that is.
	Expiring int64
	Next     *Expiry

	// Until is when it may read otherwise without anything being written.
	Until time.Time
}

// Expiry is when a resource expires.
type Expiry struct {
	Resource string
	Expires  time.Time
}

// Tightness is how much of a quota's limit is taken.
type Tightness struct {
	usance.Quota // with the limit in force
	Unit         string
	Used         usance.Amount
	Reserved     usance.Amount
	// Share is Used and Reserved as millionths of the limit, rounded down; meaningless
	// when the limit is 0.
	Share int64
}

// order is what the tightest quota has the most of.
func (t *Tightness) order() int64 {
	if t.Limit == 0 {
		return math.MaxInt64
	}
	return t.Share
}

// shareOf returns what is taken of a limit above 0, in millionths, rounded down.
func shareOf(taken, limit usance.Amount) int64 {
	hi, lo := bits.Mul64(uint64(taken), 1_000_000)
	if hi >= uint64(limit) {
		return math.MaxInt64
	}
	share, _ := bits.Div64(hi, lo, uint64(limit))
	return int64(min(share, math.MaxInt64))
}

// summing works a summary out.
type summing struct {
	l      *Ledger
	ctx    context.Context
	tenant usance.TenantID
	meter  string
	now    time.Time
	out    Summary

	usage  []*plan // of today, and of yesterday
	ranges int     // where those of resources begin
	soon   []store.Range
}

// limited is a quota with a limit, and what its use is read from.
type limited struct {
	quota usance.Quota
	use   *plan
	ends  time.Time // its window
}

// Summary sums a tenant up for an overview, with the usage of one meter, which need
// not exist. It reads in one load what a tenant with no more than 1000 quotas has,
// and in one more for each further thousand. KindNotFound for a tenant that does not
// exist.
func (l *Ledger) Summary(ctx context.Context, tenant usance.TenantID, meter string) (Summary, error) {
	s := &summing{l: l, ctx: ctx, tenant: tenant, meter: meter, now: l.now()}
	var quotas []limited
	var all []usance.Quota
	err := l.read(ctx, tenant, func(defs *registry.Definitions) (keys store.Keys, err error) {
		all = defs.Quotas(usance.Root, true)
		s.out = Summary{Tenant: defs.Tenant, Quotas: len(all), Looked: min(len(all), usance.MaxSummaryQuotas)}
		all = all[:s.out.Looked]
		if err := s.nameUsage(defs, &keys); err != nil {
			return keys, err
		}
		s.nameResources(&keys)
		quotas, err = s.nameQuotas(defs, all[:min(len(all), perLoad)], &keys)
		return keys, err
	}, func(_ *registry.Definitions, rows *store.Rows, head journal.Head) (err error) {
		s.out.Sequence = head.Sequence
		if s.out.Until, err = nextDue(rows); err != nil {
			return err
		}
		if err := s.readUsage(rows, head); err != nil {
			return err
		}
		if err := s.readResources(rows); err != nil {
			return err
		}
		return s.readQuotas(quotas, rows, head)
	})
	for from := perLoad; err == nil && from < len(all); from += perLoad {
		err = s.further(all[from:min(from+perLoad, len(all))])
	}
	return s.out, err
}

// further reads more quotas, as many of them as there still are.
func (s *summing) further(list []usance.Quota) error {
	var quotas []limited
	before := s.out
	return s.l.read(s.ctx, s.tenant, func(defs *registry.Definitions) (keys store.Keys, err error) {
		quotas, err = s.nameQuotas(defs, list, &keys)
		return keys, err
	}, func(_ *registry.Definitions, rows *store.Rows, head journal.Head) error {
		s.out = before
		return s.readQuotas(quotas, rows, head)
	})
}

func (s *summing) nameUsage(defs *registry.Definitions, keys *store.Keys) error {
	s.usage = nil
	m, ok := defs.Meter(s.meter)
	if s.out.Measured = ok; !ok {
		return nil
	}
	s.out.Unit = m.Unit
	day, _ := usance.DayWindow.Bounds(s.now, defs.Zone)
	before, _ := usance.DayWindow.Bounds(day.Add(-1), defs.Zone)
	then := s.now.Truncate(time.Minute).Add(-24 * time.Hour)
	if then.Before(before) { // the day before had 23 hours, and this one has only begun
		before = then
	}
	for _, at := range []stretch{{day, s.now}, {before, then}} {
		p := newPlan(defs, m, usance.Root, []stretch{at})
		p.add("", 0)
		p.name(keys)
		s.usage = append(s.usage, p)
	}
	return nil
}

func (s *summing) readUsage(rows *store.Rows, head journal.Head) error {
	if len(s.usage) == 0 {
		return nil
	}
	for i, sum := range []*usance.Sum{&s.out.Today, &s.out.Yesterday} {
		cells, err := s.usage[i].eval(s.ctx, s.l, s.tenant, rows, head)
		if err != nil {
			return err
		}
		*sum = cells[0][0].value
	}
	_, midnight := usance.DayWindow.Bounds(s.now, s.usage[0].defs.Zone)
	s.out.Until = earlier(s.out.Until, midnight)
	if !head.Newest.Before(s.usage[1].stretches[0].to) { // more may come to lie before the end of yesterday's
		s.out.Until = earlier(s.out.Until, s.now.Truncate(time.Minute).Add(time.Minute))
	}
	if !head.Newest.Before(s.now) { // it will be passed
		s.out.Until = s.now
	}
	return nil
}

// nameResources names what expires soon, what expires next, and what is the first
// that is not soon.
func (s *summing) nameResources(keys *store.Keys) {
	s.ranges, s.soon = len(keys.Ranges), expiringRanges(s.now, s.now.Add(Soon))
	keys.Ranges = append(keys.Ranges, s.soon...)
	for _, from := range []int64{firstSecond(s.now), s.now.Add(Soon).Unix() + 1} {
		keys.Ranges = append(keys.Ranges, store.Range{Table: store.Expiries, From: ordered(from), To: ordered(never), Limit: 1})
	}
}

// firstSecond is the first whole second that does not lie before t.
func firstSecond(t time.Time) int64 {
	if t.Nanosecond() > 0 {
		return t.Unix() + 1
	}
	return t.Unix()
}

func (s *summing) readResources(rows *store.Rows) error {
	for i := range s.soon {
		for _, row := range rows.Range(s.ranges + i) {
			c, err := decodeCounts(row.Value)
			if err != nil {
				return err
			}
			for _, n := range c {
				s.out.Expiring += n
			}
		}
	}
	next := func(i int) (*Expiry, error) {
		found := rows.Range(s.ranges + len(s.soon) + i)
		if len(found) == 0 {
			return nil, nil
		}
		if len(found[0].ID) < 8 {
			return nil, usance.ErrCorrupt
		}
		second := int64(binary.BigEndian.Uint64([]byte(found[0].ID)) ^ 1<<63)
		return &Expiry{Resource: found[0].ID[8:], Expires: time.Unix(second, 0).UTC()}, nil
	}
	first, err := next(0)
	if err != nil {
		return err
	}
	if s.out.Next = first; first != nil {
		s.out.Until = earlier(s.out.Until, first.Expires.Add(1))
	}
	later, err := next(1)
	if later != nil {
		s.out.Until = earlier(s.out.Until, later.Expires.Add(-Soon))
	}
	return err
}

func (s *summing) nameQuotas(defs *registry.Definitions, list []usance.Quota, keys *store.Keys) ([]limited, error) {
	var out []limited
	for _, q := range list {
		q, ok := defs.Quota(registry.QuotaRef{Node: q.Node, Meter: q.Meter})
		if !ok || q.Limit == usance.Unlimited {
			continue
		}
		m, err := findMeter(defs, q.Meter)
		if err != nil {
			return nil, err
		}
		var at stretch
		at.from, at.to = q.Window.Bounds(s.now, defs.Zone)
		p := newPlan(defs, m, q.Node, []stretch{at})
		p.add("", 0)
		p.name(keys)
		keys.Rows = append(keys.Rows, store.Key{Table: store.Balances, ID: p.series[0].id}, grantsKey(q.Meter, q.Node))
		out = append(out, limited{q, p, at.to})
	}
	return out, nil
}

func (s *summing) readQuotas(list []limited, rows *store.Rows, head journal.Head) error {
	for _, x := range list {
		cells, err := x.use.eval(s.ctx, s.l, s.tenant, rows, head)
		if err != nil {
			return err
		}
		reserved, err := readBalance(rows, x.use.series[0].id)
		if err != nil {
			return err
		}
		grants, err := readGrants(rows, grantsID(x.quota.Meter, x.quota.Node))
		if err != nil {
			return err
		}
		if !x.ends.IsZero() {
			s.out.Until = earlier(s.out.Until, x.ends)
		}
		s.out.Until = earlier(s.out.Until, nextEdge(grants, s.now))
		s.count(x.quota, x.use.meter.Unit, taken{cells[0][0].value, reserved}, granted(grants, s.now))
	}
	return nil
}

// count takes one quota into account.
func (s *summing) count(q usance.Quota, unit string, t taken, grants usance.Sum) {
	q.Limit, _ = usance.EffectiveLimit(q.Limit, grants)
	if q.Limit == usance.Unlimited {
		return
	}
	x := Tightness{Quota: q, Unit: unit, Used: t.used.Clamp(), Reserved: t.reserved.Clamp()}
	switch {
	case q.Limit > 0:
		x.Share = shareOf(t.sum().Clamp(), q.Limit)
	case t.sum().IsZero():
		return
	}
	switch {
	case usance.Over(q.Limit, t.sum()) > 0:
		s.out.Over++
	case x.Share >= near:
		s.out.Near++
	}
	if s.out.Tightest == nil || x.order() > s.out.Tightest.order() {
		s.out.Tightest = &x
	}
}
