package pgstore

import (
	"os"
	"testing"

	"github.com/usance/usance/store"
	"github.com/usance/usance/store/pgstore/pgtest"
	"github.com/usance/usance/store/storetest"
)

// BenchmarkStep runs on the server that BENCH_POSTGRES names, or on one of its
// own with 1 GiB of shared buffers.
func BenchmarkStep(b *testing.B) {
	url := os.Getenv("BENCH_POSTGRES")
	if url == "" {
		pgtest.Need(b)
		own, err := pgtest.Start("shared_buffers=1GB", "max_wal_size=8GB")
		if err != nil {
			b.Fatal(err)
		}
		b.Cleanup(func() {
			if err := own.Close(); err != nil {
				b.Error(err)
			}
		})
		url = own.URL("postgres")
	}
	storetest.BenchSteps(b, func(b *testing.B) store.Store { return inSchema(b, url, nil).opened(b) })
}
