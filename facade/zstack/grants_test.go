package zstack

import (
	"strings"
	"testing"
	"time"

	"github.com/usance/usance"
)

// TestLimitsFollowGrantsToTheSecond reads a quota under every call that shows it,
// before, within and after a grant, and sets it meanwhile.
func TestLimitsFollowGrantsToTheSecond(t *testing.T) {
	f := newFixture(t, Options{})
	s := f.login("ops@acme")
	expires := f.Clock.Now().Add(time.Minute).Truncate(time.Second)
	_, err := f.Ledger.PutResource(t.Context(), usance.Actor{Name: "test"}, "acme", usance.Resource{ID: "r", Node: "/cloud/rd", BusinessType: "X",
		ChargingMode: usance.Periodic, Source: usance.Purchased, Expires: expires, Grants: []usance.Grant{{Meter: "vm.cpuNum", Amount: 100}}}, true)
	must(t, err)
	shows := func(total string) {
		t.Helper()
		if a := f.as(s, "GET", "/zstack/v1/iam2/organizations/quota/"+department+"/usages", ""); !strings.Contains(a.body, `{"name":"vm.cpuNum","total":`+total+`,`) {
			t.Errorf("usages: %s", a.body)
		}
		if a := f.as(s, "GET", "/zstack/v1/accounts/quotas?q=identityUuid="+department+"&q=name=vm.cpuNum&q=value="+total, ""); strings.Count(a.body, `"value":`+total) != 1 {
			t.Errorf("query: %s", a.body)
		}
	}
	shows("612")
	f.async(s, "PUT", quotaActions, setQuota(department, "vm.cpuNum", "96")).refused(operationFailed) // 100 are granted
	f.async(s, "PUT", quotaActions, setQuota(department, "vm.cpuNum", "700")).ok()
	if q, _ := f.limit("/cloud/rd", "vm.cpuNum"); q.Limit != 600 {
		t.Errorf("%+v", q)
	}
	shows("700")
	f.Clock.Move(expires.Sub(f.Clock.Now()) - time.Nanosecond)
	shows("700")
	f.Clock.Move(time.Nanosecond)
	shows("600")
}
