package ledger

import (
	"context"

	"github.com/go-json-experiment/json"

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

// shares works out what an event feeds, by the definitions that it was counted by.
func (p *past) shares(ctx context.Context, e *counted) ([]share, error) {
	defs, err := p.at(ctx, e.since)
	if err != nil {
		return nil, err
	}
	return shares(defs, &e.Event)
}

func (p *past) at(ctx context.Context, sequence uint64) (*registry.Definitions, error) {
	if sequence >= p.current.Version {
		return p.current, nil
	}
	if err := p.read(ctx); err != nil {
		return nil, err
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

func (p *past) read(ctx context.Context) error {
	if p.history != nil {
		return nil
	}
	rows, err := p.l.st.Load(ctx, p.tenant, store.Keys{Ranges: []store.Range{{Table: store.History}}})
	if err != nil {
		return err
	}
	p.history, err = journal.ReadPast(rows.Range(0))
	return err
}

// meter returns a meter that has usage: as it is defined, or as it was last
// defined by a sequence when it is no more.
func (p *past) meter(ctx context.Context, name string, by uint64) (*usance.Meter, error) {
	if m, ok := p.current.Meter(name); ok {
		return m, nil
	}
	if err := p.read(ctx); err != nil {
		return nil, err
	}
	b := p.history.Last("meter", name, by)
	if b == nil {
		return nil, usance.ErrCorrupt // nothing else can have fed it
	}
	m := new(usance.Meter)
	return m, json.Unmarshal(b, m)
}
