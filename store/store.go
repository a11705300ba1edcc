// Package store is the seam between what Usance decides and what keeps it: the
// Store interface and its contract. It holds no policy. Engines live in
// sub-packages; storetest holds the laws every one of them must pass, whole.
//
// # The contract
//
// A store keeps rows. A row belongs to one tenant and one table, is named by an
// id of bytes and holds a value of bytes. Ids are compared byte by byte: case,
// Unicode form, NUL and trailing blanks all count. An empty value is a value.
//
// Tenants are isolated: no call on one tenant sees or changes a row of another.
// No transaction crosses tenants, so that an engine may keep each where it likes.
//
// A Step is one serializable and durable unit of work on one tenant: it loads
// the rows and ranges its Keys name, calls its function on them, and saves what
// the function changed. When Step returns nil, no crash of the process or the
// machine loses any of it. When it returns an error, none of it happened, with
// one exception that no engine can remove: an error that is
// ErrUnknown says that the engine lost touch while committing, and the step may
// have happened.
//
// Steps of one tenant behave as if they ran one after another in an order that
// respects real time: a step that begins after another returned sees all of it.
// So does a Load. A Load sees one moment of its tenant, never half of a step.
//
// The function must be pure in the sense that matters here: an engine may call
// it again on fresh rows after a conflict, so it may change nothing but the Rows
// it is given and variables it resets when it begins.
package store

import (
	"context"
	"errors"
	"time"

	"github.com/usance/usance"
)

// Table names a kind of row. The numbers are part of every store's format.
type Table uint8

// The tables.
const (
	Head        Table = 1  // one row: the tenant's sequence, chain and versions
	Blocks      Table = 2  // the ledger: first sequence → compressed entries
	Dedup       Table = 3  // event key → sequence and digest; see Table.PointOnly
	Days        Table = 4  // UTC day, block → the span of the block's events on that day
	Rollups     Table = 5  // meter, node, group, UTC day → states by slot
	Totals      Table = 6  // meter, node, group → state over all time
	Samples     Table = 7  // gauge meter, node, subject, group, UTC day → newest sample by slot
	Members     Table = 8  // unique meter, node, group, UTC day, value → slots it was seen in
	Definitions Table = 9  // kind, name → definition
	Resources   Table = 10 // resource id → resource
	Expiries    Table = 11 // expiry, resource id → nothing
	Expiring    Table = 12 // expiry day or second → counts by kind of resource
	Directory   Table = 13 // system: alias, key id or login → tenant
	Sessions    Table = 14 // system: token hash → session; user → its sessions
	Holds       Table = 15 // hold id → hold
	Balances    Table = 16 // meter, node → what is reserved
	Corrections Table = 17 // event's sequence → how it was corrected
	History     Table = 18 // sequence → a change of definitions
	Moves       Table = 19 // sequence → a node's move, from where and to where
	Ranges      Table = 20 // sequence of its proposal → a correction of a range of events; system: tenants that have one under way
	Restated    Table = 22 // series, UTC day, slot → when an event of it was last corrected
	Grants      Table = 21 // meter, node → what resources add to the quota there, now or later
)

// Tables returns all of them, by number, for those who look through everything that
// a tenant has.
func Tables() []Table {
	all := make([]Table, 0, Restated)
	for t := Head; t <= Restated; t++ {
		all = append(all, t)
	}
	return all
}

// PointOnly reports that rows of the table are only ever loaded one by one and
// mostly not found, never by range: an engine may keep them in a form made for
// that.
func (t Table) PointOnly() bool { return t == Dedup }

// Bounds every engine holds. A row outside them is refused with
// usance.KindTooLarge and the step does not happen. MaxID is what the index of a
// common database takes: an entry of PostgreSQL's has at most 2,704 bytes, the
// tenant's id and the row's among them.
const (
	MaxID    = 2560
	MaxValue = 32 << 20
)

// ErrUnknown marks an error after which a step may or may not have happened.
// Callers repeat the step; dedup and idempotent ids make that safe.
var ErrUnknown = errors.New("store: outcome unknown")

// Urgent returns a context whose steps an engine takes even while it refuses others
// for want of space, from what it has set aside, as long as that lasts. It is for
// small steps that reads must wait for.
func Urgent(ctx context.Context) context.Context {
	return context.WithValue(ctx, urgent{}, true)
}

// IsUrgent is for engines: it reports whether ctx came from Urgent.
func IsUrgent(ctx context.Context) bool { return ctx.Value(urgent{}) != nil }

type urgent struct{}

// Key names one row of a tenant.
type Key struct {
	Table Table
	ID    string
}

// Range names the rows of one table with From <= id < To, in the order of their
// bytes. An empty To means to the end of the table.
type Range struct {
	Table    Table
	From, To string
	Limit    int  // at most so many rows; 0 for all
	Reverse  bool // from the end
}

// Behind returns the range of what is left of r once n of its rows were seen, the
// last of them with an id; more is false when that is nothing.
func (r Range) Behind(id string, n int) (rest Range, more bool) {
	if r.Limit > 0 {
		if r.Limit -= n; r.Limit <= 0 {
			return Range{}, false
		}
	}
	if !r.Reverse {
		r.From = id + "\x00"
		return r, true
	}
	r.To = id
	return r, id != "" // an empty To would mean the end of the table
}

// Keys names what a step or a load reads. Order is free and repeats are
// harmless; an engine sorts before it locks.
type Keys struct {
	Rows   []Key
	Ranges []Range
}

// Row is one stored row.
type Row struct {
	ID    string
	Value []byte
}

// Store is what an engine provides. All methods are safe for concurrent use. A
// cancelled context ends a call with the context's error; a step whose
// commit has begun is finished first and then reports its true outcome.
type Store interface {
	// Step runs fn on the rows that keys name as one serializable and durable
	// unit; see the package comment. An error from fn is returned as it is and
	// nothing is saved.
	Step(ctx context.Context, tenant usance.TenantID, keys Keys, fn func(*Rows) error) error

	// Load reads the rows that keys name as of one moment.
	Load(ctx context.Context, tenant usance.TenantID, keys Keys) (*Rows, error)

	// Scan calls fn on each row of the range in order. It may take long and hold
	// many rows, so it promises less than Load: a row that is there from beginning
	// to end is seen once, a row written meanwhile may or may not be seen. The
	// value is fn's only until fn returns. An error from fn ends the scan and is
	// returned.
	Scan(ctx context.Context, tenant usance.TenantID, r Range, fn func(Row) error) error

	// Due calls fn for every tenant whose due time (Rows.SetDue) is at or before
	// now, earliest first, exact to the nanosecond between usance.Earliest and
	// usance.Latest. It is the one call that crosses tenants; it may miss a step
	// that commits while it runs.
	Due(ctx context.Context, now time.Time, fn func(tenant usance.TenantID, due time.Time) error) error

	// Check answers nil when the engine can serve, and otherwise why not.
	Check(ctx context.Context) error

	// Close refuses new calls, waits for running steps and releases the engine.
	Close() error
}
