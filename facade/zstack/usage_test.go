package zstack

import (
	"fmt"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/usance/usance"
	"github.com/usance/usance/registry"
)

const departmentUsage = `{"usages":[{"name":"testquota","total":20,"used":10},{"name":"vm.cpuNum","total":512,"used":96},` +
	`{"name":"volume.capacity","total":-1,"used":5497558138880}],"schema":{"usages[0]":"org.zstack.header.identity.Quota$QuotaUsage",` +
	`"usages[1]":"org.zstack.header.identity.Quota$QuotaUsage","usages[2]":"org.zstack.header.identity.Quota$QuotaUsage"}}`

func TestADepartmentReportsItsQuotasUnderEverySpelling(t *testing.T) {
	f := newFixture(t, Options{})
	s := f.login("ops@acme")
	paths := []string{
		"/v1/iam2/organizations/quota/" + department + "/usages",
		"/v1/iam2/organizations/quota/%7Buuid%7D/usages/" + department,
		"/v1/iam2/organizations/quota/" + department,
	}
	queries := []string{"", "?systemTags=a&systemTags=b&userTags=c", "?systemTags.0=a", "?uuid=" + lab + "&sessionId=" + s + "&systemTags=['a',%20'b']",
		"?unknown=1&unknown=2&%zz=%&;;=&"}
	for _, base := range []string{"", "/zstack"} {
		for _, p := range paths {
			for _, q := range queries {
				if a := f.as(s, "GET", base+p+q, ""); a.status != 200 || a.body != departmentUsage {
					t.Errorf("%s: %d %s", base+p+q, a.status, a.body)
				}
			}
		}
	}
}

func TestARootOrganizationReportsTheSeededNames(t *testing.T) {
	f := newFixture(t, Options{})
	s := f.login("ops@acme")
	usages := f.as(s, "GET", "/zstack/v1/iam2/organizations/quota/"+company+"/usages", "").ok()["usages"].([]any)
	var names []string
	for _, u := range usages {
		u := u.(map[string]any)
		name := u["name"].(string)
		names = append(names, name)
		want := [2]float64{-1, 0}
		switch name {
		case "vm.cpuNum":
			want = [2]float64{1024, 100}
		case "volume.capacity":
			want = [2]float64{-1, 5497558138880}
		}
		if got := [2]float64{u["total"].(float64), u["used"].(float64)}; got != want {
			t.Errorf("%s: got %v, want %v", name, got, want)
		}
	}
	if len(names) != 29 || !slices.IsSorted(names) || slices.Contains(names, "ssh_key_pair.num") {
		t.Errorf("names: %v", names)
	}
	f.Facade = New(f.Registry, f.Ledger, Options{Now: f.o.Now, WithoutSeeds: true})
	if usages := f.as(s, "GET", "/zstack/v1/iam2/organizations/quota/"+company+"/usages", "").ok()["usages"].([]any); len(usages) != 1 {
		t.Errorf("without seeds: %v", usages)
	}
}

func TestADepartmentWithoutQuotasReportsNone(t *testing.T) {
	f := newFixture(t, Options{})
	a := f.as(f.login("ops@acme"), "GET", "/zstack/v1/iam2/organizations/quota/"+lab+"/usages", "")
	if a.status != 200 || a.body != `{"usages":[],"schema":{}}` {
		t.Errorf("%d %s", a.status, a.body)
	}
}

func TestUsageFollowsEventsAndQuotasAtOnce(t *testing.T) {
	f := newFixture(t, Options{})
	s := f.login("ops@acme")
	f.Clock.Move(time.Minute)
	f.gauge("acme", "vm-1", "/cloud/rd/p1", "vm.cpuNum", 100)
	f.gauge("acme", "vm-9", "/cloud/rd/lab", "vm.cpuNum", 1)
	f.Edit("acme", registry.Edit{Quotas: []usance.Quota{{Node: "/cloud/rd", Meter: "ssh_key_pair.num", Limit: 3}}})
	a := f.as(s, "GET", "/zstack/v1/iam2/organizations/quota/"+department+"/usages", "")
	for _, part := range []string{`{"name":"ssh_key_pair.num","total":3,"used":0}`, `{"name":"vm.cpuNum","total":512,"used":107}`, `"usages[3]"`} {
		if !strings.Contains(a.body, part) {
			t.Errorf("%s is not in %s", part, a.body)
		}
	}
}

// Who may read what, over every role, a foreign tenant and every organization.
func TestOnlyReadersOfTheTenantAndSubtreeSeeAnOrganization(t *testing.T) {
	f := newFixture(t, Options{})
	seen := map[string][]string{
		"ops@acme": {company, department, lab}, "viewer": {company, department, lab}, "member": {company, department, lab},
		"labhead": {lab}, "dev": nil, "hank": {foreign}, "ops@globex": {foreign},
	}
	for name, uuids := range seen {
		s := f.login(name)
		for _, uuid := range []string{company, department, lab, foreign, "0", strings.ToUpper(lab)} {
			a := f.as(s, "GET", "/v1/iam2/organizations/quota/"+uuid+"/usages", "")
			if slices.Contains(uuids, uuid) {
				a.ok()
				continue
			}
			e := a.refused(notFound)
			for _, part := range []string{"uuid", uuid, "IAM2OrganizationVO"} {
				if !strings.Contains(e["details"].(string), part) {
					t.Errorf("%s: details are %q", name, e["details"])
				}
			}
		}
	}
	s := f.login("collector")
	for _, uuid := range []string{department, foreign, "0"} {
		f.as(s, "GET", "/v1/iam2/organizations/quota/"+uuid+"/usages", "").refused(operationFailed)
	}
}

func TestADeadSessionIsToldBeforeAnUnknownUUID(t *testing.T) {
	f := newFixture(t, Options{})
	for _, uuid := range []string{department, "0"} {
		e := f.as("b86c9016b4f24953a9edefb53ca0678c", "GET", "/v1/iam2/organizations/quota/"+uuid+"/usages", "").refused(sessionInvalid)
		if e["details"] != "Session expired" {
			t.Errorf("details are %q", e["details"])
		}
	}
}

func TestAnAccountReportsItsOwnQuotas(t *testing.T) {
	f := newFixture(t, Options{})
	const want = `{"usages":[{"name":"vm.cpuNum","total":200,"used":90}],"schema":{"usages[0]":"org.zstack.header.identity.Quota$QuotaUsage"}}`
	for _, name := range []string{"ops@acme", "dev"} {
		s := f.login(name)
		if a := f.as(s, "GET", "/zstack/v1/accounts/quota/"+account+"/usages", ""); a.body != want {
			t.Errorf("%s: %d %s", name, a.status, a.body)
		}
	}
	for _, name := range []string{"hank", "labhead"} {
		f.as(f.login(name), "GET", "/zstack/v1/accounts/quota/"+account+"/usages", "").refused(notFound)
	}
	f.Edit("acme", registry.Edit{Quotas: []usance.Quota{{Node: "/", Meter: "eip.num", Limit: 5}}})
	login := f.do("PUT", "/v1/accounts/login", loginBody("viewer", password)).ok()["inventory"].(map[string]any)
	own := f.as(login["uuid"].(string), "GET", "/v1/accounts/quota/"+login["accountUuid"].(string)+"/usages", "")
	if !strings.Contains(own.body, `[{"name":"eip.num","total":5,"used":0}]`) {
		t.Errorf("own account: %s", own.body)
	}
}

func TestAPathUUIDRepeatedInTheQueryIsRefused(t *testing.T) {
	f := newFixture(t, Options{})
	q := url.Values{"uuid": {department, lab}}
	f.as(f.login("ops@acme"), "GET", "/v1/iam2/organizations/quota/"+department+"/usages?"+q.Encode(), "").text(400, "uuid")
}

func TestOwnsWhatSDKsCallAndNothingElse(t *testing.T) {
	f := newFixture(t, Options{})
	for path, want := range map[string]bool{
		"/zstack/v1/iam2/organizations": true, "/zstack/": true, "/zstack/anything": true, "/v1/iam2/organizations": true, "/v1/iam2": true,
		"/v1/accounts": true, "/v1/accounts/login": true, "/v1/accesskeys": true, "/v1/login": true, "/v1/login/procedures": true,
		"/v1/ldap/login": true, "/v1/management-nodes/ready": true, "/v1/api-jobs/x": true,
		"/": false, "/zstack": false, "/zstackx/v1/iam2": false, "/v1/": false, "/v1/accountsx": false, "/v1/iam2x": false,
		"/v1/abc/rtc/history/usage": false, "/api/v1/quotas": false, "/v3/auth/tokens": false, "": false,
	} {
		if f.Owns(path) != want {
			t.Errorf("Owns(%q) = %v", path, !want)
		}
	}
}

func TestUnmappedPathsAndMethodsAreAnsweredInText(t *testing.T) {
	f := newFixture(t, Options{})
	s := f.login("ops@acme")
	for _, path := range []string{"/zstack/", "/zstack/v1/zones", "/v1/iam2/organization/quotas/actions", "/v1/iam2/organizations/", "/v1/iam2//organizations"} {
		f.as(s, "GET", path, "").text(404, "")
	}
	f.as(s, "POST", "/v1/iam2/organizations", "{}").text(405, "POST")
	f.as(s, "DELETE", "/v1/iam2/organizations/quota/"+department+"/usages", "").text(405, "DELETE")
	f.as(s, "PUT", "/v1/iam2/organization/quotas/actions", "{}").text(404, "no api mapping")
}

func TestDerivedUUIDsAreStableAndHaveTheShape(t *testing.T) {
	seen := map[string]string{}
	for _, parts := range [][]string{{"a", "b"}, {"ab"}, {"a", "", "b"}, {"", "ab"}, {"ab", ""}} {
		u := derive(parts...)
		if u != derive(parts...) || len(u) != 32 || u[12] != '5' || !strings.ContainsRune("89ab", rune(u[16])) {
			t.Errorf("derive(%q) = %s", parts, u)
		}
		if other, ok := seen[u]; ok {
			t.Errorf("%q and %s share a uuid", parts, other)
		}
		seen[u] = fmt.Sprint(parts)
	}
}
