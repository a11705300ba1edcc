package journal

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"sync"
	"time"

	"github.com/klauspost/compress/zstd"

	"github.com/usance/usance"
	"github.com/usance/usance/store"
)

// A block is a byte that says how it is packed, the number of entries, the length
// of the raw bytes, and the raw bytes. The entries' sequence numbers follow from
// the block's id.
//
// The raw bytes, which the hash chain covers, are the entries one after another;
// or, for a block of several, a zero byte, which no entry begins with, and the
// entries by columns. A ledger holds both.
const (
	packedZstd = 1
	packedNot  = 2 // raw bytes as they are, and their CRC-32C: so few that the store packs them better with their neighbours
)

const (
	minColumns = 8   // entries
	maxPlain   = 512 // raw bytes
)

var castagnoli = sync.OnceValue(func() *crc32.Table { return crc32.MakeTable(crc32.Castagnoli) })

// maxEntries bounds what a block may claim to hold.
const maxEntries = 1 << 20

// maxRaw bounds what a block may claim to decompress to: a full batch of the
// largest events with room to spare.
const maxRaw = 1 << 30

// codec is stateless between calls and safe for concurrent use; making one is
// what costs.
type codec struct {
	enc  *zstd.Encoder
	dec  *zstd.Decoder
	room sync.Pool // of *scratch
}

var newCodec = sync.OnceValue(func() *codec {
	enc, err := zstd.NewWriter(nil, zstd.WithEncoderLevel(zstd.SpeedDefault), zstd.WithEncoderConcurrency(1), zstd.WithEncoderCRC(true))
	if err != nil {
		panic(err) // the options are constants
	}
	dec, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(0), zstd.WithDecoderMaxMemory(maxRaw))
	if err != nil {
		panic(err)
	}
	return &codec{enc: enc, dec: dec}
})

// scratch is memory that blocks are made in, one after another.
type scratch struct {
	raw, packed []byte
	columns     columns
}

// maxScratch is how much of it is kept, about: a block is rarely larger.
const maxScratch = 1 << 20

func (c *codec) borrow() *scratch {
	if room, ok := c.room.Get().(*scratch); ok {
		return room
	}
	return new(scratch)
}

func (c *codec) giveBack(room *scratch) {
	if cap(room.raw)+cap(room.packed) <= maxScratch {
		c.room.Put(room)
	}
}

// rawOf returns the raw bytes of entries, which the next call overwrites.
func (s *scratch) rawOf(entries []Entry) []byte {
	s.raw = s.raw[:0]
	if len(entries) >= minColumns {
		s.columns.reset()
		s.raw = s.columns.append(append(s.raw, 0), entries)
		s.columns.reset() // it holds no texts of the entries
		return s.raw
	}
	for i := range entries {
		s.raw = appendEntry(s.raw, &entries[i])
	}
	return s.raw
}

// encodeBlock returns a block of so many entries, which is the caller's.
func (s *scratch) encodeBlock(raw []byte, entries int) []byte {
	b := s.packed[:0]
	if len(raw) <= maxPlain {
		b = append(b, packedNot)
	} else {
		b = append(b, packedZstd)
	}
	b = binary.AppendUvarint(b, uint64(entries))
	b = binary.AppendUvarint(b, uint64(len(raw)))
	if len(raw) <= maxPlain {
		b = binary.BigEndian.AppendUint32(append(b, raw...), crc32.Checksum(raw, castagnoli()))
	} else {
		b = newCodec().enc.EncodeAll(raw, b)
	}
	s.packed = b
	return bytes.Clone(b)
}

// DecodeBlock calls fn on each entry of a block, oldest first. The entry's byte
// slices are its own.
func DecodeBlock(id string, block []byte, fn func(*Entry) error) error {
	if len(id) != 8 {
		return usance.ErrCorrupt
	}
	raw, n, err := decompress(block)
	if err != nil {
		return err
	}
	return decodeRaw(binary.BigEndian.Uint64([]byte(id)), raw, n, fn)
}

// decodeRaw calls fn on n entries, the first of which has that sequence.
func decodeRaw(first uint64, raw []byte, n uint64, fn func(*Entry) error) error {
	numbered := func(e *Entry) error {
		e.Sequence = first
		first++
		return fn(e)
	}
	if len(raw) > 0 && raw[0] == 0 {
		return decodeColumns(raw[1:], n, numbered)
	}
	d := decoder{b: raw}
	for range n {
		e := d.entry()
		if d.err {
			return usance.ErrCorrupt
		}
		if err := numbered(&e); err != nil {
			return err
		}
	}
	if len(d.b) != 0 {
		return usance.ErrCorrupt
	}
	return nil
}

// decompress returns the raw bytes of a block, which are the caller's.
func decompress(block []byte) (raw []byte, n uint64, err error) {
	if len(block) == 0 {
		return nil, 0, usance.ErrCorrupt
	}
	d := decoder{b: block[1:]}
	n, size := d.uvarint(), d.uvarint()
	if d.err || size > maxRaw || n > maxEntries {
		return nil, 0, usance.ErrCorrupt
	}
	switch block[0] {
	case packedZstd:
		raw, err = newCodec().dec.DecodeAll(d.b, make([]byte, 0, min(size, 64<<20)))
	case packedNot:
		if len(d.b) < 4 {
			return nil, 0, usance.ErrCorrupt
		}
		raw = bytes.Clone(d.b[:len(d.b)-4])
		if crc32.Checksum(raw, castagnoli()) != binary.BigEndian.Uint32(d.b[len(raw):]) {
			return nil, 0, usance.ErrCorrupt
		}
	default:
		err = usance.ErrCorrupt
	}
	if err != nil || uint64(len(raw)) != size {
		return nil, 0, errors.Join(usance.ErrCorrupt, err)
	}
	return raw, n, nil
}

func appendEntry(b []byte, e *Entry) []byte {
	b = append(b, byte(e.Kind))
	b = appendTime(b, e.At)
	b = appendText(b, e.Actor.Name)
	b = appendText(b, e.Actor.Origin)
	if e.Kind != Event {
		b = appendText(b, e.Change.Type)
		b = appendText(b, e.Change.Name)
		b = appendText(b, string(e.Change.Before))
		return appendText(b, string(e.Change.After))
	}
	ev := &e.Event
	for _, s := range []string{ev.Source, ev.Type, ev.Subject, string(ev.Node), ev.ID} {
		b = appendText(b, s)
	}
	stated := byte(0)
	if e.Stated {
		stated = 1
	}
	b = append(b, stated)
	b = appendTime(b, ev.Time)
	return appendText(b, string(ev.Data))
}

func appendText[T string | []byte](b []byte, s T) []byte {
	b = binary.AppendUvarint(b, uint64(len(s)))
	return append(b, s...)
}

func appendTime(b []byte, t time.Time) []byte {
	b = binary.AppendVarint(b, t.Unix())
	return binary.AppendUvarint(b, uint64(t.Nanosecond()))
}

// decoder reads what the append functions wrote; err is set once bytes run out
// or make no sense, and every read after that is zero.
type decoder struct {
	b   []byte
	err bool
}

func (d *decoder) entry() Entry {
	var e Entry
	e.Kind = Kind(d.byte())
	e.At = d.time()
	e.Actor = usance.Actor{Name: d.text(), Origin: d.text()}
	switch e.Kind {
	case Event:
		ev := &e.Event
		ev.Source, ev.Type, ev.Subject, ev.Node, ev.ID = d.text(), d.text(), d.text(), usance.Path(d.text()), d.text()
		e.Stated = d.byte() == 1
		ev.Time = d.time()
		ev.Data = d.bytes()
	default:
		d.err = d.err || !e.Kind.changes()
		e.Change = Change{Type: d.text(), Name: d.text(), Before: d.bytes(), After: d.bytes()}
	}
	return e
}

func (d *decoder) byte() byte {
	if len(d.b) == 0 {
		d.err = true
		return 0
	}
	c := d.b[0]
	d.b = d.b[1:]
	return c
}

func (d *decoder) uvarint() uint64 {
	v, n := binary.Uvarint(d.b)
	if n <= 0 {
		d.err, d.b = true, nil
		return 0
	}
	d.b = d.b[n:]
	return v
}

func (d *decoder) time() time.Time {
	s, n := binary.Varint(d.b)
	if n <= 0 {
		d.err, d.b = true, nil
		return time.Time{}
	}
	d.b = d.b[n:]
	return time.Unix(s, int64(d.uvarint())).UTC()
}

func (d *decoder) bytes() []byte {
	n := d.uvarint()
	if n > uint64(len(d.b)) {
		d.err, d.b = true, nil
		return nil
	}
	if n == 0 {
		return nil
	}
	v := d.b[:n:n]
	d.b = d.b[n:]
	return v
}

func (d *decoder) text() string { return string(d.bytes()) }

// Read calls fn on the tenant's entries from a sequence on, oldest first.
func Read(ctx context.Context, st store.Store, tenant usance.TenantID, from uint64, fn func(*Entry) error) error {
	start := BlockID(0)
	block, err := holding(ctx, st, tenant, from)
	if err == nil {
		start = block.ID
	} else if usance.KindOf(err) != usance.KindNotFound {
		return err
	}
	return st.Scan(ctx, tenant, store.Range{Table: store.Blocks, From: start}, func(r store.Row) error {
		return DecodeBlock(r.ID, r.Value, func(e *Entry) error {
			if e.Sequence < from {
				return nil
			}
			return fn(e)
		})
	})
}

// holding returns the block that would hold the sequence.
func holding(ctx context.Context, st store.Store, tenant usance.TenantID, seq uint64) (store.Row, error) {
	rows, err := st.Load(ctx, tenant, store.Keys{Ranges: []store.Range{{Table: store.Blocks, To: BlockID(seq + 1), Limit: 1, Reverse: true}}})
	if err != nil {
		return store.Row{}, err
	}
	if len(rows.Range(0)) == 0 {
		return store.Row{}, usance.Errorf(usance.KindNotFound, "there is no entry %d", seq)
	}
	return rows.Range(0)[0], nil
}

// BlockOf returns the id of the block that holds the entry with that sequence.
func BlockOf(ctx context.Context, st store.Store, tenant usance.TenantID, seq uint64) (string, error) {
	row, err := holding(ctx, st, tenant, seq)
	return row.ID, err
}

var errFound = errors.New("found")

// At returns the entry with that sequence, or KindNotFound.
func At(ctx context.Context, st store.Store, tenant usance.TenantID, seq uint64) (Entry, error) {
	block, err := holding(ctx, st, tenant, seq)
	if err != nil {
		return Entry{}, err
	}
	var found Entry
	err = DecodeBlock(block.ID, block.Value, func(e *Entry) error {
		if e.Sequence == seq {
			found = *e
			return errFound
		}
		return nil
	})
	if errors.Is(err, errFound) {
		return found, nil
	}
	if err == nil {
		err = usance.Errorf(usance.KindNotFound, "there is no entry %d", seq)
	}
	return Entry{}, err
}
