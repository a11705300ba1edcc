package ledger

import (
	"context"
	"errors"
	"slices"
	"sort"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/usance/usance"
	"github.com/usance/usance/internal/journal"
	"github.com/usance/usance/registry"
	"github.com/usance/usance/store"
)

// AuditFilter selects control changes: what was done to definitions, resources,
// holds, and to events after they were recorded.
type AuditFilter struct {
	From, To                 time.Time // [From, To) of when it was recorded; zero leaves that side open
	FromSequence, ToSequence uint64    // [FromSequence, ToSequence); 0 leaves that side open
	Type                     string    // tenant, node, meter, quota, user, key, token, resource, hold, event or correction; "" for any
	Actor                    string    // such as "token:collector"; "" for any
	Before                   uint64    // of the page before: its Next; 0 for the newest
	Limit                    int       // 1 to usance.MaxPageSize
}

// auditTypes are the types of what is changed.
var auditTypes = []string{"tenant", "node", "meter", "quota", "user", "key", "token", "mapping", "resource", "hold", "event", "correction"}

// AuditEntry is one control change. Secrets, sealed or hashed, are left out of
// Before and After.
type AuditEntry struct {
	Sequence uint64
	At       time.Time
	Actor    usance.Actor
	Op       string // create, update, delete; of nodes move, too; of holds reserve, settle, extend, release, expire, move; of events void, amend; of corrections propose, approve, void, revert, restore, discard
	Type     string
	Name     string // a quota's has its node and meter, an event's its source and id, with a blank between
	Before   []byte // JSON; nil when there was nothing
	After    []byte // JSON; nil when it was deleted
}

// AuditPage is one page of control changes, newest first. A page may have fewer
// than its limit and yet a next one, since the work for a page is bounded.
type AuditPage struct {
	Sequence uint64
	Entries  []AuditEntry
	Next     uint64 // Before of the next page; 0 at the end
}

// maxAuditRead bounds the entries looked through for one page.
const maxAuditRead = 200_000

// clocksAgree is how far the clocks of the processes that wrote a ledger, over all
// its life, are trusted to have agreed. Entries are in the order of their
// sequence, and only about in that of their times.
const clocksAgree = 24 * time.Hour

// Audit returns a page of what was done to the tenant, newest first. Holds whose
// time is up are ended first, so that the trail has it.
func (l *Ledger) Audit(ctx context.Context, tenant usance.TenantID, f AuditFilter) (AuditPage, error) {
	if f.Limit < 1 || f.Limit > usance.MaxPageSize {
		return AuditPage{}, usance.Errorf(usance.KindInvalid, "a page has 1 to %d rows", usance.MaxPageSize)
	}
	if f.Type != "" && !slices.Contains(auditTypes, f.Type) {
		return AuditPage{}, usance.Errorf(usance.KindInvalid, "type %q: the types are %s", f.Type, strings.Join(auditTypes, ", "))
	}
	var head journal.Head
	err := l.read(ctx, tenant, func(*registry.Definitions) (store.Keys, error) { return store.Keys{}, nil },
		func(_ *registry.Definitions, _ *store.Rows, now journal.Head) error {
			head = now
			return nil
		})
	if err != nil {
		return AuditPage{}, err
	}
	a := audit{filter: f, page: AuditPage{Sequence: head.Sequence}}
	if a.from, a.to, err = l.auditBounds(ctx, tenant, f, head.Sequence+1); err != nil || a.from >= a.to {
		return a.page, err
	}
	span := store.Range{Table: store.Blocks, To: journal.BlockID(a.to), Reverse: true}
	if err := l.st.Scan(ctx, tenant, span, a.block); err != nil && !errors.Is(err, errDone) {
		return AuditPage{}, err
	}
	return a.page, nil
}

// auditBounds works out between which sequences [from, to) a page looks. Times
// are found by halving, so that neither end costs what lies beyond it.
func (l *Ledger) auditBounds(ctx context.Context, tenant usance.TenantID, f AuditFilter, end uint64) (from, to uint64, err error) {
	from, to = max(f.FromSequence, 1), end
	for _, bound := range []uint64{f.ToSequence, f.Before} {
		if bound > 0 {
			to = min(to, bound)
		}
	}
	first := func(at time.Time) uint64 { // the first entry recorded at or after an instant
		return uint64(sort.Search(int(end)-1, func(i int) bool {
			if err != nil {
				return true
			}
			var e journal.Entry
			e, err = journal.At(ctx, l.st, tenant, uint64(i)+1)
			return err != nil || !e.At.Before(at)
		})) + 1
	}
	if !f.From.IsZero() {
		from = max(from, first(f.From.Add(-clocksAgree)))
	}
	if !f.To.IsZero() {
		to = min(to, first(f.To.Add(clocksAgree)))
	}
	return from, to, err
}

// audit collects one page, block by block from the newest.
type audit struct {
	filter   AuditFilter
	from, to uint64
	read     int
	page     AuditPage
}

func (a *audit) block(row store.Row) error {
	var found []AuditEntry
	first := a.to
	err := journal.DecodeBlock(row.ID, row.Value, func(e *journal.Entry) error {
		a.read++
		first = min(first, e.Sequence)
		if e.Sequence < a.from || e.Sequence >= a.to || !a.wants(e) {
			return nil
		}
		entry, err := auditEntry(e)
		found = append(found, entry)
		return err
	})
	if err != nil {
		return err
	}
	for _, e := range slices.Backward(found) {
		if len(a.page.Entries) == a.filter.Limit {
			a.page.Next = e.Sequence + 1
			return errDone
		}
		a.page.Entries = append(a.page.Entries, e)
	}
	if first <= a.from {
		return errDone
	}
	if a.to = first; a.read >= maxAuditRead {
		a.page.Next = first
		return errDone
	}
	return nil
}

func (a *audit) wants(e *journal.Entry) bool {
	f := &a.filter
	return e.Kind != journal.Event && (f.From.IsZero() || !e.At.Before(f.From)) && (f.To.IsZero() || e.At.Before(f.To)) &&
		(f.Actor == "" || f.Actor == e.Actor.Name) && (f.Type == "" || f.Type == auditType(e))
}

func auditType(e *journal.Entry) string {
	if e.Kind == journal.Correction {
		return "event"
	}
	return e.Change.Type // of a move, node
}

func auditEntry(e *journal.Entry) (AuditEntry, error) {
	out := AuditEntry{Sequence: e.Sequence, At: e.At, Actor: e.Actor, Type: auditType(e), Name: strings.ReplaceAll(e.Change.Name, "\x00", " ")}
	var err error
	if out.Before, err = withoutSecrets(e.Change.Before); err != nil {
		return out, err
	}
	if out.After, err = withoutSecrets(e.Change.After); err != nil {
		return out, err
	}
	out.Op, err = auditOp(e)
	return out, err
}

func auditOp(e *journal.Entry) (string, error) {
	switch {
	case e.Kind == journal.Correction:
		return e.Change.Type, nil
	case e.Kind == journal.Move:
		return "move", nil
	case e.Kind == journal.Range:
		return rangeOp(e.Change)
	case e.Kind == journal.Hold:
		old, next, err := holdsOf(e.Change)
		if err != nil {
			return "", err
		}
		return holdOp(old, next), nil
	case e.Change.Before == nil:
		return "create", nil
	case e.Change.After == nil:
		return "delete", nil
	}
	return "update", nil
}

func holdOp(old, next *usance.Hold) string {
	switch {
	case old == nil:
		return "reserve"
	case next.Node != old.Node:
		return "move"
	case next.Steps > old.Steps:
		return "settle"
	case next.State == usance.HoldReleased:
		return "release"
	case next.State == usance.HoldExpired:
		return "expire"
	}
	return "extend"
}

// withoutSecrets replaces what a row holds of passwords, keys and tokens, which
// is hashed or sealed already.
func withoutSecrets(row []byte) ([]byte, error) {
	if row == nil {
		return nil, nil
	}
	var members map[string]jsontext.Value
	if err := json.Unmarshal(row, &members); err != nil {
		return nil, err
	}
	hidden := false
	for _, name := range []string{"hash", "sealed"} {
		if _, ok := members[name]; ok {
			members[name], hidden = jsontext.Value(`"…"`), true
		}
	}
	if !hidden {
		return row, nil
	}
	return json.Marshal(members, json.Deterministic(true))
}
