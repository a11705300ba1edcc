package usance

import "time"

var Midnight = midnight

// PlainMidnight is Midnight without its short way.
func PlainMidnight(y int, m time.Month, d int, zone *time.Location) time.Time {
	return searchMidnight(time.Date(y, m, d, 0, 0, 0, 0, zone), time.Date(y, m, d, 0, 0, 0, 0, time.UTC))
}
