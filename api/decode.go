package api

import (
	"bytes"
	"errors"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/usance/usance"
	"github.com/usance/usance/ledger"
)

// decoder turns bodies into events. It walks the JSON once, token by token, and
// cuts texts out of one copy of the body, so that an event costs no memory of its
// own; plain events take a shorter way (see plainArray). A body with a fault is walked a second time, event by event, to find every
// fault it has.
//
// What it takes is CloudEvents 1.0 in its JSON format (cloudevents/spec, JSON
// event format 1.0.2), where null is as absent. Narrower than that: data is a JSON
// object, and names of attributes are lower-case letters and digits as the
// specification says, though not every SDK holds senders to it.
type decoder struct {
	now    time.Time
	events []ledger.Incoming
	faults []usance.FieldError

	raw   []byte // the JSON being walked
	text  string // the same, for texts to be cut from
	dec   jsontext.Decoder
	buf   bytes.Buffer
	index int // of the event being read
	line  int // of it, in a body of lines; 0 otherwise
	tail  attributes
	node  usance.Path // the last one found good; events of a node often come together
	clock struct {    // the last time found good, as it is written and as it is meant
		text string
		time time.Time
	}
}

// attributes are what of an event must be seen together.
type attributes struct {
	version, id, source, kind bool // seen
	media                     string
	data, base64              bool // there is data
}

var errTooMany = usance.Errorf(usance.KindTooLarge, "a request has at most %d events", usance.MaxBatchEvents)

func newDecoder(now time.Time) *decoder { return &decoder{now: now} }

func (d *decoder) fault(field, detail string) {
	d.faults = append(d.faults, usance.FieldError{Index: d.index, Field: field, Line: d.line, Detail: detail})
}

// outcome returns the events, or an error that lists what is wrong with them.
func (d *decoder) outcome() ([]ledger.Incoming, error) {
	if len(d.faults) > 0 {
		return d.events, &usance.Error{Kind: usance.KindInvalid, Detail: "some events are not acceptable; none was stored", Fields: d.faults}
	}
	return d.events, nil
}

// load makes raw what is walked. Texts are cut from text at the same offsets.
func (d *decoder) load(raw []byte, text string, opts ...jsontext.Options) {
	d.raw, d.text = raw, text
	d.buf = *bytes.NewBuffer(raw)
	d.dec.Reset(&d.buf, opts...)
}

// value reads a whole JSON value and returns it with its place in the text.
func (d *decoder) value() (raw jsontext.Value, text string, err error) {
	raw, err = d.dec.ReadValue()
	if err != nil {
		return nil, "", err
	}
	end := int(d.dec.InputOffset())
	return raw, d.text[end-len(raw) : end], nil
}

// decodeJSON reads one event or an array of them. Where single says so, only one
// event is taken; where batch says so, only an array.
func (d *decoder) decodeJSON(body []byte, single, batch bool) ([]ledger.Incoming, error) {
	text := string(body)
	if !single && d.plainArray(body, text) {
		return d.outcome()
	}
	d.load(body, text)
	kind := d.dec.PeekKind()
	switch {
	case kind == '{' && !batch:
		d.one(body, d.text)
	case kind == '[' && !single:
		if err := d.array(); err != nil {
			if !errors.Is(err, errSyntax) {
				return nil, err
			}
			if err := d.arraySlowly(body); err != nil {
				return nil, err
			}
		}
	case batch:
		return nil, usance.Errorf(usance.KindInvalid, "a batch of events is a JSON array")
	case single:
		return nil, usance.Errorf(usance.KindInvalid, "an event is a JSON object")
	default:
		return nil, usance.Errorf(usance.KindInvalid, "the body is neither a JSON object nor an array of them")
	}
	return d.outcome()
}

// errSyntax says that the walk cannot go on, or that an event is to be looked at
// more closely.
var errSyntax = errors.New("api: not the JSON of events")

// array walks an array of events whose JSON has no fault.
func (d *decoder) array() error {
	if _, err := d.dec.ReadToken(); err != nil {
		return errSyntax
	}
	d.events = make([]ledger.Incoming, 0, min(len(d.raw)/160+1, usance.MaxBatchEvents))
	for d.index = 0; d.dec.PeekKind() != ']'; d.index++ {
		if d.index == usance.MaxBatchEvents {
			return errTooMany
		}
		if d.dec.PeekKind() != '{' {
			return errSyntax
		}
		if err := d.object(); err != nil {
			return errSyntax
		}
	}
	if _, err := d.dec.ReadToken(); err != nil || !d.ended() {
		return errSyntax
	}
	return nil
}

// arraySlowly cuts the array into its values without looking into them, and reads
// each for itself, so that a fault in one does not hide those of the others.
func (d *decoder) arraySlowly(body []byte) error {
	d.events, d.faults = d.events[:0], nil
	var cut decoder
	cut.load(body, string(body), jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true))
	_, err := cut.dec.ReadToken()
	for d.index = 0; err == nil && cut.dec.PeekKind() != ']'; d.index++ {
		if d.index == usance.MaxBatchEvents {
			return errTooMany
		}
		raw, text, verr := cut.value()
		if verr != nil {
			d.events = append(d.events, ledger.Incoming{})
			d.fault("", "the JSON of the body is broken here: "+syntaxOf(verr))
			return nil
		}
		d.one(raw, text)
	}
	if err == nil {
		_, err = cut.dec.ReadToken()
	}
	if err != nil || !cut.ended() {
		d.events = append(d.events, ledger.Incoming{})
		d.fault("", "the JSON of the body is broken behind the last event")
	}
	return nil
}

// ended reports that nothing but blanks follows.
func (d *decoder) ended() bool {
	_, err := d.dec.ReadToken()
	return errors.Is(err, io.EOF)
}

// decodeLines reads one event a line; blank lines count for nothing.
func (d *decoder) decodeLines(body []byte) ([]ledger.Incoming, error) {
	text := string(body)
	d.events = make([]ledger.Incoming, 0, min(len(body)/160+1, usance.MaxBatchEvents))
	line := 0
	for start := 0; start < len(body); {
		end := start + bytes.IndexByte(body[start:], '\n')
		if end < start {
			end = len(body)
		}
		line++
		if raw := body[start:end]; len(bytes.TrimLeft(raw, " \t\r")) > 0 {
			if d.index == usance.MaxBatchEvents {
				return nil, errTooMany
			}
			d.line = line
			d.one(raw, text[start:end])
			d.index++
		}
		start = end + 1
	}
	d.line = 0
	return d.outcome()
}

// one reads a value that must be one event. A faulty one takes its place in
// events too, so that places and indexes agree.
func (d *decoder) one(raw []byte, text string) {
	before := len(d.events)
	if d.plainOne(raw, text) {
		return
	}
	d.load(raw, text)
	if d.dec.PeekKind() != '{' {
		d.fault("", "an event is a JSON object")
	} else if err := d.object(); err != nil {
		d.fault("", syntaxOf(err))
	} else if !d.ended() {
		d.fault("", "something follows the event")
	}
	if len(d.events) == before {
		d.events = append(d.events, ledger.Incoming{})
	}
}

// object reads the event that comes next. Its faults are noted; an error means
// that the JSON itself is at fault.
func (d *decoder) object() error {
	if _, err := d.dec.ReadToken(); err != nil {
		return err
	}
	start := d.dec.InputOffset() - 1
	d.events = append(d.events, ledger.Incoming{})
	e := &d.events[len(d.events)-1]
	e.Time, e.Node = d.now, usance.Root
	d.tail = attributes{}
	for d.dec.PeekKind() != '}' {
		name, nameText, err := d.value()
		if err != nil {
			return err
		}
		if err := d.member(e, unquoted(name, nameText)); err != nil {
			return err
		}
	}
	if _, err := d.dec.ReadToken(); err != nil {
		return err
	}
	if size := d.dec.InputOffset() - start; size > usance.MaxEventBytes {
		d.fault("", "the event has "+strconv.FormatInt(size, 10)+" bytes; at most "+strconv.Itoa(usance.MaxEventBytes)+" are taken")
	}
	d.finish()
	return nil
}

// syntaxOf says in short what is wrong with JSON.
func syntaxOf(err error) string {
	if errors.Is(err, jsontext.ErrDuplicateName) {
		name := "a member"
		if e, ok := errors.AsType[*jsontext.SyntacticError](err); ok {
			name = strconv.Quote(clipped(e.JSONPointer.LastToken()))
		}
		return name + " is there twice"
	}
	if errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, io.EOF) {
		return "the JSON ends early"
	}
	if e, ok := errors.AsType[*jsontext.SyntacticError](err); ok && e.Err != nil {
		switch text := e.Err.Error(); {
		case strings.Contains(text, "UTF-8"):
			return "not UTF-8"
		case strings.Contains(text, "depth"):
			return "nested too deep"
		}
	}
	return "not JSON"
}
