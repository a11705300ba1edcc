package storetest

import (
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"runtime"
	"sync/atomic"
	"testing"

	"github.com/usance/usance"
	"github.com/usance/usance/store"
)

// BenchSteps measures steps as the ledger makes them, of one event and of a batch of
// a thousand, by one client and by many, each case on a store of its own.
func BenchSteps(b *testing.B, open func(b *testing.B) store.Store) {
	block := make([]byte, 60<<10)
	random := rand.NewChaCha8([32]byte{1})
	_, _ = random.Read(block) // never fails
	for _, c := range []struct{ events, rollups, block, tenants, clients int }{
		{1, 1, 100, 1, 1}, {1, 1, 100, 64, 64}, {1000, 100, 60 << 10, 1, 1}, {1000, 100, 60 << 10, 1, 4}, {1000, 100, 60 << 10, 8, 8},
	} {
		b.Run(fmt.Sprintf("events=%d/tenants=%d/clients=%d", c.events, c.tenants, c.clients), func(b *testing.B) {
			s := open(b)
			var client atomic.Uint64
			b.SetParallelism(max(1, c.clients/runtime.GOMAXPROCS(0)))
			b.ReportAllocs()
			b.ResetTimer()
			b.RunParallel(func(pb *testing.PB) {
				n := client.Add(1)
				rnd := rand.New(rand.NewPCG(n, 7))
				for pb.Next() {
					ingest(b, s, usance.TenantID(fmt.Sprint("t", n%uint64(c.tenants))), rnd, c.events, c.rollups, block[:c.block])
				}
			})
			b.ReportMetric(float64(b.N*c.events)/b.Elapsed().Seconds(), "events/s")
		})
	}
}

// ingest is the step of one batch: fresh dedup ids of 16 random bytes, a block
// and the rollups that the events fall into.
func ingest(b *testing.B, s store.Store, id usance.TenantID, rnd *rand.Rand, events, rollups int, block []byte) {
	var keys store.Keys
	for range events {
		raw := binary.BigEndian.AppendUint64(nil, rnd.Uint64())
		keys.Rows = append(keys.Rows, store.Key{Table: store.Dedup, ID: string(binary.BigEndian.AppendUint64(raw, rnd.Uint64()))})
	}
	for i := range rollups {
		keys.Rows = append(keys.Rows, store.Key{Table: store.Rollups, ID: fmt.Sprintf("meter\x00/node/%03d\x002026-03-01", i)})
	}
	keys.Rows = append(keys.Rows, store.Key{Table: store.Head})
	value := make([]byte, 12)
	err := s.Step(b.Context(), id, keys, func(r *store.Rows) error {
		for _, k := range keys.Rows[:events] {
			if _, ok := r.Get(k.Table, k.ID); ok {
				b.Error("a fresh id was found")
			}
			r.Put(k.Table, k.ID, value)
		}
		for _, k := range keys.Rows[events : events+rollups] {
			old, _ := r.Get(k.Table, k.ID)
			r.Put(k.Table, k.ID, append(old[:len(old):len(old)], 1)[:min(len(old)+1, 60)])
		}
		head, _ := r.Get(store.Head, "")
		var n uint64
		if len(head) == 8 {
			n = binary.BigEndian.Uint64(head)
		}
		r.Put(store.Head, "", binary.BigEndian.AppendUint64(nil, n+1))
		r.Put(store.Blocks, string(binary.BigEndian.AppendUint64(nil, n)), block)
		return nil
	})
	if err != nil {
		b.Error(err)
	}
}
