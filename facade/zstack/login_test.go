package zstack

import (
	"strings"
	"testing"
	"time"

	"github.com/usance/usance"
	"github.com/usance/usance/registry"
)

func TestEveryLoginAnswersASessionThatWorks(t *testing.T) {
	f := newFixture(t, Options{})
	pw := hashed(password)
	for _, c := range []struct{ path, body, sort string }{
		{"/v1/accounts/login", `{"logInByAccount":{"accountName":"ops@acme","password":"` + pw + `","accountType":"x","clientInfo":{"a":"b"}}}`, ofAccount},
		{"/v1/accounts/login", `{"systemTags":["twofatoken::123456"],"logInByAccount":{"accountName":"member","password":"` + pw + `"}}`, ofAccount},
		{"/v1/accounts/login", `{"logInByAccount":{"accountName":"member","password":"` + pw + `","systemTags":["twofatoken::123456"],"new":{"x":[1]}}}`, ofAccount},
		{"/v1/iam2/virtual-ids/login", `{"loginIAM2VirtualID":{"name":"viewer","password":"` + pw + `"}}`, ofVirtualID},
		{"/v1/accounts/users/login", `{"logInByUser":{"accountName":"acme","userName":"ops","password":"` + pw + `"}}`, ofUser},
		{"/v1/accounts/users/login", `{"logInByUser":{"accountName":"ops@acme","userName":"ops","password":"` + pw + `"}}`, ofUser},
		{"/v1/accounts/users/login", `{"logInByUser":{"accountUuid":"` + account + `","userName":"ops","password":"` + pw + `"}}`, ofUser},
		{"/v1/login", `{"logIn":{"username":"ops@acme","password":"` + pw + `","loginType":"iam1"}}`, ofAccount},
		{"/v1/login", `{"logIn":{"username":"ops@acme","password":"` + pw + `","loginType":"iam2","properties":{}}}`, ofVirtualID},
	} {
		for _, base := range []string{"", "/zstack"} {
			v := f.do("PUT", base+c.path, c.body).ok()
			in := v["inventory"].(map[string]any)
			token := in["uuid"].(string)
			if len(token) != 32 || strings.Trim(token, "0123456789abcdef") != "" {
				t.Errorf("uuid is %q", token)
			}
			if in["createDate"] != "Mar 3, 2026 8:15:30 AM" || in["expiredDate"] != "Mar 3, 2026 10:15:30 AM" || in["userType"] != c.sort ||
				in["noSessionEvaluation"] != false || v["schema"].(map[string]any)["inventory"] != classSession {
				t.Errorf("%s: %v", c.path, v)
			}
			if (in["accountUuid"] == in["userUuid"]) != (c.sort == ofAccount || in["accountUuid"] == userUUID("acme", "ops") || c.sort == ofVirtualID) {
				t.Errorf("%s: account %v, user %v", c.path, in["accountUuid"], in["userUuid"])
			}
			f.as(token, "GET", "/v1/iam2/organizations/quota/"+department+"/usages", "").ok()
		}
	}
}

func TestTheUsersOfAProjectActForItsAccount(t *testing.T) {
	f := newFixture(t, Options{})
	in := f.do("PUT", "/v1/iam2/virtual-ids/login", `{"loginIAM2VirtualID":{"name":"dev","password":"`+hashed(password)+`"}}`).ok()["inventory"].(map[string]any)
	if in["accountUuid"] != account || in["userUuid"] != userUUID("acme", "dev") {
		t.Errorf("dev: %v", in)
	}
	s := f.login("viewer")
	in = f.as(s, "PUT", "/v1/iam2/projects/login", `{"loginIAM2Project":{"projectName":"Project One"}}`).ok()["inventory"].(map[string]any)
	if in["accountUuid"] != account || in["userUuid"] != userUUID("acme", "viewer") || in["uuid"] == s {
		t.Errorf("viewer in the project: %v", in)
	}
	// The rights are the user's, as before.
	f.as(in["uuid"].(string), "GET", "/v1/iam2/organizations/quota/"+department+"/usages", "").ok()
	for _, name := range []string{"hank", "labhead"} {
		f.as(f.login(name), "PUT", "/v1/iam2/projects/login", `{"loginIAM2Project":{"projectName":"Project One"}}`).refused(notFound)
	}
	f.do("PUT", "/v1/iam2/projects/login", `{"loginIAM2Project":{"projectName":"Project One"}}`).text(400, "Authorization")
	f.as(f.login("ops@acme"), "PUT", "/v1/iam2/platform/login", `{"loginIAM2Platform":{}}`).ok()
	f.as(s, "PUT", "/v1/iam2/platform/login", `{"loginIAM2Platform":{}}`).refused(notPermitted)
	f.as(f.login("labhead"), "PUT", "/v1/iam2/platform/login", "").refused(notPermitted)
}

func TestWrongSignInsAreRefusedAlike(t *testing.T) {
	f := newFixture(t, Options{MaxFailures: -1})
	pw := hashed(password)
	for _, body := range []string{
		loginBody("ops@acme", "wrong"), loginBody("nobody@acme", password), loginBody("ops@nowhere", password), loginBody("ops", password), // two tenants
		`{"logInByAccount":{"accountName":"viewer","password":"` + password + `"}}`, // clear text
		`{"logInByAccount":{"accountName":"viewer","password":"` + strings.ToUpper(pw) + `"}}`,
		`{"logInByAccount":{"accountName":"viewer","password":"` + hashed(pw) + `"}}`,
		`{"logInByAccount":{"accountName":"viewer","password":""}}`, `{"logInByAccount":{"accountName":"","password":"` + pw + `"}}`,
		`{"logInByAccount":{"accountName":"viewer","password":1}}`,
		`{"logInByAccount":{"accountName":"viewer@acme@acme","password":"` + pw + `"}}`,
	} {
		e := f.do("PUT", "/v1/accounts/login", body).refused(wrongCredentials)
		if e["details"] != "wrong name or password" {
			t.Errorf("%s: details %q", body, e["details"])
		}
	}
	for _, body := range []string{
		`{"logInByUser":{"accountUuid":"0","userName":"ops","password":"` + pw + `"}}`,
		`{"logInByUser":{"accountName":"globex","userName":"viewer","password":"` + pw + `"}}`,
		`{"logInByUser":{"accountName":"","userName":"viewer","password":"` + pw + `"}}`,
	} {
		f.do("PUT", "/v1/accounts/users/login", body).refused(wrongCredentials)
	}
}

func TestMandatoryFieldsAreNamed(t *testing.T) {
	f := newFixture(t, Options{})
	for _, c := range []struct{ path, body, field string }{
		{"/v1/accounts/login", ``, "accountName"}, {"/v1/accounts/login", `{}`, "accountName"}, {"/v1/accounts/login", `null`, "accountName"},
		{"/v1/accounts/login", `{"logIn":{"accountName":"a","password":"b"}}`, "accountName"},
		{"/v1/accounts/login", `{"logInByAccount":null}`, "accountName"},
		{"/v1/accounts/login", `{"logInByAccount":{"accountName":"a"}}`, "password"}, {"/v1/accounts/login", `{"logInByAccount":{"accountName":null,"password":"b"}}`, "accountName"},
		{"/v1/iam2/virtual-ids/login", `{"loginIAM2VirtualID":{"password":"b"}}`, "name"},
		{"/v1/accounts/users/login", `{"logInByUser":{"accountName":"a","password":"b"}}`, "userName"},
		{"/v1/accounts/users/login", `{"logInByUser":{"userName":"a","password":"b"}}`, "accountName"},
		{"/v1/login", `{"logIn":{"username":"a","password":"b"}}`, "loginType"},
		{"/v1/ldap/login", `{"logInByLdap":{"uid":"a"}}`, "password"},
	} {
		if e := f.do("PUT", c.path, c.body).refused(invalidArgument); !strings.Contains(e["details"].(string), c.field) {
			t.Errorf("%s %s: %v", c.path, c.body, e)
		}
	}
	f.do("PUT", "/v1/ldap/login", `{"logInByLdap":{"uid":"a","password":"b"}}`).refused(unsupported)
	f.do("PUT", "/v1/login", `{"logIn":{"username":"a","password":"b","loginType":"ldap"}}`).refused(unsupported)
}

func TestMalformedBodiesAreRefusedInText(t *testing.T) {
	f := newFixture(t, Options{})
	for _, body := range []string{`{`, `[]`, `"x"`, `{"logInByAccount":[]}`, `{"logInByAccount":"x"}`, `{"a":1}x`, `{"a":1,"a":2}`, "{\"a\":\"\xff\"}",
		`{"logInByAccount":{"accountName":{},"password":"x"}}`, strings.Repeat(`{"a":`, 100) + "1" + strings.Repeat("}", 100)} {
		f.do("PUT", "/v1/accounts/login", body).text(400, "")
	}
	f.do("PUT", "/v1/accounts/login", `{"a":"`+strings.Repeat("x", maxBody)+`"}`).text(413, "large")
}

func TestFailuresInARowLockTheNameOut(t *testing.T) {
	f := newFixture(t, Options{MaxFailures: 3, LockFor: time.Minute})
	for range 2 {
		f.do("PUT", "/v1/accounts/login", loginBody("viewer", "wrong")).refused(wrongCredentials)
	}
	f.login("viewer") // ends the row
	for range 2 {
		f.do("PUT", "/v1/accounts/login", loginBody("viewer", "wrong")).refused(wrongCredentials)
	}
	for range 2 {
		e := f.do("PUT", "/v1/accounts/login", loginBody("viewer", "wrong")).refused(locked)
		if !strings.Contains(e["details"].(string), "Mar 3, 2026 8:16:30 AM") {
			t.Errorf("details: %v", e["details"])
		}
	}
	f.do("PUT", "/v1/accounts/login", loginBody("viewer", password)).refused(locked)
	f.do("PUT", "/v1/iam2/virtual-ids/login", `{"loginIAM2VirtualID":{"name":"viewer","password":"`+hashed(password)+`"}}`).refused(locked)
	f.login("member")
	f.Clock.Move(time.Minute)
	f.login("viewer")
}

func TestASessionLivesWhileItIsUsed(t *testing.T) {
	f := newFixture(t, Options{SessionTimeout: time.Hour})
	used, idle := f.login("viewer"), f.login("viewer")
	path := "/v1/iam2/organizations/quota/" + department + "/usages"
	for range 5 {
		f.Clock.Move(50 * time.Minute)
		f.as(used, "GET", path, "").ok()
	}
	f.as(idle, "GET", path, "").refused(sessionInvalid)
	f.Clock.Move(59 * time.Minute)
	if v := f.do("GET", "/v1/accounts/sessions/"+used+"/valid", "").ok(); v["valid"] != true {
		t.Errorf("valid: %v", v)
	}
	f.Clock.Move(10 * time.Minute) // asking did not lengthen it
	for _, dead := range []string{used, idle, "0"} {
		if v := f.do("GET", "/v1/accounts/sessions/"+dead+"/valid", "").ok(); v["valid"] != false {
			t.Errorf("valid: %v", v)
		}
	}
}

func TestLogOutEndsOneSessionAndAlwaysSucceeds(t *testing.T) {
	f := newFixture(t, Options{})
	a, b := f.login("viewer"), f.login("viewer")
	for range 2 {
		if r := f.do("DELETE", "/zstack/v1/accounts/sessions/"+a+"?deleteMode=", ""); r.status != 200 || r.body != "{}" {
			t.Fatalf("%d %q", r.status, r.body)
		}
	}
	f.as(a, "GET", "/v1/accounts", "").refused(sessionInvalid)
	f.as(b, "GET", "/v1/accounts", "").ok()
}

func TestTheNumberOfLiveSessionsIsBounded(t *testing.T) {
	f := newFixture(t, Options{MaxSessions: 3})
	first := f.login("viewer")
	f.login("viewer")
	f.login("viewer")
	f.do("PUT", "/v1/accounts/login", loginBody("viewer", password)).refused(tooManySessions)
	f.login("member")
	f.do("DELETE", "/v1/accounts/sessions/"+first, "")
	f.login("viewer")

	f = newFixture(t, Options{UniqueSession: true})
	first, second := f.login("viewer"), f.login("viewer")
	f.as(first, "GET", "/v1/accounts", "").refused(sessionInvalid)
	f.as(second, "GET", "/v1/accounts", "").ok()
}

func TestRenewingSetsHowLongASessionLives(t *testing.T) {
	f := newFixture(t, Options{MaxSessions: 2})
	s := f.login("viewer")
	f.login("member")
	for range 4 { // does not fill the user's list of sessions
		in := f.async(s, "PUT", "/v1/accounts/sessions/"+s+"/renew", `{"renewSession":{"duration":864000}}`).ok()["inventory"].(map[string]any)
		if in["uuid"] != s || in["expiredDate"] != "Mar 13, 2026 8:15:30 AM" || in["createDate"] != "Mar 3, 2026 8:15:30 AM" {
			t.Fatalf("%v", in)
		}
	}
	f.login("viewer")
	f.Clock.Move(9 * 24 * time.Hour)
	f.as(s, "GET", "/v1/accounts", "").ok()
	other := f.login("member")
	for _, duration := range []string{"59", "31536001", "-1"} {
		f.async(s, "PUT", "/v1/accounts/sessions/"+s+"/renew", `{"renewSession":{"duration":`+duration+`}}`).refused(invalidArgument)
	}
	f.async(s, "PUT", "/v1/accounts/sessions/"+s+"/renew", `{}`).refused(invalidArgument)
	f.async(other, "PUT", "/v1/accounts/sessions/"+s+"/renew", `{"renewSession":{"duration":60}}`).refused(sessionInvalid)
	ops := f.login("ops@acme") // a user of another tenant bears the same name
	f.async(f.login("ops@globex"), "PUT", "/v1/accounts/sessions/"+ops+"/renew", `{"renewSession":{"duration":60}}`).refused(sessionInvalid)
	f.async(s, "PUT", "/v1/accounts/sessions/0/renew", `{"renewSession":{"duration":60}}`).refused(sessionInvalid)
	f.as(s, "PUT", "/v1/accounts/sessions/"+s+"/renew", `{"renewSession":{"duration":"soon"}}`).text(400, "duration")
	f.as("0", "PUT", "/v1/accounts/sessions/"+s+"/renew", `{"renewSession":{"duration":60}}`).refused(sessionInvalid)
}

func TestAChangedPasswordEndsSessions(t *testing.T) {
	f := newFixture(t, Options{})
	s := f.login("viewer")
	other := "Another-2026!"
	f.Edit("acme", registry.Edit{Users: []registry.UserSpec{{User: usance.User{Name: "viewer", Role: usance.RoleViewer}, Password: &other}}})
	f.as(s, "GET", "/v1/accounts", "").refused(sessionInvalid)
}

func TestHelpersNeedNoSession(t *testing.T) {
	f := newFixture(t, Options{})
	if a := f.do("GET", "/zstack/v1/management-nodes/ready", ""); a.body != "{}" || a.status != 200 {
		t.Errorf("ready: %d %q", a.status, a.body)
	}
	if v := f.do("PUT", "/zstack/v1/management-nodes/actions", `{"getVersion":{}}`).ok(); v["version"] != "5.2.1" {
		t.Errorf("version: %v", v)
	}
	if v := f.do("GET", "/zstack/v1/login/procedures?username=ops&loginType=iam1", "").ok(); len(v["procedures"].([]any)) != 0 {
		t.Errorf("procedures: %v", v)
	}
}
