package cloudrtc_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/usance/usance"
	"github.com/usance/usance/facade/cloudrtc"
	"github.com/usance/usance/internal/facadetest"
	"github.com/usance/usance/internal/gateway"
	"github.com/usance/usance/registry"
)

func TestTheProjectMustBeTheCallers(t *testing.T) {
	w := newWorld(t, cloudrtc.Options{Limits: gateway.Limits{"rtc.statistics": gateway.Off()}})
	query := strings.TrimPrefix(asked(webApp, "", ""), usage)
	for _, c := range []struct{ key, path, header, code string }{
		{"AKLOOK", "othersproject", "", "APIGW.0306"},
		{"AKLOOK", "othersproject", "othersproject", "APIGW.0306"},
		{"AKLOOK", "nosuchproject", "", "APIGW.0306"},
		{"AKLOOK", rootProject, nodeProject, "APIGW.0306"},
		{"AKLOOK", nodeProject, rootProject, "APIGW.0306"},
		{"AKOTHER", rootProject, rootProject, "APIGW.0306"},
		{"AKWEB", rootProject, rootProject, "APIGW.0302"},
		{"AKFEED", rootProject, "", "APIGW.0302"},
		{"AKFEED", nodeProject, "", "APIGW.0302"},
	} {
		var header []string
		if c.header != "" {
			header = []string{"X-Project-Id", c.header}
		}
		w.Refused(w.As(c.key, http.MethodGet, "/v1/"+c.path+"/rtc/history/usage"+query, header...), 403, c.code)
	}
	// Credentials come before the project, the project before the parameters.
	w.Refused(w.Serve(w.Request(http.MethodGet, "/v1/othersproject/rtc/history/usage", "")), 401, "APIGW.0301")
	w.Refused(w.As("AKLOOK", http.MethodGet, "/v1/othersproject/rtc/history/usage"), 403, "APIGW.0306")
}

func TestATokenAndXProjectIdMustAgreeWithThePath(t *testing.T) {
	w := newWorld(t, cloudrtc.Options{})
	bound := rootProject
	p := usance.Principal{Tenant: acme, User: "ops", Role: usance.RoleAdmin, Subtree: usance.Root}
	f := cloudrtc.New(w.Registry, w.Ledger, cloudrtc.Options{Now: w.Clock.Now,
		Authenticate: func(*http.Request, []byte) (usance.Principal, string, *gateway.Fault) { return p, bound, nil }})
	w.Facade = f
	w.Answered(w.Serve(w.Request(http.MethodGet, asked(webApp, "", ""), "")), 200)
	w.Refused(w.Serve(w.Request(http.MethodGet, asked(webApp, "", ""), "", "X-Project-Id", nodeProject)), 403, "APIGW.0306")
	w.Refused(w.Serve(w.Request(http.MethodGet, "/v2/apps", "", "X-Project-Id", nodeProject)), 403, "APIGW.0306")
	bound = nodeProject
	w.Refused(w.Serve(w.Request(http.MethodGet, asked(webApp, "", ""), "")), 403, "APIGW.0306")
}

func TestThirtyStatisticsAMinuteForEachTenant(t *testing.T) {
	w := newWorld(t, cloudrtc.Options{})
	for i := range 30 {
		out := w.As("AKLOOK", http.MethodGet, asked(webApp, "", ""))
		w.Answered(out, 200)
		if got, want := facadetest.Told(out, gateway.HeaderRatelimitAPI), fmt.Sprintf("remain:%d,limit:30,time:1 minute", 29-i); got != want {
			t.Fatal(got, want)
		}
	}
	out := w.As("AKEXAMPLE", http.MethodGet, asked(webApp, "", ""))
	if got := w.Refused(out, 429, "APIGW.0308"); got != "The throttling threshold has been reached: policy user over ratelimit,limit:30,time:1 minute" {
		t.Error(got)
	}
	if out.Header().Get("Retry-After") != "57" {
		t.Error(out.Header())
	}
	w.Refused(w.As("AKOTHER", http.MethodGet, "/v1/othersproject/rtc/history/usage"), 400, "DATA.100011001")
	w.Answered(w.As("AKLOOK", http.MethodGet, "/v2/apps"), 200) // applications have a bound of their own
	w.Clock.Move(57 * time.Second)
	w.Answered(w.As("AKLOOK", http.MethodGet, asked(webApp, "", "")), 200)
}

func TestSixtyCallsForApplicationsAMinute(t *testing.T) {
	w := newWorld(t, cloudrtc.Options{})
	for range 30 {
		w.Answered(w.As("AKLOOK", http.MethodGet, "/v2/apps"), 200)
		w.Answered(w.As("AKLOOK", http.MethodGet, "/v2/apps/"+webApp), 200)
	}
	w.Refused(w.As("AKLOOK", http.MethodGet, "/v2/apps"), 429, "APIGW.0308")
}

func TestPathsAndMethodsThatAreNotThere(t *testing.T) {
	w := newWorld(t, cloudrtc.Options{})
	for _, c := range [][2]string{{"POST", asked(webApp, "", "")}, {"HEAD", "/v2/other"}, {"DELETE", "/v2/apps/" + webApp}, {"POST", "/v2/apps"},
		{"GET", "/v1/" + rootProject + "/rtc/history/usage/"}, {"GET", "/v1/" + rootProject + "/rtc/history/scale"}, {"GET", "/v2/apps/"}, {"GET", "/v2/apps/a/b"}} {
		out := w.As("AKLOOK", c[0], c[1])
		if got := w.Refused(out, 404, "APIGW.0101"); got != "The API does not exist." {
			t.Error(got)
		}
	}
	for path, want := range map[string]bool{usage: true, "/v1/x/rtc/anything": true, "/v2/apps": true, "/v2/apps/x": true, "/v2/appsx": false,
		"/v1/x/rtcx/y": false, "/v1/rtc/x": false, "/v1/x/tenants/y": false, "/v1/": false, "/": false, "/v1/x/rtc": false} {
		if w.Facade.Owns(path) != want {
			t.Errorf("%s: %v", path, !want)
		}
	}
}

func TestABodyIsSignedAndBounded(t *testing.T) {
	w := newWorld(t, cloudrtc.Options{})
	w.Refused(w.Serve(w.Request(http.MethodGet, usage, strings.Repeat("x", 65<<10))), 413, "APIGW.0201")
}

func TestApplicationsAreTheNodesWithAnAppAlias(t *testing.T) {
	w := newWorld(t, cloudrtc.Options{Limits: gateway.Limits{"rtc.apps": gateway.Off()}})
	phone := `{"app_name":"phone","app_id":"` + phoneApp + `","state":{"state":"ACTIVATION"},"tenant_name":"acme-account"}`
	web := `{"app_name":"Web","app_id":"` + webApp + `","state":{"state":"ACTIVATION"},"tenant_name":"acme-account"}`
	for _, c := range []struct{ key, path, project, want string }{
		{"AKLOOK", "/v2/apps", "", `{"count":2,"apps":[` + phone + `,` + web + `]}`},
		{"AKLOOK", "/v2/apps", rootProject, `{"count":2,"apps":[` + phone + `,` + web + `]}`},
		{"AKLOOK", "/v2/apps", nodeProject, `{"count":1,"apps":[` + web + `]}`},
		{"AKWEB", "/v2/apps", "", `{"count":1,"apps":[` + web + `]}`},
		{"AKLOOK", "/v2/apps?state=ACTIVATION&limit&offset", "", `{"count":2,"apps":[` + phone + `,` + web + `]}`},
		{"AKLOOK", "/v2/apps?state=ARREARS", "", `{"count":0,"apps":[]}`},
		{"AKLOOK", "/v2/apps?limit=1", "", `{"count":2,"apps":[` + phone + `]}`},
		{"AKLOOK", "/v2/apps?limit=1&offset=1", "", `{"count":2,"apps":[` + web + `]}`},
		{"AKLOOK", "/v2/apps?limit=1&offset=2", "", `{"count":2,"apps":[]}`},
		{"AKLOOK", "/v2/apps?limit=100&offset=2147483647", "", `{"count":2,"apps":[]}`},
		{"AKLOOK", "/v2/apps/" + webApp, "", web},
		{"AKWEB", "/v2/apps/" + webApp, nodeProject, web},
	} {
		var header []string
		if c.project != "" {
			header = []string{"X-Project-Id", c.project}
		}
		out := w.As(c.key, http.MethodGet, c.path, header...)
		if out.Code != 200 || out.Body.String() != c.want {
			t.Errorf("%s %s %s: %d %s\nwant %s", c.key, c.path, c.project, out.Code, out.Body, c.want)
		}
	}
	for _, path := range []string{"?limit=0", "?limit=101", "?limit=x", "?offset=-1", "?offset=1&offset=1", "?state=x", "?state=ARREARS&state=ARREARS", "?a=%zz"} {
		w.Refused(w.As("AKLOOK", http.MethodGet, "/v2/apps"+path), 400, "RTC.00001003")
	}
	for _, id := range []string{"nosuchapp", "othersapp", usedApp} {
		w.Refused(w.As("AKLOOK", http.MethodGet, "/v2/apps/"+id), 404, "RTC.00001003")
	}
	w.Refused(w.As("AKWEB", http.MethodGet, "/v2/apps/"+phoneApp), 404, "RTC.00001003")
	w.Refused(w.As("AKFEED", http.MethodGet, "/v2/apps"), 403, "APIGW.0302")
	w.Refused(w.As("AKLOOK", http.MethodGet, "/v2/apps", "X-Project-Id", "othersproject"), 403, "APIGW.0306")
	w.Refused(w.Serve(w.Request(http.MethodGet, "/v2/apps", "")), 401, "APIGW.0301")
}

func TestAnAppAtTheRootHasAName(t *testing.T) {
	w := newWorld(t, cloudrtc.Options{})
	w.Edit("other", registry.Edit{Tenant: &usance.Tenant{Timezone: "UTC", Aliases: map[string]string{cloudrtc.AliasApp: "rootapp"}},
		DeleteNodes: []usance.Path{"/app"}})
	v := w.Answered(w.As("AKOTHER", http.MethodGet, "/v2/apps/rootapp"), 200)
	if v["app_name"] != "rootapp" || v["tenant_name"] != "other" {
		t.Error(v)
	}
}
