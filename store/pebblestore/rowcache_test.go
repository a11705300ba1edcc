package pebblestore

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/usance/usance"
	"github.com/usance/usance/store"
)

// What the cache answers is what the database holds, while it is so small that
// rows and tenants come and go all the time.
func TestTheRowCacheAnswersAsTheDatabase(t *testing.T) {
	s, err := Open("/data", Options{FS: vfs.NewMem(), RowCacheBytes: cacheShards * 2000})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}()
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	rnd := rand.New(rand.NewPCG(seed, 0))
	tables := []store.Table{store.Head, store.Totals, store.Blocks}
	truth := map[string]string{}
	for range 5000 {
		tenant := usance.TenantID(fmt.Sprint("t", rnd.IntN(60)))
		var keys store.Keys
		for range 1 + rnd.IntN(8) {
			keys.Rows = append(keys.Rows, store.Key{Table: tables[rnd.IntN(len(tables))], ID: fmt.Sprint(rnd.IntN(12))})
		}
		compare := func(r *store.Rows) {
			for _, k := range keys.Rows {
				got, there := r.Get(k.Table, k.ID)
				want, is := truth[fmt.Sprint(tenant, k)]
				if there != is || string(got) != want {
					t.Fatalf("%s %v: got %.10q %v, want %.10q %v", tenant, k, got, there, want, is)
				}
			}
		}
		if rnd.IntN(2) == 0 {
			r, err := s.Load(t.Context(), tenant, keys)
			if err != nil {
				t.Fatal(err)
			}
			compare(r)
			continue
		}
		err := s.Step(t.Context(), tenant, keys, func(r *store.Rows) error {
			compare(r)
			for _, k := range keys.Rows {
				if rnd.IntN(3) == 0 {
					r.Delete(k.Table, k.ID)
					delete(truth, fmt.Sprint(tenant, k))
					continue
				}
				value := make([]byte, rnd.IntN(2)*rnd.IntN(maxCached+100))
				for i := range value {
					value[i] = byte(rnd.Uint32())
				}
				r.Put(k.Table, k.ID, value)
				truth[fmt.Sprint(tenant, k)] = string(value)
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	for i := range s.cache.shards {
		sh := &s.cache.shards[i]
		sum := 0
		for id, c := range sh.tenants {
			bytes := tenantOverhead
			for k, v := range c.rows {
				bytes += len(k.ID) + len(v) + rowOverhead
			}
			if bytes != c.bytes {
				t.Errorf("tenant %s counts %d bytes and has %d", id, c.bytes, bytes)
			}
			sum += bytes
		}
		if sum != sh.bytes {
			t.Errorf("shard %d counts %d bytes and has %d", i, sh.bytes, sum)
		}
	}
}

// Asking for tenants that do not exist takes no more memory than there is for rows.
func TestTheRowCacheIsBoundedInTenants(t *testing.T) {
	c := newRowCache(cacheShards * 50 * tenantOverhead)
	keys := []store.Key{{Table: store.Head}}
	for i := range 20_000 {
		c.find(usance.TenantID(fmt.Sprint("nobody-", i)), keys, store.NewRows(store.Keys{Rows: keys}))
	}
	kept := 0
	for i := range c.shards {
		kept += len(c.shards[i].tenants)
	}
	if kept > 2*50*cacheShards {
		t.Errorf("%d tenants are kept where there is room for %d", kept, 50*cacheShards)
	}
}

// A load joins what the cache has with a view of the database only when both are
// of one moment: what was found while a step is being applied is not to be
// joined with anything, and what was found before a step not with a view after it.
func TestTheRowCacheTellsWhenItsMomentIsOver(t *testing.T) {
	c := newRowCache(1 << 20)
	head, total := store.Key{Table: store.Head}, store.Key{Table: store.Totals, ID: "x"}
	keys := store.Keys{Rows: []store.Key{head, total}}
	c.begin("t")
	c.applied("t", []store.Change{{Key: head, Value: []byte("1")}})

	missing, before := c.find("t", keys.Rows, store.NewRows(keys))
	if len(missing) != 1 || missing[0] != total || before == 0 || !c.is("t", before) {
		t.Fatalf("missing %v at %d", missing, before)
	}
	c.begin("t")
	if c.is("t", before) {
		t.Error("a moment lasts while a step is being applied")
	}
	if _, at := c.find("t", keys.Rows, store.NewRows(keys)); at != 0 {
		t.Error("there is a moment while a step is being applied")
	}
	c.learn("t", before, []found{{total, []byte("old")}})
	c.applied("t", []store.Change{{Key: head, Value: []byte("2")}})
	if c.is("t", before) {
		t.Error("a moment outlasts a step")
	}
	c.learn("t", before, []found{{total, []byte("old")}})
	rows := store.NewRows(keys)
	if missing, _ := c.find("t", keys.Rows, rows); len(missing) != 1 {
		t.Error("it learned of a moment that was over")
	}
	if v, _ := rows.Get(store.Head, ""); string(v) != "2" {
		t.Errorf("the head is %q", v)
	}
}
