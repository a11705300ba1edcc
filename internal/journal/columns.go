package journal

import (
	"bytes"
	"encoding/binary"
	"time"

	"github.com/usance/usance"
)

// Entries that come together are much alike, so a block of several keeps each
// field of all of them together: a column. A column of texts writes only where a
// value differs from the one before, and of it only what follows their common
// beginning. That leaves a third of the bytes to hash and to compress, and what
// is left compresses better.
//
// A column is two lists of bytes, each behind its length: the heads and the
// texts. The heads are, in turn, how many more entries have the value at hand
// (first that is the empty text, or 0), and the next value: of texts the length
// of the common beginning and of the rest, which is in the texts; of numbers the
// difference. The columns stand in the order of the fields of columns.

// columns are the entries of a block, field by field. Those of events and those
// of changes have entries of these kinds only.
type columns struct {
	kind, seconds, nanos numbers
	name, origin         words

	source, event, subject, node, id words
	stated, timeSeconds, timeNanos   numbers
	data                             words

	change, changed, before, after words
}

// each calls the functions with all columns in the order of the format.
func (c *columns) each(number func(*numbers), text func(*words)) {
	for _, n := range []*numbers{&c.kind, &c.seconds, &c.nanos} {
		number(n)
	}
	for _, w := range []*words{&c.name, &c.origin, &c.source, &c.event, &c.subject, &c.node, &c.id} {
		text(w)
	}
	for _, n := range []*numbers{&c.stated, &c.timeSeconds, &c.timeNanos} {
		number(n)
	}
	for _, w := range []*words{&c.data, &c.change, &c.changed, &c.before, &c.after} {
		text(w)
	}
}

// append appends entries by columns, which are empty before.
func (c *columns) append(b []byte, entries []Entry) []byte {
	for i := range entries {
		c.put(&entries[i])
	}
	c.each(func(n *numbers) {
		n.heads = binary.AppendUvarint(n.heads, n.run)
		b = appendText(b, n.heads)
	}, func(w *words) {
		w.heads = binary.AppendUvarint(w.heads, w.run)
		b = appendText(b, w.heads)
		b = appendText(b, w.texts)
	})
	return b
}

// reset empties the columns and keeps their memory.
func (c *columns) reset() {
	c.each(func(n *numbers) { *n = numbers{runs: runs{heads: n.heads[:0]}} },
		func(w *words) { *w = words{runs: runs{heads: w.heads[:0]}, texts: w.texts[:0]} })
}

func (c *columns) put(e *Entry) {
	c.kind.put(int64(e.Kind))
	c.seconds.put(e.At.Unix())
	c.nanos.put(int64(e.At.Nanosecond()))
	c.name.put(e.Actor.Name)
	c.origin.put(e.Actor.Origin)
	if e.Kind != Event {
		c.change.put(e.Change.Type)
		c.changed.put(e.Change.Name)
		c.before.putBytes(e.Change.Before)
		c.after.putBytes(e.Change.After)
		return
	}
	ev := &e.Event
	c.source.put(ev.Source)
	c.event.put(ev.Type)
	c.subject.put(ev.Subject)
	c.node.put(string(ev.Node))
	c.id.put(ev.ID)
	stated := int64(0)
	if e.Stated {
		stated = 1
	}
	c.stated.put(stated)
	c.timeSeconds.put(ev.Time.Unix())
	c.timeNanos.put(int64(ev.Time.Nanosecond()))
	c.data.putBytes(ev.Data)
}

// take is the inverse of put, but for the sequence.
func (c *columns) take(fail *bool) Entry {
	e := Entry{Kind: Kind(c.kind.take(fail))}
	e.At = time.Unix(c.seconds.take(fail), c.nanos.take(fail)).UTC()
	e.Actor = usance.Actor{Name: c.name.take(fail), Origin: c.origin.take(fail)}
	switch {
	case e.Kind == Event:
		ev := &e.Event
		ev.Source, ev.Type, ev.Subject = c.source.take(fail), c.event.take(fail), c.subject.take(fail)
		ev.Node, ev.ID = usance.Path(c.node.take(fail)), c.id.take(fail)
		e.Stated = c.stated.take(fail) == 1
		ev.Time = time.Unix(c.timeSeconds.take(fail), c.timeNanos.take(fail)).UTC()
		ev.Data = own(c.data.take(fail))
	case e.Kind.changes():
		e.Change = Change{Type: c.change.take(fail), Name: c.changed.take(fail)}
		e.Change.Before, e.Change.After = own(c.before.take(fail)), own(c.after.take(fail))
	default:
		*fail = true
	}
	return e
}

// own returns bytes that nothing else shares; nil for none.
func own(s string) []byte {
	if s == "" {
		return nil
	}
	return []byte(s)
}

// decodeColumns calls fn on n entries.
func decodeColumns(raw []byte, n uint64, fn func(*Entry) error) error {
	var c columns
	d := decoder{b: raw}
	c.each(func(n *numbers) {
		n.heads = d.bytes()
		n.start(&d.err)
	}, func(w *words) {
		w.heads, w.texts = d.bytes(), d.bytes()
		w.start(&d.err)
	})
	if len(d.b) != 0 {
		return usance.ErrCorrupt
	}
	for range n {
		if d.err {
			return usance.ErrCorrupt
		}
		e := c.take(&d.err)
		if d.err {
			return usance.ErrCorrupt
		}
		if err := fn(&e); err != nil {
			return err
		}
	}
	c.each(func(n *numbers) { d.err = d.err || n.run > 0 || len(n.heads) > 0 },
		func(w *words) { d.err = d.err || w.run > 0 || len(w.heads)+len(w.texts) > 0 })
	if d.err {
		return usance.ErrCorrupt
	}
	return nil
}

// runs counts how many more entries have the value at hand.
type runs struct {
	heads []byte
	run   uint64
}

// start reads the first run of a column that is to be taken from.
func (r *runs) start(fail *bool) {
	d := decoder{b: r.heads}
	r.run = d.uvarint()
	r.heads = d.b
	*fail = *fail || d.err
}

type numbers struct {
	runs
	last int64
}

func (c *numbers) put(v int64) {
	if v == c.last {
		c.run++
		return
	}
	c.heads = binary.AppendUvarint(c.heads, c.run)
	c.heads = binary.AppendVarint(c.heads, v-c.last)
	c.last, c.run = v, 0
}

func (c *numbers) take(fail *bool) int64 {
	if c.run > 0 {
		c.run--
		return c.last
	}
	by, n := binary.Varint(c.heads)
	if n <= 0 {
		*fail = true
		return 0
	}
	c.heads = c.heads[n:]
	c.last += by
	c.start(fail)
	return c.last
}

type words struct {
	runs
	texts     []byte
	last      string
	lastBytes []byte // of a column of byte slices, while it is written
}

func (c *words) put(v string) {
	if v == c.last {
		c.run++
		return
	}
	putDifference(c, v, c.last)
	c.last = v
}

func (c *words) putBytes(v []byte) {
	if bytes.Equal(v, c.lastBytes) {
		c.run++
		return
	}
	putDifference(c, v, c.lastBytes)
	c.lastBytes = v
}

func putDifference[T string | []byte](c *words, v, last T) {
	same, most := 0, min(len(v), len(last))
	for same+8 <= most && string(v[same:same+8]) == string(last[same:same+8]) {
		same += 8
	}
	for same < most && v[same] == last[same] {
		same++
	}
	c.heads = binary.AppendUvarint(c.heads, c.run)
	c.heads = binary.AppendUvarint(c.heads, uint64(same))
	c.heads = binary.AppendUvarint(c.heads, uint64(len(v)-same))
	c.texts = append(c.texts, v[same:]...)
	c.run = 0
}

func (c *words) take(fail *bool) string {
	if c.run > 0 {
		c.run--
		return c.last
	}
	d := decoder{b: c.heads}
	same, rest := d.uvarint(), d.uvarint()
	if d.err || same > uint64(len(c.last)) || rest > uint64(len(c.texts)) {
		*fail = true
		return ""
	}
	c.heads = d.b
	c.last = c.last[:same] + string(c.texts[:rest])
	c.texts = c.texts[rest:]
	c.start(fail)
	return c.last
}
