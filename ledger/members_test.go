package ledger

import (
	"bytes"
	"testing"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/usance/usance"
)

// decoded is what a real decoder finds in an object: its members by name, and
// whether it takes the text at all.
func decoded(data []byte) (list []member, ok bool) {
	dec := jsontext.NewDecoder(bytes.NewReader(data))
	if tok, err := dec.ReadToken(); err != nil || tok.Kind() != '{' {
		return nil, false
	}
	for dec.PeekKind() == '"' {
		name, err := dec.ReadToken()
		if err != nil {
			return nil, false
		}
		text := name.String()
		value, err := dec.ReadValue()
		if err != nil {
			return nil, false
		}
		list = append(list, member{text, string(value)})
	}
	if _, err := dec.ReadToken(); err != nil {
		return nil, false
	}
	_, err := dec.ReadToken()
	return list, err != nil && len(bytes.TrimLeft(data[dec.InputOffset():], " \t\r\n")) == 0
}

// FuzzMembers holds the walk through an event's data against a real decoder: of
// whatever that takes, both find the same; and nothing makes it fail.
func FuzzMembers(f *testing.F) {
	for _, s := range []string{
		`{}`, `{"a":1}`, ` { "a" : -1.5e3 , "b" : "x" } `, `{"a":{"b":[1,{"c":"}]\""}],"d":null}}`, `{"\u0061\n":"\ud83d\ude00\\"}`, `{"":""}`,
		`{"a":true,"b":false,"c":null,"d":[],"e":{}}`, `{"a"`, `{"a":}`, `{"a":1,}`, `{,}`, `{"a":"\`, `{"a":[}`, `[1]`, `"a"`, ``, `{"a":1]`, `{"a":]1}`,
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		got := members(nil, string(data))
		want, ok := decoded(data)
		if !ok {
			return
		}
		if len(got) != len(want) {
			t.Fatalf("%q: found %q, want %q", data, got, want)
		}
		x := newExtract(nil)
		x.data = string(data)
		for i := range want {
			if got[i] != want[i] {
				t.Fatalf("%q: found %q, want %q", data, got[i], want[i])
			}
			checkScalar(t, scalarOf(got[i].value), want[i].value)
			if want[i].name != "" && !bytes.ContainsRune([]byte(want[i].name), '.') {
				checkScalar(t, x.find(want[i].name), want[i].value)
			}
		}
	})
}

func checkScalar(t *testing.T, got usance.Scalar, value string) {
	t.Helper()
	raw := jsontext.Value(value)
	want := usance.Scalar{Kind: byte(raw.Kind()), Text: value}
	if want.Kind == '"' {
		text, err := jsontext.AppendUnquote(nil, raw)
		if err != nil {
			t.Fatal(err)
		}
		want.Text = string(text)
	}
	if got != want {
		t.Fatalf("%q is %q, want %q", value, got, want)
	}
}
