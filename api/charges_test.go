package api

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/usance/usance"
	"github.com/usance/usance/api/wire"
	"github.com/usance/usance/registry"
)

const exceeded = wire.ProblemPrefix + "quota-exceeded"

// limited is a house whose tenant acme has quotas at every depth of /a/x.
func limited(t *testing.T) *house {
	t.Helper()
	h := newHouse(t)
	_, err := h.reg.Edit(t.Context(), tester, acme, registry.Edit{
		Meters: []usance.Meter{{Name: "seats", Unit: "1", Aggregation: usance.AggLevel}},
		Quotas: []usance.Quota{
			{Node: "/", Meter: "seats", Limit: 12}, {Node: "/a", Meter: "seats", Limit: 10}, {Node: "/a/x", Meter: "seats", Limit: 8, Enforce: usance.Soft},
			{Node: "/a", Meter: "tokens", Limit: 5, Window: usance.DayWindow},
		},
	})
	h.must(err)
	return h
}

func (h *house) charge(token, body string) *reply {
	h.t.Helper()
	return h.do(call{method: "POST", path: prefix + "/charges", token: token, body: body})
}

func (h *house) post(path, body string) *reply {
	h.t.Helper()
	return h.do(call{method: "POST", path: prefix + path, body: body})
}

// quota reads one quota as it stands.
func (h *house) quota(node, meter string) wire.Quota {
	h.t.Helper()
	var page wire.List[wire.Quota]
	h.do(call{method: "GET", path: prefix + "/quotas?node=" + node + "&meter=" + meter}).want(200).json(&page)
	if len(page.Items) != 1 {
		h.t.Fatalf("%d quotas of %s at %s", len(page.Items), meter, node)
	}
	return page.Items[0]
}

func TestAChargeIsRecordedOnceAndShowsItsQuotas(t *testing.T) {
	h := limited(t)
	const body = `{"id":"c1","node":"/a/x","subject":"ann","items":[{"meter":"seats","amount":9},{"meter":"tokens","amount":"2"}]}`
	var first, again wire.Charged
	r := h.charge("", body).want(200)
	r.json(&first)
	if first.Duplicate || first.Sequence == 0 || r.Header().Get(wire.HeaderSequence) != fmt.Sprint(first.Sequence) {
		t.Errorf("%+v, header %q", first, r.Header().Get(wire.HeaderSequence))
	}
	if len(first.Granted) != 2 || first.Granted[0] != (usance.Item{Meter: "seats", Amount: 9}) || first.Granted[1].Amount != 2 {
		t.Errorf("granted %+v", first.Granted)
	}
	if len(first.Flagged) != 1 || first.Flagged[0].Node != "/a/x" || first.Flagged[0].ShortBy != 1 || *first.Flagged[0].Limit != 8 {
		t.Errorf("flagged %+v", first.Flagged)
	}
	used := map[string]usance.Amount{}
	for _, q := range first.Quotas {
		used[string(q.Node)+" "+q.Meter] = q.Used
	}
	if len(used) != 4 || used["/ seats"] != 9 || used["/a seats"] != 9 || used["/a/x seats"] != 9 || used["/a tokens"] != 2 {
		t.Errorf("quotas %v", used)
	}
	h.charge("", body).want(200).json(&again)
	if !again.Duplicate || again.Sequence != first.Sequence || h.quota("/a", "seats").Used != 9 {
		t.Errorf("a repeat: %+v", again)
	}
	p := h.charge("", strings.Replace(body, "9", "8", 1)).want(409).problem()
	if p.Type != wire.ProblemPrefix+"conflict" || len(p.Errors) != 1 || !strings.Contains(p.Errors[0].Stored, `"node":"/a/x"`) {
		t.Errorf("other content: %+v", p)
	}
}

func TestARefusalListsEveryBlockAndRecordsNothing(t *testing.T) {
	h := limited(t)
	h.charge("", `{"id":"c1","node":"/a/x","items":[{"meter":"seats","amount":9}]}`).want(200)
	h.post("/holds", `{"id":"h1","node":"/a","items":[{"meter":"seats","amount":1}],"ttl":3600}`).want(200)
	const asked = `{"id":"c2","node":"/a/x","items":[{"meter":"seats","amount":4},{"meter":"tokens","amount":7}]}`
	p := h.charge("", asked).want(409).problem()
	if p.Type != exceeded || len(p.Blocks) != 3 {
		t.Fatalf("%+v", p)
	}
	got := map[string]usance.Block{}
	for _, b := range p.Blocks {
		got[string(b.Node)+" "+b.Meter] = b.Plain()
	}
	tomorrow := time.Date(2026, 3, 10, 18, 15, 0, 0, time.UTC) // midnight in Kathmandu
	for name, want := range map[string]usance.Block{
		"/ seats":   {Node: "/", Meter: "seats", Window: usance.Lifetime, Limit: 12, Used: 9, Reserved: 1, Asked: 4, ShortBy: 2},
		"/a seats":  {Node: "/a", Meter: "seats", Window: usance.Lifetime, Limit: 10, Used: 9, Reserved: 1, Asked: 4, ShortBy: 4},
		"/a tokens": {Node: "/a", Meter: "tokens", Window: usance.DayWindow, Limit: 5, Asked: 7, ShortBy: 2, ResetsAt: tomorrow},
	} {
		if got[name] != want {
			t.Errorf("%s: %+v, want %+v", name, got[name], want)
		}
	}
	if h.quota("/a", "seats").Used != 9 || h.quota("/a", "tokens").Used != 0 {
		t.Error("a refused charge was counted")
	}
	// Half of it fits: best effort says how much, and says it again.
	var out wire.Charged
	h.charge("", strings.Replace(asked, `"id":"c2"`, `"id":"c2","mode":"best_effort"`, 1)).want(200).json(&out)
	if len(out.Granted) != 2 || out.Granted[0].Amount != 0 || out.Granted[1].Amount != 5 {
		t.Errorf("best effort: %+v", out.Granted)
	}
	// Giving back is never refused, and makes room.
	h.charge("", `{"id":"back","node":"/a/x","mode":"adjust","items":[{"meter":"seats","amount":-5}]}`).want(200)
	if q := h.quota("/a", "seats"); q.Used != 4 || q.Reserved != 1 || q.Available != 5 {
		t.Errorf("%+v", q)
	}
}

func TestACheckRecordsNothing(t *testing.T) {
	h := limited(t)
	before, err := h.led.Sequence(t.Context(), acme)
	h.must(err)
	const body = `{"id":"c1","node":"/a","mode":"check","items":[{"meter":"seats","amount":%d}]}`
	var out wire.Charged
	h.charge("", fmt.Sprintf(body, 10)).want(200).json(&out)
	if out.Sequence != before || len(out.Granted) != 1 || out.Granted[0].Amount != 10 {
		t.Errorf("%+v, the ledger is at %d", out, before)
	}
	if p := h.charge("", fmt.Sprintf(body, 11)).want(409).problem(); len(p.Blocks) != 1 || p.Blocks[0].ShortBy != 1 {
		t.Errorf("%+v", p)
	}
	if after, err := h.led.Sequence(t.Context(), acme); err != nil || after != before || h.quota("/a", "seats").Used != 0 {
		t.Errorf("a check wrote: %d, %v", after, err)
	}
}

func TestWrongChargesAndHoldsSayWhatIsWrong(t *testing.T) {
	h := limited(t)
	for body, want := range map[string]string{
		`{"items":[{"meter":"seats","amount":1}]}`: "id",
		`{"id":"x"}`: "items",
		`{"id":"x","items":[{"meter":"seats","amount":"unlimited"}]}`:                                      "amount",
		`{"id":"x","items":[{"meter":"seats","amount":null}]}`:                                             "amount",
		`{"id":"x","items":[{"meter":"seats","amount":1.5}]}`:                                              "amount",
		`{"id":"x","items":[{"meter":"seats","amount":0}]}`:                                                "amount",
		`{"id":"x","items":[{"meter":"seats","amount":1},{"meter":"seats","amount":1}]}`:                   "twice",
		`{"id":"x","items":[{"meter":"nothing","amount":1}]}`:                                              "no meter",
		`{"id":"x","items":[{"meter":"meeting.active_users","amount":1}]}`:                                 "unique",
		`{"id":"x","mode":"force","items":[{"meter":"seats","amount":1}]}`:                                 "mode",
		`{"id":"x","mode":"adjust","items":[{"meter":"seats","amount":1}]}`:                                "amount",
		`{"id":"x","node":"a","items":[{"meter":"seats","amount":1}]}`:                                     "node",
		`{"id":"x","source":"usance.holds","items":[{"meter":"seats","amount":1}]}`:                        "kept",
		`{"id":"x","time":"1970-01-01T00:00:00Z","items":[{"meter":"seats","amount":1}]}`:                  "time",
		`{"id":"x","tenant":"beta","items":[{"meter":"seats","amount":1}]}`:                                "tenant",
		`{"id":"x","items":[{"meter":"seats","amount":1}],"items":[]}`:                                     "items",
		`{"id":"` + strings.Repeat("x", usance.MaxIDBytes+1) + `","items":[{"meter":"seats","amount":1}]}`: "id",
	} {
		r := h.charge("", body).want(400)
		if r.problem(); !strings.Contains(r.Body.String(), want) {
			t.Errorf("%.80s: %s", body, r.Body)
		}
	}
	for _, ttl := range []string{`0`, `-1`, `"soon"`, `"10GiB"`, `"unlimited"`, `null`, `9223372036854775807`, `"367d"`, `0.5`} {
		h.post("/holds", `{"id":"h","items":[{"meter":"seats","amount":1}],"ttl":`+ttl+`}`).want(400).problem()
	}
	h.post("/holds", `{"id":"h","items":[{"meter":"seats","amount":-1}],"ttl":1}`).want(400).problem()
	h.post("/holds", `{"items":[{"meter":"seats","amount":1}],"ttl":1}`).want(400).problem()
	h.post("/holds/none/settle", ``).want(404).problem()
	h.do(call{method: "GET", path: prefix + "/holds/" + strings.Repeat("x", 300)}).want(404).problem()
	// What charges are recorded as cannot be sent as an event.
	h.do(call{method: "POST", path: prefix + "/events", body: `{"specversion":"1.0","id":"1","source":"s","type":"usance.charge","data":{"items":[{"meter":"seats","amount":100}]}}`}).want(400)
}

func TestAHoldLivesSettlesReleasesAndExpires(t *testing.T) {
	h := limited(t)
	const body = `{"id":"a/b c","node":"/a/x","subject":"ann","items":[{"meter":"seats","amount":6}],"ttl":"15min"}`
	var hold, again usance.Hold
	h.post("/holds", body).want(200).json(&hold)
	if hold.State != usance.HoldOpen || !hold.Expires.Equal(noon.Add(15*time.Minute)) || len(hold.Open) != 1 || hold.Open[0].Amount != 6 {
		t.Errorf("%+v", hold)
	}
	if q := h.quota("/a", "seats"); q.Reserved != 6 || q.Used != 0 || q.Available != 4 {
		t.Errorf("%+v", q)
	}
	h.post("/holds", body).want(200).json(&again)
	if again.Expires != hold.Expires || h.quota("/a", "seats").Reserved != 6 {
		t.Errorf("a repeat: %+v", again)
	}
	h.post("/holds", strings.Replace(body, "6", "5", 1)).want(409).problem()
	if p := h.post("/holds", `{"id":"h2","node":"/a","items":[{"meter":"seats","amount":5}],"ttl":60}`).want(409).problem(); p.Type != exceeded || len(p.Blocks) != 1 || *p.Blocks[0].Reserved != 6 {
		t.Errorf("%+v", p)
	}

	const at = "/holds/a%2Fb%20c"
	settle := `{"items":[{"meter":"seats","amount":2}],"partial":true,"step":1}`
	for range 2 { // the second is a repeat
		h.post(at+"/settle", settle).want(200).json(&hold)
		if hold.Steps != 1 || hold.Open[0].Amount != 4 || hold.Settled[0].Amount != 2 || hold.State != usance.HoldOpen {
			t.Fatalf("%+v", hold)
		}
	}
	h.post(at+"/settle", `{"step":3}`).want(409).problem()
	if q := h.quota("/a", "seats"); q.Used != 2 || q.Reserved != 4 {
		t.Errorf("%+v", q)
	}
	// More than was held needs room for the difference.
	if p := h.post(at+"/settle", `{"items":[{"meter":"seats","amount":9}]}`).want(409).problem(); p.Type != exceeded || len(p.Blocks) == 0 {
		t.Errorf("%+v", p)
	}
	h.post(at+"/extend", `{"ttl":7200}`).want(200).json(&hold)
	if !hold.Expires.Equal(noon.Add(2 * time.Hour)) {
		t.Errorf("%+v", hold)
	}
	for range 2 {
		h.post(at+"/settle", ``).want(200).json(&hold)
		if hold.State != usance.HoldSettled || len(hold.Open) != 0 || hold.Settled[0].Amount != 6 {
			t.Errorf("%+v", hold)
		}
	}
	h.do(call{method: "DELETE", path: prefix + at}).want(409).problem()
	h.post(at+"/extend", `{"ttl":1}`).want(409).problem()
	if q := h.quota("/a", "seats"); q.Used != 6 || q.Reserved != 0 {
		t.Errorf("%+v", q)
	}

	h.post("/holds", `{"id":"r","node":"/a","items":[{"meter":"seats","amount":4}],"ttl":60}`).want(200)
	for range 2 {
		h.do(call{method: "DELETE", path: prefix + "/holds/r"}).want(200).json(&hold)
		if hold.State != usance.HoldReleased {
			t.Errorf("%+v", hold)
		}
	}
	h.post("/holds", `{"id":"e","node":"/a","items":[{"meter":"seats","amount":4}],"ttl":60}`).want(200)
	h.mu.Lock()
	h.time = h.time.Add(time.Minute)
	h.mu.Unlock()
	if q := h.quota("/a", "seats"); q.Reserved != 0 {
		t.Errorf("expired, yet %+v", q)
	}
	h.do(call{method: "GET", path: prefix + "/holds/e"}).want(200).json(&hold)
	if hold.State != usance.HoldExpired {
		t.Errorf("%+v", hold)
	}
	h.post("/holds/e/settle", ``).want(409).problem()
}

func TestHoldsAreListedPageByPage(t *testing.T) {
	h := limited(t)
	for i := range 12 {
		node := []string{"/a", "/a/x", "/b"}[i%3]
		h.post("/holds", fmt.Sprintf(`{"id":"h%02d","node":"%s","items":[{"meter":"drive.users","amount":1}],"ttl":%d}`, i, node, 1000-i)).want(200)
	}
	h.do(call{method: "DELETE", path: prefix + "/holds/h03"}).want(200)
	list := func(token, query string, limit int) (ids []string) {
		for cursor := ""; ; {
			path := fmt.Sprintf("%s/holds?limit=%d%s", prefix, limit, query)
			if cursor != "" {
				path += "&cursor=" + cursor
			}
			var page wire.List[usance.Hold]
			h.do(call{method: "GET", path: path, token: token}).want(200).json(&page)
			for _, x := range page.Items {
				ids = append(ids, x.ID)
			}
			if cursor = page.Next; cursor == "" {
				return ids
			}
		}
	}
	const open = "h11 h10 h09 h08 h07 h06 h05 h04 h02 h01 h00"
	for limit := 1; limit <= 13; limit++ {
		if got := strings.Join(list("", "", limit), " "); got != open {
			t.Errorf("limit %d: %s", limit, got)
		}
		if got := strings.Join(list("", "&state=all", limit), " "); got != "h00 h01 h02 h03 h04 h05 h06 h07 h08 h09 h10 h11" {
			t.Errorf("limit %d: %s", limit, got)
		}
	}
	if got := strings.Join(list("", "&state=released", 5), " "); got != "h03" {
		t.Errorf("released: %s", got)
	}
	if got := strings.Join(list("acme-viewer-a", "", 2), " "); got != "h10 h09 h07 h06 h04 h01 h00" {
		t.Errorf("a token of /a sees %s", got)
	}
	h.do(call{method: "GET", path: prefix + "/holds?state=gone"}).want(400).problem()
	h.do(call{method: "GET", path: prefix + "/holds?state=all&cursor=" + cursorOf("x1")}).want(400).problem()
}

// A token bound to a subtree charges within it, and learns of the quotas above no
// more than that they refuse.
func TestATokenOfASubtreeChargesWithinItAlone(t *testing.T) {
	h := limited(t)
	const token = "acme-ingester-a"
	for _, node := range []string{"/", "/b", "/ab"} {
		h.charge(token, `{"id":"c","node":"`+node+`","items":[{"meter":"seats","amount":1}]}`).want(403).problem()
		h.do(call{method: "POST", path: prefix + "/holds", token: token, body: `{"id":"h","node":"` + node + `","items":[{"meter":"seats","amount":1}],"ttl":1}`}).want(403).problem()
	}
	h.charge(token, `{"id":"c","items":[{"meter":"seats","amount":1}]}`).want(403).problem() // the root
	h.charge("", `{"id":"b","node":"/b","items":[{"meter":"seats","amount":5}]}`).want(200)
	var out wire.Charged
	h.charge(token, `{"id":"c","node":"/a/x","items":[{"meter":"seats","amount":5}]}`).want(200).json(&out)
	for _, q := range out.Quotas {
		if !q.Node.Within("/a") {
			t.Errorf("it is shown %+v", q)
		}
	}
	p := h.charge(token, `{"id":"c2","node":"/a","items":[{"meter":"seats","amount":6}]}`).want(409).problem()
	if len(p.Blocks) != 2 {
		t.Fatalf("%+v", p.Blocks)
	}
	for _, b := range p.Blocks {
		if hidden := b.Limit == nil && b.Used == nil && b.Reserved == nil; hidden != (b.Node == "/") || b.ShortBy == 0 {
			t.Errorf("%+v", b)
		}
	}
	// Nor does a conflict show what lies elsewhere.
	p = h.charge(token, `{"id":"b","node":"/a","items":[{"meter":"seats","amount":5}]}`).want(409).problem()
	if len(p.Errors) != 1 || p.Errors[0].Stored != "" {
		t.Errorf("%+v", p)
	}
	p = h.charge(token, `{"id":"c","node":"/a","items":[{"meter":"seats","amount":5}]}`).want(409).problem()
	if len(p.Errors) != 1 || p.Errors[0].Stored == "" {
		t.Errorf("%+v", p)
	}
}

func TestManyChargesAtOnceNeverPassALimit(t *testing.T) {
	h := limited(t)
	var wg sync.WaitGroup
	granted := make([]int, 16)
	for c := range granted {
		wg.Go(func() {
			for i := range 5 {
				r := h.charge("", fmt.Sprintf(`{"id":"%d-%d","node":"/a/x","items":[{"meter":"seats","amount":1}]}`, c, i))
				if r.Code == 200 {
					granted[c]++
				} else if r.Code != 409 {
					t.Errorf("%d %s", r.Code, r.Body)
				}
			}
		})
	}
	wg.Wait()
	sum := 0
	for _, n := range granted {
		sum += n
	}
	if used := h.quota("/a", "seats").Used; sum != 10 || used != 10 {
		t.Errorf("%d charges went through and %d seats are used, of 10", sum, used)
	}
}

// Events of types that the tenant's settings list are refused as charges are.
func TestEnforcedEventsAreRefusedWithEveryBlock(t *testing.T) {
	h := limited(t)
	_, err := h.reg.Edit(t.Context(), tester, acme, registry.Edit{Tenant: &usance.Tenant{Timezone: "Asia/Kathmandu", Settings: map[string]string{"enforce.events": "llm"}}})
	h.must(err)
	event := func(id, n string) *reply {
		return h.do(call{method: "POST", path: prefix + "/events",
			body: `{"specversion":"1.0","id":"` + id + `","source":"s","type":"llm","node":"/a","time":"2026-03-10T11:00:00Z","data":{"n":` + n + `,"model":"m"}}`})
	}
	event("1", "3").want(204)
	p := event("2", "3").want(409).problem()
	if p.Type != exceeded || len(p.Blocks) != 1 || p.Blocks[0].Node != "/a" || *p.Blocks[0].Used != 3 || p.Blocks[0].ShortBy != 1 {
		t.Errorf("%+v", p)
	}
	event("2", "2").want(204)
}
