package api

import (
	"net/http"
	"strings"
	"time"

	"github.com/usance/usance"
	"github.com/usance/usance/api/wire"
	"github.com/usance/usance/internal/refused"
	"github.com/usance/usance/ledger"
)

func refusedRoute() route {
	return route{id: "listRefusedEvents", method: "GET", path: "/events/refused", where: atNode, handle: listRefused,
		doc: doc{tag: "Events", summary: "Events lately refused, with why", out: "RefusedEventList", status: 200, text: refusedText}}
}

const refusedText = "What a sender was told when its events were refused for a fault of theirs, newest first: at most 200 of a tenant, cut to a few words and without data. " +
	"The process that refused them remembers, in memory: they are gone when it ends, and sooner when others need the room. " +
	"Requests without a good token or the right to record, and those refused because the server was busy, are not among them."

// remember notes what of a request was refused. What is the server's doing, or
// whose tenant is not settled, is left out; so are events that state another tenant.
func (q *request) remember(events []ledger.Incoming, err error) {
	p := problemOf(err, q.subtree())
	switch p.Status {
	case http.StatusBadRequest, http.StatusForbidden, http.StatusConflict, http.StatusRequestEntityTooLarge, http.StatusUnsupportedMediaType:
	default:
		return
	}
	if q.tenant == "" {
		return
	}
	kind, by := strings.TrimPrefix(p.Type, wire.ProblemPrefix), q.actor().Name
	list, total, skipped := q.faulty(p.Errors, events, refused.Refusal{Problem: kind, By: by, Events: 1, Node: q.subtree()})
	if total == 0 && skipped {
		return
	}
	if total == 0 {
		list, total = []refused.Refusal{q.whole(p, kind, by, events)}, max(len(events), 1)
	}
	q.api.refused.Add(q.tenant, list, total)
}

// faulty lists the events that have faults of their own, once each, as like says.
// Not all of very many are listed; total counts them. skipped says that there were
// events of another tenant.
func (q *request) faulty(faults []usance.FieldError, events []ledger.Incoming, like refused.Refusal) (list []refused.Refusal, total int, skipped bool) {
	seen, told := -1, 0
	for _, f := range faults {
		if f.Index < 0 {
			continue
		}
		if f.Index < len(events) && q.foreign(&events[f.Index]) {
			skipped = true
			continue
		}
		why := f.Detail
		if f.Field != "" {
			why = f.Field + ": " + why
		}
		if f.Index == seen { // faults are in the order of their events
			if told++; told < 4 && total == len(list) {
				list[len(list)-1].Why += "; " + why
			}
			continue
		}
		seen, told = f.Index, 1
		if total++; total > refused.MaxTenant {
			continue
		}
		r := like
		if r.Why = why; f.Index < len(events) {
			q.identify(&r, &events[f.Index])
		}
		list = append(list, r)
	}
	return list, total, skipped
}

// foreign reports that an operator sent an event as another tenant's than the
// request's.
func (q *request) foreign(e *ledger.Incoming) bool {
	return q.who.Role == usance.RoleOperator && e.Tenant != "" && e.Tenant != q.tenant
}

// whole is the refusal of a request in which no event is at fault by itself.
func (q *request) whole(p wire.Problem, kind, by string, events []ledger.Incoming) refused.Refusal {
	r := refused.Refusal{Problem: kind, Why: p.Detail, By: by, Events: len(events), Node: q.subtree()}
	for i, b := range p.Blocks {
		sep := ", "
		if i == 0 {
			sep = ": "
		}
		r.Why += sep + b.Meter + " at " + string(b.Node)
		if len(r.Why) > refused.MaxWhy {
			break
		}
	}
	if len(events) > 0 {
		q.identify(&r, &events[0])
	}
	if len(events) > 1 {
		r.Node = q.subtree() // they may lie anywhere
	}
	return r
}

// identify says which event it was, as far as that could be read.
func (q *request) identify(r *refused.Refusal, e *ledger.Incoming) {
	r.ID, r.Source, r.Type = e.ID, e.Source, e.Type
	if e.Stated {
		r.Time = e.Time.UTC().Format(time.RFC3339Nano)
	}
	if e.Node != "" && e.Node.Check() == nil && e.Node.Within(q.subtree()) {
		r.Node = e.Node
	}
}

// listRefused shows what lies within what the token may see.
func listRefused(q *request) error {
	all, total, since := q.api.refused.Of(q.tenant)
	out := wire.RefusedEvents{Items: []wire.RefusedEvent{}, Since: since.UTC()}
	if q.subtree() == usance.Root {
		out.Total = &total
	}
	for _, c := range all {
		if !c.Node.Within(q.subtree()) {
			continue
		}
		x := wire.RefusedEvent{ID: c.ID, Source: c.Source, Type: c.Type, Node: c.Node, Problem: wire.ProblemPrefix + c.Problem, Why: c.Why, By: c.By,
			Events: c.Events, First: c.First.UTC(), Last: c.Last.UTC(), Times: c.Times}
		if t, err := time.Parse(time.RFC3339Nano, c.Time); err == nil {
			x.Time = &t
		}
		out.Items = append(out.Items, x)
	}
	return q.answer(http.StatusOK, out)
}
