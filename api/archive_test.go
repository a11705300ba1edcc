package api

import (
	"bytes"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/usance/usance"
	"github.com/usance/usance/api/wire"
	"github.com/usance/usance/internal/archive"
	"github.com/usance/usance/store"
)

// emptyArchive is one of a tenant to which nothing happened.
func emptyArchive(tenant usance.TenantID) string {
	b := archive.Block{First: 1, Entries: 1, Raw: []byte("an entry")}
	var out bytes.Buffer
	w, err := archive.NewWriter(&out, archive.Header{Tenant: tenant, Sequence: 1, Definitions: 1, Chain: b.Chain(archive.Hash{})})
	if err == nil {
		err = w.Definition(archive.Row{ID: "tenant\x00" + string(tenant), Value: fmt.Appendf(nil, `{"id":%q,"timezone":"UTC"}`, tenant)})
	}
	if err == nil {
		err = w.Block(b)
	}
	if err == nil {
		_, err = w.Close()
	}
	if err != nil {
		panic(err) // it is written to memory
	}
	return out.String()
}

func TestATenantMovesByTheAPI(t *testing.T) {
	h, to := limited(t), newHouseOf(t)
	h.llm("e1", "/a", "40")
	h.charge("", `{"id":"c1","node":"/a","items":[{"meter":"seats","amount":3}]}`).want(200)
	h.post(uriPath+"/e1/void", ``).want(200)
	const phrase = "correct horse battery"
	path := prefix + "/tenants/acme/"
	h.do(call{method: "GET", path: path + "export", token: "operator", headers: map[string]string{wire.HeaderPassphrase: "short"}}).want(400)
	file := h.do(call{method: "GET", path: path + "export", token: "operator", headers: map[string]string{wire.HeaderPassphrase: phrase}}).want(200)
	seq, err := h.led.Sequence(t.Context(), acme)
	h.must(err)
	if got := file.Header().Get(wire.HeaderSequence); got != fmt.Sprint(seq) {
		t.Errorf("sequence %s of %d", got, seq)
	}
	whole, err := archive.NewReader(bytes.NewReader(file.Body.Bytes()))
	h.must(err)
	defer whole.Close()
	first, err := whole.Next()
	h.must(err)
	query := fmt.Sprintf("export?after=%d&after_chain=%s&through=%d&chain=%s", first.Last(), whole.Chain(), whole.Header.Sequence, whole.Header.Chain)
	rest, err := archive.NewReader(h.do(call{method: "GET", path: path + query, token: "operator"}).want(200).Body)
	h.must(err)
	defer rest.Close()
	if b, err := rest.Next(); err != nil || b.First != first.Last()+1 {
		t.Errorf("the part begins with %+v, %v", b, err)
	}
	h.do(call{method: "GET", path: path + "export?after=1", token: "operator"}).want(400)
	h.do(call{method: "GET", path: path + strings.Replace(query, "after_chain=", "after_chain=z", 1), token: "operator"}).want(400)

	send := func(body, media string, headers map[string]string) *reply {
		return to.do(call{method: "POST", path: path + "import", token: "operator", body: body, media: media, headers: headers})
	}
	send(file.Body.String(), wire.TypeJSON, nil).want(415)
	send("nonsense", wire.TypeArchive, nil).want(400)
	send(file.Body.String()[:file.Body.Len()-20], wire.TypeArchive, nil).want(400)
	send(emptyArchive("acme"), wire.TypeArchive, nil).want(400) // its one entry is none
	send(file.Body.String(), wire.TypeArchive, nil).want(409)
	var state wire.Arrival
	to.do(call{method: "GET", path: path + "import", token: "operator"}).want(200).json(&state)
	if state.Done || state.Archived != 1 || state.Stored != 0 {
		t.Errorf("%+v", state)
	}
	to.do(call{method: "PUT", path: prefix + "/tenants/acme", token: "operator", body: `{"name":"Acme"}`}).want(409)
	to.do(call{method: "DELETE", path: path + "import", token: "operator"}).want(204)
	to.do(call{method: "GET", path: path + "import", token: "operator"}).want(404)
	said := send(file.Body.String(), wire.TypeArchive, map[string]string{"Accept": wire.TypeNDJSON, wire.HeaderPassphrase: phrase}).want(200).Body.String()
	if !strings.Contains(said, `"result":{"tenant":"acme"`) || !strings.Contains(said, `"lost":[]`) {
		t.Errorf("the import says %s", said)
	}
	var got wire.Imported
	send(file.Body.String(), wire.TypeArchive, nil).want(200).json(&got)
	if !got.Already || got.Archived != seq || got.Events != 2 {
		t.Errorf("%+v", got)
	}
	if v := to.verified("acme"); v.Fault != "" || v.Sequence < seq {
		t.Errorf("%+v", v)
	}
	ask := call{method: "GET", path: prefix + "/quotas?tenant=acme&recursive=true&node=/", token: "operator"}
	if there, here := h.do(ask).want(200).Body.String(), to.do(ask).want(200).Body.String(); there != here {
		t.Errorf("quotas there %s\nand here %s", there, here)
	}
}

// A ledger that cannot be read to its end must not look like one that ends.
func TestAnExportThatFailsIsCutOff(t *testing.T) {
	h := limited(t)
	h.llm("e1", "/a", "40")
	h.must(h.st.Step(t.Context(), acme, store.Keys{}, func(rows *store.Rows) error {
		rows.Put(store.Blocks, strings.Repeat("\x00", 7)+"\x01", []byte("no block"))
		return nil
	}))
	defer func() {
		if recover() == nil {
			t.Error("the answer looks whole")
		}
	}()
	_, _ = io.Copy(io.Discard, h.do(call{method: "GET", path: prefix + "/tenants/acme/export", token: "operator"}).Body)
}
