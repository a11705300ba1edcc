package api

import (
	"bufio"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/usance/usance"
	"github.com/usance/usance/api/wire"
	"github.com/usance/usance/internal/archive"
	"github.com/usance/usance/internal/httpx"
	"github.com/usance/usance/internal/transfer"
	"github.com/usance/usance/registry"
)

func archiveRoutes() []route {
	const tag = "Tenants"
	operate := usance.RightOperate
	return []route{
		{id: "exportTenant", method: "GET", path: "/tenants/{tenant}/export", right: operate, tenantVar: true, handle: exportTenant,
			params: []param{
				{name: "after", format: "int", doc: "To complete an archive that broke off: the sequence of its last whole entry."},
				{name: "after_chain", doc: "The hash chain at that entry."},
				{name: "through", format: "int", doc: "The sequence of the last entry that the archive's header names."},
				{name: "chain", doc: "The hash chain that its header names."}},
			doc: doc{tag: tag, summary: "A tenant's whole ledger and definitions as one archive", out: "Archive", status: 200, text: exportText}},
		{id: "importTenant", method: "POST", path: "/tenants/{tenant}/import", right: operate, tenantVar: true, handle: importTenant,
			doc: doc{tag: tag, summary: "Bring a tenant in from an archive", in: "Archive", out: "Imported", status: 200, text: importText}},
		{id: "getImport", method: "GET", path: "/tenants/{tenant}/import", right: operate, tenantVar: true, handle: getImport,
			doc: doc{tag: tag, summary: "How far a tenant's import is", out: "Arrival", status: 200}},
		{id: "discardImport", method: "DELETE", path: "/tenants/{tenant}/import", right: operate, tenantVar: true, handle: discardImport,
			doc: doc{tag: tag, summary: "Throw away an import that was not finished", status: 204}},
	}
}

// arrives reports that the route is about a tenant that need not be there.
func (rt *route) arrives() bool {
	switch rt.id {
	case "importTenant", "getImport", "discardImport":
		return true
	}
	return false
}

const (
	exportText = "The archive is streamed: the ledger as it is when the call begins, however long the answer takes. It ends with a trailer; what has none broke off. " +
		"The header Usance-Passphrase, of at least 12 bytes, has the secrets of the signing keys travel too, sealed under it; without it they stay behind. " +
		"Password hashes and token digests are definitions and travel; sign-in sessions do not."
	importText = "The body is an archive. The tenant must not exist; it appears whole at the end or not at all, with the archive's entries as they are and every number folded from them. " +
		"What was interrupted is gone on with by importing the same archive again. Names that other tenants have are refused before anything is stored. " +
		"Usance-Passphrase opens the secrets of the signing keys; lost names the keys that have none here. " +
		"With Accept: application/x-ndjson the answer has a line a second with stage, done and of once the body has come, and a last line with result, or with problem."
)

// maxDrained is how much of an archive that is refused is still taken, so that
// whoever sends it gets to read why.
const maxDrained = 64 << 20

func (q *request) mover() (*transfer.Mover, error) {
	if q.api.mover == nil {
		return nil, usance.Errorf(usance.KindUnavailable, "this server moves no tenants")
	}
	return q.api.mover, nil
}

// unhurried lifts the connection's deadlines: the call may take longer than others
// may, and whoever made it can hang up.
func (q *request) unhurried() {
	conn := http.NewResponseController(q.w)
	_ = conn.SetWriteDeadline(time.Time{}) // no connection, no deadline
	_ = conn.SetReadDeadline(time.Time{})
}

func exportTenant(q *request) error {
	m, err := q.mover()
	if err != nil {
		return err
	}
	e := transfer.Export{Passphrase: q.r.Header.Get(wire.HeaderPassphrase)}
	if e.Part, err = q.part(); err != nil {
		return err
	}
	begun, err := m.Export(q.r.Context(), q.tenant, e)
	if err != nil {
		return err
	}
	q.sequence(begun.Header.Sequence)
	q.w.Header().Set("Content-Type", wire.TypeArchive)
	q.w.Header().Set("Content-Disposition", `attachment; filename="`+string(q.tenant)+`.usance"`)
	if q.r.Method == http.MethodHead {
		return nil
	}
	q.unhurried()
	out := bufio.NewWriterSize(q.w, 64<<10)
	if _, err := begun.Write(q.r.Context(), out, nil); err != nil {
		q.api.logFailure(q.r, err)
		panic(http.ErrAbortHandler) // the status is gone; a body cut off is all that can still tell
	}
	return nil
}

// part reads the parameters that complete an archive.
func (q *request) part() (*archive.Header, error) {
	names := []string{"after", "after_chain", "through", "chain"}
	given := 0
	for _, name := range names {
		if q.query.has(name) {
			given++
		}
	}
	if given == 0 {
		return nil, nil
	}
	if given < len(names) {
		return nil, usance.Errorf(usance.KindInvalid, "to complete an archive all of %s are needed", strings.Join(names, ", "))
	}
	h := &archive.Header{Tenant: q.tenant}
	var err error
	if h.After, err = q.query.uint("after"); err != nil {
		return nil, err
	}
	if h.Sequence, err = q.query.uint("through"); err != nil {
		return nil, err
	}
	if h.AfterChain.UnmarshalText([]byte(q.query.text("after_chain"))) != nil {
		return nil, parameterError("after_chain", "is not a hash chain")
	}
	if h.Chain.UnmarshalText([]byte(q.query.text("chain"))) != nil {
		return nil, parameterError("chain", "is not a hash chain")
	}
	return h, nil
}

func importTenant(q *request) error {
	m, err := q.mover()
	if err != nil {
		return err
	}
	if err := checkMedia(q.r, wire.TypeArchive, "application/octet-stream"); err != nil {
		return err
	}
	q.unhurried()
	from, err := archive.NewReader(q.r.Body)
	if err != nil {
		return err
	}
	defer from.Close()
	how := transfer.Import{Actor: q.actor(), Passphrase: q.r.Header.Get(wire.HeaderPassphrase)}
	q.w.Header().Set("Vary", "Accept")
	aloud := strings.Contains(strings.Join(q.r.Header.Values("Accept"), ","), wire.TypeNDJSON)
	told := q.api.now()
	began := false
	if aloud {
		how.Progress = func(stage string, done, of uint64) {
			if now := q.api.now(); stage != "storing" && now.Sub(told) >= progressEvery {
				told = now
				q.line(&began, wire.ImportProgress{Stage: stage, Done: done, Of: of})
			}
		}
	}
	got, err := m.Import(q.r.Context(), q.tenant, from, how)
	switch {
	case err != nil && !began:
		_, _ = io.CopyN(io.Discard, q.r.Body, maxDrained)
		return err
	case err != nil:
		q.api.logFailure(q.r, err)
		p := problemOf(err, q.subtree())
		p.RequestID = httpx.RequestIDFrom(q.r.Context())
		q.line(&began, wire.ImportProgress{Problem: &p})
		return nil
	}
	out := wireImported(got)
	q.sequence(got.Sequence)
	if aloud {
		q.line(&began, wire.ImportProgress{Done: got.Archived, Of: got.Archived, Result: &out})
		return nil
	}
	return q.answer(http.StatusOK, out)
}

// line writes one line of an answer that has several.
func (q *request) line(began *bool, line any) {
	if !*began {
		*began = true
		q.w.Header().Set("Content-Type", wire.TypeNDJSON)
	}
	b, err := httpx.AppendJSON(nil, line)
	if err != nil {
		return // its members are numbers and valid texts
	}
	_, _ = q.w.Write(append(b, '\n')) // the caller has gone when this fails; the context says so
	_ = http.NewResponseController(q.w).Flush()
}

func wireImported(i transfer.Imported) wire.Imported {
	out := wire.Imported{Tenant: i.Tenant, Archived: i.Archived, Sequence: i.Sequence, Events: i.Events, Sealed: i.Sealed, Lost: wireKeys(i.Lost), Already: i.Already}
	return out
}

func wireKeys(list []registry.KeyRef) []wire.KeyRef {
	out := make([]wire.KeyRef, len(list))
	for i, k := range list {
		out[i] = wire.KeyRef{Kind: k.Kind, ID: k.ID}
	}
	return out
}

func getImport(q *request) error {
	m, err := q.mover()
	if err != nil {
		return err
	}
	a, err := m.Arrival(q.r.Context(), q.tenant)
	if err != nil {
		return err
	}
	return q.answer(http.StatusOK, wire.Arrival{Tenant: a.Tenant, Archived: a.Sequence, Chain: a.Header.Chain.String(), Stored: a.Stored, Done: a.Done})
}

func discardImport(q *request) error {
	m, err := q.mover()
	if err != nil {
		return err
	}
	q.unhurried()
	if err := m.Discard(q.r.Context(), q.tenant); err != nil {
		return err
	}
	return q.gone()
}
