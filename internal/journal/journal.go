// Package journal writes and reads a tenant's ledger: entries with consecutive
// sequence numbers, kept in compressed blocks, chained by hash, under one head
// row. The registry and the ledger both append through it, so a tenant has one
// order of everything that happened to it.
package journal

import (
	"crypto/sha256"
	"encoding/binary"
	"time"

	"github.com/go-json-experiment/json"

	"github.com/usance/usance"
	"github.com/usance/usance/store"
)

// Kind says what an entry records. The numbers are part of the format.
type Kind uint8

// The kinds of entry.
const (
	Event      Kind = 1 // usage happened
	Definition Kind = 2 // a definition was put or deleted
	Resource   Kind = 3 // a resource was put or deleted
	Hold       Kind = 4 // a hold was made, settled, extended, released, or expired
	Correction Kind = 5 // an event was voided or amended
	Move       Kind = 6 // a node was moved, with everything below it
	Range      Kind = 7 // a range of events was to be voided, was voided in part, or was brought back
)

// changes reports a kind of entry whose content is a Change.
func (k Kind) changes() bool {
	switch k {
	case Definition, Resource, Hold, Correction, Move, Range:
		return true
	}
	return false
}

// Change is the content of every entry but an Event: the row as stored before and
// after, and of a Move where the node was and where it is. Secrets appear only sealed or hashed, as they are stored.
type Change struct {
	Type   string // "tenant", "node", "meter", "quota", "user", "key", "token", "mapping", "resource", "hold"
	Name   string
	Before []byte // JSON; nil when there was nothing
	After  []byte // JSON; nil when it was deleted
}

// Entry is one thing that happened to a tenant.
type Entry struct {
	Sequence uint64
	Kind     Kind
	At       time.Time // when it was recorded
	Actor    usance.Actor
	Event    usance.Event // Kind Event
	Stated   bool         // Kind Event: the sender stated the time
	Change   Change       // other kinds
}

// Head is the tenant's one head row.
type Head struct {
	Sequence    uint64    // of the newest entry
	Definitions uint64    // sequence of the newest Definition entry: the definitions' version
	Events      uint64    // events stored
	Newest      time.Time // latest time of any event; zero when there is none
	Chain       [32]byte  // hash over every entry so far
}

// Gone reports that the tenant was deleted: it had entries, and has no definitions
// any more. Its head is kept, so that no entry ever has one of their numbers again.
func (h Head) Gone() bool { return h.Sequence > 0 && h.Definitions == 0 }

// HeadKey names the head row. Every step that appends loads it.
var HeadKey = store.Key{Table: store.Head}

// ReadHead returns the tenant's head; a tenant that never existed has the zero
// Head.
func ReadHead(rows *store.Rows) (Head, error) {
	b, ok := rows.Get(store.Head, "")
	if !ok {
		return Head{}, nil
	}
	return DecodeHead(b)
}

// DecodeHead is ReadHead for whoever has the value of the row HeadKey.
func DecodeHead(b []byte) (Head, error) {
	var h Head
	d := decoder{b: b}
	if d.byte() != headVersion {
		return h, usance.ErrCorrupt
	}
	h.Sequence, h.Definitions, h.Events = d.uvarint(), d.uvarint(), d.uvarint()
	if h.Events > 0 {
		h.Newest = d.time()
	}
	if d.err || copy(h.Chain[:], d.b) != len(h.Chain) || len(d.b) != len(h.Chain) {
		return h, usance.ErrCorrupt
	}
	return h, nil
}

const headVersion = 1

func (h Head) encode() []byte {
	b := make([]byte, 0, 80)
	b = append(b, headVersion)
	b = binary.AppendUvarint(b, h.Sequence)
	b = binary.AppendUvarint(b, h.Definitions)
	b = binary.AppendUvarint(b, h.Events)
	if h.Events > 0 {
		b = appendTime(b, h.Newest)
	}
	return append(b, h.Chain[:]...)
}

// Append gives the entries the next sequence numbers, saves them as one block and
// moves the head. It returns the new head. The entries' Sequence fields are set.
func Append(rows *store.Rows, head Head, entries []Entry) (Head, error) {
	if len(entries) == 0 {
		return head, nil
	}
	first := head.Sequence + 1
	for i := range entries {
		head = head.past(&entries[i])
		entries[i].Sequence = head.Sequence
		if entries[i].Kind == Definition {
			rows.Put(store.History, BlockID(head.Sequence), encodeHistory(entries[i].Change))
		}
	}
	room := newCodec().borrow()
	defer newCodec().giveBack(room)
	raw := room.rawOf(entries)
	head.Chain = chain(head.Chain, first, raw)
	rows.Put(store.Blocks, BlockID(first), room.encodeBlock(raw, len(entries)))
	rows.Put(store.Head, "", head.encode())
	return head, nil
}

// past returns the head once an entry is behind it, but for the chain.
func (h Head) past(e *Entry) Head {
	h.Sequence++
	switch e.Kind {
	case Event:
		h.Events++
		if t := e.Event.Time; t.After(h.Newest) || h.Events == 1 {
			h.Newest = t
		}
	case Correction:
		// An amended event may lie later than any did.
		if t := e.Change.eventTime(); t.After(h.Newest) {
			h.Newest = t
		}
	case Definition:
		h.Definitions = h.Sequence
	}
	return h
}

// eventTime is the time that a correction gives an event; the zero time when it
// gives none.
func (c *Change) eventTime() time.Time {
	var after struct {
		Event struct {
			Time time.Time `json:"time"`
		} `json:"event"`
	}
	if json.Unmarshal(c.After, &after) != nil {
		return time.Time{} // not one that the ledger writes
	}
	return after.Event.Time
}

// Past returns the head once a whole block is behind it.
func (h Head) Past(b Block) Head {
	for i := range b.Entries {
		h = h.past(&b.Entries[i])
	}
	h.Chain = b.Chain
	return h
}

// chain extends the hash chain by one block's entries.
func chain(before [32]byte, first uint64, raw []byte) [32]byte {
	h := sha256.New()
	h.Write(before[:])
	var seq [8]byte
	binary.BigEndian.PutUint64(seq[:], first)
	h.Write(seq[:])
	h.Write(raw)
	return [32]byte(h.Sum(nil))
}

// BlockID is the id of the block whose first entry has that sequence.
func BlockID(first uint64) string {
	return string(binary.BigEndian.AppendUint64(nil, first))
}
