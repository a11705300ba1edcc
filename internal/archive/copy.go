package archive

import (
	"errors"
	"io"
	"strings"
)

// Summary is what a file was found to hold when it was copied.
type Summary struct {
	Header  Header
	Sum     Hash // of the whole
	Secrets bool
	Keys    []KeyName // the signing keys it defines
}

// KeyName names a signing key.
type KeyName struct{ Kind, ID string }

// flushEvery is how many bytes of blocks are between two flushes.
const flushEvery = 8 << 20

// copier writes blocks, and flushes now and then.
type copier struct {
	w         *Writer
	seen      Summary
	progress  func(done, of uint64)
	unflushed int
}

func (c *copier) block(b Block) error {
	if err := c.w.Block(b); err != nil {
		return err
	}
	if c.progress != nil {
		c.progress(b.Last(), c.seen.Header.Sequence)
	}
	if c.unflushed += len(b.Raw); c.unflushed < flushEvery {
		return nil
	}
	c.unflushed = 0
	return c.w.Flush()
}

// copying begins a file with what stands before the blocks of another.
func copying(to io.Writer, h Header, from *Reader, progress func(done, of uint64)) (*copier, error) {
	w, err := NewWriter(to, h)
	if err != nil {
		return nil, err
	}
	c := &copier{w: w, seen: Summary{Header: h, Secrets: from.Sealed != nil}, progress: progress}
	for _, d := range from.Definitions {
		if err := w.Definition(d); err != nil {
			return nil, err
		}
		if name, ok := strings.CutPrefix(d.ID, "key\x00"); ok {
			kind, id, _ := strings.Cut(name, "\x00")
			c.seen.Keys = append(c.seen.Keys, KeyName{kind, id})
		}
	}
	if from.Sealed != nil {
		if err := w.Secrets(from.Sealed); err != nil {
			return nil, err
		}
	}
	return c, w.Flush()
}

// end closes the file, or abandons it after an error. What was written until then
// can be gone on from.
func (c *copier) end(err error) (Summary, error) {
	if err != nil {
		c.w.Abandon()
		return Summary{}, err
	}
	c.seen.Sum, err = c.w.Close()
	return c.seen, err
}

// all copies blocks up to the end of a file.
func (c *copier) all(from *Reader) error {
	for {
		b, err := from.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err == nil {
			err = c.block(b)
		}
		if err != nil {
			return errors.Join(err, c.w.Flush())
		}
	}
}

// CopyFrom writes what is left of a file for somebody who has its entries up to
// after, which is the last of a block: definitions and secrets again, and the
// blocks behind. 0 copies the whole.
func CopyFrom(to io.Writer, from *Reader, after uint64, progress func(done, of uint64)) (Summary, error) {
	h := from.Header
	for h.After < after {
		b, err := from.Next()
		if errors.Is(err, io.EOF) {
			err = damaged("it ends before entry %d", after)
		}
		if err != nil {
			return Summary{}, err
		}
		h.After, h.AfterChain = b.Last(), from.Chain()
	}
	c, err := copying(to, h, from, progress)
	if err != nil {
		return Summary{}, err
	}
	return c.end(c.all(from))
}

// Export writes a tenant's whole file, which open gives. half, if not nil, is what an
// earlier export left when it broke off: the blocks that came whole are taken over,
// and open is asked for the part behind them. Otherwise part is nil.
func Export(to io.Writer, half io.Reader, progress func(done, of uint64), open func(part *Header) (io.ReadCloser, error)) (Summary, error) {
	if half != nil {
		begun, err := NewReader(half)
		if err == nil {
			defer begun.Close()
			return Complete(to, begun, progress, func(part Header) (io.ReadCloser, error) { return open(&part) })
		}
		if !errors.Is(err, ErrDamaged) {
			return Summary{}, err
		}
		// It broke off before its first block: there is nothing to take over.
	}
	body, err := open(nil)
	if err != nil {
		return Summary{}, err
	}
	defer body.Close()
	from, err := NewReader(body)
	if err != nil {
		return Summary{}, err
	}
	defer from.Close()
	return CopyFrom(to, from, 0, progress)
}

// Complete writes a whole file from one that broke off, and from the rest of the
// ledger: rest is asked for the part behind the last block that came whole. A file
// that is whole already is copied, and rest is not asked.
func Complete(to io.Writer, half *Reader, progress func(done, of uint64), rest func(part Header) (io.ReadCloser, error)) (Summary, error) {
	c, err := copying(to, half.Header, half, progress)
	if err != nil {
		return Summary{}, err
	}
	return c.end(c.complete(half, rest))
}

func (c *copier) complete(half *Reader, rest func(part Header) (io.ReadCloser, error)) error {
	part := half.Header
	for {
		b, err := half.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if errors.Is(err, ErrDamaged) {
			break
		}
		if err != nil {
			return err
		}
		if err := c.block(b); err != nil {
			return err
		}
		part.After, part.AfterChain = b.Last(), half.Chain()
	}
	if part.After == part.Sequence {
		return nil // only its trailer is missing
	}
	if err := c.w.Flush(); err != nil {
		return err
	}
	body, err := rest(part)
	if err != nil {
		return err
	}
	defer body.Close()
	more, err := NewReader(body)
	if err != nil {
		return err
	}
	defer more.Close()
	if !more.Header.Same(part) || more.Header.After != part.After || more.Header.AfterChain != part.AfterChain {
		return damaged("what came to complete it is of another ledger")
	}
	return c.all(more)
}
