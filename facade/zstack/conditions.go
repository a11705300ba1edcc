package zstack

import (
	"cmp"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// condition is one q parameter: a field, an operator and the text behind it.
type condition struct {
	field, op, value string
}

// operators in the order they are looked for: the first one contained anywhere in
// a condition is its operator. One contained in another must follow it.
func operators() []string {
	return []string{"!=", ">=", "<=", "!?=", "!~=", "~=", "?=", "=", ">", "<", "is null", "not null"}
}

// parseCondition splits a condition at the first place of its operator. The field
// is trimmed and the value is not; an operator repeated at once counts once. No
// operator, or no field before it, is a fault at HTTP's level.
func parseCondition(text string) (condition, error) {
	for _, op := range operators() {
		field, value, ok := strings.Cut(text, op)
		if !ok {
			continue
		}
		c := condition{field: strings.TrimSpace(field), op: op, value: value}
		if c.field == "" {
			return condition{}, plainf(http.StatusBadRequest, "invalid query parameter: q has no field before %s", op)
		}
		if op == "is null" || op == "not null" {
			c.value = ""
			return c, nil
		}
		for {
			rest, again := strings.CutPrefix(c.value, op)
			if !again {
				return c, nil
			}
			c.value = rest
		}
	}
	return condition{}, plainf(http.StatusBadRequest, "invalid query parameter: q has no operator; the operators are %s", strings.Join(operators(), " "))
}

// fieldKind is the type of an inventory's field.
type fieldKind uint8

const (
	textField   fieldKind = iota // string
	numberField                  // int64
	dateField                    // time.Time
)

// test is a condition made ready for one field's type. A value that is nil stands
// for SQL's null: every test of it fails but "is null".
type test func(value any) bool

// ready compiles a condition for a field of the type. A value that the type
// cannot have is SYS.1007.
func (c condition) ready(kind fieldKind, zone *time.Location) (test, error) {
	switch c.op {
	case "is null":
		return func(v any) bool { return v == nil }, nil
	case "not null":
		return func(v any) bool { return v != nil }, nil
	case "~=", "!~=":
		pattern := []rune(c.value)
		return func(v any) bool {
			return v != nil && like(pattern, []rune(textOf(v))) == (c.op == "~=")
		}, nil
	}
	values := []string{c.value}
	if c.op == "?=" || c.op == "!?=" {
		values = strings.Split(c.value, ",")
	}
	var wanted any
	among := make(map[any]bool, len(values))
	for _, text := range values {
		v, ok := valueOf(text, kind, zone)
		if !ok {
			return nil, refuse(invalidArgument, "%s cannot be compared with %q", clip(c.field), clip(text))
		}
		wanted, among[identity(v)] = v, true
	}
	return func(v any) bool {
		switch {
		case v == nil:
			return false
		case c.op == "?=" || c.op == "!?=":
			return among[identity(v)] == (c.op == "?=")
		}
		return holds(c.op, compare(v, wanted))
	}, nil
}

// identity is what is the same for values that compare as equal.
func identity(v any) any {
	switch v := v.(type) {
	case time.Time:
		return v.Unix()
	case string, int64:
		return v
	}
	return nil // no value that can be asked for
}

func holds(op string, order int) bool {
	switch op {
	case "=":
		return order == 0
	case "!=":
		return order != 0
	case ">":
		return order > 0
	case ">=":
		return order >= 0
	case "<":
		return order < 0
	}
	return order <= 0
}

func valueOf(text string, kind fieldKind, zone *time.Location) (any, bool) {
	switch kind {
	case numberField:
		n, err := strconv.ParseInt(strings.TrimSpace(text), 10, 64)
		return n, err == nil
	case dateField:
		t, ok := parseQueryDate(strings.TrimSpace(text), zone)
		return t, ok
	}
	return text, true
}

func textOf(v any) string {
	switch v := v.(type) {
	case int64:
		return strconv.FormatInt(v, 10)
	case time.Time:
		return v.Format(time.DateTime)
	case string:
		return v
	}
	return ""
}

// compare orders two values of one type; a nil comes before everything. Dates are
// written in whole seconds and compared so.
func compare(a, b any) int {
	switch a := a.(type) {
	case int64:
		if b, ok := b.(int64); ok {
			return cmp.Compare(a, b)
		}
	case time.Time:
		if b, ok := b.(time.Time); ok {
			return a.Truncate(time.Second).Compare(b.Truncate(time.Second))
		}
	case string:
		if b, ok := b.(string); ok {
			return strings.Compare(a, b)
		}
	}
	switch {
	case a == nil && b == nil:
		return 0
	case a == nil:
		return -1
	}
	return 1
}

// like reports whether text matches a pattern of SQL's LIKE: % is any run of
// characters, _ any one, and a backslash takes away the meaning of what follows.
func like(pattern, text []rune) bool {
	p, t := 0, 0
	back, resume := -1, 0 // the last % and the place in text to try after it
	for t < len(text) {
		if p < len(pattern) && pattern[p] == '%' {
			back, resume = p, t
			p++
			continue
		}
		if width, ok := likeOne(pattern[p:], text[t]); ok {
			p += width
			t++
			continue
		}
		if back < 0 {
			return false
		}
		resume++
		p, t = back+1, resume
	}
	for p < len(pattern) && pattern[p] == '%' {
		p++
	}
	return p == len(pattern)
}

func likeOne(pattern []rune, c rune) (width int, ok bool) {
	switch {
	case len(pattern) == 0:
		return 0, false
	case pattern[0] == '\\' && len(pattern) > 1:
		return 2, pattern[1] == c
	case pattern[0] == '_':
		return 1, true
	}
	return 1, pattern[0] == c
}
