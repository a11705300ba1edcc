package registry

import (
	"context"
	"slices"
	"strings"

	"github.com/go-json-experiment/json"

	"github.com/usance/usance"
	"github.com/usance/usance/store"
)

// What the system has of a tenant that was deleted is found by looking through all
// of the directory and all sessions, a piece at a time. Nothing is entered for it
// meanwhile, so one round finds everything, what a crash left there too.

// lookedAtOnce is how many rows of the system one piece looks at.
const lookedAtOnce = 2_000

// Deletions returns up to limit deletions whose rows are still being removed.
func (r *Registry) Deletions(ctx context.Context, limit int) ([]Deletion, error) {
	page, err := r.directoryRows(ctx, deletingPrefix, deletingPrefix, limit)
	if err != nil {
		return nil, err
	}
	out := make([]Deletion, len(page))
	for i, row := range page {
		out[i].Tenant = usance.TenantID(row.ID[len(deletingPrefix):])
		if err := json.Unmarshal(row.Value, &out[i].DeletionAt); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// MarkDeletion notes how far the removal of a tenant's rows is, unless it has ended.
func (r *Registry) MarkDeletion(ctx context.Context, tenant usance.TenantID, at DeletionAt) error {
	key := deletingKey(tenant)
	return r.st.Step(ctx, usance.System, store.Keys{Rows: []store.Key{key}}, func(rows *store.Rows) error {
		if _, is := rows.Get(key.Table, key.ID); !is {
			return nil
		}
		return putRow(rows, key, at)
	})
}

// BuryTenant notes that nothing is left of a tenant but that it was deleted.
func (r *Registry) BuryTenant(ctx context.Context, tenant usance.TenantID) error {
	key := deletingKey(tenant)
	return r.changeDeleted(ctx, tenant, func(rows *store.Rows, d *Deleted) {
		d.Gone = true
		rows.Delete(key.Table, key.ID)
	})
}

// ReleaseNames looks at a piece of the directory, from an id on, and removes what is
// the tenant's there: others may have those names. It returns where to go on; done
// says that there is no more.
func (r *Registry) ReleaseNames(ctx context.Context, tenant usance.TenantID, from string) (next string, done bool, err error) {
	isOurs := func(b []byte) bool {
		at, err := decodeEntry(b) // rows of other kinds have no tenant, or are no JSON
		return err == nil && at.Tenant == tenant
	}
	return r.piece(ctx, store.Directory, from, func(page []store.Row) error {
		var keys store.Keys
		for _, row := range page {
			if isOurs(row.Value) {
				keys.Rows = append(keys.Rows, store.Key{Table: store.Directory, ID: row.ID})
			}
		}
		return r.systemStep(ctx, keys, func(rows *store.Rows) error {
			for _, k := range keys.Rows {
				if b, is := rows.Get(k.Table, k.ID); is && isOurs(b) {
					rows.Delete(k.Table, k.ID)
				}
			}
			return nil
		})
	})
}

// EndSessions is ReleaseNames for the sessions of the tenant's users, and for those
// that one of its keys opened.
func (r *Registry) EndSessions(ctx context.Context, tenant usance.TenantID, from string) (next string, done bool, err error) {
	return r.piece(ctx, store.Sessions, from, func(page []store.Row) error {
		var keys store.Keys
		lists := map[string][]string{} // by their ids: what is taken off
		for _, row := range page {
			switch {
			case strings.HasPrefix(row.ID, listPrefix):
				// kind, tenant, user
				if parts := strings.SplitN(row.ID[len(listPrefix):], "\x00", 3); len(parts) == 3 && parts[1] == string(tenant) {
					keys.Rows = append(keys.Rows, store.Key{Table: store.Sessions, ID: row.ID})
				}
			default:
				s, err := decodeSession(row.Value)
				if err != nil || s.Tenant != tenant && s.Proof.KeyOwner != tenant {
					continue
				}
				keys.Rows = append(keys.Rows, store.Key{Table: store.Sessions, ID: row.ID})
				list := listID(s.Kind, s.Tenant, s.User)
				lists[list] = append(lists[list], row.ID)
			}
		}
		dead := slices.Clone(keys.Rows)
		for list := range lists {
			keys.Rows = append(keys.Rows, store.Key{Table: store.Sessions, ID: list})
		}
		return r.systemStep(ctx, keys, func(rows *store.Rows) error {
			for list, ids := range lists {
				if err := takeFromList(rows, list, ids...); err != nil {
					return err
				}
			}
			for _, k := range dead {
				rows.Delete(k.Table, k.ID)
			}
			return nil
		})
	})
}

// piece calls fn on the next rows of a table of the system.
func (r *Registry) piece(ctx context.Context, table store.Table, from string, fn func([]store.Row) error) (next string, done bool, err error) {
	rows, err := r.st.Load(ctx, usance.System, store.Keys{Ranges: []store.Range{{Table: table, From: from, Limit: lookedAtOnce}}})
	if err != nil {
		return "", false, err
	}
	page := rows.Range(0)
	if err := fn(page); err != nil {
		return "", false, err
	}
	if len(page) < lookedAtOnce {
		return "", true, nil
	}
	return page[len(page)-1].ID + "\x00", false, nil
}

// systemStep is a step on rows of the system, if there are any.
func (r *Registry) systemStep(ctx context.Context, keys store.Keys, fn func(*store.Rows) error) error {
	if len(keys.Rows) == 0 {
		return nil
	}
	return r.st.Step(ctx, usance.System, keys, fn)
}
