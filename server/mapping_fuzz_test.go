package server

import (
	"encoding/json"
	"math"
	"testing"

	"github.com/usance/usance"
	"github.com/usance/usance/internal/mapping"
)

// An override that a tenant's definitions take is one that every answer can be made
// with: it converts, and writes a number.
func FuzzAnOverrideThatIsTakenCanBeRead(f *testing.F) {
	f.Add("meeting", "confCount", `{"meter":"meeting.live","window":"day","divide":60,"round":"up"}`)
	f.Add("koodrive", "spaceCapacity", `{"kind":"quota","meter":"drive.space","node":"/drive","value":"limit"}`)
	f.Add("zstack", "vm.cpuNum", `{"kind":"resources","value":"amount","label":"cpu"}`)
	f.Add("cloudrtc", "audio", `{"filter":{"app":"$app","media":"audio"}}`)
	f.Add("metastudio", "count", `{"kind":"setting","setting":"x"}`)
	catalog := mappings()
	meter := func(name string) (*usance.Meter, bool) {
		return &usance.Meter{Name: name, Unit: "s", Aggregation: usance.AggSum, GroupBy: map[string]string{"app": "data.app", "media": "data.media"}}, name != "" && name[0] < 'x'
	}
	f.Fuzz(func(t *testing.T, facade, field, text string) {
		var o mapping.Source
		if json.Unmarshal([]byte(text), &o) != nil || catalog.Check(facade, field, o, meter) != nil {
			return
		}
		at, ok := catalog[facade].Find(field)
		if !ok {
			t.Fatalf("%s %s was taken and is not there", facade, field)
		}
		source := at.Over(o)
		if source.Kind != mapping.Meter {
			return
		}
		c, ok := at.Conversion(source, "s")
		if !ok {
			t.Fatalf("%s %s %s was taken and cannot be converted", facade, field, text)
		}
		for _, v := range []int64{0, 1, -1, math.MaxInt64, math.MinInt64} {
			if out := c.Append(nil, usance.SumOf(v)); !json.Valid(out) {
				t.Fatalf("%s %s %s shows %d as %s", facade, field, text, v, out)
			}
		}
	})
}
