package api

import (
	"context"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/usance/usance"
	"github.com/usance/usance/api/wire"
	"github.com/usance/usance/ledger"
	"github.com/usance/usance/store"
)

func (h *house) verified(tenant string) wire.Verification {
	h.t.Helper()
	var v wire.Verification
	h.do(call{method: "POST", path: prefix + "/verify?tenant=" + tenant, token: "operator"}).want(200).json(&v)
	return v
}

func TestVerifyFindsNothingInASoundLedgerAndNamesAFault(t *testing.T) {
	h := limited(t)
	h.llm("e1", "/a", "40")
	h.charge("", `{"id":"c1","node":"/a","items":[{"meter":"seats","amount":3}]}`).want(200)
	h.post("/holds", `{"id":"h1","node":"/a","items":[{"meter":"seats","amount":1}],"ttl":3600}`).want(200)
	h.post(uriPath+"/e1/void", ``).want(200)
	seq, err := h.led.Sequence(t.Context(), acme)
	h.must(err)
	if v := h.verified("acme"); v.Fault != "" || v.Sequence != seq || v.Events != 2 || v.Rows == 0 || v.Tenant != acme {
		t.Errorf("%+v, the ledger is at %d", v, seq)
	}
	damage := func(table store.Table) {
		t.Helper()
		var row store.Row
		h.must(h.st.Scan(t.Context(), acme, store.Range{Table: table}, func(r store.Row) error {
			if strings.HasPrefix(r.ID, "user\x00") || table != store.Definitions {
				row = store.Row{ID: strings.Clone(r.ID), Value: append([]byte(nil), r.Value...)}
			}
			return nil
		}))
		row.Value[len(row.Value)-1] ^= 1
		h.must(h.st.Step(t.Context(), acme, store.Keys{}, func(rows *store.Rows) error {
			rows.Put(table, row.ID, row.Value)
			return nil
		}))
	}
	damage(store.Totals)
	if v := h.verified("acme"); !strings.HasPrefix(v.Fault, "totals ") || !strings.Contains(v.Fault, "stored") {
		t.Errorf("%+v", v)
	}
	damage(store.Definitions) // compared before totals
	if v := h.verified("acme"); !strings.HasPrefix(v.Fault, `definitions "user`) || strings.Contains(v.Fault, ": stored") || !strings.Contains(v.Fault, "not what the ledger gives") {
		t.Errorf("%+v", v)
	}
	if v := h.verified("beta"); v.Fault != "" {
		t.Errorf("another tenant: %+v", v)
	}
}

// lines reads an answer in lines.
func (r *reply) lines() (out []wire.VerifyProgress) {
	r.t.Helper()
	for line := range strings.Lines(r.Body.String()) {
		var p wire.VerifyProgress
		if err := json.Unmarshal([]byte(line), &p); err != nil {
			r.t.Fatalf("%v in %s", err, line)
		}
		out = append(out, p)
	}
	return out
}

func TestVerifyTellsHowFarItIs(t *testing.T) {
	h := newHouse(t)
	aloud := call{method: "POST", path: prefix + "/verify", headers: map[string]string{"Accept": wire.TypeNDJSON}}
	h.api.verify = func(_ context.Context, tenant usance.TenantID, progress func(done, of uint64)) (ledger.Verification, error) {
		for done := range uint64(4) {
			h.mu.Lock()
			h.time = h.time.Add(600 * time.Millisecond)
			h.mu.Unlock()
			progress(done+1, 4)
		}
		return ledger.Verification{Tenant: tenant, Sequence: 4, Fault: "found"}, nil
	}
	got := h.do(aloud).want(200).lines()
	if len(got) != 4 || got[0].Done != 0 || got[0].Of == 0 || got[1].Done != 2 || got[2].Done != 4 || got[3].Result == nil || got[3].Result.Fault != "found" {
		t.Errorf("%+v", got)
	}
	h.api.verify = func(context.Context, usance.TenantID, func(done, of uint64)) (ledger.Verification, error) {
		return ledger.Verification{}, registryFault()
	}
	got = h.do(aloud).want(200).lines()
	if p := got[len(got)-1].Problem; p == nil || p.Status != 500 || p.RequestID == "" || strings.Contains(p.Detail, "secret") {
		t.Errorf("%+v", got)
	}
	h.do(call{method: "POST", path: prefix + "/verify"}).want(500).problem()
	h.api.verify = nil
	h.do(aloud).want(503).problem()
}

func TestOneVerificationAtATime(t *testing.T) {
	h := newHouse(t)
	within := 0
	h.api.verify = func(_ context.Context, tenant usance.TenantID, _ func(done, of uint64)) (ledger.Verification, error) {
		within = h.do(call{method: "POST", path: prefix + "/verify"}).Code
		return ledger.Verification{Tenant: tenant, Sequence: 1}, nil
	}
	h.do(call{method: "POST", path: prefix + "/verify"}).want(200)
	if within != 503 {
		t.Errorf("a second one meanwhile: %d", within)
	}
	h.do(call{method: "POST", path: prefix + "/verify"}).want(200)
}
