package ledger

import (
	"context"

	"github.com/usance/usance"
	"github.com/usance/usance/internal/journal"
	"github.com/usance/usance/registry"
	"github.com/usance/usance/store"
)

// past finds the definitions that an event was counted under: those in force
// when its entry was written. Folding events under later ones would give other
// numbers than the views, which do not change when a meter is given another
// source.
type past struct {
	l       *Ledger
	tenant  usance.TenantID
	current *registry.Definitions
	history *journal.Past
	known   map[uint64]*registry.Definitions
}

func (l *Ledger) past(tenant usance.TenantID, current *registry.Definitions) *past {
	return &past{l: l, tenant: tenant, current: current, known: map[uint64]*registry.Definitions{}}
}

func (p *past) at(ctx context.Context, sequence uint64) (*registry.Definitions, error) {
	if sequence >= p.current.Version {
		return p.current, nil
	}
	if p.history == nil {
		rows, err := p.l.st.Load(ctx, p.tenant, store.Keys{Ranges: []store.Range{{Table: store.History}}})
		if err != nil {
			return nil, err
		}
		if p.history, err = journal.ReadPast(rows.Range(0)); err != nil {
			return nil, err
		}
	}
	version := p.history.Version(sequence)
	if d, ok := p.known[version]; ok {
		return d, nil
	}
	d, err := registry.Restore(version, p.history.Rows(version))
	if err == nil {
		p.known[version] = d
	}
	return d, err
}
