package ledger

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"time"

	"github.com/usance/usance"
	"github.com/usance/usance/internal/journal"
	"github.com/usance/usance/registry"
	"github.com/usance/usance/store"
)

// Query answers a meter over time. Unknown meters are KindNotFound, unknown
// group-by keys and bounds KindInvalid, and an answer of more than
// usance.MaxQueryRows rows KindTooLarge. Windows in which nothing happened have
// no row, unless Zeros asks for them; a level or gauge stands in every window.
func (l *Ledger) Query(ctx context.Context, tenant usance.TenantID, q Query) (Answer, error) {
	if q.Node == "" {
		q.Node = usance.Root
	}
	if q.Zone == nil {
		q.Zone = time.UTC
	}
	if q.needsEvents() {
		return l.queryPast(ctx, tenant, q)
	}
	defs, err := l.reg.Known(ctx, tenant)
	for err == nil {
		answer, failed := l.queryRollups(ctx, tenant, defs, q)
		if failed == nil {
			return answer, nil
		}
		was := defs.Version // it may be said by definitions that are over
		if defs, err = l.reg.Definitions(ctx, tenant); err == nil && defs.Version == was {
			return answer, failed
		}
	}
	return Answer{}, err
}

// queryPast answers what is folded from the events.
func (l *Ledger) queryPast(ctx context.Context, tenant usance.TenantID, q Query) (Answer, error) {
	defs, err := l.reg.Definitions(ctx, tenant)
	if err != nil {
		return Answer{}, err
	}
	head, err := l.head(ctx, tenant)
	if err != nil {
		return Answer{}, err
	}
	if q.AsOf > head.Sequence {
		return Answer{}, notReached(q.AsOf, head.Sequence)
	}
	if q.AsOf != 0 {
		head.Sequence = q.AsOf
		if defs, err = l.past(tenant, defs).at(ctx, q.AsOf); err != nil {
			return Answer{}, err
		}
	}
	m, err := q.meter(defs)
	if err != nil {
		return Answer{}, err
	}
	return l.queryEvents(ctx, tenant, defs, head, m, q)
}

// meter returns the meter that is asked for, if the query fits it.
func (q *Query) meter(defs *registry.Definitions) (*usance.Meter, error) {
	m, err := findMeter(defs, q.Meter)
	if err != nil {
		return nil, err
	}
	return m, q.check(m)
}

func (q *Query) check(m *usance.Meter) error {
	if err := q.Node.Check(); err != nil {
		return err
	}
	if !q.From.IsZero() && !q.To.IsZero() && !q.From.Before(q.To) {
		return usance.Errorf(usance.KindInvalid, "from must be before to")
	}
	for _, t := range []time.Time{q.From, q.To} {
		if !t.IsZero() && (t.Before(usance.Earliest) || t.After(usance.Latest)) {
			return usance.Errorf(usance.KindInvalid, "from and to lie in %d to %d", usance.Earliest.Year(), usance.Latest.Year())
		}
	}
	switch q.Window {
	case "", usance.Minute, usance.Hour, usance.DayWindow, usance.MonthWindow:
	default:
		return usance.Errorf(usance.KindInvalid, "the window sizes are MINUTE, HOUR, DAY, MONTH")
	}
	var keys []string
	if len(q.GroupBy)+len(q.Filter) > 0 {
		keys = m.GroupKeys()
	}
	for _, k := range q.GroupBy {
		if k != "subject" && !slices.Contains(keys, k) {
			return usance.Errorf(usance.KindInvalid, "meter %s does not group by %q; it groups by %s", m.Name, k, strings.Join(append(keys, "subject"), ", "))
		}
	}
	for k := range q.Filter {
		if !slices.Contains(keys, k) {
			return usance.Errorf(usance.KindInvalid, "meter %s does not group by %q", m.Name, k)
		}
	}
	if q.Zeros && len(q.GroupBy) > 0 {
		return usance.Errorf(usance.KindInvalid, "zero rows are for answers that are not grouped")
	}
	return nil
}

// needsEvents reports that no view keeps what is asked for: single subjects,
// minutes, and the past.
func (q *Query) needsEvents() bool {
	return q.AsOf != 0 || len(q.Subjects) > 0 || slices.Contains(q.GroupBy, "subject") || q.Window == usance.Minute
}

func (l *Ledger) queryRollups(ctx context.Context, tenant usance.TenantID, defs *registry.Definitions, q Query) (Answer, error) {
	m, err := q.meter(defs)
	if err != nil {
		return Answer{}, err
	}
	groups, err := l.groups(ctx, tenant, m, q)
	if err != nil {
		return Answer{}, err
	}
	stretches, err := l.stretches(ctx, tenant, m, q, groups)
	if err != nil {
		return Answer{}, err
	}
	if len(stretches) == 0 {
		head, err := l.head(ctx, tenant)
		if err == nil && head.Definitions != defs.Version {
			err = errStale
		}
		return Answer{Sequence: head.Sequence}, err
	}
	var outputs []output
	var p *plan
	var answer Answer
	var reach usance.Day
	marks := -1 // index of the range of the marks of corrections
	err = l.read(ctx, tenant, func(now *registry.Definitions) (store.Keys, error) {
		var keys store.Keys
		if now.Version != defs.Version {
			return keys, errStale
		}
		p = newPlan(defs, m, q.Node, stretches)
		p.reach = &reach
		outputs = q.outputs(m, groups, p.add)
		if len(outputs)*len(stretches) > usance.MaxQueryRows {
			return keys, tooManyRows()
		}
		p.name(&keys)
		if marks = -1; q.Window != "" && !q.Unmarked {
			marks = len(keys.Ranges)
			keys.Ranges = append(keys.Ranges, p.restatedRange())
		}
		return keys, nil
	}, func(_ *registry.Definitions, rows *store.Rows, head journal.Head) error {
		cells, err := p.eval(ctx, l, tenant, rows, head)
		if err != nil {
			return err
		}
		var restated [][]time.Time
		if marks >= 0 {
			if restated, err = p.restated(rows.Range(marks)); err != nil {
				return err
			}
		}
		answer = Answer{Sequence: head.Sequence, Rows: q.rows(outputs, stretches, cells, restated)}
		return nil
	})
	return answer, err
}

func tooManyRows() error {
	return usance.Errorf(usance.KindTooLarge, "the answer has more than %d rows; ask for less time, larger windows or fewer groups", usance.MaxQueryRows)
}

// output is one combination of the group-by keys asked for.
type output struct {
	group   map[string]string
	subject *string
	order   string
}

// outputs assigns each series to the output that its values belong to.
func (q *Query) outputs(m *usance.Meter, groups []string, add func(group string, output int)) []output {
	if len(groups) == 1 && groups[0] == "" {
		add("", 0)
		return []output{{}}
	}
	if len(q.GroupBy) == 0 {
		for _, g := range groups {
			add(g, 0)
		}
		return []output{{}}
	}
	keys := m.GroupKeys()
	var outs []output
	index := make(map[string]int, len(groups))
	for _, g := range groups {
		group := pick(keys, groupValues(g), q.GroupBy)
		order := orderOf(group, q.GroupBy)
		i, ok := index[order]
		if !ok {
			i = len(outs)
			index[order] = i
			outs = append(outs, output{group: group, order: order})
		}
		add(g, i)
	}
	return outs
}

func pick(keys, values, wanted []string) map[string]string {
	if len(wanted) == 0 {
		return nil
	}
	group := map[string]string{}
	for i, k := range keys {
		if slices.Contains(wanted, k) && i < len(values) {
			group[k] = values[i]
		}
	}
	return group
}

func orderOf(group map[string]string, keys []string) string {
	b := make([]byte, 0, 64)
	for _, k := range keys {
		b = appendText(b, group[k])
	}
	return string(b)
}

// rows lists the cells by window, then group.
func (q *Query) rows(outputs []output, stretches []stretch, cells [][]cell, restated [][]time.Time) []Row {
	order := make([]int, 0, len(outputs))
	for i := range cells {
		order = append(order, i)
	}
	slices.SortFunc(order, func(a, b int) int { return cmp.Compare(outputs[a].order, outputs[b].order) })
	rows := make([]Row, 0, min(len(order)*len(stretches), 1024))
	for i, s := range stretches {
		for _, o := range order {
			c := cells[o][i]
			if c.present || q.Zeros || q.Window == "" && len(q.GroupBy) == 0 {
				row := Row{From: s.from, To: s.to, Value: c.value, Subject: outputs[o].subject, Group: outputs[o].group}
				if restated != nil {
					row.Restated = restated[o][i]
				}
				rows = append(rows, row)
			}
		}
	}
	return rows
}

// groups returns the groups whose series the query needs: "" alone when it
// neither groups nor filters.
func (l *Ledger) groups(ctx context.Context, tenant usance.TenantID, m *usance.Meter, q Query) ([]string, error) {
	if len(q.GroupBy) == 0 && len(q.Filter) == 0 {
		return []string{""}, nil
	}
	if direct := q.directGroups(m); direct != nil {
		return direct, nil
	}
	prefix := groupsPrefix(m.Name, q.Node)
	rows, err := l.st.Load(ctx, tenant, store.Keys{Ranges: []store.Range{{Table: store.Totals, From: prefix, To: after(prefix)}}})
	if err != nil {
		return nil, err
	}
	var out []string
	keys := m.GroupKeys()
	for _, row := range rows.Range(0) {
		group, _, ok := cutText(row.ID[len(prefix):])
		if !ok {
			return nil, usance.ErrCorrupt
		}
		if group != "" && q.matches(keys, groupValues(group)) {
			out = append(out, group)
		}
	}
	return out, nil
}

func (q *Query) matches(keys, values []string) bool {
	for i, k := range keys {
		if want, ok := q.Filter[k]; ok && (i >= len(values) || !slices.Contains(want, values[i])) {
			return false
		}
	}
	return true
}

// directGroups lists the groups when the filter states every key's values, so
// that no list of groups need be read; nil when it does not, or there are many.
func (q *Query) directGroups(m *usance.Meter) []string {
	combos := [][]string{nil}
	for _, k := range m.GroupKeys() {
		values := slices.Clone(q.Filter[k])
		slices.Sort(values)
		values = slices.Compact(values)
		var next [][]string
		for _, c := range combos {
			for _, v := range values {
				next = append(next, append(slices.Clone(c), v))
			}
		}
		if len(next) == 0 || len(next) > 1000 {
			return nil
		}
		combos = next
	}
	out := make([]string, len(combos))
	for i, c := range combos {
		out[i] = groupText(c)
	}
	return out
}

// stretches returns the windows that the query asks for. Open sides are closed
// at the first and last day that any series has something on.
func (l *Ledger) stretches(ctx context.Context, tenant usance.TenantID, m *usance.Meter, q Query, groups []string) ([]stretch, error) {
	if q.Window == "" {
		return []stretch{{q.From, q.To}}, nil
	}
	from, to := q.From, q.To
	if from.IsZero() || to.IsZero() {
		first, last, err := l.extent(ctx, tenant, m, q.Node, groups)
		if err != nil || first.IsZero() {
			return nil, err
		}
		if m.Aggregation.Stands() && last.Before(l.now()) {
			last = l.now()
		}
		if from.IsZero() {
			from, _ = q.Window.Bounds(first, q.Zone)
		}
		if to.IsZero() {
			_, to = q.Window.Bounds(last, q.Zone)
		}
	}
	return windows(from, to, q.Window, q.Zone)
}

// windows splits [from, to) into calendar windows, the first and last cut to it.
func windows(from, to time.Time, w usance.Window, zone *time.Location) ([]stretch, error) {
	var out []stretch
	for at := from; at.Before(to); {
		_, end := w.Bounds(at, zone)
		if end.After(to) {
			end = to
		}
		out = append(out, stretch{at, end})
		if len(out) > usance.MaxQueryRows {
			return nil, tooManyRows()
		}
		at = end
	}
	return out, nil
}

// extent returns the start of the first and the end of the last UTC day that the
// series have rollups on; zero when they have none.
func (l *Ledger) extent(ctx context.Context, tenant usance.TenantID, m *usance.Meter, node usance.Path, groups []string) (first, last time.Time, err error) {
	table := store.Rollups
	if m.Aggregation == usance.AggUnique {
		table = store.Members // rollups have first sightings only
	}
	var keys store.Keys
	var ids []string
	for _, g := range groups {
		id := series{m.Name, node, g}.id()
		ids = append(ids, id)
		keys.Ranges = append(keys.Ranges,
			store.Range{Table: table, From: id, To: after(id), Limit: 1},
			store.Range{Table: table, From: id, To: after(id), Limit: 1, Reverse: true})
	}
	rows, err := l.st.Load(ctx, tenant, keys)
	if err != nil {
		return first, last, err
	}
	for i := range keys.Ranges {
		for _, row := range rows.Range(i) {
			day, _, ok := cutDay(row.ID[len(ids[i/2]):])
			if !ok {
				return first, last, usance.ErrCorrupt
			}
			if t := day.Start(); first.IsZero() || t.Before(first) {
				first = t
			}
			if t := (day + 1).Start().Add(-1); t.After(last) {
				last = t
			}
		}
	}
	return first, last, nil
}

// KnownAt returns the sequence that was the newest at an instant, for
// Query.AsOf; KindNotFound when the tenant had none yet. Clocks of several
// processes may disagree a little; the ledger's order is what counts.
func (l *Ledger) KnownAt(ctx context.Context, tenant usance.TenantID, at time.Time) (uint64, error) {
	head, err := l.head(ctx, tenant)
	if err != nil {
		return 0, err
	}
	seq, err := journal.SequenceAt(ctx, l.st, tenant, head.Sequence, at)
	if err == nil && seq == 0 {
		err = usance.Errorf(usance.KindNotFound, "nothing was recorded by %s", at.Format(time.RFC3339))
	}
	return seq, err
}
