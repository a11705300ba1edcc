package pgstore

import (
	"context"
	"math"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/usance/usance"
	"github.com/usance/usance/store"
)

// The bounds of a page of Scan and Due. No connection is held between pages, so
// the caller's function may take its time and use the store.
const (
	pageRows  = 2000
	pageBytes = 4 << 20
)

// Scan implements store.Store. It reads page by page, each as of its own moment.
func (s *Store) Scan(ctx context.Context, id usance.TenantID, r store.Range, fn func(store.Row) error) error {
	if err := s.enter(ctx); err != nil {
		return err
	}
	defer s.leave()
	for {
		most := pageRows
		if r.Limit > 0 {
			most = min(most, r.Limit)
		}
		page, size, err := s.page(ctx, id, r, most)
		if err != nil {
			return err
		}
		for _, row := range page {
			if err := ctx.Err(); err != nil {
				return err
			}
			if err := fn(row); err != nil {
				return err
			}
		}
		if len(page) == 0 || len(page) < most && size < pageBytes {
			return nil
		}
		var more bool
		if r, more = r.Behind(page[len(page)-1].ID, len(page)); !more {
			return nil
		}
	}
}

// page reads up to most rows, and fewer when they are large: it is full with the
// row that takes it to pageBytes.
func (s *Store) page(ctx context.Context, id usance.TenantID, r store.Range, most int) (page []store.Row, size int, err error) {
	args := append(ranged(id, r, most), int64(pageBytes))
	page, err = query(ctx, s, collectRange, s.sql.pages[shapeOf(r)], args...)
	for _, row := range page {
		size += len(row.Value)
	}
	return page, size, err
}

// query runs one reading statement.
func query[T any](ctx context.Context, s *Store, collect func(pgx.Rows) (T, error), sql string, args ...any) (T, error) {
	var out T
	err := s.retry(ctx, func() error {
		c, err := s.acquire(ctx)
		if err != nil {
			return err
		}
		defer c.Release()
		ctx, cancel := s.trip(ctx)
		defer cancel()
		rows, err := c.Query(ctx, sql, args...)
		if err != nil {
			return err
		}
		out, err = collect(rows)
		return err
	})
	if err != nil {
		return out, s.explain(ctx, err)
	}
	return out, nil
}

// Peek implements store.Peeker: one trip, under Citus to the nodes that have the
// tenants.
func (s *Store) Peek(ctx context.Context, tenants []usance.TenantID, key store.Key) (map[usance.TenantID][]byte, error) {
	if err := s.enter(ctx); err != nil {
		return nil, err
	}
	defer s.leave()
	ids := make([]string, len(tenants))
	for i, tenant := range tenants {
		ids[i] = string(tenant)
	}
	return query(ctx, s, collectPeek, s.sql.peek, ids, int16(key.Table), []byte(key.ID))
}

func collectPeek(rows pgx.Rows) (map[usance.TenantID][]byte, error) {
	out := map[usance.TenantID][]byte{}
	var tenant string
	var value []byte
	_, err := pgx.ForEachRow(rows, []any{&tenant, &value}, func() error {
		out[usance.TenantID(tenant)] = value
		value = nil
		return nil
	})
	return out, err
}

type dueTenant struct {
	at int64
	id usance.TenantID
}

// Due implements store.Store. It reads page by page: a tenant whose due time a
// step sets anew meanwhile, to a later one that is not after now, is listed
// again, because it is due again.
func (s *Store) Due(ctx context.Context, now time.Time, fn func(usance.TenantID, time.Time) error) error {
	if err := s.enter(ctx); err != nil {
		return err
	}
	defer s.leave()
	for last := (dueTenant{at: math.MinInt64}); ; {
		page, err := query(ctx, s, collectDue, s.sql.dues, nanoseconds(now), last.at, string(last.id), pageRows)
		if err != nil {
			return err
		}
		for _, d := range page {
			if err := ctx.Err(); err != nil {
				return err
			}
			if err := fn(d.id, time.Unix(0, d.at).UTC()); err != nil {
				return err
			}
		}
		if len(page) < pageRows {
			return nil
		}
		last = page[len(page)-1]
	}
}

func collectDue(rows pgx.Rows) ([]dueTenant, error) {
	return pgx.CollectRows(rows, func(row pgx.CollectableRow) (d dueTenant, err error) {
		var id string
		err = row.Scan(&d.at, &id)
		d.id = usance.TenantID(id)
		return d, err
	})
}

// nanoseconds returns t as it is kept: nanoseconds since 1970, which reach past
// usance.Earliest and usance.Latest on both sides. nil is never. Times beyond
// those bounds become the bounds' neighbours.
func nanoseconds(t time.Time) *int64 {
	if t.IsZero() {
		return nil
	}
	var n int64
	switch {
	case t.Before(usance.Earliest):
		n = usance.Earliest.UnixNano() - 1
	case t.After(usance.Latest):
		n = usance.Latest.UnixNano() + 1
	default:
		n = t.UnixNano()
	}
	return &n
}
