package api

import (
	"bytes"
	"net/http"
	"time"

	"github.com/usance/usance"
	"github.com/usance/usance/api/wire"
	"github.com/usance/usance/internal/httpx"
	"github.com/usance/usance/ledger"
)

func chargeRoutes() []route {
	const tag = "Charges and holds"
	record := usance.RightRecord
	return []route{
		{id: "charge", method: "POST", path: "/charges", right: record, where: atNode, handle: charge,
			doc: doc{tag: tag, summary: "Record usage if the quotas allow it", in: "Charge", out: "Charged", status: 200, text: chargeText}},
		{id: "listHolds", method: "GET", path: "/holds", where: atNode, handle: listHolds,
			params: withPage(
				nodeParam("Holds at and below this node. Default: all the token may see."),
				param{name: "state", enum: []string{"open", "settled", "released", "expired", "all"}, doc: "Default: open."}),
			doc: doc{tag: tag, summary: "Holds: open ones in the order in which they expire, others by id", out: "HoldList", status: 200,
				text: "A page may hold fewer rows than its limit and yet have a next one."}},
		{id: "reserve", method: "POST", path: "/holds", right: record, where: atNode, handle: reserve,
			doc: doc{tag: tag, summary: "Set room aside on every quota from a node to the root", in: "Reserve", out: "Hold", status: 200, text: holdText}},
		{id: "getHold", method: "GET", path: "/holds/{id}", where: atNode, handle: getHold,
			doc: doc{tag: tag, summary: "One hold", out: "Hold", status: 200}},
		{id: "settleHold", method: "POST", path: "/holds/{id}/settle", right: record, where: atNode, handle: settleHold,
			doc: doc{tag: tag, summary: "Record what was really used of a hold, and give back the rest", in: "Settle", optional: true, out: "Hold", status: 200, text: settleText}},
		{id: "extendHold", method: "POST", path: "/holds/{id}/extend", right: record, where: atNode, handle: extendHold,
			doc: doc{tag: tag, summary: "Move an open hold's expiry", in: "Extend", out: "Hold", status: 200}},
		{id: "releaseHold", method: "DELETE", path: "/holds/{id}", right: record, where: atNode, handle: releaseHold,
			doc: doc{tag: tag, summary: "Give a hold's room back", out: "Hold", status: 200,
				text: "Releasing a hold that is released or expired changes nothing; one that was settled is a conflict."}},
	}
}

// The longer texts of the document.
const (
	chargeText = "All items are recorded or none. The check of every hard quota from the node to the root, in every window, and the record are one commit. " +
		"A refusal is 409 of type urn:usance:problem:quota-exceeded and lists in blocks every quota that refuses. " +
		"The same id again with the same content answers as the first time, with duplicate true; with other content it is a conflict.\n\n" +
		"Mode enforce is the default; check says what enforce would and records nothing; best_effort records as much of each item as fits and says how much " +
		"in granted; adjust takes back: its amounts are negative and no quota refuses them."
	holdText = "What is set aside is reserved in every reading of the quotas until it is settled, released or expires. A refusal is as that of a charge. " +
		"The same id again with the same content answers the hold as it is now; with other content it is a conflict."
	settleText = "Without items all that is still set aside was used. More than was held is taken if the quotas have room for the difference. " +
		"partial keeps the hold open, and step (1 for the first settlement) makes a repeat of a partial settlement safe."
)

// body is decode for a body that may be left out.
func (q *request) body(v any) error {
	if err := checkMedia(q.r, wire.TypeJSON); err != nil && q.r.ContentLength != 0 {
		return err
	}
	body, err := q.api.bodies.Read(q.w, q.r)
	if err != nil || len(bytes.TrimSpace(body)) == 0 {
		return err
	}
	return httpx.DecodeJSON(body, v, httpx.JSONRules{})
}

// at settles the node that a body is about, by default the root, and checks the
// right to it.
func (q *request) at(right usance.Right, node usance.Path) (usance.Path, error) {
	if node == "" {
		node = usance.Root
	}
	if err := node.Check(); err != nil {
		return node, fieldError("node", detailOf(err))
	}
	return node, q.may(right, node)
}

func items(in []wire.Item) []usance.Item {
	if in == nil {
		return nil
	}
	out := make([]usance.Item, len(in))
	for i, it := range in {
		out[i] = usance.Item{Meter: it.Meter, Amount: usance.Amount(it.Amount)}
	}
	return out
}

// readCharge reads the body of a charge.
func (q *request) readCharge() (c ledger.Charge, err error) {
	body, err := q.json()
	if err != nil {
		return c, err
	}
	if c, plain := plainCharge(body); plain {
		return c, nil
	}
	var in wire.Charge
	if err := httpx.DecodeJSON(body, &in, httpx.JSONRules{}); err != nil {
		return c, err
	}
	return ledger.Charge{ID: in.ID, Source: in.Source, Node: in.Node, Subject: in.Subject, Time: in.Time, Items: items(in.Items), Mode: in.Mode}, nil
}

func charge(q *request) error {
	in, err := q.readCharge()
	if err != nil {
		return err
	}
	if in.Node, err = q.at(usance.RightRecord, in.Node); err != nil {
		return err
	}
	got, err := q.api.led.Charge(q.r.Context(), q.actor(), q.tenant, in)
	if err != nil {
		return err
	}
	if in.Mode == usance.ChargeCheck { // it has no entry
		if got.Sequence, err = q.api.led.Sequence(q.r.Context(), q.tenant); err != nil {
			return err
		}
	}
	out := wire.Charged{Sequence: got.Sequence, Duplicate: got.Duplicate, Granted: got.Granted, Flagged: []wire.Block{},
		Quotas: make([]wire.Quota, 0, len(got.Quotas))}
	for _, b := range got.Flagged {
		out.Flagged = append(out.Flagged, wire.BlockOf(b, !b.Node.Within(q.subtree())))
	}
	for i := range got.Quotas {
		if r := &got.Quotas[i]; r.Defined && r.Node.Within(q.subtree()) {
			out.Quotas = append(out.Quotas, wireQuota(r.Reading))
		}
	}
	q.sequence(got.Sequence)
	if body, plain := out.AppendPlain(make([]byte, 0, 128+288*len(out.Quotas))); plain {
		return q.answer(http.StatusOK, httpx.Encoded(body))
	}
	return q.answer(http.StatusOK, out)
}

// ttl turns seconds into a duration; past the longest hold it is one that the
// ledger refuses.
func ttl(s wire.Seconds) time.Duration {
	const most = wire.Seconds(usance.MaxHold / time.Second)
	return time.Duration(min(max(s, 0), most+1)) * time.Second
}

func reserve(q *request) error {
	var in wire.Reserve
	err := q.decode(&in)
	if err != nil {
		return err
	}
	if in.Node, err = q.at(usance.RightRecord, in.Node); err != nil {
		return err
	}
	hold := usance.Hold{ID: in.ID, Node: in.Node, Subject: in.Subject, Items: items(in.Items)}
	return q.answerHold(q.api.led.Reserve(q.r.Context(), q.actor(), q.tenant, hold, ttl(in.TTL)))
}

func (q *request) answerHold(h usance.Hold, sequence uint64, err error) error {
	if err != nil {
		return err
	}
	q.sequence(sequence)
	return q.answer(http.StatusOK, h)
}

// hold reads one that the token may see; another's is as if it did not exist. A
// hold never moves, so what is checked here stays true.
func (q *request) hold() (usance.Hold, uint64, error) {
	id := q.vars[0]
	if len(id) > usance.MaxIDBytes {
		return usance.Hold{}, 0, missing("hold", id)
	}
	h, sequence, err := q.api.led.Hold(q.r.Context(), q.tenant, id)
	if err == nil && !h.Node.Within(q.subtree()) {
		err = missing("hold", id)
	}
	return h, sequence, err
}

func getHold(q *request) error { return q.answerHold(q.hold()) }

func settleHold(q *request) error {
	var in wire.Settle
	if err := q.body(&in); err != nil {
		return err
	}
	if in.Step < 0 {
		return fieldError("step", "is a whole number from 0")
	}
	h, _, err := q.hold()
	if err != nil {
		return err
	}
	return q.answerHold(q.api.led.Settle(q.r.Context(), q.actor(), q.tenant, h.ID, items(in.Items), in.Partial, in.Step))
}

func extendHold(q *request) error {
	var in wire.Extend
	if err := q.decode(&in); err != nil {
		return err
	}
	h, _, err := q.hold()
	if err != nil {
		return err
	}
	return q.answerHold(q.api.led.Extend(q.r.Context(), q.actor(), q.tenant, h.ID, ttl(in.TTL)))
}

func releaseHold(q *request) error {
	h, _, err := q.hold()
	if err != nil {
		return err
	}
	return q.answerHold(q.api.led.Release(q.r.Context(), q.actor(), q.tenant, h.ID))
}

func listHolds(q *request) error {
	node, err := q.node(usance.RightRead)
	if err != nil {
		return err
	}
	f := ledger.HoldFilter{Node: node, State: usance.HoldOpen}
	switch state := q.query.text("state"); state {
	case "", "open":
	case "all":
		f.State = ""
	case "settled", "released", "expired":
		f.State = usance.HoldState(state)
	default:
		return parameterError("state", "is open, settled, released, expired or all")
	}
	if f.Cursor, f.Limit, err = q.page(); err != nil {
		return err
	}
	page, err := q.api.led.Holds(q.r.Context(), q.tenant, f)
	if err != nil {
		return err
	}
	out := wire.List[usance.Hold]{Items: page.Holds}
	if page.Next != "" {
		out.Next = cursorOf(page.Next)
	}
	q.sequence(page.Sequence)
	return q.answer(http.StatusOK, out)
}
