package gateway_test

import (
	"fmt"
	"maps"
	"math/big"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/usance/usance"
	"github.com/usance/usance/internal/gateway"
)

// A limit, and a piece of the time in it.
var (
	limitForm = regexp.MustCompile(`^\+?([0-9]+)/([0-9]*(?:ns|us|µs|μs|ms|s|m|h))((?:[0-9]+(?:ns|us|µs|μs|ms|s|m|h))*)$`)
	limitPart = regexp.MustCompile(`([0-9]*)([^0-9]+)`)
)

// toldLimit reads one limit by a grammar instead of by hand: nil is a text that is
// none.
func toldLimit(text string, documented gateway.Limit) *gateway.Limit {
	switch text {
	case "documented":
		return &documented
	case "off":
		return &gateway.Limit{Requests: -1}
	}
	m := limitForm.FindStringSubmatch(text)
	if m == nil {
		return nil
	}
	n, _ := new(big.Int).SetString(m[1], 10)
	units := map[string]int64{"ns": 1, "us": 1e3, "µs": 1e3, "μs": 1e3, "ms": 1e6, "s": 1e9, "m": 60e9, "h": 3600e9}
	whole := new(big.Int)
	for _, part := range limitPart.FindAllStringSubmatch(m[2]+m[3], -1) {
		count := big.NewInt(1) // 60/m
		if part[1] != "" {
			count.SetString(part[1], 10)
		}
		whole.Add(whole, count.Mul(count, big.NewInt(units[part[2]])))
	}
	seconds, rest := whole.DivMod(whole, big.NewInt(int64(time.Second)), new(big.Int))
	if rest.Sign() != 0 || seconds.Sign() < 1 || seconds.Cmp(big.NewInt(86400)) > 0 || n.Sign() < 1 || n.Cmp(big.NewInt(1e6)) > 0 {
		return nil
	}
	return &gateway.Limit{Requests: int(n.Int64()), Per: time.Duration(seconds.Int64()) * time.Second}
}

// toldLimits reads a list as the documentation has it: what names a limit itself
// goes before what names its surface; anything unknown, repeated or malformed makes
// the whole list nil.
func toldLimits(text string, documented gateway.Limits) gateway.Limits {
	told := map[string]string{}
	for entry := range strings.SplitSeq(text, ",") {
		name, value, ok := strings.Cut(strings.TrimSpace(entry), "=")
		if _, twice := told[name]; twice || !ok {
			return nil
		}
		told[name] = value
	}
	out, used := gateway.Limits{}, map[string]bool{}
	for name, limit := range documented {
		surface := name[:strings.Index(name, ".")]
		out[name] = limit
		for _, by := range []string{surface, name} {
			value, ok := told[by]
			if !ok {
				continue
			}
			used[by] = true
			l := toldLimit(value, limit)
			if l == nil {
				return nil
			}
			out[name] = *l // what names the limit itself comes last
		}
	}
	if len(used) != len(told) {
		return nil
	}
	return out
}

// FuzzLimitsAreReadAsTold compares the reader of --throttle with one that is written
// another way, holds the bounds, and reads again what it read.
func FuzzLimitsAreReadAsTold(f *testing.F) {
	for _, s := range []string{"documented", " off ", "a=off", "a.all=7/90s, a=5/h", "a=5/1m,a.all=documented", "b=1000000/24h,a.user=1/m,a=off", "a.user=60/.5h", "a=1/1.5m",
		"a=0/1s", "a=+7/1s", "a=1/25h", "a=1/1s,a=1/1s", "", "=", "a", "c=1/s", "a=1/-1s", "a=1/1h1m1s", "a=1/1000ms", "a=1/.9999999999s", "b.user=9223372036854775808/s", "a.user=1/s,a.all=1/s,a=nonsense"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if len(text) > 1<<12 {
			return // what the shell and the configuration file bound
		}
		doc := documentedLimits()
		got, err := gateway.ParseLimits(text, doc)
		if err != nil && usance.KindOf(err) != usance.KindInvalid {
			t.Fatalf("%q: %v", text, err)
		}
		var want gateway.Limits
		switch strings.TrimSpace(text) {
		case "documented":
			want = doc
		case "off":
			want = gateway.Limits{"a.user": gateway.Off(), "a.all": gateway.Off(), "b.user": gateway.Off()}
		default:
			want = toldLimits(text, doc)
		}
		if err != nil {
			if want != nil {
				t.Fatalf("%q was refused (%v), but says %v", text, err, want)
			}
			return
		}
		if !maps.Equal(got, want) {
			t.Fatalf("%q was read as %v, but says %v", text, got, want)
		}
		if !maps.Equal(doc, documentedLimits()) {
			t.Fatalf("%q changed the documented limits", text)
		}
		again, err := gateway.ParseLimits(written(got), doc)
		if err != nil || !maps.Equal(got, again) {
			t.Fatalf("%q is %v, written %q, and then %v, %v", text, got, written(got), again, err)
		}
	})
}

// written returns limits as a list that names each.
func written(l gateway.Limits) string {
	var out []string
	for _, name := range slices.Sorted(maps.Keys(l)) {
		if l[name].Requests < 0 {
			out = append(out, name+"=off")
		} else {
			out = append(out, fmt.Sprintf("%s=%d/%s", name, l[name].Requests, l[name].Per))
		}
	}
	return strings.Join(out, ",")
}
