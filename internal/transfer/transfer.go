// Package transfer moves tenants: out of a store into an archive, out of an
// archive into a store, and from one store to another. What moves is the ledger,
// entry by entry, with its sequence numbers, times, actors and hash chain; what
// follows from it is folded again where it arrives. It also removes what tenants had
// that were deleted.
package transfer

import (
	"cmp"
	"context"
	"errors"
	"time"

	"github.com/usance/usance"
	"github.com/usance/usance/internal/archive"
	"github.com/usance/usance/internal/journal"
	"github.com/usance/usance/ledger"
	"github.com/usance/usance/registry"
	"github.com/usance/usance/store"
)

// Mover moves tenants out of and into one store. It is safe for concurrent use.
type Mover struct {
	Store    store.Store
	Registry *registry.Registry
	Ledger   *ledger.Ledger
	Now      func() time.Time
	Version  string // of this release, told in archives

	// Scratch opens an empty store to fold an arriving ledger in; closing it throws
	// it away. nil has imports refused.
	Scratch func() (store.Store, error)

	// DeletionSteps bounds the steps of one SweepDeletions; 0 means 40.
	DeletionSteps int
}

// Export says what to write.
type Export struct {
	// Passphrase hides the secrets of the signing keys, which then travel; without
	// one they stay behind.
	Passphrase string

	// Part, if not nil, completes an archive that broke off: it has that archive's
	// header, with After and AfterChain at its last whole block.
	Part *archive.Header

	// Flush is how many bytes of blocks go out before the stream is flushed, so that
	// an interruption leaves what can be gone on from; 0 means 8 MiB.
	Flush int
}

var errEnough = errors.New("transfer: enough")

// Begun is an export that is ready to be written: all that can be refused has
// been.
type Begun struct {
	Header archive.Header

	m       *Mover
	rows    []store.Row // the definitions
	sealed  []byte
	through uint64
	flush   int
}

// Export begins an archive of a tenant as it is now, however long writing it
// takes: a consistent prefix of its ledger. KindNotFound when there is no such
// tenant.
func (m *Mover) Export(ctx context.Context, tenant usance.TenantID, e Export) (*Begun, error) {
	rows, err := m.Store.Load(ctx, tenant, store.Keys{Rows: []store.Key{journal.HeadKey}, Ranges: []store.Range{{Table: store.Definitions}}})
	if err != nil {
		return nil, err
	}
	head, err := journal.ReadHead(rows)
	if err != nil {
		return nil, err
	}
	if head.Definitions == 0 {
		return nil, usance.Errorf(usance.KindNotFound, "there is no tenant %q", tenant)
	}
	b := &Begun{m: m, through: head.Sequence, flush: cmp.Or(e.Flush, 8<<20)}
	if e.Part != nil {
		if e.Part.Tenant != tenant || e.Part.Sequence > head.Sequence || e.Part.After >= e.Part.Sequence {
			return nil, usance.Errorf(usance.KindInvalid, "tenant %s has no entries %d to %d", tenant, e.Part.After+1, e.Part.Sequence)
		}
		b.Header, b.through = *e.Part, e.Part.Sequence
		return b, nil
	}
	b.Header = archive.Header{By: m.Version, Made: m.Now().UTC(), Tenant: tenant, Sequence: head.Sequence, Chain: head.Chain,
		Definitions: head.Definitions, Events: head.Events, Newest: head.Newest}
	b.rows = rows.Range(0)
	if e.Passphrase == "" {
		return b, nil
	}
	defs, err := registry.Restore(head.Definitions, b.rows)
	if err != nil {
		return nil, err
	}
	secrets, err := m.Registry.Secrets(defs)
	if err != nil {
		return nil, err
	}
	list := make([]archive.Secret, 0, len(secrets))
	for name, secret := range secrets {
		list = append(list, archive.Secret{Name: name, Secret: secret})
	}
	b.sealed, err = archive.Seal(e.Passphrase, b.Header, list)
	return b, err
}

// Write writes the archive and returns the hash of the whole. When it fails, what
// was written has no trailer and is taken for whole by nobody. progress, if not
// nil, is told how many entries are written, of how many.
func (b *Begun) Write(ctx context.Context, to flusher, progress func(done, of uint64)) (archive.Hash, error) {
	w, err := archive.NewWriter(to, b.Header)
	if err != nil {
		return archive.Hash{}, err
	}
	if err := b.write(ctx, w, to, progress); err != nil {
		w.Abandon()
		return archive.Hash{}, err
	}
	sum, err := w.Close()
	if err != nil {
		return archive.Hash{}, err
	}
	return sum, to.Flush()
}

// flusher is where an archive is written to.
type flusher interface {
	Write(b []byte) (int, error)
	Flush() error
}

func (b *Begun) write(ctx context.Context, w *archive.Writer, to flusher, progress func(done, of uint64)) error {
	for _, r := range b.rows {
		if err := w.Definition(archive.Row{ID: r.ID, Value: r.Value}); err != nil {
			return err
		}
	}
	if b.sealed != nil {
		if err := w.Secrets(b.sealed); err != nil {
			return err
		}
	}
	if err := errors.Join(w.Flush(), to.Flush()); err != nil {
		return err
	}
	chain, unflushed := b.Header.AfterChain, 0
	err := journal.Raws(ctx, b.m.Store, b.Header.Tenant, b.Header.After, func(raw journal.Raw) error {
		if raw.First > b.through {
			return errEnough
		}
		chain = raw.Chain(chain)
		if err := w.Block(archive.Block{First: raw.First, Entries: raw.Entries, Raw: raw.Bytes}); err != nil {
			return err
		}
		if unflushed += len(raw.Bytes); unflushed >= b.flush {
			unflushed = 0
			if err := errors.Join(w.Flush(), to.Flush()); err != nil {
				return err
			}
		}
		if progress != nil {
			progress(raw.Last(), b.through)
		}
		return nil
	})
	broke := err != nil && !errors.Is(err, errEnough)
	if broke || chain != b.Header.Chain {
		if head, headErr := headOf(ctx, b.m.Store, b.Header.Tenant); headErr == nil && head.Definitions == 0 {
			return usance.Errorf(usance.KindNotFound, "tenant %s was deleted while it was exported", b.Header.Tenant)
		}
	}
	if broke {
		return err
	}
	if chain != b.Header.Chain {
		return &usance.Error{Kind: usance.KindInternal, Err: usance.ErrCorrupt,
			Detail: "the ledger's blocks do not give the hash chain that its head, or the archive to be completed, says"}
	}
	return nil
}
