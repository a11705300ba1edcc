package usance

import "time"

// Slot is the grain of rollups. Every offset from UTC since Earliest is a
// multiple of it, so any zone's days and months are unions of slots.
const Slot = 15 * time.Minute

// Slots is the number of slots in a UTC day.
const Slots = int(24 * time.Hour / Slot)

// Day numbers UTC days from 1970-01-01, which is day 0.
type Day int32

// DayOf returns the UTC day that t lies in.
func DayOf(t time.Time) Day {
	s := t.Unix()
	d := s / 86400
	if s%86400 < 0 {
		d--
	}
	return Day(d)
}

// Start returns the first instant of the day.
func (d Day) Start() time.Time { return time.Unix(int64(d)*86400, 0).UTC() }

// SlotOf returns the day and slot that t lies in.
func SlotOf(t time.Time) (Day, int) {
	d := DayOf(t)
	return d, int((t.Unix() - int64(d)*86400) / int64(Slot/time.Second))
}

// Window names a recurring stretch of time.
type Window string

// The windows of quotas; usage queries also know minute and hour.
const (
	Lifetime    Window = "lifetime"
	DayWindow   Window = "day"
	MonthWindow Window = "month"
	Minute      Window = "minute"
	Hour        Window = "hour"
)

// CheckQuota returns why w cannot be the window of a quota, or nil.
func (w Window) CheckQuota() error {
	switch w {
	case Lifetime, DayWindow, MonthWindow:
		return nil
	}
	return Errorf(KindInvalid, "window %q: the windows are lifetime, day, month", clip(string(w)))
}

// Bounds returns the window that t lies in, as [from, to) in UTC. Days and
// months are the calendar's in the zone, with 23 and 25 hours where its clocks
// change. Lifetime has zero bounds.
func (w Window) Bounds(t time.Time, zone *time.Location) (from, to time.Time) {
	switch w {
	case Minute:
		from = t.UTC().Truncate(time.Minute)
		return from, from.Add(time.Minute)
	case Hour:
		return hourBounds(t, zone)
	case DayWindow:
		y, m, d := t.In(zone).Date()
		return bounds(t, func(i int) time.Time { return midnight(y, m, d+i, zone) })
	case MonthWindow:
		y, m, _ := t.In(zone).Date()
		return bounds(t, func(i int) time.Time { return midnight(y, m+time.Month(i), 1, zone) })
	}
	return time.Time{}, time.Time{}
}

// bounds returns the stretch between two consecutive starts that t lies in. It
// is nearly always the first; where clocks that are set back repeat a midnight,
// an instant may carry the date of the day before the one it lies in.
func bounds(t time.Time, start func(i int) time.Time) (from, to time.Time) {
	from, to = start(0), start(1)
	for i := 2; !t.Before(to); i++ {
		from, to = to, start(i)
	}
	return from, to
}

// hourBounds keeps hours an hour long and aligned with the zone's offset at t.
func hourBounds(t time.Time, zone *time.Location) (time.Time, time.Time) {
	_, offset := t.In(zone).Zone()
	shift := time.Duration(offset%3600) * time.Second
	from := t.UTC().Add(shift).Truncate(time.Hour).Add(-shift)
	return from, from.Add(time.Hour)
}

// midnight returns the first instant of a calendar day in a zone. Where the
// clocks skip midnight that is the instant they skip to; where they repeat it,
// the first of the two.
func midnight(y int, m time.Month, d int, zone *time.Location) time.Time {
	t, want := time.Date(y, m, d, 0, 0, 0, 0, zone), time.Date(y, m, d, 0, 0, 0, 0, time.UTC)
	if since, _ := t.ZoneBounds(); since.IsZero() || t.Sub(since) > aroundMidnight {
		_, offset := t.Zone() // no clocks were set around it: it is the first with its date, if it has the one wanted
		if t.Unix()+int64(offset) == want.Unix() {
			return t.UTC()
		}
	}
	return searchMidnight(t, want)
}

// aroundMidnight is how far from what a zone takes for midnight the day may begin.
const aroundMidnight = 3 * time.Hour

func searchMidnight(t, want time.Time) time.Time {
	// Look at the slots around the candidate for the first whose local date is
	// the wanted one and that follows one whose local date is earlier.
	for probe := t.Add(-aroundMidnight); ; probe = probe.Add(Slot) {
		py, pm, pd := probe.Date()
		if !time.Date(py, pm, pd, 0, 0, 0, 0, time.UTC).Before(want) {
			return probe.UTC()
		}
	}
}

// LoadZone returns the IANA zone of that name. "Local" and anything that could
// name a file are refused.
func LoadZone(name string) (*time.Location, error) {
	if name == "" || name == "Local" || len(name) > 64 {
		return nil, Errorf(KindInvalid, "unknown time zone %q", clip(name))
	}
	zone, err := time.LoadLocation(name)
	if err != nil {
		return nil, Errorf(KindInvalid, "unknown time zone %q", clip(name))
	}
	return zone, nil
}
