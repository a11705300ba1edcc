package api

import (
	"context"
	"net/http"
	"strings"
	"time"

	"github.com/usance/usance"
	"github.com/usance/usance/api/wire"
	"github.com/usance/usance/internal/httpx"
	"github.com/usance/usance/ledger"
)

// Verifier folds a tenant's ledger again and compares; see ledger.Verify.
type Verifier func(ctx context.Context, tenant usance.TenantID, progress func(done, of uint64)) (ledger.Verification, error)

func verifyRoutes() []route {
	return []route{
		{id: "verify", method: "POST", path: "/verify", right: usance.RightManage, handle: verify,
			doc: doc{tag: "Integrity", summary: "Fold the ledger again and compare every number", out: "Verification", status: 200, text: verifyText}},
	}
}

const verifyText = "The tenant's whole ledger is folded again from its first entry, its hash chain is checked, and every view is compared with what is stored. " +
	"fault names the first difference; there should never be one. It takes its time, and a server verifies one tenant at a time: another call meanwhile is answered 503. " +
	"With Accept: application/x-ndjson the answer begins at once and has a line a second with done and of, in entries, and a last line with result, or with problem."

// verifyWait is how long a call waits for the one before it.
const verifyWait = 2 * time.Second

// progressEvery is how often a verification under way says how far it is.
const progressEvery = time.Second

func verify(q *request) error {
	if q.api.verify == nil {
		return usance.Errorf(usance.KindUnavailable, "this server has nowhere to fold a ledger again")
	}
	select {
	case q.api.verifying <- struct{}{}:
		defer func() { <-q.api.verifying }()
	case <-time.After(verifyWait): // one that has just answered may still be tidying up
		return usance.Errorf(usance.KindUnavailable, "another verification is under way")
	}
	// It may take longer than other calls may; whoever made it can hang up.
	conn := http.NewResponseController(q.w)
	_ = conn.SetWriteDeadline(time.Time{}) // no connection, no deadline
	_ = conn.SetReadDeadline(time.Time{})
	q.w.Header().Set("Vary", "Accept")
	if strings.Contains(strings.Join(q.r.Header.Values("Accept"), ","), wire.TypeNDJSON) {
		return q.verifyAloud()
	}
	got, err := q.api.verify(q.r.Context(), q.tenant, nil)
	if err != nil {
		return err
	}
	q.sequence(got.Sequence)
	return q.answer(http.StatusOK, wireVerification(got))
}

// verifyAloud tells how far it is while it goes on. Once it has begun to answer,
// an error is a line of the answer.
func (q *request) verifyAloud() error {
	of, err := q.api.led.Sequence(q.r.Context(), q.tenant)
	if err != nil {
		return err
	}
	q.w.Header().Set("Content-Type", wire.TypeNDJSON)
	q.say(wire.VerifyProgress{Of: of})
	told := q.api.now()
	got, err := q.api.verify(q.r.Context(), q.tenant, func(done, of uint64) {
		if now := q.api.now(); now.Sub(told) >= progressEvery {
			told = now
			q.say(wire.VerifyProgress{Done: done, Of: of})
		}
	})
	if err != nil {
		q.api.logFailure(q.r, err)
		p := problemOf(err, q.subtree())
		p.RequestID = httpx.RequestIDFrom(q.r.Context())
		q.say(wire.VerifyProgress{Problem: &p})
		return nil
	}
	result := wireVerification(got)
	q.say(wire.VerifyProgress{Done: got.Sequence, Of: got.Sequence, Result: &result})
	return nil
}

func (q *request) say(line wire.VerifyProgress) {
	b, err := httpx.AppendJSON(nil, line)
	if err != nil {
		return // its members are numbers and valid texts
	}
	_, _ = q.w.Write(append(b, '\n')) // the caller has gone when this fails; the context says so
	_ = http.NewResponseController(q.w).Flush()
}

// wireVerification leaves out of a fault in the definitions what the rows hold:
// hashes and sealed secrets are among it.
func wireVerification(v ledger.Verification) wire.Verification {
	out := wire.Verification{Tenant: v.Tenant, Sequence: v.Sequence, Events: v.Events, Rows: v.Rows, Fault: v.Fault}
	if strings.HasPrefix(v.Fault, "definitions ") || strings.HasPrefix(v.Fault, "history ") {
		out.Fault, _, _ = strings.Cut(v.Fault, ": stored ")
		if out.Fault != v.Fault {
			out.Fault += " is not what the ledger gives"
		}
	}
	return out
}
