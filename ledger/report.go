package ledger

import (
	"context"
	"errors"
	"time"

	"github.com/usance/usance"
	"github.com/usance/usance/internal/journal"
	"github.com/usance/usance/registry"
	"github.com/usance/usance/store"
)

// read loads what ask names with the tenant's definitions and calls answer on
// the rows; when the definitions turn out to have changed it begins anew.
func (l *Ledger) read(ctx context.Context, tenant usance.TenantID, ask func(*registry.Definitions) (store.Keys, error),
	answer func(*registry.Definitions, *store.Rows, journal.Head) error) error {
	defs, err := l.reg.Known(ctx, tenant)
	for range 8 {
		if err != nil {
			return err
		}
		keys, askErr := ask(defs)
		keys.Rows = append(keys.Rows, journal.HeadKey, dueKey)
		if askErr != nil {
			keys = store.Keys{Rows: []store.Key{journal.HeadKey, dueKey}}
		}
		rows, err := l.st.Load(ctx, tenant, keys)
		if err != nil {
			return err
		}
		head, err := journal.ReadHead(rows)
		if err != nil {
			return err
		}
		if head.Definitions == defs.Version {
			if askErr != nil {
				return askErr
			}
			late := (&tx{rows: rows, at: l.now()}).expireFirst()
			if late == nil {
				if err := answer(defs, rows, head); !errors.Is(err, errStale) {
					return err
				}
				continue
			}
			if errors.Is(late, errDue) {
				late = l.expire(ctx, tenant)
			}
			if late != nil {
				return late
			}
			continue
		}
		if defs, err = l.reg.At(ctx, tenant, head.Definitions); err != nil {
			return err
		}
	}
	return usance.Errorf(usance.KindUnavailable, "the definitions of tenant %s keep changing; try again", tenant)
}

// Report answers an Ask as of one moment. Unknown meters are KindInvalid.
func (l *Ledger) Report(ctx context.Context, tenant usance.TenantID, ask Ask) (Report, error) {
	var out Report
	var measures []*plan
	var quotas *sheetAt
	var reach usance.Day
	now := l.now()
	err := l.read(ctx, tenant, func(defs *registry.Definitions) (store.Keys, error) {
		var keys store.Keys
		measures = make([]*plan, 0, len(ask.Measures))
		for _, m := range ask.Measures {
			if m.Now {
				m.To = now.Add(1)
			}
			p, err := measurePlan(defs, m)
			if err != nil {
				return keys, err
			}
			p.reach = &reach
			p.name(&keys)
			measures = append(measures, p)
		}
		if quotas = nil; len(ask.Quotas) > 0 {
			s, err := l.sheets.of(defs, ask.Quotas)
			if err != nil {
				return keys, err
			}
			quotas = s.at(defs, now, &reach, &keys)
		}
		return keys, nil
	}, func(defs *registry.Definitions, rows *store.Rows, head journal.Head) error {
		// Read again: what was written while the rows were on their way is of before
		// now, and no event newer than now has its slot read event by event.
		out = Report{Sequence: head.Sequence, Newest: head.Newest, At: l.now()}
		var err error
		if out.Until, err = nextDue(rows); err != nil {
			return err
		}
		for i, p := range measures {
			if ask.Measures[i].Now {
				p.stretches[0].to = out.At.Add(1)
			}
			cells, err := p.eval(ctx, l, tenant, rows, head)
			if err != nil {
				return err
			}
			out.Measures = append(out.Measures, cells[0][0].value)
		}
		if quotas != nil {
			out.Quotas, err = quotas.readRows(ctx, l, tenant, rows, head)
			out.Until = earlier(out.Until, quotas.until)
		}
		return err
	})
	return out, err
}

func findMeter(defs *registry.Definitions, name string) (*usance.Meter, error) {
	m, ok := defs.Meter(name)
	if !ok {
		return nil, usance.Errorf(usance.KindNotFound, "there is no meter %q", name)
	}
	return m, nil
}

func measurePlan(defs *registry.Definitions, m Measure) (*plan, error) {
	meter, err := findMeter(defs, m.Meter)
	if err != nil {
		return nil, err
	}
	node := m.Node
	if node == "" {
		node = usance.Root
	}
	p := newPlan(defs, meter, node, []stretch{{m.From, m.To}})
	if len(m.Group) == 0 {
		p.add("", 0)
		return p, nil
	}
	values := make([]string, 0, len(m.Group))
	for _, k := range meter.GroupKeys() {
		v, ok := m.Group[k]
		if !ok {
			return nil, usance.Errorf(usance.KindInvalid, "meter %s: a measure of one group states all of %v", meter.Name, meter.GroupKeys())
		}
		values = append(values, v)
	}
	if len(values) != len(m.Group) {
		return nil, usance.Errorf(usance.KindInvalid, "meter %s groups by %v", meter.Name, meter.GroupKeys())
	}
	p.add(groupText(values), 0)
	return p, nil
}

// WaitFor returns once the tenant's sequence has reached at least seq, or
// KindUnavailable when ctx ends before. Another process may be the one that
// writes, so it looks at the store.
func (l *Ledger) WaitFor(ctx context.Context, tenant usance.TenantID, seq uint64) error {
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		head, err := l.head(ctx, tenant)
		if err == nil && head.Sequence >= seq {
			return nil
		}
		if err != nil && ctx.Err() == nil {
			return err
		}
		select {
		case <-ctx.Done():
			return usance.Errorf(usance.KindUnavailable, "sequence %d is not reached yet", seq)
		case <-tick.C:
		}
	}
}
