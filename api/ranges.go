package api

import (
	"net/http"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/usance/usance"
	"github.com/usance/usance/api/wire"
	"github.com/usance/usance/ledger"
)

func rangeRoutes() []route {
	manage := usance.RightManage
	return []route{
		{id: "listCorrections", method: "GET", path: "/corrections", right: manage, where: atNode, params: withPage(), handle: listRanges,
			doc: doc{tag: "Events", summary: "Corrections of ranges of events, newest first", out: "CorrectionList", status: 200}},
		{id: "proposeCorrection", method: "POST", path: "/corrections", right: manage, where: atNode, handle: proposeRange,
			doc: doc{tag: "Events", summary: "Preview the voiding of a range of events", in: "ProposeCorrection", out: "Correction", status: 201, text: proposeText}},
		{id: "getCorrection", method: "GET", path: "/corrections/{id}", right: manage, where: atNode, handle: getRange,
			doc: doc{tag: "Events", summary: "A correction of a range and how far it is", out: "Correction", status: 200}},
		{id: "discardCorrection", method: "DELETE", path: "/corrections/{id}", right: manage, where: atNode, handle: discardRange,
			doc: doc{tag: "Events", summary: "Remove a proposal", status: 204, text: "One that was approved is a conflict."}},
		{id: "approveCorrection", method: "POST", path: "/corrections/{id}/approve", right: manage, where: atNode, handle: approveRange,
			doc: doc{tag: "Events", summary: "Void the events of a proposal", out: "Correction", status: 200, text: approveText}},
		{id: "revertCorrection", method: "POST", path: "/corrections/{id}/revert", right: manage, where: atNode, handle: revertRange,
			doc: doc{tag: "Events", summary: "Bring back the events of a correction", out: "Correction", status: 200, text: revertText}},
	}
}

const (
	proposeText = "Nothing is voided yet: the answer says how many events match, what each meter at each node becomes without them, and the sequence at which it looked. " +
		"The filter has a source, a type or a subject, or both from and to; a token bound to a subtree proposes within it. Events that were voided or amended already are left out and counted. " +
		"At most 1000000 events are voided by one correction."
	approveText = "It is a conflict when the events that match are not those of the preview any more: then preview again. Events are voided in batches, and a large correction is answered " +
		"while its state is still applying; the server goes on with it, after a restart too, and done says how far it is. Repeating the call goes on as well, and changes nothing once it is applied. " +
		"An event that is corrected by itself meanwhile is passed over."
	revertText = "Each event counts again just as it did before. Like an approval it may be answered while its state is still reverting. What was not applied is a conflict."
)

func proposeRange(q *request) error {
	var in wire.ProposeCorrection
	if err := q.decode(&in); err != nil {
		return err
	}
	f := ledger.RangeFilter{Source: in.Filter.Source, Type: in.Filter.Type, Subject: in.Filter.Subject, From: in.Filter.From, To: in.Filter.To}
	var err error
	if in.Filter.Node == "" {
		in.Filter.Node = q.subtree()
	}
	if f.Node, err = q.at(usance.RightManage, in.Filter.Node); err != nil {
		return err
	}
	c, sequence, err := q.api.led.ProposeRange(q.r.Context(), q.actor(), q.tenant, f, in.Reason)
	if err != nil {
		return err
	}
	q.sequence(sequence)
	return q.created(wireRange(&c), "corrections", c.ID)
}

func listRanges(q *request) error {
	cursor, limit, err := q.page()
	if err != nil {
		return err
	}
	page, err := q.api.led.Ranges(q.r.Context(), q.tenant, q.subtree(), cursor, limit)
	if err != nil {
		return err
	}
	out := wire.List[wire.Correction]{Items: make([]wire.Correction, len(page.Ranges))}
	if page.Next != "" {
		out.Next = cursorOf(page.Next)
	}
	for i := range page.Ranges {
		out.Items[i] = wireRange(&page.Ranges[i])
	}
	q.sequence(page.Sequence)
	return q.answer(http.StatusOK, out)
}

// correction finds the correction that the path names, if its events lie within
// the token's subtree; another's is as if it did not exist.
func (q *request) correction() (ledger.RangeCorrection, error) {
	c, sequence, err := q.api.led.Range(q.r.Context(), q.tenant, q.vars[0])
	if err == nil && !c.Filter.Node.Within(q.subtree()) {
		err = usance.Errorf(usance.KindNotFound, "there is no correction %q", clipped(q.vars[0]))
	}
	if err == nil {
		q.sequence(sequence)
	}
	return c, err
}

func (q *request) answerRange(c ledger.RangeCorrection, sequence uint64, err error) error {
	if err != nil {
		return err
	}
	q.sequence(sequence)
	return q.answer(http.StatusOK, wireRange(&c))
}

func getRange(q *request) error {
	c, err := q.correction()
	if err != nil {
		return err
	}
	return q.answer(http.StatusOK, wireRange(&c))
}

func approveRange(q *request) error {
	if _, err := q.correction(); err != nil {
		return err
	}
	return q.answerRange(q.api.led.ApproveRange(q.r.Context(), q.actor(), q.tenant, q.vars[0]))
}

func revertRange(q *request) error {
	if _, err := q.correction(); err != nil {
		return err
	}
	return q.answerRange(q.api.led.RevertRange(q.r.Context(), q.actor(), q.tenant, q.vars[0]))
}

func discardRange(q *request) error {
	if _, err := q.correction(); err != nil {
		return err
	}
	sequence, err := q.api.led.DiscardRange(q.r.Context(), q.actor(), q.tenant, q.vars[0])
	if err != nil {
		return err
	}
	q.sequence(sequence)
	return q.gone()
}

func wireRange(c *ledger.RangeCorrection) wire.Correction {
	out := wire.Correction{ID: c.ID, State: string(c.State), Reason: c.Reason, Sequence: c.Sequence, Events: c.Events,
		Filter:  wire.RangeFilter{Source: c.Filter.Source, Type: c.Filter.Type, Subject: c.Filter.Subject, Node: c.Filter.Node, From: c.Filter.From, To: c.Filter.To},
		LeftOut: wire.LeftOut{Voided: c.Voided, Amended: c.Amended}, Done: c.Done, Passed: c.Passed, Changes: []wire.CorrectionChange{}, ChangesOmitted: c.Omitted,
		Proposed: wire.CorrectionAct(c.Proposed), Approved: (*wire.CorrectionAct)(c.Approved), Reverted: (*wire.CorrectionAct)(c.Reverted)}
	number := func(v jsontext.Value) jsontext.Value {
		if v == nil {
			return jsontext.Value("null")
		}
		return v
	}
	for _, change := range c.Changes {
		out.Changes = append(out.Changes, wire.CorrectionChange{Meter: change.Meter, Node: change.Node, Events: change.Events, Before: number(change.Before), After: number(change.After)})
	}
	return out
}
