package ledger

import (
	"strings"

	"github.com/usance/usance"
	"github.com/usance/usance/internal/journal"
	"github.com/usance/usance/store"
)

// A few days of a series are asked for by name rather than as a range: an engine
// finds rows that it has read lately without opening its tables, and knows of days
// without any that there is nothing.

// Bounds of what a plan asks for by name: days of a series, and rows in all.
const (
	maxNamedDays = 32
	maxNamedRows = 64
)

// dayRows are a series' rollups of days that follow each other.
type dayRows struct {
	first usance.Day
	count int
	ids   string // of the rows, one behind the other
}

func nameDays(keys *store.Keys, series string, first, last usance.Day) dayRows {
	r := dayRows{first: first, count: int(last-first) + 1}
	width := len(series) + 4
	var b strings.Builder
	b.Grow(r.count * width)
	for d := first; d <= last; d++ {
		var day [4]byte
		b.WriteString(series)
		b.Write(appendDay(day[:0], d))
	}
	r.ids = b.String()
	for i := range r.count {
		keys.Rows = append(keys.Rows, store.Key{Table: store.Rollups, ID: r.ids[i*width:][:width]})
	}
	return r
}

// fewDays returns the days, first and last, that are to be asked for by name.
func (p *plan) fewDays() (first, last usance.Day, few bool) {
	from, to := p.stretches[0].from, p.stretches[len(p.stretches)-1].to
	if p.meter.Aggregation.Stands() {
		if from = p.stretches[0].to; p.reach == nil {
			return 0, 0, false
		}
	}
	if p.members || from.IsZero() || to.IsZero() {
		return 0, 0, false
	}
	first, last = usance.DayOf(from), usance.DayOf(to.Add(-1))
	if p.meter.Aggregation.Stands() {
		last = max(first, last, *p.reach)
	}
	days := int(last-first) + 1
	return first, last, days <= maxNamedDays && days*len(p.series) <= maxNamedRows
}

// reaches returns errStale when there are days past those that were named, of what
// stands on all that comes behind its time; reach then says up to which. Next to
// nobody sends events of the day after tomorrow.
func (p *plan) reaches(head journal.Head) error {
	for i := range p.series {
		r := &p.series[i].days
		if last := usance.DayOf(head.Newest); r.count > 0 && !head.Newest.IsZero() && last >= r.first+usance.Day(r.count) {
			*p.reach = last
			return errStale
		}
	}
	return nil
}

// byDay reports that the series is read from its rollups.
func (s *planned) byDay() bool { return s.days.count > 0 || s.range_ >= 0 }

// eachDay calls fn on the series' rollups in the order of days.
func (s *planned) eachDay(rows *store.Rows, fn func(usance.Day, []byte) error) error {
	width := len(s.id) + 4
	for i := range s.days.count {
		b, ok := rows.Get(store.Rollups, s.days.ids[i*width:][:width])
		if !ok {
			continue
		}
		if err := fn(s.days.first+usance.Day(i), b); err != nil {
			return err
		}
	}
	if s.range_ < 0 {
		return nil
	}
	for _, row := range rows.Range(s.range_) {
		day, _, ok := cutDay(row.ID[len(s.id):])
		if !ok {
			return usance.ErrCorrupt
		}
		if err := fn(day, row.Value); err != nil {
			return err
		}
	}
	return nil
}
