package journal

import (
	"context"
	"encoding/binary"
	"fmt"

	"github.com/usance/usance"
	"github.com/usance/usance/store"
)

// Raw is a block as the hash chain covers it: what a ledger is moved by. The
// chain over the same bytes is the same everywhere.
type Raw struct {
	First   uint64
	Entries uint64
	Bytes   []byte
}

// Last is the sequence of the block's last entry.
func (b Raw) Last() uint64 { return b.First + b.Entries - 1 }

// Chain returns the hash chain with the block, from that before it.
func (b Raw) Chain(before [32]byte) [32]byte { return chain(before, b.First, b.Bytes) }

// Row is the block as a store keeps it.
func (b Raw) Row() store.Row {
	return store.Row{ID: BlockID(b.First), Value: new(scratch).encodeBlock(b.Bytes, int(b.Entries))}
}

// Each calls fn on the block's entries. It is usance.ErrCorrupt when the bytes are
// not as many entries of kinds that this release knows.
func (b Raw) Each(fn func(*Entry) error) error {
	if err := decodeRaw(b.First, b.Bytes, b.Entries, fn); err != nil {
		return fmt.Errorf("block %d: %w", b.First, err)
	}
	return nil
}

// Raws calls fn on the tenant's blocks that begin after an entry, in order. It is
// usance.ErrCorrupt when a block cannot be read, when one is missing, and when no
// block begins just after that entry although the ledger goes on.
func Raws(ctx context.Context, st store.Store, tenant usance.TenantID, after uint64, fn func(Raw) error) error {
	next := after + 1
	return st.Scan(ctx, tenant, store.Range{Table: store.Blocks, From: BlockID(next)}, func(r store.Row) error {
		if len(r.ID) != 8 {
			return fmt.Errorf("block %q: %w", r.ID, usance.ErrCorrupt)
		}
		b := Raw{First: binary.BigEndian.Uint64([]byte(r.ID))}
		if b.First != next {
			return fmt.Errorf("block %d: the ledger goes on with %d: %w", b.First, next, usance.ErrCorrupt)
		}
		var err error
		if b.Bytes, b.Entries, err = decompress(r.Value); err != nil {
			return fmt.Errorf("block %d: %w", b.First, err)
		}
		next += b.Entries
		return fn(b)
	})
}

// PutHead saves a head row: for those who bring a ledger that was written
// elsewhere.
func PutHead(rows *store.Rows, h Head) { rows.Put(store.Head, "", h.encode()) }
