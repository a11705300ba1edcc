package gateway

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/usance/usance"
)

// Limits are limits of requests by name: a surface's name, a dot, and what is
// counted, such as "meeting.user".
type Limits map[string]Limit

// The bounds of a limit that is told.
const (
	MaxRequests = 1_000_000
	MaxPer      = 24 * time.Hour
)

// Off is a limit that admits everybody.
func Off() Limit { return Limit{Requests: -1} }

// Over returns the limits of a surface: each that l has, and the documented one
// where it has none.
func (l Limits) Over(documented Limits) Limits {
	out := maps.Clone(documented)
	for name := range out {
		if told, ok := l[name]; ok {
			out[name] = told
		}
	}
	return out
}

// ParseLimits reads what limits there shall be instead of the documented ones:
// "documented" for those as they are, "off" for none, or a list such as
// "rtc=60/1m,metastudio.system=40/1s,meeting=off". A surface's name alone stands for
// each of its limits that the list does not name itself. KindInvalid says what is
// wrong with the text.
func ParseLimits(text string, documented Limits) (Limits, error) {
	out := maps.Clone(documented)
	switch strings.TrimSpace(text) {
	case "documented":
		return out, nil
	case "off":
		for name := range out {
			out[name] = Off()
		}
		return out, nil
	}
	told := map[string]string{}
	for entry := range strings.SplitSeq(text, ",") {
		name, value, ok := strings.Cut(strings.TrimSpace(entry), "=")
		if !ok {
			return nil, usance.Errorf(usance.KindInvalid, "%q is neither documented, nor off, nor a list such as rtc=60/1m,meeting=off", entry)
		}
		if _, twice := told[name]; twice {
			return nil, usance.Errorf(usance.KindInvalid, "%s stands twice", name)
		}
		told[name] = value
	}
	for name, value := range told {
		if err := out.tell(documented, told, name, value); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// tell sets the limit of a name, or those of a surface that are not named themselves.
func (l Limits) tell(documented Limits, told map[string]string, name, value string) error {
	known := false
	for _, limit := range slices.Sorted(maps.Keys(documented)) {
		surface, _, _ := strings.Cut(limit, ".")
		if limit != name && surface != name {
			continue
		}
		known = true
		next, wrong := parseLimit(value, documented[limit])
		if wrong != "" {
			return usance.Errorf(usance.KindInvalid, "%s: %s", name, wrong)
		}
		if _, itself := told[limit]; limit == name || !itself {
			l[limit] = next
		}
	}
	if !known {
		return usance.Errorf(usance.KindInvalid, "there is no limit %q; there are %s, and the name before the dot for all of a surface", name,
			strings.Join(slices.Sorted(maps.Keys(documented)), ", "))
	}
	return nil
}

// parseLimit reads one limit, or says what is wrong with it.
func parseLimit(text string, documented Limit) (l Limit, wrong string) {
	switch text {
	case "documented":
		return documented, ""
	case "off":
		return Off(), ""
	}
	requests, per, ok := strings.Cut(text, "/")
	n, err := strconv.Atoi(requests)
	if !ok || err != nil || n < 1 || n > MaxRequests {
		return l, fmt.Sprintf("%q is not off, documented, or requests of 1 to %d and a time, such as 60/1m", text, MaxRequests)
	}
	if per != "" && strings.Trim(per[:1], "0123456789") != "" {
		per = "1" + per // 60/m
	}
	d, err := time.ParseDuration(per)
	if err != nil || strings.Contains(per, ".") || d < time.Second || d > MaxPer || d%time.Second != 0 {
		return l, fmt.Sprintf("%q is not a time of 1s to 24h in whole seconds and without a decimal point, such as 1m", per)
	}
	return Limit{Requests: n, Per: d}, ""
}
