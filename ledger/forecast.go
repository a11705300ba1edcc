package ledger

import (
	"context"
	"time"

	"github.com/usance/usance"
	"github.com/usance/usance/internal/journal"
	"github.com/usance/usance/registry"
	"github.com/usance/usance/store"
)

// Forecast is a quota that will be over its limit at a later time if nobody does
// anything: what is used and reserved now, against the grants of then.
type Forecast struct {
	usance.Quota               // with the limit in force now
	Base         usance.Amount // the quota's own limit
	Then         usance.Amount // the limit in force at the time asked about
	Used         usance.Amount // what is known now of the window that the time lies in
	Reserved     usance.Amount // open holds, whenever they end
	ShortBy      usance.Amount // by how much Used and Reserved pass Then
	// Lapses are the grants alive now that are not then, Begins those alive only
	// then: at most usance.MaxGrantsListed of each, the soonest to expire first.
	Lapses, Begins         []usance.GrantReading
	LapseCount, BeginCount int
}

// Forecast returns those of the quotas, in their order, that will be over their
// limits at a time from now on, and by which grants' ends. A quota by day or month
// is looked at in the window that the time lies in, of which as a rule nothing is
// used yet. KindInvalid for a time that is past, or beyond usance.Latest.
func (l *Ledger) Forecast(ctx context.Context, tenant usance.TenantID, refs []registry.QuotaRef, at time.Time) ([]Forecast, uint64, error) {
	now := l.now()
	if at.Before(now) || !at.Before(usance.Latest) {
		return nil, 0, usance.Errorf(usance.KindInvalid, "a forecast is for a time from now on, before %d", usance.Latest.Year())
	}
	type asked struct {
		quota usance.Quota
		use   *plan
	}
	var out []Forecast
	var sequence uint64
	var plans []asked
	err := l.read(ctx, tenant, func(defs *registry.Definitions) (keys store.Keys, err error) {
		plans = plans[:0]
		for _, ref := range refs {
			q, ok := defs.Quota(ref)
			if !ok || q.Limit == usance.Unlimited {
				continue
			}
			meter, err := findMeter(defs, ref.Meter)
			if err != nil {
				return keys, err
			}
			var s stretch
			s.from, s.to = q.Window.Bounds(at, defs.Zone)
			p := newPlan(defs, meter, ref.Node, []stretch{s})
			p.add("", 0)
			p.name(&keys)
			keys.Rows = append(keys.Rows, store.Key{Table: store.Balances, ID: p.series[0].id}, grantsKey(ref.Meter, ref.Node))
			plans = append(plans, asked{q, p})
		}
		return keys, nil
	}, func(_ *registry.Definitions, rows *store.Rows, head journal.Head) error {
		out, sequence = nil, head.Sequence
		for _, a := range plans {
			cells, err := a.use.eval(ctx, l, tenant, rows, head)
			if err != nil {
				return err
			}
			reserved, err := readBalance(rows, a.use.series[0].id)
			if err != nil {
				return err
			}
			list, err := readGrants(rows, grantsID(a.quota.Meter, a.quota.Node))
			if err != nil {
				return err
			}
			if f, over := forecast(a.quota, taken{cells[0][0].value, reserved}, list, now, at); over {
				out = append(out, f)
			}
		}
		return nil
	})
	return out, sequence, err
}

// forecast works one quota out; over is false where its limit will do.
func forecast(q usance.Quota, t taken, list []grant, now, at time.Time) (f Forecast, over bool) {
	f = Forecast{Quota: q, Base: q.Limit, Used: t.used.Clamp(), Reserved: t.reserved.Clamp()}
	f.Then, _ = usance.EffectiveLimit(f.Base, granted(list, at))
	if f.ShortBy = usance.Over(f.Then, t.sum()); f.ShortBy == 0 {
		return f, false
	}
	f.Limit, _ = usance.EffectiveLimit(f.Base, granted(list, now))
	var lapses, begins []grant
	for _, g := range list {
		switch {
		case g.alive(now) && !g.alive(at):
			lapses = append(lapses, g)
		case !g.alive(now) && g.alive(at):
			begins = append(begins, g)
		}
	}
	f.Lapses, f.LapseCount = readingsOf(lapses)
	f.Begins, f.BeginCount = readingsOf(begins)
	return f, true
}
