package meeting_test

import (
	"encoding/base64"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/usance/usance"
	"github.com/usance/usance/facade/meeting"
	"github.com/usance/usance/internal/gateway"
	"github.com/usance/usance/registry"
)

func TestTheVectorsSignIn(t *testing.T) {
	for _, c := range []struct{ corp, user, data, signature string }{
		{"", "alice", "app-0001:alice", "da66fa8eb7e7aa13aefc80823e02902fea96d9918b72e27e027b183154fc1ba1"},
		{"", "", "app-0001:", "85e8d80559faae15a698782b3d24de1a3fd1143228b576ff3a9a1b9038b2b0fe"},
		{"corp7", "alice", "app-0001:corp7:alice", "69406c557948db46d9461a13b8bc8bc9af6f141d7c6ef1814de53cd301ce2241"},
	} {
		if got := sign(fmt.Sprintf("%s:%d:%s", c.data, validFor, nonce)); got != c.signature {
			t.Errorf("%s: the helper signs %s", c.data, got)
		}
		w := newWorld(t, meeting.Options{})
		if c.corp != "" {
			w.provider()
		}
		for _, path := range []string{"/v1/usg/acs/auth/appauth", appPath} {
			body := fmt.Sprintf(`{"appId":"app-0001","clientType":72,"expireTime":%d,"nonce":"%s","corpId":"%s","userId":"%s"}`, validFor, nonce, c.corp, c.user)
			for _, authorization := range []string{
				"HMAC-SHA256 signature=" + c.signature,
				"HMAC-SHA256 signature=" + strings.ToUpper(c.signature),
				"hmac-sha256 signature=" + c.signature + ", access=YXBwLTAwMDE=",
				"HMAC-SHA256 access=YXBwLTAwMDE=,signature=" + c.signature,
			} {
				if out := w.Call("POST", path, body, "Authorization", authorization, "X-Token-Type", "LongTicket"); out.Code != 200 {
					t.Errorf("%s %s: %d %s", path, authorization, out.Code, out.Body)
				}
			}
		}
	}
}

// provider makes acme a service provider with one enterprise in its own tree, and
// another that is a tenant which has named acme; a third has not.
func (w *world) provider() {
	w.Helper()
	w.settings(meeting.SettingSP, "true")
	w.Edit(acme, registry.Edit{Nodes: []usance.Node{{Path: "/corps/seven", Aliases: map[string]string{"meeting.corp": "corp7"}}}})
	for tenant, corp := range map[usance.TenantID]string{"corp-eight": "corp8", "corp-nine": "corp9"} {
		t := &usance.Tenant{Timezone: "UTC", Aliases: map[string]string{"meeting.corp": corp}}
		if corp == "corp8" {
			t.Settings = map[string]string{meeting.SettingSPTenant: string(acme)}
		}
		w.Edit(tenant, registry.Edit{Tenant: t, Users: []registry.UserSpec{user("chief-"+corp, "chief-pass", usance.RoleAdmin), user("ann", "ann-pass-1", usance.RoleMember)}})
	}
}

func TestAUserSignsInAsWhatItIs(t *testing.T) {
	w := newWorld(t, meeting.Options{})
	for _, c := range []struct {
		user, is string
		admin    float64
	}{{"alice", "alice", 2}, {"ops", "ops", 1}, {"", "ops", 0}, {"newcomer", "newcomer", 2}} {
		out := w.appLogin("", c.user, "app-0001:"+c.user)
		if u := w.userOf(out); u["userId"] != c.is || u["adminType"] != c.admin || u["appId"] != "app-0001" || u["userType"] != 2.0 {
			t.Errorf("%q: %v", c.user, u)
		}
		token, _ := w.granted(out)
		want := 403
		if c.admin < 2 {
			want = 200
		}
		if out := w.orgRes(token); out.Code != want {
			t.Errorf("%q reads orgRes: %d, want %d", c.user, out.Code, want)
		}
	}
	d, err := w.Registry.Definitions(w.Context(), acme)
	if err != nil {
		t.Fatal(err)
	}
	if u, ok := d.User("newcomer"); !ok || u.Role != usance.RoleMember {
		t.Errorf("newcomer is registered as %+v", u)
	}
}

func TestRegistrationOnTheFlyCanBeSwitchedOff(t *testing.T) {
	w := newWorld(t, meeting.Options{})
	w.settings(meeting.SettingAutoRegister, "false")
	w.refusedWith(w.appLogin("", "newcomer", "app-0001:newcomer"), 403, "USG.206010030")
	if out := w.appLogin("", "alice", "app-0001:alice"); out.Code != 200 {
		t.Errorf("a known user: %d", out.Code)
	}
	w.settings()
	w.refusedWith(w.appLogin("", "new@comer", "app-0001:new@comer"), 400, "USG.206010031")
}

func TestADisabledUserOfAnAppIsToldSo(t *testing.T) {
	w := newWorld(t, meeting.Options{})
	w.disable("alice", usance.RoleMember)
	w.refusedWith(w.appLogin("", "alice", "app-0001:alice"), 412, "USG.206010007")
	w.disable("ops", usance.RoleAdmin)
	w.refusedWith(w.appLogin("", "", "app-0001:"), 401, "USG.206010025") // the key's own user
}

func TestServiceProvidersSpeakForTheirEnterprises(t *testing.T) {
	w := newWorld(t, meeting.Options{Failures: -1})
	w.provider()
	w.ingest(w.Event(began, "meeting.conference.started", "c1", "/corps/seven/rooms", ""), w.Event(began, "meeting.conference.started", "c2", "/elsewhere", ""))
	for _, c := range []struct {
		name, corp, user, data  string
		is, company, sp         string
		userType, admin, status float64
		conferences             float64
	}{
		{"the provider", "", "", "app-0001::", "ops", "acme", "", 1, 0, 200, 2},
		{"the provider, signed as a single enterprise", "", "", "app-0001:", "ops", "acme", "", 1, 0, 200, 2},
		{"an enterprise's default administrator", "corp7", "", "app-0001:corp7:", "ops", "corp7", "acme", 2, 0, 200, 1},
		{"an enterprise's user", "corp7", "alice", "app-0001:corp7:alice", "alice", "corp7", "acme", 2, 2, 403, 0},
		{"another tenant's default administrator", "corp8", "", "app-0001:corp8:", "chief-corp8", "corp8", "acme", 2, 0, 200, 0},
		{"another tenant's user", "corp8", "ann", "app-0001:corp8:ann", "ann", "corp8", "acme", 2, 2, 403, 0},
	} {
		out := w.appLogin(c.corp, c.user, c.data)
		if out.Code != 200 {
			t.Errorf("%s: %d %s", c.name, out.Code, out.Body)
			continue
		}
		u := w.userOf(out)
		if u["userId"] != c.is || u["companyId"] != c.company || u["spId"] != c.sp || u["userType"] != c.userType || u["adminType"] != c.admin {
			t.Errorf("%s: %v", c.name, u)
		}
		token, _ := w.granted(out)
		res := w.orgRes(token)
		if float64(res.Code) != c.status || c.status == 200 && w.Object(res)["confCount"] != c.conferences {
			t.Errorf("%s reads %d %s", c.name, res.Code, res.Body)
		}
	}
	for _, c := range [][3]string{
		{"corp9", "", "app-0001:corp9:"},            // has not named the provider
		{"corp9", "ann", "app-0001:corp9:ann"},      // likewise
		{"corp10", "", "app-0001:corp10:"},          // does not exist
		{"corp7", "alice", "app-0001:alice"},        // signed for no enterprise
		{"corp8", "alice", "app-0001:corp7:alice"},  // signed for another one
		{"", "alice", "app-0001:alice"},             // a user of no enterprise
		{"", "alice", "app-0001::alice"},            // likewise
		{"", "corp7:alice", "app-0001:corp7:alice"}, // the colon moved
		{"corp7", "", "app-0001::"},                 // signed for the provider itself
	} {
		w.refusedWith(w.appLogin(c[0], c[1], c[2]), 401, "USG.206010025")
	}
	w.refusedWith(w.appLogin("corp7:alice", "", "app-0001:corp7:alice:"), 400, "USG.200000003")
}

func TestACorpIDOutsideServiceProvidersFails(t *testing.T) {
	w := newWorld(t, meeting.Options{})
	w.Edit(acme, registry.Edit{Nodes: []usance.Node{{Path: "/corps/seven", Aliases: map[string]string{"meeting.corp": "corp7"}}}})
	w.refusedWith(w.appLogin("corp7", "alice", "app-0001:corp7:alice"), 401, "USG.206010025")
	w.refusedWith(w.appLogin("corp7", "alice", "app-0001:alice"), 401, "USG.206010025")
	w.refusedWith(w.appLogin("", "", "app-0001::"), 401, "USG.206010025")
}

func TestNullsAreAsAbsent(t *testing.T) {
	w := newWorld(t, meeting.Options{})
	body := fmt.Sprintf(`{"appId": "app-0001", "userId": null, "corpId": null, "expireTime": %d, "nonce": "%s", "clientType": 72, "deptCode": null, "userName": null}`, validFor, nonce)
	signature := sign(fmt.Sprintf("app-0001::%d:%s", validFor, nonce))
	if out := w.Call("POST", appPath, body, "Authorization", "HMAC-SHA256 signature="+signature); out.Code != 200 {
		t.Fatalf("%d %s", out.Code, out.Body)
	}
}

func TestAnAppSignatureExpires(t *testing.T) {
	w := newWorld(t, meeting.Options{Limits: gateway.Limits{"meeting.user": gateway.Off()}})
	for offset, status := range map[int64]int{-1: 401, 0: 200, 600: 200} {
		at := began.Unix() + offset
		body := fmt.Sprintf(`{"appId":"app-0001","clientType":72,"expireTime":%d,"nonce":"%s","userId":"alice"}`, at, nonce)
		out := w.Call("POST", appPath, body, "Authorization", "HMAC-SHA256 signature="+sign(fmt.Sprintf("app-0001:alice:%d:%s", at, nonce)))
		if out.Code != status {
			t.Errorf("expireTime %d from now: %d, want %d", offset, out.Code, status)
		}
		if status == 401 {
			w.refusedWith(out, 401, "USG.206010057")
		}
	}
	w.Clock.Move(100 * 365 * 24 * time.Hour)
	body := fmt.Sprintf(`{"appId":"app-0001","clientType":72,"expireTime":0,"nonce":"%s","userId":"alice"}`, nonce)
	if out := w.Call("POST", appPath, body, "Authorization", "HMAC-SHA256 signature="+sign("app-0001:alice:0:"+nonce)); out.Code != 200 {
		t.Errorf("a signature that never expires: %d %s", out.Code, out.Body)
	}
}

func TestBadAppCredentialsAreRefused(t *testing.T) {
	w := newWorld(t, meeting.Options{Failures: -1})
	good := sign(fmt.Sprintf("app-0001:alice:%d:%s", validFor, nonce))
	body := fmt.Sprintf(`{"appId":"app-0001","clientType":72,"expireTime":%d,"nonce":"%s","userId":"alice"}`, validFor, nonce)
	other := "access=" + base64.StdEncoding.EncodeToString([]byte("app-0002"))
	for _, authorization := range []string{"", "HMAC-SHA256", "HMAC-SHA256 " + good, "HMAC-SHA256 signature=", "HMAC-SHA256 signature=zz",
		"HMAC-SHA256 signature=" + good[:62], "HMAC-SHA256 signature=" + sign("x"), "HMAC-SHA256 signature=" + good + ", " + other,
		"HMAC-SHA256 signature=" + good + ", access=!", "HMAC-SHA256 signature=" + good + ",signature=" + good, "HMAC-SHA1 signature=" + good, "Basic " + good} {
		w.refusedWith(w.Call("POST", appPath, body, "Authorization", authorization), 401, "USG.206010025")
	}
	unknown := strings.Replace(body, "app-0001", "app-0002", 1)
	w.refusedWith(w.Call("POST", appPath, unknown, "Authorization", "HMAC-SHA256 signature="+good), 401, "USG.206010025")
}

func TestTheBodyOfAnAppSignInIsChecked(t *testing.T) {
	w := newWorld(t, meeting.Options{})
	good := fmt.Sprintf(`{"appId":"app-0001","clientType":72,"expireTime":%d,"nonce":"%s","userId":"alice"}`, validFor, nonce)
	authorization := "HMAC-SHA256 signature=" + sign(fmt.Sprintf("app-0001:alice:%d:%s", validFor, nonce))
	for _, c := range [][2]string{
		{"", ""}, {`"app-0001"`, `""`}, {`"app-0001"`, `"` + strings.Repeat("a", 65) + `"`}, {`"app-0001"`, `"a:b"`}, {`"appId"`, `"appid"`},
		{"72", "1"}, {"72", "null"}, {"1790000000", "-1"}, {"1790000000", "null"}, {"1790000000", `"1790000000"`}, {"1790000000", "1790000000.5"},
		{nonce, nonce[1:]}, {nonce, strings.Repeat("a", 65)}, {nonce, nonce[1:] + ":"}, {`"alice"`, `"` + strings.Repeat("a", 65) + `"`},
		{`"alice"`, "5"}, {`"userId"`, `"appId":"x","userId"`}, {"}", ""},
	} {
		body := ""
		if c[0] != "" {
			body = strings.Replace(good, c[0], c[1], 1)
		}
		w.refusedWith(w.Call("POST", appPath, body, "Authorization", authorization), 400, "USG.200000003")
	}
	w.refusedWith(w.Call("POST", appPath, strings.Repeat(" ", 100_000)+good, "Authorization", authorization), 413, "APIGW.0201")
	long := strings.Replace(good, nonce, nonce+nonce, 1)
	if out := w.Call("POST", appPath, long, "Authorization", "HMAC-SHA256 signature="+sign(fmt.Sprintf("app-0001:alice:%d:%s", validFor, nonce+nonce))); out.Code != 200 {
		t.Errorf("a nonce of 64: %d %s", out.Code, out.Body)
	}
}

func TestFailedSignaturesLockTheAppForThatCaller(t *testing.T) {
	w := newWorld(t, meeting.Options{})
	for range 5 {
		w.refusedWith(w.appLogin("", "alice", "app-0001:bob"), 401, "USG.206010025")
	}
	w.refusedWith(w.appLogin("", "alice", "app-0001:alice"), 423, "USG.206030015")
	w.Clock.Move(5 * time.Minute)
	if out := w.appLogin("", "alice", "app-0001:alice"); out.Code != 200 {
		t.Fatalf("%d %s", out.Code, out.Body)
	}
}
