// Package registry keeps what is defined: tenants, nodes, meters, quotas, users,
// keys, tokens and sign-in sessions. It is the slow path: changes are rare, are
// validated together, and become entries of the tenant's ledger; reads are
// served from immutable snapshots (Definitions) that a version row keeps honest.
package registry

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/alexedwards/argon2id"

	"github.com/usance/usance"
	"github.com/usance/usance/internal/journal"
	"github.com/usance/usance/internal/mapping"
	"github.com/usance/usance/store"
)

// Options are what a Registry is built with.
type Options struct {
	Now       func() time.Time
	MasterKey [32]byte // seals recoverable secrets
	Logger    *slog.Logger
	// PasswordCost overrides the cost of password hashes; nil takes one fit for
	// servers. Tests lower it.
	PasswordCost *argon2id.Params
	// Mappings are those of the façades, which a tenant's overrides are checked
	// against; nil has every override refused.
	Mappings mapping.Catalog
	// MaxCached bounds the tenants whose definitions are kept in memory; 0 means
	// 20,000.
	MaxCached int
}

// Registry answers what is defined. It is safe for concurrent use, and several
// processes may have one on the same store.
type Registry struct {
	st    store.Store
	now   func() time.Time
	log   *slog.Logger
	seal  sealer
	base  *builtIns
	cost  *argon2id.Params
	maps  mapping.Catalog
	decoy string // a password hash nobody has, checked when the user does not exist

	mu     sync.RWMutex
	keeper Keeper
	cached map[usance.TenantID]known
	max    int

	sessions held[sessionKey, *heldRow[Session]]
	entries  held[entryKey, *heldRow[entry]]

	sweeping sync.Mutex
	swept    string    // where in the table the next sweep of sessions begins
	sweptAll time.Time // when one last came to the end
}

// known is definitions with the version of the tenant under which they were last
// seen to be the newest.
type known struct {
	*Definitions
	asOf
}

// New returns a Registry on the store.
func New(st store.Store, o Options) (*Registry, error) {
	if o.MaxCached == 0 {
		o.MaxCached = 20_000
	}
	if o.PasswordCost == nil {
		o.PasswordCost = &argon2id.Params{Memory: 19 << 10, Iterations: 2, Parallelism: 1, SaltLength: 16, KeyLength: 32}
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	s, err := newSealer(o.MasterKey)
	if err != nil {
		return nil, err
	}
	decoy, err := argon2id.CreateHash(NewSecret(""), o.PasswordCost)
	if err != nil {
		return nil, err
	}
	return &Registry{st: st, base: newBuiltIns(), now: o.Now, log: o.Logger, seal: s, cost: o.PasswordCost, maps: o.Mappings, decoy: decoy,
		cached: map[usance.TenantID]known{}, max: o.MaxCached}, nil
}

// Definitions returns the tenant's definitions as they stand now, or
// KindNotFound for a tenant that does not exist.
func (r *Registry) Definitions(ctx context.Context, tenant usance.TenantID) (*Definitions, error) {
	// Every new version of the definitions, and nothing else, has a row of history.
	now := r.asOf(tenant, store.History)
	if k := r.kept(tenant); k.Definitions != nil && k.still(now) {
		return k.Definitions, nil
	}
	rows, err := r.st.Load(ctx, tenant, store.Keys{Rows: []store.Key{journal.HeadKey}})
	if err != nil {
		return nil, err
	}
	head, err := journal.ReadHead(rows)
	if err != nil {
		return nil, err
	}
	if head.Definitions == 0 {
		r.forget(tenant)
		return nil, noTenant(tenant)
	}
	d, err := r.At(ctx, tenant, head.Definitions)
	if err == nil && now.sure {
		r.newest(tenant, d, now)
	}
	return d, err
}

func (r *Registry) kept(tenant usance.TenantID) known {
	r.mu.RLock()
	defer r.mu.RUnlock()
	return r.cached[tenant]
}

// newest notes that what is kept was the newest as of a version.
func (r *Registry) newest(tenant usance.TenantID, d *Definitions, at asOf) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if k := r.cached[tenant]; k.Definitions == d {
		r.cached[tenant] = known{d, at}
	}
}

func noTenant(tenant usance.TenantID) error {
	return usance.Errorf(usance.KindNotFound, "there is no tenant %q", tenant)
}

// Known returns the tenant's definitions as last seen by this process, loading
// them when it has none. They may be stale: a caller must load the head row in
// the same step or load that uses them, compare its version (head.Definitions)
// with Version, and call At with the newer one on a difference.
func (r *Registry) Known(ctx context.Context, tenant usance.TenantID) (*Definitions, error) {
	if k := r.kept(tenant); k.Definitions != nil {
		return k.Definitions, nil
	}
	return r.Definitions(ctx, tenant)
}

// forget drops what is kept of a tenant that was found not to exist.
func (r *Registry) forget(tenant usance.TenantID) {
	if r.kept(tenant).Definitions == nil {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.cached, tenant)
}

// At returns the tenant's definitions at the version or a newer one. Version 0 is
// that of a tenant that does not exist, or was deleted: KindNotFound.
func (r *Registry) At(ctx context.Context, tenant usance.TenantID, version uint64) (*Definitions, error) {
	if version == 0 {
		r.forget(tenant)
		return nil, noTenant(tenant)
	}
	if k := r.kept(tenant); k.Definitions != nil && k.Version >= version {
		return k.Definitions, nil
	}
	rows, err := r.st.Load(ctx, tenant, store.Keys{
		Rows:   []store.Key{journal.HeadKey},
		Ranges: []store.Range{{Table: store.Definitions}},
	})
	if err != nil {
		return nil, err
	}
	head, err := journal.ReadHead(rows)
	if err != nil {
		return nil, err
	}
	if head.Definitions == 0 {
		return nil, noTenant(tenant)
	}
	d, err := decodeDefinitions(r.base, head.Definitions, rows.Range(0))
	if err != nil {
		return nil, err
	}
	r.keep(tenant, d)
	return d, nil
}

func (r *Registry) keep(tenant usance.TenantID, d *Definitions) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if old := r.cached[tenant]; old.Definitions != nil && old.Version >= d.Version {
		return
	}
	for victim := range r.cached { // map order is as good as any other here
		if len(r.cached) < r.max {
			break
		}
		delete(r.cached, victim)
	}
	r.cached[tenant] = known{Definitions: d}
}
