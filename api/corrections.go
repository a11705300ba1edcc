package api

import (
	"net/http"

	"github.com/usance/usance"
	"github.com/usance/usance/api/wire"
	"github.com/usance/usance/ledger"
)

func correctionRoutes() []route {
	manage := usance.RightManage
	return []route{
		{id: "voidEvent", method: "POST", path: "/events/{source}/{id}/void", right: manage, where: atNode, handle: voidEvent,
			doc: doc{tag: "Events", summary: "Take an event back: it counts no more", in: "Void", optional: true, out: "StoredEvent", status: 200, text: voidText}},
		{id: "amendEvent", method: "POST", path: "/events/{source}/{id}/amend", right: manage, where: atNode, handle: amendEvent,
			doc: doc{tag: "Events", summary: "Change how an event counts", in: "Amend", out: "StoredEvent", status: 200, text: amendText}},
	}
}

const (
	voidText = "The event stays in the ledger, and every number is as if it had never come. Its id stays taken. Voiding it again changes nothing. " +
		"Charges and what holds settled are taken back so too; charges nobody named a source for have the source usance.charges, settlements usance.holds. " +
		"A source with slashes is written with %2F."
	amendText = "Members left out, or null, stay as they are. The amended event must be acceptable as a new one is; no quota refuses it, since it says what did happen. " +
		"An event that was voided, or that is a charge, is a conflict."
)

// event finds the event that the path names, as it counts now, if it lies within
// the token's subtree; another's is as if it did not exist.
func (q *request) event() (ledger.StoredEvent, error) {
	source, id := q.vars[0], q.vars[1]
	page, err := q.api.led.Events(q.r.Context(), q.tenant, ledger.EventFilter{Source: source, ID: id, Node: q.subtree(), Limit: 1})
	if err == nil && len(page.Events) == 0 {
		err = usance.Errorf(usance.KindNotFound, "there is no event %q of source %q", clipped(id), clipped(source))
	}
	if err != nil {
		return ledger.StoredEvent{}, err
	}
	return page.Events[0], nil
}

func voidEvent(q *request) error {
	var in wire.Void
	if err := q.body(&in); err != nil {
		return err
	}
	e, err := q.event()
	if err != nil {
		return err
	}
	return q.answerEvent(q.api.led.Void(q.r.Context(), q.actor(), q.tenant, e.Source, e.ID, in.Reason))
}

func amendEvent(q *request) error {
	var in wire.Amend
	if err := q.decode(&in); err != nil {
		return err
	}
	change := ledger.Amendment{Type: in.Type, Subject: in.Subject, Node: in.Node, Time: in.Time}
	if len(in.Data) > 0 && in.Data.Kind() != 'n' {
		d, e := newDecoder(q.api.now()), ledger.Incoming{}
		if d.setData(&e, in.Data); len(d.faults) > 0 {
			return fieldError("data", d.faults[0].Detail)
		}
		if len(e.Data) > usance.MaxEventBytes {
			return fieldError("data", "is larger than an event may be")
		}
		change.Data = e.Data
	}
	if in.Node != nil {
		if _, err := q.at(usance.RightManage, *in.Node); err != nil {
			return err
		}
	}
	e, err := q.event()
	if err != nil {
		return err
	}
	return q.answerEvent(q.api.led.Amend(q.r.Context(), q.actor(), q.tenant, e.Source, e.ID, in.Reason, change))
}

func (q *request) answerEvent(e ledger.StoredEvent, sequence uint64, err error) error {
	if err != nil {
		return err
	}
	q.sequence(sequence)
	return q.answer(http.StatusOK, wireStored(&e))
}
