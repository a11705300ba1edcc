package main

import (
	"encoding/binary"
	"log/slog"
	"strings"
	"testing"

	"github.com/usance/usance"
	"github.com/usance/usance/store"
)

func TestAStoreOfANewerReleaseIsRefusedByName(t *testing.T) {
	dir, log := t.TempDir(), slog.New(slog.DiscardHandler)
	for _, c := range []struct {
		row  []byte // what stands there before the store is opened
		want string
	}{{nil, ""}, {binary.AppendUvarint(nil, store.Format), ""}, {binary.AppendUvarint(nil, store.Format+1), "newer release"}, {[]byte{0x80}, "corrupt"}} {
		st, _, err := openEngine(t.Context(), "", dir, minMemory, false, log)
		if err != nil {
			t.Fatal(err)
		}
		err = st.Step(t.Context(), usance.System, store.Keys{}, func(rows *store.Rows) error {
			if rows.Delete(store.Head, "format"); c.row != nil {
				rows.Put(store.Head, "format", c.row)
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		if err := st.Close(); err != nil {
			t.Fatal(err)
		}
		for range 2 { // a refusal leaves the folder closed and as it was
			st, _, err := openStore(t.Context(), "", dir, minMemory, false, log)
			if err == nil {
				err = st.Close()
			}
			if got := errorText(err); c.want == "" && err != nil || !strings.Contains(got, c.want) {
				t.Errorf("with %x: %v", c.row, err)
			}
		}
	}
}

func errorText(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}
