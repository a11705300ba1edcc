package archive

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"github.com/go-json-experiment/json"
	"github.com/klauspost/compress/zstd"

	"github.com/usance/usance"
)

// ErrDamaged marks an error that says that a file is not whole: cut off, altered,
// or something else altogether.
var ErrDamaged = errors.New("archive: the file is damaged")

func damaged(format string, args ...any) error {
	return &usance.Error{Kind: usance.KindInvalid, Detail: "the archive is damaged: " + fmt.Sprintf(format, args...), Err: ErrDamaged}
}

// Reader reads one file, frame by frame, and hands on only what its hash proves.
type Reader struct {
	Header      Header
	Definitions []Row
	Sealed      []byte // what Open opens; nil when the file has no secrets

	dec    *zstd.Decoder
	from   *bufio.Reader
	link   link
	seen   Trailer
	chain  Hash
	next   []byte // the content of the first block, read ahead
	ended  bool
	failed error
}

// NewReader reads a file up to its first block. Errors are of KindInvalid when the
// file is damaged or a newer release's.
func NewReader(from io.Reader) (*Reader, error) {
	dec, err := zstd.NewReader(from, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true), zstd.WithDecoderMaxWindow(8<<20))
	if err != nil {
		return nil, err
	}
	r := &Reader{dec: dec, from: bufio.NewReaderSize(dec, 64<<10), link: newLink()}
	if err := r.begin(); err != nil {
		dec.Close()
		return nil, err
	}
	return r, nil
}

func (r *Reader) begin() error {
	line := make([]byte, len(magic))
	if _, err := io.ReadFull(r.from, line); err != nil || string(line) != magic {
		return &usance.Error{Kind: usance.KindInvalid, Detail: "this is not an archive of a tenant", Err: errors.Join(ErrDamaged, err)}
	}
	kind, content, err := r.frame()
	if err != nil {
		return err
	}
	if kind != kindHeader {
		return damaged("it does not begin with a header")
	}
	var version struct {
		Format int `json:"format"`
	}
	if err := json.Unmarshal(content, &version); err != nil || version.Format < 1 {
		return damaged("its header cannot be read")
	}
	if version.Format > Format {
		return usance.Errorf(usance.KindInvalid, "the archive has format %d and this release knows only up to %d: a newer release wrote it", version.Format, Format)
	}
	if err := json.Unmarshal(content, &r.Header); err != nil {
		return damaged("its header cannot be read")
	}
	r.seen.Last, r.chain = r.Header.After, r.Header.AfterChain
	for {
		kind, content, err := r.frame()
		switch {
		case err != nil:
			return err
		case kind == kindDefinitions && r.Sealed == nil:
			if err := r.definitions(content); err != nil {
				return err
			}
		case kind == kindSecrets && r.Sealed == nil:
			r.Sealed = content
		case kind == kindBlock:
			r.next = content
			return nil
		case kind == kindTrailer:
			return r.end(content)
		default:
			return damaged("a frame of kind %q stands where none may", kind)
		}
	}
}

func (r *Reader) definitions(page []byte) error {
	for len(page) > 0 {
		var id, value []byte
		var ok bool
		if id, page, ok = cutBytes(page); !ok {
			return damaged("a page of definitions cannot be read")
		}
		if value, page, ok = cutBytes(page); !ok {
			return damaged("a page of definitions cannot be read")
		}
		r.Definitions = append(r.Definitions, Row{ID: string(id), Value: value})
	}
	return nil
}

// Next returns the next block, and io.EOF after the last when the trailer says
// that it is the last. The block's bytes are the caller's.
func (r *Reader) Next() (Block, error) {
	if r.failed != nil {
		return Block{}, r.failed
	}
	b, err := r.block()
	if err != nil {
		r.failed = err
		r.dec.Close()
	}
	return b, err
}

func (r *Reader) block() (Block, error) {
	content := r.next
	r.next = nil
	if content == nil {
		if r.ended {
			return Block{}, io.EOF
		}
		kind, next, err := r.frame()
		if err != nil {
			return Block{}, err
		}
		if kind == kindTrailer {
			if err := r.end(next); err != nil {
				return Block{}, err
			}
			return Block{}, io.EOF
		}
		if kind != kindBlock {
			return Block{}, damaged("a frame of kind %q stands among the blocks", kind)
		}
		content = next
	}
	first, n := binary.Uvarint(content)
	if n <= 0 {
		return Block{}, damaged("a block cannot be read")
	}
	entries, m := binary.Uvarint(content[n:])
	b := Block{First: first, Entries: entries}
	if m <= 0 || b.Entries == 0 || b.Entries > uint64(len(content)) {
		return Block{}, damaged("a block cannot be read")
	}
	b.Raw = content[n+m:]
	if b.First != r.seen.Last+1 {
		return Block{}, damaged("entry %d follows entry %d", b.First, r.seen.Last)
	}
	r.seen.Blocks++
	r.seen.Last = b.Last()
	r.chain = b.Chain(r.chain)
	return b, nil
}

// end checks the trailer against what came before it, and that nothing follows.
func (r *Reader) end(content []byte) error {
	var t Trailer
	if err := json.Unmarshal(content, &t); err != nil {
		return damaged("its trailer cannot be read")
	}
	r.seen.Frames-- // the trailer itself
	if t != r.seen || t.Last != r.Header.Sequence {
		return damaged("its trailer says %d frames up to entry %d, its header up to entry %d, and it holds %d up to entry %d", t.Frames, t.Last, r.Header.Sequence, r.seen.Frames, r.seen.Last)
	}
	if r.chain != r.Header.Chain {
		return damaged("its entries do not give the hash chain that its header says")
	}
	if _, err := r.from.ReadByte(); !errors.Is(err, io.EOF) {
		return damaged("something follows its trailer")
	}
	r.ended = true
	return nil
}

// Chain is the hash chain of the ledger with the blocks that Next has returned.
func (r *Reader) Chain() Hash { return r.chain }

// Sum is the hash of the whole file, once Next has returned io.EOF.
func (r *Reader) Sum() Hash { return r.link.sum }

// Close frees the reader.
func (r *Reader) Close() { r.dec.Close() }

func (r *Reader) frame() (kind byte, content []byte, err error) {
	if kind, err = r.from.ReadByte(); err != nil {
		return 0, nil, r.broken(err)
	}
	size, err := binary.ReadUvarint(r.from)
	if err != nil {
		return 0, nil, r.broken(err)
	}
	most := uint64(maxSmall)
	if kind == kindBlock {
		most = maxFrame
	}
	if size > most {
		return 0, nil, damaged("a frame of %d bytes", size)
	}
	if content, err = readSome(r.from, int(size)); err != nil {
		return 0, nil, r.broken(err)
	}
	var sum Hash
	if _, err := io.ReadFull(r.from, sum[:]); err != nil {
		return 0, nil, r.broken(err)
	}
	if r.link.over(frameHead(kind, int(size)), content) != sum {
		return 0, nil, damaged("frame %d is not what was written", r.seen.Frames+1)
	}
	r.seen.Frames++
	return kind, content, nil
}

// readSome reads n bytes, and sets aside memory only as they come.
func readSome(from io.Reader, n int) ([]byte, error) {
	var b bytes.Buffer
	b.Grow(min(n, 1<<20))
	if _, err := io.CopyN(&b, from, int64(n)); err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}

// broken says what a failed read means: the end, before the trailer, or bytes that
// are no zstd. An error of whoever brings the bytes stays what it is.
func (r *Reader) broken(err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return damaged("it ends after frame %d, before its trailer", r.seen.Frames)
	}
	if _, ok := errors.AsType[*usance.Error](err); ok {
		return err
	}
	return &usance.Error{Kind: usance.KindInvalid, Detail: fmt.Sprintf("the archive is damaged after frame %d", r.seen.Frames), Err: errors.Join(ErrDamaged, err)}
}

func cutBytes(b []byte) (item, rest []byte, ok bool) {
	n, used := binary.Uvarint(b)
	if used <= 0 || n > uint64(len(b)-used) {
		return nil, nil, false
	}
	return b[used : used+int(n)], b[used+int(n):], true
}
