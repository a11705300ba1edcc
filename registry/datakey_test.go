package registry_test

import (
	"context"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/usance/usance"
	"github.com/usance/usance/registry"
	"github.com/usance/usance/store/pebblestore"
)

func emptyStore(t *testing.T) *pebblestore.Store {
	t.Helper()
	st, err := pebblestore.Open("db", pebblestore.Options{FS: vfs.NewMem()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := st.Close(); err != nil {
			t.Error(err)
		}
	})
	return st
}

func TestEveryProcessGetsTheStoresOneDataKey(t *testing.T) {
	st, ctx, master := emptyStore(t), context.Background(), [32]byte{7}
	if has, err := registry.HasDataKey(ctx, st); has || err != nil {
		t.Fatalf("an empty store has a data key: %v, %v", has, err)
	}
	first, err := registry.DataKey(ctx, st, master)
	if err != nil || first == master || first == ([32]byte{}) {
		t.Fatalf("the first data key: %x, %v", first, err)
	}
	if again, err := registry.DataKey(ctx, st, master); err != nil || again != first {
		t.Errorf("the second process: %x, %v, want %x", again, err, first)
	}
	if has, err := registry.HasDataKey(ctx, st); !has || err != nil {
		t.Errorf("the store has its data key: %v, %v", has, err)
	}
	if got, err := registry.DataKey(ctx, st, [32]byte{8}); usance.KindOf(err) != usance.KindInvalid || got != ([32]byte{}) {
		t.Errorf("another master key gave %x, %v", got, err)
	}
}

func TestAMasterKeyCanBeChangedAndTheOldOneOpensNothing(t *testing.T) {
	st, ctx := emptyStore(t), context.Background()
	old, next := [32]byte{1}, [32]byte{2}
	if err := registry.Rewrap(ctx, st, old, next); usance.KindOf(err) != usance.KindNotFound {
		t.Errorf("a store without a data key: %v", err)
	}
	key, err := registry.DataKey(ctx, st, old)
	if err != nil {
		t.Fatal(err)
	}
	if err := registry.Rewrap(ctx, st, [32]byte{9}, next); usance.KindOf(err) != usance.KindInvalid {
		t.Errorf("changing it without knowing it: %v", err)
	}
	if err := registry.Rewrap(ctx, st, old, next); err != nil {
		t.Fatal(err)
	}
	if got, err := registry.DataKey(ctx, st, next); err != nil || got != key {
		t.Errorf("under the new master key: %x, %v, want %x", got, err, key)
	}
	if _, err := registry.DataKey(ctx, st, old); usance.KindOf(err) != usance.KindInvalid {
		t.Errorf("the old master key still opens the store: %v", err)
	}
}

// What was sealed before stores had data keys was sealed under the master key.
func TestAStoreFromBeforeDataKeysKeepsItsSecrets(t *testing.T) {
	st, ctx, master := emptyStore(t), context.Background(), [32]byte{5}
	reg, err := registry.New(st, registry.Options{MasterKey: master})
	if err != nil {
		t.Fatal(err)
	}
	if err := reg.PutOperatorToken(ctx, "operator", "us_0123456789012345678901234567890123456789"); err != nil {
		t.Fatal(err)
	}
	if key, err := registry.DataKey(ctx, st, master); err != nil || key != master {
		t.Errorf("its data key is %x, %v, want the master key", key, err)
	}
}
