package api

import (
	"bytes"
	"encoding/base64"
	"errors"
	"io"
	"math"
	"mime"
	"net/url"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/usance/usance"
	"github.com/usance/usance/ledger"
)

// unquoted returns what a JSON string says, cut from the text where that is the
// same.
func unquoted(raw jsontext.Value, text string) string {
	if bytes.IndexByte(raw, '\\') < 0 {
		return text[1 : len(text)-1]
	}
	b, err := jsontext.AppendUnquote(nil, raw)
	if err != nil {
		return "" // the decoder has taken it already
	}
	return string(b)
}

// member reads the value of one attribute.
func (d *decoder) member(e *ledger.Incoming, name string) error {
	raw, text, err := d.value()
	if err != nil {
		return err
	}
	kind := raw.Kind()
	switch name {
	case "data":
		if kind != 'n' {
			d.tail.data = true
			d.setData(e, raw)
		}
		return nil
	case "data_base64":
		if kind == '"' {
			d.setBase64(e, unquoted(raw, text))
		} else if kind != 'n' {
			d.fault(name, "is not a text")
		}
		return nil
	}
	switch kind {
	case 'n': // as absent
		d.checkName(name)
	case '"':
		d.attribute(e, name, unquoted(raw, text))
	case '{', '[':
		d.fault(shown(name), "an attribute is a text, a number or a truth value")
	default:
		d.literal(name, kind, text)
	}
	return nil
}

// literal takes an attribute that is a number or a truth value, which only
// extension attributes may be; numbers are the specification's 32-bit integers.
func (d *decoder) literal(name string, kind jsontext.Kind, text string) {
	if standard(name) {
		d.fault(name, "is not a text")
		return
	}
	d.checkName(name)
	if kind != '0' {
		return
	}
	if n, err := usance.WholeNumber(text); err != nil || n > math.MaxInt32 || n < math.MinInt32 {
		d.fault(shown(name), "is not a whole number of 32 bits, which numbers of attributes are")
	}
}

func standard(name string) bool {
	switch name {
	case "specversion", "id", "source", "type", "time", "subject", "node", "tenant", "datacontenttype", "dataschema":
		return true
	}
	return false
}

// attribute takes an attribute's text, in every mode.
func (d *decoder) attribute(e *ledger.Incoming, name, v string) {
	switch name {
	case "specversion":
		d.tail.version = true
		if v != "1.0" {
			d.fault(name, "is not 1.0")
		}
	case "id":
		e.ID, d.tail.id = v, true
		d.notBlank(name, v)
	case "source":
		e.Source, d.tail.source = v, true
		d.notBlank(name, v)
	case "type":
		e.Type, d.tail.kind = v, true
		d.notBlank(name, v)
	case "subject":
		e.Subject = v
		d.notBlank(name, v)
	case "node":
		e.Node = usance.Path(v)
		if v != "" && e.Node == d.node {
			break
		}
		if err := e.Node.Check(); err != nil {
			d.fault(name, detailOf(err))
		} else {
			d.node = e.Node
		}
	case "tenant":
		e.Tenant = usance.TenantID(v)
		if err := e.Tenant.Check(); err != nil {
			d.fault(name, detailOf(err))
		}
	case "time":
		d.setTime(e, v)
	case "datacontenttype":
		d.tail.media = v
		if !isJSON(v) {
			if _, _, err := mime.ParseMediaType(v); err != nil {
				d.fault(name, "is not a media type")
			}
		}
	case "dataschema":
		if u, err := url.Parse(v); err != nil || !u.IsAbs() {
			d.fault(name, "is not an absolute URI")
		}
	default:
		d.checkName(name)
	}
}

// notBlank holds what the specification asks of texts that name something. What
// is in them is taken byte for byte.
func (d *decoder) notBlank(name, v string) {
	if v != "" && v[0] > ' ' && v[0] < utf8.RuneSelf {
		return
	}
	if strings.TrimSpace(v) == "" {
		d.fault(name, "is empty")
	}
}

func (d *decoder) setTime(e *ledger.Incoming, v string) {
	if v == "" || v != d.clock.text {
		t, ok := parseTime(v)
		if !ok {
			d.fault("time", "is not a time of RFC 3339, such as 2026-01-31T08:00:00Z")
			return
		}
		d.clock.text, d.clock.time = v, t
	}
	e.Time, e.Stated = d.clock.time, true
}

// parseTime reads a time of RFC 3339 to the letter: package time alone takes a
// comma before the fraction, hours of one digit and offsets past a day.
func parseTime(v string) (time.Time, bool) {
	const shape = "0000-00-00T00:00:00"
	if len(v) <= len(shape) || !shaped(v[:len(shape)], shape) {
		return time.Time{}, false
	}
	rest := v[len(shape):]
	if rest[0] == '.' {
		digits := 1
		for digits < len(rest) && rest[digits] >= '0' && rest[digits] <= '9' {
			digits++
		}
		if digits == 1 {
			return time.Time{}, false
		}
		rest = rest[digits:]
	}
	if rest != "Z" && (rest == "" || !shaped(rest[1:], "00:00") || rest[1:] >= "24" || rest[4:] >= "60") {
		return time.Time{}, false
	}
	t, err := time.Parse(time.RFC3339Nano, v)
	return t.UTC(), err == nil
}

// shaped reports that v has digits where the shape has zeros, and is the shape
// everywhere else.
func shaped(v, shape string) bool {
	if len(v) != len(shape) {
		return false
	}
	for i := range len(v) {
		if shape[i] == '0' && (v[i] < '0' || v[i] > '9') || shape[i] != '0' && v[i] != shape[i] {
			return false
		}
	}
	return true
}

// checkName holds the rule for names of extension attributes. The attributes
// themselves are of no use here and are let pass.
func (d *decoder) checkName(name string) {
	ok := name != "" && len(name) <= usance.MaxNameBytes
	for i := 0; ok && i < len(name); i++ {
		c := name[i]
		ok = c >= 'a' && c <= 'z' || c >= '0' && c <= '9'
	}
	if !ok {
		d.fault(shown(name), "a name of an attribute has lower-case letters and digits only")
	}
}

func shown(name string) string { return clipped(name) }

// isJSON reports a media type whose data is JSON.
func isJSON(media string) bool {
	if media == "application/json" {
		return true
	}
	kind, params, err := mime.ParseMediaType(media)
	if err != nil || params["charset"] != "" && !strings.EqualFold(params["charset"], "utf-8") {
		return false
	}
	return strings.HasSuffix(kind, "/json") || strings.HasSuffix(kind, "+json")
}

// setData takes the event's data: a JSON object, kept compact in the sender's
// order.
func (d *decoder) setData(e *ledger.Incoming, raw jsontext.Value) {
	if raw.Kind() != '{' {
		d.fault("data", "is not a JSON object")
		return
	}
	depth, blanks := survey(raw)
	if depth > usance.MaxDataDepth {
		d.fault("data", "is nested more than "+strconv.Itoa(usance.MaxDataDepth)+" deep")
		return
	}
	if blanks {
		raw = raw.Clone()
		if err := raw.Compact(jsontext.PreserveRawStrings(true)); err != nil {
			d.fault("data", "is not JSON")
			return
		}
	}
	e.Data = raw[:len(raw):len(raw)]
}

// survey returns how deep a JSON value nests and whether it has blanks outside of
// texts.
func survey(raw []byte) (depth int, blanks bool) {
	level := 0
	for i := 0; i < len(raw); i++ {
		switch raw[i] {
		case '{', '[':
			level++
			depth = max(depth, level)
		case '}', ']':
			level--
		case '"':
			for i++; raw[i] != '"'; i++ {
				if raw[i] == '\\' {
					i++
				}
			}
		case ' ', '\t', '\r', '\n':
			blanks = true
		}
	}
	return depth, blanks
}

// setBase64 takes data that a sender packed although it is JSON.
func (d *decoder) setBase64(e *ledger.Incoming, v string) {
	d.tail.base64 = true
	b, err := base64.StdEncoding.DecodeString(v)
	if err != nil {
		d.fault("data_base64", "is not base64")
		return
	}
	d.setObject(e, "data_base64", b)
}

// setObject takes data that stands for itself, and so has not been checked.
func (d *decoder) setObject(e *ledger.Incoming, field string, b []byte) {
	v := jsontext.Value(b)
	if err := checkValue(v); err != nil {
		d.fault(field, "is not a JSON object: "+syntaxOf(err))
		return
	}
	v = bytes.Trim(v, " \t\r\n")
	d.setData(e, v)
}

// checkValue reads one whole JSON value with nothing behind it.
func checkValue(v jsontext.Value) error {
	dec := jsontext.NewDecoder(bytes.NewBuffer(v))
	if _, err := dec.ReadValue(); err != nil {
		return err
	}
	if _, err := dec.ReadToken(); !errors.Is(err, io.EOF) {
		return errSyntax
	}
	return nil
}

// finish holds the rules that span attributes.
func (d *decoder) finish() {
	t := d.tail
	for _, r := range [...]struct {
		name string
		seen bool
	}{{"specversion", t.version}, {"id", t.id}, {"source", t.source}, {"type", t.kind}} {
		if !r.seen {
			d.fault(r.name, "is missing")
		}
	}
	if t.data && t.base64 {
		d.fault("data_base64", "stands beside data; there is one or the other")
	}
	if (t.data || t.base64) && t.media != "" && !isJSON(t.media) {
		d.fault("datacontenttype", "is not JSON; data must be a JSON object")
	}
}
