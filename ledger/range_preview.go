package ledger

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"hash"
	"slices"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/usance/usance"
)

// The bounds of a preview: the meters at nodes whose numbers are worked out, those
// of them that are kept, and the values of unique meters that are told apart.
const (
	maxPreviewed       = 10_000
	maxPreviewKept     = 200
	maxPreviewDistinct = 1_000_000
)

// members of the set of events that a correction voids.
type rangeMembers struct {
	events, voided, amended uint64
	hash                    hash.Hash
}

func newRangeMembers() rangeMembers { return rangeMembers{hash: sha256.New()} }

// take counts an event that the filter selects, and reports whether it is one that
// is voided.
func (s *rangeMembers) take(e *counted) (bool, error) {
	switch {
	case e.correction.void():
		s.voided++
		return false, nil
	case e.amended:
		s.amended++
		return false, nil
	}
	if s.events++; s.events > usance.MaxRangeEvents {
		return false, usance.Errorf(usance.KindTooLarge, "more than %d events match, the most that one correction voids; choose less time", usance.MaxRangeEvents)
	}
	s.hash.Write(binary.BigEndian.AppendUint64(nil, e.Sequence))
	return true, nil
}

func (s *rangeMembers) digest() string { return hex.EncodeToString(s.hash.Sum(nil)) }

// preview works out what voiding a range changes.
type preview struct {
	rangeMembers
	past     *past
	parts    map[series]*previewPart
	distinct int
	full     bool // there are meters at nodes that are not worked out
}

// previewPart is a meter at a node: what goes and what stays.
type previewPart struct {
	meter          *usance.Meter
	events         uint64
	goes, stays    usance.State
	goneSet, staid valueSet
}

func newPreview(p *past) *preview {
	return &preview{rangeMembers: newRangeMembers(), past: p, parts: map[series]*previewPart{}}
}

// see takes one event of the filter's time.
func (p *preview) see(e *counted, match bool) error {
	goes := false
	if match {
		var err error
		if goes, err = p.take(e); err != nil {
			return err
		}
	}
	if e.correction.void() {
		return nil
	}
	list, err := p.past.shares(context.Background(), e)
	if err != nil {
		return err
	}
	for i := range list {
		for _, node := range e.Event.Node.Lineage() {
			p.add(series{list[i].meter.Name, node, ""}, &list[i], goes)
		}
	}
	return nil
}

func (p *preview) add(s series, sh *share, goes bool) {
	part, ok := p.parts[s]
	if !ok {
		if len(p.parts) == maxPreviewed {
			p.full = true
			return
		}
		part = &previewPart{meter: sh.meter}
		p.parts[s] = part
	}
	if goes {
		part.events++
	}
	switch {
	case sh.meter.Aggregation == usance.AggUnique:
		if p.distinct >= maxPreviewDistinct {
			return
		}
		set := &part.staid
		if goes {
			set = &part.goneSet
		}
		n := len(*set)
		set.add(valueHash(sh.Value))
		p.distinct += len(*set) - n
	case goes:
		part.goes = part.goes.Merge(sh.state())
	default:
		part.stays = part.stays.Merge(sh.state())
	}
}

func (p *preview) proposal(f RangeFilter) RangeCorrection {
	out := RangeCorrection{Filter: f, State: RangeProposed, Events: p.events, Voided: p.voided, Amended: p.amended, Digest: p.digest()}
	for s, part := range p.parts {
		if part.events > 0 {
			out.Changes = append(out.Changes, p.change(s, part))
		}
	}
	slices.SortFunc(out.Changes, func(a, b RangeChange) int { return cmp.Or(cmp.Compare(a.Meter, b.Meter), cmp.Compare(a.Node, b.Node)) })
	if n := len(out.Changes); n > maxPreviewKept {
		out.Changes, out.Omitted = out.Changes[:maxPreviewKept], n-maxPreviewKept
	}
	if p.full {
		out.Omitted = max(out.Omitted, 1)
	}
	return out
}

func (p *preview) change(s series, part *previewPart) RangeChange {
	c := RangeChange{Meter: s.meter, Node: s.node, Events: part.events}
	var before, after usance.Sum
	switch agg := part.meter.Aggregation; {
	case agg == usance.AggGauge, agg == usance.AggUnique && p.distinct >= maxPreviewDistinct:
		return c
	case agg == usance.AggUnique:
		n := int64(len(part.staid))
		after = usance.SumOf(n)
		for v := range part.goneSet {
			if _, ok := part.staid[v]; !ok {
				n++
			}
		}
		before = usance.SumOf(n)
	default:
		before, after = part.stays.Merge(part.goes).Value(agg), part.stays.Value(agg)
	}
	c.Before, c.After = jsontext.Value(before.String()), jsontext.Value(after.String())
	return c
}
