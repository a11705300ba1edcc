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
	quotas *sheetAt
	out    []QuotaReading // once read
}

// planReadings returns how to read the quotas, and adds to keys what that takes;
// nil when they have to be read after the step: a range is among it, or a window,
// which may be over when the step is made.
func (l *Ledger) planReadings(defs *registry.Definitions, refs []registry.QuotaRef, now time.Time, keys *store.Keys) (*readings, error) {
	s, err := l.sheets.of(defs, refs)
	if err != nil {
		return nil, err
	}
	var needed store.Keys
	quotas := s.at(defs, now, nil, &needed)
	if s.timed || len(needed.Ranges) > 0 {
		return nil, nil
	}
	keys.Rows = append(keys.Rows, needed.Rows...)
	return &readings{quotas: quotas}, nil
}

// read reads the quotas from the rows as the step has them now.
func (r *readings) read(l *Ledger, tenant usance.TenantID, t *tx) (err error) {
	r.quotas.now = t.at
	r.out, err = r.quotas.readRows(context.Background(), l, tenant, t.rows, t.head)
	return err
}
