package pebblestore

import (
	"errors"
	"fmt"
	"iter"
	"slices"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/usance/usance"
	"github.com/usance/usance/store"
)

// A scan that goes on lets go of memory whose rows have gone to files, and sees each
// row once, in order, nonetheless.
func TestALongScanLetsGoOfWhatWasWrittenMeanwhile(t *testing.T) {
	s, err := Open("/data", Options{FS: vfs.NewMem(), MemTableBytes: 256 << 10})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}()
	put := func(tenant usance.TenantID, id string, value []byte) {
		t.Helper()
		err := s.Step(t.Context(), tenant, store.Keys{}, func(r *store.Rows) error {
			r.Put(store.Blocks, id, value)
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	want := []string{""}
	for i := range 200 {
		want = append(want, fmt.Sprintf("%03d", i))
	}
	for _, id := range want {
		put("read", id, []byte(id))
	}
	flush := func() { // so that a view begins that is of the next memory
		t.Helper()
		put("written", "row", nil)
		if err := s.db.Flush(); err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range []struct {
		r    store.Range
		want []string
	}{
		{store.Range{Table: store.Blocks}, want},
		{store.Range{Table: store.Blocks, From: "010", To: "150", Limit: 130}, want[11:141]},
		{store.Range{Table: store.Blocks, Reverse: true}, reversed(want)},
		{store.Range{Table: store.Blocks, From: "010", To: "150", Limit: 130, Reverse: true}, reversed(want[21:151])},
	} {
		var got []string
		err := s.Scan(t.Context(), "read", c.r, func(row store.Row) error {
			if string(row.Value) != row.ID {
				t.Errorf("row %q holds %q", row.ID, row.Value)
			}
			if got = append(got, row.ID); len(got)%7 == 0 {
				flush()
			}
			return nil
		})
		if err != nil || !slices.Equal(got, c.want) {
			t.Errorf("%+v: %q, %v", c.r, got, err)
		}
	}

	const scans = 10
	var list []func() (string, bool)
	for range scans {
		next, stop := iter.Pull(func(yield func(string) bool) {
			err := s.Scan(t.Context(), "read", store.Range{Table: store.Blocks}, func(row store.Row) error {
				if !yield(row.ID) {
					return errEnough
				}
				return nil
			})
			if !errors.Is(err, errEnough) {
				t.Error(err)
			}
		})
		defer stop()
		next()
		flush()
		list = append(list, next)
	}
	if held := s.db.Metrics().MemTable.ZombieCount; held < scans/2 {
		t.Fatalf("%d scans hold %d tables in memory: nothing is to be let go of", scans, held)
	}
	for _, next := range list {
		next()
	}
	if held := s.db.Metrics().MemTable.ZombieCount; held > 1 {
		t.Errorf("%d tables in memory are held by scans that went on", held)
	}
}

var errEnough = errors.New("enough")

func reversed(list []string) []string {
	list = slices.Clone(list)
	slices.Reverse(list)
	return list
}
