package zstack

import (
	"errors"
	"math/rand/v2"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/usance/usance"
	"github.com/usance/usance/registry"
)

// names queries and returns what the elements have for a member.
func (a answer) names(member string) []string {
	a.t.Helper()
	v := a.ok()
	list := v["inventories"].([]any)
	out := make([]string, len(list))
	for i, e := range list {
		out[i], _ = e.(map[string]any)[member].(string)
	}
	if len(v["schema"].(map[string]any)) != len(list) {
		a.t.Fatalf("schema does not cover the elements: %s", a.body)
	}
	return out
}

func q(conditions ...string) string { return "?" + url.Values{"q": conditions}.Encode() }

func TestOrganizationsAreTheNodesWithTheAlias(t *testing.T) {
	f := newFixture(t, Options{})
	s := f.login("ops@acme")
	list := f.as(s, "GET", "/zstack/v1/iam2/organizations", "").ok()["inventories"].([]any)
	want := []map[string]any{
		{"uuid": company, "name": "Acme Cloud", "type": "Company", "rootOrganizationUuid": company, "parentUuid": nil},
		{"uuid": department, "name": "Research", "type": "Department", "rootOrganizationUuid": company, "parentUuid": company},
		{"uuid": lab, "name": "lab", "type": "Department", "rootOrganizationUuid": company, "parentUuid": department},
	}
	if len(list) != len(want) {
		t.Fatalf("%v", list)
	}
	for i, w := range want {
		got := list[i].(map[string]any)
		w["state"], w["srcType"] = "Enabled", "ZStack"
		w["createDate"], w["lastOpDate"] = "Mar 3, 2026 8:15:30 AM", "Mar 3, 2026 8:15:30 AM"
		for k, v := range w {
			if got[k] != v {
				t.Errorf("%d: %s is %v, want %v", i, k, got[k], v)
			}
		}
		if _, has := got["parentUuid"]; i == 0 && has {
			t.Error("a company has no parentUuid, not even null")
		}
	}
	if got := f.as(s, "GET", "/v1/iam2/organizations/"+department+"?limit=x&q=y", "").names("uuid"); !slices.Equal(got, []string{department}) {
		t.Errorf("by uuid: %v", got)
	}
	for _, uuid := range []string{foreign, "0"} {
		if a := f.as(s, "GET", "/v1/iam2/organizations/"+uuid, ""); a.body != `{"inventories":[],"schema":{}}` {
			t.Errorf("unknown uuid: %d %s", a.status, a.body)
		}
	}
	if got := f.as(f.login("labhead"), "GET", "/v1/iam2/organizations", "").names("uuid"); !slices.Equal(got, []string{lab}) {
		t.Errorf("labhead sees %v", got)
	}
	f.as(f.login("collector"), "GET", "/v1/iam2/organizations", "").refused(operationFailed)
}

func TestConditionsSelectAsSQLWould(t *testing.T) {
	f := newFixture(t, Options{})
	s := f.login("ops@acme")
	all := []string{"Acme Cloud", "Research", "lab"}
	for _, c := range []struct {
		q    []string
		want []string
	}{
		{nil, all}, {[]string{"name=Research"}, all[1:2]}, {[]string{" name =Research"}, all[1:2]}, {[]string{"name= Research"}, nil},
		{[]string{"name==Research"}, all[1:2]}, {[]string{"name="}, nil}, {[]string{"name!=lab"}, all[:2]},
		{[]string{"name?=lab,Research,x"}, all[1:]}, {[]string{"name!?=lab,Research"}, all[:1]},
		{[]string{"name~=%e%"}, all[:2]}, {[]string{"name~=l_b"}, all[2:]}, {[]string{"name!~=%e%"}, all[2:]}, {[]string{`name~=l\_b`}, nil},
		{[]string{"name>Acme Cloud", "name<=lab"}, all[1:]}, {[]string{"name>=Research", "name<lab"}, all[1:2]},
		{[]string{"parentUuid is null"}, all[:1]}, {[]string{"parentUuid not null"}, all[1:]},
		// Null is neither equal nor unequal to anything.
		{[]string{"parentUuid!=" + department}, all[1:2]}, {[]string{"parentUuid!?=x"}, all[1:]}, {[]string{"parentUuid!~=x"}, all[1:]},
		{[]string{"type=Department", "rootOrganizationUuid=" + company, "parentUuid=" + company}, all[1:2]},
		{[]string{"createDate>2026-03-03 08:15:29", "createDate<=Mar 3, 2026 8:15:30 AM"}, all}, {[]string{"createDate>2026-03-03T08:15:30Z"}, nil},
		{[]string{"createDate?=2020-01-01,2026-03-03 08:15:30"}, all}, {[]string{"createDate!?=2026-03-03 08:15:30"}, nil},
		{[]string{"__systemTag__~=x%"}, nil}, {[]string{"__userTag__!=x"}, all}, {[]string{"attributes.name=x"}, nil},
	} {
		if got := f.as(s, "GET", orgs+q(c.q...), "").names("name"); !slices.Equal(got, c.want) && len(got)+len(c.want) > 0 {
			t.Errorf("%q: got %v, want %v", c.q, got, c.want)
		}
	}
	for _, bad := range []string{"nosuch=1", "createDate>yesterday", "name~=a!=b"} {
		f.as(s, "GET", orgs+q(bad), "").refused(invalidArgument)
	}
	f.as(s, "GET", orgs+q(slices.Repeat([]string{"name!=x"}, 64)...), "").names("name")
	f.as(s, "GET", orgs+q(slices.Repeat([]string{"name!=x"}, 65)...), "").text(400, "64 conditions")
	f.as(s, "GET", orgs+q("name?="+strings.Repeat("x,", 10_000)+"lab"), "").names("name")
	f.as(s, "GET", orgs+q("name="+strings.Repeat("x", maxBody)), "").text(400, "too long")
	for _, bad := range []string{"", "name", "=x", " is null", "nameisnull"} {
		f.as(s, "GET", orgs+q(bad), "").text(400, "q")
	}
}

func TestPagesSortsAndCounts(t *testing.T) {
	f := newFixture(t, Options{})
	s := f.login("ops@acme")
	for _, c := range []struct {
		query string
		want  string
	}{
		{"sort=name", "Acme Cloud,Research,lab"}, {"sort=+name", "Acme Cloud,Research,lab"}, {"sort=%2Bname", "Acme Cloud,Research,lab"},
		{"sort=-name", "lab,Research,Acme Cloud"}, {"sort=-name&limit=1", "lab"}, {"sort=-name&limit=1&start=1", "Research"},
		{"start=2", "lab"}, {"start=3", ""}, {"start=2147483647", ""}, {"limit=0", ""}, {"limit=2147483647", "Acme Cloud,Research,lab"},
		{"groupBy=x&filterName=y&sortBy=z&other=1&limit=2", "Acme Cloud,Research"}, {"sort=parentUuid&start=1", "lab,Research"},
	} {
		if got := strings.Join(f.as(s, "GET", orgs+"?"+c.query, "").names("name"), ","); got != c.want {
			t.Errorf("%s: %s", c.query, got)
		}
	}
	for query, want := range map[string]string{
		"count=true": `{"schema":{},"total":3}`, "count=TRUE&limit=1": `{"schema":{},"total":3}`, "count=true&q=name=lab": `{"schema":{},"total":1}`,
		"replyWithCount=true&limit=1&fields=uuid": `{"inventories":[{"uuid":"` + company + `"}],"schema":{"inventories[0]":"` + classOrganization + `"},"total":3}`,
		"fields=name,type&q=name=lab&fields=x":    `{"inventories":[{"name":"lab","type":"Department"}],"schema":{"inventories[0]":"` + classOrganization + `"}}`,
	} {
		if a := f.as(s, "GET", orgs+"?"+query, ""); a.body != want {
			t.Errorf("%s: %s", query, a.body)
		}
	}
	for _, bad := range []string{"limit=x", "limit=", "limit=1.5", "start=-1", "limit=99999999999"} {
		f.as(s, "GET", orgs+"?"+bad, "").text(400, "must be a whole number")
	}
	for _, bad := range []string{"sort=nosuch", "fields=nosuch"} {
		f.as(s, "GET", orgs+"?"+bad, "").refused(invalidArgument)
	}
}

func TestQuotasAreRowsOfOrganizationsAndAccounts(t *testing.T) {
	f := newFixture(t, Options{})
	s := f.login("ops@acme")
	const path = "/zstack/v1/accounts/quotas"
	list := f.as(s, "GET", path+q("identityUuid="+department, "name=vm.cpuNum"), "").ok()["inventories"].([]any)
	if len(list) != 1 {
		t.Fatalf("%v", list)
	}
	row := list[0].(map[string]any)
	if row["value"] != 512.0 || row["identityType"] != "IAM2OrganizationVO" || len(row["uuid"].(string)) != 32 {
		t.Errorf("%v", row)
	}
	if got := f.as(s, "GET", path+"/"+row["uuid"].(string), "").names("identityUuid"); !slices.Equal(got, []string{department}) {
		t.Errorf("by uuid: %v", got)
	}
	for query, want := range map[string]int{
		q("identityUuid=" + company): 29, q("identityUuid="+company, "value=-1"): 28, q("identityUuid="+department, "value>20"): 1, q("identityUuid="+department, "value>=20", "value?=20,512"): 2,
		q("identityUuid=" + account): 1, q("account.name=Project One"): 1, q("organization.name~=Res%"): 3, q("identityUuid=" + foreign): 0, q("identityType=AccountVO"): 1, "": 33,
	} {
		if got := f.as(s, "GET", path+query, "").names("name"); len(got) != want {
			t.Errorf("%s: %d rows: %v", query, len(got), got)
		}
	}
	f.as(s, "GET", path+q("value>many"), "").refused(invalidArgument)
	seen := map[string]bool{}
	for _, u := range f.as(s, "GET", path, "").names("uuid") {
		if seen[u] {
			t.Errorf("uuid %s is there twice", u)
		}
		seen[u] = true
	}
	if got := f.as(f.login("dev"), "GET", path, "").names("name"); !slices.Equal(got, []string{"vm.cpuNum"}) {
		t.Errorf("dev sees %v", got)
	}
}

func TestProjectsAccountsAndKeysAreTheCallersToSee(t *testing.T) {
	f := newFixture(t, Options{})
	s := f.login("ops@acme")
	for path, want := range map[string]map[string]any{
		"/v1/iam2/projects":                    {"uuid": project, "name": "Project One", "linkedAccountUuid": account, "state": "Enabled"},
		"/v1/iam2/projects/organizations/refs": {"projectUuid": project, "organizationUuid": department},
		"/v1/iam2/projects/account/refs":       {"projectUuid": project, "accountUuid": account},
		"/v1/accounts":                         {"uuid": userUUID("acme", "ops"), "name": "ops", "type": "SystemAdmin"},
		"/v1/accesskeys" + q("state=Enabled"):  {"AccessKeyID": keyID, "state": "Enabled", "userUuid": userUUID("acme", "ops")},
	} {
		a := f.as(s, "GET", path, "")
		list := a.ok()["inventories"].([]any)
		if len(list) != 1 {
			t.Errorf("%s: %v", path, list)
			continue
		}
		for k, v := range want {
			if got := list[0].(map[string]any)[k]; got != v {
				t.Errorf("%s: %s is %v, want %v", path, k, got, v)
			}
		}
		if strings.Contains(a.body, keySecret) {
			t.Errorf("%s shows a secret", path)
		}
	}
	viewer := f.login("viewer")
	if got := f.as(viewer, "GET", "/v1/accesskeys", "").names("AccessKeyID"); len(got) != 0 {
		t.Errorf("viewer sees keys %v", got)
	}
	if got := f.as(f.login("hank"), "GET", "/v1/iam2/projects", "").names("uuid"); len(got) != 0 {
		t.Errorf("hank sees projects %v", got)
	}
}

func TestHeadCountsAndAvailability(t *testing.T) {
	f := newFixture(t, Options{})
	s := f.login("ops@acme")
	for uuid, want := range map[string]string{company: `{"virtualDirectNumber":0,"virtualTotalNumber":2}`, lab: `{"virtualDirectNumber":1,"virtualTotalNumber":1}`} {
		if a := f.as(s, "GET", "/v1/iam2/organizations/"+uuid+"/virtualIDNumber", ""); a.body != want {
			t.Errorf("%s: %s", uuid, a.body)
		}
	}
	f.as(s, "GET", "/v1/iam2/organizations/"+foreign+"/virtualIDNumber", "").refused(notFound)
	for name, want := range map[string]bool{"ops@acme": true, "labhead": true, "dev": false} {
		if v := f.as(f.login(name), "GET", "/v1/iam2/organizations/availabilities", "").ok(); v["exists"] != want {
			t.Errorf("%s: %v", name, v)
		}
	}
}

func TestPagesOfManyOrganizationsNeitherOverlapNorMiss(t *testing.T) {
	f := newFixture(t, Options{})
	var nodes []usance.Node
	for i := range 57 {
		uuid := derive("test", string(rune('a'+i%26)), strings.Repeat("x", i))
		nodes = append(nodes, usance.Node{Path: usance.Path("/many/" + uuid), Name: string(rune('a' + i%3)), Aliases: map[string]string{aliasOrganization: uuid}})
	}
	f.Edit("acme", registry.Edit{Nodes: nodes})
	s := f.login("ops@acme")
	seen := map[string]int{}
	for start := 0; start < 60; start += 10 {
		query := "?limit=10&sort=-name&start=" + []string{"0", "10", "20", "30", "40", "50"}[start/10]
		for _, u := range f.as(s, "GET", orgs+query, "").names("uuid") {
			seen[u]++
		}
	}
	byPath := f.as(s, "GET", orgs+q("name=a"), "").names("uuid")
	if got := f.as(s, "GET", orgs+"?sort=-name&q=name=a", "").names("uuid"); len(got) != 19 || !slices.Equal(got, byPath) {
		t.Errorf("equals are out of their order: %v", got)
	}
	if len(seen) != 60 {
		t.Errorf("%d of 60 organizations", len(seen))
	}
	for u, n := range seen {
		if n != 1 {
			t.Errorf("%s came %d times", u, n)
		}
	}
}

// like against an oracle that is slow and plain: a regular expression.
func TestLikeMatchesAsARegularExpressionWould(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 0))
	letters := []rune(`ab%_\é`)
	word := func(n int) string {
		var b strings.Builder
		for range r.IntN(n) {
			b.WriteRune(letters[r.IntN(len(letters))])
		}
		return b.String()
	}
	for range 20_000 {
		pattern, text := word(9), word(9)
		var re strings.Builder
		runes := []rune(pattern)
		for i := 0; i < len(runes); i++ {
			switch c := runes[i]; {
			case c == '%':
				re.WriteString("(?s:.*)")
			case c == '_':
				re.WriteString("(?s:.)")
			case c == '\\' && i+1 < len(runes):
				i++
				re.WriteString(regexp.QuoteMeta(string(runes[i])))
			default:
				re.WriteString(regexp.QuoteMeta(string(c)))
			}
		}
		want := regexp.MustCompile("^" + re.String() + "$").MatchString(text)
		if got := like([]rune(pattern), []rune(text)); got != want {
			t.Fatalf("like(%q, %q) = %v", pattern, text, got)
		}
	}
}

func FuzzAConditionIsSplitAtItsFirstOperator(f *testing.F) {
	for _, seed := range []string{"name=x", "a!=b", "a!?=b,c", "a!~=%", "a is null", "a not null", "", "=", "a==b", "a>=<=b", "name~=a!=b", "a=is null"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		c, err := parseCondition(text)
		first := ""
		for _, op := range operators() {
			if strings.Contains(text, op) {
				first = op
				break
			}
		}
		if err != nil {
			var p *plain
			if !errors.As(err, &p) || p.status != 400 {
				t.Fatalf("%q: %v", text, err)
			}
			if field, _, _ := strings.Cut(text, first); first != "" && strings.TrimSpace(field) != "" {
				t.Fatalf("%q was refused", text)
			}
			return
		}
		if c.op != first || c.field == "" || c.field != strings.TrimSpace(text[:strings.Index(text, first)]) || !strings.HasSuffix(text, c.value) ||
			c.op != "is null" && c.op != "not null" && strings.HasPrefix(c.value, c.op) {
			t.Fatalf("%q was split into %+v", text, c)
		}
		for _, kind := range []fieldKind{textField, numberField, dateField} {
			ready, err := c.ready(kind, time.UTC)
			if err != nil {
				continue
			}
			for _, v := range []any{nil, "", text, int64(1), time.Unix(0, 0)} {
				ready(v)
			}
		}
	})
}
