package api

import (
	"net/http"
	"strconv"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/usance/usance"
	"github.com/usance/usance/api/wire"
	"github.com/usance/usance/ledger"
)

func auditRoutes() []route {
	return []route{
		{id: "listAudit", method: "GET", path: "/audit", right: usance.RightManage, handle: listAudit,
			params: withPage(
				param{name: "from", doc: "Changes at or after this time, or from this sequence number on."},
				param{name: "to", doc: "Changes before this time, or below this sequence number."},
				param{name: "type", enum: []string{"tenant", "node", "meter", "quota", "user", "key", "token", "mapping", "resource", "hold", "event", "correction"}, doc: "Changes of these alone."},
				param{name: "actor", doc: "Changes by this actor, such as token:collector."}),
			doc: doc{tag: "Integrity", summary: "Control changes, newest first: who, when, from where, before and after", out: "AuditList", status: 200, text: auditText}},
	}
}

const auditText = "Changes of definitions, resources and holds, and corrections of events. What rows hold of passwords, keys and tokens is shown as …. " +
	"A page may hold fewer rows than its limit and yet have a next one."

// bound reads a parameter that is a time or a sequence number.
func (p params) bound(name string) (at time.Time, sequence uint64, err error) {
	if n, err := strconv.ParseUint(p.text(name), 10, 64); err == nil && n > 0 {
		return at, n, nil
	}
	if !p.has(name) {
		return at, 0, nil
	}
	if _, ok := parseTime(p.text(name)); !ok {
		return at, 0, parameterError(name, "is neither a time such as 2026-01-31T00:00:00Z nor a sequence number")
	}
	at, err = p.time(name)
	return at, 0, err
}

func listAudit(q *request) (err error) {
	f := ledger.AuditFilter{Type: q.query.text("type"), Actor: q.query.text("actor")}
	if f.From, f.FromSequence, err = q.query.bound("from"); err != nil {
		return err
	}
	if f.To, f.ToSequence, err = q.query.bound("to"); err != nil {
		return err
	}
	var cursor string
	if cursor, f.Limit, err = q.page(); err != nil {
		return err
	}
	if cursor != "" {
		if f.Before, err = strconv.ParseUint(cursor, 10, 64); err != nil || f.Before == 0 {
			return parameterError("cursor", "is not one that this server gave")
		}
	}
	page, err := q.api.led.Audit(q.r.Context(), q.tenant, f)
	if err != nil {
		return err
	}
	out := wire.List[wire.AuditEntry]{Items: make([]wire.AuditEntry, len(page.Entries))}
	for i, e := range page.Entries {
		out.Items[i] = wire.AuditEntry{Sequence: e.Sequence, Time: e.At.UTC(), Actor: e.Actor, Op: e.Op, Type: e.Type, Name: e.Name,
			Before: jsontext.Value(e.Before), After: jsontext.Value(e.After)}
	}
	if page.Next > 0 {
		out.Next = cursorOf(strconv.FormatUint(page.Next, 10))
	}
	q.sequence(page.Sequence)
	return q.answer(http.StatusOK, out)
}
