package api

import (
	"fmt"
	"net/http"
	"reflect"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/go-json-experiment/json"

	"github.com/usance/usance"
)

// headerValue writes a text as the HTTP binding of CloudEvents has it: what is not
// printable ASCII, blanks, double quotes and percent signs are percent-encoded.
func headerValue(text string) string {
	var b strings.Builder
	for _, c := range []byte(text) {
		if c <= ' ' || c == '"' || c == '%' || c > '~' {
			fmt.Fprintf(&b, "%%%02X", c)
		} else {
			b.WriteByte(c)
		}
	}
	return b.String()
}

// FuzzABinaryEventIsTheStructuredOne sends one event both ways, as headers and as JSON:
// either both are taken, and are the same event, or neither is.
func FuzzABinaryEventIsTheStructuredOne(f *testing.F) {
	f.Add("e1", "src", "llm", "2026-03-01T10:00:00Z", "u1", "/a", "traceid", "x", []byte(`{"n":1}`))
	f.Add("Euro € 😀", "a \"b\" %25", "t", "2026-03-01T10:00:00+05:45", "", "", "", "", []byte(""))
	f.Add("", "", "", "today", "\x00", "a", "Ce-id", "", []byte(`{"n":1,"n":2}`))
	f.Add("x", "s", "t", "2026-03-01T24:00:00Z", "100% of %zz%4", "/a//b", "tenant", "acme", []byte(" [1] "))
	f.Add("x", "s", "t", "2026-03-01T10:00:00Z", "s", "/a", "dataschema", "urn:x", []byte(`{"a":{"b":[1.50,"\u00e9"]}}`))
	f.Fuzz(func(t *testing.T, id, source, kind, at, subject, node, name, value string, data []byte) {
		attributes := map[string]string{"specversion": "1.0", "id": id, "source": source, "type": kind}
		for n, v := range map[string]string{"time": at, "subject": subject, "node": node, name: value} {
			if n != "" && v != "" {
				attributes[n] = v
			}
		}
		h, members := http.Header{}, map[string]any{}
		for n, v := range attributes {
			key := http.CanonicalHeaderKey("Ce-" + n)
			if n != strings.ToLower(n) || n == "data" || n == "data_base64" || n == "datacontenttype" || !utf8.ValidString(n+v) || strings.Contains(key, " ") || len(h[key]) > 0 {
				return // a name that headers and JSON do not spell alike
			}
			h[key], members[n] = []string{headerValue(v)}, v
		}
		binary, binaryErr := newDecoder(noon).decodeBinary(h, data)
		blank := strings.Trim(string(data), " \t\r\n") == ""
		var v any
		if err := json.Unmarshal(data, &v); !blank && (err != nil || v == nil) {
			if binaryErr == nil { // null is no data in JSON, and a body that is no object
				t.Fatalf("the body %q was taken", data)
			}
			return
		}
		body, err := json.Marshal(members, json.Deterministic(true))
		if err != nil {
			t.Fatal(err)
		}
		if !blank {
			body = append(append(append(body[:len(body)-1], `,"data":`...), data...), '}')
		}
		structured, structuredErr := newDecoder(noon).decodeJSON(body, true, false)
		if (binaryErr == nil) != (structuredErr == nil) {
			if len(body) > usance.MaxEventBytes/2 {
				return // the two texts are not equally long
			}
			t.Fatalf("%q with %q: as headers %v, as %s %v", attributes, data, binaryErr, body, structuredErr)
		}
		if binaryErr == nil && !reflect.DeepEqual(binary, structured) {
			t.Fatalf("%q with %q: as headers %+v, as JSON %+v", attributes, data, binary, structured)
		}
	})
}
