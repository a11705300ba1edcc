package reporting

import (
	"context"
	"maps"
	"slices"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"

	"github.com/usance/usance"
	"github.com/usance/usance/ledger"
)

// maxTouched is how many days of series are noted before all are read again
// instead.
const maxTouched = 500_000

// series is a meter at a node: what one question of the ledger is about.
type series struct {
	meter string
	node  usance.Path
}

// touched are the days, by the instant that they begin at, whose numbers may have
// changed.
type touched map[series]map[int64]struct{}

// touch notes meters at a node and above it, on the day of an instant.
func (r *refresh) touch(meters []string, node usance.Path, at time.Time) {
	if r.all || len(meters) == 0 {
		return
	}
	day, _ := usance.DayWindow.Bounds(at, r.defs.Zone)
	for _, n := range node.Lineage() {
		for _, m := range meters {
			s := series{m, n}
			days := r.touched[s]
			if days == nil {
				days = map[int64]struct{}{}
				r.touched[s] = days
			}
			if _, noted := days[day.Unix()]; !noted {
				days[day.Unix()] = struct{}{}
				r.noted++
			}
		}
	}
	if r.noted > maxTouched {
		r.all, r.touched = true, touched{}
	}
}

func (r *refresh) meters() []string {
	list := r.defs.Meters()
	names := make([]string, len(list))
	for i, m := range list {
		names[i] = m.Name
	}
	return names
}

// days brings the daily numbers up to date.
func (r *refresh) days(ctx context.Context) error {
	w := &dayWriter{refresh: r}
	_, w.today = usance.DayWindow.Bounds(r.now, r.defs.Zone)
	if err := r.passed(ctx); err != nil {
		return err
	}
	if r.all {
		if _, err := r.tx.Exec(ctx, `delete from usage_daily where tenant = $1`, string(r.tenant)); err != nil {
			return err
		}
		list, err := r.series(ctx, func(*usance.Meter) bool { return true })
		if err != nil {
			return err
		}
		for _, s := range list {
			if err := w.put(ctx, s, time.Time{}, time.Time{}); err != nil {
				return err
			}
		}
		return w.flush(ctx)
	}
	for s, days := range r.touched {
		if err := w.touched(ctx, s, slices.Sorted(maps.Keys(days))); err != nil {
			return err
		}
	}
	return w.flush(ctx)
}

// passed notes, when a day has begun since the tables were last brought up to
// date, every level and gauge: they stand on the new day as well.
func (r *refresh) passed(ctx context.Context) error {
	if r.all {
		return nil
	}
	before, end := usance.DayWindow.Bounds(r.at.asOf, r.defs.Zone)
	if r.now.Before(end) {
		return nil
	}
	list, err := r.series(ctx, func(m *usance.Meter) bool { return m.Aggregation.Stands() })
	for _, s := range list {
		if r.touched[s] == nil {
			r.touched[s] = map[int64]struct{}{}
		}
		r.touched[s][before.Unix()] = struct{}{}
	}
	return err
}

// series lists what has numbers.
func (r *refresh) series(ctx context.Context, want func(*usance.Meter) bool) ([]series, error) {
	var list []series
	err := r.Ledger.Series(ctx, r.tenant, func(meter string, node usance.Path) error {
		if m, ok := r.defs.Meter(meter); ok && want(m) {
			list = append(list, series{meter, node})
		}
		return nil
	})
	return list, err
}

// dayWriter replaces daily numbers.
type dayWriter struct {
	*refresh
	today   time.Time // its end: levels and gauges are told up to then
	deletes pgx.Batch
	rows    [][]any
}

// touched replaces the numbers of some days, given by their beginnings: days that
// follow each other together, and of a level or gauge all from the first on.
func (w *dayWriter) touched(ctx context.Context, s series, days []int64) error {
	m, ok := w.defs.Meter(s.meter)
	if !ok {
		return nil
	}
	if m.Aggregation.Stands() {
		return w.put(ctx, s, time.Unix(days[0], 0).UTC(), time.Time{})
	}
	for i := 0; i < len(days); {
		from := time.Unix(days[i], 0).UTC()
		to := from
		for ; i < len(days) && days[i] == to.Unix(); i++ {
			_, to = usance.DayWindow.Bounds(to, w.defs.Zone)
		}
		if err := w.put(ctx, s, from, to); err != nil {
			return err
		}
	}
	return nil
}

// put replaces the numbers of a stretch of days; the zero time leaves a side open.
func (w *dayWriter) put(ctx context.Context, s series, from, to time.Time) error {
	m, ok := w.defs.Meter(s.meter)
	if !ok {
		return nil
	}
	if !w.all {
		w.deletes.Queue(`delete from usage_daily where tenant = $1 and meter = $2 and node = $3 and ($4::date is null or day >= $4) and ($5::date is null or day < $5)`,
			string(w.tenant), s.meter, string(s.node), w.date(from), w.date(to))
	}
	if m.Aggregation.Stands() {
		to = w.today
	}
	if err := w.ask(ctx, m, s, from, to, nil); err != nil {
		return err
	}
	if keys := m.GroupKeys(); len(keys) > 0 {
		if err := w.ask(ctx, m, s, from, to, keys); err != nil {
			return err
		}
	}
	if w.deletes.Len() >= chunk/2 {
		return w.flush(ctx)
	}
	return nil
}

// ask has the ledger answer, and keeps the rows. A question whose answer is too
// long is asked in halves.
func (w *dayWriter) ask(ctx context.Context, m *usance.Meter, s series, from, to time.Time, keys []string) error {
	if !from.IsZero() && !to.IsZero() && !from.Before(to) {
		return nil // nothing of it before tomorrow
	}
	q := ledger.Query{Meter: s.meter, Node: s.node, From: from, To: to, Window: usance.DayWindow, Zone: w.defs.Zone, GroupBy: keys}
	answer, err := w.Ledger.Query(ctx, w.tenant, q)
	switch {
	case err == nil:
	case usance.KindOf(err) == usance.KindTooLarge:
		return w.halves(ctx, m, s, from, to, keys, err)
	case usance.KindOf(err) == usance.KindNotFound: // the entry that removed the meter has everything read again
		return nil
	default:
		return err
	}
	for _, row := range answer.Rows {
		if m.Aggregation.Stands() && row.Value.IsZero() {
			continue // from which day on there is a 0 depends on what else there is
		}
		group := map[string]string{}
		for k, v := range row.Group {
			group[clean(k)] = clean(v)
		}
		b, err := json.Marshal(group, json.Deterministic(true))
		if err != nil {
			return err
		}
		w.rows = append(w.rows, []any{string(w.tenant), s.meter, string(s.node), w.date(row.From), b, pgtype.Numeric{Int: row.Value.Big(), Valid: true}, m.Unit, string(m.Aggregation)})
		if len(w.rows) >= chunk {
			if err := w.flush(ctx); err != nil {
				return err
			}
		}
	}
	return nil
}

func (w *dayWriter) halves(ctx context.Context, m *usance.Meter, s series, from, to time.Time, keys []string, tooLarge error) error {
	if from.IsZero() || to.IsZero() { // the months' answer says where it begins and ends
		months, err := w.Ledger.Query(ctx, w.tenant, ledger.Query{Meter: s.meter, Node: s.node, From: from, To: to, Window: usance.MonthWindow, Zone: w.defs.Zone})
		if err != nil || len(months.Rows) == 0 {
			return err
		}
		if from.IsZero() {
			from = months.Rows[0].From
		}
		if to.IsZero() {
			to = months.Rows[len(months.Rows)-1].To
		}
	}
	middle, _ := usance.DayWindow.Bounds(from.Add(to.Sub(from)/2), w.defs.Zone)
	if !middle.After(from) {
		if _, middle = usance.DayWindow.Bounds(from, w.defs.Zone); !middle.Before(to) {
			return tooLarge
		}
	}
	if err := w.ask(ctx, m, s, from, middle, keys); err != nil {
		return err
	}
	return w.ask(ctx, m, s, middle, to, keys)
}

// date is the day of the tenant's calendar that an instant lies in; nil for the
// zero time.
func (w *dayWriter) date(at time.Time) any {
	if at.IsZero() {
		return nil
	}
	y, m, d := at.In(w.defs.Zone).Date()
	return time.Date(y, m, d, 0, 0, 0, 0, time.UTC)
}

func (w *dayWriter) flush(ctx context.Context) error {
	if w.deletes.Len() > 0 {
		if err := w.tx.SendBatch(ctx, &w.deletes).Close(); err != nil {
			return err
		}
		w.deletes = pgx.Batch{}
	}
	_, err := w.tx.CopyFrom(ctx, pgx.Identifier{"usage_daily"},
		[]string{"tenant", "meter", "node", "day", "group_by", "value", "unit", "aggregation"}, pgx.CopyFromRows(w.rows))
	w.rows = w.rows[:0]
	return err
}
