package usance

import (
	"errors"
	"fmt"
	"strings"
)

// Kind says what sort of failure an Error is. Each surface (the native API, each
// façade, the command line) maps kinds to its own codes in one place.
type Kind uint8

// The kinds of failure.
const (
	KindInternal     Kind = iota // a defect or a broken disk; details go to the log only
	KindInvalid                  // the request is wrong and will stay wrong
	KindNotFound                 // what it names does not exist
	KindConflict                 // it contradicts what is already stored
	KindExceeded                 // a hard quota has no room
	KindUnauthorized             // no or bad credentials
	KindForbidden                // good credentials without the right
	KindTooLarge                 // over a bound of limits.go
	KindUnavailable              // try again later
	KindLocked                   // the credential is locked out for a while
)

func (k Kind) String() string {
	names := [...]string{"internal", "invalid", "not-found", "conflict", "quota-exceeded", "unauthorized", "forbidden", "too-large", "unavailable", "locked"}
	if int(k) < len(names) {
		return names[k]
	}
	return "unknown"
}

// FieldError is one fault of a request: where it is and what is wrong there.
type FieldError struct {
	Index  int    `json:"index"`           // position of the item in its list, counted from 0; -1 when there is no list
	Field  string `json:"field,omitzero"`  // the member at fault, such as "data.bytes" or "tenants[0].nodes[2].path"
	Line   int    `json:"line,omitzero"`   // line of the input file, counted from 1; 0 when unknown
	Detail string `json:"detail"`          // what is wrong, for a person
	Stored string `json:"stored,omitzero"` // for conflicts: what is already stored
	Sent   string `json:"sent,omitzero"`   // for conflicts: what was sent
}

// Error is the one error type that crosses package borders in Usance.
type Error struct {
	Kind   Kind
	Detail string       // one sentence for the caller; never internal text
	Fields []FieldError // the faults one by one, when there are several or they have places
	Blocks []Block      // KindExceeded: every quota that refuses
	Err    error        // the cause, for the log alone
}

func (e *Error) Error() string {
	var b strings.Builder
	b.WriteString(e.Kind.String())
	if e.Detail != "" {
		b.WriteString(": " + e.Detail)
	}
	for i, f := range e.Fields {
		if i == 3 {
			fmt.Fprintf(&b, "; and %d more", len(e.Fields)-i)
			break
		}
		b.WriteString("; ")
		if f.Index >= 0 {
			fmt.Fprintf(&b, "[%d] ", f.Index)
		}
		if f.Field != "" {
			b.WriteString(f.Field + ": ")
		}
		b.WriteString(f.Detail)
	}
	if e.Err != nil {
		b.WriteString(": " + e.Err.Error())
	}
	return b.String()
}

func (e *Error) Unwrap() error { return e.Err }

// Errorf makes an Error of the kind with a formatted detail.
func Errorf(kind Kind, format string, args ...any) *Error {
	return &Error{Kind: kind, Detail: fmt.Sprintf(format, args...)}
}

// KindOf returns the kind of err: KindInternal for any error that is not an Error.
func KindOf(err error) Kind {
	if e, ok := errors.AsType[*Error](err); ok {
		return e.Kind
	}
	return KindInternal
}
