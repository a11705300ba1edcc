package meeting_test

import (
	"fmt"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/usance/usance"
	"github.com/usance/usance/facade/meeting"
	"github.com/usance/usance/internal/gateway"
	"github.com/usance/usance/registry"
)

var tokenForm = regexp.MustCompile(`^cnr1[A-Za-z0-9]{36}$`)

func TestTheTokenAnswerHasEveryFieldInItsUnit(t *testing.T) {
	w := newWorld(t, meeting.Options{})
	out := w.login("ops@acme", "S3cret-2026!", 72)
	access, refresh := w.granted(out)
	if !tokenForm.MatchString(access) || !tokenForm.MatchString(refresh) || access == refresh {
		t.Fatalf("tokens %q %q", access, refresh)
	}
	v := w.Object(out)
	for name, want := range map[string]any{
		"tokenIp": "192.0.2.1", "validPeriod": 57600.0, "createTime": float64(began.UnixMilli()), "expireTime": float64(began.Unix() + 57600),
		"clientType": 72.0, "tokenType": 0.0, "forceLoginInd": 0.0, "firstLogin": false, "pwdExpired": false, "daysPwdAvailable": 90.0,
		"delayDelete": false, "proxyToken": nil, "refreshValidPeriod": 2592000.0,
		"refreshCreateTime": float64(began.UnixMilli()), "refreshExpireTime": float64(began.Unix() + 2592000),
	} {
		got, there := v[name]
		if !there || got != want {
			t.Errorf("%s: %v, want %v", name, got, want)
		}
	}
	u := w.userOf(out)
	for name, want := range map[string]any{"userId": "ops", "companyId": "acme", "userType": 2.0, "adminType": 1.0, "status": 0.0, "corpType": 0.0} {
		if u[name] != want {
			t.Errorf("user.%s: %v, want %v", name, u[name], want)
		}
	}
	for _, name := range strings.Fields("ucloginAccount serviceAccount numberHA1 alias1 spId companyDomain realm name nameEn isBindPhone freeUser thirdAccount visionAccount headPictureUrl paidAccount weLinkUser appId tr069Account cloudUserId grayUser") {
		if _, there := u[name]; !there {
			t.Errorf("user.%s is missing", name)
		}
	}
	if u := w.userOf(w.login("alice", "alice-pass", 72)); u["adminType"] != 2.0 {
		t.Errorf("a member has adminType %v", u["adminType"])
	}
}

func TestAnAccountSignsInByItsFullNameOrAnUnambiguousOne(t *testing.T) {
	w := newWorld(t, meeting.Options{})
	for _, account := range []string{"ops", "ops@acme"} {
		if out := w.login(account, "S3cret-2026!", 72); out.Code != 200 {
			t.Errorf("%s: %d %s", account, out.Code, out.Body)
		}
	}
	w.Edit("other", registry.Edit{Tenant: &usance.Tenant{Timezone: "UTC"}, Users: []registry.UserSpec{user("ops", "S3cret-2026!", usance.RoleAdmin)}})
	w.refusedWith(w.login("ops", "S3cret-2026!", 72), 401, "USG.206010000")
	if u := w.userOf(w.login("ops@other", "S3cret-2026!", 72)); u["companyId"] != "other" {
		t.Errorf("company %v", u["companyId"])
	}
}

func TestBadCredentialsAreRefused(t *testing.T) {
	w := newWorld(t, meeting.Options{Failures: -1})
	for _, c := range [][2]string{{"ops@acme", "wrong"}, {"ops@acme", ""}, {"nobody@acme", "x"}, {"ops@nowhere", "x"}, {"ops@~system", "x"}, {"@acme", "x"}, {"nobody", "x"}} {
		w.refusedWith(w.login(c[0], c[1], 72), 401, "USG.206010000")
	}
	body := `{"account":"ops@acme","clientType":72}`
	for _, authorization := range []string{"", "Basic", "Basic !!!", "Bearer x", basic("alice@acme", "alice-pass"), basic("ops", "S3cret-2026!")} {
		w.refusedWith(w.Call("POST", loginPath, body, "Authorization", authorization), 401, "USG.206010000")
	}
	w.refusedWith(w.Call("POST", loginPath, body), 401, "USG.206010000")
}

func TestTheBodyOfASignInIsChecked(t *testing.T) {
	w := newWorld(t, meeting.Options{})
	good := basic("ops", "S3cret-2026!")
	for _, body := range []string{"", "{", "[]", `{}`, `{"account":"ops"}`, `{"clientType":72}`, `{"account":"","clientType":72}`,
		`{"account":"ops","clientType":71}`, `{"account":"ops","clientType":"72"}`, `{"account":"ops","clientType":null}`, `{"account":"ops","clientType":72.5}`,
		`{"account":"ops","clientType":72,"createTokenType":2}`, `{"account":"ops","account":"ops","clientType":72}`,
		`{"account":"ops","clientType":72}{}`, "{\"account\":\"\xff\",\"clientType\":72}", `{"account":"` + strings.Repeat("o", 256) + `","clientType":72}`,
		`{"account":"ops","clientType":72,"x":` + strings.Repeat("[", 64) + strings.Repeat("]", 64) + `}`} {
		w.refusedWith(w.Call("POST", loginPath, body, "Authorization", good), 400, "USG.200000003")
	}
	w.refusedWith(w.Call("POST", loginPath, `{"account":"`+strings.Repeat("o", 100_000)+`"}`, "Authorization", good), 413, "APIGW.0201")
	if out := w.Call("POST", loginPath, `{"account":"ops","clientType":72,"HA2":null,"later":{"a":1}}`, "Authorization", good); out.Code != 200 {
		t.Errorf("members not known are not let pass: %d %s", out.Code, out.Body)
	}
}

func TestAPasswordIsCheckedWithoutMakingAToken(t *testing.T) {
	w := newWorld(t, meeting.Options{})
	out := w.Call("POST", loginPath, `{"account":"ops","clientType":72,"createTokenType":1}`, "Authorization", basic("ops", "S3cret-2026!"))
	v := w.Object(out)
	if token, there := v["accessToken"]; out.Code != 200 || !there || token != nil || v["refreshToken"] != nil || v["expireTime"] != nil {
		t.Fatalf("%d %s", out.Code, out.Body)
	}
	if w.userOf(out)["userId"] != "ops" {
		t.Errorf("%s", out.Body)
	}
	out = w.Call("POST", loginPath, `{"account":"ops","clientType":72,"createTokenType":1}`, "Authorization", basic("ops", "x"))
	w.refusedWith(out, 401, "USG.206010000")
}

func TestFiveFailuresInARowLockForFiveMinutes(t *testing.T) {
	w := newWorld(t, meeting.Options{})
	for range 4 {
		w.refusedWith(w.login("ops@acme", "wrong", 72), 401, "USG.206010000")
	}
	w.admin() // ends the row
	for range 5 {
		w.refusedWith(w.login("ops@acme", "wrong", 72), 401, "USG.206010000")
	}
	w.refusedWith(w.login("ops@acme", "S3cret-2026!", 72), 423, "USG.206030015")
	if out := w.login("alice@acme", "alice-pass", 72); out.Code != 200 {
		t.Errorf("another account is locked: %d", out.Code)
	}
	w.Clock.Move(5*time.Minute - time.Second)
	w.refusedWith(w.login("ops@acme", "S3cret-2026!", 72), 423, "USG.206030015")
	w.Clock.Move(time.Second)
	w.admin()
}

func TestADisabledAccountIsToldApartUnlessHidden(t *testing.T) {
	for hidden, want := range map[bool]struct {
		status int
		code   string
	}{false: {412, "USG.206010007"}, true: {401, "USG.206010000"}} {
		w := newWorld(t, meeting.Options{HideDisabled: hidden})
		w.disable("alice", usance.RoleMember)
		w.refusedWith(w.login("alice@acme", "alice-pass", 72), want.status, want.code)
		w.refusedWith(w.login("alice", "alice-pass", 72), 401, "USG.206010000")
	}
}

func TestApiCallersHave64TokensAndOthersOne(t *testing.T) {
	w := newWorld(t, meeting.Options{Limits: gateway.Limits{"meeting.user": gateway.Off(), "meeting.tenant": gateway.Off()}})
	var tokens []string
	for range 65 {
		tokens = append(tokens, w.admin())
		w.Clock.Move(time.Millisecond)
	}
	if w.alive(tokens[0]) {
		t.Error("the oldest of 65 is alive")
	}
	for i, token := range tokens[1:] {
		if !w.alive(token) {
			t.Fatalf("token %d of 65 is dead", i+1)
		}
	}
	for _, client := range []int{0, 5, 6} {
		first, firstRefresh := w.granted(w.login("ops@acme", "S3cret-2026!", client))
		second, _ := w.granted(w.login("ops@acme", "S3cret-2026!", client))
		if w.alive(first) || !w.alive(second) {
			t.Errorf("client type %d: first %v, second %v", client, w.alive(first), w.alive(second))
		}
		w.refusedWith(w.Call("PUT", tokenPath, "", "X-Access-Token", firstRefresh), 401, "USG.206020000")
	}
	if !w.alive(tokens[1]) || !w.alive(tokens[64]) {
		t.Error("signing in at a browser ended an API caller's token")
	}
}

func TestATokenLivesSixteenHoursAndNeverLessThanTwelve(t *testing.T) {
	for configured, life := range map[time.Duration]time.Duration{0: 16 * time.Hour, time.Hour: 12 * time.Hour, 24 * time.Hour: 24 * time.Hour} {
		w := newWorld(t, meeting.Options{TokenLife: configured})
		token := w.admin()
		w.Clock.Move(life - 200*time.Millisecond) // the life counts from the whole second
		if out := w.orgRes(token); out.Code != 200 {
			t.Errorf("%v: %d before its end", life, out.Code)
		}
		w.Clock.Move(200 * time.Millisecond)
		w.refusedWith(w.orgRes(token), 401, "USG.206020000")
	}
}

func TestATokenEndsWithItsUsersPasswordOrRights(t *testing.T) {
	for name, change := range map[string]registry.UserSpec{
		"password": user("ops", "another-pass", usance.RoleAdmin),
		"role":     user("ops", "", usance.RoleMember),
		"disabled": {User: usance.User{Name: "ops", Role: usance.RoleAdmin, Disabled: true}},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, meeting.Options{})
			access, refresh := w.granted(w.login("ops@acme", "S3cret-2026!", 72))
			w.Edit(acme, registry.Edit{Users: []registry.UserSpec{change}})
			w.refusedWith(w.orgRes(access), 401, "USG.206020000")
			w.refusedWith(w.Call("PUT", tokenPath, "", "X-Access-Token", refresh), 401, "USG.206020000")
		})
	}
}

func TestARefreshTokenIsUsedOnce(t *testing.T) {
	w := newWorld(t, meeting.Options{})
	access, refresh := w.granted(w.login("ops@acme", "S3cret-2026!", 72))
	w.Clock.Move(20 * time.Hour) // the access token has ended
	out := w.Call("PUT", tokenPath, "", "X-Access-Token", refresh, "Content-Type", "application/json")
	newAccess, newRefresh := w.granted(out)
	if v := w.Object(out); v["expireTime"] != float64(began.Add(20*time.Hour).Unix()+57600) || newAccess == access || newRefresh == refresh {
		t.Fatalf("%s", out.Body)
	}
	if out := w.orgRes(newAccess); out.Code != 200 {
		t.Errorf("the new token: %d", out.Code)
	}
	w.refusedWith(w.Call("PUT", tokenPath, "", "X-Access-Token", refresh), 401, "USG.206020000")
	w.Clock.Move(30 * 24 * time.Hour)
	w.refusedWith(w.Call("PUT", tokenPath, "", "X-Access-Token", newRefresh), 401, "USG.206020000")
}

func TestAnAccessTokenRefreshesToo(t *testing.T) {
	w := newWorld(t, meeting.Options{})
	access, refresh := w.granted(w.appLogin("", "", "app-0001:"))
	out := w.Call("PUT", tokenPath, "", "X-Access-Token", access)
	next, _ := w.granted(out)
	if u := w.userOf(out); u["adminType"] != 0.0 || u["appId"] != "app-0001" {
		t.Errorf("the new token forgot how it was signed in: %v", u)
	}
	if !w.alive(access) || !w.alive(next) {
		t.Error("calls under way with the old token fail")
	}
	w.refusedWith(w.Call("PUT", tokenPath, "", "X-Access-Token", refresh), 401, "USG.206020000")
	w.refusedWith(w.Call("PUT", tokenPath, ""), 401, "USG.206020000")
	w.refusedWith(w.Call("PUT", tokenPath, "", "X-Access-Token", "cnr1"), 401, "USG.206020000")
}

func TestSigningOutEndsBothTokens(t *testing.T) {
	for _, client := range []int{72, 0} {
		w := newWorld(t, meeting.Options{})
		access, refresh := w.granted(w.login("ops@acme", "S3cret-2026!", client))
		out := w.Call("DELETE", tokenPath, "", "X-Access-Token", access)
		if out.Code != 200 || out.Body.Len() != 0 {
			t.Fatalf("%d %q", out.Code, out.Body)
		}
		w.refusedWith(w.orgRes(access), 401, "USG.206020000")
		w.refusedWith(w.Call("PUT", tokenPath, "", "X-Access-Token", refresh), 401, "USG.206020000")
		w.refusedWith(w.Call("DELETE", tokenPath, "", "X-Access-Token", access), 401, "USG.206020000")
	}
}

func TestAValidTokenIsToldWithItsOwnTimes(t *testing.T) {
	w := newWorld(t, meeting.Options{})
	access, refresh := w.granted(w.login("ops@acme", "S3cret-2026!", 5))
	w.Clock.Move(time.Hour)
	out := w.Call("POST", checkPath, fmt.Sprintf(`{"token":"%s","needGenNewToken":false,"needAccountInfo":true}`, access))
	v := w.Object(out)
	if v["accessToken"] != access || v["refreshToken"] != refresh || v["createTime"] != float64(began.UnixMilli()) ||
		v["expireTime"] != float64(began.Unix()+57600) || v["validPeriod"] != 57600.0 || v["refreshValidPeriod"] != 2592000.0 || v["clientType"] != 5.0 {
		t.Fatalf("%d %s", out.Code, out.Body)
	}
	if w.userOf(out)["userId"] != "ops" {
		t.Errorf("%s", out.Body)
	}
	next, _ := w.granted(w.Call("POST", checkPath, fmt.Sprintf(`{"token":"%s","needGenNewToken":true}`, access)))
	if next == access || !w.alive(next) {
		t.Error("no new token")
	}
	w.refusedWith(w.Call("POST", checkPath, `{"token":"cnr1","needGenNewToken":false}`), 401, "USG.206020000")
	w.refusedWith(w.Call("POST", checkPath, fmt.Sprintf(`{"token":"%s","needGenNewToken":false}`, refresh)), 401, "USG.206020000")
	for _, body := range []string{`{"needGenNewToken":false}`, `{"token":"cnr1"}`, `{"token":"cnr1","needGenNewToken":"no"}`, ``, `{"token":"a","token":"b","needGenNewToken":false}`} {
		w.refusedWith(w.Call("POST", checkPath, body), 400, "USG.200000003")
	}
}
