package store

import (
	"context"

	"github.com/usance/usance"
)

// Peeker is what an engine may offer to whom a Load for each tenant costs a trip.
type Peeker interface {
	// Peek returns the value of a row of each of the tenants that have it, each as
	// some moment after Peek began had it. It is for those who look what has
	// changed, and decides nothing: tenants are not read as of one moment.
	Peek(ctx context.Context, tenants []usance.TenantID, key Key) (map[usance.TenantID][]byte, error)
}

// Peek is Peeker's, on every engine: those that do not offer it are asked for one
// tenant after the other.
func Peek(ctx context.Context, st Store, tenants []usance.TenantID, key Key) (map[usance.TenantID][]byte, error) {
	if peeker, offers := st.(Peeker); offers {
		return peeker.Peek(ctx, tenants, key)
	}
	out := make(map[usance.TenantID][]byte, len(tenants))
	for _, tenant := range tenants {
		rows, err := st.Load(ctx, tenant, Keys{Rows: []Key{key}})
		if err != nil {
			return nil, err
		}
		if value, ok := rows.Get(key.Table, key.ID); ok {
			out[tenant] = value
		}
	}
	return out, nil
}
