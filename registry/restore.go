package registry

import "github.com/usance/usance/store"

// Restore builds definitions from their stored rows, as of a version: for those
// who read a tenant's past from its ledger.
func Restore(version uint64, rows []store.Row) (*Definitions, error) {
	return decodeDefinitions(newBuiltIns(), version, rows)
}
