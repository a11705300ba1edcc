package ledger

import (
	"slices"
	"strconv"

	"github.com/usance/usance"
	"github.com/usance/usance/internal/journal"
	"github.com/usance/usance/registry"
	"github.com/usance/usance/store"
)

// quickCharge is a charge that is decided and recorded from what all charges of
// the step have in common: nothing but its key is its own. It does what the long
// way does, chargeWork, where that follows from the rows of the charge's paths.
type quickCharge struct {
	op
	actor  usance.Actor
	in     *Incoming
	key    string
	digest usance.ContentDigest
	items  []usance.Item
	tick   tick

	out Charged
	// other says that the id is known with other content. The long way says with
	// which.
	other bool

	own [1]store.Key
	one [1]*chargeRows
}

// quick returns a charge's op, or nil when it has to go the long way: what it asks
// for is not acceptable, or a quota on its way cannot be decided by itself.
func (l *Ledger) quick(defs *registry.Definitions, actor usance.Actor, in *Incoming, items []usance.Item) *quickCharge {
	now := l.now()
	if in.Check(now) != nil {
		return nil
	}
	k := &quickCharge{actor: actor, in: in, items: items, tick: tickAt(in.Time)}
	k.shared = k.one[:0]
	for i := range items {
		p, err := l.paths.of(defs, chargedAt{in.Tenant, in.Node, items[i].Meter})
		if err != nil || !p.plain {
			return nil
		}
		r, together := p.at(in.Time, now)
		if !together {
			return nil
		}
		k.shared = append(k.shared, r)
	}
	id := in.Key()
	k.key, k.digest = string(id[:]), in.Digest(in.Stated)
	k.own[0] = store.Key{Table: store.Dedup, ID: k.key}
	k.keys.Rows, k.charges, k.op.run = k.own[:], true, k.run
	return k
}

func (k *quickCharge) run(t *tx) error {
	if err := t.expireFirst(); err != nil {
		return err
	}
	k.out = Charged{Granted: k.items}
	paths := t.paths[:0]
	for _, r := range k.shared {
		if len(r.path.windows) > 0 && !r.covers(t.at) {
			return errStale // a window has ended since
		}
		p, err := t.path(r)
		if err != nil {
			return err
		}
		paths = append(paths, p)
	}
	t.paths = paths
	known, ok := t.rows.Get(store.Dedup, k.key)
	if !ok {
		if err := k.check(paths); err != nil {
			return err
		}
		k.record(t, paths)
		return nil
	}
	digest, sequence, err := decodeDedup(known)
	if err != nil {
		return err
	}
	if k.other = digest != k.digest; k.other {
		return errStale
	}
	k.out.Sequence, k.out.Duplicate = sequence, true
	k.read(paths)
	return nil
}

// outcome is what came of the charge, whose op ended with err.
func (k *quickCharge) outcome(err error) (Charged, error) {
	if err != nil {
		return Charged{}, err
	}
	return k.out, nil
}

// state is what an item folds as.
func (k *quickCharge) state(i int, m *usance.Meter) usance.State {
	sh := share{meter: m, charged: true}
	sh.Amount = k.items[i].Amount
	return sh.state()
}

// check compares every quota with what the charge would make of it.
func (k *quickCharge) check(paths []*livePath) error {
	var refused []usance.Block
	for i, p := range paths {
		agg := p.path.agg
		asked := k.state(i, p.path.meter).Value(agg)
		for j := range p.levels {
			at := &p.levels[j]
			if at.group != nil && !at.group.found && at.whole.total.groups >= usance.MaxGroups {
				return tooManyGroups(p.path.meter, at.node)
			}
			q := at.quota
			if q == nil {
				continue
			}
			block, over := usance.BlockedBy(q.Quota, q.used.Value(agg), q.reserved, asked, usance.Kept{}, q.resets)
			switch {
			case !over:
			case q.Enforce == usance.Hard:
				refused = append(refused, block)
			default:
				k.out.Flagged = append(k.out.Flagged, block)
			}
		}
	}
	if len(refused) > 0 {
		return &usance.Error{Kind: usance.KindExceeded, Detail: noRoom, Blocks: refused}
	}
	return nil
}

// record writes the charge down. From here on nothing refuses it.
func (k *quickCharge) record(t *tx, paths []*livePath) {
	k.out.Sequence = t.append(journal.Entry{Kind: journal.Event, Actor: k.actor, Event: k.in.Event, Stated: k.in.Stated})
	t.rows.Put(store.Dedup, k.key, appendDedup(make([]byte, 0, maxDedup), k.digest, k.out.Sequence))
	for i, p := range paths {
		state := k.state(i, p.path.meter)
		for j := range p.levels {
			at := &p.levels[j]
			if at.group != nil {
				if !at.group.found {
					at.whole.total.groups++
				}
				at.group.add(p.day, k.tick, state)
			}
			at.whole.add(p.day, k.tick, state)
		}
	}
	k.read(paths)
}

// read reads the quotas that the charge touches.
func (k *quickCharge) read(paths []*livePath) {
	n := 0
	for _, p := range paths {
		n += p.quotas
	}
	k.out.Quotas = make([]QuotaReading, n)
	from := 0
	for _, p := range paths {
		p.read(k.out.Quotas[from : from+p.quotas])
		from += p.quotas
	}
}

// read reads the path's quotas, from the node to the root: what is available is
// the least that hard ones leave up to the root.
func (p *livePath) read(out []QuotaReading) {
	available, next := usance.Unlimited, len(out)
	for i := len(p.levels) - 1; i >= 0; i-- {
		q := p.levels[i].quota
		if q == nil {
			continue
		}
		own := q.taken(p.path.agg)
		if q.Enforce == usance.Hard {
			available = min(available, usance.RoomKept(q.Limit, own.sum(), usance.Sum{}, usance.Sum{}))
		}
		next--
		out[next] = q.reading
		out[next].Grants = slices.Clone(q.reading.Grants)
		out[next].stands(own, available)
	}
}

// appendChargeData writes a charge's data as json.Marshal does; the names of
// meters have nothing that JSON escapes.
func appendChargeData(b []byte, items []usance.Item, mode usance.ChargeMode) []byte {
	b = append(b, `{"items":[`...)
	for i := range items {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(b, `{"meter":"`...)
		b = append(b, items[i].Meter...)
		b = append(b, `","amount":`...)
		b = append(strconv.AppendInt(b, items[i].Amount, 10), '}')
	}
	b = append(b, `],"mode":"`...)
	return append(append(b, mode...), `"}`...)
}
