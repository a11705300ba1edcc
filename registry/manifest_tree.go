package registry

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/lexer"
	"github.com/goccy/go-yaml/parser"
	"github.com/goccy/go-yaml/token"

	"github.com/usance/usance"
)

// The bounds of a manifest's form. The YAML parser takes some eighty times a
// document's size in memory and recurses as deep as the document does, so YAML
// is held to a smaller size than JSON and to a depth checked on its tokens.
const (
	maxYAMLBytes  = 8 << 20
	maxYAMLNest   = 16        // flow brackets and indentation
	maxYAMLLine   = 8         // entry marks on one line
	maxTreeNodes  = 4_000_000 // values of one manifest, aliases expanded
	maxTreeDepth  = 16
	maxTreeFaults = 100 // faults reported of one manifest
)

// tree is a manifest's value with its place, whichever of YAML and JSON it was
// written in.
type tree struct {
	kind    byte // '{', '[', '"' for a text, '0' for a bare scalar, 'n' for null
	line    int
	text    string // of '"' and '0', as written
	members []member
	items   []*tree
}

type member struct {
	name  string
	line  int
	value *tree
}

func lineFault(line int, format string, args ...any) error {
	return &usance.Error{Kind: usance.KindInvalid, Detail: "the manifest is refused", Fields: []usance.FieldError{
		{Index: -1, Line: line, Detail: fmt.Sprintf(format, args...)}}}
}

// parseTree reads YAML or JSON.
func parseTree(data []byte) (*tree, error) {
	if len(data) > usance.MaxManifestBytes {
		return nil, usance.Errorf(usance.KindTooLarge, "a manifest has at most %d bytes", usance.MaxManifestBytes)
	}
	data = bytes.TrimPrefix(data, []byte("\xEF\xBB\xBF"))
	for line, rest := 1, data; len(rest) > 0; line++ {
		text, after, _ := bytes.Cut(rest, []byte("\n"))
		if !utf8.Valid(text) {
			return nil, lineFault(line, "the text is not UTF-8")
		}
		rest = after
	}
	if first := bytes.TrimLeft(data, " \t\r\n"); len(first) > 0 && first[0] == '{' {
		t, err := parseJSON(data)
		if err == nil || len(data) > maxYAMLBytes {
			return t, err
		}
		// It may still be YAML in flow style.
		if t, yamlErr := parseYAML(data); yamlErr == nil {
			return t, nil
		}
		return nil, err
	}
	return parseYAML(data)
}

// jsonTree builds a tree from JSON tokens.
type jsonTree struct {
	dec  *jsontext.Decoder
	data []byte
	line int
	upTo int64
	left int
}

func parseJSON(data []byte) (*tree, error) {
	j := &jsonTree{dec: jsontext.NewDecoder(bytes.NewReader(data), jsontext.AllowDuplicateNames(true)), data: data, line: 1, left: maxTreeNodes}
	t, err := j.value(0)
	if err == nil {
		if _, more := j.dec.ReadToken(); !errors.Is(more, io.EOF) {
			err = lineFault(j.here(), "there is something after the end of the document")
		}
	}
	return t, err
}

// here is the line of what was read last.
func (j *jsonTree) here() int {
	at := min(j.dec.InputOffset(), int64(len(j.data)))
	j.line += bytes.Count(j.data[j.upTo:at], []byte("\n"))
	j.upTo = at
	return j.line
}

func (j *jsonTree) token() (jsontext.Token, error) {
	tok, err := j.dec.ReadToken()
	if err == nil {
		return tok, nil
	}
	if s, ok := errors.AsType[*jsontext.SyntacticError](err); ok {
		return tok, lineFault(1+bytes.Count(j.data[:min(s.ByteOffset, int64(len(j.data)))], []byte("\n")), "this is not JSON: %v", s.Err)
	}
	return tok, lineFault(j.here(), "the document ends too early")
}

func (j *jsonTree) value(depth int) (*tree, error) {
	tok, err := j.token()
	if err != nil {
		return nil, err
	}
	t := &tree{kind: byte(tok.Kind()), line: j.here()}
	if j.left--; j.left < 0 || depth > maxTreeDepth {
		return nil, lineFault(t.line, "the manifest is nested too deeply or has too many values")
	}
	switch t.kind {
	case '{':
		for j.dec.PeekKind() != '}' {
			name, err := j.token()
			if err != nil {
				return nil, err
			}
			m := member{name: name.String(), line: j.here()}
			if m.value, err = j.value(depth + 1); err != nil {
				return nil, err
			}
			t.members = append(t.members, m)
		}
		_, err = j.token()
	case '[':
		for j.dec.PeekKind() != ']' {
			item, err := j.value(depth + 1)
			if err != nil {
				return nil, err
			}
			t.items = append(t.items, item)
		}
		_, err = j.token()
	case '"':
		t.text = tok.String()
	case 't', 'f', '0':
		t.kind, t.text = '0', tok.String()
	}
	return t, err
}

// yamlTree builds a tree from a YAML document.
type yamlTree struct {
	anchors map[string]ast.Node
	left    int
}

func parseYAML(data []byte) (*tree, error) {
	if len(data) > maxYAMLBytes {
		return nil, usance.Errorf(usance.KindTooLarge, "a manifest in YAML has at most %d bytes; in JSON it may have %d", maxYAMLBytes, usance.MaxManifestBytes)
	}
	// YAML takes all three for line breaks, and the lexer counts some of them twice.
	data = bytes.ReplaceAll(bytes.ReplaceAll(data, []byte("\r\n"), []byte("\n")), []byte("\r"), []byte("\n"))
	tokens := lexer.Tokenize(string(data))
	if err := checkTokens(tokens); err != nil {
		return nil, err
	}
	file, err := parser.Parse(tokens, 0, parser.AllowDuplicateMapKey())
	if err != nil {
		if s, ok := errors.AsType[*yaml.SyntaxError](err); ok && s.Token != nil && s.Token.Position != nil {
			return nil, lineFault(s.Token.Position.Line, "this is not YAML: %s", s.Message)
		}
		return nil, lineFault(1, "this is not YAML")
	}
	var body ast.Node
	for _, doc := range file.Docs {
		if doc.Body == nil || doc.Body.Type() == ast.CommentType || doc.Body.Type() == ast.CommentGroupType {
			continue
		}
		if body != nil {
			return nil, lineFault(lineOf(doc.Body), "a manifest is one document")
		}
		body = doc.Body
	}
	if body == nil {
		return nil, lineFault(1, "the manifest is empty")
	}
	y := &yamlTree{anchors: map[string]ast.Node{}, left: maxTreeNodes}
	return y.value(body, 0)
}

// checkTokens bounds what the parser will have to recurse into.
func checkTokens(tokens token.Tokens) error {
	flow, line, marks := 0, 0, 0
	var columns []int
	for _, t := range tokens {
		if t.Position.Line != line {
			line, marks = t.Position.Line, 0
			if flow == 0 {
				for len(columns) > 0 && columns[len(columns)-1] >= t.Position.Column {
					columns = columns[:len(columns)-1]
				}
				columns = append(columns, t.Position.Column)
			}
		}
		switch t.Type {
		case token.MappingStartType, token.SequenceStartType:
			flow++
		case token.MappingEndType, token.SequenceEndType:
			flow--
		case token.SequenceEntryType, token.MappingKeyType:
			marks++
		case token.TagType, token.DirectiveType:
			return lineFault(line, "YAML tags and directives are not used in a manifest")
		case token.InvalidType:
			return lineFault(line, "this is not YAML: %s", t.Error)
		}
		if flow > maxYAMLNest || len(columns) > maxYAMLNest || marks > maxYAMLLine {
			return lineFault(line, "the manifest is nested too deeply")
		}
	}
	return nil
}

func lineOf(n ast.Node) int {
	if t := n.GetToken(); t != nil && t.Position != nil {
		return t.Position.Line
	}
	return 0
}

func (y *yamlTree) value(n ast.Node, depth int) (*tree, error) {
	t := &tree{line: lineOf(n)}
	if y.left--; y.left < 0 || depth > maxTreeDepth {
		return nil, lineFault(t.line, "the manifest is nested too deeply or has too many values")
	}
	switch v := n.(type) {
	case *ast.AnchorNode:
		// The anchor is known only behind itself, so no alias can lead in a circle.
		value, err := y.value(v.Value, depth+1)
		y.anchors[v.Name.GetToken().Value] = v.Value
		return value, err
	case *ast.AliasNode:
		target, ok := y.anchors[v.Value.GetToken().Value]
		if !ok {
			return nil, lineFault(t.line, "there is no anchor %q before this", v.Value.GetToken().Value)
		}
		return y.value(target, depth+1)
	case *ast.MappingNode:
		t.kind = '{'
		return t, y.members(t, v.Values, depth)
	case *ast.MappingValueNode:
		t.kind, t.line = '{', lineOf(v.Key)
		return t, y.members(t, []*ast.MappingValueNode{v}, depth)
	case *ast.SequenceNode:
		t.kind = '['
		for _, item := range v.Values {
			value, err := y.value(item, depth+1)
			if err != nil {
				return nil, err
			}
			t.items = append(t.items, value)
		}
	case *ast.NullNode:
		t.kind = 'n'
	case *ast.StringNode:
		t.kind, t.text = '"', v.Value
	case *ast.LiteralNode:
		t.kind, t.text = '"', v.Value.Value
	case *ast.IntegerNode, *ast.FloatNode, *ast.BoolNode, *ast.InfinityNode, *ast.NanNode:
		t.kind, t.text = '0', strings.TrimSpace(n.GetToken().Value)
	default:
		return nil, lineFault(t.line, "a manifest has no %s", n.Type())
	}
	return t, nil
}

func (y *yamlTree) members(t *tree, values []*ast.MappingValueNode, depth int) error {
	for _, v := range values {
		var name string
		switch k := v.Key.(type) {
		case *ast.StringNode:
			name = k.Value
		case *ast.IntegerNode, *ast.FloatNode, *ast.BoolNode:
			name = k.GetToken().Value
		default:
			return lineFault(lineOf(v.Key), "a manifest has no %s as a key", v.Key.Type())
		}
		value, err := y.value(v.Value, depth+1)
		if err != nil {
			return err
		}
		t.members = append(t.members, member{name: name, line: lineOf(v.Key), value: value})
	}
	return nil
}
