package pgstore

import "testing"

// OpenForTest opens a store in a schema of its own, on the server of this
// package's tests or, when url is not empty, on another. crash crashes the
// server.
func OpenForTest(t testing.TB, url string) (s *Store, crash func()) {
	t.Helper()
	var d *home
	if url == "" {
		d = newHome(t)
	} else {
		d = inSchema(t, url, nil)
	}
	return d.opened(t), func() { d.Crash(t) }
}

// SeedForTest is STORETEST_SEED or a new seed, and logs it.
var SeedForTest = seeded
