package ledger_test

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"reflect"
	"testing"

	"github.com/usance/usance"
	"github.com/usance/usance/ledger"
	"github.com/usance/usance/registry"
	"github.com/usance/usance/store"
)

// rows is a digest of every row that the tenant has.
func (f *fixture) rows(t *testing.T, tenant usance.TenantID) string {
	t.Helper()
	h := sha256.New()
	for table := store.Head; table <= store.Restated; table++ {
		err := f.st.Scan(t.Context(), tenant, store.Range{Table: table}, func(r store.Row) error {
			fmt.Fprintf(h, "%d %q %x\n", table, r.ID, r.Value)
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return string(h.Sum(nil))
}

// rehearsedMove moves a node after a rehearsal, which must change nothing and say
// what the move then says.
func (f *fixture) rehearsedMove(t *testing.T, from, to usance.Path) (ledger.Moved, error) {
	t.Helper()
	if _, err := f.Report(t.Context(), acme, ledger.Ask{}); err != nil { // what is due ends before
		t.Fatal(err)
	}
	before := f.rows(t, acme)
	plan, planned := f.RehearseMove(t.Context(), acme, from, to)
	if f.rows(t, acme) != before {
		t.Errorf("the rehearsal of %s to %s changed something", from, to)
	}
	sequence, err := f.Sequence(t.Context(), acme)
	if err != nil {
		t.Fatal(err)
	}
	if planned == nil && plan.Sequence != sequence {
		t.Errorf("the rehearsal looked at entry %d of %d", plan.Sequence, sequence)
	}
	made, err := f.MoveNode(t.Context(), tester, acme, from, to)
	var refused *usance.Error
	if len(plan.Blocks) > 0 {
		if !errors.As(err, &refused) || refused.Kind != usance.KindExceeded || !reflect.DeepEqual(refused.Blocks, plan.Blocks) {
			t.Errorf("%s to %s is said to be refused by %+v, and then: %v", from, to, plan.Blocks, err)
		}
		return made, err
	}
	if fmt.Sprint(planned) != fmt.Sprint(err) || usance.KindOf(planned) != usance.KindOf(err) {
		t.Errorf("%s to %s rehearsed: %v; made: %v", from, to, planned, err)
	}
	if err == nil {
		if made.Sequence != sequence+1 {
			t.Errorf("the move is entry %d behind %d", made.Sequence, sequence)
		}
		plan.Sequence = made.Sequence
		if !reflect.DeepEqual(plan, made) {
			t.Errorf("%s to %s rehearsed: %+v; made: %+v", from, to, plan, made)
		}
	}
	return made, err
}

// TestARehearsalCountsWhatARefusedMoveWouldTake has quotas of every kind at the
// destination, and holds and charges at the node.
func TestARehearsalCountsWhatARefusedMoveWouldTake(t *testing.T) {
	f := open(t, "UTC", registry.Edit{
		Nodes: []usance.Node{{Path: "/a"}, {Path: "/a/b"}, {Path: "/full"}},
		Quotas: []usance.Quota{
			{Node: "/a", Meter: "vm.num", Limit: 9}, {Node: "/full", Meter: "vm.num", Limit: 5},
			{Node: "/full", Meter: "vm.cpuNum", Limit: 1, Enforce: usance.Soft}, {Node: "/full", Meter: "vm.memorySize", Limit: 1, Enforce: usance.Shadow},
		},
	})
	items := []usance.Item{{Meter: "vm.num", Amount: 3}, {Meter: "vm.cpuNum", Amount: 2}, {Meter: "vm.memorySize", Amount: 4}}
	if _, err := f.Charge(t.Context(), tester, acme, ledger.Charge{ID: "c", Node: "/a/b", Items: items}); err != nil {
		t.Fatal(err)
	}
	if _, _, err := f.Reserve(t.Context(), tester, acme, usance.Hold{ID: "h", Node: "/a", Items: items[:1]}, 1<<40); err != nil {
		t.Fatal(err)
	}
	plan, err := f.RehearseMove(t.Context(), acme, "/a", "/full/a")
	if err != nil || plan.Nodes != 2 || plan.Quotas != 1 || plan.Holds != 1 || plan.From != "/a" || plan.To != "/full/a" {
		t.Errorf("%+v, %v", plan, err)
	}
	if len(plan.Blocks) != 1 || plan.Blocks[0].Meter != "vm.num" || plan.Blocks[0].ShortBy != 1 {
		t.Errorf("refused by %+v", plan.Blocks)
	}
	if len(plan.Flagged) != 2 || plan.Flagged[0].Meter != "vm.cpuNum" || plan.Flagged[1].Meter != "vm.memorySize" {
		t.Errorf("flagged: %+v", plan.Flagged)
	}
	if _, err := f.rehearsedMove(t, "/a", "/full/a"); usance.KindOf(err) != usance.KindExceeded {
		t.Errorf("the move: %v", err)
	}
	if _, err := f.rehearsedMove(t, "/a", "/free/a"); err != nil {
		t.Error(err)
	}
}
