package registry

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/usance/usance"
	"github.com/usance/usance/store"
)

// A session that has ended answers nothing, and its row goes when its user next
// signs in. Those of users who never do are swept: a bounded piece of the table at
// a time, from where the sweep before stopped, round and round. So no use of a
// sliding session has an index of expiries to keep up, and what an older release
// left is found too.

const (
	sweptAtOnce = 500         // rows that a sweep looks at
	sweptInStep = 100         // sessions that a step removes
	sweepRest   = time.Minute // between the end of the table and its beginning

	// sweepMargin is how long a session's row outlives it: another process, whose
	// clock is behind, may still hold it for live.
	sweepMargin = time.Minute
)

// SweepSessions removes sessions that have expired, and reports how many. One call
// looks at a bounded number of rows, and the next goes on behind them; at the end of
// the table sweeps rest for a minute. Every process of a store may do it at once:
// whether a session has expired is looked at again in the step that removes it.
// Nothing but the room they take depends on it.
func (r *Registry) SweepSessions(ctx context.Context) (removed int, err error) {
	r.sweeping.Lock()
	defer r.sweeping.Unlock()
	if rest := r.now().Sub(r.sweptAll); rest >= 0 && rest < sweepRest {
		return 0, nil
	}
	rows, err := r.st.Load(ctx, usance.System, store.Keys{Ranges: []store.Range{{Table: store.Sessions, From: r.swept, Limit: sweptAtOnce}}})
	if err != nil {
		return 0, err
	}
	page := rows.Range(0)
	for part := range slices.Chunk(r.dead(page), sweptInStep) {
		n, err := r.sweepSome(ctx, part)
		if err != nil {
			return removed, err // the next sweep begins at the same place
		}
		removed += n
	}
	if len(page) == sweptAtOnce {
		r.swept = page[len(page)-1].ID + "\x00"
	} else {
		r.swept, r.sweptAll = "", r.now()
	}
	return removed, nil
}

// deadSession is a session to remove with the user's list it is on; without an id
// it is a list that has nothing left.
type deadSession struct{ id, list string }

// dead returns what is to be removed among rows.
func (r *Registry) dead(page []store.Row) (dead []deadSession) {
	for _, row := range page {
		switch {
		case strings.HasPrefix(row.ID, listPrefix) && string(row.Value) == "[]":
			dead = append(dead, deadSession{list: row.ID})
		case strings.HasPrefix(row.ID, sessionPrefix):
			s, err := decodeSession(row.Value)
			if err != nil {
				r.log.Warn("a session's row cannot be read", "error", err)
			} else if r.over(s) {
				dead = append(dead, deadSession{row.ID, listID(s.Kind, s.Tenant, s.User)})
			}
		}
	}
	return dead
}

// over reports that a session has ended by its time, whatever process is asked.
func (r *Registry) over(s Session) bool { return !s.Expires.Add(sweepMargin).After(r.now()) }

// sweepSome removes those that are still over.
func (r *Registry) sweepSome(ctx context.Context, dead []deadSession) (removed int, err error) {
	var keys store.Keys
	for _, d := range dead {
		keys.Rows = append(keys.Rows, store.Key{Table: store.Sessions, ID: d.list})
		if d.id != "" {
			keys.Rows = append(keys.Rows, store.Key{Table: store.Sessions, ID: d.id})
		}
	}
	err = r.st.Step(ctx, usance.System, keys, func(rows *store.Rows) error {
		removed = 0
		gone := map[string][]string{} // by list
		for _, d := range dead {
			if d.id == "" {
				gone[d.list] = append(gone[d.list], "")
				continue
			}
			s, err := readSession(rows, d.id)
			if err != nil {
				return err
			}
			if s.Kind != "" && r.over(s) {
				rows.Delete(store.Sessions, d.id)
				gone[d.list] = append(gone[d.list], d.id)
				removed++
			}
		}
		for list, ids := range gone {
			if err := takeFromList(rows, list, ids...); err != nil {
				return err
			}
		}
		return nil
	})
	return removed, err
}
