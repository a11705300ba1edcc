package api

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"mime"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	ce "github.com/cloudevents/sdk-go/v2/event"
	"github.com/cloudevents/sdk-go/v2/types"
	"pgregory.net/rapid"

	"github.com/usance/usance"
	"github.com/usance/usance/ledger"
)

// reference is a second decoder, slow and plain: encoding/json for the JSON and
// the CloudEvents SDK for the rules of attributes. It and the real one must agree
// on what is taken and what is in it. Where the SDK is wider or narrower than
// what is promised here, the difference is stated:
//
//   - sources and ids are any text that is not blank; the SDK wants a URL;
//   - names of extension attributes have no capitals; the SDK turns them small;
//   - numbers of extension attributes are whole; the SDK cuts fractions off;
//   - times are RFC 3339 to the letter; the SDK takes a comma before the fraction;
//   - data is a JSON object, compacted, at most 32 deep, in a JSON media type;
//   - null is as absent, and names are there once.
func reference(body []byte, now time.Time) (ledger.Incoming, error) {
	none := ledger.Incoming{}
	members, err := strictObject(body)
	if err != nil {
		return none, err
	}
	if len(bytes.TrimSpace(body)) > usance.MaxEventBytes {
		return none, errors.New("too large")
	}
	ctx := ce.EventContextV1{Extensions: map[string]any{}}
	out := ledger.Incoming{Event: usance.Event{Node: usance.Root, Time: now}}
	version := ""
	var data []byte
	hasData := 0
	for name, raw := range members {
		var v any
		dec := json.NewDecoder(bytes.NewReader(raw))
		dec.UseNumber()
		if err := dec.Decode(&v); err != nil {
			return none, err
		}
		if v == nil {
			if name == "data" || name == "data_base64" {
				continue
			}
			if !standard(name) {
				if err := ctx.SetExtension(name, ""); err != nil || strings.ToLower(name) != name {
					return none, fmt.Errorf("name %q", name)
				}
			}
			continue
		}
		if name == "data" {
			hasData++
			data = raw
			continue
		}
		text, isText := v.(string)
		if name == "data_base64" {
			hasData++
			if !isText {
				return none, errors.New("data_base64")
			}
			if data, err = base64.StdEncoding.DecodeString(text); err != nil {
				return none, err
			}
			continue
		}
		if standard(name) && !isText {
			return none, fmt.Errorf("%s is not a text", name)
		}
		switch name {
		case "specversion":
			version = text
		case "id":
			ctx.ID, out.ID = text, text
		case "source":
			out.Source = text
		case "type":
			ctx.Type, out.Type = text, text
		case "subject":
			ctx.Subject, out.Subject = &text, text
		case "datacontenttype":
			ctx.DataContentType = &text
		case "dataschema":
			u := types.ParseURI(text)
			if u == nil {
				return none, errors.New("dataschema")
			}
			ctx.DataSchema = u
		case "time":
			t, err := types.ParseTime(text)
			if err != nil || !rfc3339.MatchString(text) {
				return none, errors.New("time")
			}
			out.Time, out.Stated = t.UTC(), true
		case "node":
			out.Node = usance.Path(text)
			if err := out.Node.Check(); err != nil {
				return none, err
			}
		case "tenant":
			out.Tenant = usance.TenantID(text)
			if err := out.Tenant.Check(); err != nil {
				return none, err
			}
		default:
			if n, ok := v.(json.Number); ok {
				w, err := usance.WholeNumber(n.String())
				if err != nil || w > math.MaxInt32 || w < math.MinInt32 {
					return none, errors.New("number")
				}
				v = w
			}
			if err := ctx.SetExtension(name, v); err != nil || strings.ToLower(name) != name || len(name) > usance.MaxNameBytes {
				return none, fmt.Errorf("extension %q: %w", name, err)
			}
		}
	}
	if strings.TrimSpace(out.Source) == "" || version != "1.0" || hasData > 1 {
		return none, errors.New("source or specversion or data twice")
	}
	ctx.Source = types.URIRef{URL: url.URL{Path: "any"}}
	if err := (ce.Event{Context: &ctx}).Validate(); err != nil {
		return none, err
	}
	if hasData == 0 {
		return out, nil
	}
	if ctx.DataContentType != nil && !jsonMedia(*ctx.DataContentType) {
		return none, errors.New("datacontenttype")
	}
	if _, err := strictObject(data); err != nil {
		return none, err
	}
	if depthOf(data) > usance.MaxDataDepth {
		return none, errors.New("depth")
	}
	var compact bytes.Buffer
	if err := json.Compact(&compact, data); err != nil {
		return none, err
	}
	out.Data = compact.Bytes()
	return out, nil
}

var rfc3339 = regexp.MustCompile(`^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]([01]\d|2[0-3]):[0-5]\d)$`)

func jsonMedia(media string) bool {
	kind, params, err := mime.ParseMediaType(media)
	charset := params["charset"]
	return err == nil && (charset == "" || strings.EqualFold(charset, "utf-8")) && (strings.HasSuffix(kind, "/json") || strings.HasSuffix(kind, "+json"))
}

var loneSurrogate = regexp.MustCompile(`^\\u[dD][89abAB]`)

// strictObject reads an object, and refuses what encoding/json lets pass: names
// there twice at any depth, text that is not UTF-8, halves of surrogate pairs.
func strictObject(b []byte) (map[string]json.RawMessage, error) {
	if !utf8.Valid(b) || !json.Valid(b) {
		return nil, errors.New("not JSON")
	}
	for i := 0; i < len(b); i++ {
		if b[i] != '\\' {
			continue
		}
		if b[i+1] != 'u' {
			i++
			continue
		}
		high := loneSurrogate.Match(b[i:min(i+6, len(b))])
		low := regexp.MustCompile(`^\\u[dD][c-fC-F]`).Match(b[i:min(i+6, len(b))])
		switch {
		case low:
			return nil, errors.New("half a surrogate pair")
		case high:
			if !regexp.MustCompile(`^\\u[dD][c-fC-F]`).Match(b[min(i+6, len(b)):]) {
				return nil, errors.New("half a surrogate pair")
			}
			i += 11
		default:
			i += 5
		}
	}
	dec := json.NewDecoder(bytes.NewReader(b))
	dec.UseNumber()
	if err := noRepeats(dec); err != nil {
		return nil, err
	}
	var m map[string]json.RawMessage
	if err := json.Unmarshal(b, &m); err != nil || m == nil {
		return nil, errors.New("not an object")
	}
	return m, nil
}

func noRepeats(dec *json.Decoder) error {
	t, err := dec.Token()
	if err != nil {
		return err
	}
	switch t {
	case json.Delim('['):
		for dec.More() {
			if err := noRepeats(dec); err != nil {
				return err
			}
		}
	case json.Delim('{'):
		seen := map[string]bool{}
		for dec.More() {
			name, err := dec.Token()
			if err != nil {
				return err
			}
			if seen[name.(string)] {
				return errors.New("a name twice")
			}
			seen[name.(string)] = true
			if err := noRepeats(dec); err != nil {
				return err
			}
		}
	default:
		return nil
	}
	_, err = dec.Token()
	return err
}

func depthOf(b []byte) (deepest int) {
	dec := json.NewDecoder(bytes.NewReader(b))
	dec.UseNumber()
	depth := 0
	for {
		t, err := dec.Token()
		if err == io.EOF {
			return deepest
		}
		if err != nil {
			return math.MaxInt
		}
		switch t {
		case json.Delim('{'), json.Delim('['):
			depth++
		case json.Delim('}'), json.Delim(']'):
			depth--
		}
		deepest = max(deepest, depth)
	}
}

func decodeOne(body []byte) (ledger.Incoming, error) {
	events, err := newDecoder(noon).decodeJSON(body, true, false)
	if err != nil || len(events) != 1 {
		return ledger.Incoming{}, errors.Join(err, fmt.Errorf("%d events", len(events)))
	}
	return events[0], nil
}

func sameEvent(a, b ledger.Incoming) bool {
	return a.Tenant == b.Tenant && a.Source == b.Source && a.ID == b.ID && a.Type == b.Type && a.Subject == b.Subject &&
		a.Node == b.Node && a.Time.Equal(b.Time) && a.Stated == b.Stated && bytes.Equal(a.Data, b.Data)
}

// agree fails unless both decoders take the body for the same event, alone, in a
// batch and on a line, or both refuse it.
func agree(t interface {
	Helper()
	Fatalf(string, ...any)
}, body []byte) bool {
	t.Helper()
	want, wantErr := reference(body, noon)
	got, gotErr := decodeOne(body)
	if (wantErr == nil) != (gotErr == nil) {
		t.Fatalf("%s\nreference: %v\ndecoder:   %v", body, wantErr, gotErr)
	}
	if wantErr == nil && !sameEvent(got, want) {
		t.Fatalf("%s\nreference: %+v %s\ndecoder:   %+v %s", body, want, want.Data, got, got.Data)
	}
	batch, batchErr := newDecoder(noon).decodeJSON(slices.Concat([]byte(" [ "), body, []byte(" , "), body, []byte("\n]")), false, true)
	if (batchErr == nil) != (wantErr == nil) {
		// A broken body can still complete itself to JSON within brackets.
		if json.Valid(body) {
			t.Fatalf("%s\nalone: %v\nin a batch: %v", body, wantErr, batchErr)
		}
		return false
	}
	if wantErr != nil {
		return false
	}
	if len(batch) != 2 || !sameEvent(batch[0], want) || !sameEvent(batch[1], want) {
		t.Fatalf("%s\nin a batch: %+v", body, batch)
	}
	if !bytes.ContainsAny(body, "\n") {
		lines, err := newDecoder(noon).decodeLines(slices.Concat([]byte("\r\n"), body, []byte("\r\n"), body))
		if err != nil || len(lines) != 2 || !sameEvent(lines[1], want) {
			t.Fatalf("%s\non lines: %+v %v", body, lines, err)
		}
	}
	return true
}

const plain = `{"specversion":"1.0","id":"1","source":"s","type":"t"}`

// corpus is bodies one by one chosen, and what is to become of them.
func corpus() map[string]bool {
	with := func(more string) string { return plain[:len(plain)-1] + "," + more + "}" }
	return map[string]bool{
		plain:                                 true,
		" \t\r\n" + plain + "\n ":             true,
		with(`"subject":"u"`):                 true,
		with(`"subject":""`):                  false,
		with(`"subject":" "`):                 false,
		with(`"subject":null`):                true,
		with(`"subject":7`):                   false,
		with(`"time":"2026-01-31T08:00:00Z"`): true,
		with(`"time":"2026-01-31T08:00:00.123456789+05:45"`): true,
		with(`"time":"2026-01-31T08:00:00,5Z"`):              false,
		with(`"time":"2026-01-31 08:00:00Z"`):                false,
		with(`"time":"2026-01-31T8:00:00Z"`):                 false,
		with(`"time":"2026-02-30T08:00:00Z"`):                false,
		with(`"time":"2026-01-31T08:00:00"`):                 false,
		with(`"time":"0000-01-01T00:00:00Z"`):                true, // the ledger has bounds of its own
		with(`"time":""`):                                    false,
		with(`"time":1767225600`):                            false,
		with(`"node":"/a/b"`):                                true,
		with(`"node":""`):                                    false,
		with(`"node":"/a/../b"`):                             false,
		with(`"node":"a"`):                                   false,
		with(`"tenant":"acme"`):                              true,
		with(`"tenant":"~system"`):                           false,
		with(`"data":{}`):                                    true,
		with(`"data":{ "b" : 1 , "a" : [ "x y" , { } ] }`):   true,
		with(`"data":{"a":1,"a":2}`):                         false,
		with(`"data":{"a":{"b":1,"\u0062":2}}`):              false,
		with(`"data":null`):                                  true,
		with(`"data":[]`):                                    false,
		with(`"data":"x"`):                                   false,
		with(`"data":5`):                                     false,
		with(`"data":{"a":` + strings.Repeat("[", 31) + strings.Repeat("]", 31) + `}`):         true,
		with(`"data":{"a":` + strings.Repeat("[", 32) + strings.Repeat("]", 32) + `}`):         false,
		with(`"data":{"a":` + strings.Repeat("[", 20_000) + strings.Repeat("]", 20_000) + `}`): false,
		with(`"data":{"a":"` + strings.Repeat("x", usance.MaxEventBytes) + `"}`):               false,
		with(`"data":{"n":9223372036854775808,"f":1e400}`):                                     true,
		with(`"data_base64":"eyJhIjoxfQ=="`):                                                   true,
		with(`"data_base64":" eyJhIjoxfQ=="`):                                                  false,
		with(`"data_base64":"W10="`):                                                           false,
		with(`"data_base64":"eyJhIjoxLCJhIjoyfQ=="`):                                           false,
		with(`"data_base64":"!"`):                                                              false,
		with(`"data_base64":7`):                                                                false,
		with(`"data_base64":null`):                                                             true,
		with(`"data":{},"data_base64":"e30="`):                                                 false,
		with(`"datacontenttype":"application/json","data":{}`):                                 true,
		with(`"data":{},"datacontenttype":"application/vnd.x+json; charset=UTF-8"`):            true,
		with(`"data":{},"datacontenttype":"text/plain"`):                                       false,
		with(`"datacontenttype":"text/plain"`):                                                 true,
		with(`"datacontenttype":""`):                                                           false,
		with(`"datacontenttype":"a b c"`):                                                      false,
		with(`"dataschema":"https://example.com/s"`):                                           true,
		with(`"dataschema":"relative"`):                                                        false,
		with(`"dataschema":""`):                                                                false,
		with(`"myext":"x","other2":true,"third":-5,"fourth":null`):                             true,
		with(`"myExt":"x"`):                                                                    false,
		with(`"my_ext":"x"`):                                                                   false,
		with(`"my-ext":null`):                                                                  false,
		with(`"":"x"`):                                                                         false,
		with(`"myext":{}`):                                                                     false,
		with(`"myext":[1]`):                                                                    false,
		with(`"myext":2147483648`):                                                             false,
		with(`"myext":1.5`):                                                                    false,
		with(`"\u006dyext":"x"`):                                                               true,
		with(`"id":"2"`):                                                                       false,
		with(`"\u0069d":"2"`):                                                                  false,
		`{"specversion":"1.0","id":"\u0031 \"\\\n","source":"s","type":"t"}`:                   true,
		`{"specversion":"1.0","id":"\ud83d\ude00","source":"s","type":"t"}`:                    true,
		`{"specversion":"1.0","id":"\ud83d","source":"s","type":"t"}`:                          false,
		`{"specversion":"1.0","id":"` + "\xff" + `","source":"s","type":"t"}`:                  false,
		`{"specversion":"0.3","id":"1","source":"s","type":"t"}`:                               false,
		`{"specversion":1.0,"id":"1","source":"s","type":"t"}`:                                 false,
		`{"id":"1","source":"s","type":"t"}`:                                                   false,
		`{"specversion":"1.0","id":"","source":"s","type":"t"}`:                                false,
		`{"specversion":"1.0","id":" ","source":"s","type":"t"}`:                               false,
		`{"specversion":"1.0","id":null,"source":"s","type":"t"}`:                              false,
		`{"specversion":"1.0","id":"1","source":"","type":"t"}`:                                false,
		`{"specversion":"1.0","id":"1","source":"%zz a\u0000b","type":"t"}`:                    true,
		`{"specversion":"1.0","id":"1","source":"s","type":""}`:                                false,
		`{"type":"t","source":"s","id":"1","specversion":"1.0"}`:                               true,
		`{}`:                     false,
		``:                       false,
		`null`:                   false,
		`[]`:                     false,
		`"x"`:                    false,
		plain[:len(plain)-1]:     false,
		plain + plain:            false,
		plain + "x":              false,
		`{"specversion":"1.0",}`: false,
		`{'a':1}`:                false,
	}
}

func TestTheDecoderAgreesWithTheReference(t *testing.T) {
	for body, want := range corpus() {
		if got := agree(t, []byte(body)); got != want {
			t.Errorf("%.200s is taken: %v", body, got)
		}
	}
}

func FuzzDecode(f *testing.F) {
	for body := range corpus() {
		f.Add([]byte(body))
	}
	f.Fuzz(func(t *testing.T, body []byte) { agree(t, body) })
}

// genObject makes JSON objects with blanks, escapes and nesting.
func genObject(t *rapid.T) string {
	var value func(depth int) string
	blank := rapid.SampledFrom([]string{"", "", " ", "\t", "\r\n"})
	value = func(depth int) string {
		kind := rapid.IntRange(0, 5).Draw(t, "kind")
		if depth > 4 {
			kind = kind % 4
		}
		switch kind {
		case 0:
			return fmt.Sprint(rapid.Int64().Draw(t, "n"))
		case 1:
			b, _ := json.Marshal(rapid.String().Draw(t, "s"))
			return string(b)
		case 2:
			return rapid.SampledFrom([]string{"true", "false", "null", "1.50", "-0", "1e5", `"\u00e9\/"`}).Draw(t, "lit")
		case 3:
			return "{}"
		case 4:
			return "[" + blank.Draw(t, "w") + value(depth+1) + blank.Draw(t, "w") + "," + value(depth+1) + "]"
		}
		return "{" + blank.Draw(t, "w") + `"k"` + blank.Draw(t, "w") + ":" + value(depth+1) + `,"l":` + value(depth+1) + blank.Draw(t, "w") + "}"
	}
	return "{" + blank.Draw(t, "w") + `"top"` + ":" + value(0) + blank.Draw(t, "w") + "}"
}

func TestAnyEventIsDecodedAsTheReferenceDoes(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := func(label string) string {
			b, _ := json.Marshal(rapid.String().Draw(t, label))
			return string(b)
		}
		members := []string{`"specversion":"1.0"`, `"id":` + text("id"), `"source":` + text("source"), `"type":` + text("type")}
		if rapid.Bool().Draw(t, "with data") {
			members = append(members, `"data":`+genObject(t))
		}
		if rapid.Bool().Draw(t, "with time") {
			at := time.Unix(rapid.Int64Range(0, 4e9).Draw(t, "sec"), rapid.Int64Range(0, 1e9-1).Draw(t, "ns")).In(time.FixedZone("", rapid.IntRange(-50, 56).Draw(t, "zone")*900))
			members = append(members, `"time":"`+at.Format(time.RFC3339Nano)+`"`)
		}
		if rapid.Bool().Draw(t, "with extension") {
			name, _ := json.Marshal(rapid.StringMatching(`[a-zA-Z0-9_]{1,8}`).Draw(t, "name"))
			members = append(members, string(name)+":"+rapid.SampledFrom([]string{`"x"`, "1", "true", "null", "{}"}).Draw(t, "value"))
		}
		members = rapid.Permutation(members).Draw(t, "order")
		agree(t, []byte("{"+strings.Join(members, ",")+"}"))
	})
}

// However deep a body is nested, it is answered: the walk over plain events goes
// no deeper than data may be.
func TestDeepBodiesAreRefusedNotFollowed(t *testing.T) {
	deep := plain[:len(plain)-1] + (`,"data":` + strings.Repeat(`{"a":`, 3_000_000) + "1" + strings.Repeat("}", 3_000_000) + "}")
	if _, err := decodeOne([]byte(deep)); err == nil {
		t.Error("a body three million deep was taken")
	}
	if _, err := newDecoder(noon).decodeJSON([]byte("["+deep+"]"), false, true); err == nil {
		t.Error("a batch three million deep was taken")
	}
}
