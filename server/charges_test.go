package server

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/usance/usance"
	"github.com/usance/usance/registry"
	"github.com/usance/usance/store"
	"github.com/usance/usance/store/pebblestore"
)

// newAgreement is a tenant of a server under way to which nothing has happened.
func newAgreement(t *testing.T) *agreement {
	t.Helper()
	zone, err := usance.LoadZone("Asia/Kathmandu")
	if err != nil {
		t.Fatal(err)
	}
	s, _ := newServer(t, func(c *Config) { c.Unthrottled = true })
	a := &agreement{running: run(t, s), id: "charged", zone: zone, now: noon(), password: "pw-charged"}
	a.facts.users, a.facts.space = map[string]bool{}, map[string]map[string]int64{"dept": {}, "personal": {}, "group": {}}
	a.apply(t)
	return a
}

func (a *agreement) mustCall(t *testing.T, want int, method, path, body string) string {
	t.Helper()
	status, _, answer := a.call(t, method, "/api/v1"+path+"?tenant="+a.id, operator, body)
	if status != want {
		t.Fatalf("%s %s: %d %s", method, path, status, answer)
	}
	return answer
}

func (a *agreement) facades(t *testing.T) {
	t.Helper()
	a.meeting(t)
	a.drive(t)
	a.zstack(t)
}

// TestAChargeShowsAtOnceInEveryFacade charges through the native API and asks the
// vendors' surfaces, which knew nothing of it.
func TestAChargeShowsAtOnceInEveryFacade(t *testing.T) {
	a := newAgreement(t)
	a.facades(t)
	charge := func(id, node, items string, want int) string {
		t.Helper()
		return a.mustCall(t, want, "POST", "/charges", fmt.Sprintf(`{"id":%q,"node":%q,"items":[%s]}`, id, node, items))
	}
	f := &a.facts
	charge("meet", "/", `{"meter":"meeting.concurrent","amount":7},{"meter":"meeting.recording","amount":"3GiB"},{"meter":"meeting.conferences","amount":2},{"meter":"meeting.duration","amount":"90min"}`, 200)
	f.concurrent, f.recording, f.conferences, f.duration = 7, 3<<30, 2, 90*60
	a.facades(t)
	charge("drive", "/drive/dept", `{"meter":"drive.space","amount":"5GiB"}`, 200)
	f.space["dept"][""] = 5 << 30
	a.facades(t)
	charge("drive2", "/drive", `{"meter":"drive.users","amount":3}`, 200)
	charge("cloud", "/cloud", `{"meter":"vm.cpuNum","amount":100}`, 200)
	f.driveUsers, f.cpu = 3, 100
	a.facades(t)

	// What was refused shows nowhere.
	for id, c := range map[string][2]string{"no1": {"/drive/dept", `{"meter":"drive.space","amount":"46GiB"}`}, "no2": {"/cloud", `{"meter":"vm.cpuNum","amount":413}`}} {
		if answer := charge(id, c[0], c[1], 409); !strings.Contains(answer, "quota-exceeded") || !strings.Contains(answer, `"blocks"`) {
			t.Errorf("%s", answer)
		}
	}
	a.facades(t)

	// A hold takes room and is no use, until it is settled.
	a.mustCall(t, 200, "POST", "/holds", `{"id":"h","node":"/cloud","items":[{"meter":"vm.cpuNum","amount":400}],"ttl":60}`)
	charge("no3", "/cloud", `{"meter":"vm.cpuNum","amount":13}`, 409)
	a.facades(t)
	a.mustCall(t, 200, "POST", "/holds/h/settle", `{"items":[{"meter":"vm.cpuNum","amount":50}]}`)
	f.cpu += 50
	a.facades(t)

	// And what is voided never was.
	a.mustCall(t, 200, "POST", "/events/usance.charges/cloud/void", `{"reason":"a drill"}`)
	a.mustCall(t, 200, "POST", "/events/usance.charges/meet/void", ``)
	f.cpu, f.concurrent, f.recording, f.conferences, f.duration = 50, 0, 0, 0, 0
	a.facades(t)
}

func memoryStore() (store.Store, error) {
	return pebblestore.Open("scratch", pebblestore.Options{FS: vfs.NewMem(), CacheBytes: 1 << 20, MemTableBytes: 4 << 20})
}

func TestAFaultFoundByVerifyRaisesTheMetricUntilItIsMended(t *testing.T) {
	s, _ := newServer(t, func(c *Config) { c.Scratch = memoryStore })
	makeTenant(t, s)
	r := run(t, s)
	drift := func() string {
		t.Helper()
		_, _, text := r.call(t, "GET", "/metrics", "", "")
		for line := range strings.Lines(text) {
			if strings.HasPrefix(line, "usance_verify_drift ") {
				return strings.TrimSpace(line)
			}
		}
		return ""
	}
	verify := func() (fault string) {
		t.Helper()
		status, _, body := r.call(t, "POST", "/api/v1/verify?tenant=acme", operator, "")
		var v struct{ Fault string }
		if err := json.Unmarshal([]byte(body), &v); err != nil || status != 200 {
			t.Fatalf("%d %s", status, body)
		}
		return v.Fault
	}
	made := func(del bool) {
		t.Helper()
		err := s.config.Store.Step(t.Context(), "acme", store.Keys{}, func(rows *store.Rows) error {
			if rows.Put(store.Rollups, "out of nowhere", []byte{1}); del {
				rows.Delete(store.Rollups, "out of nowhere")
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if fault := verify(); fault != "" || drift() != "usance_verify_drift 0" {
		t.Errorf("%q, %s", fault, drift())
	}
	made(false)
	if fault := verify(); !strings.Contains(fault, "out of nowhere") || drift() != "usance_verify_drift 1" {
		t.Errorf("%q, %s", fault, drift())
	}
	made(true)
	if fault := verify(); fault != "" || drift() != "usance_verify_drift 0" {
		t.Errorf("%q, %s", fault, drift())
	}
}

func TestExpiredHoldsAreEndedWithoutAnyoneAsking(t *testing.T) {
	s, clock, sweep := sweptServer(t)
	makeTenant(t, s)
	if _, err := s.Registry().Edit(t.Context(), usance.Actor{}, "acme", registry.Edit{Quotas: []usance.Quota{{Node: "/", Meter: "vm.cpuNum", Limit: 4}}}); err != nil {
		t.Fatal(err)
	}
	r := run(t, s)
	if status, _, body := r.call(t, "POST", "/api/v1/holds?tenant=acme", operator, `{"id":"h","items":[{"meter":"vm.cpuNum","amount":4}],"ttl":60}`); status != 200 {
		t.Fatal(status, body)
	}
	sequence := func() uint64 {
		t.Helper()
		seq, err := s.Ledger().Sequence(t.Context(), "acme")
		if err != nil {
			t.Fatal(err)
		}
		return seq
	}
	before := sequence()
	if sweep(); sequence() != before {
		t.Error("a hold with time left was ended")
	}
	clock.Move(time.Minute)
	if sweep(); sequence() != before+1 {
		t.Errorf("the ledger went from %d to %d", before, sequence())
	}
	if _, _, body := r.call(t, "GET", "/api/v1/holds/h?tenant=acme", operator, ""); !strings.Contains(body, `"state":"expired"`) {
		t.Error(body)
	}
	r.stop()
	if err := <-r.done; err != nil {
		t.Error(err)
	}
}
