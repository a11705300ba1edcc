package ledger

import (
	"context"
	"time"

	"github.com/usance/usance"
	"github.com/usance/usance/registry"
	"github.com/usance/usance/store"
)

// readings are quotas read in the step that changes them, as it leaves them, by
// the same plans as a Report. That saves a load, and answers for the very moment of
// the step. A quota whose plan reads a range cannot be read so, because ranges
// show rows as they were before the step.
type readings struct {
	quotas []*quotaPlan
	out    []QuotaReading // once read
}

// planReadings returns how to read the quotas, and adds to keys what that takes;
// nil when they have to be read after the step.
func planReadings(defs *registry.Definitions, refs []registry.QuotaRef, now time.Time, keys *store.Keys) (*readings, error) {
	r := &readings{quotas: make([]*quotaPlan, 0, len(refs))}
	var needed store.Keys
	shared := make(map[registry.QuotaRef]*plan, len(refs))
	for _, ref := range refs {
		q, err := newQuotaPlan(defs, ref, now, shared, &needed)
		if err != nil {
			return nil, err
		}
		r.quotas = append(r.quotas, q)
	}
	if len(needed.Ranges) > 0 {
		return nil, nil
	}
	keys.Rows = append(keys.Rows, needed.Rows...)
	return r, nil
}

// read reads the quotas from the rows as the step has them now.
func (r *readings) read(l *Ledger, tenant usance.TenantID, t *tx) error {
	known := make(map[*plan]taken, len(r.quotas))
	use := func(p *plan) (taken, error) {
		if t, ok := known[p]; ok {
			return t, nil
		}
		cells, err := p.eval(context.Background(), l, tenant, t.rows, t.head)
		if err != nil {
			return taken{}, err
		}
		reserved, err := readBalance(t.rows, p.series[0].id)
		known[p] = taken{cells[0][0].value, reserved}
		return known[p], err
	}
	r.out = make([]QuotaReading, 0, len(r.quotas))
	for _, q := range r.quotas {
		q.now = t.at
		reading, err := q.read(use, func(q usance.Quota) ([]grant, error) { return readGrants(t.rows, q.Meter, q.Node) })
		if err != nil {
			return err
		}
		r.out = append(r.out, reading)
	}
	return nil
}
