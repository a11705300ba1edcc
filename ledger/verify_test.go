package ledger_test

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/usance/usance"
	"github.com/usance/usance/internal/facadetest"
	"github.com/usance/usance/ledger"
	"github.com/usance/usance/registry"
	"github.com/usance/usance/store"
)

func verify(t *testing.T, f *fixture) ledger.Verification {
	t.Helper()
	v, err := f.Verify(t.Context(), acme, facadetest.OpenEmbedded(t), nil)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// busyTenant is a tenant to which a bit of everything has happened.
func busyTenant(t *testing.T) *fixture {
	t.Helper()
	seed := facadetest.Seed(t)
	r := rand.New(rand.NewPCG(seed, 6))
	edit := modelDefinitions()
	charges := chargeDefinitions()
	edit.Meters, edit.Quotas = append(edit.Meters, charges.Meters...), charges.Quotas
	f := open(t, "Asia/Kathmandu", edit)
	var n ids
	for i := range 30 {
		f.now = f.now.Add(20 * time.Minute)
		var batch []ledger.Incoming
		for range 1 + r.IntN(30) {
			batch = append(batch, newModelFact(r, &n, time.UTC).Incoming)
		}
		f.ingest(t, batch...)
		res := usance.Resource{ID: fmt.Sprint("r", r.IntN(9)), BusinessType: "LIVE_2D", ChargingMode: usance.OneTime, Source: usance.Purchased, Expires: f.now.Add(time.Hour),
			Grants: []usance.Grant{{Meter: "seats", Amount: 5}, {Meter: "tokens", Amount: 1 + r.Int64N(9), Node: "/a"}}}
		if _, err := f.PutResource(t.Context(), tester, acme, res, false); err != nil {
			t.Fatal(err)
		}
		mode := []usance.ChargeMode{usance.ChargeEnforce, usance.ChargeBestEffort}[r.IntN(2)]
		_, err := f.Charge(t.Context(), tester, acme, ledger.Charge{ID: fmt.Sprint("c", i), Node: "/a/b", Items: []usance.Item{{Meter: "seats", Amount: 9}, {Meter: "tokens", Amount: 3}}, Mode: mode})
		if err != nil && usance.KindOf(err) != usance.KindExceeded {
			t.Fatal(err)
		}
		_, _, err = f.Reserve(t.Context(), tester, acme, usance.Hold{ID: fmt.Sprint("h", i), Node: "/a", Items: []usance.Item{{Meter: "tokens", Amount: 2}}}, time.Duration(1+r.IntN(3))*15*time.Minute)
		if err != nil && usance.KindOf(err) != usance.KindExceeded {
			t.Fatal(err)
		}
		if i == 15 {
			if _, err := f.reg.Edit(t.Context(), tester, acme, registry.Edit{Tenant: &usance.Tenant{Timezone: "America/St_Johns"}}); err != nil {
				t.Fatal(err)
			}
		}
		if i%4 == 0 {
			if _, _, err := f.Settle(t.Context(), tester, acme, fmt.Sprint("h", i), nil, false, 0); err != nil && usance.KindOf(err) != usance.KindNotFound {
				t.Fatal(err)
			}
		}
	}
	return f
}

func TestALedgerFoldedAgainGivesEveryView(t *testing.T) {
	f := busyTenant(t)
	v := verify(t, f)
	if v.Fault != "" || v.Events == 0 || v.Rows < 100 {
		t.Errorf("%+v", v)
	}
}

// TestOneFlippedBitIsFoundAndNamed damages one row of each table in turn.
func TestOneFlippedBitIsFoundAndNamed(t *testing.T) {
	f := busyTenant(t)
	for table, name := range map[store.Table]string{
		store.Head: "head", store.Blocks: "block", store.Dedup: "dedup", store.Days: "days", store.Rollups: "rollups", store.Totals: "totals", store.Samples: "samples",
		store.Members: "members", store.Resources: "resources", store.Grants: "grants", store.Expiring: "expiring", store.Holds: "holds", store.Balances: "balances", store.Definitions: "definitions",
	} {
		row := someRow(t, f, table)
		broken := append([]byte(nil), row.Value...)
		broken[len(broken)-1] ^= 1
		f.put(t, table, row.ID, broken)
		if v := verify(t, f); !strings.Contains(v.Fault, name) {
			t.Errorf("a flipped bit in %s: %q", name, v.Fault)
		}
		f.put(t, table, row.ID, row.Value)
	}
	for _, table := range []store.Table{store.Rollups, store.Members, store.Expiries, store.Grants} {
		f.put(t, table, "\x00made up", []byte{1})
		if v := verify(t, f); !strings.Contains(v.Fault, "made up") {
			t.Errorf("a row out of nowhere in table %d: %q", table, v.Fault)
		}
		err := f.st.Step(t.Context(), acme, store.Keys{}, func(rows *store.Rows) error {
			rows.Delete(table, "\x00made up")
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if v := verify(t, f); v.Fault != "" {
		t.Errorf("all is mended, yet: %s", v.Fault)
	}
}

func (f *fixture) put(t *testing.T, table store.Table, id string, value []byte) {
	t.Helper()
	err := f.st.Step(t.Context(), acme, store.Keys{}, func(rows *store.Rows) error {
		rows.Put(table, id, value)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// someRow returns a row of the table with a value.
func someRow(t *testing.T, f *fixture, table store.Table) store.Row {
	t.Helper()
	if table == store.Dedup {
		key := usance.KeyOf("test", "e-1")
		rows, err := f.st.Load(t.Context(), acme, store.Keys{Rows: []store.Key{{Table: table, ID: string(key[:])}}})
		if err != nil {
			t.Fatal(err)
		}
		b, ok := rows.Get(table, string(key[:]))
		if !ok {
			t.Fatal("event e-1 is not known")
		}
		return store.Row{ID: string(key[:]), Value: b}
	}
	var found store.Row
	err := f.st.Scan(t.Context(), acme, store.Range{Table: table}, func(r store.Row) error {
		if len(r.Value) > 0 && (table != store.Balances || r.ID != "") {
			found = store.Row{ID: strings.Clone(r.ID), Value: append([]byte(nil), r.Value...)}
		}
		return nil
	})
	if err != nil || found.Value == nil {
		t.Fatalf("table %d has no row to damage: %v", table, err)
	}
	return found
}
