// Package facadetest is what the tests of the façades, the registry, the ledger and
// the server stand on: the real registry and ledger over the real engine in memory,
// a clock that tests move, requests and what comes back for them, and the replay of
// recorded requests. Nothing but tests may import it.
package facadetest

import (
	"cmp"
	"fmt"
	"os"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/alexedwards/argon2id"
	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/usance/usance"
	"github.com/usance/usance/ledger"
	"github.com/usance/usance/registry"
	"github.com/usance/usance/store"
	"github.com/usance/usance/store/pebblestore"
	"github.com/usance/usance/store/pgstore/citustest"
)

// Clock is a time that tests move. It is safe for concurrent use.
type Clock struct {
	mu sync.Mutex
	at time.Time
}

// NewClock returns a clock that stands at a time.
func NewClock(at time.Time) *Clock { return &Clock{at: at} }

// Now returns the clock's time.
func (c *Clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.at
}

// Move moves the clock, back when d is negative.
func (c *Clock) Move(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.at = c.at.Add(d)
}

// Set puts the clock at a time.
func (c *Clock) Set(at time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.at = at
}

// engineVariable names the engine that tests run on: "embedded" for that in memory,
// "postgres" for a throwaway server of this machine, "citus" for the cluster that
// citustest.Variable names. Where it is not set that is the cluster, if there is
// one, and otherwise the embedded engine.
const engineVariable = "USANCE_TEST_STORE"

// Distant reports that tests run on an engine that each step has to travel to:
// those that repeat something many times may do it less often there.
func Distant() bool { return engine() != "embedded" }

func engine() string {
	name, named := os.LookupEnv(engineVariable)
	if !named && os.Getenv(citustest.Variable) != "" {
		return "citus"
	}
	return cmp.Or(name, "embedded")
}

// OpenStore opens an empty store on the engine that tests run on, closed when the
// test ends.
func OpenStore(t testing.TB) store.Store {
	t.Helper()
	return openOn(t, engine())
}

// OpenEmbedded opens an empty store in memory, whatever engine tests run on.
func OpenEmbedded(t testing.TB) store.Store {
	t.Helper()
	return openOn(t, "embedded")
}

func openOn(t testing.TB, name string) store.Store {
	t.Helper()
	var st store.Store
	var err error
	switch name {
	case "postgres":
		st, err = openPostgres(t)
	case "citus":
		st = openCitus(t)
	case "embedded":
		st, err = pebblestore.Open("db", pebblestore.Options{FS: vfs.NewMem(), CacheBytes: 1 << 20, MemTableBytes: 4 << 20})
	default:
		t.Fatalf("%s=%s names no engine", engineVariable, name)
	}
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

// CheapPasswords makes the hashing of passwords cost next to nothing.
func CheapPasswords() *argon2id.Params {
	return &argon2id.Params{Memory: 64, Iterations: 1, Parallelism: 1, SaltLength: 16, KeyLength: 16}
}

// OpenRegistry opens a registry over a store. Two over one store are as two
// processes are.
func OpenRegistry(t testing.TB, st store.Store, now func() time.Time) *registry.Registry {
	t.Helper()
	reg, err := registry.New(st, registry.Options{Now: now, MasterKey: [32]byte{1, 2, 3}, PasswordCost: CheapPasswords()})
	if err != nil {
		t.Fatal(err)
	}
	return reg
}

// Tester is who acts in tests.
func Tester() usance.Actor { return usance.Actor{Name: "test"} }

// Core is the registry and the ledger over one store in memory.
type Core struct {
	testing.TB
	Clock    *Clock
	Store    store.Store
	Registry *registry.Registry
	Ledger   *ledger.Ledger
	events   *atomic.Int64
}

// Open returns an empty core at a time.
func Open(t testing.TB, at time.Time) *Core {
	t.Helper()
	c := &Core{TB: t, Clock: NewClock(at), Store: OpenStore(t), events: new(atomic.Int64)}
	c.Registry = OpenRegistry(t, c.Store, c.Clock.Now)
	c.Ledger = ledger.New(c.Store, c.Registry, ledger.Options{Now: c.Clock.Now})
	return c
}

// Edit applies an edit.
func (c *Core) Edit(tenant usance.TenantID, e registry.Edit) registry.Edited {
	c.Helper()
	out, err := c.Registry.Edit(c.Context(), Tester(), tenant, e)
	if err != nil {
		c.Fatalf("Edit: %v", err)
	}
	return out
}

// Event returns an event with a time of its own and an id that no other has; data
// is JSON.
func (c *Core) Event(at time.Time, eventType, subject string, node usance.Path, data string) ledger.Incoming {
	return ledger.Incoming{Stated: true, Event: usance.Event{Source: "test", ID: fmt.Sprint(c.events.Add(1)), Type: eventType,
		Subject: subject, Node: node, Time: at.UTC(), Data: []byte(data)}}
}

// Ingest records events of a tenant.
func (c *Core) Ingest(tenant usance.TenantID, events ...ledger.Incoming) {
	c.Helper()
	if _, err := c.Ledger.Ingest(c.Context(), Tester(), tenant, events); err != nil {
		c.Fatalf("Ingest: %v", err)
	}
}

// User is the definition of a user; one without a password cannot sign in by one.
func User(name, password string, role usance.Role, subtree usance.Path) registry.UserSpec {
	spec := registry.UserSpec{User: usance.User{Name: name, Role: role, Subtree: subtree}}
	if password != "" {
		spec.Password = &password
	}
	return spec
}

// Key is the definition of a user's key.
func Key(kind usance.KeyKind, id, secret, user string) registry.KeySpec {
	return registry.KeySpec{Key: usance.Key{Kind: kind, ID: id, User: user}, Secret: secret}
}
