package store

import (
	"context"
	"encoding/binary"
	"fmt"

	"github.com/usance/usance"
)

// Format is the version of what rows hold, the same in every engine: the tables,
// the encodings of their values, the kinds of entries. A change that an older
// release would misread adds one, and says in docs/operations.md what becomes of
// stores that have the version before. How an engine lays rows out is a version
// of its own.
const Format = 1

var formatKey = Key{Table: Head, ID: "format"}

// CheckFormat refuses a store that a newer release has written, and marks one
// that has no mark yet or an older one. Whoever serves or changes a store calls it
// first.
func CheckFormat(ctx context.Context, s Store) error {
	keys := Keys{Rows: []Key{formatKey}}
	rows, err := s.Load(ctx, usance.System, keys)
	if err != nil {
		return err
	}
	if found, err := readFormat(rows); err != nil || found == Format {
		return err
	}
	return s.Step(ctx, usance.System, keys, func(rows *Rows) error {
		if _, err := readFormat(rows); err != nil {
			return err
		}
		rows.Put(formatKey.Table, formatKey.ID, binary.AppendUvarint(nil, Format))
		return nil
	})
}

func readFormat(rows *Rows) (uint64, error) {
	b, ok := rows.Get(formatKey.Table, formatKey.ID)
	if !ok {
		return 0, nil
	}
	found, n := binary.Uvarint(b)
	if n != len(b) {
		return 0, fmt.Errorf("%w: the store's format version", usance.ErrCorrupt)
	}
	if found > Format {
		return 0, usance.Errorf(usance.KindInvalid, "the store's rows have format %d and this release knows only up to %d: a newer release wrote it; go on with that, or restore a backup from before", found, Format)
	}
	return found, nil
}
