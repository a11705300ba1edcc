package ledger

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/maphash"
	"math/bits"
	"slices"
	"strings"

	"github.com/go-json-experiment/json"

	"github.com/usance/usance"
	"github.com/usance/usance/internal/journal"
	"github.com/usance/usance/registry"
	"github.com/usance/usance/store"
)

// Ingest records events of one tenant, all or none. It validates every one
// first: KindInvalid lists each bad event by index, KindConflict each event whose
// id is known with other content; then nothing is stored. A repeat of a known
// event, in the request or before it, is counted once and reported as a
// duplicate. Events of the types that the tenant's setting enforce.events lists,
// and those marked with Enforce, are refused with KindExceeded, the whole request
// with them, when a hard quota has no room; see Charge. When Ingest returns nil the
// events are durable and every later read counts them.
func (l *Ledger) Ingest(ctx context.Context, actor usance.Actor, tenant usance.TenantID, events []Incoming) (Receipt, error) {
	if len(events) > usance.MaxBatchEvents {
		return Receipt{}, usance.Errorf(usance.KindTooLarge, "%d events in one request; at most %d are taken", len(events), usance.MaxBatchEvents)
	}
	for i := range events {
		if events[i].Type == chargeEvent {
			return Receipt{}, usance.Errorf(usance.KindInvalid, "event %d: type %s is kept for charges", i, chargeEvent)
		}
	}
	var b *batch
	err := l.write(ctx, tenant, func(defs *registry.Definitions, more []store.Key) (*op, error) {
		var err error
		if b, err = l.prepare(defs, actor, events, false); err != nil {
			return nil, err
		}
		b.keys.Rows = append(b.keys.Rows, more...)
		return &op{keys: b.keys, run: b.run, written: b.written}, nil
	})
	if err != nil {
		if b != nil && len(b.conflicts) > 0 && usance.KindOf(err) == usance.KindConflict {
			err = l.describeConflicts(ctx, tenant, b)
		}
		return Receipt{}, err
	}
	return b.receipt, nil
}

// written is told the head after the batch's step.
func (b *batch) written(h journal.Head) {
	if b.receipt.Accepted == 0 {
		b.receipt.Sequence = max(b.receipt.Sequence, h.Sequence)
	}
}

// batch is a request's events, checked and worked out, ready to be applied in a
// step.
type batch struct {
	defs   *registry.Definitions
	actor  usance.Actor
	events []prepared
	// repeats is how many of the events repeat an earlier one of the request.
	repeats int
	keys    store.Keys
	all     *folding // what all events add, for the usual case of no repeats

	enforce bool           // some events are enforced: hard quotas refuse what passes them
	flagged []usance.Block // soft and shadow quotas that were passed

	inside    []conflict // between events of the request itself
	receipt   Receipt
	conflicts []conflict // all, once run
}

type prepared struct {
	in     *Incoming
	index  int
	key    string
	digest usance.ContentDigest
	shares []share
	repeat bool // of an earlier event of the same request

	enforced bool // hard quotas may refuse it
}

type conflict struct {
	index    int
	sequence uint64    // of the stored event; 0 when it is in the request itself
	other    *Incoming // the event of the request
}

const maxFaults = 1000

func typesEnforced(defs *registry.Definitions) map[string]bool {
	list := defs.Setting(registry.EnforceSetting, "")
	if list == "" {
		return nil
	}
	types := map[string]bool{}
	for t := range strings.SplitSeq(list, ",") {
		types[strings.TrimSpace(t)] = true
	}
	return types
}

// prepare checks every event and works out what it adds and which rows that
// touches. all enforces every event, whatever its type.
func (l *Ledger) prepare(defs *registry.Definitions, actor usance.Actor, events []Incoming, all bool) (*batch, error) {
	enforcedTypes := typesEnforced(defs)
	b := &batch{defs: defs, actor: actor, events: make([]prepared, 0, len(events))}
	now := l.now()
	var faults []usance.FieldError
	x := newExtract(defs)
	x.events, x.packed = len(events), true
	data := newTexts(len(events), func(i int) []byte { return events[i].Data })
	for i := range events {
		in := &events[i]
		if in.Node == "" {
			in.Node = usance.Root
		}
		p := prepared{in: in, index: i, enforced: all || in.Enforce || enforcedTypes[in.Type]}
		b.enforce = b.enforce || p.enforced
		err := in.Check(now)
		if err == nil {
			p.shares, err = x.sharesOf(&in.Event, data.at(i))
		}
		if err == nil {
			err = checkGroups(p.shares)
		}
		if err != nil {
			if len(faults) < maxFaults {
				faults = append(faults, usance.FieldError{Index: i, Detail: detailOf(err)})
			}
			continue
		}
		b.events = append(b.events, p)
	}
	if len(faults) > 0 {
		return nil, &usance.Error{Kind: usance.KindInvalid, Detail: "some events are not acceptable; none was stored", Fields: faults}
	}
	b.identify()
	if b.enforce {
		b.keys.Rows = append(b.keys.Rows, dueKey)
	}
	if len(b.inside) > 0 {
		return b, nil // refused by run, where conflicts with stored events join them
	}
	b.all = newFolding(defs)
	for i := range b.events {
		if !b.events[i].repeat {
			b.all.gather(&b.events[i])
		}
	}
	b.all.spread()
	b.all.name(&b.keys)
	if b.enforce {
		b.all.nameGuards(&b.keys)
	}
	return b, nil
}

// identify works out the events' keys and digests, and which of them repeat an
// earlier one of the request.
func (b *batch) identify() {
	keys := make([]usance.EventKey, len(b.events))
	for i := range b.events {
		keys[i] = b.events[i].in.Key()
	}
	texts := newTexts(len(keys), func(i int) []byte { return keys[i][:] })
	seen := newFirsts(keys)
	b.keys.Rows = make([]store.Key, 0, len(b.events)+len(b.events)/4+64)
	for i := range b.events {
		p := &b.events[i]
		p.key, p.digest = texts.at(i), p.in.Digest(p.in.Stated)
		earlier := seen.first(i)
		if earlier == i {
			b.keys.Rows = append(b.keys.Rows, store.Key{Table: store.Dedup, ID: p.key})
			continue
		}
		p.repeat = true
		b.repeats++
		if b.events[earlier].digest != p.digest {
			b.inside = append(b.inside, conflict{index: p.index, other: b.events[earlier].in})
		}
	}
}

// firsts finds the first of equal keys.
type firsts struct {
	keys  []usance.EventKey
	seed  maphash.Seed
	table []int32 // of open addressing, half full at the most: a key's place and one
}

func newFirsts(keys []usance.EventKey) firsts {
	return firsts{keys: keys, seed: maphash.MakeSeed(), table: make([]int32, 1<<bits.Len(uint(2*len(keys))))}
}

// first returns the place of the first key that equals the i-th. It is to be asked
// in order.
func (f *firsts) first(i int) int {
	mask := uint64(len(f.table) - 1)
	for at := maphash.Bytes(f.seed, f.keys[i][:]) & mask; ; at = (at + 1) & mask {
		switch n := int(f.table[at]) - 1; {
		case n < 0:
			f.table[at] = int32(i + 1)
			return i
		case f.keys[n] == f.keys[i]:
			return n
		}
	}
}

// texts are many short texts in one piece of memory.
type texts struct {
	all  string
	ends []int
}

func newTexts(n int, bytes func(i int) []byte) texts {
	size := 0
	for i := range n {
		size += len(bytes(i))
	}
	var all strings.Builder
	all.Grow(size)
	t := texts{ends: make([]int, n)}
	for i := range n {
		all.Write(bytes(i))
		t.ends[i] = all.Len()
	}
	t.all = all.String()
	return t
}

func (t *texts) at(i int) string {
	from := 0
	if i > 0 {
		from = t.ends[i-1]
	}
	return t.all[from:t.ends[i]]
}

// maxGroup bounds the group values of one event together, as they stand in ids.
const maxGroup = 1024

func checkGroups(list []share) error {
	for _, sh := range list {
		if len(sh.group) > maxGroup {
			return usance.Errorf(usance.KindInvalid, "the group-by values of meter %s have more than %d bytes together", sh.meter.Name, maxGroup)
		}
	}
	return nil
}

func detailOf(err error) string {
	if e, ok := errors.AsType[*usance.Error](err); ok {
		return e.Detail
	}
	return "the event cannot be read"
}

// run applies the batch in a step: it finds the repeats, appends the new events
// and folds them into the views.
func (b *batch) run(t *tx) error {
	if b.enforce {
		if err := t.expireFirst(); err != nil {
			return err
		}
	}
	b.receipt = Receipt{}
	conflicts := append([]conflict(nil), b.inside...)
	fresh := make([]*prepared, 0, len(b.events))
	for i := range b.events {
		p := &b.events[i]
		if p.repeat {
			b.receipt.Duplicates++
			continue
		}
		known, ok := t.rows.Get(store.Dedup, p.key)
		if !ok {
			fresh = append(fresh, p)
			continue
		}
		digest, sequence, err := decodeDedup(known)
		if err != nil {
			return err
		}
		if digest != p.digest {
			conflicts = append(conflicts, conflict{index: p.index, sequence: sequence})
		}
		b.receipt.Duplicates++
		b.receipt.Sequence = max(b.receipt.Sequence, sequence)
	}
	if len(conflicts) > 0 {
		b.conflicts = conflicts
		return usance.Errorf(usance.KindConflict, "some events are known with other content; none was stored")
	}
	fold := b.all
	if len(fresh)+b.repeats < len(b.events) { // some are known: fold the others alone
		fold = newFolding(b.defs)
		for _, p := range fresh {
			fold.gather(p)
		}
		fold.spread()
	}
	t.entries = slices.Grow(t.entries, len(fresh))
	rows := make([]byte, 0, maxDedup*len(fresh))
	for _, p := range fresh {
		b.receipt.Sequence = t.event(b.actor, p.in)
		from := len(rows)
		rows = appendDedup(rows, p.digest, b.receipt.Sequence)
		t.rows.Put(store.Dedup, p.key, rows[from:len(rows):len(rows)])
	}
	b.receipt.Accepted = len(fresh)
	var err error
	if err := fold.apply(t, b.all); err != nil || !b.enforce {
		return err
	}
	b.flagged, err = fold.guard(t)
	return err
}

// maxDedup is how long a row of dedup may be.
const maxDedup = len(usance.ContentDigest{}) + binary.MaxVarintLen64

func appendDedup(b []byte, digest usance.ContentDigest, sequence uint64) []byte {
	return binary.AppendUvarint(append(b, digest[:]...), sequence)
}

func decodeDedup(b []byte) (digest usance.ContentDigest, sequence uint64, err error) {
	if len(b) <= len(digest) {
		return digest, 0, usance.ErrCorrupt
	}
	rest := b[copy(digest[:], b):]
	sequence, n := binary.Uvarint(rest)
	if n != len(rest) {
		return digest, 0, usance.ErrCorrupt
	}
	return digest, sequence, nil
}

// describeConflicts shows both sides of each conflict.
func (l *Ledger) describeConflicts(ctx context.Context, tenant usance.TenantID, b *batch) error {
	out := &usance.Error{Kind: usance.KindConflict, Detail: "some events are known with other content; none was stored"}
	for n, c := range b.conflicts {
		if n == maxFaults {
			break
		}
		in := b.events[indexOf(b.events, c.index)].in
		f := usance.FieldError{Index: c.index, Field: "id", Sent: describe(&in.Event),
			Detail: fmt.Sprintf("event %q of source %q is known with other content", in.ID, in.Source)}
		if c.other != nil {
			f.Stored = describe(&c.other.Event)
			f.Detail = fmt.Sprintf("event %q of source %q stands twice in the request, with different content", in.ID, in.Source)
		} else if n < 100 {
			e, err := journal.At(ctx, l.st, tenant, c.sequence)
			if err != nil {
				return err
			}
			f.Stored = describe(&e.Event)
		}
		out.Fields = append(out.Fields, f)
	}
	return out
}

func indexOf(events []prepared, index int) int {
	for i := range events {
		if events[i].index == index {
			return i
		}
	}
	return 0
}

func describe(e *usance.Event) string {
	shown := struct {
		Type    string      `json:"type"`
		Subject string      `json:"subject,omitzero"`
		Node    usance.Path `json:"node"`
		Time    string      `json:"time"`
		Data    string      `json:"data,omitzero"`
	}{e.Type, e.Subject, e.Node, e.Time.UTC().Format("2006-01-02T15:04:05.999999999Z07:00"), string(e.Data)}
	b, err := json.Marshal(shown)
	if err != nil {
		return ""
	}
	if len(b) > 2000 {
		b = append(b[:2000:2000], "…"...)
	}
	return string(b)
}
