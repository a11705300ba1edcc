package main

import (
	"errors"
	"io"
	"strings"
	"testing"
)

// What a pipe's writer uses may be closed once the pipe is: the writer has returned.
func TestAPipeThatIsClosedHasNoWriterAnyMore(t *testing.T) {
	full := errors.New("full")
	for name, c := range map[string]struct {
		write  func(to io.Writer) error
		closed error
	}{
		"a writer that is read to its end": {func(to io.Writer) error { _, err := io.WriteString(to, "abc"); return err }, nil},
		"a writer that would go on":        {func(to io.Writer) error { _, err := io.Copy(to, endless{}); return err }, nil},
		"a folder that cannot be removed":  {func(to io.Writer) error { _, err := io.WriteString(to, "abc"); return err }, full},
	} {
		returned := false
		from := pipe(func(to io.Writer) error {
			defer func() { returned = true }()
			return c.write(to)
		}, func() error {
			if !returned {
				t.Errorf("%s: what it uses is closed before it has returned", name)
			}
			return c.closed
		})
		b := make([]byte, 3)
		if _, err := io.ReadFull(from, b); err != nil || !strings.HasPrefix("abcabc", string(b)) {
			t.Errorf("%s: read %q, %v", name, b, err)
		}
		for range 2 { // again is the same
			if err := from.Close(); !errors.Is(err, c.closed) {
				t.Errorf("%s: closed with %v, want %v", name, err, c.closed)
			}
		}
	}
}

func TestAPipeTellsWhyItsWriterEnded(t *testing.T) {
	mine := errors.New("mine")
	from := pipe(func(to io.Writer) error { _, err := io.WriteString(to, "abc"); return errors.Join(err, mine) }, func() error { return nil })
	if b, err := io.ReadAll(from); string(b) != "abc" || !errors.Is(err, mine) {
		t.Errorf("read %q, %v", b, err)
	}
	if err := from.Close(); err != nil {
		t.Error(err)
	}
}

type endless struct{}

func (endless) Read(b []byte) (int, error) { return copy(b, "abc"), nil }
