package gateway

import (
	"container/list"
	"sync"
	"time"
)

// LockoutConfig configures a Lockout. Now is required.
type LockoutConfig struct {
	Now      func() time.Time
	Failures int           // failures in a row that lock; default 5, negative for never
	For      time.Duration // how long; default 5 minutes
	Capacity int           // keys remembered; default 100,000
}

// Lockout counts failures in a row by key (an access key id, a user name) and locks
// a key for a while when there are too many: five, for five minutes, is what the
// vendor's gateway does to access keys. The caller asks Locked before it checks a
// secret, and reports the outcome by Fail or Succeed.
//
// Its bound is per process: n copies of the server allow up to n times the
// failures, and a restart forgets. So do checks already under way when the lock
// falls. Memory is bounded by Capacity: past it the key whose last failure is
// oldest is forgotten, locked or not, so undoing a lock by flooding takes as many
// failures of other keys as Capacity says. It is safe for concurrent use.
type Lockout struct {
	c     LockoutConfig
	mu    sync.Mutex
	keys  map[string]*list.Element
	order *list.List // of *tries; the last failure longest ago is in front
}

type tries struct {
	key      string
	failures int
	until    time.Time // zero while not locked
}

// NewLockout returns a lockout that knows of no failure.
func NewLockout(c LockoutConfig) *Lockout {
	if c.Failures == 0 {
		c.Failures = 5
	}
	if c.For <= 0 {
		c.For = 5 * time.Minute
	}
	if c.Capacity <= 0 {
		c.Capacity = 100_000
	}
	return &Lockout{c: c, keys: map[string]*list.Element{}, order: list.New()}
}

// Locked returns whether the key is locked and, if so, until when.
func (l *Lockout) Locked(key string) (until time.Time, locked bool) {
	key = boundedKey(key)
	l.mu.Lock()
	defer l.mu.Unlock()
	e := l.keys[key]
	if e == nil {
		return time.Time{}, false
	}
	t := e.Value.(*tries)
	if t.until.IsZero() {
		return time.Time{}, false
	}
	if l.c.Now().Before(t.until) {
		return t.until, true
	}
	l.forget(e)
	return time.Time{}, false
}

// Fail counts a failure and returns as Locked does. A failure while the key is
// locked changes nothing; the first one after a lock begins a new row.
func (l *Lockout) Fail(key string) (until time.Time, locked bool) {
	if l.c.Failures < 0 {
		return time.Time{}, false
	}
	key = boundedKey(key)
	l.mu.Lock()
	defer l.mu.Unlock()
	now := l.c.Now()
	e := l.keys[key]
	if e == nil {
		if l.order.Len() >= l.c.Capacity {
			l.forget(l.order.Front())
		}
		e = l.order.PushBack(&tries{key: key})
		l.keys[key] = e
	}
	t := e.Value.(*tries)
	if !t.until.IsZero() {
		if now.Before(t.until) {
			return t.until, true
		}
		*t = tries{key: key}
	}
	l.order.MoveToBack(e)
	if t.failures++; t.failures >= l.c.Failures {
		t.until = now.Add(l.c.For)
	}
	return t.until, !t.until.IsZero()
}

// Succeed ends the key's row of failures. It does not undo a lock: what was checked
// before the lock fell may succeed after it.
func (l *Lockout) Succeed(key string) {
	key = boundedKey(key)
	l.mu.Lock()
	defer l.mu.Unlock()
	if e := l.keys[key]; e != nil && e.Value.(*tries).until.IsZero() {
		l.forget(e)
	}
}

// Reset forgets the key, locked or not: for an administrator, or a new secret.
func (l *Lockout) Reset(key string) {
	key = boundedKey(key)
	l.mu.Lock()
	defer l.mu.Unlock()
	if e := l.keys[key]; e != nil {
		l.forget(e)
	}
}

func (l *Lockout) forget(e *list.Element) {
	delete(l.keys, e.Value.(*tries).key)
	l.order.Remove(e)
}
