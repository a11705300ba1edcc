package api

import (
	"github.com/usance/usance"
	"github.com/usance/usance/ledger"
	"github.com/usance/usance/registry"
)

// pastParams are those of every reading that can be asked as it was known at an
// earlier moment.
func pastParams() []param {
	return []param{
		{name: "at_sequence", format: "int", doc: "Answer what was known when the tenant's ledger had just reached this sequence number."},
		{name: "known_at", format: "time", doc: "Answer what was known at this time. Not with at_sequence."},
	}
}

// moment reads the parameters at_sequence and known_at, at most one of which is
// given.
func (q *request) moment() (ledger.Moment, error) {
	sequence, err := q.query.uint("at_sequence")
	if err != nil {
		return ledger.Moment{}, err
	}
	at, err := q.query.time("known_at")
	if err != nil {
		return ledger.Moment{}, err
	}
	name := "known_at"
	switch {
	case q.query.has("at_sequence") && q.query.has("known_at"):
		return ledger.Moment{}, parameterError("known_at", "does not go together with at_sequence")
	case q.query.has("at_sequence"):
		if name = "at_sequence"; sequence == 0 {
			return ledger.Moment{}, parameterError(name, "is 1 or more")
		}
	}
	m, err := q.api.led.MomentOf(q.r.Context(), q.tenant, sequence, at)
	if kind := usance.KindOf(err); err != nil && (kind == usance.KindInvalid || kind == usance.KindNotFound) {
		return m, parameterError(name, detailOf(err))
	}
	return m, err
}

// definitionsAt returns the definitions of a moment, the zero one being now.
func (q *request) definitionsAt(m ledger.Moment) (*registry.Definitions, error) {
	if m.IsZero() {
		return q.definitions()
	}
	q.sequence(m.Sequence)
	return q.api.led.DefinitionsAt(q.r.Context(), q.tenant, m)
}
