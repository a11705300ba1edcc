// Package demo makes up a company's year of usage: who met when, what was kept on
// the drive, what ran in the cloud. Everything follows from a seed and the
// calendar, day by day, so a year made again is the same year: sent twice, it
// counts once.
package demo

import (
	"math/rand/v2"
	"strconv"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/usance/usance"
	"github.com/usance/usance/api/wire"
)

// Plan says which usage is made up.
type Plan struct {
	Seed uint64
	// Anchor is when the company was first shown: its year ends on that day, and
	// growth is reckoned from its beginning.
	Anchor time.Time
	Now    time.Time // nothing happens after it
	Zone   *time.Location
}

// yearDays is how long before the anchor usage begins.
const yearDays = 365

// Days returns how many local days the plan has.
func (p Plan) Days() int { return p.index(p.Now) + 1 }

// index numbers local days from the plan's first, 0.
func (p Plan) index(t time.Time) int {
	y, m, d := p.Anchor.In(p.Zone).Date()
	first := time.Date(y, m, d-yearDays, 0, 0, 0, 0, time.UTC)
	y, m, d = t.In(p.Zone).Date()
	return int(time.Date(y, m, d, 0, 0, 0, 0, time.UTC).Sub(first) / (24 * time.Hour))
}

// day is one local day being made up.
type day struct {
	plan   Plan
	n      int // from the plan's first day
	date   time.Time
	rng    *rand.Rand
	events []wire.Event
}

// Day returns the events of the plan's n-th local day. Recordings are deleted
// months after the day that stored them, and those events belong to that day.
func (p Plan) Day(n int) []wire.Event {
	y, m, d := p.Anchor.In(p.Zone).Date()
	date := time.Date(y, m, d-yearDays+n, 0, 0, 0, 0, time.UTC)
	made := &day{plan: p, n: n, date: date, rng: rand.New(rand.NewPCG(p.Seed, uint64(date.Unix())))}
	made.conferences()
	made.drive()
	made.streams()
	made.cloud()
	return made.events
}

// at is a wall-clock moment of the day, in seconds after midnight. Clocks that
// change are none of a meeting's business.
func (d *day) at(seconds int) time.Time {
	y, m, dd := d.date.Date()
	return time.Date(y, m, dd, 0, 0, seconds, 0, d.plan.Zone).UTC()
}

// age is how far the plan's year has gone, 0 to 1, and on past it slowly.
func (d *day) age() float64 { return min(float64(d.n)/yearDays, 1.5) }

// emit records an event, unless it has not happened yet.
func (d *day) emit(at time.Time, source, id, eventType, subject string, node usance.Path, data string) {
	if at.After(d.plan.Now) {
		return
	}
	e := wire.Event{SpecVersion: "1.0", Source: source, ID: id, Type: eventType, Subject: subject, Node: node, Time: at}
	if data != "" {
		e.Data = jsontext.Value(data)
	}
	d.events = append(d.events, e)
}

// id is an event's id: the day, what it is about, and its number in the day.
func (d *day) id(what string, n int) string {
	return d.date.Format("20060102") + "-" + what + "-" + strconv.Itoa(n)
}

// bustle is how busy the day is, against a good working day at the end of the
// year.
func (d *day) bustle() float64 {
	week := [...]float64{time.Sunday: .13, time.Monday: 1, time.Tuesday: 1.04, time.Wednesday: 1.06, time.Thursday: 1, time.Friday: .86, time.Saturday: .21}
	b := week[d.date.Weekday()]
	if holiday(d.date) {
		b = min(b, .06)
	}
	if d.date.Month() == time.August {
		b *= .93
	}
	return b * (.6 + .4*d.age()) * (.9 + .2*d.rng.Float64())
}

// holiday knows the public holidays in broad strokes.
func holiday(date time.Time) bool {
	y, m, dd := date.Date()
	switch {
	case m == time.January && dd == 1, m == time.May && dd <= 3, m == time.October && dd <= 6:
		return true
	}
	spring, ok := map[int]time.Time{
		2025: time.Date(2025, 1, 29, 0, 0, 0, 0, time.UTC), 2026: time.Date(2026, 2, 17, 0, 0, 0, 0, time.UTC),
		2027: time.Date(2027, 2, 6, 0, 0, 0, 0, time.UTC), 2028: time.Date(2028, 1, 26, 0, 0, 0, 0, time.UTC),
		2029: time.Date(2029, 2, 13, 0, 0, 0, 0, time.UTC), 2030: time.Date(2030, 2, 3, 0, 0, 0, 0, time.UTC),
	}[y]
	since := date.Sub(spring) / (24 * time.Hour)
	return ok && since >= -1 && since <= 6
}

// moment draws a second of the day from how busy its hours are: mornings and
// afternoons, with lunch between and little at night.
func (d *day) moment() int {
	hours := [24]float64{.04, .02, .02, .02, .02, .03, .06, .15, .7, 2.4, 2.8, 1.9, .35, 1.2, 2.6, 2.5, 2.1, 1.1, .45, .4, .3, .18, .1, .06}
	total := 0.0
	for _, h := range hours {
		total += h
	}
	x := d.rng.Float64() * total
	for h, weight := range hours {
		if x < weight {
			return h*3600 + d.rng.IntN(3600)
		}
		x -= weight
	}
	return 12 * 3600
}
