package mapping_test

import (
	"errors"
	"math"
	"math/big"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/usance/usance"
	"github.com/usance/usance/internal/mapping"
)

// TestAConversionIsOffByLessThanAUnitOnTheSideItRoundsTo compares with exact
// fractions, over sums of up to 2^66.
func TestAConversionIsOffByLessThanAUnitOnTheSideItRoundsTo(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c := mapping.Conversion{
			Divide:   rapid.OneOf(rapid.Int64Range(1, 4000), rapid.SampledFrom([]int64{1024, 1 << 30, 86400})).Draw(t, "divide"),
			Round:    rapid.SampledFrom([]mapping.Rounding{mapping.Down, mapping.Up, mapping.Nearest}).Draw(t, "round"),
			Decimals: rapid.IntRange(0, 3).Draw(t, "decimals"), Signed: true,
		}
		v := usance.SumOf(rapid.Int64().Draw(t, "v"))
		if c.Decimals > 0 && rapid.Bool().Draw(t, "wide") {
			v = v.Plus(v).Plus(v)
		}
		text := string(c.Append(nil, v))
		got, ok := new(big.Rat).SetString(text)
		if !ok {
			t.Fatalf("%q is no number", text)
		}
		if _, part, dotted := strings.Cut(text, "."); dotted != (c.Decimals > 0) || len(part) > c.Decimals || dotted && part == "" {
			t.Fatalf("%q for %d decimals", text, c.Decimals)
		}
		step := new(big.Rat).SetFrac64(1, int64(math.Pow10(c.Decimals)))
		over := got.Sub(got, new(big.Rat).SetFrac(v.Big(), big.NewInt(c.Divide))) // shown less exact
		zero, half := new(big.Rat), new(big.Rat).Quo(step, big.NewRat(2, 1))
		switch c.Round {
		case mapping.Down:
			ok = over.Cmp(zero) <= 0 && over.Neg(over).Cmp(step) < 0
		case mapping.Up:
			ok = over.Cmp(zero) >= 0 && over.Cmp(step) < 0
		case mapping.Nearest:
			ok = over.Cmp(half) <= 0 && over.Cmp(new(big.Rat).Neg(half)) > 0
		}
		if !ok {
			t.Fatalf("%s / %d rounded %s is shown as %s", v, c.Divide, c.Round, text)
		}
	})
}

func TestAConversionKeepsToItsBounds(t *testing.T) {
	wide := usance.SumOf(math.MaxInt64).Plus(usance.SumOf(math.MaxInt64))
	for _, c := range []struct {
		c    mapping.Conversion
		v    usance.Sum
		want string
	}{
		{mapping.Conversion{Divide: 1}, usance.SumOf(-5), "0"},
		{mapping.Conversion{Divide: 1, Signed: true}, usance.SumOf(-5), "-5"},
		{mapping.Conversion{Divide: 60, Signed: true, Round: mapping.Down}, usance.SumOf(-61), "-2"},
		{mapping.Conversion{Divide: 1, Most: 9}, usance.SumOf(10), "9"},
		{mapping.Conversion{Divide: 1}, wide, "9223372036854775807"},
		{mapping.Conversion{Divide: 1}, wide.Neg(), "0"},
		{mapping.Conversion{Divide: 1, Signed: true}, wide.Neg(), "-9223372036854775808"},
		{mapping.Conversion{Divide: 2, Most: math.MaxInt32}, wide, "2147483647"},
		{mapping.Conversion{Divide: 1 << 30, Decimals: 2, Round: mapping.Nearest}, usance.SumOf(-1 << 40), "0.0"},
		{mapping.Conversion{Divide: 4, Decimals: 2, Most: 3}, usance.SumOf(100), "3.0"},
		{mapping.Conversion{Divide: 4, Decimals: 2, Signed: true}, usance.SumOf(-5), "-1.25"},
	} {
		if got := string(c.c.Append(nil, c.v)); got != c.want {
			t.Errorf("%+v of %s: %s, want %s", c.c, c.v, got, c.want)
		}
	}
}

func catalog() mapping.Catalog {
	read := func(meter string, w mapping.Window) mapping.Source {
		return mapping.Source{Kind: mapping.Meter, Meter: meter, Window: w, Round: mapping.Down}
	}
	day := read("streams", mapping.UTCDays)
	day.Filter = map[string]string{"app": "$app", "media": "audio"}
	return mapping.Catalog{
		"meet": {
			{Name: "count", Unit: "1", Source: read("joins", mapping.Today)},
			{Name: "minutes", Unit: "min", Source: read("seconds", mapping.Today)},
			{Name: "level", Unit: "1", Source: read("inside", mapping.Now)},
			{Name: "audio", Unit: "s", Source: day},
			{Name: "sum", Source: mapping.Source{Kind: mapping.Derived, Of: []string{"count", "level"}}},
			{Name: "days", Unit: "d", Usual: "7", Source: mapping.Source{Kind: mapping.Setting, Setting: "meet.days"}},
			{Name: "kind", Text: true, Source: mapping.Source{Kind: mapping.Setting, Setting: "meet.kind"}},
		},
		"cloud": {
			{Name: "*.total", Fixed: true, Source: mapping.Source{Kind: mapping.Quota, Meter: "*", Value: mapping.Limit}},
			{Name: "*.used", Source: mapping.Source{Kind: mapping.Quota, Meter: "*", Value: mapping.Used}},
			{Name: "usage", Source: mapping.Source{Kind: mapping.Resources, Value: mapping.Label, Label: "usage"}},
		},
	}
}

func meters(name string) (*usance.Meter, bool) {
	m := map[string]*usance.Meter{
		"joins": {Unit: "1", Aggregation: usance.AggCount}, "seconds": {Unit: "s", Aggregation: usance.AggSum},
		"inside": {Unit: "1", Aggregation: usance.AggLevel}, "millis": {Unit: "ms", Aggregation: usance.AggSum},
		"best":    {Unit: "1", Aggregation: usance.AggMax},
		"streams": {Unit: "s", Aggregation: usance.AggSum, GroupBy: map[string]string{"app": "data.app", "media": "data.media"}},
	}[name]
	if m != nil {
		m.Name = name
	}
	return m, m != nil
}

func TestAnOverrideThatCannotBeReadIsRefused(t *testing.T) {
	type src = mapping.Source
	for _, c := range []struct {
		facade, field string
		over          src
		want          string // begins the refusal; "" for none
	}{
		{"meet", "count", src{Meter: "seconds"}, `meter seconds is in "s"`},
		{"meet", "count", src{Meter: "seconds", Divide: 60}, ""},
		{"meet", "count", src{Meter: "none"}, `meter "none" does not exist`},
		{"meet", "count", src{Meter: "inside"}, "meter inside is a level meter"},
		{"meet", "count", src{Meter: "inside", Window: mapping.Now}, ""},
		{"meet", "count", src{Window: mapping.Month}, ""},
		{"meet", "count", src{Window: mapping.Lifetime, Node: "/rooms"}, ""},
		{"meet", "count", src{Window: "year"}, "window is"},
		{"meet", "count", src{Window: mapping.UTCDays}, "window utc-days"},
		{"meet", "count", src{Node: "rooms"}, "node "},
		{"meet", "count", src{Round: "sideways"}, "round is"},
		{"meet", "count", src{Divide: -1}, "divide is"},
		{"meet", "count", src{Divide: 1<<50 + 1}, "divide is"},
		{"meet", "count", src{}, "an override says"},
		{"meet", "count", src{Value: mapping.Used}, "value means nothing"},
		{"meet", "count", src{Setting: "x"}, "setting means nothing"},
		{"meet", "count", src{Label: "x"}, "label means nothing"},
		{"meet", "count", src{Kind: mapping.Quota}, ""},
		{"meet", "count", src{Kind: mapping.Quota, Meter: "best"}, "meter best is a max meter"},
		{"meet", "count", src{Kind: mapping.Quota, Value: "most"}, "value of a quota"},
		{"meet", "count", src{Kind: mapping.Quota, Window: mapping.Today}, "window means nothing"},
		{"meet", "count", src{Kind: mapping.Quota, Value: mapping.Available, Node: "/x"}, ""},
		{"meet", "count", src{Kind: mapping.Setting, Setting: "meet.count"}, ""},
		{"meet", "count", src{Kind: mapping.Setting}, "a meter name has"},
		{"meet", "count", src{Kind: mapping.Setting, Setting: "s", Meter: "joins"}, "meter means nothing"},
		{"meet", "count", src{Kind: mapping.Resources}, "kind meter cannot become"},
		{"meet", "count", src{Kind: mapping.Derived}, "kind meter cannot become"},
		{"meet", "count", src{Rule: "x"}, "kind derived"},
		{"meet", "count", src{Kind: "x"}, "kind meter cannot become"},
		{"meet", "minutes", src{Meter: "streams"}, ""},
		{"meet", "minutes", src{Meter: "streams", Filter: map[string]string{"app": "a", "media": "audio"}}, ""},
		{"meet", "minutes", src{Meter: "streams", Filter: map[string]string{"app": "a"}}, "filter states"},
		{"meet", "minutes", src{Meter: "seconds", Filter: map[string]string{"app": "a"}}, "filter states"},
		{"meet", "minutes", src{Meter: "streams", Filter: map[string]string{"app": "$app", "media": "audio"}}, "filter:"},
		{"meet", "minutes", src{Meter: "millis"}, `meter millis is in "ms"`},
		{"meet", "minutes", src{Meter: "millis", Divide: 60_000, Round: mapping.Up}, ""},
		{"meet", "level", src{Meter: "joins"}, "meter joins is a count meter"},
		{"meet", "level", src{Meter: "joins", Window: mapping.Today}, ""},
		{"meet", "audio", src{Filter: map[string]string{"app": "$app"}}, ""},
		{"meet", "audio", src{Filter: map[string]string{"app": "$other"}}, "filter:"},
		{"meet", "audio", src{Filter: map[string]string{"room": "x"}}, "filter: meter streams"},
		{"meet", "audio", src{Filter: map[string]string{"app": strings.Repeat("x", 300)}}, "filter: a value"},
		{"meet", "audio", src{Window: mapping.Today}, "window is that of the days"},
		{"meet", "audio", src{Kind: mapping.Quota}, "kind meter cannot become"},
		{"meet", "audio", src{Meter: "seconds"}, "filter: meter seconds"},
		{"meet", "sum", src{Meter: "joins"}, "sum of meet is derived from count, level"},
		{"meet", "days", src{Setting: "other.days"}, ""},
		{"meet", "days", src{Kind: mapping.Meter, Meter: "inside"}, `meter inside is in "1"`},
		{"meet", "days", src{Kind: mapping.Meter, Meter: "inside", Divide: 1}, ""},
		{"meet", "kind", src{Setting: "other.kind"}, ""},
		{"meet", "kind", src{Kind: mapping.Meter, Meter: "inside"}, "kind setting cannot become"},
		{"cloud", "inside.used", src{Node: "/hosts"}, ""},
		{"cloud", "inside.used", src{Kind: mapping.Meter}, ""},
		{"cloud", "inside.used", src{Kind: mapping.Meter, Meter: "joins", Window: mapping.Lifetime}, ""},
		{"cloud", "none.used", src{Node: "/hosts"}, `meter "none" does not exist`},
		{"cloud", "inside.total", src{Node: "/hosts"}, "inside.total of cloud cannot"},
		{"cloud", "*.used", src{Node: "/hosts"}, "cloud has no field"},
		{"cloud", ".used", src{Node: "/hosts"}, "cloud has no field"},
		{"cloud", "a b.used", src{Node: "/hosts"}, "cloud has no field"},
		{"cloud", "inside", src{Node: "/hosts"}, "cloud has no field"},
		{"cloud", "usage", src{Label: "spent"}, ""},
		{"cloud", "usage", src{Meter: "joins"}, "meter means nothing"},
		{"cloud", "usage", src{Value: mapping.Amount}, "label means nothing"},
		{"sky", "count", src{Meter: "joins"}, `there is no façade "sky"`},
	} {
		err := catalog().Check(c.facade, c.field, c.over, meters)
		if c.want == "" {
			if err != nil {
				t.Errorf("%s %s %+v: %v", c.facade, c.field, c.over, err)
			}
			continue
		}
		e, ok := errors.AsType[*usance.Error](err)
		if !ok || e.Kind != usance.KindInvalid || !strings.HasPrefix(e.Detail, c.want) {
			t.Errorf("%s %s %+v: %v, want %q", c.facade, c.field, c.over, err, c.want)
		}
	}
}

func TestAnOverrideKeepsWhatItDoesNotSay(t *testing.T) {
	table := catalog()["meet"]
	f, _ := table.Find("minutes")
	if got := f.Over(mapping.Source{Node: "/rooms"}); got.Meter != "seconds" || got.Window != mapping.Today || got.Node != "/rooms" {
		t.Errorf("%+v", got)
	}
	if got := f.Over(mapping.Source{Kind: mapping.Quota}); got.Meter != "seconds" || got.Value != mapping.Used || got.Window != "" {
		t.Errorf("%+v", got)
	}
	f, ok := catalog()["cloud"].Find("vm.cpuNum.used")
	if !ok || f.Name != "vm.cpuNum.used" || f.Source.Meter != "vm.cpuNum" {
		t.Errorf("%+v", f)
	}
}

func TestAPlaceBelowANodeIsJoined(t *testing.T) {
	for _, c := range [][3]usance.Path{{"/", "", "/"}, {"/a", "", "/a"}, {"/a", "/", "/a"}, {"/", "/b", "/b"}, {"/a", "/b/c", "/a/b/c"}} {
		if got := mapping.Join(c[0], c[1]); got != c[2] {
			t.Errorf("%s below %s is %s", c[1], c[0], got)
		}
	}
}
