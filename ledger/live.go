package ledger

import (
	"time"

	"github.com/usance/usance"
	"github.com/usance/usance/store"
)

// live is what the charges of a step work on in common: the rows of their paths,
// decoded once and encoded once, however many they are. Ops that know nothing of
// it find in the rows what it has become; see tx.leave.
type live struct {
	paths  map[*chargeRows]*livePath
	series map[string]*liveSeries
	rows   int // that were decoded
	// The quotas' limits and windows are those of [from, until).
	from, until time.Time
}

// livePath is a path's rows in a step.
type livePath struct {
	*chargeRows
	levels []liveLevel
	quotas int
}

type liveLevel struct {
	*chargeLevel
	whole, group *liveSeries
	quota        *liveQuota // nil: there is none
}

// liveSeries is the total of a series and those of its days that were asked for.
type liveSeries struct {
	id      string
	agg     usance.Aggregation
	total   total
	found   bool // there is a total
	changed bool
	days    []*liveDay
	quota   *liveQuota
}

type liveDay struct {
	day     usance.Day
	id      string // of its row
	slots   []slotState
	changed bool
}

// liveQuota is a quota as it stands.
type liveQuota struct {
	usance.Quota               // with the limit in force
	reading      QuotaReading  // but for what changes with its use
	used         *usance.State // in the window
	reserved     usance.Sum
	resets       time.Time
}

func (q *liveQuota) taken(agg usance.Aggregation) taken { return taken{q.used.Value(agg), q.reserved} }

// path returns a path's rows as the step has them now.
func (t *tx) path(r *chargeRows) (*livePath, error) {
	if p, ok := t.live.paths[r]; ok {
		return p, nil
	}
	if t.live.paths == nil {
		t.live = live{paths: map[*chargeRows]*livePath{}, series: map[string]*liveSeries{}, until: Always()}
	}
	p := &livePath{chargeRows: r, levels: make([]liveLevel, len(r.path.levels))}
	for i := range p.levels {
		at := &p.levels[i]
		at.chargeLevel = &r.path.levels[i]
		var err error
		if at.whole, err = t.series(at.id, r); err != nil {
			return nil, err
		}
		if at.chargeLevel.group != "" {
			if at.group, err = t.series(at.chargeLevel.group, r); err != nil {
				return nil, err
			}
		}
		if at.defined {
			p.quotas++
			if at.quota, err = t.quota(at.whole, at.chargeLevel, r); err != nil {
				return nil, err
			}
		}
	}
	t.live.paths[r] = p
	return p, nil
}

// series returns a series with the day of the rows.
func (t *tx) series(id string, r *chargeRows) (*liveSeries, error) {
	s, ok := t.live.series[id]
	if !ok {
		s = &liveSeries{id: id, agg: r.path.agg}
		b, found := t.rows.Get(store.Totals, id)
		if s.found = found; found {
			var err error
			if s.total, err = decodeTotal(b, s.agg); err != nil {
				return nil, err
			}
		}
		t.live.series[id] = s
		t.live.rows++
	}
	_, err := t.day(s, r.day)
	return s, err
}

func (t *tx) day(s *liveSeries, d usance.Day) (*liveDay, error) {
	if known := s.on(d); known != nil {
		return known, nil
	}
	out := &liveDay{day: d, id: s.id + dayText(d)}
	b, _ := t.rows.Get(store.Rollups, out.id)
	var err error
	if out.slots, err = decodeSlots(make([]slotState, 0, len(b)/2+1), d, b, s.agg); err != nil {
		return nil, err
	}
	s.days = append(s.days, out)
	t.live.rows++
	return out, nil
}

func (s *liveSeries) on(d usance.Day) *liveDay {
	for _, known := range s.days {
		if known.day == d {
			return known
		}
	}
	return nil
}

// quota returns the quota of a level in the window that the rows are of.
func (t *tx) quota(s *liveSeries, at *chargeLevel, r *chargeRows) (*liveQuota, error) {
	if s.quota != nil { // all rows of a step are of the windows that the step lies in
		return s.quota, nil
	}
	q := &liveQuota{Quota: at.quota, used: &s.total.state}
	var err error
	if q.reserved, err = readBalance(t.rows, s.id); err != nil {
		return nil, err
	}
	list, err := readGrants(t.rows, grantsID(at.quota.Meter, at.quota.Node))
	if err != nil {
		return nil, err
	}
	if at.quota.Window != usance.Lifetime {
		var from time.Time
		from, q.resets = at.quota.Window.Bounds(r.from, r.path.defs.Zone)
		q.used = new(usance.State)
		for d := usance.DayOf(from); d <= usance.DayOf(q.resets.Add(-1)); d++ {
			day, err := t.day(s, d)
			if err != nil {
				return nil, err
			}
			for _, slot := range day.slots {
				if slot.at >= tickAt(from) && slot.at < tickAt(q.resets) {
					*q.used = q.used.Merge(slot.state)
				}
			}
		}
	}
	t.live.from = t.at
	t.live.until = earlier(t.live.until, nextEdge(list, t.at))
	if !q.resets.IsZero() {
		t.live.until = earlier(t.live.until, q.resets)
	}
	q.reading = newQuotaReading(at.quota, true, at.allocated, q.resets, list, t.at)
	q.Limit = q.reading.Limit
	s.quota = q
	return q, nil
}

// add folds a state into a slot of a day that was asked for.
func (s *liveSeries) add(d usance.Day, at tick, state usance.State) {
	day := s.on(d)
	day.slots, day.changed = mergeSlot(day.slots, at, state), true
	s.total.state, s.found, s.changed = s.total.state.Merge(state), true, true
	if q := s.quota; q != nil && q.used != &s.total.state {
		*q.used = q.used.Merge(state)
	}
}

// settle puts what charges have made into the rows.
func (t *tx) settle() {
	n := 0
	for _, s := range t.live.series {
		if s.changed {
			n += 24
			for _, d := range s.days {
				n += 4 * len(d.slots)
			}
		}
	}
	if n == 0 {
		return
	}
	b := make([]byte, 0, n) // of all rows
	for _, s := range t.live.series {
		if !s.changed {
			continue
		}
		s.changed = false
		from := len(b)
		b = s.total.append(b, s.agg)
		t.rows.Put(store.Totals, s.id, b[from:len(b):len(b)])
		for _, d := range s.days {
			if d.changed {
				d.changed = false
				b = putSlots(t.rows, d.id, b, d.slots, s.agg)
			}
		}
	}
}

// leave settles and forgets, because what follows changes the rows itself.
func (t *tx) leave() {
	t.settle()
	t.live = live{}
}

// putSlots saves a day's slots, which it writes behind b; where all are empty
// there is no row.
func putSlots(rows *store.Rows, id string, b []byte, slots []slotState, agg usance.Aggregation) []byte {
	from := len(b)
	b = appendSlots(b, slots, agg)
	if len(b) == from {
		rows.Delete(store.Rollups, id)
	} else {
		rows.Put(store.Rollups, id, b[from:len(b):len(b)])
	}
	return b
}
