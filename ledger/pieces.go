package ledger

import (
	"cmp"
	"context"
	"slices"

	"github.com/usance/usance"
	"github.com/usance/usance/internal/journal"
	"github.com/usance/usance/store"
)

// Rollups know whole slots. Where a question's bound lies inside one, the events
// of that piece of a slot are read from their blocks, so that the answer is exact
// to the nanosecond. The days table keeps that to the blocks that hold events of
// the piece.

// counted is an event as it counts: as its sender gave it, or as it was amended.
type counted struct {
	*journal.Entry
	since      uint64 // the entry by which it counts: its own, or the last amendment's
	placed     uint64 // the entry that states its node: its own, or that of the last amendment
	correction *correction
	amended    bool // it counts otherwise than its sender gave it
	later      bool // it was corrected after the sequence that it is seen as of
}

// own returns a copy that may be kept.
func (e *counted) own() *counted {
	c, entry := *e, *e.Entry
	c.Entry = &entry
	return &c
}

// eachEvent calls fn on every event in a stretch of time as of the sequence,
// block by block, leaving out those that were voided by then.
func (l *Ledger) eachEvent(ctx context.Context, tenant usance.TenantID, s stretch, asOf uint64, fn func(*counted) error) error {
	return l.walkEvents(tenant, s, asOf).each(ctx, "", func(_ string, e *counted) error {
		if e.correction.void() {
			return nil
		}
		return fn(e)
	})
}

// eachOfBlock calls fn on every event of a block as of a sequence, voided ones
// too.
func (l *Ledger) eachOfBlock(ctx context.Context, tenant usance.TenantID, block string, asOf uint64, fn func(*counted) error) error {
	rows, err := l.st.Load(ctx, tenant, store.Keys{
		Rows:   []store.Key{{Table: store.Blocks, ID: block}},
		Ranges: []store.Range{correctionsOf(block), movesAfter(block)},
	})
	if err != nil {
		return err
	}
	b, ok := rows.Get(store.Blocks, block)
	if !ok {
		return usance.ErrCorrupt
	}
	corrections := make(map[string][]byte, len(rows.Range(0)))
	for _, row := range rows.Range(0) {
		corrections[row.ID] = row.Value
	}
	moves, err := decodeMoves(rows.Range(1))
	if err != nil {
		return err
	}
	return journal.DecodeBlock(block, b, func(e *journal.Entry) error {
		if e.Kind != journal.Event || e.Sequence > asOf {
			return nil
		}
		c := counted{Entry: e, since: e.Sequence, placed: e.Sequence}
		if row, ok := corrections[journal.BlockID(e.Sequence)]; ok {
			if err := c.correct(row, asOf); err != nil {
				return err
			}
		}
		c.move(moves, asOf)
		return fn(&c)
	})
}

// eachShare calls fn on what each event of a piece adds to the plan's outputs.
func (p *plan) eachShare(ctx context.Context, l *Ledger, tenant usance.TenantID, head journal.Head, piece stretch, fn func(output int, e *counted, sh *share) error) error {
	outputs := map[string][]int{}
	for _, s := range p.series {
		outputs[s.group] = append(outputs[s.group], s.output)
	}
	then := l.past(tenant, p.defs)
	return l.eachEvent(ctx, tenant, piece, head.Sequence, func(e *counted) error {
		if err := p.spent.spend(); err != nil {
			return err
		}
		if !e.Event.Node.Within(p.node) {
			return nil
		}
		list, err := then.shares(ctx, e)
		if err != nil {
			return err
		}
		for i := range list {
			sh := &list[i]
			if sh.meter.Name != p.meter.Name {
				continue
			}
			for _, o := range outputs[""] {
				if err := fn(o, e, sh); err != nil {
					return err
				}
			}
			if len(p.meter.GroupBy) == 0 {
				continue
			}
			for _, o := range outputs[groupText(sh.Group)] {
				if err := fn(o, e, sh); err != nil {
					return err
				}
			}
		}
		return nil
	})
}

// addPieces folds the events of the stretches' pieces of slots.
func (p *plan) addPieces(ctx context.Context, l *Ledger, tenant usance.TenantID, head journal.Head, states [][]usance.State) error {
	if p.whole() {
		return nil
	}
	for i, s := range p.stretches {
		_, _, pieces := s.cut(head.Newest, p.ending(i))
		for _, piece := range pieces {
			err := p.eachShare(ctx, l, tenant, head, piece.stretch, func(o int, _ *counted, sh *share) error {
				state := sh.state()
				if piece.less {
					state = inverse(state)
				}
				states[o][i] = states[o][i].Merge(state)
				return nil
			})
			if err != nil {
				return err
			}
		}
	}
	return nil
}

func (p *plan) addMemberPieces(ctx context.Context, l *Ledger, tenant usance.TenantID, head journal.Head, sets [][]valueSet) error {
	for i, s := range p.stretches {
		_, _, pieces := s.cut(head.Newest, p.ending(i))
		for _, piece := range pieces {
			err := p.eachShare(ctx, l, tenant, head, piece.stretch, func(o int, _ *counted, sh *share) error {
				sets[o][i].add(valueHash(sh.Value))
				return nil
			})
			if err != nil {
				return err
			}
		}
	}
	return nil
}

// addStandingPieces adds what changed between the start of the slot that a
// stretch's end lies in and the end.
func (p *plan) addStandingPieces(ctx context.Context, l *Ledger, tenant usance.TenantID, head journal.Head, out [][]cell) error {
	for i, s := range p.stretches {
		_, _, pieces := stretch{to: s.to}.cut(head.Newest, p.ending(i))
		for _, piece := range pieces {
			gauges := map[int]map[gaugeKey][]sample{}
			err := p.eachShare(ctx, l, tenant, head, piece.stretch, func(o int, e *counted, sh *share) error {
				if !sh.sample() {
					change := usance.SumOf(sh.Amount)
					if piece.less {
						change = change.Neg()
					}
					out[o][i].value = out[o][i].value.Plus(change)
					return nil
				}
				key := gaugeKey{sh.meter, e.Event.Node, e.Event.Subject, ""}
				if len(p.meter.GroupBy) > 0 {
					key.group = groupText(sh.Group)
				}
				if gauges[o] == nil {
					gauges[o] = map[gaugeKey][]sample{}
				}
				gauges[o][key] = append(gauges[o][key], sampleAt(e.Event.Time, sh.Amount))
				return nil
			})
			if err != nil {
				return err
			}
			for o, keys := range gauges {
				change, err := l.gaugeChange(ctx, tenant, head, tickAt(piece.from), keys)
				if err != nil {
					return err
				}
				out[o][i].value = out[o][i].value.Plus(change)
			}
		}
	}
	return nil
}

// gaugeChange returns by how much the newest of some samples, subject by subject,
// differ from what counted before their slot began.
func (l *Ledger) gaugeChange(ctx context.Context, tenant usance.TenantID, head journal.Head, slot tick, samples map[gaugeKey][]sample) (usance.Sum, error) {
	var ids []string
	var newest []sample
	keys := store.Keys{Rows: []store.Key{{Table: store.Corrections, ID: ""}}}
	for k, list := range samples {
		id := gaugeID(k.meter.Name, k.node, k.subject, k.group)
		ids = append(ids, id)
		newest = append(newest, slices.MaxFunc(list, func(a, b sample) int {
			return cmp.Or(cmp.Compare(a.nanos, b.nanos), cmp.Compare(a.value, b.value))
		}))
		keys.Ranges = append(keys.Ranges, store.Range{Table: store.Samples, From: id, To: id + dayText(slot.day()+1), Limit: 2, Reverse: true})
	}
	rows, err := l.st.Load(ctx, tenant, keys)
	if err != nil {
		return usance.Sum{}, err
	}
	last, _ := rows.Get(store.Corrections, "")
	if n, _, ok := cutSequence(string(last)); ok && n > head.Sequence {
		return usance.Sum{}, errStale // samples may have moved since
	}
	var change usance.Sum
	for i, id := range ids {
		change = change.Plus(usance.SumOf(newest[i].value))
		var before []sample
		for _, row := range slices.Backward(rows.Range(i)) {
			day, _, ok := cutDay(row.ID[len(id):])
			if !ok {
				return usance.Sum{}, usance.ErrCorrupt
			}
			if before, err = decodeSamples(before, day, row.Value); err != nil {
				return usance.Sum{}, err
			}
		}
		for _, s := range slices.Backward(before) {
			if s.at < slot {
				change = change.Minus(usance.SumOf(s.value))
				break
			}
		}
	}
	return change, nil
}
