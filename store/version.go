package store

import "github.com/usance/usance"

// Versioner is what an engine may offer that sees every change to its rows: one
// that no other process writes to. It makes a cache of what was read exact.
type Versioner interface {
	// Version returns a number that is the same at two moments only if no row of
	// the tenant has changed between them. When a step on the tenant is becoming
	// visible, or the engine cannot serve, ok is false: ask the store itself.
	//
	// So what a Load or Scan told that began after Version said v is still what it
	// would tell for as long as Version says v. It costs no more than a look-up in
	// memory. Numbers mean nothing beyond the process.
	Version(tenant usance.TenantID) (v uint64, ok bool)
	// TableVersion is Version for the rows of one table alone, so that what is kept
	// of a table that changes seldom outlives writes to the others. For a table that
	// the engine does not count by itself it is Version.
	TableVersion(tenant usance.TenantID, table Table) (v uint64, ok bool)
}

// VersionOf returns the tenant's version, and false where the engine does not
// offer any.
func VersionOf(st Store, tenant usance.TenantID) (v uint64, ok bool) {
	if versioner, offers := st.(Versioner); offers {
		return versioner.Version(tenant)
	}
	return 0, false
}

// TableVersionOf returns the version of one table of the tenant, and false where
// the engine does not offer any.
func TableVersionOf(st Store, tenant usance.TenantID, table Table) (v uint64, ok bool) {
	if versioner, offers := st.(Versioner); offers {
		return versioner.TableVersion(tenant, table)
	}
	return 0, false
}
