package gateway_test

import (
	"maps"
	"strings"
	"testing"
	"time"

	"github.com/usance/usance/internal/gateway"
)

func documentedLimits() gateway.Limits {
	return gateway.Limits{"a.user": {Requests: 100, Per: time.Minute}, "a.all": {Requests: 200, Per: time.Second}, "b.user": {Requests: 30, Per: time.Minute}}
}

func TestLimitsAreToldByNameOrSurface(t *testing.T) {
	per := func(n int, d time.Duration) gateway.Limit { return gateway.Limit{Requests: n, Per: d} }
	doc, off := documentedLimits(), gateway.Off()
	for text, want := range map[string]gateway.Limits{
		"documented":                     doc,
		" off ":                          {"a.user": off, "a.all": off, "b.user": off},
		"a=off":                          {"a.user": off, "a.all": off, "b.user": doc["b.user"]},
		"a.all=1/1s":                     {"a.user": doc["a.user"], "a.all": per(1, time.Second), "b.user": doc["b.user"]},
		"a.all=7/90s, a=5/h":             {"a.user": per(5, time.Hour), "a.all": per(7, 90*time.Second), "b.user": doc["b.user"]},
		"a=5/1m,a.all=documented":        {"a.user": per(5, time.Minute), "a.all": doc["a.all"], "b.user": doc["b.user"]},
		"b=1000000/24h,a.user=1/m,a=off": {"a.user": per(1, time.Minute), "a.all": off, "b.user": per(1_000_000, 24*time.Hour)},
	} {
		got, err := gateway.ParseLimits(text, doc)
		if err != nil || !maps.Equal(got, want) {
			t.Errorf("%q: %v, %v; want %v", text, got, err, want)
		}
	}
	if !maps.Equal(doc, documentedLimits()) {
		t.Error("the documented limits were changed")
	}
}

func TestALimitThatCannotBeIsRefusedByName(t *testing.T) {
	for text, says := range map[string]string{
		"":               "neither documented",
		"on":             "neither documented",
		"a=off,b":        `"b" is neither`,
		"c=off":          `no limit "c"; there are a.all, a.user, b.user`,
		"a.none=1/1s":    `no limit "a.none"`,
		"a=1/1s,a=2/1s":  "a stands twice",
		"a=":             `a: "" is not off`,
		"a=60":           `"60" is not off`,
		"a=0/1m":         "requests of 1 to 1000000",
		"a=-1/1m":        "requests of 1 to 1000000",
		"a=1000001/1m":   "requests of 1 to 1000000",
		"a.user=6.5/1m":  "a.user: ",
		"b=60/":          "not a time of 1s to 24h",
		"b=60/500ms":     "not a time of 1s to 24h",
		"b=60/1500ms":    "not a time of 1s to 24h",
		"b=60/25h":       "not a time of 1s to 24h",
		"b=60/-1m":       "not a time of 1s to 24h",
		"b=60/fortnight": "not a time of 1s to 24h",
		"b=60/.5h":       "not a time of 1s to 24h",
		"b=60/1.5m":      "not a time of 1s to 24h",

		"a.user=1/s,a.all=1/s,a=nonsense": `"nonsense" is not off`,
	} {
		_, err := gateway.ParseLimits(text, documentedLimits())
		if err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%q: %v; want %q in it", text, err, says)
		}
	}
}
