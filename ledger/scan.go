package ledger

import (
	"cmp"
	"context"
	"slices"
	"time"

	"github.com/usance/usance"
	"github.com/usance/usance/internal/journal"
	"github.com/usance/usance/registry"
)

// queryEvents answers what no view keeps, single subjects and minutes, by folding
// the events themselves. It costs what there are events in the time asked for;
// levels and gauges, which stand on everything before, cost the tenant's history
// up to the end.
func (l *Ledger) queryEvents(ctx context.Context, tenant usance.TenantID, defs *registry.Definitions, head journal.Head, m *usance.Meter, q Query) (Answer, error) {
	f := &eventFold{q: q, meter: m, outputs: map[string]*foldOutput{}}
	span := stretch{q.From, q.To}
	if m.Aggregation.Stands() {
		span.from = time.Time{}
	}
	p := newPlan(defs, m, q.Node, []stretch{span})
	p.add("", 0)
	if q.AsOf != 0 {
		p.spent = newBudget()
	}
	err := p.eachShare(ctx, l, tenant, head, span, func(_ int, e *counted, sh *share) error { return f.add(e, sh) })
	if err != nil {
		return Answer{}, err
	}
	now := l.now()
	if !q.Clock.IsZero() {
		now = q.Clock
	}
	rows, err := f.rows(now)
	return Answer{Sequence: head.Sequence, Rows: rows}, err
}

type eventFold struct {
	q       Query
	meter   *usance.Meter
	outputs map[string]*foldOutput
	size    int
}

// foldOutput is what the events of one combination of group-by values folded to,
// by window. Levels and gauges keep changes, to be summed up in order of time.
type foldOutput struct {
	output
	states  map[int64]usance.State // by the window's first second
	sets    map[int64]valueSet
	samples map[gaugeKey][]timedSample
}

type timedSample struct {
	at    time.Time
	value usance.Amount
}

func (f *eventFold) add(e *counted, sh *share) error {
	keys := f.meter.GroupKeys()
	if len(f.q.Subjects) > 0 && !slices.Contains(f.q.Subjects, e.Event.Subject) || !f.q.matches(keys, sh.Group) {
		return nil
	}
	out := f.output(e, keys, sh)
	window := f.window(e.Event.Time)
	switch {
	case f.meter.Aggregation == usance.AggUnique:
		set := out.sets[window]
		set.add(valueHash(sh.Value))
		out.sets[window] = set
		f.size++
	case sh.sample():
		key := gaugeKey{nil, e.Event.Node, e.Event.Subject, groupText(sh.Group)}
		out.samples[key] = append(out.samples[key], timedSample{e.Event.Time, sh.Amount})
		f.size++
	default:
		if _, ok := out.states[window]; !ok {
			f.size++
		}
		out.states[window] = out.states[window].Merge(sh.state())
	}
	if f.size > 50*usance.MaxQueryRows {
		return tooManyRows()
	}
	return nil
}

func (f *eventFold) output(e *counted, keys []string, sh *share) *foldOutput {
	group := pick(keys, sh.Group, f.q.GroupBy)
	delete(group, "subject")
	order := orderOf(group, f.q.GroupBy)
	bySubject := slices.Contains(f.q.GroupBy, "subject")
	if bySubject {
		order = string(appendText([]byte(order), e.Event.Subject))
	}
	out, ok := f.outputs[order]
	if !ok {
		out = &foldOutput{output: output{group: group, order: order}, states: map[int64]usance.State{}, sets: map[int64]valueSet{}, samples: map[gaugeKey][]timedSample{}}
		if bySubject {
			subject := e.Event.Subject
			out.subject = &subject
		}
		f.outputs[order] = out
	}
	return out
}

// window returns the second that the window of an instant begins with.
func (f *eventFold) window(t time.Time) int64 {
	if f.q.Window == "" {
		return 0
	}
	from, _ := f.q.Window.Bounds(t, f.q.Zone)
	if from.Before(f.q.From) && !t.Before(f.q.From) {
		from = f.q.From
	}
	return from.Unix()
}

func (f *eventFold) rows(now time.Time) ([]Row, error) {
	outs := make([]*foldOutput, 0, len(f.outputs))
	for _, o := range f.outputs {
		outs = append(outs, o)
	}
	if len(outs) == 0 && f.q.AsOf != 0 && len(f.q.GroupBy) == 0 {
		outs = append(outs, &foldOutput{}) // what stands stands at nothing, rather than not at all
	}
	slices.SortFunc(outs, func(a, b *foldOutput) int { return cmp.Compare(a.order, b.order) })
	stretches, err := f.stretches(outs, now)
	if err != nil {
		return nil, err
	}
	cells := grid[cell](len(outs), len(stretches))
	outputs := make([]output, len(outs))
	for o, out := range outs {
		outputs[o] = out.output
		switch {
		case f.meter.Aggregation.Stands():
			out.stand(f.meter.Aggregation, stretches, cells[o])
		default:
			for i, s := range stretches {
				w := int64(0)
				if f.q.Window != "" {
					w = s.from.Unix()
				}
				if set, ok := out.sets[w]; ok {
					cells[o][i] = cell{usance.SumOf(int64(len(set))), true}
				} else if st, ok := out.states[w]; ok && !st.Empty(f.meter.Aggregation) {
					cells[o][i] = cell{st.Value(f.meter.Aggregation), true}
				}
			}
		}
	}
	if len(outs)*len(stretches) > 50*usance.MaxQueryRows {
		return nil, tooManyRows()
	}
	rows := f.q.rows(outputs, stretches, cells, nil)
	if len(rows) > usance.MaxQueryRows {
		return nil, tooManyRows()
	}
	if len(rows) == 0 && f.q.Window == "" && len(f.q.GroupBy) == 0 {
		rows = []Row{{From: f.q.From, To: f.q.To}}
	}
	return rows, nil
}

// stretches lists the windows from the first to the last that anything fell in.
func (f *eventFold) stretches(outs []*foldOutput, now time.Time) ([]stretch, error) {
	if f.q.Window == "" {
		return []stretch{{f.q.From, f.q.To}}, nil
	}
	from, to := f.q.From, f.q.To
	for _, o := range outs {
		for _, w := range o.windows() {
			t := time.Unix(w, 0).UTC()
			if f.q.From.IsZero() && (from.IsZero() || t.Before(from)) {
				from, _ = f.q.Window.Bounds(t, f.q.Zone)
			}
			if f.q.To.IsZero() && !t.Before(to) {
				_, to = f.q.Window.Bounds(t, f.q.Zone)
			}
		}
	}
	if f.meter.Aggregation.Stands() && f.q.To.IsZero() && to.Before(now) {
		_, to = f.q.Window.Bounds(now, f.q.Zone)
	}
	if from.IsZero() || to.IsZero() {
		return nil, nil
	}
	return windows(from, to, f.q.Window, f.q.Zone)
}

func (o *foldOutput) windows() []int64 {
	var out []int64
	for w := range o.states {
		out = append(out, w)
	}
	for w := range o.sets {
		out = append(out, w)
	}
	for _, list := range o.samples {
		for _, s := range list {
			out = append(out, s.at.Unix())
		}
	}
	return out
}

// stand fills in where a level or gauge stood at the end of each stretch.
func (o *foldOutput) stand(agg usance.Aggregation, stretches []stretch, cells []cell) {
	type change struct {
		at time.Time
		by usance.Sum
	}
	var changes []change
	for w, st := range o.states {
		changes = append(changes, change{time.Unix(w, 0), st.Sum})
	}
	for _, list := range o.samples {
		slices.SortFunc(list, func(a, b timedSample) int { return cmp.Or(a.at.Compare(b.at), cmp.Compare(a.value, b.value)) })
		was := usance.Amount(0)
		for _, s := range list {
			changes = append(changes, change{s.at, usance.SumOf(s.value).Minus(usance.SumOf(was))})
			was = s.value
		}
	}
	slices.SortStableFunc(changes, func(a, b change) int { return a.at.Compare(b.at) })
	var standing usance.Sum
	next := 0
	for i, s := range stretches {
		for next < len(changes) && (s.to.IsZero() || changes[next].at.Before(s.to)) {
			standing = standing.Plus(changes[next].by)
			next++
		}
		cells[i] = cell{standing, agg.Stands()}
	}
}
