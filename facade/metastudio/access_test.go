package metastudio_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/usance/usance"
	"github.com/usance/usance/facade/metastudio"
	"github.com/usance/usance/internal/gateway"
)

func TestTheProjectMustBeTheCallers(t *testing.T) {
	w := newWorld(t, without())
	for _, c := range []struct {
		key, path, header string
		status            int
		code              string
	}{
		{"AKLOOK", "othersproject", "", 400, "MSS.00010009"},
		{"AKLOOK", "othersproject", "othersproject", 400, "MSS.00010009"},
		{"AKLOOK", "nosuchproject", "", 400, "MSS.00010009"},
		{"AKLOOK", rootProject, nodeProject, 400, "MSS.00010009"},
		{"AKLOOK", nodeProject, rootProject, 400, "MSS.00010009"},
		{"AKOTHER", rootProject, rootProject, 400, "MSS.00010009"},
		{"AKWEB", rootProject, rootProject, 403, "APIGW.0302"},
		{"AKFEED", rootProject, "", 403, "APIGW.0302"},
	} {
		var header []string
		if c.header != "" {
			header = []string{"X-Project-Id", c.header}
		}
		for _, call := range []string{"resources-count", "resources"} {
			w.Refused(w.As(c.key, http.MethodGet, "/v1/"+c.path+"/tenants/"+call, header...), c.status, c.code)
		}
	}
	w.Answered(w.As("AKWEB", http.MethodGet, "/v1/"+nodeProject+"/tenants/resources-count", "X-Project-Id", nodeProject), 200)
	// Credentials come before the project, the project before the parameters.
	w.Refused(w.Serve(w.Request(http.MethodGet, "/v1/othersproject/tenants/resources-count", "")), 401, "APIGW.0301")
	w.Refused(w.As("AKLOOK", http.MethodGet, "/v1/othersproject/tenants/resources-count?business=x"), 400, "MSS.00010009")
}

func TestATokenAndXProjectIdMustAgreeWithThePath(t *testing.T) {
	w := newWorld(t, without())
	bound := rootProject
	p := usance.Principal{Tenant: acme, User: "ops", Role: usance.RoleAdmin, Subtree: usance.Root}
	w.Facade = metastudio.New(w.Registry, w.Ledger, metastudio.Options{Now: w.Clock.Now,
		Authenticate: func(*http.Request, []byte) (usance.Principal, string, *gateway.Fault) { return p, bound, nil }})
	w.Answered(w.Serve(w.Request(http.MethodGet, count, "")), 200)
	w.Refused(w.Serve(w.Request(http.MethodGet, count, "", "X-Project-Id", nodeProject)), 400, "MSS.00010009")
	bound = nodeProject
	w.Refused(w.Serve(w.Request(http.MethodGet, count, "")), 400, "MSS.00010009")
}

func TestTenRequestsASecondForATenantAndTwentyForAll(t *testing.T) {
	w := newWorld(t, metastudio.Options{})
	others := "/v1/othersproject/tenants/resources"
	for range 10 {
		w.Answered(w.As("AKLOOK", http.MethodGet, count), 200)
	}
	out := w.As("AKEXAMPLE", http.MethodGet, list)
	if got := w.Refused(out, 429, "APIGW.0308"); got != "The throttling threshold has been reached: policy user over ratelimit,limit:10,time:1 second" {
		t.Error(got)
	}
	if out.Header().Get("Retry-After") != "1" {
		t.Error(out.Header())
	}
	for range 10 {
		w.Answered(w.As("AKOTHER", http.MethodGet, others), 200)
	}
	w.Refused(w.As("AKOTHER", http.MethodGet, others), 429, "APIGW.0308")
	w.Clock.Move(time.Second)
	w.Answered(w.As("AKLOOK", http.MethodGet, count), 200)

	w = newWorld(t, metastudio.Options{Limits: gateway.Limits{"metastudio.system": {Requests: 1, Per: time.Second}}})
	w.Answered(w.As("AKLOOK", http.MethodGet, count), 200)
	if got := w.Refused(w.As("AKOTHER", http.MethodGet, others), 429, "APIGW.0308"); !strings.Contains(got, "policy api over ratelimit,limit:1,") {
		t.Error(got)
	}
}

func TestPathsAndMethodsThatAreNotThere(t *testing.T) {
	w := newWorld(t, without())
	for _, path := range []string{"resources-count/", "resource", "", "resources/1", "resources-usage"} {
		w.Refused(w.As("AKLOOK", http.MethodGet, "/v1/"+rootProject+"/tenants/"+path), 400, "MSS.00010003")
	}
	for _, method := range []string{"POST", "PUT", "DELETE", "PATCH"} {
		w.Refused(w.As("AKLOOK", method, count), 400, "MSS.00010004")
		w.Refused(w.As("AKLOOK", method, list), 400, "MSS.00010004")
	}
	w.Refused(w.Serve(w.Request(http.MethodGet, count, strings.Repeat("x", 65<<10))), 413, "APIGW.0201")
	for path, want := range map[string]bool{count: true, list: true, "/v1/x/tenants/anything": true, "/v1/x/tenants": false,
		"/v1/tenants/x": false, "/v1/x/rtc/y": false, "/v2/x/tenants/y": false, "/": false, "/v1/": false} {
		if w.Facade.Owns(path) != want {
			t.Errorf("%s: %v", path, !want)
		}
	}
}
