package ledger

import (
	"slices"
	"time"

	"github.com/usance/usance"
	"github.com/usance/usance/registry"
)

// staysAt reports that a resource, with what it grants, has nothing to do with the
// move. It is refused where something at the destination is granted already.
func (w *moving) staysAt(r *usance.Resource) (bool, error) {
	if r.Node.Within(w.to) {
		return false, usance.Errorf(usance.KindConflict, "resource %s is at %s already", r.ID, r.Node)
	}
	stays := !r.Node.Within(w.from)
	for i, g := range r.Grants {
		at := r.GrantNode(i)
		if at.Within(w.to) {
			return false, usance.Errorf(usance.KindConflict, "resource %s grants %s at %s already", r.ID, g.Meter, at)
		}
		stays = stays && !at.Within(w.from)
	}
	return stays, nil
}

// follow returns the resource as it is after the move: with its place and the
// places of what it grants, as far as they move.
func (w *moving) follow(old *usance.Resource) *usance.Resource {
	next := *old
	if old.Node.Within(w.from) {
		next.Node = old.Node.Rebase(w.from, w.to)
	}
	next.Grants = slices.Clone(old.Grants)
	for i := range next.Grants {
		if g := &next.Grants[i]; g.Node != "" && g.Node.Within(w.from) {
			g.Node = g.Node.Rebase(w.from, w.to)
		}
	}
	return &next
}

// brings reports that guarantees come along which a quota has to keep from then
// on, though nothing of them is used.
func (w *moving) brings(q usance.Quota) bool {
	return slices.ContainsFunc(w.definitions.After.Guaranteed(registry.QuotaRef{Node: q.Node, Meter: q.Meter}),
		func(below usance.Quota) bool { return below.Node.Within(w.to) })
}

// made is what the move changes of a quota in the window of an instant: what comes
// to be below it, or all of one that comes itself. Holds take room of the present.
func (w *moving) made(q usance.Quota, at time.Time, present bool) (made change) {
	if q.Node.Within(w.to) {
		return change{arrived: true}
	}
	if !w.to.Within(q.Node) {
		return change{}
	}
	if ln := w.views.fold.byID[series{q.Meter, q.Node, ""}.id()]; ln != nil {
		made.used = w.views.fold.growth(ln, q, at)
	}
	if present {
		made.reserved = w.reserved[q.Meter]
	}
	return made
}
