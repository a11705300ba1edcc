package transfer

import (
	"context"
	"crypto/rand"
	"errors"
	"io"
	"strings"
	"time"

	"github.com/go-json-experiment/json"

	"github.com/usance/usance"
	"github.com/usance/usance/internal/archive"
	"github.com/usance/usance/internal/journal"
	"github.com/usance/usance/registry"
	"github.com/usance/usance/store"
)

// Import says how to bring a tenant in.
type Import struct {
	Actor      usance.Actor // who is recorded for what the import itself changes
	Passphrase string       // opens the archive's secrets; "" leaves them closed

	// Progress, if not nil, is told what is being done ("storing", "folding",
	// "saving") and how far it is, in entries or rows; of is 0 when it is not known.
	Progress func(stage string, done, of uint64)
}

func (i *Import) progress(stage string, done, of uint64) {
	if i.Progress != nil {
		i.Progress(stage, done, of)
	}
}

// Imported is what came of an import.
type Imported struct {
	Tenant   usance.TenantID
	Archived uint64 // the sequence of the archive's last entry
	Sequence uint64 // of the tenant's newest entry: past Archived when keys were sealed anew
	Events   uint64
	Sealed   int               // signing keys sealed anew for this store
	Lost     []registry.KeyRef // signing keys whose secrets stayed behind
	Already  bool              // the same archive had been imported before; nothing was done
}

// Arrival says how far an import is.
type Arrival struct {
	archive.Header
	Stored uint64       `json:"stored"` // entries that are there; an import goes on after them
	Chain  archive.Hash `json:"stored_chain"`
	Done   bool         `json:"done,omitzero"`
	Run    string       `json:"run,omitzero"` // who works on it
	Keys   int          `json:"sealed,omitzero"`
	Lost   []string     `json:"lost,omitzero"`
	Copy   *place       `json:"copy,omitzero"` // it does not come from an archive but from another store
}

// name is under what its claims stand in the directory.
func (a *Arrival) name() string { return "import " + a.Header.Chain.String() }

// arriving is an import under way.
type arriving struct {
	*Mover
	Import
	tenant  usance.TenantID
	state   Arrival
	defs    *registry.Definitions
	secrets map[string]string
}

// Arrival returns how far the tenant's import is, and KindNotFound when there
// never was one.
func (m *Mover) Arrival(ctx context.Context, tenant usance.TenantID) (Arrival, error) {
	state, _, err := m.arrival(ctx, tenant)
	if err == nil && state == nil {
		return Arrival{}, usance.Errorf(usance.KindNotFound, "there is no import of tenant %q", tenant)
	}
	if err != nil {
		return Arrival{}, err
	}
	return *state, nil
}

func (m *Mover) arrival(ctx context.Context, tenant usance.TenantID) (*Arrival, journal.Head, error) {
	rows, err := m.Store.Load(ctx, tenant, store.Keys{Rows: []store.Key{journal.HeadKey, registry.ArrivalKey}})
	if err != nil {
		return nil, journal.Head{}, err
	}
	return readArrival(rows)
}

func readArrival(rows *store.Rows) (*Arrival, journal.Head, error) {
	head, err := journal.ReadHead(rows)
	if err != nil {
		return nil, head, err
	}
	b, ok := rows.Get(registry.ArrivalKey.Table, registry.ArrivalKey.ID)
	if !ok {
		return nil, head, nil
	}
	state := new(Arrival)
	return state, head, json.Unmarshal(b, state)
}

func putArrival(rows *store.Rows, a *Arrival) error {
	b, err := json.Marshal(a)
	if err == nil {
		rows.Put(registry.ArrivalKey.Table, registry.ArrivalKey.ID, b)
	}
	return err
}

// Import brings a tenant in from an archive: its entries as they are, and every
// view folded from them. The tenant appears whole at the end or not at all. An
// import that was interrupted is gone on with by importing the same archive
// again, whole or from the entry that Arrival names. KindConflict when the tenant
// exists, when another archive of it is arriving, or when names belong to others,
// each before anything is stored; importing an archive that has arrived changes
// nothing.
func (m *Mover) Import(ctx context.Context, tenant usance.TenantID, from *archive.Reader, how Import) (Imported, error) {
	if m.Scratch == nil {
		return Imported{}, usance.Errorf(usance.KindUnavailable, "this server has nowhere to fold a ledger")
	}
	a := &arriving{Mover: m, Import: how, tenant: tenant}
	before, err := a.begin(ctx, from)
	if err != nil {
		return Imported{}, err
	}
	if before != nil {
		return *before, nil
	}
	if err := a.store(ctx, from); err != nil {
		return Imported{}, err
	}
	due, err := a.fold(ctx)
	if err != nil {
		return Imported{}, err
	}
	return a.finish(ctx, due)
}

// begin refuses what can be refused and takes the arrival over. It returns an
// outcome when the archive has arrived before.
func (a *arriving) begin(ctx context.Context, from *archive.Reader) (*Imported, error) {
	h := from.Header
	switch {
	case a.tenant.Check() != nil || h.Tenant != a.tenant:
		return nil, usance.Errorf(usance.KindInvalid, "this is an archive of tenant %q, not of %q", h.Tenant, a.tenant)
	case h.Sequence == 0 || h.Definitions == 0 || len(from.Definitions) == 0:
		return nil, usance.Errorf(usance.KindInvalid, "the archive has no definitions: it is a part, to complete another")
	}
	rows := make([]store.Row, len(from.Definitions))
	for i, r := range from.Definitions {
		rows[i] = store.Row(r)
	}
	var err error
	if a.defs, err = registry.Restore(h.Definitions, rows); err != nil {
		return nil, &usance.Error{Kind: usance.KindInvalid, Detail: "the archive's definitions cannot be read; a newer release may have written it", Err: err}
	}
	if err := a.openSecrets(from); err != nil {
		return nil, err
	}
	if err := a.Registry.CheckID(ctx, a.tenant); err != nil {
		return nil, err
	}
	state, head, err := a.arrival(ctx, a.tenant)
	switch {
	case err != nil:
		return nil, err
	case head.Sequence > 0 && state != nil && state.Done && state.Same(h):
		return &Imported{Tenant: a.tenant, Archived: h.Sequence, Sequence: head.Sequence, Events: state.Events, Sealed: state.Keys, Lost: refs(state.Lost), Already: true}, nil
	case head.Sequence > 0:
		return nil, usance.Errorf(usance.KindConflict, "tenant %s exists already", a.tenant)
	case state != nil && (!state.Same(h) || state.Copy != nil):
		return nil, usance.Errorf(usance.KindConflict, "an import of another archive of tenant %s is unfinished: go on with that, or discard it", a.tenant)
	case state == nil && h.After > 0, state != nil && h.After > state.Stored:
		return nil, usance.Errorf(usance.KindConflict, "the archive begins after entry %d, and what is stored ends before", h.After)
	}
	fresh := Arrival{Header: h}
	admitted, err := a.Registry.Admit(ctx, a.tenant, a.defs, fresh.name())
	if err != nil {
		return nil, err
	}
	run := rand.Text()
	err = a.Store.Step(ctx, a.tenant, store.Keys{Rows: []store.Key{journal.HeadKey, registry.ArrivalKey, registry.FenceKey}}, func(rows *store.Rows) error {
		if err := admitted.Stands(rows); err != nil {
			return err
		}
		state, head, err := readArrival(rows)
		switch {
		case err != nil:
			return err
		case head.Sequence > 0 || state != nil && !state.Same(h):
			return usance.Errorf(usance.KindConflict, "tenant %s is being made by others", a.tenant)
		case state == nil:
			state = &fresh
			state.After, state.AfterChain = 0, archive.Hash{}
		}
		state.Run = run
		a.state = *state
		return putArrival(rows, state)
	})
	return nil, err
}

func (a *arriving) openSecrets(from *archive.Reader) error {
	if a.Passphrase == "" {
		return nil
	}
	if from.Sealed == nil {
		return usance.Errorf(usance.KindInvalid, "the archive holds no secrets for a passphrase to open")
	}
	list, err := archive.Open(a.Passphrase, from.Header, from.Sealed)
	if err != nil {
		return err
	}
	a.secrets = make(map[string]string, len(list))
	for _, s := range list {
		a.secrets[s.Name] = s.Secret
	}
	return nil
}

// step saves something of the arrival, unless another import of the tenant has
// taken over meanwhile.
func (a *arriving) step(ctx context.Context, fn func(rows *store.Rows) error) error {
	keys := store.Keys{Rows: []store.Key{journal.HeadKey, registry.ArrivalKey}}
	return a.Store.Step(ctx, a.tenant, keys, func(rows *store.Rows) error {
		state, head, err := readArrival(rows)
		if err != nil {
			return err
		}
		if state == nil || state.Run != a.state.Run || head.Sequence > 0 {
			return usance.Errorf(usance.KindConflict, "another import of tenant %s has taken over", a.tenant)
		}
		return fn(rows)
	})
}

// The bounds of a step that stores blocks.
const (
	stepBytes   = 4 << 20
	stepEntries = 20_000
)

// store saves the archive's blocks that are not there yet, and the dedup rows of
// their events.
func (a *arriving) store(ctx context.Context, from *archive.Reader) error {
	var pending []journal.Raw
	bytes, entries := 0, uint64(0)
	flush := func() error {
		if len(pending) == 0 {
			return nil
		}
		err := a.storeBlocks(ctx, pending)
		pending, bytes, entries = pending[:0], 0, 0
		return err
	}
	for {
		b, err := from.Next()
		if errors.Is(err, io.EOF) {
			return flush()
		}
		if err != nil {
			return errors.Join(err, flush()) // what came whole need not come again
		}
		if b.Last() <= a.state.Stored {
			continue
		}
		pending = append(pending, journal.Raw{First: b.First, Entries: b.Entries, Bytes: b.Raw})
		bytes, entries = bytes+len(b.Raw), entries+b.Entries
		if bytes >= stepBytes || entries >= stepEntries {
			if err := flush(); err != nil {
				return err
			}
			a.progress("storing", a.state.Stored, a.state.Sequence)
		}
	}
}

func (a *arriving) storeBlocks(ctx context.Context, blocks []journal.Raw) error {
	next := a.state
	var put []store.Change
	for _, b := range blocks {
		if b.First != next.Stored+1 {
			return usance.Errorf(usance.KindInvalid, "block %d does not follow entry %d, which is stored", b.First, next.Stored)
		}
		row := b.Row()
		put = append(put, store.Change{Key: store.Key{Table: store.Blocks, ID: row.ID}, Value: row.Value})
		err := b.Each(func(e *journal.Entry) error {
			if row, ok := dedupRow(e); ok {
				put = append(put, store.Change{Key: store.Key{Table: store.Dedup, ID: row.ID}, Value: row.Value})
			}
			return nil
		})
		if err != nil {
			return &usance.Error{Kind: usance.KindInvalid, Detail: "the archive has entries that cannot be read; a newer release may have written it", Err: err}
		}
		next.Stored, next.Chain = b.Last(), b.Chain(next.Chain)
	}
	err := a.step(ctx, func(rows *store.Rows) error {
		for _, c := range put {
			rows.Put(c.Table, c.ID, c.Value)
		}
		return putArrival(rows, &next)
	})
	if err == nil {
		a.state = next
	}
	return err
}

// fold makes every view of what is stored, elsewhere, and brings them here. It
// returns when the tenant next has something to expire.
func (a *arriving) fold(ctx context.Context) (due time.Time, err error) {
	scratch, err := a.Scratch()
	if err != nil {
		return due, err
	}
	defer func() { err = errors.Join(err, scratch.Close()) }()
	err = a.Ledger.Refold(ctx, a.tenant, a.head(), scratch, func(done, of uint64) { a.progress("folding", done, of) })
	if err != nil {
		return due, err
	}
	saved := uint64(0)
	for _, table := range views() {
		if err := a.clear(ctx, table); err != nil {
			return due, err
		}
		err := pages(ctx, scratch, a.tenant, table, func(page []store.Row) error {
			saved += uint64(len(page))
			a.progress("saving", saved, 0)
			return a.step(ctx, func(rows *store.Rows) error {
				for _, r := range page {
					rows.Put(table, r.ID, append([]byte{}, r.Value...))
				}
				return nil
			})
		})
		if err != nil {
			return due, err
		}
	}
	err = scratch.Due(ctx, usance.Latest, func(tenant usance.TenantID, at time.Time) error {
		due = at
		return nil
	})
	return due, err
}

func (a *arriving) head() journal.Head {
	return journal.Head{Sequence: a.state.Sequence, Definitions: a.state.Definitions, Events: a.state.Events, Newest: a.state.Newest, Chain: a.state.Header.Chain}
}

// clear removes what an earlier attempt left of a view.
func (a *arriving) clear(ctx context.Context, table store.Table) error {
	return pages(ctx, a.Store, a.tenant, table, func(page []store.Row) error {
		return a.step(ctx, func(rows *store.Rows) error {
			for _, r := range page {
				rows.Delete(table, r.ID)
			}
			return nil
		})
	})
}

// finish makes the tenant appear.
func (a *arriving) finish(ctx context.Context, due time.Time) (Imported, error) {
	changes, lost, err := a.Registry.Adopt(a.defs, a.secrets)
	if err != nil {
		return Imported{}, err
	}
	out := Imported{Tenant: a.tenant, Archived: a.state.Sequence, Events: a.state.Events, Sealed: len(changes), Lost: lost}
	at := a.Now().UTC()
	err = a.step(ctx, func(rows *store.Rows) error {
		head := a.head()
		journal.PutHead(rows, head)
		entries := make([]journal.Entry, len(changes))
		for i, c := range changes {
			entries[i] = journal.Entry{Kind: journal.Definition, At: at, Actor: a.Actor, Change: c}
			rows.Put(store.Definitions, c.Type+"\x00"+c.Name, append([]byte{}, c.After...))
		}
		head, err := journal.Append(rows, head, entries)
		if err != nil {
			return err
		}
		out.Sequence = head.Sequence
		if !due.IsZero() {
			rows.SetDue(due)
		}
		state := a.state
		state.Done, state.Run, state.Keys, state.Lost = true, "", len(changes), names(lost)
		return putArrival(rows, &state)
	})
	return out, err
}

func names(list []registry.KeyRef) (out []string) {
	for _, k := range list {
		out = append(out, string(k.Kind)+" "+k.ID)
	}
	return out
}

func refs(list []string) (out []registry.KeyRef) {
	for _, s := range list {
		kind, id, _ := strings.Cut(s, " ")
		out = append(out, registry.KeyRef{Kind: usance.KeyKind(kind), ID: id})
	}
	return out
}
