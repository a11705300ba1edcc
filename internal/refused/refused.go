// Package refused remembers, in memory and within bounds, which events of a tenant
// were lately refused and why. It is for people who look for what their senders do
// wrong: what it holds is of one process and gone with it.
package refused

import (
	"container/list"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"github.com/usance/usance"
)

// The bounds of what is remembered.
const (
	MaxTenant  = 200     // refusals of one tenant
	MaxBytes   = 8 << 20 // of all tenants together
	MaxName    = 128     // bytes of an id, a source, a type, a sender's name
	MaxWhy     = 256     // bytes of the reason
	perRefusal = 1 << 10 // what one is reckoned to take beside its texts
)

// Refusal is one event, or one request of several events that have no fault each
// of their own, and why it was refused. Texts are cut to their bounds.
type Refusal struct {
	ID, Source, Type string
	Time             string      // as the event states it; "" when it does not, or not readably
	Node             usance.Path // whom it concerns: the event's node, or the top of what the sender may record at
	Problem          string      // which problem the sender was told of
	Why              string
	By               string // the sender's token or user
	Events           int    // refused with it
}

// Counted is a refusal and how often it happened.
type Counted struct {
	Refusal
	First, Last time.Time
	Times       int64
}

// Log is safe for concurrent use.
type Log struct {
	now func() time.Time

	mu      sync.Mutex
	since   time.Time // of a tenant of which nothing is remembered, nothing was refused since then
	tenants map[usance.TenantID]*own
	order   *list.List // of *own, the one with the newest refusal first
	bytes   int
}

// own is what is remembered of one tenant.
type own struct {
	tenant usance.TenantID
	place  *list.Element // in order
	list   *list.List    // of *Counted, the newest first
	find   map[Refusal]*list.Element
	total  int64
	since  time.Time
}

// New returns a Log that remembers nothing yet.
func New(now func() time.Time) *Log {
	return &Log{now: now, since: now(), tenants: map[usance.TenantID]*own{}, order: list.New()}
}

// Add remembers a request's refusals; total is how many events it had that were
// refused, which may be more than are listed. The same again counts up and comes to
// the top. Only the first MaxTenant are taken.
func (l *Log) Add(tenant usance.TenantID, refusals []Refusal, total int) {
	now := l.now()
	l.mu.Lock()
	defer l.mu.Unlock()
	o := l.tenants[tenant]
	if o == nil {
		o = &own{tenant: tenant, since: l.since, list: list.New(), find: map[Refusal]*list.Element{}}
		o.place = l.order.PushFront(o)
		l.tenants[tenant] = o
		l.bytes += perRefusal
	}
	l.order.MoveToFront(o.place)
	o.total += int64(total)
	taken := refusals[:min(len(refusals), MaxTenant)]
	for i := len(taken) - 1; i >= 0; i-- { // so that the first stands at the top
		l.add(o, cut(taken[i]), now)
	}
	for l.bytes > MaxBytes {
		l.forget(l.order.Back().Value.(*own), now)
	}
}

func (l *Log) add(o *own, r Refusal, now time.Time) {
	if at, ok := o.find[r]; ok {
		c := at.Value.(*Counted)
		c.Last, c.Times = now, c.Times+1
		o.list.MoveToFront(at)
		return
	}
	o.find[r] = o.list.PushFront(&Counted{Refusal: r, First: now, Last: now, Times: 1})
	l.bytes += r.size()
	if o.list.Len() > MaxTenant {
		l.drop(o, o.list.Back())
	}
}

func (l *Log) drop(o *own, at *list.Element) {
	c := o.list.Remove(at).(*Counted)
	delete(o.find, c.Refusal)
	l.bytes -= c.size()
}

// forget drops the oldest of a tenant, and the tenant with its last.
func (l *Log) forget(o *own, now time.Time) {
	if last := o.list.Back(); last != nil {
		l.drop(o, last)
		return
	}
	l.order.Remove(o.place)
	delete(l.tenants, o.tenant)
	l.since = now
	l.bytes -= perRefusal
}

// Drop forgets all that is remembered of a tenant, which is no more.
func (l *Log) Drop(tenant usance.TenantID) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if o := l.tenants[tenant]; o != nil {
		for o.list.Len() > 0 {
			l.drop(o, o.list.Back())
		}
		l.forget(o, l.since)
	}
}

func (r *Refusal) size() int {
	return perRefusal + len(r.ID) + len(r.Source) + len(r.Type) + len(r.Time) + len(r.Node) + len(r.Problem) + len(r.Why) + len(r.By)
}

// Of returns what is remembered of a tenant, the newest first, how many of its
// events were refused in all, and since when that is known.
func (l *Log) Of(tenant usance.TenantID) (all []Counted, total int64, since time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	o := l.tenants[tenant]
	if o == nil {
		return nil, 0, l.since
	}
	all = make([]Counted, 0, o.list.Len())
	for at := o.list.Front(); at != nil; at = at.Next() {
		all = append(all, *at.Value.(*Counted))
	}
	return all, o.total, o.since
}

// cut brings the texts to their bounds, in memory of their own: what they were cut
// from is a whole request.
func cut(r Refusal) Refusal {
	r.ID, r.Source, r.Type, r.By = text(r.ID, MaxName), text(r.Source, MaxName), text(r.Type, MaxName), text(r.By, MaxName)
	r.Time, r.Problem, r.Why = text(r.Time, MaxName), text(r.Problem, MaxName), text(r.Why, MaxWhy)
	r.Node = usance.Path(strings.Clone(string(r.Node)))
	return r
}

func text(s string, most int) string {
	if len(s) <= most {
		return strings.Clone(strings.ToValidUTF8(s, "\uFFFD"))
	}
	end := most
	for end > 0 && !utf8.RuneStart(s[end]) {
		end--
	}
	return strings.ToValidUTF8(s[:end], "\uFFFD") + "…"
}
