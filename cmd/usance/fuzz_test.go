package main

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"testing"

	jsonv2 "github.com/go-json-experiment/json"
)

// strictly reports JSON without repeated names and wrong UTF-8.
func strictly(text []byte) bool {
	var v any
	return jsonv2.Unmarshal(text, &v) == nil
}

// eventsOf reads a whole file of events: those there are, the lines of those that are
// none, and what ended the reading early.
func eventsOf(t *testing.T, data []byte) (events []rawEvent, bad []int, end error) {
	r, err := openEvents(bytes.NewReader(data))
	if err != nil {
		return nil, nil, err
	}
	defer r.Close()
	for {
		e, err := r.Next()
		if b, ok := errors.AsType[*badEvent](err); ok {
			if bad = append(bad, b.line); b.line < 1 || b.why == "" {
				t.Fatalf("line %d: %q", b.line, b.why)
			}
			continue
		}
		if errors.Is(err, io.EOF) {
			return events, bad, nil
		}
		if err != nil {
			return events, bad, err
		}
		events = append(events, rawEvent{bytes.Clone(e.json), e.line})
	}
}

// FuzzTheEventsOfAFileAreThoseOfItsLines compares the reader of usance ingest with one
// that has the whole file before it: nothing that is an event is lost or changed, nothing
// else passes for one, and each is known by its line.
func FuzzTheEventsOfAFileAreThoseOfItsLines(f *testing.F) {
	for _, s := range []string{"{}\n{\"a\":1}\n", "\n\n {\"a\": 1} \r\n[]\nx\n", "[]", " [ {\"a\": 1},\n{\"b\":[1, 2]}\n, 5 ]\n", "[{}] {}", "[{},", "[", "{\"a\":1,\"a\":2}\n", "[{\"a\":1,\"a\":2}]", "{\"a\":\"\xff\"}",
		"\x1f\x8b", "\x28\xb5\x2f\xfd", "", "[{\"a\":\"\xff\"}]", "{}", "null\n{}", "[null,{}]", "\u00a0{}\n"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		events, bad, end := eventsOf(t, data)
		if len(data) > 1 && data[0] == 0x1f && data[1] == 0x8b || bytes.HasPrefix(data, []byte{0x28, 0xb5, 0x2f, 0xfd}) {
			return // what is inside is read as what is outside
		}
		for _, e := range events {
			if !json.Valid(e.json) || e.json[0] != '{' || bytes.ContainsAny(e.json, "\n") {
				t.Fatalf("%q has the event %q", data, e.json)
			}
		}
		if bytes.HasPrefix(bytes.TrimLeft(data, " \t\r\n"), []byte("[")) {
			ofArray(t, data, events, len(bad), end)
			return
		}
		var want []rawEvent
		var none []int
		for i, line := range bytes.Split(data, []byte("\n")) {
			line = bytes.TrimSpace(line)
			switch {
			case len(line) == 0:
			case line[0] == '{' && strictly(line):
				want = append(want, rawEvent{line, i + 1})
			default:
				none = append(none, i+1)
			}
		}
		if end != nil || fmt.Sprint(events) != fmt.Sprint(want) || fmt.Sprint(bad) != fmt.Sprint(none) {
			t.Fatalf("%q has %v, bad %v, %v; want %v, bad %v", data, events, bad, end, want, none)
		}
	})
}

// ofArray compares the events of an array with those that the whole of it has.
func ofArray(t *testing.T, data []byte, events []rawEvent, bad int, end error) {
	t.Helper()
	if !strictly(data) {
		if end == nil {
			t.Fatalf("%q was read to its end: %v", data, events)
		}
		return
	}
	var all []json.RawMessage
	if err := json.Unmarshal(data, &all); err != nil || end != nil || len(events)+bad != len(all) {
		t.Fatalf("%q has %v and %d others, %v; it has %d, %v", data, events, bad, end, len(all), err)
	}
	i := 0
	for _, one := range all {
		if one[0] != '{' {
			continue
		}
		var compact bytes.Buffer
		if err := json.Compact(&compact, one); err != nil || !bytes.Equal(compact.Bytes(), events[i].json) {
			t.Fatalf("%q has the event %q instead of %q", data, events[i].json, compact.Bytes())
		}
		i++
	}
}

// FuzzAMasterKeyIsReadAsWritten holds that a key's text is its 64 digits and nothing
// less or more.
func FuzzAMasterKeyIsReadAsWritten(f *testing.F) {
	digits := strings.Repeat("0123456789abcdef", 4)
	for _, s := range []string{digits, digits + "\n", " \t" + strings.ToUpper(digits) + "\r\n", digits[1:], digits + "0", digits[:63] + "g", "", "0x" + digits, digits[:32] + " " + digits[32:]} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		key, err := parseMasterKey(text)
		if written := hex.EncodeToString(key[:]); err == nil && !strings.EqualFold(strings.TrimSpace(text), written) {
			t.Fatalf("%q is the key %s", text, written)
		}
		if err != nil && key != [32]byte{} {
			t.Fatalf("%q is no key, and yet %x", text, key)
		}
		again, err := parseMasterKey(hex.EncodeToString(key[:]) + "\n")
		if err != nil || again != key {
			t.Fatalf("%x is %x, %v", key, again, err)
		}
	})
}

// FuzzAConfigurationIsReadWholeOrRefused holds that what is taken from a configuration
// file is settings and texts, that they read the same when written as JSON (which is
// YAML), and that a file is refused in the same words each time.
func FuzzAConfigurationIsReadWholeOrRefused(f *testing.F) {
	list := []setting{{"listen", "", ""}, {"master-key", "", ""}, {"throttle", "", ""}, {"config", "", ""}}
	for _, s := range []string{"listen: 127.0.0.1:8080\nmaster_key: x\n", "throttle: off", "throttle: \"rtc=60/1m\"", "listen: 8080", "config: x", "master-key: x", "", "- a", "listen: [a]", "listen: &a x\nthrottle: *a\n",
		"listen: x\nlisten: y", "a: 1\nb: 2\nc: 3", "listen: !!binary aGk=", "listen: |\n  a\n  b\n", "? {a: b}\n: c", "listen: x\n---\nlisten: y\n", "<<: {listen: x}", "listen: ~"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		got, err := parseConfig("f.yaml", data, list)
		for range 2 {
			if again, same := parseConfig("f.yaml", data, list); fmt.Sprint(same) != fmt.Sprint(err) || !maps.Equal(again, got) {
				t.Fatalf("%q is %q, %v and then %q, %v", data, got, err, again, same)
			}
		}
		if err != nil {
			return
		}
		for key := range got {
			if key == "config" || !slices.ContainsFunc(list, func(s setting) bool { return s.key() == key }) {
				t.Fatalf("%q sets %q", data, key)
			}
		}
		written, err := json.Marshal(got)
		if err != nil {
			t.Fatal(err)
		}
		if again, err := parseConfig("f.yaml", written, list); err != nil || !maps.Equal(again, got) {
			t.Fatalf("%q is %q, written %s and then %q, %v", data, got, written, again, err)
		}
	})
}
