package ledger

import (
	"encoding/binary"
	"sync"

	"github.com/usance/usance"
	"github.com/usance/usance/registry"
)

// Bounds of the sheets that are kept: quotas of one, and rows that all of them read.
const (
	maxSheetQuotas = 64
	maxSheetRows   = 100_000
)

// sheets keeps sheets of quotas that are asked for together as long as their
// definitions are the newest.
type sheets struct {
	mu   sync.RWMutex
	all  map[string]*sheet // by tenant and quotas
	rows int
}

// of returns the sheet of some quotas of the tenant by its definitions, which are
// the newest that the caller knows of.
func (c *sheets) of(defs *registry.Definitions, refs []registry.QuotaRef) (*sheet, error) {
	if len(refs) > maxSheetQuotas {
		return newSheet(defs, refs)
	}
	name := nameSheet(make([]byte, 0, 2048), defs.Tenant.ID, refs)
	c.mu.RLock()
	s := c.all[string(name)]
	c.mu.RUnlock()
	if s != nil && s.version == defs.Version {
		return s, nil
	}
	s, err := newSheet(defs, refs)
	if err == nil {
		c.keep(string(name), s)
	}
	return s, err
}

func nameSheet(b []byte, tenant usance.TenantID, refs []registry.QuotaRef) []byte {
	text := func(s string) { b = append(binary.AppendUvarint(b, uint64(len(s))), s...) }
	text(string(tenant))
	for i := range refs {
		text(string(refs[i].Node))
		text(refs[i].Meter)
	}
	return b
}

func (c *sheets) keep(name string, s *sheet) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if old := c.all[name]; old != nil {
		if old.version > s.version {
			return
		}
		c.drop(name, old)
	}
	for victim, old := range c.all { // map order is as good as any other here
		if c.rows+len(s.keys) <= maxSheetRows {
			break
		}
		c.drop(victim, old)
	}
	if c.all == nil {
		c.all = map[string]*sheet{}
	}
	c.all[name] = s
	c.rows += len(s.keys)
}

func (c *sheets) drop(name string, s *sheet) {
	delete(c.all, name)
	c.rows -= len(s.keys)
}
