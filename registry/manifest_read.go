package registry

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/usance/usance"
)

// reader turns a tree into values and remembers where each came from. It never
// stops at a fault: what cannot be read is left out and the rest is read on, so
// that one run finds them all.
type reader struct {
	lines  map[string]int // field → line
	faults []usance.FieldError
}

func (r *reader) fault(line int, field, format string, args ...any) {
	r.faults = append(r.faults, usance.FieldError{Index: -1, Field: field, Line: line, Detail: fmt.Sprintf(format, args...)})
}

// fields is how each member of an object is read.
type fields map[string]func(field string, t *tree)

// object reads an object's members and refuses unknown and repeated ones. A null
// stands for an absent member.
func (r *reader) object(field string, t *tree, known fields) {
	r.lines[field] = t.line
	if t.kind != '{' {
		r.fault(t.line, field, "%s is needed here, not %s", "a mapping", t.what())
		return
	}
	first := map[string]int{}
	for _, m := range t.members {
		at := join(field, m.name)
		if line, twice := first[m.name]; twice {
			r.fault(m.line, at, "%s stands twice, first on line %d", clipName(m.name), line)
			continue
		}
		first[m.name] = m.line
		read, ok := known[m.name]
		if !ok {
			r.fault(m.line, at, "there is no member %s here", clipName(m.name))
			continue
		}
		r.lines[at] = m.line
		if m.value.kind != 'n' {
			read(at, m.value)
		}
	}
}

func join(field, name string) string {
	if field == "" {
		return name
	}
	return field + "." + name
}

func clipName(s string) string {
	if len(s) > 64 {
		s = s[:64] + "…"
	}
	return strconv.Quote(s)
}

func (t *tree) what() string {
	switch t.kind {
	case '{':
		return "a mapping"
	case '[':
		return "a list"
	case 'n':
		return "nothing"
	}
	return "a single value"
}

// listOf reads a list, item by item.
func listOf[T any](r *reader, into *[]T, read func(field string, t *tree) T) func(string, *tree) {
	return func(field string, t *tree) {
		if t.kind != '[' {
			r.fault(t.line, field, "a list is needed here, not %s", t.what())
			return
		}
		for i, item := range t.items {
			*into = append(*into, read(field+index(i), item))
		}
	}
}

// scalar calls use with a single value's text, as it is written.
func (r *reader) scalar(use func(text string) error) func(string, *tree) {
	return func(field string, t *tree) {
		if t.kind != '"' && t.kind != '0' {
			r.fault(t.line, field, "a single value is needed here, not %s", t.what())
			return
		}
		if err := use(t.text); err != nil {
			detail := err.Error()
			if e, ok := errors.AsType[*usance.Error](err); ok {
				detail = e.Detail
			}
			r.fault(t.line, field, "%s", detail)
		}
	}
}

func text[T ~string](r *reader, into *T) func(string, *tree) {
	return r.scalar(func(s string) error { *into = T(s); return nil })
}

func (r *reader) amount(into *usance.Amount) func(string, *tree) {
	return r.scalar(func(s string) (err error) { *into, err = usance.ParseAmount(s); return err })
}

func (r *reader) instant(into *time.Time) func(string, *tree) {
	return r.scalar(func(s string) error {
		t, err := time.Parse(time.RFC3339Nano, s)
		if err != nil {
			return usance.Errorf(usance.KindInvalid, "%s is not a time such as 2026-12-31T00:00:00Z", clipName(s))
		}
		*into = t.UTC()
		return nil
	})
}

func (r *reader) truth(into **bool) func(string, *tree) {
	return r.scalar(func(s string) error {
		switch s {
		case "true", "false":
			v := s == "true"
			*into = &v
			return nil
		}
		return usance.Errorf(usance.KindInvalid, "true or false is needed here, not %s", clipName(s))
	})
}

// texts reads a mapping of names to texts. A null value is kept as nil: it takes
// the name away.
func (r *reader) texts(into *map[string]*string) func(string, *tree) {
	return func(field string, t *tree) {
		if t.kind == '{' {
			*into = map[string]*string{}
		}
		r.eachMember(field, t, func(name, at string, value *tree) {
			(*into)[name] = nil
			if value.kind != 'n' {
				r.scalar(func(s string) error { (*into)[name] = &s; return nil })(at, value)
			}
		})
	}
}

// place gives a fault found behind the tree its line: that of the member it
// names, or of the nearest thing around it.
func (r *reader) place(f usance.FieldError) usance.FieldError {
	if word, _, ok := strings.Cut(f.Detail, " "); ok {
		if _, known := r.lines[join(f.Field, word)]; known {
			f.Field = join(f.Field, word)
		}
	}
	for at := f.Field; f.Line == 0 && at != ""; {
		f.Line = r.lines[at]
		at = at[:max(strings.LastIndexAny(at, ".["), 0)]
	}
	return f
}
