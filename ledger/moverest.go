package ledger

import (
	"context"
	"slices"

	"github.com/usance/usance"
	"github.com/usance/usance/store"
)

// What a node above the moved one keeps of a minimum, a maximum or a set cannot be
// worked out from its own rows: here it is folded from the events.

// others folds, for the series whose aggregation has no inverse, what else the
// lost nodes have in the slots that the subtree has something in.
func (m *mover) others(ctx context.Context, tops []*top) error {
	if len(m.lost) == 0 {
		return nil
	}
	type place struct{ meter, group string }
	wanted := map[place]*top{}
	days := map[usance.Day]struct{}{}
	for _, t := range tops {
		switch t.meter.Aggregation {
		case usance.AggMin, usance.AggMax, usance.AggUnique:
		default:
			continue
		}
		t.rest = map[restKey]*usance.State{}
		wanted[place{t.meter.Name, t.group}] = t
		for i := range m.lost {
			for _, s := range t.slots {
				t.rest[restKey{lost: i, at: s.at}] = &usance.State{}
				days[s.at.day()] = struct{}{}
			}
			for _, h := range t.hits {
				t.rest[restKey{lost: i, at: h.at, value: h.value}] = &usance.State{}
				days[h.at.day()] = struct{}{}
			}
		}
	}
	return m.eachOther(ctx, days, func(e *counted, sh *share) {
		key := restKey{at: tickAt(e.Event.Time)}
		if sh.meter.Aggregation == usance.AggUnique {
			key.value = valueHash(sh.Value)
		}
		groups := []string{""}
		if len(sh.meter.GroupBy) > 0 {
			groups = append(groups, groupText(sh.Group))
		}
		for _, g := range groups {
			t, ok := wanted[place{sh.meter.Name, g}]
			if !ok {
				continue
			}
			for key.lost = range m.lost {
				if rest, ok := t.rest[key]; ok && e.Event.Node.Within(m.lost[key.lost]) {
					*rest = rest.Merge(sh.state())
				}
			}
		}
	})
}

// eachOther calls fn on what each event of some days adds that counts at a lost
// node and not in the subtree.
func (m *mover) eachOther(ctx context.Context, days map[usance.Day]struct{}, fn func(*counted, *share)) error {
	list := make([]usance.Day, 0, len(days))
	for d := range days {
		list = append(list, d)
	}
	slices.Sort(list)
	p, highest := m.events, usance.Root
	if len(m.lost) > 0 {
		highest = m.lost[len(m.lost)-1]
	}
	for i := 0; i < len(list); {
		j := i + 1
		for j < len(list) && list[j] == list[j-1]+1 {
			j++
		}
		span := stretch{list[i].Start(), (list[j-1] + 1).Start()}
		i = j
		err := p.l.eachEvent(ctx, p.tenant, span, p.asOf, func(e *counted) error {
			if err := m.scan.take(1); err != nil {
				return err
			}
			if e.Event.Node.Within(m.from) || !e.Event.Node.Within(highest) {
				return nil
			}
			list, err := p.past.shares(ctx, e)
			for i := range list {
				fn(e, &list[i])
			}
			return err
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// replace folds the least and greatest of a lost node anew, from what else there
// is in the slots of the subtree and from all other slots.
func (m *mover) replace(t *top, lost int) error {
	agg := t.meter.Aggregation
	id := series{t.meter.Name, m.lost[lost], t.group}.id()
	rows, err := m.load(store.Keys{Rows: []store.Key{{Table: store.Totals, ID: id}},
		Ranges: []store.Range{{Table: store.Rollups, From: id, To: after(id), Limit: m.rows.limit()}}})
	if err != nil {
		return err
	}
	if err := m.rows.take(len(rows.Range(0))); err != nil {
		return err
	}
	old, ok := rows.Get(store.Totals, id)
	if !ok {
		return usance.ErrCorrupt
	}
	sum, err := decodeTotal(old, agg)
	if err != nil {
		return err
	}
	want := sum.state.Count - t.total.state.Count
	sum.state = usance.State{}
	for _, row := range rows.Range(0) {
		day, _, ok := cutDay(row.ID[len(id):])
		if !ok {
			return usance.ErrCorrupt
		}
		slots, err := decodeSlots(nil, day, row.Value, agg)
		if err != nil {
			return err
		}
		changed := false
		for i := range slots {
			if rest, ok := t.rest[restKey{lost: lost, at: slots[i].at}]; ok {
				slots[i].state, changed = *rest, true
			}
			sum.state = sum.state.Merge(slots[i].state)
		}
		if !changed {
			continue
		}
		b := appendSlots(nil, slots, agg)
		m.out.replaced = append(m.out.replaced, store.Change{Key: store.Key{Table: store.Rollups, ID: row.ID}, Value: b, Deleted: len(b) == 0})
	}
	if sum.state.Count != want {
		return usance.ErrCorrupt // the events do not give what the rows have
	}
	m.out.replaced = append(m.out.replaced, store.Change{Key: store.Key{Table: store.Totals, ID: id}, Value: sum.encode(agg)})
	return nil
}
