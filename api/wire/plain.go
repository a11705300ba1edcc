package wire

import (
	"strconv"
	"time"

	"github.com/usance/usance"
)

// AppendPlain appends what json.Marshal would make of an answer that is plain, as
// nearly all are: no flagged quotas, no grants, texts that need no escapes, times
// in UTC. It reports whether the answer was plain; if not, the bytes mean nothing.
func (c *Charged) AppendPlain(dst []byte) ([]byte, bool) {
	if len(c.Flagged) > 0 {
		return dst, false
	}
	p := plain{dst, true}
	p.whole(`{"sequence":`, int64(c.Sequence))
	p.ok = p.ok && c.Sequence < 1<<63
	if c.Duplicate {
		p.raw(`,"duplicate":true,"granted":[`)
	} else {
		p.raw(`,"duplicate":false,"granted":[`)
	}
	for i, it := range c.Granted {
		p.comma(i)
		p.text(`{"meter":`, it.Meter)
		p.whole(`,"amount":`, it.Amount)
		p.raw("}")
	}
	p.raw(`],"flagged":[],"quotas":[`)
	for i := range c.Quotas {
		p.comma(i)
		p.quota(&c.Quotas[i])
	}
	p.raw("]}")
	return p.dst, p.ok
}

// plain is an answer being written, and whether it has been plain so far.
type plain struct {
	dst []byte
	ok  bool
}

func (p *plain) quota(q *Quota) {
	p.ok = p.ok && len(q.Grants) == 0
	p.text(`{"node":`, string(q.Node))
	p.text(`,"meter":`, q.Meter)
	p.amount(`,"limit":`, q.Limit)
	p.amount(`,"base":`, q.Base)
	p.unlessZero(`,"grant_count":`, int64(q.GrantCount))
	p.unlessZero(`,"guarantee":`, q.Guarantee)
	p.whole(`,"used":`, q.Used)
	p.whole(`,"reserved":`, q.Reserved)
	p.amount(`,"allocated":`, q.Allocated)
	p.amount(`,"available":`, q.Available)
	p.unlessZero(`,"over":`, q.Over)
	p.text(`,"window":`, string(q.Window))
	p.text(`,"enforce":`, string(q.Enforce))
	p.raw(`,"resets_at":`)
	p.time(q.ResetsAt)
	p.raw("}")
}

func (p *plain) raw(s string) { p.dst = append(p.dst, s...) }

func (p *plain) comma(i int) {
	if i > 0 {
		p.raw(",")
	}
}

func (p *plain) whole(name string, n int64) {
	p.raw(name)
	p.dst = strconv.AppendInt(p.dst, n, 10)
}

func (p *plain) unlessZero(name string, n int64) {
	if n != 0 {
		p.whole(name, n)
	}
}

func (p *plain) amount(name string, a Amount) {
	if usance.Amount(a) != usance.Unlimited {
		p.whole(name, int64(a))
		return
	}
	p.raw(name)
	p.raw("null")
}

func (p *plain) text(name, s string) {
	for i := range len(s) {
		if c := s[i]; c < ' ' || c > '~' || c == '"' || c == '\\' {
			p.ok = false
		}
	}
	p.raw(name)
	p.raw(`"`)
	p.raw(s)
	p.raw(`"`)
}

func (p *plain) time(t *time.Time) {
	if t == nil {
		p.raw("null")
		return
	}
	p.ok = p.ok && t.Location() == time.UTC && t.Year() >= 0 && t.Year() <= 9999
	p.raw(`"`)
	p.dst = t.AppendFormat(p.dst, time.RFC3339Nano)
	p.raw(`"`)
}
