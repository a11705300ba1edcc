package ledger

import (
	"context"
	"errors"

	"github.com/usance/usance"
	"github.com/usance/usance/store"
)

// conflicted decides what a move that met something at its destination is told.
// Where nothing is left at the node, as after the same move, that comes first: a
// repeat must not look like a place that somebody else has taken.
func (w *moving) conflicted(ctx context.Context, met error) error {
	if usance.KindOf(met) != usance.KindConflict {
		return met
	}
	left, err := w.anything(ctx)
	if err != nil {
		return err
	}
	if left {
		return met
	}
	return w.nothing(ctx)
}

// anything reports that something is at or below the node: definitions, what is
// bound to it, usage, resources or open holds.
func (w *moving) anything(ctx context.Context) (bool, error) {
	if len(w.defs.Nodes(w.from)) > 0 || len(w.defs.Quotas(w.from, true)) > 0 {
		return true, nil
	}
	bound := func(at usance.Path) bool { return at != "" && at.Within(w.from) }
	for _, u := range w.defs.Users() {
		if bound(u.Subtree) {
			return true, nil
		}
	}
	for _, t := range w.defs.Tokens() {
		if bound(t.Subtree) {
			return true, nil
		}
	}
	for _, look := range []func(context.Context) (bool, error){w.anyUsage, w.anyResource, w.anyHold} {
		if found, err := look(ctx); err != nil || found {
			return found, err
		}
	}
	return false, nil
}

func (w *moving) anyUsage(ctx context.Context) (bool, error) {
	m := &mover{load: func(keys store.Keys) (*store.Rows, error) { return w.load(ctx, keys) }}
	names, err := m.meters()
	if err != nil {
		return false, err
	}
	for _, name := range names {
		rows, err := m.load(store.Keys{Ranges: under(store.Totals, name, w.from, 1)})
		if err != nil || len(rows.Range(0))+len(rows.Range(1)) > 0 {
			return err == nil, err
		}
	}
	return false, nil
}

func (w *moving) anyResource(ctx context.Context) (bool, error) {
	err := w.l.st.Scan(ctx, w.tenant, store.Range{Table: store.Resources}, func(row store.Row) error {
		r, err := decodeResource(row.Value)
		if err != nil {
			return err
		}
		if r.Node.Within(w.from) {
			return errEnough
		}
		for i := range r.Grants {
			if r.GrantNode(i).Within(w.from) {
				return errEnough
			}
		}
		return nil
	})
	if errors.Is(err, errEnough) {
		return true, nil
	}
	return false, err
}

func (w *moving) anyHold(ctx context.Context) (bool, error) {
	span := store.Range{Table: store.Holds, From: "x", To: "y", Limit: usance.MaxPageSize}
	for {
		rows, err := w.load(ctx, store.Keys{Ranges: []store.Range{span}})
		if err != nil {
			return false, err
		}
		found := rows.Range(0)
		open, err := w.l.holdRows(ctx, w.tenant, found)
		if err != nil {
			return false, err
		}
		for i, h := range open {
			span.From = found[i].ID + "\x00"
			if h != nil && h.Node.Within(w.from) {
				return true, nil
			}
		}
		if len(found) < span.Limit {
			return false, nil
		}
	}
}
