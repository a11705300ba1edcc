package ledger

import (
	"encoding/binary"
	"slices"
	"time"

	"github.com/usance/usance"
	"github.com/usance/usance/store"
)

// A gauge's number at a node is the sum of the newest value of each of its
// subjects. Summing subjects at reading time would cost as many reads as there
// are subjects, so samples keeps each subject's own history (the newest value of
// each slot), and rollups keeps by how much the sum changed in each slot: a level.
// A late sample changes its own slot, and takes back as much in the slot of the
// next sample of the subject, where the older value had carried to.

type gaugeKey struct {
	meter   *usance.Meter
	node    usance.Path
	subject string
	group   string
}

// gauge is what a batch adds to one subject's history.
type gauge struct {
	gaugeKey
	id         string
	lines      []*line
	samples    []sample
	firstRange int // where its neighbours stand among the keys' ranges
	days       []usance.Day
}

// sample is a subject's value at an instant: in its slot, so many nanoseconds
// after the slot's start.
type sample struct {
	at    tick
	nanos int64
	value usance.Amount
}

// newer reports whether s counts rather than t when both lie in one slot. Of two
// values stated for the same instant the greater counts, whichever came first,
// so that order cannot change an answer.
func (s sample) newer(t sample) bool {
	return s.nanos > t.nanos || s.nanos == t.nanos && s.value > t.value
}

func sampleAt(t time.Time, value usance.Amount) sample {
	day, slot := usance.SlotOf(t)
	start := day.Start().Add(time.Duration(slot) * usance.Slot)
	return sample{tickOf(day, slot), int64(t.Sub(start)), value}
}

func gaugeID(meter string, node usance.Path, subject, group string) string {
	b := appendText(nil, meter)
	b = appendText(b, string(node))
	b = appendText(b, subject)
	return string(appendText(b, group))
}

func (f *folding) addSample(p *prepared, sh *share, lines []*line) {
	key := gaugeKey{sh.meter, p.in.Node, p.in.Subject, sh.group}
	g, ok := f.byGauge[key]
	if !ok {
		g = &gauge{gaugeKey: key, id: gaugeID(sh.meter.Name, p.in.Node, p.in.Subject, sh.group), lines: lines}
		f.byGauge[key] = g
		f.gauges = append(f.gauges, g)
	}
	s := sampleAt(p.in.Time, sh.Amount)
	g.samples = append(g.samples, s)
	if !slices.Contains(g.days, s.at.day()) {
		g.days = append(g.days, s.at.day())
	}
}

// name adds the subject's days that the batch touches, the days before and after
// each, and the lines' rollups on the touched days.
func (g *gauge) name(keys *store.Keys, row func(store.Table, string)) {
	g.firstRange = len(keys.Ranges)
	slices.Sort(g.days)
	for _, d := range g.days {
		row(store.Samples, g.id+dayText(d))
		for _, ln := range g.lines {
			row(store.Rollups, ln.id+dayText(d))
		}
		keys.Ranges = append(keys.Ranges,
			store.Range{Table: store.Samples, From: g.id, To: g.id + dayText(d), Limit: neighbours, Reverse: true},
			store.Range{Table: store.Samples, From: g.id + dayText(d+1), To: after(g.id), Limit: neighbours})
	}
}

// apply enters the samples into the subject's history and the changes of the sum
// into the lines. named is the gauge whose rows were loaded: g itself, or the same
// subject's with more samples.
func (g *gauge) apply(t *tx, named *gauge) error {
	history, err := named.load(t)
	if err != nil {
		return err
	}
	touched := map[usance.Day]bool{}
	for _, s := range g.samples {
		i, found := slices.BinarySearchFunc(history, s.at, func(h sample, at tick) int { return int(h.at - at) })
		var was usance.Amount // what counted in the slot before
		switch {
		case found && !s.newer(history[i]):
			continue
		case found:
			was = history[i].value
			history[i] = s
		default:
			if i > 0 {
				was = history[i-1].value
			}
			history = slices.Insert(history, i, s)
		}
		touched[s.at.day()] = true
		change := usance.SumOf(s.value).Minus(usance.SumOf(was))
		g.change(s.at, change)
		if i+1 < len(history) {
			g.change(history[i+1].at, change.Neg())
		}
	}
	for d := range touched {
		t.putSamples(g.id, d, encodeSamples(history, d))
	}
	return nil
}

// change adds a change of the sum to every line. A change of nothing still marks
// its lines as used.
func (g *gauge) change(at tick, by usance.Sum) {
	for _, ln := range g.lines {
		ln.slots = mergeSlot(ln.slots, at, usance.State{Sum: by})
		ln.sum = ln.sum.Merge(usance.State{Sum: by})
	}
}

// neighbours is how many days before and after a touched day are loaded: one,
// and one more for when an earlier op of the step, or the same correction, has
// emptied it.
const neighbours = 2

// load returns the subject's history around every day the batch touches, as it
// stands in the step. It returns errStale when the step has emptied every
// neighbour that was loaded, so that the next one would have to be known.
func (g *gauge) load(t *tx) ([]sample, error) {
	days := map[usance.Day][]byte{}
	now := func(d usance.Day) bool {
		b, ok := t.rows.Get(store.Samples, g.id+dayText(d))
		if ok {
			days[d] = b
		} else {
			delete(days, d)
		}
		return ok
	}
	for _, d := range g.days {
		now(d)
	}
	for i := range 2 * len(g.days) {
		left := 0
		for _, row := range t.rangeRows(g.firstRange + i) {
			d, _, ok := cutDay(row.ID[len(g.id):])
			if !ok {
				return nil, usance.ErrCorrupt
			}
			if t.rows.Named(store.Samples, row.ID) {
				if !now(d) {
					continue
				}
			} else {
				days[d] = row.Value
			}
			left++
		}
		if left == 0 && len(t.rangeRows(g.firstRange+i)) == neighbours {
			return nil, errStale
		}
	}
	for d := range t.samples[g.id] {
		if t.rows.Named(store.Samples, g.id+dayText(d)) { // not one that was rolled back
			now(d)
		}
	}
	var history []sample
	for d, b := range days {
		var err error
		if history, err = decodeSamples(history, d, b); err != nil {
			return nil, err
		}
	}
	slices.SortFunc(history, func(a, b sample) int { return int(a.at - b.at) })
	return history, nil
}

func encodeSamples(history []sample, day usance.Day) []byte {
	var b []byte
	last := -1
	for _, s := range history {
		if s.at.day() != day {
			continue
		}
		b = append(b, byte(s.at.slot()-last))
		last = s.at.slot()
		b = binary.AppendUvarint(b, uint64(s.nanos))
		b = binary.AppendVarint(b, s.value)
	}
	return b
}

func decodeSamples(list []sample, day usance.Day, b []byte) ([]sample, error) {
	slot := -1
	for len(b) > 0 {
		slot += int(b[0])
		nanos, n := binary.Uvarint(b[1:])
		if b[0] == 0 || slot >= usance.Slots || n <= 0 {
			return nil, usance.ErrCorrupt
		}
		value, m := binary.Varint(b[1+n:])
		if m <= 0 {
			return nil, usance.ErrCorrupt
		}
		list = append(list, sample{tickOf(day, slot), int64(nanos), value})
		b = b[1+n+m:]
	}
	return list, nil
}
