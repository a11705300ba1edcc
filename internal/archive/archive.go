// Package archive is the file in which a tenant travels: its definitions, its
// secrets under a passphrase, and its ledger block by block. It knows bytes and
// hashes alone; what they mean is the business of those who write and read it.
//
// A file is a zstd stream of a magic line and frames. A frame is its kind, the
// length of its content, the content, and the SHA-256 of all of it chained to the
// hash of the frame before. So every frame is checked as it is read, none can be
// left out, repeated or moved, and the hash of the last is that of the whole.
package archive

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"hash"
	"time"

	"github.com/usance/usance"
)

// Format is the version of the file that this release writes. A change that
// older releases would misread adds one.
const Format = 1

const magic = "usance archive\n"

// The kinds of frames, in the order in which they come.
const (
	kindHeader      = 'H' // one: what the file is
	kindDefinitions = 'D' // pages of rows
	kindSecrets     = 'S' // one at most
	kindBlock       = 'B' // the ledger, oldest first
	kindTrailer     = 'T' // one: that this is all
)

// The bounds of a frame. maxFrame is above the largest block that a step writes.
const (
	maxSmall  = 64 << 20
	maxFrame  = 1 << 30
	pageBytes = 1 << 20
)

// Hash is a SHA-256, in hexadecimal digits where it is read by people.
type Hash [sha256.Size]byte

// MarshalText writes the hexadecimal digits.
func (h Hash) MarshalText() ([]byte, error) { return hex.AppendEncode(nil, h[:]), nil }

// UnmarshalText reads what MarshalText wrote.
func (h *Hash) UnmarshalText(text []byte) error {
	b, err := hex.AppendDecode(nil, text)
	if err != nil || len(b) != len(h) {
		return usance.Errorf(usance.KindInvalid, "a hash is %d hexadecimal digits", 2*len(h))
	}
	*h = Hash(b)
	return nil
}

func (h Hash) String() string { return hex.EncodeToString(h[:]) }

// Header says what a file holds: a tenant's ledger up to an entry.
type Header struct {
	Format      int             `json:"format"`
	By          string          `json:"by,omitzero"` // the release that wrote it
	Made        time.Time       `json:"made,omitzero"`
	Tenant      usance.TenantID `json:"tenant"`
	Sequence    uint64          `json:"sequence"` // of the last entry
	Chain       Hash            `json:"chain"`    // the ledger's hash chain at that entry
	Definitions uint64          `json:"definitions"`
	Events      uint64          `json:"events"`
	Newest      time.Time       `json:"newest,omitzero"` // latest time of any event

	// A part of a ledger begins after an entry; what is whole begins after 0. A part
	// that was made to complete a file has neither definitions nor secrets.
	After      uint64 `json:"after,omitzero"`
	AfterChain Hash   `json:"after_chain,omitzero"`
}

// Same reports whether two files hold the same entries of the same tenant.
func (h Header) Same(o Header) bool {
	return h.Tenant == o.Tenant && h.Sequence == o.Sequence && h.Chain == o.Chain
}

// Row is a definition as it is stored.
type Row struct {
	ID    string
	Value []byte
}

// Block is consecutive entries as the hash chain covers them.
type Block struct {
	First   uint64
	Entries uint64
	Raw     []byte
}

// Last is the sequence of the block's last entry.
func (b Block) Last() uint64 { return b.First + b.Entries - 1 }

// Chain returns the ledger's hash chain with the block, from that before it.
func (b Block) Chain(before Hash) Hash {
	h := sha256.New()
	h.Write(before[:])
	h.Write(binary.BigEndian.AppendUint64(nil, b.First))
	h.Write(b.Raw)
	return Hash(h.Sum(nil))
}

// Trailer ends a file.
type Trailer struct {
	Frames uint64 `json:"frames"` // before it
	Blocks uint64 `json:"blocks"`
	Last   uint64 `json:"last"` // the sequence of the last entry
}

// link is the running hash over frames.
type link struct {
	sum    Hash
	digest hash.Hash
}

func newLink() link {
	return link{sum: sha256.Sum256([]byte(magic)), digest: sha256.New()}
}

func (l *link) over(head, content []byte) Hash {
	l.digest.Reset()
	l.digest.Write(l.sum[:])
	l.digest.Write(head)
	l.digest.Write(content)
	l.digest.Sum(l.sum[:0])
	return l.sum
}

func frameHead(kind byte, size int) []byte {
	return binary.AppendUvarint([]byte{kind}, uint64(size))
}
