package usance_test

import (
	"archive/zip"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/usance/usance"
)

// zones are all zones of the IANA database that comes with the Go toolchain.
func zones(t testing.TB) []*time.Location {
	t.Helper()
	root, err := exec.CommandContext(t.Context(), "go", "env", "GOROOT").Output()
	if err != nil {
		t.Fatal(err)
	}
	r, err := zip.OpenReader(filepath.Join(strings.TrimSpace(string(root)), "lib", "time", "zoneinfo.zip"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = r.Close() }() // it was only read
	var out []*time.Location
	for _, f := range r.File {
		if strings.HasSuffix(f.Name, "/") {
			continue
		}
		z, err := time.LoadLocation(f.Name)
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, z)
	}
	if len(out) < 400 {
		t.Fatalf("only %d zones", len(out))
	}
	return out
}

func anyInstant(t *rapid.T) time.Time {
	span := int64(usance.Latest.Sub(usance.Earliest) / time.Second)
	return usance.Earliest.Add(time.Duration(rapid.Int64Range(0, span-1).Draw(t, "second")) * time.Second).
		Add(time.Duration(rapid.Int64Range(0, 999_999_999).Draw(t, "nanosecond")))
}

// TestDaysAndMonthsOfEveryZoneAreUnionsOfSlots is what makes rollups exact.
func TestDaysAndMonthsOfEveryZoneAreUnionsOfSlots(t *testing.T) {
	all := zones(t)
	rapid.Check(t, func(t *rapid.T) {
		zone := rapid.SampledFrom(all).Draw(t, "zone")
		at := anyInstant(t)
		for _, w := range []usance.Window{usance.DayWindow, usance.MonthWindow, usance.Hour} {
			from, to := w.Bounds(at, zone)
			for _, edge := range []time.Time{from, to} {
				if edge.Unix()%int64(usance.Slot/time.Second) != 0 || edge.Nanosecond() != 0 {
					t.Fatalf("a %s of %s ends at %s, inside a slot", w, zone, edge)
				}
			}
			if at.Before(from) || !at.Before(to) {
				t.Fatalf("%s is outside its own %s in %s: %s to %s", at, w, zone, from, to)
			}
		}
	})
}

// TestWindowsTile holds that the window after one begins where it ends.
func TestWindowsTile(t *testing.T) {
	all := zones(t)
	rapid.Check(t, func(t *rapid.T) {
		zone := rapid.SampledFrom(all).Draw(t, "zone")
		w := rapid.SampledFrom([]usance.Window{usance.DayWindow, usance.MonthWindow}).Draw(t, "window")
		_, to := w.Bounds(anyInstant(t), zone)
		for range 3 {
			from, next := w.Bounds(to, zone)
			if !from.Equal(to) || !next.After(from) {
				t.Fatalf("after a %s of %s that ends at %s comes %s to %s", w, zone, to, from, next)
			}
			to = next
		}
	})
}

// TestTheShortWayToMidnightEndsWhereTheLongOneDoes looks at the days around every
// change of every zone's clocks, and at some others.
func TestTheShortWayToMidnightEndsWhereTheLongOneDoes(t *testing.T) {
	check := func(at time.Time, zone *time.Location) {
		y, m, d := at.In(zone).Date()
		for i := -2; i <= 2; i++ {
			if got, want := usance.Midnight(y, m, d+i, zone), usance.PlainMidnight(y, m, d+i, zone); !got.Equal(want) {
				t.Fatalf("%s, %d-%02d-%02d: %s, want %s", zone, y, m, d+i, got, want)
			}
		}
	}
	for _, zone := range zones(t) {
		for at := usance.Earliest; at.Before(time.Date(2040, 1, 1, 0, 0, 0, 0, time.UTC)); {
			check(at, zone)
			_, next := at.In(zone).ZoneBounds()
			if next.IsZero() {
				break
			}
			at = next
		}
	}
	all := zones(t)
	rapid.Check(t, func(r *rapid.T) {
		check(anyInstant(r), rapid.SampledFrom(all).Draw(r, "zone"))
	})
}

func TestCalendarDaysHaveTheHoursTheirClocksGive(t *testing.T) {
	for _, c := range []struct {
		zone, at string
		hours    float64
	}{
		{"America/St_Johns", "2026-03-08T12:00:00Z", 23}, {"America/St_Johns", "2026-11-01T12:00:00Z", 25},
		{"Europe/Berlin", "2026-03-29T12:00:00Z", 23}, {"Asia/Kathmandu", "2026-03-29T12:00:00Z", 24},
		{"Australia/Lord_Howe", "2026-04-05T00:00:00Z", 24.5}, {"Asia/Beirut", "2026-03-29T12:00:00Z", 23},
	} {
		zone, err := usance.LoadZone(c.zone)
		if err != nil {
			t.Fatal(err)
		}
		at, err := time.Parse(time.RFC3339, c.at)
		if err != nil {
			t.Fatal(err)
		}
		from, to := usance.DayWindow.Bounds(at, zone)
		if got := to.Sub(from).Hours(); got != c.hours {
			t.Errorf("%s on %s has %v hours (%s to %s), want %v", c.zone, c.at, got, from, to, c.hours)
		}
	}
}

func TestSlotsNumberTheDayFromItsStart(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		at := anyInstant(t)
		day, slot := usance.SlotOf(at)
		start := day.Start().Add(time.Duration(slot) * usance.Slot)
		if at.Before(start) || !at.Before(start.Add(usance.Slot)) || slot < 0 || slot >= usance.Slots || usance.DayOf(at) != day {
			t.Fatalf("%s is not in slot %d of day %d", at, slot, day)
		}
	})
}

func TestZonesThatAreNotOfTheDatabaseAreRefused(t *testing.T) {
	for _, name := range []string{"", "Local", "Mars/Olympus", "../etc/passwd", "/etc/localtime", strings.Repeat("a", 100)} {
		if _, err := usance.LoadZone(name); usance.KindOf(err) != usance.KindInvalid {
			t.Errorf("zone %q: %v", name, err)
		}
	}
}
