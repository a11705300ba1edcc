package reporting

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"github.com/jackc/pgx/v5"

	"github.com/usance/usance"
	"github.com/usance/usance/internal/journal"
	"github.com/usance/usance/ledger"
)

// chunk is how many rows are in memory at once on their way to a table.
const chunk = 2_000

var errEnough = errors.New("reporting: enough")

// follow reads the entries behind what is published, up to the head or as many as
// one transaction takes, into the table of events, and notes which numbers they
// change.
func (r *refresh) follow(ctx context.Context) error {
	if r.at.sequence == r.head.Sequence {
		return nil
	}
	from := r.at
	err := journal.Raws(ctx, r.Store, r.tenant, r.at.sequence, func(b journal.Raw) error {
		if b.Last() > r.head.Sequence || r.at.sequence-from.sequence >= uint64(r.Batch) {
			return errEnough
		}
		r.at.chain = b.Chain(r.at.chain)
		r.at.sequence = b.Last()
		return b.Each(func(e *journal.Entry) error { return r.entry(ctx, e) })
	})
	if err == nil || errors.Is(err, errEnough) {
		err = r.flushEvents(ctx)
	}
	switch {
	case errors.Is(err, usance.ErrCorrupt) && from.sequence > 0, // no block begins where the tables end
		err == nil && r.at.sequence == from.sequence,
		err == nil && r.at.sequence == r.head.Sequence && r.at.chain != r.head.Chain:
		r.at = from
		return r.diverged()
	case err != nil:
		return err
	}
	return r.correct(ctx)
}

func (r *refresh) entry(ctx context.Context, e *journal.Entry) error {
	switch e.Kind {
	case journal.Event:
		return r.event(ctx, e)
	case journal.Definition:
		return r.definition(e)
	case journal.Resource:
		r.resources = true
	case journal.Correction:
		return r.correction(e)
	case journal.Range:
		return r.ranged(ctx, e)
	case journal.Move:
		return r.moved(ctx, e)
	}
	return nil
}

func (r *refresh) event(ctx context.Context, e *journal.Entry) error {
	ev := &e.Event
	r.pending = append(r.pending, []any{string(r.tenant), int64(e.Sequence), clean(ev.Source), clean(ev.ID), clean(ev.Type), clean(ev.Subject), string(ev.Node),
		ev.Time.Truncate(time.Microsecond), e.At.Truncate(time.Microsecond), storable(ev.Data), false, false})
	if len(r.pending) >= chunk {
		if err := r.flushEvents(ctx); err != nil {
			return err
		}
	}
	if !r.all {
		names, err := ledger.MetersOf(r.defs, ev)
		if err != nil { // counted under definitions that have changed since
			names = r.meters()
		}
		r.touch(names, ev.Node, ev.Time)
	}
	return nil
}

func (r *refresh) flushEvents(ctx context.Context) error {
	if len(r.pending) == 0 {
		return nil
	}
	_, err := r.tx.CopyFrom(ctx, pgx.Identifier{"events"},
		[]string{"tenant", "sequence", "source", "id", "type", "subject", "node", "time", "recorded", "data", "voided", "amended"}, pgx.CopyFromRows(r.pending))
	r.pending = r.pending[:0]
	return err
}

// definition has everything read again when meters or the days' bounds change.
func (r *refresh) definition(e *journal.Entry) error {
	switch e.Change.Type {
	case "meter":
		r.all = true
	case "tenant":
		var before, after usance.Tenant
		if e.Change.Before != nil {
			if err := json.Unmarshal(e.Change.Before, &before); err != nil {
				return usance.ErrCorrupt
			}
		}
		if e.Change.After != nil {
			if err := json.Unmarshal(e.Change.After, &after); err != nil {
				return usance.ErrCorrupt
			}
		}
		r.all = r.all || before.Timezone != after.Timezone
	}
	return nil
}

func (r *refresh) correction(e *journal.Entry) error {
	runs, err := ledger.Corrected(e)
	for _, run := range runs {
		r.corrected[run[0]] = r.corrected[run[0]] || e.Change.Type == "amend"
	}
	return err
}

// ranged voids or brings back the events of a batch. None of them was ever
// amended, so each is as the table has it.
func (r *refresh) ranged(ctx context.Context, e *journal.Entry) error {
	runs, err := ledger.Corrected(e)
	if err != nil || len(runs) == 0 {
		return err
	}
	var now ledger.RangeCorrection
	if err := json.Unmarshal(e.Change.After, &now); err != nil {
		return usance.ErrCorrupt
	}
	if err := r.flushEvents(ctx); err != nil {
		return err
	}
	void := now.State == ledger.RangeApplying || now.State == ledger.RangeApplied
	for part := range slices.Chunk(runs, chunk) {
		froms, tos := make([]int64, len(part)), make([]int64, len(part))
		for i, run := range part {
			froms[i], tos[i] = int64(run[0]), int64(run[0]+run[1])
		}
		rows, err := r.tx.Query(ctx, `update events e set voided = $4 from unnest($2::bigint[], $3::bigint[]) as run(first, past)
			where e.tenant = $1 and e.sequence >= run.first and e.sequence < run.past returning e.node, e.time`, string(r.tenant), froms, tos, void)
		if err != nil {
			return err
		}
		if err := r.touchRows(rows); err != nil {
			return err
		}
	}
	return nil
}

// touchRows notes every meter at the nodes and times of rows of events.
func (r *refresh) touchRows(rows pgx.Rows) error {
	meters := r.meters()
	var node string
	var at time.Time
	_, err := pgx.ForEachRow(rows, []any{&node, &at}, func() error {
		r.touch(meters, usance.Path(node), at)
		return nil
	})
	return err
}

// moved takes the events of a node along. Their numbers are the ones of other
// nodes now.
func (r *refresh) moved(ctx context.Context, e *journal.Entry) error {
	from, to, err := ledger.MovedBy(e)
	if err != nil {
		return err
	}
	r.all, r.resources = true, true
	if err := r.flushEvents(ctx); err != nil {
		return err
	}
	_, err = r.tx.Exec(ctx, `update events set node = $3::text || substr(node, length($2::text) + 1) where tenant = $1 and (node = $2 or starts_with(node, $2 || '/'))`,
		string(r.tenant), string(from), string(to))
	return err
}

// correct reads the events that were corrected one by one as they counted when the
// newest entry was published.
func (r *refresh) correct(ctx context.Context) error {
	list := make([]uint64, 0, len(r.corrected))
	for sequence := range r.corrected {
		list = append(list, sequence)
	}
	slices.Sort(list)
	for part := range slices.Chunk(list, chunk) {
		var batch pgx.Batch
		ids := make([]int64, len(part))
		for i, sequence := range part {
			ids[i] = int64(sequence)
			e, err := r.Ledger.EventAt(ctx, r.tenant, sequence, r.at.sequence)
			if err != nil {
				return err
			}
			r.touch(r.meters(), e.Node, e.Time)
			batch.Queue(`update events set type = $3, subject = $4, node = $5, time = $6, data = $7, voided = $8, amended = amended or $9 where tenant = $1 and sequence = $2`,
				string(r.tenant), ids[i], clean(e.Type), clean(e.Subject), string(e.Node), e.Time.Truncate(time.Microsecond), storable(e.Data), e.Voided, r.corrected[sequence])
		}
		rows, err := r.tx.Query(ctx, `select node, time from events where tenant = $1 and sequence = any($2)`, string(r.tenant), ids)
		if err != nil {
			return err
		}
		if err := r.touchRows(rows); err != nil {
			return err
		}
		if err := r.tx.SendBatch(ctx, &batch).Close(); err != nil {
			return err
		}
	}
	return nil
}

// clean is text as PostgreSQL holds it: it knows no NUL.
func clean(s string) string { return strings.ReplaceAll(s, "\x00", "\uFFFD") }

// storable is an event's data as jsonb, nil for none. What jsonb does not hold (the
// character NUL, numbers of very many digits) makes it a JSON string of the text.
func storable(data []byte) []byte {
	if data == nil || fits(data) {
		return data
	}
	b, err := jsontext.AppendQuote(nil, strings.ToValidUTF8(clean(string(data)), "\uFFFD"))
	if err != nil {
		return []byte(`null`) // there is nothing that it refuses of valid text
	}
	return b
}

// fits reports that jsonb holds the JSON text.
func fits(data []byte) bool {
	text := false // within a string
	for i := 0; i < len(data); i++ {
		switch c := data[i]; {
		case c == '"':
			text = !text
		case text && c == '\\':
			if i++; i+4 < len(data) && data[i] == 'u' && string(data[i+1:i+5]) == "0000" {
				return false
			}
		case !text && (c == 'e' || c == 'E') && i > 0 && data[i-1] >= '0' && data[i-1] <= '9':
			digits := i + 1
			for digits < len(data) && (data[digits] >= '0' && data[digits] <= '9' || data[digits] == '-' || data[digits] == '+') {
				digits++
			}
			if digits-i > 5 {
				return false
			}
		}
	}
	return true
}
