package zstack

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/usance/usance"
	"github.com/usance/usance/registry"
)

const quotaActions = "/zstack/v1/iam2/Organization/quotas/actions"

func setQuota(uuid, name, value string) string {
	return fmt.Sprintf(`{"updateOrganizationQuota":{"identityUuid":%q,"name":%q,"value":%s}}`, uuid, name, value)
}

func (f *fixture) limit(node usance.Path, meter string) (usance.Quota, bool) {
	f.Helper()
	d, err := f.Registry.Definitions(f.Context(), "acme")
	must(f, err)
	return d.Quota(registry.QuotaRef{Node: node, Meter: meter})
}

func TestAnOrganizationsQuotaCanBeSet(t *testing.T) {
	f := newFixture(t, Options{})
	s := f.login("ops@acme")
	f.Clock.Move(time.Hour)
	v := f.async(s, "PUT", quotaActions, setQuota(department, "vm.cpuNum", "600")).ok()
	in := v["inventory"].(map[string]any)
	if in["value"] != 600.0 || in["identityUuid"] != department || in["identityType"] != "IAM2OrganizationVO" || in["name"] != "vm.cpuNum" ||
		in["lastOpDate"] != "Mar 3, 2026 9:15:30 AM" || v["schema"].(map[string]any)["inventory"] != classQuota {
		t.Errorf("%v", v)
	}
	row := f.as(s, "GET", "/v1/accounts/quotas/"+in["uuid"].(string), "").ok()["inventories"].([]any)[0].(map[string]any)
	if row["value"] != 600.0 {
		t.Errorf("%v", row)
	}
	for _, value := range []string{"-1", `"700"`, "700.0", "7e2", "96"} { // 96 is what is used
		f.async(s, "PUT", quotaActions, setQuota(department, "vm.cpuNum", value)).ok()
		want := map[string]usance.Amount{"-1": usance.Unlimited, "96": 96}[value]
		if want == 0 {
			want = 700
		}
		if q, _ := f.limit("/cloud/rd", "vm.cpuNum"); q.Limit != want {
			t.Errorf("%s: %+v", value, q)
		}
	}
	f.async(s, "PUT", quotaActions, setQuota(lab, "gpu.num", "0")).ok()
	if q, ok := f.limit("/cloud/rd/lab", "gpu.num"); !ok || q.Limit != 0 || q.Window != usance.Lifetime || q.Enforce != usance.Hard {
		t.Errorf("%+v", q)
	}
	f.async(s, "PUT", quotaActions, setQuota(department, "testquota", "11")).ok()
	f.async(s, "PUT", "/v1/accounts/quotas/actions", `{"updateQuota":{"identityUuid":"`+account+`","name":"vm.cpuNum","value":90}}`).ok()
	if q, _ := f.limit("/cloud/rd/p1", "vm.cpuNum"); q.Limit != 90 {
		t.Errorf("%+v", q)
	}
}

func TestTheActorOfAChangeIsTheUserOrTheKey(t *testing.T) {
	f := newFixture(t, Options{})
	s := f.login("ops@acme")
	for _, c := range []struct{ want, header string }{{"user:ops", "Authorization: OAuth " + s},
		{"key:" + keyID, "Authorization: ZStack " + keyID + ":" + sign(keySecret, "PUT", "Tue, 03 Mar 2026 08:15:30 UTC", strings.TrimPrefix(quotaActions, contextPath))}} {
		r := httptest.NewRequestWithContext(t.Context(), "PUT", quotaActions, nil)
		r.Header.Set("Date", "Tue, 03 Mar 2026 08:15:30 UTC")
		name, value, _ := strings.Cut(c.header, ": ")
		r.Header.Set(name, value)
		call := &call{f: f.Facade, r: r, ctx: r.Context(), route: &route{}, path: strings.TrimPrefix(quotaActions, contextPath)}
		must(t, call.authenticate())
		a := call.actor()
		if a.Name != c.want || a.Origin != "192.0.2.1" {
			t.Errorf("%+v", a)
		}
	}
}

func TestAQuotasWindowAndEnforcementSurviveAnUpdate(t *testing.T) {
	f := newFixture(t, Options{})
	f.Edit("acme", registry.Edit{Quotas: []usance.Quota{{Node: "/cloud/rd", Meter: "vm.cpuNum", Limit: 512, Enforce: usance.Soft}}})
	f.async(f.login("ops@acme"), "PUT", quotaActions, setQuota(department, "vm.cpuNum", "600")).ok()
	if q, _ := f.limit("/cloud/rd", "vm.cpuNum"); q.Limit != 600 || q.Enforce != usance.Soft {
		t.Errorf("%+v", q)
	}
}

func TestRefusedUpdatesChangeNothing(t *testing.T) {
	f := newFixture(t, Options{})
	ops := f.login("ops@acme")
	for _, c := range []struct{ session, body, code string }{
		{ops, setQuota(department, "vm.cpuNum", "95"), operationFailed}, // 96 are used
		{ops, setQuota(department, "no.such", "5"), invalidArgument},
		{ops, setQuota(department, "drive.space", "5"), invalidArgument}, // a meter, but no quota of the organization
		{ops, setQuota(department, "vm.cpuNum", "-2"), invalidArgument},
		{ops, setQuota("0", "vm.cpuNum", "5"), notFound}, {ops, setQuota(foreign, "vm.cpuNum", "900"), notFound}, {ops, setQuota(account, "vm.cpuNum", "900"), notFound},
		{ops, `{"updateOrganizationQuota":{"name":"vm.cpuNum","value":5}}`, invalidArgument}, {ops, `{}`, invalidArgument},
		{ops, `{"updateOrganizationQuota":{"identityUuid":"` + department + `","name":"vm.cpuNum"}}`, invalidArgument},
		{f.login("viewer"), setQuota(department, "vm.cpuNum", "900"), notPermitted}, {f.login("member"), setQuota(department, "vm.cpuNum", "900"), notPermitted},
		{f.login("collector"), setQuota(department, "vm.cpuNum", "900"), operationFailed},
		{f.login("labhead"), setQuota(department, "vm.cpuNum", "900"), notFound}, {f.login("hank"), setQuota(department, "vm.cpuNum", "900"), notFound},
	} {
		f.async(c.session, "PUT", quotaActions, c.body).refused(c.code)
	}
	e := f.async(ops, "PUT", quotaActions, setQuota(department, "vm.cpuNum", "95")).refused(operationFailed)
	if e["cause"].(map[string]any)["code"] != invalidArgument {
		t.Errorf("cause: %v", e)
	}
	f.async(ops, "PUT", "/v1/accounts/quotas/actions", `{"updateQuota":{"identityUuid":"`+account+`","name":"vm.cpuNum","value":-1}}`).refused(invalidArgument)
	for _, body := range []string{setQuota(department, "vm.cpuNum", `"many"`), setQuota(department, "vm.cpuNum", "1.5"), setQuota(department, "vm.cpuNum", "true"),
		setQuota(department, "vm.cpuNum", "9223372036854775808"), setQuota(department, "vm.cpuNum", "{}"), `[`} {
		f.as(ops, "PUT", quotaActions, body).text(400, "")
	}
	f.do("PUT", quotaActions, setQuota(department, "vm.cpuNum", "900")).text(400, "Authorization")
	f.as("0", "PUT", quotaActions, setQuota(department, "vm.cpuNum", "900")).refused(sessionInvalid)
	if q, _ := f.limit("/cloud/rd", "vm.cpuNum"); q.Limit != 512 {
		t.Errorf("%+v", q)
	}
}

func TestACarvedNodesLimitsMustAddUp(t *testing.T) {
	f := newFixture(t, Options{})
	f.Edit("acme", registry.Edit{Nodes: []usance.Node{{Path: "/cloud/rd", Name: "Research", Carved: true, Aliases: map[string]string{aliasOrganization: department}}}})
	s := f.login("ops@acme")
	f.async(s, "PUT", quotaActions, setQuota(department, "vm.cpuNum", "199")).refused(operationFailed) // its project was given 200
	f.async(s, "PUT", quotaActions, setQuota(department, "vm.cpuNum", "200")).ok()
	e := f.async(s, "PUT", "/v1/accounts/quotas/actions", `{"updateQuota":{"identityUuid":"`+account+`","name":"vm.cpuNum","value":201}}`).refused(operationFailed)
	if !strings.Contains(e["details"].(string), "carved") {
		t.Errorf("%v", e)
	}
}

func TestAJobIsPolledWhereLocationSays(t *testing.T) {
	f := newFixture(t, Options{})
	s := f.login("ops@acme")
	const id = "0123456789abcdef0123456789abcdef"
	for _, target := range []string{"http://usance.test:8080/v1/iam2/Organization/quotas/actions", "http://usance.test:8080" + quotaActions} {
		f.jobs = newJobs(f.o.Now, f.o.JobsKept, f.o.MaxJobs)
		a := f.as(s, "PUT", target, setQuota(department, "vm.cpuNum", "600"), "X-Job-UUID: "+id)
		if a.status != 202 || a.body != `{"location":"http://usance.test:8080/zstack/v1/api-jobs/`+id+`","apiTimeout":1800000}` {
			t.Errorf("%d %s", a.status, a.body)
		}
	}
	a := f.as(s, "PUT", quotaActions, setQuota(department, "vm.cpuNum", "600"), "X-API-Timeout: 60")
	if made := strings.TrimPrefix(a.json()["location"].(string), "http://example.com/zstack/v1/api-jobs/"); len(made) != 32 || a.json()["apiTimeout"] != 60000.0 {
		t.Errorf("%s", a.body)
	}
	// What SDKs that sign with access keys send, and any session of the tenant.
	for _, auth := range []string{"", "Authorization: OAuth None", "Authorization: ZStack x:y", "Authorization: OAuth " + f.login("viewer")} {
		for _, base := range []string{"/v1/api-jobs/", "/zstack/v1/api-jobs/"} {
			f.do("GET", base+id, "", auth).ok()
		}
	}
	f.as(f.login("hank"), "GET", "/zstack/v1/api-jobs/"+id, "").text(404, "")
	f.do("GET", "/v1/api-jobs/ffffffffffffffffffffffffffffffff", "").text(404, "expired")
	for _, method := range []string{"PUT", "POST", "DELETE"} {
		f.do(method, "/zstack/v1/api-jobs/"+id, "{}").text(405, "GET")
	}
	f.Clock.Move(10800*time.Second - 1)
	f.do("GET", "/v1/api-jobs/"+id, "").ok()
	f.Clock.Move(1)
	f.do("GET", "/v1/api-jobs/"+id, "").text(404, "expired")
}

func TestJobUUIDsAreHeldToTheirRules(t *testing.T) {
	f := newFixture(t, Options{})
	s := f.login("ops@acme")
	const id = "0123456789abcdef0123456789abcdef"
	for _, bad := range []string{"x", id + "0", id[:31], "01234567-9abc-def0-1234-56789abcdef", strings.Repeat("é", 16), id[:31] + "/"} {
		f.as(s, "PUT", quotaActions, setQuota(department, "vm.cpuNum", "600"), "X-Job-UUID: "+bad).text(400, "X-Job-UUID")
		f.do("PUT", "/v1/accounts/login", loginBody("viewer", password), "X-Job-UUID: "+bad).text(400, "X-Job-UUID")
	}
	// A call refused at HTTP's level uses no id up.
	f.as(s, "PUT", quotaActions, setQuota(department, "vm.cpuNum", `"x"`), "X-Job-UUID: "+id).text(400, "value")
	f.async(s, "PUT", quotaActions, setQuota(department, "vm.cpuNum", "600"), "X-Job-UUID: "+id).ok()
	f.as(s, "PUT", quotaActions, setQuota(department, "vm.cpuNum", "601"), "X-Job-UUID: "+id).text(400, "exists already")
	f.do("PUT", "/v1/accounts/login", loginBody("viewer", password), "X-Job-UUID: "+id).text(400, "exists already")
	f.as(s, "GET", orgs, "", "X-Job-UUID: "+id).ok()
	if q, _ := f.limit("/cloud/rd", "vm.cpuNum"); q.Limit != 600 {
		t.Errorf("%+v", q)
	}
}

func TestAClientThatWaitsForAWebHookIsAnsweredAtOnce(t *testing.T) {
	f := newFixture(t, Options{})
	s := f.login("ops@acme")
	f.as(s, "PUT", quotaActions, setQuota(department, "vm.cpuNum", "600"), "X-Web-Hook: http://127.0.0.1:1/").ok()
	f.as(s, "PUT", quotaActions, setQuota(department, "vm.cpuNum", "1"), "X-Web-Hook: http://127.0.0.1:1/").refused(operationFailed)
}

func TestTheTableOfJobsIsBoundedForAllAndForEachTenant(t *testing.T) {
	now := start
	j := newJobs(func() time.Time { return now }, time.Hour, 16)
	for i := range 5 {
		if !j.begin(fmt.Sprint("a", i), "acme") {
			t.Fatal("begin")
		}
	}
	if j.begin("a4", "globex") {
		t.Error("an id was given twice")
	}
	for i := range 5 {
		if want := i >= 3; j.known(fmt.Sprint("a", i)) != want { // an eighth of 16
			t.Errorf("a%d is known: %v", i, !want)
		}
	}
	for i := range 40 {
		j.begin(fmt.Sprint("t", i), usance.TenantID(fmt.Sprint("tenant-", i)))
	}
	if len(j.byID) != 16 || j.order.Len() != 16 || len(j.ofTenant) != 16 {
		t.Errorf("%d jobs, %d in order, %d tenants", len(j.byID), j.order.Len(), len(j.ofTenant))
	}
	j.finish("t39", http.StatusOK, []byte("{}"))
	if b, ok := j.get("t39"); !ok || b.status != 200 {
		t.Errorf("%+v", b)
	}
	j.finish("gone", http.StatusOK, nil)
	j.drop("t39")
	j.drop("t39")
	now = now.Add(time.Hour)
	j.expire()
	if len(j.byID)+j.order.Len()+len(j.ofTenant) != 0 {
		t.Error("expired jobs are kept")
	}
}

func TestARunningJobIsPolledWith202(t *testing.T) {
	f := newFixture(t, Options{})
	f.jobs.begin("running", "acme")
	if a := f.do("GET", "/v1/api-jobs/running", ""); a.status != 202 || a.body != "{}" {
		t.Errorf("%d %q", a.status, a.body)
	}
}
