package api

import (
	"context"
	"net/http"
	"time"

	"github.com/go-json-experiment/json"

	"github.com/usance/usance"
	"github.com/usance/usance/api/wire"
	"github.com/usance/usance/registry"
)

// applyManifest checks the whole manifest against what is defined before it
// changes anything. Each tenant's definitions then change together, and its
// resources after them; no change spans tenants, so a crash in between leaves
// whole tenants undone, and applying again finishes them.
func applyManifest(q *request) error {
	dry, err := q.query.flag("dry_run")
	if err != nil {
		return err
	}
	if q.who.Role != usance.RoleOperator {
		if err := q.may(usance.RightManage, usance.Root); err != nil {
			return err
		}
	}
	if _, err := mediaOf(q.r, wire.TypeYAML, wire.TypeJSON, "application/x-yaml", "text/yaml", "text/x-yaml", "text/plain"); err != nil {
		return err
	}
	body, err := q.api.manifests.Read(q.w, q.r)
	if err != nil {
		return err
	}
	m, err := registry.ParseManifest(body)
	if m == nil {
		return err
	}
	would, err := m.Check(q.r.Context(), q.api.reg, q.tenant)
	if err != nil {
		return err
	}
	out := wire.Applied{DryRun: dry, Tenants: make([]wire.AppliedTenant, len(m.Tenants))}
	for i := range m.Tenants {
		t := &m.Tenants[i]
		done := wire.AppliedTenant{Tenant: t.ID}
		if dry {
			done.Changes = wireChanges(would[i].Differences)
		} else if done, err = q.applyTenant(t); err != nil {
			return err
		}
		if err := q.applyResources(t, dry, &done); err != nil {
			return err
		}
		out.Tenants[i] = done
	}
	return q.answer(http.StatusOK, out)
}

func (q *request) applyTenant(t *registry.ManifestTenant) (wire.AppliedTenant, error) {
	done, err := q.api.reg.EditFrom(q.r.Context(), q.actor(), t.ID, q.confirmed(func(now *registry.Definitions) (registry.Edit, error) {
		return t.Edit(now), nil
	}))
	return wire.AppliedTenant{Tenant: t.ID, Sequence: done.Sequence, Changes: wireChanges(done.Differences)}, err
}

func wireChanges(diffs []registry.Difference) []wire.Change {
	out := make([]wire.Change, len(diffs))
	for i, d := range diffs {
		out[i] = wire.Change{Op: d.Op, Type: d.Type, Name: d.Name, Detail: d.Detail, Secret: d.Secret}
	}
	return out
}

// applyResources puts the manifest's resources, and notes those that change.
func (q *request) applyResources(t *registry.ManifestTenant, dry bool, done *wire.AppliedTenant) error {
	ctx := q.r.Context()
	for _, want := range t.Resources {
		op, err := q.resourceChange(ctx, t.ID, want)
		if err != nil {
			return err
		}
		if op == "" {
			continue
		}
		done.Changes = append(done.Changes, wire.Change{Op: op, Type: "resource", Name: want.ID})
		if dry {
			continue
		}
		if done.Sequence, err = q.api.led.PutResource(ctx, q.actor(), t.ID, want, false); err != nil {
			return err
		}
	}
	return nil
}

// resourceChange says what putting a resource would do: "create", "update" or
// nothing.
func (q *request) resourceChange(ctx context.Context, tenant usance.TenantID, want usance.Resource) (string, error) {
	is, _, err := q.api.led.Resource(ctx, tenant, want.ID)
	if usance.KindOf(err) == usance.KindNotFound {
		return "create", nil
	}
	if err != nil {
		return "", err
	}
	is.Created = want.Created
	// The ledger keeps times to the second.
	want.Starts, want.Expires = want.Starts.UTC().Truncate(time.Second), want.Expires.UTC().Truncate(time.Second)
	a, err := json.Marshal(is, json.Deterministic(true))
	if err != nil {
		return "", err
	}
	b, err := json.Marshal(want, json.Deterministic(true))
	if err != nil || string(a) == string(b) {
		return "", err
	}
	return "update", nil
}
