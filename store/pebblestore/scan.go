package pebblestore

import (
	"context"
	"time"

	"github.com/cockroachdb/pebble/v2"

	"github.com/usance/usance"
	"github.com/usance/usance/store"
)

// Scan implements store.Store. It sees the tenant as of one moment.
func (s *Store) Scan(ctx context.Context, id usance.TenantID, r store.Range, fn func(store.Row) error) error {
	return s.iterate(ctx, nil, func(it *pebble.Iterator) error {
		if err := s.settle(ctx, s.tenants.pending(id)); err != nil {
			return err
		}
		return each(it, rowsOf(id), r, func(row store.Row) error {
			if err := ctx.Err(); err != nil {
				return err
			}
			return fn(row)
		})
	})
}

// Due implements store.Store. It sees the tenants as of one moment.
func (s *Store) Due(ctx context.Context, now time.Time, fn func(usance.TenantID, time.Time) error) error {
	opts := &pebble.IterOptions{
		LowerBound: []byte{spaceDue},
		UpperBound: successor(appendTime([]byte{spaceDue}, now)),
	}
	return s.iterate(ctx, opts, func(it *pebble.Iterator) error {
		for valid := it.First(); valid; valid = it.Next() {
			at, err := decodeTime(it.Key()[1:min(1+timeBytes, len(it.Key()))])
			if err != nil {
				return broken(err)
			}
			id := usance.TenantID(it.Key()[1+timeBytes:])
			if err := s.settle(ctx, s.tenants.pending(id)); err != nil {
				return err
			}
			if err := ctx.Err(); err != nil {
				return err
			}
			if err := fn(id, at); err != nil {
				return err
			}
		}
		return nil
	})
}

func (s *Store) iterate(ctx context.Context, opts *pebble.IterOptions, fn func(*pebble.Iterator) error) (err error) {
	if err := s.enter(ctx); err != nil {
		return err
	}
	defer s.leave()
	it, err := s.db.NewIter(opts)
	if err != nil {
		return broken(err)
	}
	defer func() {
		if closeErr := it.Close(); closeErr != nil && err == nil {
			err = broken(closeErr)
		}
	}()
	return fn(it)
}
