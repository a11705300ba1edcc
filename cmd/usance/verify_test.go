package main

import (
	"bytes"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/usance/usance"
	"github.com/usance/usance/registry"
	"github.com/usance/usance/store"
	"github.com/usance/usance/store/pebblestore"
)

// TestVerifyNamesAFaultAndFails puts a row into a folder's store that follows from
// nothing.
func TestVerifyNamesAFaultAndFails(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("TMPDIR", t.TempDir())
	change := func(fn func(st *pebblestore.Store) error) {
		t.Helper()
		st, err := pebblestore.Open(filepath.Join(dir, storeFolder), pebblestore.Options{CacheBytes: 1 << 20, MemTableBytes: 4 << 20})
		if err == nil {
			err = fn(st)
		}
		if err == nil {
			err = st.Close()
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	verify := func(want int) string {
		t.Helper()
		var out, errs bytes.Buffer
		if got := run(t.Context(), []string{"verify", "--data", dir}, strings.NewReader(""), &out, &errs, nil); got != want {
			t.Fatalf("exit code %d: %s%s", got, &out, &errs)
		}
		return out.String() + errs.String()
	}
	change(func(st *pebblestore.Store) error {
		reg, err := registry.New(st, registry.Options{Now: func() time.Time { return time.Date(2026, 3, 5, 12, 0, 0, 0, time.UTC) }})
		if err != nil {
			return err
		}
		for _, id := range []usance.TenantID{"acme", "beta"} {
			if _, err := reg.Edit(t.Context(), usance.Actor{Name: "test"}, id, registry.Edit{Tenant: &usance.Tenant{}}); err != nil {
				return err
			}
		}
		return nil
	})
	verify(exitDone)
	change(func(st *pebblestore.Store) error {
		return st.Step(t.Context(), "beta", store.Keys{}, func(rows *store.Rows) error {
			rows.Put(store.Members, "out of nowhere", []byte{1})
			return nil
		})
	})
	text := verify(exitFailed)
	for _, want := range []string{`members "out of nowhere" is stored and does not follow`, "1 of 2 tenants"} {
		if !strings.Contains(text, want) {
			t.Errorf("it does not say %s: %s", want, text)
		}
	}
	left, err := filepath.Glob(filepath.Join(t.TempDir(), "..", "*", "usance-verify-*"))
	if err != nil || len(left) > 0 {
		t.Errorf("%v is left behind, %v", left, err)
	}
}
