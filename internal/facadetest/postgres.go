package facadetest

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/usance/usance/store/pgstore"
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

// openCitus opens a store on the cluster whose coordinator the address names, in
// a schema that is dropped when the test ends.
func openCitus(t testing.TB, address string) (*pgstore.Store, error) {
	t.Helper()
	schema := fmt.Sprintf("usance_%d_%d", os.Getpid(), schemas.Add(1))
	t.Cleanup(func() { // runs after the store is closed
		ctx := context.WithoutCancel(t.Context())
		conn, err := pgx.Connect(ctx, address)
		if err == nil {
			_, err = conn.Exec(ctx, "drop schema "+schema+" cascade")
			err = errors.Join(err, conn.Close(ctx))
		}
		if err != nil {
			t.Error(err)
		}
	})
	return pgstore.Open(t.Context(), address, pgstore.Options{Schema: schema, MaxConns: 8})
}
