package api

import (
	"bytes"
	"net/http"
	"strings"
	"unicode/utf8"

	"github.com/usance/usance"
	"github.com/usance/usance/ledger"
)

// isBinary reports a request in binary mode: the attributes are headers and the
// body is the data (CloudEvents HTTP binding 1.0.2, section 3.1). Structured modes
// are told by their content type and win.
func isBinary(h http.Header, media string) bool {
	return len(h["Ce-Specversion"]) > 0 && !strings.HasPrefix(media, "application/cloudevents")
}

// decodeBinary reads the one event of a request in binary mode.
func (d *decoder) decodeBinary(h http.Header, body []byte) ([]ledger.Incoming, error) {
	d.events = []ledger.Incoming{{}}
	e := &d.events[0]
	e.Time, e.Node = d.now, usance.Root
	for name, values := range h {
		attribute, ok := strings.CutPrefix(name, "Ce-")
		if !ok {
			continue
		}
		attribute = strings.ToLower(attribute)
		switch {
		case attribute == "datacontenttype" || attribute == "data":
			d.fault(shown(attribute), "is not a header in binary mode: it is Content-Type, and the body")
			continue
		case len(values) > 1:
			d.fault(shown(attribute), "is there twice")
			continue
		}
		v := headerText(values[0])
		if !utf8.ValidString(v) {
			d.fault(shown(attribute), "not UTF-8")
			continue
		}
		d.attribute(e, attribute, v)
	}
	if media := h.Get("Content-Type"); media != "" {
		d.attribute(e, "datacontenttype", media)
	}
	if len(bytes.TrimLeft(body, " \t\r\n")) > 0 {
		d.setObject(e, "data", body)
		d.tail.data = true
	}
	size := len(body)
	for name, values := range h {
		if strings.HasPrefix(name, "Ce-") {
			size += len(name) + len(values[0])
		}
	}
	if size > usance.MaxEventBytes {
		d.fault("", "the event is larger than an event may be")
	}
	d.finish()
	return d.outcome()
}

// headerText undoes what the binding asks senders to do to values: double quotes
// around the whole, and percent-encoding. A percent sign that begins no sequence
// stands for itself, since some SDKs send values as they are.
func headerText(v string) string {
	if len(v) >= 2 && v[0] == '"' && v[len(v)-1] == '"' {
		v = unescaped(v[1 : len(v)-1])
	}
	if strings.IndexByte(v, '%') < 0 {
		return v
	}
	out := make([]byte, 0, len(v))
	for i := 0; i < len(v); i++ {
		if v[i] == '%' && i+2 < len(v) {
			high, low := hexDigit(v[i+1]), hexDigit(v[i+2])
			if high >= 0 && low >= 0 {
				out = append(out, byte(high<<4|low))
				i += 2
				continue
			}
		}
		out = append(out, v[i])
	}
	return string(out)
}

// unescaped undoes the quoted-pairs of a quoted-string (RFC 9110, section 5.6.4).
func unescaped(v string) string {
	if strings.IndexByte(v, '\\') < 0 {
		return v
	}
	out := make([]byte, 0, len(v))
	for i := 0; i < len(v); i++ {
		if v[i] == '\\' && i+1 < len(v) {
			i++
		}
		out = append(out, v[i])
	}
	return string(out)
}

func hexDigit(c byte) int {
	switch {
	case c >= '0' && c <= '9':
		return int(c - '0')
	case c >= 'a' && c <= 'f':
		return int(c-'a') + 10
	case c >= 'A' && c <= 'F':
		return int(c-'A') + 10
	}
	return -1
}
