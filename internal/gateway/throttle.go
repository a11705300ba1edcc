package gateway

import (
	"crypto/sha256"
	"net/http"
	"strconv"
	"sync"
	"time"
)

// Limit is so many requests in each window of time.
type Limit struct {
	Requests int
	Per      time.Duration // a whole number of seconds, minutes, hours or days
}

// String writes the limit as the vendor does: limit:100,time:1 minute.
func (l Limit) String() string {
	return "limit:" + strconv.Itoa(l.Requests) + ",time:" + l.period()
}

func (l Limit) period() string {
	for _, unit := range []struct {
		size time.Duration
		name string
	}{{24 * time.Hour, "day"}, {time.Hour, "hour"}, {time.Minute, "minute"}} {
		if l.Per >= unit.size && l.Per%unit.size == 0 {
			return strconv.FormatInt(int64(l.Per/unit.size), 10) + " " + unit.name
		}
	}
	return strconv.FormatInt(max(1, int64(l.Per/time.Second)), 10) + " second"
}

// ThrottleConfig configures a Throttle. Limit and Now are required.
type ThrottleConfig struct {
	Limit    Limit
	Now      func() time.Time
	Policy   string // what is counted, for the message; default "user"
	Header   string // the header that tells the caller; default HeaderRatelimitAPI
	Capacity int    // principals remembered in one window; default 100,000
	Shared   bool   // all principals are counted as one
}

// Throttle admits each principal so many requests in each fixed window. Windows
// begin at whole multiples of their length since 1970, the same for everybody.
//
// Its bound is per process: n copies of the server admit up to n times the limit,
// and a restart forgets. Memory is bounded by Capacity; when more principals than
// that come within one window, it forgets some other one, which may then exceed its
// limit. It is safe for concurrent use.
type Throttle struct {
	c      ThrottleConfig
	mu     sync.Mutex
	window int64
	counts map[string]int
}

// NewThrottle returns a throttle. A limit without requests or time admits everybody.
func NewThrottle(c ThrottleConfig) *Throttle {
	if c.Policy == "" {
		c.Policy = "user"
	}
	if c.Header == "" {
		c.Header = HeaderRatelimitAPI
	}
	if c.Capacity <= 0 {
		c.Capacity = 100_000
	}
	return &Throttle{c: c, counts: map[string]int{}}
}

// Decision is what a throttle says of one request.
type Decision struct {
	Allowed bool
	Remain  int           // further requests in this window
	Reset   time.Duration // until the next window; positive
}

// Take counts one request of the principal. Refused requests count for nothing.
func (t *Throttle) Take(principal string) Decision {
	if t.off() {
		return Decision{Allowed: true}
	}
	if t.c.Shared {
		principal = ""
	}
	principal = boundedKey(principal)
	t.mu.Lock()
	defer t.mu.Unlock()
	// The clock is read under the lock, so that requests enter windows in order.
	now := t.c.Now().UnixNano()
	per := int64(t.c.Limit.Per)
	window := now / per
	if now < 0 && now%per != 0 {
		window--
	}
	if window != t.window {
		t.window = window
		clear(t.counts)
	}
	d := Decision{Reset: time.Duration((window+1)*per - now)}
	used, known := t.counts[principal]
	if used >= t.c.Limit.Requests {
		return d
	}
	if !known && len(t.counts) >= t.c.Capacity {
		for other := range t.counts {
			delete(t.counts, other)
			break
		}
	}
	t.counts[principal] = used + 1
	d.Allowed, d.Remain = true, t.c.Limit.Requests-used-1
	return d
}

// boundedKey stands for key in at most 64 bytes, so that a bound on the number of
// keys is one on memory.
func boundedKey(key string) string {
	if len(key) <= 64 {
		return key
	}
	sum := sha256.Sum256([]byte(key))
	return string(sum[:])
}

func (t *Throttle) off() bool { return t.c.Limit.Requests <= 0 || t.c.Limit.Per <= 0 }

// Admit counts one request of the principal, tells the caller what remains in the
// throttle's header, and returns nil, or APIGW.0308 when nothing was left.
func (t *Throttle) Admit(w http.ResponseWriter, principal string) *Fault {
	if t.off() {
		return nil
	}
	d := t.Take(principal)
	w.Header()[t.c.Header] = []string{"remain:" + strconv.Itoa(d.Remain) + "," + t.c.Limit.String()}
	if d.Allowed {
		return nil
	}
	return Throttled(t.c.Policy, t.c.Limit, d.Reset)
}
