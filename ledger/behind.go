package ledger

import (
	"context"
	"slices"

	"github.com/usance/usance"
	"github.com/usance/usance/registry"
)

// behind finds the events behind a meter's number: those that count towards it,
// each under the definitions that it was counted with.
type behind struct {
	meter  *usance.Meter
	group  map[string][]string
	past   *past
	tenant usance.TenantID
}

// behind returns what the filter's Meter and Group ask for, or nil. An unknown
// meter is KindNotFound, a group-by key that it lacks KindInvalid.
func (l *Ledger) behind(ctx context.Context, tenant usance.TenantID, f *EventFilter) (*behind, error) {
	if f.Meter == "" {
		return nil, nil
	}
	defs, err := l.reg.Definitions(ctx, tenant)
	if err != nil {
		return nil, err
	}
	m, err := findMeter(defs, f.Meter)
	if err != nil {
		return nil, err
	}
	for key := range f.Group {
		if _, ok := m.GroupBy[key]; !ok {
			return nil, usance.Errorf(usance.KindInvalid, "meter %s does not group by %q", m.Name, key)
		}
	}
	return &behind{meter: m, group: f.Group, past: l.past(tenant, defs), tenant: tenant}, nil
}

// counts reports whether an event counts towards the meter.
func (b *behind) counts(ctx context.Context, e *counted) (bool, error) {
	if b == nil {
		return true, nil
	}
	if e.correction.void() {
		return false, nil
	}
	defs, err := b.past.at(ctx, e.since)
	if err != nil || !mayCount(defs, e.Event.Type, b.meter) {
		return false, err
	}
	list, err := shares(defs, &e.Event)
	if err != nil {
		return false, err
	}
	for i := range list {
		if list[i].meter.Name == b.meter.Name && b.in(list[i].Group) {
			return true, nil
		}
	}
	return false, nil
}

// mayCount spares events of other types a look into their data.
func mayCount(defs *registry.Definitions, eventType string, m *usance.Meter) bool {
	switch eventType {
	case registry.LevelEvent:
		return m.Aggregation == usance.AggLevel
	case registry.GaugeEvent:
		return m.Aggregation == usance.AggGauge
	case chargeEvent:
		return true
	}
	return slices.ContainsFunc(defs.Feeds(eventType), func(f registry.Feed) bool { return f.Meter.Name == m.Name })
}

func (b *behind) in(group []string) bool {
	for i, key := range b.meter.GroupKeys() {
		if want, ok := b.group[key]; ok && (i >= len(group) || !slices.Contains(want, group[i])) {
			return false
		}
	}
	return true
}
