package api

import (
	"encoding/csv"
	"encoding/json"
	"fmt"
	"math/big"
	"strings"
	"testing"

	"github.com/usance/usance/api/wire"
)

func (h *house) usage(query string) wire.Usage {
	h.t.Helper()
	var u wire.Usage
	h.do(call{method: "GET", path: prefix + "/meters/tokens/query" + query}).want(200).json(&u)
	return u
}

func (h *house) tokens(id, at, subject, node, model string, n int64) {
	h.t.Helper()
	h.send(fmt.Sprintf(`{"specversion":"1.0","id":%q,"source":"test","type":"llm","time":%q,"node":%q,"subject":%q,"data":{"n":%d,"model":%q}}`,
		id, at, node, subject, n, model), "").want(204)
}

func TestUsageComesInTheShapeOpenMeterClientsKnow(t *testing.T) {
	h := newHouse(t)
	h.tokens("1", "2026-03-01T10:00:00Z", "ann", "/a", "m1", 5)
	h.tokens("2", "2026-03-01T18:20:00Z", "bob", "/a/x", "m2", 7) // 2 March in Kathmandu
	h.tokens("3", "2026-03-02T10:00:00Z", "ann", "/b", "m1", 11)
	rows := func(u wire.Usage) string {
		var out []string
		for _, r := range u.Data {
			s := r.Value.String()
			if u.WindowSize != "" {
				s = r.WindowStart.Format("0102T1504") + "=" + s
			}
			if r.Subject != nil {
				s += " " + *r.Subject
			}
			for k, v := range r.GroupBy {
				s += " " + k + ":" + v
			}
			out = append(out, s)
		}
		return strings.Join(out, ", ")
	}
	for query, want := range map[string]string{
		"":                                "23",
		"?from=2026-03-02T00:00:00Z":      "11",
		"?to=2026-03-01T12:00:00Z":        "5",
		"?node=/a":                        "12",
		"?node=/nowhere":                  "0",
		"?subject=ann":                    "16 ann",
		"?subject=ann&subject=bob":        "16 ann, 7 bob",
		"?groupBy=model":                  "16 model:m1, 7 model:m2",
		"?groupBy=subject":                "16 ann, 7 bob",
		"?filterGroupBy[model]=m2":        "7",
		"?filterGroupBy%5Bmodel%5D=m1,m2": "23",
		"?filterGroupBy[model]=":          "0",
		"?windowSize=DAY&from=2026-03-01T00:00:00Z&to=2026-03-03T00:00:00Z": "0301T0000=12, 0302T0000=11",
		"?windowSize=DAY&windowTimeZone=Asia/Kathmandu":                     "0228T1815=5, 0301T1815=18",
		"?windowSize=MONTH&subject=bob&groupBy=model&clientId=x":            "0301T0000=7 bob model:m2",
		"?windowSize=HOUR&node=/a/x":                                        "0301T1800=7",
		"?windowSize=MINUTE&subject=bob":                                    "0301T1820=7 bob",
	} {
		if got := rows(h.usage(query)); got != want {
			t.Errorf("%s: %s instead of %s", query, got, want)
		}
	}
	// The members by name, as a client that never saw our types reads them.
	var raw struct {
		From, To, WindowSize string
		Data                 []map[string]any
	}
	h.do(call{method: "GET", path: prefix + "/meters/tokens/query?windowSize=DAY&from=2026-03-01T00:00:00Z&to=2026-03-02T00:00:00%2B00:00"}).want(200).json(&raw)
	row := raw.Data[0]
	if raw.From != "2026-03-01T00:00:00Z" || raw.To != "2026-03-02T00:00:00Z" || raw.WindowSize != "DAY" || row["value"] != 12.0 ||
		row["windowStart"] != "2026-03-01T00:00:00Z" || row["windowEnd"] != "2026-03-02T00:00:00Z" {
		t.Errorf("%+v", raw)
	}
	if subject, ok := row["subject"]; !ok || subject != nil {
		t.Errorf("subject %v", subject)
	}
}

func TestSumsAreExactPastEveryFloat(t *testing.T) {
	h := newHouse(t)
	const most = 1<<63 - 1
	want := new(big.Int)
	for i := range 3 {
		h.tokens(fmt.Sprint(i), "2026-03-01T10:00:00Z", "ann", "/", "m", most)
		want.Add(want, big.NewInt(most))
	}
	var u struct{ Data []struct{ Value json.Number } }
	h.do(call{method: "GET", path: prefix + "/meters/tokens/query"}).want(200).json(&u)
	if u.Data[0].Value.String() != want.String() {
		t.Errorf("%s instead of %s", u.Data[0].Value, want)
	}
	if got := h.usage("").Data[0].Value; got.String() != want.String() {
		t.Errorf("the client's type reads %s", got)
	}
}

func TestUsageComesAsCSV(t *testing.T) {
	h := newHouse(t)
	h.tokens("1", "2026-03-01T10:00:00Z", `a "quoted", name`, "/a", "m1", 5)
	r := h.do(call{method: "GET", path: prefix + "/meters/tokens/query?windowSize=DAY&groupBy=model,subject", headers: map[string]string{"Accept": "text/csv"}}).want(200)
	rows, err := csv.NewReader(r.Body).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	if got := fmt.Sprint(rows); got != `[[window_start window_end subject model value] [2026-03-01T00:00:00Z 2026-03-02T00:00:00Z a "quoted", name m1 5]]` {
		t.Error(got)
	}
	for accept, want := range map[string]string{
		"text/csv, application/problem+json": "text/csv; charset=utf-8",
		"application/json, text/csv;q=0.5":   "application/json",
		"text/csv;q=0.5, */*;q=0.1":          "text/csv; charset=utf-8",
		"*/*":                                "application/json",
		"text/html":                          "application/json",
		"text/csv, application/json":         "text/csv; charset=utf-8",
	} {
		r := h.do(call{method: "GET", path: prefix + "/meters/tokens/query", headers: map[string]string{"Accept": accept}}).want(200)
		if got := r.Header().Get("Content-Type"); got != want || r.Header().Get("Vary") != "Accept" {
			t.Errorf("Accept %s gives %s", accept, got)
		}
	}
}

func TestWrongQueriesAreRefused(t *testing.T) {
	h := newHouse(t)
	for query, status := range map[string]int{
		"?windowSize=WEEK":                                   400,
		"?windowSize=day":                                    400,
		"?windowSize=":                                       400,
		"?windowTimeZone=Nowhere/At":                         400,
		"?windowTimeZone=../etc/passwd":                      400,
		"?windowTimeZone=Local":                              400,
		"?from=yesterday":                                    400,
		"?from=2026-03-01T00:00:00+01:00":                    400, // + is a blank here
		"?from=0000-01-01T00:00:00Z":                         400,
		"?from=9999-01-01T00:00:00Z":                         400,
		"?from=2026-03-02T00:00:00Z&to=2026-03-01T00:00:00Z": 400,
		"?from=2026-03-01T00:00:00Z&to=2026-03-01T00:00:00Z": 400,
		"?groupBy=color":                                     400,
		"?groupBy=":                                          400,
		"?filterGroupBy[color]=red":                          400,
		"?filterGroupBy[subject]=x":                          400,
		"?filterGroupBy=x":                                   400,
		"?filterGroupBy[]=x":                                 400,
		"?node=a":                                            400,
		"?node=/a/../b":                                      400,
		"?node=/a&node=/b":                                   400,
		"?form=2026-03-01T00:00:00Z":                         400,
		"?min_sequence=-1":                                   400,
		"?min_sequence=1e3":                                  400,
		"?subject=%ff":                                       400,
		"?subject=" + strings.Repeat("x", maxParam+1):        400,
		"?%zz":         400,
		"?a=1;b=2":     400,
		"?tenant=beta": 404,
	} {
		p := h.do(call{method: "GET", path: prefix + "/meters/tokens/query" + query}).want(status).problem()
		if status == 400 && p.Detail == "" {
			t.Errorf("%s: %+v", query, p)
		}
	}
	h.do(call{method: "GET", path: prefix + "/meters/none/query"}).want(404).problem()
	// As long as anything lasts, by the minute, is more rows than an answer has.
	h.do(call{method: "GET", path: prefix + "/quotas?limit=0"}).want(400).problem()
	h.do(call{method: "GET", path: prefix + "/quotas?limit=1001"}).want(400).problem()
	h.do(call{method: "GET", path: prefix + "/quotas?limit=-5"}).want(400).problem()
	h.do(call{method: "GET", path: prefix + "/quotas?cursor=!!"}).want(400).problem()
	h.do(call{method: "GET", path: prefix + "/quotas?recursive=yes"}).want(400).problem()
}

func TestReadsWaitForTheSequenceTheyAskFor(t *testing.T) {
	h := newHouse(t)
	r := h.send(tokensEvent("1", 1), "").want(204)
	seq := r.Header().Get(wire.HeaderSequence)
	h.do(call{method: "GET", path: prefix + "/meters/tokens/query?min_sequence=" + seq}).want(200)
	late := h.do(call{method: "GET", path: prefix + "/quotas?min_sequence=9" + seq}).want(503)
	if late.problem(); late.Header().Get("Retry-After") == "" {
		t.Error("503 without Retry-After")
	}
}
