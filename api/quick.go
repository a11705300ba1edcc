package api

import (
	"bytes"
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
	from := i
	if i == len(d.raw) || d.raw[i] != '{' {
		return -1
	}
	faults := len(d.faults)
	d.events = append(d.events, ledger.Incoming{})
	e := &d.events[len(d.events)-1]
	e.Time, e.Node = d.now, usance.Root
	d.tail = attributes{}
	end := plainObject(d.raw, i, 0, func(name []byte, at, end int) bool {
		switch {
		case string(name) == "data" && d.raw[at] == '{':
			d.tail.data = true
			d.setData(e, d.raw[at:end])
			return true
		case d.raw[at] == '"' && string(name) != "data" && string(name) != "data_base64":
			d.attribute(e, string(name), d.text[at+1:end-1])
			return true
		}
		return false
	})
	if end < 0 || end-from > usance.MaxEventBytes {
		d.faults = d.faults[:faults]
		return -1
	}
	d.finish()
	if len(d.faults) > faults {
		d.faults = d.faults[:faults]
		return -1
	}
	return end
}

// blanks returns where something else than blanks comes.
func blanks(b []byte, i int) int {
	for i < len(b) && (b[i] == ' ' || b[i] == '\n' || b[i] == '\t' || b[i] == '\r') {
		i++
	}
	return i
}

// plainObject walks the object at i, which lies in so many others, and returns where it ends, or -1 when it is
// not plain. member, if there is one, is called with each member's name and where
// its value is, and may refuse it.
func plainObject(b []byte, i, depth int, member func(name []byte, at, end int) bool) int {
	if depth > usance.MaxDataDepth {
		return -1
	}
	var names [maxPlainMembers][]byte
	if i = blanks(b, i+1); i < len(b) && b[i] == '}' {
		return i + 1
	}
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
		if i = blanks(b, end); i == len(b) || b[i] != ':' {
			return -1
		}
		i = blanks(b, i+1)
		if end = plainValue(b, i, depth); end < 0 {
			return -1
		}
		if member != nil && !member(name, i, end) {
			return -1
		}
		if i = blanks(b, end); i == len(b) {
			return -1
		}
		if b[i] == '}' {
			return i + 1
		}
		if b[i] != ',' {
			return -1
		}
		i = blanks(b, i+1)
	}
	return -1
}

// plainValue returns where the value at i ends, or -1.
func plainValue(b []byte, i, depth int) int {
	if i == len(b) {
		return -1
	}
	switch c := b[i]; {
	case c == '"':
		return plainText(b, i)
	case c == '{':
		return plainObject(b, i, depth+1, nil)
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

// plainText returns where the text at i ends, or -1 when it is none, has an
// escape or is not UTF-8.
func plainText(b []byte, i int) int {
	if i == len(b) || b[i] != '"' {
		return -1
	}
	from := i + 1
	high := byte(0)
	for i = from; i < len(b); i++ {
		switch c := b[i]; {
		case c == '"':
			if high >= utf8.RuneSelf && !utf8.Valid(b[from:i]) {
				return -1
			}
			return i + 1
		case c == '\\' || c < ' ':
			return -1
		default:
			high |= c
		}
	}
	return -1
}

// plainNumber returns where the number at i ends, or -1.
func plainNumber(b []byte, i int) int {
	digits := func() bool {
		from := i
		for i < len(b) && b[i] >= '0' && b[i] <= '9' {
			i++
		}
		return i > from
	}
	if b[i] == '-' {
		i++
	}
	from := i
	if !digits() || b[from] == '0' && i > from+1 {
		return -1
	}
	if i < len(b) && b[i] == '.' {
		if i++; !digits() {
			return -1
		}
	}
	if i < len(b) && (b[i] == 'e' || b[i] == 'E') {
		if i++; i < len(b) && (b[i] == '+' || b[i] == '-') {
			i++
		}
		if !digits() {
			return -1
		}
	}
	return i
}
