package ledger

import (
	"context"
	"slices"

	"github.com/usance/usance"
	"github.com/usance/usance/store"
)

// Moving a subtree renames its rows of the views, and moves what it adds up to
// from the nodes that are above it no longer to those that are now; a node above
// both keeps its numbers. What a node above loses follows from the subtree's own
// rows where an aggregation has an inverse. For minima, maxima and sets it also
// takes what else fell into the same slots there, which is folded again from the
// events.

// mover works out a move against the views in a store.
type mover struct {
	load     func(store.Keys) (*store.Rows, error)
	events   *pastEvents // as they counted before the move
	from, to usance.Path
	rows     allowance // rows that may be read; see usance.MaxMoveRows
	scan     allowance // events, resources and holds that may be looked through

	lost, gained []usance.Path // above from alone, and above to alone; nearest first
	out          viewMove
}

// allowance is how many more there may be; without a bound when it is nil.
type allowance struct {
	left *int
	of   int
	what string
}

func allow(n int, what string) allowance { return allowance{&n, n, what} }

func (a allowance) take(n int) error {
	if a.left == nil {
		return nil
	}
	if *a.left -= n; *a.left < 0 {
		return usance.Errorf(usance.KindTooLarge, "moving this node takes more than %d %s, the most there may be; move what is below it piece by piece", a.of, a.what)
	}
	return nil
}

// limit is the limit of a range, 0 for none: one more than may be taken.
func (a allowance) limit() int {
	if a.left == nil {
		return 0
	}
	return *a.left + 1
}

// viewMove is what a move does to the views of usage.
type viewMove struct {
	used     bool           // there was usage at or below the node
	renamed  []store.Change // rows to write as they are here
	fold     *folding       // what the nodes above gain, and lose of what has an inverse
	unseen   []*line        // sets that lose their hits
	replaced []store.Change // minima and maxima folded anew
}

func newMover(load func(store.Keys) (*store.Rows, error), events *pastEvents, from, to usance.Path) *mover {
	m := &mover{load: load, events: events, from: from, to: to}
	m.out.fold = newFolding(events.past.current)
	for _, at := range from.Parent().Lineage() {
		if !to.Within(at) {
			m.lost = append(m.lost, at)
		}
	}
	for _, at := range to.Parent().Lineage() {
		if !from.Within(at) {
			m.gained = append(m.gained, at)
		}
	}
	return m
}

// under are the ranges of a meter's rows at a node and below it.
func under(t store.Table, meter string, node usance.Path, limit int) []store.Range {
	at := groupsPrefix(meter, node)
	below := string(appendText(nil, meter)) + string(node) + "/"
	return []store.Range{{Table: t, From: at, To: after(at), Limit: limit}, {Table: t, From: below, To: after(below), Limit: limit}}
}

// views works the move out.
func (m *mover) views(ctx context.Context) (*viewMove, error) {
	names, err := m.meters()
	if err != nil {
		return nil, err
	}
	var tops []*top
	for _, name := range names {
		meter, err := m.events.past.meter(ctx, name, m.events.asOf)
		if err != nil {
			return nil, err
		}
		found, err := m.meter(meter)
		if err != nil {
			return nil, err
		}
		tops = append(tops, found...)
	}
	if err := m.others(ctx, tops); err != nil {
		return nil, err
	}
	for _, t := range tops {
		if err := m.above(t); err != nil {
			return nil, err
		}
	}
	return &m.out, nil
}

// meters names the meters that have usage anywhere, deleted ones too.
func (m *mover) meters() ([]string, error) {
	var out []string
	for from := ""; ; {
		rows, err := m.load(store.Keys{Ranges: []store.Range{{Table: store.Totals, From: from, Limit: 1}}})
		if err != nil {
			return nil, err
		}
		if len(rows.Range(0)) == 0 {
			return out, nil
		}
		name, _, ok := cutText(rows.Range(0)[0].ID)
		if !ok {
			return nil, usance.ErrCorrupt
		}
		out = append(out, name)
		from = after(string(appendText(nil, name)))
	}
}

// top is a series of the moved node itself: what the nodes above have of the
// subtree.
type top struct {
	meter *usance.Meter
	group string
	total total
	slots []slotState // none of a unique meter
	hits  []hit       // of a unique meter
	rest  map[restKey]*usance.State
}

// restKey names what else a lost node has in a slot: of a unique meter, of one
// value.
type restKey struct {
	lost  int
	at    tick
	value [16]byte
}

// meter renames a meter's rows and returns its series at the moved node.
func (m *mover) meter(meter *usance.Meter) ([]*top, error) {
	agg := kept(meter.Aggregation)
	free, err := m.destination(meter)
	if err != nil {
		return nil, err
	}
	totals, err := m.take(store.Totals, meter)
	if err != nil || len(totals) == 0 {
		return nil, err
	}
	m.out.used = true
	tops, err := m.renameTotals(meter, totals, free)
	if err != nil {
		return nil, err
	}
	byID := map[string]*top{}
	for _, t := range tops {
		byID[series{meter.Name, m.from, t.group}.id()] = t
	}
	rollups, err := m.take(store.Rollups, meter)
	if err != nil {
		return nil, err
	}
	for _, row := range rollups {
		if t, day, ok := topOf(byID, row.ID, 4); ok && meter.Aggregation != usance.AggUnique {
			if t.slots, err = decodeSlots(t.slots, day, row.Value, agg); err != nil {
				return nil, err
			}
		}
	}
	if err := m.rename(meter, store.Rollups, rollups); err != nil {
		return nil, err
	}
	switch meter.Aggregation {
	case usance.AggGauge:
		samples, err := m.take(store.Samples, meter)
		if err != nil {
			return nil, err
		}
		return tops, m.rename(meter, store.Samples, samples)
	case usance.AggUnique:
		members, err := m.take(store.Members, meter)
		if err != nil {
			return nil, err
		}
		if err := m.sightings(byID, members); err != nil {
			return nil, err
		}
		return tops, m.rename(meter, store.Members, members)
	}
	return tops, nil
}

// topOf returns the series of the moved node that a row with so many bytes behind
// its series' id belongs to, and the row's day.
func topOf(byID map[string]*top, id string, behind int) (*top, usance.Day, bool) {
	if len(id) < behind {
		return nil, 0, false
	}
	t, ok := byID[id[:len(id)-behind]]
	if !ok {
		return nil, 0, false
	}
	day, _, ok := cutDay(id[len(id)-behind:])
	return t, day, ok
}

// take reads a meter's rows at and below the node.
func (m *mover) take(t store.Table, meter *usance.Meter) ([]store.Row, error) {
	rows, err := m.load(store.Keys{Ranges: under(t, meter.Name, m.from, m.rows.limit())})
	if err != nil {
		return nil, err
	}
	all := slices.Concat(rows.Range(0), rows.Range(1))
	return all, m.rows.take(len(all))
}

// destination makes sure that a meter has no usage where the node goes. Totals
// may be left there of what was voided, with nothing in them; it returns those.
func (m *mover) destination(meter *usance.Meter) (map[string]total, error) {
	agg := kept(meter.Aggregation)
	var keys store.Keys
	for _, t := range []store.Table{store.Rollups, store.Samples, store.Members} {
		keys.Ranges = append(keys.Ranges, under(t, meter.Name, m.to, 1)...)
	}
	any := len(keys.Ranges)
	keys.Ranges = append(keys.Ranges, under(store.Totals, meter.Name, m.to, m.rows.limit())...)
	rows, err := m.load(keys)
	if err != nil {
		return nil, err
	}
	taken := false
	for i := range any {
		taken = taken || len(rows.Range(i)) > 0
	}
	left := map[string]total{}
	for _, row := range slices.Concat(rows.Range(any), rows.Range(any+1)) {
		t, err := decodeTotal(row.Value, agg)
		if err != nil {
			return nil, err
		}
		taken = taken || !t.state.Empty(agg)
		left[row.ID] = t
	}
	if taken {
		return nil, usance.Errorf(usance.KindConflict, "usage of %s is recorded at %s already, or below it", meter.Name, m.to)
	}
	return left, m.rows.take(len(left))
}

// renamed returns the id of a row at the place that its node goes to.
func (m *mover) renamed(meter *usance.Meter, id string) (string, error) {
	prefix := appendText(nil, meter.Name)
	node, rest, ok := cutText(id[len(prefix):])
	if !ok {
		return "", usance.ErrCorrupt
	}
	at := usance.Path(node).Rebase(m.from, m.to)
	if err := at.Check(); err != nil {
		return "", err
	}
	return string(appendText(prefix, string(at))) + rest, nil
}

func (m *mover) rename(meter *usance.Meter, t store.Table, rows []store.Row) error {
	for _, row := range rows {
		id, err := m.renamed(meter, row.ID)
		if err != nil {
			return err
		}
		m.out.renamed = append(m.out.renamed, store.Change{Key: store.Key{Table: t, ID: row.ID}, Deleted: true},
			store.Change{Key: store.Key{Table: t, ID: id}, Value: row.Value})
	}
	return nil
}

// renameTotals renames a meter's totals and returns those of the moved node. One
// that finds an empty one at its new place counts its groups in, unless they move
// too.
func (m *mover) renameTotals(meter *usance.Meter, rows []store.Row, left map[string]total) ([]*top, error) {
	agg := kept(meter.Aggregation)
	same := map[string]uint64{} // by the id of the new ungrouped series: groups that are there already
	for _, row := range rows {
		id, err := m.renamed(meter, row.ID)
		if err != nil {
			return nil, err
		}
		if _, ok := left[id]; ok {
			node, group, err := seriesOf(meter, id)
			if err != nil {
				return nil, err
			}
			if group != "" {
				same[series{meter.Name, node, ""}.id()]++
			}
		}
	}
	var tops []*top
	for i, row := range rows {
		sum, err := decodeTotal(row.Value, agg)
		if err != nil {
			return nil, err
		}
		node, group, err := seriesOf(meter, row.ID)
		if err != nil {
			return nil, err
		}
		if node == m.from {
			tops = append(tops, &top{meter: meter, group: group, total: sum})
		}
		if id, err := m.renamed(meter, row.ID); err != nil {
			return nil, err
		} else if was, ok := left[id]; ok && group == "" {
			sum.groups += was.groups - same[id]
			rows[i].Value = sum.encode(agg)
		}
	}
	return tops, m.rename(meter, store.Totals, rows)
}

// seriesOf takes the id of a row of totals apart.
func seriesOf(meter *usance.Meter, id string) (node usance.Path, group string, err error) {
	at, rest, ok := cutText(id[len(appendText(nil, meter.Name)):])
	if !ok {
		return "", "", usance.ErrCorrupt
	}
	group, rest, ok = cutText(rest)
	if !ok || rest != "" {
		return "", "", usance.ErrCorrupt
	}
	return usance.Path(at), group, nil
}

// sightings gathers what the moved node's own sets have.
func (m *mover) sightings(byID map[string]*top, members []store.Row) error {
	local := localDay{zone: m.out.fold.defs.Zone}
	for _, row := range members {
		t, day, ok := topOf(byID, row.ID, 4+16)
		if !ok {
			continue
		}
		slots, err := decodeSeen(row.Value)
		if err != nil {
			return err
		}
		for slot := slots.first(0, usance.Slots); slot >= 0; slot = slots.first(slot+1, usance.Slots) {
			h := hit{at: tickOf(day, slot), value: [16]byte([]byte(row.ID[len(row.ID)-16:]))}
			h.from, h.to = local.of(h.at.start())
			t.hits = append(t.hits, h)
		}
	}
	return nil
}

// above works out what one of the node's series gives to the nodes above it, and
// takes from those no longer above it.
func (m *mover) above(t *top) error {
	for _, node := range m.gained {
		ln := m.out.fold.line(t.meter, series{t.meter.Name, node, t.group})
		ln.hits = t.hits
		if t.meter.Aggregation != usance.AggUnique {
			ln.slots, ln.sum = t.slots, t.total.state
		}
	}
	for i, node := range m.lost {
		s := series{t.meter.Name, node, t.group}
		switch t.meter.Aggregation {
		case usance.AggUnique:
			ln := &line{series: s, meter: t.meter, id: s.id()}
			for _, h := range t.hits {
				if t.rest[restKey{i, h.at, h.value}].Count == 0 {
					ln.hits = append(ln.hits, h)
				}
			}
			m.out.unseen = append(m.out.unseen, ln)
		case usance.AggMin, usance.AggMax:
			if err := m.replace(t, i); err != nil {
				return err
			}
		default:
			ln := m.out.fold.line(t.meter, s)
			ln.sum = inverse(t.total.state)
			for _, slot := range t.slots {
				ln.slots = append(ln.slots, slotState{slot.at, inverse(slot.state)})
			}
		}
	}
	return nil
}

// name names the rows that apply reads, each once.
func (v *viewMove) name(keys *store.Keys) {
	var all store.Keys
	v.fold.name(&all)
	lose := &folding{lines: v.unseen}
	lose.name(&all)
	slices.SortFunc(all.Rows, compareKeys)
	keys.Rows = append(keys.Rows, slices.Compact(all.Rows)...)
}

// apply makes the move in the rows.
func (v *viewMove) apply(t *tx) error {
	for _, list := range [][]store.Change{v.renamed, v.replaced} {
		for _, c := range list {
			if c.Deleted {
				t.rows.Delete(c.Table, c.ID)
			} else {
				t.rows.Put(c.Table, c.ID, c.Value)
			}
		}
	}
	missing := new(missingKeys)
	for _, ln := range v.unseen {
		if err := ln.lose(t.rows, missing); err != nil {
			return err
		}
	}
	if len(missing.keys) > 0 {
		return missing
	}
	return v.fold.apply(t, v.fold)
}

// lose takes the line's hits out of its sets, its first sightings and its total.
func (ln *line) lose(rows *store.Rows, missing *missingKeys) error {
	ln.slots, ln.sum = nil, usance.State{} // of an earlier run
	zone, err := ln.zone(rows)
	if err != nil {
		return err
	}
	day := localDay{zone: zone}
	for _, h := range ln.hits {
		if zone != nil {
			h.from, h.to = day.of(h.at.start())
		}
		if err := ln.mark(rows, missing, h, false); err != nil {
			return err
		}
	}
	if len(missing.keys) > 0 {
		return nil
	}
	b, ok := rows.Get(store.Totals, ln.id)
	if !ok {
		return usance.ErrCorrupt // the subtree is part of it
	}
	agg := kept(ln.meter.Aggregation)
	sum, err := decodeTotal(b, agg)
	if err != nil {
		return err
	}
	sum.state = sum.state.Merge(ln.sum)
	rows.Put(store.Totals, ln.id, sum.encode(agg))
	return ln.flushDays(rows, missing, agg)
}
