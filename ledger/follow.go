package ledger

import (
	"context"

	"github.com/go-json-experiment/json"

	"github.com/usance/usance"
	"github.com/usance/usance/internal/journal"
	"github.com/usance/usance/registry"
	"github.com/usance/usance/store"
)

// This is for those who keep a copy of what the ledger answers and follow its
// entries to know which answers have changed.

// Corrected returns the events that an entry voided, amended or brought back, as
// runs of first sequence and length; none for entries that did not.
func Corrected(e *journal.Entry) ([][2]uint64, error) {
	switch e.Kind {
	case journal.Correction:
		var c correction
		if err := json.Unmarshal(e.Change.After, &c); err != nil {
			return nil, usance.ErrCorrupt
		}
		return [][2]uint64{{c.Of, 1}}, nil
	case journal.Range:
		if e.Change.After == nil {
			return nil, nil
		}
		var r rangeEntry
		if err := json.Unmarshal(e.Change.After, &r); err != nil {
			return nil, usance.ErrCorrupt
		}
		return r.Runs, nil
	}
	return nil, nil
}

// MovedBy returns from where to where an entry of kind journal.Move took a node.
func MovedBy(e *journal.Entry) (from, to usance.Path, err error) {
	m, err := moveOf(e)
	return m.from, m.to, err
}

// MetersOf returns the names of the meters that an event counts towards under the
// definitions, a name perhaps twice.
func MetersOf(defs *registry.Definitions, e *usance.Event) ([]string, error) {
	list, err := shares(defs, e)
	if err != nil {
		return nil, err
	}
	names := make([]string, 0, len(list))
	for i := range list {
		names = append(names, list[i].meter.Name)
	}
	return names, nil
}

// EventAt returns the event of a sequence as it counted when asOf was the newest
// entry.
func (l *Ledger) EventAt(ctx context.Context, tenant usance.TenantID, sequence, asOf uint64) (StoredEvent, error) {
	c, err := l.countedAt(ctx, tenant, sequence, asOf)
	if err != nil {
		return StoredEvent{}, err
	}
	return stored(c), nil
}

// Series calls fn for each meter and node, in that order, at or below which
// anything was ever counted: where Query may have an answer.
func (l *Ledger) Series(ctx context.Context, tenant usance.TenantID, fn func(meter string, node usance.Path) error) error {
	var last series
	return l.st.Scan(ctx, tenant, store.Range{Table: store.Totals}, func(r store.Row) error {
		meter, rest, ok := cutText(r.ID)
		if !ok {
			return usance.ErrCorrupt
		}
		node, _, ok := cutText(rest)
		if !ok {
			return usance.ErrCorrupt
		}
		at := series{meter: meter, node: usance.Path(node)}
		if at == last {
			return nil
		}
		last = at
		return fn(at.meter, at.node)
	})
}
