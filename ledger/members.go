package ledger

import (
	"strings"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/usance/usance"
)

// member is one member of a JSON object: its name as it is meant, and its value
// as it is written.
type member struct{ name, value string }

// members appends the members of an object to list; none for anything else. The
// text has been checked by whoever took it in, so this only finds its way
// through it: of a text that is not JSON it may make anything, or nothing.
func members(list []member, object string) []member {
	s := scanner{text: object}
	if !s.next('{') || s.next('}') {
		return list
	}
	from := len(list)
	for {
		name := s.value()
		if name == "" || name[0] != '"' || !s.next(':') {
			return list[:from]
		}
		value := s.value()
		if value == "" {
			return list[:from]
		}
		list = append(list, member{unquote(name), value})
		if s.next(',') {
			continue
		}
		if !s.next('}') {
			return list[:from]
		}
		return list
	}
}

// scanner walks a JSON text.
type scanner struct {
	text string
	at   int
}

// blanks skips what may stand between tokens.
func (s *scanner) blanks() {
	for s.at < len(s.text) {
		switch s.text[s.at] {
		case ' ', '\t', '\r', '\n':
			s.at++
		default:
			return
		}
	}
}

// next takes c if it comes next.
func (s *scanner) next(c byte) bool {
	s.blanks()
	if s.at < len(s.text) && s.text[s.at] == c {
		s.at++
		return true
	}
	return false
}

// value takes a whole value and returns it as written; "" when there is none.
func (s *scanner) value() string {
	s.blanks()
	from, depth := s.at, 0
	for s.at < len(s.text) {
		switch c := s.text[s.at]; c {
		case '"':
			if !s.quoted() {
				return ""
			}
			if depth == 0 {
				return s.text[from:s.at]
			}
			continue
		case '{', '[':
			depth++
		case '}', ']':
			if depth--; depth < 0 {
				return s.text[from:s.at] // of what is around the value
			}
			if depth == 0 {
				s.at++
				return s.text[from:s.at]
			}
		case ',', ':', ' ', '\t', '\r', '\n':
			if depth == 0 {
				return s.text[from:s.at]
			}
		}
		s.at++
	}
	if depth > 0 {
		return ""
	}
	return s.text[from:s.at]
}

// quoted takes a string.
func (s *scanner) quoted() bool {
	for s.at++; s.at < len(s.text); s.at++ {
		switch s.text[s.at] {
		case '\\':
			s.at++
		case '"':
			s.at++
			return true
		}
	}
	return false
}

// unquote returns what a JSON string means.
func unquote(s string) string {
	if strings.IndexByte(s, '\\') < 0 {
		return s[1 : len(s)-1]
	}
	b, err := jsontext.AppendUnquote(nil, s)
	if err != nil {
		return ""
	}
	return string(b)
}

func find(list []member, name string) string {
	for i := range list {
		if list[i].name == name {
			return list[i].value
		}
	}
	return ""
}

func scalarOf(value string) usance.Scalar {
	if value == "" {
		return usance.Scalar{}
	}
	switch c := value[0]; {
	case c == '"':
		return usance.Scalar{Kind: c, Text: unquote(value)}
	case c == '-' || c >= '0' && c <= '9':
		return usance.Scalar{Kind: '0', Text: value}
	default:
		return usance.Scalar{Kind: c, Text: value}
	}
}
