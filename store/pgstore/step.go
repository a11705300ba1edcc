package pgstore

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/usance/usance"
	"github.com/usance/usance/store"
)

// statementBytes bounds the rows of one writing statement: an array of
// PostgreSQL's may not pass 1 GiB. More rows make more statements of the same
// trip.
const statementBytes = 64 << 20

// Step implements store.Store. The function runs again when the server could
// not carry the step out for a reason that may pass.
func (s *Store) Step(ctx context.Context, id usance.TenantID, keys store.Keys, fn func(*store.Rows) error) error {
	if err := s.enter(ctx); err != nil {
		return err
	}
	defer s.leave()
	give, err := s.turns.take(ctx, id, s.opts.Timeout)
	if err != nil {
		return err
	}
	defer give()
	q := newRequest(keys)
	var refusal error
	err = s.retry(ctx, func() error {
		var err error
		refusal, err = s.step(ctx, id, q, fn)
		return err
	})
	s.counts.steps.Add(1)
	if err != nil {
		return s.explain(ctx, err)
	}
	return refusal
}

// step runs once. refusal is the function's own error, or the fault of what it
// asked for.
func (s *Store) step(ctx context.Context, id usance.TenantID, q *request, fn func(*store.Rows) error) (refusal, err error) {
	c, err := s.acquire(ctx)
	if err != nil {
		return nil, err
	}
	defer c.Release() // which closes a connection that is still in a transaction
	rows, found, err := s.begin(ctx, c, id, q, beginStep)
	if err == nil && !found {
		rows, _, err = s.begin(ctx, c, id, q, rollback, beginStep)
	}
	if err != nil {
		return nil, err
	}
	if refusal = fn(rows); refusal != nil {
		s.rollback(ctx, c)
		return refusal, nil
	}
	changes, due, fault := rows.Outcome()
	slices.SortFunc(changes, func(a, b store.Change) int { return a.Compare(b.Key) }) // unsorted writers deadlock
	if fault == nil {
		fault = ctx.Err()
	}
	if fault != nil || len(changes) == 0 && due == nil {
		s.rollback(ctx, c)
		return fault, nil
	}
	return nil, s.save(ctx, c, id, changes, due)
}

// begin makes the first trip: it begins a transaction, takes the tenant's turn
// and reads. found is false when the tenant has no row to lock yet; the second
// try, which first ends the transaction of the first, adds one.
func (s *Store) begin(ctx context.Context, c *pgxpool.Conn, id usance.TenantID, q *request, opening ...string) (rows *store.Rows, found bool, err error) {
	var b pgx.Batch
	for _, sql := range opening {
		b.Queue(sql)
	}
	if len(opening) > 1 {
		b.Queue(s.sql.enrol, string(id))
	}
	before := b.Len()
	lock := s.sql.lock
	if s.server.citus() {
		lock = s.sql.hold
	}
	b.Queue(lock, string(id))
	q.queue(&b, &s.sql, id)
	ctx, cancel := s.trip(ctx)
	defer cancel()
	results := c.SendBatch(ctx, &b)
	defer func() { err = cmp.Or(err, results.Close()) }()
	for range before {
		if _, err := results.Exec(); err != nil {
			return nil, false, err
		}
	}
	tag, err := results.Exec()
	if err != nil {
		return nil, false, err
	}
	rows, err = q.collect(results)
	return rows, tag.RowsAffected() == 1, err
}

// save makes the second trip: it writes and commits, whether or not the caller
// still waits. Once it is sent, only the server knows the outcome. An error of
// the server for a statement before the commit says that nothing happened, and
// so does one for the commit itself, unless it ends the session or the commit
// has to reach another node. A commit that comes with a warning may be none: so
// Citus tells that it lost the worker while committing there, and PostgreSQL
// that it stopped waiting for its replica.
func (s *Store) save(ctx context.Context, c *pgxpool.Conn, id usance.TenantID, changes []store.Change, due *time.Time) error {
	var b pgx.Batch
	s.queueChanges(&b, id, changes)
	if due != nil {
		b.Queue(s.sql.due, string(id), nanoseconds(*due))
	}
	b.Queue(commit)
	ctx, cancel := s.trip(context.WithoutCancel(ctx))
	defer cancel()
	told := c.Conn().PgConn().CustomData()
	delete(told, warningKey)
	results := c.SendBatch(ctx, &b)
	defer func() { _ = results.Close() }() // the answer to the commit has said what happened
	for range b.Len() - 1 {
		if _, err := results.Exec(); err != nil {
			if _, ok := errors.AsType[*pgconn.PgError](err); ok {
				return err
			}
			return unknown(err)
		}
	}
	tag, err := results.Exec()
	if err != nil {
		if e, ok := errors.AsType[*pgconn.PgError](err); ok && e.SeverityUnlocalized == "ERROR" && !s.server.citus() {
			return err
		}
		return unknown(err)
	}
	if warning, ok := told[warningKey]; ok {
		return unknown(fmt.Errorf("the commit came with a warning: %v", warning))
	}
	if tag.String() != "COMMIT" {
		return fmt.Errorf("the commit ended as %q", tag)
	}
	s.ill.Store(nil)
	return nil
}

// oneByOne is up to how many rows a step writes by a statement each under Citus:
// an insert from arrays makes it commit in two phases, which costs more.
const oneByOne = 32

// queueChanges adds the writing statements; changes are sorted.
func (s *Store) queueChanges(b *pgx.Batch, id usance.TenantID, changes []store.Change) {
	var gone, put chunk
	few := s.server.citus() && len(changes) <= oneByOne
	for _, c := range changes {
		if c.Deleted {
			gone.add(c)
			continue
		}
		if few {
			b.Queue(s.sql.saveOne, string(id), int16(c.Table), []byte(c.ID), notNil(c.Value))
			continue
		}
		if put.add(c); put.bytes >= statementBytes {
			b.Queue(s.sql.save, string(id), put.tables, put.ids, put.values)
			put = chunk{}
		}
	}
	if len(put.ids) > 0 {
		b.Queue(s.sql.save, string(id), put.tables, put.ids, put.values)
	}
	if len(gone.ids) > 0 {
		b.Queue(s.sql.remove, string(id), gone.tables, gone.ids)
	}
}

// chunk is the arrays of one writing statement.
type chunk struct {
	tables      []int16
	ids, values [][]byte
	bytes       int
}

func (k *chunk) add(c store.Change) {
	value := notNil(c.Value)
	k.tables = append(k.tables, int16(c.Table))
	k.ids = append(k.ids, []byte(c.ID))
	k.values = append(k.values, value)
	k.bytes += len(c.ID) + len(value)
}

// notNil makes an empty value of none, which would be null.
func notNil(value []byte) []byte {
	if value == nil {
		return []byte{}
	}
	return value
}

// rollback ends a transaction that saves nothing. When it cannot, the connection
// is closed on release, and the server ends the transaction.
func (s *Store) rollback(ctx context.Context, c *pgxpool.Conn) {
	ctx, cancel := s.trip(context.WithoutCancel(ctx))
	defer cancel()
	if _, err := c.Exec(ctx, rollback); err != nil {
		s.opts.Logger.Debug("postgresql: rollback", "error", err)
	}
}

// Load implements store.Store.
func (s *Store) Load(ctx context.Context, id usance.TenantID, keys store.Keys) (*store.Rows, error) {
	if err := s.enter(ctx); err != nil {
		return nil, err
	}
	defer s.leave()
	q := newRequest(keys)
	if len(q.sorted) == 0 && len(keys.Ranges) == 0 {
		return store.NewRows(keys), nil
	}
	var rows *store.Rows
	err := s.retry(ctx, func() (err error) {
		c, err := s.acquire(ctx)
		if err != nil {
			return err
		}
		defer c.Release()
		rows, err = s.load(ctx, c, id, q)
		return err
	})
	if err != nil {
		return nil, s.explain(ctx, err)
	}
	return rows, nil
}

// load reads in one trip. One statement sees one moment by itself. Several see that
// of their transaction, which under Citus is one of a worker: when the shard has
// moved between them, they were of two workers and of two moments.
func (s *Store) load(ctx context.Context, c *pgxpool.Conn, id usance.TenantID, q *request) (rows *store.Rows, err error) {
	var b pgx.Batch
	several := q.statements() > 1
	seated := several && s.server.citus()
	if several {
		b.Queue(beginLoad)
	}
	if seated {
		b.Queue(s.sql.seat, string(id))
	}
	q.queue(&b, &s.sql, id)
	if seated {
		b.Queue(s.sql.seat, string(id))
	}
	if several {
		b.Queue(commit)
	}
	ctx, cancel := s.trip(ctx)
	defer cancel()
	results := c.SendBatch(ctx, &b)
	defer func() { err = cmp.Or(err, results.Close()) }()
	if several {
		if _, err := results.Exec(); err != nil {
			return nil, err
		}
	}
	if !seated {
		return q.collect(results)
	}
	first, err := readSeat(results)
	if err != nil {
		return nil, err
	}
	if rows, err = q.collect(results); err != nil {
		return nil, err
	}
	if last, err := readSeat(results); err != nil || last != first {
		return nil, cmp.Or(err, errMoved)
	}
	return rows, nil
}

// errMoved says that a load read from two nodes. It is tried again.
var errMoved = errors.New("pgstore: the tenant's rows moved to another node while they were read")

// readSeat reads the answer to the seat statement; empty for a tenant that was
// never written to, of whom there are no rows.
func readSeat(results pgx.BatchResults) (seat string, err error) {
	if err = results.QueryRow().Scan(&seat); errors.Is(err, pgx.ErrNoRows) {
		err = nil
	}
	return seat, err
}
