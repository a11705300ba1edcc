package api

import (
	"strconv"

	"github.com/usance/usance"
	"github.com/usance/usance/ledger"
)

// walk goes over JSON that is plain, as plainArray does over events: texts without
// escapes, whole numbers, no member twice. Whatever else comes ends it, and is left
// to the decoder.
type walk struct {
	body []byte
	text string // the same; the texts are cut out of it
	i    int
}

// take goes past c, and reports whether it was there.
func (w *walk) take(c byte) bool {
	w.i = blanks(w.body, w.i)
	if w.i == len(w.body) || w.body[w.i] != c {
		return false
	}
	w.i++
	return true
}

func (w *walk) word() (string, bool) {
	from := blanks(w.body, w.i)
	end := plainText(w.body, from)
	if end < 0 {
		return "", false
	}
	w.i = end
	return w.text[from+1 : end-1], true
}

func (w *walk) number() (usance.Amount, bool) {
	from := blanks(w.body, w.i)
	if from == len(w.body) {
		return 0, false
	}
	end := plainNumber(w.body, from)
	if end < 0 {
		return 0, false
	}
	w.i = end
	n, err := strconv.ParseInt(w.text[from:end], 10, 64)
	return n, err == nil && n != usance.Unlimited
}

// object goes over an object. member reads the value of the member it is told and
// returns the member's bit; 0 for what it does not take.
func (w *walk) object(member func(name string) (bit uint)) bool {
	if !w.take('{') {
		return false
	}
	if w.take('}') {
		return true
	}
	for seen := uint(0); ; {
		name, ok := w.word()
		if !ok || !w.take(':') {
			return false
		}
		bit := member(name)
		if bit == 0 || seen&bit != 0 {
			return false
		}
		seen |= bit
		if !w.take(',') {
			return w.take('}')
		}
	}
}

// plainCharge reads a charge that is plain, as nearly all are, and reports whether
// it was one.
func plainCharge(body []byte) (c ledger.Charge, ok bool) {
	if len(body) > usance.MaxEventBytes { // whoever keeps one of its texts keeps all of it
		return c, false
	}
	w := walk{body: body, text: string(body)}
	ok = w.object(func(name string) uint {
		if name == "items" {
			if c.Items, ok = w.items(); !ok {
				return 0
			}
			return 1
		}
		value, ok := w.word()
		switch {
		case !ok:
		case name == "id":
			c.ID = value
			return 1 << 1
		case name == "node":
			c.Node = usance.Path(value)
			return 1 << 2
		case name == "source":
			c.Source = value
			return 1 << 3
		case name == "subject":
			c.Subject = value
			return 1 << 4
		case name == "mode":
			c.Mode = usance.ChargeMode(value)
			return 1 << 5
		}
		return 0
	})
	return c, ok && blanks(body, w.i) == len(body)
}

// items reads an array of items, of as many as one charge may have.
func (w *walk) items() ([]usance.Item, bool) {
	if !w.take('[') {
		return nil, false
	}
	out := make([]usance.Item, 0, 1)
	if w.take(']') {
		return out, true
	}
	for len(out) < usance.MaxItems {
		var it usance.Item
		ok := w.object(func(name string) uint {
			var ok bool
			switch name {
			case "meter":
				if it.Meter, ok = w.word(); ok {
					return 1
				}
			case "amount":
				if it.Amount, ok = w.number(); ok {
					return 2
				}
			}
			return 0
		})
		if !ok {
			return nil, false
		}
		out = append(out, it)
		if !w.take(',') {
			return out, w.take(']')
		}
	}
	return nil, false
}
