package main

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"

	"github.com/usance/usance"
)

// rawEvent is an event as it stands in a file.
type rawEvent struct {
	json []byte
	line int
}

// badEvent is a piece of a file that is no event; reading goes on behind it.
type badEvent struct {
	line int
	why  string
}

func (e *badEvent) Error() string { return e.why }

// maxEventText bounds what is held of one event while reading. The server's own
// bound is lower; blanks between members may make the text longer.
const maxEventText = 4 * usance.MaxEventBytes

// eventReader reads events one by one from NDJSON or a JSON array.
type eventReader struct {
	in      *bufio.Reader
	closers []func()
	line    int

	array   *jsontext.Decoder
	counted *lineCounter
}

// openEvents looks at how the text is compressed and written.
func openEvents(source io.Reader) (*eventReader, error) {
	r := &eventReader{in: bufio.NewReaderSize(source, 64<<10)}
	magic, _ := r.in.Peek(4)
	switch {
	case bytes.HasPrefix(magic, []byte{0x1f, 0x8b}):
		z, err := gzip.NewReader(r.in)
		if err != nil {
			return nil, fmt.Errorf("this is not gzip: %w", err)
		}
		r.in = bufio.NewReaderSize(z, 64<<10)
	case bytes.Equal(magic, []byte{0x28, 0xb5, 0x2f, 0xfd}):
		z, err := zstd.NewReader(r.in, zstd.WithDecoderMaxMemory(256<<20))
		if err != nil {
			return nil, fmt.Errorf("this is not zstd: %w", err)
		}
		r.closers = append(r.closers, z.Close)
		r.in = bufio.NewReaderSize(z, 64<<10)
	}
	for {
		b, err := r.in.Peek(1)
		if err != nil || b[0] != ' ' && b[0] != '\t' && b[0] != '\r' && b[0] != '\n' {
			break
		}
		if b[0] == '\n' {
			r.line++
		}
		_, _ = r.in.Discard(1) // what was peeked is there
	}
	if b, err := r.in.Peek(1); err == nil && b[0] == '[' {
		r.counted = &lineCounter{from: r.in, line: r.line + 1}
		r.array = jsontext.NewDecoder(r.counted)
		if _, err := r.array.ReadToken(); err != nil {
			return nil, err
		}
	}
	return r, nil
}

// Close lets go of the decompressor.
func (r *eventReader) Close() {
	for _, c := range r.closers {
		c()
	}
}

// Next returns the next event, a *badEvent, or io.EOF at the end.
func (r *eventReader) Next() (rawEvent, error) {
	if r.array != nil {
		return r.nextOfArray()
	}
	for {
		text, long, err := r.readLine()
		if err != nil && (!errors.Is(err, io.EOF) || len(text) == 0 && !long) {
			return rawEvent{}, err
		}
		r.line++
		text = bytes.TrimSpace(text)
		switch {
		case long:
			return rawEvent{}, &badEvent{r.line, fmt.Sprintf("the line has more than %d bytes", maxEventText)}
		case len(text) == 0:
			continue
		case !jsontext.Value(text).IsValid() || text[0] != '{':
			return rawEvent{}, &badEvent{r.line, "the line is not a JSON object"}
		}
		return rawEvent{text, r.line}, nil
	}
}

// readLine reads up to the next line break. It holds no more than a bound of a
// line that is too long, and passes over the rest.
func (r *eventReader) readLine() (text []byte, long bool, err error) {
	for {
		piece, err := r.in.ReadSlice('\n')
		if !long {
			text = append(text, piece...)
			if len(text) > maxEventText {
				text, long = nil, true
			}
		}
		if !errors.Is(err, bufio.ErrBufferFull) {
			return text, long, err
		}
	}
}

func (r *eventReader) nextOfArray() (rawEvent, error) {
	if r.array.PeekKind() == ']' {
		if _, err := r.array.ReadToken(); err != nil {
			return rawEvent{}, err
		}
		if _, err := r.array.ReadToken(); !errors.Is(err, io.EOF) {
			return rawEvent{}, fmt.Errorf("line %d: there is something after the end of the array", r.counted.at(r.array.InputOffset()))
		}
		return rawEvent{}, io.EOF
	}
	v, err := r.array.ReadValue()
	if err != nil {
		at := r.array.InputOffset()
		if s, ok := errors.AsType[*jsontext.SyntacticError](err); ok {
			return rawEvent{}, fmt.Errorf("line %d: this is not JSON, and nothing behind it can be read: %w", r.counted.at(s.ByteOffset), s.Err)
		}
		if errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, io.EOF) {
			err = errors.New("the file ends within the array")
		}
		return rawEvent{}, fmt.Errorf("line %d: %w", r.counted.at(at), err)
	}
	line := r.counted.at(r.array.InputOffset() - int64(len(v)))
	if v.Kind() != '{' {
		return rawEvent{}, &badEvent{line, "an event is a JSON object"}
	}
	if len(v) > maxEventText {
		return rawEvent{}, &badEvent{line, fmt.Sprintf("the event has more than %d bytes", maxEventText)}
	}
	text := v.Clone()
	// The batch goes out with one event a line.
	if err := text.Compact(jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true)); err != nil {
		return rawEvent{}, &badEvent{line, "the event is not JSON"}
	}
	return rawEvent{text, line}, nil
}

// lineCounter remembers where lines begin in what has been read and not yet asked
// about.
type lineCounter struct {
	from   io.Reader
	offset int64
	line   int
	breaks []int64 // offsets behind line breaks
}

func (c *lineCounter) Read(p []byte) (int, error) {
	n, err := c.from.Read(p)
	for i, b := range p[:n] {
		if b == '\n' {
			c.breaks = append(c.breaks, c.offset+int64(i)+1)
		}
	}
	c.offset += int64(n)
	return n, err
}

// at returns the line of an offset. Offsets must not go back.
func (c *lineCounter) at(offset int64) int {
	for len(c.breaks) > 0 && c.breaks[0] <= offset {
		c.breaks = c.breaks[1:]
		c.line++
	}
	return c.line
}
