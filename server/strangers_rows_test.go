package server

import (
	"cmp"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/usance/usance/internal/facadetest"
)

// row says what one route of a façade answers to each credential, as "status" or
// "status word", where the word stands in the body. What it leaves out is its
// surface's, of refusals.
type row struct {
	path string // with its query; "" is the route's own
	body string
	// open routes sign in, or tell nothing of anybody: every credential gets the one
	// answer, because what the request proves is in its body, which proves nothing here.
	open    string
	answers map[string]string // by credential
}

// refusals says how a surface refuses, by credential and, before a colon, by the
// means where they differ. Those it does not name are 200.
var refusals = map[string]map[string]string{
	"meeting": {"none": "401 USG.206020000", "operator": "401 USG.206020000", "expired": "401 USG.206020000", "revoked": "401 USG.206020000",
		"forged": "401 USG.206020000", "replayed": "401 USG.206020000"},
	"koodrive": {"none": "401 13009401", "operator": "401 13009401", "expired": "401 13009401", "revoked": "401 13009401", "forged": "401 13009401", "replayed": "401 13009401"},
	"zstack": {"none": "400 Authorization", "operator": "503 ID.1001", "expired": "503 ID.1001", "revoked": "503 ID.1001", "forged": "503 ID.1001", "replayed": "503 ID.1001",
		"key:expired": "403 requestTimeTooSkewed", "key:revoked": "403 does not exist or is disabled", "key:forged": "403 wrong accessKey signature", "key:replayed": "403 wrong accessKey signature"},
	"iam": {"none": "401", "operator": "401", "expired": "401", "revoked": "401", "forged": "401", "replayed": "401"},
	"cloudrtc": {"none": "401 APIGW.0301", "operator": "401 APIGW.0301", "expired": "401 APIGW.0301", "revoked": "401 APIGW.0301", "forged": "401 APIGW.0301", "replayed": "401 APIGW.0301",
		"ingester": "403 APIGW.0302", "below": "403 APIGW.0302"},
	"metastudio": {"none": "401 APIGW.0301", "operator": "401 APIGW.0301", "expired": "401 APIGW.0301", "revoked": "401 APIGW.0301", "forged": "401 APIGW.0301", "replayed": "401 APIGW.0301",
		"ingester": "403 APIGW.0302", "below": "403 APIGW.0302", "foreign": "400 MSS.00010009"},
}

func all(answer string) map[string]string {
	out := map[string]string{}
	for _, c := range credentials {
		out[c] = answer
	}
	return out
}

// users is one answer for every good credential, others for those that are not the
// admin's.
func users(answer string) map[string]string {
	out := others(answer)
	out["admin"] = answer
	return out
}

func others(answer string) map[string]string {
	out := map[string]string{}
	for _, c := range credentials[1:6] {
		out[c] = answer
	}
	return out
}

// rows is the table: a route that is not here fails the test.
func rows() map[string]row {
	const organization = "/v1/iam2/organizations/quota/" + ownPart
	hidden := map[string]string{"below": "503 SYS.1003", "foreign": "503 SYS.1003", "ingester": "503 SYS.1006"}
	account := strings.ReplaceAll(ownPart, "ab", "ef")
	project := strings.ReplaceAll(ownPart, "ab", "cd")
	onlyAdmin := func(uuid string, least string) map[string]string {
		return map[string]string{"member": "503 ID.1002", "viewer": "503 ID.1002", "ingester": "503 SYS.1006", "below": "503 SYS.1003", "foreign": "503 SYS.1003", "admin": least}
	}
	rtc := "/v1/" + acmeProject + "/rtc/history/usage?app=" + acmeApp + "&metric=CommunicationDuration&start_date=2026-04-01&end_date=2026-04-02"
	out := map[string]row{
		"meeting POST /v1/usg/acs/auth/account":   {body: `{"account":"nobody-%n","clientType":72}`, open: "401 USG.20601"},
		"meeting POST /v1/usg/acs/auth/appauth":   {body: `{"appId":"app-nobody-%n","clientType":72,"expireTime":0,"nonce":"0123456789abcdef0123456789abcdef","userId":"acme-admin"}`, open: "401 USG.206010025"},
		"meeting POST /v2/usg/acs/auth/appauth":   {body: `{"appId":"app-nobody-%n","clientType":72,"expireTime":0,"nonce":"0123456789abcdef0123456789abcdef","userId":"acme-admin"}`, open: "401 USG.206010025"},
		"meeting PUT /v1/usg/acs/token":           {body: `{}`},
		"meeting POST /v1/usg/acs/token/validate": {body: `{"token":"cnr1forged","needGenNewToken":false}`, open: "401 USG.206020000"},
		"meeting DELETE /v1/usg/acs/token":        {},
		"meeting GET /v1/mmc/management/orgRes": {answers: map[string]string{"member": "403 MMC.111080002", "ingester": "403 MMC.111080002", "viewer": "403 MMC.111080002",
			"below": "403 MMC.111080002"}},

		"koodrive GET /koodrive/ose/v1/service/quotaUsed": {}, // any user signed in, as the vendor has it
		"koodrive POST /koodrive/ose/v1/session":          {body: `{"code":"forged"}`, open: "401 13009401"},
		"koodrive POST /koodrive/ose/v1/session/refresh":  {answers: map[string]string{"key:": "401 13009401"}},
		"koodrive GET /koodrive/ose/v1/session/auth":      {answers: map[string]string{"key:": "401 13009401"}},
		"koodrive GET /koodrive/ose/v1/session/logoff":    {answers: all("200")}, // to be signed out is what was asked

		"iam POST /v3/auth/tokens":  {body: `{"auth":{"identity":{"methods":["password"],"password":{"user":{"name":"nobody-%n","password":"guess","domain":{"name":"acme-account"}}}}}}`, open: "401"},
		"iam GET /v3/auth/tokens":   {answers: map[string]string{"member": "403", "ingester": "403", "viewer": "403", "below": "403", "foreign": "404"}}, // about a token of the admin\'s
		"iam GET /v3/auth/projects": {}, "iam GET /v3/auth/domains": {}, "iam GET /v3/projects": {}, "iam GET /v5/caller-identity": {},
		"iam GET /v3/projects/{project_id}":                       {path: "/v3/projects/" + acmeProject, answers: map[string]string{"ingester": "404", "below": "404", "foreign": "404"}},
		"iam POST /v3.0/OS-CREDENTIAL/securitytokens":             {body: `{"auth":{"identity":{"methods":["token"]}}}`, answers: users("201")},
		"cloudrtc GET /v1/{project_id}/rtc/history/usage":         {path: rtc, answers: map[string]string{"foreign": "403 APIGW.0306"}},
		"cloudrtc GET /v2/apps":                                   {answers: map[string]string{"key:below": "200"}},
		"cloudrtc GET /v2/apps/{app_id}":                          {path: "/v2/apps/" + acmeApp, answers: map[string]string{"foreign": "404 RTC.00001003", "key:below": "404 RTC.00001003"}},
		"metastudio GET /v1/{project_id}/tenants/resources-count": {path: "/v1/" + acmeProject + "/tenants/resources-count"},
		"metastudio GET /v1/{project_id}/tenants/resources":       {path: "/v1/" + acmeProject + "/tenants/resources"},

		"zstack GET /v1/iam2/organizations/quota/:uuid/usages":        {path: organization + "/usages", answers: hidden},
		"zstack GET /v1/iam2/organizations/quota/{uuid}/usages/:uuid": {path: "/v1/iam2/organizations/quota/%7Buuid%7D/usages/" + ownPart, answers: hidden},
		"zstack GET /v1/iam2/organizations/quota/:uuid":               {path: organization, answers: hidden},
		"zstack GET /v1/accounts/quota/:uuid/usages":                  {path: "/v1/accounts/quota/" + account + "/usages", answers: hidden},
		"zstack PUT /v1/accounts/login":                               {body: `{"logInByAccount":{"accountName":"nobody-%n","password":"x"}}`, open: "503 ID.1000"},
		"zstack PUT /v1/accounts/users/login":                         {body: `{"logInByUser":{"accountName":"acme","userName":"nobody-%n","password":"x"}}`, open: "503 ID.1000"},
		"zstack PUT /v1/iam2/virtual-ids/login":                       {body: `{"loginIAM2VirtualID":{"name":"nobody-%n","password":"x"}}`, open: "503 ID.1000"},
		"zstack PUT /v1/login":                                        {body: `{"logIn":{"loginType":"account","username":"nobody-%n","password":"x"}}`, open: "503 ID.1000"},
		"zstack PUT /v1/ldap/login":                                   {body: `{"logInByLdap":{"uid":"u","password":"x"}}`, open: "503 SYS.1014"},
		"zstack PUT /v1/iam2/projects/login":                          {body: `{"loginIAM2Project":{"projectName":"` + private + ` Project"}}`, answers: map[string]string{"below": "503 SYS.1003", "foreign": "503 SYS.1003", "ingester": "503 SYS.1003"}},
		"zstack PUT /v1/iam2/platform/login":                          {body: `{"loginIAM2Platform":{}}`, answers: map[string]string{"member": "503 ID.1002", "viewer": "503 ID.1002", "ingester": "503 ID.1002", "below": "503 ID.1002"}},
		"zstack GET /v1/login/procedures":                             {path: "/v1/login/procedures?username=nobody", open: "200"},
		"zstack DELETE /v1/accounts/sessions/:sessionUuid":            {path: "/v1/accounts/sessions/" + ownPart, open: "200"},
		"zstack GET /v1/accounts/sessions/:sessionUuid/valid":         {path: "/v1/accounts/sessions/" + ownPart + "/valid", open: "200 false"},
		"zstack PUT /v1/accounts/sessions/:sessionUuid/renew":         {path: "/v1/accounts/sessions/%s/renew", body: `{"renewSession":{"duration":60}}`, answers: others("503 ID.1001")},
		"zstack GET /v1/iam2/organizations/availabilities":            {answers: map[string]string{"ingester": "503 SYS.1006"}},
		"zstack GET /v1/iam2/organizations/:uuid/virtualIDNumber":     {path: "/v1/iam2/organizations/" + ownPart + "/virtualIDNumber", answers: hidden},
		"zstack PUT /v1/iam2/Organization/quotas/actions":             {body: `{"updateOrganizationQuota":{"identityUuid":"` + ownPart + `","name":"vm.cpuNum","value":512}}`, answers: onlyAdmin(ownPart, "200")},
		"zstack PUT /v1/accounts/quotas/actions":                      {body: `{"updateQuota":{"identityUuid":"` + account + `","name":"vm.cpuNum","value":12}}`, answers: onlyAdmin(account, "200")},
		"zstack GET /v1/management-nodes/ready":                       {open: "200"},
		"zstack PUT /v1/management-nodes/actions":                     {body: `{"getVersion":{}}`, open: "200"},
	}
	for path, uuid := range map[string]string{"/v1/iam2/organizations": ownPart, "/v1/iam2/projects": project, "/v1/iam2/projects/organizations/refs": project,
		"/v1/iam2/projects/account/refs": project, "/v1/accounts/quotas": ownPart, "/v1/accounts": account, "/v1/accesskeys": ownPart} {
		out["zstack GET "+path] = row{answers: map[string]string{"ingester": "503 SYS.1006"}}
		one := map[string]string{"ingester": "503 SYS.1006"}
		if strings.HasSuffix(path, "/refs") { // they have no uuid to be asked for by
			for _, c := range credentials[:6] {
				one[c] = cmp.Or(one[c], "503 SYS.1007")
			}
		}
		out["zstack GET "+path+"/:uuid"] = row{path: path + "/" + uuid, answers: one}
	}
	return out
}

// expected returns what a row says of a credential shown by a means.
func (r row) expected(surface, credential, means string) string {
	if r.open != "" {
		return r.open
	}
	for _, from := range []map[string]string{r.answers, refusals[surface]} {
		for _, key := range []string{means + ":" + credential, means + ":", credential} {
			if answer, ok := from[key]; ok {
				return answer
			}
		}
	}
	return "200"
}

func TestEveryFacadeRouteAnswersEachCredentialAsItsRowSays(t *testing.T) {
	m := newMatrix(t)
	m.subject, m.session = m.signIn("iam", "acme-admin"), m.signIn("zstack", "acme-admin")
	table, cells := rows(), 0
	for _, at := range m.s.surfaces {
		lister, ok := at.handler.(interface{ Routes() []string })
		if !ok {
			continue
		}
		for _, route := range lister.Routes() {
			name := at.name + " " + route
			r, ok := table[name]
			if !ok {
				t.Errorf("the route %s has no row", name)
				continue
			}
			delete(table, name)
			for _, means := range []string{bySession, byKey} {
				for _, credential := range credentials {
					if means == byKey && (at.name == "meeting" || credential == "none" || credential == "operator" || r.body != "" && at.name != "zstack") {
						continue // Meeting has no signed calls, and a body would be signed with them
					}
					m.try(at.name, route, r, credential, means)
					cells++
				}
			}
		}
	}
	for name := range table {
		t.Errorf("the row %s has no route", name)
	}
	t.Logf("%d cells", cells)
}

// try asks one cell of the matrix.
func (m *matrix) try(surface, route string, r row, credential, means string) {
	m.t.Helper()
	method, path, _ := strings.Cut(route, " ")
	if r.path != "" {
		path = r.path
	}
	if surface == "zstack" {
		path = "/zstack" + strings.ReplaceAll(path, "%s", m.session)
	}
	m.asked++
	body := strings.ReplaceAll(r.body, "%n", fmt.Sprint(m.asked)) // the failed sign-ins of one name would lock it
	before := m.state()
	w := m.ask(surface, credential, means, method, path, body)
	if job := w.Header().Get("Location"); w.Code == http.StatusAccepted { // ZStack answers what became of it elsewhere
		if job == "" {
			_, rest, _ := strings.Cut(w.Body.String(), "http://usance.test")
			job, _, _ = strings.Cut(rest, `"`)
		}
		w = m.ask(surface, credential, means, http.MethodGet, job, "")
	}
	want := r.expected(surface, credential, means)
	status, word, _ := strings.Cut(want, " ")
	cell := fmt.Sprintf("%s %s, %s by %s", surface, route, credential, means)
	if fmt.Sprint(w.Code) != status || !strings.Contains(w.Body.String(), word) {
		m.t.Errorf("%s: %d, want %s: %.200s", cell, w.Code, want, w.Body)
	}
	stranger := credential == "foreign" || !strings.HasPrefix(want, "2")
	if stranger && strings.Contains(w.Body.String(), private) && !strings.Contains(r.body, private) {
		m.t.Errorf("%s: told of acme: %s", cell, w.Body)
	}
	if credential == "below" && strings.Contains(w.Body.String(), private+" Cloud") {
		m.t.Errorf("%s: told of what lies outside its subtree: %s", cell, w.Body)
	}
	if after := m.state(); w.Code >= http.StatusBadRequest && after != before {
		m.t.Errorf("%s: refused, yet %s became %s", cell, before, after)
	}
}

func (m *matrix) ask(surface, credential, means, method, path, body string) *httptest.ResponseRecorder {
	m.t.Helper()
	r := facadetest.Request(method, "http://usance.test"+path, body, "Content-Type", "application/json")
	if surface == "iam" {
		r.Header.Set("X-Subject-Token", m.subject)
	}
	m.show(r, surface, credential, means)
	return m.serve(r)
}
