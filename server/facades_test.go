package server

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/usance/usance/api/wire"
	"github.com/usance/usance/facade/cloudrtc"
	"github.com/usance/usance/facade/koodrive"
	"github.com/usance/usance/facade/meeting"
	"github.com/usance/usance/facade/metastudio"
	"github.com/usance/usance/facade/zstack"
	"github.com/usance/usance/internal/facadetest"
	"github.com/usance/usance/internal/inside"
)

func insideCalls() map[string][]inside.Call {
	return map[string][]inside.Call{meeting.Name: meeting.Calls(), koodrive.Name: koodrive.Calls(), zstack.Name: zstack.Calls(),
		cloudrtc.Name: cloudrtc.Calls(), metastudio.Name: metastudio.Calls()}
}

// asked is one of the calls that may be made from inside, with its parameters.
type asked struct {
	vars  map[string]string
	query url.Values
}

// target is where a vendor's client sends the call.
func (a asked) target(path string) string {
	for name, value := range a.vars {
		path = strings.ReplaceAll(path, "{"+name+"}", value)
	}
	if len(a.query) > 0 {
		path += "?" + a.query.Encode()
	}
	return path
}

func (a asked) body(operation string) string {
	text, err := json.Marshal(wire.FacadeCall{Operation: operation, Path: a.vars, Query: a.query})
	if err != nil {
		panic(err)
	}
	return string(text)
}

// askedOf has one question or more for every call: each fails without.
func askedOf(t *testing.T, facade, operation, organization, project, app, day string) []asked {
	t.Helper()
	inProject := map[string]string{"project_id": project}
	list := map[string][]asked{
		"meeting ShowOrgRes":               {{}},
		"koodrive GetQuotaUsed":            {{}, {query: url.Values{"ignored": {"1"}}}},
		"zstack GetOrganizationQuotaUsage": {{vars: map[string]string{"uuid": organization}}, {vars: map[string]string{"uuid": "no-such"}}},
		"zstack QueryIAM2Organization":     {{}, {query: url.Values{"q": {"name~=%", "state=Enabled"}, "count": {"true"}}}, {query: url.Values{"q": {"nonsense"}}}},
		"zstack QueryIAM2Project":          {{}, {query: url.Values{"fields": {"uuid,name"}}}},
		"zstack QueryQuota":                {{query: url.Values{"q": {"identityUuid=" + organization}, "sort": {"-name"}, "limit": {"7"}, "replyWithCount": {"true"}}}},
		"cloudrtc ListRtcHistoryUsage": {{inProject, url.Values{"app": {app}, "metric": {"CommunicationDuration"}, "start_date": {day}, "end_date": {day}}},
			{inProject, url.Values{"app": {app}, "metric": {"UserCount"}}}, {map[string]string{"project_id": "nobodys"}, url.Values{"app": {app}}}},
		"metastudio CountTenantResources": {{vars: inProject}, {inProject, url.Values{"business": {"LIVE_2D"}, "resource_expire_end_time": {day + "T00:00:00+08:00"}}},
			{inProject, url.Values{"business": {"NONE"}}}},
		"metastudio ListTenantResources": {{vars: inProject}, {inProject, url.Values{"limit": {"1"}, "offset": {"1"}}}, {inProject, url.Values{"limit": {"0"}}}},
	}[facade+" "+operation]
	if list == nil {
		t.Errorf("%s %s is tried by nothing", facade, operation)
	}
	return list
}

// unnamed is a body without the id of its request.
func unnamed(body, id string) string {
	if id == "" {
		return body
	}
	return strings.ReplaceAll(body, id, "ID")
}

// sameAnswer compares what the native API was told with what a vendor's client is.
func sameAnswer(t *testing.T, cell string, got wire.FacadeAnswer, target string, status int, header http.Header, body string) {
	t.Helper()
	if got.Body == nil || got.Status != status || unnamed(*got.Body, got.Headers["X-Request-Id"]) != unnamed(body, header.Get("X-Request-Id")) {
		t.Errorf("%s: told %d %.300s, answered %d %.300s", cell, got.Status, *got.Body, status, body)
	}
	if got.Target != target {
		t.Errorf("%s: asked %s, told %s", cell, target, got.Target)
	}
	for _, name := range []string{"Content-Type", "Cache-Control", "Server", "Retry-After"} {
		if got.Headers[name] != header.Get(name) {
			t.Errorf("%s: %s is told %q, answered %q", cell, name, got.Headers[name], header.Get(name))
		}
	}
}

// TestACallFromInsideIsAnsweredAsTheVendorsClientIs goes through every call and
// role of two tenants: status, headers and body are those of a request signed by a
// user, or at KooDrive sent with a token, of the same rights.
func TestACallFromInsideIsAnsweredAsTheVendorsClientIs(t *testing.T) {
	m := newMatrix(t)
	cells := 0
	for facade, calls := range insideCalls() {
		for _, call := range calls {
			for _, question := range askedOf(t, facade, call.Name, ownPart, acmeProject, acmeApp, "2026-04-01") {
				for _, credential := range []string{"admin", "member", "viewer", "below", "foreign"} {
					cell := fmt.Sprint(facade, " ", call.Name, " ", question, ", ", credential)
					before, target := m.state(), question.target(call.Path)
					w := m.inside(facade, credential, question.body(call.Name))
					var got wire.FacadeAnswer
					if err := json.Unmarshal(w.Body.Bytes(), &got); err != nil || w.Code != 200 {
						t.Fatalf("%s: %d %s", cell, w.Code, w.Body)
					}
					if after := m.state(); after != before {
						t.Errorf("%s: %s became %s", cell, before, after)
					}
					r := facadetest.Request("GET", "http://usance.test"+target, "")
					switch facade {
					case "koodrive":
						r.Header.Set("Authorization", "Bearer us_token_of_"+personOf(credential))
					case "cloudrtc", "metastudio":
						m.show(r, facade, credential, byKey)
					default:
						m.show(r, facade, credential, bySession)
					}
					direct := m.serve(r)
					sameAnswer(t, cell, got, target, direct.Code, direct.Header(), direct.Body.String())
					if strings.Contains(*got.Body, private) && (credential == "foreign" || credential == "below") {
						t.Errorf("%s: told of acme: %s", cell, *got.Body)
					}
					cells++
				}
				for _, credential := range []string{"ingester", "expired", "revoked", "forged"} {
					w := m.inside(facade, credential, question.body(call.Name))
					want := 401
					if credential == "ingester" {
						want = 403
					}
					if w.Code != want {
						t.Errorf("%s %s, %s: %d %s", facade, call.Name, credential, w.Code, w.Body)
					}
				}
			}
		}
	}
	t.Logf("%d cells", cells)
}

// inside asks a façade by the native API, with the token of a credential.
func (m *matrix) inside(facade, credential, body string) *httptest.ResponseRecorder {
	m.t.Helper()
	token := "us_token_of_" + personOf(credential)
	if credential == "forged" {
		token = "us_token_of_acme-admim"
	}
	return m.serve(facadetest.Request("POST", "http://usance.test/api/v1/facades/"+facade+"/call", body, "Content-Type", "application/json", "Authorization", "Bearer "+token))
}

// TestTheNumbersOfACallFromInsideAreTheClients compares answers with numbers in
// them byte for byte, by the tables and with fields read from elsewhere, for the
// tenant's token and the operator's.
func TestTheNumbersOfACallFromInsideAreTheClients(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	now := time.Date(2026, 3, 8, 15, 7, 11, 0, time.UTC)
	s, _ := newServer(t, func(c *Config) { c.Now, c.Unthrottled = func() time.Time { return now }, true })
	a := &agreement{running: run(t, s), id: "told", zone: time.UTC, now: now, r: rand.New(rand.NewPCG(seed, 1)), password: "pw-told"}
	a.apply(t)
	if status, _, body := a.call(t, "POST", "/api/v1/apply", operator, "tenants:\n- {id: told, tokens: [{name: boss, role: admin, secret: us_told_admin}]}"); status != 200 {
		t.Fatal(status, body)
	}
	a.make()
	a.send(t)
	for _, manifest := range []string{"", fmt.Sprintf(overrides, a.id, now.Add(time.Hour).Format(time.RFC3339))} {
		if manifest != "" {
			if status, _, body := a.call(t, "POST", "/api/v1/apply", operator, manifest); status != 200 {
				t.Fatal(status, body)
			}
		}
		headers := map[string]map[string]string{"meeting": {"X-Access-Token": a.meetingToken(t)}, "koodrive": {"Authorization": "Bearer us_told_member"},
			"zstack": a.zstackSession(t), "cloudrtc": a.identityToken(t), "metastudio": a.identityToken(t)}
		for facade, calls := range insideCalls() {
			for _, call := range calls {
				for _, question := range askedOf(t, facade, call.Name, a.project(), a.project(), "app-told", now.AddDate(0, 0, -1).Format(time.DateOnly)) {
					req, err := http.NewRequestWithContext(t.Context(), "GET", a.url+question.target(call.Path), nil)
					if err != nil {
						t.Fatal(err)
					}
					for name, value := range headers[facade] {
						req.Header.Set(name, value)
					}
					status, header, body := send(t, req)
					for who, query := range map[string]string{"us_told_admin": "", operator: "?tenant=told"} {
						code, _, text := a.call(t, "POST", "/api/v1/facades/"+facade+"/call"+query, who, question.body(call.Name))
						var got wire.FacadeAnswer
						if err := json.Unmarshal([]byte(text), &got); err != nil || code != 200 {
							t.Fatal(call.Name, code, text)
						}
						sameAnswer(t, facade+" "+call.Name, got, question.target(call.Path), status, header, body)
					}
				}
			}
		}
	}
}

// TestCallsFromInsideUseUpNoLimit goes past every vendor's limit and finds it whole.
func TestCallsFromInsideUseUpNoLimit(t *testing.T) {
	s, log := newServer(t, nil)
	a := &agreement{running: run(t, s), id: "told", zone: time.UTC, now: noon(), password: "pw-told"}
	a.apply(t)
	ask := askedOf(t, "cloudrtc", "ListRtcHistoryUsage", "", a.project(), "app-told", "2026-03-01")[0]
	for range 35 { // the vendor's limit is 30 by the minute
		if code, _, text := a.call(t, "POST", "/api/v1/facades/cloudrtc/call", "us_told_member", ask.body("ListRtcHistoryUsage")); code != 200 || !strings.Contains(text, `"status":200`) {
			t.Fatal(code, text)
		}
	}
	req, err := http.NewRequestWithContext(t.Context(), "GET", a.url+ask.target("/v1/{project_id}/rtc/history/usage"), nil)
	if err != nil {
		t.Fatal(err)
	}
	for name, value := range a.identityToken(t) {
		req.Header.Set(name, value)
	}
	if status, header, body := send(t, req); status != 200 || !strings.HasPrefix(header.Get("X-Apig-Ratelimit-Api"), "remain:29,") {
		t.Errorf("%d %v %s", status, header, body)
	}
	if got := strings.Count(log.String(), `route="POST /api/v1/facades/{facade}/call"`); got != 35 {
		t.Errorf("the log has %d calls of the native API", got)
	}
}

func TestACallFromInsideIsRefusedByNameWhenThereIsNone(t *testing.T) {
	s, _ := newServer(t, nil)
	makeTenant(t, s)
	r := run(t, s)
	for _, c := range []struct {
		facade, body string
		status       int
		word         string
	}{
		{"iam", `{"operation":"KeystoneListProjects"}`, 404, "no such façade"}, {"", `{}`, 404, ""},
		{"meeting", `{}`, 400, "operation"}, {"meeting", `{"operation":"DeleteToken"}`, 400, "ShowOrgRes"},
		{"zstack", `{"operation":"QueryAccessKey"}`, 400, "QueryQuota"}, {"zstack", `{"operation":"GetOrganizationQuotaUsage"}`, 400, "path.uuid"},
		{"zstack", `{"operation":"GetOrganizationQuotaUsage","path":{"uuid":"../../login"}}`, 400, "path.uuid"},
		{"zstack", `{"operation":"QueryQuota","path":{"uuid":"x"}}`, 400, "path"}, {"zstack", `{"operation":"QueryQuota","query":"x"}`, 400, ""},
		{"koodrive", `{"operation":"GetQuotaUsed","query":{"x":["` + strings.Repeat("x", 70<<10) + `"]}}`, 413, ""},
	} {
		if status, _, body := r.call(t, "POST", "/api/v1/facades/"+c.facade+"/call?tenant=acme", operator, c.body); status != c.status || !strings.Contains(body, c.word) {
			t.Errorf("%s %.60s: %d %.200s", c.facade, c.body, status, body)
		}
	}
}

func TestTheDocumentNamesEveryCallFromInside(t *testing.T) {
	s, _ := newServer(t, nil)
	w := httptest.NewRecorder()
	s.Handler().ServeHTTP(w, facadetest.Request("GET", "http://usance.test/openapi.json", ""))
	for facade, calls := range insideCalls() {
		_, line, found := strings.Cut(w.Body.String(), `\n- `+facade+": ")
		line, _, _ = strings.Cut(line, `\n`)
		for _, call := range calls {
			if !found || !strings.Contains(line, call.Name) {
				t.Errorf("%s %s is not in the document: %.200s", facade, call.Name, line)
			}
		}
	}
}
