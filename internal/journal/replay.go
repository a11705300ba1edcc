package journal

import (
	"context"
	"encoding/binary"
	"fmt"

	"github.com/usance/usance"
	"github.com/usance/usance/store"
)

// Block is one append: entries with consecutive sequence numbers, and the hash
// of the chain once they are in it.
type Block struct {
	First   uint64
	Entries []Entry
	Chain   [32]byte
}

// Blocks calls fn on each of the tenant's blocks in order, with the hash chain
// recomputed from the entries. It fails on the first block that cannot be read or
// whose entries do not follow the block before.
func Blocks(ctx context.Context, st store.Store, tenant usance.TenantID, fn func(Block) error) error {
	var hash [32]byte
	next := uint64(1)
	return st.Scan(ctx, tenant, store.Range{Table: store.Blocks}, func(r store.Row) error {
		if len(r.ID) != 8 {
			return fmt.Errorf("block %q: %w", r.ID, usance.ErrCorrupt)
		}
		b := Block{First: binary.BigEndian.Uint64([]byte(r.ID))}
		if b.First != next {
			return fmt.Errorf("block %d: the ledger goes on with %d: %w", b.First, next, usance.ErrCorrupt)
		}
		raw, n, err := decompress(r.Value)
		if err != nil {
			return fmt.Errorf("block %d: %w", b.First, err)
		}
		hash = chain(hash, b.First, raw)
		b.Chain = hash
		b.Entries = make([]Entry, 0, n)
		err = DecodeBlock(r.ID, r.Value, func(e *Entry) error {
			b.Entries = append(b.Entries, *e)
			return nil
		})
		if err != nil {
			return fmt.Errorf("block %d: %w", b.First, err)
		}
		next += n
		return fn(b)
	})
}
