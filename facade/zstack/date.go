package zstack

import (
	"strconv"
	"strings"
	"time"

	"github.com/usance/usance"
)

// wireDate is how every date is written, in the server's own zone. The Java SDK
// can read no other form.
const wireDate = "Jan 2, 2006 3:04:05 PM"

func (f *Facade) date(t time.Time) string { return t.In(f.o.Location).Format(wireDate) }

// parseQueryDate reads a date out of a query condition: as answers write it, as
// SQL does, or ISO 8601. A form without a zone is in the server's own.
func parseQueryDate(text string, zone *time.Location) (time.Time, bool) {
	if len(text) > 64 {
		return time.Time{}, false
	}
	for _, layout := range []string{wireDate, time.DateTime, time.RFC3339, "2006-01-02T15:04:05", time.DateOnly} {
		if t, err := time.ParseInLocation(layout, text, zone); err == nil {
			return t, true
		}
	}
	return time.Time{}, false
}

// parseSignedDate reads the Date of a signed request: "Tue, 03 Mar 2026 08:15:30"
// and a zone in whatever text the client's platform has for it. The wall clock
// comes back as if it were UTC. English names in any case; the weekday must be
// the date's.
func parseSignedDate(text string) (wall time.Time, zone string, ok bool) {
	const layout = "Mon, 02 Jan 2006 15:04:05"
	if len(text) < len(layout)+2 || len(text) > len(layout)+1+64 || text[len(layout)] != ' ' {
		return time.Time{}, "", false
	}
	wall, err := time.Parse(layout, text[:len(layout)])
	if err != nil || !strings.EqualFold(wall.Format(layout), text[:len(layout)]) {
		return time.Time{}, "", false
	}
	zone = strings.TrimSpace(text[len(layout)+1:])
	if zone == "" || strings.ContainsFunc(zone, func(c rune) bool { return c < ' ' || c > '~' }) {
		return time.Time{}, "", false
	}
	return wall, zone, true
}

// instant places a wall clock in the zone its text names: a region, UTC's names,
// an offset, or an abbreviation that the server's own zone has at about that
// time. Any other abbreviation is ambiguous (CST has at least three meanings) and
// names nothing.
func instant(wall time.Time, zone string, own *time.Location) (time.Time, bool) {
	at := func(l *time.Location) time.Time {
		return time.Date(wall.Year(), wall.Month(), wall.Day(), wall.Hour(), wall.Minute(), wall.Second(), 0, l)
	}
	switch strings.ToUpper(zone) {
	case "UTC", "GMT", "UT", "Z":
		return wall, true
	}
	if offset, ok := parseOffset(zone); ok {
		return at(time.FixedZone("", offset)), true
	}
	local := at(own)
	for _, near := range []time.Time{local, local.AddDate(0, 6, 0)} {
		if name, offset := near.Zone(); name == zone {
			return at(time.FixedZone(name, offset)), true
		}
	}
	if !strings.Contains(zone, "/") {
		return time.Time{}, false
	}
	region, err := usance.LoadZone(zone)
	if err != nil {
		return time.Time{}, false
	}
	return at(region), true
}

// parseOffset reads +08:00, +0800, +08 and the same behind UTC or GMT.
func parseOffset(zone string) (seconds int, ok bool) {
	for _, prefix := range []string{"UTC", "GMT"} {
		if rest, cut := strings.CutPrefix(zone, prefix); cut {
			zone = rest
		}
	}
	if len(zone) < 3 || zone[0] != '+' && zone[0] != '-' {
		return 0, false
	}
	digits := strings.Replace(zone[1:], ":", "", 1)
	if len(digits) == 2 {
		digits += "00"
	}
	n, err := strconv.ParseUint(digits, 10, 16)
	if err != nil || len(digits) != 4 || n/100 > 18 || n%100 > 59 {
		return 0, false
	}
	seconds = int(n/100)*3600 + int(n%100)*60
	if zone[0] == '-' {
		seconds = -seconds
	}
	return seconds, true
}
