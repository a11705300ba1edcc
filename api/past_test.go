package api

import (
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"testing"
	"time"

	"github.com/usance/usance"
	"github.com/usance/usance/api/wire"
	"github.com/usance/usance/registry"
)

// hours moves the house's clock.
func (h *house) hours(n int) time.Time {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.time = h.time.Add(time.Duration(n) * time.Hour)
	return h.time
}

// TestAReadingIsAnsweredAsItWasKnownThen asks every reading of the past the two
// ways there are.
func TestAReadingIsAnsweredAsItWasKnownThen(t *testing.T) {
	h := newHouse(t)
	h.hours(1)
	h.llm("e1", "/a", "40")
	h.post("/charges", `{"id":"c","node":"/b","items":[{"meter":"drive.space","amount":7}]}`).want(200)
	h.post("/holds", `{"id":"h","node":"/b","ttl":7200,"items":[{"meter":"drive.space","amount":5}]}`).want(200)
	then := h.now()
	sequence, err := h.led.Sequence(t.Context(), acme)
	h.must(err)

	h.hours(1)
	h.llm("e2", "/a", "2")
	h.post(uriPath+"/e1/void", ``).want(200)
	h.do(call{method: "PUT", path: prefix + "/quotas", body: `{"node":"/","meter":"drive.space","limit":2000}`}).want(200)
	h.do(call{method: "DELETE", path: prefix + "/holds/h"}).want(200)
	h.do(call{method: "DELETE", path: prefix + "/resources/r-a"}).want(204)
	h.do(call{method: "DELETE", path: prefix + "/quotas?node=/b&meter=tokens"}).want(204)
	if got := h.tokensAt("/a"); got != "2" {
		t.Fatalf("%s tokens", got)
	}

	for _, moment := range []string{"at_sequence=" + strconv.FormatUint(sequence, 10), "known_at=" + url.QueryEscape(then.Format(time.RFC3339))} {
		ask := func(path string, v any) {
			t.Helper()
			r := h.do(call{method: "GET", path: prefix + path + moment}).want(200)
			if got := r.Header().Get(wire.HeaderSequence); got != fmt.Sprint(sequence) {
				t.Errorf("%s%s was read at %s, not %d", path, moment, got, sequence)
			}
			r.json(v)
		}
		var u wire.Usage
		if ask("/meters/tokens/query?", &u); u.Data[0].Value.String() != "40" {
			t.Errorf("%s: %+v", moment, u)
		}
		var quotas wire.List[wire.Quota]
		ask("/quotas?", &quotas)
		if len(quotas.Items) != 4 {
			t.Errorf("%s: %+v", moment, quotas)
		}
		if q := quotas.Items[0]; q.Node != "/" || q.Limit != 1000 || q.Used != 7 || q.Reserved != 5 || q.Available != 988 {
			t.Errorf("%s: %+v", moment, q)
		}
		if q := quotas.Items[3]; q.Node != "/b" || q.Meter != "tokens" || !q.ResetsAt.Equal(time.Date(2026, 3, 10, 18, 15, 0, 0, time.UTC)) {
			t.Errorf("%s: %+v", moment, q)
		}
		var events wire.List[wire.StoredEvent]
		if ask("/events?", &events); len(events.Items) != 2 || events.Items[1].Voided {
			t.Errorf("%s: %+v", moment, events)
		}
		var resources wire.List[usance.Resource]
		if ask("/resources?", &resources); len(resources.Items) != 2 || *resources.Total != 2 || resources.Items[0].ID != "r-a" {
			t.Errorf("%s: %+v", moment, resources)
		}
		var counts wire.ResourceCounts
		if ask("/resources/count?", &counts); counts.Count != 2 {
			t.Errorf("%s: %+v", moment, counts)
		}
	}
}

func TestAMomentThatNeverWasIsRefused(t *testing.T) {
	h := newHouse(t)
	h.llm("e1", "/a", "40")
	for _, path := range []string{"/meters/tokens/query?", "/quotas?", "/events?", "/resources?", "/resources/count?"} {
		for query, field := range map[string]string{
			"at_sequence=3&known_at=2026-03-10T12:00:00Z": "known_at",
			"at_sequence=999999":                          "at_sequence",
			"at_sequence=0":                               "at_sequence",
			"at_sequence=x":                               "at_sequence",
			"known_at=2026-03-10T13:00:00Z":               "known_at",
			"known_at=2020-01-01T00:00:00Z":               "known_at",
			"known_at=yesterday":                          "known_at",
		} {
			p := h.do(call{method: "GET", path: prefix + path + query}).want(http.StatusBadRequest).problem()
			if len(p.Errors) != 1 || p.Errors[0].Field != field {
				t.Errorf("%s%s: %+v", path, query, p)
			}
		}
	}
	// A meter of today is no meter of a day before it was defined.
	h.hours(1)
	_, err := h.reg.Edit(t.Context(), tester, acme, registry.Edit{Meters: []usance.Meter{{Name: "later", Unit: "1", Aggregation: usance.AggLevel}}})
	h.must(err)
	h.do(call{method: "GET", path: prefix + "/meters/later/query"}).want(200)
	h.do(call{method: "GET", path: prefix + "/meters/later/query?known_at=2026-03-10T12:00:00Z"}).want(404).problem()
	h.do(call{method: "GET", path: prefix + "/quotas?at_sequence=1"}).want(200)
}
