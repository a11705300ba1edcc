package httpx

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/usance/usance"
)

// JSONRules says how strictly DecodeJSON reads. The zero value is the strictest.
type JSONRules struct {
	AllowUnknown bool // let members pass that the Go value has no field for
	MaxDepth     int  // nesting of objects and arrays; 0 means usance.MaxDataDepth
}

// DecodeJSON reads exactly one JSON value into v. It refuses duplicate names,
// text that is not UTF-8, names in another case, nesting over the bound, and
// anything after the value. Every failure is a *usance.Error of KindInvalid whose
// Fields say where; it quotes nothing of the input but member names, and v is then
// in no defined state.
func DecodeJSON(data []byte, v any, rules JSONRules) error {
	if len(bytes.TrimLeft(data, " \t\r\n")) == 0 {
		return usance.Errorf(usance.KindInvalid, "the body is empty; it must be JSON")
	}
	if rules.MaxDepth <= 0 {
		rules.MaxDepth = usance.MaxDataDepth
	}
	if err := CheckDepth(data, rules.MaxDepth); err != nil {
		return err
	}
	if err := json.Unmarshal(data, v, json.RejectUnknownMembers(!rules.AllowUnknown)); err != nil {
		return explain(data, err)
	}
	return nil
}

// CheckDepth returns a KindInvalid error when JSON text nests objects and arrays
// more than limit deep, and otherwise nil. Text that is not JSON has no depth: it
// is the decoder's to refuse.
func CheckDepth(data []byte, limit int) error {
	depth := 0
	for i := 0; i < len(data); i++ {
		switch data[i] {
		case '{', '[':
			if depth++; depth > limit {
				return place(data, int64(i), "", "nested more than "+strconv.Itoa(limit)+" deep", nil)
			}
		case '}', ']':
			depth--
		case '"':
			for i++; i < len(data) && data[i] != '"'; i++ {
				if data[i] == '\\' {
					i++
				}
			}
		}
	}
	return nil
}

// explain translates the decoder's errors, whose texts name Go types.
func explain(data []byte, err error) error {
	if e, ok := errors.AsType[*json.SemanticError](err); ok {
		return place(data, e.ByteOffset, e.JSONPointer, semanticDetail(e), err)
	}
	if e, ok := errors.AsType[*jsontext.SyntacticError](err); ok {
		detail := "not JSON"
		switch {
		case errors.Is(err, jsontext.ErrDuplicateName):
			detail = "the member is there twice"
		case errors.Is(err, io.ErrUnexpectedEOF):
			detail = "the JSON ends early"
		case !utf8.Valid(data):
			detail = "not UTF-8"
		}
		return place(data, e.ByteOffset, e.JSONPointer, detail, err)
	}
	return place(data, int64(len(data)), "", "the JSON ends early", err)
}

func semanticDetail(e *json.SemanticError) string {
	if errors.Is(e.Err, json.ErrUnknownName) {
		return "there is no such member"
	}
	if own, ok := errors.AsType[*usance.Error](e.Err); ok {
		return own.Detail
	}
	if errors.Is(e.Err, strconv.ErrRange) {
		return "the number is out of range"
	}
	kinds := map[jsontext.Kind]string{'n': "null", 'f': "false", 't': "true", '"': "a string", '0': "a number", '{': "an object", '[': "an array"}
	if name := kinds[e.JSONKind]; name != "" {
		return "this cannot be " + name + ", or not this one"
	}
	return "not what belongs here"
}

func place(data []byte, offset int64, at jsontext.Pointer, detail string, cause error) *usance.Error {
	offset = min(max(offset, 0), int64(len(data)))
	return &usance.Error{Kind: usance.KindInvalid, Detail: "the body is not the JSON expected here", Err: cause, Fields: []usance.FieldError{{
		Index: -1, Field: fieldName(at), Line: 1 + bytes.Count(data[:offset], []byte{'\n'}), Detail: detail,
	}}}
}

// fieldName writes a JSON pointer as Usance writes places: tenants[0].nodes[2].path.
func fieldName(p jsontext.Pointer) string {
	var b strings.Builder
	for token := range p.Tokens() {
		if index, err := strconv.ParseUint(token, 10, 32); err == nil {
			b.WriteString("[" + strconv.FormatUint(index, 10) + "]")
			continue
		}
		if b.Len() > 0 {
			b.WriteByte('.')
		}
		b.WriteString(token)
		if b.Len() > usance.MaxNameBytes {
			return strings.ToValidUTF8(b.String()[:usance.MaxNameBytes], "") + "…"
		}
	}
	return b.String()
}

// AppendJSON appends v as JSON: no HTML escaping, maps in sorted order, nil slices
// and maps as empty ones, bytes that are not UTF-8 as U+FFFD.
func AppendJSON(dst []byte, v any) ([]byte, error) {
	buf := bytes.NewBuffer(dst)
	err := json.MarshalWrite(buf, v, json.Deterministic(true), jsontext.AllowInvalidUTF8(true))
	return buf.Bytes(), err
}

// Encoded is JSON already, which WriteJSON sends as it is.
type Encoded []byte

// WriteJSON answers with v as JSON and its Content-Length. Content-Type is
// application/json unless it is set already. When v cannot be encoded it returns
// the error and has written nothing; it returns no error of the connection, which
// nobody is left to hear of.
func WriteJSON(w http.ResponseWriter, status int, v any) error {
	body, encoded := v.(Encoded)
	if !encoded {
		var err error
		if body, err = AppendJSON(make([]byte, 0, 512), v); err != nil {
			return err
		}
	}
	if len(w.Header()["Content-Type"]) == 0 {
		SetHeader(w, "Content-Type", "application/json")
	}
	WriteBytes(w, status, body)
	return nil
}

// WriteBytes answers with the body and its Content-Length; other headers are the
// caller's to set before.
func WriteBytes(w http.ResponseWriter, status int, body []byte) {
	SetHeader(w, "Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(status)
	_, _ = w.Write(body) // the caller has gone when this fails
}
