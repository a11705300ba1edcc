package registry

import (
	"context"
	"crypto/rand"

	"github.com/usance/usance"
	"github.com/usance/usance/store"
)

// Secrets are not sealed under the master key itself but under the store's data
// key, which the store keeps sealed under the master key. So changing the master
// key rewrites one row and no ledger, a process with the wrong master key is told
// before it serves, and what is sealed says nothing of the master key.
var dataKeyRow = store.Key{Table: store.Directory, ID: "data key"}

// dataKeyOwner is what the data key is bound to when it is sealed.
const dataKeyOwner = "usance data key"

// HasDataKey reports whether the store has a data key, and so has been served
// before: its master key and its operator's token exist somewhere.
func HasDataKey(ctx context.Context, st store.Store) (bool, error) {
	rows, err := st.Load(ctx, usance.System, store.Keys{Rows: []store.Key{dataKeyRow}})
	if err != nil {
		return false, err
	}
	_, ok := rows.Get(dataKeyRow.Table, dataKeyRow.ID)
	return ok, nil
}

// DataKey returns the key that secrets in the store are sealed under, making it
// when the store has none. Every process gets the same. A master key that is not
// the store's is refused with KindInvalid.
func DataKey(ctx context.Context, st store.Store, master [32]byte) (key [32]byte, err error) {
	wrap, err := newSealer(master)
	if err != nil {
		return key, err
	}
	var fresh [32]byte
	rand.Read(fresh[:]) // never fails; see crypto/rand
	keys := store.Keys{Rows: []store.Key{dataKeyRow}, Ranges: []store.Range{{Table: store.Directory, Limit: 1}}}
	err = st.Step(ctx, usance.System, keys, func(rows *store.Rows) error {
		if sealed, ok := rows.Get(dataKeyRow.Table, dataKeyRow.ID); ok {
			key, err = openDataKey(wrap, sealed)
			return err
		}
		key = fresh
		if len(rows.Range(0)) > 0 {
			key = master // a store from before there were data keys
		}
		rows.Put(dataKeyRow.Table, dataKeyRow.ID, wrap.seal(string(key[:]), dataKeyOwner))
		return nil
	})
	return key, err
}

// Rewrap has the store's data key sealed under another master key, in one step.
// What is sealed under the data key stays as it is, and processes that serve the
// store go on; from then on a start needs the new master key. Repeating it is
// KindInvalid, as the old key is no longer the store's.
func Rewrap(ctx context.Context, st store.Store, from, to [32]byte) error {
	old, err := newSealer(from)
	if err != nil {
		return err
	}
	wrap, err := newSealer(to)
	if err != nil {
		return err
	}
	return st.Step(ctx, usance.System, store.Keys{Rows: []store.Key{dataKeyRow}}, func(rows *store.Rows) error {
		sealed, ok := rows.Get(dataKeyRow.Table, dataKeyRow.ID)
		if !ok {
			return usance.Errorf(usance.KindNotFound, "the store has no data key yet: serve it once first")
		}
		key, err := openDataKey(old, sealed)
		if err != nil {
			return err
		}
		rows.Put(dataKeyRow.Table, dataKeyRow.ID, wrap.seal(string(key[:]), dataKeyOwner))
		return nil
	})
}

func openDataKey(wrap sealer, sealed []byte) (key [32]byte, err error) {
	text, err := wrap.open(sealed, dataKeyOwner)
	if err != nil || len(text) != len(key) {
		return key, &usance.Error{Kind: usance.KindInvalid, Detail: "this is not the store's master key", Err: err}
	}
	return [32]byte([]byte(text)), nil
}
