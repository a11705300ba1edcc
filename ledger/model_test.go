package ledger_test

import (
	"cmp"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/usance/usance"
	"github.com/usance/usance/internal/facadetest"
	"github.com/usance/usance/ledger"
	"github.com/usance/usance/registry"
)

// The model is the definition of every number, written as plainly as it can be:
// it keeps the events and folds all of them for every question.

type fact struct {
	ledger.Incoming
	amount int64
	region string

	amended bool
}

type model struct {
	facts []fact
	moved []usance.Path // where nodes have gone
	away  ranges        // what corrections of ranges voided and may bring back
}

var modelMeters = []usance.Aggregation{
	usance.AggCount, usance.AggSum, usance.AggMin, usance.AggMax, usance.AggAverage, usance.AggLevel, usance.AggGauge, usance.AggUnique,
}

func modelDefinitions() registry.Edit {
	var e registry.Edit
	for _, agg := range modelMeters {
		m := usance.Meter{Name: "m." + string(agg), Unit: "1", Aggregation: agg, GroupBy: map[string]string{"region": "data.region"}}
		switch agg {
		case usance.AggCount, usance.AggUnique:
			m.Events = []usance.Source{{Type: "t.a"}}
		case usance.AggLevel:
			m.Events = []usance.Source{{Type: "t.a", Amount: "data.n"}, {Type: "t.b", Amount: "-data.n"}}
		default:
			m.Events = []usance.Source{{Type: "t.a", Amount: "data.n"}}
		}
		e.Meters = append(e.Meters, m)
	}
	return e
}

func (m *model) matching(meter usance.Aggregation, node usance.Path, region *string, subject string, from, to time.Time) []fact {
	var out []fact
	for _, f := range m.facts {
		if f.Type == "t.b" && meter != usance.AggLevel || !f.Node.Within(node) || region != nil && f.region != *region || subject != "" && f.Subject != subject {
			continue
		}
		if !to.IsZero() && !f.Time.Before(to) || !meter.Stands() && !from.IsZero() && f.Time.Before(from) {
			continue
		}
		out = append(out, f)
	}
	return out
}

func (m *model) value(meter usance.Aggregation, facts []fact) (value int64) {
	switch meter {
	case usance.AggCount:
		return int64(len(facts))
	case usance.AggUnique:
		set := map[string]bool{}
		for _, f := range facts {
			set[f.Subject] = true
		}
		return int64(len(set))
	case usance.AggGauge:
		type key struct {
			node            usance.Path
			subject, region string
		}
		newest := map[key]fact{}
		for _, f := range facts {
			k := key{f.Node, f.Subject, f.region}
			old, ok := newest[k]
			if !ok || f.Time.After(old.Time) || f.Time.Equal(old.Time) && f.amount > old.amount {
				newest[k] = f
			}
		}
		for _, f := range newest {
			value += f.amount
		}
		return value
	}
	var list []int64
	for _, f := range facts {
		n := f.amount
		if f.Type == "t.b" {
			n = -n
		}
		value += n
		list = append(list, n)
	}
	switch {
	case len(list) == 0:
		return 0
	case meter == usance.AggMin:
		return slices.Min(list)
	case meter == usance.AggMax:
		return slices.Max(list)
	case meter == usance.AggAverage:
		n := int64(len(list))
		return (2*value + n) / (2 * n)
	}
	return value
}

var (
	modelNodes    = []usance.Path{"/", "/a", "/a/b", "/a/b/c", "/d", "/a\x20b", "/ä"}
	modelSubjects = []string{"u1", "u2", "u3", "", "U1", "u1 ", "ü"}
	modelRegions  = []string{"eu", "us", "", "e\u0301u"}
)

func newModelFact(r *rand.Rand, n *ids, zone *time.Location) fact {
	// Days around clock changes and month ends, and often an instant on an edge.
	days := []time.Time{
		time.Date(2026, 3, 7, 0, 0, 0, 0, zone), time.Date(2026, 3, 8, 0, 0, 0, 0, zone), time.Date(2026, 3, 9, 0, 0, 0, 0, zone),
		time.Date(2026, 2, 28, 0, 0, 0, 0, zone), time.Date(2026, 3, 1, 0, 0, 0, 0, zone), time.Date(2025, 11, 2, 0, 0, 0, 0, zone),
	}
	when := days[r.IntN(len(days))]
	switch r.IntN(4) {
	case 0:
		when = when.Add(-time.Nanosecond)
	case 1:
		when = when.Add(time.Duration(r.Int64N(int64(25 * time.Hour))))
	case 2:
		when = when.Add(time.Duration(r.IntN(100)) * 15 * time.Minute)
	}
	f := fact{amount: int64(r.IntN(50)), region: modelRegions[r.IntN(len(modelRegions))]}
	eventType := "t.a"
	if r.IntN(4) == 0 {
		eventType = "t.b"
	}
	subject := modelSubjects[r.IntN(len(modelSubjects))]
	if eventType == "t.a" && subject == "" {
		subject = "u0" // a unique meter needs one
	}
	f.Incoming = at(when, n.next(), eventType, subject, modelNodes[r.IntN(len(modelNodes))], fmt.Sprintf(`{"n":%d,"region":%q}`, f.amount, f.region))
	return f
}

// TestEveryAnswerIsTheFoldOfTheEvents sends events in batches of random sizes,
// shuffled, with repeats, and compares random questions with the model after
// each batch.
func TestEveryAnswerIsTheFoldOfTheEvents(t *testing.T) {
	for _, name := range []string{"UTC", "Asia/Kathmandu", "America/St_Johns", "Asia/Shanghai"} {
		t.Run(strings.ReplaceAll(name, "/", "-"), func(t *testing.T) {
			seed := facadetest.Seed(t)
			r := rand.New(rand.NewPCG(seed, 1))
			zone, err := time.LoadLocation(name)
			if err != nil {
				t.Fatal(err)
			}
			f := open(t, name, modelDefinitions())
			m := &model{}
			var then *model // as it stood some rounds ago, and the sequence and time of that
			var thenSequence uint64
			var sent []ledger.Incoming
			var n ids
			rounds := 25
			if short() {
				rounds = 8
			}
			for round := range rounds {
				var batch []ledger.Incoming
				for range 1 + r.IntN(40) {
					fact := newModelFact(r, &n, zone)
					m.facts = append(m.facts, fact)
					batch = append(batch, fact.Incoming)
					sent = append(sent, fact.Incoming)
				}
				repeats := 0
				for range r.IntN(5) { // of voided and amended events, too
					batch = append(batch, sent[r.IntN(len(sent))])
					repeats++
				}
				fresh := len(batch) - repeats
				r.Shuffle(len(batch), func(i, j int) { batch[i], batch[j] = batch[j], batch[i] })
				got := f.ingest(t, batch...)
				if got.Accepted != fresh || got.Duplicates != repeats {
					t.Fatalf("round %d: accepted %d, duplicates %d; want %d, %d", round, got.Accepted, got.Duplicates, fresh, repeats)
				}
				for range r.IntN(6) {
					m.correct(t, f, r, zone)
				}
				if round == rounds/2 {
					then = &model{facts: slices.Clone(m.facts)}
					var err error
					if thenSequence, err = f.KnownAt(t.Context(), acme, f.now); err != nil {
						t.Fatal(err)
					}
					f.now = f.now.Add(time.Second)
				}
				if then != nil {
					for range 5 {
						askModel(t, f, then, r, zone, thenSequence)
					}
				}
				for range 30 {
					askModel(t, f, m, r, zone, 0)
				}
			}
			if v := verify(t, f); v.Fault != "" {
				t.Error(v.Fault)
			}
		})
	}
}

// correct voids or amends a random event.
func (m *model) correct(t *testing.T, f *fixture, r *rand.Rand, zone *time.Location) {
	t.Helper()
	if len(m.facts) == 0 {
		return
	}
	i := r.IntN(len(m.facts))
	e := &m.facts[i]
	if r.IntN(2) == 0 {
		for range 2 { // voiding again changes nothing
			was, _, err := f.Void(t.Context(), tester, acme, e.Source, e.ID, "test")
			if err != nil || !was.Voided {
				t.Fatal(was, err)
			}
		}
		m.facts = slices.Delete(m.facts, i, i+1)
		return
	}
	var n ids
	next := newModelFact(r, &n, zone)
	a := ledger.Amendment{Subject: &next.Subject, Node: &next.Node, Time: &next.Time, Data: next.Data, Type: &next.Type}
	now, _, err := f.Amend(t.Context(), tester, acme, e.Source, e.ID, "test", a)
	if err != nil || !now.Amended && now.Voided {
		t.Fatal(now, err)
	}
	next.ID, next.amended = e.ID, true
	if e.Type == next.Type && e.Subject == next.Subject && e.Node == next.Node && e.Time.Equal(next.Time) && string(e.Data) == string(next.Data) {
		next.amended = e.amended // amending it to what it is changes nothing
	}
	m.facts[i] = next
}

func askModel(t *testing.T, f *fixture, m *model, r *rand.Rand, zone *time.Location, asOf uint64) {
	t.Helper()
	agg := modelMeters[r.IntN(len(modelMeters))]
	nodes := slices.Concat(modelNodes, m.moved)
	q := ledger.Query{Meter: "m." + string(agg), Node: nodes[r.IntN(len(nodes))], Zone: zone, AsOf: asOf}
	day := time.Date(2026, 2, 27, 0, 0, 0, 0, zone)
	switch r.IntN(5) {
	case 0: // all time
	case 1: // whole days of the zone
		q.From, q.To = day.AddDate(0, 0, r.IntN(6)), day.AddDate(0, 0, 6+r.IntN(8))
	case 2: // any instant
		q.From = day.Add(time.Duration(r.Int64N(int64(200 * time.Hour))))
		q.To = q.From.Add(1 + time.Duration(r.Int64N(int64(200*time.Hour))))
	case 3: // up to just after an event, within its slot
		if len(m.facts) > 0 {
			q.To = m.facts[r.IntN(len(m.facts))].Time.Add(time.Duration(1 + r.IntN(60)))
		}
	case 4: // one side open
		q.To = day.Add(time.Duration(r.Int64N(int64(300 * time.Hour))))
	}
	q.Window = []usance.Window{"", "", usance.Hour, usance.DayWindow, usance.MonthWindow, usance.Minute}[r.IntN(6)]
	if q.Window == usance.Minute && (q.From.IsZero() || q.To.Sub(q.From) > 40*time.Hour) {
		q.Window = ""
	}
	if r.IntN(3) == 0 {
		q.GroupBy = append(q.GroupBy, "region")
	}
	if r.IntN(4) == 0 {
		q.Filter = map[string][]string{"region": {modelRegions[r.IntN(len(modelRegions))], "eu"}}
	}
	if r.IntN(6) == 0 {
		q.GroupBy = append(q.GroupBy, "subject")
	}
	if r.IntN(6) == 0 {
		q.Subjects = []string{"u1"}
	}
	answer, err := f.Query(t.Context(), acme, q)
	if err != nil {
		t.Fatalf("%+v: %v", q, err)
	}
	compare(t, m, agg, q, answer)
}

// compare checks every row of an answer against the model, and that the model has
// nothing in windows and groups that the answer leaves out.
func compare(t *testing.T, m *model, agg usance.Aggregation, q ledger.Query, answer ledger.Answer) {
	t.Helper()
	type rowKey struct {
		from            time.Time
		region, subject string
	}
	var facts []fact
	for _, f := range m.matching(agg, q.Node, nil, "", q.From, q.To) {
		if want, ok := q.Filter["region"]; ok && !slices.Contains(want, f.region) || len(q.Subjects) > 0 && !slices.Contains(q.Subjects, f.Subject) {
			continue
		}
		facts = append(facts, f)
	}
	belongs := func(f fact, region, subject string) bool {
		return (!slices.Contains(q.GroupBy, "region") || f.region == region) && (!slices.Contains(q.GroupBy, "subject") || f.Subject == subject)
	}
	got := map[rowKey]int64{}
	for _, row := range answer.Rows {
		k := rowKey{from: row.From, region: row.Group["region"]}
		if row.Subject != nil {
			k.subject = *row.Subject
		}
		v, _ := row.Value.Amount()
		if _, twice := got[k]; twice {
			t.Fatalf("%+v: row %+v stands twice", q, k)
		}
		got[k] = v
		var inWindow []fact
		for _, f := range facts {
			if belongs(f, k.region, k.subject) && (row.To.IsZero() || f.Time.Before(row.To)) && (agg.Stands() || row.From.IsZero() || !f.Time.Before(row.From)) {
				inWindow = append(inWindow, f)
			}
		}
		if want := m.value(agg, inWindow); v != want {
			t.Fatalf("%+v\nrow %s..%s %q %q is %d, the model says %d", q, row.From, row.To, k.region, k.subject, v, want)
		}
	}
	for _, f := range facts {
		if agg.Stands() || agg == usance.AggSum || agg == usance.AggAverage {
			continue // windows whose amounts sum to nothing may be left out
		}
		covered := slices.ContainsFunc(answer.Rows, func(row ledger.Row) bool {
			subject := ""
			if row.Subject != nil {
				subject = *row.Subject
			}
			return belongs(f, row.Group["region"], subject) && (row.From.IsZero() || !f.Time.Before(row.From)) && (row.To.IsZero() || f.Time.Before(row.To))
		})
		if !covered {
			t.Fatalf("%+v: no row covers the event at %s", q, f.Time)
		}
	}
	if !slices.IsSortedFunc(answer.Rows, func(a, b ledger.Row) int { return cmp.Compare(a.From.Unix(), b.From.Unix()) }) {
		t.Fatalf("%+v: rows are not in order of time", q)
	}
}

// TestRequestsThatShareStepsLeaveTheSameViews sends single events of few
// subjects from many clients at once, amends and voids some meanwhile, and
// compares with the model: what one request of a step changed, the next must see.
func TestRequestsThatShareStepsLeaveTheSameViews(t *testing.T) {
	seed := facadetest.Seed(t)
	f := open(t, "Asia/Kathmandu", modelDefinitions())
	zone, err := time.LoadLocation("Asia/Kathmandu")
	if err != nil {
		t.Fatal(err)
	}
	m := &model{}
	var mu sync.Mutex
	var wg sync.WaitGroup
	for c := range 12 {
		wg.Go(func() {
			r := rand.New(rand.NewPCG(seed, uint64(100+c)))
			var n ids
			for range 25 {
				fact := newModelFact(r, &n, zone)
				fact.Subject, fact.Node, fact.ID = "one", "/a", fmt.Sprintf("%d-%s", c, fact.ID)
				if _, err := f.Ingest(t.Context(), tester, acme, []ledger.Incoming{fact.Incoming}); err != nil {
					t.Error(err)
					return
				}
				switch r.IntN(4) {
				case 0:
					if _, _, err := f.Void(t.Context(), tester, acme, fact.Source, fact.ID, ""); err != nil {
						t.Error(err)
					}
					continue
				case 1:
					next := newModelFact(r, &n, zone)
					if _, _, err := f.Amend(t.Context(), tester, acme, fact.Source, fact.ID, "", ledger.Amendment{Time: &next.Time, Data: next.Data}); err != nil {
						t.Error(err)
					}
					fact.Time, fact.Data, fact.amount, fact.region = next.Time, next.Data, next.amount, next.region
				}
				mu.Lock()
				m.facts = append(m.facts, fact)
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	for _, agg := range modelMeters {
		for _, w := range []usance.Window{"", usance.Hour, usance.DayWindow} {
			q := ledger.Query{Meter: "m." + string(agg), Window: w, Zone: zone, Node: "/"}
			if w == usance.Hour {
				q.From, q.To = time.Date(2026, 2, 27, 0, 0, 0, 0, zone), time.Date(2026, 3, 11, 0, 0, 0, 0, zone)
			}
			answer, err := f.Query(t.Context(), acme, q)
			if err != nil {
				t.Fatal(err)
			}
			compare(t, m, agg, q, answer)
		}
	}
	if v := verify(t, f); v.Fault != "" {
		t.Error(v.Fault)
	}
}
