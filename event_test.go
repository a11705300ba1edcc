package usance_test

import (
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/usance/usance"
)

func TestAnEventIsKnownBySourceAndIDByteForByte(t *testing.T) {
	pairs := [][2]string{{"a", "b"}, {"ab", ""}, {"", "ab"}, {"a", "B"}, {"a", "b "}, {"é", "x"}, {"e\u0301", "x"}, {"a\x00", "b"}, {"a", "\x00b"}}
	seen := map[usance.EventKey][2]string{}
	for _, p := range pairs {
		k := usance.KeyOf(p[0], p[1])
		if other, ok := seen[k]; ok {
			t.Errorf("%q and %q have one key", p, other)
		}
		seen[k] = p
	}
}

func TestADigestTellsContentsApart(t *testing.T) {
	base := usance.Event{Type: "t", Subject: "s", Node: "/n", Time: time.Unix(1, 2), Data: []byte(`{"a":1}`)}
	same := base
	same.ID, same.Source = "other", "other"
	if base.Digest(true) != same.Digest(true) {
		t.Error("identity is part of the digest")
	}
	for name, change := range map[string]func(*usance.Event){
		"type": func(e *usance.Event) { e.Type = "u" }, "subject": func(e *usance.Event) { e.Subject = "" },
		"node": func(e *usance.Event) { e.Node = "/m" }, "time": func(e *usance.Event) { e.Time = time.Unix(1, 3) },
		"data":       func(e *usance.Event) { e.Data = nil },
		"type moves": func(e *usance.Event) { e.Type, e.Subject = "ts", "" },
	} {
		other := base
		change(&other)
		if base.Digest(true) == other.Digest(true) {
			t.Errorf("a change of %s is not seen", name)
		}
	}
	later := base
	later.Time = later.Time.Add(time.Hour)
	if base.Digest(false) != later.Digest(false) {
		t.Error("a time that was not stated is part of the digest")
	}
}

func TestEventsOutsideTheirBoundsAreRefused(t *testing.T) {
	now := time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)
	good := usance.Event{Source: "s", ID: "1", Type: "t", Node: "/", Time: now}
	if err := good.Check(now); err != nil {
		t.Fatal(err)
	}
	for name, change := range map[string]func(*usance.Event){
		"no id": func(e *usance.Event) { e.ID = "" }, "no source": func(e *usance.Event) { e.Source = "" }, "no type": func(e *usance.Event) { e.Type = "" },
		"long id": func(e *usance.Event) { e.ID = strings.Repeat("x", usance.MaxIDBytes+1) }, "bad UTF-8": func(e *usance.Event) { e.ID = "\xff" },
		"year 0": func(e *usance.Event) { e.Time = time.Time{} }, "year 9999": func(e *usance.Event) { e.Time = time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC) },
		"two years ahead": func(e *usance.Event) { e.Time = now.AddDate(2, 0, 0) }, "path trick": func(e *usance.Event) { e.Node = "/../etc" },
		"long subject": func(e *usance.Event) { e.Subject = strings.Repeat("x", usance.MaxSubjectBytes+1) }, "bad subject": func(e *usance.Event) { e.Subject = "\xc3" },
		"control in type": func(e *usance.Event) { e.Type = "a\nb" },
	} {
		e := good
		change(&e)
		if usance.KindOf(e.Check(now)) != usance.KindInvalid {
			t.Errorf("%s: %v", name, e.Check(now))
		}
	}
}

func none(string) usance.Scalar { return usance.Scalar{} }

func TestAMeterTakesOnlyWholeNumbersThatAreNotNegative(t *testing.T) {
	m := usance.Meter{Name: "m", Unit: "B", Aggregation: usance.AggSum}
	src := usance.Source{Type: "t", Amount: "data.n"}
	value := func(text string, kind byte) usance.Lookup {
		return func(path string) usance.Scalar {
			if path != "n" {
				return usance.Scalar{}
			}
			return usance.Scalar{Text: text, Kind: kind}
		}
	}
	var e usance.Event
	if c, err := m.Contribution(&e, value("5.0", '0'), src); err != nil || c.Amount != 5 {
		t.Error(c, err)
	}
	for name, look := range map[string]usance.Lookup{
		"missing": none, "text": value("5", '"'), "negative": value("-1", '0'), "fraction": value("0.5", '0'), "overflow": value("9223372036854775808", '0'),
	} {
		if c, err := m.Contribution(&e, look, src); usance.KindOf(err) != usance.KindInvalid {
			t.Errorf("%s gives %v, %v", name, c, err)
		}
	}
	down := usance.Source{Type: "t", Amount: "-data.n"}
	if c, err := m.Contribution(&e, value("7", '0'), down); err != nil || c.Amount != -7 {
		t.Error(c, err)
	}
}

func TestMetersThatCannotWorkAreRefused(t *testing.T) {
	good := usance.Meter{Name: "tokens", Unit: "1", Aggregation: usance.AggSum, Events: []usance.Source{{Type: "t", Amount: "data.tokens"}}, GroupBy: map[string]string{"model": "data.model"}}
	if err := good.Check(); err != nil {
		t.Fatal(err)
	}
	for name, change := range map[string]func(*usance.Meter){
		"name": func(m *usance.Meter) { m.Name = "a b" }, "unit": func(m *usance.Meter) { m.Unit = "" }, "aggregation": func(m *usance.Meter) { m.Aggregation = "median" },
		"no amount": func(m *usance.Meter) { m.Events = []usance.Source{{Type: "t"}} }, "amount": func(m *usance.Meter) { m.Events = []usance.Source{{Type: "t", Amount: "1.5"}} },
		"path": func(m *usance.Meter) { m.Events = []usance.Source{{Type: "t", Amount: "data."}} }, "fed twice": func(m *usance.Meter) { m.Events = append(m.Events, m.Events[0]) },
		"by name": func(m *usance.Meter) { m.Events = nil }, "group path": func(m *usance.Meter) { m.GroupBy = map[string]string{"k": "model"} },
		"group subject": func(m *usance.Meter) { m.GroupBy = map[string]string{"subject": "subject"} },
	} {
		m := good
		change(&m)
		if usance.KindOf(m.Check()) != usance.KindInvalid {
			t.Errorf("%s: %v", name, m.Check())
		}
	}
}

func TestGroupValuesComeInTheOrderOfTheKeys(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		values := rapid.MapOfN(rapid.StringMatching(`[a-z]{1,5}`), rapid.StringN(0, 10, 40), 1, usance.MaxGroupKeys).Draw(t, "values")
		m := usance.Meter{Name: "m", Aggregation: usance.AggCount, GroupBy: map[string]string{}}
		for k := range values {
			m.GroupBy[k] = "data." + k
		}
		look := func(path string) usance.Scalar { return usance.Scalar{Text: values[path], Kind: '"'} }
		c, err := m.Contribution(&usance.Event{}, look, usance.Source{})
		if err != nil {
			t.Fatal(err)
		}
		for i, k := range m.GroupKeys() {
			if c.Group[i] != values[k] {
				t.Fatalf("key %s has %q, want %q", k, c.Group[i], values[k])
			}
		}
	})
}
