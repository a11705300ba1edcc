package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"math"
	"strings"
	"testing"
	"time"
)

func TestQuantilesAreWithinFourPerCent(t *testing.T) {
	var h histogram
	for n := 1; n <= 100_000; n++ {
		h.add(time.Duration(n) * time.Microsecond)
	}
	for _, q := range []float64{.01, .5, .99, .999} {
		if got, want := h.quantile(q), q*100_000; math.Abs(got-want) > .04*want {
			t.Errorf("quantile %v is %v, want %v", q, got, want)
		}
	}
}

// TestTheLoadExpectsWhatItsRepeatsMake counts the ids of two turns as a server
// would.
func TestTheLoadExpectsWhatItsRepeatsMake(t *testing.T) {
	for _, batch := range []int{1, 100, 1000} {
		spec := ingestSpec{Path: "/e", Tokens: []string{"a", "b"}, Batch: batch, Bodies: 40, Run: "r", Time: "2026-01-01T00:00:00Z"}
		seen := map[string]string{}
		repeats, events := 0, 0
		plan := spec.templates(3)
		for turn := range 2 {
			for i := range plan {
				plan[i].turn(turn)
				_, body, _ := bytes.Cut(plan[i].Raw, []byte("\r\n\r\n"))
				var list []struct {
					ID   string
					Data struct{ Seconds int64 }
				}
				if err := json.Unmarshal(body, &list); err != nil {
					t.Fatal(err)
				}
				fresh, amount := 0, int64(0)
				for _, e := range list {
					text, _ := json.Marshal(e)
					if before, known := seen[e.ID]; !known {
						fresh, amount = fresh+1, amount+e.Data.Seconds
					} else if before != string(text) {
						t.Fatalf("%s came with other content", e.ID)
					}
					seen[e.ID] = string(text)
				}
				events, repeats = events+len(list), repeats+len(list)-fresh
				if p := plan[i]; p.accepted != fresh || p.duplicates != len(list)-fresh || p.amount != amount || int(p.size) != len(body) {
					t.Fatalf("batch %d: %d new, %d repeats, %d; the load expects %d, %d, %d", batch, fresh, len(list)-fresh, amount, p.accepted, p.duplicates, p.amount)
				}
			}
		}
		if share := float64(repeats) / float64(events); math.Abs(share-.05) > .001 {
			t.Errorf("batch %d: %v of the events are repeats", batch, share)
		}
	}
}

func TestAnswersAreReadWithALengthInChunksAndWithoutABody(t *testing.T) {
	in := bufio.NewReader(strings.NewReader("HTTP/1.1 204 No Content\r\nUsance-Accepted: 7\r\nusance-duplicates: 3\r\n\r\n" +
		"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello" +
		"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\nb\r\n0123456789a\r\n0\r\n\r\n"))
	var a answer
	for _, want := range []struct {
		status, accepted, duplicates int
		body                         string
	}{{204, 7, 3, ""}, {200, 0, 0, "hello"}, {200, 0, 0, "abc0123456789a"}} {
		if err := a.read(in); err != nil {
			t.Fatal(err)
		}
		if a.status != want.status || a.accepted != want.accepted || a.duplicates != want.duplicates || string(a.body) != want.body {
			t.Fatalf("%+v %q, want %+v", a, a.body, want)
		}
	}
}

func TestAFailedRowTakesThePlaceOfItsFigures(t *testing.T) {
	table := &table{Rows: []row{{ID: "P1", Case: "old"}, {ID: "P2", Case: "kept"}}}
	b := &bench{seconds: time.Second}
	table.put(b, row{ID: "P1", Case: "a"})
	table.put(b, row{ID: "P1", Case: "b"})
	if len(table.Rows) != 3 {
		t.Fatalf("%+v", table.Rows)
	}
	table.fail("P1", errAnswer)
	if len(table.Rows) != 2 || table.Rows[1].Failed == "" || !strings.Contains(string(table.markdown()), "**failed**") {
		t.Fatalf("%+v", table.Rows)
	}
}

func TestALeakIsNoticedAndASawtoothIsNone(t *testing.T) {
	list := func(resident func(n int) float64) (out []sample) {
		for n := range 120 {
			out = append(out, sample{at: time.Duration(n) * 30 * time.Second, resident: resident(n), goroutines: 50})
		}
		return out
	}
	const warm, bound, growth = 12 * time.Minute, 256, .05
	if err := judge(list(func(n int) float64 { return 200 + float64(n*37%40) }), warm, bound, growth); err != nil {
		t.Errorf("memory that goes up and down: %v", err)
	}
	if err := judge(list(func(n int) float64 { return 150 + float64(min(n, 20)) }), warm, bound, growth); err != nil {
		t.Errorf("memory that grows while it warms up: %v", err)
	}
	if judge(list(func(n int) float64 { return 150 + float64(n*37%40) + float64(n)/4 }), warm, bound, growth) == nil {
		t.Error("memory that grows by 24 MiB after the warm-up passes")
	}
	if judge(list(func(int) float64 { return bound + soakSlack + 1 }), warm, bound, growth) == nil {
		t.Error("memory past its bound passes")
	}
}

func TestAnswersOfSQLAreHeldAgainstOurs(t *testing.T) {
	parse := func(text string) (v any) {
		if err := json.Unmarshal([]byte(text), &v); err != nil {
			t.Fatal(err)
		}
		return v
	}
	for _, c := range []struct {
		theirs, ours string
		same         bool
	}{
		{`{"a":{"b":1}}`, `{"a":{"b":1,"c":2}}`, true},
		{`{"a":{"b":1}}`, `{"a":{"b":2}}`, false},
		{`{"a":{"b":1}}`, `{"a":{}}`, false},
		{`{"list":[{"name":"x","used":1}]}`, `{"list":[{"name":"y","used":2},{"name":"x","used":1,"total":3}]}`, true},
		{`{"list":[{"name":"x","used":1}]}`, `{"list":[{"name":"y","used":1}]}`, false},
		{`{"list":[{"n":1},{"n":2}]}`, `{"list":[{"n":1},{"n":2}]}`, true},
		{`{"list":[{"n":1}]}`, `{"list":[{"n":1},{"n":2}]}`, false},
		{`{"list":[]}`, `{"list":[]}`, false},
	} {
		if err := within(parse(c.theirs), parse(c.ours)); (err == nil) != c.same {
			t.Errorf("%s beside %s: %v", c.theirs, c.ours, err)
		}
	}
}
