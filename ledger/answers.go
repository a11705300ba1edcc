package ledger

import (
	"context"
	"sync"
	"time"

	"github.com/usance/usance"
	"github.com/usance/usance/registry"
	"github.com/usance/usance/store"
)

// Bounds of what one Answers keeps: bytes in all, with what is kept beside each;
// a question and an answer larger than theirs are not kept.
const (
	maxAnswers     = 16 << 20
	maxAnswer      = 256 << 10
	maxQuestion    = 2 << 10
	answerOverhead = 256
)

// Always is how long an answer holds that depends on no clock.
func Always() time.Time { return usance.Latest }

// Question names what a surface was asked about a tenant at a node: all that its
// answer depends on beside the tenant's rows and the time. Whether the caller may
// hear the answer is settled before.
type Question struct {
	Tenant usance.TenantID
	Node   usance.Path
	Text   string // which question, and its parameters
}

// Answers keeps encoded answers together with the version of the tenant and the
// stretch of time for which they are what would be said again. A surface has one of
// its own, for what it answers depends on how it was set up. It is safe for
// concurrent use.
type Answers struct {
	l     *Ledger
	mu    sync.RWMutex
	kept  map[Question]answer
	bytes int
}

// NewAnswers returns one that keeps nothing yet.
func (l *Ledger) NewAnswers() *Answers { return &Answers{l: l, kept: map[Question]answer{}} }

type answer struct {
	body     []byte
	version  uint64
	from, to time.Time // [from, to)
}

func (q Question) size(body []byte) int {
	return len(q.Tenant) + len(q.Node) + len(q.Text) + len(body) + answerOverhead
}

func (a *Answers) get(k Question) (answer, bool) {
	a.mu.RLock()
	defer a.mu.RUnlock()
	found, ok := a.kept[k]
	return found, ok
}

func (a *Answers) put(k Question, new answer) {
	size := k.size(new.body)
	if len(new.body) > maxAnswer || len(k.Text) > maxQuestion {
		return
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if old, ok := a.kept[k]; ok {
		a.bytes -= k.size(old.body)
		delete(a.kept, k)
	}
	for victim, old := range a.kept { // map order is as good as any other here
		if a.bytes+size <= maxAnswers {
			break
		}
		a.bytes -= victim.size(old.body)
		delete(a.kept, victim)
	}
	a.kept[k] = new
	a.bytes += size
}

// Of returns the answer that work encodes, or the one it encoded before when
// that is what it would encode now, to the byte: not one row of the tenant has
// changed since, and now lies between the time it was made and the time until
// which work said that it holds (a zero time: that it is not to be kept; Always:
// that it depends on no clock). Nobody may change the bytes. work reads the tenant
// alone, by the definitions it is given: they are no older than what authentication
// saw, and the newest of the version the answer is kept under. An engine that does
// not tell versions has work done each time.
func (a *Answers) Of(ctx context.Context, q Question, now time.Time,
	work func(*registry.Definitions) (body []byte, until time.Time, err error)) ([]byte, error) {
	version, sure := store.VersionOf(a.l.st, q.Tenant)
	if !sure {
		defs, err := a.l.reg.Known(ctx, q.Tenant)
		if err != nil {
			return nil, err
		}
		body, _, err := work(defs)
		return body, err
	}
	if was, ok := a.get(q); ok && was.version == version && !now.Before(was.from) && now.Before(was.to) {
		return was.body, nil
	}
	defs, err := a.l.reg.Definitions(ctx, q.Tenant)
	if err != nil {
		return nil, err
	}
	body, until, err := work(defs)
	if err != nil || !now.Before(until) {
		return body, err
	}
	if still, sure := store.VersionOf(a.l.st, q.Tenant); sure && still == version {
		a.put(q, answer{body, version, now, until})
	}
	return body, nil
}
