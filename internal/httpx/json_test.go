package httpx

import (
	stdjson "encoding/json"
	"errors"
	"math"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"

	"github.com/usance/usance"
)

type inner struct {
	Bytes int32  `json:"bytes"`
	Path  string `json:"path"`
}

type sample struct {
	Name  string  `json:"name"`
	Nodes []inner `json:"nodes"`
	Data  any     `json:"data,omitempty"`
}

func TestStrictJSONSaysWhatIsWrongAndWhere(t *testing.T) {
	for _, c := range []struct{ name, in, field, detail string }{
		{"duplicate", `{"name":"a","name":"b"}`, "name", "the member is there twice"},
		{"duplicate, deep in free data", `{"data":{"x":[{"y":1,"y":2}]}}`, "data.x[0].y", "the member is there twice"},
		{"not UTF-8", "{\"name\":\"\xff\"}", "name", "not UTF-8"},
		{"unknown", `{"name":"a","nom":"b"}`, "nom", "there is no such member"},
		{"another case", `{"Name":"a"}`, "Name", "there is no such member"},
		{"wrong type", `{"nodes":[{"path":"/"},{"bytes":"7"}]}`, "nodes[1].bytes", "this cannot be a string, or not this one"},
		{"out of range", `{"nodes":[{"bytes":3000000000}]}`, "nodes[0].bytes", "the number is out of range"},
		{"ends early", `{"name":"a"`, "", "the JSON ends early"},
		{"rest", `{} {}`, "", "not JSON"},
		{"not JSON", `{name:"a"}`, "", "not JSON"},
	} {
		var v sample
		err := DecodeJSON([]byte(c.in), &v, JSONRules{})
		e, ok := errors.AsType[*usance.Error](err)
		if !ok || e.Kind != usance.KindInvalid || len(e.Fields) != 1 {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		f := e.Fields[0]
		if f.Detail != c.detail || f.Index != -1 || f.Line != 1 || f.Field != c.field {
			t.Errorf("%s: %+v", c.name, f)
		}
		if strings.Contains(e.Detail+f.Detail, "httpx") || strings.Contains(e.Detail+f.Detail, "int32") {
			t.Errorf("%s: Go types in %v", c.name, e)
		}
	}
	for _, empty := range []string{"", " \n"} {
		if err := DecodeJSON([]byte(empty), new(sample), JSONRules{}); usance.KindOf(err) != usance.KindInvalid {
			t.Errorf("%q: %v", empty, err)
		}
	}
}

func TestFaultsKnowTheirLine(t *testing.T) {
	err := DecodeJSON([]byte("{\n\"name\": \"a\",\n\"nom\": 1\n}"), new(sample), JSONRules{})
	e, ok := errors.AsType[*usance.Error](err)
	if !ok || e.Fields[0].Line != 3 {
		t.Fatalf("%+v", err)
	}
}

func TestUnknownMembersPassWhereAllowed(t *testing.T) {
	var v sample
	if err := DecodeJSON([]byte(`{"nom":{"x":1},"name":"a"}`), &v, JSONRules{AllowUnknown: true}); err != nil || v.Name != "a" {
		t.Fatalf("%+v %v", v, err)
	}
	if err := DecodeJSON([]byte(`{"nom":{"x":1,"x":2}}`), &v, JSONRules{AllowUnknown: true}); err == nil {
		t.Fatal("duplicates pass in an unknown member")
	}
}

func TestDepthIsBounded(t *testing.T) {
	nested := func(open, end string, n int) []byte {
		return []byte(strings.Repeat(open, n) + "1" + strings.Repeat(end, n))
	}
	for _, c := range []struct {
		data []byte
		max  int
		ok   bool
	}{
		{nested("[", "]", usance.MaxDataDepth), 0, true},
		{nested("[", "]", usance.MaxDataDepth+1), 0, false},
		{nested(`{"a":`, "}", 3), 3, true},
		{nested(`{"a":`, "}", 4), 3, false},
		{nested("[", "]", 1_000_000), 0, false},
		{[]byte(`["[[[[","\"[[[[","\\"]`), 1, true},
		{[]byte(`[[],[],[]]`), 2, true},
	} {
		var v any
		if err := DecodeJSON(c.data, &v, JSONRules{MaxDepth: c.max}); (err == nil) != c.ok {
			t.Errorf("%.40s to %d: %v", c.data, c.max, err)
		}
	}
}

func TestJSONIsWrittenPlainWithItsLength(t *testing.T) {
	w := httptest.NewRecorder()
	v := map[string]any{"b": "<&>\u2028", "a": []string(nil), "c": "\xff"}
	if err := WriteJSON(w, 201, v); err != nil {
		t.Fatal(err)
	}
	want := "{\"a\":[],\"b\":\"<&>\u2028\",\"c\":\"\ufffd\"}"
	h := w.Header()
	if w.Code != 201 || w.Body.String() != want || h.Get("Content-Length") != strconv.Itoa(len(want)) || h.Get("Content-Type") != "application/json" {
		t.Fatalf("%d %q %v", w.Code, w.Body, h)
	}
	w = httptest.NewRecorder()
	w.Header().Set("Content-Type", "application/problem+json")
	if err := WriteJSON(w, 400, struct{}{}); err != nil || w.Header().Get("Content-Type") != "application/problem+json" || w.Body.String() != "{}" {
		t.Fatalf("%v %q", w.Header(), w.Body)
	}
}

func TestWhatCannotBeEncodedWritesNothing(t *testing.T) {
	w := httptest.NewRecorder()
	if err := WriteJSON(w, 200, map[string]any{"a": math.NaN()}); err == nil || w.Body.Len() != 0 || len(w.Header()) != 0 {
		t.Fatalf("%v %q %v", err, w.Body, w.Header())
	}
}

func FuzzDecodeJSON(f *testing.F) {
	f.Add([]byte(`{"name":"a","nodes":[{"bytes":1}],"data":{"x":["\u00e9"]}}`))
	f.Add([]byte("[[\"\\\"\xff]"))
	f.Fuzz(func(t *testing.T, data []byte) {
		var v any
		err := DecodeJSON(data, &v, JSONRules{AllowUnknown: true})
		if err != nil {
			if usance.KindOf(err) != usance.KindInvalid {
				t.Fatal(err)
			}
			return
		}
		if !stdjson.Valid(data) {
			t.Fatalf("%q is accepted", data)
		}
		again, err := AppendJSON(nil, v)
		if err != nil {
			t.Fatal(err)
		}
		if err := DecodeJSON(again, &v, JSONRules{}); err != nil {
			t.Fatalf("%q, written %q: %v", data, again, err)
		}
	})
}
