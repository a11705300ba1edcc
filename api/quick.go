package api

import (
	"bytes"
	"encoding/binary"
	"math/bits"
	"unicode/utf8"

	"github.com/usance/usance"
	"github.com/usance/usance/ledger"
)

// Nearly all events are plain: members that are texts without escapes, data of
// few members, nothing at fault. These are read here, in one walk over the bytes.
// Whatever is not plain, be it a fault or only unusual, is left to the decoder,
// which begins anew: so what is taken and what is said of faults is the decoder's
// alone.

// maxPlainMembers is how many members a plain object has at most: each name is
// compared with those before it.
const maxPlainMembers = 16

// plainArray reads an array of plain events, and reports whether it was one.
func (d *decoder) plainArray(body []byte, text string) bool {
	i := blanks(body, 0)
	if i == len(body) || body[i] != '[' {
		return false
	}
	d.raw, d.text = body, text
	d.events = make([]ledger.Incoming, 0, min(len(body)/160+1, usance.MaxBatchEvents))
	i = blanks(body, i+1)
	if i < len(body) && body[i] == ']' {
		return blanks(body, i+1) == len(body)
	}
	for d.index = 0; d.index < usance.MaxBatchEvents; d.index++ {
		if i = d.plainEvent(i); i < 0 {
			break
		}
		i = blanks(body, i)
		if i < len(body) && body[i] == ']' && blanks(body, i+1) == len(body) {
			return true
		}
		if i == len(body) || body[i] != ',' {
			break
		}
		i = blanks(body, i+1)
	}
	d.events = d.events[:0]
	return false
}

// plainOne reads one plain event with nothing behind it, and reports whether it
// was one.
func (d *decoder) plainOne(raw []byte, text string) bool {
	before := len(d.events)
	d.raw, d.text = raw, text
	if end := d.plainEvent(blanks(raw, 0)); end >= 0 && blanks(raw, end) == len(raw) {
		return true
	}
	d.events = d.events[:before]
	return false
}

// plainEvent reads the event that begins at i and returns where it ends, or -1
// when it is not plain; then there may be one event more than before, and no
// fault.
func (d *decoder) plainEvent(i int) int {
	if i == len(d.raw) || d.raw[i] != '{' {
		return -1
	}
	faults := len(d.faults)
	d.events = append(d.events, ledger.Incoming{})
	e := &d.events[len(d.events)-1]
	e.Time, e.Node = d.now, usance.Root
	d.tail = attributes{}
	end := d.plainMembers(e, i)
	if end >= 0 && end-i <= usance.MaxEventBytes {
		d.finish()
	} else {
		end = -1
	}
	if len(d.faults) > faults {
		d.faults, end = d.faults[:faults], -1
	}
	return end
}

// plainMembers reads the members of the event at i and returns where it ends, or
// -1.
func (d *decoder) plainMembers(e *ledger.Incoming, i int) int {
	w := plainWalk{b: d.raw}
	var names plainNames
	for i = blanks(w.b, i+1); ; i = blanks(w.b, i+1) {
		end := plainText(w.b, i)
		if end < 0 {
			return -1
		}
		name := d.text[i+1 : end-1]
		if !names.add(name) {
			return -1
		}
		if i = blanks(w.b, end); i == len(w.b) || w.b[i] != ':' {
			return -1
		}
		if i = blanks(w.b, i+1); i == len(w.b) {
			return -1
		}
		if end = d.plainMember(e, &w, name, i); end < 0 {
			return -1
		}
		if i = blanks(w.b, end); i == len(w.b) {
			return -1
		}
		if w.b[i] == '}' {
			return i + 1
		}
		if w.b[i] != ',' {
			return -1
		}
	}
}

// plainMember takes a member whose value is at i and returns where that ends, or
// -1.
func (d *decoder) plainMember(e *ledger.Incoming, w *plainWalk, name string, i int) int {
	switch {
	case name == "data" && w.b[i] == '{':
		w.blank = false
		end := w.object(i, 1)
		if end < 0 {
			return -1
		}
		d.tail.data = true
		if w.blank {
			d.setData(e, w.b[i:end])
		} else {
			e.Data = w.b[i:end:end]
		}
		return end
	case w.b[i] == '"' && name != "data" && name != "data_base64":
		end := plainText(w.b, i)
		if end >= 0 {
			d.attribute(e, name, d.text[i+1:end-1])
		}
		return end
	}
	return -1
}

// plainNames are the names of an object's members so far.
type plainNames struct {
	list [maxPlainMembers]string
	n    int
	seen uint64 // a bit for the looks of each
}

// add reports whether the name is new and there is room for it.
func (p *plainNames) add(name string) bool {
	if p.n == len(p.list) {
		return false
	}
	looks := len(name)
	if looks > 0 {
		looks += 5*int(name[0]) + 11*int(name[looks-1])
	}
	bit := uint64(1) << (looks % 64)
	if p.seen&bit != 0 {
		for _, other := range p.list[:p.n] {
			if name == other {
				return false
			}
		}
	}
	p.seen |= bit
	p.list[p.n] = name
	p.n++
	return true
}

// blanks returns where something else than blanks comes.
func blanks(b []byte, i int) int {
	for i < len(b) && (b[i] == ' ' || b[i] == '\n' || b[i] == '\t' || b[i] == '\r') {
		i++
	}
	return i
}

// plainWalk is a walk over plain JSON. blank is set when it comes by a blank.
type plainWalk struct {
	b     []byte
	blank bool
}

// skip is blanks, and notices them.
func (w *plainWalk) skip(i int) int {
	from := i
	if i = blanks(w.b, i); i > from {
		w.blank = true
	}
	return i
}

// object walks the object at i, which lies so deep in others, and returns where it
// ends, or -1 when it is not plain.
func (w *plainWalk) object(i, depth int) int {
	if depth > usance.MaxDataDepth {
		return -1
	}
	b := w.b
	if i = w.skip(i + 1); i < len(b) && b[i] == '}' {
		return i + 1
	}
	var names [maxPlainMembers][]byte
	for n := 0; n < maxPlainMembers; n++ {
		end := plainText(b, i)
		if end < 0 {
			return -1
		}
		name := b[i+1 : end-1]
		for _, other := range names[:n] {
			if bytes.Equal(name, other) {
				return -1
			}
		}
		names[n] = name
		if i = w.skip(end); i == len(b) || b[i] != ':' {
			return -1
		}
		if end = w.value(w.skip(i+1), depth); end < 0 {
			return -1
		}
		if i = w.skip(end); i == len(b) {
			return -1
		}
		if b[i] == '}' {
			return i + 1
		}
		if b[i] != ',' {
			return -1
		}
		i = w.skip(i + 1)
	}
	return -1
}

// value returns where the value at i ends, or -1.
func (w *plainWalk) value(i, depth int) int {
	b := w.b
	if i == len(b) {
		return -1
	}
	switch c := b[i]; {
	case c == '"':
		return plainText(b, i)
	case c == '{':
		return w.object(i, depth+1)
	case c == '-' || c >= '0' && c <= '9':
		return plainNumber(b, i)
	}
	for _, word := range [...]string{"true", "false", "null"} {
		if len(b)-i >= len(word) && string(b[i:i+len(word)]) == word {
			return i + len(word)
		}
	}
	return -1
}

// Every byte of a word.
const (
	ones = 0x0101010101010101
	tops = 0x8080808080808080
)

// plainText returns where the text at i ends, or -1 when it is none, has an
// escape or is not UTF-8. It looks at eight bytes at a time.
func plainText(b []byte, i int) int {
	if i >= len(b) || b[i] != '"' {
		return -1
	}
	from := i + 1
	high := uint64(0)
	for i = from; i+8 <= len(b); i += 8 {
		v := binary.LittleEndian.Uint64(b[i:])
		quote, escape := v^ones*'"', v^ones*'\\'
		// The top bit of each byte that ends the walk: a quote, an escape, a control
		// character. Above the first of them the others' bits may be wrong.
		stop := ((quote-ones)&^quote | (escape-ones)&^escape | (v-ones*' ')&^v) & tops
		if stop != 0 {
			n := bits.TrailingZeros64(stop) &^ 7
			high |= v & (1<<n - 1)
			i += n / 8
			return endText(b, from, i, high&tops != 0)
		}
		high |= v
	}
	ascii := high&tops == 0
	for ; i < len(b); i++ {
		c := b[i]
		if c == '"' || c == '\\' || c < ' ' {
			return endText(b, from, i, !ascii)
		}
		ascii = ascii && c < utf8.RuneSelf
	}
	return -1
}

// endText returns what is behind the text that begins at from, when a quote at i
// ends it and it is UTF-8; or -1.
func endText(b []byte, from, i int, wide bool) int {
	if b[i] != '"' || wide && !utf8.Valid(b[from:i]) {
		return -1
	}
	return i + 1
}

// plainNumber returns where the number at i ends, or -1.
func plainNumber(b []byte, i int) int {
	if b[i] == '-' {
		i++
	}
	from := i
	if i = digits(b, i); i == from || b[from] == '0' && i > from+1 {
		return -1
	}
	if i < len(b) && b[i] == '.' {
		from = i + 1
		if i = digits(b, from); i == from {
			return -1
		}
	}
	if i < len(b) && (b[i] == 'e' || b[i] == 'E') {
		if i++; i < len(b) && (b[i] == '+' || b[i] == '-') {
			i++
		}
		from = i
		if i = digits(b, from); i == from {
			return -1
		}
	}
	return i
}

// digits returns where something else than digits comes.
func digits(b []byte, i int) int {
	for i < len(b) && b[i] >= '0' && b[i] <= '9' {
		i++
	}
	return i
}
