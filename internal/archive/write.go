package archive

import (
	"encoding/binary"
	"io"

	"github.com/go-json-experiment/json"
	"github.com/klauspost/compress/zstd"
)

// Writer writes one file. Its methods are called in the order of the frames; the
// first error stays.
type Writer struct {
	to     *zstd.Encoder
	link   link
	page   []byte
	ended  Trailer
	failed error
}

// NewWriter begins a file with its header; the Format is set here.
func NewWriter(to io.Writer, h Header) (*Writer, error) {
	enc, err := zstd.NewWriter(to, zstd.WithEncoderLevel(zstd.SpeedDefault), zstd.WithEncoderConcurrency(1), zstd.WithWindowSize(4<<20), zstd.WithEncoderCRC(true))
	if err != nil {
		return nil, err
	}
	h.Format = Format
	w := &Writer{to: enc, link: newLink()}
	if _, err := io.WriteString(enc, magic); err != nil {
		return nil, err
	}
	w.ended.Last = h.After
	return w, w.json(kindHeader, h)
}

func (w *Writer) json(kind byte, v any) error {
	b, err := json.Marshal(v, json.Deterministic(true))
	if err != nil {
		return err
	}
	return w.frame(kind, b)
}

func (w *Writer) frame(kind byte, content []byte) error {
	if w.failed != nil {
		return w.failed
	}
	head := frameHead(kind, len(content))
	sum := w.link.over(head, content)
	for _, b := range [][]byte{head, content, sum[:]} {
		if _, w.failed = w.to.Write(b); w.failed != nil {
			return w.failed
		}
	}
	w.ended.Frames++
	return nil
}

// Definition adds a row of the definitions.
func (w *Writer) Definition(r Row) error {
	w.page = appendBytes(appendBytes(w.page, []byte(r.ID)), r.Value)
	if len(w.page) < pageBytes {
		return nil
	}
	return w.definitionsEnd()
}

func (w *Writer) definitionsEnd() error {
	if len(w.page) == 0 {
		return nil
	}
	err := w.frame(kindDefinitions, w.page)
	w.page = w.page[:0]
	return err
}

// Secrets adds what Seal made.
func (w *Writer) Secrets(sealed []byte) error {
	if err := w.definitionsEnd(); err != nil {
		return err
	}
	return w.frame(kindSecrets, sealed)
}

// Block adds a block of the ledger.
func (w *Writer) Block(b Block) error {
	if err := w.definitionsEnd(); err != nil {
		return err
	}
	content := binary.AppendUvarint(make([]byte, 0, len(b.Raw)+2*binary.MaxVarintLen64), b.First)
	content = binary.AppendUvarint(content, b.Entries)
	if err := w.frame(kindBlock, append(content, b.Raw...)); err != nil {
		return err
	}
	w.ended.Blocks++
	w.ended.Last = b.Last()
	return nil
}

// Flush sends on what was written so far, so that what an interruption leaves
// ends with a whole frame.
func (w *Writer) Flush() error {
	if err := w.definitionsEnd(); err != nil {
		return err
	}
	if w.failed == nil {
		w.failed = w.to.Flush()
	}
	return w.failed
}

// Close ends the file with its trailer and returns the hash of the whole.
func (w *Writer) Close() (Hash, error) {
	if err := w.definitionsEnd(); err != nil {
		return Hash{}, err
	}
	if err := w.json(kindTrailer, w.ended); err != nil {
		return Hash{}, err
	}
	return w.link.sum, w.to.Close()
}

// Abandon frees the writer without ending the file, which stays without a
// trailer and so is never taken for whole.
func (w *Writer) Abandon() {
	w.to.Reset(io.Discard)
	_ = w.to.Close() // nothing is written any more
}

func appendBytes(to, b []byte) []byte {
	return append(binary.AppendUvarint(to, uint64(len(b))), b...)
}
