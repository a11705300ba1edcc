package pebblestore

import (
	"context"
	"errors"
	"time"

	"github.com/cockroachdb/pebble/v2"

	"github.com/usance/usance"
	"github.com/usance/usance/store"
)

// errOldView has a scan go on in a new view of the database.
var errOldView = errors.New("pebblestore: the view is old")

// Scan implements store.Store. A view of the database holds rows in memory, and
// files, that are out of use: when memory was written to a file meanwhile, it goes on
// in a new one. It sees a tenant to which nothing is written as of one moment.
func (s *Store) Scan(ctx context.Context, id usance.TenantID, r store.Range, fn func(store.Row) error) error {
	for {
		last, n := "", 0
		flushes := s.health.flushes.Load()
		err := s.iterate(ctx, nil, func(it *pebble.Iterator) error {
			if err := s.settle(ctx, s.tenants.pending(id)); err != nil {
				return err
			}
			return each(it, rowsOf(id), r, func(row store.Row) error {
				if err := ctx.Err(); err != nil {
					return err
				}
				if n > 0 && s.health.flushes.Load() != flushes {
					return errOldView
				}
				last = row.ID
				n++
				return fn(row)
			})
		})
		if !errors.Is(err, errOldView) {
			return err
		}
		var more bool
		if r, more = r.Behind(last, n); !more {
			return nil
		}
	}
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
