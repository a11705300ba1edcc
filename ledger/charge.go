package ledger

import (
	"context"
	"errors"
	"math"
	"time"

	"github.com/go-json-experiment/json"

	"github.com/usance/usance"
	"github.com/usance/usance/internal/journal"
	"github.com/usance/usance/registry"
	"github.com/usance/usance/store"
)

// chargeEvent is the type of the event that records a charge. It is the ledger's
// own: ordinary ingest refuses it, because there it would pass unchecked.
const chargeEvent = "usance.charge"

// The sources of charges whose caller names none, and of settled holds.
const (
	chargeSource = "usance.charges"
	holdSource   = "usance.holds"
)

// Charge asks for usage to be recorded if the quotas allow it.
type Charge struct {
	ID      string
	Source  string // "" is usance.charges
	Node    usance.Path
	Subject string
	Time    time.Time // zero: now
	Items   []usance.Item
	Mode    usance.ChargeMode // "" is enforce
}

// Charged says what became of a charge.
type Charged struct {
	Sequence  uint64
	Duplicate bool
	Granted   []usance.Item  // what was recorded; with check, what would be
	Flagged   []usance.Block // soft and shadow quotas it passes
	Quotas    []QuotaReading // the quotas it touches, as they stand after it
}

// chargeData is the data of a charge's event.
type chargeData struct {
	Items []usance.Item     `json:"items"`
	Mode  usance.ChargeMode `json:"mode,omitempty"`
	Asked []usance.Item     `json:"asked,omitempty"` // best effort: before it was cut to what fits
	Hold  string            `json:"hold,omitempty"`  // of the hold it settles
}

// charged reads what a charge's event adds.
func charged(defs *registry.Definitions, e *usance.Event) ([]share, error) {
	var d chargeData
	if err := json.Unmarshal(e.Data, &d); err != nil {
		return nil, usance.ErrCorrupt
	}
	out := make([]share, 0, len(d.Items))
	for _, it := range d.Items {
		m, err := chargeable(defs, it.Meter)
		if err != nil {
			return nil, err
		}
		sh := share{meter: m, charged: true}
		sh.Amount = it.Amount
		if len(m.GroupBy) > 0 {
			sh.Group = make([]string, len(m.GroupBy))
			sh.group = groupText(sh.Group)
		}
		out = append(out, sh)
	}
	return out, nil
}

func chargeable(defs *registry.Definitions, name string) (*usance.Meter, error) {
	m, ok := defs.Meter(name)
	if !ok {
		return nil, usance.Errorf(usance.KindInvalid, "there is no meter %q", name)
	}
	switch m.Aggregation {
	case usance.AggCount, usance.AggSum, usance.AggLevel, usance.AggGauge:
		return m, nil
	}
	return nil, usance.Errorf(usance.KindInvalid, "meter %s is a %s meter; count, sum, level and gauge meters can be charged", name, m.Aggregation)
}

// Charge records usage if every hard quota from the node to the root, in every
// window, has room for all of it; the check and the record are one commit. A
// refusal is KindExceeded and lists every quota that refuses. A repeat of the
// same id with the same content answers as the first did and records nothing
// more; with other content it is KindConflict. An amount charged to a gauge
// adds to what its subjects measure.
func (l *Ledger) Charge(ctx context.Context, actor usance.Actor, tenant usance.TenantID, c Charge) (Charged, error) {
	stated := !c.Time.IsZero()
	if err := c.check(l.now()); err != nil {
		return Charged{}, err
	}
	asked := Incoming{Stated: stated, Event: usance.Event{Tenant: tenant, Source: c.Source, ID: c.ID, Type: chargeEvent, Subject: c.Subject, Node: c.Node, Time: c.Time.UTC()}}
	asked.Data = appendChargeData(make([]byte, 0, 128), c.Items, c.Mode)
	var k *quickCharge
	var w *chargeWork
	long := l.long || c.Mode != usance.ChargeEnforce
	err := l.write(ctx, tenant, func(defs *registry.Definitions, more []store.Key) (*op, error) {
		if long = long || k != nil && k.other; !long {
			if k = l.quick(defs, actor, &asked, c.Items); k != nil {
				return &k.op, nil
			}
		}
		k = nil
		b, err := l.prepare(defs, actor, []Incoming{asked}, c.Mode != usance.ChargeAdjust)
		if err != nil {
			return nil, plain(err)
		}
		w = &chargeWork{batch: b, charge: c, ledger: l}
		if b.enforce && c.Mode != usance.ChargeCheck {
			if w.readings, err = l.planReadings(defs, touched(defs, c.Node, c.Items), l.now(), &b.keys); err != nil {
				return nil, err
			}
		}
		b.keys.Rows = append(b.keys.Rows, more...)
		return &op{keys: b.keys, run: w.run}, nil // a repeat answers the sequence of the first
	})
	if k != nil {
		return k.outcome(err)
	}
	if err != nil && !errors.Is(err, errChecked) {
		if w != nil && len(w.conflicts) > 0 && usance.KindOf(err) == usance.KindConflict {
			err = l.describeConflicts(ctx, tenant, w.batch)
		}
		return Charged{}, err
	}
	return l.charged(ctx, tenant, w)
}

func (c *Charge) check(now time.Time) error {
	if c.Mode == "" {
		c.Mode = usance.ChargeEnforce
	}
	if c.Source == "" {
		c.Source = chargeSource
	}
	if c.Node == "" {
		c.Node = usance.Root
	}
	if c.Time.IsZero() {
		c.Time = now
	}
	if err := c.Mode.Check(); err != nil {
		return err
	}
	if c.Source == holdSource {
		return usance.Errorf(usance.KindInvalid, "source %s is kept for settled holds", holdSource)
	}
	if c.Mode == usance.ChargeAdjust {
		return usance.CheckItems(c.Items, math.MinInt64+1, -1)
	}
	return usance.CheckItems(c.Items, 1, math.MaxInt64)
}

// plain unwraps the one fault of a request with one event.
func plain(err error) error {
	if e, ok := errors.AsType[*usance.Error](err); ok && len(e.Fields) == 1 {
		return usance.Errorf(e.Kind, "%s", e.Fields[0].Detail)
	}
	return err
}

// chargeWork is a charge on its way through a step.
type chargeWork struct {
	*batch
	charge   Charge
	ledger   *Ledger
	granted  []usance.Item
	readings *readings // nil: the quotas are read after the step
}

// errChecked ends a charge that was only to be checked.
var errChecked = usance.Errorf(usance.KindInternal, "checked only")

func (w *chargeWork) run(t *tx) error {
	if w.enforce {
		if err := t.expireFirst(); err != nil {
			return err
		}
	}
	w.granted = w.charge.Items
	w.flagged = nil
	if w.charge.Mode == usance.ChargeBestEffort {
		if _, known := t.rows.Get(store.Dedup, w.events[0].key); !known {
			if err := w.cut(t); err != nil {
				return err
			}
		}
	}
	if err := w.batch.run(t); err != nil {
		return err
	}
	if w.charge.Mode == usance.ChargeCheck {
		return errChecked // takes everything back
	}
	if w.readings != nil {
		return w.readings.read(w.ledger, w.events[0].in.Tenant, t)
	}
	return nil
}

// cut lowers the items to what fits and the event to the items. The digest stays
// that of what was asked for, by which a repeat is known.
func (w *chargeWork) cut(t *tx) error {
	granted := make([]usance.Item, 0, len(w.charge.Items))
	for _, it := range w.charge.Items {
		room := it.Amount
		for _, node := range w.charge.Node.Lineage() {
			q, ok := w.defs.Quota(registry.QuotaRef{Node: node, Meter: it.Meter})
			if !ok || q.Enforce != usance.Hard {
				continue
			}
			var err error
			if room, err = t.room(w.defs, q, w.charge.Time, w.charge.Node, room); err != nil {
				return err
			}
		}
		granted = append(granted, usance.Item{Meter: it.Meter, Amount: room})
	}
	w.granted = granted
	p := &w.events[0]
	event := p.in.Event
	var err error
	if event.Data, err = json.Marshal(chargeData{Items: granted, Asked: w.charge.Items, Mode: w.charge.Mode}); err != nil {
		return err
	}
	in := Incoming{Event: event, Stated: p.in.Stated}
	p.in = &in
	if p.shares, err = charged(w.defs, &event); err != nil {
		return err
	}
	w.all = newFolding(w.defs)
	w.all.add(p)
	return nil
}

// charged reads the outcome back: what a repeat was granted at first, and the
// quotas as they stand.
func (l *Ledger) charged(ctx context.Context, tenant usance.TenantID, w *chargeWork) (Charged, error) {
	out := Charged{Sequence: w.receipt.Sequence, Duplicate: w.receipt.Duplicates > 0, Granted: w.granted, Flagged: w.flagged}
	if out.Duplicate && w.charge.Mode == usance.ChargeBestEffort {
		e, err := journal.At(ctx, l.st, tenant, out.Sequence)
		if err != nil {
			return out, err
		}
		var d chargeData
		if err := json.Unmarshal(e.Event.Data, &d); err != nil {
			return out, err
		}
		out.Granted = d.Items
	}
	if w.readings != nil {
		out.Quotas = w.readings.out
		return out, nil
	}
	r, err := l.Report(ctx, tenant, Ask{Quotas: touched(w.defs, w.charge.Node, w.charge.Items)})
	out.Quotas = r.Quotas
	return out, err
}

// touched lists the quotas from a node to the root of the items' meters.
func touched(defs *registry.Definitions, node usance.Path, items []usance.Item) []registry.QuotaRef {
	var refs []registry.QuotaRef
	for _, it := range items {
		for _, n := range node.Lineage() {
			ref := registry.QuotaRef{Node: n, Meter: it.Meter}
			if _, ok := defs.Quota(ref); ok {
				refs = append(refs, ref)
			}
		}
	}
	return refs
}
