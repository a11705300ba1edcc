package api

import (
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/usance/usance/api/wire"
)

func (h *house) explained(query, token string) wire.Explanation {
	h.t.Helper()
	var out wire.Explanation
	h.do(call{method: "GET", path: "/api/v1/explain?" + query, token: token}).want(200).json(&out)
	return out
}

// TestAnExplanationLeadsToTheEventsBehindIt sends what counts and what does not,
// and follows the links.
func TestAnExplanationLeadsToTheEventsBehindIt(t *testing.T) {
	h := newHouse(t)
	var body strings.Builder
	for _, e := range [][3]string{{"today-1", "2026-03-10T11:00:00Z", "/a"}, {"today-2", "2026-03-10T11:30:00Z", "/a/x"}, {"today-b", "2026-03-10T11:30:00Z", "/b"},
		{"yesterday", "2026-03-09T11:30:00Z", "/a"}} {
		body.WriteString(`{"specversion":"1.0","id":"` + e[0] + `","source":"s","type":"meeting.conference.started","time":"` + e[1] + `","node":"` + e[2] + "\"}\n")
	}
	body.WriteString(`{"specversion":"1.0","id":"live","source":"s","type":"meeting.live.started","time":"2026-03-10T11:00:00Z","node":"/a"}` + "\n")
	h.do(call{method: "POST", path: "/api/v1/events", media: wire.TypeNDJSON, body: body.String()}).want(204)

	got := h.explained("facade=meeting&field=confCount&node=/a", "")
	f := got.Fields[0]
	if len(got.Fields) != 1 || string(f.Value) != "2" || f.Native.String() != "2" || f.BaseUnit != "1" || f.Mapping.Meter != "meeting.conferences" || f.Node != "/a" {
		t.Fatalf("%+v", got)
	}
	// Noon in UTC is 17:45 in Kathmandu; its day began at 18:15 UTC the day before.
	if f.From.Format("2006-01-02T15:04") != "2026-03-09T18:15" || f.To.Format("2006-01-02T15:04") != "2026-03-10T18:15" || got.Timezone != "Asia/Kathmandu" {
		t.Errorf("from %s to %s in %s", f.From, f.To, got.Timezone)
	}
	ids := func(list []wire.StoredEvent) (out []string) {
		for _, e := range list {
			out = append(out, e.Event.ID)
		}
		return out
	}
	if !slices.Equal(ids(f.Events), []string{"today-2", "today-1"}) || f.EventsPartial {
		t.Errorf("events %v", ids(f.Events))
	}
	// What comes later is not behind the number that was told.
	h.do(call{method: "POST", path: "/api/v1/events", body: `{"specversion":"1.0","id":"new","source":"s","type":"meeting.conference.started","time":"2026-03-10T11:59:00Z","node":"/a"}`}).want(204)
	var events wire.List[wire.StoredEvent]
	h.do(call{method: "GET", path: f.Links.Events}).want(200).json(&events)
	if !slices.Equal(ids(events.Items), []string{"today-2", "today-1"}) {
		t.Errorf("the link shows %v", ids(events.Items))
	}
	var usage wire.Usage
	h.do(call{method: "GET", path: f.Links.Usage}).want(200).json(&usage)
	if len(usage.Data) != 1 || usage.Data[0].Value.String() != "3" {
		t.Errorf("usage is %+v", usage.Data)
	}

	// All fields, with their links and no events; an operator's links name the tenant.
	all := h.explained("facade=meeting&tenant=acme", "operator")
	if len(all.Fields) != 7 {
		t.Fatalf("%d fields", len(all.Fields))
	}
	for _, f := range all.Fields {
		link, err := url.Parse(f.Links.Events)
		if len(f.Events) > 0 || err != nil || link.Query().Get("tenant") != "acme" || link.Query().Get("meter") != f.Mapping.Meter {
			t.Errorf("%s: %s %+v", f.Field, f.Links.Events, f.Events)
		}
		h.do(call{method: "GET", path: f.Links.Events, token: "operator"}).want(200)
	}
	if some := h.explained("facade=meeting&field=confCount&events=1", ""); len(some.Fields[0].Events) != 1 {
		t.Errorf("%+v", some.Fields[0].Events)
	}
}

func TestAnExplanationIsRefusedForWhatIsNotThere(t *testing.T) {
	h := newHouse(t)
	for query, want := range map[string]int{
		"":                                   400,
		"facade=sky":                         400,
		"facade=meeting&field=calls":         404,
		"facade=meeting&field=*.used":        404,
		"facade=meeting&events=51":           400,
		"facade=meeting&events=x":            400,
		"facade=meeting&app=x":               400, // of another façade
		"facade=meeting&node=a":              400,
		"facade=meeting&colour=blue":         400,
		"facade=meeting&facade=meeting":      400,
		"facade=meeting&min_sequence=999999": 503,
	} {
		h.do(call{method: "GET", path: "/api/v1/explain?" + query}).want(want).problem()
	}
}

func TestEventsAreBrowsedByMeter(t *testing.T) {
	h := newHouse(t)
	h.do(call{method: "POST", path: "/api/v1/events", body: `[{"specversion":"1.0","id":"1","source":"s","type":"llm","data":{"n":1,"model":"a"}},
		{"specversion":"1.0","id":"2","source":"s","type":"llm","data":{"n":1,"model":"b"}},{"specversion":"1.0","id":"3","source":"s","type":"other"}]`}).want(204)
	for query, want := range map[string]int{"meter=tokens": 2, "meter=tokens&filterGroupBy[model]=b": 1, "meter=tokens&filterGroupBy[model]=a,b": 2, "meter=drive.space": 0, "": 3} {
		var got wire.List[wire.StoredEvent]
		h.do(call{method: "GET", path: "/api/v1/events?" + query}).want(200).json(&got)
		if len(got.Items) != want {
			t.Errorf("%s: %d events, want %d", query, len(got.Items), want)
		}
	}
	for query, want := range map[string]int{"meter=none": 404, "meter=tokens&filterGroupBy[x]=b": 400, "filterGroupBy[model]=b": 400, "meter=tokens&filterGroupBy=b": 400} {
		h.do(call{method: "GET", path: "/api/v1/events?" + query}).want(want).problem()
	}
}
