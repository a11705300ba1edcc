package api

import (
	"bytes"
	"cmp"
	"errors"
	"mime"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/usance/usance"
	"github.com/usance/usance/api/wire"
	"github.com/usance/usance/internal/gate"
	"github.com/usance/usance/ledger"
)

// checkMedia refuses a body that says it is something else. A body that says
// nothing is taken for the first of the types; an empty one for anything.
func checkMedia(r *http.Request, allowed ...string) error {
	_, err := mediaOf(r, allowed...)
	return err
}

func mediaOf(r *http.Request, allowed ...string) (string, error) {
	header := r.Header.Get("Content-Type")
	if header == "" {
		return allowed[0], nil
	}
	if slices.Contains(allowed, header) {
		return header, nil
	}
	media, params, err := mime.ParseMediaType(header)
	if charset := params["charset"]; err == nil && (charset == "" || strings.EqualFold(charset, "utf-8")) && slices.Contains(allowed, media) {
		return media, nil
	}
	return "", &unsupportedMedia{"the Content-Type must be one of " + strings.Join(allowed, ", ") + ", in UTF-8"}
}

// sendEvents decodes a request's events, settles whose they are, and records them
// all or none.
func sendEvents(q *request) error {
	pass, err := q.admit()
	if err != nil {
		return err
	}
	defer pass.Close()
	events, err := q.readEvents(pass)
	if err = q.record(events, err); err != nil {
		q.remember(events, err)
	}
	return err
}

// record records the events, or says why not; faults is what was wrong with their
// form.
func (q *request) record(events []ledger.Incoming, faults error) error {
	refused, isList := errors.AsType[*usance.Error](faults)
	if faults != nil && (!isList || len(refused.Fields) == 0) {
		return faults
	}
	if err := q.settleTenant(events); err != nil {
		return err
	}
	if faults != nil {
		return q.allFaults(refused, slices.Clone(events))
	}
	if err := q.mayRecord(events); err != nil {
		return err
	}
	var receipt ledger.Receipt
	var err error
	if len(events) > 0 {
		receipt, err = q.api.led.Ingest(q.r.Context(), q.actor(), q.tenant, events)
	} else {
		receipt.Sequence, err = q.api.led.Sequence(q.r.Context(), q.tenant)
	}
	if err != nil {
		return q.withLines(err)
	}
	h := q.w.Header()
	h.Set(wire.HeaderAccepted, strconv.Itoa(receipt.Accepted))
	h.Set(wire.HeaderDuplicates, strconv.Itoa(receipt.Duplicates))
	q.sequence(receipt.Sequence)
	return q.gone()
}

// heldPerByte is how much memory a byte of events takes while they are recorded.
const heldPerByte = 4

// admit lets a request with events in, or refuses it when the server or the
// tenant has enough in hand.
func (q *request) admit() (*gate.Pass, error) {
	party := "tenant " + string(q.who.Tenant)
	if q.who.Role == usance.RoleOperator {
		party = "operator " + q.who.User + " " + q.query.text("tenant")
	}
	length := q.r.ContentLength
	if length < 0 {
		length = usance.MaxEventBytes // it grows when the body is there
	}
	return q.api.gate.Reserve(party, heldPerByte*max(min(length, usance.MaxBodyBytes), 1))
}

// readEvents reads the body in whichever mode it comes, and decodes it when it
// has its turn.
func (q *request) readEvents(pass *gate.Pass) ([]ledger.Incoming, error) {
	header := q.r.Header.Get("Content-Type")
	binary := isBinary(q.r.Header, strings.ToLower(strings.TrimSpace(header)))
	media := ""
	if !binary {
		var err error
		if media, err = mediaOf(q.r, wire.TypeJSON, wire.TypeEvent, wire.TypeBatch, wire.TypeNDJSON, "application/ndjson", "application/jsonl"); err != nil {
			return nil, err
		}
	}
	body, err := q.api.bodies.Read(q.w, q.r)
	if err != nil {
		return nil, err
	}
	if !binary && len(bytes.TrimLeft(body, " \t\r\n")) == 0 {
		return nil, usance.Errorf(usance.KindInvalid, "the body is empty; it must be events")
	}
	if err := pass.Grow(heldPerByte * int64(len(body))); err != nil {
		return nil, err
	}
	if err := pass.Turn(q.r.Context()); err != nil {
		return nil, err
	}
	defer pass.End()
	d := newDecoder(q.api.now().UTC())
	if binary {
		return d.decodeBinary(q.r.Header, body)
	}
	switch media {
	case wire.TypeJSON, wire.TypeEvent, wire.TypeBatch:
		return d.decodeJSON(body, media == wire.TypeEvent, media == wire.TypeBatch)
	}
	q.lines = body
	return d.decodeLines(body)
}

// settleTenant works out whose events these are. One request is one step of one
// tenant's ledger, so its events are of one tenant.
func (q *request) settleTenant(events []ledger.Incoming) error {
	operator := q.who.Role == usance.RoleOperator
	refused := &usance.Error{Kind: usance.KindInvalid, Detail: "the events of one request are of one tenant"}
	want := q.tenant
	for i := range events {
		got := events[i].Tenant
		switch {
		case got == "" || got == want:
		case want == "" && operator:
			want = got
		case operator:
			refused.Fields = append(refused.Fields, usance.FieldError{Index: i, Field: "tenant", Detail: "is not " + string(want) + ", whose events the request holds"})
		default:
			refused.Fields = append(refused.Fields, usance.FieldError{Index: i, Field: "tenant", Detail: "is for operators' tokens; this one speaks for its own tenant"})
		}
	}
	if want == "" {
		want = q.api.home
	}
	if want == "" {
		return usance.Errorf(usance.KindInvalid, "an operator's token names the tenant: ?tenant=…, or the tenant attribute of every event")
	}
	if q.tenant == "" {
		for i := range events {
			if events[i].Tenant == "" && want != q.api.home {
				refused.Fields = append(refused.Fields, usance.FieldError{Index: i, Field: "tenant", Detail: "is missing"})
			}
		}
		if err := q.setTenant(want); err != nil {
			return err
		}
	}
	if len(refused.Fields) > 0 {
		slices.SortStableFunc(refused.Fields, byIndex)
		return q.withLines(refused)
	}
	for i := range events {
		events[i].Tenant, events[i].Enforce = q.tenant, q.who.Enforce
	}
	return nil
}

func byIndex(a, b usance.FieldError) int { return cmp.Compare(a.Index, b.Index) }

// mayRecord checks the right at every node that is charged.
func (q *request) mayRecord(events []ledger.Incoming) error {
	refused := &usance.Error{Kind: usance.KindForbidden, Detail: "the token may not record usage at some of the nodes; nothing was stored"}
	for i := range events {
		if err := q.may(usance.RightRecord, events[i].Node); err != nil {
			refused.Fields = append(refused.Fields, usance.FieldError{Index: i, Field: "node", Detail: "is outside " + string(q.subtree())})
		}
	}
	if len(refused.Fields) > 0 {
		return q.withLines(refused)
	}
	return nil
}

// allFaults adds to the faults of the form those that the ledger finds in the
// other events, so that one answer names every bad event. Events with a fault go
// along without an id, which the ledger refuses: it stores nothing of a list
// that has a bad event.
func (q *request) allFaults(refused *usance.Error, events []ledger.Incoming) error {
	faulty := make(map[int]bool, len(refused.Fields))
	blank := false
	for _, f := range refused.Fields {
		faulty[f.Index] = true
		if f.Index < len(events) {
			events[f.Index], blank = ledger.Incoming{}, true
		}
	}
	if !blank {
		return refused
	}
	_, err := q.api.led.Ingest(q.r.Context(), q.actor(), q.tenant, events)
	more, ok := errors.AsType[*usance.Error](err)
	if !ok || more.Kind != usance.KindInvalid {
		return refused
	}
	out := *refused
	for _, f := range more.Fields {
		if !faulty[f.Index] {
			out.Fields = append(out.Fields, f)
		}
	}
	slices.SortStableFunc(out.Fields, byIndex)
	return q.withLines(&out)
}

// withLines adds line numbers to errors about events that came one a line.
func (q *request) withLines(err error) error {
	e, ok := errors.AsType[*usance.Error](err)
	if !ok || q.lines == nil {
		return err
	}
	var at []int
	for line, text := range bytes.Split(q.lines, []byte("\n")) {
		if len(bytes.TrimLeft(text, " \t\r")) > 0 {
			at = append(at, line+1)
		}
	}
	out := *e
	out.Fields = slices.Clone(e.Fields)
	for i, f := range out.Fields {
		if f.Index >= 0 && f.Index < len(at) {
			out.Fields[i].Line = at[f.Index]
		}
	}
	return &out
}
