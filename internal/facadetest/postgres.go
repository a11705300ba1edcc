package facadetest

import (
	"fmt"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/usance/usance/store"
	"github.com/usance/usance/store/pgstore"
	"github.com/usance/usance/store/pgstore/citustest"
	"github.com/usance/usance/store/pgstore/pgtest"
)

// The tests of one process share a server, which its watchdog ends with them;
// each store has a schema of its own.
var (
	postgres = sync.OnceValues(func() (*pgtest.Server, error) { return pgtest.Start() })
	schemas  atomic.Int64
)

func openPostgres(t testing.TB) (*pgstore.Store, error) {
	t.Helper()
	pgtest.Need(t)
	s, err := postgres()
	if err != nil {
		return nil, err
	}
	return pgstore.Open(t.Context(), s.URL("postgres"), pgstore.Options{Schema: fmt.Sprint("usance", schemas.Add(1)), MaxConns: 8})
}

// openCitus opens a store on the cluster that the environment names, where workers
// stop and shards move meanwhile, in a schema that is dropped when the test ends.
func openCitus(t testing.TB) store.Store {
	t.Helper()
	cluster := citustest.Need(t)
	schema := cluster.Schema(t)
	return cluster.Open(t, func() (store.Store, error) {
		return pgstore.Open(t.Context(), cluster.URL, pgstore.Options{Schema: schema, MaxConns: 8})
	})
}
